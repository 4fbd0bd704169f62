"""The controller decides what the metadata shall be: it answers requests with records, and the image follows by replaying them.

Rules
- A decision reads the image, the settings and its request; chance comes in as a seeded generator. It changes nothing.
- What a decision answers is true once its records are safe. The runtime appends them as one batch: all of them count or none.
- Each kind of request has a module: `create_topics`, `delete_topics`, `create_partitions`, `alter_configs`. Here is what they share and
  what happens without a request: the first records of a cluster, the start of a broker, blocks of producer ids, the internal topics.

(Kafka: QuorumController, ReplicationControlManager, ClusterControlManager, ProducerIdControlManager.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from pybroker.core.cluster import NO_LEADER, PRODUCER_ID_BLOCK_SIZE, ClusterImage, PartitionImage, ResourceType, TopicImage
from pybroker.core.config_definitions import definition
from pybroker.core.log_directories import Chooser, LocalDirectories, Locate, start_changes
from pybroker.core.settings import Settings
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError

# Kafka 4.4.0 formats a cluster with these; kraft.version is not finalized by a record.
FINALIZED_FEATURES = {
    "metadata.version": 33,
    "group.version": 1,
    "streams.version": 1,
    "transaction.version": 2,
    "share.version": 2,
    "eligible.leader.replicas.version": 1,
}

# The versions that metadata.version 33 writes; what is not named is written at 0.
RECORD_VERSIONS = {"PartitionRecord": 2, "PartitionChangeRecord": 2, "RegisterBrokerRecord": 4, "BrokerRegistrationChangeRecord": 3}

# Cordoned directories (KIP-1066) came with a metadata.version; Kafka does not start on a cluster below it whose brokers say which are.
CORDONED_FROM = 30
UNCORDONED_VERSIONS = {"RegisterBrokerRecord": 3, "BrokerRegistrationChangeRecord": 2}

# One request may not bring more partitions than this (ReplicationControlManager.MAX_PARTITIONS_PER_BATCH).
MAX_PARTITIONS_PER_REQUEST = 10_000

# So many topics, or resources and their settings, are decided in one go; nobody is served meanwhile. Kafka refuses, in these words, what
# would make more records than that (QuorumController.MAX_RECORDS_PER_USER_OP); here what is refused anyway counts too.
MAX_ELEMENTS_PER_REQUEST = 10_000

LEADER_RECOVERED = 0
FENCE = 1  # BrokerRegistrationFencingChange


class ControllerView(NamedTuple):
    """What a decision may look at, and the generator of topic ids."""

    image: ClusterImage
    settings: Settings
    node_id: int
    rng: Random
    local: LocalDirectories = LocalDirectories()


@dataclass(slots=True)
class ControllerDecision:
    """Records to append as one batch, and the answer that is true once they are safe."""

    records: list[Any] = field(default_factory=list)
    response: Any = None


def record_version(record: Any) -> int:
    """The version at which a metadata record is written: without cordoned directories, one that older releases read, too."""
    name = type(record).__name__
    if name in UNCORDONED_VERSIONS and record.cordoned_log_dirs is None:
        return UNCORDONED_VERSIONS[name]
    return RECORD_VERSIONS.get(name, 0)


def new_uuid(rng: Random) -> bytes:
    """A random uuid of version 4, 16 bytes. As Kafka's, its text never begins with a dash, which command lines take for an option."""
    while True:
        bits = rng.getrandbits(128) & RANDOM_BITS | VERSION_4
        if bits & 0xFC != DASH_SEXTET << 2:
            return bits.to_bytes(16, "little")


DASH_SEXTET = 62  # the six bits that URL-safe base64 writes as "-"
VERSION_4 = 0x40 << 6 * 8 | 0x80 << 8 * 8  # version in byte 6 and variant in byte 8, counted from the lowest
RANDOM_BITS = (1 << 128) - 1 - (0xF0 << 6 * 8) - (0xC0 << 8 * 8)


