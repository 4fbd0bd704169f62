"""Moves the log of a partition into another log directory, while it is written and read (KIP-113).

Theory of operation
- What lies in the log is copied in pieces: a thread reads, the loop checks each batch for half a millisecond at a time (`pacing`), a thread
  writes. Each segment of the copy begins where one of the log does. Segments that retention drops meanwhile are passed over.
- When the copy has nearly caught up it is made durable with all that belongs to it, then the metadata says where the replica will lie.
- The end comes in one stretch on the loop, nobody writes meanwhile: at most `TAIL_BYTES` are copied, the copy takes the log's name and
  place, the partition goes on with it. If more came in, the loop catches up first and tries again.
- With a throttle (replica.alter.log.dirs.io.max.bytes.per.second) each piece waits its time before it is copied.
- One log moves at a time, in the order they were asked for. While it does it is not compacted; all else goes on, in the log.
- A copy that cannot be made (a full disk, a damaged batch) is given up, and told. One that a stop broke off is gone on with at the start.

(Kafka: ReplicaAlterLogDirsThread, AlterLogDirsThread's promotion states; there AssignReplicasToDirs is a request to the controller.)
"""

from __future__ import annotations

import logging
import math
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Generator
from functools import partial

import trio

from pybroker.records.batch import BatchHeader
from pybroker.records.errors import RecordsError
from pybroker.runtime.compaction_round import LONG_WRITE_BYTES, UNLIMITED, WRITE_BATCHES, batches_in
from pybroker.runtime.pacing import Job, Pace
from pybroker.runtime.partition import LivePartition
from pybroker.storage.interface import FutureLog, Log, LogStore, StorageError
from pybroker.wire.buffers import Buffer
from pybroker.wire.errors import KafkaError

logger = logging.getLogger(__name__)

PIECE_BYTES = 1 << 20
TAIL_BYTES = 128 << 10  # a millisecond to check and to write, be the batches small
BUSY_S = 0.002  # until a flush that is under way ends
ATTEMPTS = 1000
MAX_WAIT_S = 0.25

Batches = list[tuple[Buffer, BatchHeader]]
Assign = Callable[[LivePartition, str], Awaitable[None]]
Rate = Callable[[], float]
Key = tuple[str, int]


class Moves:
    """The moves of one broker.

    `assign` tells the metadata that a partition lies in the directory of that path; raises KafkaError. `bytes_per_second` is asked before
    each piece.
    """

    __slots__ = ("_assign", "_bytes_per_second", "_lives", "_nursery", "_running", "_store", "longest_slice_s")

    def __init__(self, store: LogStore, assign: Assign, bytes_per_second: Rate = lambda: UNLIMITED) -> None:
        self._store = store
        self._assign = assign
        self._bytes_per_second = bytes_per_second
        self._lives: dict[Key, LivePartition] = {}
        self._nursery: trio.Nursery | None = None
        self._running = False
        self.longest_slice_s = 0.0

    def start(self, nursery: trio.Nursery) -> None:
        """Carry out what was and will be asked for; it ends with the nursery."""
        self._nursery = nursery
        self._go_on()

    def add(self, live: LivePartition) -> None:
        """Move a partition whose copy was begun in the store."""
        live.moving = True
        self._lives[live.topic, live.partition] = live
        self._go_on()

    def cancel(self, live: LivePartition) -> None:
        """Give up the copy of a partition. Raises StorageError if its files cannot be renamed away."""
        self._lives.pop((live.topic, live.partition), None)
        live.moving = False
        self._store.drop_move(live.log)

    def _go_on(self) -> None:
        if self._nursery is not None and not self._running and self._lives:
            self._running = True
            self._nursery.start_soon(self._run, name="moves between log directories")

    async def _run(self) -> None:
        try:
            while self._lives:
                key, live = next(iter(self._lives.items()))
                await self._move(live)
                if live.offline or self._store.future(*key) is None:  # else it was given up and begun anew
                    live.moving = False
                    if self._lives.get(key) is live:
                        del self._lives[key]
        finally:
            self._running = False

    async def _move(self, live: LivePartition) -> None:
        """Carry out one move to its end, or give it up."""
        future = self._store.future(live.topic, live.partition)
        if future is None:
            return
        try:
            while live.cleaning is not None:
                await live.cleaning.wait()
            move = _Move(live, future, self._store, self._assign, self._bytes_per_second)
            if await move.run():
                logger.info("%s-%d lies in %s now", live.topic, live.partition, future.directory)
            self.longest_slice_s = max(self.longest_slice_s, move.pace.longest_slice_s)
        except (StorageError, RecordsError, KafkaError) as error:
            self._give_up(live, future, error)
        except Exception as error:
            logger.exception("moving %r failed", live)
            self._give_up(live, future, error)

    def _give_up(self, live: LivePartition, future: FutureLog, error: Exception) -> None:
        if self._store.future(live.topic, live.partition) is not future:
            return  # it was cancelled, or the topic is gone
        logger.error("%s-%d stays in %s, as it cannot be moved: %s", live.topic, live.partition, live.log.directory, error)
        try:
            self._store.drop_move(live.log)
        except StorageError as second:
            logger.error("the copy of %s-%d in %s stays: %s", live.topic, live.partition, future.directory, second)


