"""The join phase of a classic group: how it begins, when it ends, who is dropped.

Theory (Kafka: GroupMetadataManager, KIP-134, KIP-345, KIP-394)
- A rebalance ends when every member and every pending member has joined, or when its time is over. The time is the largest rebalance
  timeout and starts anew whenever someone joins or leaves, as it does in Kafka since 4.0.
- The first rebalance of an empty group instead waits `group.initial.rebalance.delay.ms` for more members, and again as long as new ones
  come (KIP-134). Without delay it ends at once.
- When time is over, dynamic members that have not joined are dropped, static ones stay. If nobody has joined, the group waits on: sessions
  will expire.
- Each member is told the generation and its leader; only the leader is told of the others. Then every member has a rebalance timeout's
  time to ask for its assignment, or it is dropped (KAFKA-10284's pending sync).
"""

from __future__ import annotations

from pybroker.core.groups.classic import ClassicGroup, ClassicMember, State
from pybroker.core.groups.classic_records import group_record
from pybroker.core.groups.turn import Turn
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import JoinGroupResponse, SyncGroupResponse


def keep_alive(turn: Turn, member: ClassicMember) -> None:
    """The member's session starts anew."""
    turn.deadlines.set(member.session_key, turn.now_ms + member.session_timeout_ms)


def rebalance_or_complete(turn: Turn, group: ClassicGroup) -> None:
    """After a change: start a rebalance, or see whether the one under way can end."""
    if group.can_rebalance:
        prepare_rebalance(turn, group)
    else:
        complete_if_all_joined(turn, group)


def prepare_rebalance(turn: Turn, group: ClassicGroup) -> None:
    """Begin a join phase. Members that wait for their assignment have to join again."""
    if group.state is State.COMPLETING_REBALANCE:
        fail_syncs(turn, group, ErrorCode.REBALANCE_IN_PROGRESS)
    turn.deadlines.cancel(group.sync_key)
    group.pending_sync.clear()
    group.become(State.PREPARING_REBALANCE, turn.now_ms)
    if group.is_initial_rebalance:
        _wait_for_first_members(turn, group)
    else:
        complete_if_all_joined(turn, group)


def _wait_for_first_members(turn: Turn, group: ClassicGroup) -> None:
    delay_ms = turn.settings.initial_rebalance_delay_ms
    group.new_member_added = False
    group.initial_delay_ms = delay_ms
    group.initial_remaining_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
    if delay_ms == 0:
        complete_join(turn, group)
    else:
        turn.deadlines.set(group.join_key, turn.now_ms + delay_ms)


def join_time_over(turn: Turn, group: ClassicGroup) -> None:
    """The join deadline has come."""
    if group.state is not State.PREPARING_REBALANCE:
        return
    if group.is_initial_rebalance and group.new_member_added and group.initial_remaining_ms > 0:
        group.new_member_added = False
        delay_ms = min(turn.settings.initial_rebalance_delay_ms, group.initial_remaining_ms)
        group.initial_remaining_ms = max(group.initial_remaining_ms - group.initial_delay_ms, 0)
        group.initial_delay_ms = delay_ms
        turn.deadlines.set(group.join_key, turn.now_ms + delay_ms)
    else:
        complete_join(turn, group)


def complete_if_all_joined(turn: Turn, group: ClassicGroup) -> None:
    """End the join phase if nobody is missing; the first one of a group has its own time."""
    if group.state is not State.PREPARING_REBALANCE or group.is_initial_rebalance:
        return
    if group.has_all_members_joined:
        complete_join(turn, group)
    else:
        turn.deadlines.set(group.join_key, turn.now_ms + group.rebalance_timeout_ms)


def complete_join(turn: Turn, group: ClassicGroup) -> None:
    """Drop who has not come, and begin the next generation with the others."""
    turn.deadlines.cancel(group.join_key)
    for member in list(group.members.values()):
        if member.awaiting_join is None and member.group_instance_id is None:
            drop_member(turn, group, member)
    if not group.elect_leader() and group.members:
        turn.deadlines.set(group.join_key, turn.now_ms + group.rebalance_timeout_ms)
        return
    group.start_next_generation(turn.now_ms)
    if group.members:
        _tell_generation(turn, group)
    else:
        turn.write(group_record(group, {}))


