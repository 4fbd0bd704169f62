"""Control records: what brokers write between the records of clients, and no consumer shows.

The key is int16 version, int16 type. An EndTxnMarker (types ABORT and COMMIT) carries int16 version, int32 coordinator epoch; the values of
the others are messages of KRaft, whose bytes the caller gives. A batch with the control bit holds one of these per record.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

from pybroker.records.batch import CONTROL_BIT, TRANSACTIONAL_BIT, BatchHeader
from pybroker.records.errors import InvalidRecords
from pybroker.records.pairs import build_pairs

_KEY = Struct(">hh")
_MARKER = Struct(">hi")


class ControlType(IntEnum):
    """Kafka's ControlRecordType; a type that is not here is skipped by readers."""

    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


def encode_control_key(control_type: int, version: int = 0) -> bytes:
    """Return the key of a control record."""
    return _KEY.pack(version, control_type)


def control_type(key: bytes | None) -> int:
    """Return the type in the key of a control record; versions above 0 may carry more after it."""
    if key is None or len(key) < _KEY.size:
        raise InvalidRecords(f"the key of a control record has {0 if key is None else len(key)} bytes")
    version, number = _KEY.unpack_from(key)
    if version < 0:
        raise InvalidRecords(f"a control record of version {version}")
    return int(number)


def encode_marker(coordinator_epoch: int) -> bytes:
    """Return the value of an EndTxnMarker."""
    return _MARKER.pack(0, coordinator_epoch)


def marker_coordinator_epoch(value: bytes | None) -> int:
    """Return the coordinator epoch in the value of an EndTxnMarker."""
    if value is None or len(value) < _MARKER.size:
        raise InvalidRecords(f"the value of a transaction marker has {0 if value is None else len(value)} bytes")
    return int(_MARKER.unpack_from(value)[1])


def build_marker(
    producer_id: int, producer_epoch: int, coordinator_epoch: int, *, timestamp_ms: int, commit: bool
) -> tuple[bytearray, BatchHeader]:
    """The batch that ends a transaction in a partition, and its header (Kafka's MemoryRecords.withEndTransactionMarker)."""
    key = encode_control_key(ControlType.COMMIT if commit else ControlType.ABORT)
    pair = (key, encode_marker(coordinator_epoch))
    return build_pairs([pair], timestamp_ms, TRANSACTIONAL_BIT | CONTROL_BIT, producer_id, producer_epoch)
