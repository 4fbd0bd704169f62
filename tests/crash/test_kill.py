"""kill -9 under load: what was acknowledged is there after the restart, exactly once and where the broker said it is.

One seed is one run: producers (idempotent and plain), a committer of group offsets and a creator of topics work at once; after a seeded
number of acknowledgements the broker is killed, started again on the same directory, and everything is compared with what the clients
wrote down. This goes on for some rounds on one directory, so that what one recovery leaves is what the next one finds.

    CRASH_SEEDS=50 python -m pytest -m slow tests/crash
"""

from __future__ import annotations

import os
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.record import iter_records
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    CreateTopicsRequest,
    DeleteTopicsRequest,
    FetchRequest,
    FindCoordinatorRequest,
    InitProducerIdRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    ProduceRequest,
)

SEEDS = range(int(os.environ.get("CRASH_SEEDS", "3")))
ROUNDS = 3
PARTITIONS = [(topic, index) for topic in ("red", "blue") for index in range(3)]
GROUP = "committers"
IN_FLIGHT = 5  # as many as an idempotent producer may have
ROUND_LIMIT_S = 60
PAUSE_S = 0.02  # between questions to the broker: its state is another process's, so no event of ours can tell (ASYNC110)
PASSING = {ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR}

Place = tuple[str, int]


@dataclass
class Batch:
    place: Place
    values: list[bytes]
    base_sequence: int
    base_offset: int | None = None  # once acknowledged


@dataclass
class Ledger:
    """What the clients know: every batch sent, and the offset at which the broker said it is."""

    kill_after: int = 0
    acknowledged: int = 0
    committed: dict[Place, int] = field(default_factory=dict)
    committing: dict[Place, int] = field(default_factory=dict)  # asked for, not answered when the broker died
    topics: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


class Producer:
    """Sends numbered records to random partitions, several requests in flight. An idempotent one repeats what has no answer."""

    def __init__(self, name: str, seed: int, idempotent: bool) -> None:
        self.name = name
        self.random = random.Random(f"{name}-{seed}")
        self.idempotent = idempotent
        self.producer_id = self.producer_epoch = -1
        self.next_sequence: dict[Place, int] = defaultdict(int)
        self.sent: list[Batch] = []
        self.waiting: deque[Batch] = deque()

    def new_batch(self) -> Batch:
        place = self.random.choice(PARTITIONS)
        first, count = self.next_sequence[place], self.random.randint(1, 30)
        self.next_sequence[place] += count
        padding = b"." * self.random.randint(0, 2_000)
        values = [b"%s/%d/" % (self.name.encode(), number) + padding for number in range(first, first + count)]
        return Batch(place, values, first)

    def request(self, batch: Batch) -> ProduceRequest:
        ids = {"producer_id": self.producer_id, "producer_epoch": self.producer_epoch, "base_sequence": batch.base_sequence}
        records = build_batch([(None, value) for value in batch.values], timestamp=1_000, **(ids if self.idempotent else {}))
        topic, index = batch.place
        data = ProduceRequest.PartitionProduceData(index=index, records=records)
        return ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])])

    async def run(self, client: RawClient, ledger: Ledger, kill: Any) -> None:
        await self.resume(client)
        while True:
            batch = self.new_batch()
            self.sent.append(batch)
            self.waiting.append(batch)
            await client.send(self.request(batch), 9)
            if len(self.waiting) >= self.random.randint(1, IN_FLIGHT):
                await self.take_answer(client)
                note_acknowledgement(ledger, kill)

    async def resume(self, client: RawClient) -> None:
        """After a restart: an idempotent producer sends again, in order, what was not answered; a plain one lets it go."""
        if not self.idempotent:
            self.waiting.clear()
            return
        if self.producer_id < 0:
            answer = await client.ask(InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000), 4)
            assert answer.error_code == 0
            self.producer_id, self.producer_epoch = answer.producer_id, answer.producer_epoch
        for batch in self.waiting:
            await client.send(self.request(batch), 9)
        while self.waiting:
            await self.take_answer(client)

    async def take_answer(self, client: RawClient) -> None:
        answer = await client.receive()
        result = answer.responses[0].partition_responses[0]
        assert result.error_code == 0, f"{self.name}: {ErrorCode(result.error_code).name} for {self.waiting[0].place}"
        self.waiting.popleft().base_offset = result.base_offset


