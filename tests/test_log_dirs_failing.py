"""Log directories that fail, are away or are full, through a whole broker."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import trio

from pybroker import BrokerConfig
from pybroker.serve import _cause_of, run
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.wire.errors import ErrorCode
from pybroker.wire.uuids import to_text
from tests.log_dirs_room import FETCHED_BYTES, Disks, TroubledFiles, bring_back, disks_with_trouble, take_away, two_directories  # noqa: F401 - two of them are fixtures

STORAGE_ERROR = ErrorCode.KAFKA_STORAGE_ERROR


def test_directory_that_takes_no_copy(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """The move is refused, and the directory is offline: its partitions are, and it is shown so."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            assert await room.produce("t") == 0
            trouble.broken = disks.b
            assert await room.move("t", 0, disks.b) == STORAGE_ERROR
            await room.until(lambda: room.live("t", 1).offline)
            assert [result.error_code for result in (await room.describe()).results] == [0, STORAGE_ERROR]
            assert await room.produce("t") == 0
            trouble.broken = ""

    trio.run(main)


def test_directory_of_the_metadata_takes_no_copy(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """It fails while a log is copied into it: that is the end of the broker, which says why."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            assert await room.produce("t", 1) == 0
            cleaning = room.live("t", 1).cleaning = trio.Event()
            assert await room.move("t", 1, disks.a) == 0
            trouble.broken = disks.a
            cleaning.set()
            room.live("t", 1).cleaning = None
            await trio.sleep_forever()

    with pytest.raises(BaseException) as stopped:  # noqa: PT011 - a group of what its tasks raised, or what closing found
        trio.run(main)
    assert "the log directory with the metadata failed" in str(_cause_of(stopped.value))


def test_directory_that_fails(disks: Disks, trouble: type[TroubledFiles], caplog: pytest.LogCaptureFixture) -> None:
    """Its partitions have no leader and take nothing; the others go on, new ones go there; the next start has all again."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 4)
            for partition in range(4):
                assert await room.produce("t", partition) == 0
            trouble.broken = disks.b
            assert await room.produce("t", 1) == STORAGE_ERROR
            await room.until(lambda: room.live("t", 3).offline)
            assert await room.produce("t", 3) == STORAGE_ERROR
            assert await room.fetch("t", 3) == (STORAGE_ERROR, 0)
            assert (await room.end_offset("t", 3))[0] == STORAGE_ERROR
            assert await room.leader("t", 3) == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1])
            assert await room.leader("t", 2) == (0, 1, [])
            assert await room.produce("t", 2) == 0
            results = (await room.describe()).results
            assert [(result.error_code, len(result.topics)) for result in results] == [(0, 1), (STORAGE_ERROR, 0)]
            assert await room.move("t", 0, disks.b) == STORAGE_ERROR
            await room.create("u", 3)
            assert {place[0] for place in await room.places("u")} == {"a"}
            assert await room.produce("u", 2) == 0
            trouble.broken = ""
        async with disks.open() as room:
            assert [await room.end_offset("t", index) for index in range(4)] == [(0, 1), (0, 1), (0, 2), (0, 1)]
            assert await room.leader("t", 3) == (0, 1, [])

    trio.run(main)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert any(
        error.startswith("a log directory failed, and all that lies in it is offline until the next start: ") and "then start" in error
        for error in errors
    )


