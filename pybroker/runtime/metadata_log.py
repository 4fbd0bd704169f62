"""The log of `__cluster_metadata`: KRaft's own format, so Kafka's tools read it and a directory of Kafka's can be taken over.

Each start of a broker begins a new epoch with a LeaderChange control record. Records are written at once and are safe after `wait_safe`:
one fsync on a worker thread serves everybody who waits. A log in memory has nothing to wait for.

What the log says is its latest snapshot that is whole and the batches after it (`load`). Where a snapshot reaches beyond the log's end,
because the end was lost, the log goes on behind the snapshot.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import trio

from pybroker.core.cluster import METADATA_TOPIC, METADATA_TOPIC_ID
from pybroker.core.settings import Settings
from pybroker.records.batch import read_header
from pybroker.records.builder import build_control_batch
from pybroker.records.control import ControlType, encode_control_key
from pybroker.records.errors import RecordsError
from pybroker.runtime.metadata_codec import BatchReader, encode_records
from pybroker.runtime.metadata_snapshot import KEPT_CONTROLS, DamagedSnapshot, Snapshot, control_records, decode_snapshot, encode_snapshot
from pybroker.runtime.threads import in_thread
from pybroker.storage.interface import DataDirectoryError, Log, LogConfig, LogStore, StorageError
from pybroker.storage.snapshot_files import SnapshotFiles, SnapshotId, snapshot_files_of
from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode, encode

log = logging.getLogger("pybroker.controller")

LEADER_CHANGE_VERSION = 0  # what Kafka 4.4.0 writes
KRAFT_VERSION_VERSION = 0  # of the record, not what it says
VOTERS_VERSION = 0


class MetadataLog:
    """The only writer of the metadata log. `durable`: whether what is written must reach a disk before it is answered.

    `bytes_since_snapshot`: how much of the log a start would replay now. `snapshot`: the latest whole one.
    """

    __slots__ = (
        "_controls",
        "_epoch",
        "_flushing",
        "_last_timestamp",
        "_log",
        "_reader",
        "_safe_offset",
        "bytes_since_snapshot",
        "durable",
        "files",
        "snapshot",
    )

    def __init__(self, metadata: Log, files: SnapshotFiles, durable: bool) -> None:
        self._log = metadata
        self._epoch = metadata.latest_epoch or 0
        self._flushing: trio.Event | None = None
        self._safe_offset = metadata.log_end_offset
        self._reader = BatchReader()
        self._controls: dict[int, bytes] = {}
        self._last_timestamp = 0
        self.durable = durable
        self.files = files
        self.snapshot: SnapshotId | None = None
        self.bytes_since_snapshot = 0

    @property
    def end_offset(self) -> int:
        """Where the next record will lie."""
        return max(self._log.log_end_offset, self.snapshot.end_offset if self.snapshot is not None else 0)

    @property
    def kraft_version(self) -> int:
        """Whether the quorum knows its voters from the log (1, KIP-853) or from the settings (0)."""
        value = self._controls.get(ControlType.KRAFT_VERSION)
        return 0 if value is None else decode(messages.KRaftVersionRecord, KRAFT_VERSION_VERSION, value)[0].kraft_version

    def other_voters(self, node_id: int) -> set[int]:
        """Who else writes this log: voters, or the leader, as Kafka noted them. None since a broker alone began a later epoch."""
        content = self.files.quorum_state()
        try:
            noted = json.loads(content) if content else {}
            if noted.get("leaderEpoch", -1) < self._epoch:
                return set()
            nodes = {int(noted["leaderId"]), *(int(voter["voterId"]) for voter in noted.get("currentVoters", ()))}
        except (ValueError, TypeError, KeyError, AttributeError):
            return set()  # damaged: Kafka makes it anew, too
        return {node for node in nodes if node >= 0} - {node_id}

    @property
    def size_bytes(self) -> int:
        return self._log.size_bytes

    @property
    def epoch(self) -> int:
        """The controller epoch: that of the batches written now."""
        return self._epoch

    # --- reading

    def load(self) -> Iterator[tuple[int, list[Any]]]:
        """All that the log says: the offset that is reached with each piece, and its records. Records of newer releases are passed over.

        Raises DataDirectoryError if what is left is not the whole story.
        """
        self.files.tidy()
        snapshot = self._latest_snapshot()
        if snapshot is not None:
            self._controls = snapshot.controls
            self._last_timestamp = snapshot.timestamp_ms
            for records in snapshot.records:
                yield self._begin, records
        try:
            yield from self._tail()
        except StorageError as error:
            raise DataDirectoryError(f"the metadata log cannot be read: {error}. `pybroker verify` says what of it is whole.") from error

    def bootstrap_records(self) -> list[Any]:
        """What a new cluster begins with because its directory was formatted so. Raises DataDirectoryError."""
        try:
            content = self.files.bootstrap()
            return [] if content is None else [record for records in decode_snapshot(content, self._reader).records for record in records]
        except (DamagedSnapshot, StorageError) as error:
            raise DataDirectoryError(
                f"bootstrap.checkpoint cannot be read: {error}. Format the directory anew, or remove the file."
            ) from error

    @property
    def _begin(self) -> int:
        """Where the log takes over from the snapshot."""
        return self.snapshot.end_offset if self.snapshot is not None else 0

    def _latest_snapshot(self) -> Snapshot | None:
        """The latest that is whole and that the log goes on from."""
        start_offset = self._log.log_start_offset
        damaged = []
        for candidate in self.files.ids():
            if candidate.end_offset < start_offset:
                break
            try:
                snapshot = decode_snapshot(self.files.read(candidate), self._reader)
            except (DamagedSnapshot, StorageError) as error:
                log.warning("the snapshot %s of the metadata is passed over: %s", candidate.file_name, error)
                damaged.append(candidate.file_name)
                continue
            self.snapshot = candidate
            self._epoch = max(self._epoch, candidate.epoch)
            return snapshot
        if start_offset > 0:
            which = f"the snapshots {', '.join(damaged)} are damaged" if damaged else "there is no snapshot of what was before"
            raise DataDirectoryError(
                f"the metadata cannot be read: its log begins at offset {start_offset}, and {which}."
                f" Put a copy of a snapshot that ends at {start_offset} or later into {METADATA_TOPIC}-0."
            )
        return None

    def _tail(self) -> Iterator[tuple[int, list[Any]]]:
        begin = self._begin
        for header, piece in self._log.batches(max(begin, self._log.log_start_offset)):
            if header.base_offset < begin:
                continue
            batch = piece.read()
            self.bytes_since_snapshot += len(batch)
            self._last_timestamp = header.max_timestamp
            try:
                yield header.next_offset, self._records(header.is_control, batch)
            except (RecordsError, WireError) as error:
                raise DataDirectoryError(f"the metadata log cannot be read at offset {header.base_offset}: {error}") from error

    def _records(self, is_control: bool, batch: bytes) -> list[Any]:
        if not is_control:
            return self._reader.read(batch)
        self._controls |= {kind: value for kind, value in control_records(batch).items() if kind in KEPT_CONTROLS}
        return []

    # --- writing

    def begin_epoch(self, node_id: int, now_ms: int) -> None:
        """Become the leader at the next epoch."""
        self._epoch += 1
        voter = messages.LeaderChangeMessage.Voter
        change = messages.LeaderChangeMessage(
            leader_id=node_id, voters=[voter(voter_id=node_id)], granting_voters=[voter(voter_id=node_id)]
        )
        value = encode(change, LEADER_CHANGE_VERSION)
        key = encode_control_key(ControlType.LEADER_CHANGE)
        begin = self.end_offset
        end_was_lost = self._log.log_end_offset < begin
        self._append(build_control_batch(key, value, timestamp=now_ms, base_offset=begin, leader_epoch=self._epoch), now_ms)
        if end_was_lost:
            self._log.raise_log_start_offset(begin)  # what is left of the log before the snapshot's end leads nowhere

    def leave_voters(self, node_id: int, now_ms: int) -> None:
        """Be the only voter, where the log says who votes (KIP-853) and this broker does: Kafka alone on it would wait for the others."""
        value = self._controls.get(ControlType.KRAFT_VOTERS)
        if value is None:
            return
        record = decode(messages.VotersRecord, VOTERS_VERSION, value)[0]
        own = [voter for voter in record.voters if voter.voter_id == node_id]
        if not own:
            return
        record.voters = own
        value = self._controls[ControlType.KRAFT_VOTERS] = encode(record, VOTERS_VERSION)
        key = encode_control_key(ControlType.KRAFT_VOTERS)
        self._append(build_control_batch(key, value, timestamp=now_ms, base_offset=self.end_offset, leader_epoch=self._epoch), now_ms)

    def append(self, records: list[Any], now_ms: int) -> int:
        """Write records as one batch; returns the offset behind the last. Raises `StorageError`."""
        self._append(encode_records(records, base_offset=self.end_offset, timestamp=now_ms, leader_epoch=self._epoch), now_ms)
        return self.end_offset

    async def wait_safe(self, offset: int) -> None:
        """Return when everything before `offset` is on disk. Raises `StorageError`."""
        if not self.durable:
            return
        while self._safe_offset < offset:
            if self._flushing is not None:
                await self._flushing.wait()
                continue
            self._flushing = trio.Event()
            try:
                self._safe_offset = await in_thread(self._log.flush)
            finally:
                self._flushing.set()
                self._flushing = None

    def _append(self, batch: bytes, now_ms: int) -> None:
        self._log.append(batch, read_header(batch), now_ms)
        self._last_timestamp = now_ms
        self.bytes_since_snapshot += len(batch)

    # --- snapshots

    @property
    def may_be_replaced(self) -> bool:
        """Whether a snapshot can hold all that the log says: not if a newer release wrote records that this one does not know."""
        return not self._reader.met_unknown

    async def write_snapshot(self, records: Iterable[Any], now_ms: int) -> None:
        """Keep what the log says up to its end, as `records`, and begin a new segment. Raises `StorageError`."""
        snapshot = SnapshotId(self.end_offset, self._epoch)
        content = encode_snapshot(records, snapshot.epoch, self._last_timestamp, self._controls)
        self.bytes_since_snapshot = 0
        await self.wait_safe(snapshot.end_offset)
        await in_thread(self.files.write, snapshot, content)
        self.snapshot = snapshot
        self._log.roll(now_ms)

    def forget_before(self, offset: int) -> None:
        """Drop the segments that lie before `offset` as a whole; what is left of the log begins there. Raises `StorageError`."""
        self._log.raise_log_start_offset(min(offset, self._log.log_end_offset))


def open_metadata_log(store: LogStore, settings: Settings, durable: bool) -> MetadataLog:
    """Find or make the metadata log among the logs of a broker. Raises DataDirectoryError if it is lost."""
    config = LogConfig(segment_bytes=settings.get("metadata.log.segment.bytes"), segment_ms=settings.get("metadata.log.segment.ms"))
    metadata = store.get(METADATA_TOPIC, 0)
    if metadata is None:
        _check_missing(store)
        metadata = store.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, config)
    return MetadataLog(metadata, snapshot_files_of(metadata), durable)


def _check_missing(store: LogStore) -> None:
    """A broker without its metadata would begin a new history over the old one's data. Raises DataDirectoryError."""
    unopened = store.unopened.get((METADATA_TOPIC, 0))
    if unopened is not None:
        raise DataDirectoryError(f"the metadata log cannot be read, and without it nothing can be served: {unopened.reason}")
    offline = [directory.failure for directory in store.directories() if directory.failure is not None]
    if offline:
        raise DataDirectoryError(
            f"the metadata log is in none of the data directories that can be used, and without it nothing can be served: {offline[0]}"
        )
