"""The transaction index: its bytes, and what a log does with it."""

from random import Random

import pytest

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.storage.files import Files
from pybroker.storage.interface import AbortedTransaction, LogConfig
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.storage.transaction_index import ENTRY_BYTES, append_entry, decode_entries, encode_entries, read_entries
from pybroker.wire.codec import encode
from pybroker.wire.messages import AbortedTxn

ENTRIES = [AbortedTransaction(7, 10, 19, 5), AbortedTransaction(8, 12, 25, 26)]


def test_an_entry_is_kafkas():
    """An int16 version and the fields of AbortedTxn."""
    first = ENTRIES[0]
    schema = AbortedTxn(producer_id=7, first_offset=10, last_offset=19, last_stable_offset=5)
    assert encode_entries([first]) == b"\0\0" + encode(schema, 0)
    assert list(decode_entries(encode_entries(ENTRIES))) == ENTRIES


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda content: content[:-1], 1),
        (lambda content: content + b"\0" * 20, 2),
        (lambda content: content + b"\0" * ENTRY_BYTES, 2),
        (lambda content: content[:ENTRY_BYTES] + b"\0\1" + content[ENTRY_BYTES + 2 :], 1),
        (lambda content: content[ENTRY_BYTES:] + content[:ENTRY_BYTES], 1),
        (lambda content: b"", 0),
    ],
)
def test_damage_ends_the_file(damage, kept):
    """What stands before it is good."""
    assert len(list(decode_entries(damage(encode_entries(ENTRIES))))) == kept


def test_a_torn_end_is_written_over(tmp_path):
    """An entry always begins where one may begin."""
    path = str(tmp_path / "x.txnindex")
    assert read_entries(Files(), path) == []
    append_entry(Files(), path, ENTRIES[0])
    with open(path, "ab") as file:
        file.write(b"torn")
    append_entry(Files(), path, ENTRIES[1])
    assert read_entries(Files(), path) == ENTRIES


@pytest.fixture(params=["memory", "disk"])
def log(request, tmp_path):
    """A log of three segments of ten records each."""
    config = LogConfig()
    if request.param == "memory":
        store = MemoryLogStore(cluster_id="x" * 22, node_id=1, rng=Random(1))
    else:
        store = DiskLogStore.open([str(tmp_path)], cluster_id="x" * 22, node_id=1, rng=Random(1), config=config)
    log = store.create("t", 0, b"i" * 16, config)
    for offset in range(30):
        batch = build_batch([(None, b"v")], base_offset=offset, timestamp=1, leader_epoch=0)
        log.append(batch, read_header(batch), 1)
        if offset in (9, 19):
            log.roll(1)
    for last in (5, 9, 10, 18, 25):
        log.add_aborted(AbortedTransaction(7, last - 2, last, last + 1))
    yield log
    store.close({})


def markers(log):
    """The offsets of the markers that the indexes know."""
    return [entry.last_offset for entry in log.aborted()]


def test_entries_stay_with_their_segments(log):
    """What is dropped with a segment is dropped from its index."""
    assert markers(log) == [5, 9, 10, 18, 25]
    log.raise_log_start_offset(10)
    assert markers(log) == [10, 18, 25]


def test_truncation_takes_entries_along(log):
    """Of the segment that was cut, and of those behind it."""
    log.truncate_to(18)
    assert markers(log) == [5, 9, 10]


def test_entries_can_be_had_anew(log):
    """From an offset on."""
    log.forget_aborted(10)
    assert markers(log) == [5, 9]
    log.forget_aborted(0)
    assert markers(log) == []


def test_entries_outlive_the_store(tmp_path):
    """Beside the segment, in the file that Kafka looks for."""
    config = LogConfig()
    store = DiskLogStore.open([str(tmp_path)], cluster_id="x" * 22, node_id=1, rng=Random(1), config=config)
    log = store.create("t", 0, b"i" * 16, config)
    batch = build_batch([(None, b"v")] * 30, base_offset=0, timestamp=1, leader_epoch=0)
    log.append(batch, read_header(batch), 1)
    log.add_aborted(ENTRIES[0])
    store.close({})
    assert (tmp_path / "t-0" / "00000000000000000000.txnindex").read_bytes() == encode_entries(ENTRIES[:1])
    again = DiskLogStore.open([str(tmp_path)], cluster_id=None, node_id=1, rng=Random(1), config=config)
    assert list(again.get("t", 0).aborted()) == ENTRIES[:1]
    again.close({})
