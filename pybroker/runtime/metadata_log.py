"""The log of `__cluster_metadata`: KRaft's own format, so Kafka's tools read it and a directory of Kafka's can be taken over.

Each start of a broker begins a new epoch with a LeaderChange control record. Records are written at once and are safe after `wait_safe`:
one fsync on a worker thread serves everybody who waits. A log in memory has nothing to wait for. What the log says is read by
`metadata_reading`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import trio

from pybroker.core.cluster import METADATA_TOPIC, METADATA_TOPIC_ID, ClusterImage
from pybroker.core.settings import Settings
from pybroker.records.batch import read_header
from pybroker.records.builder import build_control_batch
from pybroker.records.control import ControlType, encode_control_key
from pybroker.runtime.metadata_codec import encode_records
from pybroker.runtime.metadata_reading import VOTERS_VERSION, MetadataReading
from pybroker.runtime.metadata_snapshot import encode_snapshot
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.interface import Log, LogConfig, LogStore
from pybroker.storage.snapshot_files import SnapshotFiles, SnapshotId, snapshot_files_of
from pybroker.wire import messages
from pybroker.wire.codec import encode
from pybroker.wire.uuids import ZERO_UUID

LEADER_CHANGE_VERSION = 0  # what Kafka 4.4.0 writes


class MetadataLog:
    """The only writer of the metadata log. `durable`: whether what is written must reach a disk before it is answered.

    `bytes_since_snapshot`: how much of the log a start would replay now. `snapshot`: the latest whole one. `reading`: what it said when
    this broker started.
    """

    __slots__ = (
        "_epoch",
        "_flushing",
        "_last_timestamp",
        "_log",
        "_safe_offset",
        "bytes_since_snapshot",
        "durable",
        "files",
        "reading",
        "snapshot",
    )

    def __init__(self, metadata: Log, files: SnapshotFiles, durable: bool) -> None:
        self._log = metadata
        self._flushing: trio.Event | None = None
        self._safe_offset = metadata.log_end_offset
        self.durable = durable
        self.files = files
        self._go_on(MetadataReading(metadata, files))

    def _go_on(self, reading: MetadataReading) -> None:
        """Write behind what was read."""
        self.reading = reading
        self._epoch = max(self._log.latest_epoch or 0, reading.epoch)
        self._last_timestamp = reading.last_timestamp
        self.snapshot = reading.snapshot
        self.bytes_since_snapshot = reading.bytes_since_snapshot

    @property
    def end_offset(self) -> int:
        """Where the next record will lie."""
        return max(self._log.log_end_offset, self.snapshot.end_offset if self.snapshot is not None else 0)

    @property
    def size_bytes(self) -> int:
        return self._log.size_bytes

    @property
    def directory(self) -> str:
        """The data directory that it lies in."""
        return self._log.directory

    @property
    def epoch(self) -> int:
        """The controller epoch: that of the batches written now."""
        return self._epoch

    # --- reading

    def replay(self, image: ClusterImage) -> None:
        """See `MetadataReading.replay`."""
        self.reading.replay(image)
        self._go_on(self.reading)

    def take(self, reading: MetadataReading, log_end_offset: int) -> bool:
        """Go on from what was read of the log before it was taken, up to `log_end_offset`; False if it has changed, or been cut, since."""
        if log_end_offset != self._log.log_end_offset or reading.begin < self._log.log_start_offset:
            return False
        self._go_on(reading)
        return True

    # --- writing

    def begin_epoch(self, node_id: int, now_ms: int) -> None:
        """Become the leader at the next epoch, after those that others may have used without writing to this log, too."""
        self.files.tidy()
        self._epoch = max(self._epoch, self.reading.noted.epoch) + 1
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

    def leave_voters(self, node_id: int, directory_id: bytes, now_ms: int) -> None:
        """Be the only voter, where the log says who votes (KIP-853): Kafka alone on it would wait for the others."""
        voters = self.reading.voters()
        if not voters or [voter.voter_id for voter in voters] == [node_id]:
            return
        own = [voter for voter in voters if voter.voter_id == node_id]
        made = messages.VotersRecord.Voter(voter_id=node_id, voter_directory_id=directory_id)
        made.kraft_version_feature.max_supported_version = 1
        value = encode(messages.VotersRecord(voters=own or [made]), VOTERS_VERSION)
        self.reading.controls[ControlType.KRAFT_VOTERS] = value
        key = encode_control_key(ControlType.KRAFT_VOTERS)
        self._append(build_control_batch(key, value, timestamp=now_ms, base_offset=self.end_offset, leader_epoch=self._epoch), now_ms)

    def forget_quorum(self) -> None:
        """What was written leaves the others behind: when it is safe, what Kafka noted of them goes. Raises `StorageError`."""
        self._safe_offset = self._log.flush()
        self.files.forget_quorum_state()

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
        return not self.reading.met_unknown

    async def write_snapshot(self, records: Iterable[Any], now_ms: int) -> None:
        """Keep what the log says up to its end, as `records`, and begin a new segment. Raises `StorageError`."""
        snapshot = SnapshotId(self.end_offset, self._epoch)
        content = encode_snapshot(records, snapshot.epoch, self._last_timestamp, self.reading.controls)
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
    elif metadata.topic_id == ZERO_UUID:  # its partition.metadata is gone or damaged, and nothing depends on it
        with suppress(StorageError):
            store.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, config)
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
