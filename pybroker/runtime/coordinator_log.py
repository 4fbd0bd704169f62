"""Replaying a partition of an internal topic into the machine that it belongs to.

A record that cannot be read, of an unknown kind or an unknown version, was written by a newer broker: it is passed over with a warning, as
Kafka's loader does. Broken batches are not met here, recovery has cut them off.
"""

from __future__ import annotations

import logging

import trio

from pybroker.core.decision import CoordinatorRecord
from pybroker.records.batch import BatchHeader
from pybroker.records.control import ControlType, control_type
from pybroker.records.record import Record, iter_records
from pybroker.runtime.runner import Machine
from pybroker.storage.interface import Log
from pybroker.wire.errors import WireError
from pybroker.wire.stored import decode_key, decode_value

logger = logging.getLogger(__name__)

# A batch takes some 20 us to replay: other tasks get their turn about once a millisecond.
_BATCHES_PER_TURN = 50


async def load(log: Log, machine: Machine) -> None:
    """Replay the whole log. Raises StorageError and what the reading of records raises."""
    for number, (header, batch) in enumerate(log.batches(log.log_start_offset), start=1):
        replay_batch(log.topic, machine, header, batch.read())
        if number % _BATCHES_PER_TURN == 0:
            await trio.lowlevel.checkpoint()


def replay_batch(topic: str, machine: Machine, header: BatchHeader, batch: bytes) -> None:
    """Replay one batch: records, records of a transaction, or the marker that ends one."""
    for record in iter_records(batch):
        if header.is_control:
            kind = control_type(record.key)
            if kind in (ControlType.COMMIT, ControlType.ABORT):
                machine.end_transaction(header.producer_id, committed=kind == ControlType.COMMIT)
        else:
            _replay_record(topic, machine, record, header.producer_id if header.is_transactional else -1)


def _replay_record(topic: str, machine: Machine, record: Record, producer_id: int) -> None:
    if record.key is None:
        return
    try:
        key = decode_key(topic, record.key)
        value = decode_value(key, record.value)
    except WireError as error:
        logger.warning("record %d of %s is passed over: %s", record.offset, topic, error)
        return
    machine.replay(CoordinatorRecord(key, value, 0), producer_id)
