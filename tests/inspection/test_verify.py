"""`pybroker verify`: each kind of damage is found and said, what a start would do is what a start does, and repair keeps what it takes."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pybroker.cli import main
from pybroker.records.batch import read_header, write_checksum
from pybroker.records.builder import build_batch
from pybroker.storage.checkpoints import read_offsets, write_epochs, write_offsets
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.lock import DirectoryLock
from pybroker.storage.store import DiskLogStore
from pybroker.storage.transaction_index import ENTRY_BYTES
from pybroker.testing.output import NowhereToWrite
from tests.runtime.aborted_room import TransactionRoom

Shown = tuple[int, str, str]
Batches = Callable[..., list[bytes]]
SMALL = LogConfig(segment_bytes=1000, index_interval_bytes=200)
SIZE = 92


def open_store(path: Path) -> DiskLogStore:
    """The store that a broker would open."""
    return DiskLogStore.open([str(path)], cluster_id="c", node_id=1, rng=Random(1), config=SMALL)


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """A data directory with one log, `t-0`, of so many batches of 92 bytes, ten in a segment; stopped cleanly or not."""

    def write(count: int, *, clean: bool = True, checkpoint: bool = False) -> Path:
        path = tmp_path / "data"
        store = open_store(path)
        log = store.create("t", 0, bytes(range(16)), SMALL)
        for offset in range(count):
            batch = build_batch([(b"k", b"v" * 23)], base_offset=offset, timestamp=1000 + offset, leader_epoch=offset // 10)
            log.append(memoryview(bytearray(batch)), read_header(batch), 0)
        if checkpoint:
            store.checkpoint({})
        if clean:
            store.close({("t", 0): count})
        else:
            store.abandon()
        return path

    return write


def offsets(path: Path) -> list[int]:
    """What a broker that starts now serves of `t-0`."""
    store = open_store(path)
    log = store.get("t", 0)
    assert log is not None
    found = [header.base_offset for header, _ in log.batches(log.log_start_offset)]
    store.abandon()
    return found


def flip(path: Path, at: int) -> None:
    """One wrong byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)


def segment(path: Path, base_offset: int, suffix: str = "log") -> Path:
    """A file of a segment of `t-0`."""
    return path / "t-0" / f"{base_offset:020d}.{suffix}"


