"""Moves the logs of partitions into other log directories, while they are written and read (KIP-113).

Theory of operation
- One log is copied and put in its place by `move`; here is which of them when, and what becomes of one that cannot go on.
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
from collections.abc import Awaitable, Callable, Sequence

import trio

from pybroker.records.errors import RecordsError
from pybroker.runtime.compaction_round import UNLIMITED
from pybroker.runtime.move import Move, Outcome
from pybroker.runtime.move_throttle import Rate, Throttle
from pybroker.runtime.pacing import Turn
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import ExhaustedError, NoDescriptorError, StorageError, UnreadableError
from pybroker.storage.interface import LogStore
from pybroker.wire.errors import KafkaError

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.25  # whether a log that is cleaned is still to be moved
ROUND_MOVES = 200
ROUND_BYTES = 16 << 20  # nobody waits for a large log that comes after him

FIRST_REST_S = 1.0  # Kafka's replica.fetch.backoff.ms
MANY_RESTS = 16
LONGEST_REST_S = 60.0  # a disk that cannot read may take half a minute to say so

EXPECTED = (StorageError, RecordsError, KafkaError)
PASSING = (UnreadableError, RecordsError, NoDescriptorError)

Place = tuple[LivePartition, str]
Assign = Callable[[Sequence[Place]], Awaitable[None]]
TakeBack = Callable[[LivePartition], None]
LookAt = Callable[[str], Awaitable[None]]
Key = tuple[str, int]


Step = Callable[[], Awaitable[Outcome]]


class Moves:
    """The moves of one broker.

    `assign` tells the metadata that partitions lie in the directories of those paths; raises KafkaError. `take_back` tells it, without
    waiting or raising, that one lies where its log is. `look_at` tries a directory; if it failed `directory_failed` is called before that
    returns. `bytes_per_second`, of all moves together, is asked before each piece. So many `workers` carry out a log each, or a round of
    small ones.
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
            with trio.move_on_after(LOOK_AGAIN_S):
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
        move.begin_turn(ROUND_BYTES)
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
        if isinstance(error, StorageError) and not isinstance(error, ExhaustedError):
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
