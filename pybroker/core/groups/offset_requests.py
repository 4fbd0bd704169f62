"""OffsetCommit, OffsetFetch and OffsetDelete, once it is known that the group may (Kafka: OffsetMetadataManager).

Topics come by name; those that the cluster does not know were answered by the handler. Offsets are not checked: any number may be
committed.
"""

from __future__ import annotations

from pybroker.core.groups.classic import ClassicGroup
from pybroker.core.groups.offsets import NO_EXPIRY, CommittedOffset, OffsetStore, offset_record, offset_tombstone
from pybroker.core.groups.turn import Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitValue,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    TxnOffsetCommitRequest,
)
from pybroker.wire.uuids import ZERO_UUID

Partitions = OffsetFetchResponse.OffsetFetchResponsePartitions
FetchedTopic = OffsetFetchResponse.OffsetFetchResponseTopics
CommitOfTopic = OffsetCommitRequest.OffsetCommitRequestTopic | TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
_CommittedTopic = OffsetCommitResponse.OffsetCommitResponseTopic
_CommittedPartition = OffsetCommitResponse.OffsetCommitResponsePartition

INVALID_OFFSET = -1
END_OF_TIME_MS = 2**63 - 1


def commit(turn: Turn, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """One record for each partition; metadata that is too long fails its own partition alone. Named twice, the last one counts."""
    expire_ms = _expire_timestamp_ms(turn.now_ms, request.retention_time_ms)
    topics = []
    for topic in request.topics:
        written = write_offsets(turn, request.group_id, topic, expire_ms)
        partitions = [_CommittedPartition(partition_index=index, error_code=error) for index, error in written]
        topics.append(_CommittedTopic(name=topic.name, topic_id=topic.topic_id, partitions=partitions))
    return OffsetCommitResponse(topics=topics)


def write_offsets(turn: Turn, group_id: str, topic: CommitOfTopic, expire_timestamp_ms: int) -> list[tuple[int, ErrorCode]]:
    """What a request of either kind commits for one topic; returns its partitions with their errors. Metadata that is null is empty."""
    errors = []
    for each in topic.partitions:
        error = ErrorCode.NONE
        metadata = each.committed_metadata or ""
        if _java_length(metadata) > turn.settings.offset_metadata_max_bytes:
            error = ErrorCode.OFFSET_METADATA_TOO_LARGE
        else:
            value = OffsetCommitValue(
                offset=each.committed_offset,
                leader_epoch=each.committed_leader_epoch,
                metadata=metadata,
                commit_timestamp=turn.now_ms,
                expire_timestamp=expire_timestamp_ms,
                topic_id=topic.topic_id,
            )
            turn.write(offset_record(group_id, topic.name, each.partition_index, value))
        errors.append((each.partition_index, error))
    return errors


def _java_length(text: str) -> int:
    """What Kafka measures by, whatever the setting is called: UTF-16 units. A character beyond the first 65,536 is two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _expire_timestamp_ms(now_ms: int, retention_time_ms: int) -> int:
    """RetentionTimeMs is in versions 2 to 4 alone; -1 leaves the broker's retention in force.

    A sum beyond 64 bits wraps around in Kafka and has expired at once; here it is the end of time, which is what was asked for.
    """
    return NO_EXPIRY if retention_time_ms == -1 else min(now_ms + retention_time_ms, END_OF_TIME_MS)


def fetch(
    store: OffsetStore, request: OffsetFetchRequest.OffsetFetchRequestGroup, *, require_stable: bool, group_exists: bool
) -> OffsetFetchResponse.OffsetFetchResponseGroup:
    """The offsets asked for, or all that are committed (topics null).

    What is not there is -1 without error, also in a group that is unknown.
    """
    if request.topics is None:
        topics = _fetch_all(store, request.group_id, require_stable) if group_exists else []
    else:
        topics = [_fetch_topic(store, request.group_id, topic, require_stable and group_exists) for topic in request.topics]
    return OffsetFetchResponse.OffsetFetchResponseGroup(group_id=request.group_id, topics=topics)


def _fetch_all(store: OffsetStore, group_id: str, require_stable: bool) -> list[FetchedTopic]:
    return [
        FetchedTopic(
            name=name,
            partitions=[
                _unstable(partition) if require_stable and store.is_unstable(group_id, name, partition) else _found(partition, offset)
                for partition, offset in offsets.items()
            ],
        )
        for name, offsets in store.committed(group_id).items()
    ]


def _fetch_topic(
    store: OffsetStore, group_id: str, topic: OffsetFetchRequest.OffsetFetchRequestTopics, require_stable: bool
) -> FetchedTopic:
    partitions = []
    for partition in topic.partition_indexes:
        if require_stable and store.is_unstable(group_id, topic.name, partition):
            partitions.append(_unstable(partition))
            continue
        offset = store.find(group_id, topic.name, partition)
        if offset is not None and _is_of_another_topic(offset, topic.topic_id):
            offset = None
        partitions.append(_found(partition, offset))
    return FetchedTopic(name=topic.name, topic_id=topic.topic_id, partitions=partitions)


def _is_of_another_topic(offset: CommittedOffset, topic_id: bytes) -> bool:
    """Committed for a topic of the same name that was deleted since (KIP-848)."""
    return ZERO_UUID not in (offset.topic_id, topic_id) and offset.topic_id != topic_id


def _unstable(partition: int) -> Partitions:
    return Partitions(partition_index=partition, committed_offset=INVALID_OFFSET, metadata="", error_code=ErrorCode.UNSTABLE_OFFSET_COMMIT)


def _found(partition: int, offset: CommittedOffset | None) -> Partitions:
    if offset is None:
        return Partitions(partition_index=partition, committed_offset=INVALID_OFFSET, metadata="")
    return Partitions(
        partition_index=partition,
        committed_offset=offset.offset,
        committed_leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
    )


def delete(turn: Turn, store: OffsetStore, group: ClassicGroup, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Forget offsets, but not of topics that the group consumes (KIP-496)."""
    topics = []
    for topic in request.topics:
        error = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if group.is_subscribed_to(topic.name) else ErrorCode.NONE
        for each in topic.partitions:
            if not error and store.known(request.group_id, topic.name, each.partition_index):
                turn.write(offset_tombstone(request.group_id, topic.name, each.partition_index))
        topics.append(
            OffsetDeleteResponse.OffsetDeleteResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetDeleteResponse.OffsetDeleteResponsePartition(partition_index=each.partition_index, error_code=error)
                    for each in topic.partitions
                ],
            )
        )
    return OffsetDeleteResponse(topics=topics)
