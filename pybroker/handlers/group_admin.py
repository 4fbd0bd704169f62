"""DescribeGroups, ListGroups, DeleteGroups: groups as an administrator sees them."""

from __future__ import annotations

from pybroker.handlers.authorized import AclOperation, as_bits
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListGroupsRequest,
    ListGroupsResponse,
)

GROUP_OPERATIONS = as_bits(
    AclOperation.READ,
    AclOperation.DELETE,
    AclOperation.DESCRIBE,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
)


@handles(DescribeGroupsRequest, versions=(0, 6))
async def describe_groups(context: RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    """Describe classic groups and their members.

    Versions   3: authorized operations (KIP-430)   4: group instance ids (KIP-345)   6: GROUP_ID_NOT_FOUND (KIP-1043)
    Behaviour  A group that is not there is Dead, without error before version 6. The protocol and the members' metadata show when it is
    Stable. Not done   Nothing.
    """
    groups, turns = [], Turns()
    for group_id in request.groups:
        group = await _describe(context, group_id)
        if request.include_authorized_operations and not group.error_code:
            group.authorized_operations = GROUP_OPERATIONS
        groups.append(group)
        await turns.step(1 + len(group.members))
    return DescribeGroupsResponse(groups=groups)


async def _describe(context: RequestContext, group_id: str) -> DescribeGroupsResponse.DescribedGroup:
    version = context.api_version
    try:
        described: DescribeGroupsResponse.DescribedGroup = await context.state.groups.ask(
            group_id, lambda shard, now_ms, call: shard.describe_group(now_ms, call, version, group_id), context.flush
        )
    except KafkaError as error:
        return DescribeGroupsResponse.DescribedGroup(group_id=group_id, error_code=error.code)
    return described


@handles(ListGroupsRequest, versions=(0, 5))
async def list_groups(context: RequestContext, request: ListGroupsRequest) -> ListGroupsResponse:
    """List all groups of this coordinator.

    Versions   4: states, asked for and told (KIP-518)   5: types (KIP-848)
    Behaviour  States and types are compared without regard to case; those that nobody knows find nothing.
    Not done   Groups of the newer protocols are not built.
    """
    states = frozenset(each.lower() for each in request.states_filter)
    types = frozenset(each.lower() for each in request.types_filter)
    try:
        found = await context.state.groups.ask_all(
            lambda shard, now_ms, call: shard.list_groups(now_ms, call, states, types), context.flush
        )
    except KafkaError as error:
        return ListGroupsResponse(error_code=error.code)
    return ListGroupsResponse(groups=[group for groups in found for group in groups])


@handles(DeleteGroupsRequest, versions=(0, 3))
async def delete_groups(context: RequestContext, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    """Delete groups without members, and their offsets (KIP-229).

    Versions   3: error messages
    Behaviour  A group that is named twice is answered once.
    Not done   Nothing.
    """
    results, turns = [], Turns()
    for group_id in dict.fromkeys(request.groups_names):
        error = await _delete(context, group_id)
        results.append(DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=error))
        await turns.step()
    return DeleteGroupsResponse(results=results)


async def _delete(context: RequestContext, group_id: str) -> ErrorCode:
    try:
        error: ErrorCode = await context.state.groups.ask(
            group_id, lambda shard, now_ms, call: shard.delete_group(now_ms, call, group_id), context.flush
        )
    except KafkaError as refused:
        return refused.code
    return error
