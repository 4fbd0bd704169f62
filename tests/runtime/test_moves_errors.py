"""Disks that fail under a move: what of the log cannot be read, and what of its copy cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from pybroker.runtime.moves import LONGEST_REST_S
from pybroker.storage.errors import StorageError
from pybroker.storage.interface import AbortedTransaction
from pybroker.testing.simulated_disk import CHANGES, Plan, SimulatedDisk
from tests.runtime.move_room import TOPIC, MoveRoom, offsets

ROOT = Path("/disks")
FOR_EVER = 1 << 30
MOST_STEPS = 200


def broken(under: str, *kinds: str, at: int = 0, repeats: int = FOR_EVER) -> Plan:
    """A disk that answers with an error of the device."""
    return Plan(at, OSError(errno.EIO, os.strerror(errno.EIO)), repeats, kinds=kinds, under=under)


class Faulty:
    """A partition in /disks/a, of two segments and twenty batches, on a disk that may fail."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk()
        self.room = MoveRoom(ROOT, files=self.disk)
        self.a, self.b, self.c = self.room.paths
        self.log = f"{self.a}/{TOPIC}-0"
        self.room.fill(20)

    def where(self) -> tuple[str, bool, bool]:
        """The letter of the log's directory, whether there is a copy, and whether the log is kept from the cleaner."""
        return self.room.places(), self.room.store.future(TOPIC, 0) is not None, self.room.live().moving

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """In virtual time; afterwards the metadata says where the log is, and nothing is missing."""
        self.room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
        self.disk.plan = None
        live = self.room.live()
        if not live.offline:
            assert self.room.said[0] == live.log.directory
            assert offsets(live) == list(range(live.log_end_offset))
        self.room.store.abandon()


