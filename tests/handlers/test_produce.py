"""Produce and InitProducerId."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import trio

from pybroker.handlers.context import CloseConnection
from pybroker.handlers.produce import produce
from pybroker.handlers.producer_ids import describe_producers, init_producer_id
from pybroker.handlers.registry import REGISTRY
from pybroker.records.builder import build_batch
from pybroker.storage.errors import StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import DescribeProducersRequest, InitProducerIdRequest, ProduceRequest


@pytest.fixture
def room() -> PartitionRoom:
    """A room with the topic `a` of two partitions and an internal one."""
    room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)))
    room.create_topic("a", partitions=2, topic_id=b"a" * 16)
    room.create_topic("__consumer_offsets")
    return room


def batch(value: bytes = b"x", **options: Any) -> memoryview:
    """One record, now."""
    return memoryview(bytearray(build_batch([(b"k", value)], timestamp=1_700_000_000_000, **options)))


def request(*named: tuple[str | bytes, int, Any], acks: int = -1, **fields: Any) -> ProduceRequest:
    """One batch for each (topic name or id, partition)."""
    topics = []
    for topic, index, records in named:
        where = {"topic_id": topic} if isinstance(topic, bytes) else {"name": topic}
        one = ProduceRequest.PartitionProduceData(index=index, records=records)
        topics.append(ProduceRequest.TopicProduceData(partition_data=[one], **where))
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=topics, **fields)


def ask(room: PartitionRoom, sent: ProduceRequest, version: int = 9) -> Any:
    """The answer."""
    return trio.run(produce, room.context(version), sent)


def answers(room: PartitionRoom, sent: ProduceRequest, version: int = 9) -> list[tuple[int, int, int, int, int]]:
    """(index, error, base offset, append time, log start) of each partition."""
    return [
        (one.index, one.error_code, one.base_offset, one.log_append_time_ms, one.log_start_offset)
        for topic in ask(room, sent, version).responses
        for one in topic.partition_responses
    ]


def test_versions_zero_to_two_are_offered_and_not_served():
    """As in Kafka: librdkafka wants them offered."""
    registration = REGISTRY[ProduceRequest.API_KEY]
    assert (registration.advertised_min_version, registration.min_version, registration.max_version) == (0, 3, 13)


@pytest.mark.parametrize("acks", [1, -1])
def test_answer_tells_offset_and_log_start(room: PartitionRoom, acks: int):
    """acks 1 and -1 answer alike."""
    room.partition("a").append_records(batch())
    room.partition("a").delete_records(-1)
    assert answers(room, request(("a", 0, batch()), acks=acks)) == [(0, 0, 1, -1, 1)]


def test_topic_ids_from_version_13(room: PartitionRoom):
    """A known id, an unknown one, and a partition that is not there."""
    sent = request((b"a" * 16, 0, batch()), (b"b" * 16, 0, batch()), (b"a" * 16, 7, batch()))
    assert answers(room, sent, 13) == [(0, 0, 0, -1, 0), (7, 3, -1, -1, -1), (0, 100, -1, -1, -1)]


@pytest.mark.parametrize("acks", [2, -2, 5])
def test_other_acks_are_refused_and_nothing_is_written(room: PartitionRoom, acks: int):
    """INVALID_REQUIRED_ACKS, but an unknown topic is unknown first."""
    assert answers(room, request(("a", 0, batch()), ("nope", 0, batch()), acks=acks)) == [(0, 21, -1, -1, -1), (0, 3, -1, -1, -1)]
    assert room.partition("a").log_end_offset == 0


def test_acks_0_has_no_answer(room: PartitionRoom):
    """It is written all the same."""
    assert ask(room, request(("a", 0, batch()), acks=0)) is None
    assert room.partition("a").log_end_offset == 1


def test_acks_0_with_an_error_closes_the_connection(room: PartitionRoom):
    """There is no other way to tell."""
    with pytest.raises(CloseConnection):
        ask(room, request(("a", 7, batch()), acks=0))


def test_null_records_close_the_connection(room: PartitionRoom):
    """Before anything is written."""
    with pytest.raises(CloseConnection):
        ask(room, request(("a", 0, batch()), ("a", 1, None)))
    assert room.partition("a").log_end_offset == 0


def test_internal_topics_are_for_the_broker(room: PartitionRoom):
    """And for Kafka's own admin client."""
    assert answers(room, request(("__consumer_offsets", 0, batch()))) == [(0, 17, -1, -1, -1)]
    context = room.context(9)
    context.client_id = "__admin_client"
    response = trio.run(produce, context, request(("__consumer_offsets", 0, batch())))
    assert response.responses[0].partition_responses[0].error_code == 0


