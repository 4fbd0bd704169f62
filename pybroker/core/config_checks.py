"""Whether a resource may have the configuration that an alteration would give it.

Rules
- A topic, a group: every name known, every value valid, and what must hold between values and with the broker's limits: INVALID_CONFIG.
- A telemetry subscription: the same, but for an unknown name and a bad interval, which are INVALID_REQUEST.
- What a client reads is Kafka's text to the letter.

(Kafka: GroupConfig, ClientMetricsConfigs. Topics: topic_config.py. Brokers: broker_changes.py.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pybroker.core.config_definitions import SettingError, Value, definition, known
from pybroker.core.java_text import trim
from pybroker.core.settings import Settings
from pybroker.wire.errors import ErrorCode, KafkaError

CLIENT_METRICS_INTERVAL_MS = (100, 3_600_000)
CLIENT_MATCH_KEYS = frozenset(
    {
        "client_instance_id",
        "client_id",
        "client_software_name",
        "client_software_version",
        "client_source_address",
        "client_source_port",
    }
)

# A group's setting and the broker's limits for it.
GROUP_LIMITS = {
    "consumer.session.timeout.ms": ("group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
    "consumer.heartbeat.interval.ms": ("group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
    "consumer.assignment.interval.ms": ("group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"),
    "share.session.timeout.ms": ("group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"),
    "share.heartbeat.interval.ms": ("group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"),
    "share.assignment.interval.ms": ("group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"),
    "share.record.lock.duration.ms": ("group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"),
    "share.delivery.count.limit": ("group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"),
    "share.partition.max.record.locks": ("group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks"),
    "streams.session.timeout.ms": ("group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"),
    "streams.heartbeat.interval.ms": ("group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"),
    "streams.assignment.interval.ms": ("group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"),
    "streams.num.standby.replicas": (None, "group.streams.max.standby.replicas"),
    "streams.num.warmup.replicas": (None, "group.streams.max.warmup.replicas"),
    "streams.task.offset.interval.ms": ("group.streams.min.task.offset.interval.ms", None),
}
SESSIONS_AND_HEARTBEATS = ("consumer", "share", "streams")
ASSIGNOR = "streams.assignor.name"
DEAD_LETTERS = "errors.deadletterqueue.topic.name"

# The order in which Kafka reads a group's configuration (GroupConfig's definitions): of several bad values a client is told of the first.
_READ_ORDER = """
    consumer.session.timeout.ms consumer.heartbeat.interval.ms consumer.assignment.interval.ms consumer.assignor.offload.enable
    share.session.timeout.ms share.heartbeat.interval.ms share.record.lock.duration.ms share.delivery.count.limit
    share.partition.max.record.locks share.auto.offset.reset share.isolation.level share.renew.acknowledge.enable
    share.assignment.interval.ms share.assignor.offload.enable streams.session.timeout.ms streams.heartbeat.interval.ms
    streams.num.standby.replicas streams.initial.rebalance.delay.ms streams.assignment.interval.ms streams.assignor.offload.enable
    streams.task.offset.interval.ms streams.num.warmup.replicas streams.acceptable.recovery.lag errors.deadletterqueue.copy.record.enable
""".split()  # noqa: SIM905 -- a block of names is easier to read than a column of quoted ones
_PLACES = {name: place for place, name in enumerate(_READ_ORDER)}


def check_group(settings: Settings, configs: Mapping[str, str]) -> None:
    """Refuse a group's configuration. Raises INVALID_CONFIG."""
    values = _parse("group", configs)
    for name, (low, high) in GROUP_LIMITS.items():
        if name in values:
            _check_limits(settings, name, values[name], low, high)
    for kind in SESSIONS_AND_HEARTBEATS:
        session, heartbeat = f"{kind}.session.timeout.ms", f"{kind}.heartbeat.interval.ms"
        if {session, heartbeat} & values.keys():
            _check_heartbeat(settings, values, session, heartbeat)
    if ASSIGNOR in values:
        _check_assignor(settings, values[ASSIGNOR])
    if str(values.get(DEAD_LETTERS, "")).startswith("__"):
        raise _invalid(f"{DEAD_LETTERS}: DLQ topic name must not start with '__'")


def _check_assignor(settings: Settings, name: Value) -> None:
    registered = settings.get("group.streams.assignors")
    if name not in registered:
        raise _invalid(f"{ASSIGNOR} '{name}' is not a registered task assignor. Registered assignors are: [{', '.join(registered)}].")


def _check_limits(settings: Settings, name: str, value: Any, low: str | None, high: str | None) -> None:
    least, most = None if low is None else settings.get(low), None if high is None else settings.get(high)
    if least is None:
        if value > most:
            raise _invalid(f"{name} must be less than or equal to {most}")
    elif most is None:
        if value < least:
            raise _invalid(f"{name} must be greater than or equal to {least}")
    elif not least <= value <= most:
        raise _invalid(f"{name} must be in the range {least} to {most} inclusive.")


def _check_heartbeat(settings: Settings, values: dict[str, Value], session: str, heartbeat: str) -> None:
    session_ms: Any = values.get(session, settings.get(f"group.{session}"))
    heartbeat_ms: Any = values.get(heartbeat, settings.get(f"group.{heartbeat}"))
    if session_ms <= heartbeat_ms:
        raise _invalid(f"{session} ({session_ms}) must be greater than {heartbeat} ({heartbeat_ms})")


def check_client_metrics(configs: Mapping[str, str]) -> None:
    """Refuse a telemetry subscription. Raises INVALID_REQUEST, or INVALID_CONFIG for its patterns."""
    unknown = [name for name in configs if definition("client_metrics", name) is None]
    if unknown:
        raise _refused(f"Unknown client metrics configuration: {unknown[0]}")
    values = _parse("client_metrics", configs)
    low, high = CLIENT_METRICS_INTERVAL_MS
    interval_ms: Any = values.get("interval.ms", high)
    if not low <= interval_ms <= high:
        raise _refused(f"Invalid value {interval_ms} for interval.ms, interval must be between {low} and {high} (1 hour)")
    patterns: Any = values.get("match", [])
    for pattern in patterns:
        _check_match(pattern)


def _check_match(pattern: str) -> None:
    key, *expressions = pattern.rstrip("=").split("=")
    if len(expressions) != 1 or trim(key) not in CLIENT_MATCH_KEYS:
        raise _invalid(f"Illegal client matching pattern: {pattern}")
    try:
        re.compile(trim(expressions[0]))
    except re.error:
        raise _invalid(f"Illegal client matching pattern: {pattern}") from None


def _place(name: str) -> tuple[int, str]:
    return _PLACES.get(name, len(_PLACES)), name


def _parse(kind: str, configs: Mapping[str, str]) -> dict[str, Value]:
    values = {}
    unknown = next((name for name in configs if definition(kind, name) is None), None)
    if unknown is not None:
        raise _invalid(f"Unknown {kind} config name: {unknown}")
    for name in sorted(configs, key=_place):
        try:
            values[name] = known(kind, name).parse(configs[name])
        except SettingError as wrong:
            raise _invalid(str(wrong)) from None
    return values


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_CONFIG, message)


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
