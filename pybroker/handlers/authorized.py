"""What a client may do with a resource, as bits (KIP-430). Without an authorizer that says otherwise: everything there is to do."""

from __future__ import annotations

from enum import IntEnum

NOT_ASKED = -(1 << 31)


class AclOperation(IntEnum):
    """Kafka's AclOperation; an operation is the bit of its number."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12


def as_bits(*operations: AclOperation) -> int:
    """The bit field of some operations."""
    return sum(1 << operation for operation in operations)


TOPIC_OPERATIONS = as_bits(
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.CREATE,
    AclOperation.DELETE,
    AclOperation.ALTER,
    AclOperation.DESCRIBE,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
)
CLUSTER_OPERATIONS = as_bits(
    AclOperation.CREATE,
    AclOperation.ALTER,
    AclOperation.DESCRIBE,
    AclOperation.CLUSTER_ACTION,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
    AclOperation.IDEMPOTENT_WRITE,
)
