"""Partitions sleep until they are asked for, and whoever wakes them finds them as the metadata says."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random

import pytest
import trio

from pybroker.core.cluster import MetadataDelta, PartitionImage
from pybroker.records.builder import build_batch
from pybroker.storage.errors import DiskFullError, StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import UnopenedLog
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import NODE_ID, PartitionRoom
from pybroker.wire.errors import KafkaError


@pytest.fixture
def store() -> MemoryLogStore:
    """An empty store."""
    return MemoryLogStore(cluster_id="c", node_id=NODE_ID, rng=Random(0))


def test_a_new_topic_has_no_logs_until_it_is_used(store: MemoryLogStore) -> None:
    """Creating makes no partition object and no log; asking for one partition makes that one."""
    room = PartitionRoom(store)
    room.create_topic("t", partitions=3)
    assert (list(room.partitions), list(store.logs())) == ([], [])
    live = room.partition("t", 1)
    assert list(room.partitions) == [live]
    assert room.partitions.find("t", 1) is live
    assert room.partitions.find_by_id(live.topic_id, 1) is live
    assert [room.partitions.find("t", index) for index in (-1, 3)] == [None, None]


def test_who_sleeps_wakes_with_what_changed_meanwhile(store: MemoryLogStore) -> None:
    """Leader epoch and configuration are those of the moment of waking."""
    room = PartitionRoom(store)
    room.create_topic("t")
    topic = room.cluster.topics["t"]
    topic.partitions[0].leader_epoch = 7
    room.partitions.apply(MetadataDelta(led=[topic]))
    room.configure("t", {"segment.bytes": "2000000"})
    live = room.partition("t")
    assert (live.leader_epoch, live.config.segment_bytes, live.log.config.segment_bytes) == (7, 2_000_000, 2_000_000)


def test_a_topic_that_slept_through_its_life_is_gone_when_deleted(store: MemoryLogStore) -> None:
    """Deleting wakes nobody; a topic of the same name afterwards is another one."""
    room = PartitionRoom(store)
    first = room.create_topic("t", partitions=2)
    room.delete_topic("t")
    assert (room.partitions.find("t", 0), room.partitions.name_of(first), room.partitions.knows("t")) == (None, None, False)
    second = room.create_topic("t")
    assert (room.partition("t").topic_id, room.partitions.name_of(second)) == (second, "t")


def test_grown_partitions_sleep_too(store: MemoryLogStore) -> None:
    """CreatePartitions adds places; those that are awake stay what they are."""
    room = PartitionRoom(store)
    room.create_topic("t")
    first, topic = room.partition("t"), room.cluster.topics["t"]
    topic.partitions.append(PartitionImage(1, NODE_ID, 0, 0, [NODE_ID], [NODE_ID]))
    room.partitions.apply(MetadataDelta(grown=[topic]))
    assert list(room.partitions) == [first]
    assert room.partition("t", 1).partition == 1


def test_what_holds_records_is_awake_from_the_start(store: MemoryLogStore) -> None:
    """A log that the store found is opened at once: its high watermark goes into the checkpoint and its retention runs."""
    room = PartitionRoom(store)
    topic_id = room.create_topic("t", partitions=2)

    async def story() -> None:
        room.partition("t", 1).append_records(build_batch([(b"k", b"v", 1)]))

    trio.run(story)
    again = PartitionRoom(store)
    again.create_topic("t", partitions=2, topic_id=topic_id, leader_epoch=1)
    assert [live.partition for live in again.partitions] == [1]
    assert again.partitions.high_watermarks() == {("t", 1): 1}


def test_a_log_that_lost_its_topic_id_keeps_its_records(tmp_path: Path) -> None:
    """After a crash `partition.metadata` may be gone: the topic of that name takes the log as its own instead of deleting it."""
    directory = str(tmp_path)

    def open_store() -> DiskLogStore:
        return DiskLogStore.open([directory], cluster_id="c", node_id=NODE_ID, rng=Random(0))

    room = PartitionRoom(open_store())
    topic_id = room.create_topic("t")
    room.partition("t").append_records(build_batch([(None, b"kept", 1000)]))
    room.partitions.store.abandon()
    (tmp_path / "t-0" / "partition.metadata").unlink()

    room = PartitionRoom(open_store())
    room.create_topic("t", topic_id=topic_id)
    assert room.partition("t").log_end_offset == 1
    assert (tmp_path / "t-0" / "partition.metadata").exists()
    room.partitions.store.abandon()


@pytest.mark.parametrize("way", ["no id", "another id", "unopened"])
def test_a_log_that_nobody_knows_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str) -> None:
    """It is no part of a topic that is made under its name; it stays for a person, who is told, and is never thrown away."""
    directory = str(tmp_path)

    def open_store() -> DiskLogStore:
        return DiskLogStore.open([directory], cluster_id="c", node_id=NODE_ID, rng=Random(0))

    room = PartitionRoom(open_store())
    room.create_topic("t")
    room.partition("t").append_records(build_batch([(None, b"unknown", 1000)]))
    room.partitions.store.abandon()
    if way == "no id":
        (tmp_path / "t-0" / "partition.metadata").unlink()
    store = open_store()
    if way == "unopened":
        log = store.get("t", 0)
        assert log is not None
        del store._held.logs["t", 0]
        store.unopened["t", 0] = UnopenedLog(log.directory + "/t-0", log.topic_id, "it smokes")
    room = PartitionRoom(store)
    room.create_topic("another")
    room.create_topic("t", topic_id=b"n" * 16)
    assert room.partition("t").log_end_offset == 0
    (stray,) = [name for name in os.listdir(tmp_path) if name.startswith("t-0")]
    assert stray.endswith("-stray")
    assert (tmp_path / stray / "00000000000000000000.log").stat().st_size > 0
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"{stray} now" in warning
    room.partition("t").append_records(build_batch([(None, b"new", 1000)]))
    room.delete_topic("t")
    assert sorted(name.rpartition("-")[2] for name in os.listdir(tmp_path) if name.startswith("t-0")) == ["delete", "stray"]
    room.partitions.store.close({})
    assert [remark for remark in open_store().remarks if "stray" in remark] == []


class StubbornFiles(Files):
    """A disk on which nothing can be renamed while `stuck`."""

    def __init__(self) -> None:
        self.stuck = False

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if self.stuck:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.replace(source, target)


def test_a_directory_that_cannot_be_renamed_is_nobodys(tmp_path: Path) -> None:
    """The topic is deleted all the same, and one of its name afterwards never writes behind the old records."""
    files = StubbornFiles()
    store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=NODE_ID, rng=Random(0), files=files)
    room = PartitionRoom(store)
    room.create_topic("t", partitions=2)
    for index in (0, 1):
        room.partition("t", index).append_records(build_batch([(None, b"old", 1000)]))
    files.stuck = True
    room.delete_topic("t")
    assert (room.partitions.find("t", 0), store.get("t", 0), store.get("t", 1)) == (None, None, None)
    files.stuck = False
    room.create_topic("t")
    live = room.partition("t")
    with pytest.raises(KafkaError, match="KAFKA_STORAGE_ERROR"):
        live.append_records(build_batch([(None, b"new", 2000)]))
    assert live.offline
    store.abandon()


@pytest.mark.parametrize(("error", "suspicions"), [(StorageError("EIO"), 1), (DiskFullError("ENOSPC"), 0)])
def test_a_log_that_cannot_be_made_is_a_suspicion(
    store: MemoryLogStore, monkeypatch: pytest.MonkeyPatch, error: StorageError, suspicions: int
) -> None:
    """The directories are tried, for the old log of that name may lie in another one than the new; a full one is none that fails."""
    found: list[str] = []
    room = PartitionRoom(store)
    room.partitions.suspect = lambda: found.append("suspect")

    def create(*_: object) -> None:
        raise error

    monkeypatch.setattr(MemoryLogStore, "create", create)
    room.create_topic("t")
    live = room.partitions.find("t", 0)
    assert live is not None
    assert (live.offline, len(found)) == (True, suspicions)


def test_a_flush_that_meets_a_deleted_log_is_no_failure(store: MemoryLogStore, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever waits is told that the topic is gone, not that its disk is broken, and nobody is alarmed."""
    room = PartitionRoom(store)
    room.create_topic("t")
    live = room.partition("t")
    room.delete_topic("t")
    live.take_offline(StorageError("t-0 was deleted"))
    with pytest.raises(KafkaError, match="UNKNOWN_TOPIC_OR_PARTITION"):
        live.check_online()
    assert not caplog.records
