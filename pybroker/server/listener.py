"""Accepts connections, bounds their number, reaps the idle ones, and lets the last requests finish at the end."""

from __future__ import annotations

import errno
import logging
import socket
from typing import NamedTuple

import trio

from pybroker.handlers.context import ConnectionInfo
from pybroker.runtime.state import BrokerState
from pybroker.server.addresses import shown_host
from pybroker.server.buffers import BufferPool
from pybroker.server.complaints import Complaints
from pybroker.server.connection import Connection
from pybroker.server.dispatch import Dispatcher
from pybroker.server.transport import RawTransport, Transport

log = logging.getLogger("pybroker.server")

# One sweep looks at all connections; an idle one goes at most a tenth of its allowance late.
_SWEEPS_PER_IDLE_TIME = 10
_LONGEST_SWEEP_S = 10.0
_SHORTEST_SWEEP_S = 0.02

# How long running requests may take to finish at a clean stop. Parked ones are not waited for: their clients ask again.
_DRAIN_S = 2.0

_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_ACCEPT_S = 0.1


class Limits(NamedTuple):
    """What one broker allows its clients; the names of the properties are given beside."""

    max_connections: int = 2**31 - 1  # max.connections
    max_connections_per_ip: int = 2**31 - 1  # max.connections.per.ip
    max_idle_ms: int = 600_000  # connections.max.idle.ms; below 0: never
    max_request_bytes: int = 104_857_600  # socket.request.max.bytes


class Server:
    """All connections of one broker. `serve` runs until cancelled; `drain` ends what can end well."""

    def __init__(self, state: BrokerState, limits: Limits) -> None:
        self._state = state
        self._limits = limits
        self._dispatcher = Dispatcher(state)
        self._buffers = BufferPool()
        self._complaints = Complaints()
        self._connections: set[Connection] = set()
        self._per_ip: dict[str, int] = {}
        self._changed = trio.Event()
        self._listeners: list[socket.socket] = []
        self._draining = False

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def serve(self, listeners: list[socket.socket], name: str = "PLAINTEXT") -> None:
        """Accept on these listening sockets until cancelled; closes them and every connection."""
        self._listeners = listeners
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sweep)
                for listener in listeners:
                    nursery.start_soon(self._accept_all, listener, name, nursery)
        finally:
            self._close_listeners()

    async def serve_transport(self, transport: Transport, info: ConnectionInfo) -> None:
        """Serve one connection until its end: what a listener does for each, and tests do over streams in memory."""
        await self._serve(self._register(transport, info))

    def _register(self, transport: Transport, info: ConnectionInfo) -> Connection:
        """Count a connection, before its task runs: many are accepted in one turn, and the limits hold for each."""
        connection = Connection(transport, info, self._dispatcher, self._buffers, self._limits.max_request_bytes)
        self._connections.add(connection)
        self._per_ip[info.peer_host] = self._per_ip.get(info.peer_host, 0) + 1
        return connection

    async def _serve(self, connection: Connection) -> None:
        info = connection.info
        try:
            reason = await connection.run()
            if reason is not None:
                self._complain(info, reason)
        except Exception:
            log.exception("closed the connection of %s:%d after an internal error", info.peer_host, info.peer_port)
        finally:
            self._forget(connection)

    async def drain(self) -> None:
        """Stop accepting, end idle connections at once and give running requests a moment."""
        self._draining = True
        self._close_listeners()
        with trio.move_on_after(_DRAIN_S):
            while self._end_what_can_end():
                changed = self._changed
                await changed.wait()

    def _end_what_can_end(self) -> bool:
        waited_for = [self._end_soon(connection) for connection in list(self._connections)]
        return any(waited_for)

    @staticmethod
    def _end_soon(connection: Connection) -> bool:
        """Whether the connection is worth waiting for."""
        connection.closing = True
        if connection.serving and not connection.parked:
            return True
        connection.close()
        return False

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            if listener.fileno() >= 0:
                trio.lowlevel.notify_closing(listener)
                listener.close()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        host = connection.info.peer_host
        self._per_ip[host] -= 1
        if not self._per_ip[host]:
            del self._per_ip[host]
        self._changed.set()
        self._changed = trio.Event()

    def _complain(self, info: ConnectionInfo, reason: str) -> None:
        self._complaints.say(self._state.clock.now_ms(), f"closed the connection of {info.peer_host}:{info.peer_port}: {reason}")

    async def _accept_all(self, listener: socket.socket, name: str, nursery: trio.Nursery) -> None:
        complained = False
        while True:
            try:
                await self._wait_for_room()
                sock, peer = listener.accept()
            except BlockingIOError:
                await self._wait_for_client(listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if self._draining:
                    return
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    raise
                if not complained:
                    log.error("cannot accept connections: %s; raise the limit of open files (ulimit -n)", error.strerror)
                complained = True
                await trio.sleep(_RETRY_ACCEPT_S)
            else:
                complained = False
                self._admit(sock, peer, name, nursery)

    async def _wait_for_client(self, listener: socket.socket) -> None:
        try:
            await trio.lowlevel.wait_readable(listener)
        except trio.ClosedResourceError:
            if not self._draining:
                raise

    async def _wait_for_room(self) -> None:
        """At max.connections the next client waits in the backlog until one leaves."""
        if len(self._connections) >= self._limits.max_connections:
            limits = "max.connections and the limit of open files (ulimit -n)"
            self._complaints.say(
                self._state.clock.now_ms(), f"{self._limits.max_connections} clients are all that {limits} allow: others wait"
            )
        while len(self._connections) >= self._limits.max_connections:
            changed = self._changed
            await changed.wait()

    def _admit(self, sock: socket.socket, peer: tuple[object, ...], name: str, nursery: trio.Nursery) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            local = sock.getsockname()
        except OSError:  # the client is gone already
            sock.close()
            return
        info = ConnectionInfo(name, shown_host(local[0]), local[1], shown_host(str(peer[0])), int(str(peer[1])))
        if self._per_ip.get(info.peer_host, 0) >= self._limits.max_connections_per_ip:
            sock.close()
            self._complain(info, f"max.connections.per.ip={self._limits.max_connections_per_ip} is reached")
            return
        nursery.start_soon(self._serve, self._register(RawTransport(sock), info))

    async def _sweep(self) -> None:
        """End connections that sent nothing for connections.max.idle.ms; one task for all of them."""
        if self._limits.max_idle_ms < 0:
            return
        interval_s = min(_LONGEST_SWEEP_S, max(_SHORTEST_SWEEP_S, self._limits.max_idle_ms / 1000 / _SWEEPS_PER_IDLE_TIME))
        allowed_ticks = max(1, round(self._limits.max_idle_ms / 1000 / interval_s))
        while True:
            await trio.sleep(interval_s)
            for connection in list(self._connections):
                if connection.active or connection.serving:
                    connection.active, connection.idle_ticks = False, 0
                elif connection.idle_ticks >= allowed_ticks:
                    connection.close()
                connection.idle_ticks += 1
