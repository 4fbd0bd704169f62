"""OffsetCommit, OffsetFetch, OffsetDelete: what groups have consumed."""

from __future__ import annotations

from collections.abc import Sequence

from pybroker.core.groups.shard import refused_commit
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
)

TOPIC_IDS_FROM = 10
GROUPS_FROM = 8

_CommitTopic = OffsetCommitResponse.OffsetCommitResponseTopic
_CommitPartition = OffsetCommitResponse.OffsetCommitResponsePartition
_FetchGroup = OffsetFetchResponse.OffsetFetchResponseGroup
_FetchTopic = OffsetFetchResponse.OffsetFetchResponseTopics
_FetchPartition = OffsetFetchResponse.OffsetFetchResponsePartitions
_DeleteTopic = OffsetDeleteResponse.OffsetDeleteResponseTopic
_DeletePartition = OffsetDeleteResponse.OffsetDeleteResponsePartition


@handles(OffsetCommitRequest, versions=(2, 10))
async def offset_commit(context: RequestContext, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """Commit offsets, as a member or as a consumer without a group.

    Versions   2-4: a retention of its own   6: leader epochs (KIP-320)   7: static members (KIP-345)   9: GROUP_ID_NOT_FOUND (KIP-848)
               10: topic ids (KIP-848)
    Behaviour  Topics and partitions that are not there fail alone; the rest is one batch. The empty group id is accepted.
    Not done   Commits of members of the consumer protocol.
    """
    unknown = _split_off_unknown(context, request)
    if not request.topics:
        return OffsetCommitResponse(topics=unknown)
    version = context.api_version
    try:
        response: OffsetCommitResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.commit_offsets(now_ms, call, version, request), context.flush
        )
    except KafkaError as error:
        response = refused_commit(request, error.code)
    if unknown:
        response.topics = _merged(unknown, response.topics)
    return response


