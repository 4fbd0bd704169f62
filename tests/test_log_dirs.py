"""Several log directories, through a whole broker: what is shown, and what moves."""

from __future__ import annotations

import errno
import os

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    DescribeLogDirsRequest,
)
from tests.log_dirs_room import Disks, Room, TroubledFiles, disks_with_trouble, two_directories  # noqa: F401 - two of them are fixtures

STORAGE_ERROR = ErrorCode.KAFKA_STORAGE_ERROR


# --- what is shown


@pytest.mark.parametrize("version", range(1, 6))
def test_describes_memory(version: int) -> None:
    """A broker in memory has one directory with real sizes, at every version."""

    async def main() -> None:
        async with Broker(BrokerConfig(topics={"t": 2})) as broker, trio.open_nursery() as nursery:
            room = Room(broker, connect_in_memory(broker.server, nursery))
            await room.produce("t")
            topic = DescribeLogDirsRequest.DescribableLogDirTopic
            answer = await room.describe([topic(topic="t", partitions=[0, 1, 9]), topic(topic="nobody", partitions=[0])], version)
            (result,) = answer.results
            assert (result.error_code, result.log_dir, result.is_cordoned) == (0, "/memory", False)
            assert (result.total_bytes >= result.usable_bytes > 0) == (version >= 4)
            (found,) = result.topics
            assert [(one.partition_index, one.partition_size > 0, one.offset_lag) for one in found.partitions] == [
                (0, True, 0),
                (1, False, 0),
            ]
            assert (await room.describe([], version)).results[0].topics == []
            assert [each.name for each in (await room.describe(None, version)).results[0].topics] == ["t"]
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_partitions_are_dealt_out(disks: Disks) -> None:
    """Each new partition goes into the directory with the fewest, the metadata says which, and so it is after a restart."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 4)
            await room.create("u", 1)
            assert await room.places("t") == [("a", 0, False), ("a", 2, False), ("b", 1, False), ("b", 3, False)]
            assert await room.produce("t", 1) == 0
            assert room.live("t", 1).log.directory == disks.b
            ids = room.directory_ids()
            assert [room.image("t", index).directories for index in range(4)] == [[ids[0]], [ids[1]]] * 2
        async with disks.open() as room:
            assert await room.places("t") == [("a", 0, False), ("a", 2, False), ("b", 1, False), ("b", 3, False)]

    trio.run(main)


def test_cordoned_directory_takes_nothing_new(disks: Disks) -> None:
    """KIP-1066: no new partition, no move; with all of them cordoned no topic."""

    async def main() -> None:
        async with disks.open(cordoned_log_dirs=disks.a) as room:
            await room.create("t", 3)
            assert {place[0] for place in await room.places("t")} == {"b"}
            assert [result.is_cordoned for result in (await room.describe()).results] == [True, False]
            assert await room.move("t", 0, disks.a) == ErrorCode.INVALID_REPLICA_ASSIGNMENT
        async with disks.open(cordoned_log_dirs="*") as room:
            assert await room.create("u") == ErrorCode.INVALID_REPLICATION_FACTOR

    trio.run(main)


def test_cordoned_while_it_runs(disks: Disks) -> None:
    """The setting is the broker's own and dynamic; the metadata says what it came to."""

    async def main() -> None:
        async with disks.open() as room:
            assert await room.configure("cordoned.log.dirs", disks.b) == 0
            assert [result.is_cordoned for result in (await room.describe()).results] == [False, True]
            assert room.state().cluster.brokers[1].cordoned_log_dirs == [room.directory_ids()[1]]
            await room.create("t", 2)
            assert {place[0] for place in await room.places("t")} == {"a"}
            assert await room.configure("cordoned.log.dirs", None) == 0
            assert room.state().cluster.brokers[1].cordoned_log_dirs == []
            assert await room.move("t", 0, disks.b) == 0

    trio.run(main)


# --- moving


