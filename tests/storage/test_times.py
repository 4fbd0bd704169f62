"""Searches by time, over segments that note what they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.records.record import Record
from pybroker.storage.interface import TimestampOffset
from pybroker.storage.slices import MemorySlice
from pybroker.storage.times import first_of_log, largest_of_log, span


class NotedSegment:
    """One batch, with a record for each timestamp; `asked` counts how often its batches were looked at."""

    def __init__(self, base_offset: int, *timestamps: int, forgotten: TimestampOffset | None = None) -> None:
        records = [Record(base_offset + at, timestamp, None, b"v", []) for at, timestamp in enumerate(timestamps)]
        self.batch = bytes(build_batch(records, base_offset=base_offset, leader_epoch=3)) if records else b""
        self.base_offset, self.size_bytes = base_offset, len(self.batch)
        self.largest_forgotten = forgotten
        self.asked = 0

    def first_timestamp(self) -> int:
        return int(read_header(self.batch).max_timestamp)

    def largest_timestamp(self) -> int:
        return self.first_timestamp() if self.batch else -1

    def from_time(self, timestamp: int, start_offset: int) -> Iterator[tuple[Any, MemorySlice]]:
        self.asked += 1
        if self.batch:
            yield read_header(self.batch), MemorySlice((self.batch,), len(self.batch))


def test_segments_that_are_too_early_or_empty_are_not_looked_into() -> None:
    """The largest timestamp of a segment is enough to pass it over, and behind the find nothing is looked at."""
    segments = [NotedSegment(0, 10, 20), NotedSegment(2), NotedSegment(2, 50, 40, 60), NotedSegment(5, 70)]
    assert first_of_log(segments, 41, 0) == TimestampOffset(50, 2, 3)
    assert [segment.asked for segment in segments] == [0, 0, 1, 0]


def test_a_segment_whose_late_records_lie_before_the_start_is_not_the_end() -> None:
    """First means by offset from the start on; the search goes on in the next segment."""
    assert first_of_log([NotedSegment(0, 90, 10), NotedSegment(2, 95)], 80, 1) == TimestampOffset(95, 2, 3)
    assert first_of_log([NotedSegment(0, 90, 10)], 80, 1) is None


def test_the_largest_is_the_first_of_its_time_even_if_its_bytes_are_gone() -> None:
    """Among equal timestamps the earlier segment counts, and what a segment let go of is known without its batch."""
    assert largest_of_log([NotedSegment(0, 5, 9, 9), NotedSegment(3, 9)]) == TimestampOffset(9, 1, 3)
    gone = NotedSegment(0, 5, 9, forgotten=TimestampOffset(9, 0, 1))
    assert largest_of_log([gone]) == TimestampOffset(9, 0, 1)
    assert gone.asked == 0
    assert largest_of_log([]) is None
    assert largest_of_log([NotedSegment(0)]) is None


def test_span() -> None:
    """The times of an empty segment are none."""
    assert span(NotedSegment(0)) == (-1, -1)
    assert span(NotedSegment(0, 4, 8)) == (8, 8)
