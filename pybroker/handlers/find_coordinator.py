"""FindCoordinator: which broker keeps a group, a transactional id or a share partition."""

from __future__ import annotations

import logging

from pybroker.core.cluster import NO_LEADER
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.records.hashes import coordinator_partition
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import INVALID_REQUEST_TEXT, ErrorCode, KafkaError
from pybroker.wire.messages import FindCoordinatorRequest, FindCoordinatorResponse
from pybroker.wire.stored import CONSUMER_OFFSETS, SHARE_GROUP_STATE, TRANSACTION_STATE
from pybroker.wire.uuids import from_text

TOLD_UP_TO_VERSION_3 = {
    ErrorCode.INVALID_REQUEST: INVALID_REQUEST_TEXT,
    ErrorCode.COORDINATOR_NOT_AVAILABLE: "The coordinator is not available.",
}
"""There an answer always has the text of its code: Kafka's class Errors has these, and just the name where all is well."""

log = logging.getLogger(__name__)

GROUP, TRANSACTION, SHARE = 0, 1, 2

SEVERAL_KEYS_FROM = 4
SHARE_FROM = 6

_TOPICS = {GROUP: CONSUMER_OFFSETS, TRANSACTION: TRANSACTION_STATE, SHARE: SHARE_GROUP_STATE}


@handles(FindCoordinatorRequest, versions=(0, 6))
async def find_coordinator(context: RequestContext, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    """Name the broker that leads a key's partition of the internal topic, which is made if it is not there.

    Versions   1: transactions   4: several keys (KIP-699)   6: share partitions, `group:topic id:partition` (KIP-932)
    Behaviour  One broker keeps all, so the answer is this one, or nobody. Kafka makes the topic in the background and asks the client to
               come again; here it is made first.
    Not done   Nothing.
    """
    if context.api_version >= SEVERAL_KEYS_FROM:
        coordinators, turns = [], Turns()
        for key in request.coordinator_keys:
            coordinators.append(await _coordinator(context, request.key_type, key))
            await turns.step()
        return FindCoordinatorResponse(coordinators=coordinators)
    found = await _coordinator(context, request.key_type, request.key)
    return FindCoordinatorResponse(
        error_code=found.error_code,
        error_message=TOLD_UP_TO_VERSION_3.get(ErrorCode(found.error_code), ErrorCode(found.error_code).name),
        node_id=found.node_id,
        host=found.host,
        port=found.port,
    )


async def _coordinator(context: RequestContext, key_type: int, key: str) -> FindCoordinatorResponse.Coordinator:
    try:
        _check(context, key_type, key)
        if _TOPICS[key_type] not in context.state.cluster.topics:
            await context.flush()
            await context.state.controller.ensure_internal_topic(_TOPICS[key_type])
        _check_leader(context, _TOPICS[key_type], key)
    except KafkaError as error:
        log.debug("FindCoordinator of client %r finds nobody for %r of type %d: %s", context.client_id, key, key_type, error)
        told = "" if key_type in _TOPICS else INVALID_REQUEST_TEXT  # Kafka refuses the whole request for a type that it has no word for
        return FindCoordinatorResponse.Coordinator(key=key, node_id=-1, port=-1, error_code=error.code, error_message=told)
    host, port = context.advertised_address()
    return FindCoordinatorResponse.Coordinator(key=key, node_id=context.state.node_id, host=host, port=port)


def _check(context: RequestContext, key_type: int, key: str) -> None:
    if key_type not in _TOPICS or (key_type == SHARE and context.api_version < SHARE_FROM):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"no coordinator has keys of type {key_type}")
    if key_type == SHARE and not _is_share_key(key):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{key!r} is not of the form group:topicId:partition")


def _check_leader(context: RequestContext, topic: str, key: str) -> None:
    """Nobody keeps a key whose partition has no leader: its directory is offline, or other brokers had it."""
    partitions = context.state.cluster.topics[topic].partitions
    if partitions[coordinator_partition(key, len(partitions))].leader == NO_LEADER:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)


def _is_share_key(key: str) -> bool:
    parts = key.rsplit(":", 2)
    if len(parts) != 3 or parts[0].strip() == "":
        return False
    try:
        from_text(parts[1])
        int(parts[2])
    except ValueError:
        return False
    return True
