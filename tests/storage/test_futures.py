"""Logs that move to another directory: copied, put in place, and whole after a stop at any step."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.storage.files import Files
from pybroker.storage.interface import AbortedTransaction, DataDirectoryError, Owner, StorageError

Append = Callable[..., bytes]
Open = Callable[..., Any]
KEY = ("t", 0)
TOPIC_ID = bytes(range(16))


class Stop(BaseException):
    """The process dies here."""


class StoppingFiles(Files):
    """Stops before the call of that number that changes something; None: never."""

    def __init__(self) -> None:
        self.left: int | None = None

    def _count(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Stop
            self.left -= 1

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        if flags & os.O_CREAT:
            self._count()
        return os.open(path, flags, mode)

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]  # see above
        self._count()
        return os.write(fd, data)

    def mkdir(self, path: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.mkdir(path)

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.replace(source, target)

    def unlink(self, path: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.unlink(path)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._count()

    def fsync_names(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._count()


class Stubborn(Files):
    """Takes no log away, and puts none aside."""

    refused = ("-delete", "-stray")

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if target.endswith(self.refused) and not source.endswith("-future"):
            raise PermissionError(1, "Operation not permitted", source)
        os.replace(source, target)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two log directories."""
    return [str(tmp_path / "a"), str(tmp_path / "b")]


def copy(log: Any, future: Any, pieces: int = 10**9) -> None:
    """Copy so many batches of what the copy lacks, one at a time, each into the segment it comes from."""
    bases = [extent.base_offset for extent in log.extents()]
    start = max(future.log_end_offset, log.log_start_offset)
    for number, (header, piece) in enumerate(log.batches(start)):
        if number == pieces:
            return
        if header.base_offset >= start:
            base = max(base for base in bases if base <= header.base_offset)
            future.copy_batches([(memoryview(piece.read()), header)], base)
    if pieces > 10**6:
        future.skip_to(log.log_end_offset)


def secure(store: Any, log: Any) -> None:
    """Make the copy durable."""
    assert store.secure_moves([(log, store.future(log.topic, log.partition))]) == [None]


def move(store: Any, log: Any, directory: str) -> Any:
    """Move a log, whole."""
    future = store.begin_move(log, directory)
    copy(log, future)
    secure(store, log)
    return store.finish_move(log).log


def contents(log: Any) -> list[bytes]:
    """The bytes of each batch."""
    return [piece.read() for _, piece in log.batches(log.log_start_offset)]


def directories_of(paths: list[str], prefix: str = "t-0") -> list[list[str]]:
    """What is called after the log in each directory, by its kind."""
    return [sorted(name.rpartition("-")[2] for name in os.listdir(path) if name.startswith(prefix)) for path in paths]


def aborted(last_offset: int) -> AbortedTransaction:
    """A transaction that ended there."""
    return AbortedTransaction(7, 0, last_offset, last_offset + 1)


