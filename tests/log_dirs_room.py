"""Brokers over several log directories, on disks that may fail, and what a client asks of them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.records.builder import build_batch
from pybroker.runtime.partition import LivePartition
from pybroker.storage import store as store_module
from pybroker.storage.files import Files
from pybroker.testing.client import RawClient
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    AlterReplicaLogDirsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DescribeLogDirsRequest,
    FetchRequest,
    IncrementalAlterConfigsRequest,
    InitProducerIdRequest,
    ListOffsetsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    ProduceRequest,
)

STORAGE_ERROR = ErrorCode.KAFKA_STORAGE_ERROR
NOT_YET = (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE)
FETCHED_BYTES = len(build_batch([(b"k", b"v", 1)]))


class TroubledFiles(Files):
    """Every call that has to do with a path below `broken` fails with `number`; so do writes and flushes of files opened there."""

    broken = ""
    number = errno.EIO
    paths: dict[int, str] = {}  # noqa: RUF012 - of the one test that runs

    def _check(self, path: str) -> None:
        if self.broken and (path + "/").startswith(self.broken):
            raise OSError(self.number, os.strerror(self.number), path)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        if flags & os.O_ACCMODE != os.O_RDONLY or self.number == errno.EIO:
            self._check(path)
        fd = os.open(path, flags, mode)
        self.paths[fd] = path
        return fd

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]  # see above
        self._check(self.paths[fd])
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # see above
        if self.number == errno.EIO:
            self._check(self.paths[fd])

    def mkdir(self, path: str) -> None:  # type: ignore[override]  # see above
        self._check(path)
        os.mkdir(path)


class Room:
    """A broker over directories `a` and `b`, and a client."""

    def __init__(self, broker: Broker, client: RawClient) -> None:
        self.broker = broker
        self.client = client

    async def create(self, name: str, partitions: int = 1) -> int:
        """Make a topic; the error code."""
        topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        return int((await self.client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=1000), 7)).topics[0].error_code)

    async def delete(self, name: str) -> int:
        """Delete a topic; the error code."""
        return int((await self.client.ask(DeleteTopicsRequest(topic_names=[name], timeout_ms=1000), 5)).responses[0].error_code)

    async def produce(self, topic: str, partition: int = 0, value: bytes = b"v") -> int:
        """Write a record; the error code."""
        data = ProduceRequest.PartitionProduceData(index=partition, records=build_batch([(b"k", value, 1)]))
        request = ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])])
        answer = await self.client.ask(request, 9)
        return int(answer.responses[0].partition_responses[0].error_code)

    async def fetch(self, topic: str, partition: int = 0) -> tuple[int, int]:
        """The error code, and how many bytes of records there are from the start."""
        asked = FetchRequest.FetchPartition(partition=partition, fetch_offset=0, partition_max_bytes=1 << 20)
        request = FetchRequest(max_bytes=1 << 20, topics=[FetchRequest.FetchTopic(topic=topic, partitions=[asked])])
        data = (await self.client.ask(request, 12)).responses[0].partitions[0]
        return int(data.error_code), len(data.records or b"")

    async def commit(self, group: str, topic: str, offset: int) -> int:
        """Commit an offset of a group without members; the error code."""
        asked = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
        topics = [OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, partitions=[asked])]
        request = OffsetCommitRequest(group_id=group, generation_id_or_member_epoch=-1, topics=topics)
        with trio.fail_after(20):
            while True:
                code = int((await self.client.ask(request, 7)).topics[0].partitions[0].error_code)
                if code not in NOT_YET:
                    return code

    async def committed(self, group: str, topic: str) -> int:
        """The offset that a group committed."""
        asked = OffsetFetchRequest.OffsetFetchRequestTopic(name=topic, partition_indexes=[0])
        with trio.fail_after(20):
            while True:
                answer = await self.client.ask(OffsetFetchRequest(group_id=group, topics=[asked]), 7)
                if answer.error_code not in NOT_YET:
                    return int(answer.topics[0].partitions[0].committed_offset)

    async def init_producer(self, transactional_id: str) -> int:
        """Begin as a transactional producer; the error code."""
        request = InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=1000)
        with trio.fail_after(20):
            while True:
                code = int((await self.client.ask(request, 4)).error_code)
                if code not in NOT_YET:
                    return code

    def state(self) -> Any:
        """The rooms of the broker."""
        rooms = self.broker._rooms
        assert rooms is not None
        return rooms.state

    async def end_offset(self, topic: str, partition: int = 0) -> tuple[int, int]:
        """The error code and the end of a partition."""
        asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=partition, timestamp=-1)
        request = ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[asked])])
        found = (await self.client.ask(request, 6)).topics[0].partitions[0]
        return int(found.error_code), int(found.offset)

    async def leader(self, topic: str, partition: int = 0) -> tuple[int, int, list[int]]:
        """Error code, leader and offline replicas of a partition, as Metadata tells them."""
        request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=topic)])
        found = (await self.client.ask(request, 9)).topics[0].partitions[partition]
        return int(found.error_code), found.leader_id, found.offline_replicas

    async def move(self, topic: str, partition: int, path: str, version: int = 2) -> int:
        """Ask for a move; the error code."""
        wish = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=topic, partitions=[partition])
        request = AlterReplicaLogDirsRequest(dirs=[AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=path, topics=[wish])])
        return int((await self.client.ask(request, version)).results[0].partitions[0].error_code)

    async def describe(self, topics: Any = None, version: int = 5) -> Any:
        """The whole answer."""
        return await self.client.ask(DescribeLogDirsRequest(topics=topics), version)

    async def configure(self, name: str, value: str | None) -> int:
        """Set or delete a dynamic setting of the broker; the error code."""
        change = IncrementalAlterConfigsRequest.AlterableConfig(name=name, config_operation=0 if value is not None else 1, value=value)
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=4, resource_name="1", configs=[change])
        return int((await self.client.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)).responses[0].error_code)

    async def places(self, topic: str) -> list[tuple[str, int, bool]]:
        """(directory's name, partition, is a copy) of what lies of a topic anywhere."""
        found = []
        for result in (await self.describe()).results:
            for each in result.topics:
                if each.name == topic:
                    found += [(os.path.basename(result.log_dir), one.partition_index, one.is_future_key) for one in each.partitions]
        return sorted(found)

    def live(self, topic: str, partition: int = 0) -> LivePartition:
        """The partition in the broker."""
        live: LivePartition | None = self.state().partitions.find(topic, partition)
        assert live is not None
        return live

    def image(self, topic: str, partition: int = 0) -> Any:
        """The partition in the metadata."""
        return self.state().cluster.topics[topic].partitions[partition]

    def directory_ids(self) -> list[bytes]:
        """Of the two directories."""
        return [directory.directory_id for directory in self.state().log_dirs.directories()]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what tasks in the background do."""
        with trio.fail_after(20):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event, and a test may look now and then
                await trio.sleep(0.002)


def take_away(path: str) -> None:
    """A directory is gone; a file in its place keeps it from being made."""
    os.rename(path, path + "-away")
    Path(path).write_text("")


def bring_back(path: str) -> None:
    """The directory is back in the place of an empty one."""
    shutil.rmtree(path)
    os.rename(path + "-away", path)


class Disks:
    """Two directories, and brokers over them one after another."""

    def __init__(self, root: Path) -> None:
        self.a, self.b = str(root / "a"), str(root / "b")

    @asynccontextmanager
    async def open(self, *directories: str, **settings: str) -> AsyncIterator[Room]:
        """A broker over some of them, by default both."""
        named = {name.replace("_", "."): value for name, value in settings.items()}
        config = BrokerConfig(data_dir=",".join(directories or (self.a, self.b)), settings=named)
        async with Broker(config) as broker, trio.open_nursery() as nursery:
            yield Room(broker, connect_in_memory(broker.server, nursery))
            nursery.cancel_scope.cancel()


@pytest.fixture(name="trouble")
def disks_with_trouble(monkeypatch: pytest.MonkeyPatch) -> type[TroubledFiles]:
    """Brokers run on disks that have no trouble until `broken` says where."""
    monkeypatch.setattr(store_module, "Files", TroubledFiles)
    monkeypatch.setattr(TroubledFiles, "broken", "")
    monkeypatch.setattr(TroubledFiles, "number", errno.EIO)
    monkeypatch.setattr(TroubledFiles, "paths", {})
    return TroubledFiles


@pytest.fixture(name="disks")
def two_directories(tmp_path: Path) -> Disks:
    """Two empty directories."""
    return Disks(tmp_path)
