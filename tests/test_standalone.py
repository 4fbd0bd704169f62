"""A whole broker on the directory of one of several: refused; or served alone, without making up what the others had."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.core.cluster import NO_LEADER
from pybroker.records.hashes import coordinator_partition
from pybroker.runtime.metadata_log import MetadataLog
from pybroker.storage.errors import DataDirectoryError
from pybroker.storage.files import Files
from pybroker.storage.lock import DirectoryLock
from pybroker.storage.snapshot_files import DiskSnapshots
from pybroker.storage.store import DiskLogStore
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import BrokerRegistrationChangeRecord, FindCoordinatorRequest, MetadataRequest, RegisterBrokerRecord
from tests.log_dirs_room import Room, take_away
from tests.one_of_three import (
    ELSEWHERE,
    GROUPS,
    OFFSETS,
    moved,
    name_voters,
    note_quorum,
    one_of_three,
    opened,
    tree,
    voters_of,
)

TORN = b"\0\0\0\0\0\0\0\x01torn"


@pytest.mark.parametrize("was", ["stopped", "killed"])
def test_is_refused_in_one_line_and_nothing_is_touched(tmp_path: Path, was: str) -> None:
    """Nobody asked for two histories: the broker says whose directory it is and how to serve it, and leaves all of it as it was, the mark
    of a clean stop (KIP-966), or what a crash left, included."""

    async def main() -> None:
        await one_of_three(tmp_path)
        mark = tmp_path / ".kafka_cleanshutdown"
        if was == "stopped":
            mark.write_text('{"version":0,"brokerEpoch":77}')
        else:
            mark.unlink()
            for log in ("both-0", "__cluster_metadata-0"):
                with (tmp_path / log / "00000000000000000000.log").open("ab") as file:
                    file.write(TORN)
        before = tree(tmp_path)
        with pytest.raises(DataDirectoryError, match=r"is that of broker 1 in a cluster of several \(1, 2, 3\).*--standalone") as refused:
            async with opened(tmp_path):
                pass
        assert "\n" not in str(refused.value)
        assert "2 of its 4 partitions" in str(refused.value)
        assert tree(tmp_path) == before

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
    """What lies in a directory that is away would count as that of others, for good. It is asked before anything is touched."""

    async def main() -> None:
        x, y = tmp_path / "x", tmp_path / "y"
        async with opened(x, y) as room:
            assert await room.create("t", 2) == 0
            controller = room.state().controller
            controller._write([RegisterBrokerRecord(broker_id=2, broker_epoch=9, log_dirs=ELSEWHERE)])
            holder = Path(room.state().partitions.store.get("__cluster_metadata", 0).directory)
        before = tree(x, y)
        with pytest.raises(DataDirectoryError, match=r"--standalone needs all data directories .* was not given"):
            async with opened(holder, standalone=True):
                pass
        new = tmp_path / "new"
        with pytest.raises(DataDirectoryError, match=r"--standalone needs all data directories .* was not given"):
            async with opened(holder, new, standalone=True):
                pass
        assert tree(x, y) == before
        assert not new.exists()

    trio.run(main)


@pytest.mark.parametrize("how", ["is away", "cannot be read"])
def test_directory_that_failed_before_is_needed_too(tmp_path: Path, how: str) -> None:
    """The registration no longer names it, since it failed while the cluster ran; what lies in it is this broker's all the same."""
    x, y = tmp_path / "x", tmp_path / "y"

    async def main() -> None:
        async with opened(x, y) as room:
            controller = room.state().controller
            assert controller._log.directory == str(x)
            own = room.state().cluster.brokers[1]
            left = [one.directory_id for one in room.state().log_dirs.directories() if one.path == str(x)]
            change = BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=own.epoch, log_dirs=left)
            controller._write([change, RegisterBrokerRecord(broker_id=2, broker_epoch=9, log_dirs=ELSEWHERE)])
        if how == "is away":
            take_away(str(y))
        else:
            (y / "recovery-point-offset-checkpoint").unlink(missing_ok=True)
            (y / "recovery-point-offset-checkpoint").mkdir()
        (x / ".kafka_cleanshutdown").write_text('{"version":0,"brokerEpoch":77}')
        before = tree(x)
        with pytest.raises(DataDirectoryError, match=r"--standalone needs all data directories .* one of them is away: .*/y"):
            async with opened(x, y, standalone=True):
                pass
        assert how != "is away" or tree(x) == before

    trio.run(main)


