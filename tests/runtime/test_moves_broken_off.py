"""Moves that are not carried to their end: given up, deleted, failed, and what the metadata is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from pybroker.storage.errors import StorageError
from pybroker.wire.errors import ErrorCode, KafkaError
from tests.runtime.move_room import TOPIC, Disks, MoveRoom, offsets, one_partition, when_checked  # noqa: F401 - `one_partition` is the fixture `room`


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
