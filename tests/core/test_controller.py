"""What the controller decides about topics and partitions: every refusal, and the records of what is made."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pybroker.core.cluster import NO_DETAILS, ClusterImage
from pybroker.core.controller import (
    FINALIZED_FEATURES,
    ControllerDecision,
    ControllerView,
    bootstrap_records,
    internal_topic,
    new_uuid,
    producer_id_block,
    record_version,
    start_records,
)
from pybroker.core.create_partitions import create_partitions
from pybroker.core.create_topics import create_one, create_topics
from pybroker.core.delete_topics import delete_topics
from pybroker.core.settings import Settings
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest
from pybroker.wire.uuids import ZERO_UUID, to_text

Topic = CreateTopicsRequest.CreatableTopic
Assignment = CreateTopicsRequest.CreatableReplicaAssignment
Config = CreateTopicsRequest.CreatableTopicConfig
State = DeleteTopicsRequest.DeleteTopicState
More = CreatePartitionsRequest.CreatePartitionsTopic
MoreAssigned = CreatePartitionsRequest.CreatePartitionsAssignment


def new_view(brokers: int = 1, **static: str) -> ControllerView:
    """A cluster that has just started, with `static` settings (underscores for dots)."""
    settings = Settings({name.replace("_", "."): value for name, value in static.items()})
    image = ClusterImage("c")
    image.replay(bootstrap_records(settings))
    for node_id in range(1, brokers + 1):
        image.replay(start_records(ControllerView(image, settings, node_id, Random(node_id)), 8, [], []))
    return ControllerView(image, settings, 1, Random(1))


def create(view: ControllerView, *topics: Topic, validate_only: bool = False) -> ControllerDecision:
    """Decide to create topics and do it."""
    decision = create_topics(view, CreateTopicsRequest(topics=list(topics), validate_only=validate_only))
    view.image.replay(decision.records)
    return decision


def create_code(topic: Topic, view: ControllerView | None = None) -> ErrorCode:
    """The error code of creating one topic."""
    try:
        return ErrorCode(create(view or new_view(), topic).response.topics[0].error_code)
    except KafkaError as error:
        return error.code


def plain(name: str = "t", partitions: int = 1, factor: int = 1, **more: Any) -> Topic:
    """A topic to be created."""
    return Topic(name=name, num_partitions=partitions, replication_factor=factor, **more)


def assigned(*assignments: tuple[int, list[int]], partitions: int = -1, factor: int = -1) -> Topic:
    """A topic whose replicas are placed by hand."""
    return plain("t", partitions, factor, assignments=[Assignment(partition_index=index, broker_ids=ids) for index, ids in assignments])


def test_a_topic_is_made_in_kafkas_order_of_records() -> None:
    """Topic, configurations, partitions; the answer tells all."""
    view = new_view()
    decision = create(view, plain(partitions=2, configs=[Config(name="retention.ms", value="5")]))
    assert [type(record).__name__ for record in decision.records] == ["TopicRecord", "ConfigRecord", "PartitionRecord", "PartitionRecord"]
    told = decision.response.topics[0]
    assert (told.error_code, told.num_partitions, told.replication_factor, len(told.configs)) == (0, 2, 1, 37)
    assert told.topic_id == view.image.topics["t"].topic_id
    assert {config.name: (config.value, config.config_source) for config in told.configs}["retention.ms"] == ("5", 1)


def test_minus_one_means_the_brokers_defaults() -> None:
    """num.partitions and default.replication.factor."""
    view = new_view(num_partitions="4")
    told = create(view, plain(partitions=-1, factor=-1)).response.topics[0]
    assert (told.num_partitions, told.replication_factor) == (4, 1)


def test_validate_only_makes_nothing() -> None:
    """The same answer, no records."""
    view = new_view()
    decision = create(view, plain(partitions=3), validate_only=True)
    assert (decision.records, decision.response.topics[0].num_partitions, view.image.topics) == ([], 3, {})


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (plain(""), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("."), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain(".."), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("a b"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("a/b"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("é"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("a\n"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("n" * 250), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (plain("n" * 249), ErrorCode.NONE),
        (plain("__cluster_metadata"), ErrorCode.INVALID_REQUEST),
        (plain(partitions=0), ErrorCode.INVALID_PARTITIONS),
        (plain(partitions=-2), ErrorCode.INVALID_PARTITIONS),
        (plain(partitions=1_000_000), ErrorCode.POLICY_VIOLATION),
        (plain(partitions=9_999), ErrorCode.NONE),
        (plain(factor=0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (plain(factor=-2), ErrorCode.INVALID_REPLICATION_FACTOR),
        (plain(factor=2), ErrorCode.INVALID_REPLICATION_FACTOR),
        (plain(configs=[Config(name="no.such", value="1")]), ErrorCode.INVALID_CONFIG),
        (plain(configs=[Config(name="retention.ms", value=None)]), ErrorCode.INVALID_CONFIG),
        (plain(configs=[Config(name="segment.bytes", value="1")]), ErrorCode.INVALID_CONFIG),
        (plain(configs=[Config(name="cleanup.policy", value="")]), ErrorCode.NONE),
        (assigned((0, [1]), (1, [1])), ErrorCode.NONE),
        (assigned((1, [1])), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (assigned((0, [1]), (0, [1])), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (assigned((0, [1, 1])), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (assigned((0, [7777])), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (assigned((0, [])), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (assigned((0, [1]), partitions=2), ErrorCode.INVALID_REQUEST),
        (assigned((0, [1]), factor=1), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_createtopics_answers(topic: Topic, code: ErrorCode) -> None:
    """Names, numbers, configurations and assignments, as Kafka 4.4.0 answered."""
    assert create_code(topic) is code


@pytest.mark.parametrize(
    ("topics", "refused"),
    [
        ([plain(partitions=10_000)], True),
        ([plain(f"t{number}") for number in range(5_000)], False),
        ([plain(f"t{number}") for number in range(5_001)], True),
        ([plain(f"t{number}") for number in range(5_000)] + [plain("a b")], False),
        ([plain(partitions=9_999, configs=[Config(name="retention.ms", value="9")])], True),
    ],
)
@pytest.mark.parametrize("validate_only", [False, True])
def test_records_of_one_operation_are_bounded(topics: list[Topic], refused: bool, validate_only: bool) -> None:
    """More than 10,000 records are refused as a whole, also if they would only be checked; topics that are refused make none."""
    if not refused:
        create(new_view(), *topics, validate_only=validate_only)
        return
    with pytest.raises(KafkaError, match="excessively large") as raised:
        create(new_view(), *topics, validate_only=validate_only)
    assert raised.value.code is ErrorCode.POLICY_VIOLATION


def test_existing_and_colliding_names() -> None:
    """An existing topic is told as such; a dot and an underscore collide."""
    view = new_view()
    create(view, plain("a.b"))
    assert create_code(plain("a.b"), view) is ErrorCode.TOPIC_ALREADY_EXISTS
    assert create_code(plain("a_b"), view) is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert create_code(plain("a-b"), view) is ErrorCode.NONE


def test_a_name_twice_is_refused_once_and_others_are_made() -> None:
    """One answer for the repeated name; each topic is decided alone."""
    told = create(new_view(), plain("a"), plain("a"), plain("b"), plain("a b")).response.topics
    assert {topic.name: topic.error_code for topic in told} == {"a": 42, "b": 0, "a b": 17}


def test_replicas_are_dealt_out_over_brokers() -> None:
    """With three brokers each leads a third, and a partition's replicas differ."""
    view = new_view(brokers=3)
    create(view, plain(partitions=3, factor=2))
    partitions = view.image.topics["t"].partitions
    assert sorted(partition.leader for partition in partitions) == [1, 2, 3]
    assert all(len(set(partition.replicas)) == 2 for partition in partitions)
    assert create_code(assigned((0, [1, 2]), (1, [3]))) is ErrorCode.INVALID_REPLICA_ASSIGNMENT


