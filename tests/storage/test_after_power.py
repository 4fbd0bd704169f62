"""Single cases of what the lives in `lives.py` found: each was lost, doubled or kept wrongly once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.core.partition import PartitionState
from pybroker.core.producer_snapshot import encode_snapshot
from pybroker.core.producers import Producers
from pybroker.records.batch import patch_base_offset_and_epoch, read_header
from pybroker.records.builder import build_batch
from pybroker.records.control import build_marker
from pybroker.runtime.recovery import recover
from pybroker.storage.errors import DataDirectoryError, NoDescriptorError, StorageError
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore
from pybroker.storage.time_index import TimeIndex
from pybroker.storage.transaction_index import decode_entries
from pybroker.testing.simulated_disk import Plan, SimulatedDisk

Append = Callable[..., bytes]
CONFIG = LogConfig(segment_bytes=1000, index_interval_bytes=200)
TOPIC_ID = bytes(range(16))


def open_on(disk: SimulatedDisk) -> DiskLogStore:
    """A store on a simulated disk."""
    return DiskLogStore.open(["/data"], cluster_id="c", node_id=1, rng=Random(1), config=CONFIG, files=disk)


def keep_all(disk: SimulatedDisk) -> None:
    """The process dies; nothing that it did is lost."""
    disk.die()


def lose_all(disk: SimulatedDisk) -> None:
    """The power is gone with all that was not synced."""

    class Nothing(Random):
        def random(self) -> float:
            return 0.999

        def choice(self, values: Any) -> Any:
            return values[0]

        def randint(self, low: int, high: int) -> int:
            return low

    disk.lose_power(Nothing())


def test_a_new_topic_is_not_cut_by_the_checkpoints_of_the_one_before(append: Append) -> None:
    """A topic that was deleted and made anew has its records after a kill, whatever was checkpointed of the former one."""
    disk = SimulatedDisk()
    store = open_on(disk)
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    for _ in range(30):
        append(log)
    log.raise_log_start_offset(25)
    store.checkpoint({("t", 0): 30})
    store.checkpoint_cleaner(log, 20)
    store.delete(log)
    log = store.create("t", 0, bytes(16)[:-1] + b"\1", CONFIG)
    batches = [append(log) for _ in range(3)]
    store.abandon()
    keep_all(disk)
    store = open_on(disk)
    found = store.get("t", 0)
    assert found is not None
    assert (found.log_start_offset, found.log_end_offset) == (0, 3)
    assert b"".join(piece.read() for _, piece in found.batches(0)) == b"".join(batches)
    assert found.recovery.scanned_bytes > 0
    assert store.cleaner_offsets == {}


def test_a_segment_that_cannot_be_read_is_not_an_empty_one(append: Append) -> None:
    """Where no descriptor is left at a start the log is not opened; it was once taken as empty, and written over."""
    disk = SimulatedDisk()
    store = open_on(disk)
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    append(log)
    store.close({})
    disk.unlink("/data/t-0/00000000000000000000.index")
    path = "/data/t-0/00000000000000000000.log"
    whole = disk.content(path)[:]

    real_open = disk.open

    def refuse(name: str, flags: int, mode: int = 0o777) -> int:
        if name == path:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), name)
        return real_open(name, flags, mode)

    patch = pytest.MonkeyPatch()
    patch.setattr(SimulatedDisk, "open", lambda self, name, flags, mode=0o777: refuse(name, flags, mode))
    try:
        store = open_on(disk)
    finally:
        patch.undo()
    assert store.get("t", 0) is None
    assert "no descriptor is left" in store.unopened["t", 0].reason
    store.close({})
    assert disk.content(path) == whole


def test_what_a_killed_process_named_becomes_durable(append: Append) -> None:
    """A kill, a start, a flush, and then a power failure: what the first process made has a name all the same."""
    disk = SimulatedDisk()
    store = open_on(disk)
    append(store.create("t", 0, TOPIC_ID, CONFIG))
    store.abandon()
    keep_all(disk)
    store = open_on(disk)
    log = store.get("t", 0)
    assert log is not None
    assert log.flush() == 1
    store.abandon()
    lose_all(disk)
    log = open_on(disk).get("t", 0)
    assert log is not None
    assert (log.log_end_offset, log.topic_id) == (1, TOPIC_ID)


def test_a_flush_that_failed_for_a_descriptor_leaves_nothing_out(append: Append) -> None:
    """Names that could not be synced for want of a descriptor are synced by the next flush."""
    for at in range(12):
        disk = SimulatedDisk()
        store = open_on(disk)
        log = store.create("t", 0, TOPIC_ID, CONFIG)
        append(log, epoch=1)
        disk.plan = Plan(at, OSError(errno.EMFILE, "Too many open files"), kinds=("open",))
        try:
            log.flush()
        except NoDescriptorError:
            disk.plan = None
            log.flush()
        disk.plan = None
        store.abandon()
        lose_all(disk)
        found = open_on(disk).get("t", 0)
        assert found is not None
        assert (found.log_end_offset, found.topic_id) == (1, TOPIC_ID)


def test_a_cleaner_checkpoint_that_found_no_room_is_written_again(append: Append) -> None:
    """Before a log is compacted for the first time the disk must know of it; a try that failed is not taken for that."""
    disk = SimulatedDisk()
    store = open_on(disk)
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    append(log)
    disk.plan = Plan(0, OSError(errno.ENOSPC, "no space"), repeats=1)
    with pytest.raises(StorageError):
        store.checkpoint_cleaner(log, 0)
    assert ("t", 0) not in store.cleaner_offsets
    disk.plan = None
    store.checkpoint_cleaner(log, 0)
    disk.lose_power(Random(1))
    assert open_on(disk).cleaner_offsets == {("t", 0): 0}


def test_a_lost_segment_ends_the_log(open_disk: Callable[..., Any], append: Append, tmp_path: Path) -> None:
    """Of segments that were not flushed a power failure may take one in the middle: what follows goes too, for nothing tells of a hole."""
    store = open_disk()
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    for _ in range(40):
        append(log)
    bases = [extent.base_offset for extent in log.extents()]
    store.abandon()
    (tmp_path / f"data/t-0/{bases[1]:020}.log").write_bytes(b"")
    log = open_disk().get("t", 0)
    assert log.log_end_offset == bases[1]
    assert f"begins at offset {bases[2]}, but the one before it ends at {bases[1]}" in log.recovery.cut_reason
    append(log)
    assert log.log_end_offset == bases[1] + 1


def test_a_transaction_whose_marker_was_deleted_does_not_hang(open_disk: Callable[..., Any], append: Append) -> None:
    """After a kill a producer snapshot counts only if all that was written after it is there: it tells of transactions as open then."""
    store = open_disk()
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    state = PartitionState(0, producers=Producers())
    data = build_batch(
        [(None, b"x" * 700)],
        base_offset=0,
        timestamp=1,
        leader_epoch=0,
        producer_id=7,
        producer_epoch=0,
        base_sequence=0,
        transactional=True,
    )
    log.append(bytearray(data), read_header(data), 0)
    state.advance(read_header(data), 0)
    log.write_producer_snapshot(1, encode_snapshot(state.producers))
    marker, _ = build_marker(7, 0, 0, timestamp_ms=1, commit=True)
    patch_base_offset_and_epoch(marker, 0, 1, 0)
    log.append(marker, read_header(marker), 0)
    log.roll(0)
    append(log)
    log.flush()
    log.raise_log_start_offset(2)
    store.checkpoint({})
    store.abandon()
    log = open_disk().get("t", 0)
    state, snapshot_offset = recover(log, 1, 0, 1 << 60)
    assert (snapshot_offset, state.last_stable_offset, log.log_start_offset) == (-1, 3, 2)


def test_a_log_that_was_cut_is_checked_from_there(open_disk: Callable[..., Any], append: Append, tmp_path: Path) -> None:
    """A recovery point beyond the end that was found is taken back at once: what is appended there was not flushed."""
    store = open_disk()
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    for _ in range(5):
        append(log)
    log.flush()
    store.checkpoint({})
    store.abandon()
    path = tmp_path / "data/t-0/00000000000000000000.log"
    path.write_bytes(path.read_bytes()[:200])
    store = open_disk()
    assert (tmp_path / "data/recovery-point-offset-checkpoint").read_text() == "0\n1\nt 0 2\n"
    log = store.get("t", 0)
    for _ in range(3):
        append(log)
    store.abandon()
    assert open_disk().get("t", 0).recovery.scanned_bytes == 5 * 92


def test_unreadable_checkpoints_stop_the_start(open_disk: Callable[..., Any], tmp_path: Path) -> None:
    """A checkpoint that is there and cannot be read is not taken as one that says nothing: deleted records would come back."""
    open_disk().close({})
    (tmp_path / "data/log-start-offset-checkpoint").unlink(missing_ok=True)
    (tmp_path / "data/log-start-offset-checkpoint").mkdir()
    with pytest.raises(DataDirectoryError, match=r"log-start-offset-checkpoint cannot be read: Is a directory\. Give .* move it away"):
        open_disk()


def test_zeros_are_no_aborted_transaction() -> None:
    """A block that was never written ends a transaction index."""
    assert list(decode_entries(bytes(340))) == []


def test_zeros_in_a_time_index_make_it_worthless() -> None:
    """A block that was never written, at its begin or in its middle, shows."""
    index = TimeIndex()
    for number in range(200):
        index.maybe_append(1000 + number, number)
    content = bytearray(index.encode())
    content[512:1024] = bytes(512)
    assert TimeIndex.decode(bytes(content)) is None


@pytest.mark.parametrize("kept", [1, 3])
def test_an_index_of_a_shorter_segment_is_not_believed(open_disk: Callable[..., Any], append: Append, tmp_path: Path, kept: int) -> None:
    """Index files of the last clean stop may lie beside a segment that has grown since: both are built again."""
    store = open_disk()
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    for number in range(kept):
        append(log, timestamp=1000 + number)
    store.close({})
    files = {path: path.read_bytes() for path in (tmp_path / "data/t-0").glob("*index")}
    store = open_disk()
    log = store.get("t", 0)
    for number in range(kept, 12):
        append(log, timestamp=1000 + number)
    store.checkpoint({})
    store.close({})
    for path, data in files.items():
        path.write_bytes(data)
    log = open_disk().get("t", 0)
    for number in range(12):
        assert log.offset_for_timestamp(1000 + number, 12).offset == number


def test_a_failed_deletion_of_segments_keeps_the_count(append: Append) -> None:
    """Deleting records stops at a segment whose name cannot be changed: what is known and what is on disk stay the same."""
    disk = SimulatedDisk()
    store = open_on(disk)
    log = store.create("t", 0, TOPIC_ID, CONFIG)
    for _ in range(40):
        append(log)
    disk.plan = Plan(3, OSError(errno.EIO, "Input/output error"), kinds=("rename",))
    with pytest.raises(Exception, match="cannot rename"):
        log.raise_log_start_offset(35)
    names = [path for path in disk.paths("/data/t-0") if path.endswith(".log")]
    assert [f"/data/t-0/{extent.base_offset:020}.log" for extent in log.extents()] == names
    with pytest.raises(Exception, match="t-0 is offline"):
        log.raise_log_start_offset(38)
