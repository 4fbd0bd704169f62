"""Where settings come from: Kafka's server.properties, TOML with the same names, and the environment of the apache/kafka image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pybroker.config import ConfigError, setting_text
from pybroker.core.java_text import trim

_PREFIX = "KAFKA_"

# What the apache/kafka image and Kafka's own scripts read for themselves; none of it is a property of the broker.
_IMAGE_NAMES = frozenset(
    {
        "KAFKA_BOOTSTRAP_SERVERS",  # of clients, but set where brokers are started, too
        "KAFKA_VERSION",
        "KAFKA_HOME",
        "KAFKA_MODE",
        "KAFKA_DEBUG",
        "KAFKA_HEAP_OPTS",
        "KAFKA_OPTS",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    }
)
_IMAGE_PREFIXES = ("KAFKA_JMX_", "KAFKA_LOG4J_", "KAFKA_DEBUG_", "KAFKA_CLUSTERS_")

_SEPARATOR = re.compile(r"(?<!\\)(?:\\\\)*([ \t\f]*[=:][ \t\f]*|[ \t\f]+)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_config_file(path: str) -> dict[str, str]:
    """The settings in a file: TOML if its name ends in .toml, else Java properties. Raises ConfigError."""
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {path}: it is not text in UTF-8") from error
    return _read_toml(path, text) if path.endswith(".toml") else parse_properties(text)


def parse_properties(text: str) -> dict[str, str]:
    """Java's properties format: comments, `=`, `:` or blank between name and value, backslash escapes and continued lines."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        separator = _SEPARATOR.search(line)
        if separator is None:
            name, value = line, ""
        else:
            name, value = line[: separator.start(1)], line[separator.end(1) :]
        found[_unescape(name)] = trim(_unescape(value))
    return found


def _logical_lines(text: str) -> Iterator[str]:
    begun = ""
    for line in re.split("\r\n?|\n", text):
        stripped = line.lstrip(" \t\f")
        if not begun and (not stripped or stripped[0] in "#!"):
            continue
        ends_open = (len(stripped) - len(stripped.rstrip("\\"))) % 2 == 1
        begun += stripped[:-1] if ends_open else stripped
        if not ends_open:
            yield begun
            begun = ""
    if begun:
        yield begun


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escaped = match[1]
        return chr(int(escaped[1:], 16)) if len(escaped) == 5 else _ESCAPED.get(escaped, escaped)

    return _ESCAPE.sub(replace, text) if "\\" in text else text


def _read_toml(path: str, text: str) -> dict[str, str]:
    import tomllib

    try:
        return dict(_flatten("", tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield prefix + key, setting_text(value)


def environment_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """`KAFKA_NUM_PARTITIONS` is num.partitions: `_` stands for a dot, `__` for an underscore, `___` for a dash."""
    return {
        _property_name(name): value
        for name, value in environment.items()
        if name.startswith(_PREFIX) and name not in _IMAGE_NAMES and not name.startswith(_IMAGE_PREFIXES)
    }


def _property_name(variable: str) -> str:
    name = variable.removeprefix(_PREFIX).lower()
    return name.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def variable_of(name: str) -> str:
    """The variable that sets a property: the rule above, backwards."""
    return _PREFIX + name.replace("_", "__").replace(".", "_").replace("-", "___").upper()
