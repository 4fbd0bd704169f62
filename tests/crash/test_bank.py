"""A bank on transactions: money moves, brokers and workers die, and nothing is lost, doubled or half done.

Orders (`source target amount`) wait in a topic, one partition for each worker. A worker reads some, and in one transaction writes a debit
and a credit for each, into partitions of a second topic, and commits the offset behind the orders. Seeded, at any request: the broker is
killed with SIGKILL and started again on its directory; a worker dies with its request on the way; a successor takes its transactional id
while it still works; it aborts. Whoever meets a dead broker either starts anew or, as a client does, sends the same request again.
Each life of a worker speaks one of both protocols: partitions and groups added by request, or by being written to (KIP-890).

A reader goes along. Readers of committed records may see one partition before another, so the books are compared when nobody works: then
they hold the transfers of exactly the orders before the committed offsets, each once, also after a kill, and what was read before.

    BANK_TRANSFERS=100000 BANK_SEED=7 python -m pytest -m slow tests/crash/test_bank.py
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.control import ControlType, control_type
from pybroker.records.record import iter_records
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    CreateTopicsRequest,
    EndTxnRequest,
    FetchRequest,
    FindCoordinatorRequest,
    InitProducerIdRequest,
    OffsetFetchRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
)

TRANSFERS = int(os.environ.get("BANK_TRANSFERS", "400"))
SEEDS = [int(os.environ["BANK_SEED"])] if "BANK_SEED" in os.environ else [1, 2]
WORKERS = 4
PARTITIONS = 4  # of the books: an account's is its number's remainder
ACCOUNTS = 20
ORDERS_IN_BATCH = 100
ROUNDS = 2 if TRANSFERS < 10_000 else 10
MOST_IN_TRANSACTION = max(8, min(60, TRANSFERS // 1_000))
KILL_AFTER_REQUESTS = (30, 120) if TRANSFERS < 10_000 else (200, 1_500)
FATES = {"dies": 0.01, "is succeeded": 0.01}  # of a worker, at each request
ABORTED_SHARE = 0.1
STABLE_WITHIN_S = 10
LIMIT_S = 60 + TRANSFERS / 50
PAUSE_S = 0.01  # before asking again: the broker is another process, so no event of ours can tell
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
GONE = (BrokerClosedConnection, trio.BrokenResourceError, trio.ClosedResourceError, OSError)
GROUP = "bank"

Order = tuple[int, int, int]  # source, target, amount
Book = dict[int, bytes]  # offset: b"partition of the order/its offset account change"


class WorkerDied(Exception):
    """A life of a worker ends without another word."""


class Fenced(Exception):
    """Another life has the transactional id."""


@dataclass
class Bank:
    """The broker's process and what everybody knows."""

    process: Any
    rng: random.Random
    orders: list[list[Order]]
    quota: int = 0  # orders of each partition to be done in this round
    life: list[int] = field(default_factory=lambda: [0] * WORKERS)  # number of each worker's latest life
    asked: list[int] = field(default_factory=lambda: [0] * WORKERS)  # highest offset of a commit that was sent
    acknowledged: list[int] = field(default_factory=lambda: [0] * WORKERS)  # highest offset of a commit that was answered, or read
    kill_in: int = 0
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    up: trio.Event = field(default_factory=trio.Event)
    down: trio.Event = field(default_factory=trio.Event)

    async def start(self) -> None:
        self.kill_in = self.rng.randint(*KILL_AFTER_REQUESTS)
        await self.process.start()
        self.down = trio.Event()
        self.up.set()

    def kill(self) -> None:
        self.counts["broker killed"] += 1
        self.up = trio.Event()
        self.process.kill()
        self.down.set()

    def count_request(self) -> None:
        """Kills the broker when it is time."""
        self.kill_in -= 1
        if self.kill_in == 0:
            self.kill()

    async def restart_whenever_killed(self) -> None:
        while True:
            await self.down.wait()
            await self.start()

    async def connect(self) -> RawClient:
        """A connection to the broker as soon as it is there."""
        while True:
            await self.up.wait()
            try:
                return await RawClient.connect(*self.process.address)
            except OSError:
                await trio.sleep(PAUSE_S)