class _Move:
    """One move under way."""

    __slots__ = ("_assign", "_assigned", "_bytes_per_second", "_future", "_live", "_log", "_store", "pace")

    def __init__(self, live: LivePartition, future: FutureLog, store: LogStore, assign: Assign, bytes_per_second: Rate) -> None:
        self._live = live
        self._log: Log = live.log
        self._future = future
        self._store = store
        self._assign = assign
        self._assigned = False
        self._bytes_per_second = bytes_per_second
        self.pace = Pace()

    async def run(self) -> bool:
        """Whether the log was moved; False if nobody wants it any more. Raises StorageError, RecordsError, KafkaError."""
        while self._is_wanted():
            if await self._copy_piece():
                continue
            if await self._settle():
                return True
        return False

    def _is_wanted(self) -> bool:
        live = self._live
        return not live.offline and live.log is self._log and self._store.future(live.topic, live.partition) is self._future

    @property
    def _next_offset(self) -> int:
        return max(self._future.log_end_offset, self._log.log_start_offset)

    async def _copy_piece(self) -> bool:
        """Copy a piece; False if there is nothing left."""
        offset = self._next_offset
        if offset >= self._log.log_end_offset:
            return False
        found = self._log.read(offset, self._piece_bytes(), self._log.log_end_offset, True)
        if found is None:
            return False
        await self._wait_for(len(found))
        if not self._is_wanted():
            return True
        chunk = memoryview(found.read() if found.buffers() else await self.pace.in_thread(found.read))
        batches = await self.pace.carry_out(_checked(chunk, offset))
        base = self._segment_of(batches)
        for at in range(0, len(batches), WRITE_BATCHES):
            if not self._is_wanted():
                break
            await self._write(batches[at : at + WRITE_BATCHES], base)
        return True

    async def _write(self, batches: Batches, base: int) -> None:
        if sum(len(batch) for batch, _ in batches) >= LONG_WRITE_BYTES:
            await self.pace.in_thread(partial(self._future.copy_batches, batches, base))
        else:
            self._future.copy_batches(batches, base)
            await self.pace.pause()

    async def _wait_for(self, size_bytes: int) -> None:
        """As long as the throttle wants; nobody waits for a move that was given up."""
        while size_bytes > 0 and (rate := max(self._bytes_per_second(), 1.0)) < UNLIMITED and self._is_wanted():
            wait_s = min(size_bytes / rate, MAX_WAIT_S)
            await trio.sleep(wait_s)
            size_bytes -= math.ceil(wait_s * rate)

    def _piece_bytes(self) -> int:
        """A throttled move takes what it may in a second, so that it can be slow without being jerky."""
        return int(max(1, min(PIECE_BYTES, self._bytes_per_second())))

    def _segment_of(self, batches: Batches) -> int:
        """Where the segment begins that the batches were read from, as far as it is still there."""
        bases = [extent.base_offset for extent in self._log.extents()]
        first = batches[0][1].base_offset
        return bases[max(0, bisect_right(bases, first) - 1)]

    async def _settle(self) -> bool:
        """The copy has caught up, or nearly. Put it in place; False if too much came in meanwhile, or nobody wants it any more."""
        await self.pace.in_thread(partial(self._store.secure_move, self._log))
        if not self._assigned and self._is_wanted():
            await self._assign(self._live, self._future.directory)
            self._assigned = True
        for _ in range(ATTEMPTS):
            if not self._is_wanted() or not self._copy_tail():
                return False
            moved = self._store.finish_move(self._log)
            if moved is not None:
                self._live.take_log(moved)
                return True
            await self.pace.in_thread(self._future.flush)
            await trio.sleep(BUSY_S)
        return False

    def _copy_tail(self) -> bool:
        """Copy what came in since, if it is little, and make it as durable as it is in the log. False if it is too much.

        A log may end behind its last batch: the last segment is empty after retention took all, or after compaction a gap before it.
        """
        log, future = self._log, self._future
        while (offset := self._next_offset) < log.log_end_offset:
            found = log.read(offset, TAIL_BYTES, log.log_end_offset, True)
            if found is None:
                break
            if len(found) > TAIL_BYTES:
                return False
            batches: Batches = list(batches_in(memoryview(found.read()), offset))
            if batches[-1][1].next_offset < log.log_end_offset:
                return False
            future.copy_batches(batches, self._segment_of(batches))
        future.skip_to(log.log_end_offset)
        if future.recovery_point < log.recovery_point:
            future.flush()
        return True


def _checked(chunk: memoryview, offset: int) -> Generator[Job | None, bytes | None, Batches]:
    """The batches of a chunk; a damaged one is not carried to another disk. Raises CorruptRecords."""
    found: Batches = []
    for batch in batches_in(chunk, offset):
        found.append(batch)
        yield None
    return found
