"""Whatever bytes clients send, a broker neither fails nor lets others feel it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pybroker.handlers.table  # noqa: F401 - registers every handler
from pybroker import Broker, RunningBroker
from pybroker.handlers.registry import REGISTRY
from pybroker.wire.codec import encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header

API_VERSIONS = frame(request_header(18, 0, 7, None))
TIMEOUT_S = 20


@st.composite
def spoiled_requests(draw: Any) -> bytes:
    """A request of a served API whose body is arbitrary, or that of an empty request with some bytes changed or cut off."""
    key = draw(st.sampled_from(sorted(REGISTRY)))
    registration = REGISTRY[key]
    version = draw(st.integers(registration.min_version, registration.max_version))
    body = bytearray(encode(registration.request_class(), version))
    if draw(st.booleans()):
        body = bytearray(draw(st.binary(max_size=120)))
    for _ in range(draw(st.integers(0, 3))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return frame(request_header(key, version, 1, "fuzz") + bytes(body[: draw(st.integers(0, len(body)))]))


class Faults(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """One broker for all examples: what one client spoils, the next would see."""
    with Broker() as running:
        yield running


def is_served(broker: RunningBroker) -> bool:
    """Whether a client that behaves gets its answer."""
    with socket.create_connection((broker.host, broker.port), TIMEOUT_S) as bystander:
        bystander.sendall(API_VERSIONS)
        return bystander.recv(8)[4:8] == b"\0\0\0\7"


def tell(broker: RunningBroker, chunks: list[bytes]) -> None:
    """Send all this and leave when the broker has looked at it: it answers, closes, or waits for more."""
    with socket.create_connection((broker.host, broker.port), TIMEOUT_S) as client:
        try:
            for chunk in chunks:
                client.sendall(chunk)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(0.02)
            while client.recv(65_536):
                pass
        except OSError:  # closed, reset, or parked
            return


def check(broker: RunningBroker, chunks: list[bytes]) -> None:
    """No fault of the broker's own is logged, and the next client is served."""
    faults = Faults()
    logging.getLogger("pybroker").addHandler(faults)
    try:
        tell(broker, chunks)
        assert is_served(broker)
    finally:
        logging.getLogger("pybroker").removeHandler(faults)
    assert not faults.lines


@given(st.lists(st.binary(max_size=200).map(frame) | st.binary(max_size=60), max_size=4))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_arbitrary_bytes(broker: RunningBroker, chunks: list[bytes]) -> None:
    """Noise, framed or not, is noise."""
    check(broker, chunks)


@pytest.mark.slow
@given(st.lists(spoiled_requests(), min_size=1, max_size=3))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_spoiled_requests(broker: RunningBroker, chunks: list[bytes]) -> None:
    """Requests of every served API and version with wrong bodies are answered or closed, and are no bug."""
    check(broker, chunks)
