"""A log that is made anew costs its own directory one write of the checkpoints, and the others nothing, whatever is wrong with them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage import layout
from pybroker.storage.checkpoints import OffsetCheckpoints
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import Owner

Append = Callable[..., bytes]
Open = Callable[..., Any]
KEPT, MADE_ANEW = ("kept", 0), ("t", 0)
OLD, NEW = b"o" * 16, b"n" * 16


class BrokenFiles(Files):
    """Nothing can be made, written or synced in `broken`; `written` are the checkpoints that were."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.errno = 5
        self.written: list[str] = []

    def _refuse(self, path: str) -> None:
        if self.broken is not None and path.startswith(self.broken):
            raise OSError(self.errno, os.strerror(self.errno), path)

    def replace_file(self, path: str, content: bytes, *, sync: bool = True, sync_name: bool = True) -> None:
        self._refuse(path)
        self.written.append(path)
        super().replace_file(path, content, sync=sync, sync_name=sync_name)

    def fsync_directory(self, path: str) -> None:
        self._refuse(path)
        super().fsync_directory(path)


def two_logs(store: Any, append: Append, paths: list[str]) -> tuple[Any, Any]:
    """A log in each directory, of which the checkpoints tell all they can."""
    kept = store.create(*KEPT, OLD, store._config, paths[0])
    for _ in range(40):
        append(kept)
    kept.raise_log_start_offset(13)
    kept.flush()
    store.checkpoint_cleaner(kept, 20)
    other = store.create(*MADE_ANEW, OLD, store._config, paths[1])
    append(other)
    store.checkpoint({KEPT: 40, MADE_ANEW: 1})
    return kept, other


def make_anew(store: Any, append: Append, log: Any) -> Any:
    """The topic is deleted, created again where it was, and written to."""
    store.delete(log)
    log = store.create(log.topic, log.partition, NEW, store._config, log.directory)
    append(log)
    return log


def checkpoints_of(path: str) -> dict[str, bytes]:
    """What is in each checkpoint of a directory."""
    return {name: Path(path, name).read_bytes() for name in layout.OFFSET_CHECKPOINTS if Path(path, name).exists()}


def test_checkpoints_of_an_offline_directory_stay(open_disk: Open, append: Append, paths: list[str]) -> None:
    """A directory that failed for a moment has all its checkpoints, and so all its records, at the next start."""
    store = open_disk(*paths)
    _, other = two_logs(store, append, paths)
    before = checkpoints_of(paths[0])
    assert set(before) == set(layout.OFFSET_CHECKPOINTS)
    store.fail_directory(paths[0], "one write failed")
    make_anew(store, append, other)
    assert checkpoints_of(paths[0]) == before
    store.abandon()
    store = open_disk(*paths)
    kept = store.get(*KEPT)
    assert (kept.log_start_offset, kept.log_end_offset, store.cleaner_offsets) == (13, 40, {KEPT: 20})


