"""What became of each record of the dirty part, a byte for each offset: so that the second walk need not ask the map again.

Rules
- The walk that fills the offset map knows more than the map keeps: where a key was before, which records have no value. A mark says it.
- A mark is what the map would say, or UNKNOWN; then the map is asked. So marks save time and change nothing.
- A batch all of whose records are superseded goes unopened; one whose records are all the last of their keys, and have values, stays so.
- They take a byte for each offset, and no more than they are given: what lies beyond is asked of the map.
- They trust that offsets rise within a batch and stay in it. Nobody checks that when a batch is produced, so the first walk does: where
  they do not, marks are given up for this round.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from pybroker.records.batch import BatchHeader

UNKNOWN, SUPERSEDED, TOMBSTONE, VALUE = range(4)
ALL_VALUES = bytes([VALUE]) * 4096


class OffsetMarks:
    """Marks from `start_offset` on, for `offsets` offsets, in at most `most_bytes`."""

    __slots__ = ("last_delta", "noted", "start_offset")

    def __init__(self, start_offset: int, offsets: int, most_bytes: int) -> None:
        self.start_offset = start_offset
        size_bytes = min(offsets, most_bytes)
        # Mapped, not a bytearray: to write 12 MiB of zeros would stop everybody for 8 ms.
        self.noted = memoryview(mmap(-1, size_bytes, MAP_PRIVATE | MAP_ANONYMOUS) if size_bytes > 0 else b"")
        self.last_delta = -1  # of the batch that is being noted

    def begin(self, header: BatchHeader) -> None:
        """The records of a batch are about to be noted: all have values and are the last of their keys, unless something else is found."""
        self.last_delta = -1
        if (place := self._place(header)) is not None:
            self.noted[place] = _values(header.record_count)

    def end(self, header: BatchHeader, latest_offset: int) -> None:
        """They were, up to `latest_offset`; of the others nothing is known."""
        if self.last_delta > header.last_offset_delta:
            self.give_up()
        at, end = max(0, latest_offset + 1 - self.start_offset), min(header.next_offset - self.start_offset, len(self.noted))
        if at < end:
            self.noted[at:end] = bytes(end - at)

    def give_up(self) -> None:
        """Nothing is known of any."""
        self.noted = memoryview(b"")

    def of(self, header: BatchHeader) -> bytes | None:
        """A mark for each record of a batch, none of them UNKNOWN; None if the map has to be asked."""
        if (place := self._place(header)) is None:
            return None
        marks = bytes(self.noted[place])
        return None if UNKNOWN in marks else marks

    def _place(self, header: BatchHeader) -> slice | None:
        """Where the marks of a batch lie; None if some of its offsets have none, or no record: a compaction took it."""
        at = header.base_offset - self.start_offset
        end = at + header.record_count
        if at < 0 or end > len(self.noted) or header.record_count != header.last_offset_delta + 1:
            return None
        return slice(at, end)


def _values(count: int) -> bytes:
    return ALL_VALUES[:count] if count <= len(ALL_VALUES) else bytes([VALUE]) * count
