"""Cutting a stream into frames, and what is said about streams that are none."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.wire.framing import MAX_FRAME_BYTES, FrameBuffer, FrameError, frame, frame_size

PAYLOADS = [b"first", b"", b"x" * 300, b"last"]
STREAM = b"".join(frame(payload) for payload in PAYLOADS)


def test_every_split_in_two():
    """Frames come out whole wherever the stream was cut, and none too early."""
    for at in range(len(STREAM) + 1):
        buffer = FrameBuffer()
        buffer.feed(STREAM[:at])
        frames = list(buffer)
        buffer.feed(STREAM[at:])
        assert frames + list(buffer) == PAYLOADS
        assert len(buffer) == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_byte_by_byte(kind):
    """One byte at a time gives the same frames, whatever kind of bytes is fed."""
    buffer = FrameBuffer()
    frames = []
    for at in range(len(STREAM)):
        buffer.feed(kind(STREAM[at : at + 1]))
        frames += buffer
    assert frames == PAYLOADS
    assert all(type(payload) is bytes for payload in frames)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 60), max_size=12))
def test_any_frames_in_any_pieces(payloads, sizes):
    """Any frames in any pieces come back, while frames are taken or left waiting in between."""
    stream = b"".join(frame(payload) for payload in payloads)
    buffer = FrameBuffer()
    frames = []
    for turn, size in enumerate([*sizes, len(stream)]):
        piece, stream = stream[:size], stream[size:]
        buffer.feed(piece)
        if turn % 2:
            frames += buffer
    assert frames + list(buffer) == payloads


def test_missing_bytes():
    """What the frame that has begun still needs, so that a reader can make room for it at once."""
    buffer = FrameBuffer()
    assert buffer.missing_bytes == 0
    buffer.feed(frame(b"x" * 100)[:3])
    assert buffer.missing_bytes == 0
    buffer.feed(frame(b"x" * 100)[3:10])
    assert buffer.missing_bytes == 94
    buffer.feed(b"x" * 94)
    assert buffer.missing_bytes == 0
    assert buffer.next_frame() == b"x" * 100
    assert buffer.next_frame() is None


def test_limit():
    """A frame of the limit passes; one byte more is refused before its bytes arrive, with the setting's name."""
    assert frame_size(struct.pack(">i", MAX_FRAME_BYTES)) == 104_857_600
    buffer = FrameBuffer(limit_bytes=10)
    buffer.feed(frame(b"0123456789") + struct.pack(">i", 11))
    assert buffer.next_frame() == b"0123456789"
    with pytest.raises(FrameError, match=r"frame of 11 bytes is larger than socket\.request\.max\.bytes=10"):
        buffer.next_frame()


@pytest.mark.parametrize(
    ("first4", "text"),
    [
        (b"\x16\x03\x01\x02", "TLS bytes on a plaintext listener"),
        (b"GET ", "an HTTP request"),
        (b"POST", "an HTTP request"),
        (b"PRI ", "an HTTP request"),
        (b"SSH-", "an SSH client"),
        (b"PROX", "a PROXY protocol header"),
        (b"\r\n\r\n", "a PROXY protocol header"),
        (b"\xff\xff\xff\xff", "frame of negative size -1"),
        (b"\x7f\xff\xff\xff", "frame of 2147483647 bytes is larger"),
    ],
)
def test_what_it_was_instead(first4, text):
    """Another protocol on the port is named."""
    with pytest.raises(FrameError, match=text):
        frame_size(first4)
    with pytest.raises(FrameError, match=text):
        frame_size(memoryview(first4))


def test_large_limit_lets_real_sizes_pass():
    """With a limit above it, a size that looks like another protocol is a size."""
    assert frame_size(b"GET ", 2**31 - 1) == int.from_bytes(b"GET ", "big")
