"""Fetch."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pybroker.handlers.fetch import fetch
from pybroker.records.builder import build_batch
from pybroker.storage.errors import StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import encode_parts
from pybroker.wire.messages import FetchRequest

BATCH_BYTES = 570
"""Of a batch with one value of 500 bytes."""


@pytest.fixture
def room() -> PartitionRoom:
    """A room with the topic `a` of three partitions."""
    room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)))
    room.create_topic("a", partitions=3, topic_id=b"a" * 16)
    return room


def load(room: PartitionRoom, index: int = 0, count: int = 1) -> None:
    """One batch with so many records of 500 bytes."""
    room.partition("a", index).append_records(build_batch([(None, b"x" * 500)] * count, timestamp=1))


def asking(*named: tuple[Any, ...], by_id: bool = False, **fields: Any) -> FetchRequest:
    """A request for (partition, offset, partition max bytes) of `a`; no wait unless told."""
    partitions = [
        FetchRequest.FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=limit)
        for index, offset, limit in ((*one, 10_000)[:3] for one in named)
    ]
    where = {"topic_id": b"a" * 16} if by_id else {"topic": "a"}
    topics = [FetchRequest.FetchTopic(partitions=partitions, **where)] if partitions else []
    return FetchRequest(**{"max_wait_ms": 0, "min_bytes": 1, "topics": topics, **fields})


def ask(room: PartitionRoom, sent: FetchRequest, version: int = 12) -> Any:
    """The answer, encoded once to see that it can be."""

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            response = await fetch(room.context(version), sent)
            nursery.cancel_scope.cancel()
        encode_parts(response, version)
        return response

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def told(response: Any) -> list[tuple[int, int, int, int]]:
    """(index, error, high watermark, size of records) of each partition."""
    return [(one.partition_index, one.error_code, one.high_watermark, len(one.records)) for one in partitions_of(response)]


def partitions_of(response: Any) -> Iterable[Any]:
    """All partitions of an answer."""
    return [one for topic in response.responses for one in topic.partitions]


def test_whole_batches_from_the_one_that_holds_the_offset(room: PartitionRoom):
    """Its start comes too."""
    load(room, count=3)
    response = ask(room, asking((0, 2)))
    (data,) = partitions_of(response)
    assert data.records.read() == room.partition("a").read(0, 10_000, 0, True).read()
    assert (data.high_watermark, data.last_stable_offset, data.log_start_offset, data.aborted_transactions) == (3, 3, 0, None)
    assert response.session_id == 0


@pytest.mark.parametrize("version", range(4, 19))
def test_every_version(room: PartitionRoom, version: int):
    """By name up to 12, by id from 13 on."""
    load(room)
    assert told(ask(room, asking((0, 0), by_id=version >= 13), version)) == [(0, 0, 1, BATCH_BYTES)]


@pytest.mark.parametrize(("offset", "code"), [(-1, 1), (0, 0), (1, 0), (2, 1)])
def test_range(room: PartitionRoom, offset: int, code: int):
    """The end is no error; beyond it nothing is told of the log."""
    load(room)
    (answer,) = told(ask(room, asking((0, offset))))
    assert answer[1] == code
    assert answer[2] == (-1 if code else 1)


def test_limits(room: PartitionRoom):
    """The first batch comes whole whatever the limits, and max_bytes is used up in the order of the request."""
    for index in range(3):
        load(room, index)
    assert told(ask(room, asking((0, 0, 0), max_bytes=0))) == [(0, 0, 1, BATCH_BYTES)]
    order = asking((2, 0), (0, 0), (1, 0), max_bytes=BATCH_BYTES * 2 - 1)
    assert [one[3] for one in told(ask(room, order))] == [BATCH_BYTES, 0, 0]
    small = asking((2, 0, 1), (0, 0, 1), (1, 0, 10_000))
    assert [(one[0], one[3]) for one in told(ask(room, small))] == [(2, BATCH_BYTES), (0, 0), (1, BATCH_BYTES)]


def test_unknown_topics_and_partitions(room: PartitionRoom):
    """3 for a name or a partition, 100 for an id; their transactions are an empty list, not null."""
    response = ask(room, asking((7, 0)))
    assert told(response) == [(7, 3, -1, 0)]
    assert partitions_of(response)[0].aborted_transactions == []
    request = asking((0, 0), by_id=True)
    request.topics[0].topic_id = b"b" * 16
    assert told(ask(room, request, 13)) == [(0, 100, -1, 0)]
    assert told(ask(room, asking((7, 0), by_id=True), 13)) == [(7, 3, -1, 0)]


@pytest.mark.parametrize(("epoch", "code"), [(-1, 0), (0, 0), (1, 75)])
def test_current_leader_epoch(room: PartitionRoom, epoch: int, code: int):
    """One still to come is not known."""
    load(room)
    request = asking((0, 0))
    request.topics[0].partitions[0].current_leader_epoch = epoch
    assert told(ask(room, request))[0][1] == code


@pytest.mark.parametrize(
    ("epoch", "offset", "code", "diverging"), [(0, 1, 0, (-1, -1)), (0, 2, 0, (0, 1)), (1, 1, 1, (-1, -1)), (1, 2, 1, (-1, -1))]
)
def test_last_fetched_epoch(room: PartitionRoom, epoch: int, offset: int, code: int, diverging: tuple[int, int]):
    """An end before the fetched offset is told as a diverging epoch; an epoch still to come is out of range."""
    load(room)
    request = asking((0, offset))
    request.topics[0].partitions[0].last_fetched_epoch = epoch
    (data,) = partitions_of(ask(room, request))
    assert data.error_code == code
    assert (data.diverging_epoch.epoch, data.diverging_epoch.end_offset) == diverging


def test_replicas_are_sent_away(room: PartitionRoom):
    """Nobody replicates from this broker."""
    assert told(ask(room, asking((0, 0), replica_id=99)))[0][1] == 6
    state = FetchRequest.ReplicaState(replica_id=99)
    assert told(ask(room, asking((0, 0), by_id=True, replica_state=state), 15))[0][1] == 6


def test_isolation_level_that_does_not_exist(room: PartitionRoom):
    """An unknown error everywhere."""
    response = ask(room, asking((0, 0), isolation_level=7))
    assert response.error_code == -1
    assert told(response) == [(0, -1, -1, 0)]


def test_read_committed_lists_transactions(room: PartitionRoom):
    """None yet, but a list and not null."""
    assert partitions_of(ask(room, asking((0, 0), isolation_level=1)))[0].aborted_transactions == []


def test_offline_partition(room: PartitionRoom):
    """KAFKA_STORAGE_ERROR."""
    room.partition("a").take_offline(StorageError("gone"))
    assert told(ask(room, asking((0, 0))))[0][1] == 56


def virtual(main: Any) -> Any:
    """Run with the room's tasks under a clock that jumps."""
    return trio.run(main, clock=MockClock(autojump_threshold=0))


