"""The bytes of `<offset>.snapshot`: the producers of a partition as they were when the log ended at that offset.

    0  version int16, 1      2  CRC-32C uint32 of all that follows      6  count int32      10  entries of 46 bytes

Of each producer only the last batch is kept (last sequence, last offset, offset delta), so after a clean restart only that one is known
as a duplicate: so it is with Kafka. A snapshot that does not read is no reason to stop: the log is replayed from further back.

Kafka: ProducerStateManager.writeSnapshot and readSnapshot; schema ProducerSnapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from pybroker.core.producers import BatchMetadata, ProducerEntry
from pybroker.records.checksum import crc32c
from pybroker.wire.buffers import Buffer

VERSION = 1

_HEAD = Struct(">hI")
_COUNT = Struct(">i")
_ENTRY = Struct(">qhiqiqiq")


class SnapshotError(Exception):
    """Bytes that are no producer snapshot, or a damaged one. The message says why."""


def encode_snapshot(entries: Iterable[ProducerEntry]) -> bytes:
    """The content of a snapshot file."""
    packed = [_pack(entry) for entry in entries]
    body = _COUNT.pack(len(packed)) + b"".join(packed)
    return _HEAD.pack(VERSION, crc32c(body)) + body


def decode_snapshot(content: Buffer) -> list[ProducerEntry]:
    """The entries of a snapshot file. Raises SnapshotError."""
    if len(content) < _HEAD.size + _COUNT.size:
        raise SnapshotError(f"{len(content)} bytes are too few for a producer snapshot")
    version, crc = _HEAD.unpack_from(content, 0)
    if version != VERSION:
        raise SnapshotError(f"unknown version {version} of a producer snapshot")
    body = memoryview(content)[_HEAD.size :]
    if crc32c(body) != crc:
        raise SnapshotError("the checksum of a producer snapshot is wrong")
    (count,) = _COUNT.unpack_from(body, 0)
    if len(body) != _COUNT.size + count * _ENTRY.size:
        raise SnapshotError(f"a producer snapshot of {count} entries cannot be {len(content)} bytes long")
    return [_unpack(fields) for fields in _ENTRY.iter_unpack(body[_COUNT.size :])]


def _pack(entry: ProducerEntry) -> bytes:
    last = entry.batches[-1] if entry.batches else None
    return _ENTRY.pack(
        entry.producer_id,
        entry.producer_epoch,
        entry.last_sequence,
        entry.last_offset,
        last.offset_delta if last else 0,
        entry.last_timestamp,
        entry.coordinator_epoch,
        entry.current_txn_first_offset,
    )


def _unpack(fields: tuple[int, ...]) -> ProducerEntry:
    producer_id, epoch, last_sequence, last_offset, offset_delta, timestamp, coordinator_epoch, first_offset = fields
    batches = [BatchMetadata(last_sequence, last_offset, offset_delta, timestamp)] if last_offset >= 0 else []
    return ProducerEntry(
        producer_id,
        epoch,
        batches=batches,
        last_timestamp=timestamp,
        coordinator_epoch=coordinator_epoch,
        current_txn_first_offset=first_offset,
    )
