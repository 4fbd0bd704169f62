"""A client that says exactly what it is told: one request, one answer, on one stream. For tests of brokers."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import trio

from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import FrameBuffer, frame
from pybroker.wire.headers import request_header, response_header_size
from pybroker.wire.messages import message_class

READ_BYTES = 65_536


class BrokerClosedConnection(Exception):
    """The broker ended the connection where an answer was due."""


class RawClient:
    """Sends messages and reads their answers over any trio stream.

    `await client.ask(MetadataRequest(...), 12)` gives a MetadataResponse; `send` and `receive` do the halves, for pipelining.
    """

    def __init__(self, stream: trio.abc.Stream, client_id: str | None = "raw") -> None:
        self.stream = stream
        self.client_id = client_id
        self._frames = FrameBuffer()
        self._correlation_id = 0
        self._pending: list[tuple[type[Any], int, int]] = []

    @classmethod
    async def connect(cls, host: str, port: int, client_id: str | None = "raw") -> RawClient:
        """A client on a TCP connection."""
        return cls(await trio.open_tcp_stream(host, port), client_id)

    async def ask(self, request: Any, version: int) -> Any:
        """Send a request and wait for its answer. Raises BrokerClosedConnection."""
        await self.send(request, version)
        return await self.receive()

    async def send(self, request: Any, version: int, *, answered: bool = True) -> int:
        """Send a request; returns its correlation id. `answered`: whether `receive` shall expect an answer."""
        self._correlation_id += 1
        key = type(request).API_KEY
        header = request_header(key, version, self._correlation_id, self.client_id)
        if answered:
            answer = message_class(type(request).__name__.removesuffix("Request") + "Response")
            self._pending.append((answer, version, self._correlation_id))
        await self.stream.send_all(frame(header + encode(request, version)))
        return self._correlation_id

    async def receive(self) -> Any:
        """The answer to the oldest request that has none yet. Raises BrokerClosedConnection."""
        answer, version, correlation_id = self._pending.pop(0)
        payload = await self.receive_frame()
        if int.from_bytes(payload[:4], "big", signed=True) != correlation_id:
            raise AssertionError(f"the answer belongs to another request than {correlation_id}")
        return decode(answer, version, payload, response_header_size(answer.API_KEY, version))[0]

    async def receive_frame(self) -> bytes:
        """The next frame, whatever it holds. Raises BrokerClosedConnection."""
        while (payload := self._frames.next_frame()) is None:
            try:
                data = await self.stream.receive_some(READ_BYTES)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                raise BrokerClosedConnection
            self._frames.feed(bytes(data))
        return payload

    async def aclose(self) -> None:
        await self.stream.aclose()

    async def __aenter__(self) -> RawClient:
        return self

    async def __aexit__(self, *exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None]) -> None:
        await self.aclose()
