"""One round of the cleaner over one log: look for newer values in the dirty part, write all anew, put it in place.

The log lives on meanwhile: it is appended to and read, its start may rise, it may be deleted. What was read stays true, as no segment that
is cleaned changes; whether those that were read are still there is asked when the new one takes their place, and between that question and
the renaming nothing awaits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pybroker.core.cleaned_transactions import CleanedTransactions
from pybroker.core.cleaning import Dirt, group_segments, largest_segment_bytes
from pybroker.core.compaction import Compaction, LastRecord, index_batch
from pybroker.core.offset_map import OffsetMap
from pybroker.core.offset_marks import OffsetMarks
from pybroker.records.batch import BatchHeader, has_valid_checksum, iter_batches, read_header
from pybroker.records.errors import CorruptRecords
from pybroker.runtime.pacing import Pace
from pybroker.runtime.partition import LivePartition
from pybroker.storage.interface import AbortedTransaction, CleanedSegment, Extent
from pybroker.wire.buffers import Buffer

UNLIMITED = 1e15  # bytes per second: no disk gets there
MARKS_PART = 10  # a tenth of what the map of offsets may take
WRITE_BYTES = 256 << 10
WRITE_BATCHES = 150  # to note them in the indexes takes 0.2 ms
LONG_WRITE_BYTES = 64 << 10  # some file systems take a millisecond to copy that much; to ask a thread costs 0.1


@dataclass(slots=True, frozen=True)
class Limits:
    """What the settings of the cleaner allow (log.cleaner.*)."""

    dedupe_buffer_bytes: int
    load_factor: float
    read_bytes: int
    bytes_per_second: float

    @property
    def marks_bytes(self) -> int:
        """Memory for marks, beside the map's."""
        return self.dedupe_buffer_bytes // MARKS_PART


@dataclass(slots=True)
class Outcome:
    """`end_offset`: up to where the log is clean now, None if it was changed by others meanwhile. Sizes of what was read and written."""

    end_offset: int | None = None
    read_bytes: int = 0
    written_bytes: int = 0


