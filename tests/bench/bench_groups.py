"""Classic groups on a running broker, whoever's: rebalances of 10 and of 100 members, and offset commits on 1 and on 16 connections.

By hand: python -m tests.bench.bench_groups ADDRESS [PID]

The client is blocking sockets and prepared frames, so that what is measured is mostly the broker. With its PID, on Linux, the broker's CPU
is told too. A rebalance is timed from the first JoinGroup that changes a subscription until each member has its new assignment.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import (
    CreateTopicsRequest,
    FindCoordinatorRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    OffsetCommitRequest,
    SyncGroupRequest,
    message_class,
)

PATIENCE_S = 60
VERSIONS = {"CreateTopics": 7, "FindCoordinator": 4, "JoinGroup": 9, "SyncGroup": 5, "OffsetCommit": 8}
SECONDS = 2.0
NO_ERROR, TOPIC_EXISTS = 0, 36
RETRIED = {14, 15, 16}  # the coordinator is loading, not there yet, or another one
MEMBER_ID_REQUIRED = 79


def bytes_of(request: Any) -> bytes:
    """A whole frame."""
    name = type(request).__name__.removesuffix("Request")
    version = VERSIONS[name]
    return frame(request_header(request.API_KEY, version, 1, "bench") + encode(request, version))


class Connection:
    """One socket; answers are read in the order of the requests."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        return self._stream.read(int.from_bytes(self._stream.read(4), "big"))

    def answer(self, name: str) -> Any:
        """The next answer, decoded."""
        response = message_class(f"{name}Response")
        version = VERSIONS[name]
        assert response.API_KEY is not None
        return decode(response, version, self.read(), response_header_size(response.API_KEY, version))[0]

    def ask(self, request: Any) -> Any:
        """One request and its answer."""
        self.send(bytes_of(request))
        return self.answer(type(request).__name__.removesuffix("Request"))


class Member:
    """A member of a classic group, on a connection of its own."""

    def __init__(self, address: str, group_id: str) -> None:
        self.connection = Connection(address)
        self.group_id = group_id
        self.member_id = ""

    def join(self, subscription: bytes) -> bytes:
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription)
        return bytes_of(
            JoinGroupRequest(
                group_id=self.group_id,
                session_timeout_ms=45_000,
                rebalance_timeout_ms=60_000,
                member_id=self.member_id,
                protocol_type="consumer",
                protocols=[protocol],
            )
        )

    def sync(self, joined: JoinGroupResponse) -> bytes:
        assignment = SyncGroupRequest.SyncGroupRequestAssignment
        return bytes_of(
            SyncGroupRequest(
                group_id=self.group_id,
                generation_id=joined.generation_id,
                member_id=self.member_id,
                protocol_type="consumer",
                protocol_name="range",
                assignments=[assignment(member_id=each.member_id, assignment=b"a" * 50) for each in joined.members],
            )
        )


def rebalance(members: list[Member], subscription: bytes) -> None:
    """All join, with a subscription that is new, and all are given something."""
    for member in members:
        member.connection.send(member.join(subscription))
    joined = [member.connection.answer("JoinGroup") for member in members]
    check(*joined)
    for member, answer in zip(members, joined, strict=True):
        member.connection.send(member.sync(answer))
    check(*[member.connection.answer("SyncGroup") for member in members])


def form(address: str, group_id: str, count: int) -> list[Member]:
    """A stable group of so many members."""
    members = [Member(address, group_id) for _ in range(count)]
    for member in members:
        member.connection.send(member.join(b"first"))
        refused = member.connection.answer("JoinGroup")
        if refused.error_code != MEMBER_ID_REQUIRED:
            raise RuntimeError(refused)
        member.member_id = refused.member_id
    # One alone makes the group, so that the others meet it at rest and join it together.
    rebalance(members[:1], b"first")
    rebalance(members, b"second")
    return members


def check(*answers: Any) -> None:
    """Raises RuntimeError if one of them is an error."""
    for answer in answers:
        if answer.error_code:
            raise RuntimeError(answer)


def rebalances(address: str, count: int, rounds: int, spent: Callable[[], float]) -> None:
    """Again and again, in a group of so many members."""
    members = form(address, f"bench-{count}-{time.time_ns()}", count)
    times = []
    cpu = spent()
    for number in range(rounds):
        began = time.perf_counter()
        rebalance(members, b"round %d" % number)
        times.append(time.perf_counter() - began)
    cpu = spent() - cpu
    tell(f"rebalance of {count}", statistics.median(times) * 1e3, "ms", f"best {min(times) * 1e3:.2f}", cpu / rounds * 1e6)
    for member in members:
        member.connection.socket.close()


def commits(address: str, count: int, spent: Callable[[], float]) -> None:
    """Each connection commits for a group of its own, and again when that is answered."""
    connections = [Connection(address) for _ in range(count)]
    frames = [_commit(number) for number in range(count)]
    for connection, data in zip(connections, frames, strict=True):
        connection.send(data)
        answer = connection.answer("OffsetCommit")
        check(answer.topics[0].partitions[0])
    done, cpu, began = 0, spent(), time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for connection, data in zip(connections, frames, strict=True):
            connection.send(data)
        for connection in connections:
            connection.read()
        done += count
    took = time.perf_counter() - began
    tell(f"commits on {count}", done / took, "1/s", "", (spent() - cpu) / done * 1e6)


def _commit(number: int) -> bytes:
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=7, committed_metadata="")
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="bench-groups", partitions=[partition])
    return bytes_of(OffsetCommitRequest(group_id=f"bench-offsets-{number}", generation_id_or_member_epoch=-1, member_id="", topics=[topic]))


def tell(name: str, value: float, unit: str, more: str, cpu_us: float) -> None:
    """One line."""
    cpu = f"broker CPU {cpu_us:.0f} us" if cpu_us else ""
    print(f"{name:24} {value:10.2f} {unit:4} {more:16} {cpu}", flush=True)


def cpu_of(pid: str) -> Callable[[], float]:
    """Seconds that all threads of a process have run, by /proc."""

    def spent() -> float:
        runs = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        return sum(map(int, runs)) / 1e9

    return spent


def _first(address: str) -> None:
    """Topic and coordinator are there; how long the coordinator took is the broker's first group."""
    connection = Connection(address)
    topic = CreateTopicsRequest.CreatableTopic(name="bench-groups", num_partitions=1, replication_factor=1)
    created = connection.ask(CreateTopicsRequest(topics=[topic], timeout_ms=30_000))
    if created.topics[0].error_code not in (NO_ERROR, TOPIC_EXISTS):
        raise RuntimeError(created)
    began = time.perf_counter()
    for _ in _until_ready(connection):
        time.sleep(0.01)
    tell("first coordinator", (time.perf_counter() - began) * 1e3, "ms", "", 0)


def _until_ready(connection: Connection) -> Iterator[None]:
    """One `yield` for each try that came too early."""
    while connection.ask(FindCoordinatorRequest(key_type=0, coordinator_keys=["bench"])).coordinators[0].error_code:
        yield
    connection.send(_commit(0))
    while connection.answer("OffsetCommit").topics[0].partitions[0].error_code in RETRIED:
        yield
        connection.send(_commit(0))


def main() -> None:
    """All of it, against one broker."""
    address = sys.argv[1]
    spent = cpu_of(sys.argv[2]) if len(sys.argv) > 2 else lambda: 0.0
    _first(address)
    rebalances(address, 4, 40, spent)
    rebalances(address, 10, 40, spent)
    rebalances(address, 100, 10, spent)
    commits(address, 1, spent)
    commits(address, 16, spent)


if __name__ == "__main__":
    main()
