"""Records of a batch of magic 2: what lies in the payload, one after another.

    length varint, attributes int8 (unused), timestamp delta varlong, offset delta varint,
    key length varint (-1: null), key, value length varint (-1: null), value,
    header count varint, headers: key length varint (never null), key in UTF-8, value length varint (-1: null), value

Rules
- The deltas count from base timestamp and base offset of the batch; with log append time every record has the batch's max timestamp.
- A record ends where its length says, the batch where its last record ends: anything else is InvalidRecords (Kafka's DefaultRecord).
- Lengths are compared with what is there before anything is taken from them.
- Header keys are text; bytes that are no UTF-8 pass through as surrogate escapes and are written again as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pybroker.records.batch import HEADER_SIZE, BatchHeader, read_header
from pybroker.records.compression import DEFAULT_MAX_BYTES, decompress
from pybroker.records.errors import CorruptRecords, InvalidRecords
from pybroker.records.varint import append_varint, read_varint, read_varlong
from pybroker.wire.buffers import Buffer

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(slots=True)
class Record:
    """One record. `offset` is absolute, `timestamp` in milliseconds (-1: none), key and value may be null (None)."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def payload_of(batch: Buffer, header: BatchHeader, at: int = 0, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """Return the payload of the batch at `at`, decompressed."""
    end = at + header.size_bytes
    if header.batch_length < HEADER_SIZE - 12 or end > len(batch):
        raise CorruptRecords(f"a batch of {header.size_bytes} bytes, where {len(batch) - at} are given")
    compressed = memoryview(batch)[at + HEADER_SIZE : end]
    return decompress(header.codec, compressed, max_bytes) if header.attributes & 7 else bytes(compressed)


def iter_records(batch: Buffer, at: int = 0, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Iterator[Record]:
    """Give the records of the batch of magic 2 at `at`, whatever its codec.

    The checksum is not looked at. Raises InvalidRecords where counts and lengths disagree, DecompressionError from the codec,
    DecompressedTooLarge beyond `max_bytes`, CorruptRecords if the batch is not all there.
    """
    if len(batch) - at < HEADER_SIZE:
        raise CorruptRecords(f"{len(batch) - at} bytes are no batch")
    header = read_header(batch, at)
    if header.magic != 2:
        raise CorruptRecords(f"magic {header.magic}, where 2 is expected")
    return records_in(payload_of(batch, header, at, max_bytes), header)


def records_in(payload: bytes, header: BatchHeader) -> Iterator[Record]:
    """Give the records of a payload that is already decompressed."""
    if header.record_count < 0:
        raise InvalidRecords(f"a batch of {header.record_count} records")
    return _records_in(payload, header)


def _records_in(payload: bytes, header: BatchHeader) -> Iterator[Record]:
    at = 0
    append_time = header.max_timestamp if header.is_log_append_time else None
    for _ in range(header.record_count):
        record, at = read_record(payload, at, header.base_offset, header.base_timestamp)
        if append_time is not None:
            record.timestamp = append_time
        yield record
    if at != len(payload):
        raise InvalidRecords(f"{len(payload) - at} bytes follow the last of {header.record_count} records")


def read_record(payload: bytes, at: int, base_offset: int, base_timestamp: int) -> tuple[Record, int]:
    """Read the record at `at`; return it and where the next one begins."""
    length, at = read_varint(payload, at)
    end = at + length
    if length < 0 or end > len(payload):
        raise InvalidRecords(f"a record of {length} bytes at byte {at} of {len(payload)}")
    timestamp_delta, at = read_varlong(payload, at + 1)
    offset_delta, at = read_varint(payload, at)
    key, at = _read_nullable(payload, at, end)
    value, at = _read_nullable(payload, at, end)
    headers: Headers = ()
    if payload[at : at + 1] == b"\x00":
        at += 1
    else:
        headers, at = _read_headers(payload, at, end)
    if at != end:
        raise InvalidRecords(f"a record says to end at byte {end} and ends at {at}")
    return Record(base_offset + offset_delta, base_timestamp + timestamp_delta, key, value, headers), end


def _read_nullable(payload: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    size, at = read_varint(payload, at)
    if size < 0:
        return None, at
    if size > end - at:
        raise InvalidRecords(f"{size} bytes at byte {at} of a record that ends at {end}")
    return payload[at : at + size], at + size


def _read_headers(payload: bytes, at: int, end: int) -> tuple[Headers, int]:
    count, at = read_varint(payload, at)
    if count < 0 or count > end - at:
        raise InvalidRecords(f"{count} headers at byte {at} of a record that ends at {end}")
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        key, at = _read_nullable(payload, at, end)
        if key is None:
            raise InvalidRecords(f"a header without a key before byte {at}")
        value, at = _read_nullable(payload, at, end)
        headers.append((key.decode("utf-8", "surrogateescape"), value))
    return tuple(headers), at


def offset_of_max_timestamp(batch: Buffer, at: int = 0) -> int | None:
    """Return the offset of the first record that has the batch's max timestamp, as ListOffsets tells it (KIP-734); None if none has."""
    max_timestamp = read_header(batch, at).max_timestamp
    return next((record.offset for record in iter_records(batch, at) if record.timestamp == max_timestamp), None)


def append_record(out: bytearray, record: Record, offset_delta: int, timestamp_delta: int) -> None:
    """Append `record` in the format of magic 2, with these deltas."""
    body = bytearray(1)
    append_varint(body, timestamp_delta)
    append_varint(body, offset_delta)
    _append_nullable(body, record.key)
    _append_nullable(body, record.value)
    append_varint(body, len(record.headers))
    for key, value in record.headers:
        _append_nullable(body, key.encode("utf-8", "surrogateescape"))
        _append_nullable(body, value)
    append_varint(out, len(body))
    out += body


def _append_nullable(out: bytearray, data: Buffer | None) -> None:
    if data is None:
        out.append(1)
    else:
        append_varint(out, len(data))
        out += data
