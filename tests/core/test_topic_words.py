"""What a client reads where topics cannot be made, grown or deleted, and with which code."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pybroker.core.cluster import ClusterImage
from pybroker.core.controller import ControllerView, bootstrap_records, start_records
from pybroker.core.create_partitions import create_partitions
from pybroker.core.create_topics import create_topics
from pybroker.core.delete_topics import delete_topics
from pybroker.core.log_directories import LocalDirectories, cordon_records
from pybroker.core.settings import Settings
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    BrokerRegistrationChangeRecord,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    PartitionRecord,
    TopicRecord,
)

DIRECTORY = b"1" * 16
Topic = CreateTopicsRequest.CreatableTopic
Assigned = CreateTopicsRequest.CreatableReplicaAssignment
Replicas = CreatePartitionsRequest.CreatePartitionsAssignment
NOWHERE = "All brokers are currently fenced, or have all their log directories cordoned."
TOO_FEW = "cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned."


@pytest.fixture
def view() -> ControllerView:
    """The broker 1, with one directory, and the topic `a` of one partition."""
    settings = Settings({})
    view = ControllerView(ClusterImage("c"), settings, 1, Random(1), LocalDirectories({DIRECTORY: "/one"}))
    view.image.replay(bootstrap_records(settings))
    view.image.replay(start_records(view, 8, [DIRECTORY], []))
    view.image.replay([TopicRecord(name="a", topic_id=b"a" * 16), PartitionRecord(topic_id=b"a" * 16, replicas=[1], isr=[1], leader=1)])
    return view


def created(view: ControllerView, **fields: Any) -> tuple[int, str | None]:
    """Code and message for one new topic."""
    fields = {"name": "n", "num_partitions": 1, "replication_factor": 1} | fields
    (answer,) = create_topics(view, CreateTopicsRequest(topics=[Topic(**fields)])).response.topics
    return answer.error_code, answer.error_message


def assigned(view: ControllerView, *replicas: list[int]) -> tuple[int, str | None]:
    """Code and message for a topic whose replicas are named."""
    assignments = [Assigned(partition_index=index, broker_ids=ids) for index, ids in enumerate(replicas)]
    return created(view, num_partitions=-1, replication_factor=-1, assignments=assignments)


def grown(view: ControllerView, count: int, *replicas: list[int]) -> tuple[int, str | None]:
    """Code and message for more partitions of `a`."""
    assignments = [Replicas(broker_ids=ids) for ids in replicas] or None
    topic = CreatePartitionsRequest.CreatePartitionsTopic(name="a", count=count, assignments=assignments)
    (answer,) = create_partitions(view, CreatePartitionsRequest(topics=[topic])).response.results
    return answer.error_code, answer.error_message


def test_too_few_brokers(view: ControllerView) -> None:
    """A new topic is told how often its partitions could not be replicated."""
    text = f"Unable to replicate the partition 3 time(s): The target replication factor of 3 {TOO_FEW}"
    assert created(view, replication_factor=3) == (ErrorCode.INVALID_REPLICATION_FACTOR, text)


def test_all_directories_cordoned(view: ControllerView) -> None:
    """No broker is left then, by whomever it would be chosen."""
    view.image.replay(cordon_records(view.image, 1, {DIRECTORY}))
    told = f"Unable to replicate the partition 3 time(s): {NOWHERE}"
    assert created(view, replication_factor=3) == (ErrorCode.INVALID_REPLICATION_FACTOR, told)
    assert grown(view, 2) == (ErrorCode.INVALID_REPLICATION_FACTOR, NOWHERE)
    told = "The manual partition assignment includes broker 1, but all its log directories are cordoned."
    assert assigned(view, [1]) == (ErrorCode.INVALID_REPLICA_ASSIGNMENT, told)
    assert grown(view, 2, [1]) == (ErrorCode.INVALID_REPLICA_ASSIGNMENT, told)


@pytest.mark.parametrize(
    ("replicas", "text"),
    [
        ([[]], "includes an empty replica list."),
        ([[1, 8, 7]], "includes broker 7, but no such broker is registered."),
        ([[7, 1, 1]], "includes the broker 1 more than once."),
        ([[1], [1, 1]], "includes the broker 1 more than once."),
    ],
)
def test_assignments(view: ControllerView, replicas: list[list[int]], text: str) -> None:
    """Brokers are looked at from the lowest id up."""
    told = (ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"The manual partition assignment {text}")
    assert assigned(view, *replicas) == told
    assert grown(view, 1 + len(replicas), *replicas) == told


def test_assignment_to_who_is_away(view: ControllerView) -> None:
    """The partition is named: a grown topic's first new one has the number of those that are there."""
    view.image.replay([BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=view.image.brokers[1].epoch, fenced=1)])
    text = "All brokers specified in the manual partition assignment for partition {} are fenced or in controlled shutdown."
    assert assigned(view, [1]) == (ErrorCode.INVALID_REPLICA_ASSIGNMENT, text.format(0))
    assert grown(view, 2, [1]) == (ErrorCode.INVALID_REPLICA_ASSIGNMENT, text.format(1))


def test_the_first_of_several_bad_configurations(view: ControllerView) -> None:
    """It is the one that Kafka defines first, whatever the order in the request."""
    configs = [CreateTopicsRequest.CreatableTopicConfig(name=name, value="x") for name in ("preallocate", "retention.ms", "segment.bytes")]
    told = "Invalid value x for configuration segment.bytes: Not a number of type INT"
    assert created(view, configs=configs) == (ErrorCode.INVALID_CONFIG, told)


def test_too_many_topics(view: ControllerView) -> None:
    """Each has a partition at least, and those are counted first."""
    topics = [Topic(name=f"t{at}", num_partitions=1, replication_factor=1) for at in range(10_001)]
    with pytest.raises(KafkaError, match="Excessively large number of partitions per request"):
        create_topics(view, CreateTopicsRequest(topics=topics))


@pytest.mark.parametrize("version", [2, 6])
def test_deletion_that_is_switched_off_is_a_code_alone(view: ControllerView, version: int) -> None:
    """A client has words of its own for it."""
    off = view._replace(settings=Settings({"delete.topic.enable": "false"}))
    with pytest.raises(KafkaError) as refused:
        delete_topics(off, DeleteTopicsRequest(topic_names=["a"]), version)
    assert refused.value.message is None
