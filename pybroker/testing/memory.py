"""Connections to a broker that never touch a socket: one end for the client, the other served in the caller's nursery."""

from __future__ import annotations

import trio
from trio.testing import memory_stream_pair

from pybroker.handlers.context import ConnectionInfo
from pybroker.server.listener import Server
from pybroker.server.transport import StreamTransport
from pybroker.testing.client import RawClient


class ClosableStream:
    """A memory stream whose `close` needs no await."""

    def __init__(self, stream: trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]) -> None:
        self._stream = stream
        self.receive_some = stream.receive_some
        self.send_all = stream.send_all

    def close(self) -> None:
        self._stream.send_stream.close()
        self._stream.receive_stream.close()


def connect_in_memory(server: Server, nursery: trio.Nursery, client_id: str | None = "raw") -> RawClient:
    """A client of `server` over memory streams. The connection ends when the client closes or the nursery is cancelled."""
    ours, theirs = memory_stream_pair()
    info = ConnectionInfo("PLAINTEXT", "memory", 9092, "memory", 0)
    nursery.start_soon(server.serve_transport, StreamTransport(ClosableStream(theirs)), info)
    return RawClient(ours, client_id)
