"""Faults that are planted into the store, to see that the lives of `lives.py` find them: the tests of the tests.

Each is a mistake that a store of this kind could have. `PLANTED` names them, with whether it takes a loss of power to see it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from pybroker.storage import compacted, home, layout, leftovers, log, recovery, scan, segment, segment_file, store
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, OpenFile, storage_error
from pybroker.storage.producer_snapshots import SnapshotsOnDisk
from pybroker.storage.transaction_indexes import TransactionIndexes

Patch = pytest.MonkeyPatch


def no_fsync_of_the_log(patch: Patch) -> None:
    """A flush that syncs nothing."""
    patch.setattr(segment.DiskSegment, "flush", lambda self: self.size_bytes)


def no_fsync_of_the_names(patch: Patch) -> None:
    """The directory is never synced, so new segments have no durable name."""
    patch.setattr(home.LogHome, "_sync_names", lambda self: None)


def names_of_the_former_process_are_believed(patch: Patch) -> None:
    """What a killed process named is taken as durable."""
    patch.setattr(home.LogHome, "distrust_names", lambda self: None)


def rename_before_sync(patch: Patch) -> None:
    """A small file takes its name before its bytes are on disk."""
    whole = Files.replace_file

    def replace_file(self: Files, path: str, content: bytes, *, sync: bool = True, sync_name: bool = True) -> None:
        whole(self, path, content, sync=False)
        if sync and sync_name:
            self.fsync_directory(os.path.dirname(path))

    patch.setattr(Files, "replace_file", replace_file)


def recovery_point_before_flush(patch: Patch) -> None:
    """The recovery point is raised to the log's end without a flush."""

    def flush(self: Any) -> int:
        self._safe.offset = self.log_end_offset
        return int(self.recovery_point)

    patch.setattr(log.PartitionLog, "flush_sealed", flush)


def clean_mark_before_flush(patch: Patch) -> None:
    """The directory is marked as clean before its logs are flushed."""
    close = store.DiskLogStore.close

    def marked(self: Any, high_watermarks: Any) -> list[StorageError]:
        for directory in self._directories:
            content = json.dumps({"version": 0, "brokerEpoch": -1}).encode()
            self._files.replace_file(os.path.join(directory.path, layout.CLEAN_SHUTDOWN), content)
        return close(self, high_watermarks)

    patch.setattr(store.DiskLogStore, "close", marked)


def clean_mark_is_kept(patch: Patch) -> None:
    """The mark of a clean stop is not taken away at the start."""
    patch.setattr("pybroker.storage.directories.take_clean_shutdown", lambda files, path: files.exists(f"{path}/{layout.CLEAN_SHUTDOWN}"))


def checksums_are_not_checked(patch: Patch) -> None:
    """Recovery believes a batch by its length alone."""
    patch.setattr(scan, "crc32c", lambda data, value=0: _Anything())


class _Anything(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def swap_before_sync(patch: Patch) -> None:
    """A cleaned segment gets its name `.swap` before its bytes are on disk."""

    def secure(cleaned: Any, files: Files, transaction_index: bytes) -> None:
        cleaned.seal()
        files.write_file(cleaned.path(layout.TRANSACTION_INDEX), transaction_index, sync=False)
        compacted._rename(cleaned, files, layout.SWAP)

    patch.setattr(compacted, "secure", secure)


def replaced_before_swap_is_complete(patch: Patch) -> None:
    """`.swap` files are thrown away at the start, like `.cleaned` ones."""
    patch.setattr(leftovers, "_complete_swap", lambda files, directory, offset, logs, remarks: None)


def superseding_is_not_flushed(patch: Patch) -> None:
    """A record is compacted away while the one that supersedes it is in the page cache only."""
    patch.setattr(log.PartitionLog, "secure_cleaned", lambda self, cleaned, aborted=(): self.home.secure_cleaned(cleaned, aborted))


def half_replaced_is_dropped(patch: Patch) -> None:
    """A compaction that fails while it is put in place removes the new segment, after the old ones."""
    patch.setattr(log.PartitionLog, "drop_cleaned", lambda self, cleaned: self.home.drop_cleaned(cleaned))


def torn_append_stays(patch: Patch) -> None:
    """What a failed write left is not taken back."""

    def take_back(self: Any, file: OpenFile, size_bytes: int, error: OSError) -> None:
        raise storage_error("append to", self.path(), error) from error

    patch.setattr(segment_file.SegmentFile, "take_back", take_back)


def snapshots_beyond_the_recovery_point_are_kept(patch: Patch) -> None:
    """A producer snapshot of a lost time is believed."""
    dropped = SnapshotsOnDisk.drop_after
    patch.setattr(SnapshotsOnDisk, "drop_after", lambda self, offset: dropped(self, offset + 1000))
    patch.setattr("pybroker.runtime.recovery.latest_snapshot", _newest)


def _newest(of: Any) -> Any:
    from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot

    for offset, content in of.home.snapshots.up_to(1 << 62):
        try:
            return offset, decode_snapshot(content)
        except SnapshotError:
            continue
    return -1, []


def gaps_are_believed(patch: Patch) -> None:
    """A log goes on behind a segment that was lost."""
    patch.setattr(recovery._Gaps, "are_right", lambda *_: True)


def foreign_segments_are_believed(patch: Patch) -> None:
    """Whatever has the name of a segment is one."""
    patch.setattr(recovery, "without_foreign", lambda home, config, segments, *_: segments)


def transaction_indexes_are_believed(patch: Patch) -> None:
    """An index that is gone tells that nothing was aborted."""
    patch.setattr(TransactionIndexes, "doubts", lambda self, present, sealed, ends: [])


def a_torn_end_is_not_cut(patch: Patch) -> None:
    """What is no batch stays in the file, and the next batch is written behind it."""
    patch.setattr(segment.DiskSegment, "cut", lambda self: None)
    patch.setattr(segment_file.SegmentFile, "check_end", lambda self, size_bytes: None)


PLANTED: list[tuple[Callable[[Patch], None], bool]] = [
    (no_fsync_of_the_log, True),
    (no_fsync_of_the_names, True),
    (names_of_the_former_process_are_believed, True),
    (rename_before_sync, True),
    (recovery_point_before_flush, True),
    (clean_mark_before_flush, True),
    (clean_mark_is_kept, True),
    (checksums_are_not_checked, True),
    (swap_before_sync, True),
    (replaced_before_swap_is_complete, False),
    (superseding_is_not_flushed, True),
    (half_replaced_is_dropped, False),
    (torn_append_stays, False),
    (snapshots_beyond_the_recovery_point_are_kept, True),
    (gaps_are_believed, True),
    (foreign_segments_are_believed, False),
    (transaction_indexes_are_believed, False),
    (a_torn_end_is_not_cut, False),
]
