"""TxnOffsetCommit, once it is known that the group and the transaction may (KIP-98, KIP-447). Kafka: OffsetMetadataManager."""

from __future__ import annotations

from pybroker.core.groups.offset_requests import write_offsets
from pybroker.core.groups.offsets import NO_EXPIRY
from pybroker.core.groups.turn import Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import TxnOffsetCommitRequest, TxnOffsetCommitResponse

_Topic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
_Partition = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition


def commit(turn: Turn, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
    """One record for each partition; metadata that is too long fails its own partition alone."""
    topics = []
    for topic in request.topics:
        written = write_offsets(turn, request.group_id, topic, NO_EXPIRY)
        partitions = [_Partition(partition_index=index, error_code=error) for index, error in written]
        topics.append(_Topic(name=topic.name, topic_id=topic.topic_id, partitions=partitions))
    return TxnOffsetCommitResponse(topics=topics)


def refused(request: TxnOffsetCommitRequest, error: ErrorCode) -> TxnOffsetCommitResponse:
    """The same error for every partition."""
    return TxnOffsetCommitResponse(
        topics=[
            _Topic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[_Partition(partition_index=each.partition_index, error_code=error) for each in topic.partitions],
            )
            for topic in request.topics
        ]
    )