def test_directories_that_are_whole(verify: Callable[..., Shown], write_log: Callable[..., Path], kafka_logs: Path) -> None:
    """What Kafka and pybroker close cleanly is whole, and a look at it changes nothing."""
    status, out, err = verify(kafka_logs)
    assert (status, out, err) == (0, "4 logs with 1,129 records: all is whole\n", "")
    path = write_log(25)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    status, out, _ = verify(path)
    assert (status, out.endswith("\n1 log with 25 records: all is whole\n")) == (0, True)
    assert verify(path / "t-0")[0] == verify(segment(path, 10))[0] == verify(segment(path, 10, "timeindex"))[0] == 0
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_a_torn_end(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """A torn end after a kill: where, what is whole, and that a start cuts it; repair cuts the same and keeps it."""
    path = write_log(13, clean=False)
    last = segment(path, 10)
    last.write_bytes(last.read_bytes()[:-5])
    status, out, _ = verify(path)
    assert status == 1
    assert f"DAMAGE: {last} (byte {2 * SIZE}, offset 12): " in out
    assert "What is whole: offsets 0 to 11 (12 records), and nothing follows the damage." in out
    assert "The next start cuts the log at offset 12." in out
    status, out, _ = verify("--repair", path)
    assert status == 0
    assert (last.parent / f"{last.name}.damaged-1").read_bytes() == build_batch(
        [(b"k", b"v" * 23)], base_offset=12, timestamp=1012, leader_epoch=1
    )[:-5]
    assert "its last 87 bytes, from byte 184 on, were cut off" in out
    assert offsets(path) == list(range(12))


def test_damage_in_the_middle(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """What would be lost is counted; repair leaves it until told to skip, and then all that is whole stays."""
    path = write_log(25, clean=False)
    damaged = segment(path, 0)
    flip(damaged, 4 * SIZE + 70)
    original = damaged.read_bytes()
    status, out, _ = verify(path)
    assert status == 1
    assert "offsets 0 to 3 (4 records), and behind the damage 20 batches (20 records)" in out
    assert "The next start cuts the log at offset 4: 20 batches (20 records) behind it would be lost." in out
    status, out, _ = verify("--repair", path)
    assert status == 1
    assert "--skip-damaged takes 1 damaged place out and keeps 20 batches (20 records) behind" in out
    assert damaged.read_bytes() == original
    status, out, _ = verify("--repair", "--skip-damaged", path)
    assert status == 0
    assert "offsets have a hole" in out
    assert (damaged.parent / f"{damaged.name}.damaged-1").read_bytes() == original
    assert offsets(path) == [0, 1, 2, 3, *range(5, 25)]


def test_a_hole_between_segments(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """What repair saved behind a hole is there after the next start, though a start cuts where a segment is missing."""
    path = write_log(25, clean=False)
    points = str(path / "recovery-point-offset-checkpoint")
    write_offsets(Files(), points, {("t", 0): 3})
    flip(segment(path, 0), 9 * SIZE + 70)
    assert verify("--repair", "--skip-damaged", path)[0] == 0
    assert verify(path)[0] == 0
    assert read_offsets(Files(), points) == {("t", 0): 25}
    assert offsets(path) == [*range(9), *range(10, 25)]


def test_a_missing_segment(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """A segment that is gone beyond the recovery point: where the log would end; not if it was compacted, or may have been."""
    path = write_log(25, clean=False)
    write_offsets(Files(), str(path / "recovery-point-offset-checkpoint"), {("t", 0): 3})
    segment(path, 10).unlink()
    status, out, _ = verify(path)
    assert status == 1
    assert "it begins at offset 20, but the segment before it ends at 10" in out
    assert "The next start cuts the log at offset 10." in out
    cleaner = path / "cleaner-offset-checkpoint"
    for content in (b"0\n1\nt 0 3\n", b"nonsense"):
        cleaner.write_bytes(content)
        assert "The next start cuts" not in verify(path)[1]
        assert offsets(path) == [*range(10), *range(20, 25)]
    cleaner.unlink()
    assert offsets(path) == list(range(10))


def test_a_log_that_was_carried_here(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Where no checkpoint tells of a log, holes within a segment tell that it was compacted; without them a missing segment ends it."""
    path = write_log(25, clean=False)
    segment(path, 10).unlink()
    last = segment(path, 20)
    last.write_bytes(last.read_bytes()[: 2 * SIZE] + last.read_bytes()[3 * SIZE :])
    assert verify(path)[0] == 0
    assert offsets(path) == [*range(10), 20, 21, 23, 24]
    last.write_bytes(last.read_bytes()[: 2 * SIZE])
    assert "The next start cuts the log at offset 10." in verify(path)[1]
    assert offsets(path) == list(range(10))


def test_what_a_start_does_not_look_at(verify: Callable[..., Shown], write_log: Callable[..., Path], tmp_path: Path) -> None:
    """After a clean stop, and before the recovery point, damage stays unnoticed: that is what is said, and what happens."""
    path = write_log(25)
    flip(segment(path, 0), 4 * SIZE + 70)
    assert "does not notice it, since after a clean stop" in verify(path)[1]
    assert len(offsets(path)) == 25
    (path / ".kafka_cleanshutdown").unlink(missing_ok=True)
    write_offsets(Files(), str(path / "recovery-point-offset-checkpoint"), {("t", 0): 20})
    assert "does not look at it, since it lies before the recovery point (20)" in verify(path)[1]
    assert len(offsets(path)) == 25
    write_offsets(Files(), str(path / "recovery-point-offset-checkpoint"), {("t", 0): 0})
    assert "cuts the log at offset 4" in verify(path)[1]
    assert offsets(path) == [0, 1, 2, 3]


def test_zeros_at_the_end_after_a_clean_stop(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """The end of a log is looked at by every start."""
    path = write_log(13)
    with segment(path, 10).open("ab") as file:
        file.write(bytes(500))
    status, out, _ = verify(path)
    assert (status, "zeros where a batch should begin; 500 bytes are damaged" in out) == (1, True)
    assert "The next start cuts the log at offset 13." in out
    assert offsets(path) == list(range(13))


@pytest.mark.parametrize(
    ("suffix", "content", "words"),
    [
        ("index", b"\0\0\0\5\0\0\1\0", "it says that offset 15 is found from byte 256 on"),
        ("index", b"torn!", "cannot be the index"),
        ("timeindex", (1500).to_bytes(8) + (2).to_bytes(4) + b"x", "no time index"),
        ("timeindex", (1001).to_bytes(8) + (9).to_bytes(4), "it says that nothing before offset 19 is later than 1001"),
        ("timeindex", (1009).to_bytes(8) + (4000).to_bytes(4), "beyond the end of the segment"),
    ],
)
def test_wrong_indexes(verify: Callable[..., Shown], write_log: Callable[..., Path], suffix: str, content: bytes, words: str) -> None:
    """An index that would lead a reader astray is damage, and is built anew."""
    path = write_log(25)
    segment(path, 10, suffix).write_bytes(content)
    status, out, _ = verify(path)
    assert (status, words in out) == (1, True)
    assert verify(segment(path, 10, suffix))[0] == 1
    status, out, _ = verify("--repair", path)
    assert (status, "were built anew" in out) == (0, True)
    log = open_store(path).get("t", 0)
    assert log is not None
    assert [log.offset_for_timestamp(1000 + offset, 25).offset for offset in range(25)] == list(range(25))


def test_transaction_indexes(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """A transaction that was aborted must be named; repair reads the markers again and finds what Kafka had."""
    path = kafka_logs / "orders-0" / "00000000000000000000.txnindex"
    right = path.read_bytes()
    for content, words in (
        (b"", "does not name the transaction of producer 0 that was aborted, offsets 34 to 37"),
        (right[:-3], "from byte 0 on it holds no entries"),
        (
            right[:2] + (9).to_bytes(8) + right[10:],
            "it names a transaction of producer 9 that was aborted at 37, where no such marker lies",
        ),
        (right[:10] + (36).to_bytes(8) + right[18:], "begins at 34, not at 36"),
    ):
        path.write_bytes(content)
        status, out, _ = verify(kafka_logs)
        assert (status, words in out) == (1, True)
        assert verify("--repair", kafka_logs / "orders-0")[0] == 0
        assert path.read_bytes() == right


def test_repair_in_steps(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """What can be judged only when damage is gone is repaired too."""
    flip(kafka_logs / "orders-0" / "00000000000000000000.log", 280)
    index = kafka_logs / "orders-0" / "00000000000000000000.txnindex"
    right = index.read_bytes()
    index.write_bytes(b"")
    status, out, _ = verify("--repair", "--skip-damaged", kafka_logs)
    assert (status, out.count("repaired: ")) == (0, 2)
    assert index.read_bytes() == right
    assert not (kafka_logs / ".kafka_cleanshutdown").exists()


def test_records_inside_a_batch(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """A batch with a right checksum whose records cannot be read is damage that no start notices."""
    path = write_log(3)
    content = bytearray(segment(path, 0).read_bytes())
    content[SIZE + 61] = 0x20
    write_checksum(memoryview(content)[SIZE : 2 * SIZE], 0)
    segment(path, 0).write_bytes(content)
    status, out, _ = verify(path)
    assert (status, "the records of the batch cannot be read" in out, "does not notice it: batches are not opened" in out) == (
        1,
        True,
        True,
    )
    assert verify("--repair", "--skip-damaged", path)[0] == 0
    assert offsets(path) == [0, 2]


def test_small_files(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Damaged checkpoints, epochs and snapshots are told with what a start makes of them, and are put aside by repair."""
    path = write_log(25)
    for name in ("t-0/leader-epoch-checkpoint", "t-0/00000000000000000025.snapshot", "recovery-point-offset-checkpoint"):
        (path / name).write_bytes(b"1\n\xff")
        status, out, _ = verify(path)
        assert (status, f"DAMAGE: {path / name}: " in out) == (1, True)
        status, out, _ = verify("--repair", path)
        assert (status, "put aside" in out) == (0, True)
        assert not (path / name).exists()
    assert len(offsets(path)) == 25


def test_what_does_not_agree(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Checkpoints beyond the end of a log and epochs that contradict its batches."""
    path = write_log(25)
    for name, words in (
        ("recovery-point", "was safe on disk up to offset 99, but the log ends at 25: its end was lost"),
        ("replication", "was committed up to offset 99"),
        ("cleaner", "was compacted up to offset 99"),
        ("log-start", "begin at offset 99, but what is there of it ends before"),
    ):
        file = path / f"{name}-offset-checkpoint"
        write_offsets(Files(), str(file), {("t", 0): 99, ("gone", 0): 1})
        status, out, _ = verify(path)
        assert (status, words in out) == (1, True)
        if name != "log-start":
            status, out, _ = verify("--repair", path)
            assert (status, "was lowered: t-0 to 25" in out) == (0, True)
        file.unlink()
    write_epochs(Files(), str(path / "t-0/leader-epoch-checkpoint"), [(0, 0), (1, 5), (2, 20)])
    assert "offset 10" not in verify(path)[1]
    write_epochs(Files(), str(path / "t-0/leader-epoch-checkpoint"), [(0, 0), (2, 12)])
    assert "it says that offset 10 is of leader epoch 0, but its batch is of 1" in verify(path)[1]
    write_epochs(Files(), str(path / "t-0/leader-epoch-checkpoint"), [(0, 0), (1, 10), (2, 20), (7, 30)])
    assert "it lets epoch 7 begin at offset 30, but the log ends at 25" in verify(path)[1]


@pytest.mark.slow
def test_topic_ids(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """A log of another topic id and one that the metadata does not know are put aside by a start."""
    metadata = kafka_logs / "orders-0" / "partition.metadata"
    metadata.write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
    (kafka_logs / "orders-9").mkdir()
    status, out, _ = verify(kafka_logs)
    assert status == 1
    assert "but orders has the id wTWjSfXnS3eQx2bOPEuwKQ in the metadata" in out
    assert out.count("puts it aside under a name that ends in -stray") == 2
    assert f"note: {kafka_logs / 'orders-9'}: the metadata does not know this partition" in out
    assert verify("--repair", kafka_logs)[0] == 1  # which of the two is right, nobody but a person can say
    metadata.write_text("hello")
    assert "are expected" in verify(kafka_logs)[1]
    status, out, _ = verify("--repair", kafka_logs)
    assert (status, "put aside" in out) == (0, True)


@pytest.fixture
def two(kafka_logs: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two directories of one broker: the second holds a log that the metadata in the first knows."""
    second = tmp_path / "second"
    second.mkdir()
    (second / "meta.properties").write_bytes((kafka_logs / "meta.properties").read_bytes())
    (kafka_logs / "orders-0").rename(second / "orders-0")
    for name in ("recovery-point", "replication"):
        (kafka_logs / f"{name}-offset-checkpoint").unlink()
    return kafka_logs, second


def test_metadata_in_another_directory(verify: Callable[..., Shown], two: tuple[Path, Path]) -> None:
    """What lies beside it is compared with it; without it no start would be."""
    first, second = two
    assert verify(first, second)[:2] == (0, "4 logs with 1,129 records: all is whole\n")
    assert verify(first, second, first)[0] == 0
    status, out, _ = verify(second)
    assert (status, f"note: {second}: it holds logs, but no metadata" in out, "The next start is refused, unless" in out) == (0, True, True)
    third = second.with_name("third")
    third.mkdir()
    (third / "meta.properties").write_bytes((second / "meta.properties").read_bytes())
    status, out, _ = verify(second, third)
    assert (status, f"DAMAGE: {second}: it holds logs, but none of these directories holds the metadata" in out) == (1, True)
    (second / "orders-0").rename(second / "orders-9")
    status, out, _ = verify(first, second)
    assert (status, f"note: {second / 'orders-9'}: the metadata does not know this partition" in out) == (0, True)
    assert "puts it aside under a name that ends in -stray" in out


def test_metadata_twice(verify: Callable[..., Shown], two: tuple[Path, Path]) -> None:
    """Of one cluster it lies in one place; two clusters may each have theirs."""
    first, second = two
    shutil.copytree(first / "__cluster_metadata-0", second / "__cluster_metadata-0")
    for words in ((), ("--repair",)):
        status, out, _ = verify(*words, first, second)
        assert (status, f"DAMAGE: {second}: it holds metadata (__cluster_metadata-0), and so does {first}" in out) == (1, True)
    (second / "meta.properties").write_text("version=1\nnode.id=1\ncluster.id=another\n")
    assert "it holds metadata" not in verify(first, second)[1]


def test_metadata(verify: Callable[..., Shown], kafka_logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot of the metadata that is not whole, told once, and a log that nothing leads to."""
    where = kafka_logs / "__cluster_metadata-0"
    snapshot = where / "00000000000000000000-0000000000.checkpoint"
    flip(snapshot, 200)
    status, out, _ = verify(kafka_logs)
    assert (status, "the snapshot of the metadata is not whole: the checksum of the batch at byte 83 is wrong" in out) == (1, True)
    assert verify(snapshot)[0] == 1
    content = (where / "00000000000000000000.log").read_bytes()
    (where / "00000000000000000000.log").unlink()
    begin = read_header(content).size_bytes
    (where / "00000000000000000001.log").write_bytes(content[begin:])
    assert "the metadata cannot be read: its log begins at offset 1, and there is no whole snapshot of what" in verify(kafka_logs)[1]
    assert caplog.text == ""


def test_leftovers(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """What a stop left behind is told, with its fate, and is no damage."""
    path = write_log(25)
    for name in ("00000000000000000000.log.deleted", "00000000000000000000.log.cleaned", "00000000000000000000.log.swap", "notes.txt"):
        (path / "t-0" / name).write_bytes(b"")
    (path / "t-0" / "00000000000000000007.index").write_bytes(b"")
    for name in ("a-0." + "0" * 32 + "-delete", "a-1." + "0" * 32 + "-future", "a-2." + "0" * 32 + "-stray", "lost+found"):
        (path / name).mkdir()
    status, out, _ = verify(path)
    assert status == 0
    for words in (
        "1 file of segments that were dropped or replaced (0 bytes) still to be removed",
        "by a compaction that did not end",
        "was about to take its place",
        "notes.txt: it is no file of a log",
        "it belongs to no segment",
        "it is a log that was deleted or moved away",
        "not finished",
        "put aside",
        "it is no log",
    ):
        assert words in out


def test_as_json(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Findings, steps and summary are one object a line."""
    path = write_log(13, clean=False)
    segment(path, 10).write_bytes(segment(path, 10).read_bytes()[:-5])
    found = [json.loads(line) for line in verify("--json", path)[1].splitlines()]
    assert [row["kind"] for row in found] == ["damage", "note", "summary"]
    damage = next(row for row in found if row["kind"] == "damage")
    assert (damage["position"], damage["offset"]) == (2 * SIZE, 12)
    kinds = [json.loads(line)["kind"] for line in verify("--json", "--repair", path)[1].splitlines()]
    assert kinds[-2:] == ["repaired", "summary"]


def test_a_broker_that_runs(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """A look is possible, a torn end may be one that is being written, and repair is refused."""
    path = write_log(13, clean=False)
    segment(path, 10).write_bytes(segment(path, 10).read_bytes()[:-5])
    lock = DirectoryLock(Files(), str(path))
    try:
        status, out, _ = verify(path)
        assert (status, "the broker may be writing them" in out, "a broker runs on" in out) == (0, True, True)
        status, out, err = verify("--repair", path / "t-0")
        assert (status, out) == (2, "")
        assert err.startswith("pybroker: nothing was repaired: ")
        assert "is in use" in err
        status, out, again = verify("--repair", "--json", path / "t-0")
        assert (status, again) == (2, err)
        assert json.loads(out) == {"kind": "error", "what": err.removeprefix("pybroker: ").rstrip()}
    finally:
        lock.release()


def test_files_that_go_meanwhile(verify: Callable[..., Shown], write_log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that runs may remove a segment between the look at the directory and that at the file."""
    path = write_log(25)
    gone = str(segment(path, 0))
    look = Files.size

    def size(self: Files, of: str) -> int:
        if of == gone:
            raise FileNotFoundError(2, "No such file or directory", of)
        return look(self, of)

    monkeypatch.setattr(Files, "size", size)
    lock = DirectoryLock(Files(), str(path))
    try:
        status, out, _ = verify(path)
    finally:
        lock.release()
    assert (status, f"note: {gone}: the broker removed it meanwhile" in out) == (0, True)
    assert verify(path)[0] == 2


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(100), 2, "is no file of a Kafka data directory"),
        ("empty", b"", 2, "is empty"),
        ("00000000000000000000.log", b"", 0, "all is whole"),
        ("00000000000000000000.log", bytes(3 << 20), 1, "zeros where a batch should begin"),
        ("copy.log", Random(2).randbytes(2000), 1, "1 place damaged"),
        ("00000000000000000000.txnindex", b"12345", 1, "no entry begins here"),
        ("00000000000000000000.snapshot", b"12345", 1, "too few"),
    ],
)
def test_files_by_themselves(verify: Callable[..., Shown], tmp_path: Path, name: str, content: bytes, status: int, words: str) -> None:
    """Single files of any content get a sentence; they are not repaired."""
    (tmp_path / name).write_bytes(content)
    found, out, err = verify(tmp_path / name)
    assert (found, words in out + err) == (status, True)
    found, _, err = verify("--repair", tmp_path / name)
    assert (found, "is no directory" in err) == (2, True)


def test_paths_that_are_not_there(verify: Callable[..., Shown], tmp_path: Path) -> None:
    """What cannot be looked at has status 2."""
    (tmp_path / "empty").mkdir()
    status, _, err = verify(tmp_path / "nowhere", tmp_path / "empty")
    assert status == 2
    assert "nowhere" in err
    assert "holds nothing of a Kafka data directory" in err


def test_what_may_not_be_read(verify: Callable[..., Shown], kafka_logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is named, the rest is looked at, and the status is 2."""
    refused = {str(kafka_logs / "meta.properties"), str(kafka_logs / "orders-0" / "00000000000000000000.log")}
    allow = Files.open

    def refuse(path: str, *arguments: int) -> int:
        if path in refused:
            raise PermissionError(13, "Permission denied", path)
        return allow(path, *arguments)

    monkeypatch.setattr(Files, "open", staticmethod(refuse))
    status, out, err = verify(kafka_logs)
    assert (status, "4 logs with 1,087 records: all that could be looked at is whole; 2 paths could not be looked at" in out) == (2, True)
    assert all(f"cannot look at {path}: Permission denied" in err for path in refused)


def test_many_logs_that_go(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Logs that wait for their removal are one note, however many they are."""
    path = write_log(3)
    for partition in range(39):
        (path / f"a-{partition}.{'0' * 32}-delete").mkdir()
    status, out, _ = verify(path)
    assert (status, out.count("delete"), out.count("39 logs wait for removal")) == (0, 1, 1)


def test_a_pipe(verify: Callable[..., Shown], tmp_path: Path) -> None:
    """Of what is no file at all nothing is called whole."""
    os.mkfifo(tmp_path / "fifo.log")
    status, out, err = verify(tmp_path / "fifo.log")
    assert (status, out, "Not a regular file" in err) == (2, "nothing was looked at\n", True)


@pytest.mark.parametrize("words", [[], ["--json"], ["--repair"]])
def test_output_that_cannot_be_written(
    words: list[str], write_log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is the disk full that the output goes to, one line on stderr says so."""
    path = write_log(3)
    with NowhereToWrite(path / "out", errno.ENOSPC) as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["verify", *words, str(path)]) == 2
    err = capsys.readouterr().err
    assert err.endswith("cannot write: No space left on device\n")
    assert err.count("\n") == 1


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """--skip-damaged alone does nothing, so it is refused."""
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "--skip-damaged", "x"])
    assert "--skip-damaged is a way of --repair" in capsys.readouterr().err


def test_an_unknown_owner(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """Without a readable meta.properties no broker starts."""
    path = write_log(3)
    (path / "meta.properties").write_text("version=0\n")
    assert "version 0" in verify(path)[1]
    (path / "meta.properties").unlink()
    assert "not known whose the logs are" in verify(path)[1]


def test_many_damaged_places(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """The first places are told one by one, the rest are counted."""
    path = write_log(3)
    parts = [build_batch([(b"k", b"v")], base_offset=offset, timestamp=1, leader_epoch=0) for offset in range(60)]
    segment(path, 0).write_bytes(b"".join(part + b"\xff" * 7 for part in parts))
    out = verify(path)[1]
    assert out.count(f"DAMAGE: {segment(path, 0)}") == 21
    assert "40 more places are damaged" in out


@pytest.mark.parametrize("words", [["--repair"], ["--repair", "--skip-damaged"]])
@pytest.mark.parametrize("base_offset", [1_000_000, 7])
def test_a_file_that_is_no_segment(
    verify: Callable[..., Shown], write_log: Callable[..., Path], words: list[str], base_offset: int
) -> None:
    """A foreign file with the name of a segment elsewhere is put aside, as a start would do; nothing of it stays in the log."""
    path = write_log(10, clean=False)
    foreign = segment(path, base_offset)
    foreign.write_bytes(b"this is no segment, but text of somebody's" * 5)
    status, out, _ = verify(path)
    assert status == 1
    if base_offset > 10:
        assert "offsets 0 to 9 (10 records), and nothing follows the damage" in out
        assert "The next start cuts the log before that, and puts this aside." in out
    else:
        assert "it begins at offset 7, but the segment before it ends at 10: it is no part of the log" in out
        assert "puts it aside" in out
    assert out.count("The next start cuts the log at offset 10.") == out.count("cuts the log at") == (base_offset > 10)
    status, out, _ = verify(*words, path)
    why = "nothing in it is a batch" if base_offset > 10 else "it begins at offset 7"
    assert (status, f"repaired: {foreign}: {why}" in out) == (0, True)
    assert sorted(file.name for file in path.glob(f"t-0/{base_offset:020d}*")) == [f"{foreign.name}.damaged-1"]
    assert offsets(path) == list(range(10))


def test_a_damaged_end_that_a_start_does_not_see(verify: Callable[..., Shown], write_log: Callable[..., Path]) -> None:
    """After a clean stop the log ends behind its last header, so no checkpoint is said to promise more."""
    path = write_log(1)
    flip(segment(path, 0), 70)
    status, out, _ = verify(path)
    assert (status, "does not notice it" in out, "the log ends at" in out) == (1, True, False)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("offset", [5, 13, 22, 500])
@pytest.mark.parametrize("content", [b"", b"x\n", "copy"])
def test_what_is_no_part_of_the_log(
    verify: Callable[..., Shown], write_log: Callable[..., Path], content: bytes | str, offset: int, clean: bool
) -> None:
    """A segment file that somebody put there: a start is said to put it aside, and does, and then all is whole."""
    if offset == 500 and not clean:
        return  # then it is what a crash may leave
    path = write_log(24, clean=clean)
    put = segment(path, offset)
    put.write_bytes(segment(path, 0).read_bytes() if isinstance(content, str) else content)
    status, out, _ = verify(path)
    assert status == 1
    assert out.count(f"DAMAGE: {put}") == out.count("puts it aside") == 1
    assert f"DAMAGE: {put}: it " in out
    assert "it is no part of the log" in out
    assert "puts it aside" in out
    for words in ([], ["--repair"]):
        copied = path.parent / f"copy{len(words)}"
        shutil.copytree(path, copied)
        if words:
            verify(*words, copied)
        assert offsets(copied) == list(range(24))
        assert not segment(copied, offset).exists()
    store = open_store(path)
    store.close({})
    assert verify(path)[0] == 0


def test_transaction_index_that_changed_since_the_stop(verify: Callable[..., Shown], tmp_path: Path) -> None:
    """What a start of pybroker would do is said: it knows what the index was. Of a log of Kafka's it believes what can be."""
    room = TransactionRoom(tmp_path)
    path, content = room.indexes()[0], room.indexes()[0].read_bytes()
    for damaged, words in (
        (b"", "it is gone"),
        (content[:-ENTRY_BYTES], f"it has {len(content) - ENTRY_BYTES} bytes, and had {len(content)} when the log was closed"),
        (content[:17] + b"\x55" + content[18:], "its checksum is not what it was when the log was closed"),
    ):
        path.write_bytes(damaged)
        _, out, _ = verify(room.path)
        assert f"DAMAGE: {path}: {words}" in out
        assert "The next start makes the transaction indexes of the log anew from all markers in it" in out
    seals = path.parent / "transaction-index-checkpoint"
    kept = seals.read_bytes()
    seals.write_bytes(b"0\n7\n")
    path.write_bytes(content)
    assert "it does not tell what the transaction indexes were" in verify(room.path)[1]
    seals.write_bytes(kept)
    path.write_bytes(content[:-ENTRY_BYTES])
    seals.unlink()
    assert "believes it, so that readers of committed records may be given what was aborted" in verify(room.path)[1]
    verify("--repair", room.path)
    assert path.read_bytes() == content
    assert room.aborted() == room.whole
