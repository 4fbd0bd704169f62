"""Which names a topic may have (Kafka: Topic.validate, Topic.hasCollision)."""

from __future__ import annotations

import re

from pybroker.core.cluster import ClusterImage, normal_form
from pybroker.wire.errors import ErrorCode, KafkaError

# A topic is a directory with a partition's number behind: 249 leaves room for "-", five digits and "-delete" below the 255 of file systems.
MAX_NAME_LENGTH = 249

_is_legal = re.compile(r"[a-zA-Z0-9._-]+").fullmatch


def is_valid_name(name: str) -> bool:
    """Whether Kafka takes this name for a topic."""
    return 0 < len(name) <= MAX_NAME_LENGTH and name not in (".", "..") and _is_legal(name) is not None


def check_name(name: str) -> None:
    """Refuse an illegal name: raises INVALID_TOPIC_EXCEPTION."""
    if not is_valid_name(name):
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, _why_not(name))


def check_collision(image: ClusterImage, name: str) -> None:
    """Refuse a name that differs from an existing one only in dots and underscores: raises INVALID_TOPIC_EXCEPTION."""
    if "." not in name and "_" not in name:
        return
    others = image.colliding_names.get(normal_form(name))
    if others and name not in others:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic '{name}' collides with existing topic: {min(others)}")


def _why_not(name: str) -> str:
    if not name:
        return "Topic name is invalid: the empty string is not allowed"
    if name in (".", ".."):
        return f"Topic name is invalid: '{name}' is not allowed"
    if len(name) > MAX_NAME_LENGTH:
        return f"Topic name is invalid: the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}"
    return f"Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
