"""Group commit: one fsync serves everybody who waits for it, on a thread, beside the loop.

What is asked for while a round runs goes into the next one, so a producer waits for two rounds at most. Where the disk is too full to note
what was flushed, the bytes are there all the same: who waits goes on waiting, and housekeeping asks again (`ask_again`).
"""

from __future__ import annotations

import logging
from typing import Protocol

import trio

from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.interface import Log

logger = logging.getLogger(__name__)


class Flushable(Protocol):
    """A partition whose log is flushed for it."""

    @property
    def log(self) -> Log: ...

    def flushed(self) -> None: ...

    def take_offline(self, error: StorageError) -> None: ...


class Flusher:
    """Flushes logs on request. Without its task running (before start, after stop) it flushes at once."""

    __slots__ = ("_asked", "_full", "_held", "_lot", "_running")

    def __init__(self) -> None:
        self._asked: dict[int, Flushable] = {}
        self._full: dict[int, Flushable] = {}
        self._held: dict[int, bool] = {}  # whether it was asked for meanwhile
        self._lot = trio.lowlevel.ParkingLot()
        self._running = False

    def ask(self, partition: Flushable) -> None:
        """Flush the log of `partition` soon, then tell it."""
        if id(partition) in self._held:
            self._held[id(partition)] = True
        elif self._running:
            self._asked[id(partition)] = partition
            self._lot.unpark()
        else:
            self._settle(partition, flush_all([partition])[0])

    def hold(self, partition: Flushable) -> None:
        """Begin no flush of a log that would only move on what something else is being made as durable as; who asks waits."""
        self._held.setdefault(id(partition), False)

    def release(self, partition: Flushable) -> None:
        """End `hold`: what was asked for meanwhile is done."""
        if self._held.pop(id(partition), False):
            self.ask(partition)

    def ask_again(self) -> None:
        """Try those whose disk was full."""
        for partition in list(self._full.values()):
            self.ask(partition)

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
        errors = await in_thread(flush_all, partitions)
        for partition, error in zip(partitions, errors, strict=True):
            self._settle(partition, error)

    def _settle(self, partition: Flushable, error: StorageError | None) -> None:
        """Tell a partition how its flush ended. After a failed fsync nothing is known of the bytes, and trying again would lie."""
        if isinstance(error, ExhaustedError):
            if id(partition) not in self._full:
                logger.warning("%s; it is tried again until there is room", error)
            self._full[id(partition)] = partition
            return
        was_full = self._full.pop(id(partition), None) is not None
        if error is None:
            if was_full:
                logger.info("%s-%d is flushed again: there is room", partition.log.topic, partition.log.partition)
            partition.flushed()
        else:
            partition.take_offline(error)


def flush_all(partitions: list[Flushable]) -> list[StorageError | None]:
    """Flush each log; blocking. One that fails does not keep the others."""
    return [_flush(partition.log) for partition in partitions]


def _flush(log: Log) -> StorageError | None:
    try:
        log.flush()
    except StorageError as error:
        return error
    return None
