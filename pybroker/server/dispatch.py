"""From a frame to its answer: header, registry, version, decode, handler, encode.

Rules
- What no handler serves closes the connection, as Kafka does; only ApiVersions is answered at any version.
- A bug in a handler is logged with its request and answered with UNKNOWN_SERVER_ERROR where the response can say so.
- An answer that depends on nothing but the request's bytes and the metadata is kept, encoded, until the metadata changes.
"""

from __future__ import annotations

import logging
from struct import Struct
from typing import Any, NamedTuple

from pybroker.handlers.api_versions import unsupported_version_answer
from pybroker.handlers.context import CloseConnection, RequestContext
from pybroker.handlers.registry import REGISTRY, Registration
from pybroker.runtime.state import BrokerState
from pybroker.wire.buffers import Buffer
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.errors import ErrorCode, KafkaError, WireError
from pybroker.wire.headers import RequestHeader, parse_request_header, response_header
from pybroker.wire.messages import ApiVersionsRequest, message_class

log = logging.getLogger("pybroker.server")

# Answers kept ready: a few hundred clients asking for the metadata of their own topics. Request and answer are at most this large.
_KEPT_ANSWERS = 1_000
_KEPT_BYTES = 65_536

# Api key, version and correlation id: what stands before the client id in every request header.
_FIXED_BYTES = 8

_API_VERSIONS = ApiVersionsRequest.API_KEY
_pack_size = Struct(">i").pack
_unpack_int = Struct(">i").unpack_from


class _Kept(NamedTuple):
    """An answer without its correlation id: the size that goes before, and what comes after."""

    size: bytes
    rest: bytes


class Dispatcher:
    """Serves the requests of all connections of one broker."""

    __slots__ = ("_cacheable", "_kept", "_kept_version", "_reported", "state")

    def __init__(self, state: BrokerState) -> None:
        self.state = state
        self._kept: dict[tuple[Any, ...], _Kept] = {}
        self._cacheable = {key for key, registration in REGISTRY.items() if registration.cacheable and key < 256}
        self._kept_version = -1
        self._reported: set[tuple[int, str]] = set()

    async def serve(self, context: RequestContext, frame: Buffer, out: list[Any]) -> int:
        """Serve one request and add the parts of its answer to `out`; returns the answer's size in bytes, 0 if there is none.

        Raises WireError or CloseConnection if the connection is to be closed.
        """
        key = None
        if len(frame) > _FIXED_BYTES and frame[1] in self._cacheable and not frame[0]:
            key = (_unpack_int(frame)[0], bytes(frame[8:]), context.advertised_address())
            kept = self._find_kept(key)
            if kept is not None:
                out += (kept.size, frame[4:8], kept.rest)
                return len(kept.rest)
        header, at = parse_request_header(frame)
        registration = REGISTRY.get(header.api_key)
        if registration is None or not registration.min_version <= header.api_version <= registration.max_version:
            return _queue(out, header, self._unserved(header, registration))
        context.api_version = header.api_version
        context.correlation_id = header.correlation_id
        context.client_id = header.client_id
        parts = await self._handle(context, registration, header, frame, at)
        if parts is None:
            return 0
        size = _queue(out, header, parts)
        if key is not None and context.keep_answer:
            self._keep(key, b"".join(out[-1 - len(parts) :]))
        return size

    async def _handle(
        self, context: RequestContext, registration: Registration, header: RequestHeader, frame: Buffer, at: int
    ) -> list[Any] | None:
        version = header.api_version
        request = decode(registration.request_class, version, frame, at)[0]
        context.keep_answer = False
        try:
            response = await registration.handler(context, request)
            return None if response is None else encode_parts(response, version)
        except CloseConnection:
            raise
        except Exception as error:
            context.keep_answer = False
            self._report(context, header, request, error)
            return [_failure_body(registration, version, error)]

    def _unserved(self, header: RequestHeader, registration: Registration | None) -> list[Any]:
        if registration is None:
            raise WireError(f"API key {header.api_key} is not served")
        if header.api_key == _API_VERSIONS:
            header.api_version = 0  # what follows is an answer of version 0, whatever was asked for
            return [encode(unsupported_version_answer(registration), 0)]
        name = _api_name(registration)
        raise WireError(f"{name} v{header.api_version} is not served, only {registration.min_version} to {registration.max_version}")

    def _find_kept(self, key: tuple[Any, ...]) -> _Kept | None:
        version = self.state.cluster.version
        if version != self._kept_version:
            self._kept.clear()
            self._kept_version = version
        return self._kept.get(key)

    def _keep(self, key: tuple[Any, ...], answer: bytes) -> None:
        if self.state.cluster.version != self._kept_version or len(answer) > _KEPT_BYTES or len(key[1]) > _KEPT_BYTES:
            return
        if len(self._kept) >= _KEPT_ANSWERS:
            self._kept.clear()
        self._kept[key] = _Kept(answer[:4], answer[8:])

    def _report(self, context: RequestContext, header: RequestHeader, request: Any, error: Exception) -> None:
        """The first fault of a kind comes with its traceback, later ones in one line."""
        kind = (header.api_key, _where(error))
        first = kind not in self._reported and len(self._reported) < _KEPT_ANSWERS
        self._reported.add(kind) if first else None
        log.error(
            "%s v%d from %s (client id %s) failed: %s: %s",
            type(request).__name__,
            header.api_version,
            context.connection.peer_host,
            header.client_id,
            type(error).__name__,
            error,
            exc_info=error if first or log.isEnabledFor(logging.DEBUG) else None,
        )
        log.debug("the request was %.2000r", request)


def _queue(out: list[Any], header: RequestHeader, parts: list[Any]) -> int:
    head = response_header(header.api_key, header.api_version, header.correlation_id)
    size = len(head)
    for part in parts:
        size += len(part)
    out.append(_pack_size(size) + head)
    out += parts
    return size


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
