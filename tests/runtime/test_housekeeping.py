"""What is done by the clock goes on, whatever a disk says to it."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pybroker.records.builder import build_batch
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.housekeeping import Housekeeping
from pybroker.storage.errors import DiskFullError, StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import NODE_ID, PartitionRoom

NOW_MS = 1_700_000_000_000


class TroubledStore(MemoryLogStore):
    """A store whose checkpoint and removal fail, each in its way; `enough` is set when both were tried again."""

    def __init__(self, enough: trio.Event) -> None:
        super().__init__(cluster_id="c", node_id=NODE_ID, rng=Random(0))
        self._tried: list[str] = []
        self._enough = enough

    def checkpoint(self, high_watermarks: dict[tuple[str, int], int]) -> None:
        self._note("checkpoint")
        raise DiskFullError("no space is left to write the checkpoints")

    def delete_expired(self, now_ms: int) -> int | None:
        self._note("removal")
        raise RuntimeError("a bug")

    def _note(self, name: str) -> None:
        self._tried.append(name)
        if min(self._tried.count("checkpoint"), self._tried.count("removal")) > 1:
            self._enough.set()


class UnreadableLog:
    """A log of which one function fails."""

    def __init__(self, log: Any, broken: str, error: StorageError) -> None:
        self._log = log
        self._broken = broken
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._broken else getattr(self._log, name)

    def _fail(self, *_: object) -> None:
        raise self._error


def housekeeping_of(room: PartitionRoom) -> Housekeeping:
    """The duties of that room."""
    return Housekeeping(room.partitions, room.partitions.store, room.settings, room.clock, Flusher())


@pytest.fixture
def room() -> PartitionRoom:
    """Two partitions of the topic `t`, each with one record whose time is over."""
    room = PartitionRoom(MemoryLogStore(cluster_id="c", node_id=NODE_ID, rng=Random(0)))
    room.create_topic("t", partitions=2, configs={"retention.ms": "60000"})
    for index in (0, 1):
        room.partition("t", index).append_records(build_batch([(b"k", b"v", NOW_MS - 60_001)]))
    return room


def test_a_duty_that_fails_is_done_again_in_time() -> None:
    """A full disk or a bug costs a line in the log, not the broker: the other duties and the next time are not lost."""

    async def main() -> None:
        enough = trio.Event()
        async with trio.open_nursery() as nursery:
            housekeeping_of(PartitionRoom(TroubledStore(enough), clock=TrioClock())).start(nursery)
            await enough.wait()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_files_of_dropped_segments_go_when_their_delay_is_over(tmp_path: Path) -> None:
    """Retention looks every log.retention.check.interval.ms, and file.delete.delay.ms counts from there, not from the look for files."""

    async def main() -> None:
        store = DiskLogStore.open([str(tmp_path)], cluster_id=None, node_id=NODE_ID, rng=Random(0))
        clock = TrioClock(NOW_MS)
        room = PartitionRoom(store, {"log.retention.check.interval.ms": "50"}, clock=clock)
        room.create_topic("t", configs={"retention.ms": "1000", "file.delete.delay.ms": "200"})
        room.partition("t").append_records(build_batch([(b"k", b"v", NOW_MS)]))
        async with trio.open_nursery() as nursery:
            housekeeping_of(room).start(nursery)
            for wait, expected in ((1.04, 0), (0.05, 1), (0.1, 1), (0.3, 0)):
                await trio.sleep(wait)
                assert len(list((tmp_path / "t-0").glob("*.log.deleted"))) == expected
            nursery.cancel_scope.cancel()
        assert room.partition("t").log_start_offset == 1
        store.abandon()

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("broken", ["segments", "roll", "raise_log_start_offset"])
def test_retention_takes_a_log_offline_that_fails(room: PartitionRoom, broken: str) -> None:
    """Where segments cannot be looked at, rolled or taken away that partition goes offline, and the others are looked after."""
    live: Any = room.partition("t", 0)
    live.log = UnreadableLog(live.log, broken, StorageError("input/output error"))
    trio.run(housekeeping_of(room).retain, NOW_MS)
    sound = room.partition("t", 1)
    assert (live.offline, sound.offline, sound.log_start_offset, sound.log_end_offset) == (True, False, 1, 1)


def test_retention_waits_while_the_disk_is_full(room: PartitionRoom) -> None:
    """A new segment that finds no room is no reason to go offline: nothing was changed, and the records are served until there is room."""
    live: Any = room.partition("t", 0)
    whole = live.log
    live.log = UnreadableLog(whole, "roll", DiskFullError("no space is left"))
    trio.run(housekeeping_of(room).retain, NOW_MS)
    assert (live.offline, live.log_start_offset) == (False, 0)
    live.log = whole
    trio.run(housekeeping_of(room).retain, NOW_MS)
    assert (live.offline, live.log_start_offset) == (False, 1)
