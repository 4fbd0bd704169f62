"""The aborted transactions of one partition: what a reader of committed records has to skip (KIP-98).

Theory
- A broker serves whole batches as they lie. A consumer that reads what is committed is given, with them, the aborted transactions that
  touch what it got, and drops a producer's batches from `first_offset` on until it meets that producer's ABORT marker.
- They are kept in the order of their markers (`last_offset`), so those that end before an offset are found by bisection.
- `last_stable_offset` is what it was when the marker was written: no transaction that ends later begins before it. So the search for a
  range of offsets may stop at the first entry whose `last_stable_offset` is beyond the range.
- Four numbers each, in arrays: a log may hold a million of them.

(Kafka: TransactionIndex, AbortedTxn.)
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from pybroker.storage.interface import AbortedTransaction


class AbortedTransactions:
    """Aborted transactions in the order of their markers."""

    __slots__ = ("_first_offsets", "_last_offsets", "_last_stable_offsets", "_producer_ids")

    def __init__(self) -> None:
        self._producer_ids = array("q")
        self._first_offsets = array("q")
        self._last_offsets = array("q")
        self._last_stable_offsets = array("q")

    def __len__(self) -> int:
        return len(self._last_offsets)

    def __iter__(self) -> Iterator[AbortedTransaction]:
        columns = zip(self._producer_ids, self._first_offsets, self._last_offsets, self._last_stable_offsets, strict=True)
        return (AbortedTransaction(*row) for row in columns)

    def append(self, aborted: AbortedTransaction) -> None:
        """Add one whose marker comes after all others."""
        self._producer_ids.append(aborted.producer_id)
        self._first_offsets.append(aborted.first_offset)
        self._last_offsets.append(aborted.last_offset)
        self._last_stable_offsets.append(aborted.last_stable_offset)

    def between(self, offset: int, upper_offset: int) -> list[tuple[int, int]]:
        """(producer id, first offset) of those that touch the offsets from `offset` to before `upper_offset`."""
        found = []
        for at in range(bisect_left(self._last_offsets, offset), len(self._last_offsets)):
            if self._first_offsets[at] < upper_offset:
                found.append((self._producer_ids[at], self._first_offsets[at]))
            if self._last_stable_offsets[at] >= upper_offset:
                break
        return found

    def drop_before(self, offset: int) -> None:
        """Forget those whose markers lie before `offset`."""
        count = bisect_left(self._last_offsets, offset)
        for column in (self._producer_ids, self._first_offsets, self._last_offsets, self._last_stable_offsets):
            del column[:count]

    def keep_only(self, kept: Iterable[AbortedTransaction], offset: int, upper_offset: int) -> None:
        """Forget those whose markers lie from `offset` to before `upper_offset`, but for `kept`: the others were compacted away."""
        rest = [one for one in self if not offset <= one.last_offset < upper_offset]
        entries = sorted([*rest, *kept], key=_last_offset)
        for number, column in enumerate((self._producer_ids, self._first_offsets, self._last_offsets, self._last_stable_offsets)):
            column[:] = array("q", [entry[number] for entry in entries])


def _last_offset(aborted: AbortedTransaction) -> int:
    return aborted.last_offset
