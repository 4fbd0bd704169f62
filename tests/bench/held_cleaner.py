"""pybroker with a cleaner that can be held from outside: a byte into the named pipe CLEANER_SWITCH, `1` work, `0` hold (it begins held).

Only the bench `beside_cleaner` starts it: what it adds is one look at a flag in each pause, and a task that sleeps until a byte comes.
"""

from __future__ import annotations

import os
import sys

import trio

from pybroker.cli import main
from pybroker.runtime.cleaner import Cleaner
from pybroker.runtime.pacing import Pace

SWITCH = "CLEANER_SWITCH"
_may_work = trio.Event()
_pause, _run = Pace.pause, Cleaner.run


async def _pause_while_held(self: Pace) -> None:
    await _pause(self)
    if not _may_work.is_set():
        self._note()
        await _may_work.wait()
        self.begin()


async def _watch(pipe: int) -> None:
    global _may_work
    while True:
        await trio.lowlevel.wait_readable(pipe)
        for byte in os.read(pipe, 64):
            if byte == ord("1"):
                _may_work.set()
            elif _may_work.is_set():
                _may_work = trio.Event()


async def _run_and_watch(self: Cleaner) -> None:
    pipe = os.open(os.environ[SWITCH], os.O_RDWR | os.O_NONBLOCK)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch, pipe)
        await _run(self)


if __name__ == "__main__":
    Pace.pause = _pause_while_held  # type: ignore[method-assign]  # the switch of a bench, not of the product
    Cleaner.run = _run_and_watch  # type: ignore[method-assign]
    sys.exit(main())
