"""Runs the scenarios against one client library and prints one verdict a line: `PASS name`, `FAIL name why` or `SKIP name why`.

A client's `check.py` calls `main(client_class, __file__)`. With `--member GROUP TOPIC` the same program is a group member that
polls until it is killed; scenarios start it as a child process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from contract import Admin, Client, Consumer, ConsumerOptions, Message, Missing, Producer, ProducerOptions

PATIENCE_S = 30.0  # a scenario that waits longer than this for one thing has failed
SCENARIO_LIMIT_S = 90  # a client that hangs must not hold up the others

Scenario = Callable[["Bench"], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


class Bench:
    """What one scenario works with: the client, fresh names, and everything it opened, closed again at the end."""

    def __init__(self, client: Client, program: str) -> None:
        self.client = client
        self.program = program
        self.admin: Admin = client.admin()
        self.stack = contextlib.ExitStack()
        self.stack.callback(self.admin.close)

    def name(self, what: str = "topic") -> str:
        return f"compat-{what}-{uuid.uuid4().hex[:10]}"

    def topic(self, partitions: int = 1, **configs: str) -> str:
        name = self.name()
        self.admin.create_topic(name, partitions, {key.replace("_", "."): value for key, value in configs.items()})
        eventually(lambda: self.admin.topics().get(name) == partitions, "the topic is listed")
        return name

    def producer(self, **options: Any) -> Producer:
        producer = self.client.producer(ProducerOptions(**options))
        self.stack.callback(producer.close)
        return producer

    def consumer(self, **options: Any) -> Consumer:
        consumer = self.client.consumer(ConsumerOptions(**options))
        self.stack.callback(consumer.close)
        return consumer

    def member_process(self, group: str, topic: str) -> subprocess.Popen[str]:
        """A group member in a process of its own; returns once it holds partitions."""
        command = [sys.executable, self.program, "--member", group, topic]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.stack.callback(child.wait)
        self.stack.callback(child.kill)
        assert child.stdout is not None
        if child.stdout.readline().strip() != "assigned":
            raise AssertionError("the child never got partitions")
        return child


def eventually(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience_s:g} s: {what}")
        time.sleep(0.02)


def gather(consumer: Consumer, count: int, patience_s: float = PATIENCE_S) -> list[Message]:
    """Polls until `count` messages are here, and once more to see that there is not one too many."""
    found: list[Message] = []
    deadline = time.monotonic() + patience_s
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.poll(0.2)
    found += consumer.poll(0.2)
    assert len(found) == count, f"{len(found)} messages instead of {count}"
    return found


def share_out(consumers: list[Consumer], topic: str, partitions: int, patience_s: float = PATIENCE_S) -> list[set[int]]:
    """Polls all consumers until each holds partitions of the topic and together they hold each exactly once."""
    shares: list[set[int]] = []

    def settled() -> bool:
        list(pool.map(lambda consumer: consumer.poll(0.3), consumers))
        shares[:] = [{index for name, index in consumer.assignment() if name == topic} for consumer in consumers]
        held = sorted(index for share in shares for index in share)
        return all(shares) and held == list(range(partitions))

    pool = ThreadPoolExecutor(len(consumers))  # at once: a member that waits its turn to poll would upset the others' rebalance
    try:
        eventually(settled, f"{len(consumers)} members share {partitions} partitions", patience_s)
    except AssertionError as late:
        raise AssertionError(f"{late}; last seen {shares}") from late
    finally:
        pool.shutdown()
    return shares


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    def late(_: int, frame: FrameType | None) -> None:
        places = [f"{Path(entry.filename).name}:{entry.lineno}" for entry in traceback.extract_stack(frame)[-4:]]
        raise AssertionError(f"still busy after {seconds} s in {' '.join(places)}")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def member(client: Client, group: str, topic: str) -> None:
    consumer = client.consumer(ConsumerOptions(group=group))
    consumer.subscribe(topic)
    told = False
    while True:
        consumer.poll(0.1)
        if consumer.assignment() and not told:
            told = True
            print("assigned", flush=True)


def run_one(name: str, function: Scenario, client: Client, program: str) -> str:
    bench = None
    try:
        with time_limit(SCENARIO_LIMIT_S):
            bench = Bench(client, program)
            function(bench)
        return f"PASS {name}"
    except Missing as missing:
        return f"SKIP {name} {missing}"
    except Exception as error:
        if os.environ.get("COMPAT_VERBOSE"):
            traceback.print_exc()
        return f"FAIL {name} {type(error).__name__} {error}".replace("\n", " ")[:240]
    finally:
        if bench is not None:
            with contextlib.suppress(Exception), time_limit(20):
                bench.stack.close()


def main(client_class: Callable[[str], Client], program: str) -> None:
    import scenarios  # noqa: F401 - importing it is what fills the table

    client = client_class(os.environ["BOOTSTRAP"])
    arguments = sys.argv[1:]
    if arguments[:1] == ["--member"]:
        member(client, *arguments[1:])
    failed = 0
    for name, function in SCENARIOS.items():
        if arguments and name not in arguments:
            continue
        verdict = run_one(name, function, client, program)
        failed += verdict.startswith("FAIL")
        print(verdict, flush=True)
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # a client's stuck thread must not keep the suite alive
