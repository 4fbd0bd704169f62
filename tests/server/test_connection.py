"""What a connection does with frames, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from pybroker.handlers.context import CloseConnection
from pybroker.server import connection as connection_module
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.codec import encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header
from pybroker.wire.messages import MetadataRequest, MetadataResponse

Topic = MetadataRequest.MetadataRequestTopic


def metadata_frame(name: str, correlation_id: int = 1, version: int = 9) -> bytes:
    """A Metadata request for one topic, as it goes over the wire."""
    body = encode(MetadataRequest(topics=[Topic(name=name)]), version)
    return frame(request_header(3, version, correlation_id, "test") + body)


async def told_closed(client: RawClient) -> bool:
    """Whether the broker ended the connection without another frame."""
    try:
        await client.receive_frame()
    except BrokerClosedConnection:
        return True
    return False


def test_frames_split_at_every_byte(make_server: Any, echo_metadata: None, in_trio: Any) -> None:
    """However two frames are cut into pieces, both are answered, in order."""

    async def main() -> None:
        stream = metadata_frame("first", 1) + metadata_frame("second", 2)
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            for cut in range(1, len(stream)):
                await client.stream.send_all(stream[:cut])
                await trio.testing.wait_all_tasks_blocked()
                await client.stream.send_all(stream[cut:])
                first, second = await client.receive_frame(), await client.receive_frame()
                assert first[3] == 1
                assert b"first" in first
                assert second[3] == 2
                assert b"second" in second
            await client.aclose()

    in_trio(main)


def test_byte_by_byte(make_server: Any, echo_metadata: None, in_trio: Any) -> None:
    """A client that sends single bytes is served."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            for byte in metadata_frame("slow"):
                await client.stream.send_all(bytes([byte]))
            assert b"slow" in await client.receive_frame()
            await client.aclose()

    in_trio(main)


@pytest.mark.parametrize("size", [32_700, 40_000, 200_000, 1_000_000])
def test_large_frames(make_server: Any, echo_metadata: None, size: int) -> None:
    """Frames on both sides of the limits of copying and of threads arrive whole, one after another on one connection."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            topics = [Topic(name=f"{index:0100d}") for index in range(size // 102)]
            for first in ("one", "two"):
                response = await client.ask(MetadataRequest(topics=[Topic(name=first), *topics]), 9)
                assert response.cluster_id == first
            await client.aclose()

    trio.run(main)


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (bytes.fromhex("16030100a5010000a10303"), "TLS bytes"),
        (b"GET / HTTP/1.0\r\n\r\n", "HTTP"),
        (b"\x7f\xff\xff\xff", "socket.request.max.bytes"),
        (b"\xff\xff\xff\xff", "negative"),
        (b"\0\0\0\0", "RequestHeader"),
        (bytes.fromhex("0000000e 0003 0001 00000001 0000 7fffffff"), "MetadataRequest"),
        (bytes.fromhex("0000000a 01f4 0000 00000001 ffff"), "500"),
        (bytes.fromhex("0000000e 0003 000e 00000001 0000 00000000"), "Metadata v14"),
    ],
)
def test_bad_bytes_close_with_words(
    make_server: Any, echo_metadata: None, in_trio: Any, caplog: pytest.LogCaptureFixture, garbage: bytes, reason: str
) -> None:
    """Bytes that are no request close their connection, and one log line without a traceback says why."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(garbage)
            assert await told_closed(client)

    in_trio(main)
    assert len(caplog.records) == 1
    assert reason in caplog.text
    assert caplog.records[0].exc_info is None


