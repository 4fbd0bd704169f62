"""The requests of transactional producers to their coordinator, and what administrators ask it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pybroker.core.cluster import INTERNAL_TOPICS
from pybroker.core.decision import Decision
from pybroker.core.patterns.matcher import Matching, Pattern
from pybroker.core.transactions.describing import Filters, read_filters
from pybroker.core.transactions.transaction import Holder, Partition
from pybroker.handlers.at_once import at_once
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    EndTxnRequest,
    EndTxnResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from pybroker.wire.stored import CONSUMER_OFFSETS

if TYPE_CHECKING:
    from pybroker.core.transactions.shard import TransactionShard

FENCED_SINCE = 2
BATCHED_SINCE = 4
ADDS_VERSION_2_SINCE = 5
ENDS_VERSION_2_SINCE = 5
CLASSIC, VERSION_2 = 0, 2

STEPS_PER_ID = 4
"""To ask the shard of an id takes some 30 us."""

LOOKED_AT_PER_STEP, LOOKED_AT_PER_TURN = 20, 4000
"""To look at an instruction of a pattern takes half a microsecond."""

_PartitionResult = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult
_TopicResult = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
_Result = AddPartitionsToTxnResponse.AddPartitionsToTxnResult


@handles(AddPartitionsToTxnRequest, versions=(0, 5))
async def add_partitions_to_txn(context: RequestContext, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
    """Let a transaction reach partitions, or only tell whether it does.

    Versions   2: PRODUCER_FENCED (KIP-588)   4: several transactions, verification; for brokers (KIP-890)   5: TRANSACTION_ABORTABLE, and
               transactions of version 2
    Behaviour  A partition that is not there is UNKNOWN_TOPIC_OR_PARTITION, one of an internal topic TOPIC_AUTHORIZATION_FAILED (to clients,
               up to version 3), and takes the others of its transaction with it: OPERATION_NOT_ATTEMPTED. Verified, a partition that is
               not in the transaction is TRANSACTION_ABORTABLE.
    Not done   Nothing.
    """
    turns = Turns()
    if context.api_version < BATCHED_SINCE:
        holder = Holder(request.v3_and_below_producer_id, request.v3_and_below_producer_epoch)
        topics = request.v3_and_below_topics
        answers = await _add(context, request.v3_and_below_transactional_id, holder, topics, turns, verify_only=False)
        return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=await _by_topic(topics, answers, turns))
    results = []
    for each in request.transactions:
        holder = Holder(each.producer_id, each.producer_epoch)
        answers = await _add(context, each.transactional_id, holder, each.topics, turns, verify_only=each.verify_only)
        results.append(_Result(transactional_id=each.transactional_id, topic_results=await _by_topic(each.topics, answers, turns)))
    return AddPartitionsToTxnResponse(results_by_transaction=results)


async def _add(
    context: RequestContext, transactional_id: str, holder: Holder, topics: Any, turns: Turns, *, verify_only: bool
) -> dict[Partition, ErrorCode]:
    looked_at: dict[Partition, ErrorCode] = {}
    for topic in topics:
        looked_at.update(await turns.each(partial(_look_at, context, topic.name), topic.partitions))
    if any(looked_at.values()):
        return {each: error or ErrorCode.OPERATION_NOT_ATTEMPTED for each, error in looked_at.items()}
    if not transactional_id:
        return dict.fromkeys(looked_at, ErrorCode.INVALID_REQUEST)
    try:
        if verify_only:
            return await context.state.transactions.admit(transactional_id, holder, looked_at, adds=False, flush=context.flush)
        version = VERSION_2 if context.api_version >= ADDS_VERSION_2_SINCE else CLASSIC
        error = await _ask_to_add(context, transactional_id, holder, frozenset(looked_at), version)
    except KafkaError as failure:
        error = failure.code
    return dict.fromkeys(looked_at, _fenced_as(error, context.api_version))


def _look_at(context: RequestContext, topic: str, index: int) -> tuple[Partition, ErrorCode]:
    """Clients may not write to internal topics by themselves, whatever they may else."""
    if context.api_version < BATCHED_SINCE and topic in INTERNAL_TOPICS:
        return (topic, index), ErrorCode.TOPIC_AUTHORIZATION_FAILED
    missing = context.state.partitions.find(topic, index) is None
    return (topic, index), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if missing else ErrorCode.NONE


async def _ask_to_add(
    context: RequestContext, transactional_id: str, holder: Holder, partitions: frozenset[Partition], client_transaction_version: int
) -> ErrorCode:
    answer: ErrorCode = await context.state.transactions.ask(
        transactional_id,
        lambda shard, now_ms, call: shard.add_partitions(now_ms, call, transactional_id, holder, partitions, client_transaction_version),
        context.flush,
    )
    return answer


async def _by_topic(topics: Any, answers: dict[Partition, ErrorCode], turns: Turns) -> list[Any]:
    return [
        _TopicResult(name=topic.name, results_by_partition=await turns.each(partial(_result, answers, topic.name), topic.partitions))
        for topic in topics
    ]


def _result(answers: dict[Partition, ErrorCode], topic: str, index: int) -> Any:
    return _PartitionResult(partition_index=index, partition_error_code=answers[topic, index])


def _fenced_as(error: int, api_version: int) -> ErrorCode:
    """Clients from before KIP-588 know a fenced producer by its epoch."""
    if error == ErrorCode.PRODUCER_FENCED and api_version < FENCED_SINCE:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return ErrorCode(error)


@handles(AddOffsetsToTxnRequest, versions=(0, 4))
async def add_offsets_to_txn(context: RequestContext, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse:
    """Let a transaction reach the partition of `__consumer_offsets` that keeps a group.

    Versions   2: PRODUCER_FENCED (KIP-588)   4: TRANSACTION_ABORTABLE (KIP-890)
    Not done   Nothing.
    """
    if not request.transactional_id:
        return AddOffsetsToTxnResponse(error_code=ErrorCode.INVALID_REQUEST)
    try:
        partition = await context.state.groups.partition_of(request.group_id, context.flush)
        holder = Holder(request.producer_id, request.producer_epoch)
        partitions = frozenset({(CONSUMER_OFFSETS, partition)})
        error = await _ask_to_add(context, request.transactional_id, holder, partitions, CLASSIC)
    except KafkaError as failure:
        error = failure.code
    return AddOffsetsToTxnResponse(error_code=_fenced_as(error, context.api_version))


def end_txn_now(context: RequestContext, request: EndTxnRequest) -> EndTxnResponse | None:
    """As `end_txn`, where the end can be decided without waiting; the markers are written after the answer."""
    if not request.transactional_id:
        return EndTxnResponse(error_code=ErrorCode.INVALID_REQUEST)
    try:
        decide = _deciding_end(context, request)
        response: EndTxnResponse | None = context.state.transactions.ask_now(request.transactional_id, decide, context.afterwards)
    except KafkaError as failure:
        return EndTxnResponse(error_code=failure.code)
    return None if response is None else _told(context, response)


@handles(EndTxnRequest, versions=(0, 5), make_quick=at_once(EndTxnRequest, end_txn_now))
async def end_txn(context: RequestContext, request: EndTxnRequest) -> EndTxnResponse:
    """Commit or abort a transaction.

    Versions   2: PRODUCER_FENCED (KIP-588)   4: TRANSACTION_ABORTABLE   5: the epoch is bumped, and answered (KIP-890)
    Behaviour  The answer says that the end is decided and safe. An end that comes again is answered as before if it asks for the same.
    Not done   Nothing.
    """
    if not request.transactional_id:
        return EndTxnResponse(error_code=ErrorCode.INVALID_REQUEST)
    try:
        decide = _deciding_end(context, request)
        response: EndTxnResponse = await context.state.transactions.ask(request.transactional_id, decide, context.flush)
    except KafkaError as failure:
        return EndTxnResponse(error_code=failure.code)
    return _told(context, response)


def _deciding_end(context: RequestContext, request: EndTxnRequest) -> Callable[[TransactionShard, int, int], Decision]:
    transactional_id, committed = request.transactional_id, request.committed
    holder = Holder(request.producer_id, request.producer_epoch)
    version = VERSION_2 if context.api_version >= ENDS_VERSION_2_SINCE else CLASSIC
    return lambda shard, now_ms, call: shard.end(
        now_ms, call, transactional_id, holder, committed=committed, client_transaction_version=version
    )


def _told(context: RequestContext, response: EndTxnResponse) -> EndTxnResponse:
    if response.error_code:
        response.error_code = _fenced_as(response.error_code, context.api_version)
    return response


@handles(DescribeTransactionsRequest, versions=(0, 0))
async def describe_transactions(context: RequestContext, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
    """Tell state, producer and partitions of transactional ids (KIP-664).

    Not done   Nothing.
    """
    states, turns = [], Turns()
    for transactional_id in request.transactional_ids:
        states.append(await _describe(context, transactional_id))
        await turns.step(STEPS_PER_ID)
    return DescribeTransactionsResponse(transaction_states=states)


async def _describe(context: RequestContext, transactional_id: str) -> DescribeTransactionsResponse.TransactionState:
    try:
        state: DescribeTransactionsResponse.TransactionState = await context.state.transactions.ask(
            transactional_id, lambda shard, now_ms, call: shard.describe(call, transactional_id), context.flush
        )
    except KafkaError as failure:
        return DescribeTransactionsResponse.TransactionState(transactional_id=transactional_id, error_code=failure.code)
    return state


@handles(ListTransactionsRequest, versions=(0, 2))
async def list_transactions(context: RequestContext, request: ListTransactionsRequest) -> ListTransactionsResponse:
    r"""List transactional ids (KIP-664).

    Versions   1: longer than so many milliseconds (KIP-994)   2: by a pattern (KIP-1152)
    Behaviour  Names of states that there are none of are told; alone they let nothing pass. What has never begun is as old as time.
    Not done   Of RE2's patterns, scripts (\p{Greek}) and what is larger than 10,000 instructions are refused.
    """
    try:
        filters: Filters = read_filters(request)
        listed = await context.state.transactions.ask_all(lambda shard, now_ms, call: shard.list(now_ms, call, filters), context.flush)
    except KafkaError as failure:
        return ListTransactionsResponse(error_code=failure.code)
    found = [each for one in listed for each in one]
    if filters.pattern is not None:
        found = await _matching(filters.pattern, found)
    return ListTransactionsResponse(unknown_state_filters=filters.unknown_states, transaction_states=found)


async def _matching(pattern: Pattern, states: list[Any]) -> list[Any]:
    found, turns = [], Turns()
    for state in states:
        matching = Matching(pattern, state.transactional_id)
        while matching.result is None:
            await turns.step(1 + matching.advance(LOOKED_AT_PER_TURN) // LOOKED_AT_PER_STEP)
        if matching.result:
            found.append(state)
    return found
