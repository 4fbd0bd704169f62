"""The short way through Produce: it answers and writes as the handler does, to the byte, or leaves the request to it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.decision import Decision
from pybroker.core.transactions.shard import TransactionShard
from pybroker.core.transactions.transaction import Holder
from pybroker.handlers.context import CloseConnection
from pybroker.records.builder import build_batch
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.transactions import FEATURE, TransactionCoordinator
from pybroker.server.dispatch import Dispatcher
from pybroker.storage.errors import StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import encode
from pybroker.wire.errors import ErrorCode, WireError
from pybroker.wire.headers import request_header
from pybroker.wire.messages import ProduceRequest
from pybroker.wire.stored import TRANSACTION_STATE

NOW_MS = 1_700_000_000_000
API_KEY = 0
VERSIONS = range(3, 14)

CONFIGS = {
    "plain": {},
    "stamped": {"message.timestamp.type": "LogAppendTime"},
    "compacted": {"cleanup.policy": "compact"},
    "lz4": {"compression.type": "lz4"},
    "small": {"max.message.bytes": "150"},
    "flushed": {"flush.messages": "1"},
    "slowly-flushed": {"flush.messages": "5"},
    "fresh": {"message.timestamp.before.max.ms": "5", "message.timestamp.after.max.ms": "5"},
    "__consumer_offsets": {},
}
TRANSACTIONAL = 1001
"""The producer id of the one that has the transactional id `t`."""
ID_OF = {name: bytes([at + 1]) * 16 for at, name in enumerate(CONFIGS)}


class StillClock:
    """It is always the same time."""

    def now_ms(self) -> int:
        return NOW_MS

    async def sleep_until_ms(self, deadline_ms: int) -> None:
        raise AssertionError("nobody sleeps here")


class Desk:
    """A dispatcher over partitions in memory. `quickly`: with the short way."""

    def __init__(self, quickly: bool) -> None:
        self.room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)), clock=StillClock())
        for name, configs in CONFIGS.items():
            self.room.create_topic(name, partitions=2, configs=configs, topic_id=ID_OF[name])
        self.transactions = self.room.state.transactions = self._coordinator()
        self.producer_id = self.decide(lambda shard, now_ms, call: shard.init_producer_id(now_ms, call, "t", 1000, None)).producer_id
        self.dispatcher = Dispatcher(self.room.state)
        self.context = self.room.context(0)
        self.quickly = quickly

    def _coordinator(self) -> TransactionCoordinator:
        room, nobody = self.room, cast(Any, SimpleNamespace(start_soon=lambda *_, **__: None))
        room.cluster.features[FEATURE] = 2
        room.create_topic(TRANSACTION_STATE, 1)
        controller: Any = SimpleNamespace(listeners=[], allocate_producer_id=room.state.controller.allocate_producer_id)
        coordinator = TransactionCoordinator(
            clock=room.clock,
            settings=room.settings,
            cluster=room.cluster,
            controller=controller,
            partitions=room.partitions,
            groups=nobody,
        )
        coordinator.start(nobody)
        return coordinator

    def decide(self, decide: Callable[[TransactionShard, int, int], Decision]) -> Any:
        """The coordinator's answer for the transactional id `t`."""
        try:
            self.transactions.ask("t", decide).send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("nobody waits here")

    def end(self, producer_epoch: int, committed: bool) -> ErrorCode:
        """End the transaction by version 2, which bumps the epoch."""
        holder = Holder(self.producer_id, producer_epoch)
        options = {"committed": committed, "client_transaction_version": 2}
        return self.decide(lambda shard, now_ms, call: shard.end(now_ms, call, "t", holder, **options)).error_code

    def ask(self, message: bytes) -> bytes | str | None:
        """The answer with its size, or how the connection ends."""
        try:
            answer = self.dispatcher.serve_quickly(self.context, message) if self.quickly else None
            return self.ask_handler(message) if answer is None else answer
        except (CloseConnection, WireError) as error:
            return f"{type(error).__name__}: {error}"

    def ask_handler(self, message: bytes) -> bytes | None:
        """The answer without the short way, None if it waits; the first request of a version makes the short way known."""
        out: list[Any] = []
        serving = self.dispatcher.serve(self.context, bytearray(message[4:]), out)
        try:
            serving.send(None)
        except StopIteration:
            return b"".join(out)
        serving.close()
        return None

    def log_of(self, topic: str, partition: int) -> tuple[Any, ...]:
        """All that a partition holds and knows."""
        live = self.room.partition(topic, partition)
        records = live.read(live.log_start_offset, 1 << 20, 0, True)
        producers = [(one.producer_id, one.producer_epoch, one.batches, one.last_timestamp) for one in live.state.producers]
        return live.log_start_offset, live.high_watermark, live.log_end_offset, b"" if records is None else records.read(), producers


