"""A whole broker on the directory of one of several: refused; or served alone, without making up what the others had."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.core.cluster import NO_LEADER
from pybroker.records.builder import build_control_batch
from pybroker.records.control import ControlType, encode_control_key
from pybroker.records.hashes import coordinator_partition
from pybroker.storage.interface import DataDirectoryError
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    FindCoordinatorRequest,
    KRaftVersionRecord,
    MetadataRequest,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    TopicRecord,
    VotersRecord,
)
from tests.log_dirs_room import Room

OFFSETS = "__consumer_offsets"
ELSEWHERE = [b"\x07" * 16]
GROUPS = ("a", "b")  # groups that the two partitions of the internal topic keep


@asynccontextmanager
async def opened(path: Path, *, standalone: bool = False) -> AsyncIterator[Room]:
    """A broker with the id 1."""
    config = BrokerConfig(data_dir=path, standalone=standalone, settings={"offsets.topic.num.partitions": 2, "min.insync.replicas": 2})
    async with Broker(config) as broker, trio.open_nursery() as nursery:
        yield Room(broker, connect_in_memory(broker.server, nursery))
        nursery.cancel_scope.cancel()


async def one_of_three(path: Path) -> None:
    """Write what a broker of three leaves: `both` lies here and on 2, `theirs` on 2 only, so does a half of the committed offsets."""
    async with opened(path) as room:
        assert await room.create("both") == 0
        assert await room.produce("both") == 0
        for group in GROUPS:
            assert await room.commit(group, "both", 1) == 0
        controller = room.state().controller
        own = room.state().cluster.brokers[1].log_dirs
        topic_id = b"\x05" * 16
        records: list[Any] = [
            RegisterBrokerRecord(broker_id=other, broker_epoch=other, fenced=False, log_dirs=ELSEWHERE) for other in (2, 3)
        ]
        records.append(TopicRecord(name="theirs", topic_id=topic_id))
        records.append(PartitionRecord(partition_id=0, topic_id=topic_id, replicas=[2, 3], isr=[2, 3], leader=2, directories=ELSEWHERE * 2))
        records.append(_moved(room, "both", 0, replicas=[2, 1], isr=[2, 1], leader=2, directories=[*ELSEWHERE, *own]))
        records.append(_moved(room, OFFSETS, 1, replicas=[3], isr=[3], leader=3, directories=ELSEWHERE))
        controller._write(records)
    remove(path / f"{OFFSETS}-1")


def _moved(room: Room, topic: str, index: int, **fields: Any) -> Any:
    return PartitionChangeRecord(topic_id=room.state().cluster.topics[topic].topic_id, partition_id=index, **fields)


def remove(directory: Path) -> None:
    """A log that is not here."""
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()


def content(path: Path) -> dict[str, bytes]:
    """The records of all logs."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.log")}


def test_is_refused_in_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    """Nobody asked for two histories: the broker says whose directory it is and how to serve it, and leaves the logs alone."""

    async def main() -> None:
        await one_of_three(tmp_path)
        before = content(tmp_path)
        with pytest.raises(DataDirectoryError, match=r"is that of broker 1 in a cluster of several \(1, 2, 3\).*--standalone") as refused:
            async with opened(tmp_path):
                pass
        assert "\n" not in str(refused.value)
        assert "2 of its 4 partitions" in str(refused.value)
        assert content(tmp_path) == before

    trio.run(main)


