"""Logs that move while the power goes: what a flush made durable is there, in one log, wherever it goes on.

STORAGE_SEEDS=2000 python -m pytest -m slow tests/storage/test_moves_power.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from pybroker.storage.errors import StorageError
from pybroker.storage.futures import CopiedLog
from pybroker.storage.interface import LogConfig, Owner
from pybroker.storage.store import DiskLogStore
from pybroker.testing.simulated_disk import Plan, SimulatedDisk, Stop

Append = Callable[..., bytes]

SEEDS = int(os.environ.get("STORAGE_SEEDS", "300"))
PATHS = ("/a", "/b")
KEY = ("t", 0)
TOPIC_ID = bytes(range(16))
CONFIG = LogConfig(segment_bytes=400, file_delete_delay_ms=0)
ALL = 10**9
MAX_STEPS = 260  # a life with its moves makes so many changes to the disk


class Moving:
    """A log that is written, flushed, moved back and forth, and restarted, and what of it must not be lost."""

    def __init__(self, seed: int, append: Append) -> None:
        self.rng = Random(seed)
        self.disk = SimulatedDisk()
        self.append = append
        self.written: list[bytes] = []
        self.durable = 0
        self.start = 0
        self.said = PATHS[0]  # where the metadata has the log

    def open(self) -> DiskLogStore:
        store = DiskLogStore.open(PATHS, cluster_id=None, node_id=1, rng=Random(1), config=CONFIG, files=self.disk)
        store.settle(lambda topic, partition: Owner(TOPIC_ID, self.said))
        return store

    def run(self) -> None:
        """Sessions that end in a power failure, and one that does not."""
        for _ in range(3):
            self.disk.plan = Plan(at=self.rng.randrange(MAX_STEPS), fault=Stop())
            with suppress(Stop):
                self.session()
            self.disk.lose_power(self.rng)
            self.disk.plan = None
        self.check(self.open())

    def session(self) -> None:
        store = self.open()
        self.check(store)
        log: Any = store.get(*KEY)
        if log is None or log.topic_id == bytes(16):  # its id was not durable: the metadata gives it again
            log = store.create(*KEY, TOPIC_ID, CONFIG, self.said)
        self.said = log.directory
        for _ in range(self.rng.randrange(1, 4)):
            self.write(log)
            log = self.move(store, log)
            self.write(log)
            if self.rng.random() < 0.3:
                store.checkpoint({})
            store.delete_expired(0)
        if self.rng.random() < 0.3:
            store.close({})

    def write(self, log: Any) -> None:
        """Some batches, flushed or not; now and then the first of them go."""
        del self.written[log.log_end_offset :]
        for _ in range(self.rng.randrange(6)):
            self.written.append(b"")
            self.written[-1] = self.append(log, timestamp=len(self.written))
        if self.rng.random() < 0.7:
            log.flush()
            self.durable = log.log_end_offset
        if self.rng.random() < 0.2:
            self.start = max(self.start, self.rng.randrange(log.log_end_offset + 1))
            log.raise_log_start_offset(self.start)

    def move(self, store: DiskLogStore, log: Any) -> Any:
        """Go on with the copy that is there, or begin one; it may be left alone half-way, or be given up."""
        future = store.future(*KEY) or store.begin_move(log, PATHS[1 - PATHS.index(log.directory)])
        self.copy(log, future, self.rng.choice((2, ALL)))
        if self.rng.random() < 0.2:
            return log
        if self.rng.random() < 0.1:
            store.drop_move(log)
            return log
        assert store.secure_moves([(log, future)]) == [None]
        self.said = future.directory
        self.write(log)
        self.copy(log, future, ALL)
        for _ in range(3):
            moved = store.finish_move(log)
            if moved is not None:
                return moved.log
            future.flush()
        raise AssertionError("the copy is never ready")

    def copy(self, log: Any, future: CopiedLog, count: int) -> None:
        bases = [extent.base_offset for extent in log.extents()]
        start = max(future.log_end_offset, log.log_start_offset)
        for header, piece in list(log.batches(start))[:count]:
            if header.base_offset >= start:
                future.copy_batches([(piece.read(), header)], max(base for base in bases if base <= header.base_offset))
        if count == ALL:
            future.skip_to(log.log_end_offset)

    def check(self, store: DiskLogStore) -> None:
        """All that is durable is in the log, and nothing that was not written."""
        log = store.get(*KEY)
        self.start = min(self.start, log.log_end_offset if log is not None else 0)
        if log is None:
            assert self.durable == 0
            return
        assert log.log_end_offset >= self.durable
        assert log.log_start_offset <= max(self.start, self.durable)
        found = {header.base_offset: piece.read() for header, piece in log.batches(log.log_start_offset)}
        for offset, batch in found.items():
            assert batch == self.written[offset]
        assert set(range(max(self.start, log.log_start_offset), log.log_end_offset)) <= set(found)
        self.durable = log.log_end_offset if log.recovery_point == log.log_end_offset else self.durable


def some_lives(append: Append, seeds: range) -> None:
    """Run them; a failure names its seed."""
    for seed in seeds:
        life = Moving(seed, append)
        try:
            life.run()
        except (AssertionError, StorageError) as error:
            raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(life.disk.trace)) from error


@pytest.mark.parametrize("first", range(0, 20, 5))
def test_a_few_moves(append: Append, first: int) -> None:
    """Twenty lives."""
    some_lives(append, range(first, first + 5))


@pytest.mark.slow
def test_many_moves(append: Append) -> None:
    """As many as there is time for."""
    some_lives(append, range(SEEDS))