def _tell_generation(turn: Turn, group: ClassicGroup) -> None:
    for member in group.members.values():
        is_leader = member.member_id == group.leader_id
        turn.reply(group.take_join(member), joined(group, member, described_members(group) if is_leader else []))
        keep_alive(turn, member)
        member.is_new = False
        group.pending_sync.add(member.member_id)
    turn.deadlines.set(group.sync_key, turn.now_ms + group.rebalance_timeout_ms)


def joined(group: ClassicGroup, member: ClassicMember, members: list[JoinGroupResponse.JoinGroupResponseMember]) -> JoinGroupResponse:
    """A member's part in the current generation."""
    return JoinGroupResponse(
        generation_id=group.generation_id,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=group.leader_id or "",
        member_id=member.member_id,
        members=members,
    )


def described_members(group: ClassicGroup) -> list[JoinGroupResponse.JoinGroupResponseMember]:
    """What the leader assigns by: every member with its metadata of the chosen protocol."""
    return [
        JoinGroupResponse.JoinGroupResponseMember(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            metadata=member.metadata(group.protocol_name),
        )
        for member in group.members.values()
    ]


def refused_join(error: ErrorCode, member_id: str = "") -> JoinGroupResponse:
    """An answer that is an error; versions before 7 write the missing protocol name as an empty one."""
    return JoinGroupResponse(error_code=error, protocol_name=None, member_id=member_id)


def refused_sync(error: ErrorCode) -> SyncGroupResponse:
    """An answer that is an error."""
    return SyncGroupResponse(error_code=error)


def fail_syncs(turn: Turn, group: ClassicGroup, error: ErrorCode) -> None:
    """Answer every parked sync with an error and forget the old assignments."""
    for member in group.members.values():
        member.assignment = b""
        if member.awaiting_sync is not None:
            turn.reply(take_sync(member), refused_sync(error))
            keep_alive(turn, member)


def take_sync(member: ClassicMember) -> int | None:
    """The member's parked sync, which is no longer parked."""
    call, member.awaiting_sync = member.awaiting_sync, None
    return call


def drop_member(turn: Turn, group: ClassicGroup, member: ClassicMember) -> None:
    """Forget a member. What it has parked is answered with UNKNOWN_MEMBER_ID, so that a client which still lives joins anew."""
    turn.deadlines.cancel(member.session_key)
    turn.reply(group.take_join(member), refused_join(ErrorCode.UNKNOWN_MEMBER_ID))
    turn.reply(take_sync(member), refused_sync(ErrorCode.UNKNOWN_MEMBER_ID))
    group.remove(member.member_id)


def drop_pending(turn: Turn, group: ClassicGroup, member_id: str) -> None:
    """Forget an id that was given away and not joined with; a rebalance may have waited for it."""
    turn.deadlines.cancel(group.session_key(member_id))
    group.pending_members.discard(member_id)


def session_over(turn: Turn, group: ClassicGroup, member_id: str) -> None:
    """A session deadline has come."""
    if member_id in group.pending_members:
        drop_pending(turn, group, member_id)
        complete_if_all_joined(turn, group)
        return
    member = group.members.get(member_id)
    if member is None or member.is_kept_alive:
        return
    drop_member(turn, group, member)
    if group.state is not State.EMPTY:
        rebalance_or_complete(turn, group)


def sync_time_over(turn: Turn, group: ClassicGroup) -> None:
    """Members that never asked for their assignment are dropped, and the others share anew."""
    if group.state not in (State.COMPLETING_REBALANCE, State.STABLE) or not group.pending_sync:
        return
    for member_id in [each for each in group.members if each in group.pending_sync]:
        drop_member(turn, group, group.members[member_id])
    prepare_rebalance(turn, group)


def close_group(turn: Turn, group: ClassicGroup) -> None:
    """The group is deleted: nothing of it may become due any more."""
    turn.deadlines.cancel(group.join_key)
    turn.deadlines.cancel(group.sync_key)
    for member_id in (*group.members, *group.pending_members):
        turn.deadlines.cancel(group.session_key(member_id))
