"""Where one log lives on disk: its directory and the files in it that are no segments.

Nothing is there before the first segment is made: a topic that nobody writes to costs no system call. What was named since the last `sync`
(the directory, `partition.metadata`, segments) becomes durable with it, not before.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from pybroker.storage import compacted, layout
from pybroker.storage.checkpoints import write_epochs
from pybroker.storage.epochs import EpochCache
from pybroker.storage.files import FULL, FilePool, Files, storage_error
from pybroker.storage.index_seals import Seal, decode_seals, encode_seals, seal_of, why_not_believed
from pybroker.storage.interface import AbortedTransaction, LogConfig, StorageError
from pybroker.storage.metadata_files import write_partition_metadata
from pybroker.storage.segment import DiskSegment
from pybroker.storage.snapshot_files import DiskSnapshots
from pybroker.storage.transaction_index import append_entry, encode_entries, read_entries, rewrite_entries
from pybroker.storage.trash import Trash

SNAPSHOTS_KEPT = 2


class LogHome:
    """The directory of one log. `prepare` is called before it is made, and may raise OSError."""

    __slots__ = (
        "_doubted",
        "_names_changed",
        "_sealed",
        "_snapshots",
        "_transactional",
        "_unsynced_indexes",
        "directory",
        "exists",
        "files",
        "is_future",
        "parent",
        "pool",
        "prepare",
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
        self._unsynced_indexes: set[str] = set()
        self._transactional: set[int] = set()  # the base offsets of segments that may have a transaction index
        self._doubted = False
        self._sealed: dict[int, Seal] | None = None  # what the file says; None: it is not there, or says nothing
        self._snapshots: list[int] | None = None if exists else []  # the offsets of those there are, newest first

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
        self._unsynced_indexes = {os.path.join(renamed, os.path.basename(path)) for path in self._unsynced_indexes}
        self.directory = renamed
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
        """A new, empty segment. Raises StorageError, DiskFullError."""
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
        """Make names and epochs durable. Raises OSError; DiskFullError if only the epochs found no room: they wait for the next call."""
        if not self.exists:
            return
        for path in list(self._unsynced_indexes):
            self._unsynced_indexes.discard(path)  # first: an entry may be added meanwhile
            try:
                self.files.fsync_file(path)
            except FileNotFoundError:
                continue
            except OSError:
                self._unsynced_indexes.add(path)
                raise
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
        """A segment beside the one of that offset. Raises StorageError, DiskFullError."""
        return compacted.create(self.segment(base_offset, config, None), self.files)

    def secure_cleaned(self, segment: DiskSegment, aborted: Sequence[AbortedTransaction]) -> None:
        """See `compacted.secure`."""
        compacted.secure(segment, self.files, encode_entries(aborted))

    def put_in_place(self, segment: DiskSegment) -> None:
        """See `compacted.put_in_place`."""
        self.drop_seals()
        self._transactional.add(segment.base_offset)
        compacted.put_in_place(segment, self.files)
        self._names_changed = True

    def drop_cleaned(self, segment: DiskSegment) -> None:
        """See `compacted.drop`."""
        compacted.drop(segment, self.files)

    def snapshot_files(self) -> DiskSnapshots:
        """Where snapshots of the metadata lie, if this is the metadata log."""
        return DiskSnapshots(self.files, self.directory)

    # --- transaction indexes

    def _transaction_index(self, base_offset: int) -> str:
        return os.path.join(self.directory, layout.segment_file_name(base_offset, layout.TRANSACTION_INDEX))

    def add_aborted(self, base_offset: int, entry: AbortedTransaction) -> None:
        """Add to the index of a segment. Raises StorageError."""
        path = self._transaction_index(base_offset)
        self._transactional.add(base_offset)
        try:
            append_entry(self.files, path, entry)
        except OSError as error:
            raise storage_error("append to", path, error) from error
        self._changed(path)

    def aborted(self, base_offset: int) -> list[AbortedTransaction]:
        """What the index of a segment holds. Raises StorageError."""
        path = self._transaction_index(base_offset)
        try:
            return read_entries(self.files, path)
        except OSError as error:
            raise storage_error("read", path, error) from error

    def replace_aborted(self, base_offset: int, entries: list[AbortedTransaction]) -> None:
        """Let the index of a segment hold these; whatever else the file holds is dropped. Raises StorageError."""
        path, wanted = self._transaction_index(base_offset), encode_entries(entries)
        self._transactional.add(base_offset)
        try:
            content = self.files.read_file(path) if self.files.exists(path) else b""
            if content == wanted:
                return
            self.drop_seals()
            rewrite_entries(self.files, path, content, wanted)
        except OSError as error:
            raise storage_error("write", path, error) from error
        self._changed(path)

    def renew_aborted(self, base_offsets: Sequence[int], entries: Iterable[AbortedTransaction]) -> None:
        """Write the indexes of all segments anew, durably; the seals go last: a stop in between leaves the doubt. Raises StorageError."""
        grouped: dict[int, list[AbortedTransaction]] = {}
        for entry in entries:
            grouped.setdefault(base_offsets[max(0, bisect_right(base_offsets, entry.last_offset) - 1)], []).append(entry)
        for base_offset in base_offsets:
            if base_offset in grouped or base_offset in self._transactional:
                self._renew(base_offset, grouped.get(base_offset, []))
        self.sync_directory()
        self._doubted = False
        self.drop_seals()

    def _renew(self, base_offset: int, entries: list[AbortedTransaction]) -> None:
        self._transactional.add(base_offset)
        path = self._transaction_index(base_offset)
        try:
            if entries:
                self.files.replace_file(path, encode_entries(entries), sync_name=False)
            else:
                self.files.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("write", path, error) from error

    # --- what those were when the log was closed: see `index_seals`

    def _seals(self) -> str:
        return os.path.join(self.directory, layout.TRANSACTION_INDEX_CHECKPOINT)

    def doubts(self, transactional: Iterable[int], sealed: bool, ends: Mapping[int, int]) -> list[str]:
        """Why transaction indexes are not believed; `ends`: where segments that must be whole end, by base offset. Raises StorageError."""
        self._transactional.update(transactional)
        doubts = self._read_seals() if sealed else []
        for base_offset in sorted(set(ends) & (self._transactional | set(self._sealed or ()))):
            path = self._transaction_index(base_offset)
            try:
                content = self.files.read_file(path) if self.files.exists(path) else b""
            except OSError as error:
                raise storage_error("read", path, error) from error
            why = why_not_believed(content, (self._sealed or {}).get(base_offset), base_offset, ends[base_offset])
            doubts += [f"{path} is not believed: {why}"] if why is not None else []
        self._doubted = bool(doubts)
        return doubts

    def _read_seals(self) -> list[str]:
        path = self._seals()
        try:
            self._sealed = decode_seals(self.files.read_file(path))
        except ValueError as damage:
            self._sealed = {}
            return [f"{path} is damaged: {damage}"]
        except OSError as error:
            raise storage_error("read", path, error) from error
        return []

    def drop_seals(self) -> None:
        """Before an index is written anew. Raises StorageError."""
        if self._sealed is None:
            return
        try:
            with suppress(FileNotFoundError):
                self.files.unlink(self._seals())
        except OSError as error:
            raise storage_error("remove", self._seals(), error) from error
        self._sealed = None
        self._names_changed = True

    def seal_aborted(self, base_offsets: Sequence[int]) -> None:
        """Say what the transaction indexes are, durably; the log is closed. Not if nobody settled a doubt. Raises StorageError."""
        if self._doubted:
            return
        seals = {}
        for base_offset in sorted(self._transactional.intersection(base_offsets)):
            path = self._transaction_index(base_offset)
            try:
                content = self.files.read_file(path) if self.files.exists(path) else b""
            except OSError as error:
                raise storage_error("read", path, error) from error
            if content:
                seals[base_offset] = seal_of(content)
        if seals == (self._sealed or {}):
            return
        try:
            self.files.replace_file(self._seals(), encode_seals(seals))
        except OSError as error:
            raise storage_error("write", self._seals(), error) from error
        self._sealed = seals

    def _changed(self, path: str) -> None:
        self._unsynced_indexes.add(path)
        self._names_changed = True

    # --- producer snapshots

    def write_snapshot(self, offset: int, content: bytes) -> None:
        """Keep `<offset>.snapshot` and the one before it. Raises StorageError."""
        if not self.exists:
            return
        path = os.path.join(self.directory, layout.segment_file_name(offset, layout.SNAPSHOT))
        try:
            self.files.replace_file(path, content, sync=False)
            self._snapshots = sorted({offset, *self._snapshot_offsets()}, reverse=True)
            for old in self._snapshots[SNAPSHOTS_KEPT:]:
                self._unlink_snapshot(old)
        except OSError as error:
            raise storage_error("write", path, error) from error

    def snapshots(self, end_offset: int) -> Iterator[tuple[int, bytes]]:
        """Snapshots at or before an offset, newest first; unreadable ones are left out."""
        for offset in self._snapshot_offsets() if self.exists else ():
            if offset > end_offset:
                continue
            try:
                content = self.files.read_file(os.path.join(self.directory, layout.segment_file_name(offset, layout.SNAPSHOT)))
            except OSError:
                continue
            yield offset, content

    def drop_snapshots_after(self, end_offset: int) -> None:
        """Remove snapshots of what is no longer in the log. Raises StorageError."""
        if not self.exists:
            return
        try:
            for offset in [offset for offset in self._snapshot_offsets() if offset > end_offset]:
                self._unlink_snapshot(offset)
        except OSError as error:
            raise storage_error("clean", self.directory, error) from error

    def found_snapshots(self, offsets: list[int]) -> None:
        """Who looked through the directory says which snapshots it holds: nobody else has to look again."""
        self._snapshots = sorted(offsets, reverse=True)

    def _snapshot_offsets(self) -> list[int]:
        if self._snapshots is None:
            parsed = map(layout.parse_segment_file, self.files.listdir(self.directory))
            self.found_snapshots([name[0] for name in parsed if name is not None and name[1:] == (layout.SNAPSHOT, "")])
        return list(self._snapshots or ())

    def _unlink_snapshot(self, offset: int) -> None:
        self.files.unlink(os.path.join(self.directory, layout.segment_file_name(offset, layout.SNAPSHOT)))
        self._snapshots = [other for other in self._snapshots or () if other != offset]
