"""Long requests let others run.

Everything happens on one thread, and a request may name as many partitions, groups or topics as its frame holds. Handlers that take them
one after another count the steps here; after `STEPS_PER_TURN` of them, a millisecond or two, whoever else is ready goes first. What was
looked up before a step may have changed after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import trio

STEPS_PER_TURN = 200

T = TypeVar("T")
R = TypeVar("R")


class Turns:
    """The turns of one request."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps = 0

    async def step(self, count: int = 1) -> None:
        """So much was done; others run if it is their turn."""
        self._steps += count
        if self._steps >= STEPS_PER_TURN:
            self._steps = 0
            await trio.lowlevel.checkpoint()

    async def each(self, make: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`make` of every item, each a step; another step for the whole."""
        made = []
        steps = self._steps
        for item in items:
            made.append(make(item))
            steps += 1
            if steps >= STEPS_PER_TURN:
                steps = 0
                await trio.lowlevel.checkpoint()
        self._steps = steps
        await self.step()
        return made
