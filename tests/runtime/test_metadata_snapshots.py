"""Snapshots of the metadata: with the log after them they say what the whole log says, and damage costs nothing that is still told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core import snapshot_policy
from pybroker.core.cluster import METADATA_TOPIC, ClusterImage, ResourceType
from pybroker.core.settings import Settings
from pybroker.core.snapshot_records import snapshot_records
from pybroker.records.batch import iter_batches
from pybroker.runtime.controller import Controller, open_controller
from pybroker.runtime.metadata_codec import BatchReader, encode_records
from pybroker.runtime.metadata_log import MetadataLog
from pybroker.runtime.metadata_snapshot import DamagedSnapshot, control_records, decode_snapshot, encode_snapshot, timestamp_of
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.snapshot_files import MemorySnapshots, SnapshotId, snapshot_files_of
from pybroker.storage.store import DiskLogStore
from pybroker.wire import messages
from pybroker.wire.errors import KafkaError
from pybroker.wire.messages import CreateTopicsRequest, DeleteTopicsRequest

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000


class ManualClock:
    """Time that stands still until it is told to go on."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._lot = trio.lowlevel.ParkingLot()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        while self._now_ms < deadline_ms:
            await self._lot.park()

    def advance(self, ms: int) -> None:
        """Let so much time go by."""
        self._now_ms += ms
        self._lot.unpark_all()


def new_store() -> MemoryLogStore:
    """An empty store in memory."""
    return MemoryLogStore(cluster_id="c", node_id=1, rng=Random(0))


def opened(store: Any, clock: ManualClock | None = None, **static: str) -> Controller:
    """A controller over `store` that keeps what a broker on disk keeps, with settings (underscores for dots)."""
    names = {name.replace("_", "."): value for name, value in static.items()}
    return open_controller(store, Settings(names), clock or ManualClock(NOW_MS), Random(1), 1, "c", durable=True)


def create(*names: str) -> CreateTopicsRequest:
    """A request for topics of two partitions."""
    topic = CreateTopicsRequest.CreatableTopic
    return CreateTopicsRequest(topics=[topic(name=name, num_partitions=2, replication_factor=1) for name in names])


def state_of(image: ClusterImage) -> Any:
    """All that an image says."""
    configs = {key: values for key, values in image.configs.items() if values}
    return image.offset, image.topics, image.brokers, image.features, configs, image.next_producer_id


def loaded(metadata: MetadataLog) -> ClusterImage:
    """The image that a log gives."""
    image = ClusterImage("c")
    metadata.replay(image)
    return image


def log_of(store: Any) -> Any:
    """The metadata log of a store."""
    return store.get(METADATA_TOPIC, 0)


def snapshots_of(store: Any) -> Any:
    """Its snapshots."""
    return snapshot_files_of(log_of(store))


def test_a_snapshot_is_what_kafka_writes() -> None:
    """Header, records from offset 1 on, footer: control batches at both ends, all in the snapshot's epoch."""
    records = [messages.FeatureLevelRecord(name=f"f{index}", feature_level=1) for index in range(1001)]
    content = encode_snapshot(records, 7, NOW_MS, {})
    headers = [header for _, header in iter_batches(content)]
    assert [(header.base_offset, header.record_count, header.is_control) for header in headers] == [
        (0, 1, True),
        (1, 1000, False),
        (1001, 1, False),
        (1002, 1, True),
    ]
    assert {header.partition_leader_epoch for header in headers} == {7}
    assert SnapshotId(42, 7).file_name == "00000000000000000042-0000000007.checkpoint"
    snapshot = decode_snapshot(content, BatchReader())
    assert ([len(piece) for piece in snapshot.records], snapshot.timestamp_ms) == ([1000, 1], NOW_MS)
    assert timestamp_of(content) == NOW_MS


