"""What DescribeConfigs says of a configuration in words (KIP-569): made from its definition, so it says what is checked.

Kafka's own texts are prose about what a setting does; here a reader learns which values are taken, which one counts if none is given,
and which broker setting stands behind it.
"""

from __future__ import annotations

from pybroker.core.config_definitions import ConfigDefinition, ConfigType, definition, format_value, of_running_broker

_NOUNS = {
    ConfigType.BOOLEAN: "true or false",
    ConfigType.STRING: "A text",
    ConfigType.INT: "A 32-bit number",
    ConfigType.SHORT: "A 16-bit number",
    ConfigType.LONG: "A 64-bit number",
    ConfigType.DOUBLE: "A number",
    ConfigType.LIST: "A list, separated by commas",
    ConfigType.CLASS: "The name of a class",
    ConfigType.PASSWORD: "A password, never shown",
}

# What a name ends in tells the unit: so Kafka names its settings.
_UNITS = {
    ".ms": "milliseconds",
    ".seconds": "seconds",
    ".minutes": "minutes",
    ".hours": "hours",
    ".bytes": "bytes",
    ".bytes.per.second": "bytes per second",
}


def document(kind: str, name: str) -> str | None:
    """A sentence or two on a configuration of a `topic`, `broker`, `group` or `client_metrics`; None if Kafka has no such name."""
    found = of_running_broker(name) if kind == "broker" else definition(kind, name)
    return None if found is None else _document(found)


def _document(found: ConfigDefinition) -> str:
    parts = [_NOUNS.get(found.type, "A value"), _unit(found.name), _bounds(found)]
    text = " ".join(part for part in parts if part) + "."
    if found.valid:
        text += f" One of: {', '.join(found.valid)}."
    return text + _default(found)


def _unit(name: str) -> str:
    unit = next((words for ending, words in _UNITS.items() if name.endswith(ending)), "")
    return f"of {unit}" if unit else ""


def _bounds(found: ConfigDefinition) -> str:
    if found.minimum is not None and found.maximum is not None:
        return f"between {found.minimum} and {found.maximum}"
    if found.minimum is not None:
        return f"that is at least {found.minimum}"
    return f"that is at most {found.maximum}" if found.maximum is not None else ""


def _default(found: ConfigDefinition) -> str:
    if found.broker_default is not None and found.broker_default != found.name:
        return f" Unless set, the broker's {found.broker_default} counts."
    if found.default is None or found.is_sensitive:
        return " It has no default."
    return f" Unless set, it is {format_value(found.default, found.type) or 'empty'}."
