"""One declaration per API: `@handles(JoinGroupRequest, versions=(0, 9))`.

Dispatch, ApiVersions, the support table in the docs and the test "every advertised version is answered" all come from it. A handler's
module is imported when the first request for it arrives: what a broker must say before that stands in `offers.py`, which is written from
the declarations (`python -m pybroker.handlers.table`) and held fresh by a test. Importing `pybroker.handlers.table` registers all at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, NamedTuple

from pybroker.handlers.context import RequestContext
from pybroker.handlers.offers import OFFERS
from pybroker.runtime.state import BrokerState

Handler = Callable[[RequestContext, Any], Awaitable[Any]]
Quick = Callable[[RequestContext, bytes], bytes | None]
MakeQuick = Callable[[BrokerState, int], Quick]


class Registration(NamedTuple):
    """How one API is served. `cacheable`: its answer may be kept as bytes while the metadata does not change (`context.keep_answer`).

    `make_quick(state, version)` gives a function that is asked before the handler: from the bytes of a whole message to those of the whole
    answer, each with its size, at once; or None, and then it has done nothing and the handler serves the request. What it leaves in
    `context.afterwards` is done when the answer is sent.
    """

    request_class: type[Any]
    min_version: int
    max_version: int
    handler: Handler
    cacheable: bool = False
    advertised_min_version: int = 0
    make_quick: MakeQuick | None = None


REGISTRY: dict[int, Registration] = {}
"""By api key: the handlers whose modules were imported."""


def handles(
    request_class: type[Any],
    *,
    versions: tuple[int, int],
    cacheable: bool = False,
    advertised_min_version: int | None = None,
    make_quick: MakeQuick | None = None,
) -> Callable[[Handler], Handler]:
    """Declare the handler of an API. `advertised_min_version` differs where Kafka advertises versions that it refuses (Produce 0-2)."""
    low, high = versions

    def register(handler: Handler) -> Handler:
        key = request_class.API_KEY
        if key in REGISTRY:
            raise ValueError(f"API key {key} has two handlers")
        shown = low if advertised_min_version is None else advertised_min_version
        REGISTRY[key] = Registration(request_class, low, high, handler, cacheable, shown, make_quick)
        return handler

    return register


def find_registration(api_key: int) -> Registration | None:
    """Who serves an API; None if nobody does. Imports the handler's module if need be."""
    found = REGISTRY.get(api_key)
    if found is None and api_key in OFFERS:
        import_module(OFFERS[api_key].module)
        found = REGISTRY[api_key]
    return found
