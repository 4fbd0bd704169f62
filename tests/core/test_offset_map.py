"""The map from keys to offsets: right like a dictionary, and never larger than it was told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core import offset_map
from pybroker.core.offset_map import NOT_FOUND, PLACE_BYTES, OffsetMap
from pybroker.core.offset_marks import OffsetMarks


def put(offsets: OffsetMap, key: bytes, offset: int) -> bool:
    """Note one key, without marks."""
    return offsets.put_all([(0, 0, offset, key, True)], 0, OffsetMarks(0, 0, 0))


@given(st.lists(st.binary(max_size=3), max_size=300))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_agrees_with_a_dictionary(keys: list[bytes]):
    """Keys of any bytes, put in again and again, keep their last offset."""
    offsets = OffsetMap(1 << 20, 0.9, len(keys))
    model: dict[bytes, int] = {}
    for offset, key in enumerate(keys):
        put(offsets, key, offset)
        model[key] = offset
    assert all(offsets.get(key) == model.get(key, NOT_FOUND) for key in [*keys, b"none", b"\xff\xff\xff"])
    assert offsets.size == len(model)
    assert offsets.latest_offset == len(keys) - 1


def test_takes_as_many_keys_as_memory_allows():
    """The load factor of 24 bytes a key, and no more; those that are in are still found."""
    offsets = OffsetMap(100 * PLACE_BYTES, 0.9, 10**9)
    count = 0
    while put(offsets, b"%d" % count, count):
        count += 1
    assert 80 <= count <= 90
    assert all(offsets.get(b"%d" % number) == number for number in range(count))
    assert offsets.get(b"other") == NOT_FOUND


def test_missing_offsets_cost_nothing(monkeypatch: pytest.MonkeyPatch):
    """A dirty part of few records may span any number of offsets: no prime is looked for beyond what memory allows."""
    tried: list[int] = []

    def prime(number: int, step: int) -> int:
        tried.append(number)
        assert number <= (1 << 20) // PLACE_BYTES
        return plain(number, step)

    plain = offset_map._prime
    monkeypatch.setattr(offset_map, "_prime", prime)
    offsets = OffsetMap(1 << 20, 0.9, 1 << 62)
    assert offsets.capacity == pytest.approx(0.9 * (1 << 20) / PLACE_BYTES, rel=0.01)
    assert tried


def test_every_buffer_holds_a_key():
    """However small it is, a round makes progress."""
    offsets = OffsetMap(0, 0.0, 0)
    assert put(offsets, b"", 7)
    assert offsets.get(b"") == 7


def test_offsets_that_fall_leave_no_marks():
    """A batch may say that a record lies before its first: it is noted in the map, and marks are given up."""
    offsets, marks = OffsetMap(1 << 20, 0.9, 10), OffsetMarks(3, 10, 10)
    records = [(0, 0, -5, b"a", True), (0, 0, -5, None, True), (0, 0, 0, b"a", False)]
    assert offsets.put_all(records, 3, marks)
    assert offsets.get(b"a") == 3
    assert len(marks.noted) == 0
