"""Live partitions: what is written, what is safe, what is seen, and what a restart finds."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pybroker.core.cluster import MetadataDelta, PartitionImage
from pybroker.core.producer_snapshot import decode_snapshot
from pybroker.records.builder import build_batch
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.partition import LivePartition
from pybroker.storage.errors import DiskFullError, NoDescriptorError, StorageError
from pybroker.storage.interface import Slice
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.errors import ErrorCode, KafkaError

NOW_MS = 1_700_000_000_000
VERSION = 13


def memory_store() -> MemoryLogStore:
    """An empty store."""
    return MemoryLogStore(cluster_id="test", node_id=1, rng=random.Random(1))


def sent(sequence: int = -1, count: int = 1, *, producer: int = -1, epoch: int = -1, value: bytes = b"v") -> memoryview:
    """A batch as it comes off the wire, in a buffer that may be written to."""
    rows = [(b"k", value, NOW_MS)] * count
    return memoryview(bytearray(build_batch(rows, producer_id=producer, producer_epoch=epoch, base_sequence=sequence)))


def produce(live: LivePartition, **batch: object) -> int:
    """Append a batch; its base offset."""
    return live.append_produced(sent(**batch), VERSION, NOW_MS).base_offset


def room_with_topic(store: MemoryLogStore | None = None, **configs: str) -> PartitionRoom:
    """A room with the topic `a` of one partition."""
    room = PartitionRoom(store or memory_store())
    room.create_topic("a", configs={name.replace("_", "."): value for name, value in configs.items()}, topic_id=b"a" * 16)
    return room


class StandingClock:
    """It is always the time of the batches: they are never too old to be remembered."""

    def now_ms(self) -> int:
        return NOW_MS

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        await trio.sleep_forever()


def run_in_virtual_time(main):
    """Run under a clock that jumps over every wait."""
    return trio.run(main, clock=MockClock(autojump_threshold=0))


def error_code(live: LivePartition, **batch: object) -> ErrorCode:
    """How a batch is refused."""
    with pytest.raises(KafkaError) as caught:
        produce(live, **batch)
    return caught.value.code


def test_append_assigns_offsets_and_epoch_in_place():
    """The bytes in the log are those that came, but for base offset and leader epoch."""
    room = PartitionRoom(memory_store())
    room.create_topic("a", leader_epoch=7)
    live = room.partition("a")
    assert [produce(live, count=2), produce(live)] == [0, 2]
    slices = live.read(0, 10_000, 0, True)
    headers = [header for header, _ in live.log.batches(0)]
    assert [(header.base_offset, header.partition_leader_epoch) for header in headers] == [(0, 7), (2, 7)]
    assert len(slices) == live.log.size_bytes
    assert (live.log_end_offset, live.high_watermark, live.last_stable_offset) == (3, 3, 3)


def test_batch_in_a_read_only_buffer_is_copied():
    """Nobody's bytes are written to unless they may be."""
    live = room_with_topic().partition("a")
    batch = bytes(sent())
    assert live.append_produced(memoryview(batch), VERSION, NOW_MS).base_offset == 0
    assert live.append_records(batch) == 1


def test_duplicate_is_not_written():
    """It is answered with what was written before."""
    live = room_with_topic().partition("a")
    produce(live, sequence=0, count=2, producer=9, epoch=0)
    again = live.append_produced(sent(0, 2, producer=9, epoch=0), VERSION, NOW_MS + 5)
    assert (again.base_offset, again.next_offset, again.log_append_time_ms) == (0, 2, NOW_MS)
    assert live.log_end_offset == 2
    assert error_code(live, sequence=5, producer=9, epoch=0) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_log_append_time_is_told_where_the_topic_says_so():
    """And only there."""
    live = room_with_topic(message_timestamp_type="LogAppendTime").partition("a")
    assert live.append_produced(sent(), VERSION, NOW_MS + 7).log_append_time_ms == NOW_MS + 7
    assert room_with_topic().partition("a").append_produced(sent(), VERSION, NOW_MS).log_append_time_ms == -1


