"""Where one log lives on disk: its directory and the files in it that are no segments.

Nothing is there before the first segment is made: a topic that nobody writes to costs no system call. What was named since the last `sync`
(the directory, `partition.metadata`, segments) becomes durable with it, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from pybroker.storage import compacted, layout
from pybroker.storage.checkpoints import write_epochs
from pybroker.storage.epochs import EpochCache
from pybroker.storage.errors import StorageError
from pybroker.storage.files import FULL, FilePool, Files, storage_error
from pybroker.storage.interface import AbortedTransaction, LogConfig
from pybroker.storage.metadata_files import write_partition_metadata
from pybroker.storage.producer_snapshots import SnapshotsOnDisk
from pybroker.storage.segment import DiskSegment
from pybroker.storage.snapshot_files import DiskSnapshots
from pybroker.storage.transaction_index import encode_entries
from pybroker.storage.transaction_indexes import TransactionIndexes
from pybroker.storage.trash import Trash


class LogHome:
    """The directory of one log. `prepare` is called before it is made, and may raise OSError."""

    __slots__ = (
        "_names_changed",
        "aborted",
        "directory",
        "exists",
        "files",
        "is_future",
        "parent",
        "pool",
        "prepare",
        "snapshots",
        "topic_id",
        "trash",
        "wrote_metadata",
    )

    def __init__(self, files: Files, pool: FilePool, trash: Trash, parent: str, name: str, topic_id: bytes, *, exists: bool) -> None:
        self.files = files
        self.pool = pool
        self.trash = trash
        self.parent = parent
        self.directory = os.path.join(parent, name)
        self.topic_id = topic_id
        self.exists = exists
        self.is_future = False
        self.prepare: Callable[[], None] | None = None
        self.wrote_metadata = False
        self._names_changed = False
        self.aborted = TransactionIndexes(files, self.directory)
        self.snapshots = SnapshotsOnDisk(files, self.directory)

    def create(self) -> None:
        """Make the directory and say whose it is. Raises StorageError; for one if a log lies there that could not be taken away."""
        if self.exists:
            return
        try:
            if self.prepare is not None:
                self.prepare()
            if not self.files.is_directory(self.directory):
                self.files.mkdir(self.directory)
            elif any(name.endswith(layout.LOG) for name in self.files.listdir(self.directory)):
                raise StorageError(f"{self.directory} holds the records of a deleted topic: remove it")
        except OSError as error:
            raise storage_error("create", self.directory, error) from error
        self._write_metadata()
        self.exists = self._names_changed = True

    def rename(self, name: str) -> None:
        """Call the directory otherwise; the next `sync` makes that durable. Raises StorageError."""
        renamed = os.path.join(self.parent, name)
        try:
            self.files.rename(self.directory, renamed)
        except OSError as error:
            raise storage_error("rename", self.directory, error) from error
        self.directory = self.aborted.directory = self.snapshots.directory = renamed
        self.wrote_metadata = self._names_changed = True

    def distrust_names(self) -> None:
        """The process before this one stopped without a word: what it named may not be durable yet, and is with the next `sync`."""
        self.wrote_metadata = self._names_changed = True

    def adopt(self, topic_id: bytes) -> None:
        """Say anew whose the directory is. Raises StorageError."""
        self.topic_id = topic_id
        if self.exists:
            self._write_metadata()
            self._names_changed = True

    def _write_metadata(self) -> None:
        try:
            write_partition_metadata(self.files, self.directory, self.topic_id)
        except OSError as error:
            raise storage_error("create", self.directory, error) from error
        self.wrote_metadata = True

    def segment(self, base_offset: int, config: LogConfig, created_ms: int | None) -> DiskSegment:
        """A segment as an object, without a file."""
        return DiskSegment(self.files, self.pool, self.directory, base_offset, config, created_ms)

    def create_segment(self, base_offset: int, config: LogConfig, created_ms: int | None) -> DiskSegment:
        """A new, empty segment. Raises StorageError, ExhaustedError."""
        self.create()
        segment = self.segment(base_offset, config, created_ms)
        try:
            segment.create()
        except OSError as error:
            raise storage_error("create", segment.path(), error) from error
        self._names_changed = True
        return segment

    def discard(self, segment: DiskSegment, delay_ms: int) -> None:
        """Take a segment out of the log; its files go after a time. Raises StorageError, and then it is still there.

        The log's file goes first and speaks for all: an index that cannot be renamed is removed at the next start.
        """
        self._discard_file(segment.path(), delay_ms)
        segment.gone = True
        segment.open_file = None
        self.aborted.discarded(segment.base_offset)
        for suffix in layout.SEGMENT_SUFFIXES[1:]:
            with suppress(StorageError):
                self._discard_file(segment.path(suffix), delay_ms)

    def sync_directory(self) -> None:
        """Make the names in the directory durable. Blocking. Raises StorageError."""
        try:
            self.files.fsync_directory(self.directory)
        except OSError as error:
            raise storage_error("sync", self.directory, error) from error

    def _discard_file(self, path: str, delay_ms: int) -> None:
        """Nobody reads a copy that is being made, so its files go at once."""
        try:
            if self.is_future:
                self.files.unlink(path)
                return
            self.files.rename(path, path + layout.DELETED)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("rename", path, error) from error
        self._names_changed = True
        self.trash.add(path + layout.DELETED, delay_ms)

    def sync(self, epochs: EpochCache) -> None:
        """Make names and epochs durable. Raises OSError; ExhaustedError if only the epochs found no room: they wait for the next call."""
        if not self.exists:
            return
        if self.aborted.sync():
            self._names_changed = True
        if epochs.dirty:
            self._write_epochs(epochs)
        if not self._names_changed:
            return
        self._names_changed = False
        try:
            self._sync_names()
        except OSError:
            self._names_changed = True
            raise

    def _sync_names(self) -> None:
        if self.wrote_metadata:
            with suppress(FileNotFoundError):
                self.files.fsync_file(os.path.join(self.directory, layout.PARTITION_METADATA))
            self.files.fsync_directory(self.parent)
            self.wrote_metadata = False
        self.files.fsync_directory(self.directory)

    def _write_epochs(self, epochs: EpochCache) -> None:
        path = os.path.join(self.directory, layout.LEADER_EPOCH_CHECKPOINT)
        try:
            write_epochs(self.files, path, epochs.clean_copy())
        except OSError as error:
            epochs.dirty = True
            if error.errno in FULL:
                raise storage_error("write", path, error) from error
            raise

    # --- compaction

    def create_cleaned(self, base_offset: int, config: LogConfig) -> DiskSegment:
        """A segment beside the one of that offset. Raises StorageError, ExhaustedError."""
        return compacted.create(self.segment(base_offset, config, None), self.files)

    def secure_cleaned(self, segment: DiskSegment, aborted: Sequence[AbortedTransaction]) -> None:
        """See `compacted.secure`."""
        compacted.secure(segment, self.files, encode_entries(aborted))

    def put_in_place(self, segment: DiskSegment) -> None:
        """See `compacted.put_in_place`."""
        self.aborted.took_place(segment.base_offset)
        compacted.put_in_place(segment, self.files)
        self._names_changed = True

    def drop_cleaned(self, segment: DiskSegment) -> None:
        """See `compacted.drop`."""
        compacted.drop(segment, self.files)

    def snapshot_files(self) -> DiskSnapshots:
        """Where snapshots of the metadata lie, if this is the metadata log."""
        return DiskSnapshots(self.files, self.directory)

    def write_snapshot(self, offset: int, content: bytes) -> None:
        """Keep the producers as of an offset. Raises StorageError; ExhaustedError too if an aborted transaction before it found no room."""
        if self.exists:
            self.aborted.write_waiting()
            self.snapshots.write(offset, content)
