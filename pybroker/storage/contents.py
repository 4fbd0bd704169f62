"""What lies in the batches of a segment file: all of them in order, and the first record of a time."""

from __future__ import annotations

from collections.abc import Iterator

from pybroker.records.batch import BatchHeader, iter_batches
from pybroker.records.errors import CorruptRecords
from pybroker.records.record import iter_records
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.headers import DamagedBatch, HeaderReader
from pybroker.storage.interface import Slice, TimestampOffset
from pybroker.storage.slices import MemorySlice, read_fully
from pybroker.wire.buffers import Buffer

READ_AHEAD_BYTES = 1 << 20  # a replay reads that much at a time


def batches_from(files: Files, file: OpenFile, path: str, size_bytes: int, position: int) -> Iterator[tuple[BatchHeader, Slice]]:
    """The batches from `position` on of the file of `size_bytes` at `path`. Reads ahead, so the slices lie in memory.

    Raises StorageError, DamagedBatch.
    """
    reader = HeaderReader(files, file, size_bytes)
    while position < size_bytes:
        following = reader.place(position)[1]
        end = min(max(following, position + READ_AHEAD_BYTES), size_bytes)
        chunk = memoryview(read_fully(files, file.fd, position, end - position))
        walk = iter_batches(chunk)
        try:
            for at, header in walk:
                yield header, MemorySlice((chunk[at : at + header.size_bytes],), header.size_bytes)
        except CorruptRecords as error:
            raise DamagedBatch(f"{path} is damaged after byte {position}: {error}") from error
        position += walk.position


def first_record_from(
    files: Files, file: OpenFile, size_bytes: int, position: int, timestamp: int, start_offset: int
) -> TimestampOffset | None:
    """`first_record` of the batches from `position` on of a file of `size_bytes`. Raises StorageError, RecordsError."""
    reader = HeaderReader(files, file, size_bytes)
    while position < size_bytes:
        following = reader.place(position)[1]
        header = reader.header(position)
        if header.max_timestamp >= timestamp:
            found = first_record(read_fully(files, file.fd, position, following - position), header, timestamp, start_offset)
            if found is not None:
                return found
        position = following
    return None


def first_record(batch: Buffer, header: BatchHeader, timestamp: int, start_offset: int) -> TimestampOffset | None:
    """The first record of a batch from `start_offset` on whose timestamp is at least `timestamp`. Raises RecordsError."""
    for record in iter_records(batch):
        if record.timestamp >= timestamp and record.offset >= start_offset:
            return TimestampOffset(record.timestamp, record.offset, header.partition_leader_epoch)
    return None
