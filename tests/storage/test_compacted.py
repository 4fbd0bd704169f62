"""Compacted segments: put in the place of others, read across their gaps, and found whole after a stop at any step."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.storage.errors import StorageError
from pybroker.testing.simulated_disk import Stop
from tests.storage.stopping_files import StoppingFiles

Append = Callable[..., bytes]
Open = Callable[..., Any]

KEPT = (1, 6, 9, 15)  # of 24 batches in three segments of eight, the last one active


def fill(log: Any, append: Append) -> list[bytes]:
    """24 batches of one record."""
    batches = [append(log, timestamp=1000 + number) for number in range(24)]
    assert [extent[:2] for extent in log.extents()] == [(0, 10), (10, 20), (20, 24)]
    return batches


def compact(log: Any, batches: list[bytes], kept: tuple[int, ...] = KEPT) -> bool:
    """Replace the first two segments by one with the batches of those offsets."""
    cleaned = log.begin_cleaned(0)
    if kept:
        cleaned.append_batches([(batches[offset], read_header(batches[offset])) for offset in kept])
    log.secure_cleaned(cleaned)
    return log.replace(cleaned, log.extents()[:2])


def offsets_in(log: Any) -> list[int]:
    """The base offsets of the batches in a log."""
    return [header.base_offset for header, _ in log.batches(log.log_start_offset)]


def test_takes_the_place(log: Any, append: Append):
    """One segment where two were; what was kept has its offset and its bytes; the log goes on as before."""
    batches = fill(log, append)
    assert compact(log, batches)
    assert [extent[:2] for extent in log.extents()] == [(0, 20), (20, 24)]
    assert offsets_in(log) == [*KEPT, 20, 21, 22, 23]
    assert log.size_bytes == 92 * 8
    append(log)
    assert log.log_end_offset == 25


@pytest.mark.parametrize(("offset", "found"), [(0, 1), (1, 1), (2, 6), (7, 9), (10, 15), (15, 15), (16, 20), (19, 20), (20, 20)])
def test_reads_across_gaps(log: Any, append: Append, offset: int, found: int):
    """Who asks for an offset that was removed gets the batch after it, in the next segment if need be."""
    compact(log, fill(log, append))
    data = log.read(offset, 1, 24, True).read()
    assert read_header(data).base_offset == found
    assert log.read(offset, 1 << 20, found, True) is None


def test_finds_times_across_gaps(log: Any, append: Append):
    """ListOffsets by time gives a record that is there."""
    compact(log, fill(log, append))
    found = [log.offset_for_timestamp(1000 + number, 24).offset for number in range(20)]
    assert found == [1, 1, 6, 6, 6, 6, 6, 9, 9, 9, 15, 15, 15, 15, 15, 15, 20, 20, 20, 20]
    assert log.max_timestamp(24).offset == 23
    assert log.segment_times(0) == (1001, 1015)


def test_segment_may_lose_everything(store: Any, log: Any, append: Append):
    """It stays as an empty one, so that the log starts where it did."""
    compact(log, fill(log, append), ())
    assert (log.log_start_offset, offsets_in(log)) == (0, [20, 21, 22, 23])
    assert read_header(log.read(3, 1, 24, True).read()).base_offset == 20
    assert log.segment_times(0) == (-1, -1)
    assert log.offset_for_timestamp(0, 24).offset == 20


def test_gives_way_to_changes(log: Any, append: Append):
    """If one of the segments is gone meanwhile the new one is dropped, and the log stays as it is."""
    batches = fill(log, append)
    cleaned = log.begin_cleaned(0)
    cleaned.append_batches([(batches[1], read_header(batches[1]))])
    replaced = log.extents()[:2]
    log.raise_log_start_offset(12)
    log.secure_cleaned(cleaned)
    assert not log.replace(cleaned, replaced)
    assert offsets_in(log)[0] == 12


def test_active_segment_is_never_replaced(log: Any, append: Append):
    """Not even when asked for."""
    batches = fill(log, append)
    cleaned = log.begin_cleaned(20)
    cleaned.append_batches([(batches[20], read_header(batches[20]))])
    log.secure_cleaned(cleaned)
    assert not log.replace(cleaned, log.extents()[2:])


def test_slices_outlive_their_segment(log: Any, append: Append):
    """A reader that began before goes on with what it has."""
    batches = fill(log, append)
    before = log.read(0, 1 << 20, 24, True)
    compact(log, batches)
    assert before.read() == b"".join(batches[:10])


@pytest.mark.parametrize("clean", [True, False])
def test_survives_a_restart(open_disk: Open, append: Append, clean: bool):
    """With its gaps, whether it is read again or not; the checkpoint of the cleaner too."""
    store = open_disk()
    log = store.create("t", 0, bytes(16), store._config)
    batches = fill(log, append)
    compact(log, batches)
    store.checkpoint_cleaner(log, 20)
    store.close({}) if clean else store.abandon()
    store = open_disk()
    log = store.get("t", 0)
    assert store.cleaner_offsets == {("t", 0): 20}
    assert offsets_in(log) == [*KEPT, 20, 21, 22, 23]
    assert log.recovery.cut_reason is None
    assert read_header(log.read(10, 1, 24, True).read()).base_offset == 15
    store.delete(log)
    assert store.cleaner_offsets == {}


def test_every_stop_leaves_the_old_or_the_new(open_disk: Open, append: Append, tmp_path: Path):
    """Wherever the process dies, the next start finds every kept batch, in order, and no file of the compaction is left over."""
    step = 0
    while True:
        directory = str(tmp_path / f"data{step}")
        files = StoppingFiles()
        store = open_disk(directory, files=files)
        log = store.create("t", 0, bytes(16), store._config)
        batches = fill(log, append)
        log.flush()
        store.checkpoint_cleaner(log, 0)
        files.left = step
        try:
            compact(log, batches)
            finished = True
        except Stop:
            finished = False
        files.left = None
        store.abandon()
        store = open_disk(directory)
        log = store.get("t", 0)
        found = offsets_in(log)
        assert found == sorted(found)
        assert set(found) >= {*KEPT, 20, 21, 22, 23}
        assert found in ([*KEPT, 20, 21, 22, 23], list(range(24)))
        assert log.recovery.cut_reason is None
        assert log.log_end_offset == 24
        left = {name.rsplit(".", 1)[-1] for name in os.listdir(os.path.join(directory, "t-0"))}
        assert left <= {"log", "index", "timeindex", "txnindex", "metadata", "leader-epoch-checkpoint", "snapshot"}
        assert read_header(log.read(10, 1, 24, True).read()).base_offset == (15 if 10 not in found else 10)
        assert log.offset_for_timestamp(1010, 24).offset == (15 if 10 not in found else 10)
        store.abandon()
        if finished:
            break
        step += 1
    assert step > 10
    assert found == [*KEPT, 20, 21, 22, 23]


def test_failure_to_put_in_place_takes_the_log_offline(open_disk: Open, append: Append):
    """What the directory holds is known only after the next start, which finds all."""
    files = StoppingFiles()
    store = open_disk(files=files)
    log = store.create("t", 0, bytes(16), store._config)
    batches = fill(log, append)
    store.checkpoint_cleaner(log, 0)
    cleaned = log.begin_cleaned(0)
    cleaned.append_batches([(batches[offset], read_header(batches[offset])) for offset in KEPT])
    log.secure_cleaned(cleaned)

    def refuse(source: str, target: str) -> None:
        raise OSError(5, "Input/output error")

    files.rename = refuse  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        log.replace(cleaned, log.extents()[:2])
    with pytest.raises(StorageError):
        append(log)
    store.abandon()
    log = open_disk().get("t", 0)
    assert offsets_in(log) == [*KEPT, 20, 21, 22, 23]
