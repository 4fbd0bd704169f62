"""The settings of one topic, typed, as the log, the producer path and the cleaner ask for them.

Rules
- Where the topic says nothing its broker's settings count: every topic configuration names the broker setting that is its default.
- Four defaults come from a chain of broker settings in falling precision (`log.retention.ms`, `.minutes`, `.hours`): the finest set wins.
- A `TopicConfig` never changes; a topic whose configuration changes gets a new one.

(Kafka: LogConfig, ServerTopicConfigSynonyms, AbstractKafkaConfig.logRetentionTimeMillis and its neighbours.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pybroker.core.config_definitions import Value, definition, facts, known
from pybroker.storage.interface import LogConfig
from pybroker.wire.errors import ErrorCode, KafkaError

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class TopicConfig(NamedTuple):
    """One topic's effective settings. Sizes in bytes, times in milliseconds, names as Kafka's with underscores.

    `log_append_time`: message.timestamp.type is LogAppendTime. `compact`, `delete`: the two sides of cleanup.policy.
    """

    compact: bool
    delete: bool
    compression_type: str
    compression_gzip_level: int
    compression_lz4_level: int
    compression_zstd_level: int
    delete_retention_ms: int
    file_delete_delay_ms: int
    flush_messages: int
    flush_ms: int
    index_interval_bytes: int
    max_compaction_lag_ms: int
    max_decompressed_message_bytes: int
    max_message_bytes: int
    message_timestamp_after_max_ms: int
    message_timestamp_before_max_ms: int
    log_append_time: bool
    min_cleanable_dirty_ratio: float
    min_compaction_lag_ms: int
    min_insync_replicas: int
    preallocate: bool
    retention_bytes: int
    retention_ms: int
    segment_bytes: int
    segment_index_bytes: int
    segment_jitter_ms: int
    segment_ms: int

    def log_config(self) -> LogConfig:
        """The part that storage must know."""
        return LogConfig(
            segment_bytes=self.segment_bytes,
            segment_ms=self._segment_ms(),
            segment_jitter_ms=self.segment_jitter_ms,
            index_interval_bytes=self.index_interval_bytes,
            segment_index_bytes=self.segment_index_bytes,
            file_delete_delay_ms=self.file_delete_delay_ms,
        )

    def _segment_ms(self) -> int:
        """What waits for max.compaction.lag.ms in the active segment must leave it to be compacted (KIP-354, LogConfig.maxSegmentMs)."""
        if self.compact and self.max_compaction_lag_ms > 0:
            return min(self.max_compaction_lag_ms, self.segment_ms)
        return self.segment_ms


def build_topic_config(values: Mapping[str, Value]) -> TopicConfig:
    """A `TopicConfig` from the effective value of every topic configuration by name."""
    plain: dict[str, Any] = {field: values[name] for name, field in PLAIN_FIELDS.items()}
    policy: Any = values["cleanup.policy"]
    internal_segment_bytes: Any = values["internal.segment.bytes"]
    if internal_segment_bytes is not None:
        plain["segment_bytes"] = internal_segment_bytes
    return TopicConfig(
        compact="compact" in policy,
        delete="delete" in policy,
        log_append_time=values["message.timestamp.type"] == "LogAppendTime",
        **plain,
    )


_ODD_FIELDS = {"compact", "delete", "log_append_time"}
PLAIN_FIELDS = {field.replace("_", "."): field for field in TopicConfig._fields if field not in _ODD_FIELDS}


def parse_topic_overrides(configs: Mapping[str, str | None]) -> dict[str, Value]:
    """The typed values of a topic's own configuration. Raises INVALID_CONFIG for an unknown name or a value that is not valid."""
    nulls = [name for name, text in configs.items() if text is None]
    if nulls:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {','.join(nulls)}")
    unknown = next((name for name in configs if definition("topic", name) is None), None)
    if unknown is not None:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown topic config name: {unknown}")
    try:
        return {name: known("topic", name).parse(str(configs[name])) for name in sorted(configs, key=_place)}
    except ValueError as wrong:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(wrong)) from None


# The order in which Kafka reads a topic's configuration (LogConfig's definitions): of several bad values a client is told of the first.
_READ_ORDER = """
    segment.bytes segment.ms segment.jitter.ms segment.index.bytes flush.messages flush.ms retention.bytes retention.ms max.message.bytes
    max.decompressed.message.bytes index.interval.bytes delete.retention.ms min.compaction.lag.ms max.compaction.lag.ms file.delete.delay.ms
    min.cleanable.dirty.ratio cleanup.policy unclean.leader.election.enable min.insync.replicas compression.type compression.gzip.level
    compression.lz4.level compression.zstd.level preallocate message.timestamp.type message.timestamp.before.max.ms
    message.timestamp.after.max.ms leader.replication.throttled.replicas follower.replication.throttled.replicas remote.storage.enable
    local.retention.ms local.retention.bytes remote.log.copy.disable remote.copy.lag.ms remote.copy.lag.bytes remote.log.delete.on.disable
    errors.deadletterqueue.group.enable
""".split()  # noqa: SIM905 -- a block of names is easier to read than a column of quoted ones
_PLACES = {name: place for place, name in enumerate(_READ_ORDER)}


def _place(name: str) -> int:
    return _PLACES.get(name, len(_PLACES))


def effective_topic_values(overrides: Mapping[str, Value], broker: Callable[[str], Any]) -> dict[str, Value]:
    """The value of every topic configuration: the topic's own, else the broker's (`broker(name)` gives a typed setting)."""
    return {name: overrides[name] if name in overrides else topic_default(name, broker) for name in facts("topic")}


def check_topic_values(values: Mapping[str, Value]) -> None:
    """What must hold between settings of one topic. Raises INVALID_CONFIG."""
    low: Any = values["min.compaction.lag.ms"]
    high: Any = values["max.compaction.lag.ms"]
    if low > high:
        text = f"conflict topic config setting min.compaction.lag.ms ({low}) > max.compaction.lag.ms ({high})"
        raise KafkaError(ErrorCode.INVALID_CONFIG, text)
    if values["remote.storage.enable"]:
        text = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
        raise KafkaError(ErrorCode.INVALID_CONFIG, text)


def topic_default(name: str, broker: Callable[[str], Any]) -> Value:
    """What a topic gets when it sets nothing itself."""
    chain = CHAINED_DEFAULTS.get(name)
    if chain is not None:
        value: Value = chain(broker)
        return value
    found = definition("topic", name)
    if found is None:
        return None
    inherited: Value = found.default if found.broker_default is None else broker(found.broker_default)
    return inherited


def _retention_ms(broker: Callable[[str], Any]) -> int:
    value = _first_set(broker, ("log.retention.ms", 1), ("log.retention.minutes", MINUTE_MS), ("log.retention.hours", HOUR_MS))
    return max(value, -1)


def _first_set(broker: Callable[[str], Any], *chain: tuple[str, int]) -> int:
    return next(int(value) * unit for name, unit in chain if (value := broker(name)) is not None)


CHAINED_DEFAULTS: dict[str, Callable[[Callable[[str], Any]], Value]] = {
    "retention.ms": _retention_ms,
    "segment.ms": lambda broker: _first_set(broker, ("log.roll.ms", 1), ("log.roll.hours", HOUR_MS)),
    "segment.jitter.ms": lambda broker: _first_set(broker, ("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", HOUR_MS)),
    "flush.ms": lambda broker: _first_set(broker, ("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)),
}
