"""The short way through Produce: one batch to one partition, the shape of nearly every small request.

Theory of operation. All that stands before the batch (client id, acks, timeout, topic, partition) is the same bytes in each request of a
producer to a partition. So a request is not decoded: those bytes are looked up, and what they mean was found out by the codec when they
came first. What follows them is the batch up to the end of the message, but for the empty tagged fields of flexible versions. The answer is
the same bytes too, but for the correlation id and three numbers; it was encoded once, with other numbers in their place.

Rules
- Where the batch begins is a guess: at the first eight zero bytes, the base offset that clients send. A wrong guess finds nothing.
- A known beginning is known for sure: the codec read these bytes, and what it read, written again, gave the same request.
- Layouts come from the codec too (`_request_layout`, `_answer_layout`): versions are data here as everywhere.
- Whatever is unusual is left to the handler, and nothing has been changed by then: an error, acks 0, a flush policy that makes the answer
  wait, another number of topics, partitions or batches. One thing may have been: the partition is in the producer's transaction, which
  is what the handler does first, too, and not twice.
- What is known is forgotten with each change of the metadata. A partition that fails or goes away refuses by itself.
- The client's principal is no part of what is looked up: it must be as soon as a topic may be written by one and not by another.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

from pybroker.handlers.context import CloseConnection, RequestContext
from pybroker.records.batch import ATTRIBUTES_AT, HEADER_SIZE, TRANSACTIONAL_BIT
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.state import BrokerState
from pybroker.wire.apis import find_api
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.errors import KafkaError, WireError
from pybroker.wire.headers import parse_request_header, response_header
from pybroker.wire.messages import ProduceRequest, ProduceResponse

FindWritable = Callable[[RequestContext, ProduceRequest, Any, Any], LivePartition]

# Producers times the partitions they write to. An entry is about 0.5 KiB, so this bounds what is kept to some MiB.
_KEPT_REQUESTS = 4096
_KEPT_BEGINNING_BYTES = 1024

# In a message: size, api key and version, correlation id, then what is looked up.
_SIZE_BYTES = 4
_CORRELATION_ID_AT = 8
_BEGINNING_AT = 12
_FIRST_OFFSET = bytes(8)

_API_KEY = find_api("Produce").key
_pack_int32 = Struct(">i").pack
_unpack_int32 = Struct(">i").unpack_from
_pack_numbers = Struct(">qqq").pack  # base offset, log append time, log start offset: neighbours in every version, the last since 5
_SENTINELS = (0x1011121314151617, 0x2021222324252627, 0x3031323334353637)


class _Known(NamedTuple):
    """What a beginning means: the partition, and the answer without its numbers. `size` is the answer's, as it stands before it.

    `may_write`: whether the transactional batch at a place in a message may be written; None if there is no transactional id.
    """

    live: LivePartition
    size: bytes
    before: bytes
    after: bytes
    may_write: Callable[[bytes, int], bool] | None


class ProduceOne:
    """Answers requests of one version. `find_writable` says, with KafkaError, who may not write."""

    __slots__ = ("_compact", "_find_writable", "_known", "_metadata_version", "_numbers_bytes", "_state", "_tail", "_version")

    def __init__(self, state: BrokerState, version: int, find_writable: FindWritable) -> None:
        self._state = state
        self._version = version
        self._find_writable = find_writable
        self._known: dict[bytes, _Known | None] = {}
        self._metadata_version = state.cluster.version
        self._compact, self._tail = _request_layout(version)
        self._numbers_bytes = len(_answer_layout(version, ProduceResponse.TopicProduceResponse(), 0)[1])

    def answer(self, context: RequestContext, message: bytes) -> bytes | None:
        """The whole answer to a whole request, each with its size; None if the handler is to be asked, and nothing has been done."""
        at = message.find(_FIRST_OFFSET, _BEGINNING_AT)
        end = len(message) - len(self._tail)
        if at < 0 or end - at <= HEADER_SIZE or not message.endswith(self._tail):
            return None
        beginning = message[_BEGINNING_AT : self._length_at(message, at, end - at)]
        if self._metadata_version != self._state.cluster.version:
            self._forget()
        known = self._known.get(beginning)
        if known is None:
            known = self._learn(context, message, beginning, at)
            if known is None:
                return None
        live, size, before, after, may_write = known
        if not live.commits_at_once:
            return None
        if message[at + ATTRIBUTES_AT + 1] & TRANSACTIONAL_BIT and (may_write is None or not may_write(message, at)):
            return None
        try:
            base_offset, _, time = live.append_produced(memoryview(bytearray(message[at:end])), self._version, self._state.clock.now_ms())
        except KafkaError:
            return None  # nothing was written, and the handler meets the same error again
        numbers = _pack_numbers(base_offset, time, live.state.log_start_offset)[: self._numbers_bytes]
        return b"".join((size, message[_CORRELATION_ID_AT:_BEGINNING_AT], before, numbers, after))

    def _length_at(self, message: bytes, at: int, size: int) -> int:
        """Where the length of records begins that are `size` bytes from `at` on; 0 if there is another length."""
        if not self._compact:
            return at - 4 if _unpack_int32(message, at - 4)[0] == size else 0
        size += 1
        if size < 1 << 7:
            return at - 1 if message[at - 1] == size else 0
        if size < 1 << 14:
            return at - 2 if message[at - 2] == size & 0x7F | 0x80 and message[at - 1] == size >> 7 else 0
        return at - 3 if message[at - 3 : at] == bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14)) else 0

    def _forget(self) -> None:
        self._known.clear()
        self._metadata_version = self._state.cluster.version

    def _learn(self, context: RequestContext, message: bytes, beginning: bytes, at: int) -> _Known | None:
        """Find out what a beginning means. One that cannot be served here is remembered as such."""
        if beginning in self._known or not 0 < len(beginning) <= _KEPT_BEGINNING_BYTES:
            return None
        if len(self._known) >= _KEPT_REQUESTS:
            self._forget()
        known = self._known[beginning] = self._read(context, message, at)
        return known

    def _read(self, context: RequestContext, message: bytes, at: int) -> _Known | None:
        """What the codec and the handler's rules make of a request whose batch begins at `at`."""
        try:
            header, body_at = parse_request_header(message, _SIZE_BYTES)
            request, end = decode(ProduceRequest, self._version, message, body_at)
            parts = encode_parts(request, self._version)
            if end != len(message) or b"".join(parts) != message[body_at:] or len(parts[0]) != at - body_at:
                return None
            topic, one = _only_partition(request)
            context.client_id, context.api_version = header.client_id, self._version
            live = self._find_writable(context, request, topic, one)
        except (WireError, KafkaError, CloseConnection, ValueError):
            return None
        answer = ProduceResponse.TopicProduceResponse(name=topic.name, topic_id=topic.topic_id)
        before, numbers, after = _answer_layout(self._version, answer, one.index)
        size = _pack_int32(4 + len(before) + len(numbers) + len(after))
        return _Known(live, size, before, after, self._transaction(request.transactional_id, live))

    def _transaction(self, transactional_id: str | None, live: LivePartition) -> Callable[[bytes, int], bool] | None:
        if transactional_id is None:
            return None
        # Imported here: who has no transactions starts without them.
        from pybroker.handlers.transactional_produce import admission_now

        return admission_now(self._state, self._version, transactional_id, live)


