"""The memory twin: logs that rest in lists of bytes and are gone with the process.

The same `PartitionLog` runs over it, so it rolls, truncates and answers as the disk does. Batches are copied once when they come in; slices
hand out the very objects. Discarding a segment frees its bytes, and so does raising the log start within one, whatever the segment's size.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from pybroker.records.batch import BatchHeader, read_header
from pybroker.records.errors import RecordsError
from pybroker.storage.epochs import EpochCache
from pybroker.storage.interface import (
    AbortedTransaction,
    DirectoryInfo,
    FutureLog,
    Log,
    LogConfig,
    Moved,
    OwnerOf,
    Slice,
    StorageError,
    TimestampOffset,
    UnopenedLog,
)
from pybroker.storage.log import PartitionLog
from pybroker.storage.rolling import UNKNOWN
from pybroker.storage.scan import MAX_RELATIVE_OFFSET
from pybroker.storage.slices import MemorySlice
from pybroker.storage.snapshot_files import MemorySnapshots
from pybroker.storage.times import first_of_segment
from pybroker.wire.buffers import Buffer

SNAPSHOTS_KEPT = 2
DIRECTORY = "/memory"  # what a log directory is called where there is none: an absolute path, as clients expect


class MemorySegment:
    """Batches with, for each, its last offset, where it ends in the segment, and the largest timestamp up to it."""

    __slots__ = (
        "_batches",
        "_ends",
        "_freed",
        "_lasts",
        "_timestamps",
        "base_offset",
        "created_ms",
        "flushed_bytes",
        "largest_forgotten",
        "max_offset",
        "next_offset",
        "roll_after",
        "size_bytes",
    )

    def __init__(self, base_offset: int, created_ms: int | None) -> None:
        self.base_offset = self.next_offset = base_offset
        self.max_offset = base_offset + MAX_RELATIVE_OFFSET
        self.created_ms = created_ms
        self.roll_after = UNKNOWN
        self.size_bytes = self.flushed_bytes = 0
        self._batches: list[bytes] = []
        self._lasts = array("q")
        self._ends = array("q")
        self._timestamps = array("q")
        self._freed = 0
        self.largest_forgotten: TimestampOffset | None = None

    def configure(self, config: LogConfig) -> None:
        """Forget what was computed from the configuration."""
        self.roll_after = UNKNOWN

    def append(self, batch: Buffer, size_bytes: int, last_offset: int, timestamp: int) -> None:
        """Keep a copy of the batch."""
        self._batches.append(bytes(batch))
        self._lasts.append(last_offset)
        self.size_bytes += size_bytes
        self._ends.append(self.size_bytes)
        timestamps = self._timestamps
        timestamps.append(timestamp if not timestamps or timestamp > timestamps[-1] else timestamps[-1])
        self.next_offset = last_offset + 1

    def append_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]]) -> None:
        """Keep copies of batches, whose headers say where and when."""
        for batch, header in batches:
            self.append(batch, len(batch), header.last_offset, header.max_timestamp)

    def precede(self, next_offset: int) -> None:
        """The segment is followed by one that begins at `next_offset`, be it after a gap."""
        self.next_offset = next_offset

    def read(self, offset: int, max_bytes: int, upper_offset: int | None, min_one_batch: bool) -> Slice | None:
        """See `interface.Log.read`."""
        first = bisect_left(self._lasts, offset)
        stop = len(self._lasts) if upper_offset is None else bisect_left(self._lasts, upper_offset)
        if first >= stop:
            return None
        start = self._start(first)
        if self._ends[stop - 1] - start > max_bytes:
            stop = max(bisect_right(self._ends, start + max_bytes), first + min_one_batch)
        if first >= stop:
            return None
        return MemorySlice(self._batches[first:stop], self._ends[stop - 1] - start)

    def _start(self, at: int) -> int:
        return self._ends[at - 1] if at else 0

    def is_past(self, offset: int) -> bool:
        """Whether all batches lie before `offset`."""
        return not self._lasts or offset > self._lasts[-1]

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `interface.Log.batches`."""
        for batch in self._batches[max(self._freed, bisect_left(self._lasts, from_offset)) :]:
            yield read_header(batch), MemorySlice((batch,), len(batch))

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch."""
        return self._timestamps[0] if self._timestamps else -1

    def largest_timestamp(self) -> int:
        """Of all batches, -1 if none has one."""
        return max(self._timestamps[-1], -1) if self._timestamps else -1

    def from_time(self, timestamp: int, start_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `times.Timed`."""
        first = max(bisect_left(self._timestamps, timestamp), bisect_left(self._lasts, start_offset), self._freed)
        for batch in self._batches[first:]:
            header = read_header(batch)
            if header.max_timestamp >= timestamp:
                yield header, MemorySlice((batch,), len(batch))

    def truncate_to(self, offset: int) -> None:
        """Drop the batch that holds `offset` and all that follow."""
        keep = bisect_left(self._lasts, offset)
        self.size_bytes = self._start(keep)
        self.next_offset = self._lasts[keep - 1] + 1 if keep else self.base_offset
        for values in (self._batches, self._lasts, self._ends, self._timestamps):
            del values[keep:]
        self.flushed_bytes = min(self.flushed_bytes, self.size_bytes)
        self._freed = min(self._freed, keep)
        self.roll_after = UNKNOWN

    def free_before(self, offset: int) -> None:
        """Let go of the bytes of batches that end before `offset`; sizes and positions stay, and where their largest timestamp was."""
        stop = bisect_left(self._lasts, offset)
        if stop > self._freed:
            self.largest_forgotten = self._find_largest(stop)
        for at in range(self._freed, stop):
            self._batches[at] = b""
        self._freed = max(self._freed, stop)

    def _find_largest(self, stop: int) -> TimestampOffset | None:
        """The first record with the largest timestamp in the batches before `stop`."""
        largest, known = self._timestamps[stop - 1], self.largest_forgotten
        if known is not None and known.timestamp == largest:
            return known
        try:
            return first_of_segment(self, largest, self.base_offset) if largest >= 0 else None
        except RecordsError:  # a batch that cannot be opened is not needed any more
            return None

    def flush(self) -> int:
        """Nothing outlives the process, so everything is as safe as it gets."""
        return self.size_bytes

    def seal(self) -> None:
        """There is no file to be completed."""

    def write_indexes(self) -> None:
        """There is no file to be written."""

    def let_go(self) -> None:
        """There is no file to be closed."""

    def move_to(self, directory: str) -> None:
        """There is only one."""


