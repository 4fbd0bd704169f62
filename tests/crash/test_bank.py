"""A bank on transactions: money moves, brokers and workers die, and nothing is lost, doubled or half done.

Orders (`source target amount`) wait in a topic, one partition for each worker. Four workers (`bank_worker`), each a process, read some, and
in one transaction write a debit and a credit for each into partitions of a second topic and commit the offset behind the orders. At random,
by seed: a worker is killed, or kills itself with a request on its way; the broker is killed, alone or together with a worker, and started
again on its directory; a successor takes a worker's transactional id while that still works. All by SIGKILL.

Readers go along. Readers of committed records may see one partition before another, so the books are compared when nobody works: then they
hold the transfers of exactly the orders before the committed offsets, each once, also after a kill, and what was read before.

    BANK_TRANSFERS=100000 BANK_SEED=7 python -m pytest -m slow tests/crash/test_bank.py
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker.records.builder import build_batch
from pybroker.wire.messages import CreateTopicsRequest, ProduceRequest
from tests.crash.bank_books import PARTITIONS, WORKERS, Reader, expected_books, make_orders, total_of, written
from tests.crash.bank_client import Connection, committed_offset, errors_in, find_coordinators, wait_until_stable
from tests.crash.bank_worker import DONE, ENDED_WITH_BROKER, FENCED

TRANSFERS = int(os.environ.get("BANK_TRANSFERS", "400"))
SEEDS = [int(os.environ["BANK_SEED"])] if "BANK_SEED" in os.environ else [1]
IS_LONG = TRANSFERS >= 10_000
ROUNDS = 10 if IS_LONG else 2
MOST_IN_TRANSACTION = max(6, min(60, TRANSFERS // 1_000))
ORDERS_IN_BATCH = 100
BROKER_KILLED_AFTER_S = (1.0, 6.0) if IS_LONG else (0.8, 2.0)
WORKER_KILLED_AFTER_S = (0.5, 3.0) if IS_LONG else (0.5, 1.5)
DIES_AFTER_REQUESTS = (20, 2_000) if IS_LONG else (10, 100)
TOGETHER, SUCCEEDED = 0.3, 0.3  # shares of the broker's deaths that take a worker along; of kills that a successor does instead
LIMIT_S = 60 + TRANSFERS / 50
LOOK_S = 0.02
HERE = Path(__file__).parents[2]


class WorkerProcess:
    """One life of a worker and what it has said."""

    def __init__(self, ready_file: Path, number: int, quota: int, rng: random.Random) -> None:
        self.number = number
        self.has_begun = False
        dies_after = rng.randint(*DIES_AFTER_REQUESTS) if rng.random() < 0.5 else 0
        words = [ready_file, number, quota, MOST_IN_TRANSACTION, rng.random(), dies_after]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.bank_worker", *map(str, words)],
            stdout=subprocess.PIPE,
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._rest = b""

    def lines(self) -> list[list[str]]:
        """What it said since it was asked last."""
        while data := self.output.read():
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode().split() for line in lines]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Bank:
    """The broker, the workers, and what everybody has said."""

    def __init__(self, broker: Any, seed: int) -> None:
        self.broker = broker
        self.rng = random.Random(seed)
        self.orders = make_orders(self.rng, TRANSFERS)
        self.quota = 0  # orders of each partition to be done in this round
        self.latest: dict[int, WorkerProcess] = {}
        self.alive: list[WorkerProcess] = []
        self.asked = [0] * WORKERS  # highest offset of a commit that was sent
        self.acknowledged = [0] * WORKERS  # highest offset of a commit that was answered, or read
        self.counts: dict[str, int] = defaultdict(int)
        self.followers = [Reader(broker.ready_path, committed=committed) for committed in (True, False)]

    def start_broker(self) -> None:
        trio.run(self.broker.start)

    def open(self) -> None:
        """Topics, and all orders."""
        self.start_broker()
        connection = Connection(self.broker.ready_path)
        often = CreateTopicsRequest.CreatableTopicConfig(name="segment.ms", value="1000")
        topics = [
            CreateTopicsRequest.CreatableTopic(name=name, num_partitions=count, replication_factor=1, configs=[often])
            for name, count in (("orders", WORKERS), ("books", PARTITIONS))
        ]
        assert not errors_in(connection.ask(CreateTopicsRequest(topics=topics), 7))
        for number, orders in enumerate(self.orders):
            for first in range(0, len(orders), ORDERS_IN_BATCH):
                batch = build_batch([(None, written(order)) for order in orders[first : first + ORDERS_IN_BATCH]], timestamp=now_ms())
                data = ProduceRequest.PartitionProduceData(index=number, records=batch)
                topic = ProduceRequest.TopicProduceData(name="orders", partition_data=[data])
                assert not errors_in(connection.ask(ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic]), 9))
        connection.close()

    # A round

    def work(self) -> None:
        """All workers, and whoever comes after them, until the quota is done."""
        until = time.monotonic() + LIMIT_S
        for number in range(WORKERS):
            self.start_worker(number)
        kill_broker_at, kill_worker_at = self.later(BROKER_KILLED_AFTER_S), self.later(WORKER_KILLED_AFTER_S)
        while self.alive:
            assert time.monotonic() < until, f"the workers are not done: {self.acknowledged} of {self.quota}"
            select.select([each.output for each in self.alive], [], [], LOOK_S)
            self.listen()
            self.bury()
            for follower in self.followers:
                self.counts["reader lost"] += not follower.read_on()
            if time.monotonic() >= kill_worker_at:
                self.strike()
                kill_worker_at = self.later(WORKER_KILLED_AFTER_S)
            if time.monotonic() >= kill_broker_at:
                self.kill_broker()
                kill_broker_at = self.later(BROKER_KILLED_AFTER_S)

    def later(self, after_s: tuple[float, float]) -> float:
        return time.monotonic() + self.rng.uniform(*after_s)

    def start_worker(self, number: int) -> None:
        worker = WorkerProcess(self.broker.ready_path, number, self.quota, self.rng)
        self.latest[number] = worker
        self.alive.append(worker)

    def strike(self) -> None:
        """One that has begun is killed, or another takes its id."""
        candidates = [each for each in self.alive if each.has_begun and self.latest[each.number] is each]
        if not candidates:
            return
        victim = self.rng.choice(candidates)
        if self.rng.random() < SUCCEEDED:
            self.counts["succeeded"] += 1
            self.start_worker(victim.number)
        else:
            victim.kill()

    def kill_broker(self) -> None:
        self.counts["broker killed"] += 1
        if self.rng.random() < TOGETHER:
            self.strike()
        self.broker.kill()
        self.start_broker()

    # What the workers say

    def listen(self) -> None:
        for worker in self.alive:
            for word, *rest in worker.lines():
                self.note(worker, word, int(rest[0]) if rest else 0)

    def note(self, worker: WorkerProcess, word: str, offset: int) -> None:
        number = worker.number
        self.counts[word] += 1
        if word == "at":
            worker.has_begun = True
            if offset > self.asked[number]:
                self.listen_to_others(worker)  # a zombie's word may still lie in its pipe
            assert self.acknowledged[number] <= offset <= self.asked[number], "an acknowledged commit is lost"
        if word == "asks":
            self.asked[number] = max(self.asked[number], offset)
        if word in ("at", "committed"):
            self.acknowledged[number] = max(self.acknowledged[number], offset)

    def listen_to_others(self, worker: WorkerProcess) -> None:
        for other in self.alive:
            if other is not worker:
                for word, *rest in other.lines():
                    self.note(other, word, int(rest[0]) if rest else 0)

    def bury(self) -> None:
        """Those that have ended; the next one takes the place of one that was killed."""
        for worker in [each for each in self.alive if each.process.poll() is not None]:
            for word, *rest in worker.lines():
                self.note(worker, word, int(rest[0]) if rest else 0)
            worker.output.close()
            self.alive.remove(worker)
            is_latest, status = self.latest[worker.number] is worker, worker.process.returncode
            assert status in (DONE, FENCED, ENDED_WITH_BROKER, -signal.SIGKILL), f"a worker failed with {status}"
            assert not (is_latest and status == FENCED), "the latest life of a worker is fenced"
            self.counts[{DONE: "done", FENCED: "fenced", ENDED_WITH_BROKER: "ended with broker"}.get(status, "killed")] += 1
            if is_latest and status != DONE:
                self.start_worker(worker.number)

    # The comparison

    def compare(self) -> None:
        """Nobody works: the books read from the start hold what the committed offsets say, and all that was ever read."""
        connection = Connection(self.broker.ready_path)
        find_coordinators(connection.ask, "teller-0")
        for partition in range(PARTITIONS):
            wait_until_stable(connection.ask, partition)
        offsets = [committed_offset(connection.ask, number) for number in range(WORKERS)]
        connection.close()
        assert offsets == self.acknowledged == [self.quota] * WORKERS
        readers = committed, everything = [Reader(self.broker.ready_path, committed=committed) for committed in (True, False)]
        assert all(reader.read_on() for reader in readers)
        expected = expected_books(self.orders, offsets)
        for partition in range(PARTITIONS):
            book = committed.books[partition]
            assert sorted(book.values()) == expected[partition], f"books-{partition} differ from the orders"
            assert book.items() <= everything.books[partition].items()
            for then, now in zip(self.followers, readers, strict=True):
                assert then.books[partition].items() <= now.books[partition].items(), f"books-{partition}: what was read is there no more"
        assert total_of(committed.books) == 0, "money came or went"
        for reader in readers:
            reader.close()

    def close(self) -> None:
        for worker in self.alive:
            worker.kill()
            worker.output.close()
        for follower in self.followers:
            follower.close()


def now_ms() -> int:
    """The broker is another process: it goes by the real clock."""
    return time.time_ns() // 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_money_is_made_or_lost(broker_process: Any, seed: int) -> None:
    """After kills of broker and workers the books hold exactly the transfers whose orders were committed, each once.

    Rounds of work, each ended by a comparison, a kill and another comparison.
    """
    bank = Bank(broker_process, seed)
    bank.open()
    try:
        for round_number in range(ROUNDS):
            bank.quota = len(bank.orders[0]) * (round_number + 1) // ROUNDS
            bank.work()
            bank.compare()
            bank.kill_broker()
            bank.compare()
    finally:
        bank.close()
    print(f"\nseed {seed}: {TRANSFERS} transfers, {dict(bank.counts)}")
    assert bank.counts["broker killed"] >= ROUNDS
    assert bank.counts["aborted"] > 0
    assert bank.counts["killed"] > 0
