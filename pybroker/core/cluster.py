"""The metadata image: what topics, brokers, features and configurations there are, as the records of `__cluster_metadata` tell it.

Rules
- `replay` is the only writer. The image after a restart is what replaying the log gives, so nothing here may come from elsewhere.
- One batch of records gives one `MetadataDelta`: what the rooms that act on metadata (partitions, settings, groups) have to do.
- Records that this broker does not act on (ACLs, quotas, delegation tokens) are kept as they came, for snapshots (`carried`).
- `version` grows with every batch that changes anything; answers kept as bytes are good for one version.

(Kafka: MetadataImage, MetadataDelta; record meanings: metadata/src/main/resources/common/metadata.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pybroker.core.carried_records import FORGETS, KEEPS

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
METADATA_TOPIC = "__cluster_metadata"
METADATA_TOPIC_ID = bytes(15) + b"\x01"

NO_LEADER = -1
NO_LEADER_CHANGE = -2  # PartitionChangeRecord.leader: the leader stays
NO_RECOVERY_CHANGE = -1  # PartitionChangeRecord.leader_recovery_state
PRODUCER_ID_BLOCK_SIZE = 1000

_Place = tuple[list[int], list[int], list[bytes]]
_NOTHING: Mapping[str, str] = MappingProxyType({})


class ResourceType(IntEnum):
    """What a configuration belongs to, as ConfigRecord and the config APIs number it (ConfigResource.Type)."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class PartitionDetails(NamedTuple):
    """What a partition has beyond the usual: a reassignment under way, an unclean election to recover from, KIP-966's replicas."""

    removing_replicas: list[int]
    adding_replicas: list[int]
    leader_recovery_state: int
    eligible_leader_replicas: list[int]
    last_known_elr: list[int]


NO_DETAILS = PartitionDetails([], [], 0, [], [])


@dataclass(slots=True)
class PartitionImage:
    """One partition. `partition_epoch` grows with every change, `leader_epoch` with every new leader.

    Its lists are shared with all partitions that have the same. `directories`: where each replica lies (KIP-858).
    """

    index: int
    leader: int
    leader_epoch: int
    partition_epoch: int
    replicas: list[int]
    isr: list[int]
    directories: list[bytes] = field(default_factory=list)
    details: PartitionDetails = NO_DETAILS


@dataclass(slots=True)
class TopicImage:
    """One topic; `partitions` in order of their index, `configs` what the topic itself sets."""

    name: str
    topic_id: bytes
    partitions: list[PartitionImage] = field(default_factory=list)
    configs: dict[str, str] = field(default_factory=dict)
    is_internal: bool = False


@dataclass(slots=True)
class BrokerImage:
    """One registered broker."""

    broker_id: int
    epoch: int
    incarnation_id: bytes
    fenced: bool
    rack: str | None
    in_controlled_shutdown: bool = False
    log_dirs: list[bytes] = field(default_factory=list)
    cordoned_log_dirs: list[bytes] | None = None
    end_points: list[Any] = field(default_factory=list)
    features: list[Any] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        """Whether new replicas may be placed on it."""
        return not self.fenced and not self.in_controlled_shutdown

    @property
    def is_cordoned(self) -> bool:
        """Whether none of its log directories takes new replicas (KIP-1066)."""
        return bool(self.cordoned_log_dirs) and set(self.log_dirs) <= set(self.cordoned_log_dirs or ())

    @property
    def only_log_dir(self) -> bytes:
        """Its log directory if it has just one; zero (Kafka's DirectoryId.UNASSIGNED) if it has to choose."""
        return self.log_dirs[0] if len(self.log_dirs) == 1 else bytes(16)


@dataclass(slots=True)
class MetadataDelta:
    """What one batch of records changed. Topics are those of the image, already changed; `config_changed` holds (resource type, name).

    A created topic is not also in `grown` or `led`, nor its configuration in `config_changed`. `led`: a leader or leader epoch is new.
    """

    created: list[TopicImage] = field(default_factory=list)
    deleted: list[TopicImage] = field(default_factory=list)
    grown: list[TopicImage] = field(default_factory=list)
    led: list[TopicImage] = field(default_factory=list)
    config_changed: set[tuple[int, str]] = field(default_factory=set)
    others_changed: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.created or self.deleted or self.grown or self.led or self.config_changed or self.others_changed)


