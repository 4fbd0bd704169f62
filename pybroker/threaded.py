"""A trio program on a thread of its own, for callers that know no event loop."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class TrioThread:
    """Holds an async context manager open on its own thread and runs calls there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entered = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._leave: trio.Event | None = None

    def start(self, manager: AbstractAsyncContextManager[Any]) -> None:
        """Enter `manager` on the thread; raises what its entry raises."""
        self._thread = threading.Thread(target=self._run, args=(manager,), name=self._name, daemon=True)
        self._thread.start()
        self._entered.wait()
        self._raise_error()

    def call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run an async function on the thread and wait for its result."""
        return trio.from_thread.run(function, *arguments, trio_token=self._token)

    def stop(self) -> None:
        """Leave the manager and wait for the thread to end; raises what went wrong there."""
        if self._leave is not None:
            try:
                trio.from_thread.run_sync(self._leave.set, trio_token=self._token)
            except trio.RunFinishedError:
                self._leave = None
        if self._thread is not None:
            self._thread.join()
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None and self._thread is not None:
            self._thread.join()
            raise self._error

    def _run(self, manager: AbstractAsyncContextManager[Any]) -> None:
        try:
            trio.run(self._hold, manager)
        except BaseException as error:  # whatever it is, it belongs to the caller's thread
            self._error = error
        finally:
            self._entered.set()

    async def _hold(self, manager: AbstractAsyncContextManager[Any]) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._leave = trio.Event()
        async with manager:
            self._entered.set()
            await self._leave.wait()
