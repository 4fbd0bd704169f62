"""A partition from what its log holds: the latest producer snapshot that reads, and the headers of the batches after it.

Markers are read whole: of a transaction that was aborted the log keeps an index, and what of it is missing is found again here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pybroker.core.partition import PartitionState
from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot
from pybroker.core.producers import ProducerEntry, Producers, is_expired
from pybroker.records.batch import BatchHeader
from pybroker.records.control import ControlType, control_type, marker_coordinator_epoch
from pybroker.records.record import iter_records
from pybroker.storage.errors import StorageError
from pybroker.storage.headers import DamagedBatch
from pybroker.storage.interface import AbortedTransaction, Log, Slice

logger = logging.getLogger(__name__)

NO_SNAPSHOT = -1


def recover(log: Log, leader_epoch: int, now_ms: int, expiration_ms: int) -> tuple[PartitionState, int]:
    """The state of a partition whose log was just opened, and the offset of its latest snapshot (-1: none).

    All that one broker has is committed.
    """
    state = PartitionState(leader_epoch, log.log_start_offset, log.log_end_offset)
    if not log.log_end_offset:
        return state, NO_SNAPSHOT
    if log.recovery.doubts_aborted:
        renew_aborted(log, leader_epoch)
    snapshot_offset, entries = latest_snapshot(log)
    state.producers = Producers(entry for entry in entries if not is_expired(entry, now_ms, expiration_ms))
    replay(log, state, max(snapshot_offset, 0))
    return state, snapshot_offset


def replay(log: Log, state: PartitionState, start: int) -> None:
    """Who wrote to the log from `start` on (nothing does after a clean stop), by the headers of its batches, and what was aborted.

    Batches before the log's start count as long as they are there: a producer that was known until a crash is still the same one. The
    transaction index is believed only up to `start`: what comes after it is what the markers say.
    """
    for aborted in log.aborted():
        if aborted.last_offset < start or start >= log.log_end_offset:
            state.keep_aborted(aborted)
    state.forget_aborted()
    if start >= log.log_end_offset:
        return
    found: list[AbortedTransaction] = []
    for header, batch in log.batches(start):
        if header.base_offset < start:
            continue
        if header.is_control and header.producer_id >= 0:
            found += _replay_marker(state, header, batch)
        else:
            state.producers.update(header, header.base_offset)
    log.settle_aborted(start, found)
    state.log_end_offset = log.log_end_offset
    state.producers.settle(state.high_watermark)
    state.forget_aborted()


def renew_aborted(log: Log, leader_epoch: int) -> None:
    """Make the transaction indexes anew from all markers that lie in the log.

    Kafka does not look into segments that a clean stop left, and serves what can be read of a damaged one. So does this, if no transaction
    is open where the damage begins: then all that lacks its marker is lost itself. Else it might have been aborted, and StorageError is
    raised: its records could be read, and nothing would tell that they must not.
    """
    try:
        found = _all_aborted(log, leader_epoch, log.batches(0))
    except DamagedBatch as damage:
        found = _all_aborted(log, leader_epoch, log.batches_beside_damage(), damage)
        logger.warning("%s; no transaction is open there, so %s-%d is served", damage, log.topic, log.partition)
    said = list(log.aborted())
    log.renew_aborted(found)
    if said != found:
        logger.warning(
            "%s-%d: the transaction indexes named %d aborted transactions, the markers in the log tell of %d: the indexes were made anew",
            log.topic,
            log.partition,
            len(said),
            len(found),
        )


def _all_aborted(
    log: Log, leader_epoch: int, batches: Iterable[tuple[BatchHeader, Slice] | None], damage: DamagedBatch | None = None
) -> list[AbortedTransaction]:
    """What the markers in these say. None among them: there is `damage`."""
    state = PartitionState(leader_epoch, log.log_start_offset, log.log_end_offset)
    for found in batches:
        if found is None:
            first_open = state.producers.first_open_offset
            if first_open is not None:
                raise StorageError(f"{damage}; the transaction from offset {first_open} on is open there, and may have been aborted")
            continue
        header, batch = found
        if header.is_control and header.producer_id >= 0:
            _replay_marker(state, header, batch)
        else:
            state.producers.update(header, header.base_offset)
    return list(state.aborted or ())


def _replay_marker(state: PartitionState, header: BatchHeader, batch: Slice) -> list[AbortedTransaction]:
    """What it aborted."""
    found = []
    for record in iter_records(batch.read()):
        committed = control_type(record.key) == ControlType.COMMIT
        aborted = state.advance_marker(header, header.base_offset, marker_coordinator_epoch(record.value), committed=committed)
        if aborted is not None:
            found.append(aborted)
    return found


def latest_snapshot(log: Log) -> tuple[int, list[ProducerEntry]]:
    """The offset that the newest snapshot that reads stands for, and what it holds.

    After a crash it must be one before the recovery point: later ones are beside a transaction index that may not have reached the disk.
    And all that was written after it must be there: else a transaction that was open then would stay so, for its marker is gone with
    the segment that held it. (Kafka: ProducerStateManager.truncateAndReload.)
    """
    usable_to = log.recovery_point if log.recovery.scanned_bytes else log.log_end_offset
    usable_from = log.extents()[0].base_offset if log.extents() else log.log_start_offset
    for offset, content in log.producer_snapshots():
        if not usable_from <= offset <= usable_to:
            continue
        try:
            return offset, decode_snapshot(content)
        except SnapshotError as error:
            logger.warning("%s-%d: snapshot at %d is passed over: %s", log.topic, log.partition, offset, error)
    return NO_SNAPSHOT, []
