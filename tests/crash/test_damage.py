"""A whole broker on a damaged data directory: it starts and says what it found, or refuses and says what to do. Never anything else.

The table in docs/durability.md tells the same kind by kind.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.cli import main
from pybroker.records.builder import build_batch
from pybroker.storage.errors import DataDirectoryError
from pybroker.testing.client import RawClient
from pybroker.wire.messages import (
    CreateTopicsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    FetchRequest,
    ListOffsetsRequest,
    MetadataRequest,
    ProduceRequest,
)

SEEDS = range(int(os.environ.get("DAMAGE_SEEDS", "60")))
START_LIMIT_S = 20
LOG = "00000000000000000000"


async def produce(client: RawClient, topic: str, value: bytes) -> int:
    """One record; returns its error code."""
    data = ProduceRequest.PartitionProduceData(index=0, records=build_batch([(b"k", value)], timestamp=1_700_000_000_000))
    request = ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])])
    return int((await client.ask(request, 9)).responses[0].partition_responses[0].error_code)


async def use(broker: Broker) -> None:
    """What clients do: every answer may be an error, but it comes."""
    async with await RawClient.connect(broker.host, broker.port) as client:
        metadata = await client.ask(MetadataRequest(topics=None), 12)
        for topic in metadata.topics:
            await produce(client, topic.name, b"more")
            partition = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
            await client.ask(
                FetchRequest(max_wait_ms=0, min_bytes=0, topics=[FetchRequest.FetchTopic(topic=topic.name, partitions=[partition])]), 11
            )
            times = [ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=time) for time in (0,)]
            await client.ask(ListOffsetsRequest(topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic.name, partitions=times)]), 7)
        made = CreateTopicsRequest.CreatableTopic(name="after", num_partitions=1, replication_factor=1)
        await client.ask(CreateTopicsRequest(topics=[made]), 7)
        assert await produce(client, "after", b"new") == 0


def start(directory: Path) -> str | None:
    """Start a broker, use it, stop it; None, or why it does not start. Anything but a refusal in words is an error of the test."""

    async def main() -> None:
        with trio.fail_after(START_LIMIT_S):
            async with Broker(BrokerConfig(data_dir=directory, seed=1)) as broker:
                await use(broker)

    try:
        trio.run(main)
    except DataDirectoryError as refusal:
        return str(refusal)
    return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a broker that was stopped: two topics of two segments, indexes, snapshots, checkpoints, metadata with a snapshot."""
    directory = tmp_path_factory.mktemp("whole") / "data"

    async def main() -> None:
        config = BrokerConfig(
            data_dir=directory, topics={"t": 1, "u": 1}, settings={"metadata.log.max.record.bytes.between.snapshots": "100"}
        )
        async with Broker(config) as broker, await RawClient.connect(broker.host, broker.port) as client:
            for topic in ("t", "u"):
                for number in range(20):
                    assert await produce(client, topic, b"%d" % number) == 0

    trio.run(main)
    for log in ("t-0", "u-0"):
        (directory / log / f"{LOG}.txnindex").write_bytes(b"")
    (directory / "cleaner-offset-checkpoint").write_text("0\n1\nt 0 0\n")
    return directory


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """One to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


Damage = Callable[[Path], None]


def in_place_of(name: str) -> tuple[Damage, Damage, Damage, Damage]:
    """A directory, a FIFO, a loop of links and a link to nowhere where that file should be."""

    def directory(data: Path) -> None:
        (data / name).unlink(missing_ok=True)
        (data / name).mkdir()

    def fifo(data: Path) -> None:
        (data / name).unlink(missing_ok=True)
        os.mkfifo(data / name)

    def loop(data: Path) -> None:
        (data / name).unlink(missing_ok=True)
        (data / name).symlink_to(data / name)

    def nowhere(data: Path) -> None:
        (data / name).unlink(missing_ok=True)
        (data / name).symlink_to(data / "nowhere" / "at" / "all")

    return directory, fifo, loop, nowhere


FILES = [
    "meta.properties",
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "replication-offset-checkpoint",
    "cleaner-offset-checkpoint",
    ".kafka_cleanshutdown",
    ".lock",
    f"t-0/{LOG}.log",
    f"t-0/{LOG}.index",
    f"t-0/{LOG}.timeindex",
    f"t-0/{LOG}.txnindex",
    "t-0/00000000000000000020.snapshot",
    "t-0/leader-epoch-checkpoint",
    "t-0/partition.metadata",
    f"__cluster_metadata-0/{LOG}.log",
    "__cluster_metadata-0/leader-epoch-checkpoint",
    "__cluster_metadata-0/quorum-state",
    "__cluster_metadata-0/00000000000000000009-0000000001.checkpoint",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", range(4), ids=["directory", "fifo", "loop", "nowhere"])
def test_something_else_in_place_of_a_file(copy: Path, name: str, kind: int) -> None:
    """The broker starts or refuses in words, whatever lies where a file should be; it neither waits for ever nor breaks."""
    in_place_of(name)[kind](copy)
    start(copy)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_random_damage(copy: Path, seed: int) -> None:
    """A few files are cut, overwritten, filled with zeros, swapped or taken away; twice the broker starts on what is left, or refuses."""
    rng = random.Random(seed)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    if rng.random() < 0.7:
        (copy / ".kafka_cleanshutdown").unlink()  # it was killed
    files = [path for path in files if path.exists()]
    for _ in range(rng.randint(1, 3)):
        damage(rng, rng.choice(files), files)
    refusal = start(copy)
    if refusal is None:
        assert start(copy) is None


def damage(rng: random.Random, path: Path, files: list[Path]) -> None:
    """One of some kinds, to one file."""
    data = bytearray(path.read_bytes() if path.exists() else b"")
    kind = rng.randrange(8)
    if kind == 0:
        path.unlink(missing_ok=True)
        return
    at = rng.randrange(len(data) + 1)
    if kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:] = bytes(len(data) - at)
    elif kind == 3:
        data += rng.randbytes(rng.randint(1, 5000))
    elif kind == 4:
        data[at : at + 4] = rng.choice((b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff"))
    elif kind == 5:
        data = bytearray(rng.choice(files).read_bytes()) if (other := rng.choice(files)).exists() and other.is_file() else data
    elif kind == 6:
        data += bytes(data)
    elif data:
        data[at % len(data)] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def test_kinds_of_damage_have_words(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong with which file, and what was done about it, stands in the log."""
    (copy / "recovery-point-offset-checkpoint").write_text("0\n7\nt 0 1\n")
    (copy / "t-0/leader-epoch-checkpoint").write_text("nonsense")
    (copy / "t-0/foreign.txt").write_text("?")
    (copy / "lost+found").mkdir()
    log = copy / f"u-0/{LOG}.log"
    log.write_bytes(log.read_bytes()[:-5])
    with caplog.at_level(logging.WARNING):
        assert start(copy) is None
    for words in (
        "recovery-point-offset-checkpoint has 1 entries where its second line says",
        "leader-epoch-checkpoint has version 'nonsense' instead of 0; leader epochs are read from the batches",
        "foreign.txt is no file of a log; it is left alone",
        "lost+found is not a log; it is left alone",
    ):
        assert words in caplog.text


