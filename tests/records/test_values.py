"""Batches of values alone are the builder's batches, written and read faster."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.errors import InvalidRecords
from pybroker.records.values import build_value_batch, iter_values

SIZES = st.one_of(st.integers(0, 80), st.integers(8180, 8200), st.integers(16370, 16390))
VALUES = st.lists(st.builds(bytes, SIZES), min_size=1, max_size=12)


@given(VALUES, st.integers(0, 2**40), st.integers(-1, 2**40), st.integers(0, 2**31 - 1))
@settings(derandomize=True, deadline=None)
def test_bytes_are_the_builders(values: list[bytes], base_offset: int, timestamp: int, leader_epoch: int) -> None:
    """Whatever the sizes, both writers agree, and reading gives the values back."""
    batch = build_value_batch(values, base_offset=base_offset, timestamp=timestamp, leader_epoch=leader_epoch)
    rows = [(None, value) for value in values]
    assert batch == build_batch(rows, base_offset=base_offset, timestamp=timestamp, leader_epoch=leader_epoch)
    assert list(iter_values(batch)) == values


def test_offset_deltas_of_every_length() -> None:
    """A batch long enough for offset deltas of one, two and three bytes."""
    values = [b"v"] * 8300
    batch = build_value_batch(values, base_offset=0, timestamp=1, leader_epoch=1)
    assert batch == build_batch([(None, b"v")] * 8300, base_offset=0, timestamp=1, leader_epoch=1)
    assert list(iter_values(batch)) == values


@pytest.mark.parametrize(
    "batch",
    [
        build_batch([(b"key", b"a"), (None, None)]),
        build_batch([(None, b"a", 5), (None, b"b", 9)]),
        build_batch([(None, b"a", 1, (("h", b"x"),))]),
        build_batch([(None, b"a")], codec=Codec.GZIP),
    ],
    ids=["keys and nulls", "times", "headers", "compressed"],
)
def test_other_forms_are_read_too(batch: bytes) -> None:
    """Keys, nulls, headers, times and codecs take the long way to the same values."""
    assert next(value for value in iter_values(batch) if value is not None) == b"a"


def test_damage_is_told_as_for_any_batch() -> None:
    """A record that does not fill its batch is an InvalidRecords."""
    batch = bytearray(build_value_batch([b"abc"], base_offset=0, timestamp=1, leader_epoch=1))
    batch[61] += 2
    with pytest.raises(InvalidRecords):
        list(iter_values(batch))
