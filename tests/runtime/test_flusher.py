"""Flushes that are held back while something else is made durable."""

from __future__ import annotations

from typing import Any

import pytest

from pybroker.runtime.flusher import Flusher
from pybroker.storage.errors import StorageError


class Partition:
    """One whose log is flushed at once, and counted."""

    def __init__(self) -> None:
        self.flushes = 0
        self.told = 0

    @property
    def log(self) -> Any:
        return self

    def flush(self) -> int:
        self.flushes += 1
        return 0

    def flushed(self) -> None:
        self.told += 1

    def take_offline(self, error: StorageError) -> None:
        raise AssertionError(error)


@pytest.mark.parametrize("holds", [1, 2])
def test_who_asks_while_flushes_are_held_is_told_after(holds: int) -> None:
    """Also if they are held anew before they were let go: nobody who asked is forgotten."""
    flusher, partition = Flusher(), Partition()
    flusher.hold(partition)
    flusher.ask(partition)
    for _ in range(holds - 1):
        flusher.hold(partition)
    assert (partition.flushes, partition.told) == (0, 0)
    flusher.release(partition)
    assert (partition.flushes, partition.told) == (1, 1)
    flusher.release(partition)
    flusher.ask(partition)
    assert (partition.flushes, partition.told) == (2, 2)


def test_nobody_asked_while_flushes_were_held() -> None:
    """Then nothing is flushed when they are let go."""
    flusher, partition = Flusher(), Partition()
    flusher.hold(partition)
    flusher.release(partition)
    assert partition.flushes == 0
