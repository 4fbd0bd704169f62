"""CreateTopics, DeleteTopics, CreatePartitions: handed to the controller, which decides."""

from __future__ import annotations

from typing import Any

from pybroker.handlers.context import RequestContext
from pybroker.handlers.created_topics import with_shared_configs
from pybroker.handlers.registry import handles
from pybroker.runtime.turns import Turns
from pybroker.wire import messages
from pybroker.wire.errors import KafkaError
from pybroker.wire.messages import CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest
from pybroker.wire.uuids import ZERO_UUID


@handles(CreateTopicsRequest, versions=(2, 7))
async def create_topics(context: RequestContext, request: Any) -> Any:
    """Make topics.

    Versions   4: -1 for the broker's default number of partitions and replicas (KIP-464)   5: the answer tells every configuration
               (KIP-525)   6: throttling by mutation quota (KIP-599)   7: the answer tells the topic id (KIP-516)
    Behaviour  Each topic is made or refused alone. A request of more than 10,000 partitions, or of more than 10,000 records (one for each
               topic, configuration and partition), is refused as a whole: POLICY_VIOLATION.
    Not done   Mutation quotas, create.topic.policy.class.name. The timeout does not count: a topic is there when the answer comes.
    """
    await context.flush()
    try:
        return with_shared_configs(await context.state.controller.create_topics(request))
    except KafkaError as error:
        result = messages.CreateTopicsResponse.CreatableTopicResult
        code, message = error.code, error.message
        failed = await Turns().each(
            lambda topic: result(name=topic.name, error_code=code, error_message=message, configs=[]), request.topics
        )
        return messages.CreateTopicsResponse(topics=failed)


@handles(DeleteTopicsRequest, versions=(1, 6))
async def delete_topics(context: RequestContext, request: Any) -> Any:
    """Delete topics by name or, from version 6, by id (KIP-516).

    Versions   3: TOPIC_DELETION_DISABLED in place of INVALID_REQUEST   4: throttling (KIP-599)   5: error messages
    Behaviour  A topic named twice, or by name and by id, is refused; more than 10,000 topics are as a whole.
    Not done   Mutation quotas.
    """
    await context.flush()
    try:
        return await context.state.controller.delete_topics(request, context.api_version)
    except KafkaError as error:
        asked = [(name, ZERO_UUID) for name in request.topic_names] + [(topic.name, topic.topic_id) for topic in request.topics]
        result = messages.DeleteTopicsResponse.DeletableTopicResult
        code, message = error.code, error.message
        failed = await Turns().each(lambda one: result(name=one[0], topic_id=one[1], error_code=code, error_message=message), asked)
        return messages.DeleteTopicsResponse(responses=failed)


@handles(CreatePartitionsRequest, versions=(0, 3))
async def create_partitions(context: RequestContext, request: Any) -> Any:
    """Give topics more partitions (KIP-195).

    Behaviour  The count is the new total. Each topic is grown or refused alone; more than 10,000 are refused as a whole.
    Not done   Mutation quotas (version 3, KIP-599).
    """
    await context.flush()
    try:
        return await context.state.controller.create_partitions(request)
    except KafkaError as error:
        result = messages.CreatePartitionsResponse.CreatePartitionsTopicResult
        code, message = error.code, error.message
        failed = await Turns().each(lambda topic: result(name=topic.name, error_code=code, error_message=message), request.topics)
        return messages.CreatePartitionsResponse(results=failed)
