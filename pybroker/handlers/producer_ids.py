"""InitProducerId: who a producer is. DescribeProducers: who a partition remembers."""

from __future__ import annotations

from typing import Any

from pybroker.core.producers import ProducerEntry
from pybroker.core.topic_names import check_name
from pybroker.handlers.context import RequestContext
from pybroker.handlers.known_topics import find_partition
from pybroker.handlers.registry import handles
from pybroker.runtime.turns import Turns
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
)

FENCED_SINCE = 4
NO_ID = -1
NO_EPOCH = -1


@handles(InitProducerIdRequest, versions=(0, 5))
async def init_producer_id(context: RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """Give an idempotent producer an id that nobody had before, at epoch 0; a transactional one the next epoch of its transactional id.

    Versions   3: a producer may name the id and epoch it has (KIP-360)   4: PRODUCER_FENCED (KIP-588)   5: TRANSACTION_ABORTABLE (KIP-890)
    Behaviour  Without a transactional id the producer's own id and epoch are looked at only for being both given or both not. Version 6 is
               unstable in Kafka 4.4.0 and closes the connection. Whoever has the transactional id is fenced; while its transaction is
               open the answer is CONCURRENT_TRANSACTIONS, and it is aborted.
    Not done   Nothing.
    """
    if request.transactional_id == "" or (request.producer_id == NO_ID) != (request.producer_epoch == NO_EPOCH):
        return _refused(ErrorCode.INVALID_REQUEST)
    if request.transactional_id is None:
        return InitProducerIdResponse(producer_id=context.state.controller.allocate_producer_id(), producer_epoch=0)
    try:
        response = await _init_transactional(context, request, request.transactional_id)
    except KafkaError as error:
        return _refused(error.code)
    if response.error_code == ErrorCode.PRODUCER_FENCED and context.api_version < FENCED_SINCE:
        response.error_code = ErrorCode.INVALID_PRODUCER_EPOCH
    return response


async def _init_transactional(context: RequestContext, request: InitProducerIdRequest, transactional_id: str) -> InitProducerIdResponse:
    # Imported here: a producer without transactions needs none of it.
    from pybroker.core.transactions.transaction import Holder

    timeout_ms = request.transaction_timeout_ms
    holder = None if request.producer_id == NO_ID else Holder(request.producer_id, request.producer_epoch)
    response: InitProducerIdResponse = await context.state.transactions.ask(
        transactional_id,
        lambda shard, now_ms, call: shard.init_producer_id(now_ms, call, transactional_id, timeout_ms, holder),
        context.flush,
    )
    return response


def _refused(error: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=error, producer_id=NO_ID, producer_epoch=NO_EPOCH)


@handles(DescribeProducersRequest, versions=(0, 0))
async def describe_producers(context: RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse:
    """List the producers that partitions remember (KIP-664).

    Behaviour  An illegal topic name is INVALID_TOPIC_EXCEPTION, an unknown topic or partition UNKNOWN_TOPIC_OR_PARTITION.
    Not done   Nothing.
    """
    topics, turns = [], Turns()
    for topic in request.topics:
        answers = []
        for index in topic.partition_indexes:
            answers.append(_describe(context, topic.name, index))
            await turns.step(1 + len(answers[-1].active_producers))
        topics.append(DescribeProducersResponse.TopicResponse(name=topic.name, partitions=answers))
    return DescribeProducersResponse(topics=topics)


def _describe(context: RequestContext, topic: str, partition: int) -> Any:
    answer = DescribeProducersResponse.PartitionResponse(partition_index=partition)
    try:
        _check_topic(context, topic)
    except KafkaError as error:
        answer.error_code, answer.error_message = error.code, error.message
        return answer
    try:
        live = find_partition(context, topic, partition)
        live.check_online()
        answer.active_producers = [_producer_state(entry) for entry in live.state.producers]
    except KafkaError as error:  # of a partition Kafka tells no more than the code
        answer.error_code = error.code
    return answer


def _check_topic(context: RequestContext, topic: str) -> None:
    check_name(topic)
    if topic not in context.state.cluster.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")


def _producer_state(entry: ProducerEntry) -> Any:
    return DescribeProducersResponse.ProducerState(
        producer_id=entry.producer_id,
        producer_epoch=entry.producer_epoch,
        last_sequence=entry.last_sequence,
        last_timestamp=entry.last_timestamp,
        coordinator_epoch=entry.coordinator_epoch,
        current_txn_start_offset=entry.current_txn_first_offset,
    )
