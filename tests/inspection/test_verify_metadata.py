"""`pybroker verify` on the metadata: whether it is whole, lies in one place, and knows what is there and what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pybroker.records.batch import read_header
from pybroker.storage.checkpoints import write_offsets
from pybroker.storage.files import Files
from tests.inspection.log_room import Command, flip


def metadata_log(path: Path) -> Path:
    """The segment of the metadata."""
    return path / "__cluster_metadata-0" / "00000000000000000000.log"


@pytest.fixture
def two(kafka_logs: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two directories of one broker: the second holds a log that the metadata in the first knows."""
    second = tmp_path / "second"
    second.mkdir()
    (second / "meta.properties").write_bytes((kafka_logs / "meta.properties").read_bytes())
    (kafka_logs / "orders-0").rename(second / "orders-0")
    for name in ("recovery-point", "replication"):
        (kafka_logs / f"{name}-offset-checkpoint").unlink()
    return kafka_logs, second


@pytest.mark.slow
def test_topic_ids(verify: Command, kafka_logs: Path) -> None:
    """A log of another topic id and one that the metadata does not know are put aside by a start."""
    metadata = kafka_logs / "orders-0" / "partition.metadata"
    metadata.write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
    (kafka_logs / "orders-9").mkdir()
    status, out, _ = verify(kafka_logs)
    assert status == 1
    assert "but orders has the id wTWjSfXnS3eQx2bOPEuwKQ in the metadata" in out
    assert out.count("puts it aside under a name that ends in -stray") == 2
    assert f"note: {kafka_logs / 'orders-9'}: the metadata does not know this partition" in out
    assert verify("--repair", kafka_logs)[0] == 1  # which of the two is right, nobody but a person can say
    metadata.write_text("hello")
    assert "are expected" in verify(kafka_logs)[1]
    status, out, _ = verify("--repair", kafka_logs)
    assert (status, "put aside" in out) == (0, True)


