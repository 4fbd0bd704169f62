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
- A transactional batch opens its producer's transaction where none is open; a control batch ends it and clears what the epoch before
  it left. The open ones bound the last stable offset.

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

    __slots__ = ("_entries", "_open")

    def __init__(self, entries: Iterable[ProducerEntry] = ()) -> None:
        self._entries = {entry.producer_id: entry for entry in entries}
        self._open = {key: entry.current_txn_first_offset for key, entry in self._entries.items() if entry.current_txn_first_offset >= 0}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[ProducerEntry]:
        return iter(self._entries.values())

    def get(self, producer_id: int) -> ProducerEntry | None:
        return self._entries.get(producer_id)

    def check(self, header: BatchHeader) -> BatchMetadata | None:
        """None if the batch may be written, or the one it repeats. Raises KafkaError: 45 out of order, 47 an old epoch."""
        entry = self._entries.get(header.producer_id)
        if entry is None or entry.is_followed_by(header):
            return None
        last_sequence = add_to_sequence(header.base_sequence, header.last_offset_delta)
        duplicate = entry.duplicate_of(header, last_sequence)
        if duplicate is None:
            _check_order(entry, header)
        return duplicate

    def update(self, header: BatchHeader, base_offset: int, coordinator_epoch: int = -1) -> None:
        """Remember a batch that lies in the log at `base_offset`. `coordinator_epoch` is told by a transaction marker."""
        if header.producer_id < 0:
            return
        entry = self._entries.get(header.producer_id)
        if entry is None:
            entry = self._entries[header.producer_id] = ProducerEntry(header.producer_id, header.producer_epoch)
        if header.producer_epoch != entry.producer_epoch:
            entry.begin_epoch(header.producer_epoch)
        entry.last_timestamp = header.max_timestamp
        if header.attributes & CONTROL_BIT:
            self._end_transaction(entry, coordinator_epoch)
        else:
            self._add_batch(entry, header, base_offset)

    def _add_batch(self, entry: ProducerEntry, header: BatchHeader, base_offset: int) -> None:
        delta = header.last_offset_delta
        batches = entry.batches
        if len(batches) == REMEMBERED_BATCHES:
            del batches[0]
        batches.append(BatchMetadata(add_to_sequence(header.base_sequence, delta), base_offset + delta, delta, header.max_timestamp))
        if header.attributes & TRANSACTIONAL_BIT and entry.current_txn_first_offset < 0:
            entry.current_txn_first_offset = self._open[entry.producer_id] = base_offset

    def _end_transaction(self, entry: ProducerEntry, coordinator_epoch: int) -> None:
        entry.coordinator_epoch = max(entry.coordinator_epoch, coordinator_epoch)
        entry.current_txn_first_offset = NO_OFFSET
        self._open.pop(entry.producer_id, None)

    @property
    def first_unstable_offset(self) -> int | None:
        """Where the earliest open transaction begins; None if none is open."""
        return min(self._open.values()) if self._open else None

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