class ClusterImage:
    """The metadata of one cluster. Lists and dicts are for reading: whoever changes them breaks the first rule."""

    __slots__ = (
        "_directory_counts",
        "_last_place",
        "_shared",
        "brokers",
        "carried",
        "cluster_id",
        "colliding_names",
        "configs",
        "features",
        "kraft_version",
        "next_producer_id",
        "offset",
        "topics",
        "topics_by_id",
        "version",
    )

    def __init__(self, cluster_id: str) -> None:
        self.cluster_id = cluster_id
        self.topics: dict[str, TopicImage] = {}
        self.topics_by_id: dict[bytes, TopicImage] = {}
        self.brokers: dict[int, BrokerImage] = {}
        self.features: dict[str, int] = {}
        self.configs: dict[tuple[int, str], dict[str, str]] = {}
        self.next_producer_id = 0
        self.version = 0
        self.offset = -1  # of the last record replayed
        self.kraft_version = 0  # a feature without a FeatureLevelRecord: a control record of the log says it
        self.colliding_names: dict[str, set[str]] = {}
        self.carried: dict[tuple[Any, ...], Any] = {}
        self._shared: dict[tuple[Any, ...], list[Any]] = {}
        self._last_place: tuple[_Place, _Place] | None = None
        self._directory_counts: Counter[bytes] | None = None

    def config_overrides(self, resource_type: int, name: str) -> Mapping[str, str]:
        """What a resource itself sets: a topic, a broker (the empty name: all brokers), a group, a telemetry subscription."""
        return self.configs.get((resource_type, name), _NOTHING)

    def replay(self, records: Iterable[Any]) -> MetadataDelta:
        """Take one batch of records; the result says what they changed."""
        delta = MetadataDelta()
        for record in records:
            self.offset += 1
            name = type(record).__name__
            apply = REPLAYS.get(name)
            if apply is not None:
                apply(self, record, delta)
            elif name in KEEPS:
                self.carried[KEEPS[name](record)] = record
            elif name in FORGETS:
                self.carried.pop(FORGETS[name](record), None)
        if not delta.is_empty:
            self.version += 1
        return delta

    def shared(self, values: list[Any]) -> list[Any]:
        """A list with these values that all partitions may hold: most partitions of a cluster lie alike."""
        return self._shared.setdefault(tuple(values), values)

    def shared_place(self, replicas: list[int], isr: list[int], directories: list[bytes]) -> _Place:
        """The three lists of a partition, shared. Who makes many partitions hands in the same lists again and again."""
        last = self._last_place
        if last is not None and last[0][0] is replicas and last[0][1] is isr and last[0][2] is directories:
            return last[1]
        shared = self.shared
        place = shared(replicas), shared(isr), shared(directories)
        self._last_place = (replicas, isr, directories), place
        return place

    def directory_counts(self) -> Counter[bytes]:
        """How many replicas lie in each log directory; its id tells the broker. Counted when first asked for, and kept from then on."""
        if self._directory_counts is None:
            partitions = (partition for topic in self.topics.values() for partition in topic.partitions)
            self._directory_counts = Counter(directory_id for partition in partitions for directory_id in partition.directories)
        return self._directory_counts

    def recount(self, directories: list[bytes], change: int) -> None:
        """Replicas came to lie in those directories (1), or lie there no more (-1). For who replays."""
        if self._directory_counts is not None:
            for directory_id in directories:
                self._directory_counts[directory_id] += change

    def everything(self) -> MetadataDelta:
        """The whole image as a delta from nothing: what a broker does at start."""
        changed = {resource for resource in self.configs if resource[0] != ResourceType.TOPIC}
        return MetadataDelta(created=list(self.topics.values()), config_changed=changed, others_changed=True)


