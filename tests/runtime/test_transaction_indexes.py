"""Transaction indexes that were lost or changed while no broker ran: readers of committed records are given nothing that was aborted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.core.producer_snapshot import encode_snapshot
from pybroker.records.batch import iter_batches, read_header
from pybroker.records.builder import build_batch
from pybroker.runtime.recovery import recover
from pybroker.storage.errors import StorageError
from pybroker.storage.store import DiskLogStore
from pybroker.storage.transaction_index import ENTRY_BYTES
from pybroker.testing.simulated_disk import SimulatedDisk
from tests.runtime.aborted_room import CONFIG, NEVER, TransactionRoom


@pytest.fixture
def room(tmp_path: Path) -> TransactionRoom:
    """After a clean stop."""
    return TransactionRoom(tmp_path)


def flip(at: int) -> Callable[[bytes], bytes]:
    """One wrong bit."""
    return lambda content: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "removed": lambda content: None,
    "empty": lambda content: b"",
    "cut": lambda content: content[:-1],
    "an entry less": lambda content: content[:-ENTRY_BYTES],
    "version": flip(1),
    "producer id": flip(9),
    "first offset": flip(17),
    "last offset": flip(25),
    "last stable offset": flip(33),
    "garbage behind": lambda content: content + bytes(ENTRY_BYTES),
    "out of order": lambda content: content + content,
}


def append_open(log: Any, state: Any) -> None:
    """The producer begins its next transaction."""
    batch = build_batch(
        [(b"k", b"v")],
        base_offset=log.log_end_offset,
        producer_id=7,
        producer_epoch=0,
        base_sequence=10,
        timestamp=1,
        leader_epoch=0,
        transactional=True,
    )
    log.append(batch, read_header(batch), 1)
    state.advance(read_header(batch), log.log_end_offset - 1)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_mended(room: TransactionRoom, kind: str, which: int, clean: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever was done to an index after a clean stop: it is made anew and that is said, once; what is written on is kept, too."""
    path = room.indexes()[which]
    content = path.read_bytes()
    damaged = DAMAGE[kind](content)
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(damaged)
    store = room.open()
    log = store.get("t", 0)
    assert any(f"{path} is not believed: " in remark for remark in log.recovery.remarks)
    with caplog.at_level(logging.WARNING):
        state, _ = recover(log, 1, 1, NEVER)
    assert list(state.aborted or ()) == room.whole
    if kind in ("removed", "empty", "first offset"):
        assert "the indexes were made anew" in caplog.text
    append_open(log, state)
    room.end(log, state, committed=False)
    log.write_producer_snapshot(log.log_end_offset, encode_snapshot(state.producers))
    if clean:
        store.close({})
    else:
        store.abandon()
    assert path.read_bytes().startswith(content)
    caplog.clear()
    assert len(room.aborted()) == 6
    store = room.open()
    assert (store.get("t", 0).recovery.remarks, store.get("t", 0).recovery.doubts_aborted) == ((), False)
    store.close({})
    assert caplog.records == []


def test_all_indexes_are_gone(room: TransactionRoom) -> None:
    """Also where nothing is left that says what they were: a segment without its other indexes is looked at."""
    without_indexes(room)
    assert room.aborted() == room.whole
    assert len(room.indexes()) > 1


def without_indexes(room: TransactionRoom) -> None:
    """Nothing is left of them, nor of what says what they were."""
    for path in (room.path / "t-0").iterdir():
        if path.suffix in (".index", ".timeindex", ".txnindex") or path.name == "transaction-index-checkpoint":
            path.unlink()


@pytest.mark.parametrize("stop", ["before they are opened", "after", "while the markers are read", "while they are written"])
def test_all_indexes_are_gone_and_the_start_is_killed(room: TransactionRoom, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    """The next start doubts them, too."""
    without_indexes(room)
    if stop == "before they are opened":
        (room.path / ".kafka_cleanshutdown").unlink()
    else:
        store = room.open()
        log = store.get("t", 0)
        if stop != "after":
            owner, name = (type(log), "renew_aborted") if stop == "while the markers are read" else (type(log.home.aborted), "_renew")
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, stopped)
                with pytest.raises(KeyboardInterrupt):
                    recover(log, 1, 1, NEVER)
        store.abandon()
    assert room.aborted(clean=False) == room.whole
    assert room.aborted() == room.whole
    assert room.aborted() == room.whole


def damage(room: TransactionRoom, offset: int) -> None:
    """The length of a batch is wrong, in a segment that no start looks into."""
    path = max(path for path in (room.path / "t-0").glob("*.log") if int(path.stem) <= offset)
    assert path != max((room.path / "t-0").glob("*.log"))
    content = bytearray(path.read_bytes())
    (at,) = [at for at, header in iter_batches(memoryview(content)) if header.base_offset == offset]
    content[at + 8 : at + 12] = (1 << 30).to_bytes(4, "big")
    path.write_bytes(content)