def check_length(count: int) -> None:
    """Raises POLICY_VIOLATION for a request of so many elements."""
    if count > MAX_ELEMENTS_PER_REQUEST:
        raise KafkaError(ErrorCode.POLICY_VIOLATION, "Unable to perform excessively large batch operation.")


def bootstrap_records(settings: Settings, features: Mapping[str, int] | None = None) -> list[Any]:
    """The first records of a new cluster: its features, and the cluster-wide min.insync.replicas.

    A directory that was formatted and never used has its `features` already.
    With eligible leader replicas (KIP-966) that setting must not depend on which broker is asked, so Kafka's controller makes it dynamic.
    """
    finalized = {} if features else FINALIZED_FEATURES
    first: list[Any] = [messages.FeatureLevelRecord(name=name, feature_level=level) for name, level in finalized.items()]
    value = str(settings.get("min.insync.replicas"))
    insync = messages.ConfigRecord(resource_type=ResourceType.BROKER, resource_name="", name="min.insync.replicas", value=value)
    return [*first, insync]


def start_records(
    view: ControllerView,
    offset: int,
    log_dirs: list[bytes],
    endpoints: Iterable[tuple[str, str, int]],
    locate: Locate = lambda *_: None,
    *,
    all_online: bool = True,
) -> list[Any]:
    """What a broker that starts tells the cluster: its registration, and where its partitions lie and that it leads them.

    `offset` is where the first record will stand: Kafka takes it as the broker epoch. `endpoints`: (listener name, host, port). `log_dirs`:
    the directories that are online; see `log_directories.start_changes` for the rest.
    """
    end_points = [
        messages.RegisterBrokerRecord.BrokerEndpoint(name=name, host=host, port=port, security_protocol=0) for name, host, port in endpoints
    ]
    registration = messages.RegisterBrokerRecord(
        broker_id=view.node_id,
        incarnation_id=new_uuid(view.rng),
        broker_epoch=offset,
        end_points=end_points,
        rack=view.settings.get("broker.rack"),
        fenced=False,
        log_dirs=log_dirs,
    )
    if view.image.features.get("metadata.version", FINALIZED_FEATURES["metadata.version"]) >= CORDONED_FROM:
        cordoned = view.local.cordoned(view.settings)
        registration.cordoned_log_dirs = [directory_id for directory_id in log_dirs if directory_id in cordoned]
    return [registration, *start_changes(view.image, view.node_id, log_dirs, all_online, locate)]


def stop_records(view: ControllerView) -> list[Any]:
    """What a broker that stops tells the cluster: it is fenced, and its next start will register it anew.

    Who takes the directory over, be it Kafka, need not wait until a session is over to believe that this broker is gone. Kafka's controller
    fences a broker that shuts down alike (ReplicationControlManager.processBrokerHeartbeat); that its partitions have no leader meanwhile
    is left unsaid, for nobody else could lead them.
    """
    broker = view.image.brokers.get(view.node_id)
    if broker is None or broker.fenced:
        return []
    return [messages.BrokerRegistrationChangeRecord(broker_id=view.node_id, broker_epoch=broker.epoch, fenced=FENCE)]


def producer_id_block(view: ControllerView) -> tuple[int, Any]:
    """The first id of a new block of `PRODUCER_ID_BLOCK_SIZE`, and the record that takes the block out of the pool."""
    first = view.image.next_producer_id
    broker = view.image.brokers.get(view.node_id)
    epoch = broker.epoch if broker is not None else -1
    following = first + PRODUCER_ID_BLOCK_SIZE
    return first, messages.ProducerIdsRecord(broker_id=view.node_id, broker_epoch=epoch, next_producer_id=following)