def test_partition_named_twice_is_written_once(room: PartitionRoom):
    """What was named last counts."""
    assert answers(room, request(("a", 0, batch(b"first")), ("a", 0, batch(b"last")))) == [(0, 0, 0, -1, 0)]
    assert b"last" in room.partition("a").read(0, 1000, 0, True).read()


def test_bad_records_are_named(room: PartitionRoom):
    """A compacted topic wants keys; the log start is told where the log was reached, and not where it was not."""
    room.create_topic("c", configs={"cleanup.policy": "compact"})
    keyless = memoryview(bytearray(build_batch([(b"k", b"v"), (None, b"v"), (None, b"w")], timestamp=1)))
    answer = ask(room, request(("c", 0, keyless))).responses[0].partition_responses[0]
    assert (answer.error_code, answer.base_offset, answer.log_start_offset) == (87, -1, 0)
    assert [one.batch_index for one in answer.record_errors] == [1, 2]
    corrupt = batch()
    corrupt[-1] ^= 1
    assert answers(room, request(("a", 0, corrupt))) == [(0, 2, -1, -1, -1)]


def test_idempotent_producer(room: PartitionRoom):
    """A duplicate has the first offset and its own time as append time; a gap is told with the log start."""
    first = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0}
    assert answers(room, request(("a", 0, batch(**first)))) == [(0, 0, 0, -1, 0)]
    assert answers(room, request(("a", 0, batch(**first)))) == [(0, 0, 0, 1_700_000_000_000, 0)]
    assert answers(room, request(("a", 0, batch(**{**first, "base_sequence": 7})))) == [(0, 45, -1, -1, 0)]


def test_transactional_batch_without_transactional_id(room: PartitionRoom):
    """The whole request is refused."""
    options = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    assert answers(room, request(("a", 0, batch(**options)), ("a", 1, batch()))) == [(0, 53, -1, -1, -1), (1, 53, -1, -1, -1)]


def test_plain_batch_with_a_transactional_id(room: PartitionRoom):
    """No coordinator is asked about it."""
    assert answers(room, request(("a", 0, batch()), transactional_id="t")) == [(0, 0, 0, -1, 0)]


def test_storage_error_is_told(room: PartitionRoom):
    """And the partition stays offline."""
    room.partition("a").take_offline(StorageError("the disk is gone"))
    assert answers(room, request(("a", 0, batch()), ("a", 1, batch()))) == [(0, 56, -1, -1, -1), (1, 0, 0, -1, 0)]


def test_empty_request(room: PartitionRoom):
    """Nothing asked, nothing answered."""
    assert ask(room, request()).responses == []


def ids(room: PartitionRoom, **fields: Any) -> tuple[int, int, int]:
    """(error, producer id, epoch) of InitProducerId."""
    response = trio.run(init_producer_id, room.context(4), InitProducerIdRequest(**fields))
    return response.error_code, response.producer_id, response.producer_epoch


def test_producer_ids_are_new_each_time(room: PartitionRoom):
    """At epoch 0, whatever id the producer had."""
    first, second = ids(room, transactional_id=None), ids(room, transactional_id=None, producer_id=5, producer_epoch=1)
    assert (first[0], first[2], second[0], second[2]) == (0, 0, 0, 0)
    assert first[1] != second[1]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"transactional_id": None, "producer_id": 5}, ErrorCode.INVALID_REQUEST),
        ({"transactional_id": None, "producer_epoch": 3}, ErrorCode.INVALID_REQUEST),
        ({"transactional_id": ""}, ErrorCode.INVALID_REQUEST),
    ],
)
def test_refused_producer_ids(room: PartitionRoom, fields: dict[str, Any], code: ErrorCode):
    """Half an identity is no request, and no name is no transactional id."""
    assert ids(room, **fields) == (code, -1, -1)


def test_describe_producers(room: PartitionRoom):
    """What a partition remembers, and why others remember nothing."""
    ask(room, request(("a", 0, batch(producer_id=5, producer_epoch=1, base_sequence=3))))
    topics = [("a", [0, 9]), ("nope", [0]), ("b ad", [0])]
    asked = [DescribeProducersRequest.TopicRequest(name=name, partition_indexes=indexes) for name, indexes in topics]
    response = trio.run(describe_producers, room.context(0), DescribeProducersRequest(topics=asked))
    found = [one for topic in response.topics for one in topic.partitions]
    assert [one.error_code for one in found] == [0, 3, 3, 17]
    producer = found[0].active_producers[0]
    assert (producer.producer_id, producer.producer_epoch, producer.last_sequence) == (5, 1, 3)
    assert (producer.coordinator_epoch, producer.current_txn_start_offset) == (-1, -1)
