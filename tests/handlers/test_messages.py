"""Which errors are told in words beside their code, api by api: a client shows another text where a message is null or empty."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from pybroker.core.cluster import NO_LEADER
from pybroker.handlers.find_coordinator import find_coordinator
from pybroker.handlers.produce_refusals import ToldRefusal
from pybroker.handlers.producer_ids import describe_producers
from pybroker.handlers.transactional_produce import Admission
from pybroker.records.builder import build_batch
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.errors import INVALID_REQUEST_TEXT, ErrorCode, KafkaError
from pybroker.wire.messages import DescribeProducersRequest, FindCoordinatorRequest
from pybroker.wire.stored import CONSUMER_OFFSETS


@pytest.fixture
def room() -> PartitionRoom:
    """A room with the topic `a`."""
    room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)))
    room.create_topic("a")
    return room


@pytest.mark.parametrize(
    ("said", "version", "code", "told"),
    [
        (ErrorCode.TRANSACTION_ABORTABLE, 9, ErrorCode.INVALID_TXN_STATE, "Partition was not added to the transaction"),
        (ErrorCode.TRANSACTION_ABORTABLE, 11, ErrorCode.TRANSACTION_ABORTABLE, None),
        (ErrorCode.INVALID_TXN_STATE, 12, ErrorCode.INVALID_TXN_STATE, "Partition was not added to the transaction"),
        (ErrorCode.PRODUCER_FENCED, 9, ErrorCode.INVALID_PRODUCER_EPOCH, None),
        (ErrorCode.INVALID_PRODUCER_ID_MAPPING, 12, ErrorCode.INVALID_PRODUCER_ID_MAPPING, None),
        (ErrorCode.CONCURRENT_TRANSACTIONS, 12, ErrorCode.CONCURRENT_TRANSACTIONS, None),
        (ErrorCode.CONCURRENT_TRANSACTIONS, 11, ErrorCode.NOT_ENOUGH_REPLICAS, "Underlying error: CONCURRENT_TRANSACTIONS"),
        (ErrorCode.NOT_COORDINATOR, 9, ErrorCode.NOT_ENOUGH_REPLICAS, "Underlying error: NOT_COORDINATOR"),
        (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 12, ErrorCode.NOT_ENOUGH_REPLICAS, "Underlying error: COORDINATOR_LOAD_IN_PROGRESS"),
    ],
)
def test_what_a_producer_is_told_of_its_transaction(room: PartitionRoom, said: ErrorCode, version: int, code: ErrorCode, told: str | None):
    """Words where the code is not the coordinator's own, and for a client that cannot abort; else the code alone."""

    async def admit(*_: Any, **__: Any) -> Any:
        raise KafkaError(said)

    live = room.partition("a")
    records = memoryview(build_batch([(b"k", b"v")], timestamp=1, transactional=True, producer_id=1, producer_epoch=0, base_sequence=0))
    admission = Admission("t")
    admission.note([(live, records)])
    settings = SimpleNamespace(get=lambda _: True)
    state = SimpleNamespace(settings=settings, transactions=SimpleNamespace(admit=admit))
    trio.run(admission.ask, SimpleNamespace(api_version=version, state=state, flush=None))
    with pytest.raises(KafkaError) as refused:
        admission.check(version, live, records)
    assert refused.value.code is code
    if told is None:
        assert not isinstance(refused.value, ToldRefusal)
    else:
        assert isinstance(refused.value, ToldRefusal)
        assert refused.value.told.endswith(told)


@pytest.mark.parametrize(
    ("topic", "index", "code", "told"),
    [
        ("a", 0, ErrorCode.NONE, None),
        ("a", 9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
        ("nobody", 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."),
        ("", 0, ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic name is invalid: the empty string is not allowed"),
    ],
)
def test_describe_producers_has_words_for_topics(room: PartitionRoom, topic: str, index: int, code: ErrorCode, told: str | None):
    """What is wrong with the topic is said; of a partition the code alone."""
    asked = DescribeProducersRequest(topics=[DescribeProducersRequest.TopicRequest(name=topic, partition_indexes=[index])])
    ((answer,),) = [one.partitions for one in trio.run(describe_producers, room.context(0), asked).topics]
    assert (answer.error_code, answer.error_message) == (code, told)


@pytest.mark.parametrize(
    ("version", "key_type", "key", "told"),
    [
        (6, 2, "no share key", ""),
        (5, 2, "group:AQIDBAUGBwgJCgsMDQ4PEA:0", ""),
        (6, 7, "group", INVALID_REQUEST_TEXT),
    ],
)
def test_find_coordinator_has_words_for_types(room: PartitionRoom, version: int, key_type: int, key: str, told: str):
    """From version 4 on nothing is said of a key; of a type that nobody knows it is."""
    asked = FindCoordinatorRequest(key_type=key_type, coordinator_keys=[key])
    (answer,) = trio.run(find_coordinator, room.context(version), asked).coordinators
    assert (answer.error_code, answer.error_message) == (ErrorCode.INVALID_REQUEST, told)


@pytest.mark.parametrize(("version", "told"), [(3, "The coordinator is not available."), (4, ""), (6, "")])
def test_find_coordinator_of_a_partition_without_leader(room: PartitionRoom, version: int, told: str) -> None:
    """From version 4 on Kafka leaves the message as it is by default, which is empty and not null."""
    room.create_topic(CONSUMER_OFFSETS)
    for partition in room.state.cluster.topics[CONSUMER_OFFSETS].partitions:
        partition.leader = NO_LEADER
    answer = trio.run(find_coordinator, room.context(version), FindCoordinatorRequest(key="g", coordinator_keys=["g"]))
    found = answer.coordinators[0] if version >= 4 else answer
    assert (found.error_code, found.error_message, found.node_id) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, told, -1)


@pytest.mark.parametrize("key_type", [2, 7])
def test_find_coordinator_always_has_words_up_to_version_3(room: PartitionRoom, key_type: int):
    """There the message is the code's, if there is no other."""
    answer = trio.run(find_coordinator, room.context(3), FindCoordinatorRequest(key_type=key_type, key="x"))
    assert (answer.error_code, answer.error_message) == (ErrorCode.INVALID_REQUEST, INVALID_REQUEST_TEXT)
