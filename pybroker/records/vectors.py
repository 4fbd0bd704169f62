"""Checks this room against golden lines, one JSON object each: batches that Kafka wrote or refuses, hashes, variable-length integers.

The lines are those of `tests/vectors/batches.jsonl.gz` and `hashes.jsonl.gz`.
A line that holds gives None, one that does not the reason in words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybroker.records.batch import (
    CODEC_MASK,
    HEADER_SIZE,
    LOG_APPEND_TIME_BIT,
    MAGIC_AT,
    BatchHeader,
    has_valid_checksum,
    iter_batches,
    patch_base_offset,
    seal,
)
from pybroker.records.checksum import crc32c
from pybroker.records.compression import Codec
from pybroker.records.errors import RecordsError
from pybroker.records.hashes import coordinator_partition, java_abs, java_string_hash, murmur2, murmur2_partition, share_coordinator_key
from pybroker.records.legacy import LegacyMessage, iter_messages, records_of
from pybroker.records.record import Record, append_record, iter_records, payload_of, records_in
from pybroker.records.validate import InvalidBatch, ProduceRules, check_produce
from pybroker.records.varint import append_unsigned_varint, encode_varint, read_unsigned_varint, read_varint, read_varlong
from pybroker.wire.errors import ErrorCode
from pybroker.wire.uuids import from_text, to_text

Line = dict[str, Any]

REFUSED_WITH = {
    "CorruptRecordException": ErrorCode.CORRUPT_MESSAGE,
    "InvalidRecordException": ErrorCode.INVALID_RECORD,
    "IllegalArgumentException": ErrorCode.UNKNOWN_SERVER_ERROR,
    "KafkaException": ErrorCode.UNKNOWN_SERVER_ERROR,
}
TIME_OF_VECTORS_MS = 1_790_000_000_000


def check_line(line: Line) -> str | None:
    """Check one line of the files `batches` or `hashes`; None if all of it holds."""
    try:
        if "kind" in line:
            return _HASH_CHECKS[line["kind"]](line)
        if "refused" in line:
            return _check_refused(line)
        return _check_batches(line)
    except RecordsError as error:
        return f"{line.get('name', line.get('kind'))}: {type(error).__name__}: {error}"


def _differs(what: str, got: object, want: object) -> str | None:
    return None if got == want else f"{what}: {got!r} instead of {want!r}"


# Batches.


def _check_refused(line: Line) -> str | None:
    records = bytearray.fromhex(line["hex"])
    patch_base_offset(records, 0, 0)
    try:
        check_produce(memoryview(records), ProduceRules(api_version=9, now_ms=TIME_OF_VECTORS_MS))
    except InvalidBatch as error:
        return _differs(line["name"], error.code, REFUSED_WITH[line["refused"]])
    return f"{line['name']}: taken, where {line['refused']} is due"


def _check_batches(line: Line) -> str | None:
    data = bytes.fromhex(line["hex"])
    if len(data) > MAGIC_AT and data[MAGIC_AT] < 2:
        messages = list(iter_messages(data))
        end = messages[-1][0] + messages[-1][1].size_bytes
        got, again = [_legacy_facts(message) for _, message in messages], data
    else:
        batches = iter_batches(data)
        headers = list(batches)
        end = batches.position
        got = [_facts(data, at, header) for at, header in headers]
        again = b"".join(_written_again(data, at, header) for at, header in headers)
    name = line["name"]
    return (
        _differs(f"{name}: batches", got, line["batches"])
        or _differs(f"{name}: bytes after the last batch", len(data) - end, line.get("incompleteBytesAtEnd", 0))
        or _differs(f"{name}: written again", again[:end].hex(), data[:end].hex())
    )


def _facts(data: bytes, at: int, header: BatchHeader) -> Line:
    assert has_valid_checksum(data, at, header)
    return {
        "baseOffset": header.base_offset,
        "lastOffset": header.last_offset,
        "sizeInBytes": header.size_bytes,
        "magic": header.magic,
        "compression": Codec(header.codec).name.lower(),
        "timestampType": "LogAppendTime" if header.is_log_append_time else "CreateTime",
        "baseTimestamp": header.base_timestamp,
        "maxTimestamp": header.max_timestamp,
        "producerId": header.producer_id,
        "producerEpoch": header.producer_epoch,
        "baseSequence": header.base_sequence,
        "lastSequence": header.last_sequence,
        "isTransactional": header.is_transactional,
        "isControl": header.is_control,
        "partitionLeaderEpoch": header.partition_leader_epoch,
        "crc": header.crc,
        "deleteHorizonMs": header.base_timestamp if header.has_delete_horizon else None,
        "count": header.record_count,
        "records": [_record_facts(record) for record in iter_records(data, at)],
    }


def _record_facts(record: Record) -> Line:
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _hex(record.key),
        "value": _hex(record.value),
        "headers": [[key, _hex(value)] for key, value in record.headers],
    }


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _written_again(data: bytes, at: int, header: BatchHeader) -> bytes:
    """Encode the records anew: byte for byte without a codec; with one only the payload must be the same, so the batch is given back."""
    whole = data[at : at + header.size_bytes]
    attributes, header.attributes = header.attributes, header.attributes & ~LOG_APPEND_TIME_BIT
    payload = bytearray()
    for record in records_in(payload_of(whole, header), header):
        append_record(payload, record, record.offset - header.base_offset, record.timestamp - header.base_timestamp)
    header.attributes = attributes
    if attributes & CODEC_MASK == 0:
        return bytes(seal(header, payload))
    return whole if payload == payload_of(whole, header) else whole[:HEADER_SIZE] + payload


def _legacy_facts(message: LegacyMessage) -> Line:
    records = records_of(message)
    facts = {
        "baseOffset": records[0].offset,
        "lastOffset": records[-1].offset,
        "sizeInBytes": message.size_bytes,
        "magic": message.magic,
        "compression": Codec(message.codec).name.lower(),
        "timestampType": "LogAppendTime" if message.is_log_append_time else "CreateTime" if message.magic else "NoTimestampType",
        "baseTimestamp": None,
        "maxTimestamp": message.timestamp,
        "crc": message.crc,
        "deleteHorizonMs": None,
        "count": None,
        "records": [_record_facts(record) for record in records],
    }
    none = dict.fromkeys(("producerId", "producerEpoch", "baseSequence", "lastSequence", "partitionLeaderEpoch"), -1)
    return facts | none | dict.fromkeys(("isTransactional", "isControl"), False)


# Hashes.


def _check_murmur2(line: Line) -> str | None:
    key = bytes.fromhex(line["keyHex"])
    partitions = {number: murmur2_partition(key, int(number)) for number in line["partition"]}
    got = (murmur2(key), murmur2(key) & 0x7FFFFFFF, partitions)
    return _differs(f"murmur2 of {line['keyHex']}", got, (line["hash"], line["positive"], line["partition"]))


def _check_coordinator(line: Line) -> str | None:
    code = java_string_hash(line["id"])
    partitions = {number: coordinator_partition(line["id"], int(number)) for number in line["partition"]}
    return _differs(
        f"coordinator of {line['id']}", (code, java_abs(code), partitions), (line["javaHashCode"], line["abs"], line["partition"])
    )


def _check_share_coordinator(line: Line) -> str | None:
    key = share_coordinator_key(line["group"], line["topicId"], line["partition"])
    got = (key, java_string_hash(key), coordinator_partition(key, 50))
    return _differs("share coordinator", got, (line["key"], line["javaHashCode"], line["statePartition50"]))


def _check_uuid(line: Line) -> str | None:
    data = bytes.fromhex(line["hex"])
    return _differs("uuid", (to_text(data), from_text(line["text"])), (line["text"], data))


def _check_crc32c(line: Line) -> str | None:
    return _differs("crc32c", crc32c(bytes.fromhex(line["dataHex"])), line["crc"])


def _check_varint(line: Line) -> str | None:
    data, value = bytes.fromhex(line["hex"]), line["value"]
    got = (encode_varint(value), read_varint(data, 0) if line["kind"] == "varint" else read_varlong(data, 0))
    return _differs(f"{line['kind']} {value}", got, (data, (value, len(data))))


def _check_unsigned_varint(line: Line) -> str | None:
    data, value = bytes.fromhex(line["hex"]), line["value"]
    out = bytearray()
    append_unsigned_varint(out, value)
    return _differs(f"unsigned varint {value}", (bytes(out), read_unsigned_varint(data, 0)), (data, (value, len(data))))


_HASH_CHECKS: dict[str, Callable[[Line], str | None]] = {
    "murmur2": _check_murmur2,
    "coordinator": _check_coordinator,
    "shareCoordinator": _check_share_coordinator,
    "uuid": _check_uuid,
    "crc32c": _check_crc32c,
    "varint": _check_varint,
    "varlong": _check_varint,
    "unsignedVarint": _check_unsigned_varint,
}
