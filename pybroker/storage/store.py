"""All logs of one broker on disk, in one or more Kafka log directories.

Theory of operation
- A directory is locked, checked to be ours, its clean-shutdown mark taken away, then its logs are opened. Whatever stops before `close`
  leaves no mark, so the next start recovers.
- A log that was never written to is known here only. Checkpoints list logs that have a directory.
- A recovery point claims only what a flush made durable: `checkpoint` flushes sealed segments first, and leaves the active one alone.
- Directories that are no logs are left alone; `remarks` says which.

(Kafka: LogManager.)
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random

from pybroker.storage import layout
from pybroker.storage.beside import for_each
from pybroker.storage.checkpoints import DamagedFile, OffsetCheckpoints
from pybroker.storage.directories import LogDirectory, open_directories, release_all
from pybroker.storage.files import FilePool, Files, storage_error
from pybroker.storage.home import LogHome
from pybroker.storage.interface import DataDirectoryError, Log, LogConfig, StorageError
from pybroker.storage.log import PartitionLog
from pybroker.storage.metadata_files import read_partition_metadata, write_clean_shutdown
from pybroker.storage.recovery import Checkpointed, open_log
from pybroker.storage.trash import Trash
from pybroker.wire.uuids import ZERO_UUID

MIN_OPEN_FILES = 32
Offsets = dict[tuple[str, int], int]


class DiskLogStore:
    """See the module and `interface.LogStore`. `open` makes one; `close` or `abandon` ends it."""

    __slots__ = (
        "_checkpoints",
        "_config",
        "_directories",
        "_files",
        "_logs",
        "_pool",
        "_rng",
        "_trash",
        "cleaner_offsets",
        "cluster_id",
        "high_watermarks",
        "node_id",
        "remarks",
    )

    @classmethod
    def open(
        cls,
        directories: Sequence[str],
        *,
        cluster_id: str | None,
        node_id: int,
        rng: Random,
        config: LogConfig | None = None,
        files: Files | None = None,
        max_open_files: int | None = None,
    ) -> DiskLogStore:
        """Lock and open the directories, and recover the logs in them.

        `cluster_id` None: the one that the directories belong to; new ones are given one from `rng`. `config` is what logs have until
        their `config` is set. At most `max_open_files` segments are kept open (by default half of what the process may open).
        Raises DataDirectoryError.
        """
        files = files or Files()
        opened, cluster_id = open_directories(files, directories, cluster_id, node_id, rng)
        store = cls(files, opened, cluster_id, node_id, rng, config or LogConfig(), FilePool(max_open_files or _default_open_files()))
        try:
            for directory in opened:
                store._open_logs(directory)
        except BaseException:
            store.abandon()
            raise
        return store

    def __init__(
        self, files: Files, directories: list[LogDirectory], cluster_id: str, node_id: int, rng: Random, config: LogConfig, pool: FilePool
    ) -> None:
        """For `open`."""
        self._files = files
        self._checkpoints = OffsetCheckpoints(files)
        self._directories = directories
        self._rng = rng
        self._config = config
        self._pool = pool
        self._trash = Trash(files)
        self._logs: dict[tuple[str, int], PartitionLog] = {}
        self.cluster_id = cluster_id
        self.node_id = node_id
        self.high_watermarks: Offsets = {}
        self.cleaner_offsets: Offsets = {}
        self.remarks: list[str] = []

    # --- opening

    def _open_logs(self, directory: LogDirectory) -> None:
        recovery_points = self._read_offsets(directory.path, layout.RECOVERY_POINT_CHECKPOINT)
        log_starts = self._read_offsets(directory.path, layout.LOG_START_CHECKPOINT)
        self.cleaner_offsets |= self._read_offsets(directory.path, layout.CLEANER_CHECKPOINT)
        self.high_watermarks |= self._read_offsets(directory.path, layout.REPLICATION_CHECKPOINT)
        try:
            names = sorted(self._files.listdir(directory.path))
        except OSError as error:
            raise DataDirectoryError(f"{directory.path} cannot be listed: {error.strerror}") from error
        for name in names:
            key = layout.parse_log_directory(name)
            path = os.path.join(directory.path, name)
            if layout.is_deleted_directory(name):
                self._trash.add(path, self._config.file_delete_delay_ms)
            elif key is not None and self._files.is_directory(path):
                known = Checkpointed(directory.clean, recovery_points.get(key, 0), log_starts.get(key, 0))
                self._open_log(directory, name, key, known)
            elif name.removesuffix(".tmp") not in layout.KNOWN_IN_LOG_DIRECTORY:
                self.remarks.append(f"{path} is not a log; it is left alone")

    def _read_offsets(self, path: str, name: str) -> Offsets:
        try:
            return self._checkpoints.read(os.path.join(path, name))
        except DamagedFile as damage:
            self.remarks.append(f"{damage}; it is taken as empty")
            return {}

    def _open_log(self, directory: LogDirectory, name: str, key: tuple[str, int], checkpointed: Checkpointed) -> None:
        other = self._logs.get(key)
        if other is not None:
            raise DataDirectoryError(f"{name} is in {directory.path} and in another data directory too: move one of them away")
        path = os.path.join(directory.path, name)
        try:
            topic_id = self._topic_id(path)
            home = LogHome(self._files, self._pool, self._trash, directory.path, name, topic_id, exists=True)
            opened = open_log(home, self._config, checkpointed)
        except (OSError, StorageError) as error:
            raise DataDirectoryError(
                f"{path} cannot be opened: {error}. Give the broker's user the right to read and write there."
            ) from error
        log = PartitionLog(*key, home, self._config, self._rng)
        log.restore(opened.segments, opened.epochs, opened.log_start_offset, opened.recovery_point, opened.report)
        self._logs[key] = log
        directory.log_count += 1

    def _topic_id(self, path: str) -> bytes:
        try:
            return read_partition_metadata(self._files, path) or ZERO_UUID
        except DamagedFile as damage:
            self.remarks.append(f"{damage}; the log has no topic id until it is created again")
            return ZERO_UUID

    # --- logs

    @property
    def directory_ids(self) -> list[bytes]:
        """The ids of the log directories (KIP-858), in the order they were given; 16 bytes each."""
        return [directory.directory_id for directory in self._directories]

    def logs(self) -> Iterator[PartitionLog]:
        """Those found and those created, without the deleted ones."""
        return iter(list(self._logs.values()))

    def get(self, topic: str, partition: int) -> PartitionLog | None:
        """None if there is none."""
        return self._logs.get((topic, partition))

    def create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig) -> PartitionLog:
        """See `interface.LogStore.create`. The log goes into the directory with the fewest."""
        log = self._logs.get((topic, partition))
        if log is not None:
            if log.topic_id != ZERO_UUID:
                raise ValueError(f"{topic}-{partition} exists")
            log.home.adopt(topic_id)
            log.config = config
            return log
        directory = min(self._directories, key=_log_count)
        name = layout.log_directory_name(topic, partition)
        home = LogHome(self._files, self._pool, self._trash, directory.path, name, topic_id, exists=False)
        log = self._logs[topic, partition] = PartitionLog(topic, partition, home, config, self._rng)
        directory.log_count += 1
        return log

    def delete(self, log: Log) -> None:
        """See `interface.LogStore.delete`. Raises StorageError."""
        own = self._logs.pop((log.topic, log.partition))
        self.cleaner_offsets.pop((log.topic, log.partition), None)
        own.retire()
        home = own.home
        assert isinstance(home, LogHome)
        for directory in self._directories:
            if directory.path == home.parent:
                directory.log_count -= 1
        if not home.exists:
            return
        home.exists = False
        waiting = os.path.join(home.parent, layout.deleted_directory_name(log.topic, log.partition, self._rng.randbytes(16)))
        try:
            self._files.rename(home.directory, waiting)
        except OSError as error:
            raise storage_error("rename", home.directory, error) from error
        self._trash.add(waiting, log.config.file_delete_delay_ms)

    def delete_expired(self, now_ms: int) -> int | None:
        """See `interface.LogStore.delete_expired`."""
        return self._trash.remove_due(now_ms)

    # --- checkpoints and the end

    def checkpoint(self, high_watermarks: Offsets) -> None:
        """See `interface.LogStore.checkpoint`. What fails keeps nothing else from being written. Raises StorageError: the first."""
        errors: list[StorageError] = []
        for log in self.logs():
            if log.failure is None:
                _try(errors, log.flush_sealed)
        for directory in self._directories:
            _try(errors, self._write_checkpoints, directory.path, high_watermarks)
        if errors:
            raise errors[0]

    def _write_checkpoints(self, path: str, high_watermarks: Offsets) -> None:
        logs = self._logs_in(path)
        starts = {key: log.log_start_offset for key, log in logs.items() if log.log_start_offset > log.first_base_offset}
        try:
            self._checkpoints.write(
                path,
                {
                    layout.RECOVERY_POINT_CHECKPOINT: {key: log.recovery_point for key, log in logs.items()},
                    layout.LOG_START_CHECKPOINT: starts,
                    layout.REPLICATION_CHECKPOINT: {key: high_watermarks[key] for key in logs if key in high_watermarks},
                },
            )
        except OSError as error:
            raise storage_error("write the checkpoints of", path, error) from error

    def checkpoint_cleaner(self, log: Log, offset: int) -> None:
        """See `interface.LogStore.checkpoint_cleaner`."""
        own = self._logs.get((log.topic, log.partition))
        if own is not log or not isinstance(own.home, LogHome):
            return
        self.cleaner_offsets[log.topic, log.partition] = offset
        path = own.home.parent
        offsets = {key: self.cleaner_offsets[key] for key in self._logs_in(path) if key in self.cleaner_offsets}
        try:
            self._checkpoints.write(path, {layout.CLEANER_CHECKPOINT: offsets})
        except OSError as error:
            raise storage_error("write the cleaner's checkpoint of", path, error) from error

    def _logs_in(self, path: str) -> dict[tuple[str, int], PartitionLog]:
        return {
            key: log
            for key, log in list(self._logs.items())
            if isinstance(log.home, LogHome) and log.home.exists and log.home.parent == path
        }

    def close(self, high_watermarks: Offsets) -> None:
        """See `interface.LogStore.close`. A directory with a log that failed is not marked clean; the first error is raised at the end."""
        errors: list[StorageError] = []
        for directory in self._directories:
            before = len(errors)
            for_each(partial(_close, errors), self._logs_in(directory.path).values())
            try:
                self._write_checkpoints(directory.path, high_watermarks)
                if len(errors) == before:
                    write_clean_shutdown(self._files, directory.path)
            except StorageError as error:
                errors.append(error)
            except OSError as error:
                errors.append(storage_error("mark as clean", directory.path, error))
        release_all(self._directories)
        self._logs.clear()
        if errors:
            raise errors[0]

    def abandon(self) -> None:
        """Let go of files and locks and write nothing, as if the process had died."""
        for log in self._logs.values():
            log.let_go()
        self._logs.clear()
        release_all(self._directories)


def _try(errors: list[StorageError], action: Callable[..., object], *arguments: object) -> None:
    try:
        action(*arguments)
    except StorageError as error:
        errors.append(error)


def _close(errors: list[StorageError], log: PartitionLog) -> None:
    _try(errors, log.close)


def _log_count(directory: LogDirectory) -> int:
    return directory.log_count


def _default_open_files() -> int:
    soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(MIN_OPEN_FILES, min(soft_limit if soft_limit > 0 else 1 << 16, 1 << 16) // 4)