def now_ms() -> int:
    """The broker is another process: it goes by the real clock."""
    return time.time_ns() // 1_000_000


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


async def patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, once it has no error that passes by itself; any other error fails, or tells that the producer is fenced.

    A batch that is sent again with others that were refused is known to the broker by its sequence.
    """
    while True:
        answer = await ask()
        errors = errors_in(answer)
        if errors & FENCED:
            raise Fenced
        assert errors <= PASSING, f"{type(answer).__name__}: {sorted(error.name for error in errors)}"
        if not errors:
            return answer
        await trio.sleep(PAUSE_S)


class Life:
    """One life of a worker: from its InitProducerId until its end, or until another has its transactional id."""

    def __init__(self, bank: Bank, number: int) -> None:
        self.bank = bank
        self.number = number
        bank.life[number] += 1
        self.name = bank.life[number]
        self.rng = random.Random(f"{bank.rng.random()}")
        self.adds_by_writing = self.rng.random() < 0.5
        self.resends = self.rng.random() < 0.5
        self.successor_wanted = False
        self.initialized = False
        self.producer_id = self.producer_epoch = -1
        self.sequences: dict[int, int] = defaultdict(int)
        self.at = self.after = 0
        self.client: RawClient | None = None

    @property
    def is_latest(self) -> bool:
        return self.bank.life[self.number] == self.name

    async def ask(self, request: Any, version: int) -> Any:
        """The answer of this broker or the next. Raises WorkerDied."""
        while True:
            try:
                if self.client is None:
                    self.client = await self.bank.connect()
                await self.client.send(request, version)
                self.bank.count_request()
                self.meet_fate()
                return await self.client.receive()
            except GONE:
                await self.close()
                if self.initialized and not self.resends:
                    raise WorkerDied from None
                self.bank.counts["sent again"] += 1

    def meet_fate(self) -> None:
        if not (self.initialized and self.is_latest) or self.successor_wanted:
            return
        fate = self.rng.random()
        if fate < FATES["dies"]:
            raise WorkerDied
        self.successor_wanted = fate < FATES["dies"] + FATES["is succeeded"]

    async def close(self) -> None:
        if self.client is not None:
            client, self.client = self.client, None
            await trio.aclose_forcefully(client.stream)

    async def say(self, request: Any, version: int) -> Any:
        return await patiently(lambda: self.ask(request, version))

    def holder(self) -> dict[str, Any]:
        return {"transactional_id": f"teller-{self.number}", "producer_id": self.producer_id, "producer_epoch": self.producer_epoch}

    async def begin(self) -> None:
        """Take the transactional id, which ends what an earlier life left open; and find where to go on."""
        await find_coordinators(self.ask, f"teller-{self.number}")
        request = InitProducerIdRequest(transactional_id=f"teller-{self.number}", transaction_timeout_ms=60_000)
        answer = await self.say(request, 5 if self.adds_by_writing else 4)
        self.producer_id, self.producer_epoch = answer.producer_id, answer.producer_epoch
        self.initialized = True
        await self.seek()

    async def seek(self) -> None:
        self.at = await committed_offset(self.ask, self.number)
        assert self.bank.acknowledged[self.number] <= self.at <= self.bank.asked[self.number], "an acknowledged commit is lost"
        self.bank.acknowledged[self.number] = self.at

    async def work(self) -> None:
        await self.begin()
        while self.at < self.bank.quota:
            orders = await self.read_orders(self.rng.randint(1, MOST_IN_TRANSACTION))
            writes = [self.write(orders), self.commit_offset]
            self.rng.shuffle(writes)
            for write in writes:
                await write()
            await self.end(len(orders), self.rng.random() >= ABORTED_SHARE)

    async def read_orders(self, most: int) -> list[tuple[int, Order]]:
        """(offset, order) of the next ones; sets the offset to commit."""
        data = await fetch(self.ask, "orders", self.number, self.at, committed=True, max_bytes=20_000)
        found = [(offset, value) for offset, value in values_of(data, committed=True) if offset >= self.at][:most]
        found = [(offset, value) for offset, value in found if offset < self.bank.quota]
        assert [offset for offset, _ in found] == list(range(self.at, self.at + len(found)))
        assert found
        self.after = self.at + len(found)
        return [(offset, parse_order(value)) for offset, value in found]

    def write(self, orders: list[tuple[int, Order]]) -> Callable[[], Awaitable[None]]:
        changes: dict[int, list[bytes]] = defaultdict(list)
        for offset, order in orders:
            for account, change in changes_of(order):
                changes[account % PARTITIONS].append(entry(self.number, offset, account, change))

        async def send() -> None:
            if not self.adds_by_writing:
                topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="books", partitions=sorted(changes))
                holder = {f"v3_and_below_{name}": value for name, value in self.holder().items()}
                await self.say(AddPartitionsToTxnRequest(v3_and_below_topics=[topic], **holder), 3)
            await self.say(self.produce_request(changes), 12 if self.adds_by_writing else 9)

        return send

    def produce_request(self, changes: dict[int, list[bytes]]) -> ProduceRequest:
        data = []
        for partition, values in changes.items():
            records = build_batch(
                [(None, value) for value in values],
                timestamp=now_ms(),
                producer_id=self.producer_id,
                producer_epoch=self.producer_epoch,
                base_sequence=self.sequences[partition],
                transactional=True,
            )
            self.sequences[partition] += len(values)
            data.append(ProduceRequest.PartitionProduceData(index=partition, records=records))
        topic = ProduceRequest.TopicProduceData(name="books", partition_data=data)
        return ProduceRequest(transactional_id=f"teller-{self.number}", acks=-1, timeout_ms=30_000, topic_data=[topic])

    async def commit_offset(self) -> None:
        if not self.adds_by_writing:
            await self.say(AddOffsetsToTxnRequest(group_id=GROUP, **self.holder()), 3)
        partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(partition_index=self.number, committed_offset=self.after)
        topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name="orders", partitions=[partition])
        request = TxnOffsetCommitRequest(group_id=GROUP, generation_id_or_member_epoch=-1, topics=[topic], **self.holder())
        await self.say(request, 5 if self.adds_by_writing else 4)

    async def end(self, count: int, committed: bool) -> None:
        if committed:
            self.bank.asked[self.number] = max(self.bank.asked[self.number], self.after)
        answer = await self.say(EndTxnRequest(committed=committed, **self.holder()), 5 if self.adds_by_writing else 4)
        self.bank.counts["committed" if committed else "aborted"] += 1
        if committed:
            self.bank.acknowledged[self.number] = max(self.bank.acknowledged[self.number], self.after)
            self.at = self.after
        if self.adds_by_writing:
            assert answer.producer_epoch > self.producer_epoch or answer.producer_id != self.producer_id
            self.producer_id, self.producer_epoch = answer.producer_id, answer.producer_epoch
            self.sequences.clear()


async def live(bank: Bank, number: int, nursery: trio.Nursery) -> None:
    """A life and, when it dies, the next one."""
    life = Life(bank, number)
    try:
        async with trio.open_nursery() as watch:
            watch.start_soon(start_successor, life, nursery)
            await life.work()
            watch.cancel_scope.cancel()
    except* WorkerDied:
        bank.counts["worker died"] += 1
        if life.is_latest:
            nursery.start_soon(live, bank, number, nursery)
    except* Fenced:
        bank.counts["worker fenced"] += 1
        assert not life.is_latest, "the latest life of a worker is fenced"
    finally:
        with trio.CancelScope(shield=True):
            await life.close()


async def start_successor(life: Life, nursery: trio.Nursery) -> None:
    """Starts another life beside this one, when that is its fate."""
    while not life.successor_wanted:  # noqa: ASYNC110  # one flag, looked at between requests
        await trio.sleep(PAUSE_S)
    life.bank.counts["succeeded"] += 1
    nursery.start_soon(live, life.bank, life.number, nursery)


async def find_coordinators(ask: Any, transactional_id: str) -> None:
    """Waits until the transactional id and the group have theirs."""
    for key_type, key in ((1, transactional_id), (0, GROUP)):
        while (await ask(FindCoordinatorRequest(key_type=key_type, coordinator_keys=[key]), 4)).coordinators[0].error_code:  # noqa: ASYNC110
            await trio.sleep(PAUSE_S)


async def wait_until_stable(ask: Any, partition: int) -> None:
    """Until no transaction is open in a partition of the books. Who hears that a transaction has ended may be before its markers."""
    with trio.fail_after(STABLE_WITHIN_S):
        while (data := await fetch(ask, "books", partition, 0, committed=True)).last_stable_offset < data.high_watermark:  # noqa: ASYNC110
            await trio.sleep(PAUSE_S)


async def committed_offset(ask: Any, partition: int) -> int:
    """The group's offset in a partition of the orders, when no transaction is about to change it."""
    topic = OffsetFetchRequest.OffsetFetchRequestTopic(name="orders", partition_indexes=[partition])
    answer = await patiently(lambda: ask(OffsetFetchRequest(group_id=GROUP, topics=[topic], require_stable=True), 7))
    return max(0, answer.topics[0].partitions[0].committed_offset)


