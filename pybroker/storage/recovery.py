"""Opening a log: from what lies in its directory to segments that can be read and written.

Theory of operation
- After a clean stop sizes and indexes are taken as they are, except that the end of the last segment is looked at; if that is not whole
  batches, the segment is recovered after all.
- After any other stop every batch from the recovery point on is checked (`scan`). The log is cut at the first that is not sound: the
  segment is truncated there and later segments are put aside. What lies before the recovery point was fsynced and is not read.
- A power failure may take a segment that was not fsynced and leave the one after it. So beyond the recovery point a log is cut where a
  segment does not begin where the one before it ends. Not so if the log was ever compacted, then such a gap is as it should be; nor if no
  checkpoint tells of the log and offsets are missing within its segments: then it was compacted elsewhere and carried here.
- A segment file that somebody else put there is put aside (`foreign`).
- Of a compaction it may leave both, the new segment and some that it replaced: those are put aside.
- Producer snapshots of beyond the recovery point go: they may tell of batches that were lost.
- Indexes of scanned segments are built in the same pass, and so are the leader epochs of their batches.
- Bytes never make this fail; only a file that cannot be read or written does.

(Kafka: LogLoader.)
"""

from __future__ import annotations

import itertools
import os
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, UnreadableFile, read_epochs
from pybroker.storage.epochs import EpochCache
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.files import Files
from pybroker.storage.foreign import scan_beside, without_foreign
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LogConfig, RecoveryReport
from pybroker.storage.leftovers import Settled, settle_directory
from pybroker.storage.scan import Scan
from pybroker.storage.segment import DiskSegment


class Checkpointed(NamedTuple):
    """What the checkpoints of the log directory know of a log. `compacted`: whether it ever was, or may have been."""

    clean: bool
    recovery_point: int = 0
    log_start_offset: int = 0
    compacted: bool = False

    @property
    def end_offset(self) -> int | None:
        """Where a log that was stopped cleanly ended, 0 if that is not known; None after any other stop."""
        return self.recovery_point if self.clean else None


@dataclass(slots=True)
class Opened:
    """An opened log, ready for `PartitionLog.restore`."""

    segments: list[DiskSegment]
    epochs: EpochCache
    log_start_offset: int
    recovery_point: int
    report: RecoveryReport


@dataclass(slots=True)
class _Findings:
    """What the pass over the segments gathers."""

    remarks: list[str]
    scanned_bytes: int = 0
    cut_bytes: int = 0
    cut_reason: str | None = None
    doubts_aborted: bool = False

    def report(self) -> RecoveryReport:
        return RecoveryReport(self.scanned_bytes, self.cut_bytes, self.cut_reason, tuple(self.remarks), self.doubts_aborted)


class _Gaps:
    """What may explain that a segment begins behind the end of the one before: the log is compacted, or unknown to the checkpoints and
    some segment has holes. Those that were checked already say so themselves; the others are looked at once, at the first gap.
    """

    __slots__ = ("_may_be_told", "_right")

    def __init__(self, *, compacted: bool, unknown: bool) -> None:
        self._right = compacted
        self._may_be_told = unknown

    def note(self, scan: Scan) -> None:
        """A segment was checked."""
        self._right |= self._may_be_told and scan.has_holes

    def are_right(self, files: Files, rest: list[DiskSegment]) -> bool:
        """`rest`: the segments that were not checked yet."""
        if not self._right and self._may_be_told:
            self._right = any(scan_beside(files, segment).has_holes for segment in rest)
            self._may_be_told = False
        return self._right


