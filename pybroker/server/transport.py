"""Two ways to move bytes: a plain socket, driven without any layer between, and any trio stream (memory streams in tests).

Rules
- Try the system call first and wait only when the kernel says so: a small request costs half as much as through a trio stream.
- `send` takes the parts of many answers at once: bytes are joined, record slices go out as they rest, a file's by sendfile.
- `close` may be called from another task: whoever waits on the transport then sees `trio.ClosedResourceError`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any, Protocol

import trio

from pybroker.wire.buffers import Buffer

READ_BYTES = 65_536

# Linux joins what follows a MSG_MORE send into one segment: the head of a Fetch answer and its records. Elsewhere it is left out.
_MSG_MORE = getattr(socket, "MSG_MORE", 0)

# The kernel takes at most UIO_MAXIOV buffers in one call (Linux and the BSDs: 1024).
_IOV_MAX = 1024

# Where sendfile cannot be used on this pair of descriptors, the bytes are read and sent instead.
_SENDFILE = getattr(os, "sendfile", None)

_wait_readable = trio.lowlevel.wait_readable
_wait_writable = trio.lowlevel.wait_writable


class Transport(Protocol):
    """What a connection needs of the wire below it."""

    async def receive(self) -> bytes:
        """Some bytes, at most `READ_BYTES`; empty at the end of the stream."""
        ...

    async def receive_into(self, view: memoryview) -> int:
        """Fill a part of `view` and say how much; 0 at the end of the stream."""
        ...

    async def send(self, parts: Sequence[Any]) -> None:
        """Send bytes and record slices, in order."""
        ...

    def send_now(self, data: bytes) -> int:
        """Send what can be sent without waiting; returns how much that was. The caller sends the rest."""
        ...

    def close(self) -> None: ...


class RawTransport:
    """A non-blocking TCP socket."""

    __slots__ = ("_fd", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._fd = sock.fileno()

    async def receive(self) -> bytes:
        while True:
            try:
                return self._socket.recv(READ_BYTES)
            except BlockingIOError:
                await _wait_readable(self._fd)

    async def receive_into(self, view: memoryview) -> int:
        while True:
            try:
                return self._socket.recv_into(view)
            except BlockingIOError:
                await _wait_readable(self._fd)

    async def send(self, parts: Sequence[Any]) -> None:
        try:
            data = b"".join(parts)
        except TypeError:
            await self._send_slices(parts)  # records as they rest are among them
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            await self._send_bytes(memoryview(data)[sent:], 0)

    def send_now(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def _send_slices(self, parts: Sequence[Any]) -> None:
        pending: list[Buffer] = []
        for part in parts:
            if isinstance(part, (bytes, bytearray, memoryview)):
                pending.append(part)
            elif hasattr(part, "fileno"):
                await self._send_bytes(b"".join(pending), _MSG_MORE)
                pending.clear()
                await self._send_file(part)
            else:
                pending.extend(part.buffers())
        if pending:
            await self._send_buffers(pending)

    async def _send_buffers(self, buffers: list[Buffer]) -> None:
        """Small buffers are joined, large ones are handed to the kernel where they lie."""
        total = sum(map(len, buffers))
        if total <= READ_BYTES or len(buffers) == 1:
            await self._send_bytes(buffers[0] if len(buffers) == 1 else b"".join(buffers), 0)
            return
        for at in range(0, len(buffers), _IOV_MAX):
            await self._send_gathered(buffers[at : at + _IOV_MAX])

    async def _send_gathered(self, buffers: list[Buffer]) -> None:
        while buffers:
            try:
                sent = self._socket.sendmsg(buffers)
            except BlockingIOError:
                await _wait_writable(self._fd)
                continue
            buffers = _without(buffers, sent)

    async def _send_bytes(self, data: Buffer, flags: int) -> None:
        while data:
            try:
                sent = self._socket.send(data, flags)
            except BlockingIOError:
                await _wait_writable(self._fd)
                continue
            if sent == len(data):
                return
            data = memoryview(data)[sent:]

    async def _send_file(self, part: Any) -> None:
        if _SENDFILE is None:
            await self._send_bytes(part.read(), 0)
            return
        source, position, left = part.fileno(), part.position, len(part)
        while left:
            try:
                sent = _SENDFILE(self._fd, source, position, left)
            except BlockingIOError:
                await _wait_writable(self._fd)
                continue
            if not sent:
                raise OSError(f"a log file ended {left} bytes early")
            position += sent
            left -= sent

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()


def _without(buffers: list[Buffer], sent: int) -> list[Buffer]:
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]] if sent else buffers[index:]
        sent -= len(buffer)
    return []


class ByteStream(Protocol):
    """The part of a trio stream that is used; `close` must be synchronous."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray: ...

    async def send_all(self, data: Buffer) -> None: ...

    def close(self) -> None: ...


class StreamTransport:
    """Any trio stream: encrypted ones, and memory streams in tests."""

    __slots__ = ("_stream",)

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def receive(self) -> bytes:
        return bytes(await self._stream.receive_some(READ_BYTES))

    async def receive_into(self, view: memoryview) -> int:
        data = await self._stream.receive_some(len(view))
        view[: len(data)] = data
        return len(data)

    async def send(self, parts: Sequence[Any]) -> None:
        data = b"".join(part if isinstance(part, (bytes, bytearray, memoryview)) else part.read() for part in parts)
        await self._stream.send_all(data)

    def send_now(self, data: bytes) -> int:
        return 0

    def close(self) -> None:
        self._stream.close()
