"""Making way for names that are used again (`storage/departed`), beside the loop: else a first append, or a move, would wait for a disk.

One call serves all names. So there is one at a time, for which everybody waits who needs one, and it takes no thread from others. What goes
while it runs may need another. If it fails, the log directories are tried: without one that is offline from then on it is made again. Else
all who waited for it go on without; it is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

import trio

from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.interface import LogStore

logger = logging.getLogger("pybroker")


class Way:
    """Of one store. `look` tries all log directories, and says whether one is offline from then on."""

    __slots__ = ("_limiter", "_running", "_store", "look")

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._limiter = trio.CapacityLimiter(1)
        self._running: Call | None = None
        self.look: Callable[[], Awaitable[bool]] | None = None

    async def make(self, topics: Iterable[str]) -> None:
        """Until nothing is in the way of new logs of these topics, or it cannot be taken away just now. At once if nothing is."""
        names = list(topics)
        while any(map(self._store.is_in_the_way, names)):
            call = self._running
            if call is None:
                call = self._running = Call()
                await self._carry_out(call)
            else:
                await call.ended.wait()
            if call.failed:
                return

    async def _carry_out(self, call: Call) -> None:
        try:
            await in_thread(self._store.make_way, limiter=self._limiter)
        except StorageError as error:
            call.failed = not await self._lost_a_directory(error)
            if call.failed:
                logger.warning("names are used again while checkpoints still tell of the logs that had them before: %s", error)
        finally:
            self._running = None
            call.ended.set()

    async def _lost_a_directory(self, error: StorageError) -> bool:
        return self.look is not None and not isinstance(error, ExhaustedError) and await self.look()


class Call:
    """One that runs, or ran."""

    __slots__ = ("ended", "failed")

    def __init__(self) -> None:
        self.ended = trio.Event()
        self.failed = False