def message_of(version: int, *named: tuple[str, int, Any], client_id: str | None = "client", **fields: Any) -> bytes:
    """A whole request: for each (topic, partition) some records."""
    topics = [
        ProduceRequest.TopicProduceData(
            name=topic,
            topic_id=ID_OF.get(topic, b"?" * 16),
            partition_data=[ProduceRequest.PartitionProduceData(index=index, records=records)],
        )
        for topic, index, records in named
    ]
    body = encode(ProduceRequest(**{"acks": -1, "timeout_ms": 1000} | fields, topic_data=topics), version)
    request = request_header(API_KEY, version, Random(len(body)).getrandbits(31), client_id) + body
    return len(request).to_bytes(4, "big") + request


def batch(records: int = 1, size: int = 10, time: int = NOW_MS, **options: Any) -> bytes:
    """Some records of one time."""
    return build_batch([(b"k", b"v" * size, time)] * records, **options)


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    """Mostly what clients send."""
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options = {"producer_id": draw(st.sampled_from([1, TRANSACTIONAL])), "producer_epoch": draw(st.sampled_from([0, 0, 0, 1]))}
        options["base_sequence"] = draw(st.integers(0, 4))
    options["codec"] = draw(st.sampled_from([0, 0, 0, 3]))
    options["transactional"] = draw(st.sampled_from([False] * 3 + [True]))
    size = draw(st.sampled_from([0, 30, 54, 55, 56, 57, 58, 120, 188, 189, 190, 445, 16_310, 16_320, 16_330]))
    records = draw(st.sampled_from([1, 1, 1, 2, 9])) if size < 1000 else 1
    made = batch(records, size, NOW_MS + draw(st.sampled_from([0, 0, 0, -10, 10, 4_000_000])), **options)
    return draw(st.sampled_from([made] * 12 + [made[:-1], made + b"stray", made + made, made[:20] + b"!" + made[21:], b"", made[:70]]))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Mostly one batch to one partition, mostly in one piece."""
    version = draw(st.sampled_from([3, 8, 9, 11, 13]))
    topics = st.sampled_from(["plain", "plain", "plain", *CONFIGS, "nowhere"])
    named = [(draw(topics), draw(st.sampled_from([0, 0, 1, 2])), draw(batches())) for _ in range(draw(st.sampled_from([1, 1, 1, 1, 0, 2])))]
    fields = {
        "acks": draw(st.sampled_from([-1, -1, -1, -1, 1, 1, 0, 2])),
        "transactional_id": draw(st.sampled_from([None] * 3 + ["t"])),
        "timeout_ms": draw(st.sampled_from([0, 1000])),
    }
    message = message_of(version, *named, client_id=draw(st.sampled_from(["client", "", None, "\0" * 9])), **fields)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(8, len(message) - 1))
        message = message[:at] + bytes([draw(st.integers(0, 255))]) + message[at + 1 :]
    return message


@settings(derandomize=True, deadline=None, max_examples=10)
@given(st.lists(messages(), min_size=4, max_size=12))
def test_both_ways_are_one(sent: list[bytes]) -> None:
    """The same requests get the same answers and leave the same logs, with the short way and without it."""
    compare(sent)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(messages(), min_size=1, max_size=20), st.booleans())
def test_both_ways_are_one_at_length(sent: list[bytes], again: bool) -> None:
    """The same with many more requests."""
    compare(sent + sent * again)


def compare(sent: list[bytes]) -> None:
    """Ask two brokers the same."""
    short, long = Desk(True), Desk(False)
    for version in (3, 8, 9, 11, 13):
        for desk in (short, long):
            desk.ask_handler(message_of(version, ("plain", 0, batch())))
    for message in sent:
        assert short.ask(message) == long.ask(message)
    for topic in CONFIGS:
        for partition in range(2):
            assert short.log_of(topic, partition) == long.log_of(topic, partition)


def quick(desk: Desk, message: bytes) -> bytes | None:
    """The answer of the short way alone."""
    return desk.dispatcher.serve_quickly(desk.context, message)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 50, 200, 17_000])
def test_plain_requests_take_the_short_way(version: int, size: int) -> None:
    """In every version and with every width of the length before the records."""
    desk = Desk(True)
    desk.ask_handler(message_of(version, ("plain", 0, batch())))
    for sequence in range(3):
        records = batch(size=size, producer_id=9, producer_epoch=0, base_sequence=sequence)
        assert quick(desk, message_of(version, ("plain", 1, records))) is not None
    assert desk.room.partition("plain", 1).log_end_offset == 3


def test_the_answer_tells_where_the_log_begins() -> None:
    """As it is now, not as it was when the request came first."""
    short, long = Desk(True), Desk(False)
    message = message_of(9, ("plain", 0, batch()))
    for desk in (short, long):
        desk.ask_handler(message)
        desk.ask(message)
        desk.room.partition("plain").delete_records(-1)
    assert quick(short, message) == long.ask(message)


@pytest.mark.parametrize(("version", "size", "width"), [(8, 1, 4), (9, 1, 1), (9, 200, 2), (9, 17_000, 3)])
def test_a_wrong_length_is_left_to_the_handler(version: int, size: int, width: int) -> None:
    """Whether it is the batch's own, or that before it, in any of its bytes."""
    desk = Desk(True)
    message = message_of(version, ("plain", 0, batch(size=size)))
    desk.ask_handler(message)
    assert quick(desk, message) is not None
    begin = message.index(bytes(8), 20)
    for at in [*range(begin - width, begin), *range(begin + 8, begin + 12)]:
        assert quick(desk, message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]) is None


