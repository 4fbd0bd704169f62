"""A shard over a log in memory: what the runner does, without waiting."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pybroker.core.decision import CoordinatorRecord, Decision
from pybroker.core.groups.settings import GroupSettings
from pybroker.core.groups.shard import GroupShard
from pybroker.core.groups.turn import Caller
from pybroker.wire.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
)

Protocol = JoinGroupRequest.JoinGroupRequestProtocol


class Play:
    """Requests in the order of a story; an answer is None while the call is parked."""

    def __init__(self, settings: GroupSettings) -> None:
        self.settings = settings
        self.log: list[CoordinatorRecord] = []
        self.now_ms = 1_000_000
        self.answers: dict[int, Any] = {}
        self.calls = 0
        self.shard = self.load()

    def load(self) -> GroupShard:
        """What a restarted broker finds."""
        shard = GroupShard(self.settings, Random(7))
        for record in self.log:
            shard.replay(record)
        self.shard = shard
        self.carry_out(shard.loaded(self.now_ms))
        return shard

    def carry_out(self, decision: Decision) -> None:
        for record in decision.records:
            self.log.append(record)
            self.shard.replay(record)
        for reply in decision.replies:
            assert reply.call not in self.answers, "a call was answered twice"
            self.answers[reply.call] = reply.response

    def ask(self, decide: Callable[[int, int], Decision]) -> int:
        self.calls += 1
        self.carry_out(decide(self.now_ms, self.calls))
        return self.calls

    def answer(self, decide: Callable[[int, int], Decision]) -> Any:
        return self.answers.get(self.ask(decide))

    def pass_time(self, milliseconds: int) -> None:
        """Let time go on from deadline to deadline."""
        end_ms = self.now_ms + milliseconds
        while (due_ms := self.shard.next_deadline()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.carry_out(self.shard.expire(self.now_ms))
        self.now_ms = end_ms

    # Requests

    def send_join(self, member_id: str = "", *, group: str = "g", version: int = 3, client: str = "c", **fields: Any) -> int:
        metadata = fields.pop("metadata", b"x")
        names = fields.pop("names", ["range"])
        fields = {"session_timeout_ms": 10_000, "rebalance_timeout_ms": 20_000, "protocol_type": "consumer"} | fields
        request = JoinGroupRequest(
            group_id=group, member_id=member_id, protocols=[Protocol(name=name, metadata=metadata) for name in names], **fields
        )
        caller = Caller(client, "/127.0.0.1", version)
        return self.ask(lambda now_ms, call: self.shard.join_group(now_ms, call, caller, request))

    def join(self, member_id: str = "", **fields: Any) -> Any:
        return self.answers.get(self.send_join(member_id, **fields))

    def send_sync(self, member_id: str, generation: int, assignments: dict[str, bytes] | None = None, **fields: Any) -> int:
        given = [SyncGroupRequest.SyncGroupRequestAssignment(member_id=key, assignment=value) for key, value in (assignments or {}).items()]
        request = SyncGroupRequest(
            group_id=fields.pop("group", "g"), member_id=member_id, generation_id=generation, assignments=given, **fields
        )
        return self.ask(lambda now_ms, call: self.shard.sync_group(now_ms, call, request))

    def sync(self, member_id: str, generation: int, assignments: dict[str, bytes] | None = None, **fields: Any) -> Any:
        return self.answers.get(self.send_sync(member_id, generation, assignments, **fields))

    def heartbeat(self, member_id: str, generation: int, instance: str | None = None, group: str = "g") -> int:
        request = HeartbeatRequest(group_id=group, member_id=member_id, generation_id=generation, group_instance_id=instance)
        return int(self.answer(lambda now_ms, call: self.shard.heartbeat(now_ms, call, request)).error_code)

    def leave(self, *members: tuple[str, str | None], group: str = "g") -> Any:
        identities = [LeaveGroupRequest.MemberIdentity(member_id=member_id, group_instance_id=instance) for member_id, instance in members]
        request = LeaveGroupRequest(group_id=group, members=identities)
        return self.answer(lambda now_ms, call: self.shard.leave_group(now_ms, call, request))

    def commit(self, *offsets: tuple[str, int, int], member: str = "", generation: int = -1, version: int = 9, **fields: Any) -> list[int]:
        """Each offset is (topic, partition, offset); the error codes in that order."""
        metadata = fields.pop("metadata", None)
        topics = [
            OffsetCommitRequest.OffsetCommitRequestTopic(
                name=topic,
                partitions=[
                    OffsetCommitRequest.OffsetCommitRequestPartition(
                        partition_index=partition, committed_offset=offset, committed_metadata=metadata
                    )
                ],
            )
            for topic, partition, offset in offsets
        ]
        request = OffsetCommitRequest(
            group_id=fields.pop("group", "g"), member_id=member, generation_id_or_member_epoch=generation, topics=topics, **fields
        )
        response = self.answer(lambda now_ms, call: self.shard.commit_offsets(now_ms, call, version, request))
        return [int(partition.error_code) for topic in response.topics for partition in topic.partitions]

    def fetch(self, *partitions: tuple[str, int], group: str = "g", stable: bool = False) -> list[tuple[str, int, int, int]]:
        """(topic, partition, offset, error); without partitions all that are committed."""
        topics = [OffsetFetchRequest.OffsetFetchRequestTopics(name=name, partition_indexes=[index]) for name, index in partitions]
        request = OffsetFetchRequest.OffsetFetchRequestGroup(group_id=group, topics=topics or None)
        response = self.answer(lambda now_ms, call: self.shard.fetch_offsets(now_ms, call, request, require_stable=stable))
        return [
            (topic.name, each.partition_index, each.committed_offset, int(each.error_code))
            for topic in response.topics
            for each in topic.partitions
        ]

    def delete_offsets(self, *partitions: tuple[str, int], group: str = "g") -> Any:
        topics = [
            OffsetDeleteRequest.OffsetDeleteRequestTopic(
                name=name, partitions=[OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=index)]
            )
            for name, index in partitions
        ]
        request = OffsetDeleteRequest(group_id=group, topics=topics)
        return self.answer(lambda now_ms, call: self.shard.delete_offsets(now_ms, call, request))

    def describe(self, group: str = "g", version: int = 5) -> Any:
        return self.answer(lambda now_ms, call: self.shard.describe_group(now_ms, call, version, group))

    def list(self, states: set[str] | None = None, types: set[str] | None = None) -> list[str]:
        found = self.answer(lambda now_ms, call: self.shard.list_groups(now_ms, call, states or set(), types or set()))
        return sorted(each.group_id for each in found)

    def delete(self, group: str = "g") -> int:
        return int(self.answer(lambda now_ms, call: self.shard.delete_group(now_ms, call, group)))

    # Stories that many tests begin with

    def stable_member(self, **fields: Any) -> str:
        """A member alone in a stable group of generation 1."""
        member_id: str = self.join(**fields).member_id
        assert self.sync(member_id, 1, {member_id: b"all"}).error_code == 0
        return member_id

    def stable_pair(self) -> tuple[str, str]:
        """Leader and follower in a stable group of generation 2."""
        leader = self.stable_member()
        call = self.send_join()
        assert self.join(leader).generation_id == 2
        follower: str = self.answers[call].member_id
        waiting = self.send_sync(follower, 2)
        self.sync(leader, 2, {leader: b"one", follower: b"two"})
        assert self.answers[waiting].assignment == b"two"
        return leader, follower

    def state(self, group: str = "g") -> str:
        return str(self.describe(group).group_state)


@pytest.fixture
def play() -> Play:
    """A shard with Kafka's settings, but without initial delay."""
    return Play(GroupSettings())


@pytest.fixture
def play_with() -> Callable[..., Play]:
    """A shard with other settings."""
    return lambda **fields: Play(GroupSettings(**fields))