def test_configuration_takes_effect_at_once():
    """A change of the topic's configuration counts for the next batch."""
    room = room_with_topic()
    live = room.partition("a")
    produce(live)
    room.configure("a", {"max.message.bytes": "60"})
    assert error_code(live) is ErrorCode.MESSAGE_TOO_LARGE
    room.configure("a", {})
    assert produce(live) == 1


class MemoryDisk:
    """A store that stays when the broker goes."""

    def __init__(self) -> None:
        self.store = memory_store()

    def after_crash(self) -> MemoryLogStore:
        return self.store


class RealDisk:
    """A directory that is opened anew after the broker went without closing it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.store: DiskLogStore | None = None

    def after_crash(self) -> DiskLogStore:
        if self.store is not None:
            self.store.abandon()
        self.store = DiskLogStore.open([self._path], cluster_id=None, node_id=1, rng=random.Random(1))
        return self.store


@pytest.fixture(params=["memory", "disk"])
def disk(request, tmp_path) -> Iterator[MemoryDisk | RealDisk]:
    """What outlives a broker."""
    disk = MemoryDisk() if request.param == "memory" else RealDisk(str(tmp_path))
    yield disk
    if isinstance(disk.store, DiskLogStore):
        disk.store.abandon()


def test_restart_finds_what_was_acknowledged_and_who_wrote_it(disk: MemoryDisk | RealDisk):
    """After a crash every acknowledged batch is there once, and sending it again writes nothing."""
    chance = random.Random(4)
    acknowledged: list[tuple[int, int, int]] = []
    next_sequence = {1: 0, 2: 0}
    for start in range(6):
        room = PartitionRoom(disk.after_crash(), clock=StandingClock())
        room.create_topic("a", topic_id=b"a" * 16, leader_epoch=start)
        live = room.partition("a")
        for producer, sequence, offset in acknowledged[-2:]:
            if sequence == next_sequence[producer] - 1:
                assert produce(live, sequence=sequence, producer=producer, epoch=0) == offset
        for _ in range(chance.randrange(1, 6)):
            producer = chance.choice([1, 2])
            sequence = next_sequence[producer]
            next_sequence[producer] += 1
            acknowledged.append((producer, sequence, produce(live, sequence=sequence, producer=producer, epoch=0)))
        assert live.high_watermark == live.log_end_offset == len(acknowledged)
        if chance.random() < 0.5:
            live.take_snapshot()
    written = [(header.producer_id, header.base_sequence, header.base_offset) for header, _ in live.log.batches(0)]
    assert written == acknowledged


@pytest.mark.parametrize("snapshot", [False, True])
def test_deleting_records_makes_no_producer_forgotten(tmp_path, snapshot: bool):
    """Nor does a crash after it: what lies before the log's start is not served, but it tells who wrote."""
    disk = RealDisk(str(tmp_path))
    for life, (sequence, offset) in enumerate([(0, 0), (2, 3)]):
        room = PartitionRoom(disk.after_crash(), clock=StandingClock())
        room.create_topic("a", topic_id=b"a" * 16, leader_epoch=life)
        live = room.partition("a")
        if life == 0:
            assert produce(live, sequence=0, producer=9, epoch=0) == 0
            if snapshot:
                live.take_snapshot()
            assert produce(live, sequence=1, producer=9, epoch=0) == 1
            produce(live)
            assert live.delete_records(3) == 3
            disk.store.checkpoint(room.partitions.high_watermarks())
        else:
            assert live.log_start_offset == 3
            assert produce(live, sequence=sequence, producer=9, epoch=0) == offset
            assert error_code(live, sequence=9, producer=9, epoch=0) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    disk.store.abandon()


def test_damaged_snapshot_is_passed_over():
    """The log is read instead."""
    store = memory_store()
    live = room_with_topic(store).partition("a")
    produce(live, sequence=0, producer=9, epoch=0)
    live.log.write_producer_snapshot(1, b"nonsense")
    live = room_with_topic(store).partition("a")
    assert produce(live, sequence=0, producer=9, epoch=0) == 0
    assert live.log_end_offset == 1


