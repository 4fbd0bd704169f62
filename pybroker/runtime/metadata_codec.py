"""Metadata records to batches and back, for the log and its snapshots.

A start reads and writes a record for every partition, so what is the same for all records of a type (frame, codec) is looked up once, and
records of partitions that differ in topic and index alone are written once and copied.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

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

    return _copying_writer(frame, write, type(record)) if type(record).__name__ in PARTITION_RECORDS else write


def _copying_writer(frame: bytes, write: RecordWriter, cls: type) -> RecordWriter:
    """Both partition records begin with index and topic id; what follows is copied from the record before if it is alike."""
    fields_behind = attrgetter(*cls.__slots__[2:])  # type: ignore[attr-defined]  # every message class has them, in the order of its fields
    begin = len(frame) + _pack_head.size
    pack_head = _pack_head.pack
    last: Any = None
    tail = b""

    def copy(record: Any) -> bytes:
        nonlocal last, tail
        fields, topic_id = fields_behind(record), record.topic_id
        if fields == last and len(topic_id) == UUID_BYTES:
            return frame + pack_head(record.partition_id, topic_id) + tail
        whole = write(record)
        last, tail = fields, whole[begin:]
        return whole

    return copy


PARTITION_RECORDS = frozenset({"PartitionRecord", "PartitionChangeRecord"})


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
