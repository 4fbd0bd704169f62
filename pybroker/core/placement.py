"""Where new replicas go, and which assignments by hand are refused.

Rules
- Replicas go only to brokers that are registered and up; those of one partition are on different brokers.
- Leaders are dealt out in turn from a random start, so topics of one partition do not all land on the first broker.

(Kafka: StripedReplicaPlacer without racks; ReplicationControlManager.validateManualPartitionAssignment.)
"""

from __future__ import annotations

from random import Random

from pybroker.core.cluster import ClusterImage
from pybroker.core.log_directories import NOWHERE
from pybroker.wire.errors import ErrorCode, KafkaError


def place(image: ClusterImage, rng: Random, partitions: int, replication_factor: int) -> list[list[int]]:
    """Replicas for each of `partitions` new partitions. Raises INVALID_REPLICATION_FACTOR if there are too few brokers."""
    active = [broker.broker_id for broker in image.brokers.values() if broker.is_active and not broker.is_cordoned]
    if not active:
        raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, NOWHERE)
    if replication_factor > len(active):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The target replication factor of {replication_factor} cannot be reached because only {len(active)} broker(s) are registered "
            "or some brokers have all their log directories cordoned.",
        )
    if len(active) == 1:
        return [active] * partitions
    start = rng.randrange(len(active))
    return [[active[(start + index + turn) % len(active)] for turn in range(replication_factor)] for index in range(partitions)]


def check_assignment(image: ClusterImage, index: int, replicas: list[int], replication_factor: int | None) -> None:
    """Refuse an assignment by hand for a partition: raises INVALID_REPLICA_ASSIGNMENT.

    `replication_factor`: what the other partitions have, if any.
    """
    if not replicas:
        raise _refused("The manual partition assignment includes an empty replica list.")
    for replica in sorted(replicas):
        if replica not in image.brokers:
            raise _refused(f"The manual partition assignment includes broker {replica}, but no such broker is registered.")
        if replicas.count(replica) > 1:
            raise _refused(f"The manual partition assignment includes the broker {replica} more than once.")
        if image.brokers[replica].is_cordoned:
            raise _refused(f"The manual partition assignment includes broker {replica}, but all its log directories are cordoned.")
    if replication_factor is not None and len(replicas) != replication_factor:
        others = f"this is not consistent with previous partitions, which have {replication_factor} replica(s)."
        raise _refused(f"The manual partition assignment includes a partition with {len(replicas)} replica(s), but {others}")
    if not any(image.brokers[replica].is_active for replica in replicas):
        raise _refused(
            f"All brokers specified in the manual partition assignment for partition {index} are fenced or in controlled shutdown."
        )


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
