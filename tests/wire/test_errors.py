"""Messages of errors that fit into a response."""

from __future__ import annotations

import pytest

from pybroker.wire.errors import ErrorCode, KafkaError, shorten


@pytest.mark.parametrize("message", ["", "x" * 32767, "é" * 16383])
def test_what_fits_is_told_as_it_is(message: str) -> None:
    """A string of the protocol has up to 32767 bytes."""
    assert shorten(message) == message


@pytest.mark.parametrize("message", ["x" * 32768, "é" * 16384, "\U0001f600" * 8192])
def test_what_is_too_long_is_told_in_part(message: str) -> None:
    """Else the answer could not be written, and its code be told to nobody."""
    told = KafkaError(ErrorCode.INVALID_CONFIG, message).message
    assert told is not None
    assert told.endswith("...")
    assert message.startswith(told.removesuffix("..."))
    assert len(told.encode()) <= 32767
