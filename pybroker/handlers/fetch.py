"""Fetch: records of many partitions, at once or as soon as there are enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

import trio

from pybroker.core.fetch_sessions import Answer, AskedPartition, FetchContext
from pybroker.core.partition import NO_EPOCH, READ_COMMITTED, READ_UNCOMMITTED
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.partitions import Partitions
from pybroker.runtime.turns import STEPS_PER_TURN
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import FetchRequest, FetchResponse

TOPIC_IDS_SINCE = 13
REPLICA_STATE_SINCE = 15

_PartitionData = FetchResponse.PartitionData
_TopicResponse = FetchResponse.FetchableTopicResponse
_EpochEnd = FetchResponse.EpochEndOffset

# Shared by all answers, never changed: what is not told, and is not encoded either.
_NO_DIVERGENCE = _EpochEnd()
_NO_LEADER = FetchResponse.LeaderIdAndEpoch()
_NO_SNAPSHOT = FetchResponse.SnapshotId()
_NO_RECORDS = b""


@handles(FetchRequest, versions=(4, 18))
async def fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
    """Give the records of partitions from the offsets asked for.

    Versions   4: isolation level (KIP-98)   5: log start offset   7: sessions (KIP-227)   9: leader epoch (KIP-320)   10: zstd (KIP-110)
               11: racks (KIP-392)   12: last fetched epoch (KIP-595)   13: topic ids (KIP-516)   15: replica state (KIP-903)
               16: node endpoints (KIP-951)   17: directory ids (KIP-853)   18: the replica's high watermark (KIP-1166)
    Behaviour  Whole batches from the one that holds the offset. The first batch comes whole whatever the limits; max_bytes is used up in
               the order of the request, and partitions after that are answered empty. Where Kafka would send a batch cut by a limit,
               it is left out. The answer waits for min_bytes, or max_bytes if that is less, up to max_wait_ms; an error of a partition
               that is there, or one that goes away, ends the wait. Partitions that are not there do not, but alone they are answered at
               once. A zstd batch is served as it is to every version. Records that a negative limit forbids are UNKNOWN_SERVER_ERROR.
               Nobody replicates from this broker: a replica is told NOT_LEADER_OR_FOLLOWER.
               Who reads what is committed gets the aborted transactions that touch the records; some that do not may be among them.
    Not done   No preferred read replica: there is one broker.
    """
    by_id = context.api_version >= TOPIC_IDS_SINCE
    if request.isolation_level not in (READ_UNCOMMITTED, READ_COMMITTED):
        return _refuse(request)
    clock = context.state.clock
    try:
        session = context.state.fetch_sessions.begin(request, by_id, clock.now_ms())
        answers = await _collect(context, request, session)
        session_id, answers = session.finish(answers, clock.now_ms())
    except KafkaError as error:
        return FetchResponse(error_code=error.code)
    return FetchResponse(session_id=session_id, responses=_by_topic(answers))


def _refuse(request: FetchRequest) -> FetchResponse:
    """An isolation level that does not exist: Kafka cannot read the request then, and says so everywhere."""
    asked = [AskedPartition(topic.topic, topic.topic_id, one) for topic in request.topics for one in topic.partitions]
    answers = [(one, _error_data(one, ErrorCode.UNKNOWN_SERVER_ERROR)) for one in asked]
    return FetchResponse(error_code=ErrorCode.UNKNOWN_SERVER_ERROR, responses=_by_topic(answers))


async def _collect(context: RequestContext, request: FetchRequest, session: FetchContext) -> list[Answer]:
    """Read until there is enough, something is wrong, or the time is over."""
    partitions = context.state.partitions
    largest_bytes: int = context.state.settings.get("fetch.max.bytes")
    max_bytes = min(request.max_bytes, largest_bytes)
    min_bytes = min(request.min_bytes, max_bytes)
    reading = Reading(partitions, request, context.api_version, max_bytes)
    deadline = -1.0
    while True:
        await reading.read_all(session.asked)
        if reading.size_bytes >= min_bytes or reading.urgent or request.max_wait_ms <= 0 or not reading.live:
            return reading.answers
        if deadline < 0:
            deadline = partitions.deadline_after(request.max_wait_ms)
        elif partitions.is_over(deadline):
            return reading.answers
        waiter = partitions.watch(reading.live, min_bytes - reading.size_bytes)
        if reading.missed_something():
            waiter.wake()
        reading.forget(expected=len(reading.live))
        try:
            await context.park()
            await partitions.wait(waiter, deadline)
        finally:
            waiter.close()


class Reading:
    """One pass over the partitions of a fetch. `urgent`: something must be told now."""

    __slots__ = (
        "_by_id",
        "_expected",
        "_interrupted",
        "_is_replica",
        "_isolation_level",
        "_left_bytes",
        "_max_bytes",
        "_partitions",
        "answers",
        "live",
        "size_bytes",
        "urgent",
    )

    def __init__(self, partitions: Partitions, request: FetchRequest, api_version: int, max_bytes: int) -> None:
        replica_id = request.replica_state.replica_id if api_version >= REPLICA_STATE_SINCE else request.replica_id
        self._by_id = api_version >= TOPIC_IDS_SINCE
        self._partitions = partitions
        self._is_replica = replica_id >= 0
        self._isolation_level: int = request.isolation_level
        self._max_bytes = max_bytes
        self.forget()

    def forget(self, expected: int = 0) -> None:
        """Let go of what was read: nothing of it is kept over a wait, but how many partitions there were."""
        self._expected = expected
        self.answers: list[Answer] = []
        self.live: list[LivePartition] = []
        self.size_bytes = 0
        self._left_bytes = self._max_bytes
        self._interrupted = False
        self.urgent = False

    async def read_all(self, asked: Collection[AskedPartition]) -> None:
        """Read every partition in turn; of very many, others run in between."""
        if len(asked) <= STEPS_PER_TURN:
            self._read_some(asked)
        else:
            self._interrupted = True
            rest = iter(asked)
            while piece := list(islice(rest, STEPS_PER_TURN)):
                self._read_some(piece)
                await trio.lowlevel.checkpoint()
        if len(self.live) < self._expected:
            self.urgent = True

    def _read_some(self, asked: Iterable[AskedPartition]) -> None:
        for one in asked:
            live = self._find(one)
            if live is None:
                self.answers.append((one, _error_data(one, self._missing(one))))
                continue
            try:
                self.answers.append((one, self._read(one, live)))
                self.live.append(live)
            except KafkaError as error:
                self.urgent = True
                self.answers.append((one, _error_data(one, error.code, reached=True)))

    def missed_something(self) -> bool:
        """Whether a partition may have changed while others were read; from now on the waiter sees it."""
        if not self._interrupted:
            return False
        told = sum(data.high_watermark + data.log_start_offset for _, data in self.answers if not data.error_code)
        return told != sum(live.high_watermark + live.log_start_offset for live in self.live) or any(live.offline for live in self.live)

    def _find(self, one: AskedPartition) -> LivePartition | None:
        if not self._by_id:
            return self._partitions.find(one.topic or "", one.partition)
        live = self._partitions.find_by_id(one.topic_id, one.partition)
        if live is not None:
            one.topic = live.topic
        return live

    def _missing(self, one: AskedPartition) -> ErrorCode:
        """Why a partition is not there: its topic id was never seen, or now belongs to another topic than a session knew, or else."""
        if self._by_id and self._partitions.name_of(one.topic_id) is None:
            if one.topic is None:
                return ErrorCode.UNKNOWN_TOPIC_ID
            if self._partitions.knows(one.topic):
                return ErrorCode.INCONSISTENT_TOPIC_ID
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    def _read(self, one: AskedPartition, live: LivePartition) -> Any:
        live.check_online()
        live.state.check_leader_epoch(one.current_leader_epoch)
        if self._is_replica:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "nobody replicates from this broker")
        diverging = _diverging_epoch(one, live) if one.last_fetched_epoch != NO_EPOCH else None
        records = None
        if diverging is None:
            records = self._read_records(one, live)
        else:
            self.urgent = True
        return _data(one, live, records, diverging, self._isolation_level)

    def _read_records(self, one: AskedPartition, live: LivePartition) -> Any:
        """Within both limits. A negative one is an error where there is something to read, as in LogSegment.read."""
        limit_bytes = min(one.partition_max_bytes, self._left_bytes)
        is_negative = limit_bytes < 0
        if is_negative:
            limit_bytes, self._left_bytes = 0, max(self._left_bytes, 0)
        records = live.read(one.fetch_offset, limit_bytes, self._isolation_level, is_negative or self.size_bytes == 0)
        if records is not None:
            if is_negative:
                raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "a negative limit")
            self.size_bytes += len(records)
            self._left_bytes = max(self._left_bytes - len(records), 0)
        return records


def _diverging_epoch(one: AskedPartition, live: LivePartition) -> Any | None:
    """KIP-595: whether the log was cut below what was fetched. Raises OFFSET_OUT_OF_RANGE where nothing can be said."""
    end = live.end_of_epoch(one.last_fetched_epoch)
    if end is None:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"the last fetched epoch {one.last_fetched_epoch} is not known")
    if one.fetch_offset < live.log_start_offset:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"the log begins at {live.log_start_offset}")
    if end.leader_epoch < one.last_fetched_epoch or end.end_offset < one.fetch_offset:
        return _EpochEnd(epoch=end.leader_epoch, end_offset=end.end_offset)
    return None


def _data(one: AskedPartition, live: LivePartition, records: Any, diverging: Any, isolation_level: int) -> Any:
    state = live.state
    return _PartitionData(
        partition_index=one.partition,
        high_watermark=state.high_watermark,
        last_stable_offset=state.last_stable_offset,
        log_start_offset=state.log_start_offset,
        diverging_epoch=diverging or _NO_DIVERGENCE,
        current_leader=_NO_LEADER,
        snapshot_id=_NO_SNAPSHOT,
        aborted_transactions=_aborted(one, live, records) if isolation_level == READ_COMMITTED else None,
        records=_NO_RECORDS if records is None else records,
    )


def _aborted(one: AskedPartition, live: LivePartition, records: Any) -> list[Any]:
    if records is None or live.state.aborted is None:
        return []
    named = live.aborted_between(one.fetch_offset, records)
    return [FetchResponse.AbortedTransaction(producer_id=producer_id, first_offset=offset) for producer_id, offset in named]


def _error_data(one: AskedPartition, code: ErrorCode, *, reached: bool = False) -> Any:
    """An error. The list of transactions is null where Kafka reached the partition and empty where it did not."""
    return _PartitionData(
        partition_index=one.partition,
        error_code=code,
        high_watermark=-1,
        aborted_transactions=None if reached else [],
        records=_NO_RECORDS,
    )


def _by_topic(answers: list[Answer]) -> list[Any]:
    """Answers that follow each other and are of one topic stand together, as FetchResponse.toMessage puts them."""
    topics: list[Any] = []
    last: Any = None
    for one, data in answers:
        name = one.topic or ""
        if last is None or last.topic_id != one.topic_id or last.topic != name:
            last = _TopicResponse(topic=name, topic_id=one.topic_id, partitions=[])
            topics.append(last)
        last.partitions.append(data)
    return topics
