"""Configurations as DescribeConfigs tells them: value, where it comes from, and what else would have given it.

Rules
- An entry's source is that of its first synonym; an entry without synonyms is a default.
- Synonyms are listed by layer, then in falling precision, and those before the first that bears the asked name itself are dropped. So a
  retention set in hours does not show as the source of `retention.ms`, though it counts: Kafka answers so.
- What is sensitive is named but never told, nor is what Kafka has no definition for.

(Kafka: ConfigHelper, DynamicBrokerConfig.brokerConfigSynonyms; KIP-226, KIP-569.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import NamedTuple

from pybroker.core.config_definitions import ConfigDefinition, ConfigType, Value, definition, facts, format_value, known, of_running_broker
from pybroker.core.settings import Settings


class ConfigSource(IntEnum):
    """Where a value comes from, as DescribeConfigs numbers it."""

    TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    CLIENT_METRICS_CONFIG = 7
    GROUP_CONFIG = 8


class Synonym(NamedTuple):
    """One of the settings that could have given a value; the first of a list did."""

    name: str
    value: str | None
    source: ConfigSource


class ConfigEntry(NamedTuple):
    """One configuration of a resource. `value` is None for null and for what is sensitive."""

    name: str
    value: str | None
    read_only: bool
    source: ConfigSource
    is_sensitive: bool
    synonyms: list[Synonym]
    type: ConfigType


_CHAINS = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)
BROKER_SYNONYMS: dict[str, tuple[str, ...]] = {name: chain for chain in _CHAINS for name in chain}
BROKER_SYNONYMS["log.flush.interval.ms"] = ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")


def topic_entries(settings: Settings, overrides: Mapping[str, str], keys: Collection[str] | None = None) -> list[ConfigEntry]:
    """All configurations of a topic that sets `overrides`, or those named in `keys` (an empty `keys` names all)."""
    values = settings.topic_values(overrides)
    entries = []
    for name in _chosen(facts("topic"), keys):
        found = known("topic", name)
        if not found.internal:
            value = format_value(values[name], found.type)
            synonyms = broker_synonyms(settings, found.broker_default) if found.broker_default is not None else []
            own = [Synonym(name, value, ConfigSource.TOPIC_CONFIG)] if name in overrides else []
            entries.append(_entry(found, value, [*own, *synonyms]))
    return entries


def broker_entries(settings: Settings, keys: Collection[str] | None = None) -> list[ConfigEntry]:
    """All settings of this broker, with the quotas that are set and the names that were given and that Kafka does not know."""
    given = {**settings.static, **settings.dynamic_default, **settings.dynamic_broker}
    others = {name: text for name, text in given.items() if name not in facts("broker")}
    entries = [_running_entry(settings, name, others[name]) for name in _chosen(others, keys)]
    for name in _chosen(facts("broker"), keys):
        found = known("broker", name)
        if not found.internal:
            value = format_value(settings.get(name), found.type)
            entries.append(_entry(found, value, broker_synonyms(settings, name), read_only=found.dynamic == "read-only"))
    return entries


def default_broker_entries(settings: Settings, keys: Collection[str] | None = None) -> list[ConfigEntry]:
    """What was set for all brokers while they run: the resource with the empty name."""
    entries = []
    for name in _chosen(settings.dynamic_default, keys):
        found = of_running_broker(name)
        if found is None:
            entries.append(_unknown_entry(settings, name))
        else:
            synonyms = [one for one in broker_synonyms(settings, name) if one.source is ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG]
            value = None if found.is_sensitive else settings.dynamic_default[name]
            entries.append(_entry(found, value, synonyms, read_only=found.dynamic == "read-only"))
    return entries


def group_entries(settings: Settings, overrides: Mapping[str, str], keys: Collection[str] | None = None) -> list[ConfigEntry]:
    """All configurations of a group, known or not (KIP-848, KIP-932)."""
    entries = []
    for name in _chosen(facts("group"), keys):
        found = known("group", name)
        if not found.internal:
            inherited = _group_default(settings, found)
            value = overrides.get(name, inherited)
            default = [Synonym(name, inherited, ConfigSource.DEFAULT_CONFIG)]
            synonyms = broker_synonyms(settings, found.broker_default) if found.broker_default is not None else default
            own = [Synonym(name, value, ConfigSource.GROUP_CONFIG)] if name in overrides else []
            entries.append(_entry(found, value, [*own, *synonyms]))
    return entries


def client_metrics_entries(overrides: Mapping[str, str], keys: Collection[str] | None = None) -> list[ConfigEntry]:
    """All configurations of a telemetry subscription, made or not (KIP-714)."""
    entries = []
    for name in _chosen(facts("client_metrics"), keys):
        found = known("client_metrics", name)
        default = format_value(found.default, found.type)
        own = [Synonym(name, overrides[name], ConfigSource.CLIENT_METRICS_CONFIG)] if name in overrides else []
        entries.append(_entry(found, overrides.get(name, default), [*own, Synonym(name, default, ConfigSource.DEFAULT_CONFIG)]))
    return entries


def broker_synonyms(settings: Settings, name: str) -> list[Synonym]:
    """Every layer's value of a broker setting and of those that stand in for it, the deciding one first."""
    names = BROKER_SYNONYMS.get(name, (name,))
    layers = (
        (settings.dynamic_broker, ConfigSource.DYNAMIC_BROKER_CONFIG),
        (settings.dynamic_default, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG),
        (settings.static, ConfigSource.STATIC_BROKER_CONFIG),
        ({one: text for one in names if (text := _default_text(one)) is not None}, ConfigSource.DEFAULT_CONFIG),
    )
    found = [Synonym(one, _shown(one, layer[one]), source) for layer, source in layers for one in names if one in layer]
    first = next((at for at, synonym in enumerate(found) if synonym.name == name), len(found))
    return found[first:]


def _default_text(name: str) -> str | None:
    found = definition("broker", name)
    return None if found is None else format_value(found.default, found.type)


def _shown(name: str, value: str) -> str | None:
    found = of_running_broker(name)
    return None if found is None or found.is_sensitive else value


def _group_default(settings: Settings, found: ConfigDefinition) -> str | None:
    if found.broker_default is None:
        return format_value(found.default, found.type)
    value: Value = settings.get(found.broker_default)
    if isinstance(value, list) and found.type is ConfigType.STRING:
        return value[0] if value else None  # of the assignors that a broker offers the first is the default
    return format_value(value, found.type)


def _chosen(names: Collection[str], keys: Collection[str] | None) -> list[str]:
    return [name for name in names if name in keys] if keys else list(names)


def _entry(found: ConfigDefinition, value: str | None, synonyms: list[Synonym], read_only: bool = False) -> ConfigEntry:
    source = synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG
    return ConfigEntry(found.name, value, read_only, source, found.is_sensitive, synonyms, found.type)


def _running_entry(settings: Settings, name: str, text: str) -> ConfigEntry:
    """Of a name that server.properties has not: a quota is shown as it was given, others are only named."""
    found = definition("broker_quota", name)
    return _unknown_entry(settings, name) if found is None else _entry(found, text, broker_synonyms(settings, name))


def _unknown_entry(settings: Settings, name: str) -> ConfigEntry:
    synonyms = broker_synonyms(settings, name)
    source = synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG
    return ConfigEntry(name, None, True, source, True, synonyms, ConfigType.UNKNOWN)