class MemoryHome:
    """What belongs to a log beside its segments."""

    __slots__ = ("_aborted", "_aborted_of_cleaned", "_metadata_snapshots", "_snapshots", "parent", "topic_id")

    def __init__(self, topic_id: bytes) -> None:
        self.topic_id = topic_id
        self.parent = DIRECTORY
        self._metadata_snapshots: MemorySnapshots | None = None
        self._snapshots: dict[int, bytes] = {}
        self._aborted: dict[int, list[AbortedTransaction]] = {}
        self._aborted_of_cleaned: dict[int, list[AbortedTransaction]] = {}

    def adopt(self, topic_id: bytes) -> None:
        """Say anew whose the log is."""
        self.topic_id = topic_id

    def snapshot_files(self) -> MemorySnapshots:
        """Snapshots of the metadata, if this is the metadata log."""
        if self._metadata_snapshots is None:
            self._metadata_snapshots = MemorySnapshots()
        return self._metadata_snapshots

    def create_segment(self, base_offset: int, config: LogConfig, created_ms: int | None) -> MemorySegment:
        """A new, empty segment."""
        return MemorySegment(base_offset, created_ms)

    def discard(self, segment: MemorySegment, delay_ms: int) -> None:
        """Who still reads holds the bytes itself."""
        self._aborted.pop(segment.base_offset, None)

    def sync_directory(self) -> None:
        """Nothing outlives the process."""

    def create_cleaned(self, base_offset: int, config: LogConfig) -> MemorySegment:
        """A segment that nobody knows of yet."""
        return MemorySegment(base_offset, None)

    def secure_cleaned(self, segment: MemorySegment, aborted: Sequence[AbortedTransaction]) -> None:
        """Nothing outlives the process; the index waits for its segment to take its place."""
        self._aborted_of_cleaned[segment.base_offset] = list(aborted)

    def put_in_place(self, segment: MemorySegment) -> None:
        """What it replaces was discarded, with its index."""
        self._aborted[segment.base_offset] = self._aborted_of_cleaned.pop(segment.base_offset, [])

    def drop_cleaned(self, segment: MemorySegment) -> None:
        """Nobody knew of it."""
        self._aborted_of_cleaned.pop(segment.base_offset, None)

    def sync(self, epochs: EpochCache) -> None:
        """See `MemorySegment.flush`."""

    def add_aborted(self, base_offset: int, entry: AbortedTransaction) -> None:
        """Add to the index of a segment."""
        self._aborted.setdefault(base_offset, []).append(entry)

    def aborted(self, base_offset: int) -> list[AbortedTransaction]:
        """What the index of a segment holds."""
        return self._aborted.get(base_offset, [])

    def renew_aborted(self, base_offsets: Sequence[int], entries: Iterable[AbortedTransaction]) -> None:
        """Nothing is ever in doubt."""

    def seal_aborted(self, base_offsets: Sequence[int]) -> None:
        """Nobody comes after."""

    def replace_aborted(self, base_offset: int, entries: list[AbortedTransaction]) -> None:
        """Write the index of a segment anew."""
        self._aborted[base_offset] = entries

    def write_snapshot(self, offset: int, content: bytes) -> None:
        """Keep this one and the one before it."""
        self._snapshots[offset] = content
        for old in sorted(self._snapshots, reverse=True)[SNAPSHOTS_KEPT:]:
            del self._snapshots[old]

    def snapshots(self, end_offset: int) -> Iterator[tuple[int, bytes]]:
        """At or before an offset, newest first."""
        for offset in sorted(self._snapshots, reverse=True):
            if offset <= end_offset:
                yield offset, self._snapshots[offset]

    def drop_snapshots_after(self, end_offset: int) -> None:
        """Remove snapshots of what is no longer in the log."""
        for offset in [offset for offset in self._snapshots if offset > end_offset]:
            del self._snapshots[offset]


