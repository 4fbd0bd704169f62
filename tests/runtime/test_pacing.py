"""How work in the background shares the loop with others, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pybroker.runtime import pacing
from pybroker.runtime.pacing import LEAST_REST, MOST_REST, OTHERS_REST, SLICE_S, Pace, rest_after

STEPS = 300


class Machine:
    """A loop whose steps take virtual time, and of the processor as much or less."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = MockClock(autojump_threshold=0)
        self.processor_s = 0.0
        monkeypatch.setattr(pacing, "processor_s", lambda: self.processor_s)

    def step(self, took_s: float, processor_s: float | None = None) -> None:
        """Somebody ran."""
        self.clock.jump(took_s)
        self.processor_s += took_s if processor_s is None else processor_s

    def work(self) -> Any:
        for _ in range(STEPS):
            self.step(SLICE_S / 2)
            yield None

    def share_beside(self, others: Callable[[], Awaitable[None]]) -> float:
        """The part of the time that the work had."""

        async def main() -> float:
            pace = Pace()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(others)
                began = trio.current_time()
                await pace.carry_out(self.work())
                took_s = trio.current_time() - began
                nursery.cancel_scope.cancel()
            return pace.worked_s / took_s

        return trio.run(main, clock=self.clock)


def test_idle_loop_gives_all(monkeypatch: pytest.MonkeyPatch):
    """Nobody else takes a step, so there is no rest, even where an empty turn takes long."""
    machine = Machine(monkeypatch)

    async def nobody() -> None:
        await trio.sleep_forever()

    assert machine.share_beside(nobody) == pytest.approx(1.0, abs=0.01)


def test_busy_loop_gives_a_twenty_fifth(monkeypatch: pytest.MonkeyPatch):
    """Others who always have something to do get 24 times the work's time, but for the first looks."""
    machine = Machine(monkeypatch)

    async def busy() -> None:
        while True:
            machine.step(0.0001)
            await trio.lowlevel.checkpoint()

    assert machine.share_beside(busy) == pytest.approx(1 / (1 + OTHERS_REST), abs=0.01)


def test_busy_machine_gives_less(monkeypatch: pytest.MonkeyPatch):
    """Where others get the processor for half of the time that their steps take, the work rests twice as long."""
    machine = Machine(monkeypatch)

    async def slowed() -> None:
        while True:
            machine.step(0.0002, 0.0001)
            await trio.lowlevel.checkpoint()

    assert machine.share_beside(slowed) == pytest.approx(1 / (1 + 2 * OTHERS_REST), abs=0.01)


def test_requests_now_and_then_leave_most_of_the_time(monkeypatch: pytest.MonkeyPatch):
    """A request each hundredth of a second costs the work some rests, no more."""
    machine = Machine(monkeypatch)

    async def rare() -> None:
        while True:
            machine.step(0.0001)
            await trio.sleep(0.01)

    assert 0.4 < machine.share_beside(rare) < 1.0


def test_rests_are_bounded():
    """Whatever the others need, the work goes on: after 48 times its length at most, and not before nine times."""
    shares = [number / 1000 for number in range(1, 1001)]
    assert {LEAST_REST <= rest_after(share) <= MOST_REST for share in shares} == {True}
    assert rest_after(1.0) == OTHERS_REST
    assert rest_after(0.01) == LEAST_REST
