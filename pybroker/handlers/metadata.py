"""Metadata and DescribeTopicPartitions: which topics there are and who leads their partitions."""

from __future__ import annotations

from functools import partial
from typing import Any

from pybroker.core.cluster import INTERNAL_TOPICS, NO_LEADER, BrokerImage, PartitionImage, TopicImage
from pybroker.core.log_directories import directory_of, is_assigned
from pybroker.core.topic_names import is_valid_name
from pybroker.handlers.authorized import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.seams import ClusterView
from pybroker.runtime.turns import Turns
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import DescribeTopicPartitionsRequest, MetadataRequest
from pybroker.wire.uuids import ZERO_UUID

FIRST_VERSION_WITH_IDS = 12
NO_NODE = -1


@handles(MetadataRequest, versions=(0, 13), cacheable=True)
async def metadata(context: RequestContext, request: Any) -> Any:
    """Tell where the brokers are and who leads the partitions of some topics, or of all.

    Versions   1: null means all topics, an empty list none   4: the client may forbid creating (KIP-204)   8: authorized operations
               (KIP-430)   10: topic ids (KIP-516)   12: asking by id   13: an error for the whole answer (KIP-1102)
    Behaviour  As soon as one topic is asked for by id, names do not count. Existing topics come first. A topic that is created by being
               asked for is UNKNOWN_TOPIC_OR_PARTITION in the answer that caused it; an internal one is told at once.
    """
    code = _refuse(context.api_version, request)
    if code is not None:
        refused = await Turns().each(lambda topic: _failed(code, topic.name or "", topic.topic_id), request.topics)
        return messages.MetadataResponse(controller_id=NO_NODE, topics=refused, error_code=code)
    names, unknown_ids = _asked(context.state.cluster, context.api_version, request)
    missing = await _auto_create(context, request, names)
    creating = missing - INTERNAL_TOPICS
    # Read after creating, which waits for the disk: other requests may have changed the image meanwhile.
    cluster = context.state.cluster
    version, turns = cluster.version, Turns()
    known = [cluster.topics[name] for name in names if name in cluster.topics and name not in creating]
    unknown = [name for name in names if name not in cluster.topics or name in creating]
    topics = []
    for topic in known:
        topics.append(_topic(cluster, topic))
        await turns.step(1 + len(topic.partitions))
    topics += await turns.each(_missing, unknown)
    nameless = None if context.api_version >= FIRST_VERSION_WITH_IDS else ""
    topics += await turns.each(partial(_failed, ErrorCode.UNKNOWN_TOPIC_ID, nameless), unknown_ids)
    if request.include_topic_authorized_operations:
        for topic in topics:
            topic.topic_authorized_operations = TOPIC_OPERATIONS
    context.keep_answer = not missing and cluster.version == version
    return messages.MetadataResponse(
        brokers=[_broker(context, broker) for broker in cluster.brokers.values() if not broker.fenced],
        cluster_id=cluster.cluster_id,
        controller_id=context.state.node_id,
        topics=topics,
        cluster_authorized_operations=CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED,
    )


def _refuse(version: int, request: Any) -> ErrorCode | None:
    """What is wrong with the request as a whole: no brokers are told then, and the error at every topic."""
    nameless = [topic for topic in request.topics or () if topic.name is None]
    if version < FIRST_VERSION_WITH_IDS and nameless:
        return ErrorCode.INVALID_REQUEST
    if nameless and all(topic.topic_id == ZERO_UUID for topic in request.topics):
        return ErrorCode.UNKNOWN_SERVER_ERROR  # Kafka fails on the null name without having a word for it
    return None


def _asked(cluster: ClusterView, version: int, request: Any) -> tuple[list[str], list[bytes]]:
    """The names of the topics asked for, each once, and the ids that nobody has."""
    if request.topics is None or (version == 0 and not request.topics):
        return list(cluster.topics), []
    ids = dict.fromkeys(topic.topic_id for topic in request.topics if topic.topic_id != ZERO_UUID)
    if not ids:
        return list(dict.fromkeys(topic.name for topic in request.topics)), []
    names = [cluster.topics_by_id[topic_id].name for topic_id in ids if topic_id in cluster.topics_by_id]
    return names, [topic_id for topic_id in ids if topic_id not in cluster.topics_by_id]


async def _auto_create(context: RequestContext, request: Any, names: list[str]) -> set[str]:
    """Make the topics that are missing, if client and broker agree. Returns their names."""
    state = context.state
    if not request.topics or not request.allow_auto_topic_creation or not state.settings.get("auto.create.topics.enable"):
        return set()
    missing = [name for name in names if name not in state.cluster.topics and is_valid_name(name)]
    if missing:
        await context.flush()
    for name in missing:
        try:
            await state.controller.auto_create_topic(name)
        except KafkaError:
            continue  # the answer says that the topic is unknown, whatever kept it from being made
    return set(missing)


def _broker(context: RequestContext, broker: BrokerImage) -> Any:
    host, port = context.advertised_address()
    return messages.MetadataResponse.MetadataResponseBroker(node_id=broker.broker_id, host=host, port=port, rack=broker.rack)


