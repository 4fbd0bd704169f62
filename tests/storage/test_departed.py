"""Making way on another thread while a log goes: what is not done yet is not taken for done."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.storage import layout
from pybroker.storage.checkpoints import read_offsets
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig, Owner
from pybroker.storage.store import DiskLogStore
from pybroker.testing.simulated_disk import SimulatedDisk
from tests.storage.moved_logs import copy, secure

Append = Callable[..., bytes]
Open = Callable[..., Any]
KEY = ("t", 0)
OLD, NEW = b"o" * 16, b"n" * 16


class WatchedFiles(Files):
    """Notes which directories are synced, and which logs go. What is to come before a rename or a sync is called once."""

    def __init__(self) -> None:
        self.is_refusing = False
        self.steps: list[str] = []
        self.before_rename: Callable[[], object] | None = None
        self.before_sync: Callable[[], object] | None = None

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        if self.is_refusing and path.endswith(layout.LOG):
            raise PermissionError(13, "Permission denied", path)
        return os.open(path, flags, mode)

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # see above
        if target.endswith(("-delete", "-stray")) and self.before_rename is not None:
            meanwhile, self.before_rename = self.before_rename, None
            meanwhile()
        os.replace(source, target)
        self.steps.append(f"{os.path.basename(source)} goes")

    def fsync_directory(self, path: str) -> None:
        if self.before_sync is not None:
            meanwhile, self.before_sync = self.before_sync, None
            meanwhile()
        super().fsync_directory(path)
        self.steps.append(path)


def delete(store: Any) -> None:
    """As when its topic is deleted."""
    store.delete(store.get(*KEY))


def put_aside(store: Any) -> None:
    """As when it is nobody's."""
    store.put_aside(*KEY)


def delete_unopened(store: Any) -> None:
    """As when its topic is deleted, and it could not be opened."""
    store.delete_unopened(*KEY)


@pytest.mark.parametrize("way", [delete, put_aside, delete_unopened])
def test_way_that_is_made_before_a_log_is_renamed(open_disk: Open, append: Append, paths: list[str], way: Callable[[Any], None]) -> None:
    """The name is not durable by that: it is in the way until it was synced after the rename."""
    files = WatchedFiles()
    store = open_disk(paths[0], files=files)
    append(store.create(*KEY, OLD, store._config))
    if way is delete_unopened:
        store.abandon()
        files.is_refusing = True
        store = open_disk(paths[0], files=files)
        files.is_refusing = False
        assert KEY in store.unopened
    files.steps.clear()
    files.before_rename = store.make_way
    way(store)
    assert store.is_in_the_way("t")
    assert files.steps == ["t-0 goes"]
    append(store.create(*KEY, NEW, store._config))
    assert files.steps[:2] == ["t-0 goes", paths[0]]


def test_name_of_a_log_that_is_put_aside_at_a_start_is_gone_for_good(open_disk: Open, append: Append, paths: list[str]) -> None:
    """Before another log of that name is served, its new name is durable: else a power failure would bring it back as what it was."""
    store = open_disk(*paths)
    append(store.create(*KEY, OLD, store._config, paths[0]))
    store.abandon()
    files = WatchedFiles()
    store = open_disk(*paths, files=files)
    files.steps.clear()
    assert len(store.settle(lambda topic, partition: None)) == 1
    assert files.steps[:3] == ["t-0 goes", *paths]
    assert not store.is_in_the_way("t")


def test_second_log_of_a_name_is_put_aside_for_good(open_disk: Open, append: Append, paths: list[str]) -> None:
    """So it is with one of two, of which the metadata knows the other."""
    for path, topic_id in zip(paths, (OLD, NEW), strict=True):
        store = open_disk(path)
        append(store.create(*KEY, topic_id, store._config))
        store.abandon()
    files = WatchedFiles()
    store = open_disk(*paths, files=files)
    files.steps.clear()
    assert len(store.settle(lambda topic, partition: Owner(NEW, paths[1]))) == 1
    assert files.steps[:3] == ["t-0 goes", *paths]
    assert store.get(*KEY).topic_id == NEW


