"""A producer at full speed beside the log cleaner: of pybroker, or of the broker that the command behind `--` starts.

    python -m tests.bench.beside_cleaner [--pairs 200] [--records 2000000] [--seed 1] [-- command with {port} and {dir}]

The rate of a producer moves by more than what the cleaner takes, from second to second and with whatever else the machine does. So short
stretches without the cleaner and with it are compared with their neighbours, in one life of one broker: two are a pair, which of them comes
first is drawn by seed, and what counts are the medians of the pairs' ratios. After each pair comes one of the control, where nothing is
cleaned in either half: it tells how far this method is off.

- pybroker's cleaner is held and let go by a switch (`held_cleaner`), so stretches are a tenth of a second.
- That of another broker has no switch. There each pair has a topic of its own: the stretch begins when it is declared dirty and lasts until
  cleaner-offset-checkpoint says that it is clean; the one without is as long. --records are spread over the topics. The command has to set
  log.cleaner.backoff.ms=20, and for both log.retention.check.interval.ms=1000, so that the disk does not fill.

Told are for one batch in flight and for five: the median and the quartiles of the ratio of rates, and of that of MB for a second of the
broker's processor time, which hangs less on what others leave of the machine; and how long a batch waits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from tests.bench.compare_cleaner import ALWAYS_DIRTY, Load, check, cleaned_up_to, fill, set_config, tell
from tests.bench.held_cleaner import SWITCH
from tests.bench.outside import (
    PRODUCE_VERSION,
    OutsideBroker,
    command_of,
    create_topics,
    data_directory,
    produce_request,
    split_words,
)

IN_FLIGHT = (1, 5)
STRETCH_S = 0.1
LOOK_EVERY_S = 0.02
RECORDS_OF_A_KEY = 10
STREAM = "stream"
STREAM_CONFIGS = {"segment.bytes": str(64 << 20), "retention.bytes": str(64 << 20), "file.delete.delay.ms": "1000"}
HELD = [sys.executable, "-m", "tests.bench.held_cleaner", "--listen", "127.0.0.1:{port}", "--data-dir", "{dir}"]
HELD += ["--set", "log.cleaner.backoff.ms=20", "--set", "log.retention.check.interval.ms=1000"]


@dataclass(slots=True)
class Stretch:
    """What a producer got done, and what it cost."""

    taken_bytes: int = 0
    took_s: float = 0.0
    cpu_s: float = 0.0
    waits_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """MB/s."""
        return self.taken_bytes / 1e6 / self.took_s

    @property
    def mb_per_cpu_s(self) -> float:
        """MB for a second of the broker's processor time."""
        return self.taken_bytes / 1e6 / self.cpu_s


Pair = tuple[Stretch, Stretch]
"""Without the cleaner, with it."""
IsOver = Callable[[], bool]


