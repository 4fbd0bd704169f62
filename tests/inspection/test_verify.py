"""`pybroker verify`: what may be asked of it, and how it answers."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from random import Random

import pytest

from pybroker.cli import main
from pybroker.storage.files import Files
from pybroker.testing.output import NowhereToWrite
from tests.inspection.log_room import SIZE, Command, WriteLog, running, segment, tear


def test_directories_that_are_whole(verify: Command, write_log: WriteLog, kafka_logs: Path) -> None:
    """What Kafka and pybroker close cleanly is whole, and a look at it changes nothing."""
    status, out, err = verify(kafka_logs)
    assert (status, out, err) == (0, "4 logs with 1,129 records: all is whole\n", "")
    path = write_log(25)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    status, out, _ = verify(path)
    assert (status, out.endswith("\n1 log with 25 records: all is whole\n")) == (0, True)
    assert verify(path / "t-0")[0] == verify(segment(path, 10))[0] == verify(segment(path, 10, "timeindex"))[0] == 0
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_as_json(verify: Command, write_log: WriteLog) -> None:
    """Findings, steps and summary are one object a line."""
    path = write_log(13, clean=False)
    tear(segment(path, 10))
    found = [json.loads(line) for line in verify("--json", path)[1].splitlines()]
    assert [row["kind"] for row in found] == ["damage", "note", "summary"]
    damage = next(row for row in found if row["kind"] == "damage")
    assert (damage["position"], damage["offset"]) == (2 * SIZE, 12)
    kinds = [json.loads(line)["kind"] for line in verify("--json", "--repair", path)[1].splitlines()]
    assert kinds[-2:] == ["repaired", "summary"]


def test_a_broker_that_runs(verify: Command, write_log: WriteLog) -> None:
    """A look is possible, a torn end may be one that is being written, and repair is refused."""
    path = write_log(13, clean=False)
    tear(segment(path, 10))
    with running(path):
        status, out, _ = verify(path)
        assert (status, "the broker may be writing them" in out, "a broker runs on" in out) == (0, True, True)
        status, out, err = verify("--repair", path / "t-0")
        assert (status, out) == (2, "")
        assert err.startswith("pybroker: nothing was repaired: ")
        assert "is in use" in err
        status, out, again = verify("--repair", "--json", path / "t-0")
        assert (status, again) == (2, err)
        assert json.loads(out) == {"kind": "error", "what": err.removeprefix("pybroker: ").rstrip()}


def test_files_that_go_meanwhile(verify: Command, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that runs may remove a segment between the look at the directory and that at the file."""
    path = write_log(25)
    gone = str(segment(path, 0))
    look = Files.size

    def size(self: Files, of: str) -> int:
        if of == gone:
            raise FileNotFoundError(2, "No such file or directory", of)
        return look(self, of)

    monkeypatch.setattr(Files, "size", size)
    with running(path):
        status, out, _ = verify(path)
    assert (status, f"note: {gone}: the broker removed it meanwhile" in out) == (0, True)
    assert verify(path)[0] == 2


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(100), 2, "is no file of a Kafka data directory"),
        ("empty", b"", 2, "is empty"),
        ("00000000000000000000.log", b"", 0, "all is whole"),
        ("00000000000000000000.log", bytes(3 << 20), 1, "zeros where a batch should begin"),
        ("copy.log", Random(2).randbytes(2000), 1, "1 place damaged"),
        ("00000000000000000000.txnindex", b"12345", 1, "no entry begins here"),
        ("00000000000000000000.snapshot", b"12345", 1, "too few"),
    ],
)
def test_files_by_themselves(verify: Command, tmp_path: Path, name: str, content: bytes, status: int, words: str) -> None:
    """Single files of any content get a sentence; they are not repaired."""
    (tmp_path / name).write_bytes(content)
    found, out, err = verify(tmp_path / name)
    assert (found, words in out + err) == (status, True)
    found, _, err = verify("--repair", tmp_path / name)
    assert (found, "is no directory" in err) == (2, True)


def test_paths_that_are_not_there(verify: Command, tmp_path: Path) -> None:
    """What cannot be looked at has status 2."""
    (tmp_path / "empty").mkdir()
    status, _, err = verify(tmp_path / "nowhere", tmp_path / "empty")
    assert status == 2
    assert "nowhere" in err
    assert "holds nothing of a Kafka data directory" in err


def test_a_directory_of_others(verify: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
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


def test_what_may_not_be_read(verify: Command, kafka_logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is named, the rest is looked at, and the status is 2."""
    refused = {str(kafka_logs / "meta.properties"), str(kafka_logs / "orders-0" / "00000000000000000000.log")}
    allow = Files.open

    def refuse(path: str, *arguments: int) -> int:
        if path in refused:
            raise PermissionError(13, "Permission denied", path)
        return allow(path, *arguments)

    monkeypatch.setattr(Files, "open", staticmethod(refuse))
    status, out, err = verify(kafka_logs)
    assert (status, "4 logs with 1,087 records: all that could be looked at is whole; 2 paths could not be looked at" in out) == (2, True)
    assert all(f"cannot look at {path}: Permission denied" in err for path in refused)


def test_a_pipe(verify: Command, tmp_path: Path) -> None:
    """Of what is no file at all nothing is called whole."""
    os.mkfifo(tmp_path / "fifo.log")
    status, out, err = verify(tmp_path / "fifo.log")
    assert (status, out, "Not a regular file" in err) == (2, "nothing was looked at\n", True)


@pytest.mark.parametrize("words", [[], ["--json"], ["--repair"]])
def test_output_that_cannot_be_written(
    words: list[str], write_log: WriteLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is the disk full that the output goes to, one line on stderr says so."""
    path = write_log(3)
    with NowhereToWrite(path / "out", errno.ENOSPC) as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["verify", *words, str(path)]) == 2
    err = capsys.readouterr().err
    assert err.endswith("cannot write: No space left on device\n")
    assert err.count("\n") == 1


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """--skip-damaged alone does nothing, so it is refused."""
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "--skip-damaged", "x"])
    assert "--skip-damaged is a way of --repair" in capsys.readouterr().err
