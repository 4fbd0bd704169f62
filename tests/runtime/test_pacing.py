"""How work in the background shares the loop with others, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pybroker.runtime import pacing
from pybroker.runtime.pacing import BUSY_S, FIRST_REST_S, LEAST_REST, MOST_REST, SLICE_S, Pace, Turn, rest_after

STEPS = 300
WORK_S = STEPS * SLICE_S / 2


class Machine:
    """A loop whose steps take virtual time, `wall` times what they need the processor. `look_s`: what a look at its clock takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wall: float = 1.0, look_s: float = 0.0) -> None:
        self.clock = MockClock(autojump_threshold=0)
        self.processor_s = self.kept_waiting_s = 0.0
        self.wall, self.look_s, self.looks = wall, look_s, 0
        monkeypatch.setattr(pacing, "processor_s", self._look)
        monkeypatch.setattr(pacing, "kept_waiting_s", lambda: self.kept_waiting_s)

    def _look(self) -> float:
        self.looks += 1
        self.step(self.look_s)
        return self.processor_s

    def step(self, processor_s: float) -> None:
        """Somebody ran."""
        self.clock.jump(processor_s * self.wall)
        self.processor_s += processor_s
        self.kept_waiting_s += processor_s * (self.wall - 1)

    def work(self) -> Any:
        for _ in range(STEPS):
            self.step(SLICE_S / 2)
            yield None

    def rests_beside(self, others: Callable[[], Awaitable[None]], carry_out: Callable[[Pace], Awaitable[None]] | None = None) -> float:
        """How long the work rested, in seconds: what it took more than its own WORK_S of the processor."""

        async def main() -> float:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(others)
                for _ in range(5):  # trio's own tasks begin, too
                    await trio.lowlevel.checkpoint()
                self.looks, pace = 0, Pace()
                began = trio.current_time()
                await (carry_out(pace) if carry_out is not None else pace.carry_out(self.work()))
                took_s = trio.current_time() - began
                nursery.cancel_scope.cancel()
            looked_s = self.looks * self.look_s
            left_s = WORK_S * self.wall + looked_s - pace.worked_s  # the last slice may end with the work
            assert -1e-5 < left_s < SLICE_S * self.wall + looked_s + 1e-5
            return took_s - WORK_S * self.wall - looked_s

        return trio.run(main, clock=self.clock)

    async def busy(self) -> None:
        """Always something to do."""
        while True:
            self.step(0.0001)
            await trio.lowlevel.checkpoint()

    async def moderate(self) -> None:
        """A fixed load, of a sixth of the loop, as requests come."""
        next_s = trio.current_time()
        while True:
            self.step(0.0001)
            next_s += 0.0006
            await trio.sleep_until(next_s)


async def nobody() -> None:
    """Takes no step but its first."""
    await trio.sleep_forever()


