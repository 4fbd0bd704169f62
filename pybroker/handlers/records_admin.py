"""DeleteRecords: forget the beginning of partitions."""

from __future__ import annotations

from functools import partial
from typing import Any

from pybroker.handlers.context import RequestContext
from pybroker.handlers.known_topics import find_partition
from pybroker.handlers.registry import handles
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import DeleteRecordsRequest, DeleteRecordsResponse

NO_LOW_WATERMARK = -1

_Result = DeleteRecordsResponse.DeleteRecordsPartitionResult


@handles(DeleteRecordsRequest, versions=(0, 2))
async def delete_records(context: RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    """Move the start of logs up to an offset (KIP-107).

    Behaviour  -1 deletes all that is committed; an offset below the start changes nothing and is no error; one beyond the high watermark is
               OFFSET_OUT_OF_RANGE. A topic that is not cleaned by deletion refuses, and so do internal topics. A topic or partition named
               twice is answered once, for what was named last.
    Not done   Nothing. The timeout has no meaning where no follower is waited for.
    """
    asked: dict[str, dict[int, Any]] = {}
    for topic in request.topics:
        asked.setdefault(topic.name, {}).update({one.partition_index: one for one in topic.partitions})
    topics, turns = [], Turns()
    for name, partitions in asked.items():
        results = await turns.each(partial(_delete, context, name), partitions.values())
        topics.append(DeleteRecordsResponse.DeleteRecordsTopicResult(name=name, partitions=results))
    return DeleteRecordsResponse(topics=topics)


def _delete(context: RequestContext, topic: str, asked: Any) -> Any:
    index = asked.partition_index
    try:
        live = _find_deletable(context, topic, index)
        return _Result(partition_index=index, low_watermark=live.delete_records(asked.offset))
    except KafkaError as error:
        return _Result(partition_index=index, low_watermark=NO_LOW_WATERMARK, error_code=error.code)


def _find_deletable(context: RequestContext, topic: str, partition: int) -> LivePartition:
    live = find_partition(context, topic, partition)
    if live.is_internal:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"records of {topic} are not deleted on request")
    if not live.config.delete:
        raise KafkaError(ErrorCode.POLICY_VIOLATION, f"cleanup.policy of {topic} does not delete")
    return live
