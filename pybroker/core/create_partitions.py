"""CreatePartitions: more partitions for topics that exist (Kafka: ReplicationControlManager.createPartitions)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pybroker.core.cluster import TopicImage
from pybroker.core.controller import (
    MAX_PARTITIONS_PER_REQUEST,
    ControllerDecision,
    ControllerView,
    NewPartitions,
    check_length,
    replication_factor_of,
)
from pybroker.core.placement import check_assignment, place
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError


def create_partitions(view: ControllerView, request: Any) -> ControllerDecision:
    """Decide a CreatePartitionsRequest. With `validate_only` the answer is the same and nothing is made.

    Raises POLICY_VIOLATION if it is too long or adds too many partitions in all.
    """
    check_length(len(request.topics))
    decision = ControllerDecision(response=messages.CreatePartitionsResponse())
    counts = Counter(topic.name for topic in request.topics)
    for name in [name for name, count in counts.items() if count > 1]:
        decision.response.results.append(_result(name, KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")))
    _check_partition_count(view, [topic for topic in request.topics if counts[topic.name] == 1])
    for topic in request.topics:
        if counts[topic.name] > 1:
            continue
        try:
            decision.records += _grow(view, topic)
            decision.response.results.append(_result(topic.name, None))
        except KafkaError as error:
            decision.response.results.append(_result(topic.name, error))
    if request.validate_only:
        decision.records = []
    return decision


def _check_partition_count(view: ControllerView, topics: list[Any]) -> None:
    added = 0
    for topic in topics:
        image = view.image.topics.get(topic.name)
        added += 0 if image is None else max(0, topic.count - len(image.partitions))
    if added > MAX_PARTITIONS_PER_REQUEST:
        raise KafkaError(ErrorCode.POLICY_VIOLATION, "Excessively large number of additional partitions per request.")


def _grow(view: ControllerView, topic: Any) -> list[Any]:
    image = view.image.topics.get(topic.name)
    if image is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None)
    present = len(image.partitions)
    if topic.count <= present:
        text = f"Topic already has {present} partition(s)." if topic.count == present else _fewer(topic.name, present, topic.count)
        raise KafkaError(ErrorCode.INVALID_PARTITIONS, text)
    added = topic.count - present
    if topic.assignments is not None and len(topic.assignments) != added:
        text = f"Attempted to add {added} additional partition(s), but only {len(topic.assignments)} assignment(s) were specified."
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)
    assignment = _assignment(view, topic, image, added)
    new = NewPartitions(view)
    return [new.record(image.name, image.topic_id, present + at, replicas) for at, replicas in enumerate(assignment)]


def _assignment(view: ControllerView, topic: Any, image: TopicImage, added: int) -> list[list[int]]:
    factor = replication_factor_of(image)
    if topic.assignments is None:
        return place(view.image, view.rng, added, factor)
    for index, assignment in enumerate(topic.assignments, len(image.partitions)):
        check_assignment(view.image, index, assignment.broker_ids, factor)
    return [list(assignment.broker_ids) for assignment in topic.assignments]


def _fewer(name: str, present: int, count: int) -> str:
    return f"The topic {name} currently has {present} partition(s); {count} would not be an increase."


def _result(name: str, error: KafkaError | None) -> Any:
    code = ErrorCode.NONE if error is None else error.code
    message = None if error is None else error.message
    return messages.CreatePartitionsResponse.CreatePartitionsTopicResult(name=name, error_code=code, error_message=message)
