"""Logs on their way into another directory: what comes between two steps, what ends a move, and what the metadata is told."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker.runtime import moves as moves_module
from pybroker.runtime.pacing import Pace
from pybroker.storage.interface import StorageError
from pybroker.wire.errors import ErrorCode, KafkaError
from tests.runtime.move_room import CONFIGS, TOPIC, VALUE_BYTES, Disks, MoveRoom, offsets, when_checked


@pytest.fixture
def room(tmp_path: Path) -> Iterator[MoveRoom]:
    """One partition."""
    room = MoveRoom(tmp_path)
    yield room
    room.store.abandon()


# --- what goes while it is copied


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


# --- what ends a move


def test_wish_that_comes_while_another_is_carried_out(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that moves to b and is wanted in c goes to c, and nowhere else."""

    async def story() -> None:
        room.fill(40)
        when_checked(monkeypatch, 1, lambda: room.move(room.paths[2]))
        room.move(room.paths[1])
        await room.until_still()
        live = room.live()
        assert (live.log.directory, live.moving, room.said[0]) == (room.paths[2], False, room.paths[2])
        assert offsets(live) == list(range(40))
        assert room.store.future(TOPIC, 0) is None

    room.run(story)


def test_given_up_while_it_is_copied(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partition stays, goes on, and can move again."""

    async def story() -> None:
        room.fill(40)
        when_checked(monkeypatch, 2, lambda: room.moves.cancel(room.live()))
        room.move(room.paths[1])
        await room.until_still()
        live = room.live()
        assert (live.log.directory, live.moving, room.store.future(TOPIC, 0)) == (room.paths[0], False, None)
        room.fill(1)
        room.move(room.paths[1])
        await room.until_still()
        assert (live.log.directory, offsets(live)) == (room.paths[1], list(range(41)))

    room.run(story)


def test_topic_is_deleted_while_it_is_copied(room: MoveRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log and copy go; nothing is left but what waits for removal."""

    async def story() -> None:
        room.fill(40)
        when_checked(monkeypatch, 2, lambda: room.room.delete_topic(TOPIC))
        room.move(room.paths[1])
        await room.until_still()
        assert (room.store.get(TOPIC, 0), room.store.future(TOPIC, 0)) == (None, None)
        for path in room.paths:
            assert [name for name in os.listdir(path) if name.startswith(TOPIC) and not name.endswith("-delete")] == []

    room.run(story)


def test_topic_is_deleted_while_it_is_told_to_the_metadata(room: MoveRoom) -> None:
    """A topic that goes in the last moment of a move ends it without a word."""

    async def story() -> None:
        room.fill(3)

        async def delete() -> None:
            room.room.delete_topic(TOPIC)

        room.before_assigned = delete
        room.move(room.paths[1])
        await room.until_still()
        assert (room.store.get(TOPIC, 0), room.store.future(TOPIC, 0)) == (None, None)

    room.run(story)


def test_given_up_after_the_metadata_was_told(room: MoveRoom) -> None:
    """Then it is told again where the log is."""

    async def story() -> None:
        room.fill(3)

        async def cancel() -> None:
            assert room.said[0] == room.paths[1]
            room.moves.cancel(room.live())

        room.before_assigned = cancel
        room.move(room.paths[1])
        await room.until_still()
        assert (room.said[0], room.live().log.directory, room.live().moving) == (room.paths[0], room.paths[0], False)

    room.run(story)


def test_stopped_after_the_metadata_was_told(room: MoveRoom) -> None:
    """So it is if the broker stops just then; the copy stays for the next start."""

    async def story() -> None:
        room.fill(3)
        told = trio.Event()

        async def wait() -> None:
            told.set()
            await trio.sleep_forever()

        room.before_assigned = wait
        room.move(room.paths[1])
        await told.wait()

    room.run(story)
    assert (room.said[0], room.store.future(TOPIC, 0) is None) == (room.paths[0], False)


def test_metadata_that_refuses(room: MoveRoom, caplog: pytest.LogCaptureFixture) -> None:
    """A move that cannot be told is given up, in words."""

    async def story() -> None:
        room.fill(3)

        async def refuse() -> None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the metadata log cannot be written")

        room.before_assigned = refuse
        room.move(room.paths[1])
        await room.until_still()
        assert (room.said[0], room.live().log.directory, room.store.future(TOPIC, 0)) == (room.paths[0], room.paths[0], None)
        assert [record.message for record in caplog.records] == [
            f"t-0 stays in {room.paths[0]}, as it cannot be moved: KAFKA_STORAGE_ERROR: the metadata log cannot be written"
        ]

    room.run(story)


def test_copy_that_cannot_take_its_name(room: MoveRoom) -> None:
    """The log stays what it was, and the metadata says so."""

    async def story() -> None:
        room.fill(3)
        room.disks.refused = lambda source, target: target.endswith("b/t-0")
        room.move(room.paths[1])
        await room.until_still()
        room.fill(1)
        assert (room.said[0], room.live().log.directory, offsets(room.live())) == (room.paths[0], room.paths[0], [0, 1, 2, 3])

    room.run(story)


def test_original_that_cannot_be_taken_away(room: MoveRoom, caplog: pytest.LogCaptureFixture) -> None:
    """The partition goes on in its new place; what is left is told, and the next start puts it aside."""

    async def story() -> None:
        room.fill(3)
        room.disks.refused = lambda source, target: target.endswith("-delete")
        room.move(room.paths[1])
        await room.until_still()
        room.fill(1)
        live = room.live()
        assert (room.said[0], live.log.directory, live.moving, live.offline) == (room.paths[1], room.paths[1], False, False)
        assert offsets(live) == [0, 1, 2, 3]
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
            f"what t-0 was before stays in {room.paths[0]}: cannot rename {room.paths[0]}/t-0: Permission denied"
        ]

    room.run(story)
    room.store.close({})
    room.disks = room.files = Disks()
    room.store = room.open()
    log = room.store.get(TOPIC, 0)
    assert log is not None
    assert (log.directory, log.log_end_offset) == (room.paths[1], 4)


