"""What a handler may know of its request beyond the body."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pybroker.runtime.runner import Afterwards
from pybroker.runtime.state import BrokerState

logger = logging.getLogger(__name__)


class CloseConnection(Exception):
    """The broker closes this connection without an answer, as Kafka does; the reason goes to the log."""


@dataclass(slots=True)
class ConnectionInfo:
    """One client connection: where it came from, which of our addresses it dialled, who is on it."""

    listener: str
    local_host: str
    local_port: int
    peer_host: str
    peer_port: int
    principal: str = "User:ANONYMOUS"


@dataclass(slots=True)
class RequestContext:
    """One request: made once per connection and filled anew for each request, so a handler must not keep it after its answer.

    `flush` sends the answers that are queued before this one; call it before a wait that ends by itself, as one for the disk does.
    `park` does the same before a wait that others end, or a time that the client chose: a clean stop does not wait for that.
    `afterwards`: what a short way (`Registration.make_quick`) left to be done once its answer is sent; see `finish`.
    `keep_answer`: set by a handler whose API is `cacheable` when its answer may be given again to the same bytes until metadata changes.
    """

    state: BrokerState
    connection: ConnectionInfo
    flush: Callable[[], Awaitable[None]]
    park: Callable[[], Awaitable[None]]
    api_version: int = 0
    correlation_id: int = 0
    client_id: str | None = None
    keep_answer: bool = False
    afterwards: Afterwards = field(default_factory=list)

    def finish(self) -> None:
        """Do what was left for after the answer, before anything is awaited. Nobody waits for it any more: what fails is logged."""
        while self.afterwards:
            action = self.afterwards.pop(0)
            try:
                action()
            except Exception:
                logger.exception(
                    "what was left to be done after an answer to %s (client id %s) failed", self.connection.peer_host, self.client_id
                )

    def advertised_address(self) -> tuple[str, int]:
        """The host and port that Metadata names to this client: the advertised listener, else the address that this client dialled."""
        advertised = self.state.advertised_address
        if advertised is not None:
            return advertised
        return self.connection.local_host, self.connection.local_port
