"""Whole batches of metadata records, written and read, are what the codec gives for each record alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.controller import record_version
from pybroker.records.builder import build_batch
from pybroker.runtime.metadata_codec import BatchReader, encode_records
from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.stored import encode_metadata_record

SHARED = [[1], [1, 2], []]
DIRECTORIES = [[bytes(15) + b"\x07"], []]
lists = st.sampled_from(SHARED)
maybe_lists = st.none() | lists
topic_ids = st.sampled_from([bytes([number]) * 16 for number in range(3)])

records = st.one_of(
    st.builds(lambda name: messages.TopicRecord(name=name, topic_id=b"1" * 16), st.text(max_size=5)),
    st.builds(
        lambda **fields: messages.PartitionRecord(**fields),
        topic_id=topic_ids,
        partition_id=st.integers(0, 300),
        replicas=lists,
        isr=lists,
        directories=st.sampled_from(DIRECTORIES),
        leader=st.integers(-1, 1),
        leader_epoch=st.integers(0, 1),
        partition_epoch=st.integers(0, 1),
        removing_replicas=lists,
        leader_recovery_state=st.integers(0, 1),
        eligible_leader_replicas=maybe_lists,
        unknown_tagged_fields=st.sampled_from([None, {99: b"x"}]),
    ),
    st.builds(
        lambda **fields: messages.PartitionChangeRecord(**fields),
        topic_id=topic_ids,
        partition_id=st.integers(0, 300),
        leader=st.integers(-2, 1),
        isr=maybe_lists,
        directories=st.none() | st.sampled_from(DIRECTORIES),
        last_known_elr=maybe_lists,
        leader_recovery_state=st.integers(-1, 1),
        unknown_tagged_fields=st.sampled_from([None, {99: b"x"}]),
    ),
)


@given(st.lists(records, min_size=1, max_size=30))
@settings(derandomize=True, deadline=None, max_examples=20)
def test_a_batch_is_its_records_one_by_one(batch: list[Any]) -> None:
    """Copying what partitions have alike changes no byte, and reading gives the records again."""
    encoded = encode_records(batch, base_offset=5, timestamp=9, leader_epoch=2)
    one_by_one = [(None, encode_metadata_record(record, record_version(record))) for record in batch]
    assert encoded == build_batch(one_by_one, base_offset=5, timestamp=9, leader_epoch=2)
    assert BatchReader().read(encoded) == batch


def test_a_broken_record_is_named() -> None:
    """The second record of a type takes the fast way, and its fault is still told with message and field."""
    good = encode_metadata_record(messages.TopicRecord(name="t", topic_id=b"1" * 16), 0)
    with pytest.raises(WireError, match="TopicRecord v0"):
        BatchReader().read(build_batch([(None, good), (None, good[:9])]))


def test_what_nobody_knows_is_passed_over_and_remembered() -> None:
    """A record of a later release is left out; the reader knows that it met one."""
    reader = BatchReader()
    good = messages.TopicRecord(name="t", topic_id=b"1" * 16)
    assert reader.read(build_batch([(None, b"\x01\x63\x00"), (None, encode_metadata_record(good, 0)), (None, None)])) == [good]
    assert reader.met_unknown