def lose_records(data: Path) -> None:
    """All segments of a log."""
    for path in (data / "t-0").glob("*.log"):
        path.unlink()


def lose_log(data: Path) -> None:
    """A log as a whole."""
    shutil.rmtree(data / "t-0")


def lose_batches(data: Path) -> None:
    """The last ten, to the byte."""
    path = data / f"t-0/{LOG}.log"
    os.truncate(path, (path.stat().st_size - 10) // 2)  # the values of the last ten have two digits


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(("lose", "end"), [(lose_records, 0), (lose_log, 0), (lose_batches, 10)])
def test_lost_records_are_told_once(copy: Path, caplog: pytest.LogCaptureFixture, lose: Damage, end: int, killed: bool) -> None:
    """Records that were safe on disk and are not there any more: how many, and what to do; the next start is silent."""
    lose(copy)
    if killed:
        (copy / ".kafka_cleanshutdown").unlink()
    with caplog.at_level(logging.WARNING):
        assert start(copy) is None
        assert (
            f"1 log in {copy} lost {20 - end} offsets that were safe on disk: t-0 ends at {end} instead of 20. New records" in caplog.text
        )
        assert caplog.text.count("t-0 ends at ") == 1
        caplog.clear()
        assert start(copy) is None
        assert caplog.text == ""


@pytest.mark.parametrize("killed", [False, True])
def test_deleted_records_are_not_lost(copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, killed: bool) -> None:
    """What a client, or retention, or the deletion of a topic took away is no loss, and not told as one; nor what never was."""

    async def delete() -> None:
        async with Broker(BrokerConfig(data_dir=copy, seed=1)) as broker, await RawClient.connect(broker.host, broker.port) as client:
            partition = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=20)
            topic = DeleteRecordsRequest.DeleteRecordsTopic(name="t", partitions=[partition])
            assert (await client.ask(DeleteRecordsRequest(topics=[topic], timeout_ms=1000), 2)).topics[0].partitions[0].error_code == 0
            assert (await client.ask(DeleteTopicsRequest(topic_names=["u"], timeout_ms=1000), 5)).responses[0].error_code == 0
            made = CreateTopicsRequest.CreatableTopic(name="u", num_partitions=1, replication_factor=1)
            assert (await client.ask(CreateTopicsRequest(topics=[made]), 7)).topics[0].error_code == 0
            shutil.copytree(copy, tmp_path / "killed")

    trio.run(delete)
    with caplog.at_level(logging.WARNING):
        assert start(tmp_path / "killed" if killed else copy) is None
    assert caplog.text == ""


