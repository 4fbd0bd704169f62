"""ListOffsets, OffsetForLeaderEpoch and DeleteRecords."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import trio

from pybroker.handlers.offsets import list_offsets, offset_for_leader_epoch
from pybroker.handlers.records_admin import delete_records
from pybroker.records.batch import write_checksum
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import DeleteRecordsRequest, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest


@pytest.fixture
def room() -> PartitionRoom:
    """A room with the empty topic `a`, and `t` with the times 1000, 9000, 3000 in one batch and 4000 in the next."""
    room = PartitionRoom(MemoryLogStore(cluster_id="test", node_id=1, rng=Random(1)))
    room.create_topic("a", partitions=2)
    room.create_topic("t")
    for times in ((1000, 9000, 3000), (4000,)):
        room.partition("t").append_records(build_batch([(None, b"v", time) for time in times]))
    return room


def offsets(room: PartitionRoom, topic: str, *times: int, version: int = 7, index: int = 0, epoch: int = -1, **fields: Any) -> Any:
    """(error, timestamp, offset, leader epoch) of each partition answered."""
    partition = ListOffsetsRequest.ListOffsetsPartition
    asked = [partition(partition_index=index, timestamp=time, current_leader_epoch=epoch) for time in times]
    topics = [ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=asked)]
    response = trio.run(list_offsets, room.context(version), ListOffsetsRequest(**{"replica_id": -1, "topics": topics, **fields}))
    return [(one.error_code, one.timestamp, one.offset, one.leader_epoch) for one in response.topics[0].partitions]


@pytest.mark.parametrize(
    ("time", "found"),
    [
        (-1, (0, -1, 4, 0)),
        (-2, (0, -1, 0, 0)),
        (-3, (0, 9000, 1, 0)),
        (0, (0, 1000, 0, 0)),
        (1001, (0, 9000, 1, 0)),
        (9000, (0, 9000, 1, 0)),
        (9001, (0, -1, -1, -1)),
    ],
)
def test_ends_and_times(room: PartitionRoom, time: int, found: Any):
    """The ends, the largest time, and the first record at or after a time."""
    assert offsets(room, "t", time) == [found]


@pytest.mark.parametrize("version", range(1, 12))
def test_every_version_can_carry_the_answer(room: PartitionRoom, version: int):
    """The leader epoch is told from version 4 on (KIP-320): an older answer that had one could not be written."""
    asked = [ListOffsetsRequest.ListOffsetsPartition(timestamp=-1)]
    topics = [ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=asked)]
    response = trio.run(list_offsets, room.context(version), ListOffsetsRequest(replica_id=-1, topics=topics))
    assert decode(ListOffsetsResponse, version, encode(response, version))[0].topics[0].partitions[0].offset == 4


@pytest.mark.parametrize(
    ("time", "version", "found"),
    [
        (-3, 6, (35, -1, -1, -1)),
        (-4, 7, (35, -1, -1, -1)),
        (-4, 8, (0, -1, 0, 0)),
        (-5, 8, (35, -1, -1, -1)),
        (-5, 9, (0, -1, -1, -1)),
        (-6, 10, (35, -1, -1, -1)),
        (-6, 11, (0, -1, -1, -1)),
        (-7, 11, (35, -1, -1, -1)),
    ],
)
def test_special_times(room: PartitionRoom, time: int, version: int, found: Any):
    """Each came with a version; before it, it is not supported."""
    assert offsets(room, "t", time, version=version) == [found]


@pytest.mark.parametrize(
    ("time", "found"), [(-1, (0, -1, 0, 0)), (-2, (0, -1, 0, 0)), (-3, (0, -1, -1, -1)), (0, (0, -1, -1, -1)), (5000, (0, -1, -1, -1))]
)
def test_empty_log(room: PartitionRoom, time: int, found: Any):
    """Its ends are 0, and there is no record to find."""
    assert offsets(room, "a", time) == [found]


def test_refusals(room: PartitionRoom):
    """Unknown topic and partition, a leader epoch still to come, and a partition named twice."""
    nothing = (-1, -1, -1)
    assert offsets(room, "nope", -1) == [(3, *nothing)]
    assert offsets(room, "a", -1, index=9) == [(3, *nothing)]
    assert offsets(room, "a", -1, epoch=1) == [(75, *nothing)]
    assert offsets(room, "a", -1, -2) == [(42, *nothing)]


def test_open_transaction_bounds_committed_readers(room: PartitionRoom):
    """The latest is the last stable offset, and times beyond it are not found."""
    options = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    room.partition("t").append_records(build_batch([(None, b"in", 20_000)], **options))
    assert offsets(room, "t", -1, isolation_level=0) == [(0, -1, 5, 0)]
    assert offsets(room, "t", -1, isolation_level=1) == [(0, -1, 4, 0)]
    assert offsets(room, "t", 15_000, isolation_level=1) == [(0, -1, -1, -1)]
    assert offsets(room, "t", 15_000, isolation_level=0) == [(0, 20_000, 4, 0)]


def epoch_end(room: PartitionRoom, topic: str, leader_epoch: int, current: int = -1, index: int = 0) -> tuple[int, int, int]:
    """(error, leader epoch, end offset)."""
    asked = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=index, leader_epoch=leader_epoch, current_leader_epoch=current)
    topics = [OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=topic, partitions=[asked])]
    response = trio.run(offset_for_leader_epoch, room.context(4), OffsetForLeaderEpochRequest(topics=topics))
    (one,) = response.topics[0].partitions
    return one.error_code, one.leader_epoch, one.end_offset


def test_end_of_leader_epochs(room: PartitionRoom):
    """The current one ends at the log's end, also of an empty log; odd ones as Kafka answers them."""
    assert epoch_end(room, "t", 0) == (0, 0, 4)
    assert epoch_end(room, "a", 0) == (0, 0, 0)
    assert epoch_end(room, "t", 1) == (0, -1, -1)
    assert epoch_end(room, "t", -1) == (0, -1, -1)
    assert epoch_end(room, "t", -2) == (0, -2, 0)
    assert epoch_end(room, "t", 0, current=1) == (75, -1, -1)
    assert epoch_end(room, "t", 0, index=4) == (3, -1, -1)
    assert epoch_end(room, "nope", 0) == (3, -1, -1)


