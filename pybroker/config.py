"""How one broker is set up, whoever asks: the command line, a test, a program that embeds it.

Kafka's own properties that say where a broker listens and where its data lies mean the same here, so the server.properties of a
KRaft broker starts as it is; what a single broker has no use for (the controller's listener, voters) is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pybroker.core.java_text import parse_integer, split_list, trim

DEFAULT_PORT = 9092

# Listener protocols that need more than this broker offers; PLAINTEXT is what a listener speaks.
_PLAINTEXT = "PLAINTEXT"


class ConfigError(Exception):
    """A setting that cannot be followed. The message names it and says why."""


@dataclass(slots=True, frozen=True)
class BrokerConfig:
    """What a broker is told at start.

    listen       `host:port`; port 0 picks a free one, an empty host listens on every interface. None: `listeners` in `settings`, else
                 127.0.0.1 and a free port.
    advertise    `host:port` that clients are told to connect to. None: `advertised.listeners`, else the address that each client dialled.
    data_dir     where the data lies, in Kafka's own layout; several directories with commas between. None: in memory, gone at the end.
    settings     any server property of Kafka, by its name; numbers and booleans are taken as well as text.
    topics       topics to have at start, with their number of partitions (existing ones stay as they are).
    load_segments  segment files of another broker to serve: `topic` or `topic-partition`, and the path of a file or a list of paths.
    node_id      None: `node.id` in `settings`, else 1.
    seed         makes member ids, topic ids and the cluster id of a fresh broker repeatable. None: by chance.
    standalone   serve the directory of one of several brokers without the others (docs/files.md).
    ready_file   written, in one step, with the address once the broker serves; removed at the end.
    """

    listen: str | None = None
    advertise: str | None = None
    data_dir: str | Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    topics: Mapping[str, int] = field(default_factory=dict)
    load_segments: Mapping[str, str | Path | Sequence[str | Path]] = field(default_factory=dict)
    node_id: int | None = None
    seed: int | None = None
    ready_file: str | Path | None = None
    standalone: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", {name: setting_text(value) for name, value in self.settings.items()})

    def listen_text(self) -> str:
        """`host:port` to listen on."""
        if self.listen is not None:
            return self.listen
        listener = listener_of(self.settings, "listeners")
        return listener if listener is not None else "127.0.0.1:0"

    def advertise_text(self) -> str | None:
        """`host:port` to advertise, if one is set."""
        return self.advertise if self.advertise is not None else listener_of(self.settings, "advertised.listeners")

    def directories(self) -> list[str]:
        """The data directories; none for a broker in memory.

        Raises ConfigError if one has no name, the metadata is said to lie elsewhere, or there is none to stand alone on.
        """
        if self.data_dir is None:
            if self.standalone:
                raise ConfigError("standalone is for the data directory of one broker of several: a broker in memory has none")
            return []
        directories = [str(self.data_dir)] if isinstance(self.data_dir, Path) else _split_directories(self.data_dir)
        _check_metadata_directory(trim(self.settings.get("metadata.log.dir", "")), directories)
        return directories

    def segment_files(self) -> dict[str, list[str]]:
        """The paths of `load_segments`, by partition."""
        return {
            name: [str(files)] if isinstance(files, str | Path) else list(map(str, files)) for name, files in self.load_segments.items()
        }

    def broker_id(self) -> int:
        """The node id."""
        if self.node_id is not None:
            return self.node_id
        text = self.settings.get("node.id", self.settings.get("broker.id", "1"))
        try:
            node_id = parse_integer(trim(text), bits=32)
        except ValueError:
            node_id = -1
        if node_id < 0:
            raise ConfigError(f"node.id={text}: it must be a number, 0 or above")
        return node_id


def _split_directories(text: str) -> list[str]:
    directories = split_list(text)
    if not directories or not all(directories):
        raise ConfigError(f"data directory {text!r}: a name is missing (is a variable not set?); several have commas between them")
    if len(set(map(os.path.abspath, directories))) < len(directories):
        raise ConfigError(f"data directory {text!r}: one of them is named twice: give each once")
    return directories


def _check_metadata_directory(metadata_directory: str, directories: Sequence[str]) -> None:
    """The metadata lies in one of the data directories. To begin anew where it lies elsewhere would look as if all topics were gone."""
    if metadata_directory and Path(metadata_directory) not in map(Path, directories):
        raise ConfigError(
            f"metadata.log.dir={metadata_directory}: the metadata is looked for in the data directories only. Name that one there, too."
        )


def setting_text(value: object) -> str:
    """A setting's value as Kafka's files write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(setting_text, value)) if isinstance(value, list | tuple) else str(value)


def listener_of(settings: Mapping[str, str], name: str) -> str | None:
    """`host:port` of the first listener for clients in `listeners` or `advertised.listeners`; None if the property is not set."""
    text = trim(settings.get(name, ""))
    if not text:
        return None
    listeners = _client_listeners(settings, name)
    if not listeners:
        raise ConfigError(f"{name}={text}: none of these listeners is for clients")
    listener, address = listeners[0]
    _check_protocol(settings, name, listener)
    return address


def listeners_passed_over(settings: Mapping[str, str]) -> list[str]:
    """The listeners for clients behind the first one: a broker has one here."""
    return [f"{listener}://{address}" for listener, address in _client_listeners(settings, "listeners")[1:]]


def _client_listeners(settings: Mapping[str, str], name: str) -> list[tuple[str, str]]:
    """Name and `host:port` of each listener in a property that is not the controller's."""
    controllers = {entry.upper() for entry in split_list(settings.get("controller.listener.names", ""))}
    found: list[tuple[str, str]] = []
    for entry in filter(None, split_list(settings.get(name, ""))):
        listener, separator, address = entry.partition("://")
        if not separator:
            raise ConfigError(f"{name}={settings[name]}: {entry!r} is not of the form NAME://host:port")
        if listener.upper() not in controllers:
            found.append((listener, address))
    return found


def _check_protocol(settings: Mapping[str, str], name: str, listener: str) -> None:
    protocols = dict(entry.partition(":")[::2] for entry in split_list(settings.get("listener.security.protocol.map", "")) if entry)
    protocol = protocols.get(listener, listener if listener in {"SSL", "SASL_SSL", "SASL_PLAINTEXT"} else _PLAINTEXT)
    if protocol != _PLAINTEXT:
        raise ConfigError(f"{name}: listener {listener} asks for {protocol}, but this broker speaks PLAINTEXT only")


def data_dir_of(settings: Mapping[str, str]) -> str | None:
    """The data directories that `log.dirs` or `log.dir` names; None if neither is set."""
    return settings.get("log.dirs") or settings.get("log.dir") or None
