"""What a broker does by the clock: flush by time, write checkpoints, forget producers, drop old segments, remove what was renamed away.

One task; each duty says when it is due next. What blocks runs on a thread. A duty that fails is told and done again when it is due again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Protocol

import trio

from pybroker.core.settings import Settings
from pybroker.runtime.clock import Clock
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.partition import NEVER, LivePartition
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.interface import LogStore
from pybroker.wire.errors import KafkaError

logger = logging.getLogger(__name__)

FLUSH_CHECK_MS = 1_000
"""How often `flush.ms` is looked at where log.flush.scheduler.interval.ms leaves it open."""

DELETE_CHECK_MS = 60_000
"""How often is looked for what was renamed away, where nobody said that there is something."""

PARTITIONS_PER_TURN = 100  # retention looks at one in some 5 us

Duty = Callable[[int], Awaitable[None]]


class Kept(Protocol):
    """The partitions that are looked after."""

    def __iter__(self) -> Iterator[LivePartition]: ...

    def high_watermarks(self) -> dict[tuple[str, int], int]: ...


class Housekeeping:
    """The duties of one broker. `suspect` is told if a checkpoint fails for another reason than a full disk."""

    __slots__ = ("_clock", "_delete_due_ms", "_flusher", "_partitions", "_settings", "_store", "_suspect")

    def __init__(
        self,
        partitions: Kept,
        store: LogStore,
        settings: Settings,
        clock: Clock,
        flusher: Flusher,
        suspect: Callable[[], None] = lambda: None,
    ) -> None:
        self._partitions = partitions
        self._store = store
        self._settings = settings
        self._clock = clock
        self._flusher = flusher
        self._suspect = suspect
        self._delete_due_ms = NEVER

    def start(self, nursery: trio.Nursery) -> None:
        """Start the task; it ends with the nursery."""
        nursery.start_soon(self.run, name="housekeeping")

    async def run(self) -> None:
        """Carry out what is due, for ever."""
        now_ms = self._clock.now_ms()
        due = [(now_ms + every(), every, duty) for every, duty in self._duties()]
        while True:
            await self._clock.sleep_until_ms(min(at for at, _, _ in due))
            now_ms = self._clock.now_ms()
            for index, (at, every, duty) in enumerate(due):
                if at <= now_ms:
                    await _carry_out(duty, now_ms)
                    due[index] = self._clock.now_ms() + every(), every, duty
            due[-1] = min(due[-1][0], self._delete_due_ms), *due[-1][1:]

    def _duties(self) -> list[tuple[Callable[[], int], Duty]]:
        interval_ms = self._settings.get
        return [
            (self._flush_interval_ms, self.flush_by_time),
            (partial(interval_ms, "log.flush.offset.checkpoint.interval.ms"), self.checkpoint),
            (partial(interval_ms, "producer.id.expiration.check.interval.ms"), self.expire_producers),
            (partial(interval_ms, "log.retention.check.interval.ms"), self.retain),
            (lambda: DELETE_CHECK_MS, self.delete_expired),
        ]

    def _flush_interval_ms(self) -> int:
        return min(FLUSH_CHECK_MS, int(self._settings.get("log.flush.scheduler.interval.ms")))

    async def flush_by_time(self, now_ms: int) -> None:
        """Flush the logs whose `flush.ms` is over, and those whose disk was full."""
        self._flusher.ask_again()
        for live in self._partitions:
            if live.needs_flush(now_ms):
                self._flusher.ask(live)

    async def checkpoint(self, now_ms: int) -> None:
        """Write recovery points, log starts and high watermarks."""
        try:
            await in_thread(self._store.checkpoint, self._partitions.high_watermarks())
        except StorageError as error:
            if not isinstance(error, ExhaustedError):
                self._suspect()
            raise

    async def expire_producers(self, now_ms: int) -> None:
        """Forget producers that wrote nothing for producer.id.expiration.ms."""
        expiration_ms = self._settings.get("producer.id.expiration.ms")
        for live in self._partitions:
            live.state.producers.expire(now_ms, expiration_ms)

    async def retain(self, now_ms: int) -> None:
        """Drop the segments that are too old or too many."""
        dropped = False
        for number, live in enumerate(list(self._partitions), start=1):
            if number % PARTITIONS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            try:
                dropped = live.retain(now_ms) or dropped
            except KafkaError as error:
                logger.warning("%r: segments are kept beyond their time: %s", live, error)
        if dropped:
            await self.delete_expired(now_ms)  # from now on their delay counts

    async def delete_expired(self, now_ms: int) -> None:
        """Remove the files of deleted topics and segments once their delay is over."""
        self._delete_due_ms = NEVER
        due_ms = await in_thread(self._store.delete_expired, now_ms)
        if due_ms is not None:
            self._delete_due_ms = due_ms


async def _carry_out(duty: Duty, now_ms: int) -> None:
    try:
        await duty(now_ms)
    except StorageError as error:
        logger.warning("%s: %s", duty.__name__, error)
    except Exception:
        logger.exception("%s failed", duty.__name__)