def test_metadata(verify: Command, kafka_logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot of the metadata that is not whole, told once, and a log that nothing leads to."""
    where = kafka_logs / "__cluster_metadata-0"
    snapshot = where / "00000000000000000000-0000000000.checkpoint"
    flip(snapshot, 200)
    status, out, _ = verify(kafka_logs)
    assert (status, "the snapshot of the metadata is not whole: the checksum of the batch at byte 83 is wrong" in out) == (1, True)
    assert verify(snapshot)[0] == 1
    content = metadata_log(kafka_logs).read_bytes()
    metadata_log(kafka_logs).unlink()
    begin = read_header(content).size_bytes
    (where / "00000000000000000001.log").write_bytes(content[begin:])
    assert "the metadata cannot be read: its log begins at offset 1, and there is no whole snapshot of what" in verify(kafka_logs)[1]
    assert caplog.text == ""


def test_metadata_in_another_directory(verify: Command, two: tuple[Path, Path]) -> None:
    """What lies beside it is compared with it; without it no start would be."""
    first, second = two
    assert verify(first, second)[:2] == (0, "4 logs with 1,129 records: all is whole\n")
    assert verify(first, second, first)[0] == 0
    status, out, _ = verify(second)
    assert (status, f"note: {second}: it holds logs, but no metadata" in out, "The next start is refused, unless" in out) == (0, True, True)
    third = second.with_name("third")
    third.mkdir()
    (third / "meta.properties").write_bytes((second / "meta.properties").read_bytes())
    status, out, _ = verify(second, third)
    assert (status, f"DAMAGE: {second}: it holds logs, but none of these directories holds the metadata" in out) == (1, True)
    (second / "orders-0").rename(second / "orders-9")
    status, out, _ = verify(first, second)
    assert (status, f"note: {second / 'orders-9'}: the metadata does not know this partition" in out) == (0, True)
    assert "puts it aside under a name that ends in -stray" in out


def test_metadata_twice(verify: Command, two: tuple[Path, Path]) -> None:
    """Of one cluster it lies in one place; two clusters may each have theirs."""
    first, second = two
    shutil.copytree(first / "__cluster_metadata-0", second / "__cluster_metadata-0")
    for words in ((), ("--repair",)):
        status, out, _ = verify(*words, first, second)
        assert (status, f"DAMAGE: {second}: it holds metadata (__cluster_metadata-0), and so does {first}" in out) == (1, True)
    (second / "meta.properties").write_text("version=1\nnode.id=1\ncluster.id=another\n")
    assert "it holds metadata" not in verify(first, second)[1]


def test_metadata_that_lost_its_end(verify: Command, kafka_logs: Path) -> None:
    """What a start would put aside because of it is told before the cut, and again after it."""
    log = metadata_log(kafka_logs)
    log.write_bytes(log.read_bytes()[:1500])
    (log.parent / "00000000000000000000.index").write_bytes(b"")
    words = "orders-0: the metadata does not know this partition: it lost its end"
    status, out, _ = verify(kafka_logs)
    assert (status, f"DAMAGE: {kafka_logs}/{words}" in out, "puts it aside under a name that ends in -stray" in out) == (1, True, True)
    status, out, _ = verify("--repair", kafka_logs)
    assert (status, f"still DAMAGE: {kafka_logs}/{words}" in out) == (1, True)


def test_a_file_that_is_no_part_of_the_metadata(verify: Command, kafka_logs: Path) -> None:
    """A start puts it aside and reads what follows, so nothing is called lost for it; a log that nobody knows is none of the metadata's."""
    metadata_log(kafka_logs).with_name("00000000000000000007.log").write_bytes(b"copied by mistake")
    (kafka_logs / "orders-9").mkdir()
    status, out, _ = verify(kafka_logs)
    assert (status, "it begins at offset 7, but the segment before it ends at" in out) == (1, True)
    assert f"note: {kafka_logs / 'orders-9'}: the metadata does not know this partition." in out


def test_metadata_that_ends_early(verify: Command, kafka_logs: Path) -> None:
    """An end that is gone without a trace in the log is known from the checkpoint, which pybroker keeps for the metadata too."""
    log = metadata_log(kafka_logs)
    write_offsets(Files(), str(kafka_logs / "recovery-point-offset-checkpoint"), {("__cluster_metadata", 0): 60})
    content = log.read_bytes()
    log.write_bytes(content[: 12 + int.from_bytes(content[8:12])])
    assert "the metadata does not know this partition: it lost its end" in verify(kafka_logs)[1]


def test_a_log_that_is_gone(verify: Command, kafka_logs: Path) -> None:
    """The metadata has it here and a checkpoint says that it was: that a start would make it anew is told before."""
    shutil.rmtree(kafka_logs / "orders-0")
    status, out, _ = verify(kafka_logs)
    assert status == 1
    assert "the log of orders-0 is missing: the metadata has it here, the checkpoints up to offset 42" in out
    assert "The next start lets it begin anew, empty: put the log back before." in out


def test_a_directory_that_is_not_given(verify: Command, kafka_logs: Path) -> None:
    """What lies in another directory is one line, with the id of that and what people wrote first."""
    meta = kafka_logs / "meta.properties"
    lines = [line for line in meta.read_text().splitlines() if not line.startswith("directory.id")]
    lost = meta.read_text().partition("directory.id=")[2].split()[0]
    meta.write_text("\n".join([*lines, "directory.id=AAAAAAAAAAAAAAAAAAAB_w", ""]))
    (kafka_logs / "orders-0").rename(kafka_logs.with_name("away"))
    status, out, _ = verify(kafka_logs)
    assert status == 1
    assert " partitions (orders-0, " in out
    assert f"lie in a data directory that is not here, of the id {lost}.\n    The next start has them" in out
    assert "offline, unless that directory is given too." in out
