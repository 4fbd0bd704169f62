"""What one Fetch request costs inside the process: decode, handle, encode, over both stores.

By hand: python -m tests.bench.bench_fetch
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from random import Random
from typing import Any

from pybroker.handlers.fetch import fetch
from pybroker.records.builder import build_batch
from pybroker.storage.interface import LogStore
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.messages import FetchRequest

VERSION = 12
ROUNDS = 20_000
BATCHES = 32


def finish(coroutine: Any) -> Any:
    """Run a handler that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the handler waited")


def best_of(action: Callable[[], None], rounds: int) -> float:
    """Microseconds of CPU a round, the best of ten runs."""
    times = []
    for _ in range(10):
        began = time.process_time()
        for _ in range(rounds // 10):
            action()
        times.append((time.process_time() - began) / (rounds // 10))
    return min(times) * 1e6


def request_of(partitions: int, offset: int, **session: int) -> bytes:
    """A fetch of 1 MB at most from each partition."""
    asked = [FetchRequest.FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=1 << 20) for index in range(partitions)]
    topics = [FetchRequest.FetchTopic(topic="a", partitions=asked)] if asked else []
    return encode(FetchRequest(max_wait_ms=0, min_bytes=1, topics=topics, **session), VERSION)


def measure(name: str, room: PartitionRoom, body: bytes, rounds: int) -> None:
    """Print what one request costs, and the parts of it."""
    context = room.context(VERSION)
    request = decode(FetchRequest, VERSION, body)[0]
    response = finish(fetch(context, request))
    size = sum(len(one.records) for topic in response.responses for one in topic.partitions)

    def whole() -> None:
        encode_parts(finish(fetch(context, decode(FetchRequest, VERSION, body)[0])), VERSION)

    total = best_of(whole, rounds)
    handled = best_of(lambda: finish(fetch(context, request)), rounds)
    decoded = best_of(lambda: decode(FetchRequest, VERSION, body), rounds)
    encoded = best_of(lambda: encode_parts(response, VERSION), rounds)
    print(f"{name:32} {total:8.1f} us   decode {decoded:.1f}, handle {handled:.1f}, encode {encoded:.1f}   {size} bytes")


def measure_store(name: str, store: LogStore, rounds: int) -> None:
    """One partition of 32 batches of 1 MB."""
    room = PartitionRoom(store)
    room.create_topic("a", topic_id=b"a" * 16)
    batch = build_batch([(None, b"x" * 1000, 1)] * 1000)
    for _ in range(BATCHES):
        room.partition("a").append_records(batch)
    measure(f"{name}, 1 MB from the start", room, request_of(1, 0), rounds)
    measure(f"{name}, 1 MB from the middle", room, request_of(1, BATCHES // 2 * 1000), rounds)
    measure(f"{name}, 1 partition at its end", room, request_of(1, BATCHES * 1000), rounds)


def main() -> None:
    """Both stores."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measure_store("memory", MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)), rounds)
    with tempfile.TemporaryDirectory() as directory:
        store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
        measure_store("disk", store, rounds)
        store.close({})


if __name__ == "__main__":
    main()
