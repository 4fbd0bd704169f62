"""One segment from end to end: its batches, the records in them, and its indexes, all in one pass.

Rules
- A batch is whole if `walk` finds nothing wrong with it, and then its records must be as its header says: so many, in order, within its
  offsets, within the lengths that they state, and no larger than anything opened here may grow.
- An index is right if who starts to read at one of its entries misses nothing. Exactly which batch an entry names differs between releases
  of Kafka (the first of a group that a follower wrote at once, or each), so that is not asked.
- What an index says of damaged bytes is not held against it.

Memory: one batch, opened, and the index files (10 MiB by default).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pybroker.inspection.segments import MAX_BATCH_BYTES
from pybroker.records.batch import BatchHeader
from pybroker.records.errors import RecordsError
from pybroker.records.record import payload_of, records_in
from pybroker.records.scan import scan_records
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.offset_index import POSITION_MASK, OffsetIndex
from pybroker.storage.time_index import TimeIndex
from pybroker.storage.walk import Piece, SegmentWalk

MOST_FAULTS = 1000  # more of them tell nobody more

Observer = Callable[[BatchHeader, bytes], None]


@dataclass(slots=True)
class Fault:
    """A piece that is not whole, and how much was whole before it. `can_be_cut`: the bytes are wrong, not only what records say."""

    position: int
    size_bytes: int
    offset: int
    reason: str
    is_batch: bool
    opened: bool = False


@dataclass(slots=True)
class SegmentCheck:
    """What was found in one segment. `next_offset`: behind the last whole batch. `after_*`: whole ones behind the first fault.

    `headers_end`: behind the last batch by its header, whole or not: so far the log goes for who does not look at checksums.
    """

    path: str
    base_offset: int
    size_bytes: int = 0
    next_offset: int = 0
    headers_end: int = 0
    first_offset: int = -1
    end_before_fault: int = -1
    batches: int = 0
    records: int = 0
    after_batches: int = 0
    after_records: int = 0
    old_messages: int = 0
    faults: list[Fault] = field(default_factory=list)
    index_faults: list[str] = field(default_factory=list)
    time_index_faults: list[str] = field(default_factory=list)
    max_timestamp: int = -1

    @property
    def cuts(self) -> list[Fault]:
        """Faults at which a recovery would stop."""
        return [fault for fault in self.faults if not fault.opened]

    @property
    def has_torn_end(self) -> bool:
        """Whether all that is wrong lies behind the last whole batch."""
        return bool(self.cuts) and not self.after_batches


def check_segment(
    files: Files,
    path: str,
    base_offset: int | None,
    observers: list[Observer],
    index: OffsetIndex | None = None,
    time_index: TimeIndex | None = None,
) -> SegmentCheck:
    """Read a segment. Raises OSError, StorageError."""
    file = OpenFile(files, path, READ_ONLY)
    walk = SegmentWalk(files, file, files.size(path), base_offset)
    check = SegmentCheck(path, base_offset or 0, walk.size_bytes, walk.next_offset, walk.next_offset)
    positions = _Positions(index, check)
    times = _Times(time_index, check)
    for piece in walk:
        positions.meet(piece)
        if piece.fault is not None:
            _add_fault(check, piece, piece.fault)
        elif piece.message is not None:
            check.old_messages += 1
        elif piece.header is not None:
            times.meet(piece.header)
            _whole_batch(check, piece, piece.header, walk, observers)
    positions.end()
    times.end()
    return check


def _whole_batch(check: SegmentCheck, piece: Piece, header: BatchHeader, walk: SegmentWalk, observers: list[Observer]) -> None:
    if check.first_offset < 0:
        check.first_offset = header.base_offset
    check.batches += 1
    check.records += max(header.record_count, 0)
    if check.cuts:
        check.after_batches += 1
        check.after_records += max(header.record_count, 0)
    check.next_offset = check.headers_end = header.next_offset
    check.max_timestamp = max(check.max_timestamp, header.max_timestamp)
    if piece.size_bytes > MAX_BATCH_BYTES:
        return
    batch = walk.read(piece)
    wrong = what_is_wrong_inside(batch, header)
    if wrong is not None:
        check.faults.append(Fault(piece.position, piece.size_bytes, header.base_offset, wrong, is_batch=True, opened=True))
        return
    for observer in observers:
        observer(header, batch)


def _add_fault(check: SegmentCheck, piece: Piece, reason: str) -> None:
    if not check.cuts:
        check.end_before_fault = check.next_offset
    if piece.header is not None:
        check.headers_end = max(check.headers_end, piece.header.next_offset)
    if len(check.faults) < MOST_FAULTS:
        check.faults.append(Fault(piece.position, piece.size_bytes, check.next_offset, reason, is_batch=piece.header is not None))


def what_is_wrong_inside(batch: bytes, header: BatchHeader) -> str | None:
    """Why the records of a batch cannot be what its header says; None if they can."""
    try:
        payload = payload_of(batch, header)
        if header.record_count < 0:
            return f"the batch says to hold {header.record_count} records"
        scan = scan_records(payload, header.record_count)
        in_order = scan.offsets_in_order and header.record_count <= header.last_offset_delta + 1
        if in_order or not header.record_count:
            return None
        offsets = [record.offset for record in records_in(payload, header)]
    except RecordsError as error:
        return f"the records of the batch cannot be read: {error}"
    if offsets[-1] > header.last_offset or any(second <= first for first, second in itertools.pairwise(offsets)):
        return f"the offsets of the records in the batch ({offsets[0]} to {offsets[-1]}) are not in order or beyond its last one"
    return None


class _Positions:
    """Compares the entries of an offset index with the batches that go by."""

    def __init__(self, index: OffsetIndex | None, check: SegmentCheck) -> None:
        self._entries: Sequence[int] = index.entries if index is not None else ()
        self._at = 0
        self._check = check

    def meet(self, piece: Piece) -> None:
        """A piece of the file, in order."""
        while self._at < len(self._entries) and (self._entries[self._at] & POSITION_MASK) < piece.end:
            offset, position = (self._entries[self._at] >> 32) + self._check.base_offset, self._entries[self._at] & POSITION_MASK
            self._at += 1
            if piece.fault is not None:
                continue
            if position != piece.position or (piece.header is not None and piece.header.base_offset > offset):
                self._check.index_faults.append(
                    f"it says that offset {offset} is found from byte {position} on, where no such batch begins"
                )

    def end(self) -> None:
        """Nothing follows."""
        if self._at < len(self._entries):
            self._check.index_faults.append(f"{len(self._entries) - self._at} of its entries lie beyond the end of the segment")


class _Times:
    """Compares the entries of a time index with the batches that go by."""

    def __init__(self, index: TimeIndex | None, check: SegmentCheck) -> None:
        self._index = index
        self._at = 0
        self._check = check

    def meet(self, header: BatchHeader) -> None:
        """A whole batch, in order; what came before it is in `max_timestamp`."""
        index = self._index
        if index is None:
            return
        while self._at < len(index) and index.offsets[self._at] + self._check.base_offset <= header.last_offset:
            if index.timestamps[self._at] < self._check.max_timestamp:
                offset = index.offsets[self._at] + self._check.base_offset
                self._check.time_index_faults.append(
                    f"it says that nothing before offset {offset} is later than {index.timestamps[self._at]}, "
                    f"but {self._check.max_timestamp} is there"
                )
            self._at += 1

    def end(self) -> None:
        """Nothing follows."""
        if self._index is not None and self._at < len(self._index) and not self._check.faults:
            self._check.time_index_faults.append(f"{len(self._index) - self._at} of its entries lie beyond the end of the segment")
