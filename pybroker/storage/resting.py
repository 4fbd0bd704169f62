"""Logs as they lie on disk, before anything is taken: nothing is locked, cut, marked or made.

A start has to know what the metadata says before it may touch the directory, for it may be that of a cluster in which this directory has
no place alone; and a person wants to know what a start would find. So the metadata log is read here by the rules that recovery goes by: it
ends at the first batch that is not sound (`scan`), or where a segment does not begin at the end of the one before; a segment that lacks an
index and begins within the one before it is not the log's (`foreign`), and is passed over. A broker that runs may write meanwhile; what is
read then is judged by whoever asks.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from pybroker.records.batch import BatchHeader, has_valid_checksum
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, Key
from pybroker.storage.files import READ_ONLY, Files, OpenFile, storage_error
from pybroker.storage.headers import HeaderReader, headers_from
from pybroker.storage.index_files import SUFFIXES
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.scan import MAX_RELATIVE_OFFSET
from pybroker.storage.slices import read_fully
from pybroker.wire.uuids import ZERO_UUID


class RestingBatch(NamedTuple):
    """The bytes of a batch."""

    content: bytes

    def read(self) -> bytes:
        """All of them."""
        return self.content


class RestingLog:
    """One log. `log_end_offset`, and `is_whole`, whether nothing of it lies behind that, are known once `batches` was read to its end."""

    __slots__ = ("_bases", "_directory", "_files", "_unindexed", "is_whole", "log_end_offset")

    def __init__(self, files: Files, directory: str) -> None:
        """Raises StorageError."""
        try:
            found = set(map(layout.parse_segment_file, files.listdir(directory)))
        except OSError as error:
            raise storage_error("list", directory, error) from error
        self._files = files
        self._directory = directory
        self._bases = sorted(parsed[0] for parsed in found if parsed is not None and parsed[1:] == (layout.LOG, ""))
        self._unindexed = {base for base in self._bases if any((base, suffix, "") not in found for suffix in SUFFIXES)}
        self.log_end_offset = self.log_start_offset
        self.is_whole = False

    @property
    def log_start_offset(self) -> int:
        """Where the first segment begins."""
        return self._bases[0] if self._bases else 0

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, RestingBatch]]:
        """Those that end behind `from_offset`. Raises StorageError."""
        self.is_whole = False
        first = max(0, bisect_right(self._bases, from_offset) - 1)
        for at, base_offset in enumerate(self._bases[first:]):
            if at and base_offset < self.log_end_offset and base_offset in self._unindexed:
                continue
            if at and base_offset != self.log_end_offset:
                return
            self.log_end_offset = base_offset
            is_whole = yield from self._segment(base_offset, from_offset)
            if not is_whole:
                return
        self.is_whole = True

    def _segment(self, base_offset: int, from_offset: int) -> Generator[tuple[BatchHeader, RestingBatch], None, bool]:
        """Those of one; returns whether all that it holds is sound."""
        path = os.path.join(self._directory, layout.segment_file_name(base_offset, layout.LOG))
        try:
            file, size_bytes = OpenFile(self._files, path, READ_ONLY), self._files.size(path)
        except OSError as error:
            raise storage_error("look at", path, error) from error
        read_bytes, max_offset = 0, base_offset + MAX_RELATIVE_OFFSET
        for header in headers_from(HeaderReader(self._files, file, size_bytes), 0):
            content = read_fully(self._files, file, read_bytes, header.size_bytes)
            goes_on = self.log_end_offset <= header.base_offset <= header.last_offset <= max_offset
            if not goes_on or not has_valid_checksum(content, 0, header):
                return False
            read_bytes += header.size_bytes
            self.log_end_offset = header.next_offset
            if header.next_offset > from_offset:
                yield header, RestingBatch(content)
        return read_bytes == size_bytes


class RestingLogs:
    """Which logs, and copies of logs, lie in directories. What cannot be looked at holds none."""

    __slots__ = ("_files", "_found")

    def __init__(self, files: Files, directories: Sequence[str]) -> None:
        self._files = files
        self._found: dict[Key, list[str]] = {}
        for directory in directories:
            for name in self._names(directory):
                key = layout.parse_log_directory(name) or layout.parse_future_directory(name)
                if key is not None:
                    self._found.setdefault(key, []).append(os.path.join(directory, name))

    def _names(self, directory: str) -> list[str]:
        try:
            return list(self._files.listdir(directory))
        except OSError:
            return []

    def is_here(self, topic: str, topic_id: bytes, partition: int) -> bool:
        """Whether one of them is, or may be, that of a partition."""
        return any(self._topic_id(path) in (topic_id, ZERO_UUID) for path in self._found.get((topic, partition), ()))

    def _topic_id(self, path: str) -> bytes:
        try:
            return read_partition_metadata(self._files, path) or ZERO_UUID
        except (DamagedFile, OSError):
            return ZERO_UUID
