"""The move of one log into another log directory, while it is written and read (KIP-113; `moves` says which log when).

Theory of operation
- What lies in a log is copied in pieces: a thread reads, the loop checks each batch for half a millisecond at a time (`pacing`), a thread
  writes. Each segment of the copy begins where one of the log does. What DeleteRecords and retention drop meanwhile is passed over, also
  when it was read already.
- When the copy has nearly caught up it is made durable with all that belongs to it, then the metadata says where the replica will lie.
- The end comes in one stretch on the loop, nobody writes meanwhile: a tail is copied, the copy takes the log's name and place, and the
  partition goes on with it. If the tail is too long the copy catches up first, and the next time it may be twice as long, up to
  MAX_TAIL_BYTES: so a move ends under any load that it can follow at all.
- That stretch makes nothing durable. If more of the log is on disk than of the copy, the log's own flushes are held back for as long as
  one flush of the copy takes, on a thread: else a log that is flushed with each batch would always be ahead. Its producers wait for both.

(Kafka: ReplicaAlterLogDirsThread, AlterLogDirsThread's promotion states.)
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Generator, Sequence
from enum import Enum, auto
from functools import partial

from pybroker.records.batch import BatchHeader
from pybroker.runtime.compaction_round import LONG_WRITE_BYTES, WRITE_BATCHES, batches_in
from pybroker.runtime.move_throttle import Throttle
from pybroker.runtime.pacing import Job, Pace, Turn
from pybroker.runtime.partition import LivePartition
from pybroker.storage.errors import StorageError, UnreadableError
from pybroker.storage.interface import FutureLog, Log, LogStore, Slice
from pybroker.wire.buffers import Buffer

logger = logging.getLogger(__name__)

PIECE_BYTES = 1 << 20
TAIL_BYTES = 128 << 10  # a millisecond to check and to write, be the batches small
MAX_TAIL_BYTES = 4 * PIECE_BYTES  # who follows takes in no more than a piece while he copies one; the rest is for what a flush lets come in
BUSY_S = 0.002  # until a flush that is under way ends

Batches = list[tuple[Buffer, BatchHeader]]


class Outcome(Enum):
    """How a step of a move ended: it was done; nobody wants it any more, or it was given up; more is written than is copied; it rests."""

    DONE = auto()
    GONE = auto()
    OVERTAKEN = auto()
    RESTS = auto()


class Move:
    """One log on its way. `is_assigned`: the metadata says already that it lies where it does not lie yet. `is_taken`: by a worker.

    `rests_taken`: so often it rested in a row, since the log could not be read.
    """

    __slots__ = (
        "_left_bytes",
        "_store",
        "_throttle",
        "_turn",
        "future",
        "is_assigned",
        "is_taken",
        "key",
        "live",
        "log",
        "pace",
        "rests",
        "rests_taken",
        "was_put_off",
    )

    def __init__(self, live: LivePartition, future: FutureLog, store: LogStore, throttle: Throttle, turn: Turn) -> None:
        self.live = live
        self.key = live.topic, live.partition
        self.log: Log = live.log
        self.future = future
        self.is_assigned = self.is_taken = self.was_put_off = self.rests = False
        self.rests_taken = 0
        self._left_bytes = 0
        self.pace = Pace()
        self._store = store
        self._throttle = throttle
        self._turn = turn

    def is_wanted(self) -> bool:
        """Whether the log and its copy are still what they were."""
        live = self.live
        return not live.offline and live.log is self.log and self._store.future(*self.key) is self.future

    def begin_turn(self, round_bytes: int) -> None:
        """From now on it may copy twice what it lacks, and what a round may be beside that."""
        self._left_bytes = round_bytes + 2 * max(0, self.log.size_bytes - self.future.size_bytes)

    async def copy(self) -> Outcome:
        """Copy until nearly all is there. Raises StorageError, RecordsError."""
        self.pace.begin()
        while self.is_wanted():
            if not await self._copy_piece():
                return Outcome.DONE
            if self._left_bytes < 0:
                return Outcome.OVERTAKEN
        return Outcome.GONE

    async def finish(self) -> Outcome:
        """Put the copy in place. Raises StorageError, RecordsError."""
        tail_bytes = TAIL_BYTES
        self.pace.begin()
        try:
            while self.is_wanted():
                copied, is_in_place = await self._come_to_the_end(tail_bytes)
                if is_in_place:
                    return Outcome.DONE
                if copied:
                    await self.pace.in_thread(self.future.flush)
                    await self.pace.sleep(BUSY_S)
                    continue
                tail_bytes = min(2 * tail_bytes, MAX_TAIL_BYTES)
                self.live.release_flushes()
                if await self.copy() is Outcome.OVERTAKEN:
                    return Outcome.OVERTAKEN
            return Outcome.GONE
        finally:
            self.live.release_flushes()

    async def _come_to_the_end(self, tail_bytes: int) -> tuple[bool, bool]:
        """In one stretch: whether all is copied, and whether the copy is in place. If it cannot be just now flushes are held back."""
        async with self.pace.alone(self._turn):
            copied = self.is_wanted() and self._copy_tail(tail_bytes)
            is_in_place = copied and self._put_in_place()
            if is_in_place:
                await self.pace.pause()
            elif copied:
                self.live.hold_flushes()
        return copied, is_in_place

    def _put_in_place(self) -> bool:
        moved = self._store.finish_move(self.log)
        if moved is None:
            return False
        self.live.take_log(moved.log)
        self.is_assigned = False
        logger.info("%s-%d lies in %s now", *self.key, moved.log.directory)
        if moved.leftover is not None:
            logger.error("what %s-%d was before stays in %s: %s", *self.key, self.log.directory, moved.leftover)
        return True

    @property
    def _next_offset(self) -> int:
        return max(self.future.log_end_offset, self.log.log_start_offset)

    async def _copy_piece(self) -> bool:
        """Copy a piece; False if that was all there was when it was read. What comes in meanwhile is for the next piece."""
        log, offset = self.log, self._next_offset
        end_offset = log.log_end_offset
        found = self._find(offset, self._throttle.at_most(PIECE_BYTES), end_offset) if offset < end_offset else None
        if found is None:
            return False
        self._left_bytes -= len(found)
        bases = _bases(log)
        await self._throttle.wait_for(len(found), self.pace, self.is_wanted)
        chunk = _read(found) if found.buffers() else await self.pace.in_thread(partial(_read, found))
        async with self.pace.alone(self._turn):
            batches = await self.pace.carry_out(_checked(chunk, offset))
        base = _segment_of(bases, batches)
        self.rests_taken = 0
        for at in range(0, len(batches), WRITE_BATCHES):
            if not self.is_wanted():
                return True
            await self._write(batches[at : at + WRITE_BATCHES], base)
        return self._next_offset < end_offset

    def _find(self, offset: int, max_bytes: int, end_offset: int) -> Slice | None:
        try:
            return self.log.read(offset, max_bytes, end_offset, True)
        except StorageError as error:
            raise UnreadableError(str(error)) from error

    async def _write(self, batches: Batches, base: int) -> None:
        start = self.log.log_start_offset  # it may have risen since they were read
        batches = [batch for batch in batches if batch[1].next_offset > start]
        if sum(len(batch) for batch, _ in batches) >= LONG_WRITE_BYTES:
            await self.pace.in_thread(partial(self.future.copy_batches, batches, base))
        elif batches:
            async with self.pace.alone(self._turn):
                self.future.copy_batches(batches, base)
                await self.pace.pause()

    def _copy_tail(self, limit_bytes: int) -> bool:
        """Copy what came in since. False if it is too much: then a part of it is copied. One batch never is, be it large: as it came in, it
        was written on the loop too.

        A log may end behind its last batch: the last segment is empty after retention took all, or after compaction a gap before it.
        """
        log, future = self.log, self.future
        begin = self._next_offset
        while (offset := self._next_offset) < log.log_end_offset:
            found = self._find(offset, limit_bytes, log.log_end_offset)
            if found is None:
                break
            limit_bytes -= len(found)
            if limit_bytes < 0 and offset > begin:
                return False
            batches: Batches = list(batches_in(_read(found), offset))
            future.copy_batches(batches, _segment_of(_bases(log), batches))
        future.skip_to(log.log_end_offset)
        return True


def _read(found: Slice) -> memoryview:
    try:
        return memoryview(found.read())
    except StorageError as error:
        raise UnreadableError(str(error)) from error


def _bases(log: Log) -> list[int]:
    return [extent.base_offset for extent in log.extents()]


def _segment_of(bases: Sequence[int], batches: Batches) -> int:
    """Where the segment begins that batches were read from. `bases`: of the segments there were then."""
    return bases[bisect_right(bases, batches[0][1].base_offset) - 1]


def _checked(chunk: memoryview, offset: int) -> Generator[Job | None, bytes | None, Batches]:
    """The batches of a chunk; a damaged one is not carried to another disk. Raises CorruptRecords."""
    found: Batches = []
    for batch in batches_in(chunk, offset):
        found.append(batch)
        yield None
    return found
