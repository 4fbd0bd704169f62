"""What users import in their tests, and ours too."""
