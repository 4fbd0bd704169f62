"""What lies in a segment, or in a snapshot of the metadata, which is made of batches too: rows for batches, records and damage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pybroker.inspection.decoders import Row, record_row
from pybroker.records.batch import BatchHeader, add_to_sequence
from pybroker.records.compression import DEFAULT_MAX_BYTES, Codec
from pybroker.records.errors import RecordsError
from pybroker.records.legacy import records_of
from pybroker.records.record import iter_records
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.walk import MAX_OFFSET, Piece, SegmentWalk

MAX_BATCH_BYTES = DEFAULT_MAX_BYTES  # a larger one is not opened: no client sends such


class Wanted(NamedTuple):
    """Which records are asked for: offsets from and to, both included; whether records themselves, and by the schemas of which topic."""

    from_offset: int = 0
    to_offset: int = MAX_OFFSET
    records: bool = False
    topic: str = ""
    batches: bool = True


def segment_rows(files: Files, path: str, base_offset: int | None, wanted: Wanted) -> Iterator[Row]:
    """Batches, records and damage in the order of the file. Raises OSError, StorageError."""
    file = OpenFile(files, path, READ_ONLY)
    walk = SegmentWalk(files, file, files.size(path), base_offset)
    for piece in walk:
        first, last = _offsets(piece)
        if first > wanted.to_offset and piece.fault is None:
            break
        if last < wanted.from_offset and piece.fault is None:
            continue
        if wanted.batches and (piece.header is not None or piece.message is not None):
            yield _batch_row(piece)
        if piece.fault is not None:
            yield damage_row(piece.position, piece.size_bytes, piece.fault)
        if wanted.records:
            yield from _record_rows(walk, piece, wanted)


def _offsets(piece: Piece) -> tuple[int, int]:
    if piece.header is not None:
        return piece.header.base_offset, piece.header.last_offset
    return (piece.message.offset, piece.message.offset) if piece.message is not None else (0, MAX_OFFSET)


def damage_row(position: int, size_bytes: int, what: str) -> Row:
    """Bytes that are not as they should be."""
    return {"kind": "damage", "position": position, "size": size_bytes, "what": what}


def codec_name(number: int) -> str:
    """Kafka's name of a codec."""
    try:
        return Codec(number).name.lower()
    except ValueError:
        return f"unknown({number})"


def _batch_row(piece: Piece) -> Row:
    if piece.message is not None:
        message = piece.message
        return {
            "kind": "message",
            "offset": message.offset,
            "position": piece.position,
            "size": piece.size_bytes,
            "magic": message.magic,
            "codec": codec_name(message.codec),
            "timestamp": message.timestamp,
            "crc": message.crc,
            "isValid": True,
        }
    assert piece.header is not None
    return batch_row(piece.header, piece.position, is_valid=piece.fault is None)


def batch_row(header: BatchHeader, position: int, *, is_valid: bool) -> Row:
    """A batch in the names that Kafka's own tool prints."""
    return {
        "kind": "batch",
        "baseOffset": header.base_offset,
        "lastOffset": header.last_offset,
        "count": header.record_count,
        "position": position,
        "size": header.size_bytes,
        "codec": codec_name(header.codec),
        "timestampType": "LogAppendTime" if header.is_log_append_time else "CreateTime",
        "baseTimestamp": None if header.has_delete_horizon else header.base_timestamp,
        "maxTimestamp": header.max_timestamp,
        "deleteHorizonMs": header.base_timestamp if header.has_delete_horizon else None,
        "producerId": header.producer_id,
        "producerEpoch": header.producer_epoch,
        "baseSequence": header.base_sequence,
        "lastSequence": header.last_sequence,
        "partitionLeaderEpoch": header.partition_leader_epoch,
        "isTransactional": header.is_transactional,
        "isControl": header.is_control,
        "magic": header.magic,
        "crc": header.crc,
        "isValid": is_valid,
    }


def _record_rows(walk: SegmentWalk, piece: Piece, wanted: Wanted) -> Iterator[Row]:
    """The records of a batch, as far as they can be read; of one with a wrong checksum too, as they may be what is left."""
    if piece.header is None and piece.message is None:
        return
    if piece.size_bytes > MAX_BATCH_BYTES:
        yield damage_row(piece.position, piece.size_bytes, f"a batch of {piece.size_bytes} bytes is not opened")
        return
    is_control = piece.header is not None and piece.header.is_control
    try:
        for record in records_of(piece.message) if piece.message is not None else iter_records(walk.read(piece)):
            if wanted.from_offset <= record.offset <= wanted.to_offset:
                row = {"kind": "record", **record_row(record, is_control=is_control, topic=wanted.topic), **_sequence(piece, record.offset)}
                yield row if piece.fault is None else {**row, "isValid": False}
    except RecordsError as error:
        yield damage_row(piece.position, piece.size_bytes, f"the records of the batch cannot be read: {error}")


def _sequence(piece: Piece, offset: int) -> Row:
    """The sequence of a record that an idempotent producer wrote."""
    header = piece.header
    if header is None or header.base_sequence < 0 or header.is_control:
        return {}
    return {"sequence": add_to_sequence(header.base_sequence, offset - header.base_offset)}
