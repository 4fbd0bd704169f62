"""Frames: an int32 size, then that many bytes. Sans-IO: bytes come in as they arrive, whole frames go out.

A size is believed only after `frame_size` has looked at it. A wrong one is nearly always another protocol on this port, whose
first bytes read as a size of hundreds of megabytes; what it was is said in words, since the person who reads the log can then
act on it. The stream cannot be followed after that: the connection must be closed.
"""

from collections.abc import Iterator
from struct import Struct

from pybroker.wire.base import Buffer, WireError

MAX_FRAME_BYTES = 104_857_600
"""Kafka's `socket.request.max.bytes`: room for the largest produce request, but no way to have the memory of a broker."""

SIZE_BYTES = 4

_int32 = Struct(">i").unpack_from

_HTTP_WORDS = (b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI ", b"HTTP")

_FOREIGN: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"\x16\x03",), "TLS bytes on a plaintext listener: the client's security.protocol should be PLAINTEXT"),
    (_HTTP_WORDS, "an HTTP request on a Kafka listener"),
    ((b"SSH-",), "an SSH client on a Kafka listener"),
    ((b"PROX", b"\r\n\r\n"), "a PROXY protocol header, which Kafka listeners do not take"),
)
"""What else is met on a broker's port, by its first bytes; each reads as a size above any limit, so no real frame is taken for it."""


class FrameError(WireError):
    """The stream is not one of Kafka frames, or a frame is larger than allowed. Close the connection."""


def frame_size(first4: Buffer, limit_bytes: int = MAX_FRAME_BYTES) -> int:
    """The size that the first four bytes of a frame announce. Raises FrameError for one that cannot be served."""
    size: int = _int32(first4)[0]
    if 0 <= size <= limit_bytes:
        return size
    head = bytes(first4[:SIZE_BYTES])
    for beginnings, text in _FOREIGN:
        if head.startswith(beginnings):
            raise FrameError(text)
    if size < 0:
        raise FrameError(f"frame of negative size {size}")
    raise FrameError(f"frame of {size} bytes is larger than socket.request.max.bytes={limit_bytes}")


class FrameBuffer:
    """Cuts a stream of bytes into frames.

    `feed` takes any split of the stream; `next_frame` gives one whole frame without its size, or None if more bytes are needed.
    `missing_bytes` is how many the frame that has begun still needs (0: none has begun, or its size is not known).
    """

    __slots__ = ("_at", "_data", "limit_bytes")

    def __init__(self, limit_bytes: int = MAX_FRAME_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._data: bytes | bytearray = b""
        self._at = 0

    def __len__(self) -> int:
        """How many bytes were fed and are not taken."""
        return len(self._data) - self._at

    def feed(self, data: Buffer) -> None:
        """Add bytes of the stream. What one read brought is kept as it is; only a remainder makes a copy."""
        if self._at == len(self._data):
            self._data = data if type(data) is bytes else bytes(data)
        else:
            if type(self._data) is bytes or self._at:
                self._data = bytearray(memoryview(self._data)[self._at :])
            self._data += data
        self._at = 0

    def next_frame(self) -> bytes | None:
        """One frame's bytes (header and body), or None. Raises FrameError as soon as a size is wrong."""
        data = self._data
        begin = self._at + SIZE_BYTES
        if begin > len(data):
            return None
        size = _int32(data, self._at)[0]
        if not 0 <= size <= self.limit_bytes:
            frame_size(data[self._at : begin], self.limit_bytes)  # says why
        end = begin + size
        if end > len(data):
            return None
        self._at = end
        return data[begin:end] if type(data) is bytes else bytes(memoryview(data)[begin:end])

    def __iter__(self) -> Iterator[bytes]:
        """All frames that are whole."""
        while (frame := self.next_frame()) is not None:
            yield frame

    @property
    def missing_bytes(self) -> int:
        """See the class."""
        begin = self._at + SIZE_BYTES
        if begin > len(self._data):
            return 0
        return max(0, SIZE_BYTES + frame_size(self._data[self._at : begin], self.limit_bytes) - len(self))


def frame(payload: bytes) -> bytes:
    """A payload with its size before it."""
    return len(payload).to_bytes(SIZE_BYTES, "big") + payload
