"""A name that is used again: what is still said of the log that had it before is taken back on a thread, not on the loop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio

from pybroker.storage import store as store_module
from pybroker.storage.checkpoints import read_offsets, write_offsets
from pybroker.storage.files import Files
from pybroker.storage.layout import RECOVERY_POINT_CHECKPOINT
from tests.log_dirs_room import Disks, Room


class WatchedFiles(Files):
    """Notes what is made durable on the thread of the loop, once `watching` is set. Whoever waits for a disk waits in one of these."""

    watching = False
    on_the_loop: list[int] = []  # noqa: RUF012 - of the one test that runs

    def _note(self, fd: int) -> None:
        if self.watching and threading.current_thread() is threading.main_thread():
            self.on_the_loop.append(fd)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # a method in the place of a function of os
        self._note(fd)

    def fsync_names(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._note(fd)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[WatchedFiles]:
    """Brokers run on them."""
    monkeypatch.setattr(store_module, "Files", WatchedFiles)
    monkeypatch.setattr(WatchedFiles, "watching", False)
    monkeypatch.setattr(WatchedFiles, "on_the_loop", [])
    return WatchedFiles


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    """Two empty directories."""
    return Disks(tmp_path)


def checkpoint(room: Room) -> None:
    """What housekeeping does from time to time."""
    partitions = room.state().partitions
    for log in partitions.store.logs():
        log.flush()
    partitions.store.checkpoint(partitions.high_watermarks())


def said(path: str, topic: str) -> dict[int, int]:
    """The recovery points of a topic in a directory's checkpoint."""
    offsets = read_offsets(Files(), f"{path}/{RECOVERY_POINT_CHECKPOINT}")
    return {partition: offset for (name, partition), offset in offsets.items() if name == topic}


@pytest.mark.parametrize("auto", [False, True])
def test_topic_made_again_waits_for_no_disk_on_the_loop(disks: Disks, watched: type[WatchedFiles], auto: bool) -> None:
    """Its creation takes the deleted one out of the checkpoints beside the loop, so the first append has nothing to wait for."""

    async def main() -> None:
        async with disks.open(disks.a) as room:
            await room.create("t", 2)
            assert [await room.produce("t", 0), await room.produce("t", 1)] == [0, 0]
            checkpoint(room)
            assert said(disks.a, "t") == {0: 1, 1: 1}
            watched.watching = True
            await room.delete("t")
            if auto:
                await room.state().controller.auto_create_topic("t")
            else:
                await room.create("t", 2)
            assert said(disks.a, "t") == {}
            assert await room.produce("t") == 0
            assert watched.on_the_loop == []
            watched.watching = False

    trio.run(main)


def test_topic_made_again_before_a_start_waits_for_no_disk_on_the_loop(disks: Disks, watched: type[WatchedFiles]) -> None:
    """A start takes out what is said of logs that are no more."""

    async def main() -> None:
        async with disks.open(disks.a) as room:
            await room.create("t")
            await room.produce("t")
            checkpoint(room)
            await room.delete("t")
            await room.create("t")
        path = f"{disks.a}/{RECOVERY_POINT_CHECKPOINT}"
        write_offsets(Files(), path, read_offsets(Files(), path) | {("t", 0): 7})  # the process was killed before the next checkpoint
        async with disks.open(disks.a) as room:
            assert said(disks.a, "t") == {}
            watched.watching = True
            assert await room.produce("t") == 0
            assert watched.on_the_loop == []
            watched.watching = False

    trio.run(main)


def test_log_that_moves_back_waits_for_no_disk_on_the_loop(disks: Disks, watched: type[WatchedFiles]) -> None:
    """What the directory that it left still says of it is taken out before the copy is begun there, beside the loop."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            assert await room.produce("t") == 0
            home, away = sorted((disks.a, disks.b), key=lambda path: path != room.live("t").log.directory)
            checkpoint(room)
            await room.move("t", 0, away)
            await room.until(lambda: room.live("t").log.directory == away)
            assert said(home, "t") == {0: 1}
            watched.watching = True
            assert await room.move("t", 0, home) == 0
            await room.until(lambda: room.live("t").log.directory == home)
            assert watched.on_the_loop == []
            watched.watching = False

    trio.run(main)
