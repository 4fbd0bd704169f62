"""WriteTxnMarkers: the ends of transactions, written by request of another coordinator or of an administrator."""

from __future__ import annotations

from typing import Any

from pybroker.core.producers import Marker
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.markers import Written
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import WriteTxnMarkersRequest, WriteTxnMarkersResponse

_Result = WriteTxnMarkersResponse.WritableTxnMarkerResult
_TopicResult = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
_PartitionResult = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult


@handles(WriteTxnMarkersRequest, versions=(1, 2))
async def write_txn_markers(context: RequestContext, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    """Write COMMIT or ABORT markers into partitions.

    Versions   2: the version of the transaction (KIP-890)
    Behaviour  A partition takes a marker of a producer that it never saw. An epoch or a coordinator epoch that is over is refused. In
               `__consumer_offsets` the pending offsets of the producer count, or are gone. The answer comes when the markers are safe.
    Not done   Nothing.
    """
    unsafe: list[tuple[Any, Written]] = []
    results = [_Result(producer_id=each.producer_id, topics=_write(context, each, unsafe)) for each in request.markers]
    for answer, written in unsafe:
        await context.flush()
        try:
            await written.live.wait_committed(written.next_offset)
        except KafkaError as error:
            answer.error_code = error.code
    return WriteTxnMarkersResponse(markers=results)


def _write(context: RequestContext, asked: Any, unsafe: list[tuple[Any, Written]]) -> list[Any]:
    marker = Marker(asked.producer_id, asked.producer_epoch, asked.transaction_result, asked.coordinator_epoch, asked.transaction_version)
    topics = []
    for topic in asked.topics:
        answers = []
        for index in topic.partition_indexes:
            answer = _PartitionResult(partition_index=index, error_code=ErrorCode.NONE)
            answers.append(answer)
            try:
                written = context.state.transactions.markers.write(topic.name, index, marker)
            except KafkaError as error:
                answer.error_code = error.code
                continue
            if not written.is_safe:
                unsafe.append((answer, written))
        topics.append(_TopicResult(name=topic.name, partitions=answers))
    return topics
