"""Receive buffers for large frames, shared by all connections: who has none in flight pays for none.

A buffer goes back to the pool when its request has been answered. If something still looks into it (a memoryview of records that
outlived its request), it is left to that holder: a bytearray with exports refuses to change its size, and that is the test.
"""

from __future__ import annotations

# A frame's size field alone reserves no more than this; the buffer doubles as bytes arrive.
FIRST_BYTES = 131_072

# Enough for the few connections that are in the middle of a large frame at one moment; larger buffers are rare and not kept.
_KEPT_BUFFERS = 8
_KEPT_BYTES = 2 << 20


class BufferPool:
    """Buffers for frames, last in first out, so that the warm one is used again."""

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """A buffer to begin with; it may be smaller or larger than `size` bytes."""
        return self._free.pop() if self._free else bytearray(min(size, FIRST_BYTES))

    def grow(self, buffer: bytearray, size: int) -> bytearray:
        """A buffer of twice the length, but not above `size` bytes, with the same beginning."""
        larger = bytearray(min(size, 2 * len(buffer)))
        larger[: len(buffer)] = buffer
        return larger

    def give_back(self, buffer: bytearray) -> None:
        if len(buffer) <= _KEPT_BYTES and len(self._free) < _KEPT_BUFFERS and not _is_watched(buffer):
            self._free.append(buffer)


def _is_watched(buffer: bytearray) -> bool:
    try:
        buffer.pop()
    except BufferError:
        return True
    buffer.append(0)
    return False
