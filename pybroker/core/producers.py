"""Who has written what to one partition: the memory that makes a producer idempotent (KIP-98, KIP-360).

Rules
- A producer is known by its id. Its entry holds its epoch and its last five batches: a client may have five requests in flight, so a
  batch that is sent again is among the last five or is not to be taken.
- `check` decides and changes nothing; `update` is the only writer, for a batch that was written and for one read back from the log.
  So the state after a restart is what the batch headers of the log give.
- A batch is a duplicate if epoch, first and last sequence number agree with a remembered one: it is answered with the first one's offset.
- A batch of the entry's epoch must begin where the last one ended; 2147483647 is followed by 0. One of a newer epoch must begin at 0,
  one of an older epoch is fenced. A producer that is not known (never seen, expired, its records deleted) may begin anywhere.
- An entry that took no batch for `producer.id.expiration.ms` is forgotten, unless its transaction is open. Its age is the largest
  timestamp of its last batch, which a client may set: so Kafka does, and so replay agrees with what was.
- A transactional batch opens its producer's transaction where none is open; while it is open a plain batch of that producer is refused.
- A marker (control batch) ends the transaction and clears what the epoch before it left. One of an older epoch, or of an older
  coordinator, is refused; by version 2 (KIP-890) the epoch must be a newer one, unless nothing is open and the marker comes again.
- The first unstable offset is where the earliest transaction begins that is open, or whose marker is not yet below the high watermark:
  a reader is never told of an end that could be lost.

Kafka: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pybroker.records.batch import CONTROL_BIT, NO_SEQUENCE, TRANSACTIONAL_BIT, BatchHeader, add_to_sequence
from pybroker.wire.errors import ErrorCode, KafkaError

REMEMBERED_BATCHES = 5
"""As many as a client may have in flight (`max.in.flight.requests.per.connection`); fixed in Kafka too."""

NO_EPOCH = -1
NO_OFFSET = -1

STRICT_MARKERS_SINCE = 2
"""The transaction version from which a marker has a newer epoch than the transaction that it ends."""


class Marker(NamedTuple):
    """The end of a transaction, as its coordinator asks for it. `transaction_version` is that of the transaction."""

    producer_id: int
    producer_epoch: int
    committed: bool
    coordinator_epoch: int
    transaction_version: int = 0


class EndedTransaction(NamedTuple):
    """A transaction of one partition, from its first record to its marker."""

    producer_id: int
    first_offset: int
    last_offset: int


class BatchMetadata(NamedTuple):
    """One remembered batch. `timestamp` is its largest, and what a duplicate is answered as its append time."""

    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def first_sequence(self) -> int:
        return add_to_sequence(self.last_sequence, -self.offset_delta)

    @property
    def first_offset(self) -> int:
        return self.last_offset - self.offset_delta


class ProducerEntry:
    """What one partition knows of one producer."""

    __slots__ = ("batches", "coordinator_epoch", "current_txn_first_offset", "last_timestamp", "producer_epoch", "producer_id")

    def __init__(
        self,
        producer_id: int,
        producer_epoch: int = NO_EPOCH,
        *,
        batches: Iterable[BatchMetadata] = (),
        last_timestamp: int = -1,
        coordinator_epoch: int = -1,
        current_txn_first_offset: int = NO_OFFSET,
    ) -> None:
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self.batches = list(batches)
        self.last_timestamp = last_timestamp
        self.coordinator_epoch = coordinator_epoch
        self.current_txn_first_offset = current_txn_first_offset

    def __repr__(self) -> str:
        return f"ProducerEntry({self.producer_id}, epoch {self.producer_epoch}, last sequence {self.last_sequence})"

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else NO_SEQUENCE

    @property
    def last_offset(self) -> int:
        return self.batches[-1].last_offset if self.batches else NO_OFFSET

    def is_followed_by(self, header: BatchHeader) -> bool:
        """Whether the batch is simply the next one. It repeats none then: five batches do not hold the two billion records of a round."""
        batches = self.batches
        if not batches or header.producer_epoch != self.producer_epoch:
            return False
        return header.base_sequence == batches[-1].last_sequence + 1

    def duplicate_of(self, header: BatchHeader, last_sequence: int) -> BatchMetadata | None:
        """The remembered batch that this one repeats."""
        if header.producer_epoch != self.producer_epoch:
            return None
        for batch in self.batches:
            if batch.last_sequence == last_sequence and batch.first_sequence == header.base_sequence:
                return batch
        return None

    def begin_epoch(self, producer_epoch: int) -> None:
        """Batches of an older epoch are no duplicates of newer ones: they are forgotten."""
        self.producer_epoch = producer_epoch
        self.batches.clear()


class Producers:
    """The producers of one partition."""

    __slots__ = ("_entries", "_open", "_settling")

    def __init__(self, entries: Iterable[ProducerEntry] = ()) -> None:
        self._entries = {entry.producer_id: entry for entry in entries}
        open_entries = sorted((entry.current_txn_first_offset, key) for key, entry in self._entries.items())
        # Both in the order of first offsets: transactions are opened at the end of the log.
        self._open = {key: first_offset for first_offset, key in open_entries if first_offset >= 0}
        self._settling: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[ProducerEntry]:
        return iter(self._entries.values())

    def get(self, producer_id: int) -> ProducerEntry | None:
        return self._entries.get(producer_id)

    def check(self, header: BatchHeader) -> BatchMetadata | None:
        """None if the batch may be written, or the one it repeats. Raises KafkaError: 45 out of order, 47 an old epoch, 48 plain."""
        entry = self._entries.get(header.producer_id)
        if entry is None:
            return None
        if not entry.is_followed_by(header):
            duplicate = entry.duplicate_of(header, add_to_sequence(header.base_sequence, header.last_offset_delta))
            if duplicate is not None:
                return duplicate
            _check_order(entry, header)
        if entry.current_txn_first_offset >= 0 and not header.attributes & TRANSACTIONAL_BIT:
            raise KafkaError(ErrorCode.INVALID_TXN_STATE, f"Producer {header.producer_id} is in a transaction; a plain batch came")
        return None

    def check_marker(self, marker: Marker) -> None:
        """Raises KafkaError if the marker may not be written: 47 an old epoch, 52 an old coordinator."""
        entry = self._entries.get(marker.producer_id)
        if entry is None:
            return
        is_strict = marker.transaction_version >= STRICT_MARKERS_SINCE and entry.current_txn_first_offset >= 0
        if marker.producer_epoch < entry.producer_epoch + is_strict:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"Producer {marker.producer_id} has epoch {entry.producer_epoch}; a marker of {marker.producer_epoch} cannot end it",
            )
        if marker.coordinator_epoch < entry.coordinator_epoch:
            raise KafkaError(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"Producer {marker.producer_id} has seen coordinator epoch {entry.coordinator_epoch}; {marker.coordinator_epoch} is over",
            )

    def is_in_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        """Whether that epoch of the producer has a transaction open here: then its coordinator has been asked before."""
        entry = self._entries.get(producer_id)
        return entry is not None and entry.current_txn_first_offset >= 0 and entry.producer_epoch == producer_epoch

    def update(self, header: BatchHeader, base_offset: int, coordinator_epoch: int = -1) -> EndedTransaction | None:
        """Remember a batch that lies in the log at `base_offset`; a marker, which has a `coordinator_epoch`, may end a transaction."""
        if header.producer_id < 0:
            return None
        entry = self._entries.get(header.producer_id)
        if entry is None:
            entry = self._entries[header.producer_id] = ProducerEntry(header.producer_id, header.producer_epoch)
        if header.producer_epoch != entry.producer_epoch:
            entry.begin_epoch(header.producer_epoch)
        entry.last_timestamp = header.max_timestamp
        if header.attributes & CONTROL_BIT:
            return self._end_transaction(entry, base_offset, coordinator_epoch)
        self._add_batch(entry, header, base_offset)
        return None

    def _add_batch(self, entry: ProducerEntry, header: BatchHeader, base_offset: int) -> None:
        delta = header.last_offset_delta
        batches = entry.batches
        if len(batches) == REMEMBERED_BATCHES:
            del batches[0]
        batches.append(BatchMetadata(add_to_sequence(header.base_sequence, delta), base_offset + delta, delta, header.max_timestamp))
        if header.attributes & TRANSACTIONAL_BIT and entry.current_txn_first_offset < 0:
            entry.current_txn_first_offset = self._open[entry.producer_id] = base_offset

    def _end_transaction(self, entry: ProducerEntry, offset: int, coordinator_epoch: int) -> EndedTransaction | None:
        entry.coordinator_epoch = max(entry.coordinator_epoch, coordinator_epoch)
        entry.current_txn_first_offset = NO_OFFSET
        first_offset = self._open.pop(entry.producer_id, None)
        if first_offset is None:
            return None
        self._settling[first_offset] = offset
        return EndedTransaction(entry.producer_id, first_offset, offset)

    def settle(self, high_watermark: int) -> bool:
        """Markers below the high watermark are safe; whether one became so."""
        if not self._settling:
            return False
        safe = [first_offset for first_offset, marker_offset in self._settling.items() if marker_offset < high_watermark]
        for first_offset in safe:
            del self._settling[first_offset]
        return bool(safe)

    @property
    def first_open_offset(self) -> int | None:
        """Where the earliest transaction begins whose end is not in the log."""
        return next(iter(self._open.values())) if self._open else None

    @property
    def first_unstable_offset(self) -> int | None:
        """Where the earliest transaction begins whose end is not safe; None if there is none."""
        first_open = next(iter(self._open.values())) if self._open else None
        if not self._settling:
            return first_open
        first_settling = min(self._settling)
        return first_settling if first_open is None else min(first_open, first_settling)

    def expire(self, now_ms: int, expiration_ms: int) -> int:
        """Forget who wrote nothing for `expiration_ms`; returns how many."""
        gone = [key for key, entry in self._entries.items() if is_expired(entry, now_ms, expiration_ms)]
        for key in gone:
            del self._entries[key]
        return len(gone)


def is_expired(entry: ProducerEntry, now_ms: int, expiration_ms: int) -> bool:
    """Whether the entry may be forgotten. Times in milliseconds."""
    return entry.current_txn_first_offset < 0 and now_ms - entry.last_timestamp >= expiration_ms


def _check_order(entry: ProducerEntry, header: BatchHeader) -> None:
    if header.producer_epoch < entry.producer_epoch:
        raise KafkaError(
            ErrorCode.INVALID_PRODUCER_EPOCH,
            f"Producer {header.producer_id} has epoch {entry.producer_epoch}; {header.producer_epoch} is over",
        )
    if entry.producer_epoch == NO_EPOCH:
        return
    expected = 0 if header.producer_epoch > entry.producer_epoch else add_to_sequence(entry.last_sequence, 1)
    if header.base_sequence != expected:
        raise KafkaError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"Out of order sequence number of producer {header.producer_id}: {header.base_sequence} came, {expected} was expected",
        )
