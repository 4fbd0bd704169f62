"""Writes that fail: nothing of them stays, and the log says what happened."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage.checkpoints import read_offsets
from pybroker.storage.errors import DataDirectoryError, DiskFullError, NoDescriptorError, StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import AbortedTransaction, LogConfig

Append = Callable[..., bytes]
Open = Callable[..., Any]


class TroubledFiles(Files):
    """A disk with `room` bytes left (None: plenty), and functions that fail with the errno given for them."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.failing: dict[str, int] = {}

    def _try(self, name: str) -> None:
        if name in self.failing:
            raise OSError(self.failing[name], os.strerror(self.failing[name]))

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]  # a method in the place of a function of os
        self._try("write")
        if self.room is None:
            return os.write(fd, data)
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(fd, memoryview(data)[: self.room])
        self.room -= written
        return written

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # see above
        self._try("open")
        return os.open(path, flags, mode)

    def truncate(self, fd: int, size: int) -> None:  # type: ignore[override]  # see above
        self._try("truncate")
        os.ftruncate(fd, size)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._try("fsync")


@pytest.fixture
def files() -> TroubledFiles:
    """A disk that has no trouble yet."""
    return TroubledFiles()


@pytest.fixture
def log(open_disk: Open, files: TroubledFiles, append: Append) -> Any:
    """A log with one batch of 92 bytes on the troubled disk."""
    log = open_disk(files=files).create("t", 0, bytes(16), LogConfig(segment_bytes=300))
    append(log)
    return log


@pytest.mark.parametrize("room", [0, 1, 61, 91])
def test_disk_full(log: Any, files: TroubledFiles, append: Append, room: int) -> None:
    """A batch that does not fit leaves nothing behind, and fits when there is room again."""
    files.room = room
    with pytest.raises(DiskFullError, match=r"no space is left to append to .*00\.log"):
        append(log)
    assert (log.log_end_offset, log.size_bytes) == (1, 92)
    files.room = None
    batch = append(log)
    assert log.read(1, 1000, 2, True).read() == batch
    assert log.segments()[0].size_bytes == 184


def test_short_writes_are_completed(log: Any, files: TroubledFiles, append: Append) -> None:
    """A write that takes a part is followed by one for the rest."""
    whole = files.write
    files.write = lambda fd, data: whole(fd, memoryview(data)[:10])  # type: ignore[method-assign]  # a disk in small steps
    log.roll(0)
    batch = append(log)
    assert log.read(1, 1000, 2, True).read() == batch


def test_disk_full_at_a_roll(log: Any, files: TroubledFiles, append: Append) -> None:
    """Where the indexes of a rolled segment find no room, they are done without, and read from the log when they are needed."""
    append(log)
    append(log)
    files.room = 5
    with pytest.raises(DiskFullError):
        append(log)
    files.room = None
    batch = append(log)
    assert [segment.base_offset for segment in log.segments()] == [0, 3]
    assert log.read(3, 1000, 4, True).read() == batch
    assert len(log.read(1, 1000, 4, True).read()) == 184


def test_write_error_takes_the_log_offline(log: Any, files: TroubledFiles, append: Append) -> None:
    """After an I/O error the log takes no more, but what it has can be read."""
    files.failing["write"] = errno.EIO
    with pytest.raises(StorageError, match="cannot append to"):
        append(log)
    files.failing.clear()
    with pytest.raises(StorageError, match="t-0 is offline"):
        append(log)
    assert len(log.read(0, 1000, 1, True).read()) == 92


