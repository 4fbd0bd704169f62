"""Real sockets: accepting, limits, idle connections, half-open ones, and many of them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
import trio.testing

from pybroker.server.addresses import Address, ListenError, bind, parse_address, shown_host
from pybroker.server.listener import Limits, Server
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.wire.messages import ApiVersionsRequest


def serve(state: Any, limits: Limits, use: Any) -> None:
    """Run `use(server, host, port)` beside a server on a free port, in real time."""

    async def main() -> None:
        listener = bind(Address("127.0.0.1", 0))
        host, port = listener.getsockname()
        server = Server(state, limits)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.serve, [listener])
                await use(server, host, port)
                await server.drain()
                nursery.cancel_scope.cancel()

    trio.run(main)


async def is_closed(client: RawClient) -> bool:
    """Whether the broker ended the connection."""
    try:
        await client.receive_frame()
    except BrokerClosedConnection:
        return True
    return False


def test_serves_over_tcp(bare_state: Any) -> None:
    """Requests over a socket are answered, and the connection is counted while it lives."""

    async def use(server: Server, host: str, port: int) -> None:
        async with await RawClient.connect(host, port) as client:
            assert (await client.ask(ApiVersionsRequest(), 0)).error_code == 0
            assert server.connection_count == 1

    serve(bare_state, Limits(), use)


def test_connections_per_ip(bare_state: Any) -> None:
    """Above max.connections.per.ip a new connection is closed, and those that are there go on."""

    async def use(server: Server, host: str, port: int) -> None:
        async with await RawClient.connect(host, port) as first:
            await first.ask(ApiVersionsRequest(), 0)
            async with await RawClient.connect(host, port) as second:
                assert await is_closed(second)
            assert (await first.ask(ApiVersionsRequest(), 0)).error_code == 0

    serve(bare_state, Limits(max_connections_per_ip=1), use)


def test_max_connections_wait_for_room(bare_state: Any, caplog: pytest.LogCaptureFixture) -> None:
    """At max.connections the next client waits until one leaves, and is then served."""

    async def use(server: Server, host: str, port: int) -> None:
        first = await RawClient.connect(host, port)
        await first.ask(ApiVersionsRequest(), 0)
        async with await RawClient.connect(host, port) as second:
            await second.send(ApiVersionsRequest(), 0)
            assert (await first.ask(ApiVersionsRequest(), 0)).error_code == 0
            assert server.connection_count == 1
            await first.aclose()
            assert (await second.receive()).error_code == 0

    serve(bare_state, Limits(max_connections=1), use)
    assert "1 clients are all that max.connections" in caplog.text


def test_limits_hold_for_a_burst(bare_state: Any) -> None:
    """Clients that come in one turn of the loop are counted one by one: no more than max.connections are accepted."""

    async def use(server: Server, host: str, port: int) -> None:
        sockets = [socket.create_connection((host, port)) for _ in range(20)]  # blocking: the broker has no turn meanwhile
        for _ in range(10):
            await trio.testing.wait_all_tasks_blocked()
        assert server.connection_count == 3
        for sock in sockets:
            sock.close()

    serve(bare_state, Limits(max_connections=3), use)


def test_idle_connections_go(bare_state: Any) -> None:
    """A connection that sends nothing for connections.max.idle.ms is closed."""

    async def use(server: Server, host: str, port: int) -> None:
        async with await RawClient.connect(host, port) as client:
            await client.ask(ApiVersionsRequest(), 0)
            assert await is_closed(client)

    serve(bare_state, Limits(max_idle_ms=60), use)


def test_half_open_connections_cost_nothing(bare_state: Any) -> None:
    """Clients that stop in the middle of a frame, or leave there, do not disturb the others."""

    async def use(server: Server, host: str, port: int) -> None:
        halves = [await RawClient.connect(host, port) for _ in range(20)]
        for half in halves:
            await half.stream.send_all(b"\0\0\1\0half a frame")
        async with await RawClient.connect(host, port) as client:
            assert (await client.ask(ApiVersionsRequest(), 0)).error_code == 0
            for half in halves[:10]:
                await half.aclose()
            assert (await client.ask(ApiVersionsRequest(), 0)).error_code == 0
        for half in halves[10:]:
            await half.aclose()

    serve(bare_state, Limits(), use)


def test_drain_lets_a_running_request_finish(bare_state: Any, serve_metadata: Any) -> None:
    """At a clean stop a request that is being served is still answered; an idle connection ends at once."""
    from pybroker.wire.messages import MetadataRequest, MetadataResponse

    begun, release = trio.Event(), trio.Event()

    async def slow(context: Any, request: Any) -> MetadataResponse:
        begun.set()
        await release.wait()
        return MetadataResponse(cluster_id="answered")

    serve_metadata(slow)

    async def use(server: Server, host: str, port: int) -> None:
        idle = await RawClient.connect(host, port)
        busy = await RawClient.connect(host, port)
        await busy.send(MetadataRequest(topics=[]), 9)
        await begun.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.drain)
            assert await is_closed(idle)
            release.set()
            assert (await busy.receive()).cluster_id == "answered"
        await idle.aclose()
        await busy.aclose()

    serve(bare_state, Limits(), use)


def test_drain_waits_for_what_ends_by_itself(bare_state: Any, serve_metadata: Any) -> None:
    """A request that waits for the disk is answered at a clean stop; one that waits for others is let go, also if it only begins to."""
    from pybroker.wire.messages import MetadataRequest, MetadataResponse

    begun, release = trio.Event(), trio.Event()

    async def waiting(context: Any, request: Any) -> MetadataResponse:
        if request.topics:
            await context.park()
            await trio.sleep_forever()
        await context.flush()
        begun.set()
        await release.wait()
        return MetadataResponse(cluster_id="safe")

    serve_metadata(waiting)
    named = [MetadataRequest.MetadataRequestTopic(name="others")]

    async def use(server: Server, host: str, port: int) -> None:
        parked = await RawClient.connect(host, port)
        await parked.send(MetadataRequest(topics=named), 9)
        busy = await RawClient.connect(host, port)
        await busy.send(MetadataRequest(topics=[]), 9)
        await busy.send(MetadataRequest(topics=named), 9)
        await begun.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.drain)
            assert await is_closed(parked)
            release.set()
            assert (await busy.receive()).cluster_id == "safe"
            assert await is_closed(busy)
        await parked.aclose()
        await busy.aclose()

    serve(bare_state, Limits(), use)


@pytest.mark.slow
def test_five_thousand_idle_connections(bare_state: Any) -> None:
    """Five thousand connections that do nothing take at most 12 KiB each, and leave room for one that works."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 10_100:
        pytest.skip("the limit of open files is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 10_100), hard))

    async def use(server: Server, host: str, port: int) -> None:
        idle: list[socket.socket] = []
        before = resident_bytes()
        for _ in range(5_000):
            idle.append(socket.create_connection((host, port)))
            if len(idle) % 500 == 0:
                await trio.testing.wait_all_tasks_blocked()
        async with await RawClient.connect(host, port) as client:
            assert (await client.ask(ApiVersionsRequest(), 0)).error_code == 0
        assert server.connection_count >= 5_000
        each = (resident_bytes() - before) / 5_000
        for client_socket in idle:
            client_socket.close()
        assert each < 12 * 1024

    serve(bare_state, Limits(), use)


def resident_bytes() -> int:
    """The memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9092", Address("127.0.0.1", 9092)), (":0", Address("", 0)), ("9092", Address("", 9092)), ("[::1]:1", Address("::1", 1))],
)
def test_addresses(text: str, address: Address) -> None:
    """Addresses are written as host and port; IPv6 in brackets; without a host, every interface."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "::1:9092", "host:70000", "host:-1"])
def test_bad_addresses(text: str) -> None:
    """What is no address is refused."""
    with pytest.raises(ValueError, match=r"host:port|brackets"):
        parse_address(text)


def test_port_in_use_is_said() -> None:
    """A port in use, an address of another machine and an unknown name are told apart."""
    with bind(Address("127.0.0.1", 0)) as listener, pytest.raises(ListenError, match="in use"):
        bind(Address("127.0.0.1", listener.getsockname()[1]))
    with pytest.raises(ListenError, match="no such address"):
        bind(Address("203.0.113.1", 0))
    with pytest.raises(ListenError, match="unknown"):
        bind(Address("no-such-host.invalid", 0))


def test_every_interface_takes_both_families() -> None:
    """An empty host listens for IPv4 and, where there is IPv6, on the same port for that."""
    with bind(Address("", 0)) as listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as client:
        assert shown_host(listener.getsockname()[0]) in ("::", "0.0.0.0")
        assert client.getpeername()[0] == "127.0.0.1"
