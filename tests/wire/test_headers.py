"""Request and response headers."""

import pytest

from pybroker.wire.base import WireError
from pybroker.wire.codec import decode, encode
from pybroker.wire.headers import (
    RequestHeader,
    pack_head,
    parse_request_header,
    request_header,
    response_header,
    response_header_size,
)
from pybroker.wire.messages import RequestHeader as HeaderMessage
from pybroker.wire.messages import ResponseHeader


@pytest.mark.parametrize("client_id", [None, "", "cli", "ü" * 300])
@pytest.mark.parametrize(("key", "version", "header_version"), [(0, 8, 1), (0, 9, 2), (18, 2, 1), (18, 3, 2), (17, 1, 1)])
def test_request_header(client_id, key, version, header_version):
    """The header that an API's version calls for, as the schema's codec writes it, at any position."""
    data = request_header(key, version, 77, client_id)
    form = HeaderMessage(request_api_key=key, request_api_version=version, correlation_id=77, client_id=client_id)
    assert data == encode(form, header_version)
    for kind in (bytes, memoryview):
        header, at = parse_request_header(kind(b"...." + data + b"body"), 4)
        assert header == RequestHeader(key, version, 77, client_id)
        assert at == 4 + len(data)


def test_golden_headers(golden_lines):
    """Golden headers of known keys parse as their JSON says, unknown tags skipped."""
    checked = 0
    for line in golden_lines("RequestHeader"):
        form = decode(HeaderMessage, line["version"], bytes.fromhex(line["hex"]))[0]
        key, version = (0, 9) if line["version"] == 2 else (0, 8)
        form.request_api_key, form.request_api_version = key, version
        data = encode(form, line["version"])
        assert parse_request_header(data) == (RequestHeader(key, version, form.correlation_id, form.client_id), len(data))
        checked += 1
    assert checked > 20


def test_truncated_request_header():
    """A header cut at any byte is a WireError."""
    form = HeaderMessage(request_api_key=0, request_api_version=9, client_id="me", unknown_tagged_fields={3: b"abc"})
    data = encode(form, 2)
    for size in range(len(data)):
        with pytest.raises(WireError, match="cannot decode RequestHeader"):
            parse_request_header(data[:size])


@pytest.mark.parametrize("key", [-1, 4, 52, 62, 95, 32767])
def test_unknown_key(key):
    """Keys of controllers and keys that nobody has are refused by number."""
    data = encode(HeaderMessage(request_api_key=key), 1)
    with pytest.raises(WireError, match=f"api key {key} is none of a broker listener's"):
        parse_request_header(data)


@pytest.mark.parametrize(("version", "extra"), [(99, b"\0"), (-1, b"")])
def test_versions_that_do_not_exist(version, extra):
    """A header is read for any version, since ApiVersions answers versions that it does not have."""
    data = encode(HeaderMessage(request_api_key=18, request_api_version=version, client_id="c"), 1) + extra
    assert parse_request_header(data) == (RequestHeader(18, version, 0, "c"), len(data))


@pytest.mark.parametrize(("key", "version", "header_version"), [(0, 8, 0), (0, 9, 1), (18, 0, 0), (18, 5, 0), (17, 1, 0)])
def test_response_header(key, version, header_version):
    """Responses of ApiVersions always have header version 0 (KIP-511)."""
    data = response_header(key, version, -7)
    assert data == encode(ResponseHeader(correlation_id=-7), header_version)
    assert response_header_size(key, version) == len(data)
    assert pack_head(key, version)(1000, -7) == (1000).to_bytes(4, "big") + data


def test_header_repr_and_equality():
    """Headers print their fields and equal no other kind of thing."""
    header = RequestHeader(0, 9, 1, None)
    assert repr(header) == "RequestHeader(api_key=0, api_version=9, correlation_id=1, client_id=None)"
    assert header != (0, 9, 1, None)
