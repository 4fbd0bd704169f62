"""The cleaner over live partitions: what stays, what a restart finds, and that it lets others work."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from pybroker.core.offset_marks import OffsetMarks
from pybroker.core.producers import Marker
from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.record import Record, iter_records
from pybroker.runtime.cleaner import Cleaner
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.compaction_round import Limits
from pybroker.runtime.pacing import SLICE_S, Pace
from pybroker.runtime.partition import LivePartition
from pybroker.storage.errors import NoDescriptorError, StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom

BEGAN_MS = 1_700_000_000_000
VERSION = 13
COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0", "delete.retention.ms": "1000", "internal.segment.bytes": "600"}


class SetClock:
    """It is what time the test says."""

    def __init__(self) -> None:
        self.time_ms = BEGAN_MS

    def now_ms(self) -> int:
        return self.time_ms

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        await trio.sleep_forever()


class Life:
    """One partition of a compacted topic, its cleaner, and what was written to it."""

    def __init__(self, directory: str | None = None, static: dict[str, str] | None = None, **configs: str) -> None:
        self.directory = directory
        self.clock = SetClock()
        self.static = static or {}
        self.configs = COMPACT | {name.replace("_", "."): value for name, value in configs.items()}
        self.written: list[Record] = []
        self.sequences: dict[int, int] = {}
        self.open()

    def open(self) -> None:
        self.store: Any = (
            MemoryLogStore(cluster_id="c", node_id=1, rng=random.Random(1))
            if self.directory is None
            else DiskLogStore.open([self.directory], cluster_id=None, node_id=1, rng=random.Random(1))
        )
        self.room = PartitionRoom(self.store, self.static, clock=self.clock)
        self.room.create_topic("t", configs=self.configs, topic_id=b"t" * 16)
        self.cleaner = Cleaner(self.room.partitions, self.store, self.room.settings, self.clock)

    @property
    def live(self) -> LivePartition:
        return self.room.partition("t")

    def write(self, *rows: tuple[bytes, bytes | None], codec: int = 0, producer: int = -1) -> int:
        """Produce a batch; its base offset."""
        now_ms = self.clock.now_ms()
        sequence = self.sequences.get(producer, 0) if producer >= 0 else -1
        batch = build_batch(
            [(key, value, now_ms) for key, value in rows],
            codec=codec,
            producer_id=producer,
            producer_epoch=min(producer, 0),
            base_sequence=sequence,
        )
        base_offset = self.live.append_produced(memoryview(bytearray(batch)), VERSION, now_ms).base_offset
        if producer >= 0:
            self.sequences[producer] = sequence + len(rows)
        self.written += [Record(base_offset + number, now_ms, key, value) for number, (key, value) in enumerate(rows)]
        return base_offset

    def roll(self) -> None:
        self.live.log.roll(self.clock.now_ms())

    def clean(self) -> bool:
        """Clean until nothing is due; whether anything was."""

        async def main() -> bool:
            cleaned = False
            while await self.cleaner.clean_dirtiest():
                cleaned = True
            return cleaned

        return trio.run(main)

    def restart(self, clean: bool) -> None:
        if self.directory is None:
            return
        if clean:
            trio.run(self.room.partitions.close)
        else:
            self.store.abandon()
        self.open()

    def records(self) -> list[Record]:
        """All that a consumer reads, as it reads: from an offset to what comes after what it got."""
        found: list[Record] = []
        offset = self.live.log_start_offset
        while offset < self.live.log_end_offset:
            part = self.live.read(offset, 1, 0, True)
            if part is None:
                break
            data = part.read()
            for at, header in iter_batches(data):
                assert header.next_offset > offset
                found += [record for record in iter_records(data, at) if record.offset >= offset]
                offset = header.next_offset
        return found

    def check(self) -> None:
        """Nothing is there that was not written, and of each key the last record is, but for tombstones."""
        start = self.live.log_start_offset
        found = self.records()
        by_offset = {record.offset: record for record in self.written}
        assert [by_offset[record.offset] for record in found] == found
        assert [record.offset for record in found] == sorted({record.offset for record in found})
        last = {record.key: record for record in self.written}
        offsets = {record.offset for record in found}
        assert all(record.offset in offsets for record in last.values() if record.value is not None and record.offset >= start)
        young = [record for record in last.values() if record.timestamp > self.clock.now_ms() - 1000 and record.offset >= start]
        assert all(record.offset in offsets for record in young)


KEYS = st.sampled_from([b"a", b"b", b"c", b"dd", b""])
ROWS = st.lists(st.tuples(KEYS, st.sampled_from([b"1", b"2" * 90, None])), min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("write"), ROWS, st.sampled_from([Codec.NONE, Codec.NONE, Codec.ZSTD]), st.sampled_from([-1, -1, 5, 6])),
    st.tuples(st.just("write"), ROWS, st.just(Codec.NONE), st.just(-1)),
    st.tuples(st.just("roll")),
    st.tuples(st.just("clean")),
    st.tuples(st.just("clean")),
    st.tuples(st.just("later"), st.sampled_from([1, 500, 1500])),
    st.tuples(st.just("delete"), st.floats(0, 1)),
    st.tuples(st.just("restart"), st.booleans()),
)


def carry_out(life: Life, step: Any) -> None:
    """One step of a life."""
    name, *arguments = step
    if name == "write":
        life.write(*arguments[0], codec=arguments[1], producer=arguments[2])
    elif name == "later":
        life.clock.time_ms += arguments[0]
    elif name == "delete":
        start, end = life.live.log_start_offset, life.live.high_watermark
        life.live.delete_records(start + int(arguments[0] * (end - start)))
    else:
        getattr(life, name)(*arguments)


def live_through(life: Life, steps: list[Any]) -> None:
    """Each step, then a look; at the end all is sealed and cleaned, and each key is there once."""
    try:
        for step in steps:
            carry_out(life, step)
            life.check()
        start = life.live.log_start_offset
        life.roll()
        life.clean()
        life.check()
        keys = [record.key for record in life.records()]
        assert len(keys) == len(set(keys)) or life.live.log_start_offset > start or not life.written
    finally:
        if life.directory is not None:
            life.store.abandon()


@given(st.lists(STEPS, max_size=30))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_agrees_with_a_model_in_memory(steps: list[Any]):
    """Random lives of a compacted log, with a map that holds all keys."""
    live_through(Life(), steps)


@given(st.lists(STEPS, max_size=30))
@settings(derandomize=True, deadline=None, max_examples=10)
def test_agrees_with_a_model_in_many_passes(steps: list[Any]):
    """With a map of two keys a round takes many passes, and the result is the same."""
    live_through(Life(static={"log.cleaner.dedupe.buffer.size": "72"}), steps)


@pytest.mark.slow
@given(st.lists(STEPS, max_size=60))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_agrees_with_a_model_on_disk(steps: list[Any]):
    """With restarts, clean and not."""
    with tempfile.TemporaryDirectory() as directory:
        live_through(Life(directory), steps)


def test_duplicates_are_known_after_compaction_and_restart(tmp_path: Path):
    """The last batch of a producer leaves its header, from which its sequence is read again."""
    life = Life(str(tmp_path))
    life.write((b"a", b"1"), (b"a", b"2"), producer=9)
    life.write((b"a", b"3"))
    life.roll()
    assert life.clean()
    assert [record.offset for record in life.records()] == [2]
    for path in (tmp_path / "t-0").glob("*.snapshot"):
        path.unlink()
    life.restart(clean=False)
    again = build_batch([(b"a", b"1", BEGAN_MS), (b"a", b"2", BEGAN_MS)], producer_id=9, producer_epoch=0, base_sequence=0)
    assert life.live.append_produced(memoryview(bytearray(again)), VERSION, BEGAN_MS).base_offset == 0
    assert life.live.log_end_offset == 3
    assert life.write((b"b", b"4"), producer=9) == 3
    life.store.abandon()


def test_tombstones_go_after_their_time():
    """In the first round after delete.retention.ms from the round that met them."""
    life = Life()
    life.write((b"a", b"1"), (b"b", b"1"))
    life.write((b"a", None))
    life.roll()
    life.clean()
    assert [(record.key, record.value) for record in life.records()] == [(b"b", b"1"), (b"a", None)]
    life.clock.time_ms += 1000
    life.write((b"c", b"1"))
    life.roll()
    life.clean()
    assert [record.key for record in life.records()] == [b"b", b"c"]
    assert (life.live.log_start_offset, life.live.log_end_offset) == (0, 4)


def test_checkpoint_spares_what_is_clean():
    """A round that found nothing new is not repeated; a restart remembers."""
    life = Life()
    life.write((b"a", b"1"))
    life.roll()
    assert life.clean()
    assert life.store.cleaner_offsets == {("t", 0): 1}
    assert not life.clean()
    life.write((b"b", b"1"))
    assert not life.clean()
    life.roll()
    assert life.clean()
    assert life.store.cleaner_offsets == {("t", 0): 2}


def test_only_compacted_topics_are_cleaned():
    """A change of cleanup.policy counts at once."""
    life = Life(cleanup_policy="delete")
    life.write((b"a", b"1"))
    life.write((b"a", b"2"))
    life.roll()
    assert not life.clean()
    life.room.configure("t", COMPACT)
    assert life.clean()
    assert [record.value for record in life.records()] == [b"2"]


def test_compacted_and_deleted():
    """cleanup.policy=compact,delete: what is too old goes, by the cleaner's own look."""
    life = Life(cleanup_policy="compact,delete", retention_ms="5000")
    life.write((b"a", b"1"))
    life.roll()
    life.write((b"b", b"1"))
    life.clock.time_ms += 5001
    life.write((b"c", b"1"))
    trio.run(life.cleaner.retain)
    assert life.live.log_start_offset == 1


