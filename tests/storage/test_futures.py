"""Logs that move to another directory: copied, put in place, and whole after a stop at any step."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pybroker.storage.errors import StorageError
from pybroker.storage.futures import CopiedLog
from pybroker.storage.interface import Owner
from pybroker.testing.simulated_disk import Stop
from tests.storage.moved_logs import (
    KEY,
    TOPIC_ID,
    Append,
    Open,
    Stubborn,
    aborted,
    contents,
    copy,
    directories_of,
    move,
    secure,
)
from tests.storage.stopping_files import StoppingFiles


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


def test_producer_snapshots_go_along(filled: tuple[Any, Any], paths: list[str], open_disk: Open):
    """After a crash there is one from before the recovery point; those of offsets that the copy did not have yet are left out."""
    store, log = filled
    for offset in (8, 16):
        log.write_producer_snapshot(offset, b"%d" % offset)
    log.flush()
    future = store.begin_move(log, paths[1])
    copy(log, future, 12)
    secure(store, log)
    assert list(future.producer_snapshots()) == [(8, b"8")]
    copy(log, future)
    secure(store, log)
    moved = store.finish_move(log).log
    moved.write_producer_snapshot(24, b"24")
    store.abandon()
    log = open_disk(*paths).get(*KEY)
    assert (log.directory, list(log.producer_snapshots())) == (paths[1], [(24, b"24"), (16, b"16")])


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


def test_copy_is_not_begun_anew_after_a_crash(filled: tuple[Any, Any], paths: list[str], open_disk: Open):
    """The checkpoints that are written now and then keep whole segments of a copy, so a large one need not be made in one life."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future, 13)
    durable = future.active_base_offset
    assert 0 < durable < future.log_end_offset
    store.checkpoint({})
    before = contents(log)
    store.abandon()
    store = open_disk(*paths)
    log, future = store.get(*KEY), store.future(*KEY)
    assert future.log_end_offset == durable
    copy(log, future)
    secure(store, log)
    assert contents(store.finish_move(log).log) == before


def test_segments_that_go_at_the_end_are_gone_for_good_first(filled: tuple[Any, Any], paths: list[str]):
    """Records were deleted after the copy was made durable: its first segments go now, and what a power failure brought back of them would
    lie before a hole. So the copy takes its place only when asked again, after a flush."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future)
    secure(store, log)
    log.raise_log_start_offset(20)
    assert store.finish_move(log) is None
    assert (future.first_base_offset, directories_of(paths)[1]) == (log.first_base_offset, ["future"])
    future.flush()
    assert store.finish_move(log).log is future
    assert future.log_start_offset == 20


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


def test_full_target(filled: tuple[Any, Any], paths: list[str]):
    """What does not fit is an error, and nothing else: the log goes on."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    segment = future._segments.all[-1]

    def refuse(fd: int, data: Any) -> int:
        raise OSError(28, os.strerror(28))

    segment._write = refuse
    with pytest.raises(StorageError, match="no space is left"):
        copy(log, future)
    store.drop_move(log)
    assert log.failure is None


def test_copy_goes_though_its_log_cannot(open_disk: Open, paths: list[str], append: Append):
    """Whoever deletes a topic whose files cannot be taken away hears of it, and the copy goes all the same."""
    store = open_disk(*paths, files=Stubborn())
    log = store.create(*KEY, TOPIC_ID, store._config, paths[0])
    append(log)
    store.begin_move(log, paths[1])
    with pytest.raises(StorageError, match=r"cannot rename .*a/t-0"):
        store.delete(log)
    assert (store.get(*KEY), store.future(*KEY), directories_of(paths)) == (None, None, [["0"], ["delete"]])


def test_flush_of_a_copy_that_fails(filled: tuple[Any, Any], paths: list[str], monkeypatch: pytest.MonkeyPatch):
    """It is named by the directory that it lies in, which is not yet that of the log."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future)

    def fail(self: Any) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(type(future.home.aborted), "sync", fail)
        (error,) = store.secure_moves([(log, future)])
    assert str(error) == f"cannot flush {future.home.directory}: Input/output error"
    assert future.home.directory.startswith(os.path.join(paths[1], "t-0."))


def test_copy_that_is_dropped_while_it_is_made_durable(filled: tuple[Any, Any], paths: list[str], monkeypatch: pytest.MonkeyPatch):
    """The next copy of the log is not taken for durable because this one was."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future)

    def drop(self: Any) -> int:
        store.drop_move(log)
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(CopiedLog, "flush", drop)
        assert store.secure_moves([(log, future)]) == [None]
    copy(log, store.begin_move(log, paths[1]))
    assert store.finish_move(log) is None


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("back", [True, False])
def test_copy_outlives_the_directory_of_its_log(
    filled: tuple[Any, Any], paths: list[str], open_disk: Open, append: Append, clean: bool, back: bool
):
    """The next start goes on with it if the log is back, and has all that was copied if it is not."""
    store, log = filled
    future = store.begin_move(log, paths[1])
    copy(log, future)
    secure(store, log)
    batches = contents(log)
    append(log)
    assert store.fail_directory(paths[0], "it smokes") == [log]
    assert (store.get(*KEY), store.future(*KEY), directories_of(paths)) == (None, future, [["0"], ["future"]])
    store.checkpoint({})
    if clean:
        store.close({})
    else:
        store.abandon()
    store = open_disk(*(paths if back else paths[1:]))
    assert store.settle(lambda topic, partition: Owner(TOPIC_ID, paths[1])) == []
    log = store.get(*KEY)
    if back:
        assert (log.directory, log.log_end_offset, store.future(*KEY).log_end_offset) == (paths[0], 25, 24)
    else:
        assert (log.directory, contents(log), store.future(*KEY)) == (paths[1], batches, None)


def test_copy_waits_for_its_log_where_the_metadata_was_not_told(filled: tuple[Any, Any], paths: list[str], open_disk: Open):
    """A copy that may lack anything is not the log, and is not thrown away either."""
    store, log = filled
    copy(log, store.begin_move(log, paths[1]), 13)
    store.fail_directory(paths[0], "it smokes")
    store.close({})
    store = open_disk(paths[1])
    assert store.settle(lambda topic, partition: Owner(TOPIC_ID)) == []
    assert (store.get(*KEY), store.future(*KEY).log_end_offset) == (None, 13)
