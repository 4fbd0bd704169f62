"""What is decided. No trio, no clock, no chance, no disk."""