class NewPartitions:
    """Makes the records of the partitions that one request brings. Those that lie alike share their lists."""

    __slots__ = ("_brokers", "_choosers", "_cordoned", "_places", "_record_class", "_view")

    def __init__(self, view: ControllerView) -> None:
        self._view = view
        self._brokers = view.image.brokers
        self._cordoned = view.local.cordoned(view.settings)
        self._choosers: dict[int, Chooser] = {}
        self._places: dict[tuple[int, ...], tuple[list[int], list[int], list[bytes] | None]] = {}
        self._record_class: Any = messages.PartitionRecord

    def record(self, topic: str, topic_id: bytes, index: int, replicas: list[int]) -> Any:
        """A new partition, led by the first of its replicas that is up, at epoch 0. Raises KafkaError."""
        place = self._places.get(tuple(replicas))
        if place is None:
            place = self._places[tuple(replicas)] = self._place(replicas)
        shared, isr, directories = place
        return self._record_class(
            partition_id=index,
            topic_id=topic_id,
            replicas=shared,
            isr=isr,
            leader=isr[0] if isr else NO_LEADER,
            leader_recovery_state=LEADER_RECOVERED,
            leader_epoch=0,
            partition_epoch=0,
            directories=self._choose(topic, index, replicas) if directories is None else directories,
        )

    def _place(self, replicas: list[int]) -> tuple[list[int], list[int], list[bytes] | None]:
        """Replicas, those in sync, and their directories: None if those have to be chosen for each partition."""
        brokers = self._brokers
        isr = [replica for replica in replicas if replica in brokers and brokers[replica].is_active]
        if any(self._has_choice(replica) for replica in replicas):
            return replicas, isr, None
        return replicas, isr, [brokers[replica].only_log_dir if replica in brokers else bytes(16) for replica in replicas]

    def _has_choice(self, replica: int) -> bool:
        broker = self._brokers.get(replica)
        if replica != self._view.node_id or broker is None:
            return False
        return len(broker.log_dirs) > 1 or bool(self._cordoned)

    def _choose(self, topic: str, index: int, replicas: list[int]) -> list[bytes]:
        if len(replicas) == 1:
            return self._directory(topic, index, replicas[0])
        return [directory_id for replica in replicas for directory_id in self._directory(topic, index, replica)]

    def _directory(self, topic: str, index: int, replica: int) -> list[bytes]:
        if not self._has_choice(replica):
            return [self._brokers[replica].only_log_dir if replica in self._brokers else bytes(16)]
        chooser = self._choosers.get(replica)
        if chooser is None:
            view = self._view
            chooser = self._choosers[replica] = Chooser(view.image, self._brokers[replica], view.local, self._cordoned)
        return chooser.choose(topic, index)


def internal_topic(settings: Settings, name: str) -> tuple[int, int, dict[str, str]]:
    """Partitions, replication factor and configs with which Kafka makes one of its internal topics. KeyError for any other name."""
    prefix, configs = INTERNAL_TOPIC_CONFIGS[name]
    own = {**configs, "segment.bytes": str(max(settings.get(f"{prefix}.segment.bytes"), MIN_SEGMENT_BYTES))}
    if definition("broker", f"{prefix}.min.isr") is not None:
        own["min.insync.replicas"] = str(settings.get(f"{prefix}.min.isr"))
    return settings.get(f"{prefix}.num.partitions"), settings.get(f"{prefix}.replication.factor"), own


MIN_SEGMENT_BYTES = 1 << 20  # what segment.bytes takes at least; the coordinators' own settings go lower
INTERNAL_TOPIC_CONFIGS = {
    "__consumer_offsets": ("offsets.topic", {"cleanup.policy": "compact", "compression.type": "producer"}),
    "__transaction_state": (
        "transaction.state.log",
        {"cleanup.policy": "compact", "compression.type": "uncompressed", "unclean.leader.election.enable": "false"},
    ),
    "__share_group_state": (
        "share.coordinator.state.topic",
        {"cleanup.policy": "delete", "compression.type": "producer", "retention.ms": "-1"},
    ),
}


def replication_factor_of(topic: TopicImage) -> int:
    """The replicas of a topic's first partition, which all its partitions should have."""
    first: PartitionImage | None = topic.partitions[0] if topic.partitions else None
    return 0 if first is None else len(first.replicas)
