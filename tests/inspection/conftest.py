"""Data directories to look at, one of Kafka's and one of pybroker's; batches; and the commands that look."""

from __future__ import annotations

import tarfile
from functools import partial
from pathlib import Path

import pytest

from pybroker.cli import main
from pybroker.records.builder import build_batch
from tests.inspection.log_room import Batches, Command, Shown, WriteLog, unpack, write_batches

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


@pytest.fixture(scope="session")
def kafka_files() -> dict[str, bytes]:
    """The files that a Kafka broker of 4.4.0 left, by name."""
    found: dict[str, bytes] = {}
    with tarfile.open(VECTORS / "kafka-4.4.0-logs.tar.gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                found[member.name] = content.read()
    return found


@pytest.fixture
def kafka_logs(kafka_files: dict[str, bytes], tmp_path: Path) -> Path:
    """The data directory that a Kafka broker of 4.4.0 closed."""
    return unpack(kafka_files, tmp_path / "kafka")


@pytest.fixture
def write_log(tmp_path: Path) -> WriteLog:
    """Makes a data directory with one log: `write_log(25, clean=)`, see `log_room.write_batches`."""
    return partial(write_batches, tmp_path / "data")


def _batches(*counts: int, base_offset: int = 0, epoch: int = 0, timestamp: int = 1000) -> list[bytes]:
    found = []
    for number, count in enumerate(counts):
        rows = [(b"k", b"value %d" % (base_offset + at)) for at in range(count)]
        found.append(build_batch(rows, base_offset=base_offset, timestamp=timestamp + number, leader_epoch=epoch))
        base_offset += count
    return found


@pytest.fixture(scope="session")
def batches() -> Batches:
    """Makes batches of so many records each: `batches(3, 1, 2, base_offset=, epoch=, timestamp=)`."""
    return _batches


def _command(name: str, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str | Path) -> Shown:
        status = main([name, *map(str, words)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `pybroker verify`: status, stdout, stderr."""
    return _command("verify", capsys)


@pytest.fixture
def dump(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `pybroker dump`: status, stdout, stderr."""
    return _command("dump", capsys)