def test_directory_that_fails(room: MoveRoom) -> None:
    """What moves there ends, and what is lost with it is not said to be there."""

    async def story() -> None:
        room.fill(3)

        async def fail() -> None:
            room.store.fail_directory(room.paths[1], "it smokes")
            room.moves.directory_failed(room.paths[1])

        room.before_assigned = fail
        room.move(room.paths[1])
        await room.until_still()
        assert (room.said[0], room.live().moving, room.live().offline) == (room.paths[0], False, False)

    room.run(story)


def test_directory_of_the_log_fails(room: MoveRoom, caplog: pytest.LogCaptureFixture) -> None:
    """The move ends at once, and is named; the copy stays where it is."""

    async def story() -> None:
        room.fill(3)
        room.rate = 1.0
        room.move(room.paths[1])
        await trio.sleep(0.1)
        gone = room.store.fail_directory(room.paths[0], "it smokes")
        assert gone == [room.live().log]
        room.live().stay_offline("it smokes")
        room.moves.directory_failed(room.paths[0])
        assert (room.live().moving, "is not moved" in caplog.text) == (False, True)
        await room.until_still()
        assert room.store.future(TOPIC, 0) is not None

    room.run(story)


@pytest.mark.parametrize("way", ["stops", "raises"])
def test_log_that_fails_after_the_metadata_was_told(room: MoveRoom, way: str) -> None:
    """The copy, which was durable then, stays, and so does what the metadata says: it may be all that is left."""

    async def story() -> None:
        room.fill(3)

        async def fail() -> None:
            room.live().stay_offline("a write failed")
            if way == "raises":
                raise StorageError("a read failed")

        room.before_assigned = fail
        room.move(room.paths[1])
        future = room.store.future(TOPIC, 0)
        await room.until_still()
        assert (room.said[0], room.live().moving, room.store.future(TOPIC, 0)) == (room.paths[1], False, future)

    room.run(story)


def test_unforeseen_error_ends_one_move_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is told with its trace, and the others go on."""
    room = MoveRoom(tmp_path, 2)

    async def story() -> None:
        def stumble() -> None:
            raise ZeroDivisionError("a bug")

        for index in range(2):
            room.fill(2, index)
            room.move(room.paths[1], index)
        when_checked(monkeypatch, 1, stumble)
        await room.until_still()
        assert [room.live(index).log.directory for index in range(2)] == [room.paths[0], room.paths[1]]
        assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]

    room.run(story)
    room.store.abandon()


# --- that it ends


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
        monkeypatch.setattr(moves_module, "TAIL_BYTES", VALUE_BYTES // 8)
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
    monkeypatch.setattr(moves_module, "TAIL_BYTES", VALUE_BYTES)
    monkeypatch.setattr(moves_module, "MAX_TAIL_BYTES", VALUE_BYTES * 3 // 2)
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
        carry_out, copy_tail = Pace.carry_out, moves_module.Move._copy_tail
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
        monkeypatch.setattr(moves_module.Move, "_copy_tail", measured)
        monkeypatch.setattr(moves_module, "TAIL_BYTES", VALUE_BYTES // 8)
        monkeypatch.setattr(moves_module, "MAX_TAIL_BYTES", VALUE_BYTES * 5 // 2)
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
        monkeypatch.setattr(moves_module, "TAIL_BYTES", 1000)
        monkeypatch.setattr(moves_module, "MAX_TAIL_BYTES", 2000)
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
            if seconds != moves_module.BUSY_S:
                return  # others had something to do, and the copy rests
            waits.append(seconds)
            if len(waits) == 3:
                log.release_flushes()

        monkeypatch.setattr(moves_module.trio, "sleep", sleep)
        room.move(room.paths[1])
        await room.until_still()
        assert (room.live().log.directory, waits) == (room.paths[1], [moves_module.BUSY_S] * 3)

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
    monkeypatch.setattr(moves_module, "MAX_WAIT_S", 1000.0)

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
    monkeypatch.setattr(moves_module, "MAX_WAIT_S", 0.001)

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


@pytest.mark.parametrize("when", ["copied", "finished"])
def test_log_that_cannot_be_followed_holds_up_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """More comes in than is copied, from the start or from the end on: the others go first, and when it is less it is moved."""
    room = MoveRoom(tmp_path, 3)

    async def story() -> None:
        monkeypatch.setattr(moves_module, "ROUND_BYTES", 8 * VALUE_BYTES)
        monkeypatch.setattr(moves_module, "PIECE_BYTES", 2 * VALUE_BYTES)
        monkeypatch.setattr(moves_module, "MAX_TAIL_BYTES", 2 * VALUE_BYTES)
        monkeypatch.setattr(moves_module, "TAIL_BYTES", 2 * VALUE_BYTES)
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