class Producer:
    """Sends one batch again and again, a few in flight."""

    def __init__(self, broker: OutsideBroker) -> None:
        self._broker = broker
        self._connection = broker.connect()
        batch = build_batch([(None, b"v" * 1000, time.time_ns() // 1_000_000) for _ in range(16)])
        self._request = produce_request([(STREAM, 0, batch)])
        self._batch_bytes = len(batch)

    def send_until(self, is_over: IsOver, in_flight: int) -> Stretch:
        """One stretch; `is_over` is asked after each batch."""
        stretch = Stretch(cpu_s=-self._broker.cpu_s(), took_s=-time.perf_counter())
        pending: deque[tuple[float, tuple[Any, int]]] = deque()
        while not is_over():
            pending.append((time.perf_counter(), self._connection.send(self._request, PRODUCE_VERSION)))
            if len(pending) >= in_flight:
                self._take(pending, stretch)
        while pending:
            self._take(pending, stretch)
        stretch.took_s += time.perf_counter()
        stretch.cpu_s += self._broker.cpu_s()
        return stretch

    def send_for(self, seconds: float, in_flight: int) -> Stretch:
        """One stretch of so many seconds."""
        until = time.perf_counter() + seconds
        return self.send_until(lambda: time.perf_counter() >= until, in_flight)

    def _take(self, pending: deque[tuple[float, tuple[Any, int]]], stretch: Stretch) -> None:
        sent, expected = pending.popleft()
        check(self._connection.receive(expected))
        stretch.waits_ms.append((time.perf_counter() - sent) * 1000)
        stretch.taken_bytes += self._batch_bytes


class Switched:
    """pybroker's cleaner: one large log, worked at whenever the switch says so."""

    def __init__(self, broker: OutsideBroker, producer: Producer, pairs: int, records: int) -> None:
        self._broker, self._producer = broker, producer
        self._connection = broker.connect()
        self._load = Load("compacted", records, max(1, records // RECORDS_OF_A_KEY), Codec.NONE)
        self._switch = os.open(os.environ[SWITCH], os.O_WRONLY)
        fill(self._connection, self._load)
        set_config(self._connection, self._load.topic, "min.cleanable.dirty.ratio", ALWAYS_DIRTY)

    def is_done(self) -> bool:
        """Whether nothing is left to clean."""
        return cleaned_up_to(self._broker.directory, self._load.topic) >= self._load.records

    def without(self, in_flight: int) -> Stretch:
        return self._producer.send_for(STRETCH_S, in_flight)

    def during(self, in_flight: int) -> Stretch:
        return self._switched(b"1", in_flight)

    def control(self, in_flight: int) -> Stretch:
        """All the same, but that the switch stays where it is."""
        return self._switched(b"0", in_flight)

    def _switched(self, to: bytes, in_flight: int) -> Stretch:
        os.write(self._switch, to)
        try:
            return self._producer.send_for(STRETCH_S, in_flight)
        finally:
            os.write(self._switch, b"0")


class ByTopics:
    """Any broker's cleaner: a topic for each stretch."""

    def __init__(self, broker: OutsideBroker, producer: Producer, pairs: int, records: int) -> None:
        self._broker, self._producer = broker, producer
        self._connection = broker.connect()
        each = records // (1 + pairs * len(IN_FLIGHT))
        self._loads = [
            Load(f"compacted-{number}", each, max(1, each // RECORDS_OF_A_KEY), Codec.NONE) for number in range(1 + pairs * len(IN_FLIGHT))
        ]
        for load in self._loads:
            fill(self._connection, load)
        self._length_s = self.during(1).took_s  # who compiles on the way has done so

    def is_done(self) -> bool:
        """Whether nothing is left to clean."""
        return not self._loads

    def without(self, in_flight: int) -> Stretch:
        return self._producer.send_for(self._length_s, in_flight)

    def during(self, in_flight: int) -> Stretch:
        load = self._loads.pop()
        look_at = 0.0

        def is_clean() -> bool:
            nonlocal look_at
            if (now := time.perf_counter()) < look_at:
                return False
            look_at = now + LOOK_EVERY_S
            return cleaned_up_to(self._broker.directory, load.topic) >= load.records

        set_config(self._connection, load.topic, "min.cleanable.dirty.ratio", ALWAYS_DIRTY)
        stretch = self._producer.send_until(is_clean, in_flight)
        self._length_s = stretch.took_s
        return stretch

    def control(self, in_flight: int) -> Stretch:
        """A setting is changed that is so already."""
        set_config(self._connection, STREAM, "min.cleanable.dirty.ratio", ALWAYS_DIRTY)
        return self.without(in_flight)


def in_random_order(rng: Random, first: Callable[[int], Stretch], second: Callable[[int], Stretch], in_flight: int) -> Pair:
    """Two stretches; the result tells the first before the second, whichever was taken first."""
    if rng.random() < 0.5:
        early = first(in_flight)
        return early, second(in_flight)
    late = second(in_flight)
    return first(in_flight), late


def quartiles(values: list[float]) -> str:
    """Median, and the quartiles around it."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def waits(stretches: list[Stretch]) -> str:
    """How long a batch waited, in all of these."""
    every = sorted(wait for stretch in stretches for wait in stretch.waits_ms)
    return " ".join(f"{every[min(len(every) - 1, int(len(every) * part))]:.2f}" for part in (0.5, 0.99, 0.999, 1.0))


def told(name: str, pairs: list[Pair]) -> None:
    """The lines of one series."""
    sides = ([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    rates = ", ".join(f"{statistics.median(one.rate for one in side):.1f}" for side in sides)
    length_s = statistics.median(pair[1].took_s for pair in pairs)
    tell(f"{name}: ratio of rates", f"{quartiles([b.rate / a.rate for a, b in pairs])} ({len(pairs)} pairs of {length_s:.1f} s)")
    tell("  of MB for a second of processor time", quartiles([b.mb_per_cpu_s / a.mb_per_cpu_s for a, b in pairs]))
    tell("  MB/s without, with", rates)
    tell("  a batch waits: p50 p99 p99.9 max, ms", f"{waits(sides[0])} without, {waits(sides[1])} with")


def measure(broker: OutsideBroker, pairs: int, records: int, seed: int, switched: bool) -> None:
    """See the module."""
    connection = broker.connect()
    create_topics(connection, {STREAM: 1}, STREAM_CONFIGS)
    cleaning = (Switched if switched else ByTopics)(broker, Producer(broker), pairs, records)
    rng = Random(seed)
    taken: dict[tuple[str, int], list[Pair]] = {(name, count): [] for count in IN_FLIGHT for name in ("cleaner", "control")}
    for number in range(pairs * len(IN_FLIGHT)):
        if cleaning.is_done():
            break
        in_flight = IN_FLIGHT[number % len(IN_FLIGHT)]
        taken["cleaner", in_flight].append(in_random_order(rng, cleaning.without, cleaning.during, in_flight))
        taken["control", in_flight].append(in_random_order(rng, cleaning.without, cleaning.control, in_flight))
    for (name, in_flight), some in taken.items():
        told(f"{name}, {in_flight} in flight", some)
    connection.close()


def main() -> None:
    """Read the command line."""
    words, command = split_words(sys.argv[1:])
    parser = argparse.ArgumentParser(description="A producer at full speed, with the log cleaner and without.")
    parser.add_argument("--pairs", type=int, default=200, help="for each number of batches in flight")
    parser.add_argument("--records", type=int, default=2_000_000, help="to be cleaned")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(words)
    with data_directory() as directory:
        os.environ[SWITCH] = directory + ".switch"
        os.mkfifo(os.environ[SWITCH])
        broker = OutsideBroker(command_of(command) if command else HELD, directory)
        try:
            broker.start()
            print(f"{options.pairs} pairs, {options.records} records, seed {options.seed}: {' '.join(broker.command)}", flush=True)
            measure(broker, options.pairs, options.records, options.seed, not command)
            broker.stop()
        finally:
            Path(os.environ[SWITCH]).unlink()


if __name__ == "__main__":
    main()
