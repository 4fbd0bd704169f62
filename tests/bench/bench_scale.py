"""What many partitions cost, and starts after a stop and after a kill. Of pybroker, or of the broker that the command behind `--` starts.

    python -m tests.bench.bench_scale [partitions] [--topics 1000] [--partitions 10] [--nap 2] [-- command with {port} and {dir}]
    python -m tests.bench.bench_scale restart [--mb 100] [--partitions 100] [--batch-kb 16] [-- command with {port} and {dir}]

`partitions`: time to create them, memory and descriptors at rest, with a record in each, and after each kind of start; and to delete them.
`restart`: that many bytes over that many partitions; SIGKILL, then SIGTERM; each time until the broker answers, and until every partition
has acknowledged a record. The command must be able to start twice on one directory.
"""

from __future__ import annotations

import argparse
import sys
import time
from random import Random

from pybroker.records.builder import build_batch
from pybroker.wire.messages import DeleteTopicsRequest
from tests.bench.outside import (
    PRODUCE_VERSION,
    Connection,
    OutsideBroker,
    command_of,
    create_topics,
    data_directory,
    describe,
    failures,
    produce_request,
    split_words,
    wait_for_leaders,
    write_each,
)

RECORDS_PER_REQUEST = 10_000  # what Kafka's controller takes at once: a record for each topic and each partition
DELETE_VERSION = 6
IN_FLIGHT = 4


def tell(what: str, value: float, unit: str) -> None:
    """One line of the result."""
    print(f"  {what:<52}{value:>10.1f} {unit}", flush=True)


def tell_size(broker: OutsideBroker, when: str) -> None:
    """Memory and descriptors."""
    tell(f"memory {when}", broker.memory_mib(), "MiB")
    tell(f"descriptors {when}", broker.descriptors(), "")


def one_record(now_ms: int) -> bytes:
    """A batch of one."""
    return build_batch([(None, b"a record", now_ms)])


