"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup: how the members of a classic group find together."""

from __future__ import annotations

from pybroker.core.groups.turn import Caller
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)


@handles(JoinGroupRequest, versions=(0, 9))
async def join_group(context: RequestContext, request: JoinGroupRequest) -> JoinGroupResponse:
    """Enter a classic group and wait until its rebalance completes.

    Versions   1: a rebalance timeout of its own (KIP-62)   4: a first join is told its member id (KIP-394)   5: static members (KIP-345)
               7: the protocol type is answered, and null for a missing protocol (KIP-559)   8: a reason   9: SkipAssignment (KIP-814)
    Behaviour  Parked until every member has joined or the rebalance timeout has passed; only the leader is told of the others. When
               a member joins again on another connection, the first call is told REBALANCE_IN_PROGRESS; Kafka leaves it without an answer.
    Not done   Joining a group of the consumer protocol (KIP-848's migration).
    """
    caller = Caller(context.client_id or "", f"/{context.connection.peer_host}", context.api_version)
    try:
        response: JoinGroupResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.join_group(now_ms, call, caller, request), context.park
        )
    except KafkaError as error:
        response = JoinGroupResponse(error_code=error.code, protocol_name=None, member_id=request.member_id)
    if response.protocol_name is None and context.api_version < 7:
        response.protocol_name = ""
    return response


@handles(SyncGroupRequest, versions=(0, 5))
async def sync_group(context: RequestContext, request: SyncGroupRequest) -> SyncGroupResponse:
    """Give the leader's assignment, or wait for it.

    Versions   3: static members (KIP-345)   5: protocol type and name must be given and must be the group's (KIP-559)
    Behaviour  Parked until the leader's assignment is written to `__consumer_offsets`. A member that is taken out of the group meanwhile
               is told UNKNOWN_MEMBER_ID; Kafka leaves it without an answer.
    Not done   Members of a group of the consumer protocol.
    """
    if context.api_version >= 5 and (request.protocol_type is None or request.protocol_name is None):
        return SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    try:
        response: SyncGroupResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.sync_group(now_ms, call, request), context.park
        )
    except KafkaError as error:
        return SyncGroupResponse(error_code=error.code)
    return response


@handles(HeartbeatRequest, versions=(0, 4))
async def heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    """Keep a member's session alive and tell it of a rebalance.

    Versions   3: static members (KIP-345)
    Behaviour  REBALANCE_IN_PROGRESS while members are joining; while the assignment is awaited a heartbeat is plain.
    Not done   Members of a group of the consumer protocol.
    """
    try:
        response: HeartbeatResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.heartbeat(now_ms, call, request), context.flush
        )
    except KafkaError as error:
        # Until the group is loaded nobody can tell whether the member is one: Kafka answers that all is well.
        code = ErrorCode.NONE if error.code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS else error.code
        return HeartbeatResponse(error_code=code)
    return response


@handles(LeaveGroupRequest, versions=(0, 5))
async def leave_group(context: RequestContext, request: LeaveGroupRequest) -> LeaveGroupResponse:
    """Take members out of a classic group.

    Versions   3: several members, by member id or by group instance id alone (KIP-345)   5: reasons (KIP-800)
    Behaviour  Every member has its own error; before version 3 that of the only member is the answer's.
    Not done   Members of a group of the consumer protocol.
    """
    single = context.api_version < 3
    if single:
        request.members = [LeaveGroupRequest.MemberIdentity(member_id=request.member_id)]
    try:
        response: LeaveGroupResponse = await context.state.groups.ask(
            request.group_id, lambda shard, now_ms, call: shard.leave_group(now_ms, call, request), context.flush
        )
    except KafkaError as error:
        return LeaveGroupResponse(error_code=error.code)
    if single and response.members:
        return LeaveGroupResponse(error_code=response.error_code or response.members[0].error_code)
    return response