def test_directory_that_fails_while_its_checkpoint_waits(
    open_disk: Open, append: Append, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that was asked for before does not take the directory for empty."""
    store = open_disk(*paths)
    kept, _ = two_logs(store, append, paths)
    before = checkpoints_of(paths[0])
    append(kept)
    kept.flush()
    write = OffsetCheckpoints.write

    def fail_first(self: OffsetCheckpoints, directory: str, look: Any) -> None:
        if directory == paths[0]:
            store.fail_directory(directory, "one write failed")
        write(self, directory, look)

    monkeypatch.setattr(OffsetCheckpoints, "write", fail_first)
    store.checkpoint({KEPT: 40, MADE_ANEW: 1})
    assert checkpoints_of(paths[0]) == before


def test_offline_directory_is_not_touched(open_disk: Open, append: Append, paths: list[str]) -> None:
    """A topic is made anew beside a directory that can neither be written to nor synced, its own log's name too."""
    files = BrokenFiles()
    store = open_disk(*paths, files=files)
    _, other = two_logs(store, append, paths)
    files.broken = paths[0]
    store.fail_directory(paths[0], "Input/output error")
    make_anew(store, append, other)
    append(store.create(*KEPT, NEW, store._config, paths[1]))


def test_directory_that_fails_and_nobody_knows_yet(open_disk: Open, append: Append, paths: list[str]) -> None:
    """A topic that never lay there is made anew beside it; one that did is not, for its old log may come back."""
    files = BrokenFiles()
    store = open_disk(*paths, files=files)
    kept, other = two_logs(store, append, paths)
    store.delete(other)
    files.broken = paths[1]
    make_anew(store, append, kept)
    with pytest.raises(StorageError, match="Input/output error"):
        store.create(*MADE_ANEW, NEW, store._config, paths[0])
    files.broken = None
    store.create(*MADE_ANEW, NEW, store._config, paths[0])


def test_directory_that_is_full_refuses_nothing_in_another(open_disk: Open, append: Append, paths: list[str]) -> None:
    """What a full directory's checkpoints say of other logs, deleted ones too, is no concern of a log elsewhere."""
    files = BrokenFiles()
    store = open_disk(*paths, files=files)
    kept, other = two_logs(store, append, paths)
    store.delete(kept)
    log = store.create(*KEPT, NEW, store._config, paths[1])
    files.broken, files.errno = os.path.join(paths[0], "recovery-point-offset-checkpoint"), 28
    append(log)
    make_anew(store, append, other)


def test_many_made_anew_cost_one_write(open_disk: Open, append: Append, paths: list[str]) -> None:
    """The first that is written to takes out what is said of all of them; that of others stays."""
    files = BrokenFiles()
    store = open_disk(paths[0], files=files)
    logs = [store.create("many", partition, OLD, store._config) for partition in range(5)]
    others = [store.create("others", partition, OLD, store._config) for partition in range(5)]
    for log in [*logs, *others]:
        append(log)
        log.flush()
    store.checkpoint({})
    for log in logs:
        store.delete(log)
    files.written.clear()
    for partition in range(5):
        append(store.create("many", partition, NEW, store._config))
    assert [os.path.basename(path) for path in files.written if path.endswith("-checkpoint")] == [layout.RECOVERY_POINT_CHECKPOINT]
    assert Path(paths[0], layout.RECOVERY_POINT_CHECKPOINT).read_text().count("others") == 5


def test_name_that_is_not_in_the_checkpoint_does_not_wait_for_its_disk(tmp_path: Path) -> None:
    """While a checkpoint is written, who has nothing to take out goes on, and so does who writes into another directory."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    is_writing, goes_on = threading.Event(), threading.Event()

    class Slow(Files):
        def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
            if target.startswith(str(tmp_path / "a")):
                is_writing.set()
                assert goes_on.wait(10)
            os.replace(source, target)

    checkpoints = OffsetCheckpoints(Slow())
    slow = threading.Thread(target=checkpoints.write, args=(str(tmp_path / "a"), lambda: {"c": {KEPT: 1}}))
    slow.start()
    assert is_writing.wait(10)
    checkpoints.forget(str(tmp_path / "a"), ["c"], MADE_ANEW, set)
    checkpoints.write(str(tmp_path / "b"), lambda: {"c": {KEPT: 2}})
    taken_out = threading.Thread(target=checkpoints.forget, args=(str(tmp_path / "a"), ["c"], KEPT, set))
    taken_out.start()
    taken_out.join(0.02)
    assert taken_out.is_alive()
    goes_on.set()
    slow.join()
    taken_out.join()
    assert (tmp_path / "a" / "c").read_text() == "0\n0\n"


class Looking:
    """A checkpoint of `directory` whose writer looks through the logs on a thread, until `see` gives him what he finds."""

    def __init__(self, checkpoints: OffsetCheckpoints, directory: Path) -> None:
        self._may_go_on = threading.Event()
        self._found: dict[str, dict[tuple[str, int], int]] = {}
        is_looking = threading.Event()

        def look() -> dict[str, dict[tuple[str, int], int]]:
            is_looking.set()
            assert self._may_go_on.wait(10)
            return self._found

        self._thread = threading.Thread(target=checkpoints.write, args=(str(directory), look))
        self._thread.start()
        assert is_looking.wait(10)

    def see(self, **found: dict[tuple[str, int], int]) -> None:
        """He is done when this returns."""
        self._found = found
        self._may_go_on.set()
        self._thread.join()


def test_nobody_waits_for_one_who_looks(tmp_path: Path) -> None:
    """While all logs are looked through for a checkpoint, a first append into the same directory or another does not wait."""
    checkpoints = OffsetCheckpoints(Files())
    looking = Looking(checkpoints, tmp_path)
    checkpoints.forget(str(tmp_path), ["c"], MADE_ANEW, set)
    checkpoints.forget(str(tmp_path / "other"), ["c"], MADE_ANEW, set)
    looking.see(c={KEPT: 1})
    assert (tmp_path / "c").read_text() == "0\n1\nkept 0 1\n"


def test_what_is_forgotten_while_one_looks_is_not_said(tmp_path: Path) -> None:
    """He may have seen the log that had the name before; the next one to look sees the new one."""
    checkpoints = OffsetCheckpoints(Files())
    looking = Looking(checkpoints, tmp_path)
    checkpoints.forget(str(tmp_path), ["c"], MADE_ANEW, set)
    looking.see(c={KEPT: 1, MADE_ANEW: 7})
    assert (tmp_path / "c").read_text() == "0\n1\nkept 0 1\n"
    checkpoints.write(str(tmp_path), lambda: {"c": {MADE_ANEW: 2}})
    assert (tmp_path / "c").read_text() == "0\n1\nt 0 2\n"


def test_way_is_made_when_one_who_looks_has_written(tmp_path: Path) -> None:
    """He may have seen logs that went since: they are taken out of what he wrote."""
    checkpoints = OffsetCheckpoints(Files())
    looking = Looking(checkpoints, tmp_path)
    making = threading.Thread(target=checkpoints.forget, args=(str(tmp_path), ["c"], None, lambda: {KEPT}))
    making.start()
    making.join(0.02)
    assert making.is_alive()
    looking.see(c={KEPT: 1, MADE_ANEW: 7})
    making.join()
    assert (tmp_path / "c").read_text() == "0\n1\nkept 0 1\n"


def test_look_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """The next one writes what he sees."""
    checkpoints = OffsetCheckpoints(Files())

    def fail() -> dict[str, dict[tuple[str, int], int]]:
        raise RuntimeError("a log is not what it seems")

    with pytest.raises(RuntimeError):
        checkpoints.write(str(tmp_path), fail)
    checkpoints.forget(str(tmp_path), ["c"], MADE_ANEW, set)
    checkpoints.write(str(tmp_path), lambda: {"c": {MADE_ANEW: 2}})
    assert (tmp_path / "c").read_text() == "0\n1\nt 0 2\n"


def test_way_that_was_made_costs_the_next_nothing(open_disk: Open, append: Append, paths: list[str]) -> None:
    """After `make_way` nothing of what went is in a checkpoint, and a log of its name is made without a write of them or a sync."""
    files = BrokenFiles()
    store = open_disk(*paths, files=files)
    _, other = two_logs(store, append, paths)
    assert not store.is_in_the_way(MADE_ANEW[0])
    store.delete(other)
    assert store.is_in_the_way(MADE_ANEW[0])
    store.make_way()
    assert not store.is_in_the_way(MADE_ANEW[0])
    assert all(b"\nt 0 " not in content for path in paths for content in checkpoints_of(path).values())
    assert b"kept 0 40" in checkpoints_of(paths[0])[layout.REPLICATION_CHECKPOINT]
    files.written.clear()
    files.broken = paths[1] + os.sep + "recovery"
    append(store.create(*MADE_ANEW, NEW, store._config, paths[1]))
    assert not [path for path in files.written if path.endswith("-checkpoint")]


def test_way_that_could_not_be_made_is_made_later(open_disk: Open, append: Append, paths: list[str]) -> None:
    """A disk that refuses leaves all as it was; the next checkpoint that finds room makes way."""
    files = BrokenFiles()
    store = open_disk(*paths, files=files)
    _, other = two_logs(store, append, paths)
    store.delete(other)
    files.broken, files.errno = os.path.join(paths[1], layout.RECOVERY_POINT_CHECKPOINT), 28
    with pytest.raises(StorageError):
        store.make_way()
    assert store.is_in_the_way(MADE_ANEW[0])
    files.broken = None
    store.checkpoint({})
    assert not store.is_in_the_way(MADE_ANEW[0])
    assert all(b"\nt 0 " not in content for path in paths for content in checkpoints_of(path).values())


def test_start_on_a_full_disk_leaves_what_it_cannot_take_out(open_disk: Open, append: Append, paths: list[str]) -> None:
    """It is told, keeps nothing from starting, and is taken out before there is a new log of that name."""
    files = BrokenFiles()
    store = open_disk(*paths)
    two_logs(store, append, paths)
    store.abandon()
    store = open_disk(*paths, files=files)
    files.broken, files.errno = os.path.join(paths[1], layout.RECOVERY_POINT_CHECKPOINT), 28
    remarks = store.settle(lambda topic, partition: Owner(OLD, paths[0]) if topic == KEPT[0] else None)
    assert "no space is left" in remarks[-1]
    assert remarks[-1].endswith("is taken out when there are new ones of their names")
    assert [log.topic for log in store.logs()] == [KEPT[0]]
    assert store.is_in_the_way(MADE_ANEW[0])
    files.broken = None
    append(store.create(*MADE_ANEW, NEW, store._config, paths[1]))
    assert all(b"\nt 0 " not in content for content in checkpoints_of(paths[1]).values())


def test_first_append_does_not_look_through_all_that_is_said(tmp_path: Path) -> None:
    """A log of which no checkpoint tells is made at the same cost however many others they tell of."""
    checkpoints = OffsetCheckpoints(Files())

    class Looked(dict[tuple[str, int], int]):
        def __iter__(self) -> Any:
            raise AssertionError("all were looked at")

    checkpoints._said[str(tmp_path / "c")] = Looked({KEPT: 1})
    checkpoints.forget(str(tmp_path), ["c"], MADE_ANEW, set)
