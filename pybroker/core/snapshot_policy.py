"""When the metadata log is replaced by a snapshot, and when old snapshots and the log before them go.

Rules
- While running, a snapshot is due after metadata.log.max.record.bytes.between.snapshots of records, or after
  metadata.log.max.snapshot.interval.ms if there is anything new (0: never by time). Kafka's rules and defaults: 20 MiB, an hour.
- A start that had to read more log than the snapshot before it holds makes one too. Each start writes a record for each partition, so
  without this a broker that is started every few minutes would replay all its starts.
- The latest snapshot always stays. An older one goes, and the log up to the next one with it, when log and snapshots together are larger
  than metadata.max.retention.bytes, or when it is older than metadata.max.retention.ms.

(Kafka: SnapshotGenerator, KafkaMetadataLog.cleanSnapshotsRetentionSize and cleanSnapshotsRetentionMs; KIP-630.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Below this a replay takes a few milliseconds, whatever it is made of.
MIN_START_BYTES = 256 << 10


@dataclass(slots=True, frozen=True)
class Retention:
    """What may be kept: metadata.max.retention.bytes and .ms."""

    max_bytes: int
    max_ms: int


@dataclass(slots=True, frozen=True)
class KeptSnapshot:
    """A snapshot at rest. `timestamp_ms`: of the last batch that it stands for."""

    end_offset: int
    size_bytes: int
    timestamp_ms: int


def is_due_at_start(replayed_bytes: int, snapshot_bytes: int) -> bool:
    """Whether a start that replayed so much log after a snapshot of that size (0: there was none) should write one."""
    return replayed_bytes > max(MIN_START_BYTES, snapshot_bytes)


def count_to_drop(kept: Sequence[KeptSnapshot], log_bytes: int, retention: Retention, now_ms: int) -> int:
    """How many of these snapshots, the oldest first, are no longer kept. With the last of them the log goes up to the next one's offset."""
    total_bytes = log_bytes + sum(snapshot.size_bytes for snapshot in kept)
    dropped = 0
    for snapshot in kept[:-1]:
        too_large = 0 <= retention.max_bytes < total_bytes
        too_old = retention.max_ms >= 0 and now_ms - snapshot.timestamp_ms > retention.max_ms
        if not (too_large or too_old):
            break
        total_bytes -= snapshot.size_bytes
        dropped += 1
    return dropped
