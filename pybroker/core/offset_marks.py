"""What became of each record of the dirty part, a byte for each offset: so that the second walk need not ask the map again.

Rules
- The walk that fills the offset map knows more than the map keeps: where a key was before, which records have no value. A mark says it.
- A mark is what the map would say, or UNKNOWN; then the map is asked. So marks save time and change nothing.
- A batch all of whose records are superseded goes unopened; one whose records are all the last of their keys, and have values, stays so.
- They take a byte for each offset, at most MOST_BYTES (a tenth of what the map may take by default): what lies beyond is asked of the map.
- They trust that offsets rise within a batch and stay in it. Nobody checks that when a batch is produced, so the first walk does: where
  they do not, marks are given up for this round.
"""

from __future__ import annotations

from pybroker.records.batch import BatchHeader

UNKNOWN, SUPERSEDED, TOMBSTONE, VALUE = range(4)
MOST_BYTES = 12 << 20
ALL_VALUES = bytes([VALUE]) * 4096


class OffsetMarks:
    """Marks from `start_offset` on, for `offsets` offsets."""

    __slots__ = ("last_delta", "noted", "start_offset")

    def __init__(self, start_offset: int, offsets: int, most_bytes: int = MOST_BYTES) -> None:
        self.start_offset = start_offset
        self.noted = bytearray(max(0, min(offsets, most_bytes)))
        self.last_delta = -1  # of the batch that is being noted

    def begin(self, header: BatchHeader) -> None:
        """The records of a batch are about to be noted: all have values and are the last of their keys, unless something else is found."""
        self.last_delta = -1
        at = header.base_offset - self.start_offset
        if _is_dense(header) and at >= 0 and at + header.record_count <= len(self.noted):
            self.noted[at : at + header.record_count] = _values(header.record_count)

    def end(self, header: BatchHeader, latest_offset: int) -> None:
        """They were, up to `latest_offset`; of the others nothing is known."""
        if self.last_delta > header.last_offset_delta:
            self.give_up()
        at, end = max(0, latest_offset + 1 - self.start_offset), min(header.next_offset - self.start_offset, len(self.noted))
        if at < end:
            self.noted[at:end] = bytes(end - at)

    def give_up(self) -> None:
        """Nothing is known of any."""
        self.noted.clear()

    def of(self, header: BatchHeader) -> bytes | None:
        """A mark for each record of a batch, none of them UNKNOWN; None if the map has to be asked."""
        at = header.base_offset - self.start_offset
        if at < 0 or not _is_dense(header) or at + header.record_count > len(self.noted):
            return None
        marks = bytes(self.noted[at : at + header.record_count])
        return None if UNKNOWN in marks else marks


def _is_dense(header: BatchHeader) -> bool:
    """Whether each offset of a batch has its record, as long as no compaction took one."""
    return header.record_count == header.last_offset_delta + 1


def _values(count: int) -> bytes:
    return ALL_VALUES[:count] if count <= len(ALL_VALUES) else bytes([VALUE]) * count
