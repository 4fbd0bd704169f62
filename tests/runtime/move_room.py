"""A topic on several log directories whose logs move, and what comes between two steps of a move."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from pybroker.records.builder import build_batch
from pybroker.runtime import moves as moves_module
from pybroker.runtime.moves import Moves
from pybroker.runtime.pacing import Pace
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.threads import take_no_time
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom

CONFIGS = {"segment.bytes": str(1 << 20), "flush.messages": str(2**63 - 1)}
VALUE_BYTES = 60_000  # seventeen batches are a segment
TOPIC = "t"


class Disks(Files):
    """Refuses to rename what `refused` says, and to write into what was opened below `full`."""

    refused: Callable[[str, str], bool] = staticmethod(lambda source, target: False)
    full = "nowhere"

    def __init__(self) -> None:
        self.paths: dict[int, str] = {}

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        fd = os.open(path, flags, mode)
        self.paths[fd] = path
        return fd

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]  # see above
        if self.paths[fd].startswith(self.full) and self.paths[fd].endswith(".log"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(fd, data)

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if self.refused(source, target):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), source)
        os.replace(source, target)


class MoveRoom:
    """A topic of some partitions in the first of three directories, and what moves them. `said`: where the metadata has them."""

    def __init__(self, root: Path, partitions: int = 1, workers: int = 1, files: Files | None = None, is_new: bool = True) -> None:
        self.paths = [str(root / name) for name in "abc"]
        self.disks = Disks()
        self.files = files or self.disks
        self.store = self.open()
        self.room = PartitionRoom(self.store)
        self.room.create_topic(TOPIC, partitions, configs=CONFIGS, topic_id=b"t" * 16)
        for index in range(partitions if is_new else 0):
            self.store.create(TOPIC, index, b"t" * 16, LogConfig(), self.paths[0])
        self.said = dict.fromkeys(range(partitions), self.paths[0])
        self.before_assigned: Callable[[], Awaitable[None]] | None = None
        self.assignments: list[int] = []
        self.looked_at: list[str] = []
        self.rate = moves_module.UNLIMITED
        self.moves = Moves(self.store, self._assign, self._take_back, self._look_at, lambda: self.rate, workers)

    def open(self) -> DiskLogStore:
        return DiskLogStore.open(self.paths, cluster_id=None, node_id=1, rng=Random(1), files=self.files)

    async def _assign(self, places: Sequence[tuple[LivePartition, str]]) -> None:
        self.assignments.append(len(places))
        self.said |= {live.partition: path for live, path in places}
        await trio.lowlevel.checkpoint()
        if self.before_assigned is not None:
            await self.before_assigned()

    def _take_back(self, live: LivePartition) -> None:
        self.said[live.partition] = live.log.directory

    async def _look_at(self, path: str) -> None:
        self.looked_at.append(path)
        reason = self.store.probe(path)
        if reason is not None:
            for log in self.store.fail_directory(path, reason):
                self.live(log.partition).stay_offline(reason)
            self.moves.directory_failed(path)

    def live(self, index: int = 0) -> LivePartition:
        live = self.room.partitions.find(TOPIC, index)
        assert live is not None
        return live

    def fill(self, count: int, index: int = 0, size_bytes: int = VALUE_BYTES) -> None:
        """So many batches of a record each."""
        for _ in range(count):
            self.live(index).append_records(build_batch([(None, b"v" * size_bytes, 1)]))

    def move(self, path: str, index: int = 0) -> None:
        live = self.live(index)
        if self.store.future(TOPIC, index) is not None:
            self.moves.cancel(live)
        if live.log.directory != path:
            self.store.begin_move(live.log, path)
            self.moves.add(live)

    def places(self) -> str:
        """The directory of each log, by its letter."""
        return "".join(os.path.basename(self.live(index).log.directory) for index in self.said)

    async def until_still(self) -> None:
        """Until no move is asked for."""
        with trio.fail_after(20):
            while self.moves._moves:
                await trio.lowlevel.checkpoint()

    def run(self, story: Callable[[], Awaitable[None]], *, virtual: bool = True, clock: trio.abc.Clock | None = None) -> None:
        """Tell a story while moves are carried out; calls that block come at once (`virtual`), so it is the same each time."""

        async def main() -> None:
            if virtual:
                take_no_time()
            async with trio.open_nursery() as nursery:
                self.moves.start(nursery)
                await story()
                nursery.cancel_scope.cancel()

        trio.run(main, clock=clock)


def offsets(live: LivePartition) -> list[int]:
    """Of the batches, in order."""
    return [header.base_offset for header, _ in live.log.batches(0)]


def when_checked(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], object]) -> None:
    """Do something when the piece of that number (from 1) was read and checked, and is not written yet."""
    carry_out = Pace.carry_out
    left = [number]

    async def interrupted(self: Pace, work: Any) -> Any:
        result = await carry_out(self, work)
        left[0] -= 1
        if left[0] == 0:
            action()
        return result

    monkeypatch.setattr(Pace, "carry_out", interrupted)


@pytest.fixture(name="room")
def one_partition(tmp_path: Path) -> Iterator[MoveRoom]:
    """A room of one partition."""
    room = MoveRoom(tmp_path)
    yield room
    room.store.abandon()
