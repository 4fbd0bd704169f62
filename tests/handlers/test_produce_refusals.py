"""Which failures of Produce are told in words, which are only a code, and what the log says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import trio

from pybroker.handlers import produce_refusals
from pybroker.handlers.context import CloseConnection
from pybroker.handlers.produce import produce
from pybroker.records.builder import build_batch
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import ProduceRequest

NOW_MS = 1_700_000_000_000


@pytest.fixture
def room() -> PartitionRoom:
    """A plain topic, and ones that refuse what it takes."""
    room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)))
    room.create_topic("plain", topic_id=b"p" * 16, partitions=2)
    room.create_topic("__consumer_offsets")
    for name, configs in {
        "small": {"max.message.bytes": "70"},
        "compacted": {"cleanup.policy": "compact"},
        "fresh": {"message.timestamp.before.max.ms": "1000"},
    }.items():
        room.create_topic(name)
        room.configure(name, configs)
    return room


def batch(key: bytes | None = b"k", value: bytes = b"x", timestamp: int = NOW_MS, **options: Any) -> bytearray:
    """One record."""
    return bytearray(build_batch([(key, value)], timestamp=timestamp, **options))


def changed(at: int, *values: int) -> bytearray:
    """A batch with other bytes at a place."""
    records = batch()
    records[at : at + len(values)] = bytes(values)
    return records


def ask(room: PartitionRoom, *named: tuple[str | bytes, int, Any], version: int = 9, acks: int = -1) -> list[Any]:
    """The answers for batches to (topic or its id, partition)."""
    topics = []
    for topic, index, records in named:
        where = {"topic_id": topic} if isinstance(topic, bytes) else {"name": topic}
        one = ProduceRequest.PartitionProduceData(index=index, records=memoryview(records))
        topics.append(ProduceRequest.TopicProduceData(partition_data=[one], **where))
    context = room.context(version)
    context.client_id = "someone"
    response: Any = trio.run(produce, context, ProduceRequest(acks=acks, timeout_ms=1000, topic_data=topics))
    return [answer for topic in response.responses for answer in topic.partition_responses]


SILENT: dict[str, tuple[str, int, Callable[[], bytearray], ErrorCode]] = {
    "acks": ("plain", 2, batch, ErrorCode.INVALID_REQUIRED_ACKS),
    "topic": ("nobody's", -1, batch, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "internal topic": ("__consumer_offsets", -1, batch, ErrorCode.INVALID_TOPIC_EXCEPTION),
    "size": ("small", -1, lambda: batch(value=b"x" * 90), ErrorCode.MESSAGE_TOO_LARGE),
    "checksum": ("plain", -1, lambda: changed(17, 1, 1, 1, 1), ErrorCode.CORRUPT_MESSAGE),
    "no batch": ("plain", -1, bytearray, ErrorCode.INVALID_RECORD),
    "cut off": ("plain", -1, lambda: batch()[:-1], ErrorCode.INVALID_RECORD),
    "two batches": ("plain", -1, lambda: batch() + batch(), ErrorCode.INVALID_RECORD),
    "old magic": ("plain", -1, lambda: changed(16, 1), ErrorCode.INVALID_RECORD),
    "transactional": (
        "plain",
        -1,
        lambda: batch(transactional=True, producer_id=1, producer_epoch=0, base_sequence=0),
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_most_failures_are_a_code_without_words(room: PartitionRoom, caplog: pytest.LogCaptureFixture, name: str):
    """So that a Java client shows the exception it has for the code; the reason is one line of the log."""
    topic, acks, make, code = SILENT[name]
    with caplog.at_level(logging.DEBUG, produce_refusals.__name__):
        (answer,) = ask(room, (topic, 0, make()), acks=acks)
    assert (answer.error_code, answer.error_message, answer.record_errors) == (code, None, [])
    (line,) = caplog.messages
    assert line.startswith(f"Produce of client 'someone' to {topic}-0 is refused: {code.name}: ")


def test_sequences_and_epochs_are_a_code_without_words(room: PartitionRoom):
    """A gap, and a batch of an epoch that is over."""
    codes = []
    for sequence, epoch in ((0, 1), (5, 1), (1, 0)):
        (answer,) = ask(room, ("plain", 0, batch(producer_id=7, producer_epoch=epoch, base_sequence=sequence)))
        codes.append((answer.error_code, answer.error_message))
    assert codes == [(0, None), (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, None), (ErrorCode.INVALID_PRODUCER_EPOCH, None)]


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (changed(16, 3), "Invalid magic found in record: 3"),
        (changed(16, 255), "Invalid magic found in record: -1"),
        (changed(8, 0, 0, 0, 13), "Record size 13 is less than the minimum record overhead (14)"),
        (changed(8, 255, 255, 255, 255)[:12], "Record size -1 is less than the minimum record overhead (14)"),
    ],
)
@pytest.mark.parametrize("acks", [-1, 5])
def test_a_batch_that_cannot_begin_so_spoils_the_request(room: PartitionRoom, spoilt: bytearray, words: str, acks: int):
    """Every partition is told the same, also one that is not there, and nothing is written."""
    named: list[tuple[str, int, Any]] = [("plain", 0, batch()), ("plain", 1, spoilt), ("nobody's", 0, batch())]
    for answer in ask(room, *named, acks=acks):
        told = (answer.error_code, answer.error_message, answer.base_offset, answer.log_start_offset)
        assert told == (ErrorCode.CORRUPT_MESSAGE, words, -1, -1)
    assert room.partition("plain").state.log_end_offset == 0


def test_the_first_transactional_batch_ends_the_search(room: PartitionRoom):
    """What stands before it decides: another transactional id, or bytes that cannot be."""
    transactional = batch(transactional=True, producer_id=1, producer_epoch=0, base_sequence=0)
    found = ask(room, ("plain", 0, transactional), ("plain", 1, changed(16, 3)))
    assert {one.error_code for one in found} == {ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
    found = ask(room, ("plain", 0, changed(16, 3)), ("plain", 1, transactional))
    assert {one.error_code for one in found} == {ErrorCode.CORRUPT_MESSAGE}


def test_bad_records_are_told_in_words(room: PartitionRoom):
    """Each with its number, and with the topic's partition, also where the request names only the topic's id."""
    room.create_topic("by-id", topic_id=b"i" * 16)
    room.configure("by-id", {"cleanup.policy": "compact"})
    for topic, name, version in (("compacted", "compacted", 9), (b"i" * 16, "by-id", 13)):
        (answer,) = ask(room, (topic, 0, batch(key=None)), version=version)
        text = f"Compacted topic cannot accept message without key in topic partition {name}-0"
        assert [(one.batch_index, one.batch_index_error_message) for one in answer.record_errors] == [(0, text)]
        assert answer.error_code == ErrorCode.INVALID_RECORD
        assert answer.error_message.endswith(f"[RecordError(batchIndex=0, message='{text}')]")


def test_bad_times_are_told_in_words(room: PartitionRoom):
    """The time, and between what it should be."""
    (answer,) = ask(room, ("fresh", 0, batch(timestamp=5)))
    (told,) = answer.record_errors
    assert told.batch_index_error_message.startswith(
        "Timestamp 5 of message with offset 0 is out of range. The timestamp should be within ["
    )
    assert (answer.error_code, answer.error_message) == (
        ErrorCode.INVALID_TIMESTAMP,
        "One or more records have been rejected due to invalid timestamp",
    )


def test_acks_0_closes_with_our_reason(room: PartitionRoom):
    """Nobody is answered, so the reason is not held back."""
    with pytest.raises(CloseConnection, match=r"to plain-0 failed: checksum \d+, where the batch says"):
        ask(room, ("plain", 0, changed(17, 1, 1, 1, 1)), acks=0)
