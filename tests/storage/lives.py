"""Random lives of a store on a simulated disk, beside a model of what must be there.

A life is a few sessions. Each opens the store, compares all that it finds with the model, does some things, and ends with a clean close,
with the death of the process, or with a loss of power; in many of them the disk fails at some step, for good or for a while. One seed is a
life.

What must hold
- The store opens, whatever happened before. What an operation raises is a StorageError, and only where the disk failed.
- After a clean close or the death of the process everything that was acknowledged is there, once, byte for byte; nothing else but what was
  being written.
- After a clean close somebody may have touched the files (`meddling`), and it makes no difference.
- After a loss of power that holds for what was flushed (below the recovery point that `flush` returned); of the rest what comes back is a
  prefix, in which no batch is torn, doubled or out of place. What compaction took away is gone only if what took its place is there.
- Offsets, times, leader epochs, producers, aborted transactions and the metadata say the same as the batches do.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from pybroker.core.cluster import METADATA_TOPIC, METADATA_TOPIC_ID
from pybroker.core.producer_snapshot import encode_snapshot
from pybroker.records.batch import BatchHeader, has_valid_checksum, iter_batches, patch_base_offset_and_epoch, read_header
from pybroker.records.builder import build_batch
from pybroker.records.control import build_marker
from pybroker.runtime import metadata_log
from pybroker.runtime.metadata_log import MetadataLog
from pybroker.runtime.recovery import recover
from pybroker.storage.errors import DataDirectoryError, ExhaustedError, StorageError
from pybroker.storage.interface import LogConfig
from pybroker.storage.snapshot_files import snapshot_files_of
from pybroker.storage.store import DiskLogStore
from pybroker.testing.simulated_disk import Plan, SimulatedDisk, Stop
from pybroker.wire import messages
from pybroker.wire.uuids import ZERO_UUID
from tests.storage.lives_model import (
    Batch,
    Partition,
    Past,
    Told,
    Wrong,
    compare_batches,
    compare_bounds,
    compare_reads,
    compare_state,
    expect,
)
from tests.storage.meddling import meddle

NEVER_EXPIRES_MS = 1 << 60
TOPICS = ("a", "b")
PLAIN, IDEMPOTENT, TRANSACTIONAL = range(3)


class Life:
    """One seed. `run` raises Wrong, with the last steps, if anything is not as it should be."""

    def __init__(self, seed: int, *, power: bool, mischief: float = 0.8) -> None:
        """`power`: sessions may end with a loss of power. `mischief`: in how many of them the disk fails."""
        self.rng = rng = Random(seed)
        self.seed = seed
        self.power = power
        self.mischief = mischief
        self.disk = SimulatedDisk()
        self.config = LogConfig(
            segment_bytes=rng.choice((200, 500, 1200)),
            index_interval_bytes=rng.choice((1, 200)),
            file_delete_delay_ms=rng.choice((0, 0, 1000)),
        )
        self.open_files = rng.choice((2, 100))
        self.directories = ["/data"] if rng.random() < 0.7 else ["/data", "/more"]
        self.partitions: dict[tuple[str, int], Partition] = {}
        self.deleted: set[bytes] = set()
        self.names: list[str] = []
        self.unsure_name: str | None = None
        self.safe_names = 0
        self.named = 0
        self.metadata: MetadataLog | None = None
        self.store: Any = None
        self.session = 0
        self.clean = False
        self.lost_power = False
        self.faults = False
        self.now_ms = 1000

    def run(self) -> None:
        """Live."""
        sessions = self.rng.randint(2, 4)
        try:
            for self.session in range(sessions):
                self.live_session(self.rng.randint(3, 25), troubled=self.rng.random() < self.mischief)
            for self.session in (sessions, sessions + 1):
                self.live_session(0, troubled=False)
        except Exception as error:
            trace = "\n".join(self.disk.trace)
            raise Wrong(f"seed {self.seed} (power={self.power}), session {self.session}: {error!r}\n{trace}") from error

    def live_session(self, steps: int, *, troubled: bool) -> None:
        """Open, compare, work, and end in one way or another."""
        rng, disk = self.rng, self.disk
        disk.note(f"session {self.session}{': the disk will fail' if troubled else ''}")
        self.faults = troubled
        disk.plan = self.plan() if troubled else None
        try:
            if not self.open():
                return
            for _ in range(steps):
                self.attempt(rng.choice(OPERATIONS))
            if not steps:
                self.write_everywhere()
            if rng.random() < 0.4 or not steps:
                self.close()
                return
        except Stop:
            pass
        self.end_unclean()

    def end_unclean(self) -> None:
        self.clean = False
        loses = self.power and self.rng.random() < 0.8
        self.lost_power |= loses
        self.disk.plan = None
        if self.store is not None:
            with suppress(Stop):
                self.store.abandon()
        self.store = None
        if loses:
            self.disk.lose_power(self.rng)
        else:
            self.disk.die()

    def plan(self) -> Plan:
        """Some trouble."""
        rng = self.rng
        at = int(rng.expovariate(1 / 60))
        if rng.random() < 0.6:
            return Plan(at, Stop(), part=rng.choice((0.0, 0.0, rng.random())))
        number = rng.choice((errno.ENOSPC, errno.EIO, errno.EMFILE))
        fault = OSError(number, os.strerror(number))
        repeats = rng.choice((1, 1, 3, 20))
        if number == errno.EMFILE:
            return Plan(at, fault, repeats, kinds=("open",))
        if number == errno.ENOSPC:
            return Plan(at, fault, repeats, rng.choice((0.0, rng.random())), kinds=("write", "create", "mkdir", "rename", "fsync"))
        if rng.random() < 0.3:
            return Plan(at, fault, repeats, kinds=("read",))
        return Plan(at, fault, repeats, rng.choice((0.0, rng.random())))

    # --- opening and comparing

    def open(self) -> bool:
        """Open the store; a disk that fails meanwhile may keep it from that."""
        try:
            self.store = DiskLogStore.open(
                self.directories,
                cluster_id=None,
                node_id=1,
                rng=Random(self.rng.random()),
                config=self.config,
                files=self.disk,
                max_open_files=self.open_files,
            )
            plan, self.disk.plan = self.disk.plan, None
            told = [each.failure for each in self.store.directories() if each.failure] + [
                each.reason for each in self.store.unopened.values()
            ]
            if told:
                raise DataDirectoryError("; ".join(told))
            self.compare()
            self.disk.plan = plan
        except DataDirectoryError as error:
            if not self.faults:
                raise
            self.disk.note(f"does not open: {error}")
            self.end_unclean()
            return False
        return True

    def compare(self) -> None:
        """All logs with what the model says of them. What belongs to a deleted topic goes."""
        for log in list(self.store.logs()):
            unclaimed = log.topic_id == ZERO_UUID and (log.topic, log.partition) not in {*self.partitions, (METADATA_TOPIC, 0)}
            if log.topic_id in self.deleted or unclaimed:
                self.store.delete(log)
        for partition in self.partitions.values():
            self.compare_log(partition)
        self.compare_metadata()
        self.clean = self.lost_power = False

    def compare_log(self, partition: Partition) -> None:
        log = self.store.get(*partition.name)
        if log is not None and log.topic_id not in (partition.topic_id, ZERO_UUID):
            raise Wrong(f"{partition.name} belongs to another topic")
        if log is None or log.topic_id == ZERO_UUID:
            expect(not partition.end or self.lost_power, "the topic id is gone")
            log = self.store.create(*partition.name, partition.topic_id, self.config)
        partition.log, partition.offline = log, False
        self.disk.note(f"{partition.name} has {log.log_start_offset} to {log.log_end_offset}, {log.recovery}")
        found = [(header, piece.read()) for header, piece in log.batches(log.log_start_offset)]
        found = [(header, data) for header, data in found if header.last_offset >= log.log_start_offset]
        past = Past(self.clean, self.lost_power, partition.name in self.store.cleaner_offsets)
        compare_batches(partition, found, past)
        compare_bounds(partition, past)
        there = {header.base_offset for header, _ in found}
        partition.batches = [
            batch for batch in partition.batches if batch.last < partition.start or batch.base in there or batch.superseded_by
        ]
        partition.batches = [batch for batch in partition.batches if batch.last < partition.end]
        partition.unsure = partition.may_be_cut_to = None
        if self.lost_power or self.clean:
            partition.safe = partition.end
        compare_reads(partition, [batch for batch in partition.batches if batch.base in there and batch.last >= partition.start], self.rng)
        partition.epoch += 1
        partition.state, partition.snapshot_offset = recover(log, partition.epoch, self.now_ms, NEVER_EXPIRES_MS)
        compare_state(partition)

    def compare_metadata(self) -> None:
        """What the metadata log says is a prefix of what was written to it."""
        log = self.store.get(METADATA_TOPIC, 0) or self.store.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, self.config)
        if log.topic_id == ZERO_UUID:
            log = self.store.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, self.config)
        metadata = self.metadata = MetadataLog(log, snapshot_files_of(log), True)
        told = Told()
        metadata.replay(told)
        found = told.names
        written = self.names + ([self.unsure_name] if self.unsure_name is not None else [])
        least = self.safe_names if self.lost_power else len(self.names)
        expect(
            found == written[: len(found)] and len(found) >= least, f"the metadata says {found}, not {written}, of which {least} are safe"
        )
        self.names, self.unsure_name = found, None
        if self.lost_power or self.clean:
            self.safe_names = len(found)
        metadata.begin_epoch(1, self.now_ms)

    # --- working

    def attempt(self, operation: Callable[[Life], None]) -> None:
        """Do one thing; where the disk fails it may fail."""
        self.now_ms += self.rng.randint(0, 30)
        self.disk.note(f"  {operation.__name__}")
        try:
            operation(self)
        except StorageError as error:
            if not self.faults:
                raise
            self.disk.note(f"  -> {error!r}")

    def some_log(self) -> Partition | None:
        able = [each for each in self.partitions.values() if not each.offline and each.log is not None]
        return self.rng.choice(able) if able else None

    def create_topic(self) -> None:
        name = self.rng.choice(TOPICS)
        if (name, 0) in self.partitions:
            return
        topic_id = self.rng.randbytes(16)
        for index in range(self.rng.randint(1, 2)):
            partition = Partition((name, index), topic_id)
            partition.log = self.store.create(name, index, topic_id, self.config)
            self.partitions[name, index] = partition

    def delete_topic(self) -> None:
        if self.rng.random() < 0.6:
            return
        name = self.rng.choice(TOPICS)
        gone = [key for key in self.partitions if key[0] == name]
        logs = [self.partitions.pop(key) for key in gone]
        self.deleted |= {each.topic_id for each in logs}
        for each in logs:
            if each.log is not None:
                self.attempt_quietly(lambda each=each: self.store.delete(each.log))

    def attempt_quietly(self, action: Callable[[], object]) -> None:
        try:
            action()
        except StorageError:
            if not self.faults:
                raise

    def append(self) -> None:
        partition = self.some_log()
        for _ in range(self.rng.randint(1, 6)):
            if partition is not None and not partition.offline:
                self.append_one(partition)

    def append_one(self, partition: Partition) -> None:
        rng, producers = self.rng, partition.state.producers
        kind = rng.choice((PLAIN, PLAIN, IDEMPOTENT, TRANSACTIONAL))
        ids: dict[str, Any] = {}
        if kind != PLAIN:
            producer_id = rng.randint(0, 1) + 10 * kind
            entry = producers.get(producer_id)
            ids = {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": 0 if entry is None else entry.last_sequence + 1}
            if kind == TRANSACTIONAL and entry is not None and entry.current_txn_first_offset >= 0 and rng.random() < 0.6:
                self.write_marker(partition, producer_id)
                return
        rows = [(None, rng.randbytes(rng.choice((1, 30, 200, 700))))] * rng.randint(1, 3)
        timestamp = self.now_ms - rng.choice((0, 0, 15))
        data = build_batch(
            rows,
            base_offset=partition.end,
            timestamp=timestamp,
            leader_epoch=partition.epoch,
            transactional=kind == TRANSACTIONAL,
            **ids,
        )
        self.put(partition, Batch(read_header(data), data))

    def write_marker(self, partition: Partition, producer_id: int) -> None:
        commit = self.rng.random() < 0.4
        data, _ = build_marker(producer_id, 0, 0, timestamp_ms=self.now_ms, commit=commit)
        patch_base_offset_and_epoch(data, 0, partition.end, partition.epoch)
        self.put(partition, Batch(read_header(data), bytes(data), commit))

    def put(self, partition: Partition, batch: Batch) -> None:
        """As `LivePartition` does it."""
        log, state = partition.log, partition.state
        self.disk.note(f"    {partition.name} gets {batch.base} to {batch.last}, {len(batch.data)} bytes")
        partition.unsure = batch
        try:
            log.append(bytearray(batch.data), batch.header, self.now_ms)
        except ExhaustedError:
            partition.unsure = None
            raise
        except StorageError:
            partition.offline = True
            raise
        if batch.base and log.active_base_offset == batch.base:
            self.take_snapshot(partition)
        partition.unsure = None
        partition.batches.append(batch)
        partition.end = batch.last + 1
        if batch.marker is None:
            state.advance(batch.header, batch.base)
        else:
            aborted = state.advance_marker(batch.header, batch.base, 0, committed=batch.marker)
            if aborted is not None:
                try:
                    log.add_aborted(aborted)
                except StorageError:
                    partition.offline = True
                    raise
        state.raise_high_watermark(partition.end)

    def take_snapshot(self, partition: Partition) -> None:
        offset = partition.state.log_end_offset
        if offset > partition.snapshot_offset:
            self.attempt_quietly(lambda: partition.log.write_producer_snapshot(offset, encode_snapshot(partition.state.producers)))
            partition.snapshot_offset = offset

    def roll(self) -> None:
        partition = self.some_log()
        if partition is not None:
            partition.log.roll(self.now_ms)
            self.take_snapshot(partition)

    def flush(self) -> None:
        partition = self.some_log()
        if partition is not None:
            partition.safe = max(partition.safe, partition.log.flush())

    def checkpoint(self) -> None:
        starts = {each.name: each.log.log_start_offset for each in self.partitions.values()}
        self.store.checkpoint({})
        for each in self.partitions.values():
            each.floor = max(each.floor, starts[each.name])
            if not each.offline:
                each.safe = max(each.safe, each.log.recovery_point)

    def delete_records(self) -> None:
        partition = self.some_log()
        if partition is None:
            return
        offset = self.rng.randint(partition.start, partition.end)
        partition.start, before = max(partition.start, offset), partition.start
        if partition.state.delete_before(partition.start) or partition.start > before:
            partition.log.raise_log_start_offset(partition.start)
            partition.state.forget_aborted()

    def retain(self) -> None:
        """Whole segments go, perhaps all."""
        partition = self.some_log()
        if partition is None:
            return
        extents = partition.log.extents()
        if self.rng.random() < 0.3:
            partition.log.roll(self.now_ms)
            self.take_snapshot(partition)
            offset = partition.end
        elif len(extents) > 1:
            offset = self.rng.choice(extents[1:]).base_offset
        else:
            return
        if offset > partition.start:
            partition.start = offset
            partition.state.delete_before(offset)
            partition.log.raise_log_start_offset(offset)
            partition.state.forget_aborted()

    def truncate(self) -> None:
        """What a follower would do. Nothing here truncates a log that is in use, so the state is made anew."""
        partition = self.some_log()
        if partition is None or self.rng.random() < 0.5 or partition.name in self.store.cleaner_offsets:
            return
        offset = self.rng.randint(partition.start, partition.end)
        partition.may_be_cut_to = min((batch.base for batch in partition.batches if batch.last >= offset), default=partition.end)
        if partition.may_be_cut_to <= partition.start:
            partition.may_be_cut_to = None  # the log would begin anew, and a stop in between would lose its end
            return
        partition.safe = min(partition.safe, partition.may_be_cut_to)
        partition.offline = True
        for batch in partition.batches:
            batch.is_optional = batch.superseded_by is not None  # which may be cut off now
        partition.log.truncate_to(offset)
        partition.may_be_cut_to = None
        partition.end = partition.log.log_end_offset
        partition.start = partition.log.log_start_offset
        partition.batches = [batch for batch in partition.batches if batch.last < partition.end]
        partition.safe = min(partition.safe, partition.end)
        partition.floor = min(partition.floor, partition.start)
        self.checkpoint()
        partition.state, partition.snapshot_offset = recover(partition.log, partition.epoch, self.now_ms, NEVER_EXPIRES_MS)
        partition.offline = False

    def compact(self) -> None:
        partition = self.some_log()
        if partition is None:
            return
        log, rng = partition.log, self.rng
        sealed = log.extents()[:-1]
        if not sealed:
            return
        first = rng.randrange(len(sealed))
        group = sealed[first : first + rng.randint(1, 4)]
        known = {batch.base: batch for batch in partition.batches}
        there = [known[header.base_offset] for header in self.headers(partition, 0, sealed[-1].next_offset) if header.base_offset in known]
        inside = [batch for batch in there if group[0].base_offset <= batch.base < group[-1].next_offset]
        gone = [batch for batch in inside if batch.header.producer_id < 0 and batch is not there[-1] and rng.random() < 0.7]
        kept = [batch for batch in inside if batch not in gone]
        before = log.log_start_offset
        if partition.name not in self.store.cleaner_offsets:
            self.store.checkpoint_cleaner(log, before)
        cleaned = log.begin_cleaned(group[0].base_offset)
        try:
            if kept:
                cleaned.append_batches([(batch.data, batch.header) for batch in kept])
            for batch in gone:
                batch.superseded_by = there[-1]
            for batch in partition.batches:
                batch.is_optional |= batch.last < before
            last = group[-1].next_offset
            entries = [each for each in partition.state.aborted or () if group[0].base_offset <= each.last_offset < last]
            log.secure_cleaned(cleaned, entries)
        except StorageError:
            log.drop_cleaned(cleaned)
            raise
        try:
            replaced = log.replace(cleaned, group)
        except StorageError:
            log.drop_cleaned(cleaned)  # as a round of the cleaner does
            raise
        expect(replaced and before == log.log_start_offset, "the cleaned segment was not put in place")

    def headers(self, partition: Partition, start: int, end: int) -> list[BatchHeader]:
        """Those of the log, through `read`."""
        offset, found = max(start, partition.log.log_start_offset), []
        while offset < end and (piece := partition.log.read(offset, 1000, end, True)) is not None:
            data = piece.read()
            for at, header in iter_batches(data):
                expect(has_valid_checksum(data, at, header), f"a torn batch is served at {header.base_offset}")
                found.append(header)
            offset = found[-1].next_offset
        return found

    def delete_expired(self) -> None:
        self.store.delete_expired(self.now_ms)
        self.now_ms += self.rng.choice((0, 2000))
        self.store.delete_expired(self.now_ms)

    # --- the metadata log

    def change_metadata(self) -> None:
        assert self.metadata is not None
        if self.unsure_name is not None:
            return  # its log is offline
        self.named += 1
        name = self.unsure_name = f"n{self.named}"
        try:
            self.metadata.append([messages.TopicRecord(name=name, topic_id=bytes(16))], self.now_ms)
        except ExhaustedError:
            self.unsure_name = None
            raise
        self.names.append(name)
        self.unsure_name = None
        if self.rng.random() < 0.5:
            run_now(self.metadata.wait_safe(self.metadata.end_offset))
            self.safe_names = len(self.names)

    def snapshot_metadata(self) -> None:
        metadata = self.metadata
        assert metadata is not None
        if self.unsure_name is not None or not metadata.end_offset:
            return
        run_now(metadata.write_snapshot([messages.TopicRecord(name=name, topic_id=bytes(16)) for name in self.names], self.now_ms))
        self.safe_names = len(self.names)
        ids = metadata.files.ids()
        if len(ids) > 1 and self.rng.random() < 0.5:
            metadata.forget_before(ids[0].end_offset)
            for old in ids[1:]:
                metadata.files.delete(old)

    # --- the end of a session

    def write_everywhere(self) -> None:
        """Every log takes and gives again."""
        for partition in self.partitions.values():
            self.append_one(partition)
            partition.safe = partition.log.flush()
            expect(partition.safe == partition.end, "a flush leaves something out")

    def close(self) -> None:
        for partition in self.partitions.values():
            if not partition.offline:
                self.take_snapshot(partition)
        self.disk.note("  close")
        try:
            for error in self.store.close({}):
                raise error
            self.clean = True
        except StorageError as error:
            self.disk.note(f"  -> {error!r}")
            if not self.faults:
                raise
        store, self.store = self.store, None
        if not self.clean:
            store.abandon()
            self.end_unclean()
            return
        for partition in self.partitions.values():
            partition.safe = partition.end
            partition.floor = partition.start
        self.safe_names = len(self.names)
        if self.power and self.rng.random() < 0.5:
            self.disk.lose_power(self.rng)
        else:
            self.disk.die()
        rng = Random(f"{self.seed} {self.session}")
        if rng.random() < 0.5:
            meddle(self.disk, self.directories, rng)


OPERATIONS: tuple[Callable[[Life], None], ...] = (
    *[Life.append] * 8,
    *[Life.create_topic] * 2,
    *[Life.flush] * 2,
    *[Life.change_metadata] * 2,
    Life.delete_topic,
    Life.roll,
    Life.checkpoint,
    Life.delete_records,
    Life.retain,
    Life.truncate,
    Life.compact,
    Life.compact,
    Life.delete_expired,
    Life.snapshot_metadata,
)


def run_now(work: Coroutine[Any, Any, Any]) -> None:
    """Run what would wait for a thread, without one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata_log, "in_thread", _at_once)
        try:
            work.send(None)
        except StopIteration:
            return
    raise Wrong("it waits for something")


async def _at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
