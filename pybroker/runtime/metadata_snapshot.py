"""A snapshot of the metadata in KRaft's format: what the image is at an offset, in place of the log before it.

    control batch    SnapshotHeader, then kraft.version and the voters if the quorum has them (KIP-853)
    batches          the image as metadata records
    control batch    SnapshotFooter

Rules
- Offsets begin at 0 in each snapshot; the leader epoch of all batches is the snapshot's.
- A snapshot counts if every batch has its checksum, the first is a header and the last a footer. Anything else is a `DamagedSnapshot`.

(Kafka: RecordsSnapshotWriter, RecordsSnapshotReader.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pybroker.records.batch import BatchHeader, has_valid_checksum, iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.control import ControlType, control_type, encode_control_key
from pybroker.records.errors import RecordsError
from pybroker.records.record import iter_records
from pybroker.runtime.metadata_codec import BatchReader, encode_records
from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode, encode

RECORDS_IN_BATCH = 1_000
RECORD_VERSION = 0  # of header and footer

KEPT_CONTROLS = (ControlType.KRAFT_VERSION, ControlType.KRAFT_VOTERS)


class DamagedSnapshot(Exception):
    """These bytes are no whole snapshot. The message says why."""


class Snapshot:
    """What a snapshot says. `timestamp_ms`: of the last batch before it. `controls`: quorum records by type, to be written again."""

    __slots__ = ("controls", "record_count", "records", "timestamp_ms")

    def __init__(self, timestamp_ms: int, controls: dict[int, bytes]) -> None:
        self.timestamp_ms = timestamp_ms
        self.controls = controls
        self.records: list[list[Any]] = []
        self.record_count = 0


def encode_snapshot(records: Iterable[Any], epoch: int, timestamp_ms: int, controls: dict[int, bytes]) -> bytes:
    """The file's bytes. `timestamp_ms` is that of the last batch that the snapshot stands for."""
    header = messages.SnapshotHeaderRecord(last_contained_log_timestamp=timestamp_ms)
    head: list[tuple[int, bytes]] = [(ControlType.SNAPSHOT_HEADER, encode(header, RECORD_VERSION))]
    head += [(kind, controls[kind]) for kind in KEPT_CONTROLS if kind in controls]
    parts = [_control_batch(head, 0, epoch, timestamp_ms)]
    offset = len(head)
    source = iter(records)
    while piece := list(islice(source, RECORDS_IN_BATCH)):
        parts.append(encode_records(piece, base_offset=offset, timestamp=timestamp_ms, leader_epoch=epoch))
        offset += len(piece)
    footer = encode(messages.SnapshotFooterRecord(), RECORD_VERSION)
    parts.append(_control_batch([(ControlType.SNAPSHOT_FOOTER, footer)], offset, epoch, timestamp_ms))
    return b"".join(parts)


def _control_batch(rows: list[tuple[int, bytes]], base_offset: int, epoch: int, timestamp_ms: int) -> bytes:
    keyed = [(encode_control_key(kind), value, timestamp_ms) for kind, value in rows]
    return build_batch(keyed, base_offset=base_offset, control=True, leader_epoch=epoch)


def decode_snapshot(content: bytes, reader: BatchReader) -> Snapshot:
    """Read a whole snapshot. Raises DamagedSnapshot."""
    try:
        return _decode(content, reader)
    except (RecordsError, WireError) as error:
        raise DamagedSnapshot(str(error)) from error


def timestamp_of(content: bytes) -> int:
    """The timestamp in a snapshot's header; 0 for bytes that are no snapshot: as old as can be."""
    try:
        return _timestamp(control_records(next(_batches(content))[1]))
    except (DamagedSnapshot, RecordsError, WireError, StopIteration):
        return 0


def _decode(content: bytes, reader: BatchReader) -> Snapshot:
    snapshot: Snapshot | None = None
    finished = False
    for header, batch in _batches(content):
        if finished:
            raise DamagedSnapshot("something follows its footer")
        if header.is_control:
            controls = control_records(batch)
            if snapshot is None:
                snapshot = Snapshot(_timestamp(controls), {kind: controls[kind] for kind in KEPT_CONTROLS if kind in controls})
            finished = ControlType.SNAPSHOT_FOOTER in controls
        elif snapshot is None:
            raise DamagedSnapshot("it does not begin with a header")
        else:
            records = reader.read(batch)
            snapshot.records.append(records)
            snapshot.record_count += len(records)
    if snapshot is None or not finished:
        raise DamagedSnapshot("it ends without a footer")
    return snapshot


def _batches(content: bytes) -> Iterator[tuple[BatchHeader, bytes]]:
    batches = iter_batches(content)
    end = 0
    for at, header in batches:
        if not has_valid_checksum(content, at, header):
            raise DamagedSnapshot(f"the checksum of the batch at byte {at} is wrong")
        end = at + header.size_bytes
        yield header, content[at:end]
    if end != len(content):
        raise DamagedSnapshot(f"{len(content) - end} bytes from byte {end} on are no batch")


def control_records(batch: bytes) -> dict[int, bytes]:
    """The values of a control batch by type. Raises RecordsError."""
    return {control_type(record.key): record.value or b"" for record in iter_records(batch)}


def _timestamp(controls: dict[int, bytes]) -> int:
    value = controls.get(ControlType.SNAPSHOT_HEADER)
    if value is None:
        raise DamagedSnapshot("it does not begin with a header")
    header = decode(messages.SnapshotHeaderRecord, RECORD_VERSION, value)[0]
    return int(header.last_contained_log_timestamp)
