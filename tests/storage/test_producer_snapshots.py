"""Producer snapshots on disk: nothing depends on any of them."""

import os
from typing import Any

import pytest

from tests.storage.moved_logs import Append, Open


@pytest.fixture
def log(open_disk: Open, append: Append) -> Any:
    """A log of four batches on disk, with snapshots at 3 and 4."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), store._config)
    for _ in range(4):
        append(log)
        log.write_producer_snapshot(log.log_end_offset, b"at %d" % log.log_end_offset)
    return log


def _path(log: Any, offset: int) -> str:
    return os.path.join(log.home.directory, f"{offset:020}.snapshot")


def test_snapshot_that_somebody_removed(log: Any, append: Append) -> None:
    """It is passed over, and keeps neither the next from being written nor the log from being truncated."""
    os.unlink(_path(log, 3))
    assert list(log.producer_snapshots()) == [(4, b"at 4")]
    append(log)
    log.write_producer_snapshot(5, b"at 5")
    assert list(log.producer_snapshots()) == [(5, b"at 5"), (4, b"at 4")]
    os.unlink(_path(log, 5))
    log.truncate_to(2)
    assert list(log.producer_snapshots()) == []


def test_snapshot_that_cannot_be_read(log: Any) -> None:
    """It is passed over."""
    os.unlink(_path(log, 4))
    os.mkdir(_path(log, 4))
    assert list(log.producer_snapshots()) == [(3, b"at 3")]
