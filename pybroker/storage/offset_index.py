"""The sparse offset index of one segment: where to start looking for an offset.

    entry: int32 last offset of a batch, relative to the segment's base offset; int32 position of that batch in the segment. Big-endian.

Rules
- An entry is made for the first batch after every `index.interval.bytes`, so entries grow in offset and in position.
- In memory an entry is one 64-bit number, offset above position: a bisection compares numbers, and the file is the array, big-endian.
- Nobody trusts an index: who uses an entry compares it with the batch that lies there (`DiskSegment`), and makes it anew if they differ.

(Kafka: OffsetIndex, AbstractIndex.)
"""

from __future__ import annotations

import itertools
import sys
from array import array
from bisect import bisect_right

ENTRY_BYTES = 8
POSITION_MASK = 0xFFFFFFFF


class OffsetIndex:
    """Entries (relative offset, position), in order."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries = array("q")

    def __len__(self) -> int:
        return len(self.entries)

    def append(self, relative_offset: int, position: int) -> None:
        """Add an entry after all others."""
        self.entries.append(relative_offset << 32 | position)

    def floor(self, relative_offset: int) -> tuple[int, int] | None:
        """The last entry at or below the offset."""
        at = bisect_right(self.entries, relative_offset << 32 | POSITION_MASK)
        return self._entry(at - 1) if at else None

    def floor_position(self, position: int) -> tuple[int, int] | None:
        """The last entry at or below the position."""
        at = bisect_right(self.entries, position, key=_position_of)
        return self._entry(at - 1) if at else None

    def last(self) -> tuple[int, int] | None:
        """The last entry."""
        return self._entry(-1) if self.entries else None

    def _entry(self, at: int) -> tuple[int, int]:
        entry = self.entries[at]
        return entry >> 32, entry & POSITION_MASK

    def encode(self) -> bytes:
        """The content of the file."""
        return _swapped(self.entries).tobytes()

    @classmethod
    def decode(cls, content: bytes, segment_bytes: int) -> OffsetIndex | None:
        """Read a file; None if that cannot be an index of a segment of that size.

        A file that was not closed is filled up with zeros (Kafka allocates it in advance): they end it.
        """
        if len(content) % ENTRY_BYTES:
            return None
        index = cls()
        index.entries = _swapped(array("q", content))
        entries = index.entries
        while entries and entries[-1] == 0:
            entries.pop()
        if entries and (entries[0] < 0 or (entries[-1] & POSITION_MASK) >= segment_bytes or not _grows(entries)):
            return None
        return index


def _position_of(entry: int) -> int:
    return entry & POSITION_MASK


def _swapped(entries: array[int]) -> array[int]:
    copy = entries[:]
    if sys.byteorder == "little":
        copy.byteswap()
    return copy


def _grows(entries: array[int]) -> bool:
    """Looks at some entries only: a million comparisons would make a start slow, and each entry is checked again when it is used."""
    some = entries[:: max(1, len(entries) // 64)]
    positions = [entry & POSITION_MASK for entry in some]
    return all(a < b for a, b in itertools.pairwise(some)) and all(a < b for a, b in itertools.pairwise(positions))
