"""One client's very long request, and what another one notices of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pybroker
from pybroker.records.builder import build_batch
from pybroker.wire import messages
from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size

ELEMENTS = 100_000
PARTITIONS = 9_000
BOUND_S = 0.5  # without turns most of these requests hold up everybody for one to three seconds
TURNS = 60  # of the 450 in which so many markers are written some 300 are noticed; without turns 2, and up to 30 before they begin
LIMIT_S = 30.0  # for one answer, and for what is asked again and again


def connected(address: tuple[str, int]) -> socket.socket:
    """A connection on which nothing is waited for without an end."""
    return socket.create_connection(address, timeout=LIMIT_S)


def framed(request: Any, version: int) -> bytes:
    """A request as it goes over the wire."""
    return frame(request_header(request.API_KEY, version, 1, "test") + encode(request, version))


def answer_to(connection: socket.socket, request: bytes) -> bytes:
    """Send a framed request and read its answer."""
    connection.sendall(request)
    with connection.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(4), "big"))


def ask(connection: socket.socket, request: bytes) -> int:
    """Send a framed request and read its answer; its size in bytes."""
    return len(answer_to(connection, request))


def told(connection: socket.socket, request: Any, version: int) -> Any:
    """The answer to a request, read."""
    response = messages.message_class(type(request).__name__.removesuffix("Request") + "Response")
    return decode(response, version, answer_to(connection, framed(request, version)), response_header_size(request.API_KEY, version))[0]


def many_offsets() -> Any:
    """A commit for partitions of which there is one."""
    topic, part = messages.OffsetCommitRequest.OffsetCommitRequestTopic, messages.OffsetCommitRequest.OffsetCommitRequestPartition
    partitions = [part(partition_index=index) for index in range(ELEMENTS)]
    return messages.OffsetCommitRequest(group_id="g", topics=[topic(name="t", partitions=partitions)])


def one_offset_often() -> Any:
    """A commit for one partition, again and again."""
    topic, part = messages.OffsetCommitRequest.OffsetCommitRequestTopic, messages.OffsetCommitRequest.OffsetCommitRequestPartition
    return messages.OffsetCommitRequest(group_id="g", topics=[topic(name="t", partitions=[part(partition_index=0)] * ELEMENTS)])


def many_partitions() -> Any:
    """A fetch of partitions of which there is one."""
    topic, part = messages.FetchRequest.FetchTopic, messages.FetchRequest.FetchPartition
    partitions = [part(partition=index, fetch_offset=0, partition_max_bytes=1000) for index in range(ELEMENTS)]
    return messages.FetchRequest(max_wait_ms=10, min_bytes=1, topics=[topic(topic="t", partitions=partitions)])


def many_batches() -> Any:
    """A batch for each of many partitions of which there is one."""
    topic, part = messages.ProduceRequest.TopicProduceData, messages.ProduceRequest.PartitionProduceData
    batch = build_batch([(b"k", b"v", 1)])
    data = [part(index=index, records=batch) for index in range(ELEMENTS)]
    return messages.ProduceRequest(acks=1, timeout_ms=1000, topic_data=[topic(name="t", partition_data=data)])


def names() -> list[str]:
    """Many names."""
    return [f"name-{number}" for number in range(ELEMENTS)]


def many_topics() -> Any:
    """Metadata of topics that are not there."""
    topic = messages.MetadataRequest.MetadataRequestTopic
    return messages.MetadataRequest(topics=[topic(name=name) for name in names()], allow_auto_topic_creation=False)


def many_deletions() -> Any:
    """A deletion of topics that are not there."""
    return messages.DeleteTopicsRequest(topic_names=names(), timeout_ms=1000)


def many_changes() -> Any:
    """New settings for topics that are not there."""
    resource = messages.IncrementalAlterConfigsRequest.AlterConfigsResource
    return messages.IncrementalAlterConfigsRequest(resources=[resource(resource_type=2, resource_name=name) for name in names()])


def many_additions() -> Any:
    """Partitions for a transaction, of which there is one."""
    topic = messages.AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="t", partitions=list(range(ELEMENTS)))
    return messages.AddPartitionsToTxnRequest(v3_and_below_transactional_id="t", v3_and_below_topics=[topic])


def many_markers() -> Any:
    """A marker for one partition, again and again, each by another producer."""
    topic = messages.WriteTxnMarkersRequest.WritableTxnMarkerTopic(name="t", partition_indexes=[0])
    marker = messages.WriteTxnMarkersRequest.WritableTxnMarker
    return messages.WriteTxnMarkersRequest(markers=[marker(producer_id=number, topics=[topic]) for number in range(ELEMENTS // 10)])


def one_transactional_offset_often() -> Any:
    """A commit for one partition, again and again, by a producer that nobody knows."""
    topic, part = (
        messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic,
        messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition,
    )
    topics = [topic(name="t", partitions=[part(partition_index=0)] * ELEMENTS)]
    return messages.TxnOffsetCommitRequest(transactional_id="t", group_id="g", topics=topics)


REQUESTS = {
    "OffsetCommit of many partitions": (many_offsets, 9),
    "OffsetCommit of one partition": (one_offset_often, 9),
    "Produce": (many_batches, 9),
    "Fetch": (many_partitions, 12),
    "DescribeGroups": (lambda: messages.DescribeGroupsRequest(groups=names()), 5),
    "DeleteGroups": (lambda: messages.DeleteGroupsRequest(groups_names=names()), 2),
    "FindCoordinator": (lambda: messages.FindCoordinatorRequest(coordinator_keys=names()), 4),
    "Metadata": (many_topics, 12),
    "DeleteTopics": (many_deletions, 5),
    "IncrementalAlterConfigs": (many_changes, 1),
    "AddPartitionsToTxn": (many_additions, 3),
    "TxnOffsetCommit": (one_transactional_offset_often, 5),
    "WriteTxnMarkers": (many_markers, 1),
    "DescribeTransactions": (lambda: messages.DescribeTransactionsRequest(transactional_ids=names()[: ELEMENTS // 4]), 0),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Where a broker of its own process listens, with a topic of one partition."""
    ready_file = tmp_path_factory.mktemp("broker") / "ready"
    words = ["--memory", "--listen", "127.0.0.1:0", "--topic", "t:1", "--ready-file", str(ready_file)]
    environment = {**os.environ, "PYTHONPATH": str(Path(pybroker.__file__).parent.parent)}
    with subprocess.Popen([sys.executable, "-m", "pybroker", *words], stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "is ready" in line:
                break
        host, port = ready_file.read_text().strip().split(":")
        yield host, int(port)
        child.terminate()
        child.stderr.read()


def longest_answer_s(address: tuple[str, int], long_request: bytes, short_request: bytes) -> float:
    """The longest time that a short request took while a long one was served on another connection."""
    sizes: list[int] = []

    def ask_long() -> None:
        with connected(address) as connection:
            sizes.append(ask(connection, long_request))

    times = asked_while(address, ask_long, short_request)
    assert sizes[0] > ELEMENTS
    return longest(times)


def asked_while(address: tuple[str, int], work: Callable[[], None], short_request: bytes) -> list[tuple[float, float]]:
    """When a short request was sent, and when it was answered, again and again while others were at work."""
    times = []
    with connected(address) as connection:
        ask(connection, short_request)
        working = threading.Thread(target=work)
        working.start()
        while working.is_alive():
            begin = time.perf_counter()
            ask(connection, short_request)
            times.append((begin, time.perf_counter()))
        working.join()
    return times


def longest(times: list[tuple[float, float]]) -> float:
    """The longest of some stretches of time."""
    return max((end - begin for begin, end in times), default=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_others_are_answered_meanwhile(address: tuple[str, int], name: str) -> None:
    """While a request of a hundred thousand elements is served, another client's Metadata is answered within half a second.

    The better of two: a machine that stands still for a moment does so once.
    """
    make, version = REQUESTS[name]
    long_request, short_request = framed(make(), version), framed(messages.MetadataRequest(topics=[]), 12)
    longest_s = longest_answer_s(address, long_request, short_request)
    if longest_s >= BOUND_S:
        longest_s = longest_answer_s(address, long_request, short_request)
    assert longest_s < BOUND_S


def begun(connection: socket.socket, transactional_id: str) -> Any:
    """A producer of a transaction; the topic of many partitions is there."""
    topic = messages.CreateTopicsRequest.CreatableTopic(name="many", num_partitions=PARTITIONS, replication_factor=1)
    told(connection, messages.CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        begin = messages.InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=60_000)
        answer = told(connection, begin, 4)
        if not answer.error_code:
            return answer
    raise TimeoutError(f"no producer id: error {answer.error_code}")


def end_of(connection: socket.socket, transactional_id: str, producer: Any, ended: list[tuple[float, float]]) -> None:
    """End a transaction, wait until it is complete, and note from when to when that was."""
    end = messages.EndTxnRequest(
        transactional_id=transactional_id, producer_id=producer.producer_id, producer_epoch=producer.producer_epoch, committed=True
    )
    begin = time.perf_counter()
    assert told(connection, end, 4).error_code == 0
    describe = messages.DescribeTransactionsRequest(transactional_ids=[transactional_id])
    while told(connection, describe, 0).transaction_states[0].transaction_state != "CompleteCommit":
        assert time.perf_counter() < begin + LIMIT_S
    ended.append((begin, time.perf_counter()))


def transaction_of_many(connection: socket.socket, transactional_id: str) -> tuple[Any, bytes]:
    """A producer, and a batch of its transaction for each of many partitions of which some thousand are there."""
    producer = begun(connection, transactional_id)
    topic, part = messages.ProduceRequest.TopicProduceData, messages.ProduceRequest.PartitionProduceData
    batch = build_batch(
        [(b"k", b"v", 1)], producer_id=producer.producer_id, producer_epoch=producer.producer_epoch, base_sequence=0, transactional=True
    )
    topics = [topic(name="many", partition_data=[part(index=index, records=batch) for index in range(ELEMENTS)])]
    request = messages.ProduceRequest(acks=1, timeout_ms=1000, transactional_id=transactional_id, topic_data=topics)
    return producer, framed(request, 12)


def large_transaction(address: tuple[str, int], transactional_id: str) -> tuple[float, float, int]:
    """The longest that others wait while it is written, and while it ends; and how often they are answered while it ends."""
    short_request = framed(messages.MetadataRequest(topics=[]), 12)
    ended: list[tuple[float, float]] = []
    with connected(address) as connection:
        producer, request = transaction_of_many(connection, transactional_id)
        produce_s = longest_answer_s(address, request, short_request)
        times = asked_while(address, partial(end_of, connection, transactional_id, producer, ended), short_request)
    [(begin, complete)] = ended
    return produce_s, longest(times), sum(begin <= sent and answered <= complete for sent, answered in times)


@pytest.mark.slow
def test_others_are_answered_during_a_large_transaction(address: tuple[str, int]) -> None:
    """While a transaction writes to thousands of partitions with one request; and often while it ends there.

    One of four does so: a machine that others use stands still now and then. Without turns none does.
    """
    tries = []
    for number in range(4):
        produce_s, end_s, turns = large_transaction(address, f"id {number}")
        tries.append((produce_s, end_s, turns))
        if produce_s < BOUND_S and end_s < BOUND_S and turns >= TURNS:
            return
    raise AssertionError(tries)