def test_segments_are_put_together():
    """What one round shrank, the next one puts together."""
    life = Life()
    for number in range(40):
        life.write((b"key%d" % (number % 3), b"v" * 100))
    assert len(life.live.log.extents()) > 5
    life.clean()
    life.write((b"other", b"v"))
    life.roll()
    life.clean()
    assert len(life.live.log.extents()) <= 3
    life.check()


def damage(directory: Path) -> None:
    """Change one bit of the last record of the first segment."""
    path = sorted((directory / "t-0").glob("*.log"))[0]
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def test_log_that_cannot_be_read_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """With one warning; it still serves, others are still cleaned."""
    life = Life(str(tmp_path))
    life.write((b"a", b"1"))
    life.roll()
    damage(tmp_path)
    assert not life.clean()
    assert not life.clean()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert life.write((b"b", b"1")) == 1
    assert not list((tmp_path / "t-0").glob("*.cleaned"))
    life.store.abandon()


@pytest.mark.parametrize("name", ["segment_times", "read"])
def test_log_whose_file_fails_while_it_is_cleaned(name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """For want of descriptors it is cleaned later; where the disk fails it is offline, as it is for whoever reads it."""
    life = Life(min_compaction_lag_ms="1")
    life.write((b"a", b"1"))
    life.write((b"a", b"2"))
    life.roll()
    life.clock.time_ms += 10
    errors: list[StorageError] = [StorageError("input/output error"), NoDescriptorError("no descriptor is left")]

    def fail(*arguments: Any) -> Any:
        raise errors[-1]

    with monkeypatch.context() as patch:
        patch.setattr(type(life.live.log), name, fail)
        assert not life.clean()
        assert (life.live.offline, "no descriptor is left" in caplog.text) == (False, True)
    assert life.clean()
    life.write((b"a", b"3"))
    life.roll()
    life.clock.time_ms += 10
    del errors[-1]
    monkeypatch.setattr(type(life.live.log), name, fail)
    assert not life.clean()
    assert life.live.offline


def test_topic_may_be_deleted_meanwhile(tmp_path: Path):
    """The round ends, and nobody hears of it."""
    life = Life(str(tmp_path))
    life.write((b"a", b"1"))
    life.write((b"a", b"2"))
    life.roll()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.cleaner.clean_dirtiest)
            await trio.lowlevel.checkpoint()
            life.room.delete_topic("t")

    trio.run(main)
    assert life.store.cleaner_offsets == {}
    life.store.abandon()


