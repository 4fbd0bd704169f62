"""What one Produce request costs inside the process, over both stores: by the short way, and decoded, handled, encoded.

By hand: python -m tests.bench.bench_produce
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from random import Random
from typing import Any

from pybroker.handlers.produce import produce
from pybroker.records.builder import build_batch
from pybroker.server.dispatch import Dispatcher
from pybroker.server.transport import READ_BYTES
from pybroker.storage.interface import LogStore
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.headers import request_header
from pybroker.wire.messages import ProduceRequest

VERSION = 11
ROUNDS = 20_000
NO_OFFSET = bytes(8)


def finish(coroutine: Any) -> Any:
    """Run a handler that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the handler waited")


def request_of(records: int, size: int, **options: Any) -> bytes:
    """A request with one batch."""
    now_ms = time.time_ns() // 1_000_000
    batch = build_batch([(None, b"x" * size, now_ms)] * records, **options)
    one = ProduceRequest.PartitionProduceData(index=0, records=batch)
    return encode(ProduceRequest(acks=-1, topic_data=[ProduceRequest.TopicProduceData(name="a", partition_data=[one])]), VERSION)


def best_of(action: Callable[[], None], rounds: int) -> float:
    """Microseconds of CPU a round, the best of ten runs."""
    times = []
    for _ in range(10):
        began = time.process_time()
        for _ in range(rounds // 10):
            action()
        times.append((time.process_time() - began) / (rounds // 10))
    return min(times) * 1e6


def measure(name: str, store: LogStore, body: bytes, rounds: int) -> None:
    """Print what one request costs, and the parts of it."""
    room = PartitionRoom(store)
    room.create_topic("a", topic_id=b"a" * 16)
    context = room.context(VERSION)
    frame = bytearray(body)
    request = decode(ProduceRequest, VERSION, frame)[0]
    response = finish(produce(context, request))
    if any(one.error_code for topic in response.responses for one in topic.partition_responses):
        raise RuntimeError(response)

    def whole() -> None:
        encode_parts(finish(produce(context, decode(ProduceRequest, VERSION, bytearray(body))[0])), VERSION)

    total = best_of(whole, rounds)
    batch = request.topic_data[0].partition_data[0].records

    def handle() -> None:
        batch[:8] = NO_OFFSET  # what the round before wrote there
        finish(produce(context, request))

    handled = best_of(handle, rounds)
    decoded = best_of(lambda: decode(ProduceRequest, VERSION, frame), rounds)
    encoded = best_of(lambda: encode_parts(response, VERSION), rounds)
    if len(body) < READ_BYTES:  # a larger one does not come in one read
        print(f"{name:32} {measure_short_way(room, body, rounds):8.1f} us   the short way")
    print(f"{name:32} {total:8.1f} us   decode {decoded:.1f}, handle {handled:.1f}, encode {encoded:.1f}")


def measure_short_way(room: PartitionRoom, body: bytes, rounds: int) -> float:
    """Microseconds from the bytes of a message to those of its answer."""
    dispatcher, context = Dispatcher(room.state), room.context(VERSION)
    request = request_header(0, VERSION, 1, "bench") + body
    message = len(request).to_bytes(4, "big") + request
    finish(dispatcher.serve(context, bytearray(request), []))  # from here on the short way is known

    def serve() -> None:
        if dispatcher.serve_quickly(context, message) is None:
            raise RuntimeError("this request does not take the short way")

    return best_of(serve, rounds)


def main() -> None:
    """Both stores, small and large."""
    small = request_of(1, 100)
    large = request_of(1000, 1000)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measure("memory, 1 record of 100 B", MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)), small, rounds)
    measure("memory, 1000 records of 1 KB", MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)), large, rounds // 100)
    for name, body, count in (("disk, 1 record of 100 B", small, rounds), ("disk, 1000 records of 1 KB", large, rounds // 100)):
        with tempfile.TemporaryDirectory() as directory:
            store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
            measure(name, store, body, count)
            store.close({})


if __name__ == "__main__":
    main()
