"""`pybroker verify` on what is not there: logs, directories, the end of the metadata; and on what is no file where one should be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pybroker.cli import main
from pybroker.storage.checkpoints import write_offsets
from pybroker.storage.files import Files

Shown = tuple[int, str, str]


def metadata_log(path: Path) -> Path:
    """The segment of the metadata."""
    return path / "__cluster_metadata-0" / "00000000000000000000.log"


def test_a_log_that_is_gone(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """The metadata has it here and a checkpoint says that it was: that a start would make it anew is told before."""
    shutil.rmtree(kafka_logs / "orders-0")
    status, out, _ = verify(kafka_logs)
    assert status == 1
    assert "the log of orders-0 is missing: the metadata has it here, the checkpoints up to offset 42" in out
    assert "The next start lets it begin anew, empty: put the log back before." in out


def test_a_directory_that_is_not_given(verify: Callable[..., Shown], kafka_logs: Path) -> None:
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


def test_metadata_that_lost_its_end(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """What a start would put aside because of it is told before the cut, and again after it."""
    log = metadata_log(kafka_logs)
    log.write_bytes(log.read_bytes()[:1500])
    (log.parent / "00000000000000000000.index").write_bytes(b"")
    words = "orders-0: the metadata does not know this partition: it lost its end"
    status, out, _ = verify(kafka_logs)
    assert (status, f"DAMAGE: {kafka_logs}/{words}" in out, "puts it aside under a name that ends in -stray" in out) == (1, True, True)
    status, out, _ = verify("--repair", kafka_logs)
    assert (status, f"still DAMAGE: {kafka_logs}/{words}" in out) == (1, True)


def test_metadata_that_ends_early(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """An end that is gone without a trace in the log is known from the checkpoint, which pybroker keeps for the metadata too."""
    log = metadata_log(kafka_logs)
    write_offsets(Files(), str(kafka_logs / "recovery-point-offset-checkpoint"), {("__cluster_metadata", 0): 60})
    content = log.read_bytes()
    log.write_bytes(content[: 12 + int.from_bytes(content[8:12])])
    assert "the metadata does not know this partition: it lost its end" in verify(kafka_logs)[1]


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("orders-0/partition.metadata", "has orders-0 offline"),
        ("orders-0/leader-epoch-checkpoint", "has orders-0 offline"),
        ("orders-0/00000000000000000000.log", "has orders-0 offline"),
        ("__cluster_metadata-0/00000000000000000000.log", "is refused"),
    ],
)
def test_a_directory_in_place_of_a_file(
    verify: Callable[..., Shown], capsys: pytest.CaptureFixture[str], kafka_logs: Path, name: str, fate: str
) -> None:
    """It is named with what a start makes of it, and all the rest is looked at."""
    (kafka_logs / name).unlink()
    (kafka_logs / name).mkdir()
    status, out, err = verify(kafka_logs)
    assert (status, out.count("4 logs with ")) == (2, 1)
    assert err == f"pybroker: cannot look at {kafka_logs / name}: Is a directory. The next start {fate}\n"
    assert "all is whole" not in out
    capsys.readouterr()
    assert main(["dump", str(kafka_logs)]) == 2
    assert f"pybroker: {kafka_logs / name}: is a directory" in capsys.readouterr().err


def test_a_checkpoint_that_is_no_file(verify: Callable[..., Shown], kafka_logs: Path) -> None:
    """A start cannot use such a directory, which is not called damaged: it may be that only rights are missing."""
    path = kafka_logs / "recovery-point-offset-checkpoint"
    path.unlink()
    path.mkdir()
    status, _, err = verify(kafka_logs)
    assert (status, "cannot be read: Is a directory. A start that cannot read it cannot use" in err) == (2, True)


def test_a_directory_of_others(verify: Callable[..., Shown], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Names that end in a dash and a number are no logs by that: nothing is asked of a directory that is not Kafka's."""
    for name in ("dbus-1", "gtk-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.conf").write_text("a = b\n")
    for command in ("verify", "dump"):
        assert main([command, str(tmp_path)]) == 2
        out, err = capsys.readouterr()
        assert (out.replace("nothing was looked at\n", ""), "holds nothing of a Kafka data directory" in err) == ("", True)
    (tmp_path / "orders-0").mkdir()
    (tmp_path / "orders-0" / "00000000000000000000.log").write_bytes(b"")
    assert "it is not known whose the logs are" in verify(tmp_path)[1]
