"""The record of a classic group on `__consumer_offsets`, and a group out of its record.

Written with version 3, the last one without tagged fields, as Kafka 4.4.0 does. The state is not in the record: members mean STABLE, none
mean EMPTY. Of a member's protocols only the chosen one is kept, so a restarted coordinator knows only that until the member joins again.
"""

from __future__ import annotations

from collections.abc import Mapping

from pybroker.core.decision import CoordinatorRecord
from pybroker.core.groups.classic import ClassicGroup, ClassicMember, State
from pybroker.wire.messages import GroupMetadataKey, GroupMetadataValue

GROUP_METADATA_VALUE_VERSION = 3


def _record(group_id: str, value: GroupMetadataValue | None) -> CoordinatorRecord:
    return CoordinatorRecord(GroupMetadataKey(group=group_id), value, 0, GROUP_METADATA_VALUE_VERSION)


def group_record(group: ClassicGroup, assignments: Mapping[str, bytes]) -> CoordinatorRecord:
    """The group as it is, with these assignments by member id."""
    members = [
        GroupMetadataValue.MemberMetadata(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            rebalance_timeout=member.rebalance_timeout_ms,
            session_timeout=member.session_timeout_ms,
            subscription=member.metadata(group.protocol_name),
            assignment=assignments[member.member_id],
        )
        for member in group.members.values()
    ]
    value = GroupMetadataValue(
        protocol_type=group.protocol_type or "",
        generation=group.generation_id,
        protocol=group.protocol_name,
        leader=group.leader_id,
        current_state_timestamp=group.state_timestamp_ms,
        members=members,
    )
    return _record(group.group_id, value)


def new_group_record(group_id: str, now_ms: int) -> CoordinatorRecord:
    """A group that has just been made and never had a generation."""
    value = GroupMetadataValue(protocol_type="", generation=0, protocol=None, leader=None, current_state_timestamp=now_ms)
    return _record(group_id, value)


def group_tombstone(group_id: str) -> CoordinatorRecord:
    """The group is gone."""
    return _record(group_id, None)


def group_from_record(group_id: str, value: GroupMetadataValue) -> ClassicGroup:
    """The group that a coordinator finds after a restart. Before version 2 a record has no state timestamp: -1."""
    group = ClassicGroup(group_id, value.current_state_timestamp)
    group.generation_id = value.generation
    group.protocol_name = value.protocol
    group.leader_id = value.leader
    for each in value.members:
        group.add(_member_from_record(group, value.protocol or "", each), value.protocol_type)
    group.protocol_type = value.protocol_type or None
    group.state = State.STABLE if value.members else State.EMPTY
    group.refresh_subscribed()
    return group


def _member_from_record(group: ClassicGroup, protocol_name: str, stored: GroupMetadataValue.MemberMetadata) -> ClassicMember:
    rebalance_timeout_ms = stored.session_timeout if stored.rebalance_timeout == -1 else stored.rebalance_timeout
    return ClassicMember(
        member_id=stored.member_id,
        group_instance_id=stored.group_instance_id,
        client_id=stored.client_id,
        client_host=stored.client_host,
        rebalance_timeout_ms=rebalance_timeout_ms,
        session_timeout_ms=stored.session_timeout,
        protocols=((protocol_name, bytes(stored.subscription)),),
        session_key=group.session_key(stored.member_id),
        assignment=bytes(stored.assignment),
    )


def install_assignment(group: ClassicGroup, value: GroupMetadataValue) -> None:
    """What a written record does to the living group: the assignment of the current generation counts from now on.

    A record of another generation (that of a new, empty group, written while its first members join) changes nothing here.
    """
    if not value.members or value.generation != group.generation_id:
        return
    for stored in value.members:
        member = group.members.get(stored.member_id)
        if member is not None:
            member.assignment = stored.assignment
    if group.state is State.COMPLETING_REBALANCE:
        group.become(State.STABLE, value.current_state_timestamp)
