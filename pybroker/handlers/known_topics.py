"""Requests that name topics and partitions: what the cluster has goes on, the rest is refused one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybroker.core.cluster import TopicImage
from pybroker.handlers.context import RequestContext
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.runner import coordinator_error
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.stored import CONSUMER_OFFSETS

Refuse = Callable[[int, ErrorCode], Any]

LEAST_RECORD_BYTES = 40
"""What the record of one committed offset takes at least, beside the names of its group and topic."""


def find_partition(context: RequestContext, topic: str, partition: int) -> LivePartition:
    """A partition by its topic's name. Raises KafkaError: UNKNOWN_TOPIC_OR_PARTITION."""
    live = context.state.partitions.find(topic, partition)
    if live is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {topic}-{partition}")
    return live


async def split_off_unknown(
    context: RequestContext, request: Any, answer_class: Any, refuse: Refuse, turns: Turns, *, by_id: bool = False
) -> list[Any]:
    """Leave in `request.topics`, under their names, what the cluster has; return `answer_class` topics of refusals for the rest."""
    cluster = context.state.cluster
    known, refused = [], []
    for topic in request.topics:
        image = cluster.topics_by_id.get(topic.topic_id) if by_id else cluster.topics.get(topic.name)
        error = ErrorCode.UNKNOWN_TOPIC_ID if image is None and by_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if image is not None:
            topic.name = image.name
        present, missing = await _split(topic.partitions, image, turns)
        if missing or image is None:
            refused.append(await refusals(topic, answer_class, refuse, error, missing, turns))
        if present:
            topic.partitions = present
            known.append(topic)
    request.topics = known
    return refused


async def _split(partitions: list[Any], image: TopicImage | None, turns: Turns) -> tuple[list[Any], list[int]]:
    """Those that the topic has, and the numbers of the others."""
    count = 0 if image is None else len(image.partitions)
    present, missing = [], []
    for each in partitions:
        if 0 <= each.partition_index < count:
            present.append(each)
        else:
            missing.append(each.partition_index)
        await turns.step()
    return present, missing


async def refusals(topic: Any, answer_class: Any, refuse: Refuse, error: ErrorCode, partitions: list[int], turns: Turns) -> Any:
    """The answer for a topic of which these partitions are refused."""
    answer = answer_class(name=topic.name, partitions=await turns.each(lambda index: refuse(index, error), partitions))
    if hasattr(answer, "topic_id"):
        answer.topic_id = topic.topic_id
    return answer


async def merged(first: list[Any], second: list[Any], turns: Turns) -> list[Any]:
    """Each topic once, with the partitions of both, as Kafka's response builders have it."""
    if not first or not second:
        return first or second
    topics = {_key(topic): topic for topic in first}
    for topic in second:
        present = topics.setdefault(_key(topic), topic)
        if present is not topic:
            present.partitions.extend(topic.partitions)
        await turns.step()
    return list(topics.values())


def _key(topic: Any) -> tuple[str, bytes]:
    return topic.name, getattr(topic, "topic_id", b"")


def check_commit_size(context: RequestContext, request: Any) -> None:
    """Refuse at once a commit that cannot be one batch of `__consumer_offsets`, before its records are made. Raises KafkaError."""
    settings = context.state.settings
    if settings.get("offsets.topic.compression.codec"):
        return
    live = context.state.partitions.find(CONSUMER_OFFSETS, 0)
    most_bytes = settings.get("message.max.bytes") if live is None else live.config.max_message_bytes
    each_bytes = LEAST_RECORD_BYTES + len(request.group_id)
    size_bytes = sum((each_bytes + len(topic.name)) * len(topic.partitions) for topic in request.topics)
    if size_bytes > most_bytes:
        raise coordinator_error(KafkaError(ErrorCode.MESSAGE_TOO_LARGE, f"a commit of more than {size_bytes} bytes"))
