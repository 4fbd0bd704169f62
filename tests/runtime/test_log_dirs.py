"""What the metadata and the log directories say of each other: at a start, while logs move, and when one of them fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from pybroker.storage import store as store_module
from pybroker.storage.store import DiskLogStore
from pybroker.wire.errors import ErrorCode
from tests.log_dirs_room import Disks, TroubledFiles, take_away


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    """Two empty directories."""
    return Disks(tmp_path)


def kinds(path: str) -> list[str]:
    """What lies in a directory of the topic t, by the ends of the names."""
    return sorted(name.rpartition("-")[2] for name in os.listdir(path) if name.startswith("t-"))


async def begin(disks: Disks, records: int = 1) -> None:
    """Metadata and the topic x in b, the topic t in a."""
    async with disks.open(disks.b, disks.a) as room:
        await room.create("x")
        await room.create("t")
        for _ in range(records):
            assert await room.produce("t") == 0
        assert await room.places("t") == [("a", 0, False)]


def bring_back(path: str) -> None:
    """The directory is there again."""
    os.unlink(path)
    os.rename(path + "-away", path)


@pytest.mark.parametrize("order", ["ba", "ab"])
def test_topic_made_anew_while_its_directory_is_away(disks: Disks, order: str) -> None:
    """The broker starts when it is back, and serves the new topic; what was of the old one is put aside."""
    paths = [getattr(disks, name) for name in order]

    async def main() -> None:
        await begin(disks, 3)
        take_away(disks.a)
        async with disks.open(*paths) as room:
            assert await room.delete("t") == 0
            assert await room.create("t") == 0
            assert await room.produce("t") == 0
        bring_back(disks.a)
        async with disks.open(*paths) as room:
            assert await room.end_offset("t") == (0, 1)
            assert await room.places("t") == [("b", 0, False)]
            assert await room.produce("t") == 0
        assert (kinds(disks.a), kinds(disks.b)) == (["stray"], ["0"])

    trio.run(main)


def test_topic_deleted_while_its_directory_is_away(disks: Disks) -> None:
    """Its log is put aside when it is back: it is nobody's, and a later topic of that name begins empty."""

    async def main() -> None:
        await begin(disks)
        take_away(disks.a)
        async with disks.open(disks.b, disks.a) as room:
            assert await room.delete("t") == 0
        bring_back(disks.a)
        async with disks.open(disks.b, disks.a) as room:
            assert [log.topic for log in room.state().partitions.store.logs()] == ["__cluster_metadata"]
            assert await room.create("t") == 0
            assert await room.end_offset("t") == (0, 0)
        assert "stray" in kinds(disks.a)

    trio.run(main)


def test_directory_is_left_out_while_a_log_moves_out_of_it(disks: Disks) -> None:
    """The copy that is not complete does not become the log: the partition is offline, and goes on when the directory is given again."""

    async def main() -> None:
        await begin(disks, 5)
        async with disks.open(disks.b, disks.a) as room:
            room.live("t").cleaning = trio.Event()
            assert await room.move("t", 0, disks.b) == 0
        async with disks.open(disks.b) as room:
            assert await room.leader("t") == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1])
            assert await room.produce("t") != 0
            assert await room.places("t") == []
        async with disks.open(disks.b, disks.a) as room:
            await room.until(lambda: room.live("t").log.directory == disks.b)
            assert await room.end_offset("t") == (0, 5)

    trio.run(main)


def test_topic_is_deleted_while_its_copy_waits(disks: Disks) -> None:
    """The copy goes with it; a new topic of that name can move, and the old log is put aside when it is back."""

    async def main() -> None:
        await begin(disks, 5)
        async with disks.open(disks.b, disks.a) as room:
            room.live("t").cleaning = trio.Event()
            assert await room.move("t", 0, disks.b) == 0
        async with disks.open(disks.b) as room:
            assert await room.delete("t") == 0
            assert await room.create("t") == 0
            assert room.state().partitions.store.future("t", 0) is None
        async with disks.open(disks.b, disks.a) as room:
            assert await room.produce("t") == 0
            assert await room.move("t", 0, disks.a) == 0
            await room.until(lambda: room.live("t").log.directory == disks.a)
            assert await room.end_offset("t") == (0, 1)
        assert kinds(disks.a) == ["0", "stray"]

    trio.run(main)


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> type[TroubledFiles]:
    """Brokers run on these disks."""
    monkeypatch.setattr(store_module, "Files", TroubledFiles)
    monkeypatch.setattr(TroubledFiles, "broken", "")
    monkeypatch.setattr(TroubledFiles, "paths", {})
    return TroubledFiles


