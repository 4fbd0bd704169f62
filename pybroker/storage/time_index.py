"""The time index of one segment: from which offset on timestamps above a given one appear.

    entry: int64 largest timestamp so far; int32 last offset of the batch that has it, relative to the segment's base offset. Big-endian.

Rules
- An entry says: no batch before this offset has a larger timestamp. Entries grow strictly in timestamp, and in offset.
- Entries are made together with those of the offset index, where the largest timestamp has grown, and once more when the segment is
  closed, so that the last one tells the largest timestamp of all.

(Kafka: TimeIndex.)
"""

from __future__ import annotations

import itertools
import sys
from array import array
from bisect import bisect_right

ENTRY_BYTES = 12
TIMESTAMP_BYTES = 8


class TimeIndex:
    """Entries (timestamp in ms, relative offset), in order."""

    __slots__ = ("offsets", "timestamps")

    def __init__(self) -> None:
        self.timestamps = array("q")
        self.offsets = array("i")

    def __len__(self) -> int:
        return len(self.timestamps)

    def maybe_append(self, timestamp: int, relative_offset: int) -> None:
        """Add an entry if the timestamp is above the last one's; -1, no timestamp, makes none."""
        timestamps = self.timestamps
        if timestamp > (timestamps[-1] if timestamps else -1):
            timestamps.append(timestamp)
            self.offsets.append(relative_offset)

    def floor(self, timestamp: int) -> int | None:
        """The relative offset of the last entry at or below the timestamp."""
        at = bisect_right(self.timestamps, timestamp)
        return self.offsets[at - 1] if at else None

    def last(self) -> tuple[int, int] | None:
        """The largest timestamp and its relative offset."""
        return (self.timestamps[-1], self.offsets[-1]) if self.timestamps else None

    def encode(self) -> bytes:
        """The content of the file: the two arrays, interleaved byte by byte with strided copies."""
        content = bytearray(ENTRY_BYTES * len(self.timestamps))
        timestamps, offsets = _big_endian(self.timestamps), _big_endian(self.offsets)
        for byte in range(TIMESTAMP_BYTES):
            content[byte::ENTRY_BYTES] = timestamps[byte::TIMESTAMP_BYTES]
        for byte in range(ENTRY_BYTES - TIMESTAMP_BYTES):
            content[TIMESTAMP_BYTES + byte :: ENTRY_BYTES] = offsets[byte::4]
        return bytes(content)

    @classmethod
    def decode(cls, content: bytes) -> TimeIndex | None:
        """Read a file; None if that cannot be a time index. Zeros at its end are a file that was not closed, see `OffsetIndex.decode`."""
        if len(content) % ENTRY_BYTES:
            return None
        count = len(content) // ENTRY_BYTES
        timestamps, offsets = bytearray(TIMESTAMP_BYTES * count), bytearray(4 * count)
        for byte in range(TIMESTAMP_BYTES):
            timestamps[byte::TIMESTAMP_BYTES] = content[byte::ENTRY_BYTES]
        for byte in range(ENTRY_BYTES - TIMESTAMP_BYTES):
            offsets[byte::4] = content[TIMESTAMP_BYTES + byte :: ENTRY_BYTES]
        index = cls()
        index.timestamps = _native("q", bytes(timestamps))
        index.offsets = _native("i", bytes(offsets))
        while len(index.offsets) > 1 and index.offsets[-1] == 0 and index.timestamps[-1] == 0:
            index.timestamps.pop()
            index.offsets.pop()
        return index if index._is_sane() else None

    def _is_sane(self) -> bool:
        """Looks at some entries only, as the offset index does."""
        step = max(1, len(self.timestamps) // 64)
        times, offsets = self.timestamps[::step], self.offsets[::step]
        if self.timestamps.count(0) > 1:  # a block of the file was never written
            return False
        grow = all(a < b for a, b in itertools.pairwise(times)) and all(a <= b for a, b in itertools.pairwise(offsets))
        return grow and (not offsets or offsets[0] >= 0)


def _big_endian(values: array[int]) -> bytes:
    copy = values[:]
    if sys.byteorder == "little":
        copy.byteswap()
    return copy.tobytes()


def _native(code: str, content: bytes) -> array[int]:
    values: array[int] = array(code, content)
    if sys.byteorder == "little":
        values.byteswap()
    return values
