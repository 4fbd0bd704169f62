"""WriteTxnMarkers: the ends of transactions, written by request of another coordinator or of an administrator."""

from __future__ import annotations

from typing import Any

from pybroker.core.producers import Marker
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.markers import Written
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import WriteTxnMarkersRequest, WriteTxnMarkersResponse

STEPS_PER_MARKER = 10
"""A marker is a write: some 50 us."""

_Result = WriteTxnMarkersResponse.WritableTxnMarkerResult
_TopicResult = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
_PartitionResult = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult


@handles(WriteTxnMarkersRequest, versions=(1, 2))
async def write_txn_markers(context: RequestContext, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    """Write COMMIT or ABORT markers into partitions.

    Versions   2: the version of the transaction (KIP-890)
    Behaviour  A partition takes a marker of a producer that it never saw. An epoch or a coordinator epoch that is over is refused. In
               `__consumer_offsets` the pending offsets of the producer count, or are gone. The answer comes when the markers are safe;
               a marker for no partition is not in it. Kafka never answers where a partition is named twice; here both are.
    Not done   Nothing.
    """
    unsafe: list[tuple[Any, Written]] = []
    turns = Turns()
    results = [
        _Result(producer_id=each.producer_id, topics=await _write(context, each, unsafe, turns))
        for each in request.markers
        if any(topic.partition_indexes for topic in each.topics)
    ]
    for answer, written in unsafe:
        await context.flush()
        try:
            await written.live.wait_committed(written.next_offset)
        except KafkaError as error:
            answer.error_code = error.code
    return WriteTxnMarkersResponse(markers=results)


async def _write(context: RequestContext, asked: Any, unsafe: list[tuple[Any, Written]], turns: Turns) -> list[Any]:
    marker = Marker(asked.producer_id, asked.producer_epoch, asked.transaction_result, asked.coordinator_epoch, asked.transaction_version)
    topics = []
    for topic in asked.topics:
        answers = []
        for index in topic.partition_indexes:
            answers.append(_write_one(context, topic.name, index, marker, unsafe))
            await turns.step(STEPS_PER_MARKER)
        topics.append(_TopicResult(name=topic.name, partitions=answers))
    return topics


def _write_one(context: RequestContext, topic: str, index: int, marker: Marker, unsafe: list[tuple[Any, Written]]) -> Any:
    answer = _PartitionResult(partition_index=index, error_code=ErrorCode.NONE)
    try:
        written = context.state.transactions.markers.write(topic, index, marker)
    except KafkaError as error:
        answer.error_code = error.code
    else:
        if not written.is_safe:
            unsafe.append((answer, written))
    return answer
