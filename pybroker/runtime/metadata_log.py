"""The log of `__cluster_metadata`: KRaft's own format, so Kafka's tools read it and a directory of Kafka's can be taken over.

Each start of a broker begins a new epoch with a LeaderChange control record. Records are written at once and are safe after `wait_safe`:
one fsync on a worker thread serves everybody who waits. A log in memory has nothing to wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import trio

from pybroker.core.cluster import METADATA_TOPIC, METADATA_TOPIC_ID
from pybroker.core.controller import record_version
from pybroker.core.settings import Settings
from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch, build_control_batch
from pybroker.records.control import ControlType, encode_control_key
from pybroker.records.record import iter_records
from pybroker.storage.interface import Log, LogConfig, LogStore
from pybroker.wire import messages
from pybroker.wire.codec import encode
from pybroker.wire.stored import UnknownRecordError, decode_metadata_record, encode_metadata_record

log = logging.getLogger("pybroker.controller")

LEADER_CHANGE_VERSION = 0  # what Kafka 4.4.0 writes


class MetadataLog:
    """The only writer of the metadata log. `durable`: whether what is written must reach a disk before it is answered."""

    __slots__ = ("_epoch", "_flushing", "_log", "_safe_offset", "durable")

    def __init__(self, metadata: Log, durable: bool) -> None:
        self._log = metadata
        self._epoch = metadata.latest_epoch or 0
        self._flushing: trio.Event | None = None
        self._safe_offset = metadata.log_end_offset
        self.durable = durable

    @property
    def end_offset(self) -> int:
        return self._log.log_end_offset

    @property
    def epoch(self) -> int:
        """The controller epoch: that of the batches written now."""
        return self._epoch

    def read(self) -> Iterator[tuple[int, list[Any]]]:
        """The offset behind each batch, and its records; control batches have none. Records of newer releases are passed over."""
        for header, piece in self._log.batches(self._log.log_start_offset):
            records = [] if header.is_control else [_decode(record.value) for record in iter_records(piece.read())]
            yield header.next_offset, [record for record in records if record is not None]

    def begin_epoch(self, node_id: int, now_ms: int) -> None:
        """Become the leader at the next epoch."""
        self._epoch += 1
        voter = messages.LeaderChangeMessage.Voter
        change = messages.LeaderChangeMessage(
            leader_id=node_id, voters=[voter(voter_id=node_id)], granting_voters=[voter(voter_id=node_id)]
        )
        value = encode(change, LEADER_CHANGE_VERSION)
        key = encode_control_key(ControlType.LEADER_CHANGE)
        self._append(build_control_batch(key, value, timestamp=now_ms, base_offset=self.end_offset, leader_epoch=self._epoch), now_ms)

    def append(self, records: list[Any], now_ms: int) -> int:
        """Write records as one batch; returns the offset behind the last. Raises `StorageError`."""
        values = [(None, encode_metadata_record(record, record_version(record))) for record in records]
        self._append(build_batch(values, base_offset=self.end_offset, timestamp=now_ms, leader_epoch=self._epoch), now_ms)
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
                self._safe_offset = await trio.to_thread.run_sync(self._log.flush)
            finally:
                self._flushing.set()
                self._flushing = None

    def _append(self, batch: bytes, now_ms: int) -> None:
        self._log.append(batch, read_header(batch), now_ms)


def open_metadata_log(store: LogStore, settings: Settings, durable: bool) -> MetadataLog:
    """Find or make the metadata log among the logs of a broker."""
    config = LogConfig(segment_bytes=settings.get("metadata.log.segment.bytes"), segment_ms=settings.get("metadata.log.segment.ms"))
    metadata = store.get(METADATA_TOPIC, 0) or store.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, config)
    return MetadataLog(metadata, durable)


def _decode(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return decode_metadata_record(value)[0]
    except UnknownRecordError as unknown:
        log.warning("a metadata record is passed over: %s", unknown)
        return None
