"""Every configuration of Apache Kafka 4.4.0: name, type, default, what is valid, and what it stands in for.

Rules
- The facts are data (`data/configs.json`, one line per configuration); this module only reads and applies them.
- A definition is made when its name is first asked for: loading all of them at start would cost more than it gives.
- Values are parsed as Java parses them: what Kafka refuses is refused here, what it takes is taken.

Kinds: `broker` (server.properties), `broker_quota` (what a broker can be told only while it runs), `topic`, `group` (KIP-848 and KIP-932
group settings), `client_metrics` (KIP-714).
(Kafka: ConfigDef, AbstractKafkaConfig, QuotaConfig, LogConfig, GroupConfig, ClientMetricsConfigs.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pybroker.core.java_text import parse_double, parse_integer, split_list, trim

Value = bool | int | float | str | list[str] | None


class ConfigType(IntEnum):
    """Types as DescribeConfigs numbers them."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class SettingError(ValueError):
    """A configuration that is unknown or whose value is not valid. The text names both and says why."""


KINDS_THAT_DROP_DUPLICATES = frozenset({"topic", "client_metrics"})  # KIP-1161; a broker is told of them
RACK_TAGS = "streams.rack.aware.assignment.tags"

INTEGER_BITS = {ConfigType.SHORT: 16, ConfigType.INT: 32, ConfigType.LONG: 64}

# Patterns are compiled when first used: none of them is needed to start a broker.
_REPLICA = r"([0-9]+:[0-9]+)?"
_DURATION = (
    r"by_duration:([+-]?)P(?=.)(?:([+-]?[0-9]+)D)?(?:T(?=.)(?:([+-]?[0-9]+)H)?(?:([+-]?[0-9]+)M)?(?:([+-]?[0-9]+(?:[.][0-9]{0,9})?)S)?)?"
)
_SECONDS = (86_400, 3_600, 60, 1)


class ConfigDefinition(NamedTuple):
    """One configuration. `broker_default`: the broker setting that gives a topic's or group's default.

    `dynamic`: "read-only", "per-broker" or "cluster-wide", for broker settings (KIP-226).
    """

    name: str
    type: ConfigType
    default: Value
    minimum: float | None
    maximum: float | None
    valid: tuple[str, ...] | None
    valid_ignores_case: bool
    rule: str | None
    no_duplicates: bool
    drops_duplicates: bool
    empty_allowed: bool
    null_allowed: bool
    internal: bool
    dynamic: str
    broker_default: str | None

    @property
    def is_sensitive(self) -> bool:
        return self.type is ConfigType.PASSWORD

    def parse(self, text: str) -> Value:
        """The typed value of `text`. Raises `SettingError`."""
        try:
            value = PARSERS[self.type](trim(text), self.type)
        except ValueError as wrong:
            raise self.refuse(text, str(wrong)) from None
        if isinstance(value, list):
            value = self._checked_list(value)
        reason = self._invalid(value)
        if reason is not None:
            raise self.refuse(value, reason)
        return value

    def refuse(self, value: Value, reason: str) -> SettingError:
        """The error for a value that is not valid; `value` is the text where it has no type yet."""
        shown = "[hidden]" if self.is_sensitive else _shown(value)
        return SettingError(f"Invalid value {shown} for configuration {self.name}: {reason}")

    def _invalid(self, value: Value) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.minimum is not None and value < self.minimum:
                return f"Value must be at least {self.minimum}"
            if self.maximum is not None and value > self.maximum:
                return f"Value must be no more than {self.maximum}"
        if self.valid is not None and isinstance(value, str) and not self._is_valid(value):
            return f"String must be one of: {', '.join(self.valid)}"
        return RULES[self.rule](self.name, value) if self.rule is not None else None

    def _is_valid(self, value: str) -> bool:
        valid = self.valid or ()
        return value.upper() in valid if self.valid_ignores_case else value in valid

    def _checked_list(self, value: list[str]) -> list[str]:
        if self.drops_duplicates:
            value = list(dict.fromkeys(value))
        if not value and not self.empty_allowed:
            accepted = ", ".join(self.valid or ()) or "any non-empty value"
            raise SettingError(f"Configuration '{self.name}' must not be empty. Valid values include: {accepted}")
        if self.no_duplicates and len(set(value)) < len(value):
            if self.name == RACK_TAGS:
                raise SettingError(f"{self.name} must not contain duplicate tag keys.")
            raise SettingError(f"Configuration '{self.name}' values must not be duplicated.")
        for item in value:
            if self.no_duplicates and not item:
                raise SettingError(f"Configuration '{self.name}' values must not be empty.")
            if self.valid is not None and item not in self.valid:
                raise self.refuse(item, f"String must be one of: {', '.join(self.valid)}")
        return value


def _shown(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return format_double(value) if isinstance(value, float) else str(value)


def format_value(value: Value, config_type: ConfigType) -> str | None:
    """The text of a typed value, as Kafka's `ConfigDef.convertToString` writes it; None for null and for what nobody may see."""
    if value is None or config_type is ConfigType.PASSWORD:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value)
    if config_type is ConfigType.DOUBLE and isinstance(value, int | float):
        return format_double(float(value))
    return str(value)


