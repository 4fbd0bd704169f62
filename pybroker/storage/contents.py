"""All batches of a segment file, in order."""

from __future__ import annotations

from collections.abc import Iterator

from pybroker.records.batch import BatchHeader, iter_batches
from pybroker.records.errors import CorruptRecords
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.headers import DamagedBatch, HeaderReader
from pybroker.storage.interface import Slice
from pybroker.storage.slices import MemorySlice, read_fully

READ_AHEAD_BYTES = 1 << 20  # a replay reads that much at a time


def batches_from(files: Files, file: OpenFile, size_bytes: int, position: int, end_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
    """The batches from `position` on of a file of `size_bytes`. Reads ahead, so the slices lie in memory.

    What lies behind the batch that ends before `end_offset`, where the log goes on, is nobody's. Raises StorageError, DamagedBatch.
    """
    next_offset = -1
    try:
        for header, batch in _batches_from(files, file, size_bytes, position):
            next_offset = header.next_offset
            yield header, batch
    except DamagedBatch:
        if next_offset != end_offset:
            raise


def batches_beside_damage(files: Files, file: OpenFile, size_bytes: int, base_offset: int) -> Iterator[tuple[BatchHeader, Slice] | None]:
    """The batches that can be found in a file of `size_bytes`; None for bytes in which none can be read. Raises StorageError."""
    # It is brought in with the first damage: most brokers meet none.
    from pybroker.storage.walk import SegmentWalk

    walk = SegmentWalk(files, file, size_bytes, base_offset, check=False)
    for piece in walk:
        if piece.fault is not None:
            yield None
        elif piece.header is not None:
            yield piece.header, MemorySlice((memoryview(walk.read(piece)),), piece.size_bytes)


def _batches_from(files: Files, file: OpenFile, size_bytes: int, position: int) -> Iterator[tuple[BatchHeader, Slice]]:
    reader = HeaderReader(files, file, size_bytes)
    while position < size_bytes:
        following = reader.place(position)[1]
        end = min(max(following, position + READ_AHEAD_BYTES), size_bytes)
        chunk = memoryview(read_fully(files, file, position, end - position))
        walk = iter_batches(chunk)
        try:
            for at, header in walk:
                yield header, MemorySlice((chunk[at : at + header.size_bytes],), header.size_bytes)
        except CorruptRecords as error:
            raise DamagedBatch(f"{file.path} is damaged after byte {position}: {error}") from error
        position += walk.position
