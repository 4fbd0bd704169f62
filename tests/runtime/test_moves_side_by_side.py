"""Logs that move side by side: how many, how fast together, and that they take no more of the loop than one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.runtime import move as move_module
from pybroker.runtime import moves as moves_module
from pybroker.runtime.pacing import Pace
from tests.log_dirs_room import Disks
from tests.runtime.move_room import TOPIC, VALUE_BYTES, MoveRoom, offsets


async def until_still(room: MoveRoom) -> None:
    """Until no move is asked for, in virtual time."""
    while room.moves._moves:  # noqa: ASYNC110 - what is waited for has no event, and a test may look now and then
        await trio.sleep(0.1)


@pytest.mark.parametrize(("workers", "while_the_first_waits"), [(1, "aaaa"), (2, "abbb")])
def test_others_go_on_while_the_disk_of_one_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, while_the_first_waits: str
) -> None:
    """With a worker to spare the logs behind a slow one are moved, all of them; with one alone they wait."""
    monkeypatch.setattr(moves_module, "ROUND_BYTES", 1)
    room = MoveRoom(tmp_path, 4, workers)

    async def story() -> None:
        slow, in_thread = trio.Event(), Pace.in_thread
        first: list[Pace] = []

        async def held(self: Pace, call: Any) -> Any:
            first[:] = first or [self]
            if self is first[0]:
                await slow.wait()
            return await in_thread(self, call)

        monkeypatch.setattr(Pace, "in_thread", held)
        for index in range(4):
            room.fill(20, index)
            room.move(room.paths[1], index)
        for _ in range(200):
            await trio.sleep(0.01)
        assert room.places() == while_the_first_waits
        slow.set()
        await until_still(room)
        assert room.places() == "bbbb"
        assert [offsets(room.live(index)) for index in range(4)] == [list(range(20))] * 4

    room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    room.store.abandon()


def test_one_throttle_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three logs take three times as long as one at the same rate, and come forward together."""
    monkeypatch.setattr(moves_module, "ROUND_BYTES", 1)
    room = MoveRoom(tmp_path, 3, workers=3)
    room.rate = 2.0 * VALUE_BYTES

    async def story() -> None:
        for index in range(3):
            room.fill(20, index)
            room.move(room.paths[1], index)
        began_s = trio.current_time()
        await trio.sleep(15)
        copied = [future.log_end_offset for index in range(3) if (future := room.store.future("t", index)) is not None]
        assert len(copied) == 3
        assert max(copied) - min(copied) <= 2
        assert 27 <= sum(copied) <= 30
        await until_still(room)
        assert 29.5 <= trio.current_time() - began_s <= 32

    room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    room.store.abandon()


def test_who_waits_for_the_throttle_does_not_hold_up_who_was_given_up(tmp_path: Path) -> None:
    """A move that is given up while it waits ends, and one that is asked for then has its turn when the rate is raised."""
    room = MoveRoom(tmp_path, 2, workers=2)
    room.rate = 1.0

    async def story() -> None:
        for index in range(2):
            room.fill(3, index)
            room.move(room.paths[1], index)
        await trio.sleep(5)
        room.moves.cancel(room.live(0))
        room.moves.cancel(room.live(1))
        room.move(room.paths[2], 1)
        await trio.sleep(5)
        assert (room.places(), list(room.moves._moves)) == ("aa", [("t", 1)])
        room.rate = 1e9
        await trio.sleep(5)
        assert (room.places(), room.moves._moves) == ("ac", {})

    room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    room.store.abandon()


