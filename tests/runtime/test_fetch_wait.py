"""Waiters and deadlines."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pybroker.runtime.fetch_wait import TIDY_ABOVE, Deadlines, Waiter


class Spring:
    """Something that can be watched."""

    def __init__(self) -> None:
        self.watchers: set[Waiter] = set()

    def watch(self, waiter: Waiter) -> None:
        self.watchers.add(waiter)

    def unwatch(self, waiter: Waiter) -> None:
        self.watchers.discard(waiter)


def run_in_virtual_time(main):
    """Run under a clock that jumps over every wait."""
    return trio.run(main, clock=MockClock(autojump_threshold=0))


def test_waiter_wakes_when_enough_bytes_came():
    """Bytes count over everything that is watched."""

    async def main():
        springs = [Spring(), Spring()]
        waiter = Waiter(springs, 100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter.wait)
            await wait_all_tasks_blocked()
            waiter.more(60)
            assert not waiter.woken
            waiter.more(40)
        assert waiter.woken
        waiter.close()
        assert not springs[0].watchers
        assert not springs[1].watchers

    run_in_virtual_time(main)


def test_waiter_woken_before_it_waits_does_not_wait():
    """What happens between the read and the wait is not lost."""

    async def main():
        waiter = Waiter([Spring()], 1)
        waiter.more(1)
        await waiter.wait()

    run_in_virtual_time(main)


def test_deadlines_wake_in_their_order():
    """An earlier deadline that is added later comes first."""

    async def main():
        woken: list[tuple[str, float]] = []
        deadlines = Deadlines()

        async def park(name: str, seconds: float):
            waiter = Waiter([], 1)
            deadlines.add(trio.current_time() + seconds, waiter)
            started = trio.current_time()
            await waiter.wait()
            woken.append((name, round(trio.current_time() - started, 3)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(deadlines.run)
            async with trio.open_nursery() as waiting:
                waiting.start_soon(park, "late", 5)
                await wait_all_tasks_blocked()
                waiting.start_soon(park, "early", 1)
                waiting.start_soon(park, "middle", 2)
            nursery.cancel_scope.cancel()
        assert woken == [("early", 1), ("middle", 2), ("late", 5)]

    run_in_virtual_time(main)


def test_waiters_that_are_gone_do_not_pile_up():
    """A deadline far away and a thousand wake-ups a second: what was woken is dropped."""
    deadlines = Deadlines()
    for _ in range(10 * TIDY_ABOVE):
        waiter = Waiter([], 1)
        deadlines.add(1e9, waiter)
        waiter.wake()
    assert len(deadlines) <= 2 * TIDY_ABOVE


def test_cancelled_waiter_can_be_woken_no_more():
    """A connection that goes away while it is parked leaves nothing that a later append could trip over."""

    async def main():
        spring = Spring()
        waiter = Waiter([spring], 1)
        with trio.move_on_after(1):
            await waiter.wait()
        waiter.more(10)
        waiter.close()
        assert not spring.watchers

    run_in_virtual_time(main)