def test_complaints_do_not_flood(make_server: Any, in_trio: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A thousand bad connections leave a few lines, and their number is told in the end."""

    async def main() -> None:
        server = make_server()
        async with trio.open_nursery() as nursery:
            for _ in range(1000):
                client = connect_in_memory(server, nursery)
                await client.stream.send_all(b"\xff\xff\xff\xff")
                assert await told_closed(client)
            await trio.sleep(11)
            client = connect_in_memory(server, nursery)
            await client.stream.send_all(b"\xff\xff\xff\xff")
            assert await told_closed(client)

    in_trio(main)
    assert len(caplog.records) < 20
    assert "995 more" in caplog.text


def test_answers_before_bad_bytes_arrive(make_server: Any, echo_metadata: None, in_trio: Any) -> None:
    """A request that was good is answered although what follows it closes the connection."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(metadata_frame("good") + b"\xff\xff\xff\xff")
            assert b"good" in await client.receive_frame()
            assert await told_closed(client)

    in_trio(main)


def test_length_alone_reserves_nothing(make_server: Any, in_trio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size field of 100 MB makes the broker reserve no more than a first buffer."""
    taken: list[int] = []
    take = connection_module.BufferPool.take

    def watched_take(self: Any, size: int) -> bytearray:
        buffer = take(self, size)
        taken.append(len(buffer))
        return buffer

    monkeypatch.setattr(connection_module.BufferPool, "take", watched_take)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all((100_000_000).to_bytes(4, "big") + b"begin")
            await trio.testing.wait_all_tasks_blocked()
            assert taken
            assert max(taken) <= 131_072
            await client.aclose()

    in_trio(main)


def test_handler_bug_is_answered_and_told_once(
    make_server: Any, serve_metadata: Any, in_trio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in a handler answers UNKNOWN_SERVER_ERROR where the response can say so; its traceback is logged once."""

    async def broken(context: Any, request: Any) -> None:
        raise ZeroDivisionError("no such luck")

    serve_metadata(broken)

    async def main() -> None:
        server = make_server()
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(server, nursery)
            for _ in range(3):
                assert (await client.ask(MetadataRequest(), 13)).error_code == -1
            await client.send(MetadataRequest(topics=[]), 12)  # version 12 has no error code at its top
            assert await told_closed(client)

    in_trio(main)
    assert "MetadataRequest v13 from memory" in caplog.text
    assert sum(1 for record in caplog.records if record.exc_info) == 1


def test_close_connection_gives_no_answer(make_server: Any, serve_metadata: Any, in_trio: Any) -> None:
    """A handler may close the connection, as Kafka does in a few places."""

    async def closing(context: Any, request: Any) -> None:
        raise CloseConnection("as Kafka does")

    serve_metadata(closing)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.send(MetadataRequest(topics=[]), 9)
            assert await told_closed(client)

    in_trio(main)


def test_no_answer(make_server: Any, serve_metadata: Any, in_trio: Any) -> None:
    """A handler that returns None gives no answer; the next request is served."""

    async def silent(context: Any, request: MetadataRequest) -> MetadataResponse | None:
        return MetadataResponse(cluster_id="spoken") if request.topics else None

    serve_metadata(silent)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.send(MetadataRequest(topics=[]), 9, answered=False)
            assert (await client.ask(MetadataRequest(topics=[Topic(name="t")]), 9)).cluster_id == "spoken"
            await client.aclose()

    in_trio(main)


def test_flush_sends_what_is_queued(make_server: Any, serve_metadata: Any, in_trio: Any) -> None:
    """A handler that is about to wait lets the answers before it go; those after it keep their order."""
    release = trio.Event()

    async def waiting(context: Any, request: MetadataRequest) -> MetadataResponse:
        if request.topics and request.topics[0].name == "wait":
            await context.flush()
            await release.wait()
        return MetadataResponse(cluster_id=request.topics[0].name if request.topics else None)

    serve_metadata(waiting)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(metadata_frame("one") + metadata_frame("wait", 2) + metadata_frame("three", 3))
            assert b"one" in await client.receive_frame()
            release.set()
            assert b"wait" in await client.receive_frame()
            assert b"three" in await client.receive_frame()
            await client.aclose()

    in_trio(main)


def test_cacheable_answers(make_server: Any, serve_metadata: Any, in_trio: Any, bare_state: Any) -> None:
    """The same bytes get the kept answer until the metadata changes; another correlation id is still its own."""
    calls: list[str] = []

    async def counted(context: Any, request: MetadataRequest) -> MetadataResponse:
        calls.append("call")
        context.keep_answer = True
        return MetadataResponse(cluster_id=f"call {len(calls)}")

    serve_metadata(counted, cacheable=True)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            first = await client.ask(MetadataRequest(topics=[]), 9)
            assert await client.ask(MetadataRequest(topics=[]), 9) == first
            assert (await client.ask(MetadataRequest(topics=[Topic(name="t")]), 9)).cluster_id == "call 2"
            assert (await client.ask(MetadataRequest(topics=[]), 10)).cluster_id == "call 3"
            bare_state.cluster.version += 1
            assert (await client.ask(MetadataRequest(topics=[]), 9)).cluster_id == "call 4"
            await client.aclose()

    in_trio(main)


def test_kept_answers_are_bounded(make_server: Any, serve_metadata: Any, in_trio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many different large answers do not fill the memory: when they would, all are forgotten. One that is too large is not kept."""
    monkeypatch.setattr("pybroker.server.dispatch._KEPT_TOTAL_BYTES", 5_000)
    monkeypatch.setattr("pybroker.server.dispatch._KEPT_ANSWER_BYTES", 2_500)
    calls: list[int] = []

    async def large(context: Any, request: MetadataRequest) -> MetadataResponse:
        calls.append(len(request.topics))
        context.keep_answer = True
        return MetadataResponse(cluster_id="x" * (3_000 if len(request.topics) == 9 else 2_000))

    serve_metadata(large, cacheable=True)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            for count in (1, 2, 1, 2, 3, 3, 1, 9, 9):
                await client.ask(MetadataRequest(topics=[Topic(name="t")] * count), 9)
            await client.aclose()

    in_trio(main)
    assert calls == [1, 2, 3, 1, 9, 9]


def test_many_pipelined_requests(make_server: Any, echo_metadata: None, in_trio: Any) -> None:
    """A thousand requests in one write come back in order."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(b"".join(metadata_frame("x", number) for number in range(1000)))
            for number in range(1000):
                assert int.from_bytes((await client.receive_frame())[:4], "big") == number
            await client.aclose()

    in_trio(main)


def test_client_gone_before_a_wait(make_server: Any, serve_metadata: Any, in_trio: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A client that leaves while answers are queued is no fault of the handler that wants to send them, and nothing is logged."""

    async def waiting(context: Any, request: MetadataRequest) -> MetadataResponse:
        if request.topics[0].name == "wait":
            await client.aclose()
            await context.park()
        return MetadataResponse()

    serve_metadata(waiting)

    async def main() -> None:
        nonlocal client
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(metadata_frame("one") + metadata_frame("wait", 2))

    client: Any = None
    in_trio(main)
    assert caplog.records == []
