"""CreateTopics: what is refused, and the records of what is made.

A topic's records stand in Kafka's order: the topic, its configurations, its partitions. Checks too come in Kafka's order, because a
request can be wrong in several ways and clients see only the first: name, existence, configurations, then partitions and replicas.

(Kafka: ControllerApis.createTopics, ReplicationControlManager.createTopics.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pybroker.core.cluster import METADATA_TOPIC, ResourceType
from pybroker.core.config_entries import topic_entries
from pybroker.core.controller import MAX_PARTITIONS_PER_REQUEST, ControllerDecision, ControllerView, NewPartitions, check_length, new_uuid
from pybroker.core.placement import check_assignment, place
from pybroker.core.topic_names import check_collision, check_name
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError


def create_topics(view: ControllerView, request: Any) -> ControllerDecision:
    """Decide a CreateTopicsRequest. With `validate_only` the answer is the same and nothing is made.

    Raises POLICY_VIOLATION if it is too long, or would make more records than Kafka takes for one operation.
    """
    counts = Counter(topic.name for topic in request.topics)
    _check_partition_count(view, [topic for topic in request.topics if counts[topic.name] == 1 and topic.name != METADATA_TOPIC])
    check_length(len(request.topics))
    decision = ControllerDecision(response=messages.CreateTopicsResponse())
    topics = decision.response.topics
    new = _NewTopics(view)
    for name in [name for name, count in counts.items() if count > 1]:
        topics.append(_failed(name, KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")))
    all_differ = len(counts) == len(request.topics)
    for topic in request.topics:
        if not all_differ and counts[topic.name] > 1:
            continue
        try:
            if topic.name == METADATA_TOPIC:
                raise KafkaError(ErrorCode.INVALID_REQUEST, f"Creation of internal topic {METADATA_TOPIC} is prohibited.")
            topics.append(_create(new, topic, decision.records))
        except KafkaError as error:
            topics.append(_failed(topic.name, error))
    check_length(len(decision.records))
    if request.validate_only:
        decision.records = []
    return decision


class _NewTopics:
    """What the topics of one request share."""

    __slots__ = ("_assignments", "_defaults", "partitions", "view")

    def __init__(self, view: ControllerView) -> None:
        self.view = view
        self.partitions = NewPartitions(view)
        self._defaults: list[Any] | None = None
        self._assignments: dict[tuple[int, int], list[list[int]]] = {}

    def configs(self, configs: dict[str, str]) -> list[Any]:
        """All configurations of a topic that sets these: one list for all topics made alike."""
        if configs or self._defaults is None:
            settings = self.view.settings
            key = ("created", *sorted(configs.items()))
            told = settings.derived(key, lambda: [_told(entry) for entry in topic_entries(settings, configs)])
            if configs:
                return told
            self._defaults = told
        return self._defaults

    def assignment(self, topic: Any) -> list[list[int]]:
        """The replicas of each partition. Raises KafkaError."""
        return _manual_assignment(self.view, topic) if topic.assignments else self._place(topic.num_partitions, topic.replication_factor)

    def _place(self, partitions: int, factor: int) -> list[list[int]]:
        found = self._assignments.get((partitions, factor))
        if found is None:
            found = _assignment(self.view, partitions, factor)
            if len(self.view.image.brokers) == 1:  # then there is no turn to take
                self._assignments[partitions, factor] = found
        return found

    def records(self, name: str, topic_id: bytes, configs: Mapping[str, str], assignment: list[list[int]]) -> list[Any]:
        """The records of one topic."""
        config_record, partition_record = messages.ConfigRecord, self.partitions.record
        records: list[Any] = [messages.TopicRecord(name=name, topic_id=topic_id)]
        for key, value in configs.items():
            records.append(config_record(resource_type=ResourceType.TOPIC, resource_name=name, name=key, value=value))
        for index, replicas in enumerate(assignment):
            records.append(partition_record(name, topic_id, index, replicas))
        return records


def create_one(view: ControllerView, name: str, partitions: int, replication_factor: int, configs: Mapping[str, str]) -> list[Any]:
    """The records of one topic that the broker makes by itself. Raises `KafkaError`."""
    _check_reserved(name)
    check_name(name)
    check_collision(view.image, name)
    assignment = place(view.image, view.rng, partitions, replication_factor)
    return _NewTopics(view).records(name, new_uuid(view.rng), configs, assignment)


def _create(new: _NewTopics, topic: Any, records: list[Any]) -> Any:
    view, name = new.view, topic.name
    check_name(name)
    if name in view.image.topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    check_collision(view.image, name)
    configs = {config.name: config.value for config in topic.configs} if topic.configs else {}
    view.settings.validate_topic(configs)
    assignment = new.assignment(topic)
    topic_id = new_uuid(view.rng)
    records += new.records(name, topic_id, configs, assignment)
    return messages.CreateTopicsResponse.CreatableTopicResult(
        name=name,
        topic_id=topic_id,
        error_code=0,
        error_message=None,
        num_partitions=len(assignment),
        replication_factor=len(assignment[0]),
        configs=new.configs(configs),
    )


def _check_reserved(name: str) -> None:
    """The metadata log has its directory among the topics' own; nobody may make a topic over it."""
    if name == METADATA_TOPIC:
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, None)


def _assignment(view: ControllerView, partitions: int, factor: int) -> list[list[int]]:
    if factor < -1 or factor == 0:
        raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0, or -1 to use the default value.")
    if partitions < -1 or partitions == 0:
        raise KafkaError(ErrorCode.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.")
    factor = view.settings.get("default.replication.factor") if factor == -1 else factor
    partitions = view.settings.get("num.partitions") if partitions == -1 else partitions
    try:
        return place(view.image, view.rng, partitions, factor)
    except KafkaError as error:
        raise KafkaError(error.code, f"Unable to replicate the partition {factor} time(s): {error.message}") from None


def _manual_assignment(view: ControllerView, topic: Any) -> list[list[int]]:
    if topic.replication_factor != -1:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, "A manual partition assignment was specified, but replication factor was not set to -1."
        )
    if topic.num_partitions != -1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A manual partition assignment was specified, but numPartitions was not set to -1.")
    by_index: dict[int, list[int]] = {}
    factor: int | None = None
    for assignment in topic.assignments:
        if assignment.partition_index in by_index:
            text = f"Found multiple manual partition assignments for partition {assignment.partition_index}"
            raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)
        check_assignment(view.image, assignment.partition_index, assignment.broker_ids, factor)
        by_index[assignment.partition_index] = list(assignment.broker_ids)
        factor = len(assignment.broker_ids)
    if sorted(by_index) != list(range(len(by_index))):
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence")
    return [by_index[index] for index in range(len(by_index))]


def _partition_count(view: ControllerView, topic: Any) -> int:
    if topic.assignments:
        return len(topic.assignments)
    count: int = view.settings.get("num.partitions") if topic.num_partitions == -1 else topic.num_partitions
    return count


def _check_partition_count(view: ControllerView, topics: list[Any]) -> None:
    if sum(max(0, _partition_count(view, topic)) for topic in topics) > MAX_PARTITIONS_PER_REQUEST:
        raise KafkaError(ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request.")


def _told(entry: Any) -> Any:
    return messages.CreateTopicsResponse.CreatableTopicConfigs(
        name=entry.name, value=entry.value, read_only=entry.read_only, config_source=entry.source, is_sensitive=entry.is_sensitive
    )


def _failed(name: str, error: KafkaError) -> Any:
    return messages.CreateTopicsResponse.CreatableTopicResult(name=name, error_code=error.code, error_message=error.message, configs=[])