def test_one_works_on_the_loop_and_several_wait_for_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are checked for one move at a time, with the rests that belong to it, so who is served waits no longer than for one."""
    monkeypatch.setattr(moves_module, "ROUND_BYTES", 1)
    room = MoveRoom(tmp_path, 4, workers=4)
    on_the_loop, in_threads = [0], [0]
    most_on_the_loop, most_in_threads = [0], [0]

    def counted(name: str, now: list[int], most: list[int]) -> None:
        plain = getattr(Pace, name)

        async def counting(self: Pace, *given: Any) -> Any:
            now[0] += 1
            most[0] = max(most[0], now[0])
            try:
                await trio.sleep(0.01)
                return await plain(self, *given)
            finally:
                now[0] -= 1

        monkeypatch.setattr(Pace, name, counting)

    counted("carry_out", on_the_loop, most_on_the_loop)
    counted("in_thread", in_threads, most_in_threads)

    async def story() -> None:
        for index in range(4):
            room.fill(20, index)
            room.move(room.paths[1], index)
        await until_still(room)
        assert room.places() == "bbbb"

    room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    room.store.abandon()
    assert most_on_the_loop == [1]
    assert most_in_threads[0] > 1


def test_stop_while_several_move(tmp_path: Path) -> None:
    """The copies of all stay for the next start, and none is said to lie where it does not."""
    room = MoveRoom(tmp_path, 4, workers=3)
    room.rate = 2.0 * VALUE_BYTES

    async def story() -> None:
        for index in range(4):
            room.fill(20, index)
            room.move(room.paths[1], index)
        await trio.sleep(3)

    room.run(story, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [room.store.future("t", index) is None for index in range(4)] == [False] * 4
    assert (room.moves._moves, set(room.said.values())) == ({}, {room.paths[0]})
    room.store.abandon()


@pytest.mark.parametrize(("threads", "workers"), [(None, 2), ("1", 1), ("5", 5), ("0", 1)])
def test_how_many_move_at_a_time(tmp_path: Path, threads: str | None, workers: int) -> None:
    """As many as num.replica.alter.log.dirs.threads says; by default one for each directory."""

    async def main() -> None:
        async with Disks(tmp_path).open(**({} if threads is None else {"num_replica_alter_log_dirs_threads": threads})) as room:
            assert room.state().log_dirs._mover()._workers == workers

    trio.run(main)


# --- that none holds up the others


def test_fifty_moves_of_which_half_find_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each is finished, or named in the log with the reason; when there is room again they can be asked for again."""
    room = MoveRoom(tmp_path, 50)

    async def story() -> None:
        for index in range(50):
            room.fill(1, index, 100)
        room.disks.full = room.paths[1]
        for index in range(50):
            room.move(room.paths[1 + index % 2], index)
        await room.until_still()
        assert room.places() == "ac" * 25
        said = [record.getMessage() for record in caplog.records if "No space left" in record.getMessage()]
        assert [line.split()[0] for line in said] == [f"{TOPIC}-{index}" for index in range(0, 50, 2)]
        assert [room.store.future(TOPIC, index) for index in range(50)] == [None] * 50
        room.disks.full = "nowhere"
        for index in range(0, 50, 2):
            room.move(room.paths[1], index)
        await room.until_still()
        assert room.places() == "bc" * 25

    room.run(story)
    room.store.abandon()


def test_directory_that_fails_under_many_moves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Those that go elsewhere are finished; of the others each is named."""
    room = MoveRoom(tmp_path, 50)

    async def story() -> None:
        for index in range(50):
            room.fill(1, index, 100)
            room.move(room.paths[1 + index % 2], index)

        async def fail() -> None:
            room.moves.directory_failed(room.paths[1])
            room.store.fail_directory(room.paths[1], "Input/output error")

        room.before_assigned = fail
        await room.until_still()
        assert room.places() == "ac" * 25
        said = [record.getMessage() for record in caplog.records if "is not moved" in record.getMessage()]
        assert sorted(line.split()[0] for line in said) == sorted(f"{TOPIC}-{index}" for index in range(0, 50, 2))

    room.run(story)
    room.store.abandon()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["copied", "finished"])
def test_log_that_cannot_be_followed_holds_up_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """More comes in than is copied, from the start or from the end on: the others go first, and when it is less it is moved."""
    room = MoveRoom(tmp_path, 3)

    async def story() -> None:
        monkeypatch.setattr(moves_module, "ROUND_BYTES", 8 * VALUE_BYTES)
        monkeypatch.setattr(move_module, "PIECE_BYTES", 2 * VALUE_BYTES)
        monkeypatch.setattr(move_module, "MAX_TAIL_BYTES", 2 * VALUE_BYTES)
        monkeypatch.setattr(move_module, "TAIL_BYTES", 2 * VALUE_BYTES)
        carry_out = Pace.carry_out
        loaded = [when == "copied"]

        async def written_to(self: Pace, work: Any) -> Any:
            if loaded[0] and room.live(0).log.directory == room.paths[0] and room.live(0).log.size_bytes < 1 << 22:
                room.fill(4, 0)
            return await carry_out(self, work)

        async def write_on() -> None:
            loaded[0] = True
            room.fill(4, 0)

        monkeypatch.setattr(Pace, "carry_out", written_to)
        room.before_assigned = write_on if when == "finished" else None
        for index in range(3):
            room.fill(5, index)
            room.move(room.paths[1], index)
        with trio.fail_after(20):
            while room.places() != "abb":
                await trio.lowlevel.checkpoint()
        assert room.said[0] == room.paths[0]
        room.before_assigned, loaded[0] = None, False
        await room.until_still()
        assert room.places() == "bbb"
        assert offsets(room.live(0)) == list(range(room.live(0).log_end_offset))

    room.run(story)
    room.store.abandon()
