"""One declaration per API: `@handles(JoinGroupRequest, versions=(0, 9))`.

Dispatch, ApiVersions, the support table in the docs and the test "every advertised version is answered" all come from `REGISTRY`,
which is filled by importing `pybroker.handlers.table`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pybroker.handlers.context import RequestContext

Handler = Callable[[RequestContext, Any], Awaitable[Any]]


@dataclass(slots=True, frozen=True)
class Registration:
    """How one API is served. `cacheable`: its answer may be kept as bytes while the metadata does not change (`context.keep_answer`)."""

    request_class: type[Any]
    min_version: int
    max_version: int
    handler: Handler
    cacheable: bool = False
    advertised_min_version: int = 0


REGISTRY: dict[int, Registration] = {}


def handles(
    request_class: type[Any],
    *,
    versions: tuple[int, int],
    cacheable: bool = False,
    advertised_min_version: int | None = None,
) -> Callable[[Handler], Handler]:
    """Declare the handler of an API. `advertised_min_version` differs where Kafka advertises versions that it refuses (Produce 0-2)."""
    low, high = versions

    def register(handler: Handler) -> Handler:
        key = request_class.API_KEY
        if key in REGISTRY:
            raise ValueError(f"API key {key} has two handlers")
        shown = low if advertised_min_version is None else advertised_min_version
        REGISTRY[key] = Registration(request_class, low, high, handler, cacheable, shown)
        return handler

    return register
