"""Bytes to messages and back. Knows no broker."""