async def fetch(ask: Any, topic: str, partition: int, offset: int, *, committed: bool, max_bytes: int = 1 << 20) -> Any:
    """What a partition answers to one fetch."""
    wanted = FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=max_bytes)
    topics = [FetchRequest.FetchTopic(topic=topic, partitions=[wanted])]
    answer = await ask(FetchRequest(max_wait_ms=0, min_bytes=0, isolation_level=int(committed), topics=topics), 11)
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
            found += [(record.offset, bytes(record.value)) for record in records]
    return found


class Reader:
    """Reads the books on and on, committed records or all; an order is at most once in a partition for one account."""

    def __init__(self, committed: bool) -> None:
        self.committed = committed
        self.books: list[Book] = [{} for _ in range(PARTITIONS)]
        self.positions = [0] * PARTITIONS

    async def read(self, ask: Any, partition: int) -> bool:
        """One fetch; whether anything came."""
        at = self.positions[partition]
        data = await fetch(ask, "books", partition, at, committed=self.committed)
        book, size = self.books[partition], 0
        for offset, value in values_of(data, committed=self.committed):
            if offset >= at:
                book[offset] = value
        for _, header in iter_batches(data.records):
            self.positions[partition] = header.base_offset + header.last_offset_delta + 1
            size += 1
        return size > 0

    async def read_to_end(self, bank: Bank) -> None:
        client = await bank.connect()
        async with client:
            for partition in range(PARTITIONS):
                while await self.read(client.ask, partition):
                    pass

    async def follow(self, bank: Bank) -> None:
        """Until cancelled, over the broker's deaths."""
        while True:
            try:
                await self.read_to_end(bank)
            except GONE:
                bank.counts["reader lost"] += 1
            for book in self.books:
                assert not self.committed or len(set(book.values())) == len(book), "a transfer is committed twice"
            await trio.sleep(PAUSE_S)


