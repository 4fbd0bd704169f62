"""The groups of one partition of `__consumer_offsets`: every request and every timer comes in here.

Theory
- A shard is a state machine. Its verbs decide and return a `Decision`; the runner appends the records, replays them here, and releases the
  replies when the records are safe. Nothing here waits, reads a clock or draws by itself.
- Durable are: that a group exists, its last written generation with assignments, and the offsets. All else of a group (who is joining, who
  is awaited, sessions) is soft, lives in `ClassicGroup`, and is lost with the broker: members find out by their next heartbeat.
- While a log is loaded, a group's record makes the group anew. In a living shard the same record tells the group that its assignment is
  safe.

Rules
- Verbs raise nothing: an error is an answer.
- A group is made by the first join or the first simple commit, and is written down at once, so that it is listed after a restart too.
- What is soft and hangs on a record goes back when that cannot be written, as in Kafka: a new group is gone, an assignment is made anew,
  a static member that came back has its old id. That a group became empty is not taken back: nobody is in it either way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from random import Random
from typing import Any

from pybroker.core.decision import CoordinatorRecord, Decision
from pybroker.core.groups import (
    classic_describe,
    classic_join,
    classic_rebalance,
    classic_sync,
    offset_expiry,
    offset_requests,
    transactional_offsets,
)
from pybroker.core.groups.classic import ClassicGroup, State
from pybroker.core.groups.classic_records import group_from_record, group_tombstone, install_assignment, new_group_record
from pybroker.core.groups.deadlines import Deadlines, Key
from pybroker.core.groups.offsets import NO_PRODUCER_ID, OffsetStore, offset_tombstone
from pybroker.core.groups.settings import GroupSettings
from pybroker.core.groups.turn import Caller, Turn, answer
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    GroupMetadataKey,
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    LeaveGroupRequest,
    LeaveGroupResponse,
    LegacyOffsetCommitKey,
    LegacyOffsetCommitValue,
    ListGroupsResponse,
    OffsetCommitKey,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitValue,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetFetchRequest,
    SyncGroupRequest,
    TxnOffsetCommitRequest,
)

_CLEANUP: Key = ("", "cleanup", "")

# KIP-848: from version 9 on a commit into a group that is gone says so; older clients know only ILLEGAL_GENERATION.
_COMMIT_NOT_FOUND_FROM = 9


class GroupShard:
    """State machine for the groups whose id falls on one partition."""

    __slots__ = ("_deadlines", "_loading", "_rng", "_settings", "groups", "offsets")

    def __init__(self, settings: GroupSettings, rng: Random) -> None:
        self.groups: dict[str, ClassicGroup] = {}
        self.offsets = OffsetStore()
        self._settings = settings
        self._rng = rng
        self._deadlines = Deadlines()
        self._loading = True

    def _turn(self, now_ms: int) -> Turn:
        return Turn(now_ms, self._settings, self._deadlines, self._rng)

    # Membership

    def join_group(self, now_ms: int, call: int, caller: Caller, request: JoinGroupRequest) -> Decision:
        """Parked until the rebalance ends; answered at once where nothing has to be waited for."""
        settings = self._settings
        if request.group_id == "":
            return answer(call, classic_rebalance.refused_join(ErrorCode.INVALID_GROUP_ID, request.member_id))
        if not settings.min_session_timeout_ms <= request.session_timeout_ms <= settings.max_session_timeout_ms:
            return answer(call, classic_rebalance.refused_join(ErrorCode.INVALID_SESSION_TIMEOUT, request.member_id))
        group = self.groups.get(request.group_id)
        is_new = group is None
        if group is None:
            if request.member_id != "":
                return answer(call, classic_rebalance.refused_join(ErrorCode.UNKNOWN_MEMBER_ID, request.member_id))
            group = self.groups[request.group_id] = ClassicGroup(request.group_id, now_ms)
        turn = self._turn(now_ms)
        classic_join.join(turn, group, call, caller, request)
        if is_new:
            turn.decision.records.insert(0, new_group_record(group.group_id, now_ms))
            turn.decision.if_not_written = partial(self._group_not_written, group)
        return turn.decision

    def _group_not_written(self, group: ClassicGroup, now_ms: int) -> Decision:
        """Then it never was there; whoever waits in it looks for the coordinator again."""
        turn = self._turn(now_ms)
        for member in group.members.values():
            turn.reply(group.take_join(member), classic_rebalance.refused_join(ErrorCode.COORDINATOR_NOT_AVAILABLE))
        classic_rebalance.close_group(turn, group)
        self.groups.pop(group.group_id, None)
        return turn.decision

    def sync_group(self, now_ms: int, call: int, request: SyncGroupRequest) -> Decision:
        """Parked until the leader's assignment is safe."""
        if request.group_id == "":
            return answer(call, classic_rebalance.refused_sync(ErrorCode.INVALID_GROUP_ID))
        group = self.groups.get(request.group_id)
        if group is None:
            return answer(call, classic_rebalance.refused_sync(ErrorCode.UNKNOWN_MEMBER_ID))
        turn = self._turn(now_ms)
        classic_sync.sync(turn, group, call, request)
        if turn.decision.records:
            turn.decision.if_not_written = partial(self._assignment_not_written, group, group.generation_id)
        return turn.decision

    def _assignment_not_written(self, group: ClassicGroup, generation_id: int, now_ms: int) -> Decision:
        """The members were told the error; they share anew, as long as nothing else became of the group."""
        turn = self._turn(now_ms)
        if group.state is State.COMPLETING_REBALANCE and group.generation_id == generation_id:
            classic_rebalance.prepare_rebalance(turn, group)
        return turn.decision

    def heartbeat(self, now_ms: int, call: int, request: HeartbeatRequest) -> Decision:
        if request.group_id == "":
            return answer(call, HeartbeatResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        group = self.groups.get(request.group_id)
        if group is None:
            return answer(call, HeartbeatResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID))
        turn = self._turn(now_ms)
        error = classic_sync.heartbeat(turn, group, request.member_id, request.group_instance_id, request.generation_id)
        turn.reply(call, HeartbeatResponse(error_code=error))
        return turn.decision

    def leave_group(self, now_ms: int, call: int, request: LeaveGroupRequest) -> Decision:
        """Every member has its own answer; versions before 3 are given as a list of one."""
        if request.group_id == "":
            return answer(call, LeaveGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        group = self.groups.get(request.group_id)
        if group is None:
            unknown = [classic_sync.left(each, ErrorCode.UNKNOWN_MEMBER_ID) for each in request.members]
            return answer(call, LeaveGroupResponse(members=unknown))
        turn = self._turn(now_ms)
        members = classic_sync.leave(turn, group, request.members)
        turn.reply(call, LeaveGroupResponse(members=members))
        return turn.decision

    # Offsets

    def commit_offsets(self, now_ms: int, call: int, api_version: int, request: OffsetCommitRequest) -> Decision:
        """A group error is put on every partition."""
        turn = self._turn(now_ms)
        error = self._check_commit(turn, api_version, request)
        turn.reply(call, refused_commit(request, error) if error else offset_requests.commit(turn, request))
        return turn.decision

    def _check_commit(self, turn: Turn, api_version: int, request: OffsetCommitRequest) -> ErrorCode:
        generation_id = request.generation_id_or_member_epoch
        group = self.groups.get(request.group_id)
        if group is None:
            if generation_id < 0:
                return ErrorCode.NONE
            return ErrorCode.GROUP_ID_NOT_FOUND if api_version >= _COMMIT_NOT_FOUND_FROM else ErrorCode.ILLEGAL_GENERATION
        error = classic_sync.check_commit(group, request.member_id, request.group_instance_id, generation_id, transactional=False)
        member = group.members.get(request.member_id)
        if not error and member is not None:
            classic_rebalance.keep_alive(turn, member)
        return error

    def commit_transactional_offsets(self, now_ms: int, call: int, api_version: int, request: TxnOffsetCommitRequest) -> Decision:
        """Offsets that count when the transaction, in which the runner writes them, is committed."""
        turn = self._turn(now_ms)
        error = self._check_transactional_commit(turn, request)
        answered = transactional_offsets.refused(request, error) if error else transactional_offsets.commit(turn, request)
        turn.reply(call, answered)
        return turn.decision

    def _check_transactional_commit(self, turn: Turn, request: TxnOffsetCommitRequest) -> ErrorCode:
        generation_id = request.generation_id_or_member_epoch
        group = self.groups.get(request.group_id)
        if group is None:
            return ErrorCode.NONE if generation_id < 0 else ErrorCode.ILLEGAL_GENERATION
        error = classic_sync.check_commit(group, request.member_id, request.group_instance_id, generation_id, transactional=True)
        member = group.members.get(request.member_id)
        if not error and member is not None:
            classic_rebalance.keep_alive(turn, member)
        return error

    def fetch_offsets(
        self, now_ms: int, call: int, request: OffsetFetchRequest.OffsetFetchRequestGroup, *, require_stable: bool
    ) -> Decision:
        group_exists = request.group_id in self.groups
        return answer(call, offset_requests.fetch(self.offsets, request, require_stable=require_stable, group_exists=group_exists))

    def delete_offsets(self, now_ms: int, call: int, request: OffsetDeleteRequest) -> Decision:
        if request.group_id == "":
            return answer(call, OffsetDeleteResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        group = self.groups.get(request.group_id)
        if group is None:
            return answer(call, OffsetDeleteResponse(error_code=ErrorCode.GROUP_ID_NOT_FOUND))
        if group.state is not State.EMPTY and not group.uses_consumer_protocol:
            return answer(call, OffsetDeleteResponse(error_code=ErrorCode.NON_EMPTY_GROUP))
        turn = self._turn(now_ms)
        turn.reply(call, offset_requests.delete(turn, self.offsets, group, request))
        return turn.decision

    def forget_topics(self, now_ms: int, topics: Collection[str]) -> Decision:
        """Topics were deleted: no group keeps an offset for them."""
        turn = self._turn(now_ms)
        turn.decision.atomic = False
        for group_id in self.offsets.group_ids():
            for topic, partition in self.offsets.partitions(group_id):
                if topic in topics:
                    turn.write(offset_tombstone(group_id, topic, partition))
        return turn.decision

    # Administration

    def describe_group(self, now_ms: int, call: int, api_version: int, group_id: str) -> Decision:
        group = self.groups.get(group_id)
        described = classic_describe.describe_unknown(group_id, api_version) if group is None else classic_describe.describe(group)
        return answer(call, described)

    def list_groups(self, now_ms: int, call: int, states: Collection[str], types: Collection[str]) -> Decision:
        """Filters are in lower case; an empty one lets all pass."""
        found: list[ListGroupsResponse.ListedGroup] = []
        if not types or classic_describe.CLASSIC_TYPE in types:
            found = [classic_describe.listed(each) for each in self.groups.values() if not states or each.state.lower() in states]
        return answer(call, found)

    def delete_group(self, now_ms: int, call: int, group_id: str) -> Decision:
        """Answers an error code. Only a group without members can go, and its offsets go with it (KIP-229)."""
        group = self.groups.get(group_id)
        if group is None:
            return answer(call, ErrorCode.GROUP_ID_NOT_FOUND)
        if group.state is not State.EMPTY:
            return answer(call, ErrorCode.NON_EMPTY_GROUP)
        turn = self._turn(now_ms)
        for topic, partition in self.offsets.partitions(group_id):
            turn.write(offset_tombstone(group_id, topic, partition))
        turn.write(group_tombstone(group_id))
        turn.reply(call, ErrorCode.NONE)
        return turn.decision

    # Replay

    def replay(self, record: CoordinatorRecord, producer_id: int = NO_PRODUCER_ID) -> None:
        """Apply one written record; `producer_id` if it is part of a transaction. Kinds that this shard does not keep are passed over."""
        key, value = record.key, record.value
        if isinstance(key, OffsetCommitKey):
            self._replay_offset(key, value, producer_id)
        elif isinstance(key, GroupMetadataKey):
            self._replay_group(key.group, value)
        elif isinstance(key, LegacyOffsetCommitKey):
            self._replay_offset(key, _modern(value), producer_id)

    def _replay_offset(self, key: OffsetCommitKey | LegacyOffsetCommitKey, value: OffsetCommitValue | None, producer_id: int) -> None:
        if value is not None and key.group not in self.groups:
            self.groups[key.group] = ClassicGroup(key.group, value.commit_timestamp)
        self.offsets.replay(key.group, key.topic, key.partition, value, producer_id)

    def _replay_group(self, group_id: str, value: Any | None) -> None:
        group = self.groups.get(group_id)
        if value is None:
            if group is not None:
                classic_rebalance.close_group(self._turn(0), group)
                del self.groups[group_id]
        elif self._loading:
            self.groups[group_id] = group_from_record(group_id, value)
        elif group is not None:
            install_assignment(group, value)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """A transaction marker was written to this partition."""
        self.offsets.end_transaction(producer_id, committed=committed)

    def loaded(self, now_ms: int) -> Decision:
        """The log is read: sessions begin anew, and a group that is larger than now allowed has to rebalance."""
        self._loading = False
        turn = self._turn(now_ms)
        self._deadlines.set(_CLEANUP, now_ms + self._settings.offsets_retention_check_interval_ms)
        for group in self.groups.values():
            for member in group.members.values():
                classic_rebalance.keep_alive(turn, member)
            if len(group.members) > self._settings.max_size:
                classic_rebalance.prepare_rebalance(turn, group)
        return turn.decision

    # Time

    def next_deadline(self) -> int | None:
        return self._deadlines.next_at()

    def expire(self, now_ms: int) -> Decision:
        """Do whatever is due at `now_ms`.

        One group's deadlines come in a decision of their own, so that each sees what the last one wrote.
        """
        turn = self._turn(now_ms)
        while not turn.decision.records:
            key = self._deadlines.pop_due(now_ms)
            if key is None:
                break
            self._run_out(turn, key)
        return turn.decision

    def _run_out(self, turn: Turn, key: Key) -> None:
        group_id, kind, member_id = key
        if kind == "cleanup":
            self._clean_up(turn, list(self.groups.values()))
            return
        group = self.groups.get(group_id)
        if group is None:
            return
        if kind == "session":
            classic_rebalance.session_over(turn, group, member_id)
        elif kind == "join":
            classic_rebalance.join_time_over(turn, group)
        elif kind == "sync":
            classic_rebalance.sync_time_over(turn, group)

    def _clean_up(self, turn: Turn, groups: Iterable[ClassicGroup]) -> None:
        self._deadlines.set(_CLEANUP, turn.now_ms + self._settings.offsets_retention_check_interval_ms)
        turn.decision.atomic = False
        for group in groups:
            offset_expiry.expire_group(turn, self.offsets, group)


def refused_commit(request: OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse:
    """The same error for every partition of a commit."""
    return OffsetCommitResponse(
        topics=[
            OffsetCommitResponse.OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    OffsetCommitResponse.OffsetCommitResponsePartition(partition_index=each.partition_index, error_code=error)
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _modern(value: LegacyOffsetCommitValue | None) -> OffsetCommitValue | None:
    if value is None:
        return None
    return OffsetCommitValue(offset=value.offset, metadata=value.metadata, commit_timestamp=value.commit_timestamp)