def format_double(value: float) -> str:
    """A double as Java prints it: plain between 1e-3 and 1e7, `1.5E10` elsewhere."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{value!r}".lower().partition("e")
    if not exponent:
        mantissa, _, exponent = _scientific(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _scientific(value: float) -> str:
    """The shortest digits that give the number again, with an exponent."""
    return next(text for digits in range(17) if float(text := f"{value:.{digits}e}") == value)


def _boolean(text: str, _: ConfigType) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("Expected value to be either true or false")
    return text.lower() == "true"


def _integer(text: str, config_type: ConfigType) -> int:
    try:
        return parse_integer(text, INTEGER_BITS[config_type])
    except ValueError:
        raise ValueError(f"Not a number of type {config_type.name}") from None


def _double(text: str, config_type: ConfigType) -> float:
    try:
        return parse_double(text)
    except ValueError:
        raise ValueError(f"Not a number of type {config_type.name}") from None


def _list(text: str, _: ConfigType) -> list[str]:
    return split_list(text)


def _string(text: str, _: ConfigType) -> str:
    return text


PARSERS: dict[ConfigType, Callable[[str, ConfigType], Value]] = {
    ConfigType.BOOLEAN: _boolean,
    ConfigType.STRING: _string,
    ConfigType.INT: _integer,
    ConfigType.SHORT: _integer,
    ConfigType.LONG: _integer,
    ConfigType.DOUBLE: _double,
    ConfigType.LIST: _list,
    ConfigType.CLASS: _string,
    ConfigType.PASSWORD: _string,
}


def _gzip_level(_: str, value: Any) -> str | None:
    return None if value == -1 or 1 <= value <= 9 else "Value must be between 1 and 9 or equal to -1"


def _not_empty(_: str, value: Any) -> str | None:
    return None if value else "non-empty list" if isinstance(value, list) else "String must be non-empty"


def _anything(*_: Any) -> str | None:
    return None


def _throttled_replicas(name: str, value: Any) -> str | None:
    if trim("".join(value)) == "*" or all(re.fullmatch(_REPLICA, item) for item in value):
        return None
    form = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
    return f"{name} must be the literal '*' or a list of replicas in the following format: {form}"


def _offset_reset(name: str, value: Any) -> str | None:
    if value in ("latest", "earliest") or _is_duration(value):
        return None
    known_forms = "either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'"
    return f"Invalid value `{value}` for configuration {name}. The value must be {known_forms}."


def _is_duration(value: str) -> bool:
    """Whether it is a duration as `java.time.Duration` reads it, and not a negative one."""
    found = re.fullmatch(_DURATION, value, re.IGNORECASE)
    if found is None:
        return False
    seconds = sum(float(part) * unit for part, unit in zip(found.groups()[1:], _SECONDS, strict=True) if part)
    return (-seconds if found[1] == "-" else seconds) >= 0


RULES: dict[str, Callable[[str, Any], str | None]] = {
    "[1,...,9] or -1": _gzip_level,
    "non-empty string": _not_empty,
    "non-empty list": _not_empty,
    "non-null": _anything,
    "[partitionId]:[brokerId],[partitionId]:[brokerId],...": _throttled_replicas,
    "[latest, earliest, by_duration:PnDTnHnMn.nS]": _offset_reset,
}


@cache
def facts(kind: str) -> dict[str, dict[str, Any]]:
    """The raw facts of one kind by name, in Kafka's alphabetical order."""
    return {row["name"]: row for row in _all_facts()[kind]}


@cache
def _all_facts() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("data").joinpath("configs.json").read_bytes())
    return table


@cache
def definition(kind: str, name: str) -> ConfigDefinition | None:
    """The definition of a configuration, None if Kafka has no such name."""
    row = facts(kind).get(name)
    if row is None:
        return None
    config_type = ConfigType[row["type"].upper()]
    default = row["default"]
    return ConfigDefinition(
        name=name,
        type=config_type,
        default=_list(default, config_type) if config_type is ConfigType.LIST and default is not None else default,
        minimum=row.get("min"),
        maximum=row.get("max"),
        valid=tuple(row["valid"]) if "valid" in row else None,
        valid_ignores_case=row.get("validIgnoresCase", False),
        rule=row.get("rule"),
        no_duplicates=row.get("noDuplicates", False),
        drops_duplicates=row.get("noDuplicates", False) and kind in KINDS_THAT_DROP_DUPLICATES,
        empty_allowed=row.get("emptyAllowed", True),
        null_allowed=row.get("nullAllowed", False),
        internal=row.get("internal", False),
        dynamic=row.get("dynamic", "read-only"),
        broker_default=row.get("brokerDefault"),
    )


def of_running_broker(name: str) -> ConfigDefinition | None:
    """The definition of what a broker can be told while it runs: of its settings and of its quotas."""
    return definition("broker", name) or definition("broker_quota", name)


def known(kind: str, name: str) -> ConfigDefinition:
    """The definition of a name that the program itself uses. Raises `SettingError` for one that Kafka does not have."""
    found = definition(kind, name)
    if found is None:
        raise SettingError(f"Unknown {kind} configuration {name}")
    return found