def start(broker: OutsideBroker, after: str, places: list[tuple[str, int]]) -> None:
    """Start, and have every partition take a record."""
    began = time.perf_counter()
    took_s = broker.start()
    tell(f"start after {after}: ApiVersions answered", took_s * 1000, "ms")
    connection = broker.connect()
    batch = one_record(time.time_ns() // 1_000_000)
    write_each(connection, [(*places[0], batch)])
    tell(f"start after {after}: one partition took a record", (time.perf_counter() - began) * 1000, "ms")
    write_each(connection, [(*place, batch) for place in places])
    tell(f"start after {after}: every partition took a record", (time.perf_counter() - began) * 1000, "ms")
    tell(f"processor time of that, after {after}", broker.cpu_s() * 1000, "ms")
    tell_size(broker, f"after {after} and a record in each")
    connection.close()


def many_partitions(broker: OutsideBroker, topics: int, partitions: int, nap_s: float) -> None:
    """See the module."""
    names = [f"topic-{number:05d}" for number in range(topics)]
    places = [(name, partition) for name in names for partition in range(partitions)]
    tell("first start: ApiVersions answered", broker.start() * 1000, "ms")
    connection = broker.connect()
    time.sleep(nap_s)
    tell_size(broker, "at first")
    cpu_s, began = broker.cpu_s(), time.perf_counter()
    at_once = max(1, RECORDS_PER_REQUEST // (partitions + 1))
    for first in range(0, topics, at_once):
        create_topics(connection, dict.fromkeys(names[first : first + at_once], partitions))
    tell("create: answered", (time.perf_counter() - began) * 1000, "ms")
    wait_for_leaders(connection, len(places))
    tell("create: all have a leader", (time.perf_counter() - began) * 1000, "ms")
    tell("create: processor time", (broker.cpu_s() - cpu_s) * 1000, "ms")
    time.sleep(nap_s)
    tell_size(broker, "with all partitions")
    began = time.perf_counter()
    describe(connection)
    tell("metadata of all, with its decoding here", (time.perf_counter() - began) * 1000, "ms")
    cpu_s, began = broker.cpu_s(), time.perf_counter()
    batch = one_record(time.time_ns() // 1_000_000)
    write_each(connection, [(*place, batch) for place in places])
    tell("one record in each", (time.perf_counter() - began) * 1000, "ms")
    tell("one record in each: processor time", (broker.cpu_s() - cpu_s) * 1000, "ms")
    time.sleep(nap_s)
    tell_size(broker, "with a record in each")
    tell("processor time at rest", idle_percent(broker, nap_s), "%")
    tell("SIGTERM to exit", broker.stop() * 1000, "ms")
    start(broker, "SIGTERM", places)
    broker.kill()
    start(broker, "SIGKILL", places)
    delete_all(broker, names)
    broker.stop()


def idle_percent(broker: OutsideBroker, nap_s: float) -> float:
    """Of one core."""
    cpu_s, began = broker.cpu_s(), time.perf_counter()
    time.sleep(max(nap_s, 0.5))
    return 100 * (broker.cpu_s() - cpu_s) / (time.perf_counter() - began)


def delete_all(broker: OutsideBroker, names: list[str]) -> None:
    """In one request."""
    connection = broker.connect()
    state = DeleteTopicsRequest.DeleteTopicState
    began = time.perf_counter()
    connection.ask(DeleteTopicsRequest(topics=[state(name=name) for name in names], timeout_ms=600_000), DELETE_VERSION)
    tell("delete all: answered", (time.perf_counter() - began) * 1000, "ms")
    connection.close()


def restarts(broker: OutsideBroker, mb: int, partitions: int, batch_kb: int) -> None:
    """See the module."""
    broker.start()
    connection = broker.connect()
    create_topics(connection, {"big": partitions})
    wait_for_leaders(connection, partitions)
    places = [("big", partition) for partition in range(partitions)]
    write_each(connection, [(*place, one_record(time.time_ns() // 1_000_000)) for place in places])
    tell("written", fill(connection, mb, partitions, batch_kb), "MB")
    broker.kill()
    start(broker, "SIGKILL", places)
    tell("SIGTERM to exit", broker.stop() * 1000, "ms")
    start(broker, "SIGTERM", places)
    broker.stop()


def fill(connection: Connection, mb: int, partitions: int, batch_kb: int) -> float:
    """Write batches to all partitions in turn; returns the megabytes."""
    now_ms, values = time.time_ns() // 1_000_000, Random(1)
    batch = build_batch([(None, values.randbytes(1000), now_ms) for _ in range(max(1, batch_kb))])
    at_once = max(1, (1 << 20) // len(batch))
    places = [("big", number % partitions) for number in range(mb * 1_000_000 // len(batch))]
    pending = []
    for first in range(0, len(places), at_once):
        wanted = sorted(places[first : first + at_once])
        if len(wanted) > len(set(wanted)):
            raise SystemExit("a request would name a partition twice: more partitions, or larger batches")
        pending.append(connection.send(produce_request((*place, batch) for place in wanted), PRODUCE_VERSION))
        if len(pending) > IN_FLIGHT:
            check(connection.receive(pending.pop(0)))
    for expected in pending:
        check(connection.receive(expected))
    return len(places) * len(batch) / 1e6


def check(answer: object) -> None:
    """A bench that loses records measures nothing."""
    refused = list(failures(answer))
    if refused:
        raise SystemExit(f"not taken: {refused[0]}")


def main() -> None:
    """Read the command line."""
    words, command = split_words(sys.argv[1:])
    parser = argparse.ArgumentParser(description="What many partitions cost, and starts.")
    parser.add_argument("what", nargs="?", choices=("all", "partitions", "restart"), default="all")
    parser.add_argument("--topics", type=int, default=100)
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--nap", type=float, default=1.0, help="seconds of rest before memory is looked at")
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--batch-kb", type=int, default=16)
    options = parser.parse_args(words)
    if options.what in ("all", "partitions"):
        count = options.partitions or 10
        print(f"{options.topics} topics of {count} partitions")
        with data_directory() as directory:
            many_partitions(OutsideBroker(command_of(command), directory), options.topics, count, options.nap)
    if options.what in ("all", "restart"):
        count = options.partitions or 100
        print(f"{options.mb} MB in {count} partitions, batches of {options.batch_kb} records of 1 kB")
        with data_directory() as directory:
            restarts(OutsideBroker(command_of(command), directory), options.mb, count, options.batch_kb)


if __name__ == "__main__":
    main()