async def timed(room: PartitionRoom, sent: FetchRequest) -> tuple[float, Any]:
    """How long the answer took in seconds, and the answer."""
    began = trio.current_time()
    response = await fetch(room.context(12), sent)
    return round(trio.current_time() - began, 3), response


def test_waiting(room: PartitionRoom):
    """Empty after max_wait_ms, also beside a partition that does not exist; at once if that is all, with min_bytes 0 or nothing asked."""

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            assert (await timed(room, asking((0, 0), max_wait_ms=400)))[0] == 0.4
            assert (await timed(room, asking((0, 0), max_wait_ms=400, min_bytes=0)))[0] == 0
            assert (await timed(room, asking((0, 0), (9, 0), max_wait_ms=3000)))[0] == 3
            assert (await timed(room, asking((9, 0), max_wait_ms=3000)))[0] == 0
            assert (await timed(room, asking((0, 0), (0, 99), max_wait_ms=3000)))[0] == 0
            assert (await timed(room, asking(max_wait_ms=3000)))[0] == 0
            load(room)
            assert (await timed(room, asking((0, 0), max_wait_ms=300, min_bytes=100_000)))[0] == 0.3
            nursery.cancel_scope.cancel()

    virtual(main)


def test_waking(room: PartitionRoom):
    """Records that come end the wait when they are enough, from any of the partitions."""

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            seen: list[tuple[float, list[int]]] = []

            async def wait(min_bytes: int):
                seconds, response = await timed(room, asking((0, 0), (1, 0), max_wait_ms=5000, min_bytes=min_bytes))
                seen.append((seconds, [one[3] for one in told(response)]))

            async with trio.open_nursery() as waiting:
                waiting.start_soon(wait, 1)
                waiting.start_soon(wait, BATCH_BYTES + 1)
                await wait_all_tasks_blocked()
                load(room, 1)
                await trio.sleep(1)
                load(room, 0)
            assert seen == [(0, [0, BATCH_BYTES]), (1, [BATCH_BYTES, BATCH_BYTES])]
            assert not any(live._watchers for live in room.partitions)
            nursery.cancel_scope.cancel()

    virtual(main)


