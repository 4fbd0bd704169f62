"""Where a decision becomes I/O."""