@pytest.mark.parametrize("at", [-1, -2, -3])
def test_tagged_fields_are_left_to_the_handler(at: int) -> None:
    """Those after the records, of the partition, the topic or the request, whole or torn, the beginning known or not."""
    desk = Desk(True)
    message = message_of(9, ("plain", 0, batch()))
    tagged = message[: len(message) + at] + b"\1\7\1x" + bytes(-at - 1)
    desk.ask_handler(message)
    torn = message[:at] + b"\1" + bytes(-at - 1)
    assert quick(desk, tagged) is None
    assert quick(desk, message) is not None
    assert quick(desk, tagged) is None
    assert quick(desk, torn) is None


@pytest.mark.parametrize("version", [11, 12, 13])
def test_transactions_take_the_short_way(version: int) -> None:
    """From the second one on; the answers and all logs are those of the handler, also when the producer is not, or no more, the one."""
    short, long = Desk(True), Desk(False)
    for epoch in range(4):
        for desk in (short, long) if version < 12 else ():
            desk.decide(_adding(desk, epoch))
        for sequence in range(2):
            mine = {"producer_id": TRANSACTIONAL, "producer_epoch": epoch, "base_sequence": sequence, "transactional": True}
            message = message_of(version, ("plain", 0, batch(**mine)), transactional_id="t")
            answer = long.ask(message)
            assert (quick(short, message) or short.ask_handler(message)) == answer if epoch == 0 else quick(short, message) == answer
            for zombie in ({"producer_epoch": epoch - 1}, {"producer_id": 7}, {"base_sequence": 9}):
                message = message_of(version, ("plain", 0, batch(**mine | zombie)), transactional_id="t")
                assert short.ask(message) == long.ask(message)
        assert short.end(epoch, committed=epoch != 1) == long.end(epoch, committed=epoch != 1) == ErrorCode.NONE
    for topic in ("plain", TRANSACTION_STATE):
        assert short.log_of(topic, 0) == long.log_of(topic, 0)
    assert short.room.partition(TRANSACTION_STATE).log_end_offset == 1 + 4 * 3


