"""What is advertised is served: every API at every version that ApiVersions names, over a connection, in the bytes of that version."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import pytest
import trio

import pybroker.handlers.table  # noqa: F401 - registers every handler
from pybroker import Broker, BrokerConfig
from pybroker.handlers.registry import REGISTRY
from pybroker.records.builder import build_batch
from pybroker.testing.client import BrokerClosedConnection
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header
from pybroker.wire.messages import (
    ApiVersionsRequest,
    CreateTopicsRequest,
    DeleteRecordsRequest,
    FetchRequest,
    JoinGroupRequest,
    ListOffsetsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    ProduceRequest,
)

TOPIC = "t"
_numbers = count()
CLOSES = {(ProduceRequest.API_KEY, version) for version in (0, 1, 2)}
"""Advertised and not served, as in Kafka (KAFKA-18659)."""


def produce(topic_id: bytes, version: int) -> ProduceRequest:
    """One record into one partition."""
    data = ProduceRequest.PartitionProduceData(index=0, records=build_batch([(b"k", b"v", 1)]))
    return ProduceRequest(
        acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=TOPIC, topic_id=topic_id, partition_data=[data])]
    )


def fetch(topic_id: bytes, version: int) -> FetchRequest:
    """One partition from its start."""
    asked = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
    return FetchRequest(max_bytes=1000, topics=[FetchRequest.FetchTopic(topic=TOPIC, topic_id=topic_id, partitions=[asked])])


def list_offsets(topic_id: bytes, version: int) -> ListOffsetsRequest:
    """The end of one partition."""
    asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
    return ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=TOPIC, partitions=[asked])])


def delete_records(topic_id: bytes, version: int) -> DeleteRecordsRequest:
    """Nothing of one partition."""
    asked = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=0)
    return DeleteRecordsRequest(topics=[DeleteRecordsRequest.DeleteRecordsTopic(name=TOPIC, partitions=[asked])])


def commit(topic_id: bytes, version: int) -> OffsetCommitRequest:
    """One offset of a consumer without a group."""
    asked = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, topic_id=topic_id, partitions=[asked])
    return OffsetCommitRequest(group_id="g", generation_id_or_member_epoch=-1, topics=[topic])


def fetch_offsets(topic_id: bytes, version: int) -> OffsetFetchRequest:
    """One offset; from version 8 on a group is one of several (KIP-709)."""
    if version < 8:
        return OffsetFetchRequest(group_id="g", topics=[OffsetFetchRequest.OffsetFetchRequestTopic(name=TOPIC, partition_indexes=[0])])
    topic = OffsetFetchRequest.OffsetFetchRequestTopics(name=TOPIC, topic_id=topic_id, partition_indexes=[0])
    return OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=[topic])])


def join(topic_id: bytes, version: int) -> JoinGroupRequest:
    """A consumer that is alone in a group, a new one each time: with another in it it would wait for that one."""
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"x")
    return JoinGroupRequest(
        group_id=f"j{next(_numbers)}",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        protocol_type="consumer",
        protocols=[protocol],
    )


def create_topics(topic_id: bytes, version: int) -> CreateTopicsRequest:
    """A topic that is there already."""
    return CreateTopicsRequest(topics=[CreateTopicsRequest.CreatableTopic(name=TOPIC, num_partitions=1, replication_factor=1)])


LEAST = {
    ProduceRequest: produce,
    FetchRequest: fetch,
    ListOffsetsRequest: list_offsets,
    DeleteRecordsRequest: delete_records,
    OffsetCommitRequest: commit,
    OffsetFetchRequest: fetch_offsets,
    JoinGroupRequest: join,
    CreateTopicsRequest: create_topics,
}
"""For the APIs that do nothing where nothing is named; the others are asked with all fields at their defaults."""


def least_request(key: int, topic_id: bytes, version: int) -> Any:
    """A valid request that says as little as can be answered with more than an empty list."""
    request_class = REGISTRY[key].request_class
    make = LEAST.get(request_class)
    return request_class() if make is None else make(topic_id, version)


async def ask_every_version(key: int, versions: range) -> None:
    """Each on a connection of its own, so that one that closes does not spoil the next."""
    config = BrokerConfig(topics={TOPIC: 1}, settings={"offsets.topic.num.partitions": "1", "group.initial.rebalance.delay.ms": "0"})
    async with Broker(config) as broker, trio.open_nursery() as nursery:
        async with connect_in_memory(broker.server, nursery) as client:
            topic_id = (await client.ask(MetadataRequest(topics=None), 12)).topics[0].topic_id
        for version in versions:
            async with connect_in_memory(broker.server, nursery) as client:
                if (key, version) in CLOSES:
                    await client.stream.send_all(frame(request_header(key, version, 1, "raw")))
                    with pytest.raises(BrokerClosedConnection):
                        await client.receive_frame()
                else:
                    await client.ask(least_request(key, topic_id, version), version)


@pytest.mark.parametrize("key", sorted(REGISTRY), ids=lambda key: REGISTRY[key].request_class.__name__.removesuffix("Request"))
def test_every_advertised_version_is_answered(key: int, caplog: pytest.LogCaptureFixture) -> None:
    """The answer belongs to the request, is whole, and no handler failed on the way."""

    async def main() -> None:
        with trio.fail_after(10):
            await ask_every_version(key, range(REGISTRY[key].advertised_min_version, REGISTRY[key].max_version + 1))

    trio.run(main)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_is_asked_here_is_what_is_advertised() -> None:
    """The ranges that ApiVersions tells a client are those of the registry."""

    async def main() -> None:
        async with Broker() as broker, trio.open_nursery() as nursery, connect_in_memory(broker.server, nursery) as client:
            response = await client.ask(ApiVersionsRequest(client_software_name="test", client_software_version="1"), 4)
        told = {one.api_key: (one.min_version, one.max_version) for one in response.api_keys}
        assert told == {key: (one.advertised_min_version, one.max_version) for key, one in REGISTRY.items()}

    trio.run(main)
