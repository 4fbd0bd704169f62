"""Group commit: one fsync serves everybody who waits for it, on a thread, beside the loop.

What is asked for while a round runs goes into the next one, so a producer waits for two rounds at most.
"""

from __future__ import annotations

from typing import Protocol

import trio

from pybroker.storage.interface import Log, StorageError


class Flushable(Protocol):
    """A partition whose log is flushed for it."""

    @property
    def log(self) -> Log: ...

    def flushed(self) -> None: ...

    def take_offline(self, error: StorageError) -> None: ...


class Flusher:
    """Flushes logs on request. Without its task running (before start, after stop) it flushes at once."""

    __slots__ = ("_asked", "_lot", "_running")

    def __init__(self) -> None:
        self._asked: dict[int, Flushable] = {}
        self._lot = trio.lowlevel.ParkingLot()
        self._running = False

    def ask(self, partition: Flushable) -> None:
        """Flush the log of `partition` soon, then tell it."""
        if self._running:
            self._asked[id(partition)] = partition
            self._lot.unpark()
        else:
            settle(partition, flush_all([partition])[0])

    async def run(self) -> None:
        """Serve requests, for ever."""
        self._running = True
        try:
            while True:
                if not self._asked:
                    await self._lot.park()
                await self.flush(list(self._take()))
        finally:
            self._running = False

    def _take(self) -> list[Flushable]:
        asked, self._asked = self._asked, {}
        return list(asked.values())

    async def flush(self, partitions: list[Flushable]) -> None:
        """One round."""
        errors = await trio.to_thread.run_sync(flush_all, partitions)
        for partition, error in zip(partitions, errors, strict=True):
            settle(partition, error)


def flush_all(partitions: list[Flushable]) -> list[StorageError | None]:
    """Flush each log; blocking. One that fails does not keep the others."""
    return [_flush(partition.log) for partition in partitions]


def _flush(log: Log) -> StorageError | None:
    try:
        log.flush()
    except StorageError as error:
        return error
    return None


def settle(partition: Flushable, error: StorageError | None) -> None:
    """Tell a partition how its flush ended. After a failed fsync nothing is known of the bytes, and trying again would lie."""
    if error is None:
        partition.flushed()
    else:
        partition.take_offline(error)
