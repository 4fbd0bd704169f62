"""A disk that has room for a marker, but none for the entry of the transaction index: as any full disk it is no failure."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest
import trio
import trio.testing

from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore
from tests.runtime.transaction_room import TransactionRoom, opened

Story = Callable[[TransactionRoom], Awaitable[None]]


class FullFiles(Files):
    """A disk that takes nothing for a transaction index while `is_full`."""

    def __init__(self) -> None:
        self.is_full = False
        self.number = errno.ENOSPC

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function
        if self.is_full and path.endswith(".txnindex") and flags & os.O_CREAT:
            raise OSError(self.number, os.strerror(self.number))
        return os.open(path, flags, mode)


class Broker:
    """A broker's lives over one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = FullFiles()
        self.topic_ids = {"a": b"a" * 16}

    def live(self, story: Story, *, clean: bool = True) -> None:
        """One life."""

        async def main() -> None:
            store = DiskLogStore.open([str(self.path)], cluster_id="x" * 22, node_id=1, rng=Random(1), config=LogConfig(), files=self.files)
            async with opened(store, self.topic_ids) as room:
                await story(room)
                if clean:
                    await room.room.partitions.close()
            if not clean:
                store.abandon()

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    """Its disk has room."""
    return Broker(tmp_path / "data")


async def abort_one(room: TransactionRoom, name: str) -> None:
    """A transaction that writes one record and is aborted."""
    producer = await room.init(name)
    assert await producer.produce(name.encode()) == 0
    assert await producer.end(False) == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("finds_room", [True, False])
def test_aborted_is_aborted(broker: Broker, number: int, clean: bool, finds_room: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The partition goes on, its readers skip what was aborted, and so they do after a stop of any kind, with room or without."""
    broker.files.number = number

    async def first(room: TransactionRoom) -> None:
        await abort_one(room, "one")
        broker.files.is_full = True
        await abort_one(room, "two")
        await abort_one(room, "three")
        broker.files.is_full = not finds_room
        await abort_one(room, "four")
        values, stable, aborted = await room.read()
        assert (values, stable, len(aborted)) == ([], 8, 4)
        assert not room.room.partition("a").offline

    async def second(room: TransactionRoom) -> None:
        values, stable, aborted = await room.read()
        assert (values, stable, len(aborted)) == ([], 8, 4)

    with caplog.at_level(logging.ERROR):
        broker.live(first, clean=clean)
    assert caplog.records == []
    broker.files.is_full = False
    broker.live(second)
    broker.live(second)


@pytest.mark.parametrize("ends_by", ["another", "a snapshot"])
def test_entries_that_wait_are_told(broker: Broker, ends_by: str, caplog: pytest.LogCaptureFixture) -> None:
    """When that begins, once a minute while it lasts, and when it is over."""

    def told() -> list[str]:
        found = [record.getMessage() for record in caplog.records if "transaction index" in record.getMessage()]
        caplog.clear()
        return found

    async def story(room: TransactionRoom) -> None:
        live = room.room.partition("a")
        await abort_one(room, "none waits")
        assert told() == []
        broker.files.is_full = True
        for name in "one", "two", "three":
            await abort_one(room, name)
        (begun,) = told()
        assert begun.startswith("a-0 keeps aborted transactions in memory until its transaction index takes them: no space is left")
        assert "00000000000000000000.txnindex: " in begun
        await trio.sleep(60)  # of a clock that jumps
        await abort_one(room, "four")
        assert len(told()) == 1
        broker.files.is_full = False
        if ends_by == "another":
            await abort_one(room, "five")
        else:
            live.take_snapshot()
        assert told() == ["a-0 has all aborted transactions in its transaction index again"]
        await abort_one(room, "six")
        live.take_snapshot()
        assert told() == []

    with caplog.at_level(logging.INFO):
        broker.live(story)
