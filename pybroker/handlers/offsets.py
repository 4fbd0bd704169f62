"""ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, where a time lies in it, where a leader's epoch ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pybroker.core.partition import READ_COMMITTED, READ_UNCOMMITTED
from pybroker.handlers.context import RequestContext
from pybroker.handlers.known_topics import find_partition
from pybroker.handlers.registry import handles
from pybroker.records.errors import RecordsError
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.turns import Turns
from pybroker.storage.errors import StorageError
from pybroker.storage.interface import TimestampOffset
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    ListOffsetsRequest,
    ListOffsetsResponse,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
)

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6

SPECIAL_SINCE = {LATEST: 0, EARLIEST: 0, MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}
"""The version that brought each special time (KIP-734, KIP-405, KIP-1005, KIP-1023)."""

LEADER_EPOCH_SINCE = 4
NO_EPOCH = -1
CONSUMER = -1
NOTHING = TimestampOffset(-1, -1, -1)

_Offset = ListOffsetsResponse.ListOffsetsPartitionResponse
_EpochEnd = OffsetForLeaderEpochResponse.EpochEndOffset


@handles(ListOffsetsRequest, versions=(1, 11))
async def list_offsets(context: RequestContext, request: ListOffsetsRequest) -> ListOffsetsResponse:
    """Find the offset of a time, or one of the ends of the log.

    Versions   2: isolation level   4: leader epoch (KIP-320)   7: -3, the largest time (KIP-734)   8: -4, the local start (KIP-405)
               9: -5, what is tiered (KIP-1005)   10: timeout   11: -6, what is to be tiered (KIP-1023)
    Behaviour  A special time that the version lacks is UNSUPPORTED_VERSION in the partition. A topic named twice is answered once; so is a
               partition, with INVALID_REQUEST. There is no tier: -4 is the start, -5 and -6 find nothing. A consumer sees up to the high
               watermark or the last stable offset, anybody else (a replica id other than -1) up to the end.
               Where the record of the largest time was deleted, -3 tells it all the same as long as its segment is there.
    Not done   Nothing.
    """
    if request.isolation_level not in (READ_UNCOMMITTED, READ_COMMITTED):
        return _refuse(request)
    asked: dict[str, dict[int, list[Any]]] = {}
    for topic in request.topics:
        of_topic = asked.setdefault(topic.name, {})
        for one in topic.partitions:
            of_topic.setdefault(one.partition_index, []).append(one)
    topics, turns = [], Turns()
    for name, partitions in asked.items():
        answers = await turns.each(partial(_list_offset, context, request, name), partitions.values())
        topics.append(ListOffsetsResponse.ListOffsetsTopicResponse(name=name, partitions=answers))
    return ListOffsetsResponse(topics=topics)


def _refuse(request: ListOffsetsRequest) -> ListOffsetsResponse:
    """An isolation level that does not exist: Kafka cannot read the request then, and says so everywhere."""
    topics = []
    for topic in request.topics:
        answers = [_Offset(partition_index=one.partition_index, error_code=ErrorCode.UNKNOWN_SERVER_ERROR) for one in topic.partitions]
        topics.append(ListOffsetsResponse.ListOffsetsTopicResponse(name=topic.name, partitions=answers))
    return ListOffsetsResponse(topics=topics)


def _list_offset(context: RequestContext, request: ListOffsetsRequest, topic: str, named: list[Any]) -> Any:
    asked = named[0]
    try:
        if len(named) > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "the partition is named twice")
        if asked.timestamp < 0 and SPECIAL_SINCE.get(asked.timestamp, context.api_version + 1) > context.api_version:
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"time {asked.timestamp} in version {context.api_version}")
        live = _find_led(context, topic, asked.partition_index, asked.current_leader_epoch)
        upper_offset = live.state.readable_up_to(request.isolation_level) if request.replica_id == CONSUMER else live.log_end_offset
        found = find_offset(live, asked.timestamp, upper_offset)
    except KafkaError as error:
        return _Offset(partition_index=asked.partition_index, error_code=error.code)
    epoch = found.leader_epoch if context.api_version >= LEADER_EPOCH_SINCE else NO_EPOCH
    return _Offset(partition_index=asked.partition_index, timestamp=found.timestamp, offset=found.offset, leader_epoch=epoch)


def find_offset(live: LivePartition, timestamp: int, upper_offset: int) -> TimestampOffset:
    """What a time, or a special one, stands for in a partition of which `upper_offset` may not be read. Raises KafkaError."""
    special = _SPECIAL.get(timestamp)
    if special is not None:
        return special(live, upper_offset)
    if upper_offset <= live.log_start_offset:
        return NOTHING
    return _from_log(live, lambda: live.log.offset_for_timestamp(timestamp, upper_offset), upper_offset)


def _from_log(live: LivePartition, find: Callable[[], TimestampOffset | None], upper_offset: int) -> TimestampOffset:
    try:
        found = find()
    except StorageError as error:
        live.take_offline(error)
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error
    except RecordsError as error:  # a large batch is not opened to its end when it is produced (`records.validate`)
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error)) from error
    return found if found is not None and found.offset < upper_offset else NOTHING


def _earliest(live: LivePartition, _: int) -> TimestampOffset:
    start = live.log_start_offset
    epoch = live.log.epoch_at(start) if start < live.log_end_offset else live.leader_epoch
    return TimestampOffset(-1, start, epoch)


def _latest(live: LivePartition, upper_offset: int) -> TimestampOffset:
    return TimestampOffset(-1, upper_offset, live.leader_epoch)


def _largest(live: LivePartition, upper_offset: int) -> TimestampOffset:
    return _from_log(live, lambda: live.log.max_timestamp(upper_offset), upper_offset)


def _nothing(_: LivePartition, __: int) -> TimestampOffset:
    return NOTHING


_SPECIAL: dict[int, Callable[[LivePartition, int], TimestampOffset]] = {
    LATEST: _latest,
    EARLIEST: _earliest,
    MAX_TIMESTAMP: _largest,
    EARLIEST_LOCAL: _earliest,
    LATEST_TIERED: _nothing,
    EARLIEST_PENDING_UPLOAD: _nothing,
}


@handles(OffsetForLeaderEpochRequest, versions=(2, 4))
async def offset_for_leader_epoch(context: RequestContext, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    """Tell where the log of a leader epoch ended, so that a consumer notices that a log was cut (KIP-101, KIP-279, KIP-320).

    Versions   2: current leader epoch (KIP-320)   3: replica id (KIP-392)
    Behaviour  The current epoch ends at the log's end, one still to come is not known (-1), one before the first ends at the start.
    Not done   Nothing.
    """
    topics, turns = [], Turns()
    for topic in request.topics:
        answers = await turns.each(partial(_epoch_end, context, topic.topic), topic.partitions)
        topics.append(OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult(topic=topic.topic, partitions=answers))
    return OffsetForLeaderEpochResponse(topics=topics)


def _epoch_end(context: RequestContext, topic: str, asked: Any) -> Any:
    try:
        live = _find_led(context, topic, asked.partition, asked.current_leader_epoch)
    except KafkaError as error:
        return _EpochEnd(partition=asked.partition, error_code=error.code)
    end = live.end_of_epoch(asked.leader_epoch)
    if end is None:
        return _EpochEnd(partition=asked.partition)
    return _EpochEnd(partition=asked.partition, leader_epoch=end.leader_epoch, end_offset=end.end_offset)


def _find_led(context: RequestContext, topic: str, partition: int, current_leader_epoch: int) -> LivePartition:
    live = find_partition(context, topic, partition)
    live.check_online()
    live.state.check_leader_epoch(current_leader_epoch)
    return live
