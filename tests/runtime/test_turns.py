"""Whoever takes long lets others run."""

from __future__ import annotations

from itertools import pairwise

import trio

from pybroker.runtime.turns import STEPS_PER_TURN, Turns


def test_others_run_between_the_steps() -> None:
    """Of two that take many steps none waits for the end of the other."""
    order: list[str] = []

    async def work(name: str) -> None:
        turns = Turns()
        for _ in range(3 * STEPS_PER_TURN):
            order.append(name)
            await turns.step()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, "a")
            nursery.start_soon(work, "b")

    trio.run(main)
    changes = sum(1 for before, after in pairwise(order) if before != after)
    assert changes >= 3


def test_each_keeps_the_order() -> None:
    """What is made of many items stands in their order, and short lists count together."""
    ran: list[int] = []

    async def count(done: trio.Event) -> None:
        while not done.is_set():
            ran.append(1)
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        turns, done = Turns(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count, done)
            assert await turns.each(str, range(1000)) == [str(number) for number in range(1000)]
            for _ in range(5 * STEPS_PER_TURN):
                assert await turns.each(str, []) == []
            done.set()
        assert len(ran) >= 9

    trio.run(main)