def test_snapshot_stands_where_a_segment_begins():
    """So a start after a crash reads the headers of the last segment only."""
    room = PartitionRoom(memory_store(), clock=StandingClock())
    room.create_topic("a", configs={"segment.bytes": "1048576"})
    live = room.partition("a")
    for sequence in range(3):
        produce(live, sequence=sequence, producer=9, epoch=0, value=b"x" * 400_000)
    ((offset, content),) = live.log.producer_snapshots()
    assert offset == live.log.active_base_offset == 2
    (entry,) = decode_snapshot(content)
    assert (entry.producer_id, entry.last_sequence, entry.last_offset) == (9, 1, 1)


def test_producers_too_old_are_not_brought_back():
    """A snapshot's producers whose last batch is older than producer.id.expiration.ms may begin anywhere again."""
    store = memory_store()
    live = room_with_topic(store).partition("a")
    produce(live, sequence=0, producer=9, epoch=0)
    live.take_snapshot()
    live = room_with_topic(store).partition("a")
    assert len(live.state.producers) == 0
    assert produce(live, sequence=40, producer=9, epoch=0) == 1


def test_topic_of_another_id_begins_empty():
    """What a deleted topic of the same name left behind is not served."""
    store = memory_store()
    produce(room_with_topic(store).partition("a"))
    room = PartitionRoom(store)
    room.create_topic("a", topic_id=b"b" * 16)
    assert room.partition("a").log_end_offset == 0


class FailingLog:
    """A log that does what it is told until it is told to fail."""

    def __init__(self, log) -> None:
        self._log = log
        self.append_error: StorageError | None = None
        self.flush_error: StorageError | None = None

    def __getattr__(self, name: str):
        return getattr(self._log, name)

    def append(self, batch, header, now_ms: int) -> None:
        if self.append_error is not None:
            raise self.append_error
        self._log.append(batch, header, now_ms)

    def flush(self) -> int:
        if self.flush_error is not None:
            raise self.flush_error
        return self._log.flush()


def test_write_error_takes_the_partition_offline():
    """Nothing more is taken or given: what the log holds is known at the next start."""
    live = room_with_topic().partition("a")
    live.log = FailingLog(live.log)
    produce(live)
    live.log.append_error = StorageError("the disk is gone")
    assert error_code(live) is ErrorCode.KAFKA_STORAGE_ERROR
    live.log.append_error = None
    assert live.offline
    assert error_code(live) is ErrorCode.KAFKA_STORAGE_ERROR
    assert live.log_end_offset == 1


def test_full_disk_refuses_one_write(caplog: pytest.LogCaptureFixture):
    """When there is room again, writing goes on, and the refused batch is no duplicate. It is logged once a minute, and its end once."""
    caplog.set_level("INFO")
    live = room_with_topic().partition("a")
    live.log = FailingLog(live.log)
    live.log.append_error = DiskFullError("no space left on the device")
    for _ in range(3):
        assert error_code(live, sequence=0, producer=9, epoch=0) is ErrorCode.KAFKA_STORAGE_ERROR
    assert [record.getMessage() for record in caplog.records] == ["a-0 refuses writes: no space left on the device"]
    live.log.append_error = None
    assert not live.offline
    assert produce(live, sequence=0, producer=9, epoch=0) == 0
    assert produce(live) == 1
    assert live.log_end_offset == 2
    assert [record.getMessage() for record in caplog.records][1:] == ["a-0 takes writes again"]


def test_no_descriptor_for_a_read():
    """A log that cannot be opened just now answers with an error that clients try again after, and stays in service."""
    live = room_with_topic().partition("a")
    produce(live)
    whole, live.log = live.log, UnopenedLog(live.log)
    with pytest.raises(KafkaError) as caught:
        live.read(0, 1000, 0, True)
    assert caught.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert not live.offline
    live.log = whole
    assert live.read(0, 1000, 0, True) is not None


