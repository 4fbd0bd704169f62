"""The stage for stories of groups: one group, its members by name, and a log that outlives crashes.

A: join [static NAME] [meta X]      A: sync [A=0,1 B=2]      A: beat      A: leave      A: commit t-0 7
P: pending t-0 7         an offset in a transaction of producer P; `commits P`, `aborts P` end it
A hears                  the answer to what A is waiting for
read t-0, read stable t-0, commit t-0 7 (by somebody outside), delete, state
time +45s, crash, log fails, log works
"""

from __future__ import annotations

from random import Random
from typing import Any

from pybroker.core.decision import Decision
from pybroker.core.groups.settings import GroupSettings
from pybroker.core.groups.shard import GroupShard
from pybroker.core.groups.turn import Caller
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    TxnOffsetCommitRequest,
)
from tests.core.stories import duration_ms, spoken

WAITS = "waits"
SESSION_MS, REBALANCE_MS = 10_000, 30_000


class GroupStage:
    """See the module."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, int]] = []  # (record or a marker, producer id)
        self.now_ms, self.calls, self.log_fails = 1_000_000, 0, False
        self.ids: dict[str, str] = {}
        self.generations: dict[str, int] = {}
        self.instances: dict[str, str] = {}
        self.waiting: dict[int, tuple[str, Any]] = {}  # call: who, and how the answer is told
        self.heard: dict[str, list[str]] = {}
        self.start()

    def start(self) -> None:
        self.shard = GroupShard(GroupSettings(), Random(1))
        for entry, producer_id in self.log:
            if isinstance(entry, bool):
                self.shard.end_transaction(producer_id, committed=entry)
            else:
                self.shard.replay(entry, producer_id)
        self.carry_out(self.shard.loaded(self.now_ms))

    def carry_out(self, decision: Decision, producer_id: int = -1) -> None:
        """As the runner: write and replay, then answer; or answer the error and let the machine decide again."""
        failed = bool(decision.records) and self.log_fails
        for record in () if failed else decision.records:
            self.log.append((record, producer_id))
            self.shard.replay(record, producer_id)
        for reply in decision.replies:
            who, tell = self.waiting.pop(reply.call)
            self.heard.setdefault(who, []).append("not coordinator" if failed else tell(who, reply.response))
        if failed and decision.if_not_written is not None:
            self.carry_out(decision.if_not_written(self.now_ms))

    def do(self, actor: str, verb: str, words: list[str]) -> str:
        if words == ["hears"]:
            return self.heard[verb].pop(0) if self.heard.get(verb) else WAITS
        method = getattr(self, f"do_{verb}")
        answer: str = method(actor, words) if actor or verb in ("commit",) else method(words)
        return answer

    def unheard(self) -> list[str]:
        return [f"{who} hears {answer}" for who, answers in self.heard.items() for answer in answers]

    def ask(self, who: str, tell: Any, decide: Any, producer_id: int = -1) -> str:
        self.calls += 1
        before = len(self.heard.setdefault(who, []))
        self.waiting[self.calls] = (who, tell)
        self.carry_out(decide(self.now_ms, self.calls), producer_id)
        return WAITS if self.calls in self.waiting else self.heard[who].pop(before)

    def name_of(self, member_id: str) -> str:
        return next((name for name, known in self.ids.items() if known == member_id), "somebody")

    # What members do

    def do_join(self, who: str, words: list[str]) -> str:
        options = dict(zip(words[::2], words[1::2], strict=False))
        if "static" in options:
            self.instances[who] = options["static"]
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=options.get("meta", "x").encode())
        request = JoinGroupRequest(
            group_id="g",
            member_id=self.ids.get(who, ""),
            group_instance_id=self.instances.get(who),
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            protocol_type="consumer",
            protocols=[protocol],
        )
        caller = Caller(who, "/127.0.0.1", 9)
        return self.ask(who, self.tell_join, lambda now_ms, call: self.shard.join_group(now_ms, call, caller, request))

    def tell_join(self, who: str, answer: Any) -> str:
        if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.ids[who] = answer.member_id
            return "is given an id"
        if answer.error_code:
            if answer.error_code == ErrorCode.UNKNOWN_MEMBER_ID:
                self.ids.pop(who, None)
            return spoken(answer.error_code, ErrorCode)
        self.ids[who], self.generations[who] = answer.member_id, answer.generation_id
        if answer.leader != answer.member_id:
            return f"generation {answer.generation_id}"
        members = " ".join(sorted(self.name_of(each.member_id) for each in answer.members))
        return f"generation {answer.generation_id}, leads {members}" + (", keeps the assignment" if answer.skip_assignment else "")

    def do_sync(self, who: str, words: list[str]) -> str:
        shares = dict(word.split("=") for word in words)
        given = [
            SyncGroupRequest.SyncGroupRequestAssignment(member_id=self.ids[name], assignment=share.encode())
            for name, share in shares.items()
        ]
        request = SyncGroupRequest(
            group_id="g",
            member_id=self.ids[who],
            generation_id=self.generations[who],
            group_instance_id=self.instances.get(who),
            assignments=given,
        )
        return self.ask(who, self.tell_sync, lambda now_ms, call: self.shard.sync_group(now_ms, call, request))

    def tell_sync(self, _: str, answer: Any) -> str:
        if answer.error_code:
            return spoken(answer.error_code, ErrorCode)
        return f"owns {bytes(answer.assignment).decode()}" if answer.assignment else "owns nothing"

    def do_beat(self, who: str, _: list[str]) -> str:
        request = HeartbeatRequest(
            group_id="g", member_id=self.ids.get(who, ""), group_instance_id=self.instances.get(who), generation_id=self.generations[who]
        )
        return self.ask(who, self.tell_error, lambda now_ms, call: self.shard.heartbeat(now_ms, call, request))

    def tell_error(self, _: str, answer: Any) -> str:
        return spoken(answer.error_code, ErrorCode) if answer.error_code else "ok"

    def do_leave(self, who: str, _: list[str]) -> str:
        identity = LeaveGroupRequest.MemberIdentity(member_id=self.ids.pop(who), group_instance_id=self.instances.get(who))
        request = LeaveGroupRequest(group_id="g", members=[identity])
        return self.ask(
            who, lambda who, answer: self.tell_error(who, answer.members[0]), lambda now, call: self.shard.leave_group(now, call, request)
        )

    # Offsets

    def do_commit(self, who: str, words: list[str]) -> str:
        topic, _, index = words[0].partition("-")
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=int(index), committed_offset=int(words[1]))
        request = OffsetCommitRequest(
            group_id="g",
            member_id=self.ids.get(who, ""),
            group_instance_id=self.instances.get(who),
            generation_id_or_member_epoch=self.generations.get(who, -1),
            topics=[OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, partitions=[partition])],
        )
        return self.ask(who, self.tell_partition, lambda now_ms, call: self.shard.commit_offsets(now_ms, call, 9, request))

    def tell_partition(self, who: str, answer: Any) -> str:
        return self.tell_error(who, answer.topics[0].partitions[0])

    def do_pending(self, who: str, words: list[str]) -> str:
        topic, _, index = words[0].partition("-")
        partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(partition_index=int(index), committed_offset=int(words[1]))
        topics = [TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name=topic, partitions=[partition])]
        request = TxnOffsetCommitRequest(group_id="g", generation_id_or_member_epoch=-1, topics=topics)
        return self.ask(
            who, self.tell_partition, lambda now, call: self.shard.commit_transactional_offsets(now, call, 5, request), producer_of(who)
        )

    def do_commits(self, words: list[str]) -> str:
        return self.mark(words[0], committed=True)

    def do_aborts(self, words: list[str]) -> str:
        return self.mark(words[0], committed=False)

    def mark(self, who: str, *, committed: bool) -> str:
        self.log.append((committed, producer_of(who)))
        self.shard.end_transaction(producer_of(who), committed=committed)
        return ""

    def do_read(self, words: list[str]) -> str:
        topic, _, index = words[-1].partition("-")
        topics = [OffsetFetchRequest.OffsetFetchRequestTopics(name=topic, partition_indexes=[int(index)])]
        request = OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=topics)
        stable = words[0] == "stable"
        return self.ask("", self.tell_offset, lambda now, call: self.shard.fetch_offsets(now, call, request, require_stable=stable))

    def tell_offset(self, _: str, answer: Any) -> str:
        found = answer.topics[0].partitions[0]
        if found.error_code:
            return spoken(found.error_code, ErrorCode)
        return str(found.committed_offset) if found.committed_offset >= 0 else "nothing"

    # What nobody does

    def do_state(self, _: list[str]) -> str:
        group = self.shard.groups.get("g")
        if group is None:
            return "no group"
        members = " ".join(sorted(map(self.name_of, group.members)))
        return f"{group.state}, generation {group.generation_id}" + (f", {members}" if members else "")

    def do_delete(self, _: list[str]) -> str:
        return self.ask("", tell_code, lambda now, call: self.shard.delete_group(now, call, "g"))

    def do_time(self, words: list[str]) -> str:
        end_ms = self.now_ms + duration_ms(words[0])
        while (due_ms := self.shard.next_deadline()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.carry_out(self.shard.expire(self.now_ms))
        self.now_ms = end_ms
        return ""

    def do_crash(self, _: list[str]) -> str:
        self.waiting.clear()
        self.start()
        return ""

    def do_log(self, words: list[str]) -> str:
        self.log_fails = words == ["fails"]
        return ""


def producer_of(who: str) -> int:
    """A producer id for a name."""
    return sum(map(ord, who))


def tell_code(_: str, error: int) -> str:
    """An answer that is nothing but a code."""
    return spoken(error, ErrorCode) if error else "ok"
