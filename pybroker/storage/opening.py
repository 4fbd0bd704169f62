"""Opening what lies in the log directories, and settling what is there twice.

Theory of operation
- Each directory is read by itself: its checkpoints, then its logs and copies. A log that cannot be opened is noted (`unopened`).
- What the directories tell by themselves is settled at once: of two logs of one topic id the longer one counts (see `futures`), a copy that
  is longer than its log takes its place, one that has nothing to go on from is dropped.
- What only the metadata can tell waits for `settle`: of two logs with different topic ids one is of a topic that was deleted and made anew
  while its directory was away; a log may be of a topic that is no more; a copy without a log may have its log in a directory that is away.
- What is not used is put aside under another name (`-stray`) and left alone, as its records may be all that is left of something. Where
  even that fails, it is told and not used.

(Kafka: LogManager.loadLogs, isStrayReplica, recoverAbandonedFutureLogs.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, Key, OffsetCheckpoints, Offsets, UnreadableFile
from pybroker.storage.directories import LogDirectory
from pybroker.storage.files import FilePool, Files
from pybroker.storage.futures import CopiedLog, Futures, put_aside, put_away
from pybroker.storage.home import LogHome
from pybroker.storage.interface import DataDirectoryError, LogConfig, Owner, OwnerOf, StorageError, UnopenedLog, UnusableDirectory
from pybroker.storage.log import PartitionLog
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.recovery import Checkpointed, open_log
from pybroker.storage.trash import Trash
from pybroker.wire.uuids import ZERO_UUID


class Opening:
    """What was found. Its dicts are the store's own from then on. `said`: what the checkpoints did, by their paths."""

    __slots__ = (
        "_checkpoints",
        "_config",
        "_files",
        "_pool",
        "_rng",
        "_seconds",
        "_trash",
        "cleaner_offsets",
        "futures",
        "high_watermarks",
        "logs",
        "remarks",
        "said",
        "unopened",
    )

    def __init__(
        self, files: Files, pool: FilePool, trash: Trash, rng: Random, config: LogConfig, checkpoints: OffsetCheckpoints, futures: Futures
    ) -> None:
        self._files = files
        self._pool = pool
        self._trash = trash
        self._rng = rng
        self._config = config
        self._checkpoints = checkpoints
        self._seconds: list[tuple[Key, PartitionLog]] = []
        self.futures = futures
        self.logs: dict[Key, PartitionLog] = {}
        self.cleaner_offsets: Offsets = {}
        self.high_watermarks: Offsets = {}
        self.unopened: dict[Key, UnopenedLog] = {}
        self.said: dict[str, Offsets] = {}
        self.remarks: list[str] = []

    def all_logs(self) -> Iterator[PartitionLog]:
        """Copies too, and those that are undecided."""
        yield from self.logs.values()
        yield from self.futures.logs.values()
        yield from self.undecided()

    def undecided(self) -> list[PartitionLog]:
        """Logs of whose topics there is another log, until `settle`."""
        return [log for _, log in self._seconds]

    # --- reading a directory

    def open_logs(self, directory: LogDirectory) -> None:
        """Take what lies in a directory. Raises UnusableDirectory, OSError."""
        if not directory.clean:  # what a killed process renamed, a deleted log above all, must not come back later
            self._files.fsync_directory(directory.path)
        recovery_points = self._read_offsets(directory.path, layout.RECOVERY_POINT_CHECKPOINT)
        log_starts = self._read_offsets(directory.path, layout.LOG_START_CHECKPOINT)
        cleaned = self._read_offsets(directory.path, layout.CLEANER_CHECKPOINT)
        cleaner_was_read = os.path.join(directory.path, layout.CLEANER_CHECKPOINT) in self.said
        high_watermarks = self._read_offsets(directory.path, layout.REPLICATION_CHECKPOINT)
        for name in sorted(self._files.listdir(directory.path)):
            path = os.path.join(directory.path, name)
            key = layout.parse_log_directory(name) or layout.parse_future_directory(name)
            if layout.is_deleted_directory(name):
                self._trash.add(path, self._config.file_delete_delay_ms)
            elif key is not None and self._files.is_directory(path):
                compacted = key in cleaned or not cleaner_was_read
                known = Checkpointed(directory.clean, recovery_points.get(key, 0), log_starts.get(key, 0), compacted)
                self._open_log(directory, name, key, known)
            elif name.removesuffix(".tmp") not in layout.KNOWN_IN_LOG_DIRECTORY and not layout.is_stray_directory(name):
                self.remarks.append(f"{path} is not a log; it is left alone")
        self._take_offsets(directory, cleaned, self.cleaner_offsets)
        self._take_offsets(directory, high_watermarks, self.high_watermarks)

    def _take_offsets(self, directory: LogDirectory, offsets: Offsets, into: Offsets) -> None:
        """Of the logs that are in the directory: what a checkpoint says of one that moved away is old."""
        for key, offset in offsets.items():
            log = self.logs.get(key) or self.futures.logs.get(key)
            if log is not None and log.directory == directory.path:
                into[key] = offset

    def _read_offsets(self, path: str, name: str) -> Offsets:
        path = os.path.join(path, name)
        try:
            found = self.said[path] = self._checkpoints.read(path)
        except UnreadableFile as error:
            raise UnusableDirectory(f"{error}. Give the broker's user the right to read it; if it is no file, move it away.") from error
        except DamagedFile as damage:
            self.remarks.append(f"{damage}; it is taken as empty")
            return {}
        return found

    def _open_log(self, directory: LogDirectory, name: str, key: Key, checkpointed: Checkpointed) -> None:
        path = os.path.join(directory.path, name)
        is_future = name != layout.log_directory_name(*key)
        topic_id = ZERO_UUID
        try:
            topic_id = self._topic_id(path)
            home = LogHome(self._files, self._pool, self._trash, directory.path, name, topic_id, exists=True)
            home.is_future = is_future
            opened = open_log(home, self._config, checkpointed)
        except (OSError, StorageError) as error:
            if is_future:
                self.remarks.append(f"{path}, a copy that was being made, cannot be opened: {error}; it is left alone")
            else:
                self.unopened[key] = UnopenedLog(path, topic_id, f"{path} cannot be opened: {error}")
            return
        log = (CopiedLog if is_future else PartitionLog)(*key, home, self._config, self._rng)
        log.restore(opened.segments, opened.epochs, opened.log_start_offset, opened.recovery_point, opened.report)
        if isinstance(log, CopiedLog):
            self._take_future(key, log)
        else:
            self._take_log(key, log)

    def _topic_id(self, path: str) -> bytes:
        try:
            return read_partition_metadata(self._files, path) or ZERO_UUID
        except DamagedFile as damage:
            self.remarks.append(f"{damage}; the log has no topic id until it is created again")
            return ZERO_UUID

    # --- what is there twice

    def _take_log(self, key: Key, log: PartitionLog) -> None:
        """A log that is in two directories was put in the place of its original when the process died (see `futures`).

        An original that was never flushed may have lost its topic id when the power went; the copy has one.
        """
        other = self.logs.get(key)
        if other is None:
            self.logs[key] = log
            return
        ids = {log.topic_id, other.topic_id} - {ZERO_UUID}
        if not ids:
            places = f"{other.directory} and in {log.directory}"
            raise DataDirectoryError(f"{layout.log_directory_name(*key)} is in {places}, another data directory: move one of them away")
        if len(ids) > 1:
            self._seconds.append((key, log))
            return
        kept, rest = _longer_first(other, log)
        self.logs[key] = kept
        ends = "ends there" if kept.log_end_offset == rest.log_end_offset else f"goes on to offset {kept.log_end_offset}"
        self._put_aside(key, rest, f"it ends at offset {rest.log_end_offset}; a log of the same topic is in {kept.directory} and {ends}")

    def _take_future(self, key: Key, log: CopiedLog) -> None:
        """Of two copies one had been put in place and was being copied in turn when the disk forgot its name: it has more."""
        other = self.futures.logs.get(key)
        if other is not None:
            first, second = _longer_first(other, log)
            self._put_aside(key, second, f"it is a copy of what lies in {first.directory}")
            log = log if first is log else other
        self.futures.logs[key] = log

    def settle_copies(self) -> None:
        """Of each copy whose log is there: go on with it, let it take its place again, or drop it. The others wait for `settle`."""
        undecided = {key for key, _ in self._seconds}
        for key, future in list(self.futures.logs.items()):
            original = self.logs.get(key)
            if original is None or key in undecided:
                continue
            if not self._is_usable(future, original):
                self.futures.drop(key)
            elif future.log_end_offset > original.log_end_offset:
                del self.logs[key]
                put_away(self._files, self._trash, self._rng, original, self._config)
                self.logs[key] = self.futures.promote(key)

    def _is_usable(self, future: CopiedLog, original: PartitionLog) -> bool:
        """Whether a copy can be gone on with. What is not sure of it goes: it may have holes, and is copied again."""
        if future.topic_id != original.topic_id or future.directory == original.directory or not future.extents():
            return False
        try:
            future.truncate_to(future.recovery_point)
        except StorageError as error:
            self.remarks.append(f"the copy of {future.topic}-{future.partition} in {future.directory} is begun anew: {error}")
            return False
        return True

    # --- what only the metadata tells

    def settle(self, owner_of: OwnerOf) -> list[str]:
        """See `interface.LogStore.settle`."""
        said = len(self.remarks)
        seconds, self._seconds = self._seconds, []
        for key, log in seconds:
            self._choose(key, log, owner_of(*key))
        if seconds:
            self.settle_copies()
        for key, log in list(self.logs.items()):
            if not _is_of(log, owner_of(*key)):
                del self.logs[key]
                self._put_aside(key, log, "its topic was deleted, or made anew")
        for key, future in list(self.futures.logs.items()):
            if key not in self.logs:
                self._settle_copy(key, future, owner_of(*key))
        return self.remarks[said:]

    def _choose(self, key: Key, second: PartitionLog, owner: Owner | None) -> None:
        """Of two logs of different topics, which one is that of the topic of that name now."""
        first = self.logs[key]
        if _is_of(second, owner) and second.topic_id != ZERO_UUID and not (_is_of(first, owner) and first.topic_id != ZERO_UUID):
            first, second = second, first
            self._forget_offsets(key)
        self.logs[key] = first
        self._put_aside(key, second, "it is of another topic of that name, which is no more")

    def _settle_copy(self, key: Key, future: CopiedLog, owner: Owner | None) -> None:
        """One whose log is not there.

        The log may have been replaced, and the disk forgot the name that the copy took: then the metadata has the partition where the copy
        lies, which it is told only of copies that are whole and durable. Or the log was never durable, and power failed: if it is said to
        lie in a directory that is there, and does not, the copy is what is left. Else it is away with its directory, and the copy waits.
        """
        if owner is None or not _is_of(future, owner):
            del self.futures.logs[key]
            self._put_aside(key, future, "it is a copy of a log whose topic was deleted, or made anew")
        elif owner.directory is not None and key not in self.unopened:
            try:
                if owner.directory != future.directory:
                    future.truncate_to(future.recovery_point)  # see `futures`: there may be holes
                self.logs[key] = self.futures.promote(key)
            except StorageError as error:
                self.remarks.append(f"the copy of {future.topic}-{future.partition} in {future.directory} is not used: {error}")

    def put_aside(self, key: Key) -> list[str]:
        """See `interface.LogStore.put_aside`."""
        said = len(self.remarks)
        why = "it is of a topic that the metadata does not know, and another one of that name is there now"
        for log in (self.logs.pop(key, None), self.futures.forget(key)):
            if log is not None:
                self._put_aside(key, log, why)
        unopened = self.unopened.pop(key, None)
        if unopened is not None:
            self._rename_aside(key, unopened.path, why)
        return self.remarks[said:]

    def _forget_offsets(self, key: Key) -> None:
        self.cleaner_offsets.pop(key, None)
        self.high_watermarks.pop(key, None)

    def _put_aside(self, key: Key, log: PartitionLog, why: str) -> None:
        """Use it no more; it stays for whoever wants to look."""
        log.let_go()
        if key not in self.logs:
            self._forget_offsets(key)
        home = log.home
        assert isinstance(home, LogHome)
        if home.exists:
            self._rename_aside(key, home.directory, why)

    def _rename_aside(self, key: Key, path: str, why: str) -> None:
        try:
            stray = put_aside(self._files, self._rng, path, key)
        except OSError as error:
            self.remarks.append(f"{path} is not used: {why}. It cannot be renamed: {error.strerror}")
            return
        self.remarks.append(f"{path} is called {stray} now, and not used: {why}")


def _is_of(log: PartitionLog, owner: Owner | None) -> bool:
    """Whether a log is, or may be, that of the partition that is there now."""
    return owner is not None and (ZERO_UUID in (log.topic_id, owner.topic_id) or log.topic_id == owner.topic_id)


def _longer_first(first: PartitionLog, second: PartitionLog) -> tuple[PartitionLog, PartitionLog]:
    """Which holds more; if both end at the same offset, which was used last: its start may have risen since."""
    one, other = (first.log_end_offset, first.log_start_offset), (second.log_end_offset, second.log_start_offset)
    return (second, first) if other > one else (first, second)