def open_log(home: LogHome, config: LogConfig, checkpointed: Checkpointed) -> Opened:
    """Open the log in `home.directory`. Raises OSError, StorageError if a file cannot be read or written."""
    found = settle_directory(home.files, home.directory)
    home.snapshots.offsets = sorted(found.snapshots, reverse=True)
    compacted = checkpointed.compacted or found.swapped
    findings = _Findings(found.remarks)
    segments = _existing(home, config, found.bases)
    segments, ends_well = without_foreign(home, config, segments, found.unindexed, checkpointed.end_offset, compacted, findings.remarks)
    epochs = _read_epochs(home, bool(segments), findings)
    if compacted and not checkpointed.clean:
        segments = _without_replaced(home, config, segments, findings)
    bases = [segment.base_offset for segment in segments]
    first = len(segments)
    if not checkpointed.clean:
        first = max(0, bisect_right(bases, checkpointed.recovery_point) - 1)
    elif segments and not (segments[-1].find_end() if ends_well is None else ends_well):
        findings.remarks.append(f"{segments[-1].path()} did not end as a clean stop leaves it, so it was checked")
        first = len(segments) - 1
    if epochs is None:
        epochs = _epochs_of(segments[:first])
    _recover(home, config, segments, first, epochs, findings, _Gaps(compacted=compacted, unknown=checkpointed.recovery_point == 0))
    log_start_offset = max(checkpointed.log_start_offset, segments[0].base_offset if segments else 0)
    end_offset = segments[-1].next_offset if segments else log_start_offset
    if end_offset < log_start_offset:
        segments = _start_over(home, config, segments, log_start_offset, findings)
        end_offset = log_start_offset
    if not checkpointed.clean:
        home.distrust_names()
        home.aborted.distrust(found.transactional)
        _forget_aborted_after(home, segments, end_offset)
        _find_epochs_before(epochs, segments, log_start_offset)
    epochs.truncate_from_end(end_offset)
    epochs.truncate_from_start(log_start_offset)
    home.snapshots.drop_after(end_offset if checkpointed.clean else min(checkpointed.recovery_point, end_offset))
    doubts = _doubts(home, found, segments, checkpointed, end_offset)
    findings.remarks += doubts
    findings.doubts_aborted = _has_lost_indexes(home, found, segments, checkpointed) or bool(doubts)
    recovery_point = end_offset if checkpointed.clean and findings.scanned_bytes == 0 else min(checkpointed.recovery_point, end_offset)
    return Opened(segments, epochs, log_start_offset, recovery_point, findings.report())


def _has_lost_indexes(home: LogHome, found: Settled, segments: list[DiskSegment], checkpointed: Checkpointed) -> bool:
    """Whether indexes that were there are gone, the transaction indexes perhaps with them. Raises StorageError.

    After a kill the last segment, and what is not flushed, may never have had any. What compaction had not put in its place had none.
    """
    lost = [segment for segment in segments if segment.base_offset in found.unindexed]
    if not checkpointed.clean:
        durable = [segment for segment in lost if segment is not segments[-1] and segment.next_offset <= checkpointed.recovery_point]
        return bool(durable) and not found.sealed and not found.swapped
    if not found.sealed and any(segment.size_bytes for segment in lost):
        with suppress(ExhaustedError):  # without room, a kill before they are made anew is not seen
            home.aborted.note_doubt()
    return bool(lost)


def _doubts(home: LogHome, found: Settled, segments: list[DiskSegment], checkpointed: Checkpointed, end_offset: int) -> list[str]:
    """Why transaction indexes are not believed. After a kill only those are looked at that were durable before."""
    if not found.transactional and not found.sealed:
        return []
    bases = [segment.base_offset for segment in segments]
    ends = dict(zip(bases, [*bases[1:], end_offset], strict=False))
    if not checkpointed.clean:
        ends = {base: end for base, end in ends.items() if end <= checkpointed.recovery_point}
    return home.aborted.doubts(found.transactional, found.sealed, ends)


def _existing(home: LogHome, config: LogConfig, bases: list[int]) -> list[DiskSegment]:
    segments = []
    for base_offset in bases:
        segment = home.segment(base_offset, config, None)
        segment.open_existing(home.files.size(segment.path()))
        segments.append(segment)
    return _linked(segments)


def _linked(segments: list[DiskSegment]) -> list[DiskSegment]:
    for segment, following in itertools.pairwise(segments):
        segment.precede(following.base_offset)
    return segments


def _read_epochs(home: LogHome, needed: bool, findings: _Findings) -> EpochCache | None:
    """The leader epochs; None if they must be read from the batches."""
    path = os.path.join(home.directory, layout.LEADER_EPOCH_CHECKPOINT)
    try:
        entries = read_epochs(home.files, path)
    except UnreadableFile as error:
        raise StorageError(str(error)) from error
    except DamagedFile as damage:
        findings.remarks.append(f"{damage}; leader epochs are read from the batches")
        return None
    if needed and not entries and not (home.files.exists(path) and home.files.size(path)):
        return None
    return EpochCache(entries)


def _epochs_of(segments: list[DiskSegment]) -> EpochCache:
    epochs = EpochCache()
    for segment in segments:
        for epoch, start_offset in segment.recover(segment.size_bytes).epochs:
            epochs.assign(epoch, start_offset)
    epochs.dirty = True
    return epochs


def _forget_aborted_after(home: LogHome, segments: list[DiskSegment], end_offset: int) -> None:
    """A transaction index may have reached the disk without the markers that it tells of: others will lie at their offsets."""
    if segments:
        entries = home.aborted.of(segments[-1].base_offset)
        kept = [entry for entry in entries if entry.last_offset < end_offset]
        if len(kept) < len(entries):
            home.aborted.replace(segments[-1].base_offset, kept)


