"""Making logs whole again, as far as that loses nothing that is not lost already; each step is told.

Rules
- Nothing is done without the lock of the data directory, so no broker runs meanwhile.
- Indexes are computed: they are built anew. Record bytes are not: whatever is taken out of a segment is kept first, and is on disk before
  the segment changes.
- It is kept beside the segment, as `00000000000000000000.log.damaged-1`. There whoever looks for it looks first, and it is on the same file
  system. Both Kafka and pybroker go by how a name ends, so neither takes it for a segment; both leave it alone (a directory of its own
  would keep Kafka from starting: all directories must be logs). It goes with the directory when the topic is deleted.
- A torn end is cut as a start would cut it. What is damaged in the middle is touched only on request, since a start may not touch it
  either: then a new segment is written without it, and the old one is kept whole under that name, so positions that were told still hold.
- Where record bytes changed, the mark of the clean shutdown is taken away: the next start looks for itself. Where that left a hole between
  segments, all of the log is synced and its recovery point raised: a start takes a hole beyond that point for what a power failure took.
- Small files that make no sense are put aside in the same way; a start would take them as empty. Where an offset checkpoint should be and
  something else is (an empty directory, a pipe), no start could use the data directory: that is taken away. What the system does not give
  may be sound, and is left. Checkpoints that promise more than a log holds are lowered to its end, as a start does.
- What only a person can decide is left: whose a directory or a log is, and the metadata. What fails is told as left, and the rest goes on.

(Kafka's own tools repair nothing; what a start does is LogLoader's.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from random import Random

from pybroker.core.partition import PartitionState
from pybroker.core.wording import counted
from pybroker.inspection.check_directory import DirectoryCheck
from pybroker.inspection.check_log import LogCheck, lost_behind, why_foreign
from pybroker.inspection.check_segment import SegmentCheck, what_is_wrong_inside
from pybroker.inspection.decoders import Row
from pybroker.inspection.kinds import Kind, place_of
from pybroker.inspection.small_files import small_file_rows
from pybroker.inspection.verify import Verdict
from pybroker.records.errors import RecordsError
from pybroker.runtime.recovery import replay
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, read_offsets, write_offsets
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.files import CREATE, READ_ONLY, READ_WRITE, TRUNCATE, FilePool, Files, OpenFile
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LogConfig
from pybroker.storage.lock import DirectoryLock
from pybroker.storage.log import PartitionLog
from pybroker.storage.metadata_files import take_clean_shutdown
from pybroker.storage.recovery import Checkpointed, open_log
from pybroker.storage.segment import DiskSegment
from pybroker.storage.slices import read_fully
from pybroker.storage.trash import Trash
from pybroker.storage.walk import SegmentWalk
from pybroker.wire.uuids import ZERO_UUID

COPY_BYTES = 1 << 20
REPAIRING = ".repairing"  # of a segment that is being written anew; like `.damaged-1` no name of a log's file
PUT_ASIDE = (Kind.PRODUCER_SNAPSHOT, Kind.EPOCHS, Kind.OFFSETS, Kind.PARTITION_METADATA)
LOWERED = (layout.RECOVERY_POINT_CHECKPOINT, layout.REPLICATION_CHECKPOINT, layout.CLEANER_CHECKPOINT)


class CannotRepair(Exception):
    """Nothing was changed. The message says why, and what to do."""


def lock_all(files: Files, paths: Sequence[str]) -> list[DirectoryLock]:
    """The locks of the data directories that the paths lie in. Raises CannotRepair."""
    locks: dict[str, DirectoryLock] = {}
    try:
        for path in paths:
            if not files.is_directory(path):
                raise CannotRepair(f"{path} is no directory: --repair takes a data directory or the directory of a log")
            directory = _data_directory(files, path)
            if directory is not None and directory not in locks:
                locks[directory] = DirectoryLock(files, directory)
    except (DataDirectoryError, CannotRepair) as error:
        for lock in locks.values():
            lock.release()
        raise CannotRepair(f"nothing was repaired: {error}") from error
    return list(locks.values())


def _data_directory(files: Files, path: str) -> str | None:
    path = os.path.abspath(path)
    for candidate in (path, os.path.dirname(path)):
        if any(files.exists(os.path.join(candidate, name)) for name in (layout.META_PROPERTIES, layout.LOCK)):
            return candidate
    return None


def repair(files: Files, verdict: Verdict, *, skip_damaged: bool) -> Iterator[Row]:
    """Repair what was found, which must have been found under the lock; a row for each thing done or left."""
    for finding in verdict.damage:
        yield from _tried(finding.path, _put_aside(files, finding.path))
    for log in verdict.logs:
        if log.unreadable:
            yield _row("left", log.path, "not all of it could be looked at")
            continue
        yield from _tried(log.path, _repair_log(files, log, skip_damaged=skip_damaged))
    for directory in verdict.directories:
        for name in sorted(directory.unread):
            path = os.path.join(directory.path, name)
            yield from _tried(path, _take_out_of_the_way(files, path))
        for name in LOWERED:
            if name not in directory.damaged:
                path = os.path.join(directory.path, name)
                yield from _tried(path, _lower_checkpoint(files, directory, path))


def _tried(path: str, steps: Iterator[Row]) -> Iterator[Row]:
    """What is done to a path; if it fails, that is told too."""
    try:
        yield from steps
    except OSError as error:
        yield _row("left", path, f"not all could be done: {error.filename or path}: {error.strerror}")
    except (StorageError, DamagedFile) as error:
        yield _row("left", path, f"not all could be done: {error}")


def _vouch_for(files: Files, log: LogCheck) -> None:
    """Say that a log is on disk as it is, holes included; what was not said of it before need not be said now."""
    key = layout.parse_log_directory(os.path.basename(os.path.abspath(log.path)))
    path = os.path.join(os.path.dirname(os.path.abspath(log.path)), layout.RECOVERY_POINT_CHECKPOINT)
    offsets = read_offsets(files, path) if log.outlook.recovery_point else {}
    if key is None or key not in offsets:
        return
    for segment in log.segments:
        files.fsync_file(segment.path)
    write_offsets(files, path, {**offsets, key: max(offsets[key], log.end_offset)})


def _row(kind: str, path: str, what: str) -> Row:
    return {"kind": kind, "file": path, "what": what}


def _repair_log(files: Files, log: LogCheck, *, skip_damaged: bool) -> Iterator[Row]:
    is_whole, took_out = True, False
    for at, segment in enumerate(log.segments):
        behind = lost_behind(log, at)
        if (why := why_foreign(log, at)) or (segment.cuts and (skip_damaged or not behind) and _is_foreign(log, at)):
            yield _take_away(files, log, segment, why or "nothing in it is a batch, and the log does not go on there")
        elif segment.cuts and not behind:
            yield _cut(files, log, segment)
        elif segment.faults and skip_damaged and not segment.old_messages:
            yield _write_anew(files, log, segment)
        elif segment.faults:
            is_whole = False
            what = f"it is left as it is; --skip-damaged takes {counted(len(segment.faults), 'damaged place')} out"
            yield _row("left", segment.path, what + (f" and keeps {behind} behind" if behind else ""))
        elif segment.index_faults or segment.time_index_faults:
            yield _rebuild_indexes(files, log, segment)
        took_out = took_out or (bool(segment.faults) and skip_damaged)
    if took_out:
        _vouch_for(files, log)
    if log.wrong_transactions and is_whole:
        yield _rebuild_transactions(files, log)


# --- segments


def _free_name(files: Files, path: str) -> str:
    number = 1
    while files.exists(f"{path}.damaged-{number}"):
        number += 1
    return f"{path}.damaged-{number}"


def _forget_clean_stop(files: Files, log: LogCheck) -> None:
    if log.outlook.known:
        take_clean_shutdown(files, os.path.dirname(os.path.abspath(log.path)))


def _is_foreign(log: LogCheck, at: int) -> bool:
    """Whether nothing in a file is a batch, and the log does not go on where it begins: cut to nothing it would still tell of offsets."""
    segment = log.segments[at]
    return at > 0 and not segment.batches and segment.base_offset != log.segments[at - 1].next_offset


def _take_away(files: Files, log: LogCheck, segment: SegmentCheck, why: str) -> Row:
    """As a start does that looks at it; it is kept."""
    kept = _free_name(files, segment.path)
    _forget_clean_stop(files, log)
    files.rename(segment.path, kept)
    for suffix in (layout.INDEX, layout.TIME_INDEX, layout.TRANSACTION_INDEX):
        index = os.path.join(log.path, layout.segment_file_name(segment.base_offset, suffix))
        if files.exists(index):
            files.unlink(index)
    files.fsync_directory(log.path)
    return _row("repaired", segment.path, f"{why}: it was put aside as {kept}")


def _cut(files: Files, log: LogCheck, segment: SegmentCheck) -> Row:
    """Take the torn end off, which is kept."""
    position = segment.cuts[0].position
    kept = _free_name(files, segment.path)
    _copy(files, segment.path, kept, position, segment.size_bytes)
    files.fsync_directory(log.path)
    _forget_clean_stop(files, log)
    fd = files.open(segment.path, READ_WRITE)
    try:
        files.truncate(fd, position)
        files.fsync(fd)
    finally:
        files.close(fd)
    _build_indexes(files, log.path, segment.base_offset)
    cut_bytes = segment.size_bytes - position
    return _row("repaired", segment.path, f"its last {cut_bytes:,} bytes, from byte {position:,} on, were cut off; they are kept in {kept}")


def _copy(files: Files, source: str, target: str, position: int, end: int) -> None:
    """Durable, but for its name."""
    file = OpenFile(files, source, READ_ONLY)
    fd = files.open(target, READ_WRITE | CREATE | TRUNCATE, 0o644)
    try:
        while position < end:
            part = read_fully(files, file, position, min(COPY_BYTES, end - position))
            _write(files, fd, part)
            position += len(part)
        files.fsync(fd)
    finally:
        files.close(fd)


def _write(files: Files, fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[files.write(fd, view) :]


def _write_anew(files: Files, log: LogCheck, segment: SegmentCheck) -> Row:
    """Put a segment of the whole batches in the place of a damaged one, which is kept."""
    draft, kept = segment.path + REPAIRING, _free_name(files, segment.path)
    taken_out, saved = _write_whole_batches(files, segment, draft)
    _forget_clean_stop(files, log)
    files.link(segment.path, kept)
    files.rename(draft, segment.path)
    files.fsync_directory(log.path)
    _build_indexes(files, log.path, segment.base_offset)
    what = f"{taken_out:,} damaged bytes were taken out and {counted(saved, 'batch')} kept; offsets have a hole where the damage was"
    return _row("repaired", segment.path, f"{what}; the segment as it was is {kept}")


def _write_whole_batches(files: Files, segment: SegmentCheck, draft: str) -> tuple[int, int]:
    """How many bytes were left out, and how many batches were not."""
    walk = SegmentWalk(files, OpenFile(files, segment.path, READ_ONLY), segment.size_bytes, segment.base_offset)
    taken_out = saved = 0
    fd = files.open(draft, READ_WRITE | CREATE | TRUNCATE, 0o644)
    try:
        for piece in walk:
            batch = walk.read(piece) if piece.header is not None and piece.fault is None else b""
            if not batch or piece.header is None or what_is_wrong_inside(batch, piece.header) is not None:
                taken_out += piece.size_bytes
                continue
            _write(files, fd, batch)
            saved += 1
        files.fsync(fd)
    finally:
        files.close(fd)
    return taken_out, saved


# --- indexes


def _rebuild_indexes(files: Files, log: LogCheck, segment: SegmentCheck) -> Row:
    _build_indexes(files, log.path, segment.base_offset)
    return _row("repaired", segment.path, "its indexes by offset and by time were built anew")


def _build_indexes(files: Files, directory: str, base_offset: int) -> None:
    segment = DiskSegment(files, FilePool(1), directory, base_offset, LogConfig(), None)
    segment.open_existing(files.size(segment.path()))
    segment.sealed = True
    segment.recover(segment.size_bytes)
    segment.flush()
    files.fsync_directory(directory)


def _rebuild_transactions(files: Files, log: LogCheck) -> Row:
    """Read all markers again, as a start does after a crash behind its last snapshot."""
    parent, name = os.path.split(os.path.abspath(log.path))
    topic, partition = layout.parse_log_directory(name) or (name, 0)
    home = LogHome(files, FilePool(8), Trash(files), parent, name, ZERO_UUID, exists=True)
    opened = open_log(home, LogConfig(), Checkpointed(True, log.end_offset, log.outlook.log_start_offset))
    found = PartitionLog(topic, partition, home, LogConfig(), Random(0))  # noqa: S311 - nothing rolls here
    found.restore(opened.segments, opened.epochs, opened.log_start_offset, opened.recovery_point, opened.report)
    try:
        replay(found, PartitionState(0, found.log_start_offset, found.log_end_offset), found.first_base_offset)
        home.aborted.write_waiting()
        found.flush()
    except RecordsError as error:
        raise StorageError(f"{log.path}: a marker cannot be read: {error}") from error
    finally:
        found.let_go()
    return _row("repaired", log.path, "its transaction indexes were made anew from the markers")


# --- small files


def _put_aside(files: Files, path: str) -> Iterator[Row]:
    if files.is_directory(path) or not files.exists(path):
        return
    place = place_of(files, path)
    if place.kind in PUT_ASIDE and any(row["kind"] == "damage" for row in small_file_rows(files, place)):
        kept = _free_name(files, path)
        files.rename(path, kept)
        files.fsync_directory(os.path.dirname(os.path.abspath(path)))
        yield _row("repaired", path, f"it cannot be read and was put aside as {kept}; the next start makes it anew")


def _take_out_of_the_way(files: Files, path: str) -> Iterator[Row]:
    """Something that is not read where an offset checkpoint should be; if it is a file, or a directory that holds something, it stays."""
    is_directory, fate = files.is_directory(path), "the next start takes it as empty"
    if files.is_regular(path) or (is_directory and files.listdir(path)):
        what = "it is a directory, and not empty: move it away" if is_directory else "the system does not give it: see that it can be read"
        yield _row("left", path, f"{what}. A start that cannot read it cannot use {os.path.dirname(path)}")
        return
    if is_directory:
        files.rmdir(path)
        yield _row("repaired", path, f"an empty directory lay in its place, and was removed; {fate}")
    else:
        kept = _free_name(files, path)
        files.rename(path, kept)
        yield _row("repaired", path, f"what lay in its place is no file, and was put aside as {kept}; {fate}")
    files.fsync_directory(os.path.dirname(os.path.abspath(path)))


def _lower_checkpoint(files: Files, directory: DirectoryCheck, path: str) -> Iterator[Row]:
    offsets = read_offsets(files, path)
    ends = {key: log.end_offset for key, log in directory.logs.items() if _is_known(log)}
    beyond = [key for key, offset in offsets.items() if offset > ends.get(key, offset)]
    if beyond:
        write_offsets(files, path, {**offsets, **{key: ends[key] for key in beyond}})
        logs = ", ".join(f"{topic}-{partition} to {ends[topic, partition]}" for topic, partition in beyond)
        yield _row("repaired", path, f"what it said of logs that lost their end was lowered: {logs}")


def _is_known(log: LogCheck) -> bool:
    """Whether a log ends where the look at it says."""
    return not log.unreadable and not any(segment.cuts for segment in log.segments)
