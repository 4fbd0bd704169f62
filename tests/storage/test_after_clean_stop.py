"""What a start finds after a clean stop, where somebody touched the files meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage.errors import StorageError

LOG = "00000000000000000000"


@pytest.fixture
def stopped(tmp_path: Path, open_disk: Callable[..., Any], append: Callable[..., bytes], small: Any) -> Path:
    """The directory of a log of three segments and 24 offsets, after a clean stop."""
    store = open_disk()
    log = store.create("t", 0, b"i" * 16, small)
    for number in range(24):
        append(log, timestamp=1000 + number)
    store.close({})
    return tmp_path / "data" / "t-0"


def offsets(log: Any) -> list[int]:
    """Those that can be read, from the log's start on."""
    return [header.base_offset for header, _ in log.batches(log.log_start_offset)]


def last_of(directory: Path) -> Path:
    """The active segment."""
    return max(directory.glob("*.log"))


@pytest.mark.parametrize("suffixes", [(), (".timeindex",), (".index",), (".index", ".timeindex")])
@pytest.mark.parametrize("damage", ["cut", "zeros", "garbage"])
@pytest.mark.parametrize("way", ["removed", "emptied"])
def test_a_torn_end_is_cut(
    stopped: Path, open_disk: Callable[..., Any], append: Callable[..., bytes], suffixes: tuple[str, ...], damage: str, way: str
) -> None:
    """Whatever became of the indexes: the file is cut before anything is appended, and that is said."""
    path = last_of(stopped)
    content = path.read_bytes()
    path.write_bytes(content[:-5] if damage == "cut" else content + (bytes(4096) if damage == "zeros" else b"garbage" * 30))
    for suffix in suffixes:
        if way == "removed":
            path.with_suffix(suffix).unlink()
        else:
            path.with_suffix(suffix).write_bytes(b"")
    store = open_disk()
    log = store.get("t", 0)
    end = 23 if damage == "cut" else 24
    assert (log.log_end_offset, offsets(log)) == (end, list(range(end)))
    assert log.recovery.cut_bytes
    assert path.name in log.recovery.cut_reason
    assert path.stat().st_size == log._segments.all[-1].size_bytes
    append(log)
    store.abandon()
    for _ in range(2):
        again = open_disk()
        assert offsets(again.get("t", 0)) == list(range(end + 1))
        again.close({})


def test_a_torn_end_of_an_empty_segment_is_cut(tmp_path: Path, open_disk: Callable[..., Any], append: Callable[..., bytes]) -> None:
    """Zeros in an active segment that held nothing are not what the next batch is written behind."""
    store = open_disk()
    log = store.create("t", 0, b"i" * 16, store._config)
    append(log)
    log.roll(1)
    store.close({})
    path = last_of(tmp_path / "data" / "t-0")
    path.write_bytes(bytes(4096))
    store = open_disk()
    log = store.get("t", 0)
    assert path.stat().st_size == 0
    append(log)
    store.abandon()
    assert offsets(open_disk().get("t", 0)) == [0, 1]


def test_nothing_is_appended_to_a_file_of_another_size(stopped: Path, open_disk: Callable[..., Any], append: Callable[..., bytes]) -> None:
    """Who opens the active segment to write on finds out whether it ends where the log does."""
    store = open_disk()
    log = store.get("t", 0)
    log.let_go()
    with last_of(stopped).open("ab") as file:
        file.write(b"somebody else")
    with pytest.raises(StorageError, match="13 bytes more than"):
        append(log)
    with pytest.raises(StorageError, match="13 bytes more than"):
        append(log)
    assert log.log_end_offset == 24


def test_damage_found_by_a_reader_does_not_move_the_end(stopped: Path, open_disk: Callable[..., Any], append: Callable[..., bytes]) -> None:
    """Of the active segment: its size stays, the damage is told again and again, and what is appended is written where it should be."""
    store = open_disk()
    log = store.get("t", 0)
    append(log, 2)
    segment = log._segments.all[-1]
    index = segment.indexes.offsets
    position = index.last()[1]
    assert position
    with last_of(stopped).open("r+b") as file:
        file.seek(position + 16)
        file.write(b"\x09")  # its magic
    size_bytes, inside = segment.size_bytes, segment.base_offset + index.last()[0]
    for _ in range(2):
        with pytest.raises(StorageError, match="damaged at byte"):
            log.read(inside, 1000, 26, True)
    assert segment.size_bytes == size_bytes == last_of(stopped).stat().st_size
    batch = append(log)
    assert log.read(26, 1000, 27, True).read() == batch


