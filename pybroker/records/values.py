"""Batches of values alone: no keys, no headers, one timestamp for all. The metadata log and its snapshots consist of them.

    length varint, attributes 0, timestamp delta 0, offset delta varint, key length -1, value length varint, value, header count 0

Rules
- The bytes are those that `builder.build_batch` gives; what makes this a module is that a start writes and reads ten thousand of them.
- Reading takes the common form in a few steps and hands everything else, damage too, to `record.iter_records`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pybroker.records.batch import (
    CURRENT_MAGIC,
    HEADER_SIZE,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    BatchHeader,
    read_header,
    seal,
)
from pybroker.records.record import iter_records
from pybroker.records.varint import encode_varint
from pybroker.wire.buffers import Buffer

NULL_KEY = 1
ONE_BYTE = 64  # zigzag numbers from here on take more than one byte
TWO_BYTES = 8192
DELTAS = [bytes((delta << 1,)) for delta in range(ONE_BYTE)]

NO_ATTRIBUTES_NO_TIME = b"\0\0"
NO_KEY = bytes((NULL_KEY,))
NO_HEADERS = b"\0"


def build_value_batch(values: Sequence[bytes], *, base_offset: int, timestamp: int, leader_epoch: int) -> bytes:
    """Return one uncompressed batch of magic 2 of these values, at least one, all at `timestamp`."""
    payload = b"".join(_records(values))
    header = BatchHeader(
        base_offset=base_offset,
        batch_length=0,
        partition_leader_epoch=leader_epoch,
        magic=CURRENT_MAGIC,
        crc=0,
        attributes=0,
        last_offset_delta=len(values) - 1,
        base_timestamp=timestamp,
        max_timestamp=timestamp,
        producer_id=NO_PRODUCER_ID,
        producer_epoch=NO_PRODUCER_EPOCH,
        base_sequence=NO_SEQUENCE,
        record_count=len(values),
    )
    return bytes(seal(header, payload))


def _records(values: Sequence[bytes]) -> list[bytes]:
    """The parts of all records. What stands before the offset delta and between it and the value follows from two lengths."""
    parts: list[bytes] = []
    add = parts.append
    surroundings: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    for offset_delta, value in enumerate(values):
        delta = DELTAS[offset_delta] if offset_delta < ONE_BYTE else _varint(offset_delta)
        lengths = len(delta), len(value)
        around = surroundings.get(lengths)
        if around is None:
            around = surroundings[lengths] = _surroundings(*lengths)
        add(around[0])
        add(delta)
        add(around[1])
        add(value)
        add(NO_HEADERS)
    return parts


def _surroundings(delta_bytes: int, value_bytes: int) -> tuple[bytes, bytes]:
    """What stands before a record's offset delta, and what stands between that and its value."""
    between = NO_KEY + encode_varint(value_bytes)
    length = len(NO_ATTRIBUTES_NO_TIME) + delta_bytes + len(between) + value_bytes + len(NO_HEADERS)
    return encode_varint(length) + NO_ATTRIBUTES_NO_TIME, between


def _varint(value: int) -> bytes:
    if value < TWO_BYTES:
        return bytes((value << 1 & 0x7F | 0x80, value >> 6))
    return encode_varint(value)


def iter_values(batch: Buffer) -> Iterator[bytes | None]:
    """Give the values of the batch's records in order. Raises what `record.iter_records` raises; the checksum is not looked at."""
    header = read_header(batch)
    if header.attributes & 7 or header.magic != CURRENT_MAGIC or len(batch) < header.size_bytes:
        return (record.value for record in iter_records(batch))
    values = _values(bytes(batch[HEADER_SIZE : header.size_bytes]), header.record_count)
    return iter(values) if values is not None else (record.value for record in iter_records(batch))


def _values(payload: bytes, count: int) -> list[bytes | None] | None:
    """The values of a payload whose records all have the common form; None if one has not."""
    values: list[bytes | None] = []
    at = 0
    try:
        for _ in range(count):
            size_bytes, at = _small(payload, at)
            end = at + size_bytes
            if payload[at + 1]:
                return None
            at += 2
            while payload[at] > 0x7F:  # the offset delta: what it is follows from the order
                at += 1
            if payload[at + 1] != NULL_KEY:
                return None
            size_bytes, at = _small(payload, at + 2)
            if at + size_bytes + 1 != end or payload[end - 1]:
                return None
            values.append(payload[at : end - 1])
            at = end
    except (IndexError, ValueError):
        return None
    return values if at == len(payload) and count >= 0 else None


def _small(payload: bytes, at: int) -> tuple[int, int]:
    """A varint that is not negative and at most two bytes long."""
    first = payload[at]
    if first < 0x80:
        value, at = first, at + 1
    else:
        value, at = first & 0x7F | payload[at + 1] << 7, at + 2
    if value & 1 or value >= 2 * TWO_BYTES:
        raise ValueError
    return value >> 1, at
