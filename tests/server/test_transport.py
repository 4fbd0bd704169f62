"""Bytes out: joined, gathered, or from a file, through sockets that take only a part at a time."""

from __future__ import annotations

import socket
import tempfile
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.server.buffers import FIRST_BYTES, BufferPool
from pybroker.server.transport import RawTransport, StreamTransport


class Piece:
    """Record bytes in memory."""

    def __init__(self, *buffers: bytes) -> None:
        self._buffers = buffers

    def __len__(self) -> int:
        return sum(map(len, self._buffers))

    def read(self) -> bytes:
        return b"".join(self._buffers)

    def buffers(self) -> tuple[bytes, ...]:
        return self._buffers


class FilePiece:
    """Record bytes in a file."""

    def __init__(self, file: Any, position: int, size: int) -> None:
        self._file = file
        self.position = position
        self._size = size

    def __len__(self) -> int:
        return self._size

    def fileno(self) -> int:
        return int(self._file.fileno())

    def read(self) -> bytes:
        self._file.seek(self.position)
        return bytes(self._file.read(self._size))


class Collector:
    """A stream that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent = b""

    async def send_all(self, data: bytes) -> None:
        self.sent += data

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return b""

    def close(self) -> None:
        self.sent = b""


def sent_over_socket(parts: list[Any]) -> bytes:
    """What arrives when a RawTransport with a small send buffer sends these parts."""
    received: list[bytes] = []

    async def main() -> None:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))

        async def read() -> None:
            while data := await stream.receive_some():
                received.append(bytes(data))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            transport = RawTransport(ours)
            await transport.send(parts)
            transport.close()
        theirs.close()

    trio.run(main)
    return b"".join(received)


@pytest.mark.parametrize("size", [0, 10, 70_000, 300_000])
def test_memory_and_file_parts_arrive_in_order(size: int) -> None:
    """Heads, records in memory and records of a file arrive whole and in their order, through partial sends."""
    with tempfile.TemporaryFile() as file:
        content = bytes(range(256)) * (size // 256 + 1)
        file.write(b"skipped" + content)
        file.flush()
        piece = FilePiece(file, 7, size)
        parts = [b"head", Piece(b"m" * size, b"n" * 10), b"between", piece, b"end", *[Piece(b"x" * 100)] * 1500]
        expected = b"head" + b"m" * size + b"n" * 10 + b"between" + content[:size] + b"end" + b"x" * 150_000
        assert sent_over_socket(parts) == expected


def test_streams_take_the_same_parts() -> None:
    """Over any other stream the parts are read and sent as one."""

    async def main() -> None:
        stream = Collector()
        await StreamTransport(stream).send([b"head", Piece(b"a", b"b"), b"end"])
        assert stream.sent == b"headabend"

    trio.run(main)


def test_close_wakes_the_reader() -> None:
    """Closing from another task ends a receive with ClosedResourceError."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        transport = RawTransport(ours)

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await transport.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            transport.close()
            transport.close()
        theirs.close()

    trio.run(main)


def test_buffers_are_used_again() -> None:
    """A buffer that nobody looks into goes to the next large frame; one that is watched does not."""
    pool = BufferPool()
    buffer = pool.take(1_000_000)
    assert len(buffer) == FIRST_BYTES
    buffer = pool.grow(buffer, 1_000_000)
    pool.give_back(buffer)
    assert pool.take(10) is buffer
    view = memoryview(buffer)
    pool.give_back(buffer)
    assert pool.take(10) is not buffer
    assert view.nbytes == len(buffer)


def test_send_now_takes_what_fits() -> None:
    """All, a part, nothing: it never waits, and a stream takes nothing that way."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = RawTransport(ours)
        assert transport.send_now(b"hello") == 5
        assert 0 < transport.send_now(bytes(1 << 24)) < 1 << 24
        while transport.send_now(b"x"):
            pass
        assert transport.send_now(b"x") == 0
    assert StreamTransport(Collector()).send_now(b"hello") == 0