def test_a_snapshot_of_kafka_4_4_is_read() -> None:
    """The bytes that `kafka-storage format` of Kafka 4.4.0 left: features alone."""
    content = (Path(__file__).parent / "kafka-4.4.0.checkpoint").read_bytes()
    snapshot = decode_snapshot(content, BatchReader())
    assert {record.name: record.feature_level for record in snapshot.records[0]}["metadata.version"] == 33
    records = snapshot.records[0]
    assert encode_records(records, base_offset=1, timestamp=0, leader_epoch=0)[61:] in content


def test_what_the_quorum_knows_is_written_again() -> None:
    """kraft.version and the voters of a KIP-853 quorum pass from snapshot to snapshot, in the header's batch."""
    controls = {5: b"\0\0\0\1\0", 6: b"voters"}
    content = encode_snapshot([], 1, NOW_MS, controls)
    assert list(control_records(content)) == [3, 5, 6]
    assert decode_snapshot(content, BatchReader()).controls == controls


def test_the_version_of_kraft_is_known() -> None:
    """A quorum that keeps its voters in the log says so in a control record; a cluster without one is at version 0."""
    store = new_store()
    assert opened(store).image.kraft_version == 0
    snapshot = encode_snapshot([], 7, NOW_MS, {5: b"\0\0\0\1\0"})
    snapshots_of(store).write(SnapshotId(log_of(store).log_end_offset, 7), snapshot)
    assert opened(store).image.kraft_version == 1


@pytest.mark.parametrize("damage", ["flip", "cut", "no footer", "no header", "tail", "twice", "empty"])
def test_damage_is_seen(damage: str) -> None:
    """No snapshot is believed in part, whatever became of its bytes."""
    whole = encode_snapshot([messages.TopicRecord(name="t", topic_id=b"1" * 16)], 1, NOW_MS, {})
    begins = [at for at, _ in iter_batches(whole)]
    damaged = {
        "flip": whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
        "cut": whole[:-1],
        "no footer": whole[: begins[-1]],
        "no header": whole[begins[1] :],
        "tail": whole + b"x",
        "twice": whole + whole,
        "empty": b"",
    }
    with pytest.raises(DamagedSnapshot):
        decode_snapshot(damaged[damage], BatchReader())


steps = st.lists(st.sampled_from(["create", "delete", "configure", "ids", "restart", "snapshot", "grow"]), max_size=14)


