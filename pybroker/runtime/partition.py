"""One live partition: the only writer of its log.

Between the decision (`PartitionState.admit`) and the write nothing awaits, so the decision still holds when the bytes land. State follows
the bytes: it moves when they are written, and after a failed write it is never patched; the partition goes offline, and what is true is
read back from the log at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import trio

from pybroker.core.partition import NO_EPOCH, PartitionState
from pybroker.core.producer_snapshot import encode_snapshot
from pybroker.core.producers import Marker
from pybroker.core.retention import retained_from
from pybroker.core.topic_config import TopicConfig
from pybroker.records.batch import BatchHeader, iter_batches, patch_base_offset_and_epoch, read_header
from pybroker.records.control import build_marker
from pybroker.runtime.clock import Clock
from pybroker.runtime.fetch_wait import Waiter
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.topic_rules import TopicRules
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.interface import AbortedTransaction, EpochEnd, Log, Slice
from pybroker.wire.buffers import Buffer
from pybroker.wire.errors import ErrorCode, KafkaError

T = TypeVar("T")

logger = logging.getLogger(__name__)

NEVER = 2**63 - 1
"""Kafka's default of flush.messages: leave it to the operating system."""
TELL_FULL_EVERY_MS = 60_000

MANY_ABORTED = 64
"""A fetch names so many aborted transactions (1 KiB) rather than look where its records end."""


class Host(NamedTuple):
    """What all partitions of a broker share."""

    clock: Clock
    flusher: Flusher
    tell_failure: Callable[[LivePartition], None] | None = None


class Appended(NamedTuple):
    """Where a produced batch lies. `log_append_time_ms` is -1 if its records keep the client's times."""

    base_offset: int
    next_offset: int
    log_append_time_ms: int


