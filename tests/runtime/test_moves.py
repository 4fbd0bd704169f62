"""Logs on their way into another directory: that they arrive, with all that belongs to them, whatever goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker.runtime import move as move_module
from pybroker.runtime import moves as moves_module
from pybroker.runtime.pacing import Pace
from pybroker.storage.errors import StorageError
from tests.runtime.move_room import CONFIGS, TOPIC, VALUE_BYTES, MoveRoom, offsets, one_partition, when_checked  # noqa: F401 - `one_partition` is the fixture `room`


@pytest.mark.parametrize(("start", "wanted"), [(40, range(40, 60)), (55, range(55, 60)), (60, [])])
@pytest.mark.parametrize("clean", [True, False])
def test_records_deleted_while_a_piece_is_in_hand(
    room: MoveRoom, monkeypatch: pytest.MonkeyPatch, start: int, wanted: Sequence[int], clean: bool
) -> None:
    """What DeleteRecords took is not written into a segment of later offsets, or at all, and nothing else is missing after a restart."""

    async def story() -> None:
        room.fill(60)
        when_checked(monkeypatch, 2, lambda: room.live().delete_records(start))
        room.move(room.paths[1])
        await room.until_still()

    room.run(story)
    live = room.live()
    segments = [extent[:2] for extent in live.log.extents()]
    assert (live.log.directory, live.log.log_start_offset, live.log.log_end_offset) == (room.paths[1], start, 60)
    assert [offset for offset in offsets(live) if offset >= start] == list(wanted)
    assert all(segments[0][0] <= offset for offset in offsets(live))
    room.store.close({}) if clean else room.store.abandon()
    room.store = room.open()
    log = room.store.get(TOPIC, 0)
    assert log is not None
    assert (log.log_end_offset, log.recovery.cut_reason, [extent[:2] for extent in log.extents()]) == (60, None, segments)
    assert [header.base_offset for header, _ in log.batches(start)] == list(wanted)


@pytest.mark.parametrize("flushed", [False, True])
def test_ends_under_load(room: MoveRoom, monkeypatch: pytest.MonkeyPatch, flushed: bool) -> None:
    """More than the tail comes in with each piece, flushed or not: the tail grows until it takes that."""

    async def story() -> None:
        room.fill(10)
        carry_out = Pace.carry_out

        async def loaded(self: Pace, work: Any) -> Any:
            room.fill(2, size_bytes=VALUE_BYTES)
            if flushed:
                room.live().log.flush()
            return await carry_out(self, work)

        monkeypatch.setattr(Pace, "carry_out", loaded)
        monkeypatch.setattr(move_module, "TAIL_BYTES", VALUE_BYTES // 8)
        room.move(room.paths[1])
        await room.until_still()
        live = room.live()
        assert (live.log.directory, offsets(live)) == (room.paths[1], list(range(live.log_end_offset)))
        assert live.log_end_offset < 30

    room.run(story)


@pytest.mark.parametrize("late", [1, 2])
def test_the_loop_waits_for_no_flush_of_a_copy(room: MoveRoom, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """A log that is flushed after each batch is ahead of its copy at the end; that is flushed on a thread, and only once."""
    at_the_end: list[bool] = []

    async def story() -> None:
        live = room.live()
        room.fill(3)
        room.move(room.paths[1])
        future: Any = room.store.future(TOPIC, 0)
        flush = future.flush

        def on_which_thread() -> int:
            at_the_end.append(threading.current_thread() is threading.main_thread())
            return int(flush())

        async def write_on() -> None:
            room.fill(late)
            live.log.flush()
            monkeypatch.setattr(type(future), "flush", lambda log: on_which_thread() if live.log is not future else 0)

        room.before_assigned = write_on
        await room.until_still()
        assert live.log is future

    room.run(story, virtual=False)
    assert at_the_end == [False]


def test_flushes_of_the_log_wait_while_its_copy_is_flushed(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are flushed one by one while the copy is flushed would leave it behind for ever; they are safe in the new place."""
    room.room.configure(TOPIC, CONFIGS | {"flush.messages": "1"})
    committed: list[int] = []

    async def story() -> None:
        live = room.live()
        room.fill(3)
        room.move(room.paths[1])
        future: Any = room.store.future(TOPIC, 0)
        thread = Pace.in_thread

        async def loaded(self: Pace, call: Any) -> Any:
            if live.log is not future and call == future.flush:
                room.fill(1)
                committed.append(live.high_watermark)
            return await thread(self, call)

        monkeypatch.setattr(Pace, "in_thread", loaded)

        async def write_on() -> None:
            room.fill(1)

        room.before_assigned = write_on
        await room.until_still()
        assert (live.log, live.high_watermark, live.log.recovery_point) == (future, 5, 5)

    room.run(story)
    assert committed == [4]