class Round:
    """See the module."""

    __slots__ = ("_aborted", "_dirt", "_limits", "_live", "_log", "_now_ms", "_outcome", "_pace")

    def __init__(
        self, live: LivePartition, dirt: Dirt, now_ms: int, limits: Limits, pace: Pace, aborted: Sequence[AbortedTransaction] = ()
    ) -> None:
        self._live = live
        self._log = live.log
        self._dirt = dirt
        self._now_ms = now_ms
        self._limits = limits
        self._pace = pace
        self._aborted = aborted
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        """Carry it out. Raises StorageError, RecordsError."""
        offsets, marks = await self._index()
        end_offset = offsets.latest_offset + 1
        extents = [extent for extent in self._log.extents() if extent.base_offset < end_offset]
        compaction = Compaction(
            offsets,
            marks,
            CleanedTransactions(self._aborted),
            last_records(self._live),
            end_offset,
            self._now_ms,
            self._live.config.delete_retention_ms,
        )
        for group in group_segments(extents, end_offset, largest_segment_bytes(self._log.config)):
            if not await self._clean_group(compaction, group):
                return self._outcome
        self._outcome.end_offset = end_offset
        return self._outcome

    async def _index(self) -> tuple[OffsetMap, OffsetMarks]:
        """Where each key of the dirty part was written last, for as many keys as there is memory, and what that says of its records."""
        start, end = self._dirt.first_dirty_offset, self._dirt.first_uncleanable_offset
        offsets = OffsetMap(self._limits.dedupe_buffer_bytes, self._limits.load_factor, end - start)
        offsets.latest_offset = start - 1
        marks = OffsetMarks(start, end - start, self._limits.marks_bytes)
        transactions = CleanedTransactions(self._aborted)
        offset = start
        while (chunk := await self._read(offset, end)) is not None:
            for batch, header in batches_in(chunk, offset):
                if not await self._pace.carry_out(index_batch(offsets, marks, batch, header, transactions)):
                    return offsets, marks
                offset = header.next_offset
        offsets.latest_offset = end - 1
        return offsets, marks

    async def _clean_group(self, compaction: Compaction, group: list[Extent]) -> bool:
        """Write the segments of a group into one and put it in their place. False if they are no longer there."""
        cleaned = self._log.begin_cleaned(group[0].base_offset)
        compaction.changed = len(group) > 1
        replaced = False
        try:
            await self._write(compaction, cleaned, group)
            aborted = compaction.transactions.take_kept()
            if not compaction.changed:
                return True
            await self._pace.in_thread(partial(self._log.secure_cleaned, cleaned, aborted))
            replaced = self._log.replace(cleaned, group)
            if replaced and self._live.state.aborted is not None:
                self._live.state.aborted.keep_only(aborted, group[0].base_offset, group[-1].next_offset)
        finally:
            if not replaced:
                self._log.drop_cleaned(cleaned)
        return replaced

    async def _write(self, compaction: Compaction, cleaned: CleanedSegment, group: list[Extent]) -> None:
        pending: list[tuple[Buffer, BatchHeader]] = []
        size_bytes = 0
        offset = group[0].base_offset
        while (chunk := await self._read(offset, group[-1].next_offset)) is not None:
            for batch, header in batches_in(chunk, offset):
                kept = await self._pace.carry_out(compaction.clean(batch, header))
                offset = header.next_offset
                if kept is not None:
                    pending.append((kept, header if kept is batch else read_header(kept)))
                    size_bytes += len(kept)
                if size_bytes >= WRITE_BYTES or len(pending) >= WRITE_BATCHES:
                    await self._append(cleaned, pending, size_bytes)
                    size_bytes = 0
        await self._append(cleaned, pending, size_bytes)

    async def _append(self, cleaned: CleanedSegment, pending: list[tuple[Buffer, BatchHeader]], size_bytes: int) -> None:
        if size_bytes >= LONG_WRITE_BYTES:
            await self._pace.in_thread(partial(cleaned.append_batches, pending))
        elif pending:
            cleaned.append_batches(pending)
        self._outcome.written_bytes += size_bytes
        pending.clear()

    async def _read(self, offset: int, end: int) -> memoryview | None:
        """Batches from the one that holds `offset`, none at or beyond `end`; None if there are none. A thread waits for the disk."""
        self._live.check_online()
        offset = max(offset, self._log.log_start_offset)
        found = self._log.read(offset, self._limits.read_bytes, end, True) if offset < end else None
        if found is None:
            return None
        if self._limits.bytes_per_second < UNLIMITED:
            await self._pace.sleep(len(found) / max(self._limits.bytes_per_second, 1.0))
        self._outcome.read_bytes += len(found)
        return memoryview(found.read() if found.buffers() else await self._pace.in_thread(found.read))


def batches_in(chunk: memoryview, offset: int) -> Iterator[tuple[memoryview, BatchHeader]]:
    """The batches of a chunk that was read from `offset` on, checked: what is damaged must not be written anew with a right checksum.

    Raises CorruptRecords.
    """
    walk = iter_batches(chunk)
    for at, header in walk:
        if header.last_offset < offset:
            raise CorruptRecords(f"a batch of offset {header.base_offset} lies where {offset} should")
        if not has_valid_checksum(chunk, at, header):
            raise CorruptRecords(f"the batch of offset {header.base_offset} has a wrong checksum")
        offset = header.next_offset
        yield chunk[at : at + header.size_bytes], header
    if walk.incomplete_bytes:
        raise CorruptRecords(f"{walk.incomplete_bytes} bytes after offset {offset} are no batch")


def last_records(live: LivePartition) -> dict[int, LastRecord]:
    """What must be left of each producer that the partition knows."""
    return {entry.producer_id: LastRecord(entry.last_offset, entry.producer_epoch) for entry in live.state.producers}