def make_orders(rng: random.Random) -> list[list[Order]]:
    """Each partition's orders, as many for each worker."""

    def one() -> Order:
        source, target = rng.sample(range(ACCOUNTS), 2)
        return source, target, rng.randint(1, 1_000)

    return [[one() for _ in range(TRANSFERS // WORKERS)] for _ in range(WORKERS)]


def parse_order(value: bytes) -> Order:
    """An order from its record."""
    source, target, amount = map(int, value.split())
    return source, target, amount


def changes_of(order: Order) -> list[tuple[int, int]]:
    """(account, change): the debit and the credit."""
    source, target, amount = order
    return [(source, -amount), (target, amount)]


def entry(number: int, offset: int, account: int, change: int) -> bytes:
    """A line of the books: which order changes which account by how much."""
    return b"%d/%d %d %d" % (number, offset, account, change)


async def open_bank(bank: Bank) -> None:
    """Topics, and all orders."""
    async with await bank.connect() as client:
        often = CreateTopicsRequest.CreatableTopicConfig(name="segment.ms", value="1000")
        topics = [
            CreateTopicsRequest.CreatableTopic(name=name, num_partitions=count, replication_factor=1, configs=[often])
            for name, count in (("orders", WORKERS), ("books", PARTITIONS))
        ]
        assert not errors_in(await client.ask(CreateTopicsRequest(topics=topics), 7))
        for number, orders in enumerate(bank.orders):
            for first in range(0, len(orders), ORDERS_IN_BATCH):
                values = [(None, b"%d %d %d" % order) for order in orders[first : first + ORDERS_IN_BATCH]]
                data = ProduceRequest.PartitionProduceData(index=number, records=build_batch(values, timestamp=now_ms()))
                topic = ProduceRequest.TopicProduceData(name="orders", partition_data=[data])
                assert not errors_in(await client.ask(ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic]), 9))


async def compare_books(bank: Bank, *followers: Reader) -> None:
    """Nobody works: the books read from the start hold what the committed offsets say, and all that was ever read."""
    async with await bank.connect() as client:
        await find_coordinators(client.ask, "teller-0")
        for partition in range(PARTITIONS):
            await wait_until_stable(client.ask, partition)
        offsets = [await committed_offset(client.ask, number) for number in range(WORKERS)]
    assert offsets == bank.acknowledged == [bank.quota] * WORKERS
    expected: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for number, offset in enumerate(offsets):
        for at, order in enumerate(bank.orders[number][:offset]):
            for account, change in changes_of(order):
                expected[account % PARTITIONS].append(entry(number, at, account, change))
    committed, everything = Reader(True), Reader(False)
    for reader in (committed, everything):
        await reader.read_to_end(bank)
    for partition in range(PARTITIONS):
        book = committed.books[partition]
        assert sorted(book.values()) == sorted(expected[partition]), f"books-{partition} differ from the orders"
        assert book.items() <= everything.books[partition].items()
        for follower in followers:
            then, now = follower.books[partition], (committed if follower.committed else everything).books[partition]
            assert then.items() <= now.items(), f"books-{partition}: what was read once is there no more"
    assert sum(int(value.split()[2]) for book in committed.books for value in book.values()) == 0, "money came or went"


@asynccontextmanager
async def followed(bank: Bank, *followers: Reader) -> AsyncIterator[None]:
    """Readers go along, and a dead broker is started again."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bank.restart_whenever_killed)
        for follower in followers:
            nursery.start_soon(follower.follow, bank)
        yield
        nursery.cancel_scope.cancel()


async def run_bank(process: Any, seed: int) -> dict[str, int]:
    """One seed: rounds of work, each ended by a comparison, a kill and another comparison. Returns how often what happened."""
    rng = random.Random(seed)
    bank = Bank(process, rng, make_orders(rng))
    followers = Reader(True), Reader(False)
    await bank.start()
    await open_bank(bank)
    for round_number in range(ROUNDS):
        bank.quota = len(bank.orders[0]) * (round_number + 1) // ROUNDS
        with trio.fail_after(LIMIT_S):
            async with followed(bank, *followers):
                async with trio.open_nursery() as nursery:
                    for number in range(WORKERS):
                        nursery.start_soon(live, bank, number, nursery)
                await bank.up.wait()
            await compare_books(bank, *followers)
            bank.kill()
            await bank.start()
            await compare_books(bank, *followers)
    return dict(bank.counts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_money_is_made_or_lost(broker_process: Any, seed: int) -> None:
    """After kills of broker and workers the books hold exactly the transfers whose orders were committed, each once."""
    counts = trio.run(run_bank, broker_process, seed)
    print(f"\nseed {seed}: {TRANSFERS} transfers, {counts}")
    assert counts["broker killed"] > ROUNDS
    assert counts["aborted"] > 0
    assert counts["worker died"] > 0
