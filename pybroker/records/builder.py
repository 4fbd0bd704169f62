"""Writing batches of magic 2: by coordinators, by tests, and where a topic asks for another codec than the producer's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pybroker.records.batch import (
    CODEC_MASK,
    CONTROL_BIT,
    CURRENT_MAGIC,
    DELETE_HORIZON_BIT,
    KNOWN_ATTRIBUTES,
    LOG_APPEND_TIME_BIT,
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL_BIT,
    BatchHeader,
    read_header,
    seal,
)
from pybroker.records.compression import Codec, codec_of, compress
from pybroker.records.record import Headers, Record, append_record, payload_of
from pybroker.wire.buffers import Buffer

# What a record may be given as: itself, or (key, value), (key, value, timestamp), (key, value, timestamp, headers).
RecordLike = (
    Record | tuple[bytes | None, bytes | None] | tuple[bytes | None, bytes | None, int] | tuple[bytes | None, bytes | None, int, Headers]
)


def build_batch(
    records: Iterable[RecordLike],
    *,
    base_offset: int | None = None,
    timestamp: int = NO_TIMESTAMP,
    codec: int = Codec.NONE,
    level: int | None = None,
    log_append_time: int | None = None,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    transactional: bool = False,
    control: bool = False,
    leader_epoch: int = NO_LEADER_EPOCH,
    last_offset_delta: int | None = None,
    delete_horizon: int | None = None,
) -> bytes:
    """Return one batch of magic 2.

    Tuples get offsets in order from `base_offset` (0 by default) and `timestamp` where they carry none; a Record keeps its own offset, and
    without `base_offset` the first one's is the base. `level` is of Kafka's scale for the codec. `log_append_time` makes that the time of
    all records. `last_offset_delta` is for a batch whose last records were compacted away; `delete_horizon` takes the place of the base
    timestamp (KIP-534). The attributes of a control batch are set by `control`; see `build_control_batch`.
    """
    rows = _as_records(records, base_offset, timestamp)
    if base_offset is None:
        base_offset = rows[0].offset if rows else 0
    attributes = codec_of(codec) | (TRANSACTIONAL_BIT if transactional else 0) | (CONTROL_BIT if control else 0)
    header = BatchHeader(
        base_offset=base_offset,
        batch_length=0,
        partition_leader_epoch=leader_epoch,
        magic=CURRENT_MAGIC,
        crc=0,
        attributes=attributes,
        last_offset_delta=(rows[-1].offset - base_offset if rows else -1) if last_offset_delta is None else last_offset_delta,
        base_timestamp=rows[0].timestamp if rows else NO_TIMESTAMP,
        max_timestamp=max((row.timestamp for row in rows), default=NO_TIMESTAMP),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        record_count=len(rows),
    )
    _stamp_times(header, log_append_time, delete_horizon)
    return _write(rows, header, level)


def _as_records(records: Iterable[RecordLike], base_offset: int | None, timestamp: int) -> list[Record]:
    offset = base_offset or 0
    rows: list[Record] = []
    for item in records:
        if isinstance(item, Record):
            rows.append(item)
        else:
            rows.append(Record(offset, item[2] if len(item) > 2 else timestamp, *item[:2], *item[3:]))
        offset = rows[-1].offset + 1
    return rows


def _stamp_times(header: BatchHeader, log_append_time: int | None, delete_horizon: int | None) -> None:
    if log_append_time is not None:
        header.attributes |= LOG_APPEND_TIME_BIT
        header.max_timestamp = log_append_time
    if delete_horizon is not None:
        header.attributes |= DELETE_HORIZON_BIT
        header.base_timestamp = delete_horizon


def _write(rows: list[Record], header: BatchHeader, level: int | None) -> bytes:
    payload = bytearray()
    for row in rows:
        append_record(payload, row, row.offset - header.base_offset, row.timestamp - header.base_timestamp)
    codec = header.attributes & CODEC_MASK
    return bytes(seal(header, compress(codec, payload, level) if codec and rows else payload))


def rebuild_batch(records: list[Record], header: BatchHeader, codec: int, level: int | None = None) -> bytes:
    """Write a batch again with some of its records or in another codec; all else stays as in `header`, its last offset too.

    Without records it is the empty batch that compaction leaves so that the producer's last sequence is not forgotten.
    """
    base_timestamp = records[0].timestamp if records else NO_TIMESTAMP
    if header.has_delete_horizon:
        base_timestamp = header.base_timestamp
    max_timestamp = header.max_timestamp
    if records and not header.is_log_append_time:
        max_timestamp = max(record.timestamp for record in records)
    rebuilt = replace(
        header,
        attributes=header.attributes & KNOWN_ATTRIBUTES & ~CODEC_MASK | codec_of(codec),
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp,
        record_count=len(records),
    )
    return _write(records, rebuilt, level)


def build_control_batch(
    key: bytes,
    value: bytes,
    *,
    timestamp: int,
    base_offset: int = 0,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    transactional: bool = False,
    leader_epoch: int = NO_LEADER_EPOCH,
) -> bytes:
    """Return a batch of one control record; `control` makes keys and values."""
    return build_batch(
        [(key, value, timestamp)],
        base_offset=base_offset,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=transactional,
        control=True,
        leader_epoch=leader_epoch,
    )


def recompress(batch: Buffer, codec: int, level: int | None = None) -> bytes:
    """Return the batch with its payload in another codec; the records stay byte for byte what they were."""
    header = read_header(batch)
    payload = payload_of(batch, header)
    header.attributes = header.attributes & ~CODEC_MASK | codec_of(codec)
    return bytes(seal(header, compress(codec, payload, level)))
