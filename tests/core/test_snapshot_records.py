"""A snapshot's records say what the image says, and nothing that a newer start could not say itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.cluster import ClusterImage, ResourceType
from pybroker.core.snapshot_records import snapshot_records
from pybroker.wire import messages

IDS = [bytes([number]) * 16 for number in range(1, 4)]
topic_ids = st.sampled_from(IDS)
brokers = st.lists(st.integers(1, 3), max_size=3, unique=True)
maybe_brokers = st.none() | brokers


def image_state(image: ClusterImage) -> Any:
    """All that an image says, comparable; what is empty says nothing."""
    configs = {key: dict(values) for key, values in image.configs.items() if values}
    carried = {key: record for key, record in image.carried.items() if not getattr(record, "remove", False)}
    return image.topics, image.brokers, image.features, configs, image.next_producer_id, carried


def named(topic_id: bytes) -> str:
    """A topic's name goes with its id."""
    return f"topic.{topic_id[0]}"


records = st.one_of(
    st.builds(lambda topic_id: messages.TopicRecord(name=named(topic_id), topic_id=topic_id), topic_ids),
    st.builds(lambda topic_id: messages.RemoveTopicRecord(topic_id=topic_id), topic_ids),
    st.builds(
        lambda **fields: messages.PartitionRecord(**fields),
        topic_id=topic_ids,
        partition_id=st.integers(0, 2),
        leader=st.integers(-1, 3),
        leader_epoch=st.integers(0, 5),
        partition_epoch=st.integers(0, 5),
        replicas=brokers,
        isr=brokers,
        adding_replicas=brokers,
        directories=st.lists(topic_ids, max_size=2),
        eligible_leader_replicas=maybe_brokers,
        leader_recovery_state=st.integers(0, 1),
    ),
    st.builds(
        lambda **fields: messages.PartitionChangeRecord(**fields),
        topic_id=topic_ids,
        partition_id=st.integers(0, 2),
        leader=st.integers(-2, 3),
        isr=maybe_brokers,
        removing_replicas=maybe_brokers,
        last_known_elr=maybe_brokers,
        leader_recovery_state=st.integers(-1, 1),
    ),
    st.builds(
        lambda name, value, kind: messages.ConfigRecord(resource_type=kind, resource_name=named(IDS[0]), name=name, value=value),
        st.sampled_from(["a", "b"]),
        st.none() | st.sampled_from(["1", "2"]),
        st.sampled_from([ResourceType.BROKER, ResourceType.GROUP]),
    ),
    st.builds(
        lambda broker_id, fenced: messages.RegisterBrokerRecord(broker_id=broker_id, fenced=fenced, log_dirs=[IDS[0]]),
        st.integers(1, 3),
        st.booleans(),
    ),
    st.builds(lambda broker_id: messages.UnregisterBrokerRecord(broker_id=broker_id), st.integers(1, 3)),
    st.builds(lambda level: messages.FeatureLevelRecord(name="metadata.version", feature_level=level), st.integers(0, 2)),
    st.builds(lambda first: messages.ProducerIdsRecord(next_producer_id=first), st.integers(1, 9000)),
    st.builds(lambda acl: messages.AccessControlEntryRecord(id=acl, principal="User:x"), topic_ids),
    st.builds(lambda acl: messages.RemoveAccessControlEntryRecord(id=acl), topic_ids),
    st.builds(
        lambda value, remove: messages.ClientQuotaRecord(
            entity=[messages.ClientQuotaRecord.EntityData(entity_type="user", entity_name=None)], key="rate", value=value, remove=remove
        ),
        st.sampled_from([1.0, 2.0]),
        st.booleans(),
    ),
)


@given(st.lists(st.lists(records, max_size=4), max_size=12))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_replaying_a_snapshot_gives_the_image(batches: list[list[Any]]) -> None:
    """Whatever was replayed, the snapshot's records alone give the same image."""
    image = ClusterImage("c")
    for batch in batches:
        image.replay(batch)
    copy = ClusterImage("c")
    copy.replay(snapshot_records(image))
    assert image_state(copy) == image_state(image)
    assert copy.colliding_names == image.colliding_names


def test_nobody_is_eligible_after_clearing() -> None:
    """A ClearElrRecord empties one topic's eligible leader replicas, or those of all topics."""
    image = ClusterImage("c")
    for topic_id in IDS[:2]:
        image.replay([messages.TopicRecord(name=named(topic_id), topic_id=topic_id)])
        image.replay([messages.PartitionRecord(partition_id=0, topic_id=topic_id, eligible_leader_replicas=[1], adding_replicas=[2])])
    first, second = (topic.partitions[0] for topic in image.topics.values())
    image.replay([messages.ClearElrRecord(topic_name=named(IDS[0]))])
    assert (first.details.eligible_leader_replicas, second.details.eligible_leader_replicas) == ([], [1])
    image.replay([messages.ClearElrRecord(topic_name=""), messages.ClearElrRecord(topic_name="unknown")])
    assert (second.details.eligible_leader_replicas, second.details.adding_replicas) == ([], [2])


def test_features_come_first() -> None:
    """metadata.version says in which versions the other records are written, so it leads."""
    image = ClusterImage("c")
    image.replay([messages.FeatureLevelRecord(name=name, feature_level=1) for name in ("group.version", "metadata.version")])
    image.replay([messages.RegisterBrokerRecord(broker_id=1)])
    names = [getattr(record, "name", type(record).__name__) for record in snapshot_records(image)]
    assert names == ["metadata.version", "group.version", "RegisterBrokerRecord"]


def test_partitions_share_their_lists() -> None:
    """Ten thousand partitions that lie alike hold one list of replicas."""
    image = ClusterImage("c")
    image.replay([messages.TopicRecord(name="t", topic_id=IDS[0])])
    image.replay([messages.PartitionRecord(partition_id=index, topic_id=IDS[0], replicas=[1], isr=[1]) for index in range(2)])
    first, second = image.topics["t"].partitions
    assert first.replicas is second.replicas is second.isr