def normal_form(name: str) -> str:
    """Topic names that differ only in dots and underscores are one name to Kafka's metrics (Topic.unifyCollisionChars)."""
    return name.replace(".", "_")


def _topic(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    configs = image.configs.setdefault((ResourceType.TOPIC, record.name), {})
    topic = TopicImage(record.name, record.topic_id, [], configs, record.name in INTERNAL_TOPICS)
    image.topics[topic.name] = topic
    image.topics_by_id[topic.topic_id] = topic
    if "." in topic.name or "_" in topic.name:
        image.colliding_names.setdefault(normal_form(topic.name), set()).add(topic.name)
    delta.created.append(topic)


def _remove_topic(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    topic = image.topics_by_id.pop(record.topic_id, None)
    if topic is None:
        return
    del image.topics[topic.name]
    image.configs.pop((ResourceType.TOPIC, topic.name), None)
    for partition in topic.partitions:
        image.recount(partition.directories, -1)
    _forget_collision(image, topic.name)
    delta.deleted.append(topic)


def _forget_collision(image: ClusterImage, name: str) -> None:
    names = image.colliding_names.get(normal_form(name))
    if names is not None:
        names.discard(name)
        if not names:
            del image.colliding_names[normal_form(name)]


def _partition(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    topic = image.topics_by_id.get(record.topic_id)
    if topic is None:
        return
    partition = PartitionImage(
        record.partition_id,
        record.leader,
        record.leader_epoch,
        record.partition_epoch,
        *image.shared_place(record.replicas, record.isr, record.directories),
        _details(record),
    )
    image.recount(partition.directories, 1)
    _place(image, topic, partition)
    _note(topic, delta.grown, delta)


def _place(image: ClusterImage, topic: TopicImage, partition: PartitionImage) -> None:
    """PartitionRecords come in order, one after another: the common case does without copying the list."""
    if partition.index == len(topic.partitions):
        topic.partitions.append(partition)
    else:
        for former in topic.partitions:
            if former.index == partition.index:
                image.recount(former.directories, -1)
        topic.partitions = [*(other for other in topic.partitions if other.index != partition.index), partition]
        topic.partitions.sort(key=lambda one: one.index)


def _details(record: Any) -> PartitionDetails:
    if not (
        record.removing_replicas
        or record.adding_replicas
        or record.leader_recovery_state
        or record.eligible_leader_replicas
        or record.last_known_elr
    ):
        return NO_DETAILS
    return PartitionDetails(
        record.removing_replicas,
        record.adding_replicas,
        record.leader_recovery_state,
        record.eligible_leader_replicas or [],
        record.last_known_elr or [],
    )


def _partition_change(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    topic = image.topics_by_id.get(record.topic_id)
    if topic is None or not 0 <= record.partition_id < len(topic.partitions):
        return
    partition = topic.partitions[record.partition_id]
    if record.isr is not None:
        partition.isr = image.shared(record.isr)
    if record.replicas is not None:
        partition.replicas = image.shared(record.replicas)
    if record.directories is not None:
        image.recount(partition.directories, -1)
        image.recount(record.directories, 1)
        partition.directories = image.shared(record.directories)
    if record.leader != NO_LEADER_CHANGE:
        partition.leader = record.leader
        partition.leader_epoch += 1
    partition.partition_epoch += 1
    partition.details = _changed_details(partition.details, record)
    _note(topic, delta.led, delta)


def _changed_details(details: PartitionDetails, record: Any) -> PartitionDetails:
    """Null and -1 mean no change."""
    removing, adding = record.removing_replicas, record.adding_replicas
    recovery, eligible, last_known = record.leader_recovery_state, record.eligible_leader_replicas, record.last_known_elr
    if recovery == NO_RECOVERY_CHANGE and removing is adding is eligible is last_known is None:
        return details
    return PartitionDetails(
        details.removing_replicas if removing is None else removing,
        details.adding_replicas if adding is None else adding,
        details.leader_recovery_state if recovery == NO_RECOVERY_CHANGE else recovery,
        details.eligible_leader_replicas if eligible is None else eligible,
        details.last_known_elr if last_known is None else last_known,
    )


def _clear_elr(image: ClusterImage, record: Any, _: MetadataDelta) -> None:
    """Nobody is eligible any more (KIP-966): in one topic, or in all if none is named."""
    named = image.topics.get(record.topic_name)
    for topic in image.topics.values() if not record.topic_name else [named] if named is not None else []:
        for partition in topic.partitions:
            if partition.details is not NO_DETAILS:
                partition.details = partition.details._replace(eligible_leader_replicas=[], last_known_elr=[])


def _note(topic: TopicImage, changed: list[TopicImage], delta: MetadataDelta) -> None:
    """List a topic once, and not at all if this batch created it: records of one topic stand together."""
    if (changed and changed[-1] is topic) or (delta.created and delta.created[-1] is topic):
        return
    if not any(created is topic for created in reversed(delta.created)):
        changed.append(topic)


def _config(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    resource = (record.resource_type, record.resource_name)
    configs = image.configs.setdefault(resource, {})
    if record.value is None:
        configs.pop(record.name, None)
    else:
        configs[record.name] = record.value
    if not configs and record.resource_type != ResourceType.TOPIC:
        del image.configs[resource]
    created = delta.created and record.resource_type == ResourceType.TOPIC and delta.created[-1].name == record.resource_name
    if not created:
        delta.config_changed.add(resource)


def _feature_level(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    if record.feature_level == 0:
        image.features.pop(record.name, None)
    else:
        image.features[record.name] = record.feature_level
    delta.others_changed = True


def _register_broker(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    image.brokers[record.broker_id] = BrokerImage(
        broker_id=record.broker_id,
        epoch=record.broker_epoch,
        incarnation_id=record.incarnation_id,
        fenced=record.fenced,
        rack=record.rack,
        in_controlled_shutdown=record.in_controlled_shutdown,
        log_dirs=list(record.log_dirs),
        cordoned_log_dirs=record.cordoned_log_dirs,
        end_points=record.end_points,
        features=record.features,
    )
    delta.others_changed = True


def _unregister_broker(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    image.brokers.pop(record.broker_id, None)
    delta.others_changed = True


def _change_broker(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    """`fenced` and `in_controlled_shutdown` are 0 for no change, 1 for yes, -1 for no (BrokerRegistrationFencingChange)."""
    broker = image.brokers.get(record.broker_id)
    if broker is None:
        return
    if record.fenced:
        broker.fenced = record.fenced > 0
    if record.in_controlled_shutdown:
        broker.in_controlled_shutdown = record.in_controlled_shutdown > 0
    if record.log_dirs:
        broker.log_dirs = list(record.log_dirs)
    if record.cordoned_log_dirs is not None:
        broker.cordoned_log_dirs = record.cordoned_log_dirs
    delta.others_changed = True


def _fence(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    _set_fenced(image, record.id, True, delta)


def _unfence(image: ClusterImage, record: Any, delta: MetadataDelta) -> None:
    _set_fenced(image, record.id, False, delta)


def _set_fenced(image: ClusterImage, broker_id: int, fenced: bool, delta: MetadataDelta) -> None:
    if broker_id in image.brokers:
        image.brokers[broker_id].fenced = fenced
        delta.others_changed = True


def _producer_ids(image: ClusterImage, record: Any, _: MetadataDelta) -> None:
    image.next_producer_id = record.next_producer_id


REPLAYS: dict[str, Callable[[ClusterImage, Any, MetadataDelta], None]] = {
    "TopicRecord": _topic,
    "RemoveTopicRecord": _remove_topic,
    "PartitionRecord": _partition,
    "PartitionChangeRecord": _partition_change,
    "ClearElrRecord": _clear_elr,
    "ConfigRecord": _config,
    "FeatureLevelRecord": _feature_level,
    "RegisterBrokerRecord": _register_broker,
    "UnregisterBrokerRecord": _unregister_broker,
    "BrokerRegistrationChangeRecord": _change_broker,
    "FenceBrokerRecord": _fence,
    "UnfenceBrokerRecord": _unfence,
    "ProducerIdsRecord": _producer_ids,
}
