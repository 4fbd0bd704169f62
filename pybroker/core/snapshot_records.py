"""The metadata image as records: what a snapshot holds between its header and its footer.

Rules
- Replaying these records into an empty image gives the image they were made of; what is at its default is not written.
- They stand in Kafka's order: features first, because they say in which versions the rest is written; brokers and controllers, topics each
  with its partitions, configurations, quotas, producer ids, ACLs, credentials, tokens.

(Kafka: MetadataImage.write.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pybroker.core.cluster import NO_DETAILS, BrokerImage, ClusterImage, PartitionImage
from pybroker.wire import messages

METADATA_VERSION = "metadata.version"
SECURITY = ("AccessControlEntryRecord", "UserScramCredentialRecord", "DelegationTokenRecord")
NO_BROKER = -1


def snapshot_records(image: ClusterImage) -> Iterator[Any]:
    """All records of the image. It must not change meanwhile."""
    feature = messages.FeatureLevelRecord
    for name in sorted(image.features, key=lambda name: (name != METADATA_VERSION, name)):
        yield feature(name=name, feature_level=image.features[name])
    yield from map(_broker, image.brokers.values())
    yield from _carried(image, "RegisterControllerRecord")
    yield from _topics(image)
    yield from _configs(image)
    yield from (quota for quota in _carried(image, "ClientQuotaRecord") if not quota.remove)
    if image.next_producer_id:
        yield messages.ProducerIdsRecord(broker_id=NO_BROKER, broker_epoch=-1, next_producer_id=image.next_producer_id)
    for name in SECURITY:
        yield from _carried(image, name)


def _carried(image: ClusterImage, name: str) -> Iterator[Any]:
    return (record for key, record in image.carried.items() if key[0] == name)


def _broker(broker: BrokerImage) -> Any:
    return messages.RegisterBrokerRecord(
        broker_id=broker.broker_id,
        incarnation_id=broker.incarnation_id,
        broker_epoch=broker.epoch,
        end_points=broker.end_points,
        features=broker.features,
        rack=broker.rack,
        fenced=broker.fenced,
        in_controlled_shutdown=broker.in_controlled_shutdown,
        log_dirs=broker.log_dirs,
        cordoned_log_dirs=broker.cordoned_log_dirs,
    )


def _topics(image: ClusterImage) -> Iterator[Any]:
    topic_record = messages.TopicRecord
    for topic in image.topics.values():
        yield topic_record(name=topic.name, topic_id=topic.topic_id)
        for partition in topic.partitions:
            yield _partition(topic.topic_id, partition)


def _partition(topic_id: bytes, partition: PartitionImage) -> Any:
    record = messages.PartitionRecord(
        partition_id=partition.index,
        topic_id=topic_id,
        replicas=partition.replicas,
        isr=partition.isr,
        leader=partition.leader,
        leader_epoch=partition.leader_epoch,
        partition_epoch=partition.partition_epoch,
        directories=partition.directories,
    )
    if partition.details is not NO_DETAILS:
        details = partition.details
        record.removing_replicas = details.removing_replicas
        record.adding_replicas = details.adding_replicas
        record.leader_recovery_state = details.leader_recovery_state
        record.eligible_leader_replicas = details.eligible_leader_replicas or None
        record.last_known_elr = details.last_known_elr or None
    return record


def _configs(image: ClusterImage) -> Iterator[Any]:
    config_record = messages.ConfigRecord
    for (kind, resource_name), configs in image.configs.items():
        for name, value in configs.items():
            yield config_record(resource_type=kind, resource_name=resource_name, name=name, value=value)