class UnopenedLog(FailingLog):
    """A log whose files cannot be opened just now."""

    def read(self, offset: int, max_bytes: int, upper_offset: int, min_one_batch: bool) -> Slice | None:
        raise NoDescriptorError("no descriptor is left")


class SlowLog(FailingLog):
    """A log of which nothing is safe before it was flushed."""

    recovery_point = 0
    flushes = 0

    def flush(self) -> int:
        end = self.log_end_offset
        super().flush()
        self.flushes += 1
        self.recovery_point = end
        return end


def slow_partition(room: PartitionRoom) -> LivePartition:
    """The partition of `a` over a log whose recovery point is ours to move."""
    live = room.partition("a")
    live.log = SlowLog(live.log)
    return live


def test_flush_messages_one_waits_for_a_shared_flush():
    """The high watermark follows the disk, and one fsync serves all who wait."""

    async def main():
        room = room_with_topic(flush_messages="1")
        live = slow_partition(room)
        order: list[int] = []

        async def send():
            appended = live.append_produced(sent(), VERSION, NOW_MS)
            assert live.high_watermark < appended.next_offset
            await live.wait_committed(appended.next_offset)
            order.append(appended.base_offset)

        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await wait_all_tasks_blocked()
            async with trio.open_nursery() as senders:
                for _ in range(20):
                    senders.start_soon(send)
            nursery.cancel_scope.cancel()
        assert sorted(order) == list(range(20))
        assert live.log.flushes <= 2
        assert live.high_watermark == 20

    trio.run(main)


def test_flush_messages_many_keeps_fewer_than_that_unsafe():
    """Up to flush.messages - 1 records may be seen before they are on disk."""
    room = room_with_topic(flush_messages="3")
    live = slow_partition(room)
    produce(live)
    produce(live)
    assert (live.high_watermark, live.log.flushes) == (2, 0)
    produce(live)
    assert (live.high_watermark, live.log.flushes) == (3, 1)


def test_high_watermark_lies_between_batches():
    """Where a batch takes the records that are not safe to flush.messages, none of it is seen before the flush; then all."""

    async def main() -> None:
        room = room_with_topic(flush_messages="3")
        live = slow_partition(room)
        room.partitions._flusher._running = True  # it will flush later
        produce(live, count=2)
        assert live.high_watermark == 2
        produce(live, count=2)
        assert (live.high_watermark, live.log_end_offset) == (2, 4)
        live.log.flush()
        live.flushed()
        assert live.high_watermark == 4

    trio.run(main)


def test_failed_flush_is_told_to_whoever_waits():
    """What was not safe is not acknowledged."""

    async def main():
        room = room_with_topic(flush_messages="1")
        live = slow_partition(room)
        live.log.flush_error = StorageError("input/output error")
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await wait_all_tasks_blocked()
            appended = live.append_produced(sent(), VERSION, NOW_MS)
            with pytest.raises(KafkaError) as caught:
                await live.wait_committed(appended.next_offset)
            nursery.cancel_scope.cancel()
        assert caught.value.code is ErrorCode.KAFKA_STORAGE_ERROR
        assert live.high_watermark == 0

    trio.run(main)


def test_full_disk_delays_a_flush(caplog: pytest.LogCaptureFixture):
    """A flush that finds no room takes nobody offline: it is said once, and who waits is answered when there is room."""

    async def main():
        room = PartitionRoom(memory_store(), clock=TrioClock())
        room.create_topic("a", configs={"flush.messages": "1"})
        live = slow_partition(room)
        live.log.flush_error = DiskFullError("no space is left")
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await wait_all_tasks_blocked()
            appended = live.append_produced(sent(), VERSION, NOW_MS)
            await trio.sleep(3.5)
            assert (live.offline, live.high_watermark) == (False, 0)
            live.log.flush_error = None
            await live.wait_committed(appended.next_offset)
            nursery.cancel_scope.cancel()
        assert live.high_watermark == 1

    run_in_virtual_time(main)
    assert [record.getMessage() for record in caplog.records] == ["no space is left; it is tried again until there is room"]