def _topic(cluster: ClusterView, topic: TopicImage) -> Any:
    partition_class = messages.MetadataResponse.MetadataResponsePartition
    return messages.MetadataResponse.MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.is_internal,
        partitions=[
            partition_class(
                error_code=_leader_error(partition.leader),
                partition_index=partition.index,
                leader_id=partition.leader,
                leader_epoch=partition.leader_epoch,
                replica_nodes=partition.replicas,
                isr_nodes=partition.isr,
                offline_replicas=_offline_replicas(cluster, partition),
            )
            for partition in topic.partitions
        ],
    )


def _leader_error(leader: int) -> ErrorCode:
    return ErrorCode.LEADER_NOT_AVAILABLE if leader == NO_LEADER else ErrorCode.NONE


def _offline_replicas(cluster: ClusterView | None, partition: PartitionImage) -> list[int]:
    """Replicas of a partition without a leader whose broker, or its directory, cannot be used."""
    if partition.leader != NO_LEADER or cluster is None:
        return []
    return [replica for replica in partition.replicas if not _is_online(cluster.brokers.get(replica), partition)]


def _is_online(broker: BrokerImage | None, partition: PartitionImage) -> bool:
    if broker is None or broker.fenced:
        return False
    directory_id = directory_of(partition, broker.broker_id)
    return not is_assigned(directory_id) or directory_id in broker.log_dirs


def _missing(name: str) -> Any:
    return _failed(_missing_code(name), name, ZERO_UUID)


def _missing_code(name: str) -> ErrorCode:
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if is_valid_name(name) else ErrorCode.INVALID_TOPIC_EXCEPTION


def _failed(code: ErrorCode, name: str | None, topic_id: bytes) -> Any:
    is_internal = name in INTERNAL_TOPICS
    return messages.MetadataResponse.MetadataResponseTopic(error_code=code, name=name, topic_id=topic_id, is_internal=is_internal)


@handles(DescribeTopicPartitionsRequest, versions=(0, 0))
async def describe_topic_partitions(context: RequestContext, request: Any) -> Any:
    """List topics in order of their names, a page of partitions at a time (KIP-966).

    Behaviour  The page is at least one partition and at most `max.request.partition.size.limit`. The cursor names the first partition
               that did not fit. No topics asked for means all. That a partition has no leader is no error here, in contrast to Metadata.
    """
    cursor = request.cursor
    if cursor is not None and cursor.partition_index < 0:
        failed = [_description(ErrorCode.INVALID_REQUEST, topic.name, None, [], NOT_ASKED) for topic in request.topics]
        return messages.DescribeTopicPartitionsResponse(topics=failed)
    cluster = context.state.cluster
    names = sorted({topic.name for topic in request.topics} or cluster.topics)
    names = [name for name in names if cursor is None or name >= cursor.topic_name]
    limit = max(1, min(request.response_partition_limit, context.state.settings.get("max.request.partition.size.limit")))
    start = {} if cursor is None else {cursor.topic_name: cursor.partition_index}
    return await _page(cluster, names, start, limit)


async def _page(cluster: ClusterView, names: list[str], start: dict[str, int], limit: int) -> Any:
    response, turns = messages.DescribeTopicPartitionsResponse(), Turns()
    for at, name in enumerate(names):
        await turns.step()
        topic = cluster.topics.get(name)
        if topic is None:
            response.topics.append(_description(_missing_code(name), name, None, [], TOPIC_OPERATIONS))
            continue
        first = start.get(name, 0)
        shown = topic.partitions[first : first + limit]
        response.topics.append(_description(ErrorCode.NONE, name, topic, shown, TOPIC_OPERATIONS, cluster))
        limit -= len(shown)
        if first + len(shown) < len(topic.partitions):
            response.next_cursor = response.Cursor(topic_name=name, partition_index=first + len(shown))
            break
        if limit == 0 and at + 1 < len(names):
            response.next_cursor = response.Cursor(topic_name=names[at + 1], partition_index=0)
            break
    return response


def _description(
    code: ErrorCode, name: str, topic: TopicImage | None, partitions: list[Any], operations: int, cluster: ClusterView | None = None
) -> Any:
    response = messages.DescribeTopicPartitionsResponse
    partition_class = response.DescribeTopicPartitionsResponsePartition
    return response.DescribeTopicPartitionsResponseTopic(
        error_code=code,
        name=name,
        topic_id=ZERO_UUID if topic is None else topic.topic_id,
        is_internal=name in INTERNAL_TOPICS,
        partitions=[
            partition_class(
                partition_index=partition.index,
                leader_id=partition.leader,
                leader_epoch=partition.leader_epoch,
                replica_nodes=partition.replicas,
                isr_nodes=partition.isr,
                eligible_leader_replicas=partition.details.eligible_leader_replicas,
                last_known_elr=partition.details.last_known_elr,
                offline_replicas=_offline_replicas(cluster, partition),
            )
            for partition in partitions
        ],
        topic_authorized_operations=operations,
    )
