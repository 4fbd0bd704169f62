"""Metadata records to batches and back, for the log and its snapshots.

A start reads and writes a record for every partition, so what is the same for all records of a type (frame, codec) is looked up once, and
records of partitions that differ in topic and index alone are written once and copied.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Sequence
from typing import Any

from pybroker.core.cluster import NO_RECOVERY_CHANGE
from pybroker.core.controller import record_version
from pybroker.records.values import build_value_batch, iter_values
from pybroker.wire.base import Decoder, Encoder, Fault
from pybroker.wire.buffers import Buffer
from pybroker.wire.codec import decoder_of, encode, encoder_of
from pybroker.wire.stored import METADATA_FRAME_VERSION, UnknownRecordError, decode_metadata_record, encode_metadata_record

log = logging.getLogger("pybroker.controller")

FRAME_BYTES = 3  # frame version, id and version are below 128 in every release so far
UUID_BYTES = 16

RecordWriter = Callable[[Any], bytes]
Likeness = tuple[int, ...]

_pack_head = struct.Struct(">i16s")


def encode_records(records: Sequence[Any], *, base_offset: int, timestamp: int, leader_epoch: int) -> bytes:
    """One batch of these records, at least one, at the versions that this release writes."""
    writers: dict[type, RecordWriter] = {}
    values = []
    for record in records:
        cls = type(record)
        if cls not in writers:
            writers[cls] = _writer(record)
        values.append(writers[cls](record))
    return build_value_batch(values, base_offset=base_offset, timestamp=timestamp, leader_epoch=leader_epoch)


def _writer(record: Any) -> RecordWriter:
    frame, encode_fields = _encoder(record)

    def write(record: Any) -> bytes:
        out: list[Any] = [frame]
        encode_fields(record, out, [])
        return b"".join(out)

    likeness = LIKENESS.get(type(record).__name__)
    return write if likeness is None else _copying_writer(frame, write, likeness)


def _copying_writer(frame: bytes, write: RecordWriter, likeness: Callable[[Any], Likeness | None]) -> RecordWriter:
    """Both partition records begin with index and topic id; what follows is copied from an earlier record that is alike."""
    tails: dict[Likeness, bytes] = {}
    begin = len(frame) + _pack_head.size

    def copy(record: Any) -> bytes:
        alike = likeness(record)
        if alike is None:
            return write(record)
        tail = tails.get(alike)
        if tail is None:
            whole = write(record)
            tails[alike] = whole[begin:]
            return whole
        return frame + _pack_head.pack(record.partition_id, record.topic_id) + tail

    return copy


def _partition_likeness(record: Any) -> Likeness | None:
    """What tells a usual partition from others; None for an unusual one. Lists are alike if they are the same."""
    if (
        record.removing_replicas
        or record.adding_replicas
        or record.leader_recovery_state
        or record.eligible_leader_replicas is not None
        or record.last_known_elr is not None
        or record.unknown_tagged_fields
        or len(record.topic_id) != UUID_BYTES
    ):
        return None
    lists = id(record.replicas), id(record.isr), id(record.directories)
    return (*lists, record.leader, record.leader_epoch, record.partition_epoch)


def _change_likeness(record: Any) -> Likeness | None:
    """A change that names a leader and nothing else."""
    usual = record.isr is record.replicas is record.removing_replicas is record.adding_replicas is record.directories is None
    usual = (
        usual and record.eligible_leader_replicas is record.last_known_elr is None and record.leader_recovery_state == NO_RECOVERY_CHANGE
    )
    return (record.leader,) if usual and not record.unknown_tagged_fields and len(record.topic_id) == UUID_BYTES else None


LIKENESS: dict[str, Callable[[Any], Likeness | None]] = {
    "PartitionRecord": _partition_likeness,
    "PartitionChangeRecord": _change_likeness,
}


def _encoder(record: Any) -> tuple[bytes, Encoder]:
    version = record_version(record)
    framed = encode_metadata_record(record, version)
    return framed[: len(framed) - len(encode(record, version))], encoder_of(type(record), version)


class BatchReader:
    """Reads batches of metadata records. `met_unknown`: a record was passed over that a newer release wrote."""

    __slots__ = ("_decoders", "met_unknown")

    def __init__(self) -> None:
        self.met_unknown = False
        self._decoders: dict[bytes, Decoder] = {}

    def read(self, batch: Buffer) -> list[Any]:
        """The records of one batch. Raises WireError, RecordsError."""
        decoders = self._decoders
        records: list[Any] = []
        for value in iter_values(batch):
            if value is None:
                continue
            decode_fields = decoders.get(value[:FRAME_BYTES])
            if decode_fields is None:
                self._read_first(value, records)
                continue
            try:
                records.append(decode_fields(value, FRAME_BYTES)[0])
            except (Fault, struct.error, IndexError):
                records.append(decode_metadata_record(value)[0])  # which tells what is wrong with it
        return records

    def _read_first(self, value: bytes, records: list[Any]) -> None:
        """Read a record of a type and version that was not met before, or that never gets a decoder of its own."""
        try:
            record, version = decode_metadata_record(value)
        except UnknownRecordError as unknown:
            log.warning("a metadata record is passed over: %s", unknown)
            self.met_unknown = True
            return
        records.append(record)
        if value[0] == METADATA_FRAME_VERSION and max(value[:FRAME_BYTES]) < 0x80:
            self._decoders[value[:FRAME_BYTES]] = decoder_of(type(record), version)