def test_directory_that_fails_when_a_name_is_used_again(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """Nobody knows it yet, and an old log of that name lies in it: it is tried, and the new topic goes where it can be served."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("x")
            await room.create("t")
            assert await room.produce("t") == 0
            assert await room.places("t") == [("b", 0, False)]
            trouble.broken = disks.b
            assert await room.delete("t") == 0
            assert await room.create("t") == 0
            assert await room.produce("t") == 0
            assert await room.places("t") == [("a", 0, False)]
            assert [result.error_code for result in (await room.describe()).results] == [0, STORAGE_ERROR]
            trouble.broken = ""
        async with disks.open() as room:
            assert await room.end_offset("t") == (0, 1)

    trio.run(main)


def test_one_file_that_fails(disks: Disks, trouble: type[TroubledFiles], caplog: pytest.LogCaptureFixture) -> None:
    """A partition goes offline by itself where its directory still takes files; a stop says that not all was safe."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 4)
            assert await room.produce("t", 1) == 0
            trouble.broken = os.path.join(disks.b, "t-1")
            assert await room.produce("t", 1) == STORAGE_ERROR
            trouble.broken = ""
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert await room.produce("t", 3) == 0
            assert await room.leader("t", 1) == (0, 1, [])
            assert [result.error_code for result in (await room.describe()).results] == [0, 0]

    trio.run(main)
    assert any("t-1 is offline" in record.message for record in caplog.records if record.levelname == "WARNING")


def test_metadata_that_fails(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """Without the directory of the metadata log the broker stops, and says why, whatever closing finds after that."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            await room.produce("t", 0)
            trouble.broken = disks.a
            assert await room.produce("t", 0) == STORAGE_ERROR
            await trio.sleep_forever()

    with pytest.raises(BaseException) as stopped:  # noqa: PT011 - a group of what its tasks raised, or what closing found
        trio.run(main)
    assert str(_cause_of(stopped.value)) == (
        f"the log directory with the metadata failed: {disks.a} cannot be written to: {os.strerror(errno.EIO)}"
    )


def test_metadata_log_that_fails(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """So it does if only the file of that log fails: nothing could be decided any more."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t")
            trouble.broken = os.path.join(disks.a, "__cluster_metadata-0")
            assert await room.create("u") == STORAGE_ERROR
            await trio.sleep_forever()

    with pytest.raises(BaseException) as stopped:  # noqa: PT011 - as above
        trio.run(main)
    assert str(_cause_of(stopped.value)).startswith("the metadata log failed: cannot ")


@pytest.mark.parametrize("first", ["create", "leave"])
def test_metadata_log_that_is_removed(disks: Disks, first: str) -> None:
    """What is written to a file without a name is not safe, so nothing is acknowledged; why and what to do is said in one sentence."""

    async def main() -> None:
        async with disks.open(disks.a) as room:
            await room.create("t")
            assert await room.produce("t") == 0
            shutil.rmtree(disks.a)
            if first == "create":
                assert await room.create("u") == STORAGE_ERROR
                await trio.sleep_forever()

    with pytest.raises(BaseException) as stopped:  # noqa: PT011 - as above
        trio.run(main)
    reason = str(_cause_of(stopped.value) or stopped.value)
    assert reason.startswith("the metadata log failed: cannot flush " if first == "create" else "cannot flush ")
    assert disks.a in reason
    assert "was removed while the broker wrote to it" in reason


def test_another_directory_that_is_removed(disks: Disks, caplog: pytest.LogCaptureFixture) -> None:
    """A stop that finds only data to be gone is one on request: it warns and names the log."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            assert [await room.produce("t", partition) for partition in (0, 1)] == [0, 0]
            shutil.rmtree(disks.b)

    trio.run(main)
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert sum(f"cannot flush {disks.b}/t-1" in words for words in said) == 1


def test_directory_that_is_away_at_the_start(disks: Disks) -> None:
    """What lies there is offline, written to or not, and is not made anew; it is back with the directory."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 4)
            assert await room.produce("t", 1) == 0
        take_away(disks.b)
        async with disks.open() as room:
            assert await room.produce("t", 0) == 0
            for partition in (1, 3):
                assert await room.leader("t", partition) == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1])
                assert await room.produce("t", partition) == ErrorCode.NOT_LEADER_OR_FOLLOWER
                assert await room.move("t", partition, disks.a) == ErrorCode.REPLICA_NOT_AVAILABLE
                assert (room.image("t", partition).isr, room.image("t", partition).details.last_known_elr) == ([], [1])
            assert await room.create("u", 2) == 0
            assert await room.produce("u", 1) == 0
            assert await room.delete("u") == 0
        os.unlink(disks.b)
        async with disks.open() as room:  # as if the disk were not mounted: an empty directory in its place
            assert await room.produce("t", 1) == ErrorCode.NOT_LEADER_OR_FOLLOWER
        bring_back(disks.b)
        async with disks.open() as room:
            assert await room.end_offset("t", 1) == (0, 1)
            assert await room.produce("t", 3) == 0
            assert await room.leader("t", 1) == (0, 1, [])

    trio.run(main)