def test_what_a_repair_kept_needs_no_words(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next start knows the files that `verify --repair` put aside, in a log and beside the logs."""
    log = copy / f"u-0/{LOG}.log"
    log.write_bytes(log.read_bytes()[:-5])
    checkpoint = copy / "recovery-point-offset-checkpoint"
    checkpoint.write_text("0\n7\nt 0 1\n")
    assert main(["verify", "--repair", str(copy)]) == 0
    with caplog.at_level(logging.WARNING):
        assert start(copy) is None
    assert caplog.text == ""
    for kept in (log, checkpoint):
        assert kept.with_name(f"{kept.name}.damaged-1").exists()


SPARSE = [
    "meta.properties",
    "recovery-point-offset-checkpoint",
    f"t-0/{LOG}.index",
    f"t-0/{LOG}.timeindex",
    f"t-0/{LOG}.txnindex",
    "t-0/partition.metadata",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SPARSE, f"t-0/{LOG}.log", "__cluster_metadata-0/00000000000000000009-0000000001.checkpoint"])
def test_sparse_files_are_not_read_into_memory(copy: Path, name: str) -> None:
    """A file that claims ten gigabytes is refused or passed over by its size, or read piece by piece."""
    import resource

    with (copy / name).open("ab") as file:
        file.truncate(10 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start(copy)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


@pytest.mark.slow
def test_read_only_files(copy: Path) -> None:
    """Where nothing can be written the broker says so. A privileged user writes everywhere: then nothing is wrong."""
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        refusal = start(copy)
    finally:
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert os.geteuid() == 0 or (refusal is not None and "right to write" in refusal)


@pytest.mark.slow
def test_a_compressed_bomb_in_the_metadata_log(copy: Path) -> None:
    """A few bytes that say to be a gigabyte of records are refused in words."""
    end = max(int(path.name[:20]) for path in (copy / "__cluster_metadata-0").glob("*.log"))
    path = copy / f"__cluster_metadata-0/{end:020}.log"
    from pybroker.records.batch import iter_batches

    next_offset = max([header.next_offset for _, header in iter_batches(path.read_bytes())], default=end)
    bomb = build_batch([(None, bytes(300 << 20))], base_offset=next_offset, timestamp=1, leader_epoch=1, codec=1)
    with path.open("ab") as file:
        file.write(bomb)
    (copy / ".kafka_cleanshutdown").unlink()
    refusal = start(copy)
    assert refusal is not None
    assert "the metadata cannot be read: at offset" in refusal
