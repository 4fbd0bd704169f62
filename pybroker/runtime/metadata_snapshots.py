"""Takes snapshots of the metadata when `core/snapshot_policy` says so, and drops what they replace."""

from __future__ import annotations

import logging

import trio

from pybroker.core.cluster import ClusterImage
from pybroker.core.settings import Settings
from pybroker.core.snapshot_policy import KeptSnapshot, Retention, count_to_drop, is_due_at_start
from pybroker.core.snapshot_records import snapshot_records
from pybroker.runtime.clock import Clock
from pybroker.runtime.metadata_log import MetadataLog
from pybroker.runtime.metadata_snapshot import timestamp_of
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import StorageError
from pybroker.storage.snapshot_files import SnapshotId

log = logging.getLogger("pybroker.controller")


class SnapshotKeeper:
    """The snapshots of one broker's metadata log. `replayed_bytes`: how much log this start read after the snapshot that it began from."""

    __slots__ = ("_clock", "_grown", "_image", "_log", "_max_bytes", "_settings", "_taking", "_timestamps", "replayed_bytes")

    def __init__(self, metadata: MetadataLog, image: ClusterImage, settings: Settings, clock: Clock) -> None:
        self._log = metadata
        self._image = image
        self._settings = settings
        self._clock = clock
        self._grown = trio.Event()
        self._max_bytes: int = settings.get("metadata.log.max.record.bytes.between.snapshots")
        self.replayed_bytes = 0
        self._taking = False
        self._timestamps: dict[SnapshotId, int] = {}

    def loaded(self) -> None:
        """The log was replayed: what follows is this start's own."""
        self.replayed_bytes = self._log.bytes_since_snapshot

    def appended(self) -> None:
        """The log has grown."""
        if self._log.bytes_since_snapshot >= self._max_bytes:
            self._grown.set()

    def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks. They end with the nursery."""
        nursery.start_soon(self._by_size, name="metadata snapshots by size")
        if self._settings.get("metadata.log.max.snapshot.interval.ms") > 0:
            nursery.start_soon(self._by_time, name="metadata snapshots by time")

    async def _by_size(self) -> None:
        if is_due_at_start(self.replayed_bytes, self._latest_bytes()):
            await self.take()
        while True:
            await self._grown.wait()
            self._grown = trio.Event()
            await self.take()

    async def _by_time(self) -> None:
        while True:
            interval_ms = self._settings.get("metadata.log.max.snapshot.interval.ms")
            await self._clock.sleep_until_ms(self._clock.now_ms() + interval_ms)
            await self.take()

    def _latest_bytes(self) -> int:
        try:
            return self._log.files.size_bytes(self._log.snapshot) if self._log.snapshot is not None else 0
        except StorageError:
            return 0

    async def take(self) -> None:
        """Write a snapshot if there is anything new, and drop what is no longer kept. What fails costs time at the next start."""
        snapshot, end_offset = self._log.snapshot, self._log.end_offset
        if self._taking or not self._log.may_be_replaced or (snapshot is not None and snapshot.end_offset >= end_offset):
            return
        self._taking = True
        try:
            await self._log.write_snapshot(snapshot_records(self._image), self._clock.now_ms())
            await self._clean()
        except StorageError as error:
            log.warning("no snapshot of the metadata at offset %d: %s", end_offset, error)
        finally:
            self._taking = False

    async def _clean(self) -> None:
        ids = await in_thread(self._log.files.ids)
        kept = [await in_thread(self._describe, snapshot) for snapshot in reversed(ids)]
        dropped = count_to_drop(kept, self._log.size_bytes, self._retention(), self._clock.now_ms())
        if dropped:
            self._log.forget_before(kept[dropped].end_offset)
        for snapshot in list(reversed(ids))[:dropped]:
            await in_thread(self._log.files.delete, snapshot)

    def _retention(self) -> Retention:
        """A log in memory has nobody to read it again: of it only the latest snapshot is kept."""
        if not self._log.durable:
            return Retention(0, 0)
        return Retention(self._settings.get("metadata.max.retention.bytes"), self._settings.get("metadata.max.retention.ms"))

    def _describe(self, snapshot: SnapshotId) -> KeptSnapshot:
        files = self._log.files
        if snapshot not in self._timestamps:
            self._timestamps[snapshot] = timestamp_of(files.read(snapshot))
        return KeptSnapshot(snapshot.end_offset, files.size_bytes(snapshot), self._timestamps[snapshot])