def test_log_that_goes_again_while_way_is_made(open_disk: Open, append: Append, paths: list[str]) -> None:
    """What went under the same name after a call began is for the next one."""
    files = WatchedFiles()
    store = open_disk(paths[0], files=files)
    append(store.create(*KEY, OLD, store._config))
    delete(store)

    def go_again() -> None:
        append(store.create(*KEY, NEW, store._config))
        delete(store)

    files.before_sync = go_again
    store.make_way()
    assert store.is_in_the_way("t")
    files.steps.clear()
    store.make_way()
    assert files.steps[0] == paths[0]
    assert not store.is_in_the_way("t")


def test_name_that_cannot_be_renamed_away_is_told_again(open_disk: Open, append: Append, paths: list[str]) -> None:
    """A log that stays where it was is in the way of the next of its name all the same, since checkpoints tell of it."""
    files = WatchedFiles()
    store = open_disk(paths[0], files=files)
    log = store.create(*KEY, OLD, store._config)
    append(log)

    def refuse() -> None:
        raise OSError(5, os.strerror(5), "t-0")

    files.before_rename = refuse
    with pytest.raises(StorageError, match="cannot rename"):
        store.delete(log)
    assert store.is_in_the_way("t")


def test_copy_that_was_dropped_is_taken_out_beside_the_loop(filled: tuple[Any, Any], paths: list[str]) -> None:
    """Where it was made durable a checkpoint tells of it, and the next copy there would wait for that."""
    store, log = filled
    copy(log, store.begin_move(log, paths[1]))
    secure(store, log)
    checkpoint = os.path.join(paths[1], layout.RECOVERY_POINT_CHECKPOINT)
    assert KEY in read_offsets(Files(), checkpoint)
    assert not store.is_in_the_way("t")
    store.drop_move(log)
    assert store.is_in_the_way("t")
    store.make_way()
    assert KEY not in read_offsets(Files(), checkpoint)


class Racing(SimulatedDisk):
    """Calls `meanwhile` once, before a log is renamed away."""

    meanwhile: Callable[[], object] | None = None

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if target.endswith("-delete") and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        super().rename(source, target)


def open_on(disk: SimulatedDisk) -> DiskLogStore:
    """A store of two directories on a simulated disk."""
    return DiskLogStore.open(["/a", "/b"], cluster_id="c", node_id=1, rng=Random(1), config=LogConfig(), files=disk)


def fill(log: Any, count: int) -> None:
    """So many records."""
    for offset in range(count):
        batch = build_batch([(b"k", b"v")], base_offset=offset, timestamp=1, leader_epoch=0)
        log.append(memoryview(bytearray(batch)), read_header(batch), 0)


def open_after_power_loss(seed: int) -> DiskLogStore:
    """A topic was deleted while way was made, and made anew elsewhere, with three records that are durable."""
    disk = Racing()
    store = open_on(disk)
    old = store.create(*KEY, OLD, LogConfig(), "/a")
    fill(old, 5)
    disk.fsync_directory("/a")  # the kernel wrote the name, and perhaps nothing of what is in it
    disk.meanwhile = store.make_way
    store.delete(old)
    if store.is_in_the_way("t"):
        store.make_way()
    new = store.create(*KEY, NEW, LogConfig(), "/b")
    fill(new, 3)
    new.flush()
    disk.lose_power(Random(seed))
    return open_on(disk)


def test_deleted_records_are_not_those_of_the_next_topic_of_the_name() -> None:
    """When the power goes after what the new one wrote was durable, the deleted log is not served in its place."""
    for seed in range(50):
        store = open_after_power_loss(seed)
        store.settle(lambda topic, partition: Owner(NEW, "/b") if topic == "t" else None)
        log = store.get(*KEY)
        assert log is not None
        assert (log.directory, log.topic_id, log.log_end_offset) == ("/b", NEW, 3), seed
        store.abandon()
