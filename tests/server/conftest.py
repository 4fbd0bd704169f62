"""A server with nothing behind it but a clock and an empty cluster: what lies between sockets and handlers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import REGISTRY, Registration
from pybroker.runtime.clock import TrioClock
from pybroker.server.listener import Limits, Server
from pybroker.wire.messages import MetadataRequest, MetadataResponse


@pytest.fixture
def bare_state() -> Any:
    """The few rooms that the server itself looks into."""
    cluster = SimpleNamespace(version=1, cluster_id="cluster", features={"metadata.version": 33}, kraft_version=0, offset=5)
    return SimpleNamespace(node_id=1, clock=TrioClock(), cluster=cluster, advertised_address=None)


@pytest.fixture
def make_server(bare_state: Any) -> Any:
    """Makes a server with given limits; must be called inside trio."""

    def make(**limits: int) -> Server:
        return Server(bare_state, Limits(**limits))

    return make


@pytest.fixture
def serve_metadata(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a handler of the test in the place of Metadata's."""

    def install(handler: Any, *, cacheable: bool = False) -> None:
        monkeypatch.setitem(REGISTRY, MetadataRequest.API_KEY, Registration(MetadataRequest, 0, 13, handler, cacheable))

    return install


@pytest.fixture
def echo_metadata(serve_metadata: Any) -> None:
    """A Metadata handler that gives the request's first topic name back as the cluster id."""

    async def handler(context: RequestContext, request: MetadataRequest) -> MetadataResponse:
        name = request.topics[0].name if request.topics else None
        return MetadataResponse(cluster_id=name)

    serve_metadata(handler)


@pytest.fixture
def in_trio() -> Any:
    """Runs an async function with virtual time."""

    def run(function: Any) -> None:
        async def bounded() -> None:
            with trio.fail_after(60):
                await function()

        trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0.001))

    return run
