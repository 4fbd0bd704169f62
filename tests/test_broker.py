"""Brokers inside a program: in trio, beside plain code, many at once, and none left behind."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from pybroker import Broker, BrokerConfig, RunningBroker
from pybroker.broker import descriptors_for_clients
from pybroker.config import ConfigError
from pybroker.core.settings import SettingError
from pybroker.records.builder import build_batch
from pybroker.runtime import flusher
from pybroker.runtime.clock import TrioClock
from pybroker.server.addresses import ListenError
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.testing.client import BrokerClosedConnection, RawClient
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import ApiVersionsRequest, DescribeConfigsRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest

BEGAN_MS = 1_700_000_000_000

pytest_plugins = ["pybroker.testing.pytest_plugin"]


def open_sockets() -> int:
    """How many sockets this process has open."""
    links = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return sum(1 for link in links if link.is_symlink() and os.readlink(link).startswith("socket:"))


def test_in_trio() -> None:
    """Inside a trio program a broker is an async context; its topics are there for clients at once."""

    async def main() -> None:
        async with Broker(BrokerConfig(topics={"orders": 3})) as broker:
            await broker.create_topic("bills", partitions=2, configs={"retention.ms": "1000"})
            async with await RawClient.connect(broker.host, broker.port) as client:
                response = await client.ask(MetadataRequest(topics=None), 12)
            assert {topic.name: len(topic.partitions) for topic in response.topics} == {"orders": 3, "bills": 2}
            assert (response.brokers[0].host, response.brokers[0].port) == (broker.host, broker.port)
            assert response.cluster_id == broker.cluster_id

    trio.run(main)


def test_tells_where_it_listens() -> None:
    """DescribeConfigs shows the address that clients are to use as a static setting, also when the port was picked at start."""

    async def main() -> None:
        async with Broker() as broker, await RawClient.connect(broker.host, broker.port) as client:
            asked = DescribeConfigsRequest.DescribeConfigsResource(
                resource_type=4, resource_name="1", configuration_keys=["advertised.listeners"]
            )
            response = await client.ask(DescribeConfigsRequest(resources=[asked]), 4)
            [found] = response.results[0].configs
            assert (found.value, found.config_source) == (f"PLAINTEXT://{broker.bootstrap_servers}", 4)

    trio.run(main)


def test_beside_plain_code() -> None:
    """In a program that knows no trio the broker has a thread, which ends with it."""
    with Broker() as broker:
        broker.create_topic("orders")
        with pytest.raises(KafkaError) as refused:
            broker.create_topic("orders")
        assert refused.value.code == ErrorCode.TOPIC_ALREADY_EXISTS
        with socket.create_connection((broker.host, broker.port)):
            assert any(thread.name == "pybroker" for thread in threading.enumerate())
    assert not any(thread.name == "pybroker" for thread in threading.enumerate())
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((broker.host, broker.port))


def test_many_in_one_process() -> None:
    """Brokers in one process share nothing: ports, topics and cluster ids are their own, and no socket stays open."""
    before = open_sockets()

    async def main() -> None:
        async with Broker() as first, Broker() as second, Broker() as third:
            brokers = [first, second, third]
            assert len({broker.port for broker in brokers}) == 3
            assert len({broker.cluster_id for broker in brokers}) == 3
            await first.create_topic("only-here")
            async with await RawClient.connect(second.host, second.port) as client:
                assert (await client.ask(MetadataRequest(topics=None), 12)).topics == []

    trio.run(main)
    assert open_sockets() == before


def produce_request(topic: str, batch: bytes) -> ProduceRequest:
    """Send one batch to partition 0."""
    data = ProduceRequest.PartitionProduceData(index=0, records=batch)
    return ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])])


def earliest_offset_request(topic: str) -> ListOffsetsRequest:
    """Where partition 0 begins."""
    partition = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-2)
    return ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[partition])])


@pytest.mark.parametrize("on_disk", [False, True])
def test_in_virtual_time(on_disk: bool, tmp_path: Path) -> None:
    """With a virtual clock half a minute of retention passes at once, without a socket and in the same way each time."""

    async def main() -> tuple[int, int]:
        config = BrokerConfig(data_dir=tmp_path if on_disk else None, settings={"log.retention.check.interval.ms": "10000"})
        async with Broker(config, clock=TrioClock(BEGAN_MS)) as broker, trio.open_nursery() as nursery:
            await broker.create_topic("orders", configs={"retention.ms": "5000"})
            client = connect_in_memory(broker.server, nursery)
            await client.ask(produce_request("orders", build_batch([(None, b"v", BEGAN_MS)])), 12)
            await client.aclose()
            await trio.sleep(30)
            client = connect_in_memory(broker.server, nursery)
            found = await client.ask(earliest_offset_request("orders"), 7)
            await client.aclose()
        return found.topics[0].partitions[0].offset, found.topics[0].partitions[0].error_code

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == (1, 0)


def test_the_body_may_fail() -> None:
    """What goes wrong inside the block comes out as it is, not wrapped."""

    async def main() -> None:
        async with Broker():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trio.run(main)


def test_cancelled_around() -> None:
    """A cancelled program still gets a clean stop, and its ready file goes."""

    async def main() -> None:
        with trio.move_on_after(0):
            async with Broker():
                await trio.sleep_forever()

    trio.run(main)


def test_busy_port_leaves_nothing() -> None:
    """A start that fails says why, in both ways of starting, and leaves no socket and no thread."""
    before = open_sockets()
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = BrokerConfig(listen=f"127.0.0.1:{other.getsockname()[1]}")

        async def main() -> None:
            async with Broker(config):
                raise AssertionError("not reached")

        with pytest.raises(ListenError, match="in use"):
            trio.run(main)
        with pytest.raises(ListenError, match="in use"), Broker(config):
            raise AssertionError("not reached")
    assert open_sockets() == before
    assert not any(thread.name == "pybroker" for thread in threading.enumerate())


def test_one_directory_one_broker(tmp_path: Path) -> None:
    """A second broker on the same data directory is refused while the first one runs, and welcome after."""
    config = BrokerConfig(data_dir=tmp_path / "data", topics={"orders": 1})

    async def main() -> None:
        async with Broker(config) as broker:
            cluster_id = broker.cluster_id
            with pytest.raises(DataDirectoryError, match="in use"):
                async with Broker(config):
                    raise AssertionError("not reached")
        async with Broker(config) as again:
            assert again.cluster_id == cluster_id
            async with await RawClient.connect(again.host, again.port) as client:
                response = await client.ask(MetadataRequest(topics=None), 12)
            assert [topic.name for topic in response.topics] == ["orders"]

    trio.run(main)


def test_advertise() -> None:
    """Clients are told the advertised address; port 0 in it stands for the port that was found."""

    async def main() -> None:
        async with Broker(BrokerConfig(advertise="kafka.test:0")) as broker, trio.open_nursery() as nursery:
            client = connect_in_memory(broker.server, nursery)
            response = await client.ask(MetadataRequest(topics=[]), 12)
            assert (response.brokers[0].host, response.brokers[0].port) == ("kafka.test", broker.port)
            await client.aclose()

    trio.run(main)


def test_ready_file(tmp_path: Path) -> None:
    """The ready file holds the address while the broker serves, and is gone after."""
    path = tmp_path / "ready"
    with Broker(BrokerConfig(ready_file=path)) as broker:
        assert path.read_text() == f"{broker.bootstrap_servers}\n"
        assert os.listdir(tmp_path) == ["ready"]
    assert not path.exists()


def test_ready_file_of_a_killed_broker(tmp_path: Path) -> None:
    """A ready file that is still there from before is removed before anything else, so nobody reads an old address from it."""
    path = tmp_path / "ready"
    path.write_text("127.0.0.1:1\n")
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ListenError):
        Broker(BrokerConfig(listen=f"127.0.0.1:{other.getsockname()[1]}", ready_file=path)).__enter__()
    assert not path.exists()


def test_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A ready file in no directory, or in the place of one, is refused in words, and nothing is left of it."""
    for path, reason in ((tmp_path / "no" / "ready", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"cannot write the ready file .*{reason}"):
            Broker(BrokerConfig(ready_file=path)).__enter__()
    assert not os.listdir(tmp_path)
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.*"))


def test_not_running() -> None:
    """A broker that was not started knows no address."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Broker().bootstrap_servers


def test_unknown_setting() -> None:
    """A misspelt setting is refused with the nearest one, from a program as from the command line."""
    with pytest.raises(SettingError, match=r"did you mean num\.partitions"):
        Broker(BrokerConfig(settings={"num.partition": 3})).__enter__()


@pytest.mark.parametrize(("limit", "connections"), [(1, 1), (128, 64), (1024, 736), (20_000, 14_968), (-1, 2**31 - 1)])
def test_connections_leave_descriptors_for_logs(limit: int, connections: int) -> None:
    """Clients cannot take all descriptors: a quarter is left for segment files, and a few for the rest."""
    assert descriptors_for_clients(limit) == connections


def test_same_seed_same_ids() -> None:
    """With a seed the ids that a broker makes up are the same each time."""
    ids = []
    for _ in range(2):
        with Broker(BrokerConfig(seed=7)) as broker:
            ids.append(broker.cluster_id)
    assert ids[0] == ids[1]


def test_stop_ends_idle_connections() -> None:
    """At a stop, connections that wait for nothing are closed at once."""

    async def main() -> None:
        async with Broker() as broker:
            client = await RawClient.connect(broker.host, broker.port)
            await client.ask(ApiVersionsRequest(), 0)
        with pytest.raises(BrokerClosedConnection):
            await client.receive_frame()
        await client.aclose()

    trio.run(main)


def test_the_fixture(kafka_broker: RunningBroker) -> None:
    """The pytest fixture gives a running broker."""
    kafka_broker.create_topic("orders", partitions=2)
    assert kafka_broker.bootstrap_servers == f"{kafka_broker.host}:{kafka_broker.port}"


def test_a_stop_answers_who_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Produce whose fsync runs when the broker is stopped is answered: its record is safe, and the client must not send it again."""
    begun, release = threading.Event(), threading.Event()
    flush_all = flusher.flush_all

    def slow_flush(partitions: list[flusher.Flushable]) -> list[StorageError | None]:
        begun.set()
        release.wait(10)
        return flush_all(partitions)

    monkeypatch.setattr(flusher, "flush_all", slow_flush)
    batch = build_batch([(b"k", b"v", 1_700_000_000_000)])
    request = produce_request("t", batch)

    async def serve(stopped: trio.Event, task_status: trio.TaskStatus[Broker]) -> None:
        async with Broker(BrokerConfig(data_dir=tmp_path)) as broker:
            await broker.create_topic("t", configs={"flush.messages": "1"})
            task_status.started(broker)
            await stopped.wait()

    async def main() -> None:
        stopped = trio.Event()
        async with trio.open_nursery() as nursery:
            broker = await nursery.start(serve, stopped)
            async with await RawClient.connect(broker.host, broker.port) as client:
                await client.send(request, 9)
                assert await trio.to_thread.run_sync(begun.wait, 10)
                stopped.set()
                await trio.testing.wait_all_tasks_blocked()
                release.set()
                answer = (await client.receive()).responses[0].partition_responses[0]
        assert (answer.error_code, answer.base_offset) == (0, 0)

    trio.run(main)
