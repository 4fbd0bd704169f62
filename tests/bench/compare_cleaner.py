"""One run of the log cleaner, seen from outside: of pybroker, or of the broker that the command behind `--` starts.

    python -m tests.bench.compare_cleaner [--records 10000000] [--keys 1000000] [--codec none|lz4] [-- command with {port} and {dir}]

1. A compacted topic is filled while nothing is dirty enough to clean. Then it is declared dirty, and the run lasts until the broker's
   cleaner-offset-checkpoint says that all of it is clean. Meanwhile another connection asks 100 times a second: how long does it wait?
2. The topic is read back: each key once, with its last value.

Told are processor time, the most memory during the run, and times. Brokers to be compared take turns; run it for one after the other.
What a producer loses beside the cleaner is measured by `beside_cleaner`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.record import iter_records
from pybroker.wire.messages import (
    ApiVersionsRequest,
    FetchRequest,
    IncrementalAlterConfigsRequest,
    ListOffsetsRequest,
)
from tests.bench.outside import (
    API_VERSIONS_VERSION,
    PRODUCE_VERSION,
    Connection,
    OutsideBroker,
    command_of,
    create_topics,
    data_directory,
    failures,
    produce_request,
    split_words,
    wait_for_leaders,
)

ALTER_VERSION, FETCH_VERSION, LIST_VERSION = 1, 4, 5
STRIDE = 7919  # keys come in an order that is not that of their hashes or of their names
IN_BATCH = 1000
IN_FLIGHT = 5
PING_EVERY_S = 0.01
LOOK_EVERY = 20  # pings
TOPIC_RESOURCE, SET = 2, 0
NEVER_DIRTY, ALWAYS_DIRTY = "1.0", "0.0001"
RUN_LIMIT_S = 1800
ACTIVE_RECORDS = 1  # what is left in the active segment, which is never cleaned


@dataclass(slots=True)
class Load:
    """What is written to a topic."""

    topic: str
    records: int
    keys: int
    codec: int
    value_bytes: int = 100

    def key(self, number: int) -> bytes:
        return b"key-%08d" % (number * STRIDE % self.keys)

    def value(self, number: int) -> bytes:
        return (b"%012d" % number).ljust(self.value_bytes, b".")

    def batches(self) -> Iterator[bytes]:
        now_ms = time.time_ns() // 1_000_000
        for first in range(0, self.records, IN_BATCH):
            rows = [(self.key(number), self.value(number), now_ms) for number in range(first, min(first + IN_BATCH, self.records))]
            yield build_batch(rows, codec=self.codec)


class Pings:
    """How long small requests wait, in milliseconds."""

    def __init__(self, broker: OutsideBroker) -> None:
        self._connection = broker.connect()
        self._request = ApiVersionsRequest(client_software_name="bench", client_software_version="1")
        self.waits_ms: list[float] = []
        self._due = time.perf_counter()

    def next(self) -> None:
        """Wait for the next hundredth of a second, and ask."""
        self._due = max(self._due + PING_EVERY_S, time.perf_counter())
        time.sleep(max(0.0, self._due - time.perf_counter()))
        began = time.perf_counter()
        self._connection.send(self._request, API_VERSIONS_VERSION)
        self._connection.receive_bytes()
        self.waits_ms.append((time.perf_counter() - began) * 1000)

    def told(self) -> str:
        waits = sorted(self.waits_ms)
        at = {name: waits[min(len(waits) - 1, int(len(waits) * part))] for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))}
        return ", ".join(f"{name} {wait:.2f}" for name, wait in at.items()) + f", max {waits[-1]:.2f} ms ({len(waits)} asked)"


def tell(what: str, text: str) -> None:
    """One line of the result."""
    print(f"  {what:<44} {text}", flush=True)


def fill(connection: Connection, load: Load) -> None:
    """Make the topic and write to it; a last batch, written later, rolls its segment, so that all of the load can be cleaned."""
    configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": NEVER_DIRTY, "segment.bytes": str(64 << 20)}
    create_topics(connection, {load.topic: 1}, configs)
    wait_for_leaders(connection, 1)
    send_all(connection, load.topic, load.batches())
    set_config(connection, load.topic, "segment.ms", "100")
    time.sleep(0.3)
    send_all(connection, load.topic, iter([build_batch([(b"last", b"of all", time.time_ns() // 1_000_000)])]))
    set_config(connection, load.topic, "segment.ms", "604800000")


def send_all(connection: Connection, topic: str, batches: Iterator[bytes]) -> None:
    """Send batches, a few in flight."""
    pending = []
    for batch in batches:
        pending.append(connection.send(produce_request([(topic, 0, batch)]), PRODUCE_VERSION))
        if len(pending) >= IN_FLIGHT:
            check(connection.receive(pending.pop(0)))
    for expected in pending:
        check(connection.receive(expected))


def check(answer: object) -> None:
    """A bench that loses records measures nothing."""
    refused = list(failures(answer))
    if refused:
        raise SystemExit(f"not taken: {refused[0]}")


def set_config(connection: Connection, topic: str, name: str, value: str) -> None:
    """Change one setting of a topic."""
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource
    entry = IncrementalAlterConfigsRequest.AlterableConfig(name=name, config_operation=SET, value=value)
    request = IncrementalAlterConfigsRequest(resources=[resource(resource_type=TOPIC_RESOURCE, resource_name=topic, configs=[entry])])
    answer = connection.ask(request, ALTER_VERSION)
    if answer.responses[0].error_code:
        raise SystemExit(f"{name} of {topic} was not set: {answer.responses[0].error_message}")


def cleaned_up_to(directory: str, topic: str) -> int:
    """What the cleaner's checkpoint says, -1 for nothing. While it is being replaced it may say nothing."""
    for path in Path(directory).rglob("cleaner-offset-checkpoint"):
        for line in path.read_text().splitlines():
            fields = line.split()
            if fields[:2] == [topic, "0"]:
                return int(fields[2])
    return -1


