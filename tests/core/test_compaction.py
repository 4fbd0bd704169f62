"""What is left of batches, and what they look like then."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.cleaned_transactions import CleanedTransactions
from pybroker.core.compaction import LONG_CALL_BYTES, Compaction, LastRecord, index_batch
from pybroker.core.offset_map import OffsetMap
from pybroker.core.offset_marks import OffsetMarks
from pybroker.records.batch import HEADER_SIZE, has_valid_checksum, iter_batches, patch_base_offset, read_header, write_checksum
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.control import build_marker
from pybroker.records.record import Record, iter_records
from pybroker.storage.interface import AbortedTransaction
from pybroker.storage.transaction_index import encode_entries

NOW_MS = 1_700_000_000_000
RETENTION_MS = 1000
BEGAN_MS = NOW_MS - 5000


def finish(work: Any) -> Any:
    """Run a piece of work; long calls are made at once."""
    answer = None
    while True:
        try:
            job = work.send(answer)
        except StopIteration as end:
            return end.value
        answer = None if job is None else job()


def compact(
    batches: list[bytes],
    *,
    aborted: tuple[AbortedTransaction, ...] = (),
    producers: dict[int, LastRecord] | None = None,
    now_ms: int = NOW_MS,
    end_offset: int | None = None,
    start_offset: int = 0,
    map_bytes: int = 1 << 20,
    mark_bytes: int = 1 << 20,
) -> list[bytes]:
    """What one round leaves of batches that are dirty."""
    end = read_header(batches[-1]).next_offset
    offsets = OffsetMap(map_bytes, 0.9, end)
    marks = OffsetMarks(start_offset, end - start_offset, mark_bytes)
    transactions = CleanedTransactions(aborted)
    for batch in batches:
        header = read_header(batch)
        if header.last_offset >= start_offset and not finish(index_batch(offsets, marks, batch, header, transactions)):
            break
    end = end + 1 if end_offset is None else end_offset
    compaction = Compaction(offsets, marks, CleanedTransactions(aborted), producers or {}, end, now_ms, RETENTION_MS)
    left = [finish(compaction.clean(batch, read_header(batch))) for batch in batches]
    kept = [bytes(batch) for batch in left if batch is not None]
    assert compaction.changed == (kept != [bytes(batch) for batch in batches])
    assert all(has_valid_checksum(batch, 0, read_header(batch)) for batch in kept)
    return kept


def with_deltas(batch: bytes, deltas: list[int]) -> bytes:
    """A batch of small records that say other offsets than those they have; Produce does not look at them."""
    changed, at = bytearray(batch), HEADER_SIZE
    for delta in deltas:
        changed[at + 3] = 2 * delta
        at += 1 + changed[at] // 2
    write_checksum(changed, 0)
    return bytes(changed)


def records(batches: list[bytes]) -> list[Record]:
    """All records of some batches."""
    return [record for batch in batches for record in iter_records(batch)]


def test_batch_that_loses_nothing_is_itself():
    """Byte for byte, compressed or not."""
    batches = [build_batch([(b"a", b"1", BEGAN_MS)], codec=Codec.GZIP), build_batch([(b"b", b"1", BEGAN_MS)], base_offset=1)]
    assert compact(batches) == batches


@pytest.mark.parametrize("codec", list(Codec))
def test_rest_of_a_batch_keeps_its_numbers(codec: Codec):
    """Offsets, sequence, epoch, codec and headers stay; base timestamp is the first kept record's, max timestamp the latest kept one's."""
    headers = (("h", b"x"), ("n", None))
    rows = [(b"a", b"1", BEGAN_MS), (b"b", b"2", BEGAN_MS + 70_000, headers), (b"c", b"3", BEGAN_MS + 5), (b"a", b"4", BEGAN_MS + 9**9)]
    identity = {"producer_id": 5, "producer_epoch": 1, "base_sequence": 7, "leader_epoch": 3}
    first = build_batch(rows, base_offset=10, codec=codec, **identity)
    second = build_batch([(b"a", b"5", BEGAN_MS + 9)], base_offset=14)
    left = compact([first, second])
    header = read_header(left[0])
    assert (header.base_offset, header.last_offset, header.base_sequence, header.last_sequence) == (10, 13, 7, 10)
    assert (header.producer_id, header.producer_epoch, header.partition_leader_epoch, header.codec) == (5, 1, 3, codec)
    assert (header.base_timestamp, header.max_timestamp, header.record_count) == (BEGAN_MS + 70_000, BEGAN_MS + 70_000, 2)
    assert records(left) == [
        Record(11, BEGAN_MS + 70_000, b"b", b"2", headers),
        Record(12, BEGAN_MS + 5, b"c", b"3"),
        Record(14, BEGAN_MS + 9, b"a", b"5"),
    ]


def test_large_compressed_batches_are_opened_and_written_elsewhere():
    """Long calls are handed out as jobs."""
    rows = [(b"%d" % (number % 50), number.to_bytes(8, "big") * 100, BEGAN_MS) for number in range(100)]
    big = build_batch(rows, codec=Codec.ZSTD)
    noise = build_batch([(b"x", bytes(LONG_CALL_BYTES * 3), BEGAN_MS), *rows], codec=Codec.NONE)
    left = compact([big, build_batch([(b"49", b"", BEGAN_MS)], base_offset=100)])
    assert [record.offset for record in records(left)] == [*range(50, 99), 100]
    assert compact([noise]) != [noise]


def test_log_append_time_stays():
    """The time that a broker gave holds for all records, whichever are left."""
    batch = build_batch([(b"a", b"1", 5), (b"b", b"2", 6), (b"a", b"3", 7)], log_append_time=BEGAN_MS)
    left = compact([batch])
    assert [(record.key, record.value, record.timestamp) for record in records(left)] == [(b"b", b"2", BEGAN_MS), (b"a", b"3", BEGAN_MS)]
    assert read_header(left[0]).max_timestamp == BEGAN_MS


def test_record_without_a_key_goes():
    """Nothing says what it supersedes (written before the topic was compacted)."""
    assert compact([build_batch([(None, b"1"), (None, b"2")])]) == []


def test_tombstone_stays_for_its_time():
    """It takes what it deletes with it, gets a delete horizon with its batch (KIP-534), and goes when that is over."""
    batches = [build_batch([(b"a", b"1", BEGAN_MS)]), build_batch([(b"a", None, BEGAN_MS + 3), (b"b", b"1", BEGAN_MS + 4)], base_offset=1)]
    left = compact(batches)
    header = read_header(left[0])
    assert (header.has_delete_horizon, header.base_timestamp, header.max_timestamp) == (True, NOW_MS + RETENTION_MS, BEGAN_MS + 4)
    kept = [Record(1, BEGAN_MS + 3, b"a", None), Record(2, BEGAN_MS + 4, b"b", b"1")]
    assert records(left) == kept
    assert compact(left, now_ms=NOW_MS + RETENTION_MS - 1) == left
    late = compact(left, now_ms=NOW_MS + RETENTION_MS)
    assert records(late) == kept[1:]
    assert read_header(late[0]).base_timestamp == NOW_MS + RETENTION_MS


def test_tombstone_that_is_superseded_goes_at_once():
    """Only the last record of a key is asked for its value."""
    left = compact([build_batch([(b"a", None)]), build_batch([(b"a", b"1")], base_offset=1)])
    assert [(record.offset, record.value) for record in records(left)] == [(1, b"1")]


def test_last_batch_of_a_producer_leaves_its_header():
    """So its sequence numbers survive, in the smallest batch there is."""
    first = build_batch([(b"a", b"1", BEGAN_MS)] * 2, producer_id=9, producer_epoch=2, base_sequence=4, codec=Codec.LZ4)
    batches = [first, build_batch([(b"a", b"2")], base_offset=2)]
    left = compact(batches, producers={9: LastRecord(1, 2)})
    header = read_header(left[0])
    assert (header.record_count, header.size_bytes, header.base_offset, header.last_offset) == (0, 61, 0, 1)
    assert (header.producer_id, header.producer_epoch, header.base_sequence, header.last_sequence, header.codec) == (9, 2, 4, 5, 0)
    assert (header.base_timestamp, header.max_timestamp) == (-1, BEGAN_MS)
    assert compact(left, producers={9: LastRecord(1, 2)}) == left
    assert len(compact(batches, producers={9: LastRecord(2, 2)})) == 1


def test_last_batch_of_a_round_leaves_its_header():
    """The log does not end before it did."""
    batches = [build_batch([(b"a", b"1")]), build_batch([(None, b"2")], base_offset=1)]
    left = compact(batches, end_offset=2)
    assert [read_header(batch).record_count for batch in left] == [1, 0]
    assert read_header(left[1]).next_offset == 2


def test_full_map_ends_the_round():
    """What lies beyond its last key stays as it is."""
    offsets = OffsetMap(1, 0.4, 1)
    batch = build_batch([(b"a", b"1"), (b"a", b"2"), (b"b", b"3"), (b"a", b"4")])
    marks = OffsetMarks(0, 4, 4)
    assert not finish(index_batch(offsets, marks, batch, read_header(batch), CleanedTransactions()))
    assert (offsets.size, offsets.capacity, offsets.latest_offset) == (1, 1, 0)
    kept = finish(Compaction(offsets, marks, CleanedTransactions(), {}, 1, NOW_MS, 0).clean(batch, read_header(batch)))
    assert [record.offset for record in iter_records(kept)] == [0, 1, 2, 3]


ROWS = st.lists(st.tuples(st.sampled_from([None, b"a", b"b", b"c", b"d"]), st.sampled_from([None, b"1", b"2"])), min_size=1, max_size=9)
DELTAS = st.lists(st.integers(0, 12), min_size=9, max_size=9) | st.just([0, 1, 5, 6, 7, 8, 9, 10, 11])
BATCHES = st.lists(
    st.tuples(ROWS, st.sampled_from([Codec.NONE, Codec.GZIP]), st.sampled_from([-1, 5, 6]), st.booleans(), st.none() | DELTAS),
    min_size=1,
    max_size=8,
)


def compare_with_and_without_marks(drawn: Any, start_offset: int, mark_bytes: int, map_bytes: int, compacted: int) -> None:
    """With marks of all, some and no offsets the same bytes are left."""
    batches: list[bytes] = []
    aborted: list[AbortedTransaction] = []
    end = 0
    for rows, codec, producer_id, transactional, deltas in drawn:
        identity = {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": end} if producer_id > 0 else {}
        timed = [(key, value, BEGAN_MS + number) for number, (key, value) in enumerate(rows)]
        in_transaction = transactional and producer_id > 0
        batches.append(build_batch(timed, base_offset=end, codec=codec, transactional=in_transaction, **identity))
        if deltas is not None and codec is Codec.NONE:
            batches[-1] = with_deltas(batches[-1], deltas[: len(rows)])
        first, end = end, end + len(rows)
        if in_transaction:
            commit = producer_id == 5
            batches.append(marker(end, producer_id, commit=commit))
            aborted += [] if commit else [AbortedTransaction(producer_id, first, end, -1)]
            end += 1
    producers = {5: LastRecord(end // 2, 0), 6: LastRecord(end - 1, 0)}
    ended = {"producers": producers, "end_offset": end, "aborted": tuple(aborted)}
    batches = compact(batches[:compacted], **ended) + batches[compacted:] if batches[:compacted] else batches
    if not batches:
        return
    left = [
        compact(batches, **ended, start_offset=min(start_offset, end - 1), map_bytes=map_bytes, mark_bytes=size, now_ms=now_ms)
        for now_ms in (NOW_MS, NOW_MS + RETENTION_MS)
        for size in (0, mark_bytes, 1 << 20)
    ]
    assert left[0] == left[1] == left[2]
    assert left[3] == left[4] == left[5]


MARKED = (BATCHES, st.integers(0, 30), st.integers(0, 40), st.sampled_from([1 << 20, 150]), st.integers(0, 8))


@given(*MARKED)
@settings(derandomize=True, deadline=None, max_examples=10)
def test_marks_change_nothing(drawn: Any, start_offset: int, mark_bytes: int, map_bytes: int, compacted: int):
    """Batches cleaned before or not, transactions, tombstones, a map that gets full, a start within a batch."""
    compare_with_and_without_marks(drawn, start_offset, mark_bytes, map_bytes, compacted)


@pytest.mark.slow
@given(*MARKED)
@settings(derandomize=True, deadline=None, max_examples=500)
def test_marks_change_nothing_in_many_logs(drawn: Any, start_offset: int, mark_bytes: int, map_bytes: int, compacted: int):
    """The same, of more of them."""
    compare_with_and_without_marks(drawn, start_offset, mark_bytes, map_bytes, compacted)


def test_marks_are_given_up_where_offsets_do_not_rise():
    """Two records that say they have the same offset: what follows must not be taken for superseded."""
    batch = with_deltas(build_batch([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]), [0, 5, 5])
    after = build_batch([(b"d", b"4"), (b"e", b"5"), (b"f", b"6"), (b"b", b"7")], base_offset=3)
    assert compact([batch, after]) == compact([batch, after], mark_bytes=0)
    assert len(records(compact([batch, after]))) >= 4
    swapped = with_deltas(build_batch([(b"a", b"1"), (b"a", b"2")]), [1, 0])
    assert compact([swapped]) == compact([swapped], mark_bytes=0)


def test_marks_are_given_up_where_offsets_leave_their_batch():
    """A last record that says it has the offset of another batch's: when it is superseded, that one is not."""
    batch = with_deltas(build_batch([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]), [0, 1, 5])
    after = build_batch([(b"d", b"4"), (b"e", b"5"), (b"f", b"6"), (b"c", b"7")], base_offset=3)
    left = compact([batch, after])
    assert left == compact([batch, after], mark_bytes=0)
    assert [record.key for record in records(left)] == [b"a", b"b", b"d", b"e", b"f", b"c"]


