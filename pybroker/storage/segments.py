"""The segments of one log, in order of offset: which of them holds what, and how they come and go.

Rules
- They lie one behind the other: where one begins the one before it ends, though compaction may leave no batches at its end. The last one
  is the active.
- A segment goes from here when it has lost its name on disk, not before: if that fails both know of it, and the log is offline.
- A truncation takes whole segments from the end on, durably one by one: wherever it stops, what is left has no gap, and nothing comes back
  behind new batches.
- A flush on another thread may copy the list at any time, so each change leaves a list that can be read.

(Kafka: LogSegments.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from pybroker.storage.interface import Extent, SegmentInfo, Slice
from pybroker.storage.parts import Home, Segment


class LogSegments:
    """See the module. `all`: the segments; `bases`: their base offsets."""

    __slots__ = ("_home", "all", "bases")

    def __init__(self, home: Home, segments: Iterable[Any] = ()) -> None:
        self._home = home
        self.all: list[Segment] = list(segments)
        self.bases = [segment.base_offset for segment in self.all]

    @property
    def active(self) -> Segment | None:
        """The one that is written; None if there is none at all."""
        return self.all[-1] if self.all else None

    @property
    def size_bytes(self) -> int:
        """Of all."""
        segments = self.all
        return segments[0].size_bytes if len(segments) == 1 else sum(segment.size_bytes for segment in segments)

    # --- finding

    def at(self, offset: int) -> int:
        """The position of the one that holds an offset, or would; of the first one for what lies before it."""
        return max(0, bisect_right(self.bases, offset) - 1)

    def position_of(self, base_offset: int) -> int:
        """Of the one that begins there."""
        return bisect_left(self.bases, base_offset)

    def holding(self, offset: int) -> list[Segment]:
        """The one that holds an offset, and those after it."""
        return self.all[self.at(offset) :]

    def base_of(self, offset: int) -> int:
        """Where the one begins that holds an offset."""
        return self.bases[self.at(offset)]

    def bases_from(self, offset: int) -> list[int]:
        """Where the one begins that holds an offset, and those after it."""
        return self.bases[self.at(offset) :]

    def extents(self, log_end_offset: int) -> list[Extent]:
        """See `interface.Log.extents`."""
        ends = [*self.bases[1:], log_end_offset]
        return [Extent(segment.base_offset, end, segment.size_bytes) for segment, end in zip(self.all, ends, strict=False)]

    def infos(self, log_end_offset: int) -> list[SegmentInfo]:
        """See `interface.Log.segments`. Raises StorageError."""
        return [
            SegmentInfo(extent.base_offset, extent.next_offset, extent.size_bytes, segment.largest_timestamp())
            for segment, extent in zip(self.all, self.extents(log_end_offset), strict=True)
        ]

    def read(self, offset: int, max_bytes: int, upper_offset: int, min_one_batch: bool) -> Slice | None:
        """See `interface.Log.read`. A compacted segment may end before the next begins: then what follows `offset` is in the next."""
        for segment in self.holding(offset):
            if offset >= upper_offset or segment.base_offset >= upper_offset:
                break
            found = segment.read(offset, max_bytes, upper_offset if upper_offset < segment.next_offset else None, min_one_batch)
            if found is not None or not segment.is_past(offset):
                return found
        return None

    # --- coming and going

    def add(self, segment: Segment) -> None:
        """It is the active one from now on; the one before it is sealed."""
        if self.all:
            self.all[-1].seal()
        self.all.append(segment)
        self.bases.append(segment.base_offset)

    def discard(self, position: int, delay_ms: int) -> None:
        """One goes, its files after a time. Raises StorageError."""
        self._home.discard(self.all[position], delay_ms)
        del self.all[position]
        del self.bases[position]

    def truncate(self, offset: int, start_offset: int, delay_ms: int) -> bool:
        """Drop what lies from `offset` on; whether anything is left for a log that starts at `start_offset`. Raises StorageError.

        Nothing may be left that ends before the log's start, so where only that would be left all goes.
        """
        keep = self.position_of(offset)
        if keep and offset > start_offset:
            self._discard_from(keep, delay_ms)
            last = self.all[-1]
            last.truncate_to(offset)
            if last.next_offset >= start_offset:
                return True
        self._discard_from(0, delay_ms)
        return False

    def _discard_from(self, start: int, delay_ms: int) -> None:
        while len(self.all) > start:
            self.discard(-1, delay_ms)
            self._home.sync_directory()

    def replace(self, start: int, replaced: Sequence[Extent], cleaned: Any, delay_ms: int) -> None:
        """Put a secured segment in the place of those from position `start` on. Raises StorageError."""
        end = start + len(replaced)
        cleaned.precede(self.bases[end])
        for segment in self.all[start:end]:
            self._home.discard(segment, delay_ms)
        self._home.put_in_place(cleaned)
        self.all[start:end] = [cleaned]
        self.bases[start:end] = [cleaned.base_offset]
