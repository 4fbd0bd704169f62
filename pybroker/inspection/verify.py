"""From paths to findings: files, logs, data directories, each with all that is known around it."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from pybroker.core.wording import counted
from pybroker.inspection.check_directory import DirectoryCheck, check_directory, is_data_directory, look_around
from pybroker.inspection.check_log import LogCheck, Outlook, check_log, check_small_file, segment_findings
from pybroker.inspection.check_segment import check_segment
from pybroker.inspection.check_together import check_together
from pybroker.inspection.dump import running_note
from pybroker.inspection.findings import Finding, note, why_unreadable
from pybroker.inspection.kinds import Kind, kind_of_name, place_of, read_head, why_unknown
from pybroker.inspection.small_files import segment_beside
from pybroker.storage import layout
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files

OF_SEGMENTS = (Kind.SEGMENT, Kind.INDEX, Kind.TIME_INDEX, Kind.TRANSACTION_INDEX)


@dataclass(slots=True)
class Verdict:
    """What was found in some paths. `unreadable`: those that could not be looked at, with the reason."""

    findings: list[Finding] = field(default_factory=list)
    logs: list[LogCheck] = field(default_factory=list)
    directories: list[DirectoryCheck] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    files: int = 0

    @property
    def damage(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_damage]

    def summary(self) -> str:
        """One sentence."""
        records = sum(log.record_count for log in self.logs)
        looked = [counted(len(self.logs), "log") + f" with {counted(records, 'record')}"] if self.logs else []
        looked += [counted(self.files, "file")] if self.files else []
        whole = "all that could be looked at is whole" if self.unreadable else "all is whole"
        result = f"{counted(len(self.damage), 'place')} damaged" if self.damage else whole
        unread = f"; {counted(len(self.unreadable), 'path')} could not be looked at" if self.unreadable else ""
        return f"{' and '.join(looked)}: {result}{unread}" if looked else "nothing was looked at"


def verify(files: Files, paths: Sequence[str], *, ours: bool = False, cut: Container[str] = ()) -> Verdict:
    """Look at all paths. `ours`: this process holds the locks of the data directories, so nobody else writes.

    `cut`: of which of them the metadata just lost its end, which is no more to be seen there.
    """
    verdict = Verdict()
    for path in paths:
        try:
            _verify_one(files, path.rstrip("/") or "/", verdict, ours, cut)
        except (OSError, StorageError) as error:
            verdict.unreadable.append(why_unreadable(path, error))
    verdict.findings += check_together(files, verdict.directories)
    for directory in verdict.directories:
        verdict.unreadable += directory.unreadable
    return verdict


def _verify_one(files: Files, path: str, verdict: Verdict, ours: bool, cut: Container[str]) -> None:
    if not files.is_directory(path):
        _verify_file(files, path, verdict)
        return
    running = None if ours else running_note(files, path)
    if running is not None:
        verdict.findings.append(note(path, running))
    if is_data_directory(files, path):
        directory = check_directory(files, path, ours=ours, was_cut=path in cut)
        verdict.directories.append(directory)
        verdict.logs += directory.logs.values()
        verdict.findings += directory.findings
    elif any(kind_of_name(name) is not None for name in files.listdir(path)):
        log = check_log(files, path, outlook_of(files, path, ours=ours))
        verdict.logs.append(log)
        verdict.findings += log.findings
        verdict.unreadable += log.unreadable
    else:
        verdict.unreadable.append(f"{path} holds nothing of a Kafka data directory")


def outlook_of(files: Files, log: str, *, ours: bool) -> Outlook:
    """What the data directory around a log says of it, if there is one."""
    path = os.path.dirname(os.path.abspath(log))
    if not files.exists(os.path.join(path, layout.META_PROPERTIES)):
        return Outlook()
    return look_around(files, path, ours=ours).outlook(layout.parse_log_directory(os.path.basename(os.path.abspath(log))))


def _verify_file(files: Files, path: str, verdict: Verdict) -> None:
    place = place_of(files, path)
    if place.kind is Kind.UNKNOWN:
        verdict.unreadable.append(f"{path} {why_unknown(read_head(files, path))}")
        return
    if place.kind in OF_SEGMENTS and segment_beside(files, path) is not None:
        _file_of_log(files, path, verdict)
    elif place.kind is Kind.SEGMENT:
        verdict.findings += _loose_segment(files, path)
    else:
        verdict.findings += check_small_file(files, place)
    verdict.files += 1


def _loose_segment(files: Files, path: str) -> list[Finding]:
    """A copy under a name of its own, or a segment that waits for something."""
    log = LogCheck(path, Outlook())
    log.segments.append(check_segment(files, path, None, []))
    return list(segment_findings(log, 0))


def _file_of_log(files: Files, path: str, verdict: Verdict) -> None:
    """A segment or its index: what a look at the whole log finds about this file."""
    parsed = layout.parse_segment_file(os.path.basename(path))
    assert parsed is not None  # it has a segment beside it
    log = check_log(files, os.path.dirname(path) or ".", Outlook(), only=parsed[0])
    own = os.path.basename(path)
    verdict.unreadable += [reason for reason in log.unreadable if path in reason]
    verdict.findings += [finding for finding in log.findings if os.path.basename(finding.path) == own]
