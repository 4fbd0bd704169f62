"""The short way of EndTxn: it answers and writes as the handler does, to the byte, or leaves the request to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.server.dispatch import Dispatcher
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.codec import encode
from pybroker.wire.errors import WireError
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header
from pybroker.wire.messages import EndTxnRequest
from pybroker.wire.stored import TRANSACTION_STATE
from tests.runtime.transaction_room import BUMPING, CLASSIC, Producer, TransactionRoom, opened

VERSIONS = range(6)
CUT_SHORT = 4  # of `requests`: nothing can be decided about it


def run(story: Callable[[TransactionRoom, Dispatcher, Producer], Awaitable[Any]], version: int) -> Any:
    """Tell a story in which a transaction has written one record; the short way of that version of EndTxn is known."""

    async def main() -> Any:
        async with opened(MemoryLogStore(cluster_id="x" * 22, node_id=1, rng=Random(1)), {"a": b"a" * 16}) as room:
            producer = await room.init()
            await producer.add("a")
            assert await producer.produce(b"one", BUMPING if version >= 5 else CLASSIC) == 0
            dispatcher = Dispatcher(room.room.state)
            await dispatcher.serve(room.room.context(0), bytearray(message(version, "nobody")[4:]), [])
            return await story(room, dispatcher, producer)

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def message(version: int, transactional_id: str = "t", producer_id: int = 1001, epoch: int = 0, committed: bool = True) -> bytes:
    """A whole request."""
    request = EndTxnRequest(transactional_id=transactional_id, producer_id=producer_id, producer_epoch=epoch, committed=committed)
    return frame(request_header(EndTxnRequest.API_KEY, version, 77, "test") + encode(request, version))


def requests(version: int) -> list[bytes]:
    """Refused ones, the end, the end again, and the other one."""
    refused = [
        message(version, "nobody"),
        message(version, ""),
        message(version, producer_id=5),
        message(version, epoch=7),
        message(version)[:-5],
    ]
    return [*refused, *(message(version, epoch=epoch, committed=committed) for epoch in (0, 1) for committed in (False, False, True))]


async def answer(room: TransactionRoom, dispatcher: Dispatcher, sent: bytes) -> bytes | str:
    """The handler's, with its size, or how the connection ends."""
    out: list[Any] = []
    try:
        await dispatcher.serve(room.room.context(0), bytearray(sent[4:]), out)
    except WireError as error:
        return str(error)
    return b"".join(out)


def logs_of(room: TransactionRoom) -> list[bytes]:
    """All that lies in the logs."""
    lives = [room.room.partition("a"), *(room.room.partition(TRANSACTION_STATE, index) for index in range(3))]
    return [records.read() if (records := live.read(0, 1 << 20, 0, True)) else b"" for live in lives]


@pytest.mark.parametrize("version", VERSIONS)
def test_both_ways_are_one(version: int) -> None:
    """The same requests get the same answers and leave the same logs."""

    async def quickly(room: TransactionRoom, dispatcher: Dispatcher, producer: Producer) -> Any:
        answers, context = [], room.room.context(0)
        for number, sent in enumerate(requests(version)):
            quick = dispatcher.serve_quickly(context, sent)
            assert (quick is None) == (number == CUT_SHORT)
            context.finish()
            answers.append(await answer(room, dispatcher, sent) if quick is None else quick)
        assert isinstance(answers[CUT_SHORT], str)
        assert room.room.partition("a").log_end_offset == 2
        return answers, logs_of(room)

    async def slowly(room: TransactionRoom, dispatcher: Dispatcher, producer: Producer) -> Any:
        return [await answer(room, dispatcher, sent) for sent in requests(version)], logs_of(room)

    assert run(quickly, version) == run(slowly, version)


def test_what_has_to_wait_is_the_handlers() -> None:
    """With a flush policy, with an earlier decision that is not safe, or without the topic: nothing is done by the short way."""

    async def story(room: TransactionRoom, dispatcher: Dispatcher, producer: Producer) -> None:
        context, before = room.room.context(0), logs_of(room)
        sent = message(5, producer_id=producer.id)
        room.room.configure(TRANSACTION_STATE, {"flush.messages": "1"})
        assert dispatcher.serve_quickly(context, sent) is None
        room.room.configure(TRANSACTION_STATE, {})
        runner = await room.transactions._shards.runner_for("t")
        runner._unreleased.append((99, [], []))
        assert dispatcher.serve_quickly(context, sent) is None
        runner._unreleased.clear()
        room.transactions._shards.stop()
        assert dispatcher.serve_quickly(context, sent) is None
        assert logs_of(room) == before
        assert context.afterwards == []

    run(story, 5)


def test_nothing_has_to_wait() -> None:
    """Once what was in the way is gone, the short way answers, and leaves the markers for after that."""

    async def story(room: TransactionRoom, dispatcher: Dispatcher, producer: Producer) -> None:
        context, sent = room.room.context(0), message(5, producer_id=producer.id)
        room.room.configure(TRANSACTION_STATE, {"flush.messages": "1"})
        assert dispatcher.serve_quickly(context, sent) is None
        room.room.configure(TRANSACTION_STATE, {})
        assert dispatcher.serve_quickly(context, sent) is not None
        assert (len(context.afterwards), room.room.partition("a").log_end_offset) == (1, 1)
        context.finish()
        assert (len(context.afterwards), room.room.partition("a").log_end_offset) == (0, 2)

    run(story, 5)


def test_what_is_left_is_done_in_order(caplog: pytest.LogCaptureFixture) -> None:
    """As it was left, once, and also after something that failed."""

    def broken() -> None:
        raise RuntimeError("a bug")

    async def story(room: TransactionRoom, dispatcher: Dispatcher, producer: Producer) -> None:
        context, done = room.room.context(0), list[str]()
        context.afterwards += [lambda: done.append("first"), broken, lambda: done.append("second")]
        context.finish()
        context.finish()
        assert done == ["first", "second"]

    run(story, 0)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a bug"]
