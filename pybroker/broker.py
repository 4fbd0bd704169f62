"""The composition root: open the store, replay the metadata, open partitions and groups, listen, serve, drain.

    async with Broker(BrokerConfig()) as broker:      # inside a trio program
        ... broker.bootstrap_servers ...

    with Broker(BrokerConfig()) as broker:            # anywhere else: the broker has a thread of its own
        ... broker.bootstrap_servers ...

Any number of brokers live in one process; nothing here is global.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType

import trio

from pybroker.composition import Rooms, open_rooms
from pybroker.config import BrokerConfig, ConfigError
from pybroker.runtime.clock import Clock, SystemClock
from pybroker.server.addresses import Address, bind, parse_address, shown_host
from pybroker.server.listener import Limits, Server
from pybroker.threaded import TrioThread

LISTENER_NAME = "PLAINTEXT"

# Beside connections and segment files: the loop's own, listeners, locks, and files that are open for a moment.
_DESCRIPTORS_FOR_OTHERS = 32


class Broker:
    """One broker, from `async with` to its end. See the module for both ways to start it.

    `clock` is all that the broker knows of time: with `TrioClock` and trio's `MockClock` days of retention, session timeouts and
    transactions pass in milliseconds (`pybroker.testing.memory` connects clients without sockets, which virtual time would outrun).

    Entering raises ListenError, DataDirectoryError, ConfigError or SettingError, each with words that say what to do.
    """

    def __init__(self, config: BrokerConfig | None = None, *, clock: Clock | None = None) -> None:
        self.config = config if config is not None else BrokerConfig()
        self._clock = clock if clock is not None else SystemClock()
        self._rooms: Rooms | None = None
        self._server: Server | None = None
        self._nursery: trio.Nursery | None = None
        self._lifetime = contextlib.AsyncExitStack()
        self._thread: TrioThread | None = None
        self._address = Address("", 0)

    # --- what a client must know

    @property
    def host(self) -> str:
        """The host that clients connect to."""
        return self._told().host

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self._told().port

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, as Kafka's clients take it."""
        return str(self._told())

    @property
    def listening_on(self) -> str:
        """`host:port` of the socket; what clients are told may differ from it."""
        self._open_rooms()
        return str(self._address)

    @property
    def cluster_id(self) -> str:
        """The id of the cluster, 22 characters."""
        return self._open_rooms().state.cluster.cluster_id

    @property
    def directories(self) -> list[str]:
        """The data directories in use, as they were given; those that are offline are left out."""
        given = zip(self.config.directories(), self._open_rooms().state.log_dirs.directories(), strict=False)
        return [path for path, directory in given if directory.failure is None]

    @property
    def server(self) -> Server:
        """The server, for connections in memory (`pybroker.testing.memory`)."""
        if self._server is None:
            raise RuntimeError("the broker is not running")
        return self._server

    async def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        """Make a topic. Raises KafkaError, for one if there is a topic of that name already."""
        await self._open_rooms().create_topic(name, partitions, dict(configs or {}))

    # --- inside a trio program

    async def __aenter__(self) -> Broker:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stop()

    async def _stop(self) -> None:
        """Undo the start in reverse. A cancelled caller still gets a clean stop: it is short, and the data depends on it."""
        if self._nursery is not None:
            self._nursery.cancel_scope.shield = True
        await self._lifetime.aclose()

    async def _start(self) -> None:
        config = self.config
        self._clock.now_ms()  # on the loop, where a virtual clock finds its origin
        self._remove_stale_ready_file()
        listener = bind(parse_address(config.listen_text()))
        self._lifetime.callback(listener.close)
        self._address = _bound_address(listener)
        rooms = self._rooms = await open_rooms(config, LISTENER_NAME, self._advertised(), self._clock)
        self._lifetime.push_async_callback(_shielded, rooms.close)
        self._nursery = await _open_nursery(self._lifetime)
        await rooms.start(self._nursery)
        self._lifetime.push_async_callback(rooms.stop)
        await self._load_segments(rooms)
        await self._create_missing_topics(rooms)
        self._server = Server(rooms.state, _limits(rooms))
        self._nursery.start_soon(self._server.serve, [listener], LISTENER_NAME)
        self._lifetime.push_async_callback(self._server.drain)
        self._write_ready_file()

    async def _load_segments(self, rooms: Rooms) -> None:
        segments = self.config.segment_files()
        if segments:
            from pybroker.runtime.loading import load_segments  # nearly no broker does

            await load_segments(rooms.state, segments, self.config.topics)

    async def _create_missing_topics(self, rooms: Rooms) -> None:
        for name, partitions in self.config.topics.items():
            if name not in rooms.state.cluster.topics:
                await rooms.create_topic(name, partitions, {})

    def _told(self) -> Address:
        self._open_rooms()
        return self._advertised()

    def _advertised(self) -> Address:
        text = self.config.advertise_text()
        if text is not None:
            given = parse_address(text)
            return Address(given.host or self._address.host, given.port or self._address.port)
        return self._address

    def _open_rooms(self) -> Rooms:
        if self._rooms is None:
            raise RuntimeError("the broker is not running")
        return self._rooms

    def _write_ready_file(self) -> None:
        if self.config.ready_file is None:
            return
        path = Path(self.config.ready_file)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            draft.write_text(f"{self.bootstrap_servers}\n", "utf-8")
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise ConfigError(f"cannot write the ready file {path}: {error.strerror}") from error
        self._lifetime.callback(path.unlink, missing_ok=True)

    def _remove_stale_ready_file(self) -> None:
        """One that a broker left when it was killed would tell the wrong address until this one serves."""
        if self.config.ready_file is not None:
            with contextlib.suppress(OSError):  # writing it will say what is wrong
                Path(self.config.ready_file).unlink()

    # --- in a program that knows no trio

    def __enter__(self) -> RunningBroker:
        self._thread = TrioThread("pybroker")
        self._thread.start(self)
        return RunningBroker(self, self._thread)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is not None:
            self._thread.stop()


