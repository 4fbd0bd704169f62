"""One broker of several that is served alone: what it takes, what it leaves, and what it never makes up."""

from __future__ import annotations

from typing import Any

import pytest

from pybroker.core.cluster import NO_LEADER, ClusterImage, PartitionImage
from pybroker.core.log_directories import may_lead, start_changes
from pybroker.core.standalone import others, refusal, stand_alone
from pybroker.wire.messages import PartitionRecord, RegisterBrokerRecord, TopicRecord

TOPIC_ID = bytes(range(16))
HERE = b"d" * 16
OTHER = b"o" * 16
EVERYTHING = lambda *_: True  # noqa: E731 - one of three answers, named like the other two
NOTHING = lambda *_: False  # noqa: E731 - see above


def cluster(*partitions: dict[str, Any]) -> ClusterImage:
    """Brokers 1 to 3 and a topic with these partitions, as `PartitionRecord` has them."""
    image = ClusterImage("c")
    brokers = [RegisterBrokerRecord(broker_id=one, broker_epoch=one * 10, fenced=False, log_dirs=[HERE]) for one in (3, 1, 2)]
    records: list[Any] = [*brokers, TopicRecord(name="t", topic_id=TOPIC_ID)]
    for index, fields in enumerate(partitions):
        directories = [HERE if replica == 1 else OTHER for replica in fields["replicas"]]
        record = PartitionRecord(partition_id=index, topic_id=TOPIC_ID, directories=directories, leader_epoch=7, partition_epoch=9)
        for name, value in {"isr": fields["replicas"], "leader": fields["replicas"][0], **fields}.items():
            setattr(record, name, value)
        records.append(record)
    image.replay(records)
    return image


def alone(image: ClusterImage, is_here: Any = EVERYTHING) -> tuple[list[PartitionImage], list[str]]:
    """The partitions after broker 1 stood alone and started, and those that were behind."""
    records, behind = stand_alone(image, 1, is_here)
    image.replay(records)
    image.replay(start_changes(image, 1, [HERE], True, lambda *_: HERE))
    return image.topics["t"].partitions, behind


def test_others_are_unregistered_with_their_epochs() -> None:
    """Kafka's controller does not replay the end of a registration that it does not know."""
    image = cluster()
    assert others(image, 1) == [2, 3]
    records = stand_alone(image, 1, EVERYTHING).records
    assert [(record.broker_id, record.broker_epoch) for record in records] == [(2, 20), (3, 30)]
    image.replay(records)
    assert list(image.brokers) == [1]
    assert others(image, 1) == []


@pytest.mark.parametrize("leader", [1, 2, NO_LEADER])
def test_replica_that_is_here_becomes_the_only_one(leader: int) -> None:
    """Whoever led before: one replica, in sync, in its own directory, at a later epoch."""
    (partition,), behind = alone(cluster({"replicas": [2, 1, 3], "leader": leader}))
    assert (partition.leader, partition.replicas, partition.isr, partition.directories) == (1, [1], [1], [HERE])
    assert partition.leader_epoch > 7
    assert behind == []


def test_replica_that_was_behind_is_served_and_named() -> None:
    """It is all that is here; that others may have had more is for a person to know."""
    partitions, behind = alone(cluster({"replicas": [1, 2], "isr": [2], "leader": 2}, {"replicas": [1, 2]}))
    assert [partition.leader for partition in partitions] == [1, 1]
    assert behind == ["t-0"]


def test_partition_of_others_has_no_leader() -> None:
    """It keeps the names of those that have it, and no start after that leads it."""
    image = cluster({"replicas": [2, 3]}, {"replicas": [3], "leader": NO_LEADER})
    for _ in range(2):
        partitions, behind = alone(image)
        assert [(partition.leader, partition.replicas) for partition in partitions] == [(NO_LEADER, [2, 3]), (NO_LEADER, [3])]
        assert behind == []


@pytest.mark.parametrize("isr", [[1, 2], [1], [2]])
def test_replica_without_a_log_is_not_made_up(isr: list[int]) -> None:
    """The metadata says that it is here, but it is not: an empty one would look as if there had been nothing."""
    image = cluster({"replicas": [1, 2], "isr": isr, "leader": isr[0]})
    for _ in range(2):
        (partition,), _behind = alone(image, NOTHING)
        assert (partition.leader, partition.replicas, partition.isr) == (NO_LEADER, [1, 2], [2])


ELIGIBLE = [{"eligible_leader_replicas": [1]}, {"last_known_elr": [1]}, {"eligible_leader_replicas": [3], "last_known_elr": [1]}]


@pytest.mark.parametrize("fields", ELIGIBLE)
def test_replica_without_a_log_is_no_longer_eligible(fields: dict[str, Any]) -> None:
    """KIP-966: one that was the last in sync comes back as the leader, and its log is not here: it would, empty, at any later start."""
    image = cluster({"replicas": [1, 2, 3], "isr": [], "leader": NO_LEADER, **fields})
    for _ in range(2):
        (partition,), _behind = alone(image, NOTHING)
        assert (partition.leader, partition.isr, may_lead(partition, 1)) == (NO_LEADER, [2, 3], False)
        assert (partition.details.eligible_leader_replicas, partition.details.last_known_elr) == ([], [])


def test_own_partition_stays() -> None:
    """One that never had another replica is led as ever, written to or not."""
    (partition,), _ = alone(cluster({"replicas": [1]}), NOTHING)
    assert (partition.leader, partition.replicas, partition.leader_epoch) == (1, [1], 8)


def test_reassignment_and_eligible_replicas_are_over() -> None:
    """KIP-966: who leads may not be eligible beside that; and nobody is added any more."""
    image = cluster(
        {"replicas": [1, 2, 3], "isr": [2], "leader": 2, "adding_replicas": [3], "eligible_leader_replicas": [1], "last_known_elr": [3]}
    )
    (partition,), behind = alone(image)
    assert partition.details == ([], [], 0, [], [])
    assert behind == []


def test_replica_out_of_sync_does_not_lead_by_itself() -> None:
    """Without being told, a start takes no partition over whose last leader had more of it, even if nobody leads it."""
    image = cluster({"replicas": [1, 2], "isr": [2], "leader": NO_LEADER}, {"replicas": [1], "isr": [], "leader": NO_LEADER})
    assert [may_lead(one, 1) for one in image.topics["t"].partitions] == [False, True]
    assert [record.partition_id for record in start_changes(image, 1, [HERE], True, lambda *_: HERE)] == [1]


def test_refusal_says_what_is_missing_and_what_to_do() -> None:
    """One line: whose directory, what of it is elsewhere, the option, and what not to do afterwards."""
    words = refusal(cluster({"replicas": [1, 2]}, {"replicas": [2]}), 1, [2, 3], "/data", EVERYTHING)
    assert words == (
        "/data is that of broker 1 in a cluster of several (1, 2, 3); 1 of its 2 partitions (t-1) are not here. To serve what is here on "
        "its own, give a copy and --standalone: the broker is the only one from then on, and its directory must not go back to the others."
    )
    assert "all of its partitions are here" in refusal(cluster({"replicas": [1, 2]}), 1, [2, 3], "/data", EVERYTHING)
