"""Opening what lies in the log directories, one after another: its checkpoints, then its logs and copies.

A log that cannot be opened is noted (`unopened`), a directory that cannot be read is offline, and the rest is opened all the same. A
directory is taken as a whole: if it fails before its end, what was opened there is let go of, and nothing of it is served. What is there
twice is settled by `settling`.

(Kafka: LogManager.loadLogs.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from random import Random

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, Key, OffsetCheckpoints, Offsets, UnreadableFile
from pybroker.storage.directories import LogDirectory, check_usable
from pybroker.storage.errors import StorageError, UnusableDirectory
from pybroker.storage.files import FULL, FilePool, Files, storage_error
from pybroker.storage.futures import CopiedLog, Futures
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LogConfig, LostEnd, UnopenedLog
from pybroker.storage.inventory import Inventory
from pybroker.storage.log import PartitionLog
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.recovery import Checkpointed, open_log
from pybroker.storage.settling import Settling
from pybroker.storage.trash import Trash
from pybroker.wire.uuids import ZERO_UUID


class Lying:
    """What lies in one directory, until it is taken: logs and copies, what could not be opened, what was deleted, and two checkpoints."""

    __slots__ = ("cleaned", "deleted", "high_watermarks", "logs", "unopened")

    def __init__(self) -> None:
        self.logs: list[tuple[Key, PartitionLog]] = []
        self.unopened: dict[Key, UnopenedLog] = {}
        self.deleted: list[str] = []
        self.cleaned: Offsets = {}
        self.high_watermarks: Offsets = {}


class Opening:
    """One start. Ends with what `open` gives, or with `abandon` if it fails."""

    __slots__ = ("_checkpoints", "_config", "_files", "_found", "_pool", "_rng", "_settling", "_trash")

    def __init__(
        self,
        files: Files,
        pool: FilePool,
        trash: Trash,
        rng: Random,
        config: LogConfig,
        checkpoints: OffsetCheckpoints,
        settling: Settling,
    ) -> None:
        self._files = files
        self._pool = pool
        self._trash = trash
        self._rng = rng
        self._config = config
        self._checkpoints = checkpoints
        self._settling = settling
        self._found = Inventory(Futures(files, pool, trash, rng))

    def open(self, directories: Sequence[LogDirectory]) -> Inventory:
        """Take what lies in them; one that cannot be read is offline. Whoever takes what this returns is its only owner.

        Raises DataDirectoryError: none is left, or a log is twice there.
        """
        for directory in directories:
            if directory.failure is None:
                self._open(directory)
            if directory.is_new and directory.failure is None:
                self._found.remarks.append(
                    f"{directory.path} was empty and is used from now on: if a disk belongs there, stop and mount it"
                )
        check_usable(list(directories))
        self._settling.settle_copies(self._found)
        return self._found

    def abandon(self) -> None:
        """Close all files."""
        self._found.let_go()

    def _open(self, directory: LogDirectory) -> None:
        lying = Lying()
        try:
            self._look_into(directory, lying)
            if directory.failure is None:
                self._take(directory, lying)
                lying.logs.clear()
        finally:
            for _, log in lying.logs:
                log.let_go()

    def _look_into(self, directory: LogDirectory, lying: Lying) -> None:
        try:
            self._open_logs(directory, lying)
            self._lower_recovery_points(directory.path, lying)
        except (UnusableDirectory, StorageError) as error:
            directory.fail(str(error))
        except OSError as error:
            directory.fail(f"{directory.path} cannot be listed: {error.strerror}")

    def _take(self, directory: LogDirectory, lying: Lying) -> None:
        """Put it to what was found elsewhere. Raises DataDirectoryError: a log is twice there."""
        for path in lying.deleted:
            self._trash.add(path, self._config.file_delete_delay_ms)
        self._found.unopened |= lying.unopened
        self._found.lost += self._lost_in(directory.path, lying)
        for key, log in lying.logs:
            if isinstance(log, CopiedLog):
                self._settling.take_future(self._found, key, log)
            else:
                self._settling.take_log(self._found, key, log)
        self._take_offsets(directory, lying.cleaned, self._found.cleaner_offsets)
        self._take_offsets(directory, lying.high_watermarks, self._found.high_watermarks)

    def _lost_in(self, path: str, lying: Lying) -> Iterator[LostEnd]:
        """A recovery point is never beyond what was flushed. What retention deletes leaves a segment that begins at the end."""
        logs = dict(lying.logs)
        for key, offset in self._found.said.get(os.path.join(path, layout.RECOVERY_POINT_CHECKPOINT), {}).items():
            log = logs.get(key)
            if log is None and key not in lying.unopened and offset:
                yield LostEnd(path, *key, offset, None)
            elif log is not None and not isinstance(log, CopiedLog) and log.log_end_offset < offset:
                yield LostEnd(path, *key, offset, log.log_end_offset)

    def _lower_recovery_points(self, path: str, lying: Lying) -> None:
        """Where a log was cut before its recovery point, what is appended there is not on disk because something else once was.

        On a full disk nothing can be written, but a file be removed: then a start after a crash reads all logs of the directory.
        Raises StorageError.
        """
        checkpoint = os.path.join(path, layout.RECOVERY_POINT_CHECKPOINT)
        said = self._found.said.get(checkpoint, {})
        if all(log.log_end_offset >= said.get(key, 0) for key, log in lying.logs):
            return
        lowered = {key: said[key] for key in lying.unopened if key in said}  # their next opening asks for it
        lowered |= {key: log.recovery_point for key, log in lying.logs}
        action = "write"
        try:
            try:
                self._checkpoints.write(path, lambda: {layout.RECOVERY_POINT_CHECKPOINT: lowered})
            except OSError as error:
                if error.errno not in FULL:
                    raise
                action = "remove"
                self._checkpoints.remove(checkpoint)
                full = storage_error("write", checkpoint, error)
                self._found.remarks.append(
                    f"{full}. A log there was cut, so no recovery point counts until the next checkpoint that finds room"
                )
        except OSError as error:
            raise storage_error(action, checkpoint, error) from error

    def _open_logs(self, directory: LogDirectory, lying: Lying) -> None:
        """Raises UnusableDirectory, OSError."""
        if not directory.clean:  # what a killed process renamed, a deleted log above all, must not come back later
            self._files.fsync_directory(directory.path)
        recovery_points = self._read_offsets(directory.path, layout.RECOVERY_POINT_CHECKPOINT)
        log_starts = self._read_offsets(directory.path, layout.LOG_START_CHECKPOINT)
        lying.cleaned = self._read_offsets(directory.path, layout.CLEANER_CHECKPOINT)
        cleaner_was_read = os.path.join(directory.path, layout.CLEANER_CHECKPOINT) in self._found.said
        lying.high_watermarks = self._read_offsets(directory.path, layout.REPLICATION_CHECKPOINT)
        for name in sorted(self._files.listdir(directory.path)):
            path = os.path.join(directory.path, name)
            key = layout.parse_log_directory(name) or layout.parse_future_directory(name)
            if layout.is_deleted_directory(name):
                lying.deleted.append(path)
            elif key is not None and self._files.is_directory(path):
                compacted = key in lying.cleaned or not cleaner_was_read
                known = Checkpointed(directory.clean, recovery_points.get(key, 0), log_starts.get(key, 0), compacted)
                self._open_log(directory, lying, name, key, known)
            elif name.removesuffix(".tmp") not in layout.KNOWN_IN_LOG_DIRECTORY and not _is_put_aside(name):
                self._found.remarks.append(f"{path} is not a log; it is left alone")

    def _take_offsets(self, directory: LogDirectory, offsets: Offsets, into: Offsets) -> None:
        """Of the logs that are in the directory: what a checkpoint says of one that moved away is old."""
        for key, offset in offsets.items():
            log = self._found.logs.get(key) or self._found.futures.logs.get(key)
            if log is not None and log.directory == directory.path:
                into[key] = offset

    def _read_offsets(self, path: str, name: str) -> Offsets:
        path = os.path.join(path, name)
        try:
            said = self._found.said[path] = self._checkpoints.read(path)
        except UnreadableFile as error:
            raise UnusableDirectory(f"{error}. Give the broker's user the right to read it; if it is no file, move it away.") from error
        except DamagedFile as damage:
            self._found.remarks.append(f"{damage}; it is taken as empty")
            return {}
        return said

    def _open_log(self, directory: LogDirectory, lying: Lying, name: str, key: Key, checkpointed: Checkpointed) -> None:
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
                self._found.remarks.append(f"{path}, a copy that was being made, cannot be opened: {error}; it is left alone")
            else:
                lying.unopened[key] = UnopenedLog(path, topic_id, f"{path} cannot be opened: {error}")
            return
        log = (CopiedLog if is_future else PartitionLog)(*key, home, self._config, self._rng)
        log.restore(opened.segments, opened.epochs, opened.log_start_offset, opened.recovery_point, opened.report)
        lying.logs.append((key, log))

    def _topic_id(self, path: str) -> bytes:
        try:
            return read_partition_metadata(self._files, path) or ZERO_UUID
        except DamagedFile as damage:
            self._found.remarks.append(f"{damage}; it is written anew with the id of the topic of that name, if there is one")
            return ZERO_UUID


def _is_put_aside(name: str) -> bool:
    return layout.is_stray_directory(name) or layout.is_kept(name)
