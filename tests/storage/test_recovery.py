"""Opening a log after a stop that was not clean: what is sound stays, the rest is cut, and nothing raises."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage.files import Files
from pybroker.storage.interface import EpochEnd, LogConfig

Append = Callable[..., bytes]
Open = Callable[..., Any]
SIZE = 92


def write_log(open_disk: Open, append: Append, count: int, **config: Any) -> list[bytes]:
    """A log of batches of 92 bytes, left as a killed process leaves it."""
    store = open_disk()
    log = store.create("t", 0, bytes(range(16)), LogConfig(index_interval_bytes=200, **config))
    batches = [append(log, timestamp=1000 + number, epoch=number // 4) for number in range(count)]
    store.abandon()
    return batches


def content(log: Any) -> bytes:
    """All bytes of a log."""
    return b"".join(found.read() for _, found in log.batches(0))


def reopen(open_disk: Open) -> Any:
    """The log in a new store."""
    log = open_disk().get("t", 0)
    assert log is not None
    return log


def test_nothing_is_lost_after_a_kill(open_disk: Open, append: Append) -> None:
    """What a killed process wrote is all there, and was checked."""
    batches = write_log(open_disk, append, 30, segment_bytes=1000)
    log = reopen(open_disk)
    assert content(log) == b"".join(batches)
    assert log.recovery.scanned_bytes == 30 * SIZE
    assert log.recovery.cut_reason is None
    assert log.end_of_epoch(3) == EpochEnd(3, 16)
    assert log.topic_id == bytes(range(16))
    assert log.offset_for_timestamp(1017, 30).offset == 17
    append(log)
    assert log.log_end_offset == 31


@pytest.mark.parametrize("left", range(2 * SIZE))
def test_torn_tail(open_disk: Open, append: Append, tmp_path: Path, left: int) -> None:
    """A file cut at any byte of its last two batches keeps all whole batches and goes on after them."""
    batches = write_log(open_disk, append, 5)
    path = tmp_path / "data/t-0/00000000000000000000.log"
    path.write_bytes(path.read_bytes()[: 3 * SIZE + left])
    log = reopen(open_disk)
    whole = 3 + left // SIZE
    assert log.log_end_offset == whole
    assert content(log) == b"".join(batches[:whole])
    assert path.stat().st_size == whole * SIZE
    assert (log.recovery.cut_reason is None) == (left % SIZE == 0)
    assert log.recovery.cut_bytes == left % SIZE
    again = append(log)
    assert content(log) == b"".join(batches[:whole]) + again


@pytest.mark.parametrize("at", [*range(5), *range(8, 12), *range(16, SIZE)])
def test_flipped_byte(open_disk: Open, append: Append, tmp_path: Path, at: int) -> None:
    """A wrong byte in a batch ends the log before it; but the leader epoch is under no CRC, and a small leap in offsets may be a gap."""
    batches = write_log(open_disk, append, 5)
    path = tmp_path / "data/t-0/00000000000000000000.log"
    data = bytearray(path.read_bytes())
    data[3 * SIZE + at] ^= 0x80
    path.write_bytes(data)
    log = reopen(open_disk)
    assert content(log) == b"".join(batches[:3])
    assert log.recovery.cut_bytes == 2 * SIZE
    assert "00000000000000000000.log" in log.recovery.cut_reason


def test_zeros_at_the_end(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """Blocks that were allocated and never written are zeros, and no batches."""
    batches = write_log(open_disk, append, 5)
    with (tmp_path / "data/t-0/00000000000000000000.log").open("ab") as file:
        file.write(bytes(5000))
    log = reopen(open_disk)
    assert content(log) == b"".join(batches)
    assert "zeros" in log.recovery.cut_reason
    assert log.recovery.cut_bytes == 5000


def test_damage_in_an_early_segment(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """The log ends where it is damaged: later segments are put aside, and their epochs forgotten."""
    batches = write_log(open_disk, append, 30, segment_bytes=1000)
    path = tmp_path / "data/t-0/00000000000000000010.log"
    data = bytearray(path.read_bytes())
    data[2 * SIZE + 70] ^= 1
    path.write_bytes(data)
    log = reopen(open_disk)
    assert content(log) == b"".join(batches[:12])
    assert log.recovery.cut_bytes == 18 * SIZE
    assert log.latest_epoch == 2
    assert sorted(path.name for path in (tmp_path / "data/t-0").glob("*.log*")) == [
        "00000000000000000000.log",
        "00000000000000000010.log",
        "00000000000000000020.log.deleted",
    ]


def test_recovery_point_bounds_the_scan(open_disk: Open, append: Append) -> None:
    """What was flushed before the recovery point is not read again."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=1000, index_interval_bytes=200))
    batches = [append(log, epoch=number // 10) for number in range(35)]
    store.checkpoint({})
    assert log.recovery_point == 30
    store.abandon()
    log = reopen(open_disk)
    assert log.recovery.scanned_bytes == 5 * SIZE
    assert content(log) == b"".join(batches)
    assert log.end_of_epoch(1) == EpochEnd(1, 20)


@pytest.mark.parametrize("suffix", ["index", "timeindex"])
@pytest.mark.parametrize("damage", ["missing", "cut", "foreign"])
@pytest.mark.parametrize("clean", [True, False])
def test_damaged_index_is_built_anew(open_disk: Open, append: Append, tmp_path: Path, suffix: str, damage: str, clean: bool) -> None:
    """No index is trusted: whatever its file holds, every offset and time is found."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=1000, index_interval_bytes=200))
    batches = [append(log, timestamp=1000 + number) for number in range(25)]
    store.checkpoint({})
    if clean:
        store.close({})
    else:
        store.abandon()
    for base in (0, 10):
        path = tmp_path / f"data/t-0/{base:020d}.{suffix}"
        if damage == "missing":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(path.read_bytes()[:-5])
        else:
            path.write_bytes(b"".join(number.to_bytes(4) for number in range(1, 25)))
    log = reopen(open_disk)
    for offset in range(25):
        assert log.read(offset, SIZE, 25, True).read() == batches[offset]
        assert log.offset_for_timestamp(1000 + offset, 25).offset == offset


@pytest.mark.parametrize(("content", "remarks"), [("0\n3\n1 2\n", 1), ("", 0)], ids=["torn", "empty, as a killed Kafka may leave it"])
def test_damaged_epochs_are_read_from_batches(open_disk: Open, append: Append, tmp_path: Path, content: str, remarks: int) -> None:
    """Without a readable leader-epoch-checkpoint the batches tell the epochs."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=1000))
    for number in range(25):
        append(log, epoch=number // 5)
    store.close({})
    (tmp_path / "data/t-0/leader-epoch-checkpoint").write_text(content)
    log = reopen(open_disk)
    assert [log.epoch_at(offset) for offset in range(0, 25, 5)] == [0, 1, 2, 3, 4]
    assert [remark for remark in log.recovery.remarks if "leader epochs are read from the batches" in remark] == list(log.recovery.remarks)
    assert len(log.recovery.remarks) == remarks


def test_clean_stop_with_a_torn_tail(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """The mark of a clean stop does not make a torn batch whole."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig())
    batches = [append(log) for _ in range(5)]
    store.close({})
    path = tmp_path / "data/t-0/00000000000000000000.log"
    path.write_bytes(path.read_bytes()[:-1])
    log = reopen(open_disk)
    assert content(log) == b"".join(batches[:4])
    assert "checked" in log.recovery.remarks[0]


def test_foreign_files_are_left_alone(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """What is no file of a log stays, and is reported, but for what a repair kept; what is left of deletions goes."""
    write_log(open_disk, append, 2)
    directory = tmp_path / "data/t-0"
    (directory / "notes.txt").write_text("mine")
    (directory / "00000000000000000000.log.damaged-1").write_bytes(b"x")
    (directory / "00000000000000000007.log.deleted").write_bytes(b"x")
    (directory / "00000000000000000007.index").write_bytes(b"")
    (directory / "00000000000000000000.log.cleaned").write_bytes(b"x")
    log = reopen(open_disk)
    assert log.recovery.remarks == (f"{directory / 'notes.txt'} is no file of a log; it is left alone",)
    assert sorted(path.name for path in directory.iterdir()) == [
        "00000000000000000000.log",
        "00000000000000000000.log.damaged-1",
        "notes.txt",
        "partition.metadata",
    ]


def test_compaction_that_was_interrupted(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A complete `.swap` segment takes the place of those it covers."""
    batches = write_log(open_disk, append, 25, segment_bytes=1000)
    directory = tmp_path / "data/t-0"
    (directory / "00000000000000000000.log.swap").write_bytes(batches[3] + batches[17])
    (directory / "00000000000000000000.index.swap").write_bytes(b"")
    log = reopen(open_disk)
    assert content(log) == batches[3] + batches[17] + b"".join(batches[20:])
    assert log.read(4, 10_000, 25, True).read() == batches[17]
    assert log.read(18, 10_000, 25, True).read() == b"".join(batches[20:])


def test_log_that_ends_before_its_start(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """If the bytes behind the log start were lost, the log is empty and begins where its checkpoint says."""
    write_log(open_disk, append, 5)
    (tmp_path / "data/log-start-offset-checkpoint").write_text("0\n1\nt 0 9\n")
    log = reopen(open_disk)
    assert (log.log_start_offset, log.log_end_offset) == (9, 9)
    batch = append(log)
    assert log.read(9, 1000, 10, True).read() == batch


def test_batches_larger_than_the_scan_buffer(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A batch of several buffers is checked in pieces."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig())
    first, second = append(log, size=3 << 20), append(log, size=3 << 20)
    store.abandon()
    log = reopen(open_disk)
    assert content(log) == first + second
    assert log.recovery.cut_reason is None


def test_empty_directory_of_a_log(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """A stop between making the directory and its first segment leaves an empty log."""
    open_disk().abandon()
    (tmp_path / "data/t-0").mkdir()
    log = reopen(open_disk)
    assert log.log_end_offset == 0
    append(log)
    assert log.log_end_offset == 1


def test_index_preallocated_by_kafka(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """Zeros behind the entries of an index, as a killed Kafka leaves them, end it."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(index_interval_bytes=200))
    batches = [append(log, timestamp=1000 + number) for number in range(9)]
    store.close({})
    for suffix, size in (("index", 8), ("timeindex", 12)):
        with (tmp_path / f"data/t-0/00000000000000000000.{suffix}").open("ab") as file:
            file.write(bytes(size * 100))
    log = reopen(open_disk)
    assert log.recovery.scanned_bytes == 0
    assert [log.read(offset, SIZE, 9, True).read() for offset in range(9)] == batches
    assert log.max_timestamp(9).offset == 8


class CountingFiles(Files):
    """`read_bytes`: how many were read in passes over segments."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def preadv(self, fd: int, buffers: Any, position: int) -> int:  # type: ignore[override]  # a method in the place of a function of os
        count = os.preadv(fd, buffers, position)
        self.read_bytes += count
        return count


@pytest.mark.parametrize(("holes_at", "passes"), [("the end", 2), ("the start", 1)])
def test_many_gaps_cost_one_look(open_disk: Open, append: Append, tmp_path: Path, holes_at: str, passes: int) -> None:
    """A compacted log that was carried here has a gap before each segment: whether that is right is asked once, not at each."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), store._config)
    append(log, gap=int(holes_at == "the start"))
    for _ in range(400):
        append(log)
    append(log, gap=int(holes_at == "the end"))
    bases = [segment.base_offset for segment in log.extents()]
    end_offset = log.log_end_offset
    store.abandon()
    for base in bases[1:-1:2]:
        for file in (tmp_path / "data" / "t-0").glob(f"{base:020}.*"):
            file.unlink()
    files = CountingFiles()
    log = open_disk(files=files).get("t", 0)
    assert (log.recovery.cut_reason, log.log_end_offset, len(log.extents())) == (None, end_offset, len(bases) - len(bases[1:-1:2]))
    assert files.read_bytes <= passes * log.size_bytes
