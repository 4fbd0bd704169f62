"""What compaction costs the loop: how long others wait while a log of many records is cleaned, and how much processor it takes.

    python tests/bench/bench_cleaner.py [records]

A task that wants its turn each hundredth of a second sees how late it comes. Once alone (an idle broker), once beside a task that is busy.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from random import Random

import trio

from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.runtime.cleaner import Cleaner
from pybroker.runtime.clock import SystemClock, processor_s
from pybroker.runtime.pacing import Pace
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom

CONFIGS = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.bytes": str(16 << 20)}
TURN_EVERY_S = 0.01
held_s: list[float] = []
plain_note = Pace._note


def fill(room: PartitionRoom, records: int, in_batch: int, codec: int) -> None:
    """Records of 100 bytes; each key three times."""
    live, now_ms = room.partition("t"), room.clock.now_ms()
    for start in range(0, records, in_batch):
        rows = [(b"key-%08d" % (number % (records // 3)), b"v" * 100, now_ms) for number in range(start, start + in_batch)]
        batch = bytearray(build_batch(rows, base_offset=start, codec=codec))
        live.append_records(batch)
    live.log.roll(now_ms)


async def clean(room: PartitionRoom, store: DiskLogStore, records: int, busy: bool) -> None:
    """Clean, and tell what that did to others."""
    cleaner = Cleaner(room.partitions, store, room.settings, SystemClock())
    late: list[float] = []

    async def want_turns() -> None:
        while True:
            due = time.perf_counter() + TURN_EVERY_S
            await trio.sleep(TURN_EVERY_S)
            late.append(time.perf_counter() - due)

    async def be_busy() -> None:
        while True:
            until = time.perf_counter() + 0.0006
            while time.perf_counter() < until:
                pass
            await trio.lowlevel.checkpoint()

    began, cpu = time.perf_counter(), time.process_time()
    held_s.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(want_turns)
        if busy:
            nursery.start_soon(be_busy)
        while await cleaner.clean_dirtiest():
            pass
        nursery.cancel_scope.cancel()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"   {took:6.2f} s, {cpu:6.2f} s CPU; the cleaner {1e6 * sum(held_s) / records:.2f} us a record; others wait {worst_of(late)}")
    print(
        f"   the loop is held at once for {worst_of(held_s)} of processor time, and has {1 - sum(held_s) / took:.2f} of the time for others"
    )


def note(self: Pace) -> None:
    """How long a slice was: what neighbours on the machine do does not count."""
    held_s.append(processor_s() - self._began_processor_s)
    plain_note(self)


def worst_of(values: list[float]) -> str:
    """The worst hundredth, and the worst."""
    values = sorted(values)
    return f"{values[int(len(values) * 0.99)] * 1000:.2f} ms (p99), {values[-1] * 1000:.2f} ms (worst)"


def run(records: int, in_batch: int, codec: int, busy: bool) -> None:
    """One case."""
    with tempfile.TemporaryDirectory() as directory:
        store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
        room = PartitionRoom(store)
        room.create_topic("t", configs=CONFIGS)
        fill(room, records, in_batch, codec)
        live = room.partition("t")
        before = live.log.size_bytes
        print(f"{records} records, {in_batch} a batch, {Codec(codec).name}, {'busy' if busy else 'idle'}: {before / 1e6:.0f} MB")
        trio.run(clean, room, store, records, busy)
        kept = sum(header.record_count for header, _ in live.log.batches(0))
        print(f"   {live.log.size_bytes / 1e6:.0f} MB, {kept} records are left")
        store.abandon()


if __name__ == "__main__":
    Pace._note = note  # type: ignore[method-assign]  # what a bench looks at is none of the product's business
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # as the broker does
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    run(count // 10, 1, Codec.NONE, False)
    for in_batch, codec in ((100, Codec.NONE), (5_000, Codec.NONE), (5_000, Codec.ZSTD)):
        run(count, in_batch, codec, False)
    run(count // 10, 100, Codec.NONE, True)
