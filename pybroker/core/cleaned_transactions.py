"""What compaction must know of transactions while it walks over a log from its start (KIP-98, KIP-534).

Rules
- Data of an aborted transaction goes, whatever its keys. Which transactions those are is told by the caller (`AbortedTransaction`).
- A marker stays as long as the walk meets data of its transaction. Once that is gone the marker is superseded: it gets a delete horizon,
  and goes when that is over, so that a reader that began before still finds it.
- A control batch without a record was emptied by an earlier round and may go.
- An aborted transaction whose data the walk met is kept in the index of the new segment: its marker is still there.
- A walk may begin behind a marker, or find it compacted away: a transaction is over where it ended, with or without its marker.

Kafka: CleanedTransactionMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybroker.records.batch import BatchHeader
from pybroker.records.control import ControlType
from pybroker.storage.interface import AbortedTransaction


class CleanedTransactions:
    """The transactions around one walk. Batches must come in order."""

    __slots__ = ("_aborted", "_met", "_ongoing_aborted", "_ongoing_committed", "kept")

    def __init__(self, aborted: Iterable[AbortedTransaction] = ()) -> None:
        self._aborted = sorted(aborted, key=_first_offset, reverse=True)
        self._ongoing_aborted: dict[int, AbortedTransaction] = {}
        self._ongoing_committed: set[int] = set()
        self._met: set[int] = set()
        self.kept: list[AbortedTransaction] = []

    def is_aborted(self, header: BatchHeader) -> bool:
        """Whether a data batch belongs to a transaction that was aborted."""
        if not header.is_transactional:
            return False
        self._begin_up_to(header.last_offset)
        transaction = self._ongoing_aborted.get(header.producer_id)
        if transaction is not None and header.base_offset < transaction.last_offset:
            self._met.add(header.producer_id)
            return True
        self._ongoing_committed.add(header.producer_id)
        return False

    def is_superseded(self, header: BatchHeader, control_type: int | None) -> bool:
        """Whether a control batch has outlived its transaction. `control_type`: of its record, None if it has none."""
        self._begin_up_to(header.last_offset)
        if control_type is None:
            return True
        if control_type == ControlType.COMMIT:
            ongoing = header.producer_id in self._ongoing_committed
            self._ongoing_committed.discard(header.producer_id)
            return not ongoing
        if control_type == ControlType.ABORT:
            return self._end_aborted(header.producer_id)
        return False

    def take_kept(self) -> list[AbortedTransaction]:
        """Those kept since the last call: for the index of one segment."""
        kept, self.kept = self.kept, []
        return kept

    def _end_aborted(self, producer_id: int) -> bool:
        transaction = self._ongoing_aborted.pop(producer_id, None)
        if transaction is None or producer_id not in self._met:
            return True
        self._met.discard(producer_id)
        self.kept.append(transaction)
        return False

    def _begin_up_to(self, offset: int) -> None:
        aborted = self._aborted
        while aborted and aborted[-1].first_offset <= offset:
            transaction = aborted.pop()
            self._ongoing_aborted[transaction.producer_id] = transaction


def _first_offset(transaction: AbortedTransaction) -> int:
    return transaction.first_offset
