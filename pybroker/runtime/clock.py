"""The only place that reads a clock. Milliseconds since the epoch, as Kafka's records carry them."""

from __future__ import annotations

import time
from typing import Protocol

import trio

from pybroker.runtime.threads import take_no_time


def processor_s() -> float:
    """Seconds of processor time that this thread has had: what others on the machine do does not count."""
    return time.thread_time()


def kept_waiting_s() -> float:
    """Seconds that this thread was ready to run while others of the machine had the processors; always 0 where the system does not say."""
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:  # Linux: nanoseconds of running, then of waiting
            return int(file.read(100).split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class Clock(Protocol):
    """Time as the broker sees it: `now_ms` for decisions, `sleep_until_ms` for the few tasks that keep time."""

    def now_ms(self) -> int: ...

    async def sleep_until_ms(self, deadline_ms: int) -> None: ...


class SystemClock:
    """Wall-clock time; sleeps are measured on trio's clock, so that a test's `MockClock` can jump over them."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        await trio.sleep(max(0, deadline_ms - self.now_ms()) / 1000)


class TrioClock:
    """Time that follows trio's clock from a fixed start: with `trio.testing.MockClock` a whole broker runs in virtual time.

    It belongs to the run of trio that first asks it, on the loop; other threads may ask from then on. Calls that would block take no time
    (`runtime/threads.py`), so such a run is deterministic.
    """

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = start_ms
        self._origin = 0.0
        self._clock: trio.abc.Clock | None = None

    def now_ms(self) -> int:
        if self._clock is None:
            self._clock = trio.lowlevel.current_clock()
            self._origin = self._clock.current_time()
            take_no_time()
        return self._start_ms + round((self._clock.current_time() - self._origin) * 1000)

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        await trio.sleep(max(0, deadline_ms - self.now_ms()) / 1000)