def test_log_that_begins_to_move_meanwhile(monkeypatch: pytest.MonkeyPatch):
    """It was due when it was looked at; while the others are, a move of it begins, and its segments must stay as they are."""
    life = Life()
    for value in (b"1", b"2"):
        life.write((b"a", value))
    life.roll()
    life.room.create_topic("z", configs=COMPACT)
    life.room.partition("z")
    measure = Cleaner._measure

    def measured(self: Cleaner, live: LivePartition, now_ms: int) -> Any:
        life.live.moving = live.topic == "z"
        return measure(self, live, now_ms)

    with monkeypatch.context() as patch:
        patch.setattr(Cleaner, "_measure", measured)
        assert not trio.run(life.cleaner.clean_dirtiest)
    life.live.moving = False
    assert life.clean()


def test_task_cleans_by_the_clock():
    """Every log.cleaner.backoff.ms; log.cleaner.enable=false starts nothing."""

    async def main(enable: str) -> int:
        clock = TrioClock(BEGAN_MS)
        room = PartitionRoom(MemoryLogStore(cluster_id="c", node_id=1, rng=random.Random(1)), {"log.cleaner.enable": enable}, clock=clock)
        room.create_topic("t", configs=COMPACT)
        live = room.partition("t")
        for _ in range(2):
            live.append_records(build_batch([(b"a", b"1", BEGAN_MS)]))
        live.log.roll(BEGAN_MS)
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await trio.sleep(14.9)
            assert live.log.size_bytes == 140
            await trio.sleep(0.2)
            for _ in range(1000):  # the clock does not wait for threads
                if live.log.size_bytes == 140 and enable == "true":
                    await trio.to_thread.run_sync(int)
            nursery.cancel_scope.cancel()
        return live.log.size_bytes

    assert trio.run(main, "true", clock=MockClock(autojump_threshold=0)) == 70
    assert trio.run(main, "false", clock=MockClock(autojump_threshold=0)) == 140


