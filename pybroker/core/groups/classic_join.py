"""JoinGroup on a classic group that exists: who is let in, and what each join sets off.

Rules (Kafka: GroupMetadataManager.classicGroupJoinToClassicGroup)
- Without member id: a static member joins or takes its old place (KIP-345); a dynamic one is given an id and, from version 4 on, told to
  come again with it (KIP-394).
- With member id: known or pending members only. A follower that changes nothing is told the generation again; the leader, or a change of
  metadata, starts a rebalance.
- A static member that returns to a stable group without changing its protocol takes its assignment back without a rebalance. From version
  9 a returning leader is told to skip the assignment (KIP-814); before, it is told that its old id leads, so that it does not assign.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pybroker.core.decision import Decision
from pybroker.core.groups.classic import ClassicGroup, ClassicMember, Protocols, State
from pybroker.core.groups.classic_rebalance import (
    complete_if_all_joined,
    described_members,
    joined,
    keep_alive,
    prepare_rebalance,
    rebalance_or_complete,
    refused_join,
    refused_sync,
    take_sync,
)
from pybroker.core.groups.classic_records import group_record
from pybroker.core.groups.turn import Caller, Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import JoinGroupRequest

MEMBER_ID_REQUIRED_FROM = 4
SKIP_ASSIGNMENT_FROM = 9


def join(turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest) -> None:
    """Let a member in, or say why not; most joins are parked until the rebalance ends."""
    protocols = tuple((each.name, bytes(each.metadata)) for each in request.protocols)
    member_id = request.member_id
    if not _has_room(turn, group, member_id):
        _leave_full_group(turn, group, member_id)
        turn.reply(call, refused_join(ErrorCode.GROUP_MAX_SIZE_REACHED))
    elif not group.supports(request.protocol_type, protocols):
        turn.reply(call, refused_join(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, member_id))
    elif member_id == "":
        _join_new(turn, group, call, caller, request, protocols)
    elif member_id in group.pending_members and request.group_instance_id is not None:
        # Ids are only given to dynamic members; Kafka takes a static one that comes with such an id for a mistake of its own.
        turn.reply(call, refused_join(ErrorCode.UNKNOWN_SERVER_ERROR))
    elif member_id in group.pending_members:
        _add_member(turn, group, call, caller, request, protocols, member_id)
    else:
        _join_known(turn, group, call, caller, request, protocols)


def _has_room(turn: Turn, group: ClassicGroup, member_id: str) -> bool:
    """Whether `group.max.size` allows it (KIP-389).

    While members join, those that have joined count, so that a group that is too large shrinks.
    """
    member = group.members.get(member_id)
    if group.state is State.EMPTY:
        return True
    if group.state is State.PREPARING_REBALANCE:
        return (member is not None and member.awaiting_join is not None) or group.joined_count < turn.settings.max_size
    return member is not None or len(group.members) < turn.settings.max_size


def _leave_full_group(turn: Turn, group: ClassicGroup, member_id: str) -> None:
    group.pending_members.discard(member_id)
    member = group.members.get(member_id)
    if member is not None:
        turn.deadlines.cancel(member.session_key)
        group.remove(member_id)


def _rebalance_timeout_ms(caller: Caller, request: JoinGroupRequest) -> int:
    return request.session_timeout_ms if caller.api_version == 0 else request.rebalance_timeout_ms


def _join_new(turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest, protocols: Protocols) -> None:
    instance_id = request.group_instance_id
    member_id = f"{caller.client_id if instance_id is None else instance_id}-{turn.new_uuid()}"
    if instance_id is not None and instance_id in group.static_members:
        _return_static(turn, group, call, caller, request, protocols, member_id)
    elif instance_id is None and caller.api_version >= MEMBER_ID_REQUIRED_FROM:
        group.pending_members.add(member_id)
        turn.deadlines.set(group.session_key(member_id), turn.now_ms + request.session_timeout_ms)
        turn.reply(call, refused_join(ErrorCode.MEMBER_ID_REQUIRED, member_id))
    else:
        _add_member(turn, group, call, caller, request, protocols, member_id)


def _add_member(
    turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest, protocols: Protocols, member_id: str
) -> None:
    member = ClassicMember(
        member_id=member_id,
        group_instance_id=request.group_instance_id,
        client_id=caller.client_id,
        client_host=caller.client_host,
        rebalance_timeout_ms=_rebalance_timeout_ms(caller, request),
        session_timeout_ms=request.session_timeout_ms,
        protocols=protocols,
        session_key=group.session_key(member_id),
        is_new=True,
    )
    group.new_member_added = group.is_initial_rebalance
    group.add(member, request.protocol_type)
    group.park_join(member, call)
    turn.deadlines.set(member.session_key, turn.now_ms + turn.settings.new_member_join_timeout_ms)
    rebalance_or_complete(turn, group)


def _join_known(turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest, protocols: Protocols) -> None:
    member_id = request.member_id
    error = group.check_member(member_id, request.group_instance_id)
    if error or group.state is State.EMPTY:
        turn.reply(call, refused_join(error or ErrorCode.UNKNOWN_MEMBER_ID, member_id))
        return
    member = group.members[member_id]
    is_leader = member_id == group.leader_id
    unchanged = member.protocols == protocols
    if group.state is State.COMPLETING_REBALANCE and unchanged:
        turn.reply(call, joined(group, member, described_members(group) if is_leader else []))
    elif group.state is State.STABLE and unchanged and not is_leader:
        turn.reply(call, joined(group, member, []))
    else:
        _update_member(turn, group, call, caller, request, protocols, member)
        rebalance_or_complete(turn, group)


def _update_member(
    turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest, protocols: Protocols, member: ClassicMember
) -> None:
    """Take over what the member says now. A join that it had parked before, on a connection it gave up, is answered here."""
    group.set_protocols(member, protocols)
    group.set_rebalance_timeout(member, _rebalance_timeout_ms(caller, request))
    member.session_timeout_ms = request.session_timeout_ms
    turn.reply(group.take_join(member), refused_join(ErrorCode.REBALANCE_IN_PROGRESS, member.member_id))
    group.park_join(member, call)


def _return_static(
    turn: Turn, group: ClassicGroup, call: int, caller: Caller, request: JoinGroupRequest, protocols: Protocols, member_id: str
) -> None:
    instance_id = request.group_instance_id
    assert instance_id is not None
    old_leader_id = group.leader_id or ""
    old = group.members[group.static_members[instance_id]]
    _fence(turn, group, old)
    give_back = partial(_give_back, turn, group, replace(old), member_id)
    member = group.replace_static(instance_id, member_id)
    _update_member(turn, group, call, caller, request, protocols, member)
    keep_alive(turn, member)
    if group.state is State.PREPARING_REBALANCE:
        complete_if_all_joined(turn, group)
    elif group.state is State.STABLE and group.select_protocol() == group.protocol_name:
        _take_back(turn, group, member, caller, old_leader_id)
        turn.decision.if_not_written = give_back
    else:
        # The leader may be assigning to the old id (COMPLETING_REBALANCE), or the protocol changes.
        prepare_rebalance(turn, group)


def _fence(turn: Turn, group: ClassicGroup, old: ClassicMember) -> None:
    """Whoever waits under the old id is told that another took its place."""
    turn.deadlines.cancel(old.session_key)
    turn.reply(group.take_join(old), refused_join(ErrorCode.FENCED_INSTANCE_ID, old.member_id))
    turn.reply(take_sync(old), refused_sync(ErrorCode.FENCED_INSTANCE_ID))


def _take_back(turn: Turn, group: ClassicGroup, member: ClassicMember, caller: Caller, old_leader_id: str) -> None:
    is_leader = member.member_id == group.leader_id
    if caller.api_version >= SKIP_ASSIGNMENT_FROM:
        response = joined(group, member, described_members(group) if is_leader else [])
        response.skip_assignment = is_leader
    else:
        response = joined(group, member, [])
        response.leader = old_leader_id
    turn.reply(group.take_join(member), response)
    turn.write(group_record(group, {each.member_id: each.assignment for each in group.members.values()}))


def _give_back(turn: Turn, group: ClassicGroup, old: ClassicMember, new_member_id: str, now_ms: int) -> Decision:
    """The new id could not be written: the old one has its place again."""
    later = turn.later(now_ms)
    instance_id = old.group_instance_id
    if instance_id is None or group.static_members.get(instance_id) != new_member_id:
        return later.decision
    later.deadlines.cancel(group.members[new_member_id].session_key)
    member = group.replace_static(instance_id, old.member_id)
    group.set_protocols(member, old.protocols)
    member.rebalance_timeout_ms, member.session_timeout_ms = old.rebalance_timeout_ms, old.session_timeout_ms
    keep_alive(later, member)
    return later.decision
