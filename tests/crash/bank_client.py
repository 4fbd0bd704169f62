"""A blocking client for the bank's workers and readers: it finds the broker wherever that was started last, and asks until it answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybroker.records.batch import iter_batches
from pybroker.records.control import ControlType, control_type
from pybroker.records.record import iter_records
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import FetchRequest, FindCoordinatorRequest, OffsetFetchRequest, message_class

GROUP = "bank"
PAUSE_S = 0.01  # before asking again: the broker is another process, so no event of ours can tell
ANSWER_LIMIT_S = 30
STABLE_WITHIN_S = 20
PASSING = {
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.UNSTABLE_OFFSET_COMMIT,
}
# The last: who would commit what a successor has made the broker abort looks like one that repeats its EndTxn (KIP-890).
FENCED = {ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_TXN_STATE}

Ask = Callable[[Any, int], Any]


class Fenced(Exception):
    """Another producer has the transactional id."""


class Connection:
    """One connection to the broker whose ready file says where it is. Raises OSError when the broker goes away."""

    def __init__(self, ready_file: Path) -> None:
        self._socket = connect(ready_file)
        self._socket.settimeout(ANSWER_LIMIT_S)
        self._stream = self._socket.makefile("rb")
        self._correlation_id = 0

    def send(self, request: Any, version: int) -> None:
        self._correlation_id += 1
        self._socket.sendall(frame(request_header(request.API_KEY, version, self._correlation_id, "bank") + encode(request, version)))

    def receive(self, request: Any, version: int) -> Any:
        payload = self._read(int.from_bytes(self._read(4), "big"))
        answer = message_class(type(request).__name__.removesuffix("Request") + "Response")
        assert int.from_bytes(payload[:4], "big") == self._correlation_id
        return decode(answer, version, payload, response_header_size(answer.API_KEY, version))[0]

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionResetError
        return data

    def ask(self, request: Any, version: int) -> Any:
        self.send(request, version)
        return self.receive(request, version)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def connect(ready_file: Path) -> socket.socket:
    """A connection to the broker as soon as there is one."""
    while True:
        try:
            host, _, port = ready_file.read_text().strip().rpartition(":")
            return socket.create_connection((host, int(port)), timeout=ANSWER_LIMIT_S)
        except (OSError, ValueError):
            time.sleep(PAUSE_S)


def partitions_in(answer: Any) -> list[Any]:
    """Every part of an answer that has an error of its own."""
    if hasattr(answer, "results_by_topic_v3_and_below") and answer.results_by_topic_v3_and_below:
        return [each for topic in answer.results_by_topic_v3_and_below for each in topic.results_by_partition]
    if hasattr(answer, "responses"):
        return [each for topic in answer.responses for each in topic.partition_responses]
    if hasattr(answer, "topics"):
        return [each for topic in answer.topics for each in getattr(topic, "partitions", [topic])]
    return []


def errors_in(answer: Any) -> set[ErrorCode]:
    """All errors that an answer has anywhere."""
    codes = {getattr(answer, "error_code", 0)}
    codes |= {getattr(each, "error_code", 0) or getattr(each, "partition_error_code", 0) for each in partitions_in(answer)}
    return {ErrorCode(code) for code in codes if code}


def patiently(ask: Ask, request: Any, version: int) -> Any:
    """The answer, once it has no error that passes by itself; any other error fails, or tells that the producer is fenced.

    A batch that is sent again with others that were refused is known to the broker by its sequence.
    """
    while True:
        answer = ask(request, version)
        errors = errors_in(answer)
        if errors & FENCED:
            raise Fenced
        assert errors <= PASSING, f"{type(answer).__name__}: {sorted(error.name for error in errors)}"
        if not errors:
            return answer
        time.sleep(PAUSE_S)


def find_coordinators(ask: Ask, transactional_id: str) -> None:
    """Waits until the transactional id and the group have theirs."""
    for key_type, key in ((1, transactional_id), (0, GROUP)):
        while ask(FindCoordinatorRequest(key_type=key_type, coordinator_keys=[key]), 4).coordinators[0].error_code:
            time.sleep(PAUSE_S)


def committed_offset(ask: Ask, partition: int) -> int:
    """The group's offset in a partition of the orders, when no transaction is about to change it."""
    topic = OffsetFetchRequest.OffsetFetchRequestTopic(name="orders", partition_indexes=[partition])
    answer = patiently(ask, OffsetFetchRequest(group_id=GROUP, topics=[topic], require_stable=True), 7)
    return max(0, answer.topics[0].partitions[0].committed_offset)


def wait_until_stable(ask: Ask, partition: int) -> None:
    """Until no transaction is open in a partition of the books. Who hears that a transaction has ended may be before its markers."""
    until = time.monotonic() + STABLE_WITHIN_S
    while (data := fetch(ask, "books", partition, 0, committed=True)).last_stable_offset < data.high_watermark:
        assert time.monotonic() < until, f"books-{partition} has a transaction that never ends"
        time.sleep(PAUSE_S)


def fetch(ask: Ask, topic: str, partition: int, offset: int, *, committed: bool, max_bytes: int = 1 << 20) -> Any:
    """What a partition answers to one fetch."""
    wanted = FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=max_bytes)
    topics = [FetchRequest.FetchTopic(topic=topic, partitions=[wanted])]
    answer = ask(FetchRequest(max_wait_ms=0, min_bytes=0, isolation_level=int(committed), topics=topics), 11)
    data = answer.responses[0].partitions[0]
    assert data.error_code == 0, ErrorCode(data.error_code).name
    return data


def values_of(data: Any, *, committed: bool) -> list[tuple[int, bytes]]:
    """(offset, value) of the records a consumer would hand out."""
    aborted = sorted(((each.first_offset, each.producer_id) for each in data.aborted_transactions or ()), reverse=True) if committed else []
    skipped: set[int] = set()
    found = []
    for at, header in iter_batches(data.records):
        while aborted and aborted[-1][0] <= header.base_offset + header.last_offset_delta:
            skipped.add(aborted.pop()[1])
        records = iter_records(data.records, at)
        if header.is_control:
            if control_type(next(iter(records)).key) == ControlType.ABORT:
                skipped.discard(header.producer_id)
        elif header.producer_id not in skipped:
            found += [(record.offset, bytes(record.value or b"")) for record in records]
    return found
