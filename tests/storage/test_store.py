"""Log directories: whose they are, who holds them, what is in them before and after."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.storage.errors import DataDirectoryError
from pybroker.storage.interface import LogConfig
from pybroker.wire.uuids import from_text, to_text

Append = Callable[..., bytes]
Open = Callable[..., Any]


def names(path: Path) -> list[str]:
    """What is in a directory."""
    return sorted(each.name for each in path.iterdir())


def test_new_directory_is_formatted(open_disk: Open, tmp_path: Path) -> None:
    """An empty directory becomes this node's, in Kafka's words."""
    store = open_disk(cluster_id="4L6g3nShT-eMCtK--X86sw")
    lines = (tmp_path / "data/meta.properties").read_text().splitlines()
    assert lines == [
        "#",
        "node.id=1",
        f"directory.id={to_text(store.directory_ids[0])}",
        "version=1",
        "cluster.id=4L6g3nShT-eMCtK--X86sw",
    ]


def test_cluster_id_is_drawn_once(open_disk: Open) -> None:
    """Without a given id a new directory gets one by chance, and keeps it."""
    store = open_disk(rng=Random(7))
    assert len(from_text(store.cluster_id)) == 16
    directory_ids = store.directory_ids
    store.abandon()
    again = open_disk(rng=Random(8))
    assert (again.cluster_id, again.directory_ids) == (store.cluster_id, directory_ids)


def test_kafkas_meta_properties(open_disk: Open, tmp_path: Path) -> None:
    """The file as Kafka writes it, with comments, dates and escapes, is understood."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/meta.properties").write_text(
        "#\n#Sat Nov 21 13:52:12 UTC 2026\nnode.id=1\ndirectory.id=uLiWr0sglZqAAdU2WqNTpA\nversion=1\ncluster.id=a\\=b\\:c\n"
    )
    store = open_disk()
    assert store.cluster_id == "a=b:c"
    assert store.directory_ids == [from_text("uLiWr0sglZqAAdU2WqNTpA")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version=1\nnode.id=1\ncluster.id=other\n", "belongs to cluster other, not to mine"),
        ("version=1\nnode.id=2\ncluster.id=mine\n", "belongs to node 2, this is node 1"),
        ("version=0\nbroker.id=1\n", "has version 0"),
        ("version=1\nnode.id=1\n", "has no cluster.id"),
        ("version=1\nnode.id=x\ncluster.id=mine\n", "meta.properties"),
    ],
)
def test_foreign_directory(open_disk: Open, tmp_path: Path, text: str, message: str) -> None:
    """A directory of another cluster, node or time is refused, and left as it is."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/meta.properties").write_text(text)
    with pytest.raises(DataDirectoryError, match=message):
        open_disk(cluster_id="mine")
    assert (tmp_path / "data/meta.properties").read_text() == text
    assert names(tmp_path / "data") == ["meta.properties"] or "cluster other" in message  # of several clusters, all are locked first


def test_logs_without_meta_properties(open_disk: Open, tmp_path: Path) -> None:
    """Logs of unknown origin are not taken over."""
    (tmp_path / "data/orders-0").mkdir(parents=True)
    with pytest.raises(DataDirectoryError, match=r"holds logs \(orders-0\)"):
        open_disk()


def test_not_a_directory(open_disk: Open, tmp_path: Path) -> None:
    """A file in the place of the directory is named in the error."""
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryError, match="data cannot be made or is no directory"):
        open_disk()


def test_second_store_is_locked_out(open_disk: Open, tmp_path: Path) -> None:
    """One store at a time, in one process too; when the first is gone the next may come."""
    first = open_disk()
    with pytest.raises(DataDirectoryError, match="is in use"):
        open_disk()
    with pytest.raises(DataDirectoryError, match="is in use"):
        open_disk()
    first.abandon()
    open_disk()


@pytest.mark.slow
def test_second_process_is_locked_out(open_disk: Open, tmp_path: Path) -> None:
    """Another process cannot take the lock as Kafka takes it, with a POSIX record lock."""
    open_disk()
    script = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "data/.lock")], capture_output=True, check=False)
    assert b"BlockingIOError" in done.stderr


def test_nothing_is_made_before_the_first_append(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A log without batches costs no file."""
    store = open_disk()
    log = store.create("orders", 3, bytes(range(16)), LogConfig())
    assert names(tmp_path / "data") == [".lock", "meta.properties"]
    append(log)
    assert names(tmp_path / "data/orders-3") == ["00000000000000000000.log", "partition.metadata"]
    assert (tmp_path / "data/orders-3/partition.metadata").read_text() == f"version: 0\ntopic_id: {to_text(bytes(range(16)))}"


