"""What one transaction of one record costs inside the process, over both stores: its two requests, and the pieces of which they are made.

Protocol version 2 (KIP-890): the Produce request adds the partition to the transaction, EndTxn bumps the epoch. Five batches are written:
ONGOING, the record, PREPARE_COMMIT, the marker, COMPLETE_COMMIT. Sockets and the turns of trio are not in it.

By hand: python -m tests.bench.bench_transactions
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from random import Random
from struct import Struct
from types import SimpleNamespace
from typing import Any

from pybroker.core.producers import Marker
from pybroker.core.transactions.beginning import add
from pybroker.core.transactions.ending import completed, end_bumping
from pybroker.core.transactions.records import transaction_record
from pybroker.core.transactions.transaction import State, Transaction
from pybroker.records.builder import build_batch
from pybroker.records.pairs import build_pairs
from pybroker.runtime.groups import GroupCoordinator
from pybroker.runtime.transactions import TransactionCoordinator
from pybroker.server.dispatch import Dispatcher
from pybroker.storage.interface import LogStore
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode
from pybroker.wire.headers import request_header
from pybroker.wire.messages import EndTxnRequest, InitProducerIdRequest, InitProducerIdResponse, ProduceRequest
from pybroker.wire.stored import TRANSACTION_STATE, encode_key, encode_value

PRODUCE_VERSION, END_VERSION, INIT_VERSION = 13, 5, 5
ROUNDS = 20_000
RUN = 20
ID = "bench-producer"
TOPIC_ID = b"a" * 16
_ids = Struct(">qh")


class Room:
    """A broker's transactions without its sockets; internal topics are there from the start."""

    def __init__(self, store: LogStore) -> None:
        self.room = room = PartitionRoom(store)
        room.cluster.features["transaction.version"] = 2
        room.create_topic("a", topic_id=TOPIC_ID)
        room.create_topic(TRANSACTION_STATE, 50, {"cleanup.policy": "compact"})
        controller: Any = SimpleNamespace(listeners=[], allocate_producer_id=room.state.controller.allocate_producer_id)
        room.state.controller = controller
        shared: Any = {"clock": room.clock, "settings": room.settings, "cluster": room.cluster, "controller": controller}
        room.state.groups = GroupCoordinator(rng=Random(1), partitions=room.partitions, **shared)
        room.state.transactions = TransactionCoordinator(partitions=room.partitions, groups=room.state.groups, **shared)
        nursery: Any = SimpleNamespace(start_soon=lambda *_, **__: None)
        room.state.transactions.start(nursery)
        self.dispatcher = Dispatcher(room.state)

        self.context = room.context(0)

    def serve(self, message: bytes) -> bytes:
        """The answer to a whole message, as a connection would send it; what is left to be done afterwards is still to be done."""
        answer = self.dispatcher.serve_quickly(self.context, message)
        if answer is None:
            out: list[Any] = []
            _finish(self.dispatcher.serve(self.context, bytearray(memoryview(message)[4:]), out))
            answer = b"".join(out)
        return answer


