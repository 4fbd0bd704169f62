"""OffsetCommit, OffsetFetch, OffsetDelete: what groups have consumed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pybroker.core.decision import Decision
from pybroker.core.groups.shard import GroupShard
from pybroker.handlers.context import RequestContext
from pybroker.handlers.known_topics import check_commit_size, merged, refusals, split_off_unknown
from pybroker.handlers.registry import handles
from pybroker.runtime.turns import Turns
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

PARTITIONS_AT_ONCE = 1_000
"""So many offsets are looked up in one decision of the group's shard, which nobody interrupts."""

_CommitTopic = OffsetCommitResponse.OffsetCommitResponseTopic
_CommitPartition = OffsetCommitResponse.OffsetCommitResponsePartition
_AskedGroup = OffsetFetchRequest.OffsetFetchRequestGroup
_AskedTopic = OffsetFetchRequest.OffsetFetchRequestTopics
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
    turns = Turns()
    unknown = await split_off_unknown(context, request, _CommitTopic, _refused_commit, turns, by_id=context.api_version >= TOPIC_IDS_FROM)
    if not request.topics:
        return OffsetCommitResponse(topics=unknown)
    version = context.api_version
    try:
        check_commit_size(context, request)
        response: OffsetCommitResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.commit_offsets(now_ms, call, version, request), context.flush
        )
        topics = response.topics
    except KafkaError as error:
        topics = [
            await refusals(topic, _CommitTopic, _refused_commit, error.code, [each.partition_index for each in topic.partitions], turns)
            for topic in request.topics
        ]
    return OffsetCommitResponse(topics=await merged(unknown, topics, turns))


def _refused_commit(index: int, error: ErrorCode) -> _CommitPartition:
    return _CommitPartition(partition_index=index, error_code=error)