def test_deletion_ends_every_wait():
    """Whoever waits for a partition that is deleted is told that it is not there."""

    async def main():
        room = room_with_topic()
        live = room.partition("a")
        waiter = room.partitions.watch([live])
        codes: list[ErrorCode] = []

        async def wait():
            try:
                await live.wait_committed(5)
            except KafkaError as error:
                codes.append(error.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter.wait)
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            room.delete_topic("a")
        assert codes == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
        assert room.partitions.find("a", 0) is None

    run_in_virtual_time(main)


def test_delete_records_moves_the_start():
    """The log forgets, readers before the start are out of range."""
    live = room_with_topic().partition("a")
    for _ in range(3):
        produce(live)
    assert live.delete_records(2) == 2
    with pytest.raises(KafkaError) as caught:
        live.read(1, 1000, 0, True)
    assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert live.log.log_start_offset == 2


def test_epochs_end_where_the_next_began():
    """Over restarts, each with a higher leader epoch, also where one wrote nothing."""
    store = memory_store()
    for epoch, batches in ((0, 2), (1, 0), (2, 3)):
        room = PartitionRoom(store)
        room.create_topic("a", topic_id=b"a" * 16, leader_epoch=epoch)
        live = room.partition("a")
        for _ in range(batches):
            produce(live)
    ends = [live.end_of_epoch(epoch) for epoch in (-1, 0, 2, 3)]
    assert [end and (end.leader_epoch, end.end_offset) for end in ends] == [None, (0, 2), (2, 5), None]


def test_flush_ms_is_kept_by_the_clock():
    """What flush.ms allows to be unsafe is on disk a second later at most."""

    async def main():
        room = PartitionRoom(memory_store(), clock=TrioClock())
        room.create_topic("a", configs={"flush.ms": "3000"})
        live = slow_partition(room)
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await wait_all_tasks_blocked()
            live.append_produced(sent(), VERSION, NOW_MS)
            assert live.high_watermark == 1
            await trio.sleep(4.5)
            assert live.log.recovery_point == 1
            nursery.cancel_scope.cancel()

    run_in_virtual_time(main)


def test_partitions_are_added_and_led_anew():
    """A topic grows, and a new leader epoch wakes who fetches with the old one."""
    room = room_with_topic()
    topic = room.cluster.topics["a"]
    topic.partitions.append(PartitionImage(1, 1, 0, 0, [1], [1]))
    room.partitions.apply(MetadataDelta(grown=[topic]))
    assert room.partition("a", 1).log_end_offset == 0
    assert room.partitions.find("a", -1) is None
    waiter = room.partitions.watch([room.partition("a")])
    topic.partitions[0].leader_epoch = 4
    room.partitions.apply(MetadataDelta(led=[topic]))
    assert room.partition("a").leader_epoch == 4
    assert waiter.woken


def test_retention_drops_old_segments():
    """By time the whole log may go, by size what leaves retention.bytes; what readers held is out of range then."""
    room = PartitionRoom(memory_store(), clock=StandingClock())
    room.create_topic("a", configs={"segment.bytes": "1048576", "retention.ms": "5000"})
    live = room.partition("a")
    for _ in range(5):
        produce(live, value=b"x" * 400_000)
    live.retain(NOW_MS + 5000)
    assert live.log_start_offset == 0
    room.configure("a", {"segment.bytes": "1048576", "retention.ms": "-1", "retention.bytes": "1300000"})
    live.retain(NOW_MS + 5001)
    assert live.log_start_offset == 0
    room.configure("a", {"segment.bytes": "1048576", "retention.ms": "-1", "retention.bytes": "900000"})
    live.retain(NOW_MS + 5001)
    assert live.log_start_offset == 2
    room.configure("a", {"segment.bytes": "1048576", "retention.ms": "5000"})
    live.retain(NOW_MS + 5001)
    assert (live.log_start_offset, live.log_end_offset) == (5, 5)
    assert produce(live) == 5
