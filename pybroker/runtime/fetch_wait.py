"""Parked fetches: one waiter over several partitions, one heap of deadlines, one task that keeps them.

A nursery or a cancel scope per parked request would cost more than the fetch; a waiter costs one object and one switch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

import trio

TIDY_ABOVE = 1024
"""Entries whose waiters are long gone cost nothing up to here."""


class Watched(Protocol):
    """What a waiter can be woken by."""

    def watch(self, waiter: Waiter) -> None: ...

    def unwatch(self, waiter: Waiter) -> None: ...


class Waiter:
    """Woken once: when `missing_bytes` more may be read from what it watches, when something there goes wrong, or at its deadline."""

    __slots__ = ("_missing_bytes", "_task", "_watched", "woken")

    def __init__(self, watched: Collection[Watched], missing_bytes: int) -> None:
        self._missing_bytes = missing_bytes
        self._task: trio.lowlevel.Task | None = None
        self._watched = watched
        self.woken = False
        for one in watched:
            one.watch(self)

    def more(self, size_bytes: int) -> None:
        """So many bytes more may be read."""
        self._missing_bytes -= size_bytes
        if self._missing_bytes <= 0:
            self.wake()

    def wake(self) -> None:
        self.woken = True
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    async def wait(self) -> None:
        """Until woken; returns at once if that has happened. Cancelled: nothing is left behind but what `close` removes."""
        if self.woken:
            return
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _raise_cancel: Callable[[], Any]) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def close(self) -> None:
        for one in self._watched:
            one.unwatch(self)
        self._watched = ()
        self.woken = True


class Deadlines:
    """Wakes waiters when their time has come. Deadlines are on trio's clock, in seconds: a wall clock that jumps moves none."""

    __slots__ = ("_heap", "_number", "_scope", "_tidy_at")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiter]] = []
        self._number = 0
        self._scope: trio.CancelScope | None = None
        self._tidy_at = TIDY_ABOVE

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, deadline: float, waiter: Waiter) -> None:
        """Wake `waiter` at `deadline`, unless it was closed before."""
        self._number += 1
        if len(self._heap) >= self._tidy_at:
            self._tidy()
        heappush(self._heap, (deadline, self._number, waiter))
        if self._scope is not None and deadline < self._scope.deadline:
            self._scope.deadline = deadline

    def _tidy(self) -> None:
        """Drop those that were woken before their time: one with a long deadline may be parked and woken a thousand times a second."""
        self._heap = [entry for entry in self._heap if not entry[2].woken]
        heapify(self._heap)
        self._tidy_at = max(TIDY_ABOVE, 2 * len(self._heap))

    async def run(self) -> None:
        """Keep the deadlines, for ever."""
        while True:
            first = self._heap[0][0] if self._heap else math.inf
            with trio.CancelScope(deadline=first) as self._scope:
                await trio.sleep_forever()
            self._expire(trio.current_time())

    def _expire(self, now: float) -> None:
        heap = self._heap
        while heap and (heap[0][0] <= now or heap[0][2].woken):
            heappop(heap)[2].wake()
