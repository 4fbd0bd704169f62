"""Compaction of batches: which records of a log stay, and the bytes of a batch that lost some.

Rules for a record (beyond the end of the offset map all stay)
- It has a key and no later record of the log has the same.
- It has a value, or the delete horizon of its batch is not over: a reader that began before must see the tombstone. A batch that has kept
  a tombstone for the first time gets its horizon, now + delete.retention.ms: attribute bit 6 is set, base timestamp holds the horizon and
  the records' timestamps count from there (KIP-534).

Rules for a batch
- Nothing is renumbered: base offset, last offset, base sequence, leader epoch and codec stay. The base timestamp is that of the first
  record kept. With log append time, which holds for all records, their own deltas are made to say the same.
- Data of aborted transactions and superseded markers go as `CleanedTransactions` says; a marker gets a horizon before it goes.
- A batch that lost all its records goes too, but for two, whose header stays without records: the last one of each producer, so that its
  sequence numbers survive a restart, and the last one of the round, so that the log does not end before it did.

Theory of operation
The work is written as generators, so that it can pause between any few hundred records. They give None where a pause does no harm, and a
function where a long call in C is needed (opening and writing of large compressed batches): the driver sends its result back. This way
nothing here waits, and nothing here knows who else wants the processor.

Kafka: Cleaner.cleanInto, MemoryRecords.filterTo, MemoryRecordsBuilder.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from itertools import compress, islice
from typing import NamedTuple, TypeVar

from pybroker.core.cleaned_transactions import CleanedTransactions
from pybroker.core.offset_map import OffsetMap
from pybroker.core.offset_marks import SUPERSEDED, TOMBSTONE, VALUE, OffsetMarks
from pybroker.records import compression
from pybroker.records.batch import (
    CODEC_MASK,
    DELETE_HORIZON_BIT,
    HEADER_SIZE,
    KNOWN_ATTRIBUTES,
    NO_TIMESTAMP,
    BatchHeader,
    seal,
)
from pybroker.records.control import control_type
from pybroker.records.keyed import KeyedRecord, keyed_records, retimed, timestamp_delta
from pybroker.records.record import payload_of
from pybroker.wire.buffers import Buffer

T = TypeVar("T")
Job = Callable[[], bytes]
Work = Generator[Job | None, bytes | None, T]

PAUSE_AFTER_RECORDS = 64  # 0.3 ms
TOMBSTONES_STAY = bytes(mark in (TOMBSTONE, VALUE) for mark in range(256))
VALUES_STAY = bytes(mark == VALUE for mark in range(256))
LONG_CALL_BYTES = 32 << 10  # a codec takes up to 0.3 ms for so many; to ask a thread costs 0.1 ms


class LastRecord(NamedTuple):
    """What must be left of a producer: the last offset of its last data batch (-1: it wrote markers only), and its epoch."""

    last_offset: int
    producer_epoch: int


def index_batch(
    offsets: OffsetMap, marks: OffsetMarks, batch: Buffer, header: BatchHeader, transactions: CleanedTransactions
) -> Work[bool]:
    """Note the keys of a dirty batch, from where `marks` begin. False if the map is full: the round ends at its `latest_offset`."""
    if header.is_control:
        kind = yield from _control_type(batch, header)
        transactions.is_superseded(header, kind)
    elif not transactions.is_aborted(header):
        payload = yield from _payload(batch, header)
        records, base_offset = keyed_records(payload, header.record_count), header.base_offset
        if base_offset < marks.start_offset:
            records = (record for record in records if base_offset + record[2] >= marks.start_offset)
        marks.begin(header)
        for left in range(header.record_count, 0, -PAUSE_AFTER_RECORDS):
            if not offsets.put_all(islice(records, PAUSE_AFTER_RECORDS), base_offset, marks):
                marks.end(header, offsets.latest_offset)
                return False
            if left > PAUSE_AFTER_RECORDS:
                yield None
        marks.end(header, header.last_offset)
    if header.last_offset >= marks.start_offset:
        offsets.latest_offset = header.last_offset
    return True


class Compaction:
    """One walk over a log, from its start to `end_offset`, where the round ends. Times in milliseconds."""

    __slots__ = ("_delete_retention_ms", "_end_offset", "_marks", "_now_ms", "_offsets", "_producers", "changed", "transactions")

    def __init__(
        self,
        offsets: OffsetMap,
        marks: OffsetMarks,
        transactions: CleanedTransactions,
        producers: Mapping[int, LastRecord],
        end_offset: int,
        now_ms: int,
        delete_retention_ms: int,
    ) -> None:
        self.transactions = transactions
        self.changed = False
        self._offsets = offsets
        self._marks = marks
        self._producers = producers
        self._end_offset = end_offset
        self._now_ms = now_ms
        self._delete_retention_ms = delete_retention_ms

    def clean(self, batch: Buffer, header: BatchHeader) -> Work[Buffer | None]:
        """What is left of a batch: itself, a smaller one, None. `changed` is set if it is not itself."""
        if header.is_control:
            kind = yield from _control_type(batch, header)
            superseded = self.transactions.is_superseded(header, kind)
            if not header.record_count or (superseded and self._horizon_is_over(header)):
                return self._emptied(header)
            if not superseded or header.has_delete_horizon:
                return batch
            return (yield from self._with_horizon(batch, header))
        if self.transactions.is_aborted(header):
            return self._emptied(header)
        return (yield from self._without_superseded(batch, header))

    def _horizon_is_over(self, header: BatchHeader) -> bool:
        return header.has_delete_horizon and header.base_timestamp <= self._now_ms

    def _emptied(self, header: BatchHeader) -> Buffer | None:
        """A batch without its records: its header where that must stay."""
        last = self._producers.get(header.producer_id) if header.has_producer_id else None
        if not (header.next_offset == self._end_offset or (last is not None and _is_last(header, last))):
            self.changed = True
            return None
        if header.record_count or header.has_delete_horizon:
            self.changed = True
        attributes = header.attributes & KNOWN_ATTRIBUTES & ~CODEC_MASK & ~DELETE_HORIZON_BIT
        return seal(replace(header, attributes=attributes, base_timestamp=NO_TIMESTAMP, record_count=0), b"")

    def _without_superseded(self, batch: Buffer, header: BatchHeader) -> Work[Buffer | None]:
        marks = self._marks.of(header)
        if marks is not None and marks.count(SUPERSEDED) == len(marks):
            return self._emptied(header)
        if marks is not None and marks.count(VALUE) == len(marks):
            return batch
        payload = yield from _payload(batch, header)
        if marks is None:
            kept, tombstones = yield from self._kept_by_map(payload, header)
        else:
            kept, tombstones = yield from self._kept_by_marks(payload, header, marks)
        if not kept:
            return self._emptied(header)
        new_horizon = tombstones and not header.has_delete_horizon
        if len(kept) == header.record_count and not new_horizon:
            return batch
        return (yield from self._rewritten(payload, header, kept, new_horizon))

    def _kept_by_map(self, payload: bytes, header: BatchHeader) -> Work[tuple[list[KeyedRecord], bool]]:
        """The records that stay, and whether one of them is a tombstone."""
        keep_tombstones = not self._horizon_is_over(header)
        base_offset, latest_offset, get = header.base_offset, self._offsets.latest_offset, self._offsets.get
        kept: list[KeyedRecord] = []
        tombstones = False
        for number, record in enumerate(keyed_records(payload, header.record_count)):
            _, _, delta, key, has_value = record
            offset = base_offset + delta
            if offset > latest_offset or (key is not None and (has_value or keep_tombstones) and offset >= get(key)):
                kept.append(record)
                tombstones = tombstones or not has_value
            if number % PAUSE_AFTER_RECORDS == PAUSE_AFTER_RECORDS - 1:
                yield None
        return kept, tombstones

    def _kept_by_marks(self, payload: bytes, header: BatchHeader, marks: bytes) -> Work[tuple[list[KeyedRecord], bool]]:
        """The same, but tombstones count that go as their horizon is over: such a batch gets no other. Marks are below the map's end."""
        stays = marks.translate(VALUES_STAY if self._horizon_is_over(header) else TOMBSTONES_STAY)
        records = keyed_records(payload, header.record_count)
        kept: list[KeyedRecord] = []
        for at in range(0, len(stays), PAUSE_AFTER_RECORDS):
            kept += compress(islice(records, PAUSE_AFTER_RECORDS), stays[at : at + PAUSE_AFTER_RECORDS])
            yield None
        return kept, TOMBSTONE in marks

    def _with_horizon(self, batch: Buffer, header: BatchHeader) -> Work[Buffer]:
        """A superseded marker, which goes later."""
        payload = yield from _payload(batch, header)
        return (yield from self._rewritten(payload, header, list(keyed_records(payload, header.record_count)), True))

    def _rewritten(self, payload: bytes, header: BatchHeader, kept: list[KeyedRecord], new_horizon: bool) -> Work[Buffer]:
        self.changed = True
        new = replace(header, attributes=header.attributes & KNOWN_ATTRIBUTES, record_count=len(kept))
        if new_horizon:
            new.attributes |= DELETE_HORIZON_BIT
            new.base_timestamp = self._now_ms + self._delete_retention_ms
        elif not header.has_delete_horizon:
            first_delta = timestamp_delta(payload, kept[0][0])
            new.base_timestamp = header.max_timestamp if header.is_log_append_time else header.base_timestamp + first_delta
        if header.is_log_append_time:
            records = yield from _kept_bytes(payload, kept, 0, header.max_timestamp - new.base_timestamp)
        else:
            records = yield from _kept_bytes(payload, kept, header.base_timestamp - new.base_timestamp)
            new.max_timestamp = yield from _max_timestamp(payload, kept, header.base_timestamp)
        if not new.is_compressed:
            return seal(new, records)
        return seal(new, (yield from _long_call(partial(compression.compress, new.codec, records), len(records))))


