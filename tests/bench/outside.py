"""A broker seen from outside: start it, ask it, look at its processor time, memory and descriptors (Linux), stop or kill it.

For the benches that compare brokers. No event loop here: what is measured shall not wait for it.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pybroker.wire.codec import decode, encode
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import ApiVersionsRequest, CreateTopicsRequest, MetadataRequest, ProduceRequest, message_class

PYBROKER = [sys.executable, "-m", "pybroker", "--listen", "127.0.0.1:{port}", "--data-dir", "{dir}"]
START_LIMIT_S = 600
ANSWER_LIMIT_S = 600
CREATE_VERSION, PRODUCE_VERSION, METADATA_VERSION, API_VERSIONS_VERSION = 7, 9, 12, 3


class Connection:
    """One blocking connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: Any, version: int) -> tuple[Any, int]:
        """Send; what comes back is for `receive`."""
        key = type(request).API_KEY
        payload = request_header(key, version, 1, "bench") + encode(request, version)
        self.socket.sendall(len(payload).to_bytes(4) + payload)
        return message_class(type(request).__name__.removesuffix("Request") + "Response"), version

    def receive(self, expected: tuple[Any, int]) -> Any:
        """The answer to the oldest request."""
        answer, version = expected
        payload = self.receive_bytes()
        return decode(answer, version, payload, response_header_size(answer.API_KEY, version))[0]

    def receive_bytes(self) -> bytearray:
        """The next frame."""
        payload = bytearray(int.from_bytes(self._exactly(bytearray(4))))
        return self._exactly(payload)

    def ask(self, request: Any, version: int) -> Any:
        """Send, and wait for the answer."""
        return self.receive(self.send(request, version))

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, buffer: bytearray) -> bytearray:
        view = memoryview(buffer)
        while view:
            received = self.socket.recv_into(view)
            if not received:
                raise ConnectionError("the broker closed the connection")
            view = view[received:]
        return buffer


class OutsideBroker:
    """A broker's process. `command`: its words, with {port} and {dir}; the first process that it becomes is the one that is measured."""

    def __init__(self, command: Sequence[str], directory: str) -> None:
        self.command = list(command)
        self.directory = directory
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start on a free port; returns the seconds until ApiVersions was answered."""
        self.port = _free_port()
        words = [word.format(port=self.port, dir=self.directory) for word in self.command]
        with Path(self.directory + ".log").open("ab") as log:
            began = time.perf_counter()
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        while True:
            try:
                connection = Connection(self.port)
                connection.ask(ApiVersionsRequest(client_software_name="bench", client_software_version="1"), API_VERSIONS_VERSION)
            except OSError as error:
                if self._process.poll() is not None or time.perf_counter() - began > START_LIMIT_S:
                    raise SystemExit(f"the broker did not start, see {self.directory}.log") from error
                time.sleep(0.002)
                continue
            connection.close()
            return time.perf_counter() - began

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Returns the seconds until it had gone."""
        assert self._process is not None
        began = time.perf_counter()
        self._process.send_signal(how)
        self._process.wait()
        return time.perf_counter() - began

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def connect(self) -> Connection:
        return Connection(self.port)

    def cpu_s(self) -> float:
        """User and system time so far, of all threads that still live."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def memory_mib(self, which: str = "VmRSS") -> float:
        """Resident memory now (VmRSS), or the most there was (VmHWM)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(which + ":")) / 1024

    def reset_peak(self) -> None:
        """From now on VmHWM counts anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a command line before `--`, and the command behind it."""
    at = words.index("--") if "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def command_of(words: Sequence[str]) -> list[str]:
    """The command behind `--`, or pybroker; one word with spaces is taken apart as a shell would."""
    if not words:
        return PYBROKER
    return shlex.split(words[0]) if len(words) == 1 else list(words)


def data_directory() -> tempfile.TemporaryDirectory[str]:
    """A place for a broker's data, under TMPDIR."""
    return tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- requests that every bench sends


def create_topics(connection: Connection, topics: dict[str, int], configs: dict[str, str] | None = None) -> None:
    """Make topics, by name and number of partitions, in one request."""
    own = [CreateTopicsRequest.CreatableTopicConfig(name=name, value=value) for name, value in (configs or {}).items()]
    wanted = [
        CreateTopicsRequest.CreatableTopic(name=name, num_partitions=count, replication_factor=1, configs=own)
        for name, count in topics.items()
    ]
    answer = connection.ask(CreateTopicsRequest(topics=wanted, timeout_ms=ANSWER_LIMIT_S * 1000), CREATE_VERSION)
    for topic in answer.topics:
        if topic.error_code:
            raise SystemExit(f"{topic.name} was not made: error {topic.error_code}, {topic.error_message}")


def describe(connection: Connection, names: Iterable[str] | None = None) -> Any:
    """The metadata of these topics, or of all."""
    asked = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
    return connection.ask(MetadataRequest(topics=asked), METADATA_VERSION)


def wait_for_leaders(connection: Connection, partitions: int) -> None:
    """Until so many partitions can be written to: a broker may answer that topics are made before that."""
    while True:
        topics = describe(connection).topics
        if sum(partition.leader_id >= 0 for topic in topics for partition in topic.partitions) >= partitions:
            return
        time.sleep(max(0.05, partitions / 10_000))  # asking is work for the broker, too


def produce_request(batches: Iterable[tuple[str, int, Any]]) -> Any:
    """A batch for each of these (topic, partition); topics stand together."""
    data: list[Any] = []
    for topic, partition, batch in batches:
        if not data or data[-1].name != topic:
            data.append(ProduceRequest.TopicProduceData(name=topic, partition_data=[]))
        data[-1].partition_data.append(ProduceRequest.PartitionProduceData(index=partition, records=batch))
    return ProduceRequest(acks=-1, timeout_ms=ANSWER_LIMIT_S * 1000, topic_data=data)


def failures(answer: Any) -> Iterator[tuple[str, int, int]]:
    """(topic, partition, error code) of what was not taken."""
    for topic in answer.responses:
        for partition in topic.partition_responses:
            if partition.error_code:
                yield topic.name, partition.index, partition.error_code


def write_each(connection: Connection, batches: Sequence[tuple[str, int, Any]], at_once: int = 500) -> None:
    """Write all of these, again where the broker is not ready to take one."""
    waiting = list(batches)
    while waiting:
        refused: set[tuple[str, int]] = set()
        for start in range(0, len(waiting), at_once):
            answer = connection.ask(produce_request(waiting[start : start + at_once]), PRODUCE_VERSION)
            refused |= {(topic, partition) for topic, partition, _ in failures(answer)}
        waiting = [one for one in waiting if one[:2] in refused]
        if waiting:
            time.sleep(0.02)
