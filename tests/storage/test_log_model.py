"""A log beside a model that is a plain list, through random lives with restarts, clean and not."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.storage.interface import LogConfig
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore

CONFIG = LogConfig(segment_bytes=700, index_interval_bytes=150)
Append = Callable[..., bytes]


@dataclass
class Batch:
    base: int
    last: int
    timestamp: int
    epoch: int
    data: bytes


class Life:
    """A log, its store, and what the log should hold."""

    def __init__(self, directory: str | None, append: Append) -> None:
        self.directory = directory
        self.append = append
        self.batches: list[Batch] = []
        self.start = self.checkpointed_start = 0
        self.epoch = 0
        self.store = self.open()
        self.log = self.store.create("t", 0, bytes(16), CONFIG)

    def open(self) -> Any:
        if self.directory is None:
            return MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1))
        return DiskLogStore.open([self.directory], cluster_id=None, node_id=1, rng=Random(1), config=CONFIG, max_open_files=2)

    def write(self, count: int, size: int, timestamp: int, gap: int, epoch_step: int) -> None:
        self.epoch += epoch_step
        base = self.log.log_end_offset + gap
        data = self.append(self.log, count, size=size, timestamp=timestamp, gap=gap, epoch=self.epoch)
        self.batches.append(Batch(base, base + count - 1, timestamp, self.epoch, data))

    def truncate(self, part: float) -> None:
        offset = self.start + int(part * (self.log.log_end_offset - self.start))
        self.log.truncate_to(offset)
        if offset < self.log.log_end_offset:
            raise AssertionError("the log is longer than asked for")
        self.batches = [batch for batch in self.batches if batch.last < offset]

    def raise_start(self, part: float) -> None:
        offset = self.start + int(part * (self.log.log_end_offset - self.start))
        self.log.raise_log_start_offset(offset)
        self.start = max(self.start, offset)

    def restart(self, clean: bool) -> None:
        if self.directory is None:
            return
        end = self.log.log_end_offset
        self.store.close({}) if clean else self.store.abandon()
        self.store = self.open()
        log = self.store.get("t", 0)
        if log is None:
            log = self.store.create("t", 0, bytes(16), CONFIG)
        assert log.log_end_offset == end
        assert log.recovery.cut_reason is None
        self.log = log
        if clean:
            assert log.log_start_offset == self.start
        assert log.log_start_offset <= self.start
        self.log.raise_log_start_offset(self.start)

    def check(self, part: float, upper_part: float, max_bytes: int, min_one: bool) -> None:
        log = self.log
        end = log.log_end_offset
        assert end >= (self.batches[-1].last + 1 if self.batches else 0)
        assert log.log_start_offset == self.start
        kept = [batch for batch in self.batches if batch.last >= self.start]
        assert b"".join(found.read() for _, found in log.batches(self.start)) == b"".join(batch.data for batch in kept)
        for batch in kept:
            assert log.epoch_at(max(batch.base, self.start)) == batch.epoch
        offset = self.start + int(part * (end - self.start))
        upper = offset + int(upper_part * (end - offset))
        found = log.read(offset, max_bytes, upper, min_one)
        assert (b"" if found is None else found.read()) == self.expected(kept, offset, upper, max_bytes, min_one)
        timestamp = 1000 + int(part * 100)
        young = next((batch for batch in kept if batch.timestamp >= timestamp), None)
        answer = log.offset_for_timestamp(timestamp, end)
        assert (answer and answer.offset) == (young and max(young.base, self.start))

    def expected(self, kept: list[Batch], offset: int, upper: int, max_bytes: int, min_one: bool) -> bytes:
        batches = [batch for batch in kept if batch.last >= offset and batch.last < upper]
        if not batches:
            return b""
        following = [segment.base_offset for segment in self.log.segments() if segment.base_offset > batches[0].base]
        data = b""
        for batch in batches:
            too_much = len(data) + len(batch.data) > max_bytes and not (min_one and not data)
            if too_much or (following and batch.base >= following[0]):
                break
            data += batch.data
        return data


PARTS = st.floats(0, 1)
STEPS = st.one_of(
    st.tuples(
        st.just("write"),
        st.integers(1, 4),
        st.sampled_from([1, 30, 300, 900]),
        st.integers(1000, 1100),
        st.sampled_from([0, 0, 0, 5]),
        st.sampled_from([0, 0, 1]),
    ),
    st.tuples(st.just("write"), st.integers(1, 4), st.just(30), st.integers(1000, 1100), st.just(0), st.just(0)),
    st.tuples(st.just("roll")),
    st.tuples(st.just("flush")),
    st.tuples(st.just("checkpoint")),
    st.tuples(st.just("truncate"), PARTS),
    st.tuples(st.just("raise_start"), PARTS),
    st.tuples(st.just("restart"), st.booleans()),
    st.tuples(st.just("check"), PARTS, PARTS, st.sampled_from([0, 100, 200, 500, 10_000]), st.booleans()),
)


def live(directory: str | None, append: Append, steps: list[Any]) -> None:
    """One life, checked after each step."""
    life = Life(directory, append)
    try:
        for name, *arguments in steps:
            if name == "roll":
                life.log.roll(0)
            elif name == "flush":
                life.log.flush()
            elif name == "checkpoint":
                life.store.checkpoint({})
            else:
                getattr(life, name)(*arguments)
            life.check(0.5, 1.0, 10_000, True)
    finally:
        if isinstance(life.store, DiskLogStore):
            life.store.abandon()


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=300)
@given(steps=st.lists(STEPS, max_size=40))
def test_disk_log_is_a_list(append: Append, steps: list[Any]) -> None:
    """Whatever is done to a log on disk, it answers as a list of batches would."""
    with tempfile.TemporaryDirectory() as directory:
        live(directory, append, steps)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=200)
@given(steps=st.lists(STEPS, max_size=40))
def test_memory_log_is_a_list(append: Append, steps: list[Any]) -> None:
    """Whatever is done to a log in memory, it answers as a list of batches would."""
    live(None, append, steps)
