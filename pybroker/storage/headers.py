"""Walking over the batches of a segment file by their headers, a few kilobytes at a time.

Only what placing a batch needs is looked at: base offset, length, magic, last offset delta. The first 27 bytes hold that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from struct import Struct

from pybroker.records.batch import HEADER_SIZE, LOG_OVERHEAD, BatchHeader, read_header
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.slices import read_fully

PLACE = Struct(">qi4xb6xi")  # base offset, length, magic, last offset delta
MAGIC = 2
MIN_BATCH_LENGTH = HEADER_SIZE - LOG_OVERHEAD
CHUNK_BYTES = 8192  # one index interval and a header, by default: one read for a step from an index entry


class DamagedBatch(StorageError):
    """No batch begins where one should."""


class HeaderReader:
    """The headers of one segment file of `size_bytes`."""

    __slots__ = ("_chunk", "_end", "_file", "_files", "_start", "size_bytes")

    def __init__(self, files: Files, file: OpenFile, size_bytes: int) -> None:
        self._files = files
        self._file = file
        self.size_bytes = size_bytes
        self._chunk = b""
        self._start = self._end = 0

    def place(self, position: int) -> tuple[int, int, int]:
        """Base offset, position of what follows, and last offset of the batch at `position`. Raises DamagedBatch, StorageError."""
        if position < self._start or position + HEADER_SIZE > self._end:
            self._fill(position)
        base_offset, length, magic, delta = PLACE.unpack_from(self._chunk, position - self._start)
        following = position + LOG_OVERHEAD + length
        if magic != MAGIC or length < MIN_BATCH_LENGTH or delta < 0 or following > self.size_bytes:
            raise DamagedBatch(f"no whole batch begins at byte {position} of {self._file.path}, which has {self.size_bytes} bytes")
        return base_offset, following, base_offset + delta

    def header(self, position: int) -> BatchHeader:
        """The whole header of the batch at `position`, which `place` has seen."""
        if position < self._start or position + HEADER_SIZE > self._end:
            self._fill(position)
        return read_header(self._chunk, position - self._start)

    def _fill(self, position: int) -> None:
        left = self.size_bytes - position
        if left < HEADER_SIZE:
            raise DamagedBatch(f"{left} bytes at byte {position} of {self._file.path} are no batch")
        self._chunk = read_fully(self._files, self._file, position, min(left, CHUNK_BYTES))
        self._start = position
        self._end = position + len(self._chunk)


def headers_from(reader: HeaderReader, position: int) -> Iterator[BatchHeader]:
    """The headers from a position on, up to the end or to a batch that is damaged. Raises StorageError."""
    with suppress(DamagedBatch):
        while position < reader.size_bytes:
            following = reader.place(position)[1]
            yield reader.header(position)
            position = following


def tail_fits(reader: HeaderReader, position: int, index_interval_bytes: int, max_timestamp: int) -> bool:
    """Whether no index entry is missing after the one of `position`, and no batch there has a larger timestamp. Raises StorageError."""
    unindexed_bytes = 0
    for header in headers_from(reader, position):
        if unindexed_bytes > index_interval_bytes or header.max_timestamp > max_timestamp:
            return False
        unindexed_bytes += header.size_bytes
    return True


def find_last(reader: HeaderReader, position: int, offset: int) -> tuple[int, int, int]:
    """Base offset and position of the last batch, and the offset after it. Offsets from `position` on must grow from `offset`.

    Raises DamagedBatch, StorageError.
    """
    last_base, last_position = offset, position
    while position < reader.size_bytes:
        base_offset, following, last_offset = reader.place(position)
        if base_offset < offset:
            raise DamagedBatch(f"offset {base_offset} at byte {position} comes after {offset - 1}")
        last_base, last_position = base_offset, position
        offset, position = last_offset + 1, following
    return last_base, last_position, offset