def deleted(room: PartitionRoom, topic: str, offset: int, index: int = 0) -> tuple[int, int]:
    """(error, low watermark)."""
    asked = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=index, offset=offset)
    topics = [DeleteRecordsRequest.DeleteRecordsTopic(name=topic, partitions=[asked])]
    response = trio.run(delete_records, room.context(2), DeleteRecordsRequest(topics=topics))
    (one,) = response.topics[0].partitions
    return one.error_code, one.low_watermark


def test_delete_records(room: PartitionRoom):
    """Beyond the end and below -1 are out of range, -1 is all, backwards changes nothing."""
    assert deleted(room, "t", 5) == (1, -1)
    assert deleted(room, "t", -2) == (1, -1)
    assert deleted(room, "t", 2) == (0, 2)
    assert offsets(room, "t", -2) == [(0, -1, 2, 0)]
    assert deleted(room, "t", -1) == (0, 4)
    assert deleted(room, "t", 1) == (0, 4)
    assert deleted(room, "t", 0, index=5) == (3, -1)
    assert deleted(room, "nope", 0) == (3, -1)


def test_delete_records_of_topics_that_refuse(room: PartitionRoom):
    """A topic that is only compacted, and an internal one."""
    room.create_topic("c", configs={"cleanup.policy": "compact"})
    room.create_topic("__consumer_offsets")
    assert deleted(room, "c", 0) == (44, -1)
    assert deleted(room, "__consumer_offsets", 0) == (17, -1)


def test_damaged_records_fail_their_partition_alone(room: PartitionRoom):
    """A large compressed batch is not read to its end when it is produced: what a time lookup cannot open is that partition's error."""
    rows = [(None, bytes([index % 251]) * 400, 1000 + index) for index in range(400)]
    batch = bytearray(build_batch(rows, codec=Codec.GZIP))
    batch[-400:-200] = bytes(200)
    write_checksum(batch, 0)
    room.partition("a", 0).append_records(batch)
    partition = ListOffsetsRequest.ListOffsetsPartition
    topics = [
        ListOffsetsRequest.ListOffsetsTopic(name="a", partitions=[partition(partition_index=0, timestamp=1399)]),
        ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=[partition(partition_index=0, timestamp=1001)]),
    ]
    response = trio.run(list_offsets, room.context(7), ListOffsetsRequest(replica_id=-1, topics=topics))
    assert [topic.partitions[0].error_code for topic in response.topics] == [ErrorCode.UNKNOWN_SERVER_ERROR, 0]
    assert not room.partition("a", 0).offline


def test_a_topic_named_twice_is_answered_once(room: PartitionRoom):
    """ListOffsets puts its partitions together, those named in both parts too; DeleteRecords goes by what was named last."""
    topics = [
        ListOffsetsRequest.ListOffsetsTopic(
            name=name, partitions=[ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=-1) for index in indexes]
        )
        for name, indexes in (("a", (0,)), ("t", (0,)), ("a", (1, 0)))
    ]
    response = trio.run(list_offsets, room.context(7), ListOffsetsRequest(replica_id=-1, topics=topics))
    told = {topic.name: [(one.partition_index, one.error_code) for one in topic.partitions] for topic in response.topics}
    assert told == {"a": [(0, 42), (1, 0)], "t": [(0, 0)]}
    record = DeleteRecordsRequest.DeleteRecordsPartition
    parts = [DeleteRecordsRequest.DeleteRecordsTopic(name="t", partitions=[record(offset=offset)]) for offset in (9, 3, 2)]
    deleted_once = trio.run(delete_records, room.context(2), DeleteRecordsRequest(topics=parts))
    assert [(one.error_code, one.low_watermark) for topic in deleted_once.topics for one in topic.partitions] == [(0, 2)]


@pytest.mark.parametrize("level", [-1, 2])
def test_unknown_isolation_levels(room: PartitionRoom, level: int):
    """Kafka cannot read such a request and says so in every partition named."""
    assert offsets(room, "t", -1, -2, isolation_level=level) == [(-1, -1, -1, -1)] * 2
    assert offsets(room, "nope", -1, isolation_level=level) == [(-1, -1, -1, -1)]
