"""The runner over a partition whose commits and failures the test decides."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.core.decision import CoordinatorRecord, Decision, Reply
from pybroker.records.batch import BatchHeader, read_header
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.coordinator_log import replay_batch
from pybroker.runtime.runner import Runner, Timekeeper
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import OffsetCommitKey, OffsetCommitValue


@dataclass
class SlowPartition:
    """Takes batches; what is appended is committed only when `commit` is called, unless `at_once`."""

    at_once: bool = True
    end: int = 0
    high_watermark: int = 0
    batches: list[bytearray] = field(default_factory=list)
    error: KafkaError | None = None
    changed: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    def append_records(self, batch: bytearray, header: BatchHeader, now_ms: int) -> int:
        if self.error is not None:
            raise self.error
        base_offset = self.end
        self.batches.append(batch)
        self.end += header.record_count
        if self.at_once:
            self.high_watermark = self.end
        return base_offset

    async def wait_committed(self, offset: int) -> None:
        while self.high_watermark < offset:
            if self.error is not None:
                raise self.error
            await self.changed.park()

    def commit(self) -> None:
        self.high_watermark = self.end
        self.changed.unpark_all()


class Counter:
    """A machine that counts what is replayed and answers whom it parked when told to, or when their time is over."""

    def __init__(self) -> None:
        self.replayed: list[int] = []
        self.ended: list[tuple[int, bool]] = []
        self.parked: list[int] = []
        self.deadline_ms: int | None = None

    def replay(self, record: CoordinatorRecord, producer_id: int = -1) -> None:
        self.replayed.append(record.value.offset)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        self.ended.append((producer_id, committed))

    def loaded(self, now_ms: int) -> Decision:
        return Decision()

    def next_deadline(self) -> int | None:
        return self.deadline_ms

    def expire(self, now_ms: int) -> Decision:
        self.deadline_ms = None
        return self.release("late")

    def write(self, call: int, number: int) -> Decision:
        return Decision([an_offset(number)], [Reply(call, len(self.replayed))])

    def read(self, call: int) -> Decision:
        return Decision(replies=[Reply(call, len(self.replayed))])

    def park(self, call: int, deadline_ms: int | None = None) -> Decision:
        self.parked.append(call)
        self.deadline_ms = deadline_ms
        return Decision()

    def release(self, answer: Any) -> Decision:
        calls, self.parked = self.parked, []
        return Decision(replies=[Reply(call, answer) for call in calls])


def an_offset(number: int) -> CoordinatorRecord:
    """A record with a number in it."""
    return CoordinatorRecord(OffsetCommitKey(group="g", topic="t"), OffsetCommitValue(offset=number), 0, 3)


@dataclass
class Bench:
    """A runner with all that it needs."""

    runner: Runner[Counter]
    partition: SlowPartition
    clock: TrioClock

    @property
    def machine(self) -> Counter:
        return self.runner.machine


@pytest.fixture
def on_bench():
    """Run a test's story with a running bench, in virtual time."""

    def run(story, at_once=True):
        async def main():
            clock = TrioClock()
            timekeeper = Timekeeper(clock)
            partition = SlowPartition(at_once=at_once)
            async with trio.open_nursery() as nursery:
                runner = Runner(Counter(), partition, clock, timekeeper, nursery)
                nursery.start_soon(timekeeper.run)
                runner.start()
                await story(Bench(runner, partition, clock), nursery)
                nursery.cancel_scope.cancel()

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    return run


async def ask_into(answers: list[Any], bench: Bench, decide: Any) -> None:
    """Keep the answer, or the error."""
    try:
        answers.append(await bench.runner.ask(decide))
    except KafkaError as error:
        answers.append(error.code)


def test_records_are_replayed_before_the_reply(on_bench):
    """One call is one batch, replayed and answered at once where the log is."""

    async def story(bench, nursery):
        assert await bench.runner.ask(lambda machine, now_ms, call: machine.write(call, 7)) == 0
        assert await bench.runner.ask(lambda machine, now_ms, call: machine.read(call)) == 1
        assert (bench.machine.replayed, len(bench.partition.batches)) == ([7], 1)

    on_bench(story)


def test_the_batch_is_what_replay_reads(on_bench):
    """What the runner writes is read back by the loader."""

    async def story(bench, nursery):
        await bench.runner.ask(lambda machine, now_ms, call: Decision([an_offset(1), an_offset(2)], [Reply(call, None)]))
        again = Counter()
        batch = bench.partition.batches[0]
        replay_batch("__consumer_offsets", again, read_header(batch), batch)
        assert again.replayed == [1, 2]

    on_bench(story)


def test_nobody_is_told_before_the_commit(on_bench):
    """Replies wait for the high watermark, those of readers too, and come in order."""

    async def story(bench, nursery):
        answers: list[Any] = []
        nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.write(call, 1))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.read(call))
        await trio.testing.wait_all_tasks_blocked()
        assert (answers, bench.machine.replayed) == ([], [1])
        bench.partition.commit()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(answers) == [0, 1]

    on_bench(story, at_once=False)


def test_failed_append(on_bench):
    """Nothing is replayed, and the caller learns what a client of a coordinator understands."""

    async def story(bench, nursery):
        bench.partition.error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        with pytest.raises(KafkaError) as caught:
            await bench.runner.ask(lambda machine, now_ms, call: machine.write(call, 1))
        assert (caught.value.code, bench.machine.replayed) == (ErrorCode.NOT_COORDINATOR, [])

    on_bench(story)


