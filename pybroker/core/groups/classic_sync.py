"""SyncGroup, Heartbeat and LeaveGroup on a classic group, and the check of a commit (Kafka: GroupMetadataManager, ClassicGroup)."""

from __future__ import annotations

from pybroker.core.groups.classic import ClassicGroup, ClassicMember, State
from pybroker.core.groups.classic_rebalance import (
    drop_member,
    drop_pending,
    keep_alive,
    rebalance_or_complete,
    refused_sync,
    take_sync,
)
from pybroker.core.groups.classic_records import group_record
from pybroker.core.groups.turn import Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse


def sync(turn: Turn, group: ClassicGroup, call: int, request: SyncGroupRequest) -> None:
    """A follower waits for the leader's assignment; the leader's is written, and answers everyone when it is safe."""
    error = _check_sync(group, request)
    if error:
        turn.reply(call, refused_sync(error))
        return
    member = group.members[request.member_id]
    _note_sync(turn, group, member)
    if group.state is State.STABLE:
        turn.reply(call, _synced(group, member.assignment))
        return
    turn.reply(take_sync(member), refused_sync(ErrorCode.REBALANCE_IN_PROGRESS))
    member.awaiting_sync = call
    if member.member_id == group.leader_id:
        _assign(turn, group, request)


def _check_sync(group: ClassicGroup, request: SyncGroupRequest) -> ErrorCode:
    error = group.check_member(request.member_id, request.group_instance_id)
    if error:
        return error
    if request.generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    if _differs(request.protocol_type, group.protocol_type) or _differs(request.protocol_name, group.protocol_name):
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is State.PREPARING_REBALANCE else ErrorCode.NONE


def _differs(asked: str | None, current: str | None) -> bool:
    """Versions before 5 do not say which protocol they mean (KIP-559)."""
    return asked is not None and current is not None and asked != current


def _note_sync(turn: Turn, group: ClassicGroup, member: ClassicMember) -> None:
    group.pending_sync.discard(member.member_id)
    if not group.pending_sync:
        turn.deadlines.cancel(group.sync_key)


def _synced(group: ClassicGroup, assignment: bytes) -> SyncGroupResponse:
    return SyncGroupResponse(protocol_type=group.protocol_type, protocol_name=group.protocol_name, assignment=assignment)


def _assign(turn: Turn, group: ClassicGroup, request: SyncGroupRequest) -> None:
    """Members that the leader forgot get nothing. STABLE comes with the replay of the record (`classic_records.install_assignment`)."""
    given = {each.member_id: bytes(each.assignment) for each in request.assignments}
    assignments = {member_id: given.get(member_id, b"") for member_id in group.members}
    turn.write(group_record(group, assignments))
    for member in group.members.values():
        if member.awaiting_sync is not None:
            turn.reply(take_sync(member), _synced(group, assignments[member.member_id]))
            keep_alive(turn, member)


def heartbeat(turn: Turn, group: ClassicGroup, member_id: str, instance_id: str | None, generation_id: int) -> ErrorCode:
    """A member lives; it may learn that it has to join again."""
    error = group.check_member(member_id, instance_id)
    if error:
        return error
    if generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    keep_alive(turn, group.members[member_id])
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is State.PREPARING_REBALANCE else ErrorCode.NONE


def leave(turn: Turn, group: ClassicGroup, members: list[LeaveGroupRequest.MemberIdentity]) -> list[LeaveGroupResponse.MemberResponse]:
    """Take members out, each with its own answer; administrators name a static member by instance id alone (KIP-345)."""
    answers = [left(each, _leave_one(turn, group, each)) for each in members]
    if group.state is not State.EMPTY and any(not each.error_code for each in answers):
        rebalance_or_complete(turn, group)
    return answers


def left(identity: LeaveGroupRequest.MemberIdentity, error: ErrorCode) -> LeaveGroupResponse.MemberResponse:
    """The answer for one of those who were to leave."""
    return LeaveGroupResponse.MemberResponse(member_id=identity.member_id, group_instance_id=identity.group_instance_id, error_code=error)


def _leave_one(turn: Turn, group: ClassicGroup, identity: LeaveGroupRequest.MemberIdentity) -> ErrorCode:
    member_id, instance_id = identity.member_id, identity.group_instance_id
    if member_id == "" and instance_id is not None:
        member_id = group.static_members.get(instance_id, "")
    if member_id in group.pending_members:
        drop_pending(turn, group, member_id)
        return ErrorCode.NONE
    error = group.check_member(member_id, instance_id)
    if not error:
        drop_member(turn, group, group.members[member_id])
    return error


def check_commit(group: ClassicGroup, member_id: str, instance_id: str | None, generation_id: int, *, transactional: bool) -> ErrorCode:
    """Whether a commit may be taken.

    Generation -1 without member is a simple consumer or an administrator: only while nobody is in the group.
    """
    if generation_id < 0 and group.state is State.EMPTY:
        return ErrorCode.NONE
    if generation_id >= 0 or member_id != "" or instance_id is not None:
        error = group.check_member(member_id, instance_id)
        if error:
            return error
        if generation_id != group.generation_id:
            return ErrorCode.ILLEGAL_GENERATION
    elif not transactional:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if not transactional and group.state is State.COMPLETING_REBALANCE:
        # The member knows the generation but not its assignment: it should wait for that (KAFKA-8104).
        return ErrorCode.REBALANCE_IN_PROGRESS
    return ErrorCode.NONE