class LivePartition:
    """See the module. Light: a broker may have thousands, and most of them sleep.

    `cleaning`: the end of the round of the cleaner that is under way, None if none is; while the log is `moving` none begins.
    """

    __slots__ = (
        "_committed",
        "_failure",
        "_host",
        "_last_flush_ms",
        "_quiet_of_index_until_ms",
        "_quiet_until_ms",
        "_rules",
        "_snapshot_offset",
        "_told_full",
        "_told_of_index",
        "_watchers",
        "cleaning",
        "is_internal",
        "log",
        "moving",
        "partition",
        "state",
        "topic",
        "topic_id",
    )

    def __init__(
        self, host: Host, log: Log, state: PartitionState, rules: TopicRules, *, is_internal: bool = False, snapshot_offset: int = -1
    ) -> None:
        self.topic = log.topic
        self.topic_id = log.topic_id
        self.partition = log.partition
        self.log = log
        self.state = state
        self.is_internal = is_internal
        self._host = host
        self._rules = rules
        self._failure: tuple[ErrorCode, str] | None = None
        self._watchers: set[Waiter] | None = None
        self._committed: trio.lowlevel.ParkingLot | None = None
        self._snapshot_offset = snapshot_offset
        self._last_flush_ms = -1
        self._quiet_until_ms = 0
        self._told_full = False
        self._quiet_of_index_until_ms = 0
        self._told_of_index = False
        self.cleaning: trio.Event | None = None
        self.moving = False

    def __repr__(self) -> str:
        return f"LivePartition({self.topic}-{self.partition}, {self.log_start_offset} to {self.log_end_offset})"

    @property
    def config(self) -> TopicConfig:
        return self._rules.config

    @property
    def leader_epoch(self) -> int:
        return self.state.leader_epoch

    @property
    def log_start_offset(self) -> int:
        return self.state.log_start_offset

    @property
    def high_watermark(self) -> int:
        return self.state.high_watermark

    @property
    def last_stable_offset(self) -> int:
        return self.state.last_stable_offset

    @property
    def log_end_offset(self) -> int:
        return self.state.log_end_offset

    @property
    def offline(self) -> bool:
        return self._failure is not None

    @property
    def commits_at_once(self) -> bool:
        """Whether a batch that was written is committed, by the flush policy."""
        return self._rules.flush_messages == NEVER

    def check_online(self) -> None:
        """Raises KafkaError: the log cannot be used, or the partition was deleted."""
        if self._failure is not None:
            raise KafkaError(*self._failure)

    # --- writing

    def append_produced(self, records: memoryview, api_version: int, now_ms: int) -> Appended:
        """Take a client's batch: at once in the log, not yet safe by the flush policy (see `wait_committed`).

        Raises what the check of the records raises (see `records.validate`), and KafkaError.
        """
        self.check_online()
        batch, header, log_append_time_ms = self._rules.check(records, api_version, now_ms)
        state = self.state
        duplicate = state.admit(header)
        if duplicate is not None:
            return Appended(duplicate.first_offset, duplicate.last_offset + 1, duplicate.timestamp)
        base_offset = self._write(batch, header, now_ms)
        return Appended(base_offset, state.log_end_offset, log_append_time_ms)

    def append_records(self, batch: Buffer, header: BatchHeader | None = None, now_ms: int | None = None) -> int:
        """Write a coordinator's own batch and return its base offset. Raises KafkaError; beyond max.message.bytes MESSAGE_TOO_LARGE.

        Who made the batch may give its `header` with it, and the time; a bytearray is written to.
        """
        self.check_online()
        allowed_bytes = self._rules.config.max_message_bytes
        if len(batch) > allowed_bytes:
            raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, f"a batch of {len(batch)} bytes, where {allowed_bytes} are allowed")
        own = batch if isinstance(batch, bytearray) else bytearray(batch)
        return self._write(own, header or read_header(own), self._host.clock.now_ms() if now_ms is None else now_ms)

    def append_marker(self, marker: Marker) -> int:
        """End a producer's transaction here; returns the offset from which on it is safe (`wait_committed`). Raises KafkaError."""
        self.check_online()
        state = self.state
        state.admit_marker(marker)
        now_ms = self._host.clock.now_ms()
        batch, header = build_marker(
            marker.producer_id, marker.producer_epoch, marker.coordinator_epoch, timestamp_ms=now_ms, commit=marker.committed
        )
        base_offset = self._put(batch, header, now_ms)
        aborted = state.advance_marker(header, base_offset, marker.coordinator_epoch, committed=marker.committed)
        if aborted is not None:
            self._note_aborted(aborted)
        self._advance_high_watermark(len(batch))
        self._wake_watchers()
        return state.log_end_offset

    def _note_aborted(self, aborted: AbortedTransaction) -> None:
        """Keep it in the log's transaction index, where the next start finds it.

        What the index lacks is found again from the last producer snapshot on; so without it there must be no later snapshot.
        """
        try:
            self.log.add_aborted(aborted)
        except StorageError as error:
            self.take_offline(error)
        self._tell_of_index()

    def _write(self, batch: bytearray | memoryview, header: BatchHeader, now_ms: int) -> int:
        base_offset = self._put(batch, header, now_ms)
        self.state.advance(header, base_offset)
        self._advance_high_watermark(len(batch))
        return base_offset

    def _put(self, batch: bytearray | memoryview, header: BatchHeader, now_ms: int) -> int:
        state = self.state
        base_offset = state.log_end_offset
        header.base_offset = base_offset
        header.partition_leader_epoch = state.leader_epoch
        patch_base_offset_and_epoch(batch, 0, base_offset, state.leader_epoch)
        try:
            self.log.append(batch, header, now_ms)
        except ExhaustedError as full:
            self._tell_full(full, now_ms)
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(full)) from full
        except StorageError as error:
            self.take_offline(error)
            self.check_online()
        if self._told_full:
            self._tell_room()
        if base_offset and self.log.active_base_offset == base_offset:
            self.take_snapshot()
        return base_offset

    # --- safety

    def _advance_high_watermark(self, size_bytes: int) -> None:
        """At most `flush.messages` - 1 records may be seen by readers without being on disk; by default all may.

        It lies between batches, as the log's end and the recovery point do.
        """
        state = self.state
        flush_messages = self._rules.flush_messages
        safe = state.log_end_offset
        if flush_messages != NEVER and safe - self.log.recovery_point >= flush_messages:
            safe = self.log.recovery_point
            self._host.flusher.ask(self)
        if state.raise_high_watermark(safe):
            if self._watchers:
                self._tell_watchers(size_bytes)
            if self._committed is not None:
                self._committed.unpark_all()

    def flushed(self) -> None:
        """The log was flushed: what that made safe may be seen."""
        self._last_flush_ms = self._host.clock.now_ms()
        self._advance_high_watermark(self.log.size_bytes)

    def needs_flush(self, now_ms: int) -> bool:
        """Whether `flush.ms` is over for something that is not on disk."""
        if self.offline or self.config.flush_ms == NEVER or self.log.recovery_point >= self.log_end_offset:
            return False
        return now_ms - self._last_flush_ms >= self.config.flush_ms

    def hold_flushes(self) -> None:
        """Who waits for a flush waits until `release_flushes`: so a copy of the log can become as durable as it is."""
        self._host.flusher.hold(self)

    def release_flushes(self) -> None:
        """What was asked for meanwhile is flushed now."""
        self._host.flusher.release(self)

    async def wait_committed(self, offset: int) -> None:
        """Until the high watermark is at or above `offset`. Raises KafkaError if the partition goes away."""
        while self.state.high_watermark < offset:
            self.check_online()
            if self._committed is None:
                self._committed = trio.lowlevel.ParkingLot()
            await self._committed.park()

    def _tell_full(self, full: ExhaustedError, now_ms: int) -> None:
        """Producers try again and again: a line a minute says enough."""
        if now_ms >= self._quiet_until_ms:
            logger.error("%s-%d refuses writes: %s", self.topic, self.partition, full)
            self._quiet_until_ms = now_ms + TELL_FULL_EVERY_MS
            self._told_full = True

    def _tell_room(self) -> None:
        logger.info("%s-%d takes writes again", self.topic, self.partition)
        self._told_full = False

    def _tell_of_index(self) -> None:
        """Entries that wait are lost with the process, and cost the next start time: a line a minute, and one when they are written."""
        reason = self.log.aborted_wait_for
        if reason is None:
            if self._told_of_index:
                logger.info("%s-%d has all aborted transactions in its transaction index again", self.topic, self.partition)
                self._told_of_index = False
            return
        now_ms = self._host.clock.now_ms()
        if now_ms >= self._quiet_of_index_until_ms:
            waiting = "%s-%d keeps aborted transactions in memory until its transaction index takes them: %s"
            logger.warning(waiting, self.topic, self.partition, reason)
            self._quiet_of_index_until_ms = now_ms + TELL_FULL_EVERY_MS
            self._told_of_index = True

    def take_offline(self, error: StorageError) -> None:
        """The log failed. What was not committed is not known to be written; nothing more is taken or given until the next start.

        A log that was deleted while it was being flushed fails too: that is told already.
        """
        if self.offline:
            return
        logger.error("%s-%d goes offline: %s", self.topic, self.partition, error)
        self._fail(ErrorCode.KAFKA_STORAGE_ERROR, str(error))
        if self._host.tell_failure is not None:
            self._host.tell_failure(self)

    def stay_offline(self, reason: str, code: ErrorCode = ErrorCode.KAFKA_STORAGE_ERROR) -> None:
        """The log cannot be used, or its directory went; it was told why."""
        if not self.offline:
            self._fail(code, reason)

    def close(self) -> None:
        """The partition was deleted: everybody who waits is told that it is not there."""
        self._fail(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{self.topic}-{self.partition} was deleted")

    def _fail(self, code: ErrorCode, message: str) -> None:
        self._failure = code, message
        if self._committed is not None:
            self._committed.unpark_all()
        self._wake_watchers()

    # --- reading

    def read(self, offset: int, max_bytes: int, isolation_level: int, min_one_batch: bool) -> Slice | None:
        """Whole batches from the one that holds `offset`; None if there is nothing to give. Raises KafkaError."""
        state = self.state
        state.check_in_range(offset)
        upper_offset = state.readable_up_to(isolation_level)
        if offset >= upper_offset:
            return None
        try:
            return self.log.read(offset, max_bytes, upper_offset, min_one_batch)
        except StorageError as error:
            raise self._cannot(error) from error

    def _tried(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except StorageError as error:
            raise self._cannot(error) from error

    def _cannot(self, error: StorageError) -> KafkaError:
        """The log cannot do something: it is offline, unless the want of room or of descriptors kept it from that."""
        if not isinstance(error, ExhaustedError):
            self.take_offline(error)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(error))

    def aborted_between(self, offset: int, records: Slice) -> list[tuple[int, int]]:
        """(producer id, first offset) of the aborted transactions that touch `records`, which were read from `offset` on.

        More than that may be named, as Kafka does; where it would be much more, the end of the records is looked up. Raises KafkaError.
        """
        aborted = self.state.aborted
        if aborted is None:
            return []
        found = aborted.between(offset, self.state.last_stable_offset)
        if len(found) > MANY_ABORTED:
            *_, (_, last) = iter_batches(self._tried(records.read))
            found = aborted.between(offset, last.next_offset)
        return found

    def end_of_epoch(self, leader_epoch: int) -> EpochEnd | None:
        """Where a leader epoch ended (KIP-101, KIP-279); the current one ends at the log's end, even before its first batch."""
        if leader_epoch == NO_EPOCH or leader_epoch > self.leader_epoch:
            return None
        if leader_epoch == self.leader_epoch:
            return EpochEnd(leader_epoch, self.log_end_offset)
        return self.log.end_of_epoch(leader_epoch) or EpochEnd(leader_epoch, self.log_start_offset)

    # --- what readers wait for

    def watch(self, waiter: Waiter) -> None:
        if self._watchers is None:
            self._watchers = set()
        self._watchers.add(waiter)

    def unwatch(self, waiter: Waiter) -> None:
        if self._watchers is not None:
            self._watchers.discard(waiter)

    def _tell_watchers(self, size_bytes: int) -> None:
        for waiter in self._watchers or ():
            waiter.more(size_bytes)

    def _wake_watchers(self) -> None:
        for waiter in self._watchers or ():
            waiter.wake()

    # --- upkeep

    def take_log(self, log: Log) -> None:
        """The log lies in another directory now, with all that it holds. A flush makes its new name durable."""
        self.log = log
        log.config = self._rules.log_config
        self._snapshot_offset = -1
        self.take_snapshot()
        self._host.flusher.ask(self)

    def configure(self, rules: TopicRules) -> None:
        """The topic's configuration changed."""
        self._rules = rules
        self.log.config = rules.log_config
        self._advance_high_watermark(0)

    def lead(self, leader_epoch: int) -> None:
        """A new leader epoch: whoever fetches with the old one must hear of it."""
        if leader_epoch != self.state.leader_epoch:
            self.state.leader_epoch = leader_epoch
            self._wake_watchers()

    def delete_records(self, before_offset: int) -> int:
        """Forget what lies before the offset (-1: all that is committed); returns the log start. Raises KafkaError."""
        self.check_online()
        if self.state.delete_before(before_offset):
            self._forget_before_start()
        return self.state.log_start_offset

    def _forget_before_start(self) -> None:
        try:
            self.log.raise_log_start_offset(self.state.log_start_offset)
        except StorageError as error:
            self.take_offline(error)
            self.check_online()
        self.state.forget_aborted()
        self._wake_watchers()

    def retain(self, now_ms: int) -> bool:
        """Drop the segments that retention.ms and retention.bytes no longer keep; whether there were any. Raises KafkaError."""
        if self.offline or not self.config.delete or self.state.log_start_offset == self.state.log_end_offset:
            return False
        start = self._tried(lambda: self._retained_from(now_ms))
        if start <= self.state.log_start_offset:
            return False
        self.state.log_start_offset = start
        self._forget_before_start()
        return True

    def _retained_from(self, now_ms: int) -> int:
        """The log start that retention wants. If that is the log's end the active segment goes too, so another takes its place."""
        config = self.config
        start = retained_from(self.log.segments(), self.high_watermark, now_ms, config.retention_ms, config.retention_bytes)
        if start is None:
            return self.log_start_offset
        if start == self.log_end_offset > self.log_start_offset:
            self.log.roll(now_ms)
            self.take_snapshot()
        return start

    def take_snapshot(self) -> None:
        """Keep the producers as they are, so that the next start need not read what lies before: when a segment begins, and at the end.

        Blocking, small. A snapshot that cannot be written costs the next start time, and nothing else.
        """
        offset = self.state.log_end_offset
        if offset <= self._snapshot_offset or self.offline:
            return
        try:
            self.log.write_producer_snapshot(offset, encode_snapshot(self.state.producers))
            self._snapshot_offset = offset
        except StorageError as error:
            logger.warning("%s-%d: no producer snapshot at %d: %s", self.topic, self.partition, offset, error)
        self._tell_of_index()
