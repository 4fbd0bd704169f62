"""Copies of logs that are made in another directory, to take the place of the original there (KIP-113).

    orders-3.<32 hex>-future    being copied; after a stop it is found again and copied on
    orders-3                    in the target's directory: complete, and in place
    orders-3.<32 hex>-delete    the original, renamed after that

Rules
- A copy takes its place only if it ends where the original does, is durable as far as that is, and the checkpoints of its directory know it
  (what they say may be older; then a start after a crash looks at more). What the original held when it was opened counts as durable,
  whatever the checkpoint said: a flush may have made it so. Both renames and all between happen without anybody writing to either.
- A process that dies between the two renames leaves the log twice; so does an original that cannot be renamed. The next start keeps the
  longer one, or the one that starts later (else they are alike), and puts the other aside as `-stray`, where it is left alone.
- Of a copy that was not complete, a start after a crash keeps what the checkpoint knows to be durable, and copies the rest anew: a power
  failure may have left holes in it, and nobody would look into what is already there.
- A copy that is longer than its original had taken its place, and the disk forgot the renames: it takes it again.
- A copy without an original waits if the original may lie in a directory that is away, or was not given. It takes its place if the
  metadata has the partition where the copy lies, which it is told when the copy is whole and durable, before the original goes; and if
  the original is not in the directory that the metadata names, though that can be read.
- A copy outlives the directory of its original, be it whole or not. The next start goes on with it if the original is back. If not, it
  takes its place by the rule before this one; then only what came in after the last piece that was copied is missing, and if the original
  is found again later, the longer of the two counts and nothing of either is removed.

(Kafka: LogManager.replaceCurrentWithFutureLog, recoverAbandonedFutureLogs.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from pybroker.records.batch import BatchHeader
from pybroker.storage import layout
from pybroker.storage.epochs import EpochCache
from pybroker.storage.errors import ExhaustedError, StorageError, UnreadableError
from pybroker.storage.files import FilePool, Files
from pybroker.storage.home import LogHome
from pybroker.storage.interface import AbortedTransaction, LogConfig, RecoveryReport
from pybroker.storage.log import PartitionLog
from pybroker.storage.parts import Home
from pybroker.storage.trash import Trash
from pybroker.wire.buffers import Buffer

Key = tuple[str, int]


class CopiedLog(PartitionLog):
    """A log that is filled from another. Once it is in place it is as any log.

    `secured_end_offset`: up to where it was made durable with all that belongs to it; None: never, in this process.
    """

    __slots__ = ("secured_end_offset",)

    def __init__(self, topic: str, partition: int, home: Home, config: LogConfig, rng: Random) -> None:
        super().__init__(topic, partition, home, config, rng)
        self.secured_end_offset: int | None = None

    def begin_copy(self, original: PartitionLog) -> None:
        """Be an empty copy that begins where another log does. Raises StorageError."""
        start = original.first_base_offset
        self.restore([], EpochCache(), start, start, RecoveryReport(0))
        self._start_segment(start, None)

    def copy_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]], segment_base: int) -> None:
        """See `interface.FutureLog.copy_batches`."""
        self._check()
        first, last = batches[0][1], batches[-1][1]
        if first.base_offset < max(self.log_end_offset, segment_base):
            raise ValueError(f"a copy that ends at {self.log_end_offset} cannot go on at {first.base_offset} in segment {segment_base}")
        segment = self._segments.all[-1]
        if segment_base > segment.base_offset:
            segment = self._start_segment(segment_base, None)
        try:
            segment.append_batches(batches)
        except ExhaustedError:
            raise
        except StorageError as error:
            raise self._fail(error) from error
        self.log_end_offset = last.last_offset + 1

    def skip_to(self, offset: int) -> None:
        """See `interface.FutureLog.skip_to`."""
        self._check()
        if offset > self.log_end_offset:
            self._start_segment(offset, None)
            self.log_end_offset = offset

    def copy_side_files(self, original: PartitionLog, from_offset: int = 0) -> None:
        """Take over leader epochs, aborted transactions and the start of the log, as the original has them now. Blocking.

        What was aborted before `from_offset` is here already. Raises UnreadableError, StorageError.
        """
        entries = original.epochs.entries[:]
        if entries != self.epochs.entries:
            self.epochs = EpochCache(entries)
            self.epochs.dirty = True
        self.raise_log_start_offset(min(original.log_start_offset, self.log_end_offset))
        bases = self._segments.bases_from(from_offset)
        found: dict[int, list[AbortedTransaction]] = {base: [] for base in bases}
        for entry in _aborted_in(original, bases[0]):
            if bases[0] <= entry.last_offset < self.log_end_offset:
                found[self._segments.base_of(entry.last_offset)].append(entry)
        for base, aborted in found.items():
            self.home.aborted.replace(base, aborted)

    def copy_snapshots(self, original: PartitionLog) -> None:
        """Take over the producers as they were at offsets that are here: after a crash only one from before the recovery point counts.

        Blocking. Raises StorageError.
        """
        here = {offset for offset, _ in self.producer_snapshots()}
        for offset, content in original.producer_snapshots():
            if offset <= self.log_end_offset and offset not in here:
                self.write_producer_snapshot(offset, content)


def _aborted_in(original: PartitionLog, from_offset: int) -> list[AbortedTransaction]:
    try:
        return list(original.aborted(from_offset))
    except StorageError as error:
        raise UnreadableError(str(error)) from error


class Futures:
    """The copies of one store, by topic and partition."""

    __slots__ = ("_files", "_pool", "_rng", "_trash", "logs")

    def __init__(self, files: Files, pool: FilePool, trash: Trash, rng: Random) -> None:
        self._files = files
        self._pool = pool
        self._trash = trash
        self._rng = rng
        self.logs: dict[Key, CopiedLog] = {}

    def begin(self, original: PartitionLog, directory: str) -> CopiedLog:
        """An empty copy. Raises StorageError."""
        key = original.topic, original.partition
        name = layout.future_directory_name(*key, self._rng.randbytes(16))
        if name is None:
            raise StorageError(f"{layout.log_directory_name(*key)} cannot move: its name would be too long")
        home = LogHome(self._files, self._pool, self._trash, directory, name, original.topic_id, exists=False)
        home.is_future = True
        future = CopiedLog(*key, home, original.config, self._rng)
        try:
            future.begin_copy(original)
        except StorageError:
            self._take_away(future, home)
            raise
        self.logs[key] = future
        return future

    def _take_away(self, future: CopiedLog, home: LogHome) -> None:
        """What was made of a copy that could not be begun: the next start would go on with it. Where even that fails it does."""
        future.retire()
        if self._files.exists(home.directory):
            home.exists = True
            with suppress(StorageError):
                put_away(self._files, self._trash, self._rng, future, future.config)

    def secure(self, original: PartitionLog, future: CopiedLog) -> None:
        """Make the copy durable with all that belongs to it. Blocking; both may be gone by now. Raises StorageError."""
        end_offset = future.log_end_offset
        future.copy_side_files(original)
        future.copy_snapshots(original)
        future.flush()
        future.secured_end_offset = end_offset

    def finish(self, original: PartitionLog) -> PartitionLog | None:
        """Give the copy the name of the log; None if it is not ready: if it lacks something, or has to be flushed. Raises StorageError."""
        key = original.topic, original.partition
        future = self.logs[key]
        if future.secured_end_offset is None or future.log_end_offset != original.log_end_offset:
            return None
        found_end = min(original.found_end_offset, original.log_end_offset)  # a copy that was found may have been cut
        if future.recovery_point < max(original.recovery_point, found_end):
            return None
        begin = future.first_base_offset
        future.copy_side_files(original, future.secured_end_offset)
        if future.first_base_offset != begin:  # segments went: that must be durable first, or what is left would be a hole
            return None
        self.promote(key)
        return future

    def promote(self, key: Key) -> PartitionLog:
        """Give a copy the name of the log. Raises StorageError."""
        future = self.logs[key]
        rename(future, layout.log_directory_name(*key))
        home = future.home
        assert isinstance(home, LogHome)
        home.is_future = False
        del self.logs[key]
        return future

    def forget(self, key: Key) -> CopiedLog | None:
        """Use a copy no more; its files stay."""
        future = self.logs.pop(key, None)
        if future is not None:
            future.retire()
        return future

    def drop(self, key: Key) -> None:
        """Give a copy up; its files go soon. Raises StorageError."""
        future = self.forget(key)
        if future is not None:
            put_away(self._files, self._trash, self._rng, future, future.config)


def rename(log: PartitionLog, name: str) -> None:
    """Call a log's directory otherwise; a reader under way goes on. Raises StorageError."""
    home = log.home
    assert isinstance(home, LogHome)
    home.rename(name)
    log.follow(home.directory)


def put_away(files: Files, trash: Trash, rng: Random, log: PartitionLog, config: LogConfig) -> None:
    """Rename a log's directory away, to be removed after a time; whoever reads from it goes on. Raises StorageError."""
    home = log.home
    assert isinstance(home, LogHome)
    if not home.exists:
        return
    rename(log, layout.deleted_directory_name(log.topic, log.partition, rng.randbytes(16)))
    home.exists = False
    trash.add(home.directory, config.file_delete_delay_ms)


def put_aside(files: Files, rng: Random, path: str, key: Key) -> str:
    """Rename a log's directory so that it is nobody's; returns its new path. Raises OSError."""
    stray = os.path.join(os.path.dirname(path), layout.stray_directory_name(*key, rng.randbytes(16)))
    files.rename(path, stray)
    return stray