def test_directory_that_fails_while_it_is_opened(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """What was opened there before it failed is not served: nothing is taken that no checkpoint would ever know."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            for _ in range(5):
                assert await room.produce("t", 1) == 0
            store = room.state().partitions.store
            store.get("t", 1).flush()
            store.checkpoint({})
        os.unlink(os.path.join(disks.b, ".kafka_cleanshutdown"))
        segment = os.path.join(disks.b, "t-1", "00000000000000000000.log")
        os.truncate(segment, os.stat(segment).st_size - 3)
        trouble.broken = os.path.join(disks.b, "recovery-point-offset-checkpoint.tmp/")
        async with disks.open() as room:
            assert room.broker.directories == [disks.a]
            assert await room.leader("t", 1) == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1])
            assert await room.produce("t", 1) == ErrorCode.NOT_LEADER_OR_FOLLOWER
            assert await room.produce("t", 0) == 0
        trouble.broken = ""
        async with disks.open() as room:
            assert await room.end_offset("t", 1) == (0, 4)

    trio.run(main)


def test_metadata_that_is_away_at_the_start(disks: Disks) -> None:
    """Nothing starts without it, and nothing is written over."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
        take_away(disks.a)
        with pytest.raises(DataDirectoryError, match="the metadata log is in none of the data directories that can be used"):
            async with disks.open():
                pass
        assert "__cluster_metadata-0" not in os.listdir(disks.b)

    trio.run(main)


def test_directory_that_was_not_given(disks: Disks, caplog: pytest.LogCaptureFixture) -> None:
    """One warning counts and names what lies there, and says which directory it is by its id; no error says it again of each."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 9)
            lost = to_text(room.directory_ids()[1])
        async with disks.open(disks.a) as room:
            assert await room.produce("t", 0) == 0
            live = room.state().partitions.find("t", 1)
            assert live is not None
            assert live.offline
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []
        warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        words = "are offline: they lie in a data directory that was not given"
        assert warned == [f"4 partitions (t-1, t-3, t-5, ...) {words} (id {lost})"]
        take_away(disks.b)
        async with disks.open() as room:
            assert room.broker.directories == [disks.a]
        assert "in a data directory that cannot be used or was not given" in caplog.text

    trio.run(main)


def test_metadata_on_a_disk_that_is_not_mounted(disks: Disks) -> None:
    """An empty directory in its place, or none given, is never the begin of a new broker over the old one's logs."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            assert await room.produce("t", 1) == 0
        os.rename(disks.a, disks.a + "-away")
        for given in ([disks.a, disks.b], [disks.b]):
            with pytest.raises(DataDirectoryError, match=r"holds logs \(t-1\), but no directory that was given holds the metadata"):
                async with disks.open(*given):
                    pass
            assert "a" not in os.listdir(os.path.dirname(disks.a))
        os.rename(disks.a + "-away", disks.a)
        async with disks.open() as room:
            assert await room.end_offset("t", 1) == (0, 1)

    trio.run(main)


def test_log_that_cannot_be_opened(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """Its partition is offline, the broker starts, and the records are there when the disk is well again."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 4)
            for partition in (0, 1):
                assert await room.produce("t", partition) == 0
        trouble.broken = os.path.join(disks.b, "t-1/")
        async with disks.open() as room:
            assert await room.produce("t", 1) == STORAGE_ERROR
            assert await room.fetch("t", 1) == (STORAGE_ERROR, 0)
            assert (await room.end_offset("t", 1))[0] == STORAGE_ERROR
            assert await room.end_offset("t", 0) == (0, 1)
            trouble.broken = ""
        async with disks.open() as room:
            assert await room.end_offset("t", 1) == (0, 1)

    trio.run(main)


def test_logs_moved_by_hand(disks: Disks) -> None:
    """While the broker is down a log may be carried to another directory: it is served from there, and the metadata is set right."""

    async def main() -> None:
        async with disks.open() as room:
            await room.create("t", 2)
            assert await room.produce("t", 1) == 0
        os.rename(os.path.join(disks.b, "t-1"), os.path.join(disks.a, "t-1"))
        async with disks.open() as room:
            assert await room.end_offset("t", 1) == (0, 1)
            assert await room.places("t") == [("a", 0, False), ("a", 1, False)]
            assert room.image("t", 1).directories == room.image("t", 0).directories

    trio.run(main)


def test_stray_that_is_brought_back(disks: Disks) -> None:
    """A log of a topic that is no more is served again: make the topic, stop, give the log its name and take its topic id away."""

    async def main() -> None:
        for _ in range(3):
            async with disks.open() as room:
                await room.create("t")
                assert await room.produce("t") == 0
        os.rename(os.path.join(disks.a, "t-0"), os.path.join(disks.b, "kept"))
        async with disks.open() as room:
            assert await room.delete("t") == 0
        os.rename(os.path.join(disks.b, "kept"), os.path.join(disks.b, "t-0"))
        async with disks.open() as room:
            (stray,) = [name for name in os.listdir(disks.b) if name.startswith("t-0")]
            assert stray.endswith("-stray")
            assert await room.create("t") == 0
        os.rename(os.path.join(disks.b, stray), os.path.join(disks.b, "t-0"))
        os.unlink(os.path.join(disks.b, "t-0", "partition.metadata"))
        async with disks.open() as room:
            assert await room.end_offset("t") == (0, 3)
            assert await room.produce("t") == 0
        async with disks.open() as room:
            assert await room.end_offset("t") == (0, 4)
            assert (await room.fetch("t"))[0] == 0

    trio.run(main)


# --- a full disk


def test_full_disk_refuses_and_recovers(disks: Disks, trouble: type[TroubledFiles], caplog: pytest.LogCaptureFixture) -> None:
    """Produce, topics, offsets and transactions are refused in words and leave all as it was; with room they go on, and nothing is lost."""

    async def main() -> None:
        async with disks.open(disks.a) as room:
            await room.create("t")
            for group in ("g", "h"):
                assert await room.commit(group, "t", 1) == 0
            assert await room.produce("t") == 0
            trouble.broken, trouble.number = disks.a, errno.ENOSPC
            caplog.clear()
            for _ in range(5):
                assert await room.produce("t") == STORAGE_ERROR
                assert await room.commit("g", "t", 7) == ErrorCode.NOT_COORDINATOR
                assert await room.create("u") == STORAGE_ERROR
                assert await room.init_producer("tx") != 0
            assert await room.fetch("t") == (0, FETCHED_BYTES)
            assert await room.committed("g", "t") == 1
            with pytest.raises(StorageError, match="no space is left"):
                room.state().partitions.store.checkpoint({("t", 0): 1})
            room.live("t").take_snapshot()
            assert [record.message for record in caplog.records if record.levelname == "ERROR" and "t-0 " in record.message] == [
                f"t-0 refuses writes: no space is left to append to {disks.a}/t-0/00000000000000000000.log: No space left on device"
            ]
            assert sum("metadata" in record.message for record in caplog.records) == 1
            assert "u" not in room.state().cluster.topics
            trouble.broken = ""
            assert await room.produce("t") == 0
            assert await room.commit("g", "t", 2) == 0
            assert await room.create("u") == 0
            assert await room.init_producer("tx") == 0
            assert [result.error_code for result in (await room.describe()).results] == [0]
        async with disks.open(disks.a) as room:
            assert await room.end_offset("t") == (0, 2)
            assert await room.end_offset("u") == (0, 0)
            assert [await room.committed(group, "t") for group in ("g", "h")] == [2, 1]
            assert room.live("t").log.recovery.scanned_bytes == 0

    trio.run(main)


def test_stop_with_a_full_disk(disks: Disks, trouble: type[TroubledFiles]) -> None:
    """What could not be noted is said, and found again by the next start."""

    async def main() -> None:
        async with disks.open(disks.a) as room:
            await room.create("t")
            assert await room.produce("t") == 0
            trouble.broken, trouble.number = disks.a, errno.ENOSPC

    with pytest.raises(StorageError, match="no space is left"):
        trio.run(main)

    async def again() -> None:
        trouble.broken = ""
        async with disks.open(disks.a) as room:
            assert await room.end_offset("t") == (0, 1)

    trio.run(again)


def test_the_command_says_why_it_ends(tmp_path: Path) -> None:
    """In one sentence, where the only directory cannot be used."""
    (tmp_path / "data").write_text("")
    reason = run(BrokerConfig(data_dir=tmp_path / "data"))
    assert reason is not None
    assert "is no directory" in reason