@given(steps, st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_snapshot_and_tail_say_what_the_whole_log_says(story: list[str], rng: Random) -> None:
    """After any story, loading by the latest snapshot and replaying every record from offset 0 give one image."""
    store = new_store()
    trio.run(play, store, story, rng)
    whole = MetadataLog(log_of(store), MemorySnapshots(), durable=True)
    short = MetadataLog(log_of(store), snapshots_of(store), durable=True)
    assert state_of(loaded(short)) == state_of(loaded(whole))
    assert short.bytes_since_snapshot <= whole.bytes_since_snapshot


async def play(store: MemoryLogStore, story: list[str], rng: Random) -> None:
    """Live through a story."""
    controller = opened(store)
    for step in story:
        names = sorted(controller.image.topics)
        if step == "create":
            await controller.create_topics(create(f"t{rng.randrange(6)}"))
        elif step == "delete" and names:
            await controller.delete_topics(DeleteTopicsRequest(topic_names=[rng.choice(names)]), 5)
        elif step == "configure" and names:
            config = messages.AlterConfigsRequest
            value = config.AlterableConfig(name="retention.ms", value=str(rng.randrange(1, 99)))
            resource = config.AlterConfigsResource(resource_type=ResourceType.TOPIC, resource_name=rng.choice(names), configs=[value])
            await controller.alter_configs(messages.AlterConfigsRequest(resources=[resource]))
        elif step == "grow" and names:
            topic = messages.CreatePartitionsRequest.CreatePartitionsTopic(name=rng.choice(names), count=4, assignments=None)
            await controller.create_partitions(messages.CreatePartitionsRequest(topics=[topic]))
        elif step == "ids":
            controller.allocate_producer_id()
        elif step == "restart":
            controller = opened(store)
        elif step == "snapshot":
            await controller.snapshots.take()


async def with_snapshots(controller: Controller, story: Callable[[], Any]) -> None:
    """Run a story beside the controller's own tasks."""
    async with trio.open_nursery() as nursery:
        controller.keep_snapshots(nursery)
        await trio.testing.wait_all_tasks_blocked(0.001)
        await story()
        await trio.testing.wait_all_tasks_blocked(0.001)
        nursery.cancel_scope.cancel()


async def until_snapshots(store: Any, count: int) -> None:
    """Wait until so many snapshots are there."""
    while len(snapshots_of(store).ids()) < count:
        await trio.lowlevel.checkpoint()


def test_a_log_that_grew_gets_a_snapshot() -> None:
    """After metadata.log.max.record.bytes.between.snapshots there is one, at the end of the log, and a new segment."""
    store = new_store()
    controller = opened(store, metadata_log_max_record_bytes_between_snapshots="1000")

    async def story() -> None:
        await controller.create_topics(create(*(f"t{index}" for index in range(10))))
        await until_snapshots(store, 1)

    trio.run(with_snapshots, controller, story)
    assert snapshots_of(store).ids() == [SnapshotId(controller.image.offset + 1, 1)]
    assert log_of(store).active_base_offset == controller.image.offset + 1


def test_an_hour_with_news_gets_a_snapshot_and_one_without_does_not() -> None:
    """metadata.log.max.snapshot.interval.ms counts only if there is anything that the latest snapshot does not hold."""
    store, clock = new_store(), ManualClock(NOW_MS)
    controller = opened(store, clock)

    async def story() -> None:
        clock.advance(3_600_000)
        await until_snapshots(store, 1)
        await trio.testing.wait_all_tasks_blocked(0.001)
        clock.advance(3_600_000)
        await trio.testing.wait_all_tasks_blocked(0.001)

    trio.run(with_snapshots, controller, story)
    assert len(snapshots_of(store).ids()) == 1


def test_a_start_that_read_much_log_writes_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many starts do not make a start slow: what the last ones wrote is in a snapshot then."""
    monkeypatch.setattr(snapshot_policy, "MIN_START_BYTES", 4096)
    store = new_store()
    names = [f"topic-{index}" for index in range(20)]
    trio.run(opened(store).create_topics, create(*names))
    sizes = []
    for _ in range(10):
        controller = opened(store)
        sizes.append(controller.snapshots.replayed_bytes)

        async def story() -> None:
            await trio.testing.wait_all_tasks_blocked(0.001)

        trio.run(with_snapshots, controller, story)
    assert snapshots_of(store).ids()
    assert max(sizes) < 12_000
    assert state_of(opened(store).image)[1].keys() == set(names)


def test_old_snapshots_and_the_log_before_them_go_by_size() -> None:
    """Beyond metadata.max.retention.bytes the oldest snapshot goes, and the log up to the next; the latest stays whatever its size."""
    store = new_store()
    controller = opened(store, metadata_max_retention_bytes="1000")

    async def story() -> None:
        for turn in range(4):
            await controller.create_topics(create(f"t{turn}"))
            await controller.snapshots.take()

    trio.run(story)
    (kept,) = snapshots_of(store).ids()
    assert log_of(store).log_start_offset == kept.end_offset == controller.image.offset + 1
    again = opened(store)
    assert set(again.image.topics) == {"t0", "t1", "t2", "t3"}


def test_old_snapshots_go_by_age() -> None:
    """A snapshot of what was written more than metadata.max.retention.ms ago is dropped once there is a later one."""
    store, clock = new_store(), ManualClock(NOW_MS)
    controller = opened(store, clock)

    async def story() -> None:
        await controller.snapshots.take()
        clock.advance(8 * DAY_MS)
        await controller.create_topics(create("t"))
        await controller.snapshots.take()

    trio.run(story)
    assert [snapshot.end_offset for snapshot in snapshots_of(store).ids()] == [log_of(store).log_start_offset]


async def two_snapshots(store: Any) -> None:
    """A log with a snapshot behind "a", one behind "b", and "c" after both."""
    controller = opened(store)
    for name in "ab":
        await controller.create_topics(create(name))
        await controller.snapshots.take()
    await controller.create_topics(create("c"))


def test_a_damaged_snapshot_falls_back_to_the_one_before(caplog: pytest.LogCaptureFixture) -> None:
    """The older snapshot and more of the log say the same; the log says which file is damaged and how."""
    store = new_store()
    trio.run(two_snapshots, store)
    files = snapshots_of(store)
    latest, older = files.ids()
    files.write(latest, files.read(latest)[:-1])
    with caplog.at_level(logging.WARNING):
        controller = opened(store)
    assert set(controller.image.topics) == {"a", "b", "c"}
    assert latest.file_name in caplog.text
    files.write(older, b"")
    assert set(opened(store).image.topics) == {"a", "b", "c"}


def test_nothing_left_to_begin_from_is_said_in_words(caplog: pytest.LogCaptureFixture) -> None:
    """With the log's beginning gone and no whole snapshot the broker does not start: it would serve a cluster without topics."""
    store = new_store()
    trio.run(two_snapshots, store)
    files = snapshots_of(store)
    log_of(store).raise_log_start_offset(files.ids()[1].end_offset)
    for snapshot in files.ids():
        files.write(snapshot, b"")
    with pytest.raises(DataDirectoryError, match=r"begins at offset \d+, and there is no whole snapshot .* Put a copy of a snapshot"):
        opened(store)
    assert all(f"{snapshot.file_name} of the metadata is passed over: it ends without a footer" in caplog.text for snapshot in files.ids())


def test_a_log_that_ends_before_its_snapshot_goes_on_behind_it() -> None:
    """An end that was lost costs nothing that the snapshot holds, and no offset is given twice."""
    store = new_store()
    trio.run(two_snapshots, store)
    latest = snapshots_of(store).ids()[0]
    log_of(store).truncate_to(latest.end_offset - 2)
    controller = opened(store)
    assert set(controller.image.topics) == {"a", "b"}
    assert log_of(store).log_start_offset == latest.end_offset
    again = opened(store)
    assert set(again.image.topics) == {"a", "b"}
    assert again.image.offset > controller.image.offset > latest.end_offset


def test_records_of_a_newer_release_keep_the_log() -> None:
    """What this release cannot read it cannot put into a snapshot, so there is none."""
    store = new_store()
    trio.run(opened(store).create_topics, create("a"))
    log = log_of(store)
    batch = bytearray(encode_records([messages.NoOpRecord()], base_offset=log.log_end_offset, timestamp=NOW_MS, leader_epoch=1))
    batch[-4] = 99  # the record's id
    header = next(iter(iter_batches(bytes(batch))))[1]
    log.append(bytes(batch), header, NOW_MS)
    trio.run(opened(store).snapshots.take)
    assert snapshots_of(store).ids() == []


def test_a_full_disk_costs_the_snapshot_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The broker goes on with the log; the next snapshot may succeed."""
    store = new_store()
    controller = opened(store)

    def refuse(self: Any, snapshot: SnapshotId, content: bytes) -> None:
        raise StorageError("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(MemorySnapshots, "write", refuse)
        trio.run(controller.snapshots.take)
    assert "no space is left" in caplog.text
    trio.run(controller.snapshots.take)
    assert len(snapshots_of(store).ids()) == 1


def open_disk(directory: Path) -> DiskLogStore:
    """A store on disk."""
    return DiskLogStore.open([str(directory)], cluster_id=None, node_id=1, rng=Random(2))


def test_on_disk_a_start_uses_the_snapshot(tmp_path: Path) -> None:
    """Files have Kafka's names, half-written ones are removed, and a restart reads only what came after."""
    store = open_disk(tmp_path)
    trio.run(two_snapshots, store)
    end_offset = log_of(store).log_end_offset
    names = [snapshot.file_name for snapshot in snapshots_of(store).ids()]
    store.close({})
    directory = tmp_path / f"{METADATA_TOPIC}-0"
    (directory / f"{SnapshotId(end_offset, 1).file_name}.part").write_bytes(b"half")
    (directory / f"{SnapshotId(3, 1).file_name}.deleted").write_bytes(b"")
    store = open_disk(tmp_path)
    controller = opened(store)
    assert set(controller.image.topics) == {"a", "b", "c"}
    assert [len(topic.partitions) for topic in controller.image.topics.values()] == [2, 2, 2]
    assert sorted(path.name for path in directory.glob("*.checkpoint*")) == sorted(names)
    assert controller.snapshots.replayed_bytes < 1000
    store.close({})


def test_snapshot_records_are_those_of_the_image() -> None:
    """What is written at rest is the image as it is: the same records, through bytes and back."""
    store = new_store()
    controller = opened(store)
    trio.run(controller.create_topics, create("a", "b"))
    trio.run(controller.snapshots.take)
    files = snapshots_of(store)
    told = [record for piece in decode_snapshot(files.read(files.ids()[0]), BatchReader()).records for record in piece]
    assert told == list(snapshot_records(controller.image))


def formatted(directory: Path) -> Path:
    """A directory as Kafka before 4.4 formats it: what a new cluster begins with lies beside the logs."""
    DiskLogStore.open([str(directory)], cluster_id="c", node_id=1, rng=Random(0)).close({})
    records = [
        messages.FeatureLevelRecord(name="metadata.version", feature_level=25),
        messages.FeatureLevelRecord(name="x", feature_level=3),
    ]
    path = directory / "bootstrap.checkpoint"
    path.write_bytes(encode_snapshot(records, 0, 0, {}))
    return path


def test_a_formatted_directory_begins_with_its_own_features(tmp_path: Path) -> None:
    """`bootstrap.checkpoint` is read where the metadata log is empty, and only then: its records are the first of the log."""
    formatted(tmp_path)
    for features in ({"metadata.version": 25, "x": 3}, {"metadata.version": 25, "x": 3}):
        store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(0))
        assert dict(opened(store).image.features) == features
        assert dict(loaded(MetadataLog(log_of(store), snapshots_of(store), True)).features) == features
        store.close({})
        (tmp_path / "bootstrap.checkpoint").write_bytes(encode_snapshot([messages.FeatureLevelRecord(name="y", feature_level=1)], 0, 0, {}))


