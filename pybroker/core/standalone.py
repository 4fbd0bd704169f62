"""The directory of one broker of several, served without the others (etcd's word for it is a forced new cluster).

Rules
- It is never done unasked. Served alone, the metadata and the partitions go on with epochs that the others go on with, too: two histories
  that nobody could tell apart later. So a broker that finds others registered beside itself, or others that write its metadata log,
  refuses, unless it is told to stand alone.
- It is done once. The others are unregistered, and the metadata is that of one broker from then on.
- A partition that has a replica here, and its log, has that as its only replica. It is led even if the replica was not in sync, for nobody
  else will; then a person is told that others may have had more of it.
- A partition that lies on others only, or whose log is not here, has no leader and keeps the names of those that had it. It is never made
  anew: an empty one would say that there was nothing. It can be deleted.

(Kafka: ClusterControlManager and ReplicationControlManager on UnregisterBroker; kraft.version 1: KRaftControlRecordStateMachine.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pybroker.core.cluster import NO_DETAILS, NO_LEADER, ClusterImage, PartitionImage, TopicImage
from pybroker.core.log_directories import directory_of, may_lead
from pybroker.core.wording import shown
from pybroker.wire import messages

IsHere = Callable[[str, bytes, int], bool]
"""Whether this broker has the log of a partition (topic, topic id, index)."""


class Alone(NamedTuple):
    """What makes a broker the only one: records for one batch, and the partitions whose replica here was behind others."""

    records: list[Any]
    behind: list[str]


def others(image: ClusterImage, node_id: int) -> list[int]:
    """The brokers that are registered beside this one."""
    return sorted(image.brokers.keys() - {node_id})


def refusal(image: ClusterImage, node_id: int, left: list[int], path: str, is_here: IsHere) -> str:
    """Why a directory is not served, and what to do, in one line. `left`: the other nodes."""
    ids = ", ".join(map(str, sorted({node_id, *left})))
    partitions = list(_partitions(image))
    away = [name_of(topic, one) for topic, one in partitions if not _lies_here(topic, one, node_id, is_here)]
    missing = f"{len(away)} of its {len(partitions)} partitions ({shown(away)}) are not here" if away else "all of its partitions are here"
    return (
        f"{path} is that of broker {node_id} in a cluster of several ({ids}); {missing}. To serve what is here on its own, give a copy and "
        "--standalone: the broker is the only one from then on, and its directory must not go back to the others."
    )


def stand_alone(image: ClusterImage, node_id: int, is_here: IsHere) -> Alone:
    """Leave the others behind, by the rules of this module."""
    records: list[Any] = [
        messages.UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=image.brokers[broker_id].epoch)
        for broker_id in others(image, node_id)
    ]
    behind = []
    for topic, partition in _partitions(image):
        if not _lies_here(topic, partition, node_id, is_here):
            records.append(_leave(topic, partition, node_id))
        elif partition.replicas != [node_id]:
            records.append(_take(topic, partition, node_id))
            if not may_lead(partition, node_id):
                behind.append(name_of(topic, partition))
    return Alone(records, behind)


def name_of(topic: TopicImage, partition: PartitionImage) -> str:
    """As its directory is called."""
    return f"{topic.name}-{partition.index}"


def _partitions(image: ClusterImage) -> Iterator[tuple[TopicImage, PartitionImage]]:
    return ((topic, partition) for topic in image.topics.values() for partition in topic.partitions)


def _lies_here(topic: TopicImage, partition: PartitionImage, node_id: int, is_here: IsHere) -> bool:
    return node_id in partition.replicas and (partition.replicas == [node_id] or is_here(topic.name, topic.topic_id, partition.index))


def _leave(topic: TopicImage, partition: PartitionImage, node_id: int) -> Any:
    """No leader from now on. Where this broker counts as in sync and has no log it is taken out, or a later start would lead it, empty."""
    change: Any = messages.PartitionChangeRecord(partition_id=partition.index, topic_id=topic.topic_id, leader=NO_LEADER)
    if node_id in partition.replicas and may_lead(partition, node_id):
        without = [replica for replica in partition.isr if replica != node_id]
        change.isr = without or [replica for replica in partition.replicas if replica != node_id]
        if partition.details is not NO_DETAILS:
            change.eligible_leader_replicas, change.last_known_elr = [], []
    return change


def _take(topic: TopicImage, partition: PartitionImage, node_id: int) -> Any:
    change: Any = messages.PartitionChangeRecord(partition_id=partition.index, topic_id=topic.topic_id, leader=node_id)
    change.replicas = change.isr = [node_id]
    change.directories = [directory_of(partition, node_id)]
    if partition.details is not NO_DETAILS:
        change.removing_replicas, change.adding_replicas = [], []
        change.eligible_leader_replicas, change.last_known_elr = [], []
    return change
