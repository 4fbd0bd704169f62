"""A log that is made anew under the name of a deleted one: what the checkpoints said of the old one is never said of the new one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage.checkpoints import OffsetCheckpoints, read_offsets
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig

Append = Callable[..., bytes]
Open = Callable[..., Any]
KEY = ("t", 0)
OLD, NEW = b"o" * 16, b"n" * 16
CHECKPOINTS = (
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "replication-offset-checkpoint",
    "cleaner-offset-checkpoint",
)


class TroubledFiles(Files):
    """Calls `before_rename` with where a file is renamed to."""

    before_rename: Callable[[str], None] | None = None

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if self.before_rename is not None:
            self.before_rename(target)
        os.replace(source, target)


def fill(store: Any, append: Append) -> Any:
    """A log of 24 batches that starts at 9, was flushed and compacted, and of which the checkpoints tell all that."""
    log = store.create(*KEY, OLD, store._config)
    for _ in range(24):
        append(log)
    log.raise_log_start_offset(9)
    log.flush()
    store.checkpoint_cleaner(log, 12)
    store.checkpoint({KEY: 24})
    return log


def make_anew(store: Any, append: Append, count: int = 20) -> Any:
    """The topic is deleted and created again, and written to."""
    log = store.get(*KEY)
    if log is not None:
        store.delete(log)
    log = store.create(*KEY, NEW, store._config)
    for _ in range(count):
        append(log)
    return log


def said(path: Path) -> dict[str, dict[tuple[str, int], int]]:
    """What the checkpoints of a directory say of the log."""
    found = {name: read_offsets(Files(), str(path / name)) for name in CHECKPOINTS}
    return {name: offsets for name, offsets in found.items() if KEY in offsets}


def check_after_kill(store: Any, open_disk: Open, count: int = 20) -> None:
    """The next start looks at all of the new log, and has all of it."""
    store.abandon()
    store = open_disk()
    log = store.get(*KEY)
    assert (log.topic_id, log.log_start_offset, log.log_end_offset) == (NEW, 0, count)
    assert log.recovery.scanned_bytes == log.size_bytes
    assert (store.cleaner_offsets, store.high_watermarks) == ({}, {})


def test_made_anew_before_the_next_checkpoint(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """Nothing is said of the new log when its first batch is there."""
    store = open_disk()
    fill(store, append)
    assert set(said(tmp_path / "data")) == set(CHECKPOINTS)
    make_anew(store, append)
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_deleted_before_a_kill_and_made_anew_after_it(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """So it is if a process died in between."""
    store = open_disk()
    store.delete(fill(store, append))
    store.abandon()
    store = open_disk()
    assert (store.get(*KEY), store.cleaner_offsets, store.high_watermarks) == (None, {}, {})
    make_anew(store, append)
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_put_aside_and_made_anew(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """So it is if the old log was found, and nobody's."""
    store = open_disk()
    fill(store, append)
    store.abandon()
    store = open_disk()
    assert len(store.settle(lambda topic, partition: None)) == 1
    make_anew(store, append)
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_made_anew_while_a_checkpoint_is_written(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """What was looked up of the old log is written first, then taken out, and only then is the new one there."""
    files = TroubledFiles()
    store = open_disk(files=files)
    log = fill(store, append)
    append(log)
    log.flush()
    made = threading.Thread(target=make_anew, args=(store, append))

    def interrupt(target: str) -> None:
        if target.endswith("recovery-point-offset-checkpoint"):
            files.before_rename = None
            made.start()
            made.join(0.05)

    files.before_rename = interrupt
    store.checkpoint({KEY: 25})
    made.join()
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_high_watermarks_that_were_asked_for_before(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """The checkpoint that was asked for with the old log's says nothing of the new one's; the next one does."""
    store = open_disk()
    fill(store, append)
    high_watermarks = {KEY: 24}
    make_anew(store, append)
    store.checkpoint(high_watermarks)
    assert "replication-offset-checkpoint" not in said(tmp_path / "data")
    store.checkpoint({KEY: 20})
    assert said(tmp_path / "data")["replication-offset-checkpoint"] == {KEY: 20}


def test_checkpoint_that_failed(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """What a checkpoint may say, since it could not be replaced, is not said of the new log either."""
    files = TroubledFiles()
    store = open_disk(files=files)
    log = fill(store, append)
    append(log)
    log.flush()

    def refuse(target: str) -> None:
        if target.endswith("-checkpoint"):
            raise OSError(28, os.strerror(28), target)

    files.before_rename = refuse
    with pytest.raises(StorageError, match="no space is left"):
        store.checkpoint({KEY: 25})
    store.delete(log)
    log = store.create(*KEY, NEW, store._config)
    with pytest.raises(StorageError, match="no space is left"):
        append(log)
    files.before_rename = None
    for _ in range(20):
        append(log)
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_made_anew_while_the_cleaner_says_how_far_it_came(open_disk: Open, append: Append, tmp_path: Path) -> None:
    """The new log has none of that, neither from the store nor from a checkpoint."""
    files = TroubledFiles()
    store = open_disk(files=files)
    log = fill(store, append)

    def interrupt(target: str) -> None:
        files.before_rename = None
        store.delete(log)
        store.create(*KEY, NEW, store._config)

    files.before_rename = interrupt
    store.checkpoint_cleaner(log, 20)
    assert store.cleaner_offsets == {}
    for _ in range(20):
        append(store.get(*KEY))
    assert said(tmp_path / "data") == {}
    check_after_kill(store, open_disk)


def test_made_anew_while_the_cleaner_waits_to_say_how_far_it_came(
    open_disk: Open, append: Append, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose turn comes when the new log is there says nothing."""
    store = open_disk()
    log = fill(store, append)
    write = OffsetCheckpoints.write

    def wait(self: OffsetCheckpoints, directory: str, look: Any) -> None:
        monkeypatch.setattr(OffsetCheckpoints, "write", write)
        make_anew(store, append)
        write(self, directory, look)

    monkeypatch.setattr(OffsetCheckpoints, "write", wait)
    store.checkpoint_cleaner(log, 20)
    assert (store.cleaner_offsets, said(tmp_path / "data")) == ({}, {})
    check_after_kill(store, open_disk)


def test_what_is_written_is_looked_up_in_turn(tmp_path: Path) -> None:
    """Who writes second looks when the first one is done: nothing older is ever written over what is newer."""
    files = TroubledFiles()
    checkpoints = OffsetCheckpoints(files)
    offsets = {KEY: 1}
    looks: list[str] = []

    def look(name: str) -> dict[str, dict[tuple[str, int], int]]:
        looks.append(name)
        return {"c": offsets.copy()}

    second = threading.Thread(target=checkpoints.write, args=(str(tmp_path), lambda: look("second")))

    def interrupt(target: str) -> None:
        files.before_rename = None
        offsets[KEY] = 2
        second.start()
        second.join(0.02)
        assert looks == ["first"]

    files.before_rename = interrupt
    checkpoints.write(str(tmp_path), lambda: look("first"))
    second.join()
    assert looks == ["first", "second"]
    assert read_offsets(files, str(tmp_path / "c")) == {KEY: 2}


class DeletingFiles(Files):
    """Before the sync of that number something is done, as if on another thread."""

    def __init__(self) -> None:
        self.left = -1
        self.meanwhile: Callable[[], None] = lambda: None

    def _count(self) -> None:
        self.left -= 1
        if self.left == -1:
            self.meanwhile()

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # a method in the place of a function of os
        os.fsync(fd)
        self._count()

    def fsync_directory(self, path: str) -> None:
        self._count()
        super().fsync_directory(path)

    def fsync_file(self, path: str) -> None:
        self._count()
        super().fsync_file(path)


@pytest.mark.parametrize("at", range(8))
def test_deleted_while_it_is_flushed(open_disk: Open, append: Append, at: int) -> None:
    """No file of it was lost: whoever writes a checkpoint is not told that something failed."""
    files = DeletingFiles()
    store = open_disk(files=files)
    log = store.create(*KEY, OLD, LogConfig(segment_bytes=300, file_delete_delay_ms=0))
    for _ in range(10):
        append(log)

    def delete() -> None:
        store.delete(log)
        store.delete_expired(0)
        store.delete_expired(1)

    files.left, files.meanwhile = at, delete
    store.checkpoint({})
    assert files.left < 0