def test_topics_are_deleted_by_name_and_by_id() -> None:
    """The answer carries name and id of what was there."""
    view = new_view()
    create(view, plain("a"), plain("b"))
    ids = {name: topic.topic_id for name, topic in view.image.topics.items()}
    decision = delete_topics(view, DeleteTopicsRequest(topics=[State(name="a"), State(name=None, topic_id=ids["b"])]), 6)
    assert {(one.name, one.topic_id, one.error_code) for one in decision.response.responses} == {("a", ids["a"], 0), ("b", ids["b"], 0)}
    view.image.replay(decision.records)
    assert view.image.topics == {}


@pytest.mark.parametrize(
    ("states", "answers"),
    [
        ([State(name="nope")], [("nope", 3)]),
        ([State(name="a b")], [("a b", 3)]),
        ([State(name=None)], [(None, 42)]),
        ([State(name=None, topic_id=b"x" * 16)], [(None, 100)]),
        ([State(name="t", topic_id=b"x" * 16)], [("t", 42)]),
        ([State(name="t"), State(name="t")], [("t", 42)]),
        ([State(name=None, topic_id=b"x" * 16)] * 2, [(None, 42)]),
    ],
)
def test_what_deletetopics_refuses(states: list[State], answers: list[tuple[str | None, int]]) -> None:
    """Unknown, unnamed, doubly named, named twice."""
    view = new_view()
    create(view, plain("t"))
    decision = delete_topics(view, DeleteTopicsRequest(topics=states), 6)
    assert [(one.name, one.error_code) for one in decision.response.responses] == answers
    assert decision.records == []