@pytest.mark.slow
def test_a_million_records(tmp_path: Path):
    """Ten values of each of 100,000 keys, in more passes than one: the last ones stay. (`tests/bench/bench_cleaner.py` measures slices.)"""
    life = Life(str(tmp_path), {"log.cleaner.dedupe.buffer.size": str(2 << 20)}, internal_segment_bytes=str(8 << 20))
    keys, in_batch = 100_000, 2_000
    for start in range(0, 10 * keys, in_batch):
        rows = [(b"key-%06d" % (number % keys), b"%08d" % number, BEGAN_MS) for number in range(start, start + in_batch)]
        life.live.append_records(build_batch(rows))
    life.roll()
    passes = 0

    async def main() -> None:
        nonlocal passes
        while await life.cleaner.clean_dirtiest():
            passes += 1

    trio.run(main)
    assert passes > 1
    left = life.records()
    assert [record.value for record in left] == [b"%08d" % number for number in range(9 * keys, 10 * keys)]
    life.store.abandon()


def test_throttle_holds_nobody():
    """The time that log.cleaner.io.max.bytes.per.second makes a round wait is not one of the work."""
    life = Life(static={"log.cleaner.io.max.bytes.per.second": "100"})
    for number in range(20):
        life.write((b"k", b"%0100d" % number))
    life.roll()

    async def main() -> float:
        assert await life.cleaner.clean_dirtiest()
        return trio.current_time()

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) > 2 * 20 * 100 / 100
    assert life.cleaner.longest_slice_s < 1
    assert [record.value for record in life.records()] == [b"%0100d" % 19]


def test_marks_have_a_tenth_of_the_memory():
    """Of what the map may take, by log.cleaner.dedupe.buffer.size."""
    assert Limits(dedupe_buffer_bytes=1000, load_factor=0.9, read_bytes=1, bytes_per_second=1).marks_bytes == 100
    assert len(OffsetMarks(7, 1000, 100).noted) == 100
    assert len(OffsetMarks(7, 10, 100).noted) == 10