@pytest.fixture
def faulty() -> Faulty:
    """All is well until a plan is set."""
    return Faulty()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of the move."""
    return [
        record.getMessage() for record in caplog.records if record.levelname == "ERROR" and record.getMessage().startswith(f"{TOPIC}-0")
    ]


# --- reading


def test_log_that_cannot_be_read(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """Its copy stays, and the partition goes on; that is said once, its directory is tried once, and when it can be read it is moved."""

    async def story() -> None:
        room = faulty.room
        faulty.disk.plan = broken(faulty.log, "read", at=3)
        room.move(faulty.b)
        await trio.sleep(200)
        assert (faulty.where(), room.live().offline) == (("a", True, True), False)
        room.fill(1)
        future = room.store.future(TOPIC, 0)
        assert future is not None
        assert 0 < future.log_end_offset < 20
        (said,) = errors(caplog)
        assert said.startswith(f"t-0 stays in {faulty.a} for now: cannot read ")
        assert said.endswith("Input/output error")
        assert room.looked_at == [faulty.a]
        faulty.disk.plan = None
        await trio.sleep(LONGEST_REST_S)
        assert faulty.where() == ("b", False, False)
        assert room.live().log_end_offset == 21

    faulty.run(story)


def test_any_read_that_fails_once() -> None:
    """Whichever it is, of records, an index or what belongs to them, the log is moved a second later."""
    for at in range(MOST_STEPS):
        faulty = Faulty()
        plan = broken(faulty.log, "read", "open", at=at, repeats=1)

        async def story(faulty: Faulty = faulty, plan: Plan = plan) -> None:
            faulty.disk.plan = plan
            faulty.room.move(faulty.b)
            await trio.sleep(0.9)
            assert faulty.where() == (("a", True, True) if faulty.room.looked_at else ("b", False, False))
            await trio.sleep(0.2)
            assert faulty.where() == ("b", False, False)

        faulty.run(story)
        if plan.at >= 0:
            break
    assert 3 < at < MOST_STEPS - 1


def test_aborted_transactions_that_cannot_be_read(faulty: Faulty) -> None:
    """What belongs to the records is waited for as they are, though the metadata may have been told already."""

    async def story() -> None:
        room = faulty.room
        room.live().log.add_aborted(AbortedTransaction(7, 3, 5, 3))
        index = f"{faulty.log}/{0:020}.txnindex"
        assert faulty.disk.exists(index)
        faulty.disk.plan = broken(index, "open", "read")
        room.move(faulty.b)
        await trio.sleep(10)
        assert (faulty.where(), room.said[0]) == (("a", True, True), faulty.a)
        faulty.disk.plan = None
        await trio.sleep(LONGEST_REST_S)
        assert faulty.where() == ("b", False, False)
        assert list(room.live().log.aborted()) == [AbortedTransaction(7, 3, 5, 3)]

    faulty.run(story)


def test_damaged_batch(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """It is not carried to another disk, and what lies before it is not thrown away; when it is whole again the log is moved."""

    async def story() -> None:
        room = faulty.room
        content = faulty.disk.content(f"{faulty.log}/{0:020}.log")
        content[700_000] ^= 1
        room.move(faulty.b)
        await trio.sleep(200)
        assert (faulty.where(), room.live().offline) == (("a", True, True), False)
        assert errors(caplog) == [f"t-0 stays in {faulty.a} for now: the batch of offset 11 has a wrong checksum"]
        content[700_000] ^= 1
        await trio.sleep(LONGEST_REST_S)
        assert faulty.where() == ("b", False, False)

    faulty.run(story)


def test_log_that_cannot_be_read_is_given_up(faulty: Faulty) -> None:
    """Whoever wants it where it is, or elsewhere, asks for that; nothing of the copy that waits is left."""

    async def story() -> None:
        room = faulty.room
        faulty.disk.plan = broken(faulty.log, "read")
        room.move(faulty.b)
        await trio.sleep(10)
        room.move(faulty.a)
        assert faulty.where() == ("a", False, False)
        faulty.disk.plan = None
        room.move(faulty.c)
        await trio.sleep(0.5)
        assert faulty.where() == ("c", False, False)
        await trio.sleep(100)
        assert (faulty.where(), room.moves._moves) == (("c", False, False), {})
        assert [name for name in faulty.disk.listdir(faulty.b) if name.startswith(TOPIC) and not name.endswith("-delete")] == []

    faulty.run(story)


def test_topic_is_deleted_while_its_copy_waits(faulty: Faulty) -> None:
    """Both go, and nobody tries again."""

    async def story() -> None:
        room = faulty.room
        faulty.disk.plan = broken(faulty.log, "read")
        room.move(faulty.b)
        await trio.sleep(1)
        faulty.disk.plan = None
        room.room.delete_topic(TOPIC)
        await trio.sleep(100)
        assert (room.store.get(TOPIC, 0), room.store.future(TOPIC, 0), room.moves._moves) == (None, None, {})

    faulty.room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    faulty.room.store.abandon()


def test_stop_while_a_copy_waits(faulty: Faulty) -> None:
    """The next start goes on with it."""

    async def wait() -> None:
        faulty.disk.plan = broken(faulty.log, "read", at=3)
        faulty.room.move(faulty.b)
        await trio.sleep(10)

    async def go_on() -> None:
        live = again.live()
        again.moves.add(live)
        await trio.sleep(1)
        assert (again.places(), live.log_end_offset) == ("b", 20)

    faulty.run(wait)
    faulty.disk.die()
    again = MoveRoom(ROOT, files=faulty.disk, is_new=False)
    assert again.store.future(TOPIC, 0) is not None
    again.run(go_on, clock=trio.testing.MockClock(autojump_threshold=0))
    again.store.abandon()


def test_log_that_can_be_read_no_more_at_all(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """If its directory takes no file either it is offline, and the copy stays for the next start."""

    async def story() -> None:
        room = faulty.room
        faulty.disk.plan = broken(faulty.a, "read", *CHANGES)
        room.move(faulty.b)
        future = room.store.future(TOPIC, 0)
        await trio.sleep(100)
        assert (room.live().offline, room.looked_at, room.moves._moves) == (True, [faulty.a], {})
        assert room.store.future(TOPIC, 0) is future
        assert f"t-0 is not moved from {faulty.a} to {faulty.b}: one of them failed" in caplog.text

    faulty.run(story)


# --- writing


def test_copy_that_cannot_be_written(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """Its directory is tried; where that takes files the copy is given up, the partition stays, and can be moved again."""

    async def story() -> None:
        room = faulty.room
        room.move(faulty.b)
        faulty.disk.plan = broken(f"{faulty.b}/{TOPIC}-0.", "write")
        await trio.sleep(100)
        assert (faulty.where(), room.looked_at, room.live().offline) == (("a", False, False), [faulty.b], False)
        (said,) = errors(caplog)
        assert said.startswith(f"t-0 stays in {faulty.a}, as it cannot be moved: cannot append to {faulty.b}/{TOPIC}-0.")
        faulty.disk.plan = None
        room.move(faulty.b)
        await trio.sleep(1)
        assert faulty.where() == ("b", False, False)

    faulty.run(story)


def test_copy_that_cannot_be_begun() -> None:
    """Whichever step of that fails it is refused, and nothing is left that a start would go on with."""
    for at in range(MOST_STEPS):
        faulty = Faulty()
        plan = faulty.disk.plan = broken(faulty.b, *CHANGES, at=at, repeats=1)
        try:
            faulty.room.store.begin_move(faulty.room.live().log, faulty.b)
        except StorageError:
            assert not any(name.endswith("-future") for name in faulty.disk.listdir(faulty.b))
            assert faulty.room.store.future(TOPIC, 0) is None
        faulty.room.store.abandon()
        if plan.at >= 0:
            break
    assert 3 < at < MOST_STEPS - 1


def test_directory_that_cannot_be_written(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """It is offline, as if a log in it had failed; what was copied stays there, and the next start goes on with it."""

    async def story() -> None:
        room = faulty.room
        room.move(faulty.b)
        faulty.disk.plan = broken(faulty.b, *CHANGES, at=3)
        await trio.sleep(100)
        assert (faulty.where(), room.looked_at, room.live().offline) == (("a", False, False), [faulty.b], False)
        assert [one.failure is None for one in room.store.directories()] == [True, False, True]
        assert errors(caplog) == [f"t-0 is not moved from {faulty.a} to {faulty.b}: one of them failed"]
        room.fill(1)

    faulty.run(story)
    faulty.disk.die()
    again = MoveRoom(ROOT, files=faulty.disk, is_new=False)
    future = again.store.future(TOPIC, 0)
    assert future is not None

    async def go_on() -> None:
        again.moves.add(again.live())
        await trio.sleep(1)
        assert (again.places(), again.live().log_end_offset) == ("b", 21)

    again.run(go_on, clock=trio.testing.MockClock(autojump_threshold=0))
    again.store.abandon()


@pytest.mark.parametrize("repeats", [1, FOR_EVER])
@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_any_change_that_fails(repeats: int, stride: int) -> None:
    """Whichever step in the new directory fails, once or from then on, the partition is served whole, in one place, and takes records."""
    for at in range(0, MOST_STEPS, stride):
        faulty = Faulty()
        plan = broken(faulty.b, *CHANGES, at=at, repeats=repeats)

        async def story(faulty: Faulty = faulty, plan: Plan = plan) -> None:
            room = faulty.room
            room.move(faulty.b)
            faulty.disk.plan = plan
            await trio.sleep(100)
            faulty.disk.plan = None
            assert room.places() == "b" or faulty.b in room.looked_at
            assert (room.moves._moves, room.live().moving) == ({}, False)
            if not room.live().offline:
                room.fill(1)

        faulty.run(story)
        if plan.at >= 0:
            break
    assert 10 < at < MOST_STEPS - stride