def test_flushes_go_on_where_the_tail_is_too_long(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """So much comes in while the copy is flushed that it has to catch up first: nobody waits for his flush so long."""
    room.room.configure(TOPIC, CONFIGS | {"flush.messages": "1"})
    monkeypatch.setattr(move_module, "TAIL_BYTES", VALUE_BYTES)
    monkeypatch.setattr(move_module, "MAX_TAIL_BYTES", VALUE_BYTES * 3 // 2)
    committed: list[int] = []

    async def story() -> None:
        live = room.live()
        room.fill(3)
        room.move(room.paths[1])
        future: Any = room.store.future(TOPIC, 0)
        thread, carry_out = Pace.in_thread, Pace.carry_out
        told = [False]

        async def loaded(self: Pace, call: Any) -> Any:
            if told[0] and live.log is not future and call == future.flush and not committed:
                room.fill(3)
                committed.append(live.high_watermark)
            return await thread(self, call)

        async def catching_up(self: Pace, work: Any) -> Any:
            if committed:
                committed.append(live.high_watermark)
            return await carry_out(self, work)

        monkeypatch.setattr(Pace, "in_thread", loaded)
        monkeypatch.setattr(Pace, "carry_out", catching_up)

        async def write_on() -> None:
            room.fill(1)
            told[0] = True

        room.before_assigned = write_on
        await room.until_still()
        assert (live.log, live.high_watermark) == (future, 7)

    room.run(story)
    assert committed[:2] == [4, 7]


def test_what_is_copied_in_one_stretch_is_bounded(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much comes in with each piece, the loop is not held up for more than the bound; when less comes in the move ends."""
    longest = [0]

    async def story() -> None:
        room.fill(10)
        live = room.live()
        carry_out, copy_tail = Pace.carry_out, move_module.Move._copy_tail
        pieces = [40]

        async def loaded(self: Pace, work: Any) -> Any:
            pieces[0] -= 1
            if pieces[0] > 0:
                room.fill(3)
            return await carry_out(self, work)

        def measured(self: Any, limit_bytes: int) -> bool:
            before = self.future.log_end_offset
            done = copy_tail(self, limit_bytes)
            longest[0] = max(longest[0], self.future.log_end_offset - before)
            return done

        monkeypatch.setattr(Pace, "carry_out", loaded)
        monkeypatch.setattr(move_module.Move, "_copy_tail", measured)
        monkeypatch.setattr(move_module, "TAIL_BYTES", VALUE_BYTES // 8)
        monkeypatch.setattr(move_module, "MAX_TAIL_BYTES", VALUE_BYTES * 5 // 2)
        room.move(room.paths[1])
        await room.until_still()
        assert (live.log.directory, offsets(live)) == (room.paths[1], list(range(live.log_end_offset)))

    room.run(story)
    assert longest == [2]


def test_one_batch_is_copied_however_large(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each batch is larger than the bound, and one comes in with each piece, a move ends all the same."""

    async def story() -> None:
        carry_out = Pace.carry_out

        async def loaded(self: Pace, work: Any) -> Any:
            room.fill(1)
            return await carry_out(self, work)

        room.fill(3)
        monkeypatch.setattr(Pace, "carry_out", loaded)
        monkeypatch.setattr(move_module, "TAIL_BYTES", 1000)
        monkeypatch.setattr(move_module, "MAX_TAIL_BYTES", 2000)
        room.move(room.paths[1])
        await room.until_still()
        assert room.live().log.directory == room.paths[1]

    room.run(story)


def test_waits_for_a_flush_of_the_log(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the log is flushed the copy does not take its place; after that it does."""

    async def story() -> None:
        room.fill(3)
        log: Any = room.live().log
        assert log.try_hold_flushes()
        waits = []

        async def sleep(seconds: float) -> None:
            if seconds != move_module.BUSY_S:
                return  # others had something to do, and the copy rests
            waits.append(seconds)
            if len(waits) == 3:
                log.release_flushes()

        monkeypatch.setattr(moves_module.trio, "sleep", sleep)
        room.move(room.paths[1])
        await room.until_still()
        assert (room.live().log.directory, waits) == (room.paths[1], [move_module.BUSY_S] * 3)

    room.run(story)


def test_small_logs_share_a_round(tmp_path: Path) -> None:
    """Many small logs are told to the metadata together, a large one by itself; those before it do not wait for it."""
    room = MoveRoom(tmp_path, 6)

    async def story() -> None:
        for index in range(6):
            room.fill(1 if index != 3 else 20, index)
        for index in range(6):
            room.move(room.paths[1], index)
        await room.until_still()
        assert room.assignments == [3, 1, 2]
        assert {room.live(index).log.directory for index in range(6)} == {room.paths[1]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves_module, "ROUND_BYTES", 1 << 20)
        room.run(story)
    room.store.abandon()


def test_one_copy_of_a_round_that_fails(tmp_path: Path) -> None:
    """The others of its round are moved."""
    room = MoveRoom(tmp_path, 3)

    async def story() -> None:
        for index in range(3):
            room.fill(1, index)
            room.move(room.paths[1], index)
        future: Any = room.store.future(TOPIC, 1)

        def fail(*_: object) -> int:
            raise StorageError("cannot flush")

        with pytest.MonkeyPatch.context() as patch:
            flush = type(future).flush
            patch.setattr(type(future), "flush", lambda log: fail() if log is future else flush(log))
            await room.until_still()
        assert [room.live(index).log.directory for index in range(3)] == [room.paths[1], room.paths[0], room.paths[1]]

    room.run(story)
    room.store.abandon()


def test_moved_log_is_flushed_in_its_new_place(room: MoveRoom) -> None:
    """Else its new name, and the tail that was copied last, would wait for somebody's flush or the end of the broker."""

    async def story() -> None:
        room.fill(3)

        async def write_on() -> None:
            room.fill(1)

        room.before_assigned = write_on
        room.move(room.paths[1])
        await room.until_still()
        log: Any = room.live().log
        assert (log.directory, log.recovery_point, log.home._names_changed) == (room.paths[1], 4, False)

    room.run(story)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_log_that_is_cleaned_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Nothing of it is copied while the cleaner works on it; the others are moved meanwhile, and it when the cleaner is done."""
    room = MoveRoom(tmp_path, 3)
    monkeypatch.setattr(moves_module, "LOOK_AGAIN_S", 1000.0)

    async def story() -> None:
        cleaned = room.live(at)
        cleaned.cleaning = trio.Event()
        for index in range(3):
            room.fill(1, index)
            room.move(room.paths[1], index)
        with trio.fail_after(5):
            while [room.live(index).log.directory for index in range(3)].count(room.paths[1]) < 2:
                await trio.lowlevel.checkpoint()
        for _ in range(20):
            await trio.lowlevel.checkpoint()
        future = room.store.future(TOPIC, at)
        assert future is not None
        assert (room.assignments, future.log_end_offset) == ([2], 0)
        done, cleaned.cleaning = cleaned.cleaning, None
        done.set()
        await room.until_still()
        assert (room.assignments, cleaned.log.directory) == ([2, 1], room.paths[1])

    room.run(story)
    room.store.abandon()


def test_who_comes_while_a_log_is_cleaned_does_not_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but that log was to be moved, so it is waited for; who is asked for now is moved all the same."""
    room = MoveRoom(tmp_path, 2)
    monkeypatch.setattr(moves_module, "LOOK_AGAIN_S", 0.001)

    async def story() -> None:
        for index in range(2):
            room.fill(1, index)
        room.live(0).cleaning = trio.Event()
        room.move(room.paths[1], 0)
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        room.move(room.paths[1], 1)
        with trio.fail_after(5):
            while room.live(1).log.directory != room.paths[1]:
                await trio.lowlevel.checkpoint()
        assert room.assignments == [1]
        room.live(0).cleaning = None

    room.run(story)
    room.store.abandon()


def test_moved_log_keeps_the_producers_of_before(room: MoveRoom) -> None:
    """A crash after a move costs the headers from the last snapshot on, not all of them."""

    async def story() -> None:
        room.fill(40)
        room.live().log.flush()
        room.move(room.paths[1])
        await room.until_still()

    room.run(story)
    assert [offset for offset, _ in room.live().log.producer_snapshots()] == [40, 34]
