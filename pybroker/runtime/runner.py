"""The runner: what a coordinator's state machine decides is written, replayed, and answered when it is safe.

Theory
- A call has a number. `ask` numbers it, lets the machine decide, and carries the decision out. Whoever has no answer then waits; the
  answer comes with the decision of a later call or of a timer.
- Records are appended as one batch and replayed in the same breath, without an await between, so the next decision sees them. Replies wait
  until the high watermark has passed the last record written, reads too: nobody is told what a crash could take back. Without a flush
  policy that is at once.
- If the append fails nothing was written and nothing is replayed: those whom the decision would have answered get the error instead, and
  the machine may decide once more what comes of that (`Decision.if_not_written`).
- What a decision asks for beyond that (`effects`) is given to `carry_out` when its records are safe; it is lost with a failed append.
- Who is answered at once may take the effects along (`ask_now`): they are carried out after the answer is sent, before anybody else runs.
- A caller that is cancelled takes its place with it; an answer for a number that nobody waits for is dropped.
- One task keeps the time of all runners (`Timekeeper`).

(Kafka: CoordinatorRuntime.)
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import trio

from pybroker.core.decision import CoordinatorRecord, Decision, Reply
from pybroker.core.producers import Marker
from pybroker.records.batch import NO_PRODUCER_ID, TRANSACTIONAL_BIT, BatchHeader
from pybroker.records.pairs import build_pairs
from pybroker.runtime.clock import Clock
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.stored import encode_key, encode_value

logger = logging.getLogger(__name__)

FOREVER_MS = 2**63 - 1

# CoordinatorOperationExceptionHelper: what a failed append means to the client of a coordinator.
_COORDINATOR_ERRORS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
    ErrorCode.MESSAGE_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.RECORD_LIST_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.INVALID_FETCH_SIZE: ErrorCode.UNKNOWN_SERVER_ERROR,
}


def coordinator_error(error: KafkaError) -> KafkaError:
    """The error that a client of a coordinator understands."""
    return KafkaError(_COORDINATOR_ERRORS.get(error.code, error.code), error.message)


class Machine(Protocol):
    """A coordinator's state machine. Its verbs are the business of those who ask; this is what the runner needs."""

    def replay(self, record: CoordinatorRecord, producer_id: int = -1) -> None: ...

    def end_transaction(self, producer_id: int, *, committed: bool) -> None: ...

    def loaded(self, now_ms: int) -> Decision: ...

    def next_deadline(self) -> int | None: ...

    def expire(self, now_ms: int) -> Decision: ...


class InternalPartition(Protocol):
    """What the runner needs of a `LivePartition`."""

    @property
    def high_watermark(self) -> int: ...

    @property
    def leader_epoch(self) -> int: ...

    @property
    def commits_at_once(self) -> bool: ...

    def append_records(self, batch: bytearray, header: BatchHeader, now_ms: int) -> int: ...

    def append_marker(self, marker: Marker) -> int: ...

    async def wait_committed(self, offset: int) -> None: ...


MachineT = TypeVar("MachineT", bound=Machine)
Afterwards = list[Callable[[], None]]
"""What is done when an answer has been sent, in order."""


class TransactionalProducer(NamedTuple):
    """Whose transaction a decision's records are part of."""

    producer_id: int
    producer_epoch: int