def test_partition_lost_before_the_commit(on_bench):
    """What was appended and never became safe is an error to its callers."""

    async def story(bench, nursery):
        answers: list[Any] = []
        nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.write(call, 1))
        await trio.testing.wait_all_tasks_blocked()
        bench.partition.error = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        bench.partition.changed.unpark_all()
        await trio.testing.wait_all_tasks_blocked()
        assert answers == [ErrorCode.COORDINATOR_NOT_AVAILABLE]

    on_bench(story, at_once=False)


def test_parked_calls_are_answered_by_another(on_bench):
    """A decision may answer calls that came before it."""

    async def story(bench, nursery):
        answers: list[Any] = []
        for _ in range(3):
            nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.park(call))
        await trio.testing.wait_all_tasks_blocked()
        bench.runner.do(lambda machine, now_ms: machine.release("now"))
        await trio.testing.wait_all_tasks_blocked()
        assert answers == ["now"] * 3

    on_bench(story)


def test_answer_that_comes_while_flushing(on_bench):
    """The answers before this one are sent before anything is waited for; what comes meanwhile is not lost."""

    async def story(bench, nursery):
        async def flush():
            bench.runner.do(lambda machine, now_ms: machine.release("quick"))
            await trio.lowlevel.checkpoint()

        assert await bench.runner.ask(lambda machine, now_ms, call: machine.park(call), flush) == "quick"

    on_bench(story)


def test_no_flush_where_the_answer_is_there(on_bench):
    """A call that need not wait does not send the answers before it by itself."""

    async def story(bench, nursery):
        async def flush():
            raise AssertionError("flushed")

        assert await bench.runner.ask(lambda machine, now_ms, call: machine.read(call), flush) == 0

    on_bench(story)


def test_cancelled_caller(on_bench):
    """A connection that closes takes its call along; the answer for it hurts nobody, and others get theirs."""

    async def story(bench, nursery):
        answers: list[Any] = []
        with trio.CancelScope() as gone:
            nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.park(call))
            await trio.testing.wait_all_tasks_blocked()
            gone.cancel()
            await bench.runner.ask(lambda machine, now_ms, call: machine.park(call))
        assert len(bench.machine.parked) == 2
        bench.runner.do(lambda machine, now_ms: machine.release("now"))
        await trio.testing.wait_all_tasks_blocked()
        assert answers == ["now"]

    on_bench(story)


def test_errors_of_the_machine_reach_the_caller(on_bench):
    """A verb that raises leaves nothing behind."""

    async def story(bench, nursery):
        def decide(machine, now_ms, call):
            raise KafkaError(ErrorCode.INVALID_GROUP_ID)

        with pytest.raises(KafkaError):
            await bench.runner.ask(decide)
        assert await bench.runner.ask(lambda machine, now_ms, call: machine.read(call)) == 0

    on_bench(story)


def test_time(on_bench):
    """A deadline wakes the machine at its time, also one that comes before the one slept for."""

    async def story(bench, nursery):
        start_ms = bench.clock.now_ms()
        answers: list[Any] = []
        nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.park(call, now_ms + 60_000))
        await trio.testing.wait_all_tasks_blocked()
        await bench.runner.ask(lambda machine, now_ms, call: machine.park(call, now_ms + 5_000))
        await trio.testing.wait_all_tasks_blocked()
        assert (answers, bench.clock.now_ms() - start_ms) == (["late"], 5_000)

    on_bench(story)


def test_stop(on_bench):
    """Whoever waits when the coordinator goes is told so."""

    async def story(bench, nursery):
        answers: list[Any] = []
        nursery.start_soon(ask_into, answers, bench, lambda machine, now_ms, call: machine.park(call, now_ms + 60_000))
        await trio.testing.wait_all_tasks_blocked()
        bench.runner.stop(KafkaError(ErrorCode.NOT_COORDINATOR))
        await trio.testing.wait_all_tasks_blocked()
        assert answers == [ErrorCode.NOT_COORDINATOR]

    on_bench(story)


class SmallPartition(SlowPartition):
    """Takes batches of at most three records."""

    def append_records(self, batch: bytearray, header: BatchHeader, now_ms: int) -> int:
        if header.record_count > 3:
            raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE)
        return super().append_records(batch, header, now_ms)


def test_what_belongs_together_is_one_batch_or_none(on_bench):
    """A decision that is too large is refused whole; one whose records are independent is written in parts, in order."""

    async def story(bench, nursery):
        bench.runner.partition = SmallPartition()
        records = [an_offset(number) for number in range(8)]
        with pytest.raises(KafkaError) as caught:
            await bench.runner.ask(lambda machine, now_ms, call: Decision(list(records), [Reply(call, "done")]))
        assert (caught.value.code, bench.machine.replayed) == (ErrorCode.UNKNOWN_SERVER_ERROR, [])
        bench.runner.do(lambda machine, now_ms: Decision(list(records), atomic=False))
        assert bench.machine.replayed == list(range(8))
        assert [read_header(batch).record_count for batch in bench.runner.partition.batches] == [2, 2, 2, 2]

    on_bench(story)


def test_the_machine_decides_again_when_nothing_was_written(on_bench):
    """After those who waited got the error; what it decides then is carried out like any other."""

    async def story(bench, nursery):
        parked = []
        nursery.start_soon(ask_into, parked, bench, lambda machine, now_ms, call: machine.park(call))
        await trio.testing.wait_all_tasks_blocked()
        bench.partition.error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        with pytest.raises(KafkaError):
            await bench.runner.ask(
                lambda machine, now_ms, call: Decision(
                    [an_offset(1)], [Reply(call, "written")], if_not_written=lambda now_ms: machine.release("not written")
                )
            )
        await trio.testing.wait_all_tasks_blocked()
        assert parked == ["not written"]

    on_bench(story)
