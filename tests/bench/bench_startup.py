"""A broker from exec to the first acknowledged record, and from SIGTERM to its exit, next to `import trio` alone: the floor of both.

By hand: python -m tests.bench.bench_startup [STARTS]
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pybroker.records.builder import build_batch
from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    ProduceRequest,
    ProduceResponse,
)

STARTS = 7
PATIENCE_S = 30
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def ask(sock: socket.socket, request: Any, version: int, response_class: Any) -> Any:
    """One request and its answer."""
    key = request.API_KEY
    sock.sendall(frame(request_header(key, version, 1, "bench") + encode(request, version)))
    stream = sock.makefile("rb")
    body = stream.read(int.from_bytes(stream.read(4), "big"))
    return decode(response_class, version, body, response_header_size(key, version))[0]


def produce_one(address: str) -> None:
    """Make a topic and have one record acknowledged."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE_S) as sock:
        ask(sock, ApiVersionsRequest(), 0, ApiVersionsResponse)
        topic = CreateTopicsRequest.CreatableTopic(name="a", num_partitions=1, replication_factor=1)
        ask(sock, CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7, CreateTopicsResponse)
        one = ProduceRequest.PartitionProduceData(index=0, records=build_batch([(None, b"v", time.time_ns() // 1_000_000)]))
        data = ProduceRequest.TopicProduceData(name="a", partition_data=[one])
        answer = ask(sock, ProduceRequest(acks=-1, timeout_ms=10_000, topic_data=[data]), 9, ProduceResponse)
        if answer.responses[0].partition_responses[0].error_code:
            raise RuntimeError(answer)


def start(where: list[str], directory: str) -> tuple[float, float, float, float]:
    """Milliseconds from exec to ready and to the first acknowledgement, from SIGTERM to exit; CPU milliseconds of all of it."""
    ready = Path(directory, "ready")
    began = time.perf_counter()
    command = [sys.executable, "-m", "pybroker", "--listen", "127.0.0.1:0", "--ready-file", str(ready), "--log-level", "error", *where]
    process = subprocess.Popen(command, env=ENVIRONMENT)
    while not ready.exists():
        if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
            raise RuntimeError("the broker did not start")
        time.sleep(0.001)
    is_ready = time.perf_counter()
    produce_one(ready.read_text().strip())
    acknowledged = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    stopping = time.perf_counter()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    times = (is_ready - began, acknowledged - began, time.perf_counter() - stopping, usage.ru_utime + usage.ru_stime)
    return times[0] * 1000, times[1] * 1000, times[2] * 1000, times[3] * 1000


def import_trio() -> float:
    """Milliseconds of a process that imports trio and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import trio"], env=ENVIRONMENT, check=True)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Medians, on disk and in memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    print(f"import trio: {statistics.median(import_trio() for _ in range(count)):.0f} ms")
    for name in ("disk", "memory"):
        found = []
        for _ in range(count):
            with tempfile.TemporaryDirectory() as directory:
                where = ["--memory"] if name == "memory" else ["--data-dir", str(Path(directory, "data"))]
                found.append(start(where, directory))
        ready, acknowledged, stopped, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:7} ready {ready:4.0f} ms   first ack {acknowledged:4.0f} ms   SIGTERM to exit {stopped:4.1f} ms   CPU {cpu:4.0f} ms")


if __name__ == "__main__":
    main()
