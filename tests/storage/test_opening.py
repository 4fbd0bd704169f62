"""What a start finds in several log directories: logs and copies that are there twice, or whose directory or topic is gone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.storage.checkpoints import read_offsets
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import Owner
from tests.storage.moved_logs import (
    KEY,
    TOPIC_ID,
    Append,
    Open,
    Stubborn,
    copy,
    directories_of,
    move,
    secure,
)
from tests.storage.stopping_files import StoppingFiles


@pytest.mark.parametrize("at", [0, 1])
def test_copy_without_its_log(filled: tuple[Any, Any], paths: list[str], open_disk: Open, at: int):
    """It is the log if the metadata says that the partition lies there, or in another directory that is there and does not have it."""
    store, log = filled
    moved = move(store, log, paths[1])
    store.checkpoint({})
    store.abandon()
    os.rename(moved.home.directory, os.path.join(paths[1], f"t-0.{'0' * 32}-future"))
    store = open_disk(*paths)
    assert (store.get(*KEY), store.future(*KEY).log_end_offset) == (None, 24)
    assert store.settle(lambda topic, partition: Owner(TOPIC_ID, paths[at])) == []
    assert (store.get(*KEY).directory, store.get(*KEY).log_end_offset) == (paths[1], 24)


@pytest.mark.parametrize("way", ["not given", "damaged"])
def test_copy_whose_log_is_away(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append, way: str):
    """It waits until its log is back, whether the directory cannot be used or was not given; nothing is taken for the log meanwhile."""
    store, log = filled
    copy(log, store.begin_move(log, paths[1]), 13)
    store.close({})
    meta = Path(paths[0], "meta.properties")
    text = meta.read_text()
    if way == "damaged":
        meta.write_text("version=7\n")
    store = open_disk(*(paths if way == "damaged" else paths[1:]))
    assert store.settle(lambda topic, partition: Owner(TOPIC_ID)) == []
    assert (store.get(*KEY), store.future(*KEY).log_end_offset) == (None, 13)
    store.close({})
    meta.write_text(text)
    store = open_disk(*paths)
    assert (store.get(*KEY).log_end_offset, store.future(*KEY).log_end_offset) == (24, 13)


# --- what the metadata does not know


@pytest.mark.parametrize("away", [0, 1])
def test_topic_made_anew_while_its_directory_was_away(open_disk: Open, append: Append, paths: list[str], away: int):
    """The log of the topic that there is now is used, wherever it lies; the other is put aside, with all that it holds."""
    new, old = bytes(range(16)), bytes(range(1, 17))
    open_disk(*paths).close({})
    for path, topic_id, count in ((paths[away], old, 5), (paths[1 - away], new, 1)):
        store = open_disk(path)
        log = store.create(*KEY, topic_id, store._config)
        for _ in range(count):
            append(log)
        store.close({})
    store = open_disk(*paths)
    (remark,) = store.settle(lambda topic, partition: Owner(new, paths[1 - away]))
    assert "another topic of that name" in remark
    assert (store.get(*KEY).topic_id, store.get(*KEY).log_end_offset, store.get(*KEY).directory) == (new, 1, paths[1 - away])
    assert directories_of(paths)[away] == ["stray"]
    append(store.get(*KEY))


def test_logs_of_topics_that_are_no_more(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """They are put aside; those that lost their topic id, and those whose topic the metadata knows by any id, stay."""
    store, log = filled
    for topic, topic_id in (("any", bytes(range(16))), ("lost", bytes(16)), ("other", bytes(range(16)))):
        append(store.create(topic, 0, topic_id, store._config, paths[0]))
    store.checkpoint_cleaner(log, 5)
    store.checkpoint({KEY: 20})
    store.begin_move(store.get("other", 0), paths[1])
    store.close({KEY: 20})
    store = open_disk(*paths)
    owners = {"any": Owner(bytes(16)), "lost": Owner(TOPIC_ID), "other": Owner(b"x" * 16)}
    remarks = store.settle(lambda topic, partition: owners.get(topic))
    assert [each.topic for each in store.logs()] == ["any", "lost"]
    assert [directories_of(paths, topic) for topic in ("t-0", "other-0")] == [[["stray"], []], [["stray"], ["stray"]]]
    assert len(remarks) == 3
    assert (store.cleaner_offsets, store.high_watermarks, store.future("other", 0)) == ({}, {}, None)
    store.close({})
    assert "\nt 0" not in Path(paths[0], "recovery-point-offset-checkpoint").read_text()


def test_stray_that_cannot_be_renamed(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """It keeps nothing from starting; nobody writes behind its records."""
    store, _ = filled
    store.close({})
    store = open_disk(*paths, files=Stubborn())
    (remark,) = store.settle(lambda topic, partition: None)
    assert "It cannot be renamed: Operation not permitted" in remark
    with pytest.raises(StorageError, match="remove it"):
        append(store.create(*KEY, b"x" * 16, store._config, paths[0]))


# --- directories that cannot be used


def test_one_directory_is_damaged(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """The others are served; what lies there is not made anew, new logs go elsewhere, and all is back with the directory."""
    store, _ = filled
    append(store.create("u", 0, bytes(16), store._config, paths[1]))
    store.close({})
    meta = Path(paths[0], "meta.properties")
    text = meta.read_text()
    meta.write_text("version=7\n")
    store = open_disk(*paths)
    first, second = store.directories()
    assert "has version 7" in first.failure
    assert second.failure is None
    assert [each.topic for each in store.logs()] == ["u"]
    assert store.create("v", 0, bytes(16), store._config, paths[0]).directory == paths[1]
    store.checkpoint({})
    store.close({})
    meta.write_text(text)
    store = open_disk(*paths)
    assert sorted(each.topic for each in store.logs()) == ["t", "u"]


class CutFiles(Files):
    """Logs named in `unreadable` cannot be read, and checkpoints below `readonly` not be replaced."""

    unreadable = "nothing"
    readonly = "nothing"

    def preadv(self, fd: int, buffers: Any, offset: int) -> int:  # type: ignore[override]  # a method in the place of a function of os
        if self.unreadable in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(5, "Input/output error")
        return os.preadv(fd, buffers, offset)

    def replace_file(self, path: str, content: bytes, *, sync: bool = True, sync_name: bool = True) -> None:
        if path.startswith(self.readonly):
            raise OSError(5, "Input/output error", path)
        super().replace_file(path, content, sync=sync, sync_name=sync_name)


def damaged(filled: tuple[Any, Any], paths: list[str], append: Append) -> None:
    """After a kill: in the first directory `t` ends before its recovery point, beside `u`, and the copy of `v` from the second one."""
    store, log = filled
    for name, path in (("u", paths[0]), ("v", paths[1])):
        other = store.create(name, 0, TOPIC_ID, store._config, path)
        for _ in range(20):
            append(other)
        other.flush()
    copy(other, store.begin_move(other, paths[0]))
    secure(store, other)
    log.flush()
    store.checkpoint_cleaner(log, 5)
    store.checkpoint({KEY: 24})
    store.abandon()
    segment = max(Path(paths[0], "t-0").glob("*.log"))
    os.truncate(segment, segment.stat().st_size - 10)


def test_directory_that_fails_while_it_is_opened(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """Nothing of it is served, of what was opened there before neither; the rest is, and all is back with the directory."""
    damaged(filled, paths, append)
    files = CutFiles()
    files.readonly, files.unreadable = os.path.join(paths[0], "recovery-point"), "u-0"
    opened_before = len(os.listdir("/proc/self/fd"))
    store = open_disk(*paths, files=files)
    failed, well = store.directories()
    assert "Input/output error" in failed.failure
    assert well.failure is None
    assert [(each.topic, each.directory) for each in store.logs()] == [("v", paths[1])]
    assert (store.future("v", 0), store.unopened, store.cleaner_offsets, store.high_watermarks) == (None, {}, {}, {})
    store.close({})
    assert len(os.listdir("/proc/self/fd")) <= opened_before
    store = open_disk(*paths)
    assert sorted((each.topic, each.log_end_offset) for each in store.logs()) == [("t", 23), ("u", 20), ("v", 20)]
    assert (store.future("v", 0).log_end_offset, store.cleaner_offsets) == (20, {KEY: 5})


def test_log_that_was_cut_beside_one_that_cannot_be_opened(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """The recovery point of the first is lowered; that of the other, which its next opening asks for, stays."""
    damaged(filled, paths, append)
    files = CutFiles()
    files.unreadable = "u-0"
    store = open_disk(*paths, files=files)
    assert ("u", 0) in store.unopened
    said = read_offsets(files, os.path.join(paths[0], "recovery-point-offset-checkpoint"))
    assert said == {KEY: store.get(*KEY).recovery_point, ("u", 0): 20, ("v", 0): 20}
    assert said[KEY] <= 23


def test_way_is_made_beside_what_is_not_known_yet(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """What checkpoints say of a log that could not be opened, or of one of two of a name, stays there until that is decided."""
    store, _ = filled
    append(store.create("u", 0, TOPIC_ID, store._config, paths[0]))
    store.checkpoint({KEY: 24, ("u", 0): 1})
    store.abandon()
    store = open_disk(paths[1])
    append(store.create(*KEY, b"n" * 16, store._config))
    store.checkpoint({KEY: 1})
    store.abandon()
    before = [Path(path, "replication-offset-checkpoint").read_bytes() for path in paths]
    files = CutFiles()
    files.unreadable = "u-0"
    store = open_disk(*reversed(paths), files=files)
    assert (("u", 0) in store.unopened, store.get(*KEY).directory) == (True, paths[1])
    store.make_way()
    assert [Path(path, "replication-offset-checkpoint").read_bytes() for path in paths] == before


def test_all_directories_are_damaged(open_disk: Open, paths: list[str]):
    """Nothing starts, and every reason is told."""
    open_disk(*paths).close({})
    for path in paths:
        Path(path, "meta.properties").write_text("version=7\n")
    with pytest.raises(DataDirectoryError, match=r"no data directory can be used: .*a/meta.*; .*b/meta"):
        open_disk(*paths)


def test_another_brokers_directory_is_never_passed_over(open_disk: Open, paths: list[str]):
    """To be locked out, or to belong to others, is a mistake that the one who starts should hear of."""
    first = open_disk(paths[1])
    with pytest.raises(DataDirectoryError, match="is in use"):
        open_disk(*paths)
    first.close({})
    Path(paths[1], "meta.properties").write_text("version=1\nnode.id=9\ncluster.id=x\n")
    with pytest.raises(DataDirectoryError, match="belongs to node 9"):
        open_disk(*paths)


def test_empty_directory_among_others_is_told(open_disk: Open, paths: list[str]):
    """It may be the place of a disk that is not mounted."""
    open_disk(paths[0]).close({})
    assert [remark for remark in open_disk(*paths).remarks if "b was empty" in remark]


def test_one_log_cannot_be_opened(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """It is noted, with its topic, and the rest is served; what the checkpoints say of it stays. Deleting it takes its files away."""
    store, log = filled
    append(store.create("u", 0, bytes(16), store._config, paths[0]))
    log.raise_log_start_offset(7)
    store.checkpoint_cleaner(log, 5)
    store.checkpoint({})
    store.abandon()

    class Broken(Files):
        def preadv(self, fd: int, buffers: Any, offset: int) -> int:  # type: ignore[override]  # a method in the place of a function of os
            if "t-0" in os.readlink(f"/proc/self/fd/{fd}"):
                raise OSError(5, "Input/output error")
            return os.preadv(fd, buffers, offset)

    store = open_disk(*paths, files=Broken())
    assert [each.topic for each in store.logs()] == ["u"]
    unopened = store.unopened[KEY]
    assert (unopened.path, unopened.topic_id) == (os.path.join(paths[0], "t-0"), bytes(range(16)))
    assert "Input/output error" in unopened.reason
    store.checkpoint({})
    store.close({})
    assert not os.path.exists(os.path.join(paths[0], ".kafka_cleanshutdown"))
    assert os.path.exists(os.path.join(paths[1], ".kafka_cleanshutdown"))
    store = open_disk(*paths)
    assert (store.get(*KEY).log_start_offset, store.get(*KEY).recovery_point, store.cleaner_offsets) == (7, 20, {KEY: 5})
    store.abandon()
    store = open_disk(*paths, files=Broken())
    store.delete_unopened(*KEY)
    assert (store.unopened, directories_of(paths)[0]) == ({}, ["delete"])


def test_probe(open_disk: Open, paths: list[str]):
    """A directory that takes a file is well, a full one too; one that does not says why. Nothing is left of it."""
    files = StoppingFiles()
    store = open_disk(*paths, files=files)
    assert store.probe(paths[0]) is None
    assert [name for name in os.listdir(paths[0]) if "probe" in name] == []
    for number, reason in ((28, None), (24, None), (5, f"{paths[0]} cannot be written to: {os.strerror(5)}")):

        def fail(fd: int, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        files.fsync = fail  # type: ignore[method-assign]
        assert store.probe(paths[0]) == reason


def test_failed_directory_is_used_no_more(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """Its logs are forgotten and take nothing; the rest is closed as ever, and the next start finds all, after a look at what failed."""
    store, log = filled
    other = store.create("u", 0, bytes(16), store._config, paths[1])
    append(other)
    store.begin_move(other, paths[0])
    assert store.fail_directory(paths[0], "it smokes") == [log]
    assert (store.get(*KEY), store.future("u", 0), store.directories()[0].failure) == (None, None, "it smokes")
    with pytest.raises(StorageError):
        append(log)
    store.checkpoint({})
    store.close({})
    assert not os.path.exists(os.path.join(paths[0], ".kafka_cleanshutdown"))
    store = open_disk(*paths)
    assert store.get(*KEY).log_end_offset == 24
    assert store.get("u", 0).recovery.scanned_bytes == 0


def test_space(store: Any):
    """Some, of which some is free; in memory too."""
    (directory,) = store.directories()
    total, usable = store.space(directory.path)
    assert 0 < usable <= total
    assert os.path.isabs(directory.path)
    assert len(directory.directory_id) == 16


def test_logs_know_their_directory(store: Any, log: Any, append: Append):
    """Before and after they are written to."""
    (directory,) = store.directories()
    assert log.directory == directory.path
    append(log)
    assert log.directory == directory.path
    assert read_header(log.read(0, 1000, 1, True).read()).base_offset == 0
