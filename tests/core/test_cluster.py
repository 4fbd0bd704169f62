"""The metadata image: what records do to it, and that replaying is the only way to it."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.alter_configs import incremental_alter_configs
from pybroker.core.cluster import ClusterImage, ResourceType
from pybroker.core.controller import ControllerDecision, ControllerView, bootstrap_records, producer_id_block, record_version, start_records
from pybroker.core.create_partitions import create_partitions
from pybroker.core.create_topics import create_topics
from pybroker.core.delete_topics import delete_topics
from pybroker.core.log_directories import assignment_records
from pybroker.core.settings import Settings
from pybroker.wire.messages import (
    BrokerRegistrationChangeRecord,
    ConfigRecord,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    FeatureLevelRecord,
    FenceBrokerRecord,
    IncrementalAlterConfigsRequest,
    NoOpRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    RemoveTopicRecord,
    TopicRecord,
    UnfenceBrokerRecord,
    UnregisterBrokerRecord,
)
from pybroker.wire.stored import decode_metadata_record, encode_metadata_record

ID = bytes(range(16))


def with_topic(partitions: int = 1, name: str = "t") -> ClusterImage:
    """An image of one topic."""
    image = ClusterImage("c")
    records: list[Any] = [TopicRecord(name=name, topic_id=ID)]
    records += [partition(index) for index in range(partitions)]
    image.replay(records)
    return image


def partition(index: int) -> PartitionRecord:
    """The record of a new partition on broker 1."""
    return PartitionRecord(partition_id=index, topic_id=ID, replicas=[1], isr=[1], leader=1, leader_epoch=0, partition_epoch=0)


def test_a_topic_comes_with_partitions_and_configs() -> None:
    """One batch that makes a topic is one creation, not also a growth or a change of configuration."""
    image = ClusterImage("c")
    config = ConfigRecord(resource_type=ResourceType.TOPIC, resource_name="t", name="retention.ms", value="5")
    delta = image.replay([TopicRecord(name="t", topic_id=ID), config, partition(0), partition(1)])
    topic = image.topics["t"]
    assert image.topics_by_id[ID] is topic
    assert delta.created == [topic]
    assert (delta.grown, delta.config_changed) == ([], set())
    assert topic.configs == image.config_overrides(ResourceType.TOPIC, "t") == {"retention.ms": "5"}
    assert [(one.index, one.leader, one.leader_epoch) for one in topic.partitions] == [(0, 1, 0), (1, 1, 0)]
    assert (image.version, image.offset) == (1, 3)


def test_more_partitions_are_growth() -> None:
    """A topic that grows is named once."""
    image = with_topic()
    delta = image.replay([partition(1), partition(2)])
    assert [topic.name for topic in delta.grown] == ["t"]
    assert len(image.topics["t"].partitions) == 3


def test_partitions_out_of_order_are_sorted() -> None:
    """Positions in the list are partition numbers, whatever order the records have."""
    image = ClusterImage("c")
    image.replay([TopicRecord(name="t", topic_id=ID), partition(1), partition(0)])
    assert [one.index for one in image.topics["t"].partitions] == [0, 1]


def test_a_new_leader_raises_the_epoch_and_a_new_isr_does_not() -> None:
    """Naming a leader, even the same, is a new epoch; every change raises the partition epoch."""
    image = with_topic()
    delta = image.replay([PartitionChangeRecord(partition_id=0, topic_id=ID, leader=1)])
    changed = image.topics["t"].partitions[0]
    assert (changed.leader_epoch, changed.partition_epoch, [topic.name for topic in delta.led]) == (1, 1, ["t"])
    image.replay([PartitionChangeRecord(partition_id=0, topic_id=ID, isr=[])])
    assert (changed.leader_epoch, changed.partition_epoch, changed.isr) == (1, 2, [])


def test_a_removed_topic_takes_its_configuration_along() -> None:
    """The same name again starts with nothing."""
    image = with_topic(name="a.b")
    image.replay([ConfigRecord(resource_type=2, resource_name="a.b", name="retention.ms", value="5")])
    delta = image.replay([RemoveTopicRecord(topic_id=ID)])
    assert [topic.name for topic in delta.deleted] == ["a.b"]
    assert (image.topics, image.topics_by_id, image.configs, image.colliding_names) == ({}, {}, {}, {})


def test_records_about_what_is_not_there_change_nothing() -> None:
    """A stray record leaves the image, and its version, alone."""
    image = ClusterImage("c")
    image.replay(
        [
            RemoveTopicRecord(topic_id=ID),
            partition(0),
            PartitionChangeRecord(partition_id=0, topic_id=ID, leader=1),
            UnfenceBrokerRecord(id=9),
            BrokerRegistrationChangeRecord(broker_id=9, fenced=1),
            NoOpRecord(),
        ]
    )
    assert (image.version, image.topics, image.brokers, image.offset) == (0, {}, {}, 5)


def test_configuration_is_set_and_deleted() -> None:
    """A null value deletes; a resource without settings is forgotten."""
    image = ClusterImage("c")
    delta = image.replay([ConfigRecord(resource_type=32, resource_name="g", name="a", value="1")])
    assert delta.config_changed == {(32, "g")}
    assert image.config_overrides(32, "g") == {"a": "1"}
    image.replay([ConfigRecord(resource_type=32, resource_name="g", name="a", value=None)])
    assert image.configs == {}
    assert image.config_overrides(32, "g") == {}


def test_brokers_and_features() -> None:
    """Registration, fencing, shutdown, leaving; a feature of level 0 is gone."""
    image = ClusterImage("c")
    image.replay([RegisterBrokerRecord(broker_id=1, fenced=True, log_dirs=[ID]), FeatureLevelRecord(name="f", feature_level=2)])
    broker = image.brokers[1]
    assert (broker.is_active, broker.only_log_dir, image.features) == (False, ID, {"f": 2})
    image.replay([BrokerRegistrationChangeRecord(broker_id=1, fenced=-1)])
    assert broker.is_active
    image.replay([BrokerRegistrationChangeRecord(broker_id=1, in_controlled_shutdown=1)])
    assert not broker.is_active
    image.replay([FenceBrokerRecord(id=1)])
    assert broker.fenced
    image.replay([UnregisterBrokerRecord(broker_id=1), FeatureLevelRecord(name="f", feature_level=0)])
    assert (image.brokers, image.features) == ({}, {})


def test_everything_is_a_delta_from_nothing() -> None:
    """What a broker applies at start: all topics created, all other configurations changed."""
    image = with_topic()
    image.replay([ConfigRecord(resource_type=4, resource_name="", name="a", value="1")])
    delta = image.everything()
    assert (delta.created, delta.config_changed) == ([image.topics["t"]], {(4, "")})


TOPIC_NAMES = st.sampled_from(["a", "b", "a.b", "a_b"])
STEPS = st.one_of(
    st.tuples(st.just("create"), TOPIC_NAMES, st.integers(1, 3)),
    st.tuples(st.just("delete"), TOPIC_NAMES, st.just(0)),
    st.tuples(st.just("grow"), TOPIC_NAMES, st.integers(1, 5)),
    st.tuples(st.just("set"), TOPIC_NAMES, st.integers(0, 9)),
    st.tuples(st.just("unset"), TOPIC_NAMES, st.just(0)),
    st.tuples(st.just("restart"), st.just(""), st.just(0)),
    st.tuples(st.just("producer"), st.just(""), st.just(0)),
)


def decide(view: ControllerView, step: tuple[str, str, int]) -> list[Any]:
    """The records that one step of the story decides."""
    kind, name, number = step
    if kind == "restart":
        return start_records(view, view.image.offset + 1, [], [])
    if kind == "producer":
        return [producer_id_block(view)[1]]
    return decide_request(view, kind, name, number).records


def decide_request(view: ControllerView, kind: str, name: str, number: int) -> ControllerDecision:
    """The decision on a client's request."""
    if kind == "create":
        topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=number, replication_factor=1)
        return create_topics(view, CreateTopicsRequest(topics=[topic]))
    if kind == "delete":
        return delete_topics(view, DeleteTopicsRequest(topic_names=[name]), 5)
    if kind == "grow":
        more = CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=number, assignments=None)
        return create_partitions(view, CreatePartitionsRequest(topics=[more]))
    operation = 0 if kind == "set" else 1
    config = IncrementalAlterConfigsRequest.AlterableConfig(name="retention.ms", config_operation=operation, value=str(number))
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=2, resource_name=name, configs=[config])
    return incremental_alter_configs(view, IncrementalAlterConfigsRequest(resources=[resource]))