def _only_partition(request: ProduceRequest) -> tuple[Any, Any]:
    """The topic and the one partition of it that a request names. Raises ValueError if it is of another kind."""
    (topic,) = request.topic_data
    (one,) = topic.partition_data
    if request.acks == 0:
        raise ValueError("no answer is asked for")
    return topic, one


def _request_layout(version: int) -> tuple[bool, bytes]:
    """Whether the length of records is a compact one, and what follows the records."""
    one = ProduceRequest.PartitionProduceData(records=bytes(2))
    request = ProduceRequest(topic_data=[ProduceRequest.TopicProduceData(partition_data=[one])])
    before, _, *after = encode_parts(request, version)
    return bytes(before)[-1] == 3, b"".join(after)


def _answer_layout(version: int, topic: Any, partition: int) -> tuple[bytes, bytes, bytes]:
    """The answer from what follows its correlation id on: what stands before the numbers, the numbers, what stands after."""
    base_offset, time, log_start_offset = _SENTINELS
    one = ProduceResponse.PartitionProduceResponse(
        index=partition, base_offset=base_offset, log_append_time_ms=time, log_start_offset=log_start_offset
    )
    topic.partition_responses = [one]
    answer = response_header(_API_KEY, version, 0)[4:] + encode(ProduceResponse(responses=[topic]), version)
    packed = _pack_numbers(*_SENTINELS)
    for numbers in (packed, packed[:16]):
        before, found, after = answer.partition(numbers)
        if found:
            return before, numbers, after
    raise ValueError(f"Produce v{version} does not answer with base offset and log append time side by side")