class RunningBroker:
    """A broker on its own thread, seen from plain code."""

    def __init__(self, broker: Broker, thread: TrioThread) -> None:
        self._thread = thread
        self._broker = broker
        self.host = broker.host
        self.port = broker.port
        self.bootstrap_servers = broker.bootstrap_servers
        self.cluster_id = broker.cluster_id

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        """Make a topic. Raises KafkaError, for one if there is a topic of that name already."""
        self._thread.call(self._broker.create_topic, name, partitions, configs)


def descriptors_for_clients(open_file_limit: int) -> int:
    """How many connections leave enough descriptors for segment files, which have a quarter (`storage/store`). A negative limit is none."""
    if open_file_limit < 0:
        return 2**31 - 1
    return max(1, open_file_limit - open_file_limit // 4 - _DESCRIPTORS_FOR_OTHERS)


async def _open_nursery(lifetime: contextlib.AsyncExitStack) -> trio.Nursery:
    """A nursery that ends with the broker: its tasks are cancelled, and what went wrong in one of them is raised."""
    nursery = await lifetime.enter_async_context(trio.open_nursery())
    lifetime.callback(nursery.cancel_scope.cancel)
    return nursery


async def _shielded(function: Callable[[], Awaitable[None]]) -> None:
    with trio.CancelScope(shield=True):
        await function()


def _bound_address(listener: socket.socket) -> Address:
    host, port = listener.getsockname()[:2]
    return Address("localhost" if host in ("::", "0.0.0.0") else shown_host(host), port)  # noqa: S104 - compared, not bound


def _limits(rooms: Rooms) -> Limits:
    get = rooms.state.settings.get
    return Limits(
        max_connections=min(get("max.connections"), descriptors_for_clients(resource.getrlimit(resource.RLIMIT_NOFILE)[0])),
        max_connections_per_ip=get("max.connections.per.ip"),
        max_idle_ms=get("connections.max.idle.ms"),
        max_request_bytes=get("socket.request.max.bytes"),
    )
