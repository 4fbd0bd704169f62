"""Request and response headers, read and written by hand: every request passes here, and its first bytes choose the layout.

A request header is v1 until its API becomes flexible, then v2, which adds tagged fields after the client id (the client id
keeps its int16 length). A response header is v0 (the correlation id) or v1 (with tagged fields); answers to ApiVersions
always have v0, so that a client can read them whatever version it asked for (KIP-511).
"""

import struct
from collections.abc import Callable

from pybroker.wire.apis import APIS
from pybroker.wire.base import Buffer, Fault, WireError
from pybroker.wire.primitives import read_tags

_REQUEST_V2_FROM = {key: api.request_header_v2_from for key, api in APIS.items()}
_RESPONSE_V1_FROM = {key: api.response_header_v1_from for key, api in APIS.items()}

_unpack_begin = struct.Struct(">hhi").unpack_from
_unpack_length = struct.Struct(">h").unpack_from
_pack_response_v0 = struct.Struct(">i").pack
_pack_response_v1 = struct.Struct(">ix").pack
_pack_sized_v0 = struct.Struct(">ii").pack
_pack_sized_v1 = struct.Struct(">iix").pack
_pack_fixed = struct.Struct(">hhih").pack

CLIENT_ID_AT = 8
"""Where the client id begins, after api key, version and correlation id."""


class RequestHeader:
    """What stands before every request."""

    __slots__ = ("api_key", "api_version", "client_id", "correlation_id")

    def __init__(self, api_key: int, api_version: int, correlation_id: int, client_id: str | None) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.client_id = client_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestHeader):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return (
            f"RequestHeader(api_key={self.api_key}, api_version={self.api_version}, "
            f"correlation_id={self.correlation_id}, client_id={self.client_id!r})"
        )


def parse_request_header(buffer: Buffer, at: int = 0) -> tuple[RequestHeader, int]:
    """Read the header at `at`: (header, where the body begins). Tagged fields are skipped.

    The version may be one that its API does not have: only ApiVersions answers that, and its handler decides. Raises WireError
    for a key that no broker listener knows, since then not even the header's layout is known.
    """
    try:
        api_key, api_version, correlation_id = _unpack_begin(buffer, at)
    except struct.error as error:
        raise WireError("cannot decode RequestHeader: the input ends here") from error
    flexible_from = _REQUEST_V2_FROM.get(api_key)
    if flexible_from is None:
        raise WireError(f"api key {api_key} is none of a broker listener's")
    client_id, at = read_client_id(buffer, at + CLIENT_ID_AT, api_version >= flexible_from)
    return RequestHeader(api_key, api_version, correlation_id, client_id), at


def read_client_id(buffer: Buffer, at: int, flexible: bool) -> tuple[str | None, int]:
    """Read what follows the correlation id: (client id, where the body begins). `flexible`: tagged fields stand between."""
    try:
        length = _unpack_length(buffer, at)[0]
        at += 2
        client_id = None
        if length >= 0:
            end = at + length
            if end > len(buffer):
                raise WireError(f"cannot decode RequestHeader: client id of {length} bytes, but only {len(buffer) - at} are left")
            client_id = str(buffer[at:end], "utf-8", "replace")
            at = end
        return client_id, _skip_tags(buffer, at) if flexible else at
    except Fault as error:
        raise WireError(f"cannot decode RequestHeader: {error}") from error
    except (struct.error, IndexError) as error:
        raise WireError("cannot decode RequestHeader: the input ends here") from error


def _skip_tags(buffer: Buffer, at: int) -> int:
    count = buffer[at]
    at += 1
    if count:
        _, at = read_tags(buffer, at, count)
    return at


def request_header(api_key: int, api_version: int, correlation_id: int, client_id: str | None) -> bytes:
    """The bytes of a request header."""
    name = b"" if client_id is None else client_id.encode()
    fixed = _pack_fixed(api_key, api_version, correlation_id, -1 if client_id is None else len(name))
    return fixed + name + (b"\0" if api_version >= _REQUEST_V2_FROM[api_key] else b"")


def response_header(api_key: int, api_version: int, correlation_id: int) -> bytes:
    """The bytes of a response header."""
    if api_version >= _RESPONSE_V1_FROM[api_key]:
        return _pack_response_v1(correlation_id)
    return _pack_response_v0(correlation_id)


def pack_head(api_key: int, api_version: int) -> Callable[[int, int], bytes]:
    """What makes the begin of a whole answer, before its body: call it with the size, of header and body, and the correlation id."""
    return _pack_sized_v1 if api_version >= _RESPONSE_V1_FROM[api_key] else _pack_sized_v0


def has_flexible_request_header(api_key: int, api_version: int) -> bool:
    """Whether tagged fields follow the client id."""
    return api_version >= _REQUEST_V2_FROM[api_key]


def response_header_size(api_key: int, api_version: int) -> int:
    """How many bytes stand before a response's body, if it has no tagged fields in its header."""
    return 5 if api_version >= _RESPONSE_V1_FROM[api_key] else 4
