"""Records as JSON: text where bytes are text, and the records of internal topics by their schemas.

    {"offset": 4, "timestamp": 1700000000000, "key": "k", "value": "/wA=", "valueEncoding": "base64", "headers": []}
    {"offset": 9, "timestamp": ..., "control": "COMMIT", "coordinatorEpoch": 3}
    {"offset": 2, "timestamp": ..., "type": "OffsetCommit", "key": {"group": ...}, "version": 4, "value": {...} | null}
    {"offset": 7, "timestamp": ..., "type": "TopicRecord", "version": 0, "value": {...}}

`fault` is added where the bytes do not decode; the record is then shown as anybody's.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from pybroker.core.cluster import METADATA_TOPIC
from pybroker.records.control import ControlType, control_type, marker_coordinator_epoch
from pybroker.records.errors import RecordsError
from pybroker.records.record import Record
from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode
from pybroker.wire.jsonform import to_json
from pybroker.wire.stored import decode_key, decode_metadata_record, decode_value

Row = dict[str, Any]

CONTROL_SCHEMAS = {
    ControlType.LEADER_CHANGE: "LeaderChangeMessage",
    ControlType.SNAPSHOT_HEADER: "SnapshotHeaderRecord",
    ControlType.SNAPSHOT_FOOTER: "SnapshotFooterRecord",
    ControlType.KRAFT_VERSION: "KRaftVersionRecord",
    ControlType.KRAFT_VOTERS: "VotersRecord",
}


def record_row(record: Record, *, is_control: bool, topic: str) -> Row:
    """One record. `topic`: the internal topic by whose schemas it is read, or empty."""
    row: Row = {"offset": record.offset, "timestamp": record.timestamp}
    try:
        if is_control:
            row |= _control(record)
        elif topic == METADATA_TOPIC:
            row |= _metadata(record)
        elif topic:
            row |= _coordinator(record, topic)
        else:
            return row | _plain(record)
    except (RecordsError, WireError) as error:
        return row | _plain(record) | {"fault": str(error)}
    return row


def _plain(record: Record) -> Row:
    row = {**_bytes_field("key", record.key), **_bytes_field("value", record.value)}
    return {**row, "headers": [{"key": _text(key), **_bytes_field("value", value)} for key, value in record.headers]}


def _text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _bytes_field(name: str, content: bytes | None) -> Row:
    """A field of bytes: text if it is UTF-8, else base64 and a field that says so."""
    if content is None:
        return {name: None}
    try:
        return {name: content.decode("utf-8")}
    except UnicodeDecodeError:
        return {name: b64encode(content).decode(), f"{name}Encoding": "base64"}


def _control(record: Record) -> Row:
    number = control_type(record.key)
    try:
        kind = ControlType(number)
    except ValueError:
        return {"control": f"UNKNOWN({number})", **_bytes_field("value", record.value)}
    row: Row = {"control": kind.name}
    if kind in (ControlType.ABORT, ControlType.COMMIT):
        return row | {"coordinatorEpoch": marker_coordinator_epoch(record.value)}
    value = record.value or b""
    version = int.from_bytes(value[:2])  # all of these messages begin with their version
    return row | {"value": to_json(decode(messages.message_class(CONTROL_SCHEMAS[kind]), version, value)[0], version)}


def _coordinator(record: Record, topic: str) -> Row:
    if record.key is None:
        return _plain(record)
    key = decode_key(topic, record.key)
    value = decode_value(key, record.value)
    version = int.from_bytes(record.value[:2], signed=True) if record.value is not None else None
    return {
        "type": type(key).__name__.removesuffix("Key"),
        "key": to_json(key, 0),
        "version": version,
        "value": to_json(value, version) if value is not None and version is not None else None,
    }


def _metadata(record: Record) -> Row:
    if record.value is None:
        return _plain(record)
    message, version = decode_metadata_record(record.value)
    return {"type": type(message).__name__, "version": version, "value": to_json(message, version)}