def test_deletion_ends_the_wait(room: PartitionRoom):
    """A topic that goes away is told at once, also when others stay."""
    room.create_topic("b")
    request = asking((0, 0), max_wait_ms=5000)
    request.topics.append(FetchRequest.FetchTopic(topic="b", partitions=request.topics[0].partitions))

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            codes: list[int] = []
            began = trio.current_time()

            async def wait():
                _, response = await timed(room, request)
                codes.extend(one[1] for one in told(response))

            async with trio.open_nursery() as waiting:
                waiting.start_soon(wait)
                await wait_all_tasks_blocked()
                room.delete_topic("a")
            assert codes == [3, 0]
            assert trio.current_time() - began < 1
            nursery.cancel_scope.cancel()

    virtual(main)


def test_session(room: PartitionRoom):
    """Only what changes is answered, rotated; a wrong epoch is told at the top."""
    load(room)
    first = ask(room, asking((0, 0), (1, 0), session_epoch=0, min_bytes=0))
    assert first.session_id > 0
    assert len(told(first)) == 2
    session = {"session_id": first.session_id, "min_bytes": 0}
    assert told(ask(room, asking((0, 1), session_epoch=1, **session))) == []
    load(room, 1)
    assert told(ask(room, asking(session_epoch=2, **session))) == [(1, 0, 1, BATCH_BYTES)]
    wrong = ask(room, asking(session_epoch=9, **session))
    assert (wrong.error_code, wrong.session_id, wrong.responses) == (71, 0, [])


def test_topic_that_a_session_knew(room: PartitionRoom):
    """Deleted it is unknown by name (3), made anew it is inconsistent (103); one never known is an unknown id (100)."""
    session_id = ask(room, asking((0, 0), by_id=True, session_epoch=0), 13).session_id
    room.delete_topic("a")
    assert told(ask(room, asking(session_id=session_id, session_epoch=1), 13)) == [(0, 3, -1, 0)]
    room.create_topic("a", topic_id=b"c" * 16)
    assert told(ask(room, asking(session_id=session_id, session_epoch=2), 13)) == [(0, 103, -1, 0)]


@pytest.mark.parametrize(
    ("max_bytes", "limit", "codes"),
    [(-1, -5, [-1, -1, 0]), (-1, 10_000, [-1, 0, 0]), (10_000, -5, [-1, -1, 0]), (0, 0, [0, 0, 0])],
)
def test_negative_limits(room: PartitionRoom, max_bytes: int, limit: int, codes: list[int]):
    """They forbid what is there to be read; max_bytes counts as 0 after the first partition."""
    load(room, 0)
    load(room, 1)
    response = ask(room, asking((0, 0, limit), (1, 0, limit), (2, 0, limit), max_bytes=max_bytes))
    assert [one.error_code for one in partitions_of(response)] == codes


@pytest.mark.parametrize(("max_bytes", "waited_s"), [(BATCH_BYTES, 0), (-1, 0), (10_000, 5)])
def test_min_bytes_is_at_most_max_bytes(room: PartitionRoom, max_bytes: int, waited_s: int):
    """Who allows less than it waits for is answered when as much as it allows is there."""
    load(room)

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            begin = trio.current_time()
            await fetch(room.context(12), asking((0, 0), max_bytes=max_bytes, min_bytes=5000, max_wait_ms=5000))
            assert trio.current_time() - begin == pytest.approx(waited_s, abs=0.1)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("when", ["read", "unread"])
def test_what_comes_between_the_pieces_of_a_long_reading(room: PartitionRoom, monkeypatch: pytest.MonkeyPatch, when: str):
    """A record that arrives while others are read ends the wait, whether or not its partition was read before."""
    monkeypatch.setattr("pybroker.handlers.fetch.STEPS_PER_TURN", 1)
    load(room, 1)
    load(room, 2)

    async def arrive() -> None:
        load(room, {"read": 0, "unread": 2}[when])

    async def main():
        async with trio.open_nursery() as nursery:
            room.partitions.start(nursery)
            await wait_all_tasks_blocked()
            begin = trio.current_time()
            nursery.start_soon(arrive)
            named = [(0, 0), (1, 1), (2, 1)]
            response = await fetch(room.context(12), asking(*named, max_wait_ms=5_000))
            assert trio.current_time() - begin < 1
            nursery.cancel_scope.cancel()
        return [len(one.records) > 0 for one in partitions_of(response)]

    expected = {"read": [True, False, False], "unread": [False, False, True]}[when]
    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == expected
