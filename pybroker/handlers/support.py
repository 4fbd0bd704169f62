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


def support_table() -> str:
    """The text of docs/apis.md."""
    missing = [f"{api.name} ({key})" for key, api in APIS.items() if key not in REGISTRY]
    rows = [_row(key, registration) for key, registration in sorted(REGISTRY.items())]
    return "\n".join([_HEAD, *rows, "", *_missing_lines(missing)]) + "\n"


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