@pytest.mark.parametrize("version", [1, 2])
def test_refused_moves(disks: Disks, version: int) -> None:
    """In Kafka's words, at every version."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            assert await room.move("t", 0, "/nowhere", version) == ErrorCode.LOG_DIR_NOT_FOUND
            assert await room.move("t", 0, "b", version) == ErrorCode.LOG_DIR_NOT_FOUND
            assert await room.move("x" * 240, 0, disks.b, version) == ErrorCode.INVALID_TOPIC_EXCEPTION
            assert await room.move("t", 7, disks.b, version) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            assert await room.move("t", 0, disks.a, version) == 0
            assert await room.places("t") == [("a", 0, False)]

    trio.run(main)


def test_wish_for_a_topic_that_comes_later(disks: Disks) -> None:
    """A partition that is not there yet is unknown, and goes where it was wanted when it is made."""

    async def main() -> None:
        async with disks.open() as room:
            for partition in range(3):
                assert await room.move("t", partition, disks.b) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            await room.create("t", 4)
            assert await room.places("t") == [("a", 3, False), ("b", 0, False), ("b", 1, False), ("b", 2, False)]
            await room.delete("t")
            await room.create("t", 2)
            assert {place[0] for place in await room.places("t")} == {"a", "b"}

    trio.run(main)


def test_moves_while_it_is_written(disks: Disks) -> None:
    """Nothing that is produced meanwhile is lost or twice; the metadata follows; the next start finds the log there."""

    async def main() -> None:
        async with disks.open(log_segment_bytes=str(1 << 20)) as room:
            await room.create("t")
            for _ in range(40):
                assert await room.produce("t", value=b"v" * 60_000) == 0
            assert await room.move("t", 0, disks.b) == 0
            wanted = 40
            while room.live("t").moving:
                assert await room.produce("t") == 0
                wanted += 1
            assert await room.produce("t") == 0
            assert await room.places("t") == [("b", 0, False)]
            assert await room.end_offset("t") == (0, wanted + 1)
            log = room.live("t").log
            assert [header.base_offset for header, _ in log.batches(0)] == list(range(wanted + 1))
            assert room.image("t").directories == [room.directory_ids()[1]]
        assert not [name for name in os.listdir(disks.a) if name == "t-0"]
        async with disks.open() as room:
            assert await room.end_offset("t") == (0, wanted + 1)
            assert room.live("t").log.recovery.scanned_bytes == 0

    trio.run(main)


def test_moves_back_and_forth(disks: Disks) -> None:
    """A later wish takes the place of an earlier one; the log's own directory ends a move."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            await room.produce("t")
            live = room.live("t")
            live.cleaning = trio.Event()  # as if it were compacted: then a move waits
            assert await room.move("t", 0, disks.b) == 0
            assert await room.move("t", 0, disks.b) == 0
            await trio.testing.wait_all_tasks_blocked()
            assert await room.places("t") == [("a", 0, False), ("b", 0, True)]
            (lag,) = [
                one.offset_lag
                for result in (await room.describe()).results
                for topic in result.topics
                for one in topic.partitions
                if one.is_future_key
            ]
            assert lag == 1
            assert await room.move("t", 0, disks.a) == 0
            assert await room.places("t") == [("a", 0, False)]
            live.cleaning.set()
            live.cleaning = None
            for path in (disks.b, disks.a, disks.b):
                assert await room.move("t", 0, path) == 0
                await room.until(lambda: not live.moving)
                assert live.log.directory == path
                assert await room.produce("t") == 0
            assert await room.end_offset("t") == (0, 4)

    trio.run(main)


def test_throttled_move(disks: Disks) -> None:
    """It takes the time that it is given, piece by piece; given up and begun anew it follows the throttle of then."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            for _ in range(4):
                assert await room.produce("t", value=b"v" * 1000) == 0
            assert await room.configure("replica.alter.log.dirs.io.max.bytes.per.second", "1") == 0
            assert await room.move("t", 0, disks.b) == 0
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert await room.places("t") == [("a", 0, False), ("b", 0, True)]
            assert await room.move("t", 0, disks.a) == 0
            assert await room.places("t") == [("a", 0, False)]
            assert await room.move("t", 0, disks.b) == 0
            assert await room.configure("replica.alter.log.dirs.io.max.bytes.per.second", "1000000") == 0
            await room.until(lambda: not room.live("t").moving)
            assert await room.places("t") == [("b", 0, False)]

    trio.run(main)


def test_goes_on_after_a_restart(disks: Disks) -> None:
    """A move that a stop broke off is gone on with."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            await room.produce("t")
            room.live("t").cleaning = trio.Event()
            assert await room.move("t", 0, disks.b) == 0
        async with disks.open() as room:
            await room.until(lambda: room.live("t").log.directory == disks.b)
            assert await room.places("t") == [("b", 0, False)]
            assert await room.end_offset("t") == (0, 1)

    trio.run(main)


def test_topic_is_deleted_while_it_moves(disks: Disks) -> None:
    """Both go, and the name is free."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            await room.produce("t")
            live = room.live("t")
            cleaning = live.cleaning = trio.Event()
            assert await room.move("t", 0, disks.b) == 0
            assert await room.delete("t") == 0
            cleaning.set()
            live.cleaning = None
            await trio.testing.wait_all_tasks_blocked()
            await room.create("t")
            assert await room.end_offset("t") == (0, 0)
            assert len(await room.places("t")) == 1

    trio.run(main)


def test_move_that_finds_no_room(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """It is given up, and the partition goes on where it is."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            await room.produce("t")
            cleaning = room.live("t").cleaning = trio.Event()
            assert await room.move("t", 0, disks.b) == 0
            trouble.broken, trouble.number = disks.b, errno.ENOSPC
            cleaning.set()
            room.live("t").cleaning = None
            await room.until(lambda: not room.live("t").moving)
            assert await room.places("t") == [("a", 0, False)]
            assert await room.produce("t") == 0
            trouble.broken = ""

    trio.run(main)
