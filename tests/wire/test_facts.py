"""Small tables: error codes, uuids, the list of APIs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.wire.apis import APIS, find_api, request_class, response_class
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import FetchRequest, FetchResponse
from pybroker.wire.uuids import ONE_UUID, ZERO_UUID, from_text, to_text


def test_error_codes():
    """The codes are gapless from -1 to 136 and keep their well-known numbers."""
    assert [code.value for code in ErrorCode] == list(range(-1, 137))
    assert (ErrorCode.NONE, ErrorCode.UNSUPPORTED_VERSION, ErrorCode.INVALID_RECORD) == (0, 35, 87)
    assert ErrorCode.NOT_LEADER_OR_FOLLOWER.is_retriable
    assert not ErrorCode.INVALID_REQUEST.is_retriable


def test_kafka_error():
    """The exception carries code and message."""
    error = KafkaError(ErrorCode.INVALID_REQUEST, "twice")
    assert (error.code, error.message, str(error)) == (42, "twice", "INVALID_REQUEST: twice")
    assert str(KafkaError(ErrorCode.INVALID_REQUEST)) == "INVALID_REQUEST"


@settings(derandomize=True, deadline=None)
@given(st.binary(min_size=16, max_size=16))
def test_uuids(uuid):
    """A uuid is 22 characters and comes back."""
    assert from_text(to_text(uuid)) == uuid
    assert len(to_text(uuid)) == 22


def test_known_uuids():
    """The reserved ids print as Kafka prints them."""
    assert (to_text(ZERO_UUID), to_text(ONE_UUID)) == ("A" * 22, "A" * 21 + "Q")


@pytest.mark.parametrize("text", ["", "A" * 21, "A" * 23, "A" * 24, "A" * 21 + "!", "A" * 21 + "/", "é" * 22])
def test_text_that_is_no_uuid(text):
    """Other lengths and characters are a ValueError."""
    with pytest.raises(ValueError, match="is not a uuid"):
        from_text(text)


def test_apis():
    """79 keys in ascending order; two ranges are advertised otherwise than they are served."""
    assert len(APIS) == 79
    assert list(APIS) == sorted(APIS)
    odd = [api.name for api in APIS.values() if api.advertised_min_version != api.min_version]
    assert odd == ["Produce"]
    assert (APIS[22].max_version, APIS[22].advertised_max_version) == (6, 5)


def test_find_api():
    """An API is found by key and by name in any case."""
    assert find_api("fetch") is find_api(1) is find_api("1") is APIS[1]
    for unknown in ("nope", "4", -1):
        with pytest.raises(KeyError):
            find_api(unknown)


def test_classes_by_key():
    """Each key leads to its request and response classes, which know the key and versions."""
    assert (request_class(1), response_class(1)) == (FetchRequest, FetchResponse)
    with pytest.raises(KeyError):
        request_class(4)
