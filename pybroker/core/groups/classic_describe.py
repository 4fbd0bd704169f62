"""How DescribeGroups and ListGroups show a classic group."""

from __future__ import annotations

from pybroker.core.groups.classic import ClassicGroup, State
from pybroker.wire.errors import ErrorCode, shorten
from pybroker.wire.messages import DescribeGroupsResponse, ListGroupsResponse

CLASSIC_TYPE = "classic"

# KIP-1043: from version 6 on a group that is not there is an error and no longer only "Dead".
NOT_FOUND_FROM = 6


def describe(group: ClassicGroup) -> DescribeGroupsResponse.DescribedGroup:
    """The members' metadata shows only while the group is stable: before, the protocol may still change."""
    is_stable = group.state is State.STABLE
    return DescribeGroupsResponse.DescribedGroup(
        group_id=group.group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=(group.protocol_name or "") if is_stable else "",
        members=[
            DescribeGroupsResponse.DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=member.metadata(group.protocol_name) if is_stable else b"",
                member_assignment=member.assignment,
            )
            for member in group.members.values()
        ],
    )


def describe_unknown(group_id: str, api_version: int) -> DescribeGroupsResponse.DescribedGroup:
    """A group that is not there; until version 5 that is no error."""
    described = DescribeGroupsResponse.DescribedGroup(group_id=group_id, group_state=State.DEAD.value)
    if api_version >= NOT_FOUND_FROM:
        described.error_code = ErrorCode.GROUP_ID_NOT_FOUND
        described.error_message = shorten(f"Group {group_id} not found.")
    return described


def listed(group: ClassicGroup) -> ListGroupsResponse.ListedGroup:
    """One line of ListGroups."""
    return ListGroupsResponse.ListedGroup(
        group_id=group.group_id,
        protocol_type=group.protocol_type or "",
        group_state=group.state.value,
        group_type=CLASSIC_TYPE,
    )