def test_work_is_cut_into_slices():
    """Work that never pauses by itself gives way after its slice; those who wait run between."""

    def work() -> Any:
        for _ in range(100):
            clock.jump(SLICE_S / 4)
            yield None
        return "done"

    clock = MockClock()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async def main() -> None:
        pace = Pace()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            assert await pace.carry_out(work()) == "done"
            nursery.cancel_scope.cancel()
        assert pace.longest_slice_s <= SLICE_S * 1.26

    trio.run(main, clock=clock)
    assert turns >= 19


def transact(life: Life, key: bytes, value: bytes | None, committed: bool) -> int:
    """A transaction of producer 7 with one record, whose offset is returned."""
    now_ms = life.clock.now_ms()
    sequence = life.sequences.get(7, 0)
    life.sequences[7] = sequence + 1
    batch = build_batch([(key, value, now_ms)], producer_id=7, producer_epoch=0, base_sequence=sequence, transactional=True)
    offset = life.live.append_produced(memoryview(bytearray(batch)), VERSION, now_ms).base_offset
    life.live.append_marker(Marker(7, 0, committed, 0))
    return offset


def test_what_follows_an_aborted_transaction_is_cleaned_as_any_other() -> None:
    """A key that the same producer wrote again after an abort supersedes its older value, although the round begins after the abort."""
    life = Life()
    transact(life, b"k", b"old", committed=True)
    transact(life, b"k", b"aborted", committed=False)
    life.roll()
    life.clean()
    last = transact(life, b"k", b"new", committed=True)
    life.roll()
    life.clean()
    assert [record.offset for record in life.records() if record.key == b"k"] == [last]


@pytest.mark.parametrize("directory", [False, True])
def test_who_aborted_long_ago_loses_nothing(directory: bool, tmp_path: Path) -> None:
    """Once the marker of an abort is compacted away, no reader, round or restart calls later records of its producer aborted."""
    life = Life(str(tmp_path)) if directory else Life()
    aborted = transact(life, b"a", b"aborted", committed=False)
    offsets = [transact(life, b"b", b"kept", committed=True)]
    for number in range(4):
        life.roll()
        life.clean()
        life.clock.time_ms += 2000
        life.write((b"k%d" % number, b"1"))
    offsets.append(transact(life, b"c", b"kept", committed=True))
    for _ in range(2):
        life.roll()
        life.clean()
        found = life.live.read(0, 1 << 20, 0, True)
        assert found is not None
        assert aborted + 1 not in [header.last_offset for _, header in iter_batches(found.read())]
        assert life.live.aborted_between(0, found) == []
        assert set(offsets) <= {record.offset for record in life.records()}
        life.restart(clean=True)
        life.write((b"again", b"1"))
    if directory:
        life.store.abandon()


@pytest.mark.parametrize("clean", [True, False])
def test_aborted_transactions_survive_compaction_and_restarts(clean: bool, tmp_path: Path) -> None:
    """After rounds of the cleaner and stops of either kind a reader of committed records is told what to skip, and gets the same."""
    life = Life(str(tmp_path))
    committed = {transact(life, b"k%d" % number, b"kept", committed=True) for number in range(3)}
    for number in range(3):
        transact(life, b"a%d" % number, b"aborted", committed=False)
    life.roll()
    life.clean()
    committed.add(transact(life, b"after", b"kept", committed=True))
    for _ in range(3):
        assert seen_by_committed_readers(life) == committed
        assert life.live.last_stable_offset == life.live.log_end_offset
        life.restart(clean=clean)
        life.roll()
        life.clean()
    life.store.abandon()


def seen_by_committed_readers(life: Life) -> set[int]:
    """The offsets of data records that a consumer with read_committed keeps, from the log's start on."""
    data = b"".join(piece.read() for _, piece in life.live.log.batches(0))
    aborted = life.live.state.aborted
    waiting = sorted(aborted.between(0, 1 << 62), key=lambda pair: pair[1]) if aborted is not None else []
    skipped: set[int] = set()
    seen: set[int] = set()
    for at, header in iter_batches(data):
        while waiting and waiting[0][1] <= header.last_offset:
            skipped.add(waiting.pop(0)[0])
        if header.is_control:
            skipped.discard(header.producer_id)
        elif header.producer_id not in skipped:
            seen |= {record.offset for record in iter_records(data, at)}
    return seen