def test_marks_end_where_the_map_is_full():
    """What lies beyond is not known to have a value: a tombstone that stays gives its batch a horizon."""
    batches = [build_batch([(b"a", b"1"), (b"b", b"2"), (b"c", None)])]
    left = compact(batches, map_bytes=1)
    assert left == compact(batches, map_bytes=1, mark_bytes=0)
    assert read_header(left[0]).has_delete_horizon


@pytest.mark.parametrize("offset", [1, 2])
def test_marks_begin_within_a_batch(offset: int):
    """A batch of which only a part is dirty has no marks, nor has another in its place."""
    rows = [(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"4")]
    batches = [build_batch(rows), build_batch([(b"b", None), (b"d", None), (None, b"5"), (b"a", b"6")], base_offset=4)]
    assert compact(batches, start_offset=offset) == compact(batches, start_offset=offset, mark_bytes=0)


def test_batches_that_are_wholly_superseded_are_not_opened():
    """Nor those that lose nothing: with marks the second walk needs their headers alone."""
    rows = [(b"%d" % number, number.to_bytes(8, "big") * 900, BEGAN_MS) for number in range(90)]
    first, second = build_batch(rows, codec=Codec.ZSTD), build_batch(rows, codec=Codec.ZSTD, base_offset=90)
    offsets, marks = OffsetMap(1 << 20, 0.9, 180), OffsetMarks(0, 180, 180)
    for batch in (first, second):
        finish(index_batch(offsets, marks, batch, read_header(batch), CleanedTransactions()))
    compaction = Compaction(offsets, marks, CleanedTransactions(), {}, 181, NOW_MS, 0)
    broken = [batch[:HEADER_SIZE] for batch in (first, second)]
    assert finish(compaction.clean(broken[0], read_header(first))) is None
    assert finish(compaction.clean(broken[1], read_header(second))) is broken[1]


