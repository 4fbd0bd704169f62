"""Which segments of a log are too old or too many (cleanup.policy=delete).

Rules
- Segments go whole and from the oldest on; the first that stays keeps all that follow.
- Only what is committed may go: a segment that reaches beyond the high watermark stays.
- By time: a segment whose largest timestamp is more than retention.ms ago. The active one too, if it holds anything; then the log must
  roll first, which the caller does where the new start is the log's end. A segment whose records have no time stays (Kafka goes by the
  time of its file, which nobody chose).
- By size: as many of the oldest as leave at least retention.bytes.
- -1 keeps everything. Both limits count; the one that takes more wins.

Kafka: UnifiedLog.deleteRetentionMsBreachedSegments and deleteRetentionSizeBreachedSegments.
"""

from __future__ import annotations

from collections.abc import Sequence

from pybroker.storage.interface import SegmentInfo

UNLIMITED = -1


def retained_from(segments: Sequence[SegmentInfo], high_watermark: int, now_ms: int, retention_ms: int, retention_bytes: int) -> int | None:
    """The offset before which nothing is kept; None if all is. Times in milliseconds."""
    committed = [segment for segment in segments if segment.size_bytes and segment.next_offset <= high_watermark]
    gone = max(_too_old(committed, now_ms, retention_ms), _too_many(segments, committed, retention_bytes))
    return committed[gone - 1].next_offset if gone else None


def _too_old(committed: Sequence[SegmentInfo], now_ms: int, retention_ms: int) -> int:
    if retention_ms == UNLIMITED:
        return 0
    for count, segment in enumerate(committed):
        if segment.max_timestamp < 0 or now_ms - segment.max_timestamp <= retention_ms:
            return count
    return len(committed)


def _too_many(segments: Sequence[SegmentInfo], committed: Sequence[SegmentInfo], retention_bytes: int) -> int:
    if retention_bytes == UNLIMITED:
        return 0
    excess = sum(segment.size_bytes for segment in segments) - retention_bytes
    for count, segment in enumerate(committed):
        excess -= segment.size_bytes
        if excess < 0:
            return count
    return len(committed)
