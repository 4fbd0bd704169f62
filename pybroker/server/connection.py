"""One task per connection: read, serve the frames in order, send their answers with one call, let others run.

Rules
- Answers leave in the order of the requests; a request that waits holds only its own connection.
- A small frame is copied out of the read; a large one is received into a pooled buffer that grows as its bytes arrive.
- What waits to be sent is bounded: the socket must take it before more requests are served.
- What a request leaves to be done after its answer (`RequestContext.afterwards`) is done before anything is awaited and before the next
  request, so nobody sees the time between. A read that brought one frame has its answer sent before, as much as the socket takes at once;
  of several frames each answer is queued only when the rest of its request is done, as they leave together anyway.
"""

from __future__ import annotations

import logging
from struct import Struct
from typing import Any

import trio

from pybroker.handlers.context import CloseConnection, ConnectionInfo, RequestContext
from pybroker.server.buffers import BufferPool
from pybroker.server.dispatch import Dispatcher
from pybroker.server.transport import Transport
from pybroker.wire.errors import WireError
from pybroker.wire.framing import frame_size

log = logging.getLogger("pybroker.server")

# Frames above this are received in place; below it, copying is cheaper than the extra system call.
LARGE_FRAME_BYTES = 32_768

# Answers are sent, and others may run, when this much is queued or that many requests were served from one read.
_QUEUED_BYTES = 262_144
_BATCH_REQUESTS = 64

_int32 = Struct(">i").unpack_from

_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class _Ended(CloseConnection):
    """The connection ends in the middle of a request, and nobody is to blame."""


class Connection:
    """A client's connection.

    `serving`: between a read and its answers; `parked`: a handler waits for something that need not come; `closing`: end after this batch.
    """

    __slots__ = (
        "_buffers",
        "_context",
        "_dispatcher",
        "_limit",
        "_out",
        "_transport",
        "active",
        "closing",
        "idle_ticks",
        "parked",
        "serving",
    )

    def __init__(
        self, transport: Transport, info: ConnectionInfo, dispatcher: Dispatcher, buffers: BufferPool, max_request_bytes: int
    ) -> None:
        self._transport = transport
        self._dispatcher = dispatcher
        self._buffers = buffers
        self._limit = max_request_bytes
        self._out: list[Any] = []
        self._context = RequestContext(dispatcher.state, info, self._flush, self._park)
        self.active = True
        self.idle_ticks = 0
        self.serving = False
        self.parked = False
        self.closing = False

    @property
    def info(self) -> ConnectionInfo:
        return self._context.connection

    async def run(self) -> str | None:
        """Serve until the client leaves. Returns why the connection was closed if the client is to blame, else None."""
        try:
            await self._serve_all()
        except _Ended:
            return None
        except (WireError, CloseConnection) as error:
            await self._send_last()
            return str(error)
        except _GONE as error:
            log.debug("%s:%d is gone: %r", self.info.peer_host, self.info.peer_port, error)
        finally:
            self._transport.close()
        return None

    def close(self) -> None:
        """End the connection now, whatever it does, from another task."""
        self._transport.close()

    async def _serve_all(self) -> None:
        transport, context, serve_quickly = self._transport, self._context, self._dispatcher.serve_quickly
        afterwards = context.afterwards
        rest = b""
        while not self.closing:
            data = await transport.receive()
            if not data:
                return
            self.serving = self.active = True
            if rest or len(data) < 4 or _int32(data)[0] != len(data) - 4 or len(data) > self._limit:
                rest = await self._serve_read(rest + data if rest else data)
            elif (answer := serve_quickly(context, data)) is not None:  # one frame: what nearly every read brings
                try:
                    sent = transport.send_now(answer)
                finally:
                    if afterwards:
                        context.finish()
                if sent < len(answer):
                    await transport.send((answer[sent:],))
            else:
                await self._dispatcher.serve(context, bytearray(memoryview(data)[4:]), self._out)
                self.parked = False
            if self._out:
                await self._send()
            self.serving = False
            await trio.lowlevel.checkpoint()

    async def _serve_read(self, data: bytes) -> bytes:
        """Serve the frames in `data`; returns the beginning of one that is not whole yet."""
        at, end, served, queued = 0, len(data), 0, 0
        view = memoryview(data)
        while end - at >= 4:
            size = _int32(data, at)[0]
            if not 0 <= size <= self._limit:
                frame_size(view[at : at + 4], self._limit)
            stop = at + 4 + size
            if stop <= end:
                queued += await self._serve_frame(data[at:stop])
                at = stop
            elif size > LARGE_FRAME_BYTES:
                await self._serve_large(view[at + 4 :], size)
                return b""
            else:
                break
            served += 1
            if at < end and (queued > _QUEUED_BYTES or served >= _BATCH_REQUESTS):
                await self._send()
                await trio.lowlevel.checkpoint()
                queued = served = 0
        return data[at:]

    async def _serve_frame(self, message: bytes) -> int:
        """Serve one of several; returns how many bytes that queued."""
        answer = self._dispatcher.serve_quickly(self._context, message)
        if answer is not None:
            if self._context.afterwards:
                self._context.finish()
            self._out.append(answer)
            return len(answer)
        queued = await self._dispatcher.serve(self._context, bytearray(memoryview(message)[4:]), self._out)
        self.parked = False
        return queued

    async def _serve_large(self, begin: memoryview, size: int) -> None:
        if self._out:
            await self._send()
        buffer = await self._receive_large(begin, size)
        if buffer is None:
            self.closing = True
            return
        try:
            await self._dispatcher.serve(self._context, memoryview(buffer)[:size], self._out)
            self.parked = False
        finally:
            self._buffers.give_back(buffer)

    async def _receive_large(self, begin: memoryview, size: int) -> bytearray | None:
        buffer = self._buffers.take(size)
        have = len(begin)
        while len(buffer) < have:
            buffer = self._buffers.grow(buffer, size)
        buffer[:have] = begin
        while have < size:
            if have == len(buffer):
                buffer = self._buffers.grow(buffer, size)
            got = await self._transport.receive_into(memoryview(buffer)[have : min(size, len(buffer))])
            if not got:
                return None
            self.active = True
            have += got
        return buffer

    async def _flush(self) -> None:
        """What a handler calls as `context.flush`. A client that is gone by then is no fault of the handler."""
        if self._out:
            try:
                await self._send()
            except _GONE as error:
                raise _Ended(repr(error)) from error

    async def _park(self) -> None:
        """What a handler calls as `context.park`. At a clean stop nobody begins to wait any more."""
        await self._flush()
        if self.closing:
            raise _Ended("the broker stops")
        self.parked = True

    async def _send(self) -> None:
        parts = self._out.copy()
        self._out.clear()  # the list itself stays: a request that waits adds its answer to it later
        await self._transport.send(parts)

    async def _send_last(self) -> None:
        """The answers before the fault still belong to the client."""
        try:
            if self._out:
                await self._send()
        except _GONE:
            return
