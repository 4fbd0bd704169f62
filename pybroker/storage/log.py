"""The log of one partition: segments in order of offset, of which the last one, the active, is written.

Theory of operation
- `append` on the hot path is one comparison a reason to roll, the segment's write, and the log's end. Every unusual case (first batch,
  full segment, failed log) makes one of the comparisons true and is settled in `_make_room`.
- The same class serves disk and memory; what differs is behind `Segment` and `Home`.
- Appends, truncations and reads happen on one thread. `flush` may run on another: see `recovery_point`.
- After a `StorageError` the log takes no more: what the file holds is known only after it is read again. What it raises then is no
  `ExhaustedError`, which would say that nothing happened.

(Kafka: UnifiedLog, LocalLog.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from random import Random
from typing import Any

from pybroker.records.batch import BatchHeader
from pybroker.storage import times
from pybroker.storage.epochs import EpochCache
from pybroker.storage.errors import ExhaustedError, NoDescriptorError, StorageError
from pybroker.storage.files import storage_error
from pybroker.storage.interface import (
    AbortedTransaction,
    CleanedSegment,
    EpochEnd,
    Extent,
    LogConfig,
    RecoveryReport,
    SegmentInfo,
    Slice,
    TimestampOffset,
)
from pybroker.storage.parts import Home, Segment
from pybroker.storage.recovery_point import RecoveryPoint
from pybroker.storage.rolling import RollTime
from pybroker.storage.scan import MAX_RELATIVE_OFFSET
from pybroker.storage.segments import LogSegments
from pybroker.wire.buffers import Buffer


class PartitionLog:
    """See the module and `interface.Log`."""

    __slots__ = (
        "_active",
        "_config",
        "_failure",
        "_roll_time",
        "_safe",
        "_segment_bytes",
        "_segments",
        "epochs",
        "found_end_offset",
        "home",
        "log_end_offset",
        "log_start_offset",
        "partition",
        "recovery",
        "topic",
    )

    def __init__(self, topic: str, partition: int, home: Home, config: LogConfig, rng: Random) -> None:
        """An empty log."""
        self.topic = topic
        self.partition = partition
        self.home = home
        self.log_start_offset = self.log_end_offset = self.found_end_offset = 0
        self.recovery = RecoveryReport(0)
        self._config = config
        self._segment_bytes = config.segment_bytes
        self._segments = LogSegments(home)
        self._active: Segment | None = None
        self.epochs = EpochCache()
        self._failure: StorageError | None = None
        self._roll_time = RollTime(config, rng)
        self._safe = RecoveryPoint()

    def __repr__(self) -> str:
        return f"PartitionLog({self.topic}-{self.partition}, {self.log_start_offset} to {self.log_end_offset})"

    def restore(
        self, segments: list[Any], epochs: EpochCache, log_start_offset: int, recovery_point: int, recovery: RecoveryReport
    ) -> None:
        """Take what recovery found; the last segment is prepared to be written."""
        self._segments = LogSegments(self.home, segments)
        self._active = self._segments.active
        self.epochs = epochs
        self.log_end_offset = self.found_end_offset = segments[-1].next_offset if segments else log_start_offset
        self.log_start_offset = log_start_offset
        self._safe.offset = min(recovery_point, self.log_end_offset)
        self.recovery = recovery

    @property
    def topic_id(self) -> bytes:
        """16 bytes."""
        return self.home.topic_id

    @property
    def directory(self) -> str:
        """See `interface.Log.directory`."""
        return self.home.parent

    @property
    def config(self) -> LogConfig:
        """May be replaced at any time."""
        return self._config

    @config.setter
    def config(self, config: LogConfig) -> None:
        if config == self._config:
            return
        self._config = config
        self._segment_bytes = config.segment_bytes
        self._roll_time.draw(config)
        if self._segments.active is not None:
            self._segments.active.configure(config)

    @property
    def recovery_point(self) -> int:
        """See `interface.Log.recovery_point`."""
        return self._safe.offset

    @property
    def first_base_offset(self) -> int:
        """Where the first segment begins; without one, the log's start."""
        bases = self._segments.bases
        return bases[0] if bases else self.log_start_offset

    @property
    def active_base_offset(self) -> int:
        """See `interface.Log.active_base_offset`."""
        bases = self._segments.bases
        return bases[-1] if bases else self.log_start_offset

    @property
    def size_bytes(self) -> int:
        """Of all segments."""
        return self._segments.size_bytes

    def segments(self) -> list[SegmentInfo]:
        """See `interface.Log.segments`."""
        return self._segments.infos(self.log_end_offset)

    def extents(self) -> list[Extent]:
        """See `interface.Log.extents`."""
        return self._segments.extents(self.log_end_offset)

    def segment_times(self, base_offset: int) -> tuple[int, int]:
        """See `interface.Log.segment_times`."""
        return times.span(self._segments.all[self._segments.position_of(base_offset)])

    # --- writing

    def append(self, batch: Buffer, header: BatchHeader, now_ms: int) -> None:
        """See `interface.Log.append`."""
        base_offset = header.base_offset
        last_offset = base_offset + header.last_offset_delta
        timestamp = header.max_timestamp
        size_bytes = len(batch)
        segment = self._active
        if (
            segment is None
            or segment.size_bytes + size_bytes > self._segment_bytes
            or timestamp > segment.roll_after
            or last_offset > segment.max_offset
            or base_offset < self.log_end_offset
        ):
            segment = self._make_room(base_offset, last_offset, timestamp, size_bytes, now_ms)
        try:
            segment.append(batch, size_bytes, last_offset, timestamp)
        except ExhaustedError:
            raise
        except StorageError as error:
            raise self._fail(error) from error
        if header.partition_leader_epoch != self.epochs.latest:
            self.epochs.assign(header.partition_leader_epoch, base_offset)
        self.log_end_offset = last_offset + 1

    def _make_room(self, base_offset: int, last_offset: int, timestamp: int, size_bytes: int, now_ms: int) -> Segment:
        """The segment that takes the batch, made if need be."""
        self._check()
        if base_offset < self.log_end_offset or last_offset < base_offset:
            raise ValueError(f"a batch of offsets {base_offset} to {last_offset} cannot follow {self.log_end_offset - 1}")
        near = last_offset - self.log_end_offset <= MAX_RELATIVE_OFFSET
        begin = self.log_end_offset if near else base_offset
        segment = self._active
        if segment is None:
            return self._start_segment(begin, now_ms)
        if segment.created_ms is None:
            segment.created_ms = now_ms
        if segment.size_bytes == 0:
            if last_offset <= segment.max_offset:
                return segment
            return self._replace_empty(base_offset, now_ms)
        full = segment.size_bytes + size_bytes > self._segment_bytes or last_offset > segment.max_offset
        if full or self._roll_time.is_over(segment, timestamp, now_ms):
            return self._start_segment(begin, now_ms)
        return segment

    def _start_segment(self, base_offset: int, now_ms: int | None) -> Segment:
        """Make a segment; the one before it is sealed."""
        segment = self.home.create_segment(base_offset, self._config, now_ms)
        self._segments.add(segment)
        self._active = segment
        self._roll_time.draw(self._config)
        return segment

    def _replace_empty(self, base_offset: int, now_ms: int) -> Segment:
        """A new active segment in the place of an empty one, which goes when the new one is there."""
        segment = self._start_segment(base_offset, now_ms)
        self._or_fail(self._segments.discard, -2, self._config.file_delete_delay_ms)
        return segment

    def create(self, now_ms: int) -> None:
        """Make directory and first segment at once, durably; without this the first append makes them."""
        if not self._segments.all:
            self._start_segment(self.log_end_offset, now_ms)
            self.flush()

    def roll(self, now_ms: int) -> None:
        """See `interface.Log.roll`."""
        self._check()
        if self._active is not None and self._active.size_bytes:
            self._start_segment(self.log_end_offset, now_ms)

    def _check(self) -> None:
        if self._failure is not None:
            raise StorageError(f"{self.topic}-{self.partition} is offline: {self._failure}")

    def _fail(self, error: StorageError) -> StorageError:
        """Take no more; returns what to raise."""
        failure = StorageError(str(error)) if isinstance(error, ExhaustedError) else error
        self._failure = failure
        self._active = None
        return failure

    def _or_fail(self, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except StorageError as error:
            raise self._fail(error) from error

    @property
    def failure(self) -> StorageError | None:
        """Why the log takes no more, None while it does."""
        return self._failure

    # --- reading

    def read(self, offset: int, max_bytes: int, upper_offset: int, min_one_batch: bool) -> Slice | None:
        """See `interface.Log.read`."""
        segment = self._active
        if segment is None or offset < segment.base_offset:
            return self._segments.read(offset, max_bytes, upper_offset, min_one_batch)
        log_end_offset = self.log_end_offset
        if offset >= upper_offset or offset >= log_end_offset:
            return None
        return segment.read(offset, max_bytes, upper_offset if upper_offset < log_end_offset else None, min_one_batch)

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `interface.Log.batches`. What is appended meanwhile may be left out."""
        for segment in self._segments.holding(from_offset):
            yield from segment.batches(from_offset)

    def batches_beside_damage(self) -> Iterator[tuple[BatchHeader, Slice] | None]:
        """See `interface.Log.batches_beside_damage`."""
        for segment in self._segments.all:
            yield from segment.batches_beside_damage()

    def offset_for_timestamp(self, timestamp: int, upper_offset: int) -> TimestampOffset | None:
        """See `interface.Log.offset_for_timestamp`."""
        found = times.first_of_log(self._segments.all, timestamp, self.log_start_offset)
        return found if found is not None and found.offset < upper_offset else None

    def max_timestamp(self, upper_offset: int) -> TimestampOffset | None:
        """See `interface.Log.max_timestamp`."""
        found = times.largest_of_log(self._segments.all)
        return found if found is not None and found.offset < upper_offset else None

    # --- leader epochs

    def end_of_epoch(self, leader_epoch: int) -> EpochEnd | None:
        """See `interface.Log.end_of_epoch`."""
        return self.epochs.end_of(leader_epoch, self.log_end_offset)

    @property
    def latest_epoch(self) -> int | None:
        """The latest leader epoch, None before the first."""
        return self.epochs.latest if self.epochs.entries else None

    def assign_epoch(self, leader_epoch: int, start_offset: int) -> None:
        """See `interface.Log.assign_epoch`."""
        self.epochs.assign(leader_epoch, start_offset)

    def epoch_at(self, offset: int) -> int:
        """See `interface.Log.epoch_at`."""
        return self.epochs.epoch_at(offset)

    # --- forgetting

    def raise_log_start_offset(self, offset: int) -> None:
        """See `interface.Log.raise_log_start_offset`."""
        if offset > self.log_end_offset:
            raise ValueError(f"the log cannot start at {offset}: it ends at {self.log_end_offset}")
        if offset <= self.log_start_offset:
            return
        self._check()
        self.log_start_offset = offset
        self.epochs.truncate_from_start(offset)
        for _ in range(self._segments.at(offset)):
            self._or_fail(self._segments.discard, 0, self._config.file_delete_delay_ms)
        if self._segments.all:
            self._segments.all[0].free_before(offset)

    def truncate_to(self, offset: int) -> None:
        """See `interface.Log.truncate_to`."""
        self._check()
        if offset >= self.log_end_offset:
            return
        self._safe.truncate(offset, self._cut)
        self.epochs.truncate_from_end(self.log_end_offset)
        self.home.snapshots.drop_after(self.log_end_offset)
        self.forget_aborted(self.log_end_offset)

    def _cut(self, offset: int) -> int:
        """Returns where the log ends now. If nothing is left of it, it begins anew at its start, or at `offset` if that is before."""
        self._or_fail(self._truncate, offset)
        self.log_end_offset = self._segments.all[-1].next_offset
        self.log_start_offset = min(self.log_start_offset, self.log_end_offset)
        return self.log_end_offset

    def _truncate(self, offset: int) -> None:
        if self._segments.truncate(offset, self.log_start_offset, self._config.file_delete_delay_ms):
            self._active = self._segments.active
        else:
            self._start_segment(min(offset, self.log_start_offset), None)

    # --- compaction

    def begin_cleaned(self, base_offset: int) -> CleanedSegment:
        """See `interface.Log.begin_cleaned`."""
        self._check()
        cleaned: CleanedSegment = self.home.create_cleaned(base_offset, self._config)
        return cleaned

    def secure_cleaned(self, cleaned: CleanedSegment, aborted: Sequence[AbortedTransaction] = ()) -> None:
        """See `interface.Log.secure_cleaned`."""
        self.flush_sealed()
        self.home.secure_cleaned(cleaned, aborted)

    def drop_cleaned(self, cleaned: CleanedSegment) -> None:
        """See `interface.Log.drop_cleaned`. Of a log that failed it stays: it may be half in its place, and the next start completes it."""
        if self._failure is None:
            self.home.drop_cleaned(cleaned)

    def replace(self, cleaned: Any, replaced: Sequence[Extent]) -> bool:
        """See `interface.Log.replace`. While names change on disk nobody reads, so a failure leaves the log offline."""
        self._check()
        segments = self._segments
        start = segments.position_of(replaced[0].base_offset)
        end = start + len(replaced)
        if end >= len(segments.all) or self.extents()[start:end] != list(replaced):
            self.home.drop_cleaned(cleaned)
            return False
        self._or_fail(segments.replace, start, replaced, cleaned, self._config.file_delete_delay_ms)
        if not start:
            cleaned.free_before(self.log_start_offset)
        return True

    # --- safety

    def flush(self) -> int:
        """See `interface.Log.flush`."""
        return self._safe.flush(self._all, self._sync)

    def flush_sealed(self) -> int:
        """Make durable what no longer changes; returns the new recovery point. Raises as `flush` does."""
        return self._safe.flush(self._sealed, self._sync)

    def try_hold_flushes(self) -> bool:
        """Whether no flush is under way, and none will be before `release_flushes`. Does not wait."""
        return self._safe.turn.acquire(blocking=False)

    def release_flushes(self) -> None:
        """See `try_hold_flushes`."""
        self._safe.turn.release()

    def _all(self) -> tuple[int, list[Segment]]:
        """An offset, and all segments that hold what lies before it: read in this order, for appends go on."""
        self._check()
        return self.log_end_offset, self._segments.all[:]

    def _sealed(self) -> tuple[int, list[Segment]]:
        """As `_all`, without the active one, which may begin behind the end of the log."""
        self._check()
        end_offset, segments = self.log_end_offset, self._segments.all[:]
        return (min(segments[-1].base_offset, end_offset), segments[:-1]) if segments else (self.recovery_point, [])

    def _sync(self, segments: list[Segment]) -> list[tuple[Segment, int]]:
        """Segments and how many bytes of them are durable now. No failure is ExhaustedError, of the epochs: they are written later; and
        NoDescriptorError: no fsync was tried that could have lost anything."""
        try:
            flushed = [(segment, segment.flush()) for segment in segments]
        except NoDescriptorError:
            raise
        except StorageError as error:  # also if it says that the disk is full: then what was written has nowhere to go
            raise self._fail(error) from error
        try:
            self.home.sync(self.epochs)
        except OSError as error:
            failure = storage_error("flush", self.home.directory, error)
            raise failure if isinstance(failure, NoDescriptorError) else self._fail(failure) from error
        return flushed

    def close(self) -> None:
        """Write what is only in memory and make all durable. Raises StorageError."""
        if self._active is not None:
            self._active.write_indexes()
        self.flush()
        self.home.aborted.seal(self._segments.bases)
        self.let_go()

    def let_go(self) -> None:
        """Close the files; slices keep theirs."""
        for segment in self._segments.all:
            segment.let_go()

    def retire(self, *, moved: bool = False) -> None:
        """The log was deleted, or lives on elsewhere: it takes no more, and who would still flush what moved has nothing to do."""
        self._safe.is_over = moved
        self._fail(StorageError(f"{self.topic}-{self.partition} was deleted"))
        self.let_go()

    def follow(self, directory: str) -> None:
        """The log's files are in a directory of that name now; readers under way go on."""
        for segment in self._segments.all:
            segment.move_to(directory)

    # --- aborted transactions

    def add_aborted(self, entry: AbortedTransaction) -> None:
        """See `interface.Log.add_aborted`."""
        self._or_fail(self.home.aborted.add, self._segments.base_of(entry.last_offset), entry)

    @property
    def aborted_wait_for(self) -> str | None:
        """See `interface.Log.aborted_wait_for`."""
        return self.home.aborted.waits_for

    def aborted(self, from_offset: int = 0) -> Iterator[AbortedTransaction]:
        """See `interface.Log.aborted`."""
        for base_offset in self._segments.bases_from(from_offset):
            yield from self.home.aborted.of(base_offset)

    def forget_aborted(self, from_offset: int) -> None:
        """See `interface.Log.forget_aborted`."""
        self.settle_aborted(from_offset, ())

    def settle_aborted(self, from_offset: int, entries: Sequence[AbortedTransaction]) -> None:
        """See `interface.Log.settle_aborted`."""
        found: dict[int, list[AbortedTransaction]] = {}
        for entry in entries:
            found.setdefault(self._segments.base_of(entry.last_offset), []).append(entry)
        for base_offset in self._segments.bases_from(from_offset):
            said = self.home.aborted.of(base_offset)
            kept = [entry for entry in said if entry.last_offset < from_offset]
            wanted = kept + found.get(base_offset, [])
            same = [entry for entry, _ in takewhile(lambda pair: pair[0] == pair[1], zip(wanted, said, strict=False))]
            self.home.aborted.replace(base_offset, same)
            for entry in wanted[len(same) :]:
                self.home.aborted.add(base_offset, entry)

    def renew_aborted(self, entries: Iterable[AbortedTransaction]) -> None:
        """See `interface.Log.renew_aborted`."""
        self._or_fail(self.home.aborted.renew, self._segments.bases, entries)

    # --- producer snapshots

    def write_producer_snapshot(self, offset: int, content: bytes) -> None:
        """See `interface.Log.write_producer_snapshot`. One that a start would believe at once follows no entry that is not on the disk."""
        if offset <= self.recovery_point and self.home.aborted.has_unsynced:
            self.flush()
        self.home.write_snapshot(offset, content)

    def producer_snapshots(self) -> Iterator[tuple[int, bytes]]:
        """See `interface.Log.producer_snapshots`."""
        return self.home.snapshots.up_to(self.log_end_offset)
