"""What lies in the files beside segments: indexes, snapshots of producers, checkpoints, the small text files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress

from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot
from pybroker.inspection.decoders import Row
from pybroker.inspection.kinds import Kind, Place
from pybroker.inspection.segments import damage_row
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, read_epochs, read_offsets
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.headers import DamagedBatch, HeaderReader
from pybroker.storage.metadata_files import parse_properties, read_partition_metadata
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.time_index import TimeIndex
from pybroker.storage.transaction_index import ENTRY_BYTES as TRANSACTION_ENTRY_BYTES
from pybroker.storage.transaction_index import decode_entries
from pybroker.wire.uuids import to_text

MAX_FILE_BYTES = 256 << 20  # indexes are 10 MiB by default, and no sane one is larger than this
NO_LIMIT = 1 << 62


def small_file_rows(files: Files, place: Place) -> Iterator[Row]:
    """The entries of a file that is no segment. Raises OSError."""
    if files.size(place.path) > MAX_FILE_BYTES:
        yield damage_row(0, files.size(place.path), f"{files.size(place.path)} bytes are more than any {place.kind.value} has")
        return
    try:
        yield from READERS[place.kind](files, place)
    except (DamagedFile, SnapshotError) as damage:
        yield damage_row(0, files.size(place.path), str(damage).removeprefix(f"{place.path}: ").removeprefix(f"{place.path} "))


def segment_beside(files: Files, path: str) -> str | None:
    """The path of the segment that a file belongs to, or is; None if it is not there, or the file no part of one."""
    directory, name = os.path.split(path)
    parsed = layout.parse_segment_file(name)
    if parsed is None or parsed[2] or parsed[1] == layout.SNAPSHOT:
        return None
    segment = os.path.join(directory, layout.segment_file_name(parsed[0], layout.LOG))
    return segment if files.exists(segment) else None


def _index_rows(files: Files, place: Place) -> Iterator[Row]:
    content = files.read_file(place.path)
    log = segment_beside(files, place.path)
    size_bytes = files.size(log) if log is not None else NO_LIMIT
    index = OffsetIndex.decode(content, size_bytes)
    if index is None:
        yield damage_row(0, len(content), "this cannot be the index of the segment beside it" if log is not None else "this is no index")
        return
    reader = HeaderReader(files, OpenFile(files, log, READ_ONLY), size_bytes) if log is not None else None
    base_offset = place.base_offset or 0
    for at, entry in enumerate(index.entries):
        offset, position = base_offset + (entry >> 32), entry & 0xFFFFFFFF
        yield {"kind": "index entry", "offset": offset, "position": position}
        if reader is not None and not _points_at_batch(reader, offset, position):
            yield damage_row(at * 8, 8, f"no batch of offset {offset} begins at byte {position} of the segment")


def _points_at_batch(reader: HeaderReader, offset: int, position: int) -> bool:
    with suppress(DamagedBatch):
        return reader.place(position)[0] <= offset
    return False


def _time_index_rows(files: Files, place: Place) -> Iterator[Row]:
    content = files.read_file(place.path)
    if not any(content):  # Kafka makes the file in full size, of zeros
        return
    index = TimeIndex.decode(content)
    if index is None:
        yield damage_row(0, len(content), "this is no time index: its entries do not grow, or one is torn")
        return
    base_offset = place.base_offset or 0
    for timestamp, offset in zip(index.timestamps, index.offsets, strict=True):
        yield {"kind": "time index entry", "timestamp": timestamp, "offset": base_offset + offset}


def _transaction_index_rows(files: Files, place: Place) -> Iterator[Row]:
    content = files.read_file(place.path)
    read_bytes = 0
    for entry in decode_entries(content):
        read_bytes += TRANSACTION_ENTRY_BYTES
        yield {
            "kind": "aborted transaction",
            "producerId": entry.producer_id,
            "firstOffset": entry.first_offset,
            "lastOffset": entry.last_offset,
            "lastStableOffset": entry.last_stable_offset,
        }
    if read_bytes < len(content):
        yield damage_row(read_bytes, len(content) - read_bytes, "no entry begins here, or one out of order")


def _producer_rows(files: Files, place: Place) -> Iterator[Row]:
    for entry in decode_snapshot(files.read_file(place.path)):
        yield {
            "kind": "producer",
            "producerId": entry.producer_id,
            "producerEpoch": entry.producer_epoch,
            "lastSequence": entry.last_sequence,
            "lastOffset": entry.last_offset,
            "offsetDelta": entry.batches[-1].offset_delta if entry.batches else 0,
            "lastTimestamp": entry.last_timestamp,
            "coordinatorEpoch": entry.coordinator_epoch,
            "currentTxnFirstOffset": entry.current_txn_first_offset,
        }


def _epoch_rows(files: Files, place: Place) -> Iterator[Row]:
    for epoch, start_offset in read_epochs(files, place.path):
        yield {"kind": "leader epoch", "leaderEpoch": epoch, "startOffset": start_offset}


def _offset_rows(files: Files, place: Place) -> Iterator[Row]:
    for (topic, partition), offset in read_offsets(files, place.path).items():
        yield {"kind": "checkpoint", "topic": topic, "partition": partition, "offset": offset}


def _property_rows(files: Files, place: Place) -> Iterator[Row]:
    properties = parse_properties(files.read_file(place.path).decode("latin-1"))
    yield {"kind": "properties", **properties}
    if not {"version", "cluster.id", "node.id"} <= properties.keys():
        yield damage_row(0, files.size(place.path), "version, cluster.id or node.id is not there")


def _partition_rows(files: Files, place: Place) -> Iterator[Row]:
    topic_id = read_partition_metadata(files, os.path.dirname(place.path)) if _has_own_name(place) else None
    if topic_id is None:
        yield {"kind": "properties", **parse_properties(files.read_file(place.path).decode("ascii", "replace"))}
    else:
        yield {"kind": "properties", "topic_id": to_text(topic_id)}


def _has_own_name(place: Place) -> bool:
    return os.path.basename(place.path) == layout.PARTITION_METADATA


def _json_rows(files: Files, place: Place) -> Iterator[Row]:
    content = files.read_file(place.path)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        yield {"kind": "properties", **{name: value for name, value in found.items() if name != "kind"}}
    elif content.strip():
        yield damage_row(0, len(content), "this is no JSON object")


def _nothing(files: Files, place: Place) -> Iterator[Row]:
    return iter(())


READERS = {
    Kind.INDEX: _index_rows,
    Kind.TIME_INDEX: _time_index_rows,
    Kind.TRANSACTION_INDEX: _transaction_index_rows,
    Kind.PRODUCER_SNAPSHOT: _producer_rows,
    Kind.EPOCHS: _epoch_rows,
    Kind.OFFSETS: _offset_rows,
    Kind.META_PROPERTIES: _property_rows,
    Kind.PARTITION_METADATA: _partition_rows,
    Kind.CLEAN_SHUTDOWN: _json_rows,
    Kind.QUORUM_STATE: _json_rows,
    Kind.LOCK: _nothing,
}
