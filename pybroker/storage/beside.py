"""The same work for many files at once: who waits for the disk alone waits for a journal commit each time, who waits together shares it.

Measured on ext4 over a virtual disk: to make 500 small directories durable takes 3.3 s one after another, 0.2 s by eight threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

THREADS = 16
FEW = 16  # a broker of a few logs stops in less time than threads take to start, and a test sees one order


def for_each(work: Callable[[T], object], things: Iterable[T]) -> None:
    """Do the work for each; many are done side by side. `work` must not raise, and may run on another thread."""
    waiting = list(things)
    if len(waiting) <= FEW:
        for thing in waiting:
            work(thing)
        return
    shared = iter(waiting)  # the iterator of a list gives each of its things to one thread only

    def help_out() -> None:
        for thing in shared:
            work(thing)

    helpers = [Thread(target=help_out, name="storage") for _ in range(THREADS)]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
