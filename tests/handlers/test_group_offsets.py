"""OffsetCommit, OffsetFetch and OffsetDelete of very many partitions, through a whole broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.handlers import group_offsets
from pybroker.testing.client import RawClient
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest

PARTITIONS = 5


def with_broker(story: Callable[[RawClient], Awaitable[None]]) -> None:
    """Run a story with a client of a broker that has the topics `a` and `b`."""

    async def main() -> None:
        async with Broker(BrokerConfig(topics={"a": PARTITIONS, "b": PARTITIONS})) as broker, trio.open_nursery() as nursery:
            client = connect_in_memory(broker.server, nursery)
            await story(client)
            await client.aclose()

    trio.run(main)


def commit(topics: dict[str, list[int]]) -> OffsetCommitRequest:
    """A commit of each partition's number as its offset."""
    part, topic = OffsetCommitRequest.OffsetCommitRequestPartition, OffsetCommitRequest.OffsetCommitRequestTopic
    named = [
        topic(name=name, partitions=[part(partition_index=index, committed_offset=index) for index in indexes])
        for name, indexes in topics.items()
    ]
    return OffsetCommitRequest(group_id="g", topics=named)


def told(topics: list[Any], *fields: str) -> dict[str, list[Any]]:
    """Of each partition in an answer, in order, these fields."""
    return {topic.name: [tuple(getattr(each, field) for field in fields) for each in topic.partitions] for topic in topics}


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 7, 100])
def test_offsets_are_fetched_in_pieces(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """However many partitions are looked up at once, the answer is the same, each topic once and in the order of the request."""
    monkeypatch.setattr(group_offsets, "PARTITIONS_AT_ONCE", at_once)
    asked = OffsetFetchRequest.OffsetFetchRequestTopics
    topics = [
        asked(name="a", partition_indexes=[3, 0, 4, 1]),
        asked(name="none", partition_indexes=[]),
        asked(name="b", partition_indexes=[2]),
    ]

    async def story(client: RawClient) -> None:
        await client.ask(commit({"a": [0, 1, 3], "b": [2]}), 9)
        [group] = (
            await client.ask(OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=topics)]), 8)
        ).groups
        found = told(group.topics, "partition_index", "committed_offset")
        assert found == {"a": [(3, 3), (0, 0), (4, -1), (1, 1)], "none": [], "b": [(2, 2)]}
        assert len(group.topics) == 3

    with_broker(story)


def test_commit_that_no_batch_could_hold() -> None:
    """A commit larger than a batch of the offsets topic may be is refused as a whole, beside what is not known anyway."""

    async def story(client: RawClient) -> None:
        await client.ask(commit({"a": [0]}), 9)
        response = await client.ask(commit({"a": [*[1] * 30_000, PARTITIONS], "none": [0]}), 9)
        codes = told(response.topics, "error_code")
        assert codes["a"][0] == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,)
        assert set(codes["a"][1:]) == {(ErrorCode.UNKNOWN_SERVER_ERROR,)}
        assert codes["none"] == [(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,)]

    with_broker(story)


def test_deleting_what_is_not_there() -> None:
    """Unknown topics and partitions fail alone, each topic is answered once."""
    part, topic = OffsetDeleteRequest.OffsetDeleteRequestPartition, OffsetDeleteRequest.OffsetDeleteRequestTopic
    named = [
        topic(name="a", partitions=[part(partition_index=0), part(partition_index=PARTITIONS)]),
        topic(name="none", partitions=[part(partition_index=0)]),
    ]

    async def story(client: RawClient) -> None:
        await client.ask(commit({"a": [0]}), 9)
        response = await client.ask(OffsetDeleteRequest(group_id="g", topics=named), 0)
        missing = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert told(response.topics, "partition_index", "error_code") == {"a": [(0, 0), (PARTITIONS, missing)], "none": [(0, missing)]}

    with_broker(story)
