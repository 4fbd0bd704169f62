"""Work in the background of the loop that serves: a little at a time, and less where somebody waits.

A Python thread beside the loop takes the interpreter's lock for 5 ms at a time, and the loop pays that at each wake-up. So long work is a
generator (`core.compaction.Work`) that runs on the loop for half a millisecond, then lets all others run. If they had nothing to do it
goes on at once; if they had, it rests for some times as long as it ran: a broker that is busy gives the cleaner a tenth of its time, an
idle one all. Calls in C that let go of the lock go to a thread.

What the others had is counted in processor time. On a machine that is busy with other processes each turn takes long, whoever has it; that
is no reason to rest, the system's scheduler shares out already.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

import trio

from pybroker.runtime.clock import processor_s
from pybroker.runtime.threads import in_thread

T = TypeVar("T")
Job = Callable[[], bytes]

SLICE_S = 0.0005
BUSY_S = 0.00006  # an idle loop comes back within 0.02 ms, the smallest request takes 0.1
REST_SLICES = 9


class Pace:
    """How one background worker shares the loop. `longest_slice_s` is what it kept others waiting at most."""

    __slots__ = ("_began", "_began_processor_s", "longest_slice_s", "worked_s")

    def __init__(self) -> None:
        self._begin()
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
            self._begin()

    async def pause(self) -> None:
        """Let everybody else run."""
        self._note()
        stopped, stopped_processor_s = trio.current_time(), processor_s()
        await trio.lowlevel.checkpoint()
        if trio.current_time() - stopped > BUSY_S and processor_s() - stopped_processor_s > BUSY_S:
            await trio.sleep(REST_SLICES * (stopped_processor_s - self._began_processor_s))
        self._begin()

    def _begin(self) -> None:
        self._began, self._began_processor_s = trio.current_time(), processor_s()

    def _note(self) -> None:
        worked_s = trio.current_time() - self._began
        self.worked_s += worked_s
        self.longest_slice_s = max(self.longest_slice_s, worked_s)
