"""Sockets, frames and the request loop."""