def test_other_refusals_touch_nothing(tmp_path: Path) -> None:
    """Another node, another cluster, a broker that runs, two logs of one name, metadata that cannot be read: all stays as it is, and no
    directory is made."""
    own, foreign, new = tmp_path / "own", tmp_path / "foreign", tmp_path / "new"

    async def refused(*paths: Path, match: str, node_id: int = 1) -> None:
        before = tree(own, foreign)
        with pytest.raises(DataDirectoryError, match=match):
            async with Broker(BrokerConfig(data_dir=",".join(map(str, paths)), node_id=node_id)):
                pass
        assert tree(own, foreign) == before
        assert not new.exists()

    async def main() -> None:
        async with opened(own) as room:
            assert await room.create("t") == 0
            assert await room.produce("t") == 0
            own_id = room.state().cluster.cluster_id
        shutil.copytree(own, foreign)
        shutil.rmtree(foreign / "__cluster_metadata-0")
        meta = foreign / "meta.properties"
        meta.write_text(re.sub("cluster.id=.*", "cluster.id=another", meta.read_text()))
        await refused(new, own, match="belongs to node 1, this is node 2", node_id=2)
        await refused(new, own, foreign, match="belongs to cluster another")
        meta.write_text(meta.read_text().replace("another", own_id))
        for log in (own, foreign):
            (log / "t-0/partition.metadata").rename(log / "id")
        await refused(new, own, foreign, match="t-0 is in .*own and in .*foreign, another data directory")
        shutil.rmtree(foreign / "t-0")
        lock = DirectoryLock(Files(), str(foreign))
        await refused(new, own, foreign, match="foreign is in use")
        lock.release()
        shutil.copytree(own / "t-0", foreign / "u-0")
        meta.unlink()
        await refused(new, own, foreign, match="holds logs .* but no meta.properties")
        note_quorum(own, [])
        await refused(new, own, match="quorum-state in __cluster_metadata-0 cannot be read")
        (own / "__cluster_metadata-0/quorum-state").unlink()
        log = own / "__cluster_metadata-0/00000000000000000000.log"
        log.rename(log.with_name("00000000000000000007.log"))
        await refused(new, own, match="its log begins at offset 7, and there is no whole snapshot")

    trio.run(main)


@pytest.mark.parametrize("leader", [1, -1, 100])
@pytest.mark.parametrize("voters", [(1, 2, 3), (100, 101)])
def test_voters_that_the_log_names(tmp_path: Path, voters: tuple[int, ...], leader: int) -> None:
    """At kraft.version 1 quorum-state names no voters: they are in the log (KIP-853). Alone, this broker is the only one, or Kafka on the
    directory would wait for the others for ever."""

    async def main() -> None:
        async with opened(tmp_path) as room:
            assert await room.create("t") == 0
            name_voters(room, *voters)
        note_quorum(tmp_path, {"leaderId": leader, "leaderEpoch": 1, "votedId": -1, "data_version": 1})
        ids = ", ".join(map(str, sorted({1, *voters, *({leader} - {-1})})))
        with pytest.raises(DataDirectoryError, match=rf"in a cluster of several \({ids}\); all of its partitions are here"):
            async with opened(tmp_path):
                pass
        for standalone in (True, False, True):
            async with opened(tmp_path, standalone=standalone) as room:
                assert voters_of(room) == [1]
                assert await room.produce("t") == 0

    trio.run(main)