def _find_epochs_before(epochs: EpochCache, segments: list[DiskSegment], log_start_offset: int) -> None:
    """Read leader epochs from the batches before the first that is known: the log's start was raised, and that was not checkpointed."""
    known_from = epochs.entries[0][1] if epochs.entries else log_start_offset
    found = EpochCache()
    for segment in segments:
        if segment.base_offset >= known_from:
            break
        for header in segment.headers(log_start_offset):
            if header.base_offset >= known_from:
                break
            found.assign(header.partition_leader_epoch, header.base_offset)
    if found.entries:
        epochs.prepend(found.entries)


def _without_replaced(home: LogHome, config: LogConfig, segments: list[DiskSegment], findings: _Findings) -> list[DiskSegment]:
    """The segments without those that lie as a whole in the one before, which took their place."""
    kept: list[DiskSegment] = []
    end_offset = -1
    for segment in segments:
        if segment.base_offset < end_offset:
            findings.remarks.append(f"{segment.path()} was replaced by the segment before it, and is put aside")
            home.discard(segment, config.file_delete_delay_ms)
            continue
        if segment is not segments[-1]:
            end_offset = max((header.next_offset for header in segment.last_headers()), default=segment.base_offset)
        kept.append(segment)
    return _linked(kept)


def _recover(
    home: LogHome,
    config: LogConfig,
    segments: list[DiskSegment],
    first: int,
    epochs: EpochCache,
    findings: _Findings,
    gaps: _Gaps,
) -> None:
    """Check the segments from `first` on; what is not sound is cut, and what follows it discarded."""
    if first >= len(segments):
        return
    epochs.truncate_from_end(segments[first].base_offset)
    end_offset = segments[first].base_offset
    for at in range(first, len(segments)):
        segment = segments[at]
        reason = None
        if segment.base_offset < end_offset or (segment.base_offset > end_offset and not gaps.are_right(home.files, segments[at:])):
            reason = f"the segment begins at offset {segment.base_offset}, but the one before it ends at {end_offset}"
            _discard(home, config, segments, at, findings)
            segments[-1].next_offset = end_offset
        else:
            reason = _recover_segment(home.files, segment, epochs, findings, gaps)
            end_offset = segment.next_offset
            if reason is not None:
                _discard(home, config, segments, at + 1, findings)
                segment.cut()
        if reason is not None:
            findings.cut_reason = f"{segment.path()}: {reason}; the log ends at offset {end_offset} now"
            break
        if at + 1 < len(segments):
            segment.seal()
            segment.precede(max(end_offset, segments[at + 1].base_offset))
    segments[-1].sealed = False


def _recover_segment(files: Files, segment: DiskSegment, epochs: EpochCache, findings: _Findings, gaps: _Gaps) -> str | None:
    """Check one segment, all that its file holds; returns why it must be cut."""
    segment.size_bytes = size_bytes = files.size(segment.path())
    segment.sealed = False
    segment.open_file = None
    segment.flushed_bytes = 0
    scan = segment.recover(size_bytes)
    findings.scanned_bytes += size_bytes
    gaps.note(scan)
    for epoch, start_offset in scan.epochs:
        epochs.assign(epoch, start_offset)
    if scan.reason is None:
        return None
    findings.cut_bytes += size_bytes - scan.sound_bytes
    return f"at byte {scan.sound_bytes} {scan.reason}"


def _discard(home: LogHome, config: LogConfig, segments: list[DiskSegment], start: int, findings: _Findings) -> None:
    """Put them aside, the last one first, durably: before the cut is made that leads to this, so that they cannot come back behind it."""
    gone = segments[start:]
    del segments[start:]
    findings.cut_bytes += sum(segment.size_bytes for segment in gone)
    for segment in reversed(gone):
        home.discard(segment, config.file_delete_delay_ms)
    if gone:
        home.sync_directory()
    if segments:
        segments[-1].sealed = False


def _start_over(home: LogHome, config: LogConfig, segments: list[DiskSegment], offset: int, findings: _Findings) -> list[DiskSegment]:
    """The log ends before it starts: what is left of it was deleted already, and the rest was lost."""
    findings.remarks.append(f"{home.directory} starts at offset {offset} by its checkpoint, which is beyond its end, so it is empty now")
    for segment in segments:
        home.discard(segment, config.file_delete_delay_ms)
    return [home.create_segment(offset, config, None)]