def _split_off_unknown(context: RequestContext, request: OffsetCommitRequest) -> list[_CommitTopic]:
    """Leave in the request, under their names, what the cluster has; return the errors for the rest."""
    by_id = context.api_version >= TOPIC_IDS_FROM
    cluster = context.state.cluster
    known, refused = [], []
    for topic in request.topics:
        image = cluster.topics_by_id.get(topic.topic_id) if by_id else cluster.topics.get(topic.name)
        if image is None:
            error = ErrorCode.UNKNOWN_TOPIC_ID if by_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            refused.append(_refused(topic, [each.partition_index for each in topic.partitions], error))
            continue
        topic.name = image.name
        count = len(image.partitions)
        missing = [each.partition_index for each in topic.partitions if not 0 <= each.partition_index < count]
        if missing:
            refused.append(_refused(topic, missing, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
            topic.partitions = [each for each in topic.partitions if 0 <= each.partition_index < count]
        if topic.partitions:
            known.append(topic)
    request.topics = known
    return refused


def _refused(topic: OffsetCommitRequest.OffsetCommitRequestTopic, partitions: Sequence[int], error: ErrorCode) -> _CommitTopic:
    answers = [_CommitPartition(partition_index=index, error_code=error) for index in partitions]
    return _CommitTopic(name=topic.name, topic_id=topic.topic_id, partitions=answers)


def _merged(first: list[_CommitTopic], second: list[_CommitTopic]) -> list[_CommitTopic]:
    """One entry for each topic, refusals first, as Kafka's response builder has it."""
    topics = {(topic.name, topic.topic_id): topic for topic in first}
    for topic in second:
        present = topics.setdefault((topic.name, topic.topic_id), topic)
        if present is not topic:
            present.partitions.extend(topic.partitions)
    return list(topics.values())


@handles(OffsetFetchRequest, versions=(1, 10))
async def offset_fetch(context: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Tell committed offsets.

    Versions   2: null means all topics, group errors at the top   5: leader epochs (KIP-320)   7: require stable (KIP-447)
               8: several groups (KIP-709)   9: member id and epoch (KIP-848)   10: topic ids
    Behaviour  What was never committed is -1 without error, in an unknown group or an unknown topic too; only an unknown topic id is an
    error. Not done   Member id and epoch of version 9 are for groups of the consumer protocol.
    """
    if context.api_version >= GROUPS_FROM:
        return OffsetFetchResponse(groups=[await _fetch_group(context, group, request.require_stable) for group in request.groups])
    asked = request.topics
    group = OffsetFetchRequest.OffsetFetchRequestGroup(
        group_id=request.group_id,
        topics=None
        if asked is None
        else [OffsetFetchRequest.OffsetFetchRequestTopics(name=each.name, partition_indexes=each.partition_indexes) for each in asked],
    )
    return _flat(context, request, await _fetch_group(context, group, request.require_stable))


async def _fetch_group(context: RequestContext, group: OffsetFetchRequest.OffsetFetchRequestGroup, require_stable: bool) -> _FetchGroup:
    by_id = context.api_version >= TOPIC_IDS_FROM
    unknown = _name_topics(context, group) if by_id else []
    try:
        fetched: _FetchGroup = await context.state.groups.ask(
            group.group_id,
            lambda shard, now_ms, call: shard.fetch_offsets(now_ms, call, group, require_stable=require_stable),
            context.flush,
        )
    except KafkaError as error:
        return _FetchGroup(group_id=group.group_id, error_code=error.code)
    if by_id and group.topics is None:
        fetched.topics = _with_ids(context, fetched.topics)
    fetched.topics.extend(unknown)
    return fetched


def _name_topics(context: RequestContext, group: OffsetFetchRequest.OffsetFetchRequestGroup) -> list[_FetchTopic]:
    """Put names to the ids; topics whose id is unknown leave the request and are returned as errors."""
    known, unknown = [], []
    for topic in group.topics or ():
        image = context.state.cluster.topics_by_id.get(topic.topic_id)
        if image is None:
            partitions = [_no_offset(index, ErrorCode.UNKNOWN_TOPIC_ID) for index in topic.partition_indexes]
            unknown.append(_FetchTopic(topic_id=topic.topic_id, partitions=partitions))
        else:
            topic.name = image.name
            known.append(topic)
    if group.topics is not None:
        group.topics = known
    return unknown


def _with_ids(context: RequestContext, topics: list[_FetchTopic]) -> list[_FetchTopic]:
    images = context.state.cluster.topics
    for topic in topics:
        if topic.name in images:
            topic.topic_id = images[topic.name].topic_id
    return [topic for topic in topics if topic.name in images]


def _no_offset(partition: int, error: ErrorCode) -> _FetchPartition:
    return _FetchPartition(partition_index=partition, committed_offset=-1, metadata="", error_code=error)


def _flat(context: RequestContext, request: OffsetFetchRequest, group: _FetchGroup) -> OffsetFetchResponse:
    """The answer for the only group of versions before 8. Version 1 has no place for an error but the partitions."""
    topics = group.topics
    if group.error_code and context.api_version < 2:
        error = ErrorCode(group.error_code)
        topics = [
            _FetchTopic(name=each.name, partitions=[_no_offset(index, error) for index in each.partition_indexes])
            for each in request.topics or ()
        ]
    return OffsetFetchResponse(
        error_code=group.error_code,
        topics=[
            OffsetFetchResponse.OffsetFetchResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetFetchResponse.OffsetFetchResponsePartition(
                        partition_index=each.partition_index,
                        committed_offset=each.committed_offset,
                        committed_leader_epoch=each.committed_leader_epoch,
                        metadata=each.metadata,
                        error_code=each.error_code,
                    )
                    for each in topic.partitions
                ],
            )
            for topic in topics
        ],
    )


@handles(OffsetDeleteRequest, versions=(0, 0))
async def offset_delete(context: RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Forget committed offsets (KIP-496).

    Behaviour  Topics that the group consumes are GROUP_SUBSCRIBED_TO_TOPIC; groups of other kinds must be empty.
    Not done   Groups of the consumer protocol.
    """
    unknown = []
    known = []
    topics = context.state.cluster.topics
    for topic in request.topics:
        count = len(topics[topic.name].partitions) if topic.name in topics else 0
        missing = [each.partition_index for each in topic.partitions if not 0 <= each.partition_index < count]
        if missing:
            error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            answers = [_DeletePartition(partition_index=index, error_code=error) for index in missing]
            unknown.append(_DeleteTopic(name=topic.name, partitions=answers))
        topic.partitions = [each for each in topic.partitions if 0 <= each.partition_index < count]
        if topic.partitions:
            known.append(topic)
    request.topics = known
    try:
        response: OffsetDeleteResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.delete_offsets(now_ms, call, request), context.flush
        )
    except KafkaError as error:
        return OffsetDeleteResponse(error_code=error.code)
    if not response.error_code:
        _add_deleted(response, unknown)
    return response


def _add_deleted(response: OffsetDeleteResponse, unknown: list[_DeleteTopic]) -> None:
    topics = {topic.name: topic for topic in response.topics}
    for topic in unknown:
        if topic.name in topics:
            topics[topic.name].partitions.extend(topic.partitions)
        else:
            response.topics.append(topic)
