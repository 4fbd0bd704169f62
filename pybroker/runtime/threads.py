"""Calls that block: on a thread beside the loop, or on the loop itself where time is virtual.

A clock that jumps whenever the loop is idle would not wait for a thread: an fsync of a millisecond could take virtual days, another number
of them in each run. So under `TrioClock` such calls take no time at all, and the same program does the same things in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_time_is_virtual: trio.lowlevel.RunVar[bool] = trio.lowlevel.RunVar("pybroker: time is virtual", default=False)


def take_no_time() -> None:
    """From now on, in this run of trio, blocking calls are made on the loop."""
    _time_is_virtual.set(True)


async def in_thread(
    call: Callable[[*Arguments], T], *arguments: *Arguments, abandon_on_cancel: bool = False, limiter: trio.CapacityLimiter | None = None
) -> T:
    """Make a blocking call; the rest is as in `trio.to_thread.run_sync`. Raises what the call raises."""
    if _time_is_virtual.get():
        await trio.lowlevel.checkpoint()
        return call(*arguments)
    return await trio.to_thread.run_sync(call, *arguments, abandon_on_cancel=abandon_on_cancel, limiter=limiter)
