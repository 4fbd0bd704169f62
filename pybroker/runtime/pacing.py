"""Work in the background of the loop that serves: a little at a time, and less where somebody waits.

A Python thread beside the loop takes the interpreter's lock for 5 ms at a time, and the loop pays that at each wake-up. So long work is a
generator (`core.compaction.Work`) that runs on the loop for half a millisecond, then lets all others run. Calls in C that let go of the
lock go to a thread.

Rules
- If the others had nothing to do the work goes on at once: an idle broker gives it all.
- If they had, it rests, and sees what they do in that time. If that was nothing it goes on.
- Else it rests after each slice, for nine times its length where the others need up to half of the loop: there is room for both. Where
  they need more the rests grow with it, to 48 times from seven tenths on: so much a producer at full speed needs to keep nine tenths of
  its rate. Nothing makes a rest longer than that: the work has at least a 49th of what the loop gets, and a tenth beside a moderate load.
- A slice may be in pieces, with calls on a thread between them.
- Several workers who share a `Turn` work and rest one at a time. What they do beside that, for calls on threads, is not the work of others.
- One look is not enough: the loop runs who is ready in random order, so the work may have its turn again before a request that came
  meanwhile; what is seen during a rest cannot be missed.
- The others had something to do if one of them took a step: on a machine that is busy an empty turn may cost as much as a small request.

The share that others need is their processor time, of the time in which the loop ran or had nothing to do. On a machine that is busy with
other processes each turn takes long, whoever has it; that the loop is kept waiting for a processor is neither, so for that alone nobody
rests: the system's scheduler shares out already.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import trio

from pybroker.runtime.clock import kept_waiting_s, processor_s
from pybroker.runtime.threads import in_thread

T = TypeVar("T")
Job = Callable[[], bytes]

SLICE_S = 0.0005
BUSY_S = 0.00006  # an idle loop comes back within 0.02 ms, the smallest request takes 0.1
BUSY_SHARE = 0.02  # of a rest; what an idle broker does by itself is less
FIRST_REST_S = 0.001  # to see whether what they had was all: on a busy machine an idle loop may take long, too
LEAST_REST, LEAST_UP_TO = 9.0, 0.5
HANDING_OVER = "<TrioToken.run_sync_soon task>"  # trio's own task, which wakes up who waits for a thread
MOST_REST, MOST_FROM = 48.0, 0.7


class Turn:
    """What workers share who take turns on the loop. `tasks`: theirs."""

    __slots__ = ("lock", "tasks")

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.tasks: set[trio.lowlevel.Task] = set()


class Pace:
    """How one background worker shares the loop. `longest_slice_s` is what it kept others waiting at most."""

    __slots__ = ("_began", "_began_processor_s", "_fellows", "_others_share", "_unrested_s", "longest_slice_s", "worked_s")

    def __init__(self) -> None:
        self._others_share = 0.0  # of the loop during the last rests; 0: they had nothing to do when last seen
        self._unrested_s = 0.0  # processor time since the last rest
        self._fellows: Collection[trio.lowlevel.Task] = ()
        self.begin()
        self.longest_slice_s = self.worked_s = 0.0

    def begin(self) -> None:
        """Work begins now, after a wait that was for others."""
        self._began, self._began_processor_s = trio.current_time(), processor_s()

    async def carry_out(self, work: Generator[Job | None, bytes | None, T]) -> T:
        """Run a piece of work to its end, with pauses, and return its result."""
        answer: bytes | None = None
        while True:
            try:
                job = work.send(answer)
            except StopIteration as end:
                result: T = end.value
                if self._slice_is_over():
                    await self.pause()
                return result
            answer = None
            if job is not None:
                answer = await self.in_thread(job)
            elif self._slice_is_over():
                await self.pause()

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Make a call that blocks without holding the interpreter."""
        self._note()
        try:
            return await in_thread(call)
        finally:
            self.begin()

    async def sleep(self, length_s: float) -> None:
        """Wait for a reason of the work's own, a throttle; what others do meanwhile is not its work."""
        self._note()
        await trio.sleep(length_s)
        self.begin()

    @asynccontextmanager
    async def alone(self, turn: Turn) -> AsyncGenerator[None, None]:
        """Work while none of those works who share a turn, and rest so: together they take no more of the loop than one of them would."""
        self._fellows = turn.tasks
        async with self.holding(turn.lock):
            yield

    @asynccontextmanager
    async def holding(self, lock: trio.Lock) -> AsyncGenerator[None, None]:
        """Hold a lock; to wait for it is not work."""
        self._note()
        async with lock:
            self.begin()
            yield

    async def pause(self) -> None:
        """Let everybody else run."""
        self._note()
        if self._others_share:
            share = await _rest_beside(self._fellows, self._unrested_s * rest_after(self._others_share))
            self._others_share = (self._others_share + share) / 2 if share > BUSY_SHARE else 0.0
        else:
            self._others_share = await _first_look(self._fellows)
        self._unrested_s = 0.0
        self.begin()

    def _slice_is_over(self) -> bool:
        return self._unrested_s + trio.current_time() - self._began > SLICE_S

    def _note(self) -> None:
        worked_s = trio.current_time() - self._began
        self.worked_s += worked_s
        self.longest_slice_s = max(self.longest_slice_s, worked_s)
        self._unrested_s += processor_s() - self._began_processor_s