class _Waiter:
    """One call, from its number to its answer."""

    __slots__ = ("answer", "has_answer", "task")

    def __init__(self) -> None:
        self.task: trio.lowlevel.Task | None = None
        self.answer: Any = None
        self.has_answer = False

    def settle(self, answer: Any) -> None:
        self.answer = answer
        self.has_answer = True
        if self.task is not None:
            trio.lowlevel.reschedule(self.task)
            self.task = None

    async def wait(self) -> None:
        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._give_up)

    def _give_up(self, _: Any) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Runner(Generic[MachineT]):
    """One machine over one partition of an internal topic. `machine` is for looking; it changes only through `ask` and `do`."""

    def __init__(
        self,
        machine: MachineT,
        partition: InternalPartition,
        clock: Clock,
        timekeeper: Timekeeper,
        nursery: trio.Nursery,
        codec: int = 0,
        carry_out: Callable[[Runner[MachineT], list[Any]], None] | None = None,
    ) -> None:
        self.machine = machine
        self.partition = partition
        self._clock = clock
        self._timekeeper = timekeeper
        self._nursery = nursery
        self._codec = codec
        self._carry_out = carry_out
        self._numbers = itertools.count(1)
        self._waiters: dict[int, _Waiter] = {}
        self._written = 0
        self._unreleased: deque[tuple[int, list[Reply], list[Any]]] = deque()

    async def ask(
        self,
        decide: Callable[[MachineT, int, int], Decision],
        flush: Callable[[], Awaitable[None]] | None = None,
        producer: TransactionalProducer | None = None,
    ) -> Any:
        """Let the machine decide (machine, now_ms, call number) and return the answer to that call, or raise it if it is an exception.

        `flush` is awaited before this waits for anything. With a `producer` the records are part of its transaction.
        """
        call = next(self._numbers)
        waiter = self._waiters[call] = _Waiter()
        try:
            now_ms = self._clock.now_ms()
            self._fulfil(decide(self.machine, now_ms, call), now_ms, producer)
            if not waiter.has_answer and flush is not None:
                await flush()
            if not waiter.has_answer:
                await waiter.wait()
        finally:
            self._waiters.pop(call, None)
        return _taken(waiter)

    @property
    def answers_at_once(self) -> bool:
        """Whether what is written now is safe when it is written, so that `ask_now` has the answer of a verb that parks nobody."""
        return not self._unreleased and self.partition.commits_at_once

    def ask_now(self, decide: Callable[[MachineT, int, int], Decision], afterwards: Afterwards | None = None) -> Any:
        """As `ask`, for who cannot wait: None if the answer is not there at once, and then it will be dropped.

        With `afterwards` the effects of a decision that is safe are added to it, in place of being carried out here.
        """
        call = next(self._numbers)
        waiter = self._waiters[call] = _Waiter()
        try:
            now_ms = self._clock.now_ms()
            self._fulfil(decide(self.machine, now_ms, call), now_ms, afterwards=afterwards)
        finally:
            self._waiters.pop(call, None)
        return _taken(waiter)

    def do(self, decide: Callable[[MachineT, int], Decision]) -> None:
        """Let the machine decide where nobody asks; what cannot be written is logged."""
        now_ms = self._clock.now_ms()
        self._fulfil(decide(self.machine, now_ms), now_ms)

    def end_transaction(self, marker: Marker) -> int:
        """Write a marker and let the machine know; returns the offset from which on it is safe. Raises KafkaError."""
        self._written = self.partition.append_marker(marker)
        self.machine.end_transaction(marker.producer_id, committed=marker.committed)
        return self._written

    def start(self) -> None:
        """The log is replayed: let the machine begin, and keep its time from now on."""
        self._timekeeper.add(self)
        now_ms = self._clock.now_ms()
        self._fulfil(self.machine.loaded(now_ms), now_ms)

    def stop(self, error: KafkaError) -> None:
        """Everyone who waits gets the error; nothing more becomes due."""
        self._timekeeper.remove(self)
        self._unreleased.clear()
        for waiter in list(self._waiters.values()):
            if not waiter.has_answer:
                waiter.settle(error)

    def expire(self, now_ms: int) -> None:
        """Do what is due."""
        try:
            self._fulfil(self.machine.expire(now_ms), now_ms)
        except Exception:
            logger.exception("a timer of %r failed", self.machine)

    # Carrying out

    def _fulfil(
        self, decision: Decision, now_ms: int, producer: TransactionalProducer | None = None, afterwards: Afterwards | None = None
    ) -> None:
        if decision.records:
            try:
                self._write(decision.records, now_ms, producer, atomic=decision.atomic)
            except KafkaError as error:
                told = error.code == ErrorCode.KAFKA_STORAGE_ERROR  # by the partition, once and not for each request
                logger.log(logging.DEBUG if told else logging.WARNING, "%r took no records: %s", self.partition, error)
                self._release(_failed(decision.replies, error))
                self._decide_again(decision)
                return
            finally:
                self._timekeeper.look_at(self)
        else:
            self._timekeeper.look_at(self)
        if decision.replies or decision.effects:
            self._release_when_safe(decision.replies, decision.effects, afterwards)

    def _decide_again(self, refused: Decision) -> None:
        if refused.if_not_written is not None:
            now_ms = self._clock.now_ms()
            self._fulfil(refused.if_not_written(now_ms), now_ms)

    def _write(self, records: list[CoordinatorRecord], now_ms: int, producer: TransactionalProducer | None, *, atomic: bool) -> None:
        """One batch; of records that do not belong together halves, where that is too large."""
        try:
            self._append(records, now_ms, producer)
        except KafkaError as error:
            if atomic or error.code != ErrorCode.MESSAGE_TOO_LARGE or len(records) == 1:
                raise
            middle = len(records) // 2
            self._write(records[:middle], now_ms, producer, atomic=False)
            self._write(records[middle:], now_ms, producer, atomic=False)

    def _append(self, records: list[CoordinatorRecord], now_ms: int, producer: TransactionalProducer | None) -> None:
        stored = [(encode_key(each.key), encode_value(each.value, each.value_version)) for each in records]
        if producer is None:
            producer_id = NO_PRODUCER_ID
            batch, header = build_pairs(stored, now_ms, self._codec)
        else:
            # The coordinator's part of a transaction has no sequence to be checked by; Kafka writes 0.
            producer_id, epoch = producer
            batch, header = build_pairs(stored, now_ms, self._codec | TRANSACTIONAL_BIT, producer_id, epoch, base_sequence=0)
        self._written = self.partition.append_records(batch, header, now_ms) + len(records)
        replay = self.machine.replay
        for record in records:
            replay(record, producer_id)

    def _release_when_safe(self, replies: list[Reply], effects: list[Any], afterwards: Afterwards | None) -> None:
        if not self._unreleased and self._written <= self.partition.high_watermark:
            self._release(replies, effects, afterwards)
            return
        self._unreleased.append((self._written, replies, effects))
        if len(self._unreleased) == 1:
            self._nursery.start_soon(self._release_in_order, name="coordinator replies")

    async def _release_in_order(self) -> None:
        while self._unreleased:
            offset, replies, effects = self._unreleased[0]
            try:
                await self.partition.wait_committed(offset)
            except KafkaError as error:
                replies, effects = _failed(replies, error), []
            if self._unreleased:
                self._unreleased.popleft()
                self._release(replies, effects)

    def _release(self, replies: Iterable[Reply], effects: list[Any] | None = None, afterwards: Afterwards | None = None) -> None:
        for reply in replies:
            waiter = self._waiters.get(reply.call)
            if waiter is not None and not waiter.has_answer:
                waiter.settle(reply.response)
        if not effects or self._carry_out is None:
            return
        if afterwards is None:
            self._carry_out(self, effects)
        else:
            afterwards.append(partial(self._carry_out, self, effects))


