"""Which logs are to be compacted, how far, and how their segments are put together again (cleanup.policy=compact).

    |------------- clean -------------|------- dirty -------|---- not yet ----|
    log start                 first dirty offset    first uncleanable     log end

Rules
- What lies before the first dirty offset (the cleaner's checkpoint) holds each key once; a round looks for newer values in the dirty part
  and then writes clean and dirty part anew without what they supersede.
- Never cleaned: the active segment; what lies beyond the last stable offset (so neither what is not committed nor an open transaction);
  segments that hold anything younger than min.compaction.lag.ms, and all after them.
- A log is due when its dirty part is more than min.cleanable.dirty.ratio of both, or when something in it has waited for
  max.compaction.lag.ms (KIP-354). The dirtiest goes first.
- A checkpoint outside the log (records deleted, log truncated) is none: the log is dirty from its start.
- Segments that shrank are put together into one, as many as fit segment.bytes and the 31 bits that an index has for offsets.

Kafka: LogCleanerManager, LogToClean, Cleaner.groupSegmentsBySize.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pybroker.core.topic_config import TopicConfig
from pybroker.storage.interface import Extent, LogConfig

MAX_OFFSETS = 2**31 - 1
TIME_INDEX_ENTRY_BYTES = 12
Times = Callable[[int], tuple[int, int]]
"""By base offset of a segment: the time of its first batch and its largest timestamp, in ms; -1: none."""


class Dirt(NamedTuple):
    """What a round would do. Sizes in bytes. `overdue`: max.compaction.lag.ms is over."""

    first_dirty_offset: int
    first_uncleanable_offset: int
    clean_bytes: int
    dirty_bytes: int
    overdue: bool

    @property
    def ratio(self) -> float:
        """The part of the log that is dirty."""
        total_bytes = self.clean_bytes + self.dirty_bytes
        return self.dirty_bytes / total_bytes if total_bytes else 0.0

    def is_due(self, config: TopicConfig) -> bool:
        """Whether the round is worth its work."""
        return self.dirty_bytes > 0 and (self.overdue or self.ratio > config.min_cleanable_dirty_ratio)


class Bounds(NamedTuple):
    """The offsets of a log that bound its cleaning; `checkpoint`: up to where it is clean, None if it never was cleaned."""

    checkpoint: int | None
    log_start_offset: int
    last_stable_offset: int
    log_end_offset: int

    @property
    def first_dirty_offset(self) -> int:
        """Where the next round begins to look for newer values."""
        if self.checkpoint is None or not self.log_start_offset <= self.checkpoint <= self.log_end_offset:
            return self.log_start_offset
        return self.checkpoint


def find_dirt(extents: Sequence[Extent], bounds: Bounds, config: TopicConfig, now_ms: int, times: Times) -> Dirt:
    """Measure a log. `extents`: its segments, the active one last; `times` is asked only where a lag is configured."""
    first_dirty = bounds.first_dirty_offset
    sealed = extents[:-1]
    dirty = [extent for extent in sealed if extent.next_offset > first_dirty]
    end = _first_uncleanable(dirty, extents, bounds, config, now_ms, times)
    return Dirt(
        first_dirty,
        end,
        sum(extent.size_bytes for extent in sealed if extent.base_offset < first_dirty),
        sum(extent.size_bytes for extent in dirty if extent.base_offset < end),
        _is_overdue(dirty, config, now_ms, times),
    )


def _first_uncleanable(
    dirty: Sequence[Extent], extents: Sequence[Extent], bounds: Bounds, config: TopicConfig, now_ms: int, times: Times
) -> int:
    """The base offset of the first segment that must not be touched."""
    for extent in dirty:
        if extent.next_offset > bounds.last_stable_offset:
            return extent.base_offset
        if config.min_compaction_lag_ms > 0 and times(extent.base_offset)[1] > now_ms - config.min_compaction_lag_ms:
            return extent.base_offset
    return extents[-1].base_offset if extents else bounds.log_start_offset


def _is_overdue(dirty: Iterable[Extent], config: TopicConfig, now_ms: int, times: Times) -> bool:
    oldest_ms = now_ms - config.max_compaction_lag_ms
    if oldest_ms <= 0:
        return False
    return any(0 < times(extent.base_offset)[0] < oldest_ms for extent in dirty if extent.size_bytes)


def largest_segment_bytes(config: LogConfig) -> int:
    """How much may be put together into one segment: segment.bytes, and what indexes of segment.index.bytes have entries for.

    An entry of either index is made after more than index.interval.bytes. (Kafka adds up the sizes of the index files.)
    """
    entries = config.segment_index_bytes // TIME_INDEX_ENTRY_BYTES
    return min(config.segment_bytes, max(1, entries * config.index_interval_bytes))


def group_segments(extents: Sequence[Extent], end_offset: int, segment_bytes: int) -> list[list[Extent]]:
    """Segments that begin before `end_offset`, in runs each of which becomes one segment of at most `segment_bytes`."""
    groups: list[list[Extent]] = []
    size_bytes = 0
    for extent in extents:
        if extent.base_offset >= end_offset:
            break
        size_bytes += extent.size_bytes
        if groups and size_bytes <= segment_bytes and extent.next_offset - 1 - groups[-1][0].base_offset <= MAX_OFFSETS:
            groups[-1].append(extent)
        else:
            groups.append([extent])
            size_bytes = extent.size_bytes
    return groups
