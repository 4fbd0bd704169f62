"""Hashes and variable-length integers beyond the golden lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records import hashes
from pybroker.records.errors import InvalidRecords
from pybroker.records.hashes import coordinator_partition, java_string_hash, murmur2_partition
from pybroker.records.varint import append_unsigned_varint, encode_varint, read_unsigned_varint, read_varint, read_varlong


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text(max_size=20), st.binary(max_size=20), st.integers(1, 1000))
def test_partitions_are_within_their_number(text, key, partitions):
    """Whatever is hashed, the partition exists."""
    assert 0 <= coordinator_partition(text, partitions) < partitions
    assert 0 <= murmur2_partition(key, partitions) < partitions


def test_strings_are_hashed_by_their_utf16_units():
    """A character beyond the basic plane counts as its two surrogates, and a lone one does not fail."""
    assert java_string_hash("\U0001f600") == (0xD83D * 31 + 0xDE00)
    assert java_string_hash("\ud83d") == 0xD83D


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_varlongs_come_back(value):
    """Every int64 is read as it was written; an int32 as a varint too; an unsigned one without zigzag."""
    data = encode_varint(value)
    assert read_varlong(data, 0) == (value, len(data))
    if -(1 << 31) <= value < 1 << 31:
        assert read_varint(memoryview(data), 0) == (value, len(data))
    out = bytearray()
    append_unsigned_varint(out, value & 0xFFFFFFFF)
    assert read_unsigned_varint(out, 0) == (value & 0xFFFFFFFF, len(out))


@pytest.mark.parametrize(
    ("data", "reader"), [(b"", read_varint), (b"\x80", read_varint), (b"\x80" * 5, read_varint), (b"\x80" * 10 + b"\x00", read_varlong)]
)
def test_numbers_without_an_end_are_refused(data, reader):
    """Cut short or longer than their type."""
    with pytest.raises(InvalidRecords):
        reader(data, 0)


def test_hashes_of_long_keys_are_not_kept() -> None:
    """A group id may be of any length, so what is kept of group ids is bounded in bytes, not only in number."""
    long = "g" * (hashes.LONGEST_KEPT_KEY + 1)
    before = hashes._kept_hash.cache_info().currsize
    assert hashes.coordinator_partition(long, 50) == hashes.java_abs(hashes.java_string_hash(long)) % 50
    assert hashes._kept_hash.cache_info().currsize == before
    assert [hashes.coordinator_partition(long[:-1], count) for count in (50, 1)] == [
        hashes.java_abs(hashes.java_string_hash(long[:-1])) % 50,
        0,
    ]
