"""One log: its segments in order, what lies beside them, and what a start of pybroker would make of it (`storage.recovery`).

What a start would do is told from the same things that it goes by: the mark of a clean shutdown, the recovery point, where the first
unsound batch lies. It is said so that nobody starts a broker on a damaged log without knowing what that costs.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pybroker.core.wording import counted
from pybroker.inspection.check_segment import Fault, Observer, SegmentCheck, check_segment
from pybroker.inspection.check_transaction_index import WrongIndex, check_transaction_index, read_seals, transaction_findings
from pybroker.inspection.check_transactions import TransactionCheck
from pybroker.inspection.findings import Finding, note, why_unreadable
from pybroker.inspection.kinds import Kind, Place, place_of
from pybroker.inspection.small_files import small_file_rows
from pybroker.records.batch import BatchHeader
from pybroker.runtime.metadata_codec import BatchReader
from pybroker.runtime.metadata_snapshot import DamagedSnapshot, decode_snapshot
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, UnreadableFile, read_epochs
from pybroker.storage.epochs import UNKNOWN_EPOCH, EpochCache
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.index_files import SUFFIXES
from pybroker.storage.index_seals import Seal
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.scan import HEADER_BYTES
from pybroker.storage.time_index import TimeIndex

MOST_TOLD = 20  # places in one segment; who has more needs no list
NEEDED = (
    layout.PARTITION_METADATA,
    layout.LEADER_EPOCH_CHECKPOINT,
)  # beside segments; if they are there, a start must be able to read them
STATES = {
    layout.CLEANED: ("was being written by a compaction that did not end", "removes it"),
    layout.SWAP: ("is a compacted segment that was about to take its place", "puts it in the place of the segments it covers"),
}


class Outlook(NamedTuple):
    """What the data directory says of a log. `known` False: the log lies in none. `in_use`: a broker runs on it.

    `compacted`: it was, or nobody knows.
    """

    known: bool = False
    clean: bool = False
    recovery_point: int = 0
    log_start_offset: int = 0
    in_use: bool = False
    compacted: bool = True


@dataclass(slots=True)
class LogCheck:
    """What was found in one log. `unreadable`: files of it that could not be looked at, with the reason. `unindexed`: the base offsets of
    segments that lack an index. `seals`: what the transaction indexes were when the log was closed; `wrong_indexes`: what is wrong there.
    """

    path: str
    outlook: Outlook
    segments: list[SegmentCheck] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    wrong_transactions: bool = False
    shows_compaction: bool = False
    unreadable: list[str] = field(default_factory=list)
    unindexed: frozenset[int] = frozenset()
    seals: dict[int, Seal] = field(default_factory=dict)
    wrong_indexes: list[WrongIndex] = field(default_factory=list)

    @property
    def may_have_gaps(self) -> bool:
        """Whether a start that recovers the log takes it for right that a segment begins behind the end of the one before."""
        return self.outlook.compacted or (self.outlook.recovery_point == 0 and self.shows_compaction)

    @property
    def end_offset(self) -> int:
        """Behind the last whole batch; after a clean stop, when a start does not look at checksums, behind the last one."""
        ends = [segment.headers_end if self.outlook.clean else segment.next_offset for segment in self.segments]
        return max([self.outlook.log_start_offset, *ends])

    @property
    def first_offset(self) -> int:
        """Of the first batch that is there; the end of an empty log."""
        return next((segment.first_offset for segment in self.segments if segment.first_offset >= 0), self.end_offset)

    @property
    def record_count(self) -> int:
        return sum(segment.records for segment in self.segments)


class EpochWatch:
    """Where each leader epoch began, as the batches tell; `fell`: the offset where a lower one followed a higher."""

    def __init__(self) -> None:
        self.began: list[tuple[int, int]] = []
        self.fell: tuple[int, int, int] | None = None

    def meet(self, header: BatchHeader, _: bytes) -> None:
        """The next whole batch."""
        epoch = header.partition_leader_epoch
        last = self.began[-1][0] if self.began else UNKNOWN_EPOCH
        if epoch > last:
            self.began.append((epoch, header.base_offset))
        elif UNKNOWN_EPOCH < epoch < last and self.fell is None:
            self.fell = header.base_offset, epoch, last


class CompactionWatch:
    """Whether offsets are missing within segments, as compaction leaves them."""

    def __init__(self) -> None:
        self.seen = False
        self._next_offset = 0

    def begin_segment(self, base_offset: int) -> None:
        """What comes now is in the next segment."""
        self._next_offset = base_offset

    def meet(self, header: BatchHeader, _: bytes) -> None:
        """The next whole batch."""
        self.seen |= header.base_offset > self._next_offset
        self._next_offset = header.next_offset


@dataclass(slots=True)
class Watches:
    """What looks at each whole batch of a log."""

    epochs: EpochWatch = field(default_factory=EpochWatch)
    transactions: TransactionCheck = field(default_factory=TransactionCheck)
    compaction: CompactionWatch = field(default_factory=CompactionWatch)

    def begin_segment(self, base_offset: int) -> list[Observer]:
        """Those who look at the batches of the next segment."""
        self.transactions.begin_segment()
        self.compaction.begin_segment(base_offset)
        return [self.epochs.meet, self.transactions.meet, self.compaction.meet]


def check_log(files: Files, path: str, outlook: Outlook, only: int | None = None) -> LogCheck:
    """Look at all that lies in the directory of a log, of its segments at the one of base offset `only`. Raises OSError, StorageError."""
    check = LogCheck(path, outlook)
    names = sorted(files.listdir(path))
    bases = sorted(parsed[0] for parsed in map(layout.parse_segment_file, names) if parsed is not None and parsed[1:] == (layout.LOG, ""))
    _look_beside(files, check, names, set(bases))
    if only is not None:
        bases = [base_offset for base_offset in bases if base_offset == only]
    check.unindexed = frozenset(base for base in bases if not {layout.segment_file_name(base, suffix) for suffix in SUFFIXES} <= {*names})
    watches = Watches()
    check.seals, damage = read_seals(files, path)
    check.findings += damage
    for base_offset, following in zip(bases, [*bases[1:], None], strict=False):
        try:
            _check_one(files, check, base_offset, watches, following)
        except FileNotFoundError as error:
            if not outlook.in_use:
                check.unreadable.append(why_unreadable(str(error.filename), error))
                continue
            check.findings.append(note(str(error.filename), "the broker removed it meanwhile"))
        except (OSError, StorageError) as error:
            check.unreadable.append(_cannot_open(os.path.join(path, layout.segment_file_name(base_offset, layout.LOG)), error))
    check.findings += transaction_findings(check, names, bases, sealed=not damage)
    check.shows_compaction = watches.compaction.seen
    for at in range(len(check.segments)):
        check.findings += segment_findings(check, at)
    if not check.unreadable:
        check.findings += _check_epochs(files, check, watches.epochs)
    return check


# --- segments


def _check_one(files: Files, check: LogCheck, base_offset: int, watches: Watches, following: int | None) -> None:
    path = os.path.join(check.path, layout.segment_file_name(base_offset, layout.LOG))
    stem = path.removesuffix(layout.LOG)
    size_bytes = files.size(path)
    faults: list[str] = []
    time_faults: list[str] = []
    index = _read_index(files, stem + layout.INDEX, size_bytes, faults)
    time_index = _read_time_index(files, stem + layout.TIME_INDEX, time_faults)
    found = check_segment(files, path, base_offset, watches.begin_segment(base_offset), index, time_index)
    found.index_faults[:0], found.time_index_faults[:0] = faults, time_faults
    check.segments.append(found)
    if following is not None and time_index is not None and found.max_timestamp > (time_index.last() or (-1, 0))[0]:
        found.time_index_faults.append(f"its last entry does not tell the largest time, {found.max_timestamp}")
    for suffix, wrong in ((layout.INDEX, found.index_faults), (layout.TIME_INDEX, found.time_index_faults)):
        if wrong:
            more = f" (and {len(wrong) - 1} more entries)" if len(wrong) > 1 else ""
            check.findings.append(Finding(stem + suffix, wrong[0] + more, next_start=_index_hope(suffix, wrong[0])))
    check_transaction_index(files, check, base_offset, found.next_offset if following is None else following, watches.transactions)


def _index_hope(suffix: str, wrong: str) -> str:
    if suffix == layout.INDEX or not wrong.startswith("it says"):
        return "builds it anew when it is first used"
    return "believes it, so that a search by time may miss records, unless it recovers the segment"


def _read_index(files: Files, path: str, size_bytes: int, faults: list[str]) -> OffsetIndex | None:
    content = _content(files, path)
    index = OffsetIndex.decode(content, size_bytes) if content is not None else None
    if content is not None and index is None:
        faults.append("this cannot be the index of the segment beside it")
    return index


def _read_time_index(files: Files, path: str, faults: list[str]) -> TimeIndex | None:
    content = _content(files, path)
    if content is None or not any(content):  # Kafka makes the file in full size, of zeros
        return None
    index = TimeIndex.decode(content)
    if index is None:
        faults.append("this is no time index: its entries do not grow, or one is torn")
    return index


def _content(files: Files, path: str) -> bytes | None:
    try:
        return files.read_file(path)
    except FileNotFoundError:
        return None


def segment_findings(check: LogCheck, at: int) -> Iterator[Finding]:
    """What is wrong with the bytes of a segment."""
    segment = check.segments[at]
    before = check.segments[at - 1] if at else None
    why = why_foreign(check, at)
    if why is not None:
        yield Finding(segment.path, f"{why}: it is no part of the log", next_start="puts it aside, and it is removed a minute later")
        return
    if before is not None and 0 <= segment.first_offset < before.next_offset:
        what = f"it begins at offset {segment.first_offset}, but the segment before it ends at {before.next_offset}"
        yield Finding(segment.path, what, next_start="cuts the log there" if not check.outlook.clean else None)
    if before is not None and _is_cut_off(check, at):
        what = f"it begins at offset {segment.base_offset}, but the segment before it ends at {before.next_offset}"
        yield Finding(segment.path, what, offset=before.next_offset, next_start=f"cuts the log at offset {before.next_offset}")
    if segment.old_messages:
        what = f"it holds {counted(segment.old_messages, 'message')} of the formats before Kafka 0.11, which no broker of today serves"
        yield Finding(segment.path, what, next_start="after a crash cuts the log at the first of them")
    for fault in segment.faults[:MOST_TOLD]:
        yield _fault_finding(check, at, fault)
    if len(segment.faults) > MOST_TOLD:
        yield Finding(segment.path, f"{len(segment.faults) - MOST_TOLD} more places are damaged")


def why_foreign(check: LogCheck, at: int) -> str | None:
    """Why a start would put the segment aside, or None (`storage.foreign`)."""
    segment, outlook = check.segments[at], check.outlook
    end_offset = max((earlier.next_offset for earlier in check.segments[:at] if earlier.batches), default=0)
    is_last, is_unindexed = at == len(check.segments) - 1, segment.base_offset in check.unindexed
    is_too_small = segment.size_bytes < HEADER_BYTES and bool(segment.size_bytes or not outlook.compacted)
    if not outlook.known or outlook.in_use:
        return None
    if segment.base_offset < end_offset and (is_unindexed or (outlook.clean and is_last)):
        return f"it begins at offset {segment.base_offset}, but the segment before it ends at {end_offset}"
    if outlook.clean and is_unindexed and not is_last and is_too_small:
        return "it holds no batch, and another segment follows"
    if outlook.clean and is_last and at and 0 < outlook.recovery_point < segment.base_offset and not segment.batches:
        return f"it begins at offset {segment.base_offset} and holds nothing whole, but the log ended at {outlook.recovery_point}"
    return None


def _fault_finding(check: LogCheck, at: int, fault: Fault) -> Finding:
    segment = check.segments[at]
    is_last = at == len(check.segments) - 1
    what = f"{fault.reason}; {fault.size_bytes:,} bytes are damaged"
    if fault.opened:
        return Finding(
            segment.path, what, position=fault.position, offset=fault.offset, next_start="does not notice it: batches are not opened"
        )
    if check.outlook.in_use and is_last and segment.has_torn_end:
        return note(
            segment.path, f"its last {segment.size_bytes - fault.position:,} bytes are no whole batch: the broker may be writing them"
        )
    return Finding(
        segment.path,
        what,
        position=fault.position,
        offset=fault.offset,
        whole=_what_is_whole(check, at) if fault is segment.cuts[0] else None,
        next_start=_next_start(check, at, fault),
    )


def _what_is_whole(check: LogCheck, at: int) -> str:
    segment = check.segments[at]
    records = sum(earlier.records for earlier in check.segments[:at]) + segment.records - segment.after_records
    end = segment.end_before_fault
    if at and segment.batches == segment.after_batches:
        end = check.segments[at - 1].next_offset
    text = f"offsets {check.first_offset} to {end - 1} ({counted(records, 'record')})" if records else "nothing before it"
    behind = lost_behind(check, at)
    return text + (f", and behind the damage {behind}" if behind else ", and nothing follows the damage")


def lost_behind(check: LogCheck, at: int) -> str:
    """What lies behind the first damage of a segment, in words; empty if nothing does."""
    segment, later = check.segments[at], check.segments[at + 1 :]
    batches = segment.after_batches + sum(other.batches for other in later)
    records = segment.after_records + sum(other.records for other in later)
    return f"{counted(batches, 'batch')} ({counted(records, 'record')})" if batches else ""


def _next_start(check: LogCheck, at: int, fault: Fault) -> str:
    outlook, segment = check.outlook, check.segments[at]
    first = segment.cuts[0]
    behind = lost_behind(check, at)
    cut = f"cuts the log at offset {segment.end_before_fault}" + (f": {behind} behind it would be lost" if behind else "")
    if any(_is_cut_off(check, before) or _is_covered(check, before) for before in range(1, at + 1)):
        return "cuts the log before that, and puts this aside"
    if fault is not first:
        return "cuts it off together with the first damage" if _is_cut(check, at) else "does not look at it"
    if not outlook.known:
        return f"of a broker that finds this after a crash {cut}"
    if _is_cut(check, at):
        return cut
    if outlook.clean:
        return "does not notice it, since after a clean stop only the end of a log is looked at; consumers will, when they get there"
    return f"does not look at it, since it lies before the recovery point ({outlook.recovery_point}); consumers do when they get there"


def _is_cut_off(check: LogCheck, at: int) -> bool:
    """Whether a start would cut the log before this segment, since offsets are missing."""
    is_behind = at > 0 and check.segments[at].base_offset > check.segments[at - 1].next_offset
    return is_behind and not check.may_have_gaps and _is_checked(check, at)


def _is_covered(check: LogCheck, at: int) -> bool:
    """The same since it begins within the segment before it."""
    return check.segments[at].base_offset < check.segments[at - 1].next_offset and _is_checked(check, at)


def _is_cut(check: LogCheck, at: int) -> bool:
    """Whether a start would find what is unsound in this segment."""
    if check.outlook.clean:
        return at == len(check.segments) - 1 and any(not fault.is_batch for fault in check.segments[at].cuts)
    return _is_checked(check, at)


def _is_checked(check: LogCheck, at: int) -> bool:
    """Whether a start would recover this segment (`recovery.open_log`)."""
    if check.outlook.clean:
        return False
    bases = [segment.base_offset for segment in check.segments]
    return at >= max(0, bisect_right(bases, check.outlook.recovery_point) - 1)


# --- what lies beside segments


def _look_beside(files: Files, check: LogCheck, names: list[str], bases: set[int]) -> None:
    path = check.path
    waiting = [name for name in names if name.endswith(layout.DELETED) and layout.parse_segment_file(name) is not None]
    if waiting:
        size_bytes = sum(_size(files, os.path.join(path, name)) for name in waiting)
        what = f"{counted(len(waiting), 'file')} of segments that were dropped or replaced ({size_bytes:,} bytes) still to be removed"
        check.findings.append(note(path, what, "removes them"))
    for name in sorted(set(names).difference(waiting)):
        file = os.path.join(path, name)
        try:
            check.findings += _beside(files, file, name, bases)
        except (OSError, StorageError) as error:
            check.unreadable.append(_cannot_open(file, error))


def _beside(files: Files, file: str, name: str, bases: set[int]) -> Iterator[Finding]:
    parsed = layout.parse_segment_file(name)
    if parsed is None:
        yield from _other_file(files, file, name)
    elif parsed[2]:
        is_what, fate = STATES[parsed[2]]
        yield note(file, f"it {is_what} ({files.size(file):,} bytes)", fate)
    elif parsed[1] == layout.SNAPSHOT:
        yield from _damage_in(files, place_of(files, file), "passes over it, and reads more of the log instead")
    elif parsed[0] not in bases:
        yield note(file, "it belongs to no segment", "removes it")


def _cannot_open(file: str, error: OSError | StorageError) -> str:
    """What is no file stays none: then a start cannot open the log. Whom rights keep away is another matter."""
    directory, name = os.path.split(os.path.abspath(file))
    reason = why_unreadable(file, error)
    if not os.path.isdir(file) or not (name.endswith(layout.LOG) or name in NEEDED):
        return reason
    is_metadata = os.path.basename(directory) == layout.METADATA_LOG
    return f"{reason}. The next start " + ("is refused" if is_metadata else f"has {os.path.basename(directory)} offline")


def _size(files: Files, path: str) -> int:
    """Of a file that a broker may be removing."""
    try:
        return files.size(path)
    except FileNotFoundError:
        return 0


def _other_file(files: Files, file: str, name: str) -> Iterator[Finding]:
    if files.is_directory(file) and name not in NEEDED:
        yield note(file, "it is a directory, which has no place in a log", "leaves it alone")
    elif name.endswith((".tmp", ".part", layout.DELETED)) and layout.is_known_in_partition(name.removesuffix(".part")):
        yield note(file, "it was being written or removed when a broker stopped", "removes it")
    elif layout.is_kept(name):
        yield note(file, "it was kept by a repair; remove it when it is needed no more", "leaves it alone")
    elif not layout.is_known_in_partition(name):
        yield note(file, "it is no file of a log", "leaves it alone")
    elif name == layout.LEADER_EPOCH_CHECKPOINT:
        files.size(file)  # what is in it is judged with the batches
    elif name.endswith(layout.METADATA_SNAPSHOT):
        yield from check_metadata_snapshot(files, file)
    elif name == layout.PARTITION_METADATA:
        yield from _damage_in(files, place_of(files, file), "writes it anew, with the id of the topic")
    elif name == layout.QUORUM_STATE:
        yield from _damage_in(files, place_of(files, file), None)


def _damage_in(files: Files, place: Place, next_start: str | None) -> Iterator[Finding]:
    for row in small_file_rows(files, place):
        if row["kind"] == "damage":
            yield Finding(place.path, row["what"], next_start=next_start)


def check_small_file(files: Files, place: Place) -> Iterator[Finding]:
    """A file by itself. Raises OSError."""
    if place.kind is Kind.METADATA_SNAPSHOT:
        return check_metadata_snapshot(files, place.path)
    return _damage_in(files, place, None)


def check_metadata_snapshot(files: Files, path: str) -> Iterator[Finding]:
    """Whether a snapshot of the metadata is whole. Raises OSError."""
    try:
        decode_snapshot(files.read_file(path), BatchReader())
    except DamagedSnapshot as damage:
        yield Finding(path, f"the snapshot of the metadata is not whole: {damage}", next_start="passes over it, and looks for an older one")


# --- leader epochs


def _check_epochs(files: Files, check: LogCheck, watch: EpochWatch) -> Iterator[Finding]:
    path = os.path.join(check.path, layout.LEADER_EPOCH_CHECKPOINT)
    if watch.fell is not None:
        offset, epoch, last = watch.fell
        yield Finding(check.path, f"the batch at offset {offset} is of leader epoch {epoch}, though {last} came before it", offset=offset)
    try:
        entries = read_epochs(files, path)
    except UnreadableFile as error:
        check.unreadable.append(str(error))
        return
    except DamagedFile as damage:
        yield Finding(path, str(damage).removeprefix(path).lstrip(": "), next_start="reads the leader epochs from the batches")
        return
    if not files.exists(path):
        if watch.began and check.outlook.clean:
            yield note(path, "it is not there", "reads the leader epochs from the batches")
        return
    if entries and entries[-1][1] > check.end_offset:
        what = f"it lets epoch {entries[-1][0]} begin at offset {entries[-1][1]}, but the log ends at {check.end_offset}"
        yield Finding(path, what, next_start="forgets that epoch")
    yield from _compare_epochs(path, EpochCache(entries), watch, check.outlook)


def _compare_epochs(path: str, cache: EpochCache, watch: EpochWatch, outlook: Outlook) -> Iterator[Finding]:
    for epoch, offset in watch.began:
        known = cache.epoch_at(offset)
        if known in (epoch, UNKNOWN_EPOCH) or (epoch > cache.latest and not outlook.clean):
            continue
        yield Finding(path, f"it says that offset {offset} is of leader epoch {known}, but its batch is of {epoch}", offset=offset)
        return