def log_bytes(directory: str, topic: str) -> int:
    """Of the log's segments."""
    return sum(path.stat().st_size for path in Path(directory).rglob(f"{topic}-0/*.log"))


def one_run(broker: OutsideBroker, load: Load) -> None:
    """See the module, 1."""
    connection = broker.connect()
    fill(connection, load)
    before = log_bytes(broker.directory, load.topic)
    time.sleep(2)
    quiet = Pings(broker)
    for _ in range(300):
        quiet.next()
    tell("a request waits, without the cleaner", quiet.told())
    broker.reset_peak()
    at_rest_mib = broker.memory_mib()
    set_config(connection, load.topic, "min.cleanable.dirty.ratio", ALWAYS_DIRTY)
    cpu_s = broker.cpu_s()
    began = time.perf_counter()
    pings = Pings(broker)
    while cleaned_up_to(broker.directory, load.topic) < load.records:
        for _ in range(LOOK_EVERY):
            pings.next()
        if time.perf_counter() - began > RUN_LIMIT_S:
            raise SystemExit("the log is not clean after half an hour")
    took_s = time.perf_counter() - began
    tell("a request waits, beside the cleaner", pings.told())
    tell("from the change of the setting until clean", f"{took_s:.1f} s (looks every log.cleaner.backoff.ms, 15 s)")
    tell("processor time meanwhile", f"{broker.cpu_s() - cpu_s:.1f} s, {1e6 * (broker.cpu_s() - cpu_s) / load.records:.2f} us a record")
    tell("memory", f"{at_rest_mib:.0f} MiB before, {broker.memory_mib('VmHWM'):.0f} MiB at most")
    tell("log", f"{before / 1e6:.0f} MB before, {log_bytes(broker.directory, load.topic) / 1e6:.0f} MB after")
    connection.close()


def read_back(broker: OutsideBroker, load: Load) -> None:
    """See the module, 2."""
    connection = broker.connect()
    found: dict[bytes, bytes] = {}
    count = 0
    offset, end = 0, end_offset(connection, load.topic)
    while offset < end:
        records = fetch(connection, load.topic, offset)
        for at, header in iter_batches(records):
            for record in iter_records(records[at : at + header.size_bytes]):
                if record.key is not None and record.offset >= offset:
                    found[record.key] = record.value or b""
                    count += 1
            last = header.next_offset
        offset = last
    wanted = {load.key(number): load.value(number) for number in range(max(0, load.records - load.keys), load.records)}
    wanted[b"last"] = b"of all"
    if found != wanted:
        raise SystemExit(f"{len(found)} keys are left where {len(wanted)} are due, or values are not the last ones")
    tell("read back", f"{count} records, each of {len(wanted) - ACTIVE_RECORDS} keys with its last value")
    if count != len(wanted):
        raise SystemExit("some key is there twice")
    connection.close()


def end_offset(connection: Connection, topic: str) -> int:
    """Where the log ends."""
    partition = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
    request = ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[partition])])
    return int(connection.ask(request, LIST_VERSION).topics[0].partitions[0].offset)


def fetch(connection: Connection, topic: str, offset: int) -> memoryview:
    """Batches from an offset on."""
    partition = FetchRequest.FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=8 << 20)
    request = FetchRequest(replica_id=-1, max_wait_ms=500, min_bytes=1, max_bytes=8 << 20)
    request.topics = [FetchRequest.FetchTopic(topic=topic, partitions=[partition])]
    answer = connection.ask(request, FETCH_VERSION).responses[0].partitions[0]
    if answer.error_code or not answer.records:
        raise SystemExit(f"nothing can be read at {offset}: error {answer.error_code}")
    return memoryview(answer.records)


def main() -> None:
    """Read the command line."""
    words, command = split_words(sys.argv[1:])
    parser = argparse.ArgumentParser(description="One run of the log cleaner, seen from outside.")
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--codec", choices=("none", "lz4"), default="none")
    options = parser.parse_args(words)
    codec = Codec[options.codec.upper()]
    with data_directory() as directory:
        broker = OutsideBroker(command_of(command), directory)
        broker.start()
        print(f"{options.records} records, {options.keys} keys, {options.codec}: {' '.join(broker.command)}")
        load = Load("compacted", options.records, options.keys, codec)
        one_run(broker, load)
        read_back(broker, load)
        broker.stop()


if __name__ == "__main__":
    main()
