"""A worker of the bank, a program of its own: one life of a transactional producer, until its work is done or somebody kills it.

    python -m tests.crash.bank_worker READY_FILE NUMBER QUOTA MOST SEED DIES_AFTER

It reads orders from its partition, and in one transaction writes what they change and commits the offset behind them. It says on its
standard output, before anything comes of it, what it is about to commit, and then what it has. After DIES_AFTER requests it kills itself
with the request on the way. By chance (SEED) a life speaks one of both protocols: partitions and groups added by request, or by being
written to (KIP-890); and when it meets a dead broker it either ends or, as a client does, sends the same request again.

Exit status: 0 all orders up to QUOTA are done, 3 another has its transactional id, 4 it ended with the broker.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from pybroker.records.builder import build_batch
from pybroker.wire.messages import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
)
from tests.crash.bank_books import entries_of, parse_order
from tests.crash.bank_client import GROUP, Connection, Fenced, committed_offset, fetch, find_coordinators, patiently, values_of

DONE, FENCED, ENDED_WITH_BROKER = 0, 3, 4
ABORTED_SHARE = 0.1


def tell(*words: object) -> None:
    """One line that is out when this returns: a pipe outlives its writer."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Life:
    """From InitProducerId to the last order."""

    def __init__(self, ready_file: Path, number: int, quota: int, most: int, seed: str, dies_after: int) -> None:
        self.ready_file, self.number, self.quota, self.most = ready_file, number, quota, most
        self.rng = random.Random(seed)
        self.requests_left = dies_after
        self.adds_by_writing = self.rng.random() < 0.5
        self.resends = self.rng.random() < 0.5
        self.connection: Connection | None = None
        self.holder: dict[str, Any] = {}
        self.sequences: dict[int, int] = defaultdict(int)
        self.at = self.after = 0

    def ask(self, request: Any, version: int) -> Any:
        """The answer of this broker or the next."""
        while True:
            try:
                if self.connection is None:
                    self.connection = Connection(self.ready_file)
                self.connection.send(request, version)
                self.requests_left -= 1
                if self.requests_left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return self.connection.receive(request, version)
            except OSError:
                if self.connection is not None:
                    self.connection.close()
                    self.connection = None
                if self.holder and not self.resends:
                    sys.exit(ENDED_WITH_BROKER)
                tell("again")

    def say(self, request: Any, version: int) -> Any:
        return patiently(self.ask, request, version)

    def work(self) -> None:
        self.begin()
        while self.at < self.quota:
            orders = self.read_orders(self.rng.randint(1, self.most))
            writes = [lambda orders=orders: self.write(orders), self.commit_offset]
            self.rng.shuffle(writes)
            for write in writes:
                write()
            self.end(committed=self.rng.random() >= ABORTED_SHARE)

    def begin(self) -> None:
        """Take the transactional id, which ends what an earlier life left open; and find where to go on."""
        transactional_id = f"teller-{self.number}"
        find_coordinators(self.ask, transactional_id)
        request = InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=60_000)
        answer = self.say(request, 5 if self.adds_by_writing else 4)
        self.holder = {
            "transactional_id": transactional_id,
            "producer_id": answer.producer_id,
            "producer_epoch": answer.producer_epoch,
        }
        self.at = committed_offset(self.ask, self.number)
        tell("at", self.at)

    def read_orders(self, most: int) -> list[tuple[int, bytes]]:
        """(offset, order) of the next ones; sets the offset to commit."""
        data = fetch(self.ask, "orders", self.number, self.at, committed=True, max_bytes=20_000)
        found = [(offset, value) for offset, value in values_of(data, committed=True) if self.at <= offset < self.quota][:most]
        assert [offset for offset, _ in found] == list(range(self.at, self.at + len(found)))
        assert found
        self.after = self.at + len(found)
        return found

    def write(self, orders: list[tuple[int, bytes]]) -> None:
        lines: dict[int, list[bytes]] = defaultdict(list)
        for offset, value in orders:
            for partition, line in entries_of(self.number, offset, parse_order(value)):
                lines[partition].append(line)
        if not self.adds_by_writing:
            topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="books", partitions=sorted(lines))
            holder = {f"v3_and_below_{name}": value for name, value in self.holder.items()}
            self.say(AddPartitionsToTxnRequest(v3_and_below_topics=[topic], **holder), 3)
        self.say(self.produce_request(lines), 12 if self.adds_by_writing else 9)

    def produce_request(self, lines: dict[int, list[bytes]]) -> ProduceRequest:
        data = []
        for partition, values in lines.items():
            records = build_batch(
                [(None, value) for value in values],
                timestamp=time.time_ns() // 1_000_000,
                producer_id=self.holder["producer_id"],
                producer_epoch=self.holder["producer_epoch"],
                base_sequence=self.sequences[partition],
                transactional=True,
            )
            self.sequences[partition] += len(values)
            data.append(ProduceRequest.PartitionProduceData(index=partition, records=records))
        topic = ProduceRequest.TopicProduceData(name="books", partition_data=data)
        return ProduceRequest(transactional_id=self.holder["transactional_id"], acks=-1, timeout_ms=30_000, topic_data=[topic])

    def commit_offset(self) -> None:
        if not self.adds_by_writing:
            self.say(AddOffsetsToTxnRequest(group_id=GROUP, **self.holder), 3)
        partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(partition_index=self.number, committed_offset=self.after)
        topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name="orders", partitions=[partition])
        request = TxnOffsetCommitRequest(group_id=GROUP, generation_id_or_member_epoch=-1, topics=[topic], **self.holder)
        self.say(request, 5 if self.adds_by_writing else 4)

    def end(self, *, committed: bool) -> None:
        if committed:
            tell("asks", self.after)
        answer = self.say(EndTxnRequest(committed=committed, **self.holder), 5 if self.adds_by_writing else 4)
        if committed:
            self.at = self.after
        tell("committed" if committed else "aborted", self.at)
        if self.adds_by_writing:
            then, now = (self.holder["producer_id"], self.holder["producer_epoch"]), (answer.producer_id, answer.producer_epoch)
            assert now[0] != then[0] or now[1] > then[1]
            self.holder["producer_id"], self.holder["producer_epoch"] = now
            self.sequences.clear()


def main(ready_file: str, number: str, quota: str, most: str, seed: str, dies_after: str) -> int:
    """One life; see the module."""
    try:
        Life(Path(ready_file), int(number), int(quota), int(most), seed, int(dies_after)).work()
    except Fenced:
        return FENCED
    return DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
