"""kill -9 while logs move between directories: what was acknowledged is there after every restart, once and in order.

CRASH_SEEDS=50 python -m pytest -m slow tests/crash/test_kill_moves.py
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.record import iter_records
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.wire.messages import AlterReplicaLogDirsRequest, CreateTopicsRequest, DescribeLogDirsRequest, FetchRequest, ProduceRequest

SEEDS = range(int(os.environ.get("CRASH_SEEDS", "2")))
PARTITIONS = 3
ROUNDS = 6
SETTLED_WITHIN_S = 20
SEGMENT_BYTES = 1 << 20
VALUE_BYTES = 20_000


async def create_topic(client: RawClient) -> None:
    """The topic `m`, of three partitions of small segments."""
    configs = [CreateTopicsRequest.CreatableTopicConfig(name="segment.bytes", value=str(SEGMENT_BYTES))]
    topic = CreateTopicsRequest.CreatableTopic(name="m", num_partitions=PARTITIONS, replication_factor=1, configs=configs)
    assert (await client.ask(CreateTopicsRequest(topics=[topic]), 7)).topics[0].error_code == 0


async def produce(client: RawClient, acknowledged: list[int], sent: list[int]) -> None:
    """Numbers without end, each in a batch, in the partitions by turns. `acknowledged` has those that were, `sent` what may be there."""
    while True:
        number = sent[-1] + 1
        sent.append(number)
        value = b"%d" % number + b" " * VALUE_BYTES
        data = ProduceRequest.PartitionProduceData(index=number % PARTITIONS, records=build_batch([(None, value, 1)]))
        topic = ProduceRequest.TopicProduceData(name="m", partition_data=[data])
        answer = await client.ask(ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic]), 9)
        assert answer.responses[0].partition_responses[0].error_code == 0
        acknowledged.append(number)


async def move(client: RawClient, rng: random.Random, paths: list[str]) -> None:
    """Now here, now there, and not always to the end."""
    while True:
        wish = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(
            name="m", partitions=rng.sample(range(PARTITIONS), rng.randint(1, PARTITIONS))
        )
        path = AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=rng.choice(paths), topics=[wish])
        answer = await client.ask(AlterReplicaLogDirsRequest(dirs=[path]), 2)
        assert {one.error_code for one in answer.results[0].partitions} == {0}
        await trio.sleep(rng.uniform(0.0, 0.15))  # what is under test is another process's progress, of which no event of ours tells


async def read_all(client: RawClient, index: int) -> list[int]:
    """The numbers of a partition, in the order of the log."""
    found: list[int] = []
    at, end = 0, 1
    while at < end:
        partition = FetchRequest.FetchPartition(partition=index, fetch_offset=at, partition_max_bytes=1 << 20)
        answer = await client.ask(
            FetchRequest(max_wait_ms=0, min_bytes=0, topics=[FetchRequest.FetchTopic(topic="m", partitions=[partition])]), 11
        )
        data = answer.responses[0].partitions[0]
        assert data.error_code == 0
        end = data.high_watermark
        records = bytes(data.records or b"")
        for position, header in iter_batches(records):
            assert header.base_offset == at
            found += [int((record.value or b"").split()[0]) for record in iter_records(records, position)]
            at = header.next_offset
    return found


async def copies(client: RawClient) -> list[bool]:
    """For each log of the topic in any directory, whether it is a copy that is being made."""
    results = (await client.ask(DescribeLogDirsRequest(topics=None), 4)).results
    return [one.is_future_key for result in results for topic in result.topics if topic.name == "m" for one in topic.partitions]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_moved_records_survive(broker_process: Any, tmp_path: Path, seed: int) -> None:
    """After each kill the logs hold every number that was acknowledged, none twice, and in the end each lies in one place."""
    rng = random.Random(seed)
    acknowledged: list[int] = []
    sent = [-1]
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    broker_process.data_dir = ",".join(paths)

    async def check(client: RawClient) -> None:
        found: set[int] = set()
        for index in range(PARTITIONS):
            numbers = await read_all(client, index)
            assert numbers == sorted(set(numbers))
            assert {number % PARTITIONS for number in numbers} <= {index}
            found |= set(numbers)
        assert set(acknowledged) <= found <= set(sent)

    async def live(number: int) -> None:
        await broker_process.start()
        async with await RawClient.connect(*broker_process.address) as client, await RawClient.connect(*broker_process.address) as other:
            if number == 0:
                await create_topic(client)
            await check(client)
            async with trio.open_nursery() as nursery:
                for task in ((kill_after, rng.uniform(0.1, 0.8)), (produce, client, acknowledged, sent), (move, other, rng, paths)):
                    nursery.start_soon(until_closed, nursery.cancel_scope, *task)

    async def until_closed(scope: trio.CancelScope, task: Any, *arguments: Any) -> None:
        try:
            await task(*arguments)
        except (BrokerClosedConnection, trio.BrokenResourceError):
            scope.cancel()

    async def kill_after(seconds: float) -> None:
        await trio.sleep(seconds)  # see `move`
        broker_process.kill()

    async def main() -> None:
        for number in range(ROUNDS):
            await live(number)
        await broker_process.start()
        async with await RawClient.connect(*broker_process.address) as client:
            with trio.fail_after(SETTLED_WITHIN_S):
                while await copies(client) != [False] * PARTITIONS:  # noqa: ASYNC110  # see `move`
                    await trio.sleep(0.05)
            await check(client)

    trio.run(main)
    assert len(acknowledged) > ROUNDS
