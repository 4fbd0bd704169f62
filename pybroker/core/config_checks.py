"""Whether a resource may have the configuration that an alteration would give it.

Rules
- A topic, a group: every name known, every value valid, and what must hold between values and with the broker's limits: INVALID_CONFIG.
- A broker: only what can change while it runs, with a valid value: INVALID_REQUEST. Unknown names pass, as Kafka lets plug-ins have theirs.
- Settings that Kafka changes for one broker alone (listeners, key stores) would need sockets to be opened anew; this broker says no.

(Kafka: ControllerConfigurationValidator, LogConfig.validate, GroupConfig, ClientMetricsConfigs, DynamicBrokerConfig.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pybroker.core.config_definitions import SettingError, Value, definition
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
}
SESSIONS_AND_HEARTBEATS = ("consumer", "share", "streams")


# Settings of one broker that this one follows while it runs.
FOLLOWED = frozenset({"cordoned.log.dirs"})


def check_broker_change(changes: Mapping[str, str | None], one_broker: bool) -> None:
    """Refuse a change of settings that cannot be made while the broker runs. Raises INVALID_REQUEST."""
    known = {name: found for name in changes if (found := definition("broker", name)) is not None}
    read_only = [name for name, found in known.items() if found.dynamic == "read-only"]
    if read_only:
        raise _refused(f"Cannot update these configs dynamically: [{', '.join(read_only)}]")
    of_one = [name for name, found in known.items() if found.dynamic == "per-broker"]
    if of_one and not one_broker:
        raise _refused(f"Cannot update these configs at default cluster level, broker id must be specified: [{', '.join(of_one)}]")
    for name, found in known.items():
        if name in of_one and name not in FOLLOWED:
            raise _refused(f"Cannot update {name}: this broker takes it only at start")
        value = changes[name]
        if value is not None:
            try:
                found.parse(value)
            except SettingError as wrong:
                raise _refused(str(wrong)) from None


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


def _check_limits(settings: Settings, name: str, value: Any, low: str | None, high: str) -> None:
    least, most = None if low is None else settings.get(low), settings.get(high)
    if least is None and value > most:
        raise _invalid(f"{name} must be less than or equal to {most}")
    if least is not None and not least <= value <= most:
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
    key, equals, expression = pattern.partition("=")
    if not equals or key.strip() not in CLIENT_MATCH_KEYS:
        raise _invalid(f"Illegal client matching pattern: {pattern}")
    try:
        re.compile(expression.strip())
    except re.error:
        raise _invalid(f"Illegal client matching pattern: {pattern}") from None


def _parse(kind: str, configs: Mapping[str, str]) -> dict[str, Value]:
    values = {}
    for name, text in configs.items():
        found = definition(kind, name)
        if found is None:
            raise _invalid(f"Unknown {kind} config name: {name}")
        try:
            values[name] = found.parse(text)
        except SettingError as wrong:
            raise _invalid(str(wrong)) from None
    return values


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_CONFIG, message)


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
