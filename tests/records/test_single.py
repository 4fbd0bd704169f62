"""The short way of checking one record says nothing that the long way does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.batch import read_header, write_checksum
from pybroker.records.builder import build_batch
from pybroker.records.record import Headers
from pybroker.records.single import check_single
from pybroker.records.validate import HOUR_MS, NEVER_MS, InvalidBatch, ProduceRules, Validated, check_produce

NOW_MS = 1_700_000_000_000

sizes = st.one_of(st.none(), st.sampled_from([0, 1, 55, 56, 57, 63, 64, 120, 8190, 8192]), st.integers(0, 300))
headers = st.lists(st.tuples(st.sampled_from(["", "h"]), st.sampled_from([None, b"", b"v"])), max_size=3).map(tuple)


def one(key: int | None, value: int | None, time: int = NOW_MS, headers: Headers = (), **options: Any) -> bytearray:
    """A batch of one record with a key and a value of so many bytes."""
    return bytearray(build_batch([(_bytes(key), _bytes(value), time, headers)], **options))


def _bytes(size: int | None) -> bytes | None:
    return None if size is None else b"k" * size


def long_way(batch: bytearray) -> Validated | None:
    """What `check_produce` makes of it, if it does not refuse."""
    try:
        return check_produce(bytearray(batch), ProduceRules(api_version=9, now_ms=NOW_MS))
    except InvalidBatch:
        return None


@settings(derandomize=True, deadline=None, max_examples=60)
@given(sizes, sizes, headers, st.sampled_from([-1, 7]))
def test_one_usual_record_is_taken(key: int | None, value: int | None, headers: Headers, producer_id: int) -> None:
    """Whatever the lengths of key and value, with and without headers and a producer id."""
    idempotent = {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": 3} if producer_id >= 0 else {}
    batch = one(key, value, headers=headers, **idempotent)
    assert check_single(batch, NOW_MS, NEVER_MS, HOUR_MS) == read_header(batch)
    assert long_way(batch) == Validated(batch, read_header(batch))


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=2000)
@given(sizes, sizes, headers, st.data())
def test_a_changed_batch_is_judged_alike(key: int | None, value: int | None, headers: Headers, data: st.DataObject) -> None:
    """With any byte changed, with and without the right checksum, what is taken here is taken as it is there."""
    batch = one(key, value, headers=headers, producer_id=5, producer_epoch=0, base_sequence=3)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, min(len(batch), 80) - 1))
        batch[at] = data.draw(st.one_of(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF]), st.integers(0, 255)))
    if data.draw(st.booleans()) and batch[8:12] == (len(batch) - 12).to_bytes(4, "big"):
        write_checksum(batch, 0)
    header = check_single(batch, NOW_MS, NEVER_MS, HOUR_MS)
    if header is not None:
        assert long_way(batch) == Validated(batch, header)


@pytest.mark.parametrize(
    ("time", "taken"), [(NOW_MS - 10, True), (NOW_MS - 11, False), (NOW_MS + 20, True), (NOW_MS + 21, False), (-1, False)]
)
def test_time_must_be_within_its_bounds(time: int, taken: bool) -> None:
    """The long way says what is wrong with another, if anything is."""
    assert (check_single(one(1, 1, time), NOW_MS, 10, 20) is not None) == taken


def test_more_records_and_compressed_ones_go_the_long_way() -> None:
    """They are not wrong, only not what this is for."""
    two = bytearray(build_batch([(None, b"x", NOW_MS)] * 2))
    compressed = one(1, 100, codec=1)
    assert check_single(two, NOW_MS, NEVER_MS, HOUR_MS) is None
    assert check_single(compressed, NOW_MS, NEVER_MS, HOUR_MS) is None
