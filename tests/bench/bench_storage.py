"""What storage costs: append, reads at the tail and in bulk, reopening. Run: `python -m tests.bench.bench_storage [directory]`.

Numbers are for one thread, bytes in the page cache. "write" is the system call alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.storage.interface import Log, LogConfig
from pybroker.storage.memory import MemoryLogStore
from pybroker.storage.store import DiskLogStore

MIB = 1 << 20


def best_of(work: Callable[[], int], rounds: int = 3) -> float:
    """Seconds for one of the things that `work` does; it returns how many it did."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        count = work()
        times.append((time.perf_counter() - start) / count)
    return min(times)


def appender(log: Log, size_bytes: int, count: int) -> Callable[[], int]:
    """Appends `count` batches of about `size_bytes`."""
    view = memoryview(bytearray(build_batch([(None, bytes(size_bytes - 70))], timestamp=1000, leader_epoch=0)))
    header = read_header(view)

    def work() -> int:
        for offset in range(log.log_end_offset, log.log_end_offset + count):
            header.base_offset = offset
            view[:8] = offset.to_bytes(8)
            log.append(view, header, 0)
        return count

    return work


def tail_reads(log: Log) -> int:
    """Reads of the last batch."""
    end = log.log_end_offset
    for _ in range(20_000):
        log.read(end - 1, MIB, end, True)
    return 20_000


def bulk_reads(log: Log) -> int:
    """Reads of a mebibyte each, one after the other, without the bytes. One offset a batch."""
    offset = count = 0
    batch_bytes = log.size_bytes // log.log_end_offset
    while offset < log.log_end_offset:
        found = log.read(offset, MIB, log.log_end_offset, True)
        assert found is not None
        offset += max(1, len(found) // batch_bytes)
        count += 1
    return count


def show(what: str, seconds: float) -> None:
    """One line."""
    print(f"{what:<44} {seconds * 1e6:10.2f} us")


def bench_logs(kind: str, store: DiskLogStore | MemoryLogStore) -> None:
    """Append and read."""
    small = store.create("small", 0, bytes(16), LogConfig())
    show(f"{kind}: append 170 bytes", best_of(appender(small, 170, 30_000)))
    show(f"{kind}: tail read", best_of(lambda: tail_reads(small)))
    kilo = store.create("kilo", 0, bytes(16), LogConfig())
    show(f"{kind}: append 1 KiB", best_of(appender(kilo, 1024, 30_000)))
    show(f"{kind}: 1 MiB reads of 1 KiB batches", best_of(lambda: bulk_reads(kilo)))
    large = store.create("large", 0, bytes(16), LogConfig())
    show(f"{kind}: append 1 MiB", best_of(appender(large, MIB, 100)))
    show(f"{kind}: 1 MiB reads of 1 MiB batches", best_of(lambda: bulk_reads(large)))


def bench_raw_write(directory: str) -> None:
    """The system call, for comparison."""
    for size_bytes, count in ((170, 30_000), (MIB, 100)):
        fd = os.open(os.path.join(directory, "raw"), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
        data = bytes(size_bytes)
        show(f"write {size_bytes} bytes", best_of(lambda fd=fd, data=data, count=count: sum(os.write(fd, data) > 0 for _ in range(count))))
        os.close(fd)


def bench_reopen(directory: str, batch_bytes: int) -> None:
    """A store with a gibibyte in six logs, after a kill and after a clean stop."""

    def reopen() -> DiskLogStore:
        return DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))

    store = reopen()
    for partition in range(6):
        appender(store.create(f"reopen{batch_bytes}", partition, bytes(16), LogConfig()), batch_bytes, (1 << 30) // 6 // batch_bytes)()
    store.abandon()
    for what in ("a kill", "a clean stop"):
        start = time.perf_counter()
        store = reopen()
        print(f"{'reopen 1 GiB of ' + str(batch_bytes) + ' byte batches after ' + what:<44} {(time.perf_counter() - start) * 1e3:10.1f} ms")
        store.close({})
    store = reopen()
    for log in store.logs():
        store.delete(log)
    store.delete_expired(0)
    store.delete_expired(1 << 60)
    store.abandon()


def bench_many(directory: str) -> None:
    """A thousand logs: made, written once, found again."""
    store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
    show("make a log", best_of(lambda: len([store.create(f"many{n}", 0, bytes(16), LogConfig()) for n in range(1000)]), 1))
    show("first append to a log", best_of(lambda: sum(appender(log, 170, 1)() for log in store.logs()), 1))
    store.abandon()
    show("reopen a log after a kill", best_of(lambda: reopened(directory), 1))


def reopened(directory: str) -> int:
    """How many logs a store finds."""
    store = DiskLogStore.open([directory], cluster_id=None, node_id=1, rng=Random(1))
    count = len(list(store.logs()))
    store.abandon()
    return count


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as directory:
        bench_raw_write(directory)
        bench_logs("memory", MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)))
        parts = [str(Path(directory) / name) for name in ("logs", "large", "kilo", "many")]
        store = DiskLogStore.open([parts[0]], cluster_id=None, node_id=1, rng=Random(1))
        bench_logs("disk", store)
        store.abandon()
        bench_reopen(parts[1], MIB)
        bench_reopen(parts[2], 1024)
        bench_many(parts[3])


if __name__ == "__main__":
    main()
