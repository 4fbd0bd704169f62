"""Produce: batches of clients into the logs of their partitions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pybroker.handlers.context import RequestContext
from pybroker.handlers.produce_one import ProduceOne
from pybroker.handlers.produce_refusals import NO_LEADER, NOT_TOLD, close_on_error, refuse_all, refuse_late, refused
from pybroker.handlers.registry import Quick, handles
from pybroker.records.validate import InvalidBatch
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.state import BrokerState
from pybroker.runtime.turns import STEPS_PER_TURN, Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import ProduceRequest, ProduceResponse

if TYPE_CHECKING:
    from pybroker.handlers.transactional_produce import Admission

TOPIC_IDS_SINCE = 13
STEPS_OF_A_BATCH = 4
"""It is a write, some 20 us; on disk 2 ms where it is the first and its log has to be made: of such ones others wait for 0.1 s."""
BYTES_OF_A_STEP = 16_384
"""To check and write so much takes some 5 us."""
ADMIN_CLIENT_ID = "__admin_client"
"""Kafka lets this client write to internal topics (AdminUtils.ADMIN_CLIENT_ID)."""

_TopicResponse = ProduceResponse.TopicProduceResponse
_PartitionResponse = ProduceResponse.PartitionProduceResponse

Named = tuple[Any, Iterable[Any]]
Batch = tuple[Any, Any, list[Any]]
"""Topic and partition as they were named, and where the answer goes."""
Waiting = list[tuple[Any, LivePartition, int]]


def produce_one(state: BrokerState, version: int) -> Quick:
    """The short way, for one batch to one partition."""
    return ProduceOne(state, version, _find_writable).answer


@handles(ProduceRequest, versions=(3, 13), advertised_min_version=0, make_quick=produce_one)
async def produce(context: RequestContext, request: ProduceRequest) -> ProduceResponse | None:
    """Append one batch to each of the partitions named.

    Versions   3: transactions, magic 2 (KIP-98)   5: log start offset   7: zstd (KIP-110)   8: record errors (KIP-467)
               10: current leader, node endpoints (KIP-951)   11, 12: transactions without AddPartitionsToTxn (KIP-890)
               13: topic ids (KIP-516)
    Behaviour  Versions 0 to 2 are offered in ApiVersions and close the connection, as in Kafka (KAFKA-18659). One batch for a partition;
               what is wrong with it is said by `records.validate`, and what of that is told by `produce_refusals`. A partition named
               twice is written once, with what was named last.
               acks 1 and -1 are the same on one broker: the answer comes when the flush policy has made the batch safe. acks 0 has no
               answer; if anything fails the connection is closed, so that the client notices. A duplicate is answered with the first
               one's offset and, as append time, its largest timestamp. Null records close the connection, where Kafka 4.4.0 never
               answers at all.
               A transactional batch is written if the transaction's coordinator knows of the partition, and up to version 11
               refused if not; version 12 adds it. A batch that continues what is open in the partition is not asked for.
    Not done   Nothing.
    """
    refusal = refuse_all(request)
    waiting: Waiting = []
    responses = []
    batches: list[Batch] = []
    for topic, named in distinct(request.topic_data):
        answers: list[Any] = []
        responses.append(_TopicResponse(name=topic.name, topic_id=topic.topic_id, partition_responses=answers))
        batches += [(topic, one, answers) for one in named]
    turns, admission = Turns(), None
    if request.transactional_id is not None and refusal is None:
        admission = await _ask_coordinator(context, request, request.transactional_id, batches, turns)
    is_admitted = True
    for piece, steps in _pieces(batches):
        if admission is not None and not is_admitted:  # what the coordinator said holds only as long as nothing is awaited
            await admission.ask_again(context, _writable(context, request, piece))
        for topic, one, answers in piece:
            if refusal is None:
                answers.append(_append(context, request, topic, one, waiting, admission))
            else:
                answers.append(refused(context, request, topic, one, refusal))
        await turns.step(steps)
        is_admitted = False
    if request.acks == 0:
        close_on_error(responses)
        return None
    for answer, live, offset in waiting:
        await _wait_committed(context, answer, live, offset)
    return ProduceResponse(responses=responses)


def distinct(topics: list[Any]) -> Iterable[Named]:
    """Each topic once with each of its partitions once: as Kafka keeps them in a map, the last one named counts."""
    if len(topics) == 1 and len(topics[0].partition_data) == 1:
        return [(topics[0], topics[0].partition_data)]
    by_topic: dict[tuple[str, bytes], tuple[Any, dict[int, Any]]] = {}
    for topic in topics:
        _, named = by_topic.setdefault((topic.name, topic.topic_id), (topic, {}))
        for one in topic.partition_data:
            named[one.index] = one
    return [(topic, named.values()) for topic, named in by_topic.values()]


def _pieces(batches: list[Batch]) -> Iterator[tuple[list[Batch], int]]:
    """What may be written in one turn, and the steps that it takes."""
    piece, steps = [], 0
    for batch in batches:
        piece.append(batch)
        steps += STEPS_OF_A_BATCH + len(batch[1].records) // BYTES_OF_A_STEP
        if steps >= STEPS_PER_TURN:
            yield piece, steps
            piece, steps = [], 0
    if piece:
        yield piece, steps


async def _ask_coordinator(
    context: RequestContext, request: ProduceRequest, transactional_id: str, batches: list[Batch], turns: Turns
) -> Admission:
    """Ask for all partitions that may be written to at once."""
    # Imported here: who has no transactions starts without them.
    from pybroker.handlers.transactional_produce import Admission

    admission = Admission(transactional_id)
    for piece, _ in _pieces(batches):
        admission.note(_writable(context, request, piece))
        await turns.step(len(piece))
    await admission.ask(context)
    return admission


def _writable(context: RequestContext, request: ProduceRequest, batches: list[Batch]) -> list[tuple[LivePartition, memoryview]]:
    found = []
    for topic, one, _ in batches:
        with contextlib.suppress(KafkaError):
            found.append((_find_writable(context, request, topic, one), one.records))
    return found


def _append(context: RequestContext, request: ProduceRequest, topic: Any, one: Any, waiting: Waiting, admission: Admission | None) -> Any:
    try:
        live = _find_writable(context, request, topic, one)
        if admission is not None:
            admission.check(context.api_version, live, one.records)
    except KafkaError as error:
        return refused(context, request, topic, one, error)
    try:
        appended = live.append_produced(one.records, context.api_version, context.state.clock.now_ms())
    except InvalidBatch as error:
        return refused(context, request, topic, one, error, live.log_start_offset if error.reached_log else NOT_TOLD)
    except KafkaError as error:
        start = NOT_TOLD if error.code is ErrorCode.KAFKA_STORAGE_ERROR else live.log_start_offset
        return refused(context, request, topic, one, error, start)
    answer = _PartitionResponse(
        index=one.index,
        base_offset=appended.base_offset,
        log_append_time_ms=appended.log_append_time_ms,
        log_start_offset=live.log_start_offset,
        current_leader=NO_LEADER,
    )
    if live.state.high_watermark < appended.next_offset:
        waiting.append((answer, live, appended.next_offset))
    return answer


def _find_writable(context: RequestContext, request: ProduceRequest, topic: Any, one: Any) -> LivePartition:
    """The partition, if this request may write to it. The order is that of KafkaApis and ReplicaManager.appendRecords."""
    live = _find(context, topic, one.index)
    if request.acks not in (-1, 0, 1):
        raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks {request.acks}, where -1, 0 or 1 is asked for")
    if live.is_internal and context.client_id != ADMIN_CLIENT_ID:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"clients may not write to {live.topic}")
    return live


def _find(context: RequestContext, topic: Any, partition: int) -> LivePartition:
    partitions = context.state.partitions
    by_id = context.api_version >= TOPIC_IDS_SINCE
    live = partitions.find_by_id(topic.topic_id, partition) if by_id else partitions.find(topic.name, partition)
    if live is not None:
        return live
    if by_id and partitions.name_of(topic.topic_id) is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "there is no topic with this id")
    raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "there is no such topic or partition")


async def _wait_committed(context: RequestContext, answer: Any, live: LivePartition, offset: int) -> None:
    """Until the batch is safe; a log that fails meanwhile turns the answer into its error."""
    await context.flush()
    try:
        await live.wait_committed(offset)
    except KafkaError as error:
        refuse_late(context, answer, live, error)
