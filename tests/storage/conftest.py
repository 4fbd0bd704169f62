"""Stores to test, on disk and in memory, and batches to put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.storage.interface import LogConfig
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from tests.storage.moved_logs import KEY, Append, Open, aborted

SMALL = LogConfig(segment_bytes=1000, index_interval_bytes=200)


def _append(log: Any, count: int = 1, *, size: int = 23, timestamp: int = 1000, epoch: int = 0, gap: int = 0, now_ms: int = 0) -> bytes:
    """Append one batch of `count` records at the end of the log; returns its bytes, 92 of them by default."""
    base_offset = log.log_end_offset + gap
    rows = [(b"k", bytes([65 + base_offset % 26]) * size)] * count
    batch = build_batch(rows, base_offset=base_offset, timestamp=timestamp, leader_epoch=epoch)
    log.append(memoryview(bytearray(batch)), read_header(batch), now_ms)
    return batch


@pytest.fixture(scope="session")
def append() -> Callable[..., bytes]:
    """Appends a batch: `append(log, count, size=, timestamp=, epoch=, gap=, now_ms=)`."""
    return _append


@pytest.fixture
def small() -> LogConfig:
    """Segments of about eight batches of 92 bytes."""
    return SMALL


@pytest.fixture
def open_disk(tmp_path: Path) -> Iterator[Callable[..., DiskLogStore]]:
    """Opens a store on the test's directory; arguments as of `DiskLogStore.open`."""
    opened: list[DiskLogStore] = []

    def open_store(*directories: str, **arguments: Any) -> DiskLogStore:
        arguments = {"cluster_id": None, "node_id": 1, "rng": Random(1), "config": SMALL, **arguments}
        store = DiskLogStore.open(directories or [str(tmp_path / "data")], **arguments)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.abandon()


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest) -> Any:
    """Each kind of store, empty."""
    if request.param == "memory":
        return MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1))
    return request.getfixturevalue("open_disk")()


@pytest.fixture
def log(store: Any) -> Any:
    """An empty log with small segments."""
    return store.create("orders", 3, bytes(range(16)), SMALL)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two log directories."""
    return [str(tmp_path / "a"), str(tmp_path / "b")]


@pytest.fixture
def filled(open_disk: Open, append: Append, paths: list[str]) -> tuple[Any, Any]:
    """A store of two directories, and a log of three segments in the first."""
    store = open_disk(*paths)
    log = store.create(*KEY, bytes(range(16)), store._config, paths[0])
    for number in range(24):
        append(log, timestamp=1000 + number, epoch=number // 10)
    log.add_aborted(aborted(3))
    log.add_aborted(aborted(22))
    return store, log
