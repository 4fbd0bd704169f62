"""A log with aborted transactions that was stopped cleanly, and what the next start finds."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from pybroker.core.producer_snapshot import encode_snapshot
from pybroker.records.batch import patch_base_offset_and_epoch, read_header
from pybroker.records.builder import build_batch
from pybroker.records.control import build_marker
from pybroker.runtime.recovery import recover
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore

CONFIG = LogConfig(segment_bytes=1000, index_interval_bytes=200)
NEVER = 1 << 60


class TransactionRoom:
    """A store with one log of several segments, in which every second transaction was aborted. `files`: another disk."""

    def __init__(self, path: Path, files: Files | None = None, transactions: int = 10) -> None:
        self.path = path / "data"
        self.files = files or Files()
        store = self.open()
        log = store.create("t", 0, b"i" * 16, CONFIG)
        state, _ = recover(log, 0, 1, NEVER)
        for number in range(transactions):
            batch = build_batch(
                [(b"k", b"v" * 40)],
                base_offset=2 * number,
                producer_id=7,
                producer_epoch=0,
                base_sequence=number,
                timestamp=1,
                leader_epoch=0,
                transactional=True,
            )
            header = read_header(batch)
            log.append(batch, header, 1)
            state.advance(header, header.base_offset)
            self.end(log, state, committed=number % 2 == 0)
        log.write_producer_snapshot(log.log_end_offset, encode_snapshot(state.producers))
        store.close({})
        self.whole = self.aborted()
        assert len(self.whole) == transactions // 2
        assert len(self.indexes()) > 1

    def end(self, log: Any, state: Any, *, committed: bool) -> None:
        """The transaction's marker."""
        marker, _ = build_marker(7, 0, 0, timestamp_ms=1, commit=committed)
        patch_base_offset_and_epoch(marker, 0, log.log_end_offset, 0)
        header = read_header(marker)
        log.append(marker, header, 1)
        aborted = state.advance_marker(header, header.base_offset, 0, committed=committed)
        if aborted is not None:
            log.add_aborted(aborted)

    def open(self) -> DiskLogStore:
        """As a broker does."""
        return DiskLogStore.open([str(self.path)], cluster_id="c", node_id=1, rng=Random(1), config=CONFIG, files=self.files)

    def indexes(self) -> list[Path]:
        """The transaction indexes."""
        return sorted(self.path / "t-0" / name for name in self.files.listdir(str(self.path / "t-0")) if name.endswith(".txnindex"))

    def aborted(self, *, clean: bool = True) -> list[Any]:
        """What a start finds."""
        store = self.open()
        state, _ = recover(store.get("t", 0), 1, 1, NEVER)
        if clean:
            store.close({})
        else:
            store.abandon()
        return list(state.aborted or ())