def _is_last(header: BatchHeader, last: LastRecord) -> bool:
    if last.last_offset >= 0:
        return header.last_offset == last.last_offset
    return header.is_control and header.producer_epoch == last.producer_epoch


def _kept_bytes(payload: bytes, kept: list[KeyedRecord], shift_ms: int, delta_ms: int | None = None) -> Work[bytes]:
    parts: list[bytes] = []
    as_they_are = not shift_ms and delta_ms is None
    for number, (start, end, _, _, _) in enumerate(kept):
        parts.append(payload[start:end] if as_they_are else retimed(payload, start, end, shift_ms, delta_ms))
        if number % PAUSE_AFTER_RECORDS == PAUSE_AFTER_RECORDS - 1:
            yield None
    return b"".join(parts)


def _max_timestamp(payload: bytes, kept: list[KeyedRecord], base_timestamp: int) -> Work[int]:
    largest = -1 - base_timestamp
    for number, record in enumerate(kept):
        largest = max(largest, timestamp_delta(payload, record[0]))
        if number % PAUSE_AFTER_RECORDS == PAUSE_AFTER_RECORDS - 1:
            yield None
    return base_timestamp + largest


def _control_type(batch: Buffer, header: BatchHeader) -> Work[int | None]:
    if not header.record_count:
        return None
    payload = yield from _payload(batch, header)
    return control_type(next(keyed_records(payload, header.record_count))[3])


def _payload(batch: Buffer, header: BatchHeader) -> Work[bytes]:
    if header.is_compressed and header.record_count:
        return (yield from _long_call(partial(payload_of, batch, header), header.size_bytes))
    return bytes(batch[HEADER_SIZE : header.size_bytes])


def _long_call(call: Job, size_bytes: int) -> Work[bytes]:
    if size_bytes < LONG_CALL_BYTES:
        return call()
    result = yield call
    assert result is not None
    return result