def transaction(first_offset: int, producer_id: int, key: bytes = b"a") -> bytes:
    """A batch of one record in a transaction."""
    return build_batch(
        [(key, b"t")], base_offset=first_offset, producer_id=producer_id, producer_epoch=0, base_sequence=0, transactional=True
    )


def marker(offset: int, producer_id: int, commit: bool) -> bytes:
    """What ends it."""
    batch, _ = build_marker(producer_id, 0, 0, timestamp_ms=BEGAN_MS, commit=commit)
    patch_base_offset(batch, 0, offset)
    return bytes(batch)


def test_aborted_data_goes_and_its_marker_later():
    """Its key supersedes nothing; the marker stays in the round that met the data, then gets a horizon, then goes."""
    batches = [build_batch([(b"a", b"1")]), transaction(1, 7), marker(2, 7, commit=False)]
    aborted = (AbortedTransaction(7, 1, 2, -1),)
    left = compact(batches, aborted=aborted)
    assert left == [batches[0], batches[2]]
    marked = compact(left)
    assert marked[0] == left[0]
    header = read_header(marked[1])
    assert (header.is_control, header.has_delete_horizon, header.base_timestamp) == (True, True, NOW_MS + RETENTION_MS)
    assert compact(marked) == marked
    assert compact(marked, now_ms=NOW_MS + RETENTION_MS) == left[:1]


