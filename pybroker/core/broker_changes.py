"""Whether a broker's settings may become what an alteration would make them while it runs (KIP-226).

Rules
- Unknown names pass, as Kafka lets plug-ins have theirs. Refusals are INVALID_REQUEST.
- A request may be wrong in several ways, and clients see only the first: what cannot change at all, what is only for a listener, values,
  what is only for one broker, then what must hold between values, and last what a running broker does not do in one step.
- What is taken away is not looked at, but what counts instead of it is.
- Settings that Kafka changes for one broker alone (listeners, key stores) would need sockets to be opened anew; this broker says no.
- The text is Kafka's where that is about the setting; of Java's exceptions around it, and inside it, nothing is told.

(Kafka: DynamicBrokerConfig, DynamicThreadPool, AbstractKafkaConfig's requirements.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from pybroker.core.config_definitions import ConfigDefinition, ConfigType, SettingError, definition, of_running_broker
from pybroker.core.java_text import parse_integer, split_at_commas, trim
from pybroker.core.settings import Settings
from pybroker.wire.errors import ErrorCode, KafkaError

Changes = Mapping[str, str | None]

# Settings of one broker that this one follows while it runs.
FOLLOWED = frozenset({"cordoned.log.dirs"})
BUFFER_BYTES_OF_A_CLEANER = 1 << 20
LISTENER = "listener.name."
UNCHECKED = frozenset({"config.providers"})  # read before everything else, by its own rules
HOST = r"[0-9a-zA-Z\-%._:]*"

ONLY_PER_LISTENER = frozenset(
    {
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.keystore.type",
        "ssl.truststore.certificates",
        "ssl.truststore.location",
        "ssl.truststore.password",
        "ssl.truststore.type",
    }
)
THREADS = (
    "background.threads",
    "num.network.threads",
    "num.io.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "remote.log.reader.threads",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.follower.thread.pool.size",
)


def check_broker_change(settings: Settings, log_dirs: Collection[str], name: str, changes: Changes, resulting: Mapping[str, str]) -> None:
    """Refuse what cannot be made while the broker runs. Raises INVALID_REQUEST.

    `name` is the broker's, empty for all brokers; `resulting` is all that it would set; `log_dirs` are the paths that are online.
    """
    values = {key: value for key, value in changes.items() if value is not None}
    _check_one_by_one(values, one_broker=bool(name))
    after = Settings(settings.static)
    after.set_dynamic(*((settings.dynamic_default, resulting) if name else (resulting, settings.dynamic_broker)))
    proposal = _Proposal(settings, after, log_dirs)
    for names, find_fault in BETWEEN:
        if not changes.keys().isdisjoint(names):
            for fault in find_fault(proposal):
                raise _refused(fault)


def _check_one_by_one(values: Mapping[str, str], *, one_broker: bool) -> None:
    known = {name: found for name in values if (found := of_running_broker(name)) is not None}
    _refuse_any("Cannot update these configs dynamically", [name for name, found in known.items() if found.dynamic == "read-only"])
    text = "These security configs can be dynamically updated only per-listener using the listener prefix"
    _refuse_any(text, [name for name in known if name in ONLY_PER_LISTENER])
    for name in sorted(known, key=lambda name: definition("broker_quota", name) is None):  # quotas are read first
        if name not in UNCHECKED:
            _check_value(known[name], values[name])
    of_one = [name for name, found in known.items() if found.dynamic == "per-broker"]
    if not one_broker:
        of_one += [name for name in values if name.startswith(LISTENER)]
        _refuse_any("Cannot update these configs at default cluster level, broker id must be specified", of_one)
    for name in of_one:
        if name not in FOLLOWED:
            raise _refused(f"Cannot update {name}: this broker takes it only at start")


def _check_value(found: ConfigDefinition, text: str) -> None:
    try:
        value = found.parse(text)
        if found.type is ConfigType.CLASS:
            raise found.refuse(value, f"Class {value} could not be found.")  # there are no Java classes here
    except SettingError as wrong:
        raise _refused(str(wrong)) from None


def _refuse_any(text: str, names: list[str]) -> None:
    if names:
        raise _refused(f"{text}: [{', '.join(names)}]")


class _Proposal(NamedTuple):
    """What a broker has, what it would have, and its log directories that are online."""

    before: Settings
    after: Settings
    log_dirs: Collection[str]


def _least(name: str, least: int) -> tuple[tuple[str, ...], FindFault]:
    def find_fault(proposal: _Proposal) -> Iterator[str]:
        value = proposal.after.get(name)
        if value is not None and value < least:
            yield f"requirement failed: {name} must be greater than or equal to {least}"

    return (name,), find_fault


def _retention(proposal: _Proposal) -> Iterator[str]:
    if proposal.after.get("log.retention.ms") == 0:
        yield "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1"


def _cleaner_buffer(proposal: _Proposal) -> Iterator[str]:
    threads = proposal.after.get("log.cleaner.threads")
    if threads == 0:
        yield "log.cleaner.threads must be at least 1"  # Kafka divides by it
    elif proposal.after.get("log.cleaner.dedupe.buffer.size") // threads < BUFFER_BYTES_OF_A_CLEANER:
        yield "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."


def _cleaner_threads(proposal: _Proposal) -> Iterator[str]:
    before, after = proposal.before.get("log.cleaner.threads"), proposal.after.get("log.cleaner.threads")
    if after < before // 2:
        yield f"Log cleaner threads cannot be reduced to less than half the current value {before}"
    if after > before * 2:
        yield f"Log cleaner threads cannot be increased to more than double the current value {before}"


def _connections_of_one(proposal: _Proposal) -> Iterator[str]:
    name, overrides = "max.connections.per.ip.overrides", proposal.after.get("max.connections.per.ip.overrides")
    hosts = []
    for pair in split_at_commas(overrides) if overrides else ():
        host, colon, count = trim(pair).rpartition(":")
        if not colon or not _is_count(trim(count)):
            yield f"Error parsing configuration property '{name}': {trim(pair)}"
        hosts.append(trim(host))
    if not overrides and proposal.after.get("max.connections.per.ip") == 0:
        yield f"requirement failed: max.connections.per.ip can be set to zero only if {name} property is set."
    invalid = [host for host in hosts if re.fullmatch(HOST, host) is None]
    if invalid:
        yield f"{name} contains invalid addresses : {','.join(invalid)}"


def _is_count(text: str) -> bool:
    try:
        parse_integer(text, bits=32)
    except ValueError:
        return False
    return True


def _connections_of_all(proposal: _Proposal) -> Iterator[str]:
    for name in ("max.connections", "max.connection.creation.rate"):
        if proposal.after.get(name) == 0:
            yield f"Invalid {name} 0"


def _assignment(kind: str) -> tuple[tuple[str, ...], FindFault]:
    name = f"group.{kind}.assignment.interval.ms"
    low, high = f"group.{kind}.min.assignment.interval.ms", f"group.{kind}.max.assignment.interval.ms"

    def find_fault(proposal: _Proposal) -> Iterator[str]:
        value = proposal.after.get(name)
        if value > proposal.after.get(high):
            yield f"{name} must be less than or equal to {high}"
        if value < proposal.after.get(low):
            yield f"{name} must be greater than or equal to {low}"

    return (name,), find_fault


def _local_retention(proposal: _Proposal) -> Iterator[str]:
    """What is kept beside remote storage is a part of all that is kept; -2 means all."""
    get = proposal.after.get
    totals = {"log.retention.ms": proposal.after.topic_config({}).retention_ms, "log.retention.bytes": get("log.retention.bytes")}
    for total, most in totals.items():
        name = total.replace("log.", "log.local.")
        value = get(name)
        if most < 0 or value == -2:
            continue
        if value == -1:
            yield f"Invalid value -1 for configuration {name}: Value must not be -1 as {total} value is set as {most}."
        elif value > most:
            yield f"Invalid value {value} for configuration {name}: Value must not be more than {total} property value: {most}"


def _remote_copy(proposal: _Proposal) -> Iterator[str]:
    get = proposal.after.get
    retained = {"ms": proposal.after.topic_config({}).retention_ms, "bytes": get("log.retention.bytes")}
    for unit, total in retained.items():
        name, local = f"log.remote.copy.lag.{unit}", f"log.local.retention.{unit}"
        value, limit = get(name), get(local)
        limit = total if limit == -2 else limit
        if 0 <= limit < value:
            yield f"Invalid value {value} for configuration {name}: Value must not exceed {local} (effective value: {limit})"


def _cordoned(proposal: _Proposal) -> Iterator[str]:
    named = proposal.after.get("cordoned.log.dirs") or []
    if "*" in named:
        if len(named) > 1:
            yield "requirement failed: When cordoned.log.dirs is set to *, it must not contain other values"
        return
    own = {*proposal.log_dirs, *(proposal.after.get("log.dirs") or [])}  # those that are there, and those that are offline
    missing = [path for path in named if path not in own]
    if missing:
        text = "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries"
        yield f"{text} : {', '.join(missing)}"


def _threads(proposal: _Proposal) -> Iterator[str]:
    for name in THREADS:
        before, after = proposal.before.get(name), proposal.after.get(name)
        failed = f"Dynamic thread count update validation failed for {name}={after}, value should"
        if after < before // 2:
            yield f"{failed} be at least half the current value {before}"
        if after > before * 2:
            yield f"{failed} not be greater than double the current value {before}"


LOCAL = ("log.local.retention.ms", "log.local.retention.bytes", "log.retention.ms", "log.retention.bytes")

FindFault = Callable[[_Proposal], Iterator[str]]

BETWEEN: tuple[tuple[tuple[str, ...], FindFault], ...] = (
    _assignment("consumer"),
    _assignment("share"),
    _assignment("streams"),
    _least("log.roll.ms", 1),
    _least("log.roll.jitter.ms", 0),
    (("log.retention.ms",), _retention),
    (("log.cleaner.dedupe.buffer.size", "log.cleaner.threads"), _cleaner_buffer),
    (("max.connections.per.ip", "max.connections.per.ip.overrides"), _connections_of_one),
    (("cordoned.log.dirs",), _cordoned),
    (("max.connections", "max.connection.creation.rate"), _connections_of_all),
    (THREADS, _threads),
    (LOCAL, _local_retention),
    ((*LOCAL, "log.remote.copy.lag.ms", "log.remote.copy.lag.bytes"), _remote_copy),
    (("log.cleaner.threads",), _cleaner_threads),
)
"""What must hold between settings: those that are looked at if one of them changes, and what tells a fault. The order is Kafka's."""


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