def test_damage_before_a_transaction_begins(room: TransactionRoom, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that can be read could be missing from the indexes because of it: the partition is served, and what was aborted is known."""
    begins, ends = room.whole[1].first_offset, room.whole[1].last_offset
    damage(room, begins)
    without_indexes(room)
    assert room.aborted() == [entry for entry in room.whole if entry.last_offset != ends]
    assert "no transaction is open there" in caplog.text
    caplog.clear()
    assert room.aborted() == [entry for entry in room.whole if entry.last_offset != ends]
    assert caplog.records == []


@pytest.mark.parametrize("which", [0, 1])
def test_damage_while_a_transaction_is_open(room: TransactionRoom, which: int) -> None:
    """Its marker may have been there, and it may have been aborted: the partition is not served, now and at the next start."""
    damage(room, room.whole[which].last_offset)
    without_indexes(room)
    for _ in range(2):
        store = room.open()
        with pytest.raises(StorageError, match=f"from offset {room.whole[which].first_offset} on is open there"):
            recover(store.get("t", 0), 1, 1, NEVER)
        store.close({})


def stopped(*_: Any) -> None:
    """The process dies."""
    raise KeyboardInterrupt


def test_a_stop_while_they_are_made_anew(room: TransactionRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start finds the rest."""
    for path in room.indexes():
        path.unlink()
    store = room.open()
    indexes = store.get("t", 0).home.aborted
    renew = type(indexes)._renew

    def once(self: Any, base_offset: int, entries: Any) -> None:
        renew(self, base_offset, entries)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(indexes), "_renew", once)
        with pytest.raises(KeyboardInterrupt):
            recover(store.get("t", 0), 1, 1, NEVER)
    store.abandon()
    assert len(room.indexes()) == 1
    assert room.aborted(clean=False) == room.whole
    assert room.aborted() == room.whole


@pytest.mark.parametrize("seed", range(20))
def test_the_power_fails_when_they_were_made_anew(seed: int) -> None:
    """They are on the disk before what says that they are doubted goes: none is half there, and believed."""
    disk = SimulatedDisk()
    room = TransactionRoom(Path("/"), disk)
    for path in room.indexes():
        disk.unlink(str(path))
    disk.fsync_directory(str(room.path / "t-0"))
    assert room.aborted(clean=False) == room.whole
    disk.lose_power(Random(seed))
    assert room.aborted() == room.whole


@pytest.mark.parametrize("seed", range(20))
def test_the_power_fails_after_a_start_that_recovered(seed: int) -> None:
    """What was on the disk of an index is there, though the start took off what it was not sure of."""
    disk = SimulatedDisk()
    room = TransactionRoom(Path("/"), disk, transactions=8)
    for name in disk.listdir(str(room.path / "t-0")):  # as the system does by itself within a minute
        disk.fsync_file(str(room.path / "t-0" / name))
    store = room.open()
    log = store.get("t", 0)
    state, _ = recover(log, 1, 1, NEVER)
    append_open(log, state)
    room.end(log, state, committed=False)
    store.abandon()
    disk.die()
    assert len(room.aborted(clean=False)) == 5
    disk.lose_power(Random(seed))
    assert room.aborted()[:4] == room.whole


@pytest.mark.parametrize("gone", [(".snapshot",), (".snapshot", ".txnindex", "transaction-index-checkpoint")])
@pytest.mark.parametrize("seed", range(20))
def test_the_power_fails_after_a_start_that_read_all_of_the_log(seed: int, gone: tuple[str, ...]) -> None:
    """A snapshot that is believed at once, since all before it is on the disk, comes with the entries of what was aborted before it."""
    disk = SimulatedDisk()
    room = TransactionRoom(Path("/"), disk)
    path = room.path / "t-0"
    for name in [name for name in disk.listdir(str(path)) if name.endswith(gone)]:
        disk.unlink(str(path / name))
    disk.fsync_directory(str(path))
    store = room.open()
    log = store.get("t", 0)
    state, _ = recover(log, 1, 1, NEVER)
    log.write_producer_snapshot(log.log_end_offset, encode_snapshot(state.producers))
    disk.die()
    disk.lose_power(Random(seed))
    assert room.aborted() == room.whole


def test_what_says_how_they_were_is_damaged(room: TransactionRoom) -> None:
    """Then nothing is believed, and nothing is lost."""
    path = room.path / "t-0" / "transaction-index-checkpoint"
    path.write_bytes(b"nonsense")
    store = room.open()
    assert "transaction-index-checkpoint says nothing of the transaction indexes: " in store.get("t", 0).recovery.remarks[0]
    store.abandon()
    assert room.aborted(clean=False) == room.whole
    assert room.aborted() == room.whole
    assert path.read_bytes() != b"nonsense"


def test_an_index_that_others_wrote_on(room: TransactionRoom) -> None:
    """Kafka does not know the file: what is behind the bytes that it tells of is believed."""
    seals = room.path / "t-0" / "transaction-index-checkpoint"
    lines = seals.read_text().splitlines()
    last = room.indexes()[-1]
    base, size_bytes, _ = lines[-1].split(" ")
    assert (int(base), int(size_bytes)) == (int(last.stem), last.stat().st_size)
    seals.write_text("\n".join([lines[0], str(int(lines[1]) - 1), *lines[2:-1], ""]))
    store = room.open()
    assert store.get("t", 0).recovery.remarks == ()
    store.abandon()


def test_a_log_without_aborted_transactions_has_no_such_file(tmp_path: Path) -> None:
    """Most logs have none."""
    store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(1), config=CONFIG)
    log = store.create("t", 0, b"i" * 16, CONFIG)
    batch = build_batch([(b"k", b"v")], base_offset=0, timestamp=1, leader_epoch=0)
    log.append(batch, read_header(batch), 1)
    store.close({})
    assert not (tmp_path / "t-0" / "transaction-index-checkpoint").exists()