def metadata(disks: Disks) -> str:
    """A third directory."""
    return disks.a + "-metadata"


async def fail_after_told(disks: Disks, trouble: type[TroubledFiles], monkeypatch: pytest.MonkeyPatch, path: str, topic: str) -> None:
    """The topic `t` has a record in `a`, is copied to `b`, and the metadata was told so; then a directory fails, which `topic` notices."""
    async with disks.open(metadata(disks), disks.a, disks.b) as room:
        for name in ("x", "t", "u"):  # one in each
            await room.create(name)
            assert await room.produce(name) == 0
        ids = room.directory_ids()
        assert room.image("t").directories == [ids[1]]
        with monkeypatch.context() as patch:
            patch.setattr(DiskLogStore, "finish_move", lambda self, log: None)  # as while the log is being flushed
            assert await room.move("t", 0, disks.b) == 0
            await room.until(lambda: room.image("t").directories == [ids[2]])
            trouble.broken = path + "/"
            assert await room.produce(topic) == ErrorCode.KAFKA_STORAGE_ERROR
            await room.until(lambda: room.image(topic).leader == -1)
            assert not room.live("t").moving
            assert room.image("t").leader == (-1 if topic == "t" else 1)
            assert room.image("t").directories == [ids[2 if topic == "t" else 1]]
            assert (await room.produce("t") == 0) == (topic != "t")
    trouble.broken = ""


def test_directory_that_a_log_moves_to_fails_after_the_metadata_was_told(
    disks: Disks, trouble: type[TroubledFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metadata says again where the log is, so it has a leader and takes records."""

    async def main() -> None:
        await fail_after_told(disks, trouble, monkeypatch, disks.b, "u")
        async with disks.open(metadata(disks), disks.a, disks.b) as room:
            await room.until(lambda: not room.live("t").moving)
            assert await room.end_offset("t") == (0, 2)

    trio.run(main)


def test_directory_that_a_log_moves_from_fails_after_the_metadata_was_told(
    disks: Disks, trouble: type[TroubledFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partition has no leader, its copy stays, and where the log is back at the next start the move is finished."""

    async def main() -> None:
        await fail_after_told(disks, trouble, monkeypatch, disks.a, "t")
        assert (kinds(disks.a), kinds(disks.b)) == (["0"], ["future"])
        async with disks.open(metadata(disks), disks.a, disks.b) as room:
            await room.until(lambda: room.live("t").log.directory == disks.b)
            assert await room.end_offset("t") == (0, 1)
            assert room.image("t").leader == 1

    trio.run(main)


def test_copy_of_a_log_that_is_lost_after_the_metadata_was_told(
    disks: Disks, trouble: type[TroubledFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is all that is left, and is served. When the log is found again after all, the longer one counts and the other is put aside."""

    async def main() -> None:
        await fail_after_told(disks, trouble, monkeypatch, disks.a, "t")
        take_away(disks.a)
        async with disks.open(metadata(disks), disks.a, disks.b) as room:
            assert (room.live("t").log.directory, room.image("t").leader) == (disks.b, 1)
            assert await room.end_offset("t") == (0, 1)
            assert await room.produce("t") == 0
        bring_back(disks.a)
        async with disks.open(metadata(disks), disks.a, disks.b) as room:
            assert await room.end_offset("t") == (0, 2)
        assert (kinds(disks.a), kinds(disks.b)) == (["stray"], ["0"])

    trio.run(main)


def test_many_moves_are_asked_for_at_once(disks: Disks) -> None:
    """All of them come to their end, and the metadata knows."""

    async def main() -> None:
        async with disks.open(disks.b, disks.a) as room:
            await room.create("t", 40)
            for partition in range(40):
                assert await room.move("t", partition, disks.a) == 0
            await room.until(lambda: not any(room.live("t", index).moving for index in range(40)))
            assert {place[0] for place in await room.places("t")} == {"a"}
            assert {tuple(room.image("t", index).directories) for index in range(40)} == {(room.directory_ids()[1],)}

    trio.run(main)
