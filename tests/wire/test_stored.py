"""Records of the internal topics; that their bytes are Kafka's is held by the golden lines."""

import pytest

from pybroker.wire.base import WireError
from pybroker.wire.messages import OffsetCommitKey, OffsetCommitValue, TopicRecord, TransactionLogKey
from pybroker.wire.stored import (
    CONSUMER_OFFSETS,
    SHARE_GROUP_STATE,
    TRANSACTION_STATE,
    UnknownRecordError,
    decode_key,
    decode_metadata_record,
    decode_value,
    encode_key,
    encode_metadata_record,
    encode_value,
)


def test_coordinator_record():
    """A key names its type, a value its version; together they come back."""
    key = OffsetCommitKey(group="g", topic="t", partition=3)
    assert encode_key(key) == b"\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x03"
    assert decode_key(CONSUMER_OFFSETS, encode_key(key)) == key
    value = OffsetCommitValue(offset=5, metadata="m", commit_timestamp=6)
    assert decode_value(key, encode_value(value, 3)) == value


def test_type_depends_on_the_topic():
    """Type 0 of the transaction topic is no group record."""
    stored = encode_key(TransactionLogKey(transactional_id="x"))
    assert decode_key(TRANSACTION_STATE, stored) == TransactionLogKey(transactional_id="x")
    with pytest.raises(WireError):
        decode_key(SHARE_GROUP_STATE, stored)


def test_tombstone():
    """No value is no value."""
    assert encode_value(None, 0) is None
    assert decode_value(OffsetCommitKey(), None) is None


def test_unknown_records():
    """What a newer broker wrote is told apart from what is broken."""
    with pytest.raises(UnknownRecordError, match="record type 99 of __consumer_offsets"):
        decode_key(CONSUMER_OFFSETS, b"\x00\x63")
    with pytest.raises(UnknownRecordError, match="OffsetCommitValue has no version 99"):
        decode_value(OffsetCommitKey(), b"\x00\x63")
    with pytest.raises(UnknownRecordError, match="metadata record id 120"):
        decode_metadata_record(b"\x01\x78\x00")
    with pytest.raises(UnknownRecordError, match="TopicRecord has no version 9"):
        decode_metadata_record(b"\x01\x02\x09")


def test_broken_records():
    """Records that end in their prefix, or whose frame is of another version, are WireErrors."""
    with pytest.raises(WireError, match="too short for its record type"):
        decode_key(CONSUMER_OFFSETS, b"\x00")
    with pytest.raises(WireError, match="too short for its version"):
        decode_value(OffsetCommitKey(), b"")
    with pytest.raises(WireError, match="frame version 2 instead of 1"):
        decode_metadata_record(b"\x02\x02\x00")
    with pytest.raises(WireError, match="frame is broken at byte 1"):
        decode_metadata_record(b"\x01")
    with pytest.raises(WireError, match="frame is broken at byte 0"):
        decode_metadata_record(b"\xff" * 6)


def test_metadata_record():
    """A metadata record comes back with its version."""
    record = TopicRecord(name="orders", topic_id=bytes(range(16)))
    stored = encode_metadata_record(record, 0)
    assert stored[:3] == b"\x01\x02\x00"
    assert decode_metadata_record(memoryview(stored)) == (record, 0)
