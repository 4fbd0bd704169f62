"""DescribeLogDirs and AlterReplicaLogDirs: what lies in which log directory, and moving between them."""

from __future__ import annotations

from typing import Any

from pybroker.core.cluster import TopicImage
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.log_dirs import LogDirs, Replica
from pybroker.runtime.turns import Turns
from pybroker.storage.errors import StorageError
from pybroker.storage.interface import DirectoryInfo
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)

_Partition = DescribeLogDirsResponse.DescribeLogDirsPartition
_Moved = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult

STEPS_OF_A_MOVE = 50  # it makes a directory and two files

Found = dict[str, dict[str, list[Any]]]


@handles(DescribeLogDirsRequest, versions=(1, 5))
async def describe_log_dirs(context: RequestContext, request: Any) -> Any:
    """Tell what lies in each log directory, and how much room there is (KIP-113).

    Versions   3: an error for the whole answer   4: the size of the volume (KIP-827)   5: whether it is cordoned (KIP-1066)
    Behaviour  Null means all topics; what is not known is left out. A partition that is being moved is there twice, the copy with how far
               it is behind. An offline directory is KAFKA_STORAGE_ERROR. A broker in memory shows one directory, /memory, with the sizes
               of its logs and of the machine's memory. The metadata log is nobody's topic and not shown.
    """
    log_dirs = context.state.log_dirs
    found: Found = {directory.path: {} for directory in log_dirs.directories()}
    turns = Turns()
    for topic, partitions in _asked(context, request.topics):
        for index in partitions:
            await turns.step()
            if index < len(topic.partitions):
                _note(found, topic.name, index, log_dirs.replicas(topic, index))
    await context.flush()
    return DescribeLogDirsResponse(results=[await _describe(log_dirs, one, found[one.path]) for one in log_dirs.directories()])


def _asked(context: RequestContext, topics: Any) -> list[tuple[TopicImage, Any]]:
    """Topics that there are, each with the partitions asked for, each once."""
    known = context.state.cluster.topics
    if topics is None:
        return [(topic, range(len(topic.partitions))) for topic in list(known.values())]
    asked: dict[str, set[int]] = {}
    for one in topics:
        if one.topic in known:
            asked.setdefault(one.topic, set()).update(index for index in one.partitions if index >= 0)
    return [(known[name], sorted(partitions)) for name, partitions in asked.items()]


def _note(found: Found, topic: str, index: int, replicas: list[Replica]) -> None:
    for replica in replicas:
        told = _Partition(
            partition_index=index, partition_size=replica.size_bytes, offset_lag=replica.offset_lag, is_future_key=replica.is_future
        )
        found[replica.directory].setdefault(topic, []).append(told)


async def _describe(log_dirs: LogDirs, directory: DirectoryInfo, topics: dict[str, list[Any]]) -> Any:
    result = DescribeLogDirsResponse.DescribeLogDirsResult(log_dir=directory.path, error_code=ErrorCode.KAFKA_STORAGE_ERROR)
    if directory.failure is not None:
        return result
    try:
        result.total_bytes, result.usable_bytes = await log_dirs.space(directory.path)
    except StorageError:
        return result
    result.error_code = ErrorCode.NONE
    result.is_cordoned = directory.directory_id in log_dirs.cordoned()
    topic_class = DescribeLogDirsResponse.DescribeLogDirsTopic
    result.topics = [topic_class(name=name, partitions=partitions) for name, partitions in topics.items()]
    return result


@handles(AlterReplicaLogDirsRequest, versions=(1, 2))
async def alter_replica_log_dirs(context: RequestContext, request: Any) -> Any:
    """Move partitions into other log directories of this broker (KIP-113).

    Behaviour  The answer comes when the moves are begun; DescribeLogDirs shows how far they are. A later wish takes the place of an earlier
               one, and one for the directory that the log lies in gives the move up. A partition that does not exist is refused, but goes
               there once it is made. While a directory is offline nothing is moved. So many logs move at a time as
               num.replica.alter.log.dirs.threads says, and all together no faster than replica.alter.log.dirs.io.max.bytes.per.second.
    """
    wishes = {(topic.name, index): wish.path for wish in request.dirs for topic in wish.topics for index in topic.partitions}
    results: dict[str, list[Any]] = {}
    turns = Turns()
    for (topic, index), path in wishes.items():
        await context.state.log_dirs.make_way(topic)
        error_code, began = _move(context.state.log_dirs, topic, index, path)
        results.setdefault(topic, []).append(_Moved(partition_index=index, error_code=error_code))
        await turns.step(STEPS_OF_A_MOVE if began else 1)
    result_class = AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult
    return AlterReplicaLogDirsResponse(results=[result_class(topic_name=name, partitions=moved) for name, moved in results.items()])


def _move(log_dirs: LogDirs, topic: str, partition: int, path: str) -> tuple[ErrorCode, bool]:
    """The answer, and whether it came from the disk."""
    try:
        return ErrorCode.NONE, log_dirs.move(topic, partition, path)
    except KafkaError as error:
        code = ErrorCode.REPLICA_NOT_AVAILABLE if error.code == ErrorCode.NOT_LEADER_OR_FOLLOWER else error.code
        return code, code == ErrorCode.KAFKA_STORAGE_ERROR
