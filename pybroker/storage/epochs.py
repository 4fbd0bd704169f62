"""The leader epochs of one log: at which offset each began (KIP-101).

Entries grow in epoch and do not fall in start offset. `leader-epoch-checkpoint` holds them; what it lacks after a crash is read from the
batches that recovery scans, each of which carries its epoch.

(Kafka: LeaderEpochFileCache, whose rules for each case these are.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from pybroker.storage.interface import EpochEnd

UNKNOWN_EPOCH = -1


class EpochCache:
    """Leader epochs and their start offsets. `dirty`: changed since `clean_copy`."""

    __slots__ = ("dirty", "entries", "latest")

    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        self.entries = list(entries)
        self.latest = self.entries[-1][0] if self.entries else UNKNOWN_EPOCH
        self.dirty = False

    def assign(self, epoch: int, start_offset: int) -> None:
        """Note that `epoch` starts at an offset. Nothing changes if it is already known to start there or before; -1 is no epoch.

        Entries that contradict (a later epoch, or one that starts later) go: they were never committed.
        """
        if epoch < 0:
            return
        entries = self.entries
        if entries and entries[-1][0] == epoch and entries[-1][1] <= start_offset:
            return
        while entries and (entries[-1][0] >= epoch or entries[-1][1] >= start_offset):
            entries.pop()
        entries.append((epoch, start_offset))
        self._changed()

    def prepend(self, entries: list[tuple[int, int]]) -> None:
        """Put entries before all others; of an epoch that is among both the earlier start counts."""
        self.entries = entries + [entry for entry in self.entries if entry[0] > entries[-1][0]]
        self._changed()

    def epoch_at(self, offset: int) -> int:
        """The epoch that an offset belongs to, -1 if it lies before all."""
        at = bisect_right(self.entries, offset, key=_start_of)
        return self.entries[at - 1][0] if at else UNKNOWN_EPOCH

    def end_of(self, epoch: int, log_end_offset: int) -> EpochEnd | None:
        """Where `epoch`, or the largest known one below it, ended. None for -1 and for an epoch that is above all known ones."""
        if epoch < 0 or epoch > self.latest:
            return None
        if epoch == self.latest:
            return EpochEnd(epoch, log_end_offset)
        at = bisect_right(self.entries, epoch, key=_epoch_of)
        end_offset = self.entries[at][1]
        return EpochEnd(self.entries[at - 1][0] if at else epoch, end_offset)

    def truncate_from_end(self, end_offset: int) -> None:
        """Forget epochs that start at or above an offset."""
        entries = self.entries
        while entries and entries[-1][1] >= end_offset:
            entries.pop()
            self._changed()

    def truncate_from_start(self, start_offset: int) -> None:
        """Forget epochs that ended at or below an offset; the one it lies in starts there now."""
        at = bisect_right(self.entries, start_offset, key=_start_of)
        if at and self.entries[at - 1][1] != start_offset:
            self.entries[:at] = [(self.entries[at - 1][0], start_offset)]
            self._changed()
        elif at > 1:
            del self.entries[: at - 1]
            self._changed()

    def clean_copy(self) -> list[tuple[int, int]]:
        """The entries, to be written; from now on only later changes count as dirty."""
        self.dirty = False
        return self.entries[:]

    def _changed(self) -> None:
        self.latest = self.entries[-1][0] if self.entries else UNKNOWN_EPOCH
        self.dirty = True


def _start_of(entry: tuple[int, int]) -> int:
    return entry[1]


def _epoch_of(entry: tuple[int, int]) -> int:
    return entry[0]
