"""A segment that rests in lists of bytes.

Batches are copied once when they come in; slices hand out the very objects. Raising the log start within a segment frees the bytes before
it, whatever the segment's size: then the positions stay, and what a search by time may still ask of them is kept (`largest_forgotten`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from pybroker.records.batch import BatchHeader, read_header
from pybroker.records.errors import RecordsError
from pybroker.storage.interface import LogConfig, Slice, TimestampOffset
from pybroker.storage.rolling import UNKNOWN
from pybroker.storage.scan import MAX_RELATIVE_OFFSET
from pybroker.storage.slices import MemorySlice
from pybroker.storage.times import first_of_segment
from pybroker.wire.buffers import Buffer


class MemorySegment:
    """Batches with, for each, its last offset, where it ends in the segment, and the largest timestamp up to it."""

    __slots__ = (
        "_batches",
        "_ends",
        "_freed",
        "_lasts",
        "_timestamps",
        "base_offset",
        "created_ms",
        "flushed_bytes",
        "largest_forgotten",
        "max_offset",
        "next_offset",
        "roll_after",
        "size_bytes",
    )

    def __init__(self, base_offset: int, created_ms: int | None) -> None:
        self.base_offset = self.next_offset = base_offset
        self.max_offset = base_offset + MAX_RELATIVE_OFFSET
        self.created_ms = created_ms
        self.roll_after = UNKNOWN
        self.size_bytes = self.flushed_bytes = 0
        self._batches: list[bytes] = []
        self._lasts = array("q")
        self._ends = array("q")
        self._timestamps = array("q")
        self._freed = 0
        self.largest_forgotten: TimestampOffset | None = None

    def configure(self, config: LogConfig) -> None:
        """Forget what was computed from the configuration."""
        self.roll_after = UNKNOWN

    def append(self, batch: Buffer, size_bytes: int, last_offset: int, timestamp: int) -> None:
        """Keep a copy of the batch."""
        self._batches.append(bytes(batch))
        self._lasts.append(last_offset)
        self.size_bytes += size_bytes
        self._ends.append(self.size_bytes)
        timestamps = self._timestamps
        timestamps.append(timestamp if not timestamps or timestamp > timestamps[-1] else timestamps[-1])
        self.next_offset = last_offset + 1

    def append_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]]) -> None:
        """Keep copies of batches, whose headers say where and when."""
        for batch, header in batches:
            self.append(batch, len(batch), header.last_offset, header.max_timestamp)

    def precede(self, next_offset: int) -> None:
        """The segment is followed by one that begins at `next_offset`, be it after a gap."""
        self.next_offset = next_offset

    def read(self, offset: int, max_bytes: int, upper_offset: int | None, min_one_batch: bool) -> Slice | None:
        """See `interface.Log.read`."""
        first = bisect_left(self._lasts, offset)
        stop = len(self._lasts) if upper_offset is None else bisect_left(self._lasts, upper_offset)
        if first >= stop:
            return None
        start = self._start(first)
        if self._ends[stop - 1] - start > max_bytes:
            stop = max(bisect_right(self._ends, start + max_bytes), first + min_one_batch)
        if first >= stop:
            return None
        return MemorySlice(self._batches[first:stop], self._ends[stop - 1] - start)

    def _start(self, at: int) -> int:
        return self._ends[at - 1] if at else 0

    def is_past(self, offset: int) -> bool:
        """Whether all batches lie before `offset`."""
        return not self._lasts or offset > self._lasts[-1]

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `interface.Log.batches`."""
        for batch in self._batches[max(self._freed, bisect_left(self._lasts, from_offset)) :]:
            yield read_header(batch), MemorySlice((batch,), len(batch))

    def batches_beside_damage(self) -> Iterator[tuple[BatchHeader, Slice] | None]:
        """See `interface.Log.batches_beside_damage`: there is none."""
        yield from self.batches(self.base_offset)

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch."""
        return self._timestamps[0] if self._timestamps else -1

    def largest_timestamp(self) -> int:
        """Of all batches, -1 if none has one."""
        return max(self._timestamps[-1], -1) if self._timestamps else -1

    def from_time(self, timestamp: int, start_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `times.Timed`."""
        first = max(bisect_left(self._timestamps, timestamp), bisect_left(self._lasts, start_offset), self._freed)
        for batch in self._batches[first:]:
            header = read_header(batch)
            if header.max_timestamp >= timestamp:
                yield header, MemorySlice((batch,), len(batch))

    def truncate_to(self, offset: int) -> None:
        """Drop the batch that holds `offset` and all that follow."""
        keep = bisect_left(self._lasts, offset)
        self.size_bytes = self._start(keep)
        self.next_offset = self._lasts[keep - 1] + 1 if keep else self.base_offset
        for values in (self._batches, self._lasts, self._ends, self._timestamps):
            del values[keep:]
        self.flushed_bytes = min(self.flushed_bytes, self.size_bytes)
        self._freed = min(self._freed, keep)
        self.roll_after = UNKNOWN

    def free_before(self, offset: int) -> None:
        """Let go of the bytes of batches that end before `offset`; sizes and positions stay, and where their largest timestamp was."""
        stop = bisect_left(self._lasts, offset)
        if stop > self._freed:
            self.largest_forgotten = self._find_largest(stop)
        for at in range(self._freed, stop):
            self._batches[at] = b""
        self._freed = max(self._freed, stop)

    def _find_largest(self, stop: int) -> TimestampOffset | None:
        """The first record with the largest timestamp in the batches before `stop`."""
        largest, known = self._timestamps[stop - 1], self.largest_forgotten
        if known is not None and known.timestamp == largest:
            return known
        try:
            return first_of_segment(self, largest, self.base_offset) if largest >= 0 else None
        except RecordsError:  # a batch that cannot be opened is not needed any more
            return None

    def flush(self) -> int:
        """Nothing outlives the process, so everything is as safe as it gets."""
        return self.size_bytes

    def seal(self) -> None:
        """There is no file to be completed."""

    def write_indexes(self) -> None:
        """There is no file to be written."""

    def let_go(self) -> None:
        """There is no file to be closed."""

    def move_to(self, directory: str) -> None:
        """There is only one."""