@pytest.mark.parametrize("look_s", [0.0, 2 * BUSY_S])
def test_idle_loop_gives_all(look_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else takes a step, so there is no rest, even where an empty turn takes as long as a request."""
    assert Machine(monkeypatch, look_s=look_s).rests_beside(nobody) <= FIRST_REST_S


def test_busy_loop_gives_a_49th(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others who always have something to do get 48 times the work's time, but for the first looks."""
    machine = Machine(monkeypatch)
    assert machine.rests_beside(machine.busy) == pytest.approx(MOST_REST * WORK_S, rel=0.05)


def test_moderate_load_leaves_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside others who need a sixth of the loop the work has a tenth."""
    machine = Machine(monkeypatch)
    assert machine.rests_beside(machine.moderate) == pytest.approx(LEAST_REST * WORK_S, rel=0.05)


@pytest.mark.parametrize("wall", [1.5, 2.5])
def test_busy_machine_makes_no_rest_longer(wall: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where steps take longer than they need the processor, the work rests as long as without that."""
    machine = Machine(monkeypatch, wall)
    assert machine.rests_beside(nobody) <= FIRST_REST_S
    machine = Machine(monkeypatch, wall)
    assert machine.rests_beside(machine.busy) == pytest.approx(MOST_REST * WORK_S, rel=0.05)
    machine = Machine(monkeypatch, wall)
    assert machine.rests_beside(machine.moderate) == pytest.approx(LEAST_REST * WORK_S, rel=0.1)


def test_requests_now_and_then_leave_most_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request each hundredth of a second costs the work some rests, no more."""
    machine = Machine(monkeypatch)

    async def rare() -> None:
        while True:
            machine.step(0.0001)
            await trio.sleep(0.01)

    assert FIRST_REST_S / 0.01 < machine.rests_beside(rare) / WORK_S < 1.5


def test_one_request_costs_one_short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen once is looked at for a millisecond more; if that was all, there is no other rest."""
    machine = Machine(monkeypatch)

    async def once() -> None:
        await trio.sleep(0.0015)
        machine.step(0.0002)
        await trio.sleep_forever()

    assert machine.rests_beside(once) < FIRST_REST_S + 0.0003


def test_work_has_all_when_others_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rests end with the first one in which nobody had anything to do."""
    machine = Machine(monkeypatch)

    async def busy_for_a_while() -> None:
        with trio.move_on_after(5 * MOST_REST * SLICE_S):
            await machine.busy()

    assert machine.rests_beside(busy_for_a_while) < 7 * MOST_REST * SLICE_S


def test_rests_grow_with_what_others_need() -> None:
    """Never less for others who need more, nine times the work up to a half, 48 times at most, without a step."""
    rests = [rest_after(number / 1000) for number in range(-100, 1500)]
    assert rests == sorted(rests)
    assert max(later - earlier for earlier, later in pairwise(rests)) < 0.3
    assert (rest_after(0.01), rest_after(0.16), rest_after(0.5), rest_after(0.6), rest_after(0.7), rest_after(1.0)) == pytest.approx(
        (9, 9, 9, 28.5, 48, 48)
    )
    assert (min(rests), max(rests)) == (LEAST_REST, MOST_REST)


def test_what_others_do_during_a_sleep_is_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttle in the middle of a slice adds its own length, and no rest for the time that others had of it."""
    machine = Machine(monkeypatch)

    async def throttled(pace: Pace) -> None:
        for _ in range(STEPS // 3):
            machine.step(SLICE_S / 2)
            await pace.sleep(0.006)
            await pace.carry_out(steps_of(machine, 2))

    slept_s = STEPS // 3 * 0.006
    assert machine.rests_beside(machine.moderate, throttled) - slept_s < LEAST_REST * 1.1 * WORK_S


def test_work_cut_by_threads_is_one_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pieces between calls on a thread add up to slices, and are rested after."""
    machine = Machine(monkeypatch)

    async def at_once(call: Callable[[], bytes]) -> bytes:
        return call()

    monkeypatch.setattr(pacing, "in_thread", at_once)

    def work() -> Any:
        for _ in range(STEPS):
            machine.step(SLICE_S / 2)
            assert (yield lambda: b"done") == b"done"
            yield None

    rests_s = machine.rests_beside(machine.busy, lambda pace: pace.carry_out(work()))
    assert rests_s == pytest.approx(MOST_REST * WORK_S, rel=0.05)


def steps_of(machine: Machine, steps: int) -> Any:
    """Some steps of work."""
    for _ in range(steps):
        machine.step(SLICE_S / 2)
        yield None


def rests_together(machine: Machine, others: Callable[[], Awaitable[None]], workers: int) -> float:
    """How long workers who share a turn rested, all together, each with WORK_S of work in ten pieces and something small between them."""
    pieces, between_s = 10, 2 * BUSY_S

    async def worker(turn: Turn) -> None:
        turn.tasks.add(trio.lowlevel.current_task())
        pace = Pace()
        for _ in range(pieces):
            async with pace.alone(turn):
                await pace.carry_out(steps_of(machine, STEPS // pieces))
            await trio.lowlevel.checkpoint()
            machine.step(between_s)
            pace.begin()
        turn.tasks.discard(trio.lowlevel.current_task())

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(others)
            for _ in range(5):  # trio's own tasks begin, too
                await trio.lowlevel.checkpoint()
            began, turn = trio.current_time(), Turn()
            async with trio.open_nursery() as fellows:
                for _ in range(workers):
                    fellows.start_soon(worker, turn)
            took_s = trio.current_time() - began
            nursery.cancel_scope.cancel()
        return took_s - workers * (WORK_S + pieces * between_s)

    return trio.run(main, clock=machine.clock)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_fellows_are_no_others(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several who share a turn have an idle loop to themselves: none rests for what the others of them do."""
    assert rests_together(Machine(monkeypatch), nobody, workers) < 2 * FIRST_REST_S


def test_fellows_rest_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy loop two take no larger part of it than one: for the work of both the rests are as long as if one did it."""
    machine = Machine(monkeypatch)
    assert rests_together(machine, machine.busy, 2) > 0.8 * MOST_REST * 2 * WORK_S
