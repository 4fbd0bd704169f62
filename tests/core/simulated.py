"""What both simulations are made of: a clock that stands still until something happens, and a trace that can be read."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any


class Broken(Exception):
    """What must hold does not."""


class Simulated:
    """Events in the order of their times, drawn from one seed. The world that inherits has a `shard`, and says how it is to `expire`."""

    shard: Any
    expire: Callable[[], None]

    def __init__(self, seed: int, faults: frozenset[str] = frozenset()) -> None:
        self.seed, self.rng, self.now_ms, self.faults = seed, Random(seed), 0, faults
        self.events: list[tuple[int, int, Any, Any]] = []
        self.numbers, self.trace = 0, list[str]()

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def note(self, text: str) -> None:
        self.trace.append(f"{self.now_ms:>8} {text}")

    def later(self, delay_ms: int, action: Any, *arguments: Any) -> None:
        heappush(self.events, (self.now_ms + delay_ms, self.next_number(), action, arguments))

    def happen_next(self) -> None:
        at_ms, _, action, arguments = heappop(self.events)
        self.advance(at_ms)
        action(*arguments)

    def advance(self, at_ms: int) -> None:
        """Let time go on from deadline to deadline."""
        while (due_ms := self.shard.next_deadline()) is not None and due_ms <= at_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.expire()
        self.now_ms = max(self.now_ms, at_ms)

    def goes_wrong(self, fault: str, share: float) -> bool:
        """Whether a mistake that was planted is made now."""
        return fault in self.faults and self.rng.random() < share
