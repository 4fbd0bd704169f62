"""A short way for requests that can be answered without waiting: read, decided, answered, and what is left is done after the answer.

Rules
- Whatever is unusual is left to the handler, and nothing has been done by then: bytes that cannot be read, an answer that has to wait.
- What an answer leaves to be done (`RequestContext.afterwards`) is done by whoever asked, before anything is awaited and before the next
  request is looked at. So nobody sees the time between. Where a read brought one request the answer has gone by then, as far as it goes at
  once; where it brought several their answers go together, later.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import MakeQuick, Quick
from pybroker.runtime.state import BrokerState
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import WireError
from pybroker.wire.headers import CLIENT_ID_AT, has_flexible_request_header, pack_head, read_client_id, response_header_size

AnswerNow = Callable[[RequestContext, Any], Any]

_SIZE_BYTES = 4
_CORRELATION_ID_AT = 8
_unpack_int32 = Struct(">i").unpack_from


def at_once(request_class: type[Any], answer_now: AnswerNow) -> MakeQuick:
    """The short way of an API (`Registration.make_quick`). `answer_now(context, request)` gives the response, or None: ask the handler."""

    def make_quick(state: BrokerState, version: int) -> Quick:
        flexible = has_flexible_request_header(request_class.API_KEY, version)
        head_bytes = response_header_size(request_class.API_KEY, version)
        pack = pack_head(request_class.API_KEY, version)

        def quick(context: RequestContext, message: bytes) -> bytes | None:
            try:
                context.client_id, at = read_client_id(message, _SIZE_BYTES + CLIENT_ID_AT, flexible)
                request = decode(request_class, version, message, at)[0]
            except WireError:
                return None  # the handler's way meets the same error again
            context.api_version = version
            context.correlation_id = correlation_id = _unpack_int32(message, _CORRELATION_ID_AT)[0]
            response = answer_now(context, request)
            if response is None:
                return None
            body = encode(response, version)
            return pack(head_bytes + len(body), correlation_id) + body

        return quick

    return make_quick
