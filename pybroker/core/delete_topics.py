"""DeleteTopics by name and by id (Kafka: ControllerApis.deleteTopics; ids: KIP-516)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pybroker.core.cluster import TopicImage
from pybroker.core.controller import ControllerDecision, ControllerView, check_length
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError

ZERO_UUID = bytes(16)


def delete_topics(view: ControllerView, request: Any, version: int) -> ControllerDecision:
    """Decide a DeleteTopicsRequest. Up to version 5 it has names alone; then each topic is asked for by name or by id.

    Raises INVALID_REQUEST or, from version 3, TOPIC_DELETION_DISABLED for the request as a whole; POLICY_VIOLATION if it is too long.
    """
    if not view.settings.get("delete.topic.enable"):
        code = ErrorCode.INVALID_REQUEST if version < 3 else ErrorCode.TOPIC_DELETION_DISABLED
        raise KafkaError(code)
    check_length(len(request.topic_names) + len(request.topics))
    asked = [(name, ZERO_UUID) for name in request.topic_names] + [(topic.name, topic.topic_id) for topic in request.topics]
    return _decide(view, asked)


def _decide(view: ControllerView, asked: list[tuple[str | None, bytes]]) -> ControllerDecision:
    decision = ControllerDecision(response=messages.DeleteTopicsResponse())
    answers: list[Any] = decision.response.responses
    names: Counter[str] = Counter()
    ids: Counter[bytes] = Counter()
    for name, topic_id in asked:
        if name is None and topic_id != ZERO_UUID:
            ids[topic_id] += 1
        elif name is not None and topic_id == ZERO_UUID:
            names[name] += 1
        else:
            text = "Neither topic name nor id were specified." if name is None else "You may not specify both topic name and topic id."
            answers.append(_answer(name, topic_id, ErrorCode.INVALID_REQUEST, text))
    found: dict[bytes, TopicImage] = {}
    answers += _find_ids(view, ids, found)
    answers += _find_names(view, names, ids, found)
    for topic in found.values():
        decision.records.append(messages.RemoveTopicRecord(topic_id=topic.topic_id))
        answers.append(_answer(topic.name, topic.topic_id, ErrorCode.NONE, None))
    return decision


def _find_ids(view: ControllerView, ids: Counter[bytes], found: dict[bytes, TopicImage]) -> list[Any]:
    answers = []
    for topic_id, count in ids.items():
        topic = view.image.topics_by_id.get(topic_id)
        if count > 1:
            answers.append(_answer(None, topic_id, ErrorCode.INVALID_REQUEST, "Duplicate topic id."))
        elif topic is None:
            answers.append(_answer(None, topic_id, ErrorCode.UNKNOWN_TOPIC_ID, "This server does not host this topic ID."))
        else:
            found[topic_id] = topic
    return answers


def _find_names(view: ControllerView, names: Counter[str], ids: Counter[bytes], found: dict[bytes, TopicImage]) -> list[Any]:
    answers = []
    for name, count in names.items():
        topic = view.image.topics.get(name)
        if count > 1:
            answers.append(_answer(name, ZERO_UUID, ErrorCode.INVALID_REQUEST, "Duplicate topic name."))
        elif topic is None:
            text = "This server does not host this topic-partition."
            answers.append(_answer(name, ZERO_UUID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text))
        elif topic.topic_id in ids:
            found.pop(topic.topic_id, None)
            text = "The provided topic name maps to an ID that was already supplied."
            answers.append(_answer(name, topic.topic_id, ErrorCode.INVALID_REQUEST, text))
        else:
            found[topic.topic_id] = topic
    return answers


def _answer(name: str | None, topic_id: bytes, code: ErrorCode, message: str | None) -> Any:
    return messages.DeleteTopicsResponse.DeletableTopicResult(name=name, topic_id=topic_id, error_code=code, error_message=message)