def foreign_files(directory: Path) -> dict[str, Callable[[Path], object]]:
    """Ways to make a file that is no part of the log of three segments: 0, 10 and 20."""
    first = min(directory.glob("*.log")).read_bytes()
    return {
        "empty": lambda path: path.write_bytes(b""),
        "two bytes": lambda path: path.write_bytes(b"x\n"),
        "zeros": lambda path: path.write_bytes(bytes(4096)),
        "copy": lambda path: path.write_bytes(first),
        "copy of the last": lambda path: path.write_bytes(last_of(directory).read_bytes()),
    }


KINDS = ["empty", "two bytes", "zeros", "copy", "copy of the last"]


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [5, 13, 22, 24])
def test_a_foreign_segment_is_put_aside(
    stopped: Path, open_disk: Callable[..., Any], append: Callable[..., bytes], offset: int, kind: str, clean: bool
) -> None:
    """Wherever it says that it begins: nothing of the log is lost, everything can be read, and the end is where it was."""
    if not clean:
        (stopped.parent / ".kafka_cleanshutdown").unlink()
    path = stopped / f"{offset:020}.log"
    foreign_files(stopped)[kind](path)
    store = open_disk()
    log = store.get("t", 0)
    assert (log.log_end_offset, offsets(log)) == (24, list(range(24)))
    if offset != 24:
        assert [path.name in remark and "put aside" in remark for remark in log.recovery.remarks if "put aside" in remark] == [True]
        assert not path.exists()
    for at in range(24):
        assert log.read(at, 1, 24, True) is not None
    append(log)
    assert log.read(24, 1, 25, True) is not None
    store.close({})
    again = open_disk().get("t", 0)
    assert (offsets(again), again.recovery.remarks) == (list(range(25)), ())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "copy of the last"])
def test_a_foreign_segment_behind_the_end(stopped: Path, open_disk: Callable[..., Any], append: Callable[..., bytes], kind: str) -> None:
    """It does not move the end of the log forward."""
    foreign_files(stopped)[kind](stopped / f"{500:020}.log")
    log = open_disk().get("t", 0)
    assert (log.log_end_offset, offsets(log)) == (24, list(range(24)))
    append(log)
    assert log.read(24, 1, 25, True) is not None


@pytest.mark.parametrize("kind", ["empty", "two bytes"])
def test_a_foreign_segment_before_the_start(stopped: Path, open_disk: Callable[..., Any], small: Any, kind: str) -> None:
    """It does not move the start of the log back."""
    store = open_disk()
    store.get("t", 0).raise_log_start_offset(10)
    store.close({})
    foreign_files(stopped)[kind](stopped / f"{5:020}.log")
    log = open_disk().get("t", 0)
    assert (log.log_start_offset, log.log_end_offset, offsets(log)) == (10, 24, list(range(10, 24)))


def test_a_copied_segment_with_its_indexes(stopped: Path, open_disk: Callable[..., Any]) -> None:
    """At the end of a log that is found too, by the end that was checkpointed."""
    for suffix in (".log", ".index", ".timeindex"):
        (stopped / f"{22:020}{suffix}").write_bytes((stopped / f"{LOG}{suffix}").read_bytes())
    log = open_disk().get("t", 0)
    assert (log.log_end_offset, offsets(log)) == (24, list(range(24)))


@pytest.mark.parametrize("clean", [True, False])
def test_no_segment_of_the_log_is_taken_for_a_foreign_one(stopped: Path, open_disk: Callable[..., Any], clean: bool) -> None:
    """All lost their indexes: then nothing is said, nothing put aside."""
    if not clean:
        (stopped.parent / ".kafka_cleanshutdown").unlink()
    for path in [*stopped.glob("*.index"), *stopped.glob("*.timeindex")]:
        path.unlink()
    log = open_disk().get("t", 0)
    assert (offsets(log), log.recovery.remarks, len(log.segments())) == (list(range(24)), (), 3)


def test_garbage_behind_a_segment_in_the_middle(stopped: Path, open_disk: Callable[..., Any]) -> None:
    """Nothing of the log can lie there, so who replays the log goes on with the next segment."""
    path = stopped / f"{LOG}.log"
    path.write_bytes(path.read_bytes() + b"garbage" * 30)
    assert offsets(open_disk().get("t", 0)) == list(range(24))
