"""Logs as they lie on disk, before anything is taken: nothing is locked, cut, marked or made.

A start has to know what the metadata says before it may touch the directory, for it may be that of a cluster in which this directory has
no place alone. So the metadata log is read here by the rule that recovery goes by: it ends at the first batch that is not sound, or where
a segment does not begin at the end of the one before. A broker that runs may write meanwhile; what is read then is judged by whoever asks.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from pybroker.records.batch import BatchHeader
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, Key
from pybroker.storage.files import READ_ONLY, Files, OpenFile, storage_error
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.walk import Piece, SegmentWalk
from pybroker.wire.uuids import ZERO_UUID


class RestingBatch:
    """A batch of a segment, read when it is asked for."""

    __slots__ = ("_piece", "_walk")

    def __init__(self, walk: SegmentWalk, piece: Piece) -> None:
        self._walk = walk
        self._piece = piece

    def read(self) -> bytes:
        """Its bytes. Raises StorageError."""
        return self._walk.read(self._piece)


class RestingLog:
    """One log. `log_end_offset` is known once `batches` was read to its end."""

    __slots__ = ("_bases", "_directory", "_files", "log_end_offset")

    def __init__(self, files: Files, directory: str) -> None:
        """Raises StorageError."""
        try:
            names = [layout.parse_segment_file(name) for name in files.listdir(directory)]
        except OSError as error:
            raise storage_error("list", directory, error) from error
        self._files = files
        self._directory = directory
        self._bases = sorted(name[0] for name in names if name is not None and name[1:] == (layout.LOG, ""))
        self.log_end_offset = self.log_start_offset

    @property
    def log_start_offset(self) -> int:
        """Where the first segment begins."""
        return self._bases[0] if self._bases else 0

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, RestingBatch]]:
        """Those that end behind `from_offset`. Each can be read until the next is asked for. Raises StorageError."""
        first = max(0, bisect_right(self._bases, from_offset) - 1)
        for at, base_offset in enumerate(self._bases[first:]):
            if at and base_offset != self.log_end_offset:
                return
            self.log_end_offset = base_offset
            walk = self._walk(base_offset)
            for piece in walk:
                if piece.fault is not None or piece.header is None:
                    return
                self.log_end_offset = piece.header.next_offset
                if self.log_end_offset > from_offset:
                    yield piece.header, RestingBatch(walk, piece)

    def _walk(self, base_offset: int) -> SegmentWalk:
        path = os.path.join(self._directory, layout.segment_file_name(base_offset, layout.LOG))
        try:
            return SegmentWalk(self._files, OpenFile(self._files, path, READ_ONLY), self._files.size(path), base_offset)
        except OSError as error:
            raise storage_error("open", path, error) from error


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