def state_of(image: ClusterImage) -> tuple[Any, ...]:
    """All that an image holds."""
    return (
        image.topics,
        image.topics_by_id,
        image.brokers,
        image.features,
        image.configs,
        image.next_producer_id,
        image.version,
        image.offset,
        image.colliding_names,
    )


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_an_image_replayed_from_stored_bytes_is_the_live_image(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is decided, the log alone gives the same image again."""
    own = Settings({})
    live = ClusterImage("c")
    view = ControllerView(live, own, 1, Random(7))
    log: list[list[bytes]] = []
    for records in [bootstrap_records(own), start_records(view, 0, [], [("PLAINTEXT", "h", 9092)])]:
        live.replay(records)
        log.append([encode_metadata_record(record, record_version(record)) for record in records])
    for step in steps:
        records = decide(view, step)
        if records:
            live.replay(records)
            log.append([encode_metadata_record(record, record_version(record)) for record in records])
    replayed = ClusterImage("c")
    for batch in log:
        replayed.replay([decode_metadata_record(stored)[0] for stored in batch])
    assert state_of(replayed) == state_of(live)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=12))
def test_replicas_are_counted_by_directory(steps: list[tuple[tuple[str, str, int], bool]]) -> None:
    """Whatever is made, moved and deleted, what is kept is what one would count; new ones go where there are fewest."""
    directories = [bytes([number]) * 16 for number in (1, 2, 3)]
    image = ClusterImage("c")
    view = ControllerView(image, Settings({}), 1, Random(7))
    image.replay(bootstrap_records(view.settings))
    image.replay(start_records(view, 0, directories, [("PLAINTEXT", "h", 9092)]))
    for step, moves in steps:
        image.replay(decide(view, step) if step[0] != "restart" else start_records(view, image.offset + 1, directories, []))
        assignments = [(topic.topic_id, 0, directories[2]) for topic in image.topics.values()] if moves else []
        image.replay(assignment_records(image, 1, assignments))
        kept = dict(image.directory_counts())
        image._directory_counts = None
        counted = image.directory_counts()
        assert all(count == counted[directory_id] for directory_id, count in kept.items())
        if not moves and step[0] == "create" and len(image.topics) == 1:
            assert max(counted.values()) == 1


def test_partition_that_is_told_twice_is_counted_once() -> None:
    """A second PartitionRecord takes the place of the first."""
    image = with_topic(2)
    first = bytes([1]) * 16
    assert image.directory_counts() == {}
    for directory_id in (first, bytes([2]) * 16):
        record = partition(0)
        record.directories = [directory_id]
        image.replay([record])
    assert image.directory_counts()[first] == 0
    assert image.directory_counts()[bytes([2]) * 16] == 1


def test_where_logs_lie_is_asked_only_where_there_is_a_choice() -> None:
    """A start with one directory asks nobody where what is said to lie there lies; with two it believes what was found."""
    image = with_topic(3)
    view = ControllerView(image, Settings({}), 1, Random(7))
    one, two = bytes([1]) * 16, bytes([2]) * 16
    image.replay(assignment_records(image, 1, [(ID, index, one) for index in range(3)]))

    def locate(topic: str, topic_id: bytes, index: int) -> bytes | None:
        asked.append(index)
        return two if index == 1 else None

    asked: list[int] = []
    image.replay(start_records(view, 0, [one], [], locate))
    assert asked == []
    image.replay(start_records(view, 0, [one, two], [], locate))
    assert asked == [0, 1, 2]
    assert [each.directories for each in image.topics["t"].partitions] == [[one], [two], [one]]