def rest_after(others_share: float) -> float:
    """How long to rest after work of length 1, where the others need that share of the loop: the longer the more they need."""
    part = (others_share - LEAST_UP_TO) / (MOST_FROM - LEAST_UP_TO)
    return LEAST_REST + (MOST_REST - LEAST_REST) * min(1.0, max(0.0, part))


async def _first_look(fellows: Collection[trio.lowlevel.Task]) -> float:
    """Give way once; the share that others need if that was of use to them."""
    with _counted(fellows) as steps:
        took_s, used_s = await _wait(0.0)
        if not steps.of_others or min(took_s, used_s) < BUSY_S:
            return 0.0
        steps.begin()
        share = await _rest(FIRST_REST_S)
        return share if steps.of_others and share > BUSY_SHARE else 0.0


async def _rest_beside(fellows: Collection[trio.lowlevel.Task], length_s: float) -> float:
    """As `_rest`. Steps are counted only where there are fellows who may have been the only ones: that costs something at each step."""
    if len(fellows) < 2:
        return await _rest(length_s)
    with _counted(fellows) as steps:
        share = await _rest(length_s)
        return share if steps.of_others else 0.0


async def _rest(length_s: float) -> float:
    """Returns the share that others had of what the loop could have, without what it takes to fall asleep and wake up."""
    waited_s = -kept_waiting_s()
    took_s, used_s = await _wait(length_s)
    waited_s += kept_waiting_s()
    return (used_s - BUSY_S) / max(took_s - waited_s, used_s)


async def _wait(length_s: float) -> tuple[float, float]:
    """Returns how long that was, and the processor time; of no length: a turn of all who are ready."""
    began_s, began_processor_s = trio.current_time(), processor_s()
    await trio.sleep(length_s)
    return trio.current_time() - began_s, processor_s() - began_processor_s


@contextmanager
def _counted(fellows: Collection[trio.lowlevel.Task]) -> Generator[_Steps, None, None]:
    steps = _Steps(fellows)
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        trio.lowlevel.remove_instrument(steps)


class _Steps(trio.abc.Instrument):
    """How many steps tasks take that are no `fellows`, but for the last one: that is of who waits.

    Where there are fellows, that a thread hands over is not counted either: who waited for it takes a step, too.
    """

    __slots__ = ("_ignored", "_own", "of_others")

    def __init__(self, fellows: Collection[trio.lowlevel.Task]) -> None:
        self._ignored = fellows
        self._own = 0 if trio.lowlevel.current_task() in fellows else -1
        self.of_others = self._own

    def begin(self) -> None:
        """Anew."""
        self.of_others = self._own

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self._ignored or (task not in self._ignored and task.name != HANDING_OVER):
            self.of_others += 1