def test_what_is_here_is_served_and_what_is_not_is_not_made_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The partition with a replica here is read and written; those of others have no leader, no log, and no empty answer."""

    async def main() -> None:
        await one_of_three(tmp_path)
        async with opened(tmp_path, standalone=True) as room:
            await check(room)
            assert await room.produce("both") == 0  # min.insync.replicas counts as far as there are replicas
        assert "left behind: 2, 3" in caplog.text
        async with opened(tmp_path) as room:  # from now on it is a cluster of one
            await check(room)
            assert await room.delete("theirs") == 0
        assert not [name for name in os.listdir(tmp_path) if name.startswith(("theirs", f"{OFFSETS}-1"))]

    trio.run(main)


async def check(room: Room) -> None:
    """What a client sees of the broker that stands alone."""
    answer = await room.client.ask(MetadataRequest(topics=None), 9)
    leaders = {(topic.name, one.partition_index): (one.error_code, one.leader_id) for topic in answer.topics for one in topic.partitions}
    missing = (ErrorCode.LEADER_NOT_AVAILABLE, NO_LEADER)
    assert leaders == {("both", 0): (0, 1), ("theirs", 0): missing, (OFFSETS, 0): (0, 1), (OFFSETS, 1): missing}
    assert [broker.node_id for broker in answer.brokers] == [1]
    code, size = await room.fetch("both")
    assert (code, size > 0) == (0, True)
    assert await room.produce("theirs") == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert (await room.fetch("theirs"))[0] == ErrorCode.NOT_LEADER_OR_FOLLOWER
    here, away = sorted(GROUPS, key=lambda group: coordinator_partition(group, 2))
    assert await room.committed(here, "both") == 1
    coordinators = (await room.client.ask(FindCoordinatorRequest(coordinator_keys=[here, away]), 4)).coordinators
    assert [(one.error_code, one.node_id) for one in coordinators] == [(0, 1), (ErrorCode.COORDINATOR_NOT_AVAILABLE, -1)]


def test_all_directories_are_needed(tmp_path: Path) -> None:
    """What lies in a directory that is away would count as that of others, for good."""

    async def main() -> None:
        await one_of_three(tmp_path)
        async with Broker(BrokerConfig(data_dir=tmp_path, standalone=True)) as broker:
            image = broker._open_rooms().state
            own = image.cluster.brokers[1]
            image.controller._write([RegisterBrokerRecord(broker_id=2, broker_epoch=9, log_dirs=ELSEWHERE)])
            again = RegisterBrokerRecord(broker_id=1, broker_epoch=10, log_dirs=[*own.log_dirs, b"\x08" * 16])
            image.controller._write([again])
        with pytest.raises(DataDirectoryError, match="--standalone needs all data directories"):
            async with opened(tmp_path, standalone=True):
                pass

    trio.run(main)


def test_it_is_the_only_voter(tmp_path: Path) -> None:
    """Where the log says who votes (KIP-853), Kafka would wait for the others for ever."""

    async def main() -> None:
        await one_of_three(tmp_path)
        async with opened(tmp_path, standalone=True) as room:
            log = room.state().controller._log
            voters = VotersRecord(voters=[VotersRecord.Voter(voter_id=voter) for voter in (1, 2, 3)])
            for kind, record in ((ControlType.KRAFT_VERSION, KRaftVersionRecord(kraft_version=1)), (ControlType.KRAFT_VOTERS, voters)):
                batch = build_control_batch(
                    encode_control_key(kind), encode(record, 0), timestamp=1, base_offset=log.end_offset, leader_epoch=log.epoch
                )
                log._append(batch, 1)
            room.state().controller._write([RegisterBrokerRecord(broker_id=2, broker_epoch=9, log_dirs=ELSEWHERE)])
        for _ in range(2):
            async with opened(tmp_path, standalone=True) as room:
                value = room.state().controller._log._controls[ControlType.KRAFT_VOTERS]
                assert [voter.voter_id for voter in decode(VotersRecord, 0, value)[0].voters] == [1]

    trio.run(main)


@pytest.mark.parametrize(
    ("noted", "names"),
    [
        ({"leaderId": 100, "leaderEpoch": 1, "currentVoters": []}, "1, 100"),
        ({"leaderId": -1, "leaderEpoch": 1, "currentVoters": [{"voterId": 1}, {"voterId": 5}]}, "1, 5"),
        ({"leaderId": 1, "leaderEpoch": 1, "currentVoters": [{"voterId": 1}]}, None),
        ({"leaderId": -1, "leaderEpoch": 1}, None),
        ({"leaderId": 100, "leaderEpoch": 0}, None),
        ([], None),
        ({"leaderId": "?", "leaderEpoch": 1}, None),
    ],
)
def test_metadata_that_others_write(tmp_path: Path, noted: Any, names: str | None) -> None:
    """A broker whose controller is another node is one of several, too; one that began a later epoch alone, or a damaged note, is not."""

    async def main() -> None:
        async with opened(tmp_path) as room:
            assert await room.create("t") == 0
        (tmp_path / "__cluster_metadata-0/quorum-state").write_text(json.dumps(noted))
        if names is not None:
            with pytest.raises(DataDirectoryError, match=rf"in a cluster of several \({names}\); all of its partitions are here"):
                async with opened(tmp_path):
                    pass
        for standalone in (True, False):
            async with opened(tmp_path, standalone=standalone) as room:
                assert await room.produce("t") == 0

    trio.run(main)
