"""What a request leaves to be done after its answer: the markers of a transaction, written when the client has its answer to EndTxn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.core.transactions.shard import TransactionShard
from pybroker.handlers.context import ConnectionInfo
from pybroker.records.builder import build_batch
from pybroker.server.buffers import BufferPool
from pybroker.server.connection import Connection
from pybroker.server.dispatch import Dispatcher
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import EndTxnRequest, EndTxnResponse, ProduceRequest, ProduceResponse
from pybroker.wire.stored import TRANSACTION_STATE
from tests.runtime.transaction_room import BUMPING, Producer, TransactionRoom, opened

END = 5
PREPARED, COMPLETE = (1, 3), (2, 4)
"""Records of the data partition and of the coordinator: a batch and its marker; the new id, ONGOING, PREPARE_COMMIT, COMPLETE_COMMIT."""

SendNow = Callable[[bytes], int]


class Wire:
    """A transport that notes what is asked of it, and how far the transaction had come by then. `reads` are what the client sends."""

    def __init__(self, look: Callable[[], tuple[int, int]], *reads: bytes, send_now: SendNow = len) -> None:
        self.look = look
        self.reads = list(reads)
        self.seen: list[tuple[str, tuple[int, int]]] = []
        self.sent = bytearray()
        self._send_now = send_now

    def note(self, what: str) -> None:
        self.seen.append((what, self.look()))

    async def receive(self) -> bytes:
        self.note("receive")
        await trio.lowlevel.checkpoint()
        return self.reads.pop(0) if self.reads else b""

    async def receive_into(self, view: memoryview) -> int:
        raise AssertionError("no frame is large")

    async def send(self, parts: Sequence[Any]) -> None:
        self.note("send")
        await trio.lowlevel.checkpoint()
        self.sent += b"".join(parts)

    def send_now(self, data: bytes) -> int:
        self.note("send now")
        count = self._send_now(data)
        self.sent += data[:count]
        return count

    def close(self) -> None:
        self.note("close")

    def answers(self) -> list[bytes]:
        """The frames that were sent, without their sizes."""
        frames, at = [], 0
        while at < len(self.sent):
            end = at + 4 + int.from_bytes(self.sent[at : at + 4], "big")
            frames.append(bytes(self.sent[at + 4 : end]))
            at = end
        return frames


def told(story: Callable[[TransactionRoom, Producer, Callable[[], tuple[int, int]]], Awaitable[None]]) -> None:
    """Tell a story in which a transaction has written one record, and may be looked at."""

    async def main() -> None:
        async with opened(MemoryLogStore(cluster_id="x" * 22, node_id=1, rng=Random(1)), {"a": b"a" * 16}) as room:
            producer = await room.init()
            assert await producer.produce(b"one") == 0
            coordinator = [room.room.partition(TRANSACTION_STATE, index) for index in range(3)]
            data = room.room.partition("a")
            await story(room, producer, lambda: (data.log_end_offset, sum(each.log_end_offset for each in coordinator)))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def end_of(producer: Producer, epoch: int | None = None, correlation_id: int = 1, *, committed: bool = True) -> bytes:
    """The end of a producer's transaction, as it goes over the wire."""
    epoch = producer.epoch if epoch is None else epoch
    request = EndTxnRequest(transactional_id="t", producer_id=producer.id, producer_epoch=epoch, committed=committed)
    return frame(request_header(EndTxnRequest.API_KEY, END, correlation_id, "test") + encode(request, END))


def batch_of(producer: Producer, epoch: int, sequence: int = 0, correlation_id: int = 2) -> bytes:
    """A batch of the producer's transaction of that epoch."""
    batch = build_batch(
        [(None, b"two")], producer_id=producer.id, producer_epoch=epoch, base_sequence=sequence, transactional=True, timestamp=1
    )
    topic = ProduceRequest.TopicProduceData(name="a", partition_data=[ProduceRequest.PartitionProduceData(records=batch)])
    request = ProduceRequest(transactional_id="t", acks=-1, topic_data=[topic])
    return frame(request_header(ProduceRequest.API_KEY, BUMPING, correlation_id, "test") + encode(request, BUMPING))


def transactions_of(producer: Producer) -> list[bytes]:
    """Some transactions in a row, the first of which is open already. Of every three one is empty; of every four one is ended twice."""
    frames: list[bytes] = []
    for number in range(8):
        epoch = producer.epoch + number
        for sequence in range(number % 3):
            frames.append(batch_of(producer, epoch, sequence, len(frames)))
        for _ in range(1 + (number % 4 == 3)):
            frames.append(end_of(producer, epoch, len(frames), committed=bool(number % 3)))
    return frames


async def serve(room: TransactionRoom, producer: Producer, wire: Wire) -> str | None:
    """A connection's life; an EndTxn was there before, by which the short way became known."""
    dispatcher = Dispatcher(room.room.state)
    await dispatcher.serve(room.room.context(0), bytearray(end_of(producer, 99)[4:]), [])
    info = ConnectionInfo("PLAINTEXT", "memory", 9092, "memory", 0)
    return await Connection(wire, info, dispatcher, BufferPool(), 1 << 20).run()


def error_of(answer: bytes) -> int:
    """The error code of an answer to EndTxn."""
    at = response_header_size(EndTxnRequest.API_KEY, END)
    return decode(EndTxnResponse, END, answer, at)[0].error_code


