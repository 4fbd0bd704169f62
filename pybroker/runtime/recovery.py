"""A partition from what its log holds: the latest producer snapshot that reads, and the headers of the batches after it."""

from __future__ import annotations

import logging

from pybroker.core.partition import PartitionState
from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot
from pybroker.core.producers import ProducerEntry, Producers, is_expired
from pybroker.storage.interface import Log

logger = logging.getLogger(__name__)


def recover(log: Log, leader_epoch: int, now_ms: int, expiration_ms: int) -> PartitionState:
    """The state of a partition whose log was just opened. All that one broker has is committed."""
    state = PartitionState(leader_epoch, log.log_start_offset, log.log_end_offset)
    if log.log_end_offset:
        state.producers = recover_producers(log, now_ms, expiration_ms)
    return state


def recover_producers(log: Log, now_ms: int, expiration_ms: int) -> Producers:
    """Who wrote to the log, as far as it remembers. Reads headers only; nothing at all after a clean stop."""
    start, entries = latest_snapshot(log)
    producers = Producers(entry for entry in entries if not is_expired(entry, now_ms, expiration_ms))
    if start < log.log_end_offset:
        for header, _ in log.batches(start):
            if header.base_offset >= start:
                producers.update(header, header.base_offset)
    return producers


def latest_snapshot(log: Log) -> tuple[int, list[ProducerEntry]]:
    """The newest snapshot that reads, and the offset it stands for; without one, the start of the log."""
    for offset, content in log.producer_snapshots():
        try:
            return max(offset, log.log_start_offset), decode_snapshot(content)
        except SnapshotError as error:
            logger.warning("%s-%d: snapshot at %d is passed over: %s", log.topic, log.partition, offset, error)
    return log.log_start_offset, []