def _finish(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the handler waited")


def _message(api_key: int, version: int, request: Any) -> bytes:
    body = request_header(api_key, version, 7, "bench") + encode(request, version)
    return len(body).to_bytes(4, "big") + body


class Producer:
    """Makes the two requests of a transaction; what they are made of beforehand is not measured."""

    def __init__(self, room: Room) -> None:
        self.room = room
        request = InitProducerIdRequest(transactional_id=ID, transaction_timeout_ms=60_000)
        answer = room.serve(_message(22, INIT_VERSION, request))
        response = decode(InitProducerIdResponse, INIT_VERSION, answer, 9)[0]
        self.producer_id, self.epoch = response.producer_id, response.producer_epoch

    def requests(self) -> tuple[bytes, bytes]:
        """Produce and EndTxn of the next transaction."""
        now_ms = time.time_ns() // 1_000_000
        batch = build_batch(
            [(None, b"x" * 100, now_ms)],
            producer_id=self.producer_id,
            producer_epoch=self.epoch,
            base_sequence=0,
            transactional=True,
        )
        one = ProduceRequest.PartitionProduceData(index=0, records=batch)
        topic = ProduceRequest.TopicProduceData(topic_id=TOPIC_ID, partition_data=[one])
        end = EndTxnRequest(transactional_id=ID, producer_id=self.producer_id, producer_epoch=self.epoch, committed=True)
        self.epoch += 1
        if self.epoch > 32_000:
            raise RuntimeError("a new producer is needed")
        produce = ProduceRequest(acks=-1, transactional_id=ID, timeout_ms=10_000, topic_data=[topic])
        return _message(0, PRODUCE_VERSION, produce), _message(26, END_VERSION, end)


def measure_requests(name: str, store: LogStore, rounds: int) -> None:
    """Print what the two requests cost, the best of many short runs: what a machine that does nothing else would need."""
    room = Room(store)
    producer = Producer(room)
    _check(room, producer)
    totals: list[tuple[float, float, float]] = []
    for _ in range(min(rounds, 30_000) // RUN):
        pairs = [producer.requests() for _ in range(RUN)]
        spent_on_produce = spent = spent_afterwards = 0.0
        for produce, end in pairs:
            began = time.process_time()
            room.serve(produce)
            middle = time.process_time()
            room.serve(end)
            answered = time.process_time()
            room.context.finish()
            spent_on_produce += middle - began
            spent_afterwards += time.process_time() - answered
            spent += time.process_time() - began
        totals.append((spent / RUN * 1e6, spent_on_produce / RUN * 1e6, spent_afterwards / RUN * 1e6))
    best, produce, afterwards = min(totals)
    print(f"{name:32} {best:8.1f} us   Produce {produce:.1f}, EndTxn {best - produce:.1f}, {afterwards:.1f} of it after the answer")


def _check(room: Room, producer: Producer) -> None:
    for message in producer.requests():
        room.serve(message)
        room.context.finish()
    live = room.room.partition("a")
    if live.last_stable_offset != 2:
        raise RuntimeError(f"a transaction did not end: {live!r}")


def best_of(action: Callable[[], object], rounds: int) -> float:
    """Microseconds of CPU a round, the best of many short runs."""
    times = []
    for _ in range(rounds // RUN):
        began = time.process_time()
        for _ in range(RUN):
            action()
        times.append((time.process_time() - began) / RUN)
    return min(times) * 1e6


def measure_pieces(store: LogStore, rounds: int) -> None:
    """Print what a transaction is made of, each piece once."""
    resting = Transaction(ID, 1000, 5, 60_000, State.COMPLETE_COMMIT, client_transaction_version=2)
    partitions = frozenset({("a", 0)})
    begun: Any = add(resting, partitions, 2, 1)
    prepared: Any = end_bumping(begun, 1000, 5, True, 2, lambda: 1)
    record = transaction_record(prepared, 2)
    stored = [(encode_key(record.key), encode_value(record.value, record.value_version))]
    room = Room(store).room
    live, data = room.partition(TRANSACTION_STATE), room.partition("a")
    batch, header = build_pairs(stored, 1)
    pieces: dict[str, Callable[[], object]] = {
        "decide: add a partition": lambda: add(resting, partitions, 2, 1),
        "decide: end": lambda: end_bumping(begun, 1000, 5, True, 2, lambda: 1),
        "decide: complete": lambda: completed(prepared, 3),
        "record of an id": lambda: transaction_record(prepared, 2),
        "key and value in bytes": lambda: (encode_key(record.key), encode_value(record.value, record.value_version)),
        "batch around them": lambda: build_pairs(stored, 1),
        "append of that batch": lambda: live.append_records(batch, header),
        "marker": lambda: data.append_marker(Marker(1000, 5, True, 0, 2)),
    }
    for name, action in pieces.items():
        print(f"  {name:30} {best_of(action, rounds):8.1f} us")


def main() -> None:
    """Both stores, then the pieces on disk."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measure_requests("memory, 1 record of 100 B", MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)), rounds)
    with tempfile.TemporaryDirectory() as directory:
        store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
        measure_requests("disk, 1 record of 100 B", store, rounds)
        store.close({})
    with tempfile.TemporaryDirectory() as directory:
        store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
        measure_pieces(store, rounds)
        store.close({})


if __name__ == "__main__":
    main()