@pytest.mark.parametrize("is_formatted", [True, False])
def test_a_first_start_that_was_stopped_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_formatted: bool) -> None:
    """Killed, or out of space, between the beginning of the first epoch and the first records: the next start writes them."""
    if is_formatted:
        formatted(tmp_path)

    def fail(*_: Any) -> int:
        raise StorageError("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(MetadataLog, "append", fail)
        store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(0))
        with pytest.raises((KafkaError, StorageError)):
            opened(store)
        store.abandon()
    store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(0))
    features = opened(store).image.features
    assert features == ({"metadata.version": 25, "x": 3} if is_formatted else opened(new_store()).image.features)
    store.abandon()


def test_a_damaged_bootstrap_is_refused(tmp_path: Path) -> None:
    """A cluster must not begin with other features than it was formatted with."""
    path = formatted(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(0))
    with pytest.raises(DataDirectoryError, match=r"bootstrap.checkpoint cannot be read: .* Format the directory anew, or remove the file"):
        opened(store)
    store.abandon()


class DamagedLog:
    """A log of which only the beginning can be read."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def batches(self, from_offset: int) -> Any:
        yield next(self._log.batches(from_offset))
        raise StorageError("x.log is damaged after byte 87")


def test_damage_that_recovery_did_not_meet_is_said_in_words() -> None:
    """After a clean stop only the end of a log is looked at; the metadata is read as a whole, and refused where it is not."""
    store = new_store()
    opened(store)
    metadata = MetadataLog(DamagedLog(log_of(store)), MemorySnapshots(), durable=False)
    with pytest.raises(DataDirectoryError, match=r"the metadata log cannot be read: x\.log is damaged after byte 87\. `pybroker verify`"):
        loaded(metadata)