def test_error_of_a_read_names_the_file(log: Any, files: TroubledFiles, tmp_path: Path) -> None:
    """Whoever reads of it must know which disk to look at, also when the directory was renamed since the file was opened."""

    def pread(fd: int, size_bytes: int, position: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    found = log.read(0, 1000, 1, True)
    path = str(tmp_path / f"data/t-0/{0:020}.log")
    files.pread = pread  # type: ignore[method-assign]  # a disk that cannot be read
    for attempt in (found.read, lambda: list(log.batches(0)), lambda: log.segment_times(0)):
        with pytest.raises(StorageError, match=f"^cannot read {path} at byte 0: Input/output error$"):
            attempt()
    log.follow("/elsewhere")
    with pytest.raises(StorageError, match=r"/elsewhere/0+\.log"):
        found.read()


def test_torn_batch_that_cannot_be_removed(log: Any, files: TroubledFiles, append: Append) -> None:
    """If what a failed write left cannot be taken away, the log is offline."""
    files.room = 10
    files.failing["truncate"] = errno.EIO
    with pytest.raises(StorageError, match="ends in a torn batch"):
        append(log)
    assert log.failure is not None


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_failed_fsync_is_not_tried_again(log: Any, files: TroubledFiles, append: Append, number: int) -> None:
    """After a failed fsync, a full disk's too, nobody knows what is on disk: the log is offline, and its recovery point stays."""
    files.failing["fsync"] = number
    with pytest.raises(StorageError, match="flush") as caught:
        log.flush()
    assert type(caught.value) is StorageError
    files.failing.clear()
    with pytest.raises(StorageError, match="offline"):
        log.flush()
    assert log.recovery_point == 0


def test_failed_log_never_says_that_the_disk_is_full(log: Any, files: TroubledFiles) -> None:
    """A log that is offline since names could not be made durable says so, even if that was for want of room: nothing is tried again."""

    def fsync_names(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log.flush()  # the leader epochs are written: they alone may be tried again
    log.roll(0)
    files.fsync_names = fsync_names  # type: ignore[method-assign]  # a disk that is full when it settles
    with pytest.raises(StorageError, match="no space is left to flush") as caught:
        log.flush()
    assert type(caught.value) is StorageError
    assert log.failure is caught.value


def test_failed_discard_never_says_that_the_disk_is_full(log: Any, files: TroubledFiles, append: Append) -> None:
    """Nor does one whose segment could not be renamed away."""

    def rename(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log.roll(0)
    append(log)
    files.rename = rename  # type: ignore[method-assign]  # a directory that cannot grow
    with pytest.raises(StorageError, match="no space is left to rename") as caught:
        log.raise_log_start_offset(1)
    assert type(caught.value) is StorageError
    assert log.failure is caught.value


def test_disk_full_at_the_epoch_checkpoint(log: Any, files: TroubledFiles, append: Append) -> None:
    """Where the leader epochs find no room nothing is claimed to be safe, the log goes on, and the next flush writes them."""
    append(log, epoch=3)
    files.room = 0
    with pytest.raises(DiskFullError, match="leader-epoch-checkpoint"):
        log.flush()
    assert (log.failure, log.recovery_point) == (None, 0)
    files.room = None
    append(log, epoch=3)
    assert log.flush() == 3
    checkpoint = os.path.join(log.home.directory, "leader-epoch-checkpoint")
    assert files.read_file(checkpoint) == b"0\n2\n0 0\n3 1\n"


def test_disk_full_where_an_empty_segment_is_replaced(log: Any, files: TroubledFiles, append: Append) -> None:
    """An empty segment that cannot hold the next offset goes when its successor is there, not before."""
    append(log)
    log.roll(0)
    files.failing["open"] = errno.ENOSPC
    with pytest.raises(DiskFullError, match="create"):
        append(log, gap=2**31)
    assert [segment.base_offset for segment in log.segments()] == [0, 2]
    files.failing.clear()
    append(log, gap=2**31)
    assert [segment.base_offset for segment in log.segments()] == [0, 2 + 2**31]
    assert log.failure is None


def _refuse_room(files: TroubledFiles) -> None:
    files.room = 0


def _refuse_descriptors(files: TroubledFiles) -> None:
    files.failing["open"] = errno.EMFILE


@pytest.mark.parametrize("refuse", [_refuse_room, _refuse_descriptors])
def test_aborted_transaction_that_finds_no_room(log: Any, files: TroubledFiles, append: Append, refuse: Callable[..., None]) -> None:
    """It is kept until there is room, and nothing else is lost: its marker is in the log, where the next start finds it."""
    append(log)
    entries = [AbortedTransaction(7, -1, 0, 0), AbortedTransaction(8, 0, 1, 1)]
    index = os.path.join(log.home.directory, f"{0:020}.txnindex")
    refuse(files)
    log.add_aborted(entries[0])
    assert log.failure is None
    files.room = None
    files.failing.clear()
    assert list(log.aborted()) == entries[:1]
    log.add_aborted(entries[1])
    assert list(log.aborted()) == entries
    assert os.path.getsize(index) == 68


def test_no_snapshot_behind_an_aborted_transaction_that_waits(log: Any, files: TroubledFiles, append: Append) -> None:
    """A start reads markers from the last snapshot on, so there must be none behind what the index lacks."""
    files.room = 20
    log.add_aborted(AbortedTransaction(7, -1, 0, 0))
    files.room = 0
    with pytest.raises(DiskFullError, match="txnindex"):
        log.write_producer_snapshot(1, b"producers")
    assert list(log.producer_snapshots()) == []
    files.room = None
    log.write_producer_snapshot(1, b"producers")
    assert list(log.producer_snapshots()) == [(1, b"producers")]
    assert os.path.getsize(os.path.join(log.home.directory, f"{0:020}.txnindex")) == 34


def test_what_waits_goes_with_its_segment(log: Any, files: TroubledFiles, append: Append) -> None:
    """No index is made for a segment that is no more, nor are entries kept whose markers were cut."""
    append(log)
    log.roll(0)
    append(log)
    files.room = 0
    log.add_aborted(AbortedTransaction(7, -1, 1, 0))
    log.add_aborted(AbortedTransaction(8, 1, 2, 1))
    log.forget_aborted(2)
    assert [entry.producer_id for entry in log.aborted()] == [7]
    log.raise_log_start_offset(2)
    files.room = None
    log.write_producer_snapshot(3, b"")
    assert [name for name in os.listdir(log.home.directory) if name.endswith(".txnindex")] == []


def test_nothing_to_forget_on_a_full_disk(log: Any, files: TroubledFiles, append: Append) -> None:
    """A start that finds the transaction indexes as they should be writes none of them."""
    append(log)
    log.add_aborted(AbortedTransaction(7, -1, 0, 0))
    files.room = 0
    log.forget_aborted(1)
    assert [entry.producer_id for entry in log.aborted()] == [7]


def test_one_full_log_does_not_keep_the_others(open_disk: Open, files: TroubledFiles, append: Append, tmp_path: Path) -> None:
    """A checkpoint claims what is safe of every log, whichever of them cannot be flushed; the first fault is told."""
    store = open_disk(files=files)
    logs = [store.create(name, 0, bytes(16), LogConfig()) for name in ("a", "b", "c")]
    for each in logs:
        append(each)
        each.roll(0)
    logs[0].let_go()
    os.unlink(tmp_path / "data/a-0/00000000000000000000.log")
    with pytest.raises(StorageError, match=r"a-0/0+\.log"):
        store.checkpoint({})
    assert [log.recovery_point for log in logs] == [0, 1, 1]
    assert (tmp_path / "data/recovery-point-offset-checkpoint").read_text() == "0\n3\na 0 0\nb 0 1\nc 0 1\n"


def test_full_disk_hides_nothing_worse(open_disk: Open, files: TroubledFiles, append: Append, tmp_path: Path) -> None:
    """Where one log finds no room at a checkpoint and another has failed, the failure is told."""
    store = open_disk(files=files)
    logs = [store.create(name, 0, bytes(16), LogConfig()) for name in ("a", "b")]
    for each in logs:
        append(each)
        each.roll(0)
    logs[1].flush()
    append(logs[1])
    logs[1].roll(0)
    logs[1].let_go()
    os.unlink(tmp_path / f"data/b-0/{1:020}.log")
    files.room = 0
    with pytest.raises(StorageError, match=r"b-0/0+1\.log") as caught:
        store.checkpoint({})
    assert type(caught.value) is StorageError
    assert (logs[0].failure, logs[1].failure) == (None, caught.value)


def test_no_descriptor_is_left(log: Any, files: TroubledFiles, append: Append) -> None:
    """While connections hold all descriptors a log can neither be read, written nor flushed; it is whole, and goes on after."""
    log.let_go()
    files.failing["open"] = errno.EMFILE
    for attempt in (lambda: append(log), lambda: log.read(0, 1000, 1, True), log.flush):
        with pytest.raises(NoDescriptorError, match=r"no descriptor is left to open .*ulimit -n"):
            attempt()
    assert log.failure is None
    files.failing.clear()
    batch = append(log)
    assert log.read(1, 1000, 2, True).read() == batch
    assert log.flush() == 2


def test_no_descriptor_for_the_names(log: Any, files: TroubledFiles, append: Append) -> None:
    """A directory that cannot be opened to make its names durable is tried again at the next flush."""
    files.failing["open"] = errno.EMFILE
    for _ in range(2):
        with pytest.raises(NoDescriptorError):
            log.flush()
    files.failing.clear()
    assert log.flush() == 1


def cut_log(open_disk: Open, append: Append, data: Path) -> None:
    """A log of three segments, all durable, of which the last two were lost."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), LogConfig(segment_bytes=400))
    for _ in range(12):
        append(log)
    log.flush()
    store.checkpoint({})
    assert [segment.base_offset for segment in log.extents()] == [0, 4, 8]
    store.abandon()
    for base in (4, 8):
        (data / "t-0" / f"{base:020}.log").unlink()


def test_start_on_a_full_disk_after_a_log_was_cut(open_disk: Open, files: TroubledFiles, append: Append, tmp_path: Path) -> None:
    """Its recovery point cannot be lowered: the start goes on, says so, and the next checkpoint lowers it."""
    cut_log(open_disk, append, tmp_path / "data")
    files.room = 0
    store = open_disk(files=files)
    assert (store.get("t", 0).log_end_offset, store.directories()[0].failure) == (4, None)
    assert [remark for remark in store.remarks if "recovery point" in remark] != []
    assert not (tmp_path / "data" / "recovery-point-offset-checkpoint").exists()
    files.room = None
    store.checkpoint({})
    assert read_offsets(files, str(tmp_path / "data" / "recovery-point-offset-checkpoint"))["t", 0] == 4


def test_second_stop_after_a_start_on_a_full_disk(open_disk: Open, files: TroubledFiles, append: Append, tmp_path: Path) -> None:
    """What was written where a log had been cut, and never flushed, is not believed because something else was durable there once."""
    cut_log(open_disk, append, tmp_path / "data")
    files.room = 0
    store = open_disk(files=files, config=LogConfig(segment_bytes=400))
    log = store.get("t", 0)
    files.room = None
    for _ in range(10):
        append(log)
    store.abandon()
    second = tmp_path / "data" / "t-0" / f"{4:020}.log"
    second.write_bytes(bytes(second.stat().st_size))  # the power went before the block was written
    log = open_disk(files=Files()).get("t", 0)
    assert (log.log_end_offset, log.recovery.cut_reason is not None) == (4, True)


def test_recovery_points_that_can_neither_be_lowered_nor_removed(
    open_disk: Open, files: TroubledFiles, append: Append, tmp_path: Path
) -> None:
    """Then the directory is offline: what is written there could not be told from what was durable."""
    cut_log(open_disk, append, tmp_path / "data")
    files.room = 0

    def unlink(path: str) -> None:
        if path.endswith("recovery-point-offset-checkpoint"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        os.unlink(path)

    files.unlink = unlink
    with pytest.raises(DataDirectoryError, match=r"no space is left to remove .*recovery-point"):
        open_disk(files=files)
