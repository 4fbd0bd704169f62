"""Searches by time: from which offset on records are as late as somebody asks, and where the latest is.

Contract
- A search sees the segments of one log, in order. Records need not be in order of time, so "first" means by offset.
- A segment tells three things: the largest timestamp of its batches (`largest_timestamp`, -1: none has one), that of its first batch, by
  which segment.ms counts (`first_timestamp`), and the batches of a time (`from_time`). How it finds them, by an index or an array, is its
  own; a segment without a batch that is late enough is passed over by its largest timestamp alone.
- Timestamps of batches say where to look, those of records what is found: a batch is opened here and nowhere else in this room.
- Nothing here is kept, and nothing is written.

(Kafka: UnifiedLog.fetchOffsetByTimestamp, LogSegment.findOffsetByTimestamp.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from pybroker.records.batch import BatchHeader
from pybroker.records.record import iter_records
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.headers import HeaderReader
from pybroker.storage.interface import Slice, TimestampOffset
from pybroker.storage.slices import FileSlice


class Timed(Protocol):
    """What a search asks of a segment."""

    base_offset: int
    size_bytes: int

    @property
    def largest_forgotten(self) -> TimestampOffset | None:
        """The first record of the largest timestamp among batches whose bytes the segment let go; None if it let go of none."""

    def first_timestamp(self) -> int: ...
    def largest_timestamp(self) -> int: ...
    def from_time(self, timestamp: int, start_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """The batches that hold or follow `start_offset` and whose largest timestamp is at least `timestamp`, in order.

        Raises StorageError.
        """


def first_of_log(segments: Iterable[Timed], timestamp: int, start_offset: int) -> TimestampOffset | None:
    """The first record from `start_offset` on whose timestamp is at least `timestamp`. Raises StorageError, RecordsError."""
    for segment in segments:
        if segment.size_bytes and segment.largest_timestamp() >= timestamp:
            found = first_of_segment(segment, timestamp, start_offset)
            if found is not None:
                return found
    return None


def largest_of_log(segments: Iterable[Timed]) -> TimestampOffset | None:
    """The first record that has the largest timestamp, be it before the log's start. Raises StorageError, RecordsError."""
    segment = max(segments, key=lambda each: each.largest_timestamp(), default=None)
    if segment is None or segment.largest_timestamp() < 0:
        return None
    largest, forgotten = segment.largest_timestamp(), segment.largest_forgotten
    if forgotten is not None and forgotten.timestamp == largest:
        return forgotten
    return first_of_segment(segment, largest, segment.base_offset)


def first_of_segment(segment: Timed, timestamp: int, start_offset: int) -> TimestampOffset | None:
    """See `first_of_log`."""
    for header, batch in segment.from_time(timestamp, start_offset):
        for record in iter_records(batch.read()):
            if record.timestamp >= timestamp and record.offset >= start_offset:
                return TimestampOffset(record.timestamp, record.offset, header.partition_leader_epoch)
    return None


def span(segment: Timed) -> tuple[int, int]:
    """The timestamps of the first batch and of the latest, (-1, -1) without a batch. Raises StorageError."""
    return (segment.first_timestamp(), segment.largest_timestamp()) if segment.size_bytes else (-1, -1)


def batches_of_time(files: Files, file: OpenFile, size_bytes: int, position: int, timestamp: int) -> Iterator[tuple[BatchHeader, Slice]]:
    """`from_time` in a file of `size_bytes`, from `position` on: only headers are read. Raises StorageError."""
    reader = HeaderReader(files, file, size_bytes)
    while position < size_bytes:
        following = reader.place(position)[1]
        header = reader.header(position)
        if header.max_timestamp >= timestamp:
            yield header, FileSlice(files, file, position, following - position)
        position = following
