"""What first requests need is brought in beforehand, a step at a time, and only once."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from pybroker.handlers import ahead
from pybroker.runtime.clock import TrioClock

ALONE = """
import sys
from pybroker.handlers import ahead
count = sum(1 for _ in ahead.steps())
assert count > 50, count
for name in ("pybroker.core.groups.shard", "pybroker.core.transactions.shard", "pybroker.handlers.group_membership"):
    assert name in sys.modules, name
assert not list(ahead.steps())
"""


@pytest.mark.slow
def test_a_new_process_is_brought_all_of_it_once() -> None:
    """The coordinators and the handlers of the usual requests are there then, and nothing is left to be done."""
    subprocess.run([sys.executable, "-c", ALONE], check=True)


def run(steps: Iterator[None], monkeypatch: pytest.MonkeyPatch) -> int:
    """Bring in these; returns how many milliseconds that took, pauses alone."""
    monkeypatch.setattr(ahead, "steps", lambda: steps)

    async def main() -> int:
        clock = TrioClock()
        began_ms = clock.now_ms()
        await ahead.bring_in(clock)
        return clock.now_ms() - began_ms

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_requests_are_served_between_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause before the first, and one after each."""
    assert run(iter([None] * 3), monkeypatch) == ahead.AFTER_MS + 3 * ahead.PAUSE_MS


def test_a_step_that_fails_is_told_and_does_no_harm(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The broker goes on; whoever needs what failed meets it again."""

    def failing() -> Iterator[None]:
        yield
        raise ImportError("half an installation")

    with caplog.at_level(logging.ERROR, "pybroker"):
        assert run(failing(), monkeypatch) == ahead.AFTER_MS + ahead.PAUSE_MS
    assert "half an installation" in caplog.text
