"""The table of what is served, from the registry and the handlers' own words: `python -m pybroker.handlers.support > docs/apis.md`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator

import pybroker.handlers.table  # noqa: F401 - registers every handler
from pybroker.handlers.registry import REGISTRY, Registration
from pybroker.wire.apis import APIS

_NOT_DONE = re.compile(r"Not done\s+(.*)\Z", re.DOTALL)

_HEAD = """\
# The APIs that are served

Written by `python -m pybroker.handlers.support` from the handlers' declarations; a test keeps it fresh. Versions are those that
are answered; where Kafka advertises versions that it refuses, pybroker advertises and refuses them too. "Not done" is what the
handler itself says.

| key | API | versions | not done |
|---|---|---|---|"""

_FOOT = """\
## What errors say

A message beside an error code is Kafka 4.4.0's to the letter, and null or empty where Kafka's is, but for these:

- Kafka puts some refusals of a broker's settings into the name of a Java exception, or has nothing but such a name or `/ by zero`. Here the
  setting and the reason are told.
- `Invalid timestamp type in message 0.` names the index of the record; Kafka prints its Java object there.
- Settings that this broker takes only at start (listeners, SASL, TLS) are refused in its own words, with Kafka's code where Kafka refuses,
  too. The classes of `metric.reporters` are not looked for.
- Of several bad values for a broker Kafka tells the first by the order of its definitions; here it is the first of the request, but for the
  quotas, which are first in both. For topics and groups the order of values is Kafka's; of several unknown names the first of the request
  is told, where Kafka tells the first of a hash map.
- The patterns of telemetry subscriptions are Python's, not Java's: a few are refused, or taken, that Kafka takes, or refuses.
- A request that is longer than what is decided as one (architecture.md) is refused though part of it would be refused anyway.
- A message that no string of the protocol could hold is cut; Kafka answers UNKNOWN_SERVER_ERROR without one."""


def support_table() -> str:
    """The text of docs/apis.md."""
    missing = [f"{api.name} ({key})" for key, api in APIS.items() if key not in REGISTRY]
    rows = [_row(key, registration) for key, registration in sorted(REGISTRY.items())]
    return "\n".join([_HEAD, *rows, "", *_missing_lines(missing), "", _FOOT]) + "\n"


def _row(key: int, registration: Registration) -> str:
    name = registration.request_class.__name__.removesuffix("Request")
    versions = f"{registration.min_version}-{registration.max_version}"
    newest = APIS[key].advertised_max_version
    if registration.max_version < newest:
        versions += f" (Kafka: {newest})"
    return f"| {key} | {name} | {versions} | {_not_done(registration)} |"


def _not_done(registration: Registration) -> str:
    found = _NOT_DONE.search(inspect.getdoc(registration.handler) or "")
    words = " ".join(found[1].split()) if found else ""
    return "" if words == "Nothing." else words


def _missing_lines(missing: list[str]) -> Iterator[str]:
    if missing:
        yield f"Not served, and not advertised: {', '.join(missing)}."


if __name__ == "__main__":
    sys.stdout.write(support_table())