def test_epochs_that_others_used_are_not_used_again(tmp_path: Path) -> None:
    """A voter that voted in an epoch has nothing of it in its log. The next start, and Kafka's, find an epoch that nobody had."""

    async def main() -> None:
        await one_of_three(tmp_path)
        note_quorum(tmp_path, {"leaderId": -1, "leaderEpoch": 40, "votedId": 2, "currentVoters": [{"voterId": 1}, {"voterId": 2}]})
        async with opened(tmp_path, standalone=True) as room:
            assert room.state().controller.epoch == 41
        async with opened(tmp_path) as room:
            assert room.state().controller.epoch == 42
            assert await room.produce("both") == 0

    trio.run(main)


def test_epoch_of_a_single_kafka_is_gone_on_from(tmp_path: Path) -> None:
    """A node that is alone and was stopped in an election noted an epoch, too."""

    async def main() -> None:
        async with opened(tmp_path):
            pass
        note_quorum(tmp_path, {"leaderId": -1, "leaderEpoch": 9, "votedId": 1, "currentVoters": [{"voterId": 1}], "data_version": 0})
        async with opened(tmp_path) as room:
            assert room.state().controller.epoch == 10
        assert (tmp_path / "__cluster_metadata-0/quorum-state").exists()

    trio.run(main)


class Killed(Exception):
    """The process ended there."""