def test_commit_marker_stays_while_its_data_does():
    """And it stays empty where it is all that is left of a producer."""
    batches = [transaction(0, 7), marker(1, 7, commit=True)]
    assert compact(batches) == batches
    gone = compact([marker(1, 7, commit=True)])
    late = compact(gone, now_ms=NOW_MS + RETENTION_MS, producers={7: LastRecord(-1, 0)})
    assert [(read_header(batch).is_control, read_header(batch).record_count) for batch in late] == [(True, 0)]
    assert compact(late, producers={7: LastRecord(-1, 0)}) == late
    assert compact(late) == []


def test_index_of_aborted_transactions_follows_their_data():
    """A transaction whose data was met goes into the index of the segment that has its marker; a marker alone into none."""
    transactions = CleanedTransactions([AbortedTransaction(8, 1, 3, 4), AbortedTransaction(7, 0, 2, 1)])
    assert transactions.is_aborted(read_header(transaction(0, 7)))
    assert not transactions.is_superseded(read_header(marker(2, 7, commit=False)), 0)
    assert transactions.is_superseded(read_header(marker(3, 8, commit=False)), 0)
    kept = transactions.take_kept()
    assert kept == [AbortedTransaction(7, 0, 2, 1)]
    assert transactions.take_kept() == []
    content = encode_entries(kept)
    assert content == bytes.fromhex("0000" + "0000000000000007" + "0000000000000000" + "0000000000000002" + "0000000000000001")
    assert not transactions.is_aborted(read_header(transaction(4, 7)))


@pytest.mark.parametrize("number", [0, 1])
def test_same_bytes_as_kafka(number: int):
    """What Kafka 4.4.0's own record filter leaves of 150 batches, and of that once the tombstones' time is over, byte for byte."""
    path = Path(__file__).with_name("compaction.jsonl.gz")
    vector = json.loads(gzip.decompress(path.read_bytes()).splitlines()[number])
    data = bytes.fromhex(vector["batches"])
    batches = [data[at : at + header.size_bytes] for at, header in iter_batches(data)]
    headers = [read_header(batch) for batch in batches]
    producers = {header.producer_id: LastRecord(header.last_offset, header.producer_epoch) for header in headers if header.has_producer_id}
    left = compact(batches, producers=producers, now_ms=vector["now_ms"], end_offset=headers[-1].next_offset)
    assert b"".join(left).hex() == vector["compacted"]
