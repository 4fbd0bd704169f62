"""TxnOffsetCommit: offsets that count when the transaction that they are part of is committed."""

from __future__ import annotations

from typing import Any

from pybroker.core.transactions.transaction import Holder
from pybroker.handlers.context import RequestContext
from pybroker.handlers.known_topics import check_commit_size, merged, refusals, split_off_unknown
from pybroker.handlers.registry import handles
from pybroker.runtime.runner import TransactionalProducer
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from pybroker.wire.stored import CONSUMER_OFFSETS

ABORTABLE_SINCE = 4
ADDS_GROUP_SINCE = 5
TOPIC_IDS_SINCE = 6

_Topic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
_Partition = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition

_COORDINATOR_AWAY = (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR)


@handles(TxnOffsetCommitRequest, versions=(0, 6))
async def txn_offset_commit(context: RequestContext, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
    """Write offsets of a group as part of a transaction.

    Versions   3: the group's generation and member (KIP-447)   4: TRANSACTION_ABORTABLE   5: the group is added to the transaction
               (KIP-890)   6: topic ids
    Behaviour  Topics and partitions that are not there fail alone; any other error is that of all partitions.
    Not done   Nothing.
    """
    turns = Turns()
    refused = await split_off_unknown(context, request, _Topic, _refuse, turns, by_id=context.api_version >= TOPIC_IDS_SINCE)
    if not request.topics:
        return TxnOffsetCommitResponse(topics=refused)
    try:
        if not request.group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID)
        check_commit_size(context, request)
        await _enter_transaction(context, request)
        version = context.api_version
        response: TxnOffsetCommitResponse = await context.state.groups.ask(
            request.group_id,
            lambda shard, now_ms, call: shard.commit_transactional_offsets(now_ms, call, version, request),
            context.flush,
            TransactionalProducer(request.producer_id, request.producer_epoch),
        )
        answered = response.topics
    except KafkaError as failure:
        answered = [
            await refusals(topic, _Topic, _refuse, failure.code, [each.partition_index for each in topic.partitions], turns)
            for topic in request.topics
        ]
    return TxnOffsetCommitResponse(topics=await merged(answered, refused, turns))


async def _enter_transaction(context: RequestContext, request: TxnOffsetCommitRequest) -> None:
    """Raises KafkaError unless the transaction reaches the group's partition, which from version 5 on is added to it."""
    partition = await context.state.groups.partition_of(request.group_id, context.flush)
    holder = Holder(request.producer_id, request.producer_epoch)
    where = (CONSUMER_OFFSETS, partition)
    adds = context.api_version >= ADDS_GROUP_SINCE
    if not adds and not context.state.settings.get("transaction.partition.verification.enable"):
        return
    answers = await context.state.transactions.admit(request.transactional_id, holder, [where], adds=adds, flush=context.flush)
    error = answers[where]
    if error:
        raise KafkaError(_as_told(error, context.api_version))


def _as_told(error: ErrorCode, api_version: int) -> ErrorCode:
    if error is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if error is ErrorCode.TRANSACTION_ABORTABLE and api_version < ABORTABLE_SINCE:
        return ErrorCode.INVALID_TXN_STATE
    if error in _COORDINATOR_AWAY or (error is ErrorCode.CONCURRENT_TRANSACTIONS and api_version < ADDS_GROUP_SINCE):
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    return error


def _refuse(index: int, error: ErrorCode) -> Any:
    return _Partition(partition_index=index, error_code=error)
