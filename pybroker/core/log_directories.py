"""In which log directory of its broker a replica lies, and where a new one goes (KIP-113, KIP-858, KIP-1066).

Rules
- `PartitionImage.directories` names one directory for each of `replicas`. The lowest ids name none: 0 unassigned, 1 lost, 2 migrating.
- A new replica goes where an operator wanted it (AlterReplicaLogDirs came before the topic), else into the directory with the fewest, of
  those that are online and not cordoned. So the metadata always says where a replica of this broker is, written to or not.
- A broker that starts knows better than the metadata where its logs are: a log that was moved by hand is where it was found.
- A replica whose directory is not online does not lead. Where it is said to lie nobody else may put an empty one. With KIP-966 it is no
  longer in sync but was the last that was, so that it leads again when it comes back.
- Nor does one that was not in sync, though nobody else leads: others had more of it.

(Kafka: DirectoryId, LogManager.nextLogDirs, AssignmentsManager, ReplicationControlManager.handleDirectoriesOffline.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from pybroker.core.cluster import NO_DETAILS, NO_LEADER, BrokerImage, ClusterImage, PartitionImage, TopicImage
from pybroker.core.settings import Settings
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.uuids import RESERVED_DIRECTORY_IDS

UNASSIGNED = bytes(16)
ALL = "*"
ELR_FEATURE = "eligible.leader.replicas.version"
MAX_PREFERRED = 10_000  # wishes for partitions that do not exist; anybody may send them

NOWHERE = "All brokers are currently fenced, or have all their log directories cordoned."

Locate = Callable[[str, bytes, int], bytes | None]
"""Where the log of a partition (topic, topic id, index) was found: the id of the directory, None if there is no log."""


def is_assigned(directory_id: bytes) -> bool:
    """Whether an id names a directory."""
    return int.from_bytes(directory_id) >= RESERVED_DIRECTORY_IDS


def directory_of(partition: PartitionImage, node_id: int) -> bytes:
    """Where the replica of a broker lies; UNASSIGNED if that is not said."""
    replicas, directories = partition.replicas, partition.directories
    at = replicas.index(node_id) if node_id in replicas else len(directories)
    return directories[at] if at < len(directories) else UNASSIGNED


def may_lead(partition: PartitionImage, node_id: int) -> bool:
    """Whether a replica has all that was acknowledged: it is in sync, or was among the last that were (KIP-966)."""
    if node_id in partition.isr:
        return True
    details = partition.details
    known = (*partition.isr, *details.eligible_leader_replicas, *details.last_known_elr)
    return node_id in partition.replicas and (node_id in known or not known)


class LocalDirectories:
    """What this broker knows of its directories beyond the metadata: their paths, and where partitions that will come are wanted."""

    __slots__ = ("paths", "preferred")

    def __init__(self, paths: dict[bytes, str] | None = None) -> None:
        self.paths = paths or {}
        self.preferred: dict[tuple[str, int], bytes] = {}

    def prefer(self, topic: str, partition: int, directory_id: bytes) -> None:
        """A partition that is not there yet shall lie in that directory. The oldest wish is forgotten if there are too many."""
        self.preferred.pop((topic, partition), None)
        if len(self.preferred) >= MAX_PREFERRED:
            self.preferred.pop(next(iter(self.preferred)))
        self.preferred[topic, partition] = directory_id

    def cordoned(self, settings: Settings) -> set[bytes]:
        """The directories that take no new replicas (cordoned.log.dirs)."""
        named = settings.get("cordoned.log.dirs") or []
        return {directory_id for directory_id, path in self.paths.items() if ALL in named or path in named}


class Chooser:
    """Deals out the directories of one broker to the new partitions of one request."""

    __slots__ = ("_counts", "_online", "_preferred", "_shared")

    def __init__(self, image: ClusterImage, broker: BrokerImage, local: LocalDirectories, cordoned: set[bytes]) -> None:
        self._online = [directory_id for directory_id in broker.log_dirs if directory_id not in cordoned]
        self._preferred = local.preferred
        counts = image.directory_counts()
        self._counts = {directory_id: counts[directory_id] for directory_id in self._online}
        self._shared = {directory_id: [directory_id] for directory_id in self._online}

    def choose(self, topic: str, index: int) -> list[bytes]:
        """The directory for one partition, in a list that all in it share. Raises KafkaError if every directory is cordoned."""
        wanted = self._preferred.get((topic, index))
        if wanted is None or wanted not in self._shared:
            if not self._online:
                raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, NOWHERE)
            wanted = min(self._online, key=self._counts.__getitem__)
        self._counts[wanted] += 1
        return self._shared[wanted]


def start_changes(image: ClusterImage, node_id: int, log_dirs: list[bytes], all_online: bool, locate: Locate) -> Iterator[Any]:
    """What a broker that starts tells of each of its partitions: where it lies, and that it leads it, if that directory is online.

    A new leader epoch lets clients and logs tell what was written before a crash from what came after it (KIP-101). `all_online`: no
    directory of this broker is offline, so a log that is nowhere was never written.
    """
    counts: dict[bytes, int] = {}
    only = log_dirs[0] if all_online and len(log_dirs) == 1 else None
    for topic in image.topics.values():
        for partition in topic.partitions:
            if partition.leader != node_id and (partition.leader != NO_LEADER or not may_lead(partition, node_id)):
                continue
            assigned = actual = directory_of(partition, node_id)
            if assigned != only and log_dirs:
                actual = locate(topic.name, topic.topic_id, partition.index) or assigned
            can_lead = actual in log_dirs or not log_dirs
            if not can_lead and all_online and not is_assigned(actual):
                counts = counts or {directory_id: image.directory_counts()[directory_id] for directory_id in log_dirs}
                actual = min(log_dirs, key=counts.__getitem__)
                counts[actual] += 1
                can_lead = True
            if can_lead:
                change = _lead(topic, partition, node_id)
            elif partition.leader != NO_LEADER:
                change = _lose(image, topic, partition, node_id)
            elif actual != assigned:
                change = messages.PartitionChangeRecord(partition_id=partition.index, topic_id=topic.topic_id)
            else:
                continue
            if actual != assigned:
                change.directories = _directories(partition, node_id, actual)
            yield change


def _lead(topic: TopicImage, partition: PartitionImage, node_id: int) -> Any:
    """Who comes back into the in-sync replicas is no longer eligible beside them (KIP-966): Kafka takes both at once for an error."""
    change: Any = messages.PartitionChangeRecord(partition_id=partition.index, topic_id=topic.topic_id, leader=node_id)
    if node_id not in partition.isr:
        change.isr = [node_id]
    if partition.details is not NO_DETAILS and (partition.details.eligible_leader_replicas or partition.details.last_known_elr):
        change.eligible_leader_replicas, change.last_known_elr = [], []
    return change


def _lose(image: ClusterImage, topic: TopicImage, partition: PartitionImage, node_id: int) -> Any:
    """A partition has no leader any more."""
    change: Any = messages.PartitionChangeRecord(partition_id=partition.index, topic_id=topic.topic_id, leader=NO_LEADER)
    if partition.isr == [node_id] and image.features.get(ELR_FEATURE, 0):
        change.isr, change.last_known_elr = [], [node_id]
    return change


def _directories(partition: PartitionImage, node_id: int, directory_id: bytes) -> list[bytes]:
    given = [*partition.directories, *[UNASSIGNED] * len(partition.replicas)]
    return [directory_id if replica == node_id else other for replica, other in zip(partition.replicas, given, strict=False)]


def assignment_records(image: ClusterImage, node_id: int, assignments: Iterable[tuple[bytes, int, bytes]]) -> list[Any]:
    """The records that say where replicas of a broker lie now: (topic id, partition, directory id). What is gone is passed over."""
    records: list[Any] = []
    for topic_id, index, directory_id in assignments:
        topic = image.topics_by_id.get(topic_id)
        if topic is None or not 0 <= index < len(topic.partitions):
            continue
        partition = topic.partitions[index]
        if directory_of(partition, node_id) != directory_id:
            directories = _directories(partition, node_id, directory_id)
            records.append(messages.PartitionChangeRecord(partition_id=index, topic_id=topic_id, directories=directories))
    return records


def failure_records(image: ClusterImage, node_id: int, directory_id: bytes, lost: Collection[tuple[bytes, int]] = ()) -> list[Any]:
    """What a broker tells when a directory fails: which it has left, and that its partitions there have no leader.

    `lost` (topic id, partition): those that the metadata has elsewhere already, though they lie there still.
    """
    broker = image.brokers.get(node_id)
    if broker is None:
        return []
    left = [other for other in broker.log_dirs if other != directory_id]
    records: list[Any] = [messages.BrokerRegistrationChangeRecord(broker_id=node_id, broker_epoch=broker.epoch, log_dirs=left)]
    for topic in image.topics.values():
        for partition in topic.partitions:
            lies_there = directory_of(partition, node_id) == directory_id or (topic.topic_id, partition.index) in lost
            if partition.leader == node_id and lies_there:
                change = _lose(image, topic, partition, node_id)
                if change.last_known_elr:
                    change.eligible_leader_replicas = [node_id]  # until it is seen to come back without what it had
                records.append(change)
    return records


def cordon_records(image: ClusterImage, node_id: int, cordoned: set[bytes]) -> list[Any]:
    """What a broker tells when other directories of its take no new replicas from now on (KIP-1066)."""
    broker = image.brokers.get(node_id)
    if broker is None:
        return []
    now = [directory_id for directory_id in broker.log_dirs if directory_id in cordoned]
    if now == (broker.cordoned_log_dirs or []):
        return []
    return [messages.BrokerRegistrationChangeRecord(broker_id=node_id, broker_epoch=broker.epoch, cordoned_log_dirs=now)]
