"""Classic groups: the first coordinator, rebalances of 4, 10 and 100 members, and offset commits on 1 and on 16 connections.

By hand: python -m tests.bench.bench_groups [TIMES] [-- COMMAND of a broker, with {port} and {dir}; without it pybroker]

A rebalance is timed from the first JoinGroup with a changed subscription until each member has its new assignment. For a broker that has
to warm up all of it is done TIMES times in the same start.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from pybroker.wire.messages import (
    FindCoordinatorRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    OffsetCommitRequest,
    SyncGroupRequest,
)
from tests.bench.outside import PYBROKER, Connection, OutsideBroker, command_of, create_topics, data_directory, split_words

FIND_VERSION, JOIN_VERSION, SYNC_VERSION, COMMIT_VERSION = 4, 9, 5, 8
SECONDS = 2.0
AT_REST_S = 2.0
TOPIC = "bench-groups"
MEMBER_ID_REQUIRED = 79


class Member:
    """A member of a classic group, on a connection of its own."""

    def __init__(self, broker: OutsideBroker, group_id: str) -> None:
        self.connection = broker.connect()
        self.group_id = group_id
        self.member_id = ""

    def join(self, subscription: bytes) -> Any:
        """Send JoinGroup; what comes back is for `receive`."""
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription)
        request = JoinGroupRequest(
            group_id=self.group_id,
            session_timeout_ms=45_000,
            rebalance_timeout_ms=60_000,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=[protocol],
        )
        return self.connection.send(request, JOIN_VERSION)

    def sync(self, joined: JoinGroupResponse) -> Any:
        """Send SyncGroup, as leader with something for everybody."""
        assignment = SyncGroupRequest.SyncGroupRequestAssignment
        request = SyncGroupRequest(
            group_id=self.group_id,
            generation_id=joined.generation_id,
            member_id=self.member_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[assignment(member_id=each.member_id, assignment=b"a" * 50) for each in joined.members],
        )
        return self.connection.send(request, SYNC_VERSION)


def rebalance(members: list[Member], subscription: bytes) -> None:
    """All join, with a subscription that is new, and all are given something."""
    joining = [member.join(subscription) for member in members]
    joined = [member.connection.receive(each) for member, each in zip(members, joining, strict=True)]
    syncing = [member.sync(answer) for member, answer in zip(members, joined, strict=True)]
    synced = [member.connection.receive(each) for member, each in zip(members, syncing, strict=True)]
    for answer in (*joined, *synced):
        if answer.error_code:
            raise SystemExit(f"a member was refused: {answer!r}")


def form(broker: OutsideBroker, group_id: str, count: int) -> list[Member]:
    """A stable group of so many members."""
    members = [Member(broker, group_id) for _ in range(count)]
    for member in members:
        refused = member.connection.receive(member.join(b"first"))
        if refused.error_code != MEMBER_ID_REQUIRED:
            raise SystemExit(f"a member id was to be given: {refused!r}")
        member.member_id = refused.member_id
    rebalance(members[:1], b"first")  # one alone makes the group, so that the others find it at rest and join it together
    rebalance(members, b"second")
    return members


def rebalances(broker: OutsideBroker, count: int, rounds: int) -> None:
    """Again and again, in a group of so many members."""
    members = form(broker, f"bench-{count}-{time.time_ns()}", count)
    times, cpu_s = [], broker.cpu_s()
    for number in range(rounds):
        began = time.perf_counter()
        rebalance(members, b"round %d" % number)
        times.append(time.perf_counter() - began)
    tell(f"rebalance of {count}", statistics.median(times) * 1e3, "ms", f"best {min(times) * 1e3:.2f}", (broker.cpu_s() - cpu_s) / rounds)
    for member in members:
        member.connection.close()


def commits(broker: OutsideBroker, count: int) -> None:
    """Each connection commits for a group of its own, and again when all are answered."""
    connections = [broker.connect() for _ in range(count)]
    requests = [_commit(number) for number in range(count)]
    done, cpu_s, began = 0, broker.cpu_s(), time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        sent = [connection.send(request, COMMIT_VERSION) for connection, request in zip(connections, requests, strict=True)]
        for connection, each in zip(connections, sent, strict=True):
            answer = connection.receive(each)
            if answer.topics[0].partitions[0].error_code:
                raise SystemExit(f"a commit was refused: {answer!r}")
        done += count
    took = time.perf_counter() - began
    tell(f"commits on {count}", done / took, "1/s", "", (broker.cpu_s() - cpu_s) / done)


def _commit(number: int) -> OffsetCommitRequest:
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=7, committed_metadata="")
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, partitions=[partition])
    return OffsetCommitRequest(group_id=f"bench-offsets-{number}", generation_id_or_member_epoch=-1, member_id="", topics=[topic])


def first_coordinator(broker: OutsideBroker) -> None:
    """From the first FindCoordinator of a broker's life to the first offset that is committed."""
    connection = broker.connect()
    create_topics(connection, {TOPIC: 1})
    began = time.perf_counter()
    while _find(connection).error_code or connection.ask(_commit(0), COMMIT_VERSION).topics[0].partitions[0].error_code:
        time.sleep(0.002)
    tell("first coordinator", (time.perf_counter() - began) * 1e3, "ms", "", 0)


def _find(connection: Connection) -> Any:
    return connection.ask(FindCoordinatorRequest(key_type=0, coordinator_keys=["bench"]), FIND_VERSION).coordinators[0]


def tell(name: str, value: float, unit: str, more: str, cpu_s: float) -> None:
    """One line."""
    cpu = f"broker CPU {cpu_s * 1e6:.0f} us" if cpu_s else ""
    print(f"{name:20} {value:10.2f} {unit:4} {more:16} {cpu}".rstrip(), flush=True)


def main() -> None:
    """One broker, from its start on."""
    words, command = split_words(sys.argv[1:])
    command = command_of(command)
    if command is PYBROKER:
        command = [*command, "--set", "group.initial.rebalance.delay.ms=0"]
    with data_directory() as directory:
        broker = OutsideBroker(command, directory)
        broker.start()
        time.sleep(AT_REST_S)
        first_coordinator(broker)
        for _ in range(int(words[0]) if words else 1):
            for count, rounds in ((4, 40), (10, 40), (100, 10)):
                rebalances(broker, count, rounds)
            commits(broker, 1)
            commits(broker, 16)
        broker.stop()


if __name__ == "__main__":
    main()