@pytest.fixture
def filled(open_disk: Open, append: Append, paths: list[str]) -> tuple[Any, Any]:
    """A store of two directories, and a log of three segments in the first."""
    store = open_disk(*paths)
    log = store.create(*KEY, bytes(range(16)), store._config, paths[0])
    for number in range(24):
        append(log, timestamp=1000 + number, epoch=number // 10)
    log.add_aborted(aborted(3))
    log.add_aborted(aborted(22))
    return store, log


def test_moved_log_is_as_it_was(filled: tuple[Any, Any], paths: list[str], append: Append):
    """Batches, segments, epochs, aborted transactions and the start of the log are those of the original."""
    store, log = filled
    log.raise_log_start_offset(5)
    before = contents(log), [extent[:2] for extent in log.extents()], [log.end_of_epoch(epoch) for epoch in range(3)], list(log.aborted())
    moved = move(store, log, paths[1])
    assert (moved.directory, moved.log_start_offset, moved.log_end_offset) == (paths[1], 5, 24)
    bounds = [extent[:2] for extent in moved.extents()]
    assert (contents(moved), bounds, [moved.end_of_epoch(epoch) for epoch in range(3)], list(moved.aborted())) == before
    assert store.get(*KEY) is moved
    assert store.future(*KEY) is None
    assert directories_of(paths) == [["delete"], ["0"]]
    append(moved)
    assert moved.flush() == 25
    with pytest.raises(StorageError):
        append(log)
    assert log.flush() == 0


@pytest.mark.parametrize("clean", [True, False])
def test_moved_log_survives_a_restart(filled: tuple[Any, Any], paths: list[str], open_disk: Open, clean: bool):
    """With its start, its recovery point and the cleaner's offset, wherever the checkpoints of the other directory are."""
    store, log = filled
    store.checkpoint_cleaner(log, 10)
    log.raise_log_start_offset(5)
    store.checkpoint({KEY: 24})
    before = contents(log)
    move(store, log, paths[1])
    store.close({KEY: 24}) if clean else store.abandon()
    store = open_disk(*paths)
    found = store.get(*KEY)
    assert (found.directory, found.log_start_offset, found.recovery.scanned_bytes > 1000) == (paths[1], 5, False)
    assert contents(found) == before
    assert list(found.aborted()) == [aborted(3), aborted(22)]
    assert store.cleaner_offsets == {KEY: 10}


def test_not_before_it_is_complete(filled: tuple[Any, Any], paths: list[str], append: Append):
    """A copy that lacks a batch, or is not as durable, does not take the place of its log."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future, 5)
    secure(store, log)
    assert store.finish_move(log) is None
    copy(log, future)
    log.flush()
    assert store.finish_move(log) is None
    secure(store, log)
    append(log)
    assert store.finish_move(log) is None
    copy(log, future)
    assert store.finish_move(log).log is future


def test_segments_that_go_meanwhile(filled: tuple[Any, Any], paths: list[str]):
    """What retention takes from the log is gone from the copy too, and the copy goes on behind it."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future, 3)
    log.raise_log_start_offset(20)
    copy(log, future)
    secure(store, log)
    moved = store.finish_move(log).log
    assert (moved.log_start_offset, [extent[:2] for extent in moved.extents()]) == (20, [(20, 24)])
    assert sorted(name for name in os.listdir(moved.home.directory) if name.startswith("000000000000000000")) == [
        "00000000000000000020.log",
        "00000000000000000020.txnindex",
    ]


def test_empty_logs_move(open_disk: Open, paths: list[str], append: Append):
    """One that was never written to, and one whose records were all deleted."""
    store = open_disk(*paths)
    new = store.create(*KEY, bytes(16), store._config, paths[0])
    assert move(store, new, paths[1]).log_end_offset == 0
    old = store.create("u", 0, bytes(16), store._config, paths[0])
    append(old)
    old.roll(0)
    old.raise_log_start_offset(1)
    moved = move(store, old, paths[1])
    append(moved)
    assert (moved.log_start_offset, moved.log_end_offset, moved.directory) == (1, 2, paths[1])


def test_dropped_copy_leaves_nothing(filled: tuple[Any, Any], paths: list[str]):
    """Whoever gives up a move has his log as before, and the files of the copy go; so they do with the log."""
    store, log = filled
    copy(log, store.begin_move(log, paths[1]), 9)
    store.drop_move(log)
    assert store.future(*KEY) is None
    assert directories_of(paths) == [["0"], ["delete"]]
    store.begin_move(log, paths[1])
    store.delete(log)
    assert directories_of(paths) == [["delete"], ["delete", "delete"]]
    store.delete_expired(0)
    store.delete_expired(10**9)
    assert directories_of(paths) == [[], []]


def test_reader_goes_on_in_the_old_files(filled: tuple[Any, Any], paths: list[str]):
    """A slice, and a replay that is under way, end as they began."""
    store, log = filled
    before = contents(log)
    part = log.read(0, 1 << 20, 24, True)
    replay = log.batches(0)
    seen = [next(replay)[1].read()]
    move(store, log, paths[1])
    assert b"".join(before).startswith(part.read())
    assert seen + [piece.read() for _, piece in replay] == before


@pytest.mark.parametrize("clean", [True, False])
def test_copy_is_gone_on_with(filled: tuple[Any, Any], paths: list[str], open_disk: Open, clean: bool):
    """A start finds the copy that a stop broke off, and it is completed; after a crash from where it is known to be durable."""
    store, log = filled
    copy(log, store.begin_move(log, paths[1]), 13)
    before = contents(log)
    store.close({}) if clean else store.abandon()
    store = open_disk(*paths)
    log, future = store.get(*KEY), store.future(*KEY)
    assert (log.directory, future.directory, future.log_end_offset) == (paths[0], paths[1], 13 if clean else 0)
    copy(log, future)
    secure(store, log)
    assert contents(store.finish_move(log).log) == before


def test_copy_of_another_topic_goes(filled: tuple[Any, Any], paths: list[str], open_disk: Open):
    """The topic was deleted and made again while the broker was down."""
    store, log = filled
    store.begin_move(log, paths[1])
    store.close({})
    metadata = Path(paths[0], "t-0", "partition.metadata")
    metadata.write_text(metadata.read_text().replace("topic_id: A", "topic_id: B"))
    store = open_disk(*paths)
    assert store.future(*KEY) is None


@pytest.mark.parametrize(
    ("start_late", "stride"),
    [(True, 17), pytest.param(False, 1, marks=pytest.mark.slow), pytest.param(True, 1, marks=pytest.mark.slow)],
)
def test_every_stop_of_a_move_keeps_all(open_disk: Open, append: Append, tmp_path: Path, start_late: bool, stride: int):
    """Wherever the process dies, the next start has one log with every batch; a copy that is left can be completed."""
    step = 0
    finished = False
    while not finished:
        paths = [str(tmp_path / f"{name}{step}") for name in "ab"]
        files = StoppingFiles()
        store = open_disk(*paths, files=files)
        log = store.create(*KEY, bytes(range(16)), store._config, paths[0])
        for number in range(24):
            append(log, timestamp=1000 + number)
        log.add_aborted(aborted(12))
        log.raise_log_start_offset(11 if start_late else 0)
        log.flush()
        store.checkpoint({})
        before = contents(log)
        files.left = step
        try:
            move(store, log, paths[1])
            finished = True
        except Stop:
            step += stride
        files.left = None
        store.abandon()
        store = open_disk(*paths)
        log = store.get(*KEY)
        assert contents(log) == before
        assert log.log_start_offset == (11 if start_late else 0)
        assert list(log.aborted()) == [aborted(12)]
        assert log.recovery.cut_reason is None
        if store.future(*KEY) is not None:
            copy(log, store.future(*KEY))
            secure(store, log)
            assert contents(store.finish_move(log).log) == before
        store.abandon()
    assert log.directory == paths[1]
    assert step > 25


def test_log_in_both_directories(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """Died between the two renames: the log is where it holds most, the other is put aside, not deleted."""
    store, log = filled
    original = log.home.directory
    move(store, log, paths[1])
    append(store.get(*KEY))
    os.rename(log.home.directory, original)
    store.abandon()
    store = open_disk(*paths)
    assert (store.get(*KEY).directory, store.get(*KEY).log_end_offset) == (paths[1], 25)
    assert directories_of(paths) == [["stray"], ["0"]]
    assert "and not used" in store.remarks[0]


def test_names_that_the_disk_forgot(filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append):
    """A copy that holds more than its log had taken its place, and takes it again."""
    store, log = filled
    original = log.home.directory
    moved = move(store, log, paths[1])
    append(moved)
    moved.flush()
    store.checkpoint({})
    store.abandon()
    future = os.path.join(paths[1], f"t-0.{'0' * 32}-future")
    os.rename(moved.home.directory, future)
    os.rename(log.home.directory, original)
    store = open_disk(*paths)
    assert (store.get(*KEY).directory, store.get(*KEY).log_end_offset) == (paths[1], 25)


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


def test_full_target(filled: tuple[Any, Any], paths: list[str]):
    """What does not fit is an error, and nothing else: the log goes on."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    segment = future._segments[-1]

    def refuse(fd: int, data: Any) -> int:
        raise OSError(28, os.strerror(28))

    segment._write = refuse
    with pytest.raises(StorageError, match="no space is left"):
        copy(log, future)
    store.drop_move(log)
    assert log.failure is None


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


def test_copy_goes_though_its_log_cannot(open_disk: Open, paths: list[str], append: Append):
    """Whoever deletes a topic whose files cannot be taken away hears of it, and the copy goes all the same."""
    store = open_disk(*paths, files=Stubborn())
    log = store.create(*KEY, TOPIC_ID, store._config, paths[0])
    append(log)
    store.begin_move(log, paths[1])
    with pytest.raises(StorageError, match=r"cannot rename .*a/t-0"):
        store.delete(log)
    assert (store.get(*KEY), store.future(*KEY), directories_of(paths)) == (None, None, [["0"], ["delete"]])


def test_copy_goes_with_the_directory_of_its_log(filled: tuple[Any, Any], paths: list[str]):
    """Nobody could go on with it."""
    store, log = filled
    store.begin_move(log, paths[1])
    assert store.fail_directory(paths[0], "it smokes") == [log]
    assert (store.future(*KEY), directories_of(paths)) == (None, [["0"], ["delete"]])


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