def test_a_topic_by_name_and_by_its_id_is_refused() -> None:
    """Nothing is deleted, and the answer tells the id."""
    view = new_view()
    create(view, plain("t"))
    topic_id = view.image.topics["t"].topic_id
    decision = delete_topics(view, DeleteTopicsRequest(topics=[State(name="t"), State(name=None, topic_id=topic_id)]), 6)
    assert [(one.name, one.topic_id, one.error_code) for one in decision.response.responses] == [("t", topic_id, 42)]
    assert decision.records == []


@pytest.mark.parametrize(("version", "code"), [(2, ErrorCode.INVALID_REQUEST), (3, ErrorCode.TOPIC_DELETION_DISABLED)])
def test_deletion_can_be_forbidden(version: int, code: ErrorCode) -> None:
    """delete.topic.enable=false, in the words of the version."""
    with pytest.raises(KafkaError) as refused:
        delete_topics(new_view(delete_topic_enable="false"), DeleteTopicsRequest(topic_names=["t"]), version)
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (More(name="t", count=4, assignments=None), ErrorCode.NONE),
        (More(name="t", count=3, assignments=[MoreAssigned(broker_ids=[1])]), ErrorCode.NONE),
        (More(name="t", count=1, assignments=None), ErrorCode.INVALID_PARTITIONS),
        (More(name="t", count=2, assignments=None), ErrorCode.INVALID_PARTITIONS),
        (More(name="t", count=0, assignments=None), ErrorCode.INVALID_PARTITIONS),
        (More(name="nope", count=3, assignments=None), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (More(name="t", count=4, assignments=[MoreAssigned(broker_ids=[1])]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (More(name="t", count=3, assignments=[MoreAssigned(broker_ids=[7777])]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (More(name="t", count=3, assignments=[MoreAssigned(broker_ids=[1, 1])]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_what_createpartitions_answers(topic: More, code: ErrorCode) -> None:
    """The count is the new total; assignments are checked as for a new topic."""
    view = new_view()
    create(view, plain("t", partitions=2))
    decision = create_partitions(view, CreatePartitionsRequest(topics=[topic]))
    assert ErrorCode(decision.response.results[0].error_code) is code
    view.image.replay(decision.records)
    assert len(view.image.topics["t"].partitions) == (topic.count if code is ErrorCode.NONE else 2)


def test_too_many_partitions_are_refused_as_a_whole() -> None:
    """What two topics would have in all counts, made or grown; neither is."""
    view = new_view()
    for name in ("t", "u"):
        create(view, plain(name))
    more = [More(name=name, count=6_000, assignments=None) for name in ("t", "u")]
    with pytest.raises(KafkaError) as refused:
        create_partitions(view, CreatePartitionsRequest(topics=more))
    assert refused.value.code is ErrorCode.POLICY_VIOLATION
    with pytest.raises(KafkaError) as refused:
        create(view, plain("v", partitions=6_000), plain("w", partitions=6_000))
    assert refused.value.code is ErrorCode.POLICY_VIOLATION


def test_partitions_twice_or_only_validated() -> None:
    """A topic twice is refused; validate_only answers and makes nothing."""
    view = new_view()
    create(view, plain("t"))
    more = More(name="t", count=3, assignments=None)
    twice = create_partitions(view, CreatePartitionsRequest(topics=[more, more]))
    assert [(one.name, one.error_code) for one in twice.response.results] == [("t", 42)]
    only = create_partitions(view, CreatePartitionsRequest(topics=[more], validate_only=True))
    assert ([one.error_code for one in only.response.results], only.records) == ([0], [])


def test_every_start_but_the_first_raises_leader_epochs() -> None:
    """A partition is at epoch 0 until its broker starts again; leaderless ones are led again."""
    view = new_view()
    create(view, plain("t", partitions=2))
    view.image.topics["t"].partitions[1].leader = -1
    view.image.topics["t"].partitions[1].isr = []
    view.image.replay(start_records(view, 100, [], [("PLAINTEXT", "h", 9092)]))
    partitions = view.image.topics["t"].partitions
    assert [(one.leader, one.leader_epoch, one.isr) for one in partitions] == [(1, 1, [1]), (1, 1, [1])]
    assert view.image.brokers[1].epoch == 100


@pytest.mark.parametrize(("level", "cordoned", "version"), [(25, None, 3), (29, None, 3), (30, [], 4), (33, [], 4)])
def test_who_registers_in_an_older_cluster(level: int, cordoned: list[bytes] | None, version: int) -> None:
    """Below metadata.version 30 nothing is said of cordoned directories: Kafka does not start on such metadata."""
    view = new_view()
    view.image.features["metadata.version"] = level
    registration = start_records(view, 100, [b"d" * 16], [])[0]
    assert (registration.cordoned_log_dirs, record_version(registration)) == (cordoned, version)


def test_who_leads_again_is_no_longer_eligible() -> None:
    """A Kafka broker that shut down leaves itself among the eligible leader replicas; in the in-sync replicas it must not be there too."""
    view = new_view()
    create(view, plain("t", partitions=2))
    partition, whole = view.image.topics["t"].partitions
    partition.leader, partition.isr, partition.details = -1, [], NO_DETAILS._replace(eligible_leader_replicas=[1], last_known_elr=[1])
    view.image.replay(start_records(view, 100, [], []))
    assert (partition.isr, partition.details, whole.details) == ([1], NO_DETAILS, NO_DETAILS)


def test_a_new_cluster_has_kafkas_features() -> None:
    """And the cluster-wide min.insync.replicas that comes with eligible leader replicas."""
    image = new_view().image
    assert image.features == FINALIZED_FEATURES
    assert image.config_overrides(4, "") == {"min.insync.replicas": "1"}


def test_producer_ids_come_in_blocks() -> None:
    """Each block is taken by one record, so no id is given twice."""
    view = new_view()
    first, record = producer_id_block(view)
    view.image.replay([record])
    assert (first, producer_id_block(view)[0]) == (0, 1000)


def test_internal_topics_have_kafkas_settings() -> None:
    """Partitions, replicas and configs of the three coordinators' topics."""
    settings = Settings({"offsets.topic.num.partitions": "5"})
    assert internal_topic(settings, "__consumer_offsets") == (
        5,
        1,
        {"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "104857600"},
    )
    assert internal_topic(settings, "__transaction_state")[2]["min.insync.replicas"] == "1"
    assert internal_topic(settings, "__share_group_state")[2]["retention.ms"] == "-1"
    view = new_view()
    view.image.replay(create_one(view, "__consumer_offsets", *internal_topic(settings, "__consumer_offsets")))
    assert view.image.topics["__consumer_offsets"].is_internal


def test_uuids_never_look_like_an_option() -> None:
    """A seeded generator gives the same ids; no text begins with a dash."""
    ids = [new_uuid(rng) for rng in [Random(3)] for _ in range(2000)]
    assert ids[0] == new_uuid(Random(3))
    assert len(set(ids)) == 2000
    assert ZERO_UUID not in ids
    assert not any(to_text(one).startswith("-") for one in ids)