def test_the_answer_goes_before_the_markers() -> None:
    """It is sent when the decision is written; before anything is awaited the transaction is complete."""

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        wire = Wire(look, end_of(producer))
        assert await serve(room, producer, wire) is None
        assert wire.seen == [("receive", (1, 2)), ("send now", PREPARED), ("receive", COMPLETE), ("close", COMPLETE)]
        assert [error_of(each) for each in wire.answers()] == [0]

    told(story)


def test_a_socket_that_takes_a_part() -> None:
    """The markers are written before the rest of the answer waits for the socket."""

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        wire = Wire(look, end_of(producer), send_now=lambda data: 3)
        assert await serve(room, producer, wire) is None
        assert wire.seen[1:3] == [("send now", PREPARED), ("send", COMPLETE)]
        assert [error_of(each) for each in wire.answers()] == [0]

    told(story)


def test_a_client_that_is_gone() -> None:
    """What was decided is done though nobody hears of it."""

    def gone(data: bytes) -> int:
        raise ConnectionResetError("gone")

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        wire = Wire(look, end_of(producer), send_now=gone)
        assert await serve(room, producer, wire) is None
        assert wire.seen[1:] == [("send now", PREPARED), ("close", COMPLETE)]

    told(story)


def test_the_next_request_of_the_same_read() -> None:
    """A batch of the next transaction that came with the end of this one finds it complete."""

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        wire = Wire(look, end_of(producer) + batch_of(producer, producer.epoch + 1))
        assert await serve(room, producer, wire) is None
        assert [what for what, _ in wire.seen] == ["receive", "send", "receive", "close"]
        end, produced = wire.answers()
        assert error_of(end) == 0
        at = response_header_size(ProduceRequest.API_KEY, BUMPING)
        [one] = decode(ProduceResponse, BUMPING, produced, at)[0].responses[0].partition_responses
        assert (one.error_code, one.base_offset) == (0, 2)

    told(story)


def test_nobody_sees_the_time_between() -> None:
    """Another task, whenever it runs, sees the transaction open or complete."""

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        seen = set()

        async def watch() -> None:
            while True:
                seen.add(look())
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await trio.lowlevel.checkpoint()
            await serve(room, producer, Wire(look, end_of(producer), send_now=lambda data: 0))
            nursery.cancel_scope.cancel()
        assert seen == {(1, 2), COMPLETE}

    told(story)


def test_however_the_bytes_come_and_go() -> None:
    """One frame a read, all in one, or in pieces, to a socket that takes any part: the same answers, and the same in the logs."""
    told_once = set()

    def cut(data: bytes, rng: Random) -> list[bytes]:
        ends = sorted(rng.sample(range(1, len(data)), rng.randrange(20)))
        return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        frames = transactions_of(producer)
        reads = frames if seed == 0 else cut(b"".join(frames), rng)
        wire = Wire(look, *reads, send_now=lambda data: rng.randrange(len(data) + 1))
        assert await serve(room, producer, wire) is None
        assert len(wire.answers()) == len(frames)
        assert (await room.described()).producer_epoch == producer.epoch + 8
        told_once.add((bytes(wire.sent), look()))

    for seed in range(10):
        rng = Random(seed)
        told(story)
    assert len(told_once) == 1


def fail_twice(room: TransactionRoom, place: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let what is to be done after the answer fail; gives what is left to fail."""
    left = ["a bug", "a bug"]
    markers = room.transactions.markers
    owner, name = (markers, "write") if place == "marker" else (TransactionShard, "complete")
    plain = getattr(owner, name)

    def broken(*args: Any) -> Any:
        if left:
            raise RuntimeError(left.pop())
        return plain(*args)

    monkeypatch.setattr(owner, name, broken)
    return left


@pytest.mark.parametrize("place", ["marker", "completion"])
def test_a_bug_after_the_answer(place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and the connection goes on; the client was told that the transaction ends, so it does, a little later."""

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        fails = fail_twice(room, place, monkeypatch)
        wire = Wire(look, end_of(producer), end_of(producer, correlation_id=2))
        assert await serve(room, producer, wire) is None
        assert [error_of(each) for each in wire.answers()] == [0, ErrorCode.CONCURRENT_TRANSACTIONS]
        await trio.sleep(1)
        assert look() == COMPLETE
        assert fails == []
        wire = Wire(look, end_of(producer, correlation_id=3))
        assert await serve(room, producer, wire) is None
        assert [error_of(each) for each in wire.answers()] == [0]

    told(story)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a bug", "a bug"]


def test_a_bug_before_the_answer(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and answered as any other; what was decided is done all the same."""

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    async def story(room: TransactionRoom, producer: Producer, look: Callable[[], tuple[int, int]]) -> None:
        wire = Wire(look, end_of(producer))
        serving = serve(room, producer, wire)
        monkeypatch.setattr("pybroker.handlers.at_once.encode", broken)
        assert await serving is None
        assert wire.seen[1] == ("send now", COMPLETE)
        assert [error_of(each) for each in wire.answers()] == [ErrorCode.UNKNOWN_SERVER_ERROR]

    told(story)
    assert "EndTxnRequest v5 from memory (client id test) failed: RuntimeError: a bug" in caplog.text