@handles(OffsetFetchRequest, versions=(1, 10))
async def offset_fetch(context: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Tell committed offsets.

    Versions   2: null means all topics, group errors at the top   5: leader epochs (KIP-320)   7: require stable (KIP-447)
               8: several groups (KIP-709)   9: member id and epoch (KIP-848)   10: topic ids
    Behaviour  What was never committed is -1 without error, in an unknown group or an unknown topic too; only an unknown topic id is an
    error. Not done   Member id and epoch of version 9 are for groups of the consumer protocol.
    """
    turns = Turns()
    if context.api_version >= GROUPS_FROM:
        groups = [await _fetch_group(context, group, request.require_stable, turns) for group in request.groups]
        return OffsetFetchResponse(groups=groups)
    asked = request.topics
    group = OffsetFetchRequest.OffsetFetchRequestGroup(
        group_id=request.group_id,
        topics=None
        if asked is None
        else [OffsetFetchRequest.OffsetFetchRequestTopics(name=each.name, partition_indexes=each.partition_indexes) for each in asked],
    )
    return await _flat(context, request, await _fetch_group(context, group, request.require_stable, turns), turns)


async def _fetch_group(context: RequestContext, group: _AskedGroup, require_stable: bool, turns: Turns) -> _FetchGroup:
    by_id = context.api_version >= TOPIC_IDS_FROM
    unknown = await _name_topics(context, group, turns) if by_id else []
    fetched = _FetchGroup(group_id=group.group_id)
    try:
        for piece in _pieces(group):
            await turns.step()
            answer: _FetchGroup = await context.state.groups.ask(
                group.group_id, partial(_decide_fetch, piece=piece, require_stable=require_stable), context.flush
            )
            await turns.step(sum(len(topic.partitions) for topic in answer.topics))
            _add_fetched(fetched, answer)
    except KafkaError as error:
        return _FetchGroup(group_id=group.group_id, error_code=error.code)
    if by_id and group.topics is None:
        fetched.topics = _with_ids(context, fetched.topics)
    fetched.topics.extend(unknown)
    return fetched


def _decide_fetch(shard: GroupShard, now_ms: int, call: int, *, piece: _AskedGroup, require_stable: bool) -> Decision:
    return shard.fetch_offsets(now_ms, call, piece, require_stable=require_stable)


def _pieces(group: _AskedGroup) -> Iterator[_AskedGroup]:
    """The group's request as requests that are each decided in a moment; nearly always itself."""
    if group.topics is None or sum(1 + len(topic.partition_indexes) for topic in group.topics) <= PARTITIONS_AT_ONCE:
        yield group
        return
    topics: list[_AskedTopic] = []
    room = PARTITIONS_AT_ONCE
    for topic in group.topics:
        for at in range(0, len(topic.partition_indexes) or 1, PARTITIONS_AT_ONCE):
            part = topic.partition_indexes[at : at + PARTITIONS_AT_ONCE]
            topics.append(_AskedTopic(name=topic.name, topic_id=topic.topic_id, partition_indexes=part))
            room -= 1 + len(part)
            if room <= 0:
                yield _AskedGroup(group_id=group.group_id, member_id=group.member_id, member_epoch=group.member_epoch, topics=topics)
                topics, room = [], PARTITIONS_AT_ONCE
    if topics:
        yield _AskedGroup(group_id=group.group_id, member_id=group.member_id, member_epoch=group.member_epoch, topics=topics)


def _add_fetched(fetched: _FetchGroup, answer: _FetchGroup) -> None:
    """Put a piece's answer to those before it; a topic that was cut is one again."""
    fetched.error_code = answer.error_code
    last, first = fetched.topics[-1:], answer.topics[:1]
    if last and first and (last[0].name, last[0].topic_id) == (first[0].name, first[0].topic_id):
        last[0].partitions.extend(answer.topics.pop(0).partitions)
    fetched.topics.extend(answer.topics)


async def _name_topics(context: RequestContext, group: _AskedGroup, turns: Turns) -> list[_FetchTopic]:
    """Put names to the ids; topics whose id is unknown leave the request and are returned as errors."""
    known, unknown = [], []
    for topic in group.topics or ():
        image = context.state.cluster.topics_by_id.get(topic.topic_id)
        if image is None:
            partitions = await turns.each(lambda index: _no_offset(index, ErrorCode.UNKNOWN_TOPIC_ID), topic.partition_indexes)
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


async def _flat(context: RequestContext, request: OffsetFetchRequest, group: _FetchGroup, turns: Turns) -> OffsetFetchResponse:
    """The answer for the only group of versions before 8. Version 1 has no place for an error but the partitions."""
    topics = group.topics
    if group.error_code and context.api_version < 2:
        error = ErrorCode(group.error_code)
        topics = [
            _FetchTopic(name=each.name, partitions=await turns.each(lambda index: _no_offset(index, error), each.partition_indexes))
            for each in request.topics or ()
        ]
    flat = [
        OffsetFetchResponse.OffsetFetchResponseTopic(name=each.name, partitions=await turns.each(_flat_partition, each.partitions))
        for each in topics
    ]
    return OffsetFetchResponse(error_code=group.error_code, topics=flat)


def _flat_partition(each: _FetchPartition) -> OffsetFetchResponse.OffsetFetchResponsePartition:
    return OffsetFetchResponse.OffsetFetchResponsePartition(
        partition_index=each.partition_index,
        committed_offset=each.committed_offset,
        committed_leader_epoch=each.committed_leader_epoch,
        metadata=each.metadata,
        error_code=each.error_code,
    )


@handles(OffsetDeleteRequest, versions=(0, 0))
async def offset_delete(context: RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Forget committed offsets (KIP-496).

    Behaviour  Topics that the group consumes are GROUP_SUBSCRIBED_TO_TOPIC; groups of other kinds must be empty.
    Not done   Groups of the consumer protocol.
    """
    turns = Turns()
    unknown = await split_off_unknown(context, request, _DeleteTopic, _refused_delete, turns)
    try:
        response: OffsetDeleteResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.delete_offsets(now_ms, call, request), context.flush
        )
    except KafkaError as error:
        return OffsetDeleteResponse(error_code=error.code)
    if not response.error_code:
        response.topics = await merged(response.topics, unknown, turns)
    return response


def _refused_delete(index: int, error: ErrorCode) -> _DeletePartition:
    return _DeletePartition(partition_index=index, error_code=error)
