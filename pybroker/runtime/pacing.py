"""Work in the background of the loop that serves: a little at a time, and less where somebody waits.

A Python thread beside the loop takes the interpreter's lock for 5 ms at a time, and the loop pays that at each wake-up. So long work is a
generator (`core.compaction.Work`) that runs on the loop for half a millisecond, then lets all others run. If they had nothing to do it
goes on at once; if they had, it rests for some times as long as it ran: a broker that is busy gives the cleaner a tenth of its time, an
idle one all. Calls in C that let go of the lock go to a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

import trio

from pybroker.runtime.threads import in_thread

T = TypeVar("T")
Job = Callable[[], bytes]

SLICE_S = 0.0005
BUSY_S = 0.0003  # an idle loop comes back within 0.05 ms
REST_SLICES = 9


class Pace:
    """How one background worker shares the loop. `longest_slice_s` is what it kept others waiting at most."""

    __slots__ = ("_began", "longest_slice_s", "worked_s")

    def __init__(self) -> None:
        self._began = trio.current_time()
        self.longest_slice_s = self.worked_s = 0.0

    async def carry_out(self, work: Generator[Job | None, bytes | None, T]) -> T:
        """Run a piece of work to its end, with pauses, and return its result."""
        answer: bytes | None = None
        while True:
            try:
                job = work.send(answer)
            except StopIteration as end:
                result: T = end.value
                if trio.current_time() - self._began > SLICE_S:
                    await self.pause()
                return result
            answer = None
            if job is not None:
                answer = await self.in_thread(job)
            elif trio.current_time() - self._began > SLICE_S:
                await self.pause()

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Make a call that blocks without holding the interpreter."""
        self._note()
        try:
            return await in_thread(call)
        finally:
            self._began = trio.current_time()

    async def pause(self) -> None:
        """Let everybody else run."""
        worked_s = self._note()
        stopped = trio.current_time()
        await trio.lowlevel.checkpoint()
        if trio.current_time() - stopped > BUSY_S:
            await trio.sleep(REST_SLICES * worked_s)
        self._began = trio.current_time()

    def _note(self) -> float:
        worked_s = trio.current_time() - self._began
        self.worked_s += worked_s
        self.longest_slice_s = max(self.longest_slice_s, worked_s)
        return worked_s
