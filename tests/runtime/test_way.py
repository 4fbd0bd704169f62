"""Who needs a name again waits for one call beside the loop, with all others that need one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pybroker.core.cluster import MetadataDelta
from pybroker.core.settings import Settings
from pybroker.runtime.clock import SystemClock
from pybroker.runtime.controller import Controller, open_controller
from pybroker.runtime.way import Way
from pybroker.storage.errors import DiskFullError, StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.messages import CreateTopicsRequest


class SlowStore(MemoryLogStore):
    """Names are `taken` until a call of `make_way` that began when they were comes to its end, which waits for `may_end`."""

    def __init__(self, *taken: str) -> None:
        super().__init__(cluster_id="c", node_id=1, rng=Random(0))
        self.taken = set(taken)
        self.began, self.may_end = threading.Event(), threading.Event()
        self.calls = 0
        self.is_broken = False
        self.error = StorageError("it cannot be written to")

    def is_in_the_way(self, topic: str) -> bool:
        return topic in self.taken

    def make_way(self) -> None:
        self.calls += 1
        taken = self.taken.copy()
        self.began.set()
        assert self.may_end.wait(20)
        if self.is_broken:
            raise self.error
        self.taken -= taken


def test_all_wait_for_one_call() -> None:
    """Sixty wait for the same call, which takes none of the threads of others."""
    store = SlowStore("t", "u")

    async def main() -> None:
        way = Way(store)
        async with trio.open_nursery() as nursery:
            for number in range(60):
                nursery.start_soon(way.make, ["tu"[number % 2]])
            await wait_all_tasks_blocked()
            assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
            store.may_end.set()
        assert (store.calls, store.taken) == (1, set())
        await way.make(["t"])
        assert store.calls == 1

    trio.run(main)


def test_what_goes_meanwhile_needs_another_call() -> None:
    """One that waited for a call that began before its log went begins the next one."""
    store = SlowStore("t")

    async def main() -> None:
        way = Way(store)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(way.make, ["t"])
            await wait_all_tasks_blocked()
            assert store.began.wait(20)
            store.taken.add("u")
            nursery.start_soon(way.make, ["u"])
            nursery.start_soon(way.make, ["u"])
            await wait_all_tasks_blocked()
            store.may_end.set()
        assert (store.calls, store.taken) == (2, set())

    trio.run(main)


def test_call_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """All who waited for it go on, and it is told once; who comes after them tries again."""
    store = SlowStore("t")
    store.is_broken = True

    async def main() -> None:
        way = Way(store)
        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(way.make, ["t"])
            await wait_all_tasks_blocked()
            store.may_end.set()
        assert store.calls == len(caplog.records) == 1
        assert "it cannot be written to" in caplog.text
        store.is_broken = False
        await way.make(["t"])
        assert (store.calls, store.taken) == (2, set())

    trio.run(main)


@pytest.mark.parametrize("found", [True, False])
def test_call_that_fails_is_a_reason_to_look(found: bool, caplog: pytest.LogCaptureFixture) -> None:
    """If a directory is offline from then on another call is made, without it; if none is, all is as it was."""
    store = SlowStore("t")
    store.is_broken = True
    store.may_end.set()
    looks: list[int] = []

    async def look() -> bool:
        looks.append(store.calls)
        store.is_broken = not found
        return found

    async def main() -> None:
        way = Way(store)
        way.look = look
        await way.make(["t"])

    trio.run(main)
    assert (looks, store.calls, store.taken) == (([1], 2, set()) if found else ([1], 1, {"t"}))
    assert len(caplog.records) == (0 if found else 1)


def test_full_disk_is_no_reason_to_look(caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and that is all."""
    store = SlowStore("t")
    store.is_broken, store.error = True, DiskFullError("no space is left")
    store.may_end.set()

    async def look() -> bool:
        raise AssertionError

    async def main() -> None:
        way = Way(store)
        way.look = look
        await way.make(["t"])

    trio.run(main)
    assert (store.calls, len(caplog.records)) == (1, 1)


def test_who_began_the_call_is_cancelled() -> None:
    """The others have what they waited for."""
    store = SlowStore("t")

    async def main() -> None:
        way = Way(store)
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as first:
                    first.start_soon(way.make, ["t"])
                    await wait_all_tasks_blocked()
                    nursery.start_soon(way.make, ["t"])
                    await wait_all_tasks_blocked()
                    scope.cancel()
                    store.may_end.set()
        assert (store.calls, store.taken) == (1, set())

    trio.run(main)


async def create_topics(controller: Controller) -> Any:
    """By request."""
    topic = CreateTopicsRequest.CreatableTopic(name="t", num_partitions=1, replication_factor=1)
    await controller.create_topics(CreateTopicsRequest(topics=[topic]))


async def auto_create_topic(controller: Controller) -> Any:
    """By use."""
    await controller.auto_create_topic("t")


async def ensure_internal_topic(controller: Controller) -> Any:
    """For the groups."""
    await controller.ensure_internal_topic("__consumer_offsets")


@pytest.mark.parametrize("is_broken", [False, True])
@pytest.mark.parametrize("create", [create_topics, auto_create_topic, ensure_internal_topic])
def test_topics_are_made_when_the_way_is_clear(create: Callable[[Controller], Any], is_broken: bool) -> None:
    """However it is asked for, a topic is there only when its name is nobody's; a disk that refuses keeps none from being made."""
    store = SlowStore("t", "__consumer_offsets")
    store.is_broken = is_broken
    store.may_end.set()
    controller = open_controller(store, Settings({}), SystemClock(), Random(1), 1, "c", durable=False)
    found: list[tuple[int, int]] = []

    def note(delta: MetadataDelta) -> None:
        found.append((store.calls, len(store.taken)))

    controller.listeners.append(note)
    trio.run(create, controller)
    assert found == [(1, 2 if is_broken else 0)]