def test_files_after_a_clean_stop(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A clean stop leaves Kafka's files, byte for byte."""
    store = open_disk()
    log = store.create("orders", 3, bytes(16), LogConfig(index_interval_bytes=100, segment_bytes=500))
    for number in range(8):
        append(log, timestamp=1000 + number, epoch=number // 3)
    log.raise_log_start_offset(6)
    log.write_producer_snapshot(8, b"producers")
    store.close({("orders", 3): 7, ("gone", 0): 1})
    data = tmp_path / "data"
    assert (data / "recovery-point-offset-checkpoint").read_text() == "0\n1\norders 3 8\n"
    assert (data / "log-start-offset-checkpoint").read_text() == "0\n1\norders 3 6\n"
    assert (data / "replication-offset-checkpoint").read_text() == "0\n1\norders 3 7\n"
    assert (data / ".kafka_cleanshutdown").read_text() == '{"version":0,"brokerEpoch":-1}'
    assert (data / "orders-3/leader-epoch-checkpoint").read_text() == "0\n1\n2 6\n"
    assert (data / "orders-3/00000000000000000008.snapshot").read_bytes() == b"producers"
    assert (data / "orders-3/00000000000000000005.index").read_bytes() == bytes.fromhex("00000002 000000b8")
    assert (data / "orders-3/00000000000000000005.timeindex").read_bytes() == bytes.fromhex("00000000000003ef 00000002")
    assert [name for name in names(data / "orders-3") if ".deleted" in name] == [
        "00000000000000000000.index.deleted",
        "00000000000000000000.log.deleted",
        "00000000000000000000.timeindex.deleted",
    ]


def test_clean_reopen(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """After a clean stop nothing is scanned, and everything is as it was."""
    store = open_disk()
    log = store.create("orders", 3, bytes(range(16)), LogConfig(segment_bytes=500))
    for number in range(8):
        append(log, timestamp=1000 + number, epoch=number // 3)
    log.raise_log_start_offset(6)
    before = log.segments()
    store.close({("orders", 3): 7})
    store = open_disk()
    assert not (tmp_path / "data/.kafka_cleanshutdown").exists()
    log = store.get("orders", 3)
    assert log.recovery.scanned_bytes == 0
    assert (log.log_start_offset, log.log_end_offset, log.recovery_point) == (6, 8, 8)
    assert log.segments() == before
    assert log.topic_id == bytes(range(16))
    assert store.high_watermarks == {("orders", 3): 7}
    batch = append(log, epoch=2)
    assert log.read(8, 1000, 9, True).read() == batch


def test_deleted_log_waits(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A deleted log is renamed, waits for file.delete.delay.ms, also over a restart, and is gone then."""
    store = open_disk()
    log = store.create("o" * 249, 3, bytes(16), LogConfig(file_delete_delay_ms=100))
    append(log)
    store.delete(log)
    waiting = [name for name in names(tmp_path / "data") if name.endswith("-delete")]
    assert len(waiting) == 1
    assert len(waiting[0]) == 255
    assert store.delete_expired(1000) == 1100
    assert store.delete_expired(1099) == 1100
    store.abandon()
    store = open_disk(config=LogConfig(file_delete_delay_ms=100))
    assert list(store.logs()) == []
    assert store.delete_expired(5000) == 5100
    assert store.delete_expired(5100) is None
    assert names(tmp_path / "data") == [".lock", "meta.properties"]


def test_deleted_segments_wait(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """Files of segments before the log start are removed after the delay."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=100, file_delete_delay_ms=100))
    for _ in range(3):
        append(log)
    log.raise_log_start_offset(2)
    assert store.delete_expired(0) == 100
    assert store.delete_expired(100) is None
    assert [name for name in names(tmp_path / "data/t-0") if "log" in name] == ["00000000000000000002.log"]


def test_logs_are_spread(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A new log goes into the directory that has the fewest, and is found there again."""
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    store = open_disk(*paths)
    for partition in range(4):
        append(store.create("t", partition, bytes(16), LogConfig()))
    store.close({})
    assert [len([name for name in names(tmp_path / each) if name.startswith("t-")]) for each in "ab"] == [2, 2]
    assert sorted(log.partition for log in open_disk(*paths).logs()) == [0, 1, 2, 3]


def test_partition_in_two_directories(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A partition that is there twice is not guessed about."""
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    open_disk(*paths).close({})
    for path in paths:
        os.mkdir(os.path.join(path, "t-0"))
    with pytest.raises(DataDirectoryError, match=r"t-0 is in .*a and in .*b, another"):
        open_disk(*paths)


def test_damaged_checkpoints_are_no_obstacle(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """Checkpoints that say nothing sensible are reported; the logs are recovered from their first byte."""
    store = open_disk()
    append(store.create("t", 0, bytes(16), LogConfig()))
    store.checkpoint({("t", 0): 1})
    store.abandon()
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"):
        (tmp_path / "data" / name).write_bytes(b"\x00\xff")
    (tmp_path / "data/t-0/partition.metadata").write_text("")
    (tmp_path / "data/lost+found").mkdir()
    store = open_disk()
    assert len(store.remarks) == 5
    log = store.get("t", 0)
    assert log.log_end_offset == 1
    assert log.topic_id == bytes(16)
    assert store.create("t", 0, bytes(range(16)), LogConfig()) is log
    assert log.topic_id == bytes(range(16))


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted by /proc")
def test_deleted_logs_hold_no_files(open_disk: Open, append: Append) -> None:
    """The space of what was deleted is free as soon as its files are removed: nobody keeps them open."""
    store = open_disk()
    before = len(os.listdir("/proc/self/fd"))
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=100))
    for _ in range(5):
        append(log)
    log.raise_log_start_offset(4)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    store.delete(log)
    assert len(os.listdir("/proc/self/fd")) == before


def test_few_files_are_open(open_disk: Open, append: Append) -> None:
    """However many logs are used, no more than the limit are open, and all can be written and read."""
    store = open_disk(max_open_files=4)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    logs = [store.create("t", partition, bytes(16), LogConfig()) for partition in range(30)]
    written = [append(log) + append(log) for log in logs]
    assert [log.read(0, 1000, 2, True).read() for log in logs] == written
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) <= before + 4


def test_roll_by_index_size(open_disk: Open, append: Append) -> None:
    """A segment whose index is full is closed, after a restart too."""
    config = LogConfig(index_interval_bytes=0, segment_index_bytes=36)
    store = open_disk(config=config)
    log = store.create("t", 0, bytes(16), config)
    written = [append(log, timestamp=1000 + number) for number in range(3)]
    store.close({})
    log = open_disk(config=config).get("t", 0)
    written += [append(log, timestamp=1003 + number) for number in range(3)]
    assert [segment.base_offset for segment in log.segments()] == [0, 3]
    assert b"".join(found.read() for _, found in log.batches(0)) == b"".join(written)
