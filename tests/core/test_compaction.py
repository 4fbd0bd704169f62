"""What is left of batches, and what they look like then."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pybroker.core.cleaned_transactions import CleanedTransactions
from pybroker.core.compaction import LONG_CALL_BYTES, Compaction, LastRecord, index_batch
from pybroker.core.offset_map import OffsetMap
from pybroker.records.batch import has_valid_checksum, iter_batches, patch_base_offset, read_header
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
) -> list[bytes]:
    """What one round leaves of batches that are dirty."""
    end = read_header(batches[-1]).next_offset
    offsets = OffsetMap(1 << 20, 0.9, end)
    transactions = CleanedTransactions(aborted)
    for batch in batches:
        assert finish(index_batch(offsets, batch, read_header(batch), 0, transactions))
    end = end + 1 if end_offset is None else end_offset
    compaction = Compaction(offsets, CleanedTransactions(aborted), producers or {}, end, now_ms, RETENTION_MS)
    left = [finish(compaction.clean(batch, read_header(batch))) for batch in batches]
    kept = [bytes(batch) for batch in left if batch is not None]
    assert compaction.changed == (kept != [bytes(batch) for batch in batches])
    assert all(has_valid_checksum(batch, 0, read_header(batch)) for batch in kept)
    return kept


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
    assert not finish(index_batch(offsets, batch, read_header(batch), 0, CleanedTransactions()))
    assert (offsets.is_full, offsets.latest_offset) == (True, 0)
    kept = finish(Compaction(offsets, CleanedTransactions(), {}, 1, NOW_MS, 0).clean(batch, read_header(batch)))
    assert [record.offset for record in iter_records(kept)] == [0, 1, 2, 3]


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
