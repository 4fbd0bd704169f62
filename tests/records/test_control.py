"""Control batches."""

import pytest

from pybroker.records.batch import has_valid_checksum, read_header
from pybroker.records.control import (
    ControlType,
    build_marker,
    control_type,
    encode_control_key,
    encode_marker,
    marker_coordinator_epoch,
)
from pybroker.records.errors import InvalidRecords
from pybroker.records.record import iter_records


@pytest.mark.parametrize("commit", [True, False])
def test_a_marker_says_how_the_transaction_ended(commit):
    """One transactional control record with type, coordinator epoch and producer, and no sequence."""
    batch, header = build_marker(9, 2, 5, timestamp_ms=77, commit=commit)
    assert header == read_header(batch)
    assert has_valid_checksum(batch, 0, header)
    assert (header.is_control, header.is_transactional, header.producer_id, header.base_sequence) == (True, True, 9, -1)
    (record,) = iter_records(batch)
    assert control_type(record.key) == (ControlType.COMMIT if commit else ControlType.ABORT)
    assert (record.offset, record.timestamp, marker_coordinator_epoch(record.value)) == (0, 77, 5)


def test_keys_of_later_versions_are_read_and_short_ones_refused():
    """A longer key still tells its type; a key, version or value that cannot be raises InvalidRecords."""
    assert control_type(encode_control_key(4, version=3) + b"more") == ControlType.SNAPSHOT_FOOTER
    for key in (None, b"\x00\x00\x00", b"\xff\xff\x00\x01"):
        with pytest.raises(InvalidRecords):
            control_type(key)
    for value in (None, encode_marker(1)[:5]):
        with pytest.raises(InvalidRecords):
            marker_coordinator_epoch(value)
