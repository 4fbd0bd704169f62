"""Sockets, the request loop, listeners."""
