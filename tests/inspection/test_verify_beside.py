"""`pybroker verify` on what lies beside segments and around logs: indexes, snapshots, checkpoints, leftovers."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pybroker.cli import main
from pybroker.storage.checkpoints import write_epochs, write_offsets
from pybroker.storage.files import Files
from pybroker.storage.transaction_index import ENTRY_BYTES
from tests.inspection.log_room import Command, WriteLog, flip, offsets, open_store, segment, tear
from tests.runtime.aborted_room import TransactionRoom


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
def test_wrong_indexes(verify: Command, write_log: WriteLog, suffix: str, content: bytes, words: str) -> None:
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


def test_transaction_indexes(verify: Command, kafka_logs: Path) -> None:
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


def test_transaction_indexes_that_went_with_the_others(verify: Command, tmp_path: Path) -> None:
    """What a start makes of one is so of all in the log, also after a kill; where it doubts nothing, it goes by its last snapshot."""
    room = TransactionRoom(tmp_path)
    log, count = room.path / "t-0", len(room.indexes())
    for path in [*log.glob("*.index"), *log.glob("*.timeindex"), *room.indexes(), log / "transaction-index-checkpoint"]:
        path.unlink()
    anew, snapshot = "makes the transaction indexes of the log anew from all", "makes it anew from the last producer snapshot on"
    assert [verify(room.path)[1].count(words) for words in (anew, snapshot)] == [count, 0]
    (room.path / ".kafka_cleanshutdown").unlink()
    assert [verify(room.path)[1].count(words) for words in (anew, snapshot)] == [count, 0]
    write_offsets(Files(), str(room.path / "recovery-point-offset-checkpoint"), {("t", 0): 1})
    assert [verify(room.path)[1].count(words) for words in (anew, snapshot)] == [0, count]
    (log / "transaction-index-checkpoint").write_bytes(b"doubt\n")
    assert [verify(room.path)[1].count(words) for words in (anew, snapshot)] == [count + 1, 0]


def test_transaction_index_that_changed_since_the_stop(verify: Command, tmp_path: Path) -> None:
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


def test_repair_in_steps(verify: Command, kafka_logs: Path) -> None:
    """What can be judged only when damage is gone is repaired too."""
    flip(kafka_logs / "orders-0" / "00000000000000000000.log", 280)
    index = kafka_logs / "orders-0" / "00000000000000000000.txnindex"
    right = index.read_bytes()
    index.write_bytes(b"")
    status, out, _ = verify("--repair", "--skip-damaged", kafka_logs)
    assert (status, out.count("repaired: ")) == (0, 2)
    assert index.read_bytes() == right
    assert not (kafka_logs / ".kafka_cleanshutdown").exists()


def test_small_files(verify: Command, write_log: WriteLog) -> None:
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


def test_what_does_not_agree(verify: Command, write_log: WriteLog) -> None:
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


def test_an_unknown_owner(verify: Command, write_log: WriteLog) -> None:
    """Without a readable meta.properties no broker starts."""
    path = write_log(3)
    (path / "meta.properties").write_text("version=0\n")
    assert "version 0" in verify(path)[1]
    (path / "meta.properties").unlink()
    assert "not known whose the logs are" in verify(path)[1]


def test_leftovers(verify: Command, write_log: WriteLog) -> None:
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


def test_many_logs_that_go(verify: Command, write_log: WriteLog) -> None:
    """Logs that wait for their removal are one note, however many they are."""
    path = write_log(3)
    for partition in range(39):
        (path / f"a-{partition}.{'0' * 32}-delete").mkdir()
    status, out, _ = verify(path)
    assert (status, out.count("delete"), out.count("39 logs wait for removal")) == (0, 1, 1)


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("orders-0/partition.metadata", "has orders-0 offline"),
        ("orders-0/leader-epoch-checkpoint", "has orders-0 offline"),
        ("orders-0/00000000000000000000.log", "has orders-0 offline"),
        ("__cluster_metadata-0/00000000000000000000.log", "is refused"),
    ],
)
def test_a_directory_in_place_of_a_file(
    verify: Command, capsys: pytest.CaptureFixture[str], kafka_logs: Path, name: str, fate: str
) -> None:
    """It is named with what a start makes of it, and all the rest is looked at."""
    (kafka_logs / name).unlink()
    (kafka_logs / name).mkdir()
    status, out, err = verify(kafka_logs)
    assert (status, out.count("4 logs with ")) == (2, 1)
    assert err == f"pybroker: cannot look at {kafka_logs / name}: Is a directory. The next start {fate}\n"
    assert "all is whole" not in out
    capsys.readouterr()
    assert main(["dump", str(kafka_logs)]) == 2
    assert f"pybroker: {kafka_logs / name}: is a directory" in capsys.readouterr().err


def test_a_checkpoint_that_is_no_file(verify: Command, kafka_logs: Path) -> None:
    """A start cannot use such a directory, which is not called damaged: it may be that only rights are missing."""
    path = kafka_logs / "recovery-point-offset-checkpoint"
    path.unlink()
    path.mkdir()
    status, _, err = verify(kafka_logs)
    assert (status, "cannot be read: Is a directory. A start that cannot read it cannot use" in err) == (2, True)


@pytest.mark.parametrize(
    ("put_there", "words"),
    [
        (Path.mkdir, "repaired: {}: an empty directory lay in its place, and was removed; the next start takes it as empty.\n"),
        (
            os.mkfifo,
            "repaired: {0}: what lay in its place is no file, and was put aside as {0}.damaged-1; the next start takes it as empty.\n",
        ),
    ],
)
@pytest.mark.parametrize("name", ["recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "cleaner-offset-checkpoint"])
def test_repair_of_a_checkpoint_that_is_no_file(
    verify: Command, write_log: WriteLog, put_there: Callable[[Path], None], words: str, name: str
) -> None:
    """It is taken out of the way, whatever else is repaired, so that a start can use the directory; verify says nothing else of it."""
    path = write_log(25)
    (path / name).unlink(missing_ok=True)
    put_there(path / name)
    status, out, err = verify(path)
    assert (status, "A start that cannot read it cannot use" in err, "leaves it alone" in out) == (2, True, False)
    tear(segment(path, 20))
    status, out, _ = verify("--repair", path)
    assert (status, words.format(path / name) in out, ".log: its last 87 bytes" in out) == (0, True, True)
    assert out.endswith("after the repair: 1 log with 24 records: all is whole\n")
    assert len(offsets(path)) == 24
    assert verify(path)[0] == 0


@pytest.mark.parametrize("name", ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"])
def test_repair_tells_all_it_did(verify: Command, write_log: WriteLog, name: str) -> None:
    """What cannot be repaired is left, with what to do; the rest is repaired and told, and the status says that damage is left."""
    path = write_log(25)
    (path / name).unlink()
    (path / name / "more").mkdir(parents=True)
    tear(segment(path, 20))
    status, out, _ = verify("--repair", path)
    assert (status, ".log: its last 87 bytes" in out) == (2, True)
    assert f"left: {path / name}: it is a directory, and not empty: move it away. A start that cannot read it cannot use {path}.\n" in out
    assert out.endswith("after the repair: 1 log with 24 records: all that could be looked at is whole; 1 path could not be looked at\n")


def test_a_repair_that_fails_goes_on(verify: Command, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is told, what follows is done all the same, and all is verified again."""
    path = write_log(25)
    (path / "replication-offset-checkpoint").write_bytes(b"1\n\xff")
    segment(path, 10, "index").write_bytes(b"torn!")

    def refuse(source: str, _: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), source)

    monkeypatch.setattr(Files, "rename", staticmethod(refuse))
    status, out, _ = verify("--repair", path)
    name = path / "replication-offset-checkpoint"
    assert (status, f"left: {name}: not all could be done: {name}: Operation not permitted.\n" in out) == (1, True)
    assert (f"still DAMAGE: {name}: " in out, "its indexes by offset and by time were built anew" in out) == (True, True)