def note_acknowledgement(ledger: Ledger, kill: Any) -> None:
    """Counts, and kills when the count is the round's."""
    ledger.acknowledged += 1
    if ledger.acknowledged == ledger.kill_after:
        kill()


async def commit_offsets(client: RawClient, ledger: Ledger, rng: random.Random) -> None:
    """Commits ever higher offsets of a group without members, one at a time."""
    await find_coordinator(client)
    while True:
        place = rng.choice(PARTITIONS)
        offset = ledger.committing.get(place, 0) + 1
        ledger.committing[place] = offset
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(
            partition_index=place[1], committed_offset=offset, committed_metadata=f"note {offset}"
        )
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=place[0], partitions=[partition])
        answer = await client.ask(OffsetCommitRequest(group_id=GROUP, topics=[topic]), 8)
        code = answer.topics[0].partitions[0].error_code
        if code not in PASSING:
            assert code == 0, ErrorCode(code).name
            ledger.committed[place] = offset
        await trio.lowlevel.checkpoint()


async def find_coordinator(client: RawClient) -> None:
    """Waits until the group has a coordinator."""
    with trio.fail_after(ROUND_LIMIT_S):
        while (await client.ask(FindCoordinatorRequest(key_type=0, coordinator_keys=[GROUP]), 4)).coordinators[0].error_code:  # noqa: ASYNC110
            await trio.sleep(PAUSE_S)


async def create_topics(client: RawClient, *names: str, partitions: int) -> list[int]:
    """Creates topics; returns their error codes."""
    topics = [CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1) for name in names]
    return [topic.error_code for topic in (await client.ask(CreateTopicsRequest(topics=topics), 7)).topics]


async def churn_topics(client: RawClient, ledger: Ledger, rng: random.Random, round_number: int) -> None:
    """Creates topics and deletes about half of them again."""
    for number in range(1_000_000):
        name = f"passing-{round_number}-{number}"
        assert await create_topics(client, name, partitions=2) == [0]
        ledger.topics.add(name)
        if rng.random() < 0.5:
            victim = rng.choice(sorted(ledger.topics))
            ledger.topics.discard(victim)  # from here on either answer is right, until the broker has confirmed
            answer = await client.ask(DeleteTopicsRequest(topics=[DeleteTopicsRequest.DeleteTopicState(name=victim)]), 6)
            assert answer.responses[0].error_code == 0
            ledger.deleted.add(victim)


@asynccontextmanager
async def connection(address: tuple[str, int]) -> AsyncIterator[RawClient]:
    """A client whose user stops, without complaint, when the broker goes away."""
    try:
        async with await RawClient.connect(*address) as client:
            yield client
    except (BrokerClosedConnection, trio.BrokenResourceError, OSError):
        pass


async def work_until_killed(process: Any, ledger: Ledger, producers: list[Producer], seed: int, round_number: int) -> None:
    """Everybody works until the broker is gone."""
    rng = random.Random(f"{seed}-{round_number}")
    ledger.kill_after = ledger.acknowledged + rng.randint(20, 600)

    async def produce(producer: Producer) -> None:
        async with connection(process.address) as client:
            await producer.run(client, ledger, process.kill)

    async def commit() -> None:
        async with connection(process.address) as client:
            await commit_offsets(client, ledger, rng)

    async def churn() -> None:
        async with connection(process.address) as client:
            await churn_topics(client, ledger, rng, round_number)

    with trio.fail_after(ROUND_LIMIT_S):
        async with trio.open_nursery() as nursery:
            for producer in producers:
                nursery.start_soon(produce, producer)
            nursery.start_soon(commit)
            nursery.start_soon(churn)


async def read_log(client: RawClient, place: Place) -> dict[int, bytes | None]:
    """Every record of a partition by its offset."""
    found: dict[int, bytes | None] = {}
    at, end = 0, 1
    while at < end:
        partition = FetchRequest.FetchPartition(partition=place[1], fetch_offset=at, partition_max_bytes=1 << 20)
        topic = FetchRequest.FetchTopic(topic=place[0], partitions=[partition])
        answer = await client.ask(FetchRequest(max_wait_ms=0, min_bytes=0, topics=[topic]), 11)
        data = answer.responses[0].partitions[0]
        assert data.error_code == 0, ErrorCode(data.error_code).name
        end = data.high_watermark
        if end == 0:
            break
        for position, header in iter_batches(data.records):
            for record in iter_records(data.records, position):
                if record.offset >= at:
                    found[record.offset] = record.value
            at = max(at, header.base_offset + header.last_offset_delta + 1)
    return found


