"""All logs of one broker on disk, in one or more Kafka log directories.

Theory of operation
- A directory is locked, checked to be ours, its clean-shutdown mark taken away, then its logs are opened (`opening`). Whatever stops
  before `close` leaves no mark, so the next start recovers.
- A log that was never written to is known here only. Checkpoints list logs that have a directory.
- A recovery point claims only what a flush made durable: `checkpoint` flushes sealed segments first, and leaves the active one alone.
- Directories that are no logs are left alone; `remarks` says which.
- A log that cannot be opened is noted (`unopened`) and keeps nothing else from being served; nor does a log directory that is offline.
  Neither is ever taken for empty.
- Logs that are being copied to another directory are beside the others (`futures`), and in the checkpoints of the directory they are in.

(Kafka: LogManager.)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random

from pybroker.storage import layout
from pybroker.storage.beside import for_each
from pybroker.storage.checkpoints import Key, OffsetCheckpoints, Offsets
from pybroker.storage.departed import Departed
from pybroker.storage.directories import LogDirectory, open_directories, probe, release_all
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.files import FilePool, Files, default_open_files, storage_error
from pybroker.storage.futures import CopiedLog, put_away
from pybroker.storage.home import LogHome
from pybroker.storage.interface import DirectoryInfo, FutureLog, Log, LogConfig, LostEnd, Moved, OwnerOf, UnopenedLog
from pybroker.storage.log import PartitionLog
from pybroker.storage.metadata_files import write_clean_shutdown
from pybroker.storage.opening import Opening
from pybroker.storage.progress import Progress
from pybroker.storage.settling import Settling
from pybroker.storage.trash import Trash
from pybroker.wire.uuids import ZERO_UUID


class DiskLogStore:
    """See the module and `interface.LogStore`. `open` makes one; `close` or `abandon` ends it."""

    __slots__ = (
        "_config",
        "_departed",
        "_directories",
        "_files",
        "_held",
        "_pool",
        "_progress",
        "_rng",
        "_settling",
        "_trash",
        "cluster_id",
        "node_id",
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
        their `config` is set. At most `max_open_files` segments are kept open (by default a quarter of what the process may open).
        Raises DataDirectoryError.
        """
        files = files or Files()
        opened, cluster_id = open_directories(files, directories, cluster_id, node_id, rng)
        try:
            return cls(files, opened, cluster_id, node_id, rng, config or LogConfig(), FilePool(max_open_files or default_open_files()))
        except BaseException:
            release_all(opened)
            raise

    def __init__(
        self, files: Files, directories: list[LogDirectory], cluster_id: str, node_id: int, rng: Random, config: LogConfig, pool: FilePool
    ) -> None:
        """For `open`. Raises DataDirectoryError."""
        self._files = files
        checkpoints = OffsetCheckpoints(files)
        self._directories = directories
        self._rng = rng
        self._config = config
        self._pool = pool
        self._trash = Trash(files)
        self._settling = Settling(files, self._trash, rng, config)
        self._departed = Departed(files, checkpoints, directories)
        self.cluster_id = cluster_id
        self.node_id = node_id
        opening = Opening(files, pool, self._trash, rng, config, checkpoints, self._settling)
        try:
            self._held = opening.open(directories)
        except BaseException:
            opening.abandon()
            raise
        self._progress = Progress(checkpoints, directories, self._held)

    # --- what was found

    @property
    def high_watermarks(self) -> Offsets:
        """See `interface.LogStore`."""
        return self._held.high_watermarks

    @property
    def cleaner_offsets(self) -> Offsets:
        """See `interface.LogStore`."""
        return self._held.cleaner_offsets

    @property
    def unopened(self) -> dict[Key, UnopenedLog]:
        """See `interface.LogStore`."""
        return self._held.unopened

    @property
    def lost(self) -> list[LostEnd]:
        """See `interface.LogStore`."""
        return self._held.lost

    @property
    def remarks(self) -> list[str]:
        """A sentence each about anything that a person should know of the start."""
        return self._held.remarks

    def settle(self, owner_of: OwnerOf) -> list[str]:
        """See `interface.LogStore.settle`. From then on checkpoints tell of no log that is not there."""
        held = self._held
        undecided = {key for key, _ in held.seconds}
        before = held.logs.keys() | held.futures.logs.keys()
        remarks = self._settling.settle(held, owner_of)
        for key in undecided | (before - held.logs.keys() - held.futures.logs.keys()):
            self._departed.add(key, deleted=True)
        try:
            self.make_way()
        except StorageError as error:
            remarks.append(f"{error}. What it says of logs that are no more is taken out when there are new ones of their names")
        return remarks

    def is_in_the_way(self, topic: str) -> bool:
        """See `interface.LogStore.is_in_the_way`."""
        return self._departed.is_in_the_way(topic)

    def make_way(self) -> None:
        """See `interface.LogStore.make_way`."""
        self._departed.make_way(self._held.spoken_of)

    # --- logs

    @property
    def directory_ids(self) -> list[bytes]:
        """The ids of the log directories that can be used (KIP-858), in the order they were given; 16 bytes each."""
        return [directory.directory_id for directory in self._directories if directory.failure is None]

    def directories(self) -> list[DirectoryInfo]:
        """See `interface.LogStore.directories`."""
        return [DirectoryInfo(directory.path, directory.directory_id, directory.failure) for directory in self._directories]

    def space(self, path: str) -> tuple[int, int]:
        """See `interface.LogStore.space`."""
        try:
            return self._files.space(path)
        except OSError as error:
            raise storage_error("measure", path, error) from error

    def probe(self, path: str) -> str | None:
        """See `interface.LogStore.probe`."""
        return probe(self._files, path)

    def fail_directory(self, path: str, reason: str) -> list[Log]:
        """See `interface.LogStore.fail_directory`."""
        for directory in self._directories:
            if directory.path == path:
                directory.fail(reason)
        for key, future in list(self._held.futures.logs.items()):
            if future.directory == path:
                self._held.futures.forget(key)
        gone: list[Log] = []
        for key, log in list(self._held.logs.items()):
            if log.directory == path:
                del self._held.logs[key]
                log.retire()
                gone.append(log)
        return gone

    def logs(self) -> Iterator[PartitionLog]:
        """Those found and those created, without the deleted ones."""
        return iter(list(self._held.logs.values()))

    def get(self, topic: str, partition: int) -> PartitionLog | None:
        """None if there is none."""
        return self._held.logs.get((topic, partition))

    def create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory: str | None = None) -> PartitionLog:
        """See `interface.LogStore.create`."""
        key = topic, partition
        log = self._held.logs.get(key)
        if log is not None:
            if log.topic_id != ZERO_UUID:
                raise ValueError(f"{topic}-{partition} exists")
            log.home.adopt(topic_id)
            log.config = config
            return log
        self._departed.sync(key)
        chosen = self._choose(directory)
        home = LogHome(
            self._files, self._pool, self._trash, chosen.path, layout.log_directory_name(topic, partition), topic_id, exists=False
        )
        home.prepare = partial(self._departed.forget, chosen.path, key, self._held.spoken_of)
        self._held.forget_offsets(key)
        log = self._held.logs[key] = PartitionLog(topic, partition, home, config, self._rng)
        return log

    def _choose(self, path: str | None) -> LogDirectory:
        online = [directory for directory in self._directories if directory.failure is None]
        for directory in online:
            if directory.path == path or len(online) == 1:
                return directory
        counts = Counter(log.directory for log in self._held.logs.values())
        return min(online, key=lambda directory: counts[directory.path])

    def delete(self, log: Log) -> None:
        """See `interface.LogStore.delete`. A copy that is being made goes too. Raises StorageError: the first."""
        key = log.topic, log.partition
        own = self._held.logs.pop(key)
        self._held.cleaner_offsets.pop(key, None)
        own.retire()
        self._progress.went(key)
        errors: list[StorageError] = []
        try:
            _try(errors, self._held.futures.drop, key)
            _try(errors, put_away, self._files, self._trash, self._rng, own, log.config)
        finally:
            self._departed.add(key, deleted=True, path=own.directory)
        if errors:
            raise errors[0]

    def put_aside(self, topic: str, partition: int) -> list[str]:
        """See `interface.LogStore.put_aside`."""
        key = topic, partition
        self._progress.went(key)
        try:
            return self._settling.put_aside(self._held, key)
        finally:
            self._departed.add(key, deleted=True)

    def delete_unopened(self, topic: str, partition: int) -> None:
        """See `interface.LogStore.delete_unopened`."""
        unopened = self._held.unopened.pop((topic, partition), None)
        if unopened is None:
            return
        waiting = layout.deleted_directory_name(topic, partition, self._rng.randbytes(16))
        waiting = os.path.join(os.path.dirname(unopened.path), waiting)
        try:
            self._files.rename(unopened.path, waiting)
        except OSError as error:
            raise storage_error("rename", unopened.path, error) from error
        finally:
            self._departed.add((topic, partition), deleted=True, path=os.path.dirname(unopened.path))
        self._trash.add(waiting, self._config.file_delete_delay_ms)

    # --- moving to another directory

    def future(self, topic: str, partition: int) -> CopiedLog | None:
        """See `interface.LogStore.future`."""
        return self._held.futures.logs.get((topic, partition))

    def begin_move(self, log: Log, directory: str) -> CopiedLog:
        """See `interface.LogStore.begin_move`. What the checkpoints there still say of a log that moved away is not true of the copy."""
        try:
            self._departed.forget(directory, (log.topic, log.partition), self._held.spoken_of)
        except OSError as error:
            raise storage_error("write the checkpoints of", directory, error) from error
        return self._held.futures.begin(self._held.logs[log.topic, log.partition], directory)

    def secure_moves(self, moves: Sequence[tuple[Log, FutureLog]]) -> list[StorageError | None]:
        """See `interface.LogStore.secure_moves`."""
        found = [_error_of(self._secure, log, future) for log, future in moves]
        failed = {path: _error_of(self._progress.write_of_copies, path) for path in {future.directory for _, future in moves}}
        return [error or failed[future.directory] for error, (_, future) in zip(found, moves, strict=True)]

    def _secure(self, log: Log, future: FutureLog) -> None:
        assert isinstance(log, PartitionLog)
        assert isinstance(future, CopiedLog)
        self._held.futures.secure(log, future)

    def finish_move(self, log: Log) -> Moved | None:
        """See `interface.LogStore.finish_move`."""
        key = log.topic, log.partition
        own = self._held.logs[key]
        if not own.try_hold_flushes():
            return None
        try:
            future = self._held.futures.finish(own)
        finally:
            own.release_flushes()
        if future is None:
            return None
        self._held.logs[key] = future
        own.retire(moved=True)
        try:
            put_away(self._files, self._trash, self._rng, own, own.config)
        except StorageError as error:
            return Moved(future, str(error))
        finally:
            self._departed.add(key, deleted=True, path=own.directory)
        return Moved(future)

    def drop_move(self, log: Log) -> None:
        """See `interface.LogStore.drop_move`."""
        key = log.topic, log.partition
        try:
            self._held.futures.drop(key)
        finally:
            self._departed.add(key, deleted=False)

    def delete_expired(self, now_ms: int) -> int | None:
        """See `interface.LogStore.delete_expired`."""
        return self._trash.remove_due(now_ms)

    # --- checkpoints and the end

    def checkpoint(self, high_watermarks: Offsets) -> None:
        """See `interface.LogStore.checkpoint`. What fails keeps nothing else from being written. Raises StorageError.

        Copies are flushed too: what is not known to be durable of one is copied again after a crash.
        """
        errors: list[StorageError] = []
        with self._progress.of_one_look():
            for log in [*self.logs(), *self._held.futures.logs.values()]:
                if log.failure is None:
                    _try(errors, self._flush_sealed, log)
            for directory in self._directories:
                if directory.failure is None:
                    _try(errors, self._progress.write, directory.path, high_watermarks)
        if self._departed:
            _try(errors, self.make_way)
        if errors:
            raise min(errors, key=lambda error: isinstance(error, ExhaustedError))

    def _flush_sealed(self, log: PartitionLog) -> None:
        """A log that went meanwhile is no failure. Raises StorageError."""
        try:
            log.flush_sealed()
        except StorageError:
            if self._held.logs.get((log.topic, log.partition)) is log:
                raise

    def checkpoint_cleaner(self, log: Log, offset: int) -> None:
        """See `interface.LogStore.checkpoint_cleaner`."""
        self._progress.write_cleaned(log, offset)

    def close(self, high_watermarks: Offsets) -> list[StorageError]:
        """See `interface.LogStore.close`. The first error is raised at the end, or returned if the metadata does not lie there.

        A directory with a log that failed, or could not be opened, is not marked clean: that log was not looked at to its end.
        """
        errors: list[StorageError] = []
        bearable: list[StorageError] = []
        metadata = self._held.logs.get(layout.METADATA)
        for directory in self._directories:
            if directory.failure is not None:
                continue
            elsewhere = metadata is not None and metadata.directory != directory.path
            met = bearable if elsewhere else errors
            before = len(met)
            for_each(partial(_close, met), self._held.logs_in(directory.path).values())
            try:
                self._progress.write(directory.path, high_watermarks)
                if len(met) == before and not self._held.holds_unopened(directory.path):
                    write_clean_shutdown(self._files, directory.path)
            except StorageError as error:
                met.append(error)
            except OSError as error:
                met.append(storage_error("mark as clean", directory.path, error))
        release_all(self._directories)
        self._held.logs.clear()
        if errors:
            raise errors[0]
        return bearable

    def abandon(self) -> None:
        """Let go of files and locks and write nothing, as if the process had died."""
        self._held.let_go()
        release_all(self._directories)


def _try(errors: list[StorageError], action: Callable[..., object], *arguments: object) -> None:
    try:
        action(*arguments)
    except StorageError as error:
        errors.append(error)


def _error_of(action: Callable[..., object], *arguments: object) -> StorageError | None:
    errors: list[StorageError] = []
    _try(errors, action, *arguments)
    return errors[0] if errors else None


def _close(errors: list[StorageError], log: PartitionLog) -> None:
    _try(errors, log.close)