class MemoryLogStore:
    """All logs of a broker that forgets, in what it shows as one log directory. See `interface.LogStore`."""

    __slots__ = ("_directory", "_logs", "_rng", "cleaner_offsets", "cluster_id", "high_watermarks", "node_id", "unopened")

    def __init__(self, *, cluster_id: str, node_id: int, rng: Random, directory_id: bytes = bytes(15) + b"\x64") -> None:
        self.cluster_id = cluster_id
        self.node_id = node_id
        self.high_watermarks: dict[tuple[str, int], int] = {}
        self.cleaner_offsets: dict[tuple[str, int], int] = {}
        self.unopened: dict[tuple[str, int], UnopenedLog] = {}
        self._directory = DirectoryInfo(DIRECTORY, directory_id)
        self._rng = rng
        self._logs: dict[tuple[str, int], PartitionLog] = {}

    def settle(self, owner_of: OwnerOf) -> list[str]:
        """Nothing was found."""
        return []

    def is_in_the_way(self, topic: str) -> bool:
        """What went is gone."""
        return False

    def make_way(self) -> None:
        """Nothing is."""

    def directories(self) -> list[DirectoryInfo]:
        """The one that there seems to be."""
        return [self._directory]

    def space(self, path: str) -> tuple[int, int]:
        """The memory of this machine, and what of it is free. Raises StorageError where the system does not tell."""
        try:
            page_bytes = os.sysconf("SC_PAGE_SIZE")
            return os.sysconf("SC_PHYS_PAGES") * page_bytes, os.sysconf("SC_AVPHYS_PAGES") * page_bytes
        except (ValueError, OSError) as error:
            raise StorageError(f"the size of the memory is not known: {error}") from error

    def probe(self, path: str) -> str | None:
        """Memory does not fail."""
        return None

    def fail_directory(self, path: str, reason: str) -> list[PartitionLog]:
        """Forget all."""
        self._directory = self._directory._replace(failure=reason)
        logs = list(self._logs.values())
        self._logs.clear()
        return logs

    def logs(self) -> Iterator[PartitionLog]:
        """Those created so far."""
        return iter(list(self._logs.values()))

    def create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory: str | None = None) -> PartitionLog:
        """An empty log. Raises ValueError if there is one."""
        if (topic, partition) in self._logs:
            raise ValueError(f"{topic}-{partition} exists")
        log = self._logs[topic, partition] = PartitionLog(topic, partition, MemoryHome(topic_id), config, self._rng)
        return log

    def get(self, topic: str, partition: int) -> PartitionLog | None:
        """None if there is none."""
        return self._logs.get((topic, partition))

    def delete(self, log: Log) -> None:
        """Forget a log."""
        self._logs.pop((log.topic, log.partition)).retire()
        self.cleaner_offsets.pop((log.topic, log.partition), None)

    def put_aside(self, topic: str, partition: int) -> list[str]:
        """Forget it: nothing was there before this process."""
        log = self._logs.pop((topic, partition), None)
        if log is not None:
            log.retire()
        return []

    def delete_unopened(self, topic: str, partition: int) -> None:
        """Whatever is in memory is open."""

    def future(self, topic: str, partition: int) -> FutureLog | None:
        """None: there is no other directory."""
        return None

    def begin_move(self, log: Log, directory: str) -> FutureLog:
        """There is nowhere to go. Raises StorageError."""
        raise StorageError(f"{log.topic}-{log.partition} cannot move to {directory}: there is one directory only")

    def secure_moves(self, moves: Sequence[tuple[Log, FutureLog]]) -> list[StorageError | None]:
        """Nothing moves."""
        return [None for _ in moves]

    def finish_move(self, log: Log) -> Moved | None:
        """Nothing moves."""
        return None

    def drop_move(self, log: Log) -> None:
        """Nothing moves."""

    def delete_expired(self, now_ms: int) -> int | None:
        """Nothing ever waits for removal."""
        return None

    def checkpoint(self, high_watermarks: dict[tuple[str, int], int]) -> None:
        """Nothing outlives the process."""

    def checkpoint_cleaner(self, log: Log, offset: int) -> None:
        """Keep it."""
        self.cleaner_offsets[log.topic, log.partition] = offset

    def abandon(self) -> None:
        """Nothing is held."""

    def close(self, high_watermarks: dict[tuple[str, int], int]) -> Sequence[StorageError]:
        """Let all go."""
        self._logs.clear()
        return ()


def unreachable_log(topic: str, partition: int, topic_id: bytes, config: LogConfig) -> PartitionLog:
    """Stands for a log that cannot be used: empty, in no store, and it takes nothing."""
    log = PartitionLog(topic, partition, MemoryHome(topic_id), config, Random(0))  # noqa: S311 - a jitter that is never used
    log.retire()
    return log