def check_partition(place: Place, log: dict[int, bytes | None], producers: list[Producer]) -> None:
    """The log holds what was acknowledged where it was acknowledged, nothing twice, each producer's records in order."""
    assert sorted(log) == list(range(len(log))), f"{place}: offsets have gaps"
    values = [log[offset] for offset in range(len(log))]
    assert len(set(values)) == len(values), f"{place}: a record is there twice"
    for producer in producers:
        batches = [batch for batch in producer.sent if batch.place == place]
        for batch in batches:
            if batch.base_offset is not None:
                there = values[batch.base_offset : batch.base_offset + len(batch.values)]
                assert there == batch.values, f"{place}: acknowledged at {batch.base_offset}, {producer.name} finds something else"
        mine = [value for value in values if value is not None and value.startswith(producer.name.encode() + b"/")]
        sent = [value for batch in batches for value in batch.values]
        if producer.idempotent:
            lost = [value for batch in producer.waiting if batch.place == place for value in batch.values]
            kept = sent[: len(sent) - len(lost)]
            assert mine[: len(kept)] == kept, f"{place}: {producer.name}'s records are not in order"
            assert mine == sent[: len(mine)], f"{place}: {producer.name} has a hole"
        else:
            known = {value: number for number, value in enumerate(sent)}
            order = [known[value] for value in mine]
            assert order == sorted(order), f"{place}: {producer.name}'s records are not in order"


async def check_offsets(client: RawClient, ledger: Ledger) -> None:
    """Each committed offset is the last acknowledged one, or the one that was asked for when the broker died."""
    await find_coordinator(client)
    topics = [OffsetFetchRequest.OffsetFetchRequestTopic(name=name, partition_indexes=[0, 1, 2]) for name in ("red", "blue")]
    request = OffsetFetchRequest(group_id=GROUP, topics=topics)
    with trio.fail_after(ROUND_LIMIT_S):
        while (answer := await client.ask(request, 7)).error_code in PASSING:  # noqa: ASYNC110
            await trio.sleep(PAUSE_S)
    assert answer.error_code == 0
    found = {(topic.name, one.partition_index): one for topic in answer.topics for one in topic.partitions}
    for place in PARTITIONS:
        acknowledged, asked, offset = ledger.committed.get(place, -1), ledger.committing.get(place, -1), found[place].committed_offset
        assert offset in (acknowledged, asked), f"{place}: committed {acknowledged}, after the restart {offset}"
        assert offset < 0 or found[place].metadata == f"note {offset}"
        ledger.committed[place] = offset


async def check_topics(client: RawClient, ledger: Ledger) -> None:
    """Created topics are there with all partitions, deleted ones are not."""
    listed = {topic.name: topic for topic in (await client.ask(MetadataRequest(topics=None), 12)).topics}
    assert ledger.topics <= set(listed), f"created and gone: {ledger.topics - set(listed)}"
    assert not ledger.deleted & set(listed), f"deleted and back: {ledger.deleted & set(listed)}"
    assert all(len(listed[name].partitions) == 2 and listed[name].error_code == 0 for name in ledger.topics)


async def live_through_kills(process: Any, seed: int) -> None:
    """One seed: some rounds of work, kill, restart and comparison on one directory."""
    ledger = Ledger()
    producers = [Producer(f"idempotent-{number}", seed, True) for number in range(3)] + [Producer("plain", seed, False)]
    await process.start()
    async with await RawClient.connect(*process.address) as client:
        assert await create_topics(client, "red", "blue", partitions=3) == [0, 0]
    for round_number in range(ROUNDS):
        await work_until_killed(process, ledger, producers, seed, round_number)
        await process.start()
        async with await RawClient.connect(*process.address) as client:
            for place in PARTITIONS:
                check_partition(place, await read_log(client, place), producers)
            await check_offsets(client, ledger)
            await check_topics(client, ledger)
            ledger.committing = {place: offset for place, offset in ledger.committed.items() if offset >= 0}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_acknowledged_survives_kill_nine(broker_process: Any, seed: int) -> None:
    """Acknowledged records, committed offsets, created and deleted topics are as acknowledged after each of three kills."""
    trio.run(live_through_kills, broker_process, seed)