def die_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Let a start end in the middle: after so many things that it writes."""
    left = iter(range(step))

    def dying(whole: Any) -> Any:
        def call(*arguments: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return whole(*arguments)

        return call

    patch.setattr(MetadataLog, "_append", dying(MetadataLog._append))
    patch.setattr(DiskSnapshots, "forget_quorum_state", dying(DiskSnapshots.forget_quorum_state))
    patch.setattr(DiskLogStore, "close", lambda store, _: store.abandon())


async def serves(path: Path, *, standalone: bool) -> bool:
    """Whether a start serves all that is here, and nothing else, rather than say that there are others."""
    try:
        async with opened(path, standalone=standalone) as room:
            topics = room.state().cluster.topics
            leaders = [one.leader for name in ("both", "theirs", OFFSETS) for one in topics[name].partitions]
            assert (leaders, voters_of(room) in ([], [1])) == ([1, NO_LEADER, 1, NO_LEADER], True)
            assert room.state().controller.epoch > EPOCH
    except DataDirectoryError as refused:
        return "in a cluster of several" not in str(refused)
    return True


EPOCH = 5
NOTED = {"leaderId": -1, "leaderEpoch": EPOCH, "votedId": 2}
TOLD_BY: dict[str, Any] = {
    "brokers": {"noted": {**NOTED, "currentVoters": [{"voterId": 1}]}},
    "note": {"registered": (), "noted": {**NOTED, "currentVoters": [{"voterId": 1}, {"voterId": 2}]}},
    "voters": {"registered": (), "voters": (1, 2), "noted": NOTED},
    "controllers": {"registered": (), "voters": (100, 101), "noted": {**NOTED, "leaderId": 100}},
}


@pytest.mark.slow
@pytest.mark.parametrize("told_by", TOLD_BY)
def test_a_start_that_is_killed_is_made_good(tmp_path: Path, told_by: str) -> None:
    """Whatever step was the last: the next plain start serves all that there is, or says again that there are others, and a second
    --standalone leaves them. So it counts once."""

    async def main() -> None:
        origin = tmp_path / "origin"
        await one_of_three(origin, **TOLD_BY[told_by])
        again = []
        for step in range(20):
            path = tmp_path / str(step)
            shutil.copytree(origin, path)
            with pytest.MonkeyPatch.context() as patch, suppress(Killed):
                die_at(patch, step)
                async with opened(path, standalone=True):
                    patch.undo()
                    break
            again.append(not await serves(path, standalone=False))
            if again[-1]:
                assert await serves(path, standalone=True)
            assert await serves(path, standalone=False)
        assert again[:2] == [True, True]
        assert len(again) >= 3

    trio.run(main)


@pytest.mark.parametrize(
    ("noted", "names"),
    [
        ({"leaderId": 100, "leaderEpoch": 1, "currentVoters": []}, "1, 100"),
        ({"leaderId": -1, "leaderEpoch": 1, "currentVoters": [{"voterId": 1}, {"voterId": 5}]}, "1, 5"),
        ({"leaderId": 1, "leaderEpoch": 1, "currentVoters": [{"voterId": 1}]}, None),
        ({"leaderId": -1, "leaderEpoch": 1}, None),
        ({"leaderId": 100, "leaderEpoch": 0}, "1, 100"),
    ],
)
def test_metadata_that_others_write(tmp_path: Path, noted: Any, names: str | None) -> None:
    """A broker whose controller is another node is one of several, too, whatever was written since; once it stood alone it is not."""

    async def main() -> None:
        async with opened(tmp_path) as room:
            assert await room.create("t") == 0
        note_quorum(tmp_path, noted)
        if names is not None:
            with pytest.raises(DataDirectoryError, match=rf"in a cluster of several \({names}\); all of its partitions are here"):
                async with opened(tmp_path):
                    pass
        for standalone in (True, False):
            async with opened(tmp_path, standalone=standalone) as room:
                assert await room.produce("t") == 0

    trio.run(main)


@pytest.mark.parametrize(
    "noted",
    ["[]", "", "{}", '{"leaderId": 1, "leaderEpoch": 2147483647}', '{"leaderId": "?", "leaderEpoch": 1}', '{"leaderId": 1}', "\x00"],
)
@pytest.mark.parametrize("standalone", [False, True])
def test_note_that_cannot_be_read(tmp_path: Path, noted: str, standalone: bool) -> None:
    """Nobody knows who else writes the metadata then, and in which epoch: to guess would be to serve it unasked."""

    async def main() -> None:
        async with opened(tmp_path):
            pass
        (tmp_path / "__cluster_metadata-0/quorum-state").write_text(noted)
        before = tree(tmp_path)
        with pytest.raises(DataDirectoryError, match=r"quorum-state in __cluster_metadata-0 cannot be read .* remove the file"):
            async with opened(tmp_path, standalone=standalone):
                pass
        assert tree(tmp_path) == before

    trio.run(main)


@pytest.mark.parametrize("kind", ["second", "copy"])
def test_log_that_is_here_is_not_left_to_others(tmp_path: Path, kind: str) -> None:
    """What is in the way of it is settled first: an old log of its name, of a topic that is no more, or the name of a copy that took its
    place, which the disk forgot."""
    x, y = tmp_path / "x", tmp_path / "y"

    async def main() -> None:
        async with opened(x, y) as room:
            assert await room.create("both", 2) == 0
            for index in (0, 1):
                assert await room.produce("both", index) == 0
            records: list[Any] = [RegisterBrokerRecord(broker_id=2, broker_epoch=2, fenced=False, log_dirs=ELSEWHERE)]
            for index in (0, 1):
                directories = [*room.image("both", index).directories, *ELSEWHERE]
                records.append(moved(room, "both", index, replicas=[1, 2], isr=[1, 2], leader=2, directories=directories))
            room.state().controller._write(records)
        name = next(path.name for path in y.iterdir() if path.name.startswith("both-"))
        if kind == "second":
            shutil.copytree(y / name, x / name)
            (x / name / "partition.metadata").write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABQ")
        else:
            (y / name).rename(y / f"{name}.{'a' * 32}-future")
        for standalone in (True, False):
            async with opened(x, y, standalone=standalone) as room:
                image = room.image("both", int(name[-1]))
                assert (image.leader, image.replicas, image.isr) == (1, [1], [1])
                assert await room.end_offset("both", int(name[-1])) == (0, 2 - standalone)
                assert await room.produce("both", int(name[-1])) == 0

    trio.run(main)


def test_partitions_of_others_lie_nowhere_here(tmp_path: Path) -> None:
    """DescribeLogDirs tells of what is here, or will be: of nothing that only others have."""

    async def main() -> None:
        await one_of_three(tmp_path)
        async with opened(tmp_path, standalone=True) as room:
            assert await room.places("both") == [(tmp_path.name, 0, False)]
            assert await room.places("theirs") == []
            assert await room.places(OFFSETS) == [(tmp_path.name, 0, False)]

    trio.run(main)
