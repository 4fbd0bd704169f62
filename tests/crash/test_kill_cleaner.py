"""kill -9 while logs are compacted: the last acknowledged value of each key is there after every restart.

Segments roll with nearly every batch and the cleaner never rests, so that most kills fall into a round.

    CRASH_SEEDS=50 python -m pytest -m slow tests/crash
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import pytest
import trio

from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.record import iter_records
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.wire.messages import CreateTopicsRequest, FetchRequest, ProduceRequest

SEEDS = range(int(os.environ.get("CRASH_SEEDS", "2")))
ROUNDS = 5
COMPACTED_WITHIN_S = 20
KEYS = [b"key-%d" % number for number in range(20)]
CONFIGS = {"cleanup.policy": "compact", "segment.ms": "1", "min.cleanable.dirty.ratio": "0", "file.delete.delay.ms": "0"}


def now_ms() -> int:
    """The broker is another process: it goes by the real clock."""
    return time.time_ns() // 1_000_000


async def create_topic(client: RawClient) -> None:
    """The compacted topic `c`."""
    configs = [CreateTopicsRequest.CreatableTopicConfig(name=name, value=value) for name, value in CONFIGS.items()]
    topic = CreateTopicsRequest.CreatableTopic(name="c", num_partitions=1, replication_factor=1, configs=configs)
    assert (await client.ask(CreateTopicsRequest(topics=[topic]), 7)).topics[0].error_code == 0


async def produce(client: RawClient, rng: random.Random, count: int, values: dict[bytes, int], sent: dict[bytes, int]) -> None:
    """`count` batches, one at a time; `values` has what was acknowledged, `sent` what may be there too."""
    for _ in range(count):
        key = rng.choice(KEYS)
        value = sent[key] = sent.get(key, 0) + 1
        data = ProduceRequest.PartitionProduceData(index=0, records=build_batch([(key, b"%d" % value, now_ms())]))
        topic = ProduceRequest.TopicProduceData(name="c", partition_data=[data])
        answer = await client.ask(ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic]), 9)
        assert answer.responses[0].partition_responses[0].error_code == 0
        values[key] = value


async def read_all(client: RawClient) -> dict[bytes, list[int]]:
    """The values of each key, in order."""
    found: dict[bytes, list[int]] = {}
    at, end = 0, 1
    while at < end:
        partition = FetchRequest.FetchPartition(partition=0, fetch_offset=at, partition_max_bytes=1 << 20)
        topic = FetchRequest.FetchTopic(topic="c", partitions=[partition])
        answer = await client.ask(FetchRequest(max_wait_ms=0, min_bytes=0, topics=[topic]), 11)
        data = answer.responses[0].partitions[0]
        assert data.error_code == 0
        end = data.high_watermark
        records = bytes(data.records or b"")
        for position, header in iter_batches(records):
            assert header.next_offset > at
            for record in iter_records(records, position):
                found.setdefault(record.key or b"", []).append(int(record.value or b"0"))
            at = header.next_offset
        assert records or at >= end
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_last_values_survive(broker_process: Any, seed: int) -> None:
    """Each key has its last acknowledged value or a later one that was sent, and values never go back. Left alone, one is left of each."""
    rng = random.Random(seed)
    values: dict[bytes, int] = {}
    sent: dict[bytes, int] = {}
    broker_process.settings = ["log.cleaner.backoff.ms=1"]

    async def live(number: int) -> None:
        await broker_process.start()
        async with await RawClient.connect(*broker_process.address) as client:
            if number == 0:
                await create_topic(client)
            found = await read_all(client)
            assert all(values[key] <= found[key][-1] <= sent[key] for key in values)
            assert all(sorted(kept) == kept for kept in found.values())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(kill_after, rng.uniform(0.05, 0.6))
                try:
                    await produce(client, rng, 100_000, values, sent)
                except (BrokerClosedConnection, trio.BrokenResourceError):
                    nursery.cancel_scope.cancel()

    async def kill_after(seconds: float) -> None:
        await trio.sleep(seconds)  # what is under test is another process's progress, of which no event of ours tells
        broker_process.kill()

    async def main() -> None:
        for number in range(ROUNDS):
            await live(number)
        await broker_process.start()
        async with await RawClient.connect(*broker_process.address) as client:
            await produce(client, rng, 1, values, sent)  # what two milliseconds before the kill brought is sealed by this
            with trio.fail_after(COMPACTED_WITHIN_S):
                while sum(map(len, (await read_all(client)).values())) > len(KEYS) + 1:  # noqa: ASYNC110  # see `kill_after`
                    await trio.sleep(0.05)

    trio.run(main)
    assert (broker_process.data_dir / "cleaner-offset-checkpoint").exists()
