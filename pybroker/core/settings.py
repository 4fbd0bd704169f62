"""The settings of a broker: what was given at start, what was changed since, what Kafka does without being told.

Rules
- Four layers, the first that names a setting wins: dynamic for this broker, dynamic for all brokers, static (command line, file), default.
- The dynamic layers are set from the metadata image and from nowhere else, so a restart finds them again (KIP-226).
- Static values are checked when a `Settings` is made: a broker with a bad value does not start. Names that Kafka does not know are kept, as
  Kafka keeps them; whether a person may give them is asked with `Settings.check`.

`DEVELOPMENT_DEFAULTS` is the whole list of what pybroker sets differently from Kafka: what one broker alone needs to work at once.
They count as static values, so DescribeConfigs shows them for what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from pybroker.core.config_definitions import ConfigDefinition, SettingError, Value, definition, facts, known, of_running_broker
from pybroker.core.topic_config import (
    TopicConfig,
    build_topic_config,
    check_topic_values,
    effective_topic_values,
    parse_topic_overrides,
)

DEVELOPMENT_DEFAULTS = {
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}

# Names without a definition that Kafka's own plug-ins read, and prefixes that hand the rest of a name to one.
PLUGIN_NAMES = frozenset({"super.users", "allow.everyone.if.no.acl.found"})
PLUGIN_PREFIXES = ("rlmm.config.", "rsm.config.", "config.providers.", "listener.name.")


# Topics are made alike, in a handful of ways; more than this is somebody making each in another one.
MAX_DERIVED = 100

T = TypeVar("T")


class Settings:
    """All settings of one broker. `static`: what was given at start, by Kafka's names. Raises `SettingError` if a value is not valid."""

    __slots__ = ("_default_topic_config", "_derived", "_dynamic_broker", "_dynamic_default", "_static", "_values")

    def __init__(self, static: Mapping[str, str]) -> None:
        self._static: dict[str, str] = {**DEVELOPMENT_DEFAULTS, **static}
        self._dynamic_default: dict[str, str] = {}
        self._dynamic_broker: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._derived: dict[Hashable, Any] = {}
        self._default_topic_config: TopicConfig | None = None
        self._check_static()

    @staticmethod
    def check(name: str, value: str) -> None:
        """Refuse an unknown name, with the nearest known one, and a value that is not valid: raises `SettingError`."""
        found = definition("broker", name)
        if found is not None:
            found.parse(value)
        elif name not in PLUGIN_NAMES and not name.startswith(PLUGIN_PREFIXES):
            raise SettingError(_unknown(name))

    def get(self, name: str) -> Any:
        """The typed value that counts now. Raises `SettingError` for a name that Kafka does not have."""
        values = self._values
        if name not in values:
            values[name] = self._resolve(name)
        return values[name]

    @property
    def static(self) -> Mapping[str, str]:
        return self._static

    @property
    def dynamic_default(self) -> Mapping[str, str]:
        return self._dynamic_default

    @property
    def dynamic_broker(self) -> Mapping[str, str]:
        return self._dynamic_broker

    def set_dynamic(self, default: Mapping[str, str], broker: Mapping[str, str]) -> None:
        """Replace both dynamic layers. Values that are not valid are kept but do not count, as on a Kafka broker."""
        self._dynamic_default = dict(default)
        self._dynamic_broker = dict(broker)
        self._values.clear()
        self._derived.clear()
        self._default_topic_config = None

    def derived(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` works out of these settings and of nothing else but `key`: kept until they change. For reading only."""
        if key not in self._derived:
            if len(self._derived) >= MAX_DERIVED:
                self._derived.clear()
            self._derived[key] = make()
        found: T = self._derived[key]
        return found

    def topic_config(self, overrides: Mapping[str, str]) -> TopicConfig:
        """The effective settings of a topic. Overrides that are no longer valid do not count."""
        if not overrides:
            if self._default_topic_config is None:
                self._default_topic_config = build_topic_config(effective_topic_values({}, self.get))
            return self._default_topic_config
        return build_topic_config(self.topic_values(overrides))

    def topic_values(self, overrides: Mapping[str, str]) -> dict[str, Value]:
        """The typed effective value of every topic configuration, by name."""
        return effective_topic_values(_valid_only("topic", overrides), self.get)

    def validate_topic(self, configs: Mapping[str, str | None]) -> None:
        """Refuse a topic's configuration as CreateTopics and the alterations do: raises `KafkaError(INVALID_CONFIG)`."""
        if configs:
            check_topic_values(effective_topic_values(parse_topic_overrides(configs), self.get))

    def _resolve(self, name: str) -> Value:
        found = of_running_broker(name) or known("broker", name)
        for layer in (self._dynamic_broker, self._dynamic_default):
            if name in layer and _is_valid(found, layer[name]):
                return found.parse(layer[name])
        return found.parse(self._static[name]) if name in self._static else found.default

    def _check_static(self) -> None:
        for name, text in self._static.items():
            found = definition("broker", name)
            if found is not None:
                found.parse(text)
        for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
            if name in self._static and self.get(name) == 0:
                raise SettingError(f"Invalid value 0 for configuration {name}: must be -1 (no limit) or at least 1")


def _is_valid(found: ConfigDefinition, text: str) -> bool:
    try:
        found.parse(text)
    except SettingError:
        return False
    return True


def _valid_only(kind: str, texts: Mapping[str, str]) -> dict[str, Value]:
    """The typed values of those texts that are known and valid."""
    found = {name: definition(kind, name) for name in texts}
    return {name: known.parse(texts[name]) for name, known in found.items() if known is not None and _is_valid(known, texts[name])}


def _unknown(name: str) -> str:
    topic = definition("topic", name)
    if topic is not None and topic.broker_default is not None:
        return f"Unknown setting {name}: it is a setting of topics; the broker's default for it is {topic.broker_default}"
    if definition("broker_quota", name) is not None:
        return f"Unknown setting {name}: it can be set only while the broker runs (kafka-configs.sh --alter), not at start"
    near = nearest_setting(name, likeness=0.6)
    return f"Unknown setting {name}" + (f": did you mean {near}?" if near else "")


def nearest_setting(name: str, likeness: float = 0.8) -> str | None:
    """The server property that was probably meant; None if none is that much alike (0 to 1)."""
    import difflib  # only when a name was misspelt

    near = difflib.get_close_matches(name, facts("broker"), n=1, cutoff=likeness)
    return near[0] if near else None
