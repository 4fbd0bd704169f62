"""A partition from what its log holds: the latest producer snapshot that reads, and the headers of the batches after it."""

from __future__ import annotations

import logging

from pybroker.core.partition import PartitionState
from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot
from pybroker.core.producers import ProducerEntry, Producers, is_expired
from pybroker.storage.interface import Log

logger = logging.getLogger(__name__)

NO_SNAPSHOT = -1


def recover(log: Log, leader_epoch: int, now_ms: int, expiration_ms: int) -> tuple[PartitionState, int]:
    """The state of a partition whose log was just opened, and the offset of its latest snapshot (-1: none).

    All that one broker has is committed.
    """
    state = PartitionState(leader_epoch, log.log_start_offset, log.log_end_offset)
    if not log.log_end_offset:
        return state, NO_SNAPSHOT
    snapshot_offset, entries = latest_snapshot(log)
    state.producers = replay(log, max(snapshot_offset, 0), entries, now_ms, expiration_ms)
    return state, snapshot_offset


def replay(log: Log, start: int, entries: list[ProducerEntry], now_ms: int, expiration_ms: int) -> Producers:
    """Who wrote to the log: who was known at `start`, and the headers of the batches from there on (none after a clean stop).

    Batches before the log's start count as long as they are there: a producer that was known until a crash is still the same one.
    """
    producers = Producers(entry for entry in entries if not is_expired(entry, now_ms, expiration_ms))
    if start < log.log_end_offset:
        for header, _ in log.batches(start):
            if header.base_offset >= start:
                producers.update(header, header.base_offset)
    return producers


def latest_snapshot(log: Log) -> tuple[int, list[ProducerEntry]]:
    """The offset that the newest snapshot that reads stands for, and what it holds."""
    for offset, content in log.producer_snapshots():
        try:
            return offset, decode_snapshot(content)
        except SnapshotError as error:
            logger.warning("%s-%d: snapshot at %d is passed over: %s", log.topic, log.partition, offset, error)
    return NO_SNAPSHOT, []
