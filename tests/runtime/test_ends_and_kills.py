"""A broker that is killed at any step of the disk while a transaction ends: what was answered holds, and no transaction is half there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import pytest
import trio
import trio.testing

from pybroker.server.dispatch import Dispatcher
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore
from pybroker.testing.simulated_disk import Plan, SimulatedDisk, Stop
from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import EndTxnRequest, EndTxnResponse
from pybroker.wire.stored import CONSUMER_OFFSETS, TRANSACTION_STATE
from tests.runtime.transaction_room import Producer, TransactionRoom, opened

END = 5
COMMITTED = {"one": True, "two": False, "three": True}


def end_of(producer: Producer, *, committed: bool) -> bytes:
    """As it goes over the wire."""
    request = EndTxnRequest(transactional_id="t", producer_id=producer.id, producer_epoch=producer.epoch, committed=committed)
    return frame(request_header(EndTxnRequest.API_KEY, END, 1, "test") + encode(request, END))


def error_of(answer: bytes) -> int:
    """The error code of an answer."""
    return decode(EndTxnResponse, END, answer, response_header_size(EndTxnRequest.API_KEY, END))[0].error_code


class Broker:
    """Its lives over one disk. `answered`: the transactions whose end the client was told of."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk()
        self.topic_ids = {name: name.encode()[-1:] * 16 for name in ("a", "b", CONSUMER_OFFSETS, TRANSACTION_STATE)}
        self.begun: list[str] = []
        self.answered: list[str] = []

    def live(self, story: Callable[[TransactionRoom], Awaitable[None]]) -> None:
        """One life, until it ends or is killed."""

        async def main() -> None:
            store = DiskLogStore.open(
                ["/data"], cluster_id="x" * 22, node_id=1, rng=Random(1), config=LogConfig(segment_bytes=400), files=self.disk
            )
            async with opened(store, self.topic_ids) as room:
                await story(room)
            store.abandon()

        try:
            trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
        except BaseExceptionGroup as group:
            _, rest = group.split(Stop)
            if rest is not None:
                raise
        except Stop:
            pass
        self.disk.die()

    async def write(self, room: TransactionRoom) -> None:
        """Transactions over two topics and the offsets of a group, one after another."""
        dispatcher = Dispatcher(room.room.state)
        producer = await room.init()
        await dispatcher.serve(room.room.context(0), bytearray(end_of(producer, committed=False)[4:]), [])  # the short way is known now
        producer.epoch += 1
        for number, (name, committed) in enumerate(COMMITTED.items(), start=1):
            for topic in "ab":
                producer.sequence = 0
                assert await producer.produce(name.encode(), topic=topic) == 0
            assert await producer.commit_offset(number) == 0
            self.begun.append(name)
            context = room.room.context(0)
            answer = dispatcher.serve_quickly(context, end_of(producer, committed=committed))
            assert answer is not None
            assert error_of(answer[4:]) == 0
            self.answered.append(name)
            producer.epoch += 1
            context.finish()

    async def check(self, room: TransactionRoom) -> None:
        """After a restart."""
        await trio.sleep(1)  # to load
        if await room.init() is None:  # what is open is aborted; what was decided ends
            await trio.sleep(30)
            assert (await room.state_of()).startswith("Complete")
        values = []
        for topic in "ab":
            found, stable, _ = await room.read(topic=topic)
            assert stable == room.room.partition(topic).log_end_offset
            values.append([value.decode() for value in found])
        assert values[0] == values[1]
        wanted = [name for name in self.answered if COMMITTED[name]]
        assert values[0][: len(wanted)] == wanted
        assert len(values[0]) <= len(wanted) + 1
        assert set(values[0]) <= {name for name in self.begun if COMMITTED[name]}
        offset = (await room.committed(require_stable=True))[1]
        numbers = [number for number, name in enumerate(COMMITTED, start=1) if name in values[0]]
        assert offset == (numbers[-1] if numbers else -1)


def steps_of_a_life() -> int:
    """How many changes of the disk there are, without a kill."""
    broker = Broker()
    broker.live(broker.write)
    assert broker.answered == list(COMMITTED)
    return broker.disk.steps


@pytest.mark.parametrize(
    ("every", "part"), [(7, 0.0), pytest.param(1, 0.0, marks=pytest.mark.slow), pytest.param(1, 0.5, marks=pytest.mark.slow)]
)
def test_killed_at_any_step(every: int, part: float) -> None:
    """By the short way: what was decided is found, and ended."""
    for at in range(0, steps_of_a_life(), every):
        broker = Broker()
        broker.disk.plan = Plan(at, Stop(), part=part)
        broker.live(broker.write)
        broker.live(broker.check)
        broker.live(broker.check)
