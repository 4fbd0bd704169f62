"""Microseconds per operation of the records room: `python -m tests.bench.bench_records`."""

from __future__ import annotations

import timeit
from collections.abc import Callable

from pybroker.records.batch import patch_base_offset_and_epoch, read_header
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.record import iter_records
from pybroker.records.validate import ProduceRules, check_produce

NOW_MS = 1_790_000_000_000
RULES = ProduceRules(api_version=13, now_ms=NOW_MS, max_message_bytes=1 << 30)


def best_us(operation: Callable[[], object], number: int) -> float:
    """Return the best of five rounds."""
    operation()
    return min(timeit.repeat(operation, number=number, repeat=5)) / number * 1e6


def batch_of(count: int, value_bytes: int, *, uneven: bool = False, codec: int = Codec.NONE) -> memoryview:
    """Return a writable batch; uneven values differ in size from record to record."""
    word = bytes(range(256)) * (value_bytes // 128 + 1)
    sizes = ((value_bytes // 2 + i * 37 % value_bytes) if uneven else value_bytes for i in range(count))
    records = [(b"key-%05d" % i, word[i % 100 : i % 100 + size], NOW_MS + i // 100) for i, size in enumerate(sizes)]
    return memoryview(bytearray(build_batch(records, codec=codec)))


def main() -> None:
    """Print one line for each case."""
    one = batch_of(1, 100)
    print(f"{'read_header':42} {best_us(lambda: read_header(one), 20000):9.2f} us")
    print(f"{'patch_base_offset_and_epoch':42} {best_us(lambda: patch_base_offset_and_epoch(one, 0, 0, 3), 20000):9.2f} us")
    print(f"{'check_produce, 1 record':42} {best_us(lambda: check_produce(one, RULES), 5000):9.2f} us")
    print(f"{'build_batch, 1 record':42} {best_us(lambda: build_batch([(b'key', b'value', NOW_MS)]), 2000):9.2f} us")
    for count, size in ((16, 1024), (160, 100), (1000, 1024), (9500, 100)):
        for uneven in (False, True):
            batch = batch_of(count, size, uneven=uneven)
            name = f"check_produce, {count} of {size} B{', uneven' if uneven else ''}"
            print(f"{name:42} {best_us(lambda batch=batch: check_produce(batch, RULES), 20):9.2f} us")
    for codec in (Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD):
        batch = batch_of(1000, 1024, codec=codec)
        name = f"check_produce, 1000 of 1024 B, {codec.name.lower()}"
        print(f"{name:42} {best_us(lambda batch=batch: check_produce(batch, RULES), 20):9.2f} us")
    many = batch_of(1000, 100)
    print(f"{'iter_records, each of 1000':42} {best_us(lambda: list(iter_records(many)), 5) / 1000:9.2f} us")


if __name__ == "__main__":
    main()
