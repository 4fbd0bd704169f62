"""Transaction indexes against markers: what was aborted must be named, or readers of committed records are given what never counted.

A transaction may begin in one segment and end in another, so segments are met in order. Where its beginning is no longer in the log, or
compaction emptied it, a marker alone proves nothing: such a transaction may be named or not. (Kafka: ProducerStateManager, LogCleaner.)
"""

from __future__ import annotations

from pybroker.records.batch import BatchHeader
from pybroker.records.control import ControlType, control_type
from pybroker.records.errors import RecordsError
from pybroker.records.record import iter_records
from pybroker.storage.interface import AbortedTransaction


class TransactionCheck:
    """Follows the transactions of one log; `markers` are the ABORT markers since `begin_segment`, with where each began (-1: unknown)."""

    __slots__ = ("_open", "markers")

    def __init__(self) -> None:
        self._open: dict[int, int] = {}
        self.markers: dict[int, tuple[int, int]] = {}

    def begin_segment(self) -> None:
        """The next segment begins."""
        self.markers = {}

    def meet(self, header: BatchHeader, batch: bytes) -> None:
        """The next whole batch."""
        if header.producer_id < 0 or not header.is_transactional:
            return
        if not header.is_control:
            if header.record_count:
                self._open.setdefault(header.producer_id, header.base_offset)
            return
        try:
            kinds = [control_type(record.key) for record in iter_records(batch)]
        except RecordsError:
            return
        for kind in kinds:
            began = self._open.pop(header.producer_id, -1)
            if kind == ControlType.ABORT:
                self.markers[header.base_offset] = header.producer_id, began

    def compare(self, entries: list[AbortedTransaction]) -> list[str]:
        """What is wrong with the index of the segment that was met last."""
        wrong = []
        named = {entry.last_offset: entry for entry in entries}
        for last_offset, entry in named.items():
            if last_offset not in self.markers or self.markers[last_offset][0] != entry.producer_id:
                wrong.append(
                    f"it names a transaction of producer {entry.producer_id} that was aborted at {last_offset}, where no such marker lies"
                )
        for last_offset, (producer_id, began) in self.markers.items():
            found = named.get(last_offset)
            if found is None and began >= 0:
                wrong.append(
                    f"it does not name the transaction of producer {producer_id} that was aborted, offsets {began} to {last_offset}"
                )
            elif found is not None and 0 <= began < found.first_offset:
                wrong.append(f"the aborted transaction that ends at {last_offset} begins at {began}, not at {found.first_offset}")
        return wrong
