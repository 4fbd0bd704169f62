"""Batches from outside and from inside: headers, records, building and patching."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.batch import (
    HEADER_SIZE,
    TRANSACTIONAL_BIT,
    add_to_sequence,
    batch_size,
    begins_transaction,
    has_valid_checksum,
    is_transactional_batch,
    iter_batches,
    pack_header,
    patch_base_offset_and_epoch,
    read_header,
    set_max_timestamp,
)
from pybroker.records.builder import build_batch, rebuild_batch, recompress
from pybroker.records.compression import Codec
from pybroker.records.errors import CorruptRecords, RecordsError
from pybroker.records.pairs import build_pairs
from pybroker.records.record import Record, iter_records, offset_of_max_timestamp
from pybroker.records.scan import scan_records, walk_lengths, whole_records

nullable_bytes = st.none() | st.binary(max_size=200)
some_headers = st.lists(st.tuples(st.text(max_size=5), nullable_bytes), max_size=3).map(tuple)
times = st.integers(-1, 1 << 60)
some_records = st.lists(st.tuples(nullable_bytes, nullable_bytes, times, some_headers), min_size=1, max_size=12)


@pytest.mark.parametrize("codec", list(Codec))
@settings(derandomize=True, deadline=None, max_examples=20)
@given(rows=some_records, base_offset=st.integers(0, 1 << 50))
def test_records_come_back_through_every_codec(codec, rows, base_offset):
    """Keys, values, headers, times and offsets are what was put in, and the checksum is right."""
    batch = build_batch(rows, base_offset=base_offset, codec=codec)
    header = read_header(batch)
    assert has_valid_checksum(batch, 0, header)
    got = [(record.offset, record.key, record.value, record.timestamp, record.headers) for record in iter_records(batch)]
    assert got == [(base_offset + index, *row) for index, row in enumerate(rows)]
    assert header.max_timestamp == max(row[2] for row in rows)
    assert (header.next_offset, header.record_count, header.size_bytes) == (base_offset + len(rows), len(rows), len(batch))
    for other in Codec:
        assert list(iter_records(recompress(batch, other))) == list(iter_records(batch))


@pytest.mark.parametrize("codec", list(Codec))
@settings(derandomize=True, deadline=None, max_examples=20)
@given(
    pairs=st.lists(st.tuples(nullable_bytes, nullable_bytes), min_size=1, max_size=12),
    long=st.sampled_from([0, 63, 64, 980, 999, 1000, 1024, 8192]),
    producer=st.sampled_from([(0, -1, -1, -1), (TRANSACTIONAL_BIT, 7, 2, 0)]),
)
def test_pairs_are_built_as_any_records_are(codec, pairs, long, producer):
    """The short way for pairs of one time gives the same batch, byte for byte, and its header."""
    rows = [*pairs, (None, b"v" * long)]
    attributes, producer_id, producer_epoch, base_sequence = producer
    batch, header = build_pairs(rows, 1_700_000_000_000, codec | attributes, producer_id, producer_epoch, base_sequence)
    options = {"producer_id": producer_id, "producer_epoch": producer_epoch, "base_sequence": base_sequence}
    assert batch == build_batch(rows, timestamp=1_700_000_000_000, codec=codec, transactional=bool(attributes), **options)
    assert header == read_header(batch)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(rows=some_records)
def test_a_scan_finds_what_the_records_say(rows):
    """Scanning without objects gives the same times and null keys, the walks the same count, at any place where the payload is cut."""
    batch = build_batch(rows)
    payload = batch[HEADER_SIZE:]
    scan = scan_records(payload, len(rows))
    base = rows[0][2]
    assert [base + delta for delta in scan.timestamp_deltas] == [row[2] for row in rows]
    assert scan.keyless == [index for index, row in enumerate(rows) if row[0] is None]
    assert scan.offsets_in_order
    walk_lengths(payload, len(rows))
    for cut in range(0, len(payload), 7):
        count, end = whole_records(payload[:cut], len(rows))
        assert end <= cut
        scan_records(payload[:end], count)
        with pytest.raises(RecordsError):
            walk_lengths(payload[:cut], len(rows))


@pytest.mark.parametrize("view", [bytes, lambda payload: memoryview(bytearray(payload))])
@pytest.mark.parametrize("uneven", [False, True])
def test_the_walk_proves_count_and_bounds_of_many_records(view, uneven):
    """Runs of one size and uneven records, with lengths of one to three bytes: one record more or less, or one byte, is found."""
    sizes = [(i * 37 % 90 if uneven else 20) + (20000 if i % 100 == 99 else 0) for i in range(700)]
    payload = build_batch([(None, bytes(size)) for size in sizes])[HEADER_SIZE:]
    walk_lengths(view(payload), 700)
    for wrong, count in ((payload, 699), (payload, 701), (payload[:-1], 700), (payload + b"\x00", 700)):
        with pytest.raises(RecordsError):
            walk_lengths(view(wrong), count)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(offset=st.integers(0, (1 << 63) - 1), epoch=st.integers(-1, (1 << 31) - 1))
def test_patching_offset_and_epoch_keeps_the_checksum(offset, epoch):
    """Neither is under the CRC, and nothing else changes."""
    batch = bytearray(build_batch([(b"k", b"v", 5)]))
    before = read_header(batch)
    patch_base_offset_and_epoch(memoryview(batch), 0, offset, epoch)
    after = read_header(batch)
    assert (after.base_offset, after.partition_leader_epoch) == (offset, epoch)
    assert has_valid_checksum(batch, 0, after)
    before.base_offset, before.partition_leader_epoch = offset, epoch
    assert after == before
    assert pack_header(after) == batch[:HEADER_SIZE]


def test_setting_the_max_timestamp_writes_the_checksum():
    """Type and time change together with the CRC; meaningless bits are lost with a change and stay without one."""
    batch = bytearray(build_batch([(b"k", b"v", 5), (None, None, 9)]))
    set_max_timestamp(batch, 0, 9)
    assert batch == build_batch([(b"k", b"v", 5), (None, None, 9)])
    batch[21] = 1
    set_max_timestamp(batch, 0, 77, log_append_time=True)
    header = read_header(batch)
    assert (header.attributes, header.max_timestamp, header.is_log_append_time) == (8, 77, True)
    assert has_valid_checksum(batch, 0, header)
    assert [record.timestamp for record in iter_records(batch)] == [77, 77]


def test_walking_over_batches_tells_what_is_left():
    """Whole batches come with their positions, and the bytes of a cut one are counted."""
    first, second = build_batch([(b"a", b"1")]), build_batch([(b"b", b"2")], base_offset=1)
    for cut in range(1, len(second)):
        walk = iter_batches(first + second[:-cut])
        assert [at for at, _ in walk] == [0]
        assert walk.incomplete_bytes == len(second) - cut
    walk = iter_batches(memoryview(first + second))
    assert [(at, header.base_offset) for at, header in walk] == [(0, 0), (len(first), 1)]
    assert walk.incomplete_bytes == 0


def test_what_cannot_begin_a_batch_is_corrupt():
    """Zeros, a length below the header and an unknown magic are not walked over."""
    batch = bytearray(build_batch([(b"a", b"1")]))
    with pytest.raises(CorruptRecords):
        next(iter_batches(bytes(12)))
    batch[11] = 20
    with pytest.raises(CorruptRecords):
        next(iter_batches(batch))
    batch[11], batch[16] = len(batch) - 12, 3
    with pytest.raises(CorruptRecords):
        next(iter_batches(batch))


@pytest.mark.parametrize("transactional", [False, True])
def test_one_look_sees_what_the_steps_see(transactional):
    """Whether a transaction begins here: the same for the usual batch as by Kafka's steps, however it is cut or changed."""

    def by_steps(buffer):
        return batch_size(buffer, 0, len(buffer)) is not None and is_transactional_batch(buffer)

    def told(look, buffer):
        try:
            return look(buffer)
        except CorruptRecords as error:
            return str(error)

    batch = build_batch([(b"a", b"1")], producer_id=1, producer_epoch=0, base_sequence=0, transactional=transactional)
    assert begins_transaction(batch) is transactional
    changed = [batch[:at] + bytes([value]) + batch[at + 1 :] for at in range(HEADER_SIZE) for value in (0, 1, 2, 3, 13, 14, 49, 61, 255)]
    for buffer in [*changed, *(batch[:end] for end in range(len(batch))), batch + batch]:
        assert told(begins_transaction, buffer) == told(by_steps, buffer)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_batch_cut_or_damaged_anywhere_raises_only_our_errors(codec):
    """Reading the records of a batch that is cut, or has a byte changed, ends in RecordsError or in records."""
    batch = build_batch([(b"key", b"value", 5, (("h", b"x"), ("i", None)))] * 3, codec=codec)
    for cut in range(len(batch)):
        with pytest.raises(RecordsError):
            list(iter_records(batch[:cut]))
    for at in range(HEADER_SIZE, len(batch)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(batch)
            damaged[at] ^= flip
            try:
                list(iter_records(damaged, max_bytes=1 << 20))
            except RecordsError:
                continue


def test_sequences_wrap():
    """After 2147483647 comes 0, and a batch without a producer has no last sequence."""
    assert add_to_sequence(2147483647, 1) == 0
    batch = build_batch([(None, b"")] * 4, producer_id=1, producer_epoch=0, base_sequence=2147483646)
    assert read_header(batch).last_sequence == 1
    assert read_header(build_batch([(None, b"")])).last_sequence == -1


def test_a_rebuilt_batch_keeps_its_last_offset():
    """Compaction takes records away but not offsets, producer or sequence; without records the header alone stays."""
    batch = build_batch([(b"a", b"1", 3), (b"b", b"2", 9)], base_offset=10, producer_id=7, producer_epoch=1, base_sequence=4)
    header = read_header(batch)
    one = rebuild_batch(list(iter_records(batch))[:1], header, Codec.GZIP)
    assert list(iter_records(one)) == [Record(10, 3, b"a", b"1")]
    kept = read_header(one)
    assert (kept.last_offset, kept.last_sequence, kept.max_timestamp, kept.codec) == (11, 5, 3, 1)
    empty = rebuild_batch([], header, Codec.NONE)
    assert (len(empty), list(iter_records(empty)), read_header(empty).last_offset) == (HEADER_SIZE, [], 11)


def test_header_keys_that_are_no_utf8_pass_through():
    """Bytes that are no text are kept as they are."""
    good = build_batch([(b"k", b"v", 1, (("AB", b"x"),))])
    odd = good.replace(b"AB", b"\xff\xfe")
    (record,) = iter_records(odd)
    again = build_batch([record])
    assert again[HEADER_SIZE:] == odd[HEADER_SIZE:]


def test_the_offset_of_the_largest_time():
    """It is the first record with that time; with log append time the first of all; None when the header lies."""
    rows = [(None, b"", 5), (None, b"", 9), (None, b"", 9)]
    assert offset_of_max_timestamp(build_batch(rows, base_offset=20)) == 21
    assert offset_of_max_timestamp(build_batch(rows, base_offset=20, log_append_time=77)) == 20
    batch = bytearray(build_batch(rows))
    set_max_timestamp(batch, 0, 100)
    assert offset_of_max_timestamp(batch) is None
