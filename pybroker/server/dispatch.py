"""From a frame to its answer: header, registry, version, decode, handler, encode.

Rules
- What no handler serves closes the connection, as Kafka does; only ApiVersions is answered at any version.
- A bug in a handler is logged with its request and answered with UNKNOWN_SERVER_ERROR where the response can say so.
- An API may have a short way for its most frequent requests, taken before all else (`Registration.make_quick`).
- A request of many elements is decoded, and its answer encoded, on another thread: the loop then waits for the interpreter's lock some
  milliseconds a turn, where it would stand still for seconds. Only Produce is decoded where it is: its bytes are records, not elements.
- An answer that depends on nothing but the request's bytes and the metadata is kept, encoded, until the metadata changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple, TypeVar

import trio

from pybroker.handlers.context import CloseConnection, RequestContext
from pybroker.handlers.registry import Quick, Registration, find_registration
from pybroker.runtime.state import BrokerState
from pybroker.runtime.threads import in_thread
from pybroker.wire.apis import find_api
from pybroker.wire.buffers import Buffer
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.errors import ErrorCode, KafkaError, WireError
from pybroker.wire.headers import (
    CLIENT_ID_AT,
    has_flexible_request_header,
    pack_head,
    parse_request_header,
    read_client_id,
    response_header_size,
)
from pybroker.wire.messages import message_class

log = logging.getLogger("pybroker.server")

# Answers kept ready: a few hundred clients asking for the metadata of their own topics, and some for that of all of ten thousand.
_KEPT_ANSWERS = 1_000
_KEPT_REQUEST_BYTES = 1 << 16
_KEPT_ANSWER_BYTES = 1 << 20
_KEPT_TOTAL_BYTES = 16 << 20

# Kinds of faults that are told apart, so that each comes with its traceback once.
_REPORTED_KINDS = 1_000

# Larger frames may hold so many elements that decoding them takes longer than others should wait: some 20 ms.
_INLINE_BYTES = 1 << 18
_ANY_BYTES = 1 << 31

_PRODUCE = find_api("Produce").key
_API_VERSIONS = find_api("ApiVersions").key
_unpack_int = Struct(">i").unpack_from


R = TypeVar("R")


class _Kept(NamedTuple):
    """An answer without its correlation id: the size that goes before, and what comes after."""

    size: bytes
    rest: bytes


class _Route:
    """What is to be known of one API at one version, found once. `decodes`: the request is one that can be read."""

    __slots__ = ("cacheable", "decodes", "flexible", "handler", "head_bytes", "inline_bytes", "pack_head", "registration", "version")

    def __init__(self, registration: Registration, version: int) -> None:
        key = registration.request_class.API_KEY
        self.registration = registration
        self.version = version
        self.handler = registration.handler
        self.cacheable = registration.cacheable
        self.decodes = True
        self.inline_bytes = _ANY_BYTES if key == _PRODUCE else _INLINE_BYTES
        self.flexible = has_flexible_request_header(key, version)
        self.head_bytes = response_header_size(key, version)
        self.pack_head = pack_head(key, version)


class Dispatcher:
    """Serves the requests of all connections of one broker."""

    __slots__ = ("_beside", "_kept", "_kept_bytes", "_kept_version", "_quick", "_reported", "_routes", "state")

    def __init__(self, state: BrokerState) -> None:
        self.state = state
        self._routes: dict[bytes, _Route] = {}  # by the four bytes of api key and version
        self._quick: dict[bytes, Quick] = {}
        self._kept: dict[tuple[Any, ...], _Kept] = {}
        self._kept_bytes = 0
        self._kept_version = -1
        self._reported: set[tuple[str, str]] = set()
        self._beside = trio.CapacityLimiter(1)  # two would not be faster, and the threads for fsync are others

    def serve_quickly(self, context: RequestContext, message: bytes) -> bytes | None:
        """The answer to a whole message, each with its size, if its API has a short way for it; None: nothing was done, `serve` it.

        Before anything is awaited `context.finish` is to be called if something is in `afterwards`; after the answer, where it goes now.
        Raises CloseConnection after a bug in a short way whose response cannot say so.
        """
        quick = self._quick.get(message[4:8])
        if quick is None:
            return None
        try:
            return quick(context, message)
        except Exception as error:
            context.finish()
            route = self._routes[message[4:8]]
            body = self._fail(context, route, message, error)
            return route.pack_head(route.head_bytes + len(body), _unpack_int(message, 8)[0]) + body

    async def serve(self, context: RequestContext, frame: Buffer, out: list[Any]) -> int:
        """Serve one request and add the parts of its answer to `out`; returns the answer's size in bytes, 0 if there is none.

        Raises WireError or CloseConnection if the connection is to be closed.
        """
        api = bytes(frame[:4])
        route = self._routes.get(api) or self._find_route(frame, api)
        key = None
        if route.cacheable:
            key = (api, bytes(frame[CLIENT_ID_AT:]), context.advertised_address())
            kept = self._find_kept(key)
            if kept is not None:
                out += (kept.size, bytes(frame[4:8]), kept.rest)
                return len(kept.rest)
        context.client_id, at = read_client_id(frame, CLIENT_ID_AT, route.flexible)
        context.correlation_id = correlation_id = _unpack_int(frame, 4)[0]
        context.api_version = route.version
        context.keep_answer = False
        inline = len(frame) <= route.inline_bytes
        request = None
        if route.decodes:
            read = (route.registration.request_class, route.version, frame, at)
            request = (decode(*read) if inline else await self._on_thread(decode, *read))[0]
        try:
            response = await route.handler(context, request)
            if response is None:
                return 0
            parts = encode_parts(response, route.version) if inline else await self._on_thread(encode_parts, response, route.version)
        except CloseConnection:
            raise
        except Exception as error:
            parts = [self._fail(context, route, request, error)]
        size = route.head_bytes + sum(map(len, parts))
        out.append(route.pack_head(size, correlation_id))
        out += parts
        if key is not None and context.keep_answer:
            self._keep(key, size, b"".join(out[-1 - len(parts) :]))
        return size

    async def _on_thread(self, function: Callable[..., R], *arguments: Any) -> R:
        return await in_thread(function, *arguments, abandon_on_cancel=True, limiter=self._beside)

    def _find_route(self, frame: Buffer, api: bytes) -> _Route:
        """The route of a request whose like has not come before, or that cannot be served."""
        header, _ = parse_request_header(frame)
        registration = find_registration(header.api_key)
        if registration is None:
            raise WireError(f"API key {header.api_key} is not served")
        if registration.min_version <= header.api_version <= registration.max_version:
            route = self._routes[api] = _Route(registration, header.api_version)
            if registration.make_quick is not None:
                self._quick[api] = registration.make_quick(self.state, header.api_version)
            return route
        if header.api_key == _API_VERSIONS:
            return _unsupported_api_versions(registration)
        served = f"{registration.min_version} to {registration.max_version}"
        raise WireError(f"{_api_name(registration)} v{header.api_version} is not served, only {served}")

    def _find_kept(self, key: tuple[Any, ...]) -> _Kept | None:
        version = self.state.cluster.version
        if version != self._kept_version:
            self._forget_kept()
            self._kept_version = version
        return self._kept.get(key)

    def _keep(self, key: tuple[Any, ...], size: int, answer: bytes) -> None:
        if self.state.cluster.version != self._kept_version or size > _KEPT_ANSWER_BYTES or len(key[1]) > _KEPT_REQUEST_BYTES:
            return
        size_bytes = size + len(key[1])
        if len(self._kept) >= _KEPT_ANSWERS or self._kept_bytes + size_bytes > _KEPT_TOTAL_BYTES:
            self._forget_kept()
        self._kept[key] = _Kept(answer[:4], answer[8:])
        self._kept_bytes += size_bytes

    def _forget_kept(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def _fail(self, context: RequestContext, route: _Route, request: Any, error: Exception) -> bytes:
        context.keep_answer = False
        self._report(context, route, request, error)
        return _failure_body(route.registration, route.version, error)

    def _report(self, context: RequestContext, route: _Route, request: Any, error: Exception) -> None:
        """The first fault of a kind comes with its traceback, later ones in one line."""
        name = route.registration.request_class.__name__
        kind = (name, _where(error))
        first = kind not in self._reported and len(self._reported) < _REPORTED_KINDS
        self._reported.add(kind) if first else None
        log.error(
            "%s v%d from %s (client id %s) failed: %s: %s",
            name,
            route.version,
            context.connection.peer_host,
            context.client_id,
            type(error).__name__,
            error,
            exc_info=error if first or log.isEnabledFor(logging.DEBUG) else None,
        )
        log.debug("the request was %.2000r", request)


def _unsupported_api_versions(registration: Registration) -> _Route:
    """The answer to an ApiVersions request of a version that is not known is one of version 0 (KIP-511)."""
    from pybroker.handlers.api_versions import refuse_version

    route = _Route(registration._replace(handler=refuse_version, cacheable=False), 0)
    route.decodes = False
    return route


def _api_name(registration: Registration) -> str:
    return registration.request_class.__name__.removesuffix("Request")


def _failure_body(registration: Registration, version: int, error: Exception) -> bytes:
    """The response with nothing but the error, if this version of it has a place for one at its top."""
    response_class = message_class(f"{_api_name(registration)}Response")
    code = error.code if isinstance(error, KafkaError) else ErrorCode.UNKNOWN_SERVER_ERROR
    response = response_class()
    plain = encode(response, version)
    if hasattr(response, "error_code"):
        response.error_code = int(code)
        told = encode(response, version)
        if told != plain:
            return told
    raise CloseConnection(f"{_api_name(registration)} v{version} failed, and its response cannot say so")


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__} {place}"
