"""Segment files that are not the log's: made empty, copied, or carried there while no broker ran.

Such a file takes the name of offsets that lie in the segment before it, so readers of those would find nothing, and where it is the last
one the log would end at it. It must be found without reading segments that are as they should be. So only these are looked at:
- a segment without both its indexes: pybroker and Kafka leave them when they stop; only the active one lacks them after a kill
- after a clean stop the last one, if the log would not end with it where the checkpoint says that it was flushed up to

A segment is put aside only if whole batches of the one before it, by their checksums, reach beyond its base offset; after a clean stop also
if it is too small for a batch and another follows (empty ones compaction leaves, too), or begins behind the end of the log and holds no
whole batch. What is put aside is removed after `file.delete.delay.ms`, as everywhere.

Not found: a segment in the middle that was copied together with its indexes. `pybroker verify` finds it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection

from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LogConfig
from pybroker.storage.scan import HEADER_BYTES, Scan, scan_file
from pybroker.storage.segment import DiskSegment


def without_foreign(
    home: LogHome,
    config: LogConfig,
    segments: list[DiskSegment],
    unindexed: Collection[int],
    recovery_point: int | None,
    compacted: bool,
    remarks: list[str],
) -> tuple[list[DiskSegment], bool | None]:
    """The segments that are the log's; the others are put aside, with a remark. And what `find_end` said of the last one, if it was asked.

    `recovery_point`: where a log that was stopped cleanly ended (0: nobody knows); None after a kill. Raises StorageError.
    """
    kept: list[DiskSegment] = []
    ends_well: list[bool] = []

    def put_aside(segment: DiskSegment, why: str) -> None:
        remarks.append(f"{segment.path()} {why}: it is no part of the log, and is put aside")
        home.discard(segment, config.file_delete_delay_ms)

    for segment in segments:
        is_suspect = segment.base_offset in unindexed
        is_too_small = segment.size_bytes < HEADER_BYTES and bool(segment.size_bytes or not compacted)
        if is_suspect and is_too_small and recovery_point is not None and segment is not segments[-1]:
            put_aside(segment, "holds no batch, and another segment follows")
        elif is_suspect and kept and (why := _overlap(home.files, kept[-1], segment)):
            put_aside(segment, why)
        else:
            kept.append(segment)
    while recovery_point is not None and len(kept) > 1 and (why := _why_not_the_end(home.files, kept, recovery_point, ends_well)):
        put_aside(kept.pop(), why)
    if len(kept) == len(segments):
        return segments, ends_well[-1] if ends_well else None
    home.sync_directory()
    _make_active(kept)
    return kept, None


def _make_active(segments: list[DiskSegment]) -> None:
    for segment, following in itertools.pairwise(segments):
        segment.precede(following.base_offset)
    last = segments[-1]
    last.sealed = False
    last.open_file = None
    last.open_existing(last.size_bytes)


def _overlap(files: Files, before: DiskSegment, segment: DiskSegment) -> str | None:
    """What is said if whole batches of `before` reach beyond the base offset of `segment`. The headers at its end tell whether to look."""
    end_offset = max((header.next_offset for header in before.last_headers()), default=0)
    if end_offset > segment.base_offset:
        end_offset = scan_beside(files, before).next_offset
    if end_offset > segment.base_offset:
        return f"begins at offset {segment.base_offset}, but the segment before it ends at {end_offset}"
    return None


def _why_not_the_end(files: Files, segments: list[DiskSegment], recovery_point: int, ends_well: list[bool]) -> str | None:
    last = segments[-1]
    if recovery_point < last.base_offset and recovery_point and not scan_beside(files, last).sound_bytes:
        return f"begins at offset {last.base_offset} and holds nothing whole, but the log ended at {recovery_point}"
    ends_well.append(last.find_end())
    if not ends_well[-1] or last.next_offset < recovery_point:
        return _overlap(files, segments[-2], last)
    return None


def scan_beside(files: Files, segment: DiskSegment) -> Scan:
    """Read beside its own file, which stays as it is."""
    file = OpenFile(files, segment.path(), READ_ONLY)
    return scan_file(files, file, segment.size_bytes, segment.base_offset, segment.index_interval_bytes)
