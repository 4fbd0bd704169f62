"""What a log promises, whatever it rests on: every test runs on disk and in memory."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.records.record import Record
from pybroker.storage.errors import StorageError
from pybroker.storage.interface import EpochEnd, LogConfig, SegmentInfo, TimestampOffset
from pybroker.storage.memory import MemoryLogStore

Append = Callable[..., bytes]
ALL = 1 << 30


def read(log: Any, offset: int, max_bytes: int = ALL, upper: int | None = None, min_one: bool = False) -> bytes:
    """The bytes that a read gives; none for None."""
    found = log.read(offset, max_bytes, log.log_end_offset if upper is None else upper, min_one)
    return b"" if found is None else found.read()


def test_empty_log(log: Any) -> None:
    """A log that nobody wrote to answers every question."""
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes, log.recovery_point) == (0, 0, 0, 0)
    assert log.read(0, ALL, 0, True) is None
    assert list(log.batches(0)) == []
    assert log.segments() == []
    assert log.latest_epoch is None
    assert log.end_of_epoch(0) is None
    assert log.epoch_at(0) == -1
    assert log.offset_for_timestamp(0, 0) is None
    assert log.max_timestamp(0) is None
    assert log.flush() == 0
    assert list(log.producer_snapshots()) == []


def test_read_returns_what_was_appended(log: Any, append: Append) -> None:
    """Bytes come back as they were, from the batch that holds the offset on."""
    first, second = append(log, 3), append(log, 2)
    assert log.log_end_offset == 5
    assert log.size_bytes == len(first) + len(second)
    assert read(log, 0) == first + second
    assert read(log, 2) == first + second
    assert read(log, 3) == second
    assert read(log, 5) == b""


def test_slice_forms_agree(log: Any, append: Append) -> None:
    """`len`, `read` and `buffers` (where there are any) tell of the same bytes."""
    batch = append(log, 3)
    found = log.read(0, ALL, 3, True)
    assert len(found) == len(batch)
    assert b"".join(found.buffers()) in (b"", batch)


def test_max_bytes_cuts_at_batches(log: Any, append: Append) -> None:
    """Only whole batches are given, as many as fit."""
    batches = [append(log) for _ in range(6)]
    size = len(batches[0])
    assert read(log, 0, 3 * size) == b"".join(batches[:3])
    assert read(log, 1, 3 * size + size - 1) == b"".join(batches[1:4])
    assert read(log, 0, size - 1) == b""
    assert read(log, 4, 0) == b""


def test_min_one_batch(log: Any, append: Append) -> None:
    """A first batch that is too large comes whole if the reader must make progress."""
    batches = [append(log, size=100) for _ in range(3)]
    assert read(log, 1, 1, min_one=True) == batches[1]
    assert read(log, 1, 0, min_one=True) == batches[1]
    assert read(log, 1, 1) == b""


def test_upper_offset(log: Any, append: Append) -> None:
    """Nothing at or above the upper offset is given, not even a batch that begins below it."""
    batches = [append(log, 2) for _ in range(4)]
    assert read(log, 0, upper=4) == b"".join(batches[:2])
    assert read(log, 0, upper=5) == b"".join(batches[:2])
    assert read(log, 2, upper=3, min_one=True) == b""
    assert read(log, 4, upper=4, min_one=True) == b""


def test_read_stays_in_segment(log: Any, append: Append) -> None:
    """Reading on from where each read ended gives the whole log, a segment at a time."""
    written = b"".join(append(log) for _ in range(40))
    assert len(log.segments()) > 3
    pieces, offset = [], 0
    while offset < log.log_end_offset:
        found = log.read(offset, 400, log.log_end_offset, True)
        pieces.append(found.read())
        offset += len(pieces[-1]) // 92
    assert b"".join(pieces) == written


def test_segments_tell_sizes_and_times(log: Any, append: Append) -> None:
    """Retention sees every segment with its offsets, its size and its largest timestamp."""
    for number in range(12):
        append(log, timestamp=1000 + number)
    first, second = log.segments()
    assert first == SegmentInfo(0, 10, 920, 1009)
    assert second == SegmentInfo(10, 12, 184, 1011)
    assert log.size_bytes == 12 * 92


def test_batch_larger_than_segment(log: Any, append: Append) -> None:
    """A batch that is larger than a segment gets one of its own."""
    append(log)
    large = append(log, size=5000)
    append(log)
    assert [segment.base_offset for segment in log.segments()] == [0, 1, 2]
    assert read(log, 1) == large


def test_roll_by_time(log: Any, append: Append) -> None:
    """A segment is full when a batch is more than segment.ms younger than its first."""
    log.config = log.config._replace(segment_ms=100)
    append(log, timestamp=1000)
    append(log, timestamp=1100)
    append(log, timestamp=900)
    append(log, timestamp=1101)
    append(log, timestamp=1050)
    assert [segment.base_offset for segment in log.segments()] == [0, 3]


def test_roll_by_clock_without_timestamps(log: Any, append: Append) -> None:
    """Where the first batch has no timestamp, the age of the segment counts."""
    log.config = log.config._replace(segment_ms=100)
    append(log, timestamp=-1, now_ms=5000)
    append(log, timestamp=-1, now_ms=5100)
    append(log, timestamp=-1, now_ms=5101)
    assert [segment.base_offset for segment in log.segments()] == [0, 2]
    assert log.max_timestamp(3) is None


def test_roll_by_relative_offset(log: Any, append: Append) -> None:
    """A segment holds no offset that its index could not express in 31 bits."""
    append(log)
    append(log, gap=2**31 - 2)
    append(log)
    assert [segment.base_offset for segment in log.segments()] == [0, 2**31]
    assert len(read(log, 5)) == 92


def test_explicit_roll(log: Any, append: Append) -> None:
    """`roll` begins a new segment, but never behind an empty one."""
    log.roll(0)
    append(log)
    log.roll(0)
    log.roll(0)
    append(log)
    assert [segment.base_offset for segment in log.segments()] == [0, 1]


def test_jitter_is_drawn_from_the_given_generator() -> None:
    """segment.jitter.ms shortens the life of segments by chance that the caller seeds."""

    def bases(seed: int) -> list[int]:
        store = MemoryLogStore(cluster_id="c", node_id=1, rng=Random(seed))
        log = store.create("t", 0, bytes(16), LogConfig(segment_ms=1000, segment_jitter_ms=900))
        for offset in range(50):
            batch = build_batch([(None, b"x")], base_offset=offset, timestamp=offset * 100)
            log.append(batch, read_header(batch), 0)
        return [segment.base_offset for segment in log.segments()]

    assert bases(1) == bases(1)
    assert bases(1) != bases(2)
    assert len(bases(1)) > 5


def test_offsets_must_grow(log: Any, append: Append) -> None:
    """A batch whose offsets do not follow is refused, and the log goes on as before."""
    append(log, 3)
    batch = build_batch([(None, b"x")], base_offset=2)
    with pytest.raises(ValueError, match="cannot follow 2"):
        log.append(batch, read_header(batch), 0)
    append(log)
    assert log.log_end_offset == 4


def test_gaps_between_batches(log: Any, append: Append) -> None:
    """An offset that no batch holds is answered with the next batch."""
    first, second = append(log, 2), append(log, gap=10)
    assert read(log, 5) == second
    assert read(log, 0, upper=7) == first


def test_batches_for_replay(log: Any, append: Append) -> None:
    """Replay gets every batch with its header, over all segments."""
    written = [append(log, 2) for _ in range(20)]
    found = list(log.batches(7))
    assert [header.base_offset for header, _ in found] == list(range(6, 40, 2))
    assert [each.read() for _, each in found] == written[3:]


def test_offset_for_timestamp(log: Any, append: Append) -> None:
    """ListOffsets by time finds the first record that is as young, in whatever segment."""
    for number in range(30):
        append(log, 2, timestamp=1000 + 10 * number, epoch=number // 10)
    assert log.offset_for_timestamp(0, 60) == TimestampOffset(1000, 0, 0)
    assert log.offset_for_timestamp(1101, 60) == TimestampOffset(1110, 22, 1)
    assert log.offset_for_timestamp(1290, 60) == TimestampOffset(1290, 58, 2)
    assert log.offset_for_timestamp(1291, 60) is None
    assert log.offset_for_timestamp(1290, 58) is None
    log.raise_log_start_offset(31)
    assert log.offset_for_timestamp(0, 60) == TimestampOffset(1150, 31, 1)


def test_offset_for_timestamp_inside_a_batch(log: Any) -> None:
    """The record counts, not its batch."""
    rows = [Record(offset, 1000 + offset, None, b"x") for offset in range(5)]
    batch = build_batch(rows, leader_epoch=4)
    log.append(batch, read_header(batch), 0)
    assert log.offset_for_timestamp(1003, 5) == TimestampOffset(1003, 3, 4)
    assert log.max_timestamp(5) == TimestampOffset(1004, 4, 4)
    assert log.max_timestamp(4) is None


def test_max_timestamp_is_the_first_of_equals(log: Any, append: Append) -> None:
    """Of several records with the largest timestamp the first is told."""
    for timestamp in (5, 9, 3, 9, 9, 1, 2, 9, 9, 9, 9, 9, 9, 9):
        append(log, timestamp=timestamp)
    assert log.max_timestamp(14) == TimestampOffset(9, 1, 0)


def test_max_timestamp_of_what_was_deleted(log: Any, append: Append) -> None:
    """It is told as long as its segment is there, as Kafka does, though nobody can read the record any more."""
    for timestamp in (5, 9, 7, 9, 6):
        append(log, timestamp=timestamp)
    for start in (1, 2, 4, 5):
        log.raise_log_start_offset(start)
        assert log.max_timestamp(5) == TimestampOffset(9, 1, 0)
        assert log.max_timestamp(1) is None
    append(log, timestamp=9)
    assert log.max_timestamp(6) == TimestampOffset(9, 1, 0)
    append(log, timestamp=10)
    assert log.max_timestamp(7) == TimestampOffset(10, 6, 0)


def test_epochs(log: Any, append: Append) -> None:
    """OffsetForLeaderEpoch's question is answered from batches and from what a leader noted."""
    append(log, 5, epoch=2)
    append(log, 5, epoch=4)
    log.assign_epoch(7, 10)
    assert log.latest_epoch == 7
    assert log.end_of_epoch(1) == EpochEnd(1, 0)
    assert log.end_of_epoch(2) == EpochEnd(2, 5)
    assert log.end_of_epoch(3) == EpochEnd(2, 5)
    assert log.end_of_epoch(4) == EpochEnd(4, 10)
    assert log.end_of_epoch(7) == EpochEnd(7, 10)
    assert log.end_of_epoch(8) is None
    assert log.end_of_epoch(-1) is None
    assert [log.epoch_at(offset) for offset in (0, 4, 5, 9, 10)] == [2, 2, 4, 4, 7]


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 11, 25])
def test_truncate(log: Any, append: Append, offset: int) -> None:
    """Truncation drops what follows, and the log goes on from there."""
    batches = [append(log, timestamp=1000 + number, epoch=number // 7) for number in range(30)]
    log.truncate_to(offset)
    assert log.log_end_offset == offset
    assert b"".join(each.read() for _, each in log.batches(0)) == b"".join(batches[:offset])
    assert log.latest_epoch == ((offset - 1) // 7 if offset else None)
    assert log.offset_for_timestamp(1000 + offset, 30) is None
    again = append(log, epoch=9)
    assert read(log, offset) == again
    assert log.end_of_epoch(9) == EpochEnd(9, offset + 1)


def test_truncate_inside_a_batch(log: Any, append: Append) -> None:
    """A batch that holds the offset goes whole; the log ends where the batches do."""
    append(log, 3)
    append(log, 3)
    log.truncate_to(5)
    assert log.log_end_offset == 3
    log.truncate_to(3)
    assert log.log_end_offset == 3


def test_raise_log_start_offset(log: Any, append: Append) -> None:
    """Whole segments before the new start go; the start itself may lie inside one."""
    batches = [append(log, epoch=number // 10) for number in range(30)]
    log.raise_log_start_offset(15)
    assert log.log_start_offset == 15
    assert log.segments()[0].base_offset == 10
    assert read(log, 15, 92) == batches[15]
    assert log.end_of_epoch(1) == EpochEnd(1, 20)
    assert log.end_of_epoch(0) == EpochEnd(0, 15)
    log.raise_log_start_offset(3)
    assert log.log_start_offset == 15
    with pytest.raises(ValueError, match="ends at 30"):
        log.raise_log_start_offset(31)


def test_retention_of_everything(log: Any, append: Append) -> None:
    """After a roll the start can be raised to the end, and no bytes are left."""
    for _ in range(5):
        append(log)
    log.roll(0)
    log.raise_log_start_offset(5)
    assert log.size_bytes == 0
    assert log.log_start_offset == log.log_end_offset == 5
    assert read(log, 5) == b""
    batch = append(log)
    assert read(log, 5) == batch


def test_slices_outlive_their_segment(log: Any, store: Any, append: Append) -> None:
    """Who began to read goes on reading, though the segment and even the log are deleted."""
    batch = append(log)
    found = log.read(0, ALL, 1, True)
    log.roll(0)
    log.raise_log_start_offset(1)
    store.delete(log)
    store.delete_expired(0)
    store.delete_expired(10**9)
    assert found.read() == batch


def test_deleted_log(log: Any, store: Any, append: Append) -> None:
    """A deleted log takes no more, and its name is free again."""
    append(log)
    store.delete(log)
    assert store.get("orders", 3) is None
    with pytest.raises(StorageError, match="was deleted"):
        append(log)
    assert store.create("orders", 3, bytes(16), LogConfig()).log_end_offset == 0


def test_store_knows_its_logs(log: Any, store: Any) -> None:
    """A log is found by topic and partition, and cannot be made twice."""
    assert store.get("orders", 3) is log
    assert list(store.logs()) == [log]
    assert log.topic_id == bytes(range(16))
    with pytest.raises(ValueError, match="orders-3 exists"):
        store.create("orders", 3, bytes(16), LogConfig())


def test_producer_snapshots(log: Any, append: Append) -> None:
    """The last two snapshots are kept, newest first, and none that a truncation left behind."""
    for number in range(4):
        append(log)
        log.write_producer_snapshot(log.log_end_offset, b"state %d" % number)
    assert list(log.producer_snapshots()) == [(4, b"state 3"), (3, b"state 2")]
    log.truncate_to(3)
    assert list(log.producer_snapshots()) == [(3, b"state 2")]


def test_flush_moves_the_recovery_point(log: Any, append: Append) -> None:
    """After a flush all that was written is known to be safe."""
    for _ in range(25):
        append(log)
    assert log.recovery_point == 0
    assert log.flush() == 25
    assert log.recovery_point == 25
    log.truncate_to(12)
    assert log.recovery_point == 12


def test_flush_that_waited_for_a_truncation(log: Any, append: Append) -> None:
    """A flush looks at what is there when its turn comes: what took the place of cut segments is flushed before it is called safe."""

    class Turn:
        """The lock of flushes, which somebody else holds until the log was cut and written anew."""

        def __enter__(self) -> None:
            log.truncate_to(3)
            for _ in range(12):
                append(log, size=150)

        def __exit__(self, *error: object) -> None:
            return

    for _ in range(12):
        append(log, size=150)
    log._safe.turn = Turn()
    assert log.flush() == 15
    assert [segment.flushed_bytes for segment in log._segments.all] == [segment.size_bytes for segment in log._segments.all]


def test_empty_segment_that_would_hold_no_index_entry(store: Any, append: Append) -> None:
    """An index of no entries at all is full from the beginning; a segment that was cut to nothing is written on nevertheless."""
    log = store.create("t", 0, bytes(16), LogConfig(segment_index_bytes=4))
    append(log, 2)
    log.truncate_to(1)
    batch = append(log)
    assert ([segment.base_offset for segment in log.extents()], log.read(0, 1000, 1, True).read()) == ([0], batch)
    if log.home.parent != "/memory":
        assert (Path(log.home.directory) / f"{0:020}.log").read_bytes() == batch


def test_create_makes_the_first_segment(log: Any) -> None:
    """A log can be made to exist before its first batch."""
    log.create(0)
    assert [segment.base_offset for segment in log.segments()] == [0]


def test_raising_the_start_frees_memory(append: Append) -> None:
    """In memory, deleted records give their bytes back even inside the active segment."""
    log = MemoryLogStore(cluster_id="c", node_id=1, rng=Random(1)).create("t", 0, bytes(16), LogConfig())
    for _ in range(10):
        append(log, size=1000)
    held = log.read(0, ALL, 10, True)
    assert held is not None
    log.raise_log_start_offset(9)
    rest = log.read(9, ALL, 10, True)
    assert rest is not None
    assert [len(part) > 0 for part in rest.buffers()] == [True]
    assert sum(len(each.read()) for _, each in log.batches(0)) == len(rest)
    assert len(held.read()) == len(held)
