"""The records of the internal topics, in the form in which they rest in the log.

- A coordinator's key is an int16 record type and the key (always version 0). The type alone does not name the message: each of
  `__consumer_offsets`, `__transaction_state` and `__share_group_state` counts its own.
- A coordinator's value is an int16 version and the value. A tombstone has no value.
- A record of `__cluster_metadata` is three unsigned varints (frame version 1, id, version) and the record; it has no key.

(Kafka: CoordinatorRecordSerde, MetadataRecordSerde.)
"""

from struct import Struct

from pybroker.wire import messages
from pybroker.wire.base import Buffer, Fault, Message, WireError
from pybroker.wire.codec import decode, encode
from pybroker.wire.primitives import read_varint, varint

CONSUMER_OFFSETS = "__consumer_offsets"
TRANSACTION_STATE = "__transaction_state"
SHARE_GROUP_STATE = "__share_group_state"

METADATA_FRAME_VERSION = 1

COORDINATOR_RECORDS: dict[str, dict[int, str]] = {
    CONSUMER_OFFSETS: {
        0: "LegacyOffsetCommit",
        1: "OffsetCommit",
        2: "GroupMetadata",
        3: "ConsumerGroupMetadata",
        4: "ConsumerGroupPartitionMetadata",
        5: "ConsumerGroupMemberMetadata",
        6: "ConsumerGroupTargetAssignmentMetadata",
        7: "ConsumerGroupTargetAssignmentMember",
        8: "ConsumerGroupCurrentMemberAssignment",
        10: "ShareGroupMemberMetadata",
        11: "ShareGroupMetadata",
        12: "ShareGroupTargetAssignmentMetadata",
        13: "ShareGroupTargetAssignmentMember",
        14: "ShareGroupCurrentMemberAssignment",
        15: "ShareGroupStatePartitionMetadata",
        16: "ConsumerGroupRegularExpression",
        17: "StreamsGroupMetadata",
        19: "StreamsGroupMemberMetadata",
        20: "StreamsGroupTargetAssignmentMetadata",
        21: "StreamsGroupTargetAssignmentMember",
        22: "StreamsGroupCurrentMemberAssignment",
        23: "StreamsGroupTopology",
    },
    TRANSACTION_STATE: {0: "TransactionLog"},
    SHARE_GROUP_STATE: {0: "ShareSnapshot", 1: "ShareUpdate"},
}
"""Topic, then record type: the name, to which `Key` or `Value` is added."""

METADATA_RECORDS: dict[int, str] = {
    0: "RegisterBrokerRecord",
    1: "UnregisterBrokerRecord",
    2: "TopicRecord",
    3: "PartitionRecord",
    4: "ConfigRecord",
    5: "PartitionChangeRecord",
    7: "FenceBrokerRecord",
    8: "UnfenceBrokerRecord",
    9: "RemoveTopicRecord",
    10: "DelegationTokenRecord",
    11: "UserScramCredentialRecord",
    12: "FeatureLevelRecord",
    14: "ClientQuotaRecord",
    15: "ProducerIdsRecord",
    17: "BrokerRegistrationChangeRecord",
    18: "AccessControlEntryRecord",
    19: "RemoveAccessControlEntryRecord",
    20: "NoOpRecord",
    21: "ZkMigrationStateRecord",
    22: "RemoveUserScramCredentialRecord",
    23: "BeginTransactionRecord",
    24: "EndTransactionRecord",
    25: "AbortTransactionRecord",
    26: "RemoveDelegationTokenRecord",
    27: "RegisterControllerRecord",
    28: "ClearElrRecord",
    29: "UnregisterControllerRecord",
}
"""The ids of `__cluster_metadata`."""

_int16 = Struct(">h")


class UnknownRecordError(WireError):
    """A record type or version that this broker does not know: written by a newer one. Kafka's loaders skip it with a warning."""


def encode_key(key: Message) -> bytes:
    """A coordinator record's key as stored."""
    assert key.API_KEY is not None
    return _int16.pack(key.API_KEY) + encode(key, 0)


def encode_value(value: Message | None, version: int) -> bytes | None:
    """A coordinator record's value as stored; None stays None (a tombstone)."""
    return None if value is None else _int16.pack(version) + encode(value, version)


def decode_key(topic: str, stored: Buffer) -> Message:
    """The key of a record of an internal topic. Raises UnknownRecordError for a type that the topic does not have."""
    record_type = _read_int16(stored, "record type")
    name = COORDINATOR_RECORDS[topic].get(record_type)
    if name is None:
        raise UnknownRecordError(f"record type {record_type} of {topic} is unknown")
    return decode(messages.message_class(name + "Key"), 0, stored, 2)[0]


def decode_value(key: Message, stored: Buffer | None) -> Message | None:
    """The value that belongs to a decoded key; None for a tombstone. Raises UnknownRecordError for an unknown version."""
    if stored is None:
        return None
    cls = messages.message_class(type(key).__name__.removesuffix("Key") + "Value")
    version = _read_int16(stored, "version")
    if not cls.MIN_VERSION <= version <= cls.MAX_VERSION:
        raise UnknownRecordError(f"{cls.__name__} has no version {version}, only {cls.MIN_VERSION} to {cls.MAX_VERSION}")
    return decode(cls, version, stored, 2)[0]


def encode_metadata_record(record: Message, version: int) -> bytes:
    """A record of `__cluster_metadata` as stored."""
    assert record.API_KEY is not None
    return varint(METADATA_FRAME_VERSION) + varint(record.API_KEY) + varint(version) + encode(record, version)


def decode_metadata_record(stored: Buffer) -> tuple[Message, int]:
    """A record of `__cluster_metadata`: (record, its version)."""
    frame_version, at = _read_frame_varint(stored, 0)
    if frame_version != METADATA_FRAME_VERSION:
        raise WireError(f"metadata frame version {frame_version} instead of {METADATA_FRAME_VERSION}")
    record_id, at = _read_frame_varint(stored, at)
    version, at = _read_frame_varint(stored, at)
    name = METADATA_RECORDS.get(record_id)
    if name is None:
        raise UnknownRecordError(f"metadata record id {record_id} is unknown")
    cls = messages.message_class(name)
    if not cls.MIN_VERSION <= version <= cls.MAX_VERSION:
        raise UnknownRecordError(f"{name} has no version {version}, only {cls.MIN_VERSION} to {cls.MAX_VERSION}")
    return decode(cls, version, stored, at)[0], version


def _read_int16(stored: Buffer, what: str) -> int:
    if len(stored) < 2:
        raise WireError(f"stored record of {len(stored)} bytes is too short for its {what}")
    value: int = _int16.unpack_from(stored)[0]
    return value


def _read_frame_varint(stored: Buffer, at: int) -> tuple[int, int]:
    try:
        return read_varint(stored, at)
    except (IndexError, Fault) as error:
        raise WireError(f"metadata record frame is broken at byte {at}") from error
