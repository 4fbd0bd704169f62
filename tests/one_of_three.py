"""What a broker of several leaves in its directory, for tests that start another one on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from pybroker import Broker, BrokerConfig
from pybroker.records.builder import build_control_batch
from pybroker.records.control import ControlType, encode_control_key
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.codec import encode
from pybroker.wire.messages import (
    KRaftVersionRecord,
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
async def opened(*paths: Path, standalone: bool = False) -> AsyncIterator[Room]:
    """A broker with the id 1."""
    settings = {"offsets.topic.num.partitions": 2, "min.insync.replicas": 2}
    config = BrokerConfig(data_dir=",".join(map(str, paths)), standalone=standalone, settings=settings)
    async with Broker(config) as broker, trio.open_nursery() as nursery:
        yield Room(broker, connect_in_memory(broker.server, nursery))
        nursery.cancel_scope.cancel()


async def one_of_three(path: Path, *, registered: Sequence[int] = (2, 3), voters: Sequence[int] = (), noted: Any = None) -> None:
    """Write what a broker of three leaves: `both` lies here and on 2, `theirs` on 2 only, so does a half of the committed offsets.

    `registered`: the other brokers. `voters`: what the log says of them. `noted`: quorum-state.
    """
    async with opened(path) as room:
        assert await room.create("both") == 0
        assert await room.produce("both") == 0
        for group in GROUPS:
            assert await room.commit(group, "both", 1) == 0
        controller = room.state().controller
        own = room.state().cluster.brokers[1].log_dirs
        topic_id = b"\x05" * 16
        records: list[Any] = [
            RegisterBrokerRecord(broker_id=other, broker_epoch=other, fenced=False, log_dirs=ELSEWHERE) for other in registered
        ]
        records.append(TopicRecord(name="theirs", topic_id=topic_id))
        records.append(PartitionRecord(partition_id=0, topic_id=topic_id, replicas=[2, 3], isr=[2, 3], leader=2, directories=ELSEWHERE * 2))
        records.append(moved(room, "both", 0, replicas=[2, 1], isr=[2, 1], leader=2, directories=[*ELSEWHERE, *own]))
        records.append(moved(room, OFFSETS, 1, replicas=[3], isr=[3], leader=3, directories=ELSEWHERE))
        controller._write(records)
        if voters:
            name_voters(room, *voters)
    if noted is not None:
        note_quorum(path, noted)
    shutil.rmtree(path / f"{OFFSETS}-1")


def moved(room: Room, topic: str, index: int, **fields: Any) -> Any:
    """The record that a partition lies otherwise."""
    return PartitionChangeRecord(topic_id=room.state().cluster.topics[topic].topic_id, partition_id=index, **fields)


def name_voters(room: Room, *voters: int) -> None:
    """The log says who votes (KIP-853)."""
    log = room.state().controller._log
    named = VotersRecord(voters=[VotersRecord.Voter(voter_id=voter) for voter in voters])
    for kind, record in ((ControlType.KRAFT_VERSION, KRaftVersionRecord(kraft_version=1)), (ControlType.KRAFT_VOTERS, named)):
        key, value = encode_control_key(kind), encode(record, 0)
        log._append(build_control_batch(key, value, timestamp=1, base_offset=log.end_offset, leader_epoch=log.epoch), 1)


def voters_of(room: Room) -> list[int]:
    """Who votes, as the log says."""
    return [voter.voter_id for voter in room.state().controller._log.reading.voters()]


def note_quorum(path: Path, noted: Any) -> None:
    """What Kafka notes beside the log."""
    (path / "__cluster_metadata-0/quorum-state").write_text(json.dumps(noted))


def tree(*paths: Path) -> dict[str, bytes | None]:
    """All that lies in directories, to the byte; None for a directory."""
    return {str(each): each.read_bytes() if each.is_file() else None for path in paths for each in [path, *path.rglob("*")]}
