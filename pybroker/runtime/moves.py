"""Moves the logs of partitions into other log directories, while they are written and read (KIP-113).

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
- With a throttle (`move_throttle`) each piece waits its time before it is copied.
- So many workers as num.replica.alter.log.dirs.threads says take the logs in the order they were asked for. Small ones are made durable and
  told to the metadata together (a round): checkpoints hold all logs of a directory. While a log moves it is not compacted; all else goes
  on, in the log.
- What is done on the loop, and the rest after it, is one worker's at a time (`_turn`): they wait for the disks side by side, but take no
  more from those who are served than one would.
- None holds up the others for ever. One that the cleaner works on comes after them, and so does one to which more is written than is
  copied: when it has copied twice what it lacked it is behind still (`OVERTAKEN`). It is tried again when its turn comes.
- If the log cannot be read (an error of the disk, a damaged batch) its copy stays for the time being, as in Kafka: that is told once, and
  tried again after a second, two, four, up to a minute. Whoever wants no more of it asks for the log's own directory.
- A copy that cannot be written is given up, and told, after its directory was tried: if that fails too, all in it is offline (`log_dirs`),
  and the copy stays there for the next start. On a full disk it is given up, too, which makes room.
- A move that a stop broke off is gone on with at the start.
- Wherever a move ends without its log in the new place, the metadata says again where the log is. But if it ends because the log failed,
  the copy stays, and so does what the metadata was told: it may be all that is left. The next start says where the log is if it finds it.

(Kafka: ReplicaAlterLogDirsThread, AlterLogDirsThread's promotion states; there AssignReplicasToDirs is a request to the controller.)
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Generator, Sequence
from enum import Enum, auto
from functools import partial

import trio

from pybroker.records.batch import BatchHeader
from pybroker.records.errors import RecordsError
from pybroker.runtime.compaction_round import LONG_WRITE_BYTES, UNLIMITED, WRITE_BATCHES, batches_in
from pybroker.runtime.move_throttle import Rate, Throttle
from pybroker.runtime.pacing import Job, Pace, Turn
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.threads import in_thread
from pybroker.storage.interface import DiskFullError, FutureLog, Log, LogStore, NoDescriptorError, Slice, StorageError, UnreadableError
from pybroker.wire.buffers import Buffer
from pybroker.wire.errors import KafkaError

logger = logging.getLogger(__name__)

PIECE_BYTES = 1 << 20
TAIL_BYTES = 128 << 10  # a millisecond to check and to write, be the batches small
MAX_TAIL_BYTES = 4 * PIECE_BYTES  # who follows takes in no more than a piece while he copies one; the rest is for what a flush lets come in
BUSY_S = 0.002  # until a flush that is under way ends
MAX_WAIT_S = 0.25
ROUND_MOVES = 200
ROUND_BYTES = 16 << 20  # nobody waits for a large log that comes after him

FIRST_REST_S = 1.0  # Kafka's replica.fetch.backoff.ms
MANY_RESTS = 16
LONGEST_REST_S = 60.0  # a disk that cannot read may take half a minute to say so

EXPECTED = (StorageError, RecordsError, KafkaError)
PASSING = (UnreadableError, RecordsError, NoDescriptorError)

Batches = list[tuple[Buffer, BatchHeader]]
Place = tuple[LivePartition, str]
Assign = Callable[[Sequence[Place]], Awaitable[None]]
TakeBack = Callable[[LivePartition], None]
LookAt = Callable[[str], Awaitable[None]]
Key = tuple[str, int]


class Outcome(Enum):
    """How a step of a move ended: it was done; nobody wants it any more, or it was given up; more is written than is copied; it rests."""

    DONE = auto()
    GONE = auto()
    OVERTAKEN = auto()
    RESTS = auto()


Step = Callable[[], Awaitable[Outcome]]


class Moves:
    """The moves of one broker.

    `assign` tells the metadata that partitions lie in the directories of those paths; raises KafkaError. `take_back` tells it, without
    waiting or raising, that one lies where its log is. `look_at` tries a directory; if it failed `directory_failed` is called before that
    returns. `bytes_per_second`, of all moves together, is asked before each piece. So many
    `workers` carry out a log each, or a round of small ones.
    """

    __slots__ = (
        "_assign",
        "_look_at",
        "_moves",
        "_nursery",
        "_running",
        "_store",
        "_take_back",
        "_throttle",
        "_turn",
        "_workers",
        "longest_slice_s",
    )

    def __init__(
        self,
        store: LogStore,
        assign: Assign,
        take_back: TakeBack,
        look_at: LookAt,
        bytes_per_second: Rate = lambda: UNLIMITED,
        workers: int = 1,
    ) -> None:
        self._store = store
        self._assign = assign
        self._take_back = take_back
        self._look_at = look_at
        self._throttle = Throttle(bytes_per_second)
        self._turn = Turn()
        self._workers = workers
        self._moves: dict[Key, Move] = {}
        self._nursery: trio.Nursery | None = None
        self._running = 0
        self.longest_slice_s = 0.0

    def start(self, nursery: trio.Nursery) -> None:
        """Carry out what was and will be asked for; it ends with the nursery."""
        self._nursery = nursery
        self._go_on()

    def add(self, live: LivePartition) -> None:
        """Move a partition whose copy was begun in the store."""
        future = self._store.future(live.topic, live.partition)
        if future is not None:
            live.moving = True
            self._moves[live.topic, live.partition] = Move(live, future, self._store, self._throttle, self._turn)
            self._go_on()

    def cancel(self, live: LivePartition) -> None:
        """Give up the copy of a partition. Raises StorageError if its files cannot be renamed away."""
        move = self._moves.get((live.topic, live.partition))
        if move is not None:
            self._end(move)
        self._store.drop_move(live.log)

    def directory_failed(self, path: str) -> None:
        """What moves into that directory, or out of it, moves no more."""
        for move in list(self._moves.values()):
            if path in (move.log.directory, move.future.directory):
                logger.error("%s-%d is not moved from %s to %s: one of them failed", *move.key, move.log.directory, move.future.directory)
                self._end(move)

    def _go_on(self) -> None:
        if self._nursery is not None:
            for _ in range(min(len(self._waiting()), self._workers - self._running)):
                self._running += 1
                self._nursery.start_soon(self._run, name="moves between log directories")

    def _waiting(self) -> list[Move]:
        return [move for move in self._moves.values() if not move.is_taken and not move.rests]

    async def _run(self) -> None:
        task = trio.lowlevel.current_task()
        self._turn.tasks.add(task)
        try:
            while self._waiting():
                await self._round(await self._take_some())
        except trio.Cancelled:
            for move in list(self._moves.values()):  # the broker stops, and all workers with it; the copies stay for the next start
                self._end(move)
            raise
        finally:
            self._turn.tasks.discard(task)
            self._running -= 1

    async def _take_some(self) -> list[Move]:
        """The first ones that nobody carries out: a large log, or some small ones."""
        waiting = self._waiting()
        moves = [move for move in waiting if move.live.cleaning is None]
        if not moves:
            await self._wait_for_the_cleaner(waiting[0])
        taken: list[Move] = []
        size_bytes = 0
        for move in moves[:ROUND_MOVES]:
            size_bytes += move.log.size_bytes
            if taken and size_bytes > ROUND_BYTES:
                break
            move.is_taken = True
            taken.append(move)
        return taken

    async def _wait_for_the_cleaner(self, move: Move) -> None:
        """It works on all that are asked for; others may be by and by."""
        if self._is_due(move) and move.live.cleaning is not None:
            with trio.move_on_after(MAX_WAIT_S):
                await move.live.cleaning.wait()

    async def _round(self, moves: list[Move]) -> None:
        """Each to its end."""
        try:
            ready = [move for move in moves if await self._is_copied(move)]
            await self._tell([move for move in ready if self._is_due(move)])
            for move in ready:
                if self._is_due(move) and await self._attempt(move, move.finish) in (Outcome.DONE, Outcome.GONE):
                    self._end(move)
        finally:
            for move in moves:
                move.is_taken = False

    async def _is_copied(self, move: Move) -> bool:
        """Copy it; whether it has nearly caught up."""
        move.begin_turn()
        return self._is_due(move) and await self._attempt(move, move.copy) is Outcome.DONE

    async def _tell(self, moves: list[Move]) -> None:
        """Make copies durable, and tell the metadata where their replicas will lie."""
        if not moves:
            return
        await self._secure(moves)
        moves = [move for move in moves if self._is_due(move)]
        for move in moves:
            move.is_assigned = True
        try:
            await self._assign([(move.live, move.future.directory) for move in moves])
        except Exception as error:
            for move in moves:
                self._give_up(move, error)

    async def _secure(self, moves: list[Move]) -> None:
        errors: Sequence[Exception | None]
        try:
            errors = await in_thread(self._store.secure_moves, [(move.log, move.future) for move in moves])
        except Exception as error:
            errors = [error] * len(moves)
        for move, met in zip(moves, errors, strict=True):
            if met is not None:
                await self._stumble(move, met)

    def _is_due(self, move: Move) -> bool:
        """Whether it is still asked for; else it is ended."""
        if self._moves.get(move.key) is move and move.is_wanted():
            return not move.rests
        self._end(move)
        return False

    async def _attempt(self, move: Move, step: Step) -> Outcome:
        try:
            outcome = await step()
        except Exception as error:
            outcome = await self._stumble(move, error)
        finally:
            self.longest_slice_s = max(self.longest_slice_s, move.pace.longest_slice_s)
        if outcome is Outcome.OVERTAKEN:
            self._put_off(move)
        return outcome

    async def _stumble(self, move: Move, error: Exception) -> Outcome:
        """A step failed: try it again later, or give it up. If it may be due to a directory that is tried first."""
        if not self._is_due(move):
            return Outcome.GONE
        if isinstance(error, PASSING):
            self._let_rest(move, error)
            if isinstance(error, UnreadableError) and move.rests_taken == 1:
                await self._look_at(move.log.directory)
            return Outcome.RESTS
        if isinstance(error, StorageError) and not isinstance(error, DiskFullError):
            await self._look_at(move.future.directory)
        self._give_up(move, error)
        return Outcome.GONE

    def _let_rest(self, move: Move, error: Exception) -> None:
        self._take_back_of(move)
        if not move.rests_taken:
            logger.error("%s-%d stays in %s for now: %s", *move.key, move.log.directory, error)
        rest_s = min(FIRST_REST_S * 2**move.rests_taken, LONGEST_REST_S)
        move.rests_taken = min(move.rests_taken + 1, MANY_RESTS)
        move.rests = True
        assert self._nursery is not None
        self._nursery.start_soon(self._wake, move, rest_s, name="rest of a move")

    async def _wake(self, move: Move, rest_s: float) -> None:
        await trio.sleep(rest_s)
        move.rests = False
        self._go_on()

    def _put_off(self, move: Move) -> None:
        """Let the others go first."""
        if self._moves.get(move.key) is move:
            self._moves[move.key] = self._moves.pop(move.key)
            self._take_back_of(move)
            if not move.was_put_off:
                logger.info("%s-%d stays in %s for now: more is written to it than is copied", *move.key, move.log.directory)
            move.was_put_off = True

    def _take_back_of(self, move: Move) -> None:
        if move.is_assigned:
            move.is_assigned = False
            if not move.live.offline:
                self._take_back(move.live)

    def _end(self, move: Move) -> None:
        """Whether it was finished or not; another one of the same partition may be asked for already."""
        if self._moves.get(move.key) is move:
            del self._moves[move.key]
            move.live.moving = False
        self._take_back_of(move)

    def _give_up(self, move: Move, error: Exception) -> None:
        if self._moves.get(move.key) is not move:
            return  # it was cancelled, or the topic or the log is gone
        future = move.future
        self._end(move)
        if move.live.offline or self._store.future(*move.key) is not future:
            return
        trace = None if isinstance(error, EXPECTED) else error
        logger.error("%s-%d stays in %s, as it cannot be moved: %s", *move.key, move.log.directory, error, exc_info=trace)
        try:
            self._store.drop_move(move.log)
        except StorageError as second:
            logger.error("the copy of %s-%d in %s stays: %s", *move.key, future.directory, second)


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

    def begin_turn(self) -> None:
        """From now on it may copy twice what it lacks, and what a round may be beside that."""
        self._left_bytes = ROUND_BYTES + 2 * max(0, self.log.size_bytes - self.future.size_bytes)

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
