"""TxnOffsetCommit, once it is known that the group and the transaction may (KIP-98, KIP-447). Kafka: OffsetMetadataManager."""

from __future__ import annotations

from pybroker.core.groups.offsets import NO_EXPIRY, commit_value, offset_record
from pybroker.core.groups.turn import Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import TxnOffsetCommitRequest, TxnOffsetCommitResponse

_Topic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
_Partition = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition


def commit(turn: Turn, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
    """One record for each partition; metadata that is too long fails its own partition alone."""
    topics = []
    for topic in request.topics:
        partitions = []
        for each in topic.partitions:
            error = ErrorCode.NONE
            if each.committed_metadata is not None and len(each.committed_metadata) > turn.settings.offset_metadata_max_bytes:
                error = ErrorCode.OFFSET_METADATA_TOO_LARGE
            else:
                value = commit_value(
                    offset=each.committed_offset,
                    leader_epoch=each.committed_leader_epoch,
                    metadata=each.committed_metadata,
                    now_ms=turn.now_ms,
                    expire_timestamp_ms=NO_EXPIRY,
                    topic_id=topic.topic_id,
                )
                turn.write(offset_record(request.group_id, topic.name, each.partition_index, value))
            partitions.append(_Partition(partition_index=each.partition_index, error_code=error))
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