def _adding(desk: Desk, epoch: int) -> Callable[[TransactionShard, int, int], Decision]:
    holder, plain = Holder(desk.producer_id, epoch), frozenset({("plain", 0)})
    return lambda shard, now_ms, call: shard.add_partitions(now_ms, call, "t", holder, plain, 0)


@pytest.mark.parametrize("flushed", ["plain", TRANSACTION_STATE])
def test_a_transaction_that_has_to_wait_is_left_to_the_handler(flushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the disk, under its own partition or the coordinator's; the partition is added once."""
    monkeypatch.setattr(Flusher, "ask", lambda self, partition: None)
    desk = Desk(True)
    mine = {"producer_id": TRANSACTIONAL, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    message = message_of(13, ("plain", 0, batch(**mine)), transactional_id="t")
    desk.ask_handler(message_of(13, ("plain", 0, batch()), transactional_id="t"))
    desk.room.configure(flushed, {"flush.messages": "1"})
    written = desk.room.partition("plain").log_end_offset
    assert quick(desk, message) is None
    assert quick(desk, message) is None
    assert desk.room.partition("plain").log_end_offset == written
    assert desk.room.partition(TRANSACTION_STATE).log_end_offset <= 2


@pytest.mark.parametrize("topic", ["flushed", "slowly-flushed", "__consumer_offsets", "nowhere"])
def test_what_may_wait_or_fail_is_left_to_the_handler(topic: str) -> None:
    """Before anything is written."""
    desk = Desk(True)
    desk.ask_handler(message_of(9, ("plain", 0, batch())))
    for _ in range(2):
        assert quick(desk, message_of(9, (topic, 0, batch()))) is None
    assert topic == "nowhere" or desk.room.partition(topic).log_end_offset == 0


def test_a_new_flush_policy_counts_at_once() -> None:
    """For a producer that is known too."""
    desk = Desk(True)
    message = message_of(9, ("plain", 0, batch()))
    desk.ask_handler(message)
    assert quick(desk, message) is not None
    desk.room.configure("plain", {"flush.messages": "1"})
    assert quick(desk, message) is None


def test_a_deleted_topic_is_not_written() -> None:
    """Nor is the one before it, when a topic of that name is made again."""
    desk = Desk(True)
    message = message_of(9, ("plain", 0, batch()))
    desk.ask_handler(message)
    assert quick(desk, message) is not None
    desk.room.delete_topic("plain")
    assert quick(desk, message) is None
    desk.room.create_topic("plain")
    desk.room.cluster.version += 1
    assert quick(desk, message) is not None
    assert desk.room.partition("plain").log_end_offset == 1


def test_a_failed_log_is_the_handlers_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """KAFKA_STORAGE_ERROR, for the request that met it and for those after it."""
    desk = Desk(True)
    message = message_of(9, ("plain", 0, batch()))
    desk.ask_handler(message)
    live = desk.room.partition("plain")

    def fail(*_: Any) -> None:
        raise StorageError("gone")

    monkeypatch.setattr(live, "log", type("Failing", (), {"append": fail, "active_base_offset": 0})())
    for _ in range(2):
        answer = desk.ask(message)
        assert isinstance(answer, bytes)
        assert (56).to_bytes(2, "big") in answer


def test_a_bug_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written by then is not known, so the handler must not try again."""
    desk = Desk(True)
    message = message_of(9, ("plain", 0, batch()))
    desk.ask_handler(message)
    monkeypatch.setattr(desk.room.partition("plain"), "log", None)
    assert desk.ask(message) == "CloseConnection: Produce v9 failed, and its response cannot say so"


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many client ids there are."""
    monkeypatch.setattr("pybroker.handlers.produce_one._KEPT_REQUESTS", 3)
    desk = Desk(True)
    desk.ask_handler(message_of(9, ("plain", 0, batch())))
    for number in range(10):
        assert quick(desk, message_of(9, ("plain", 0, batch()), client_id=f"client {number}")) is not None
    known = desk.dispatcher._quick[b"\0\0\0\t"].__self__._known  # type: ignore[attr-defined]  # a bound method
    assert 1 <= len(known) <= 3