def _taken(waiter: _Waiter) -> Any:
    if isinstance(waiter.answer, Exception):
        raise waiter.answer
    return waiter.answer


def _failed(replies: list[Reply], error: KafkaError) -> list[Reply]:
    return [Reply(each.call, coordinator_error(error)) for each in replies]


class Timekeeper:
    """Wakes runners when something of theirs is due. Deadlines that move later, as sessions do, cost nothing here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runners: dict[Runner[Any], None] = {}
        self._sleeps_until_ms = FOREVER_MS
        self._sleep: trio.CancelScope | None = None

    def add(self, runner: Runner[Any]) -> None:
        self._runners[runner] = None

    def remove(self, runner: Runner[Any]) -> None:
        self._runners.pop(runner, None)

    def look_at(self, runner: Runner[Any]) -> None:
        """The runner's machine may have a new deadline: wake earlier if it comes before all that was known."""
        deadline_ms = runner.machine.next_deadline()
        if deadline_ms is not None and deadline_ms < self._sleeps_until_ms:
            self._sleeps_until_ms = deadline_ms
            if self._sleep is not None:
                self._sleep.cancel()

    async def run(self) -> None:
        """Keep time until cancelled."""
        while True:
            self._sleeps_until_ms = min((_deadline_ms(each) for each in self._runners), default=FOREVER_MS)
            with trio.CancelScope() as self._sleep:
                if self._sleeps_until_ms == FOREVER_MS:
                    await trio.sleep_forever()
                else:
                    await self._clock.sleep_until_ms(self._sleeps_until_ms)
            self._sleep = None
            self._expire()

    def _expire(self) -> None:
        now_ms = self._clock.now_ms()
        for runner in list(self._runners):
            if _deadline_ms(runner) <= now_ms:
                runner.expire(now_ms)


def _deadline_ms(runner: Runner[Any]) -> int:
    deadline_ms = runner.machine.next_deadline()
    return FOREVER_MS if deadline_ms is None else deadline_ms
