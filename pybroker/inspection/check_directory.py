"""A data directory: each log in it, and whether checkpoints, the metadata and the names in it agree with what the logs hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from pybroker.core.cluster import METADATA_TOPIC
from pybroker.inspection.check_log import LogCheck, Outlook, check_log
from pybroker.inspection.check_metadata import Metadata, compare_log, read_metadata
from pybroker.inspection.findings import Finding, note, why_unreadable
from pybroker.inspection.kinds import OFFSETS_ENDING, is_log
from pybroker.runtime.metadata_reading import LostMetadata
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, UnreadableFile, read_offsets
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.lock import holder_of
from pybroker.storage.metadata_files import read_meta_properties

Offsets = dict[tuple[str, int], int]

METADATA_LOG = layout.METADATA_LOG
LEFT_OVER = {
    "-delete": ("is a log that was deleted or moved away", "removes it one to two minutes later"),
    "-future": ("is a copy of a log of another data directory that was not finished", "goes on copying, if the original is there"),
    "-stray": ("is a log that a broker put aside, as it did not know whose it is", "leaves it alone"),
}
_LEFT_OVER = re.compile(r".*-[0-9]+\.[0-9a-f]{32}(?P<fate>-delete|-future|-stray)")
CHECKPOINTS = (
    layout.RECOVERY_POINT_CHECKPOINT,
    layout.LOG_START_CHECKPOINT,
    layout.REPLICATION_CHECKPOINT,
    layout.CLEANER_CHECKPOINT,
)


@dataclass(slots=True)
class DirectoryCheck:
    """What was found in one data directory. `damaged`: checkpoints that cannot be read; `unread`: those of them that the
    system does not give. `awaiting_removal`: logs that go soon.

    `present`: the logs, and copies of logs, that lie there, read or not. `metadata`: what it says, if it lies there and can be read.
    """

    path: str
    in_use: bool = False
    clean: bool = False
    checkpoints: dict[str, Offsets] = field(default_factory=dict)
    logs: dict[tuple[str, int], LogCheck] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    awaiting_removal: list[Finding] = field(default_factory=list)
    present: set[tuple[str, int]] = field(default_factory=set)
    metadata: Metadata | None = None

    def outlook(self, key: tuple[str, int] | None) -> Outlook:
        """What the directory says of a log."""
        points, starts = self.checkpoints[layout.RECOVERY_POINT_CHECKPOINT], self.checkpoints[layout.LOG_START_CHECKPOINT]
        point, start = (points.get(key, 0), starts.get(key, 0)) if key is not None else (0, 0)
        cleaner = self.checkpoints[layout.CLEANER_CHECKPOINT]
        compacted = key in cleaner or layout.CLEANER_CHECKPOINT in self.damaged
        return Outlook(True, self.clean, point, start, self.in_use, compacted)


def is_data_directory(files: Files, path: str) -> bool:
    """Whether logs lie in a directory, or something that says that they do."""
    with suppress(OSError):
        names = files.listdir(path)
        return layout.META_PROPERTIES in names or any(is_log(files, os.path.join(path, name)) for name in names)
    return False


def look_around(files: Files, path: str, *, ours: bool) -> DirectoryCheck:
    """The files at the top of a data directory; `ours`: this process holds its lock. Raises OSError."""
    check = DirectoryCheck(path, not ours and holder_of(files, path) is not None, files.exists(os.path.join(path, layout.CLEAN_SHUTDOWN)))
    for name in CHECKPOINTS:
        file = os.path.join(path, name)
        try:
            check.checkpoints[name] = read_offsets(files, file)
        except UnreadableFile as error:
            check.checkpoints[name] = {}
            check.damaged.add(name)
            check.unread.add(name)
            check.unreadable.append(f"{error}. A start that cannot read it cannot use {path}")
        except DamagedFile as damage:
            check.checkpoints[name] = {}
            check.damaged.add(name)
            hope = "takes it as empty" + (", and checks all of each log" if name == layout.RECOVERY_POINT_CHECKPOINT else "")
            check.findings.append(Finding(file, str(damage).removeprefix(file).lstrip(": "), next_start=hope))
    return check


def check_directory(files: Files, path: str, *, ours: bool, was_cut: bool = False) -> DirectoryCheck:
    """Look at all of a data directory; `ours` as in `look_around`, `was_cut`: the metadata just lost its end. Raises OSError."""
    check = look_around(files, path, ours=ours)
    try:
        check.findings += _check_owner(files, path)
    except OSError as error:
        check.unreadable.append(why_unreadable(path, error))
    for name in sorted(files.listdir(path)):
        _check_entry(files, check, name)
    check.findings += _gather(check)
    check.findings += _compare_checkpoints(check)
    if (METADATA_TOPIC, 0) in check.logs:
        check.findings += _check_metadata(files, check, was_cut)
    return check


def _check_metadata(files: Files, check: DirectoryCheck, was_cut: bool) -> Iterator[Finding]:
    path = os.path.join(check.path, METADATA_LOG)
    try:
        check.metadata = read_metadata(files, path)
    except (LostMetadata, StorageError) as error:
        yield Finding(path, f"the metadata cannot be read: {error}", next_start="is refused")
        return
    was_safe = check.checkpoints[layout.RECOVERY_POINT_CHECKPOINT].get((METADATA_TOPIC, 0), 0)
    check.metadata.lost_its_end |= was_cut or was_safe > check.metadata.end_offset
    yield from compare_logs(files, check, check.metadata)


def compare_logs(files: Files, check: DirectoryCheck, metadata: Metadata) -> Iterator[Finding]:
    """Whether the metadata, which may lie in another directory, knows each log of this one by its topic id."""
    for key, log in check.logs.items():
        if key[0] == METADATA_TOPIC:
            continue
        try:
            yield from compare_log(files, metadata, key, log.path)
        except OSError as error:
            if not log.unreadable:
                check.unreadable.append(why_unreadable(log.path, error))


def _check_owner(files: Files, path: str) -> Iterator[Finding]:
    file = os.path.join(path, layout.META_PROPERTIES)
    try:
        if read_meta_properties(files, path) is None:
            yield Finding(file, "it is not there, so it is not known whose the logs are", next_start="is refused: put the file back")
    except DamagedFile as damage:
        yield Finding(file, str(damage).removeprefix(file).lstrip(": "), next_start="is refused: repair the file")


def _check_entry(files: Files, check: DirectoryCheck, name: str) -> None:
    path = os.path.join(check.path, name)
    key = layout.parse_log_directory(name)
    present = key or layout.parse_future_directory(name)
    if present is not None:
        check.present.add(present)
    try:
        if not files.is_directory(path):
            if layout.is_kept(name):
                check.findings.append(note(path, "it was kept by a repair; remove it when it is needed no more", "leaves it alone"))
            elif name.removesuffix(".tmp") not in layout.KNOWN_IN_LOG_DIRECTORY and not name.endswith(OFFSETS_ENDING):
                check.findings.append(note(path, "it is no file of a data directory", "leaves it alone"))
        elif key is not None:
            log = check.logs[key] = check_log(files, path, check.outlook(key))
            check.findings += log.findings
            check.unreadable += log.unreadable
        elif name not in (layout.META_PROPERTIES, *CHECKPOINTS):  # of those it is said that they cannot be read
            left = _LEFT_OVER.fullmatch(name)
            is_what, fate = LEFT_OVER[left["fate"]] if left is not None else ("is no log", "leaves it alone")
            found = check.awaiting_removal if name.endswith("-delete") and left is not None else check.findings
            found.append(note(path, f"it {is_what}", fate))
    except (OSError, StorageError) as error:
        check.unreadable.append(why_unreadable(path, error))


def _gather(check: DirectoryCheck) -> list[Finding]:
    """One note for the logs that wait for removal: there may be hundreds, and nobody has to do anything about them."""
    waiting = check.awaiting_removal
    if len(waiting) < 2:
        return waiting
    return [
        note(
            check.path, f"{len(waiting):,} logs wait for removal: they were deleted or moved away", "removes them one to two minutes later"
        )
    ]


# --- checkpoints


def _compare_checkpoints(check: DirectoryCheck) -> Iterator[Finding]:
    for name, meaning, fate in (
        (layout.RECOVERY_POINT_CHECKPOINT, "was safe on disk up to", "goes on with what is there"),
        (layout.REPLICATION_CHECKPOINT, "was committed up to", "goes on with what is there"),
        (layout.CLEANER_CHECKPOINT, "was compacted up to", "compacts it from its beginning"),
    ):
        for key, offset in check.checkpoints[name].items():
            log = check.logs.get(key)
            file = os.path.join(check.path, name)
            if log is None:
                yield note(file, f"it names {key[0]}-{key[1]}, which is not there")
            elif offset > log.end_offset and not log.outlook.in_use and not log.unreadable:
                what = f"it says that {key[0]}-{key[1]} {meaning} offset {offset}, but the log ends at {log.end_offset}: its end was lost"
                yield Finding(file, what, offset=offset, next_start=fate)
    for key, offset in check.checkpoints[layout.LOG_START_CHECKPOINT].items():
        log = check.logs.get(key)
        if log is not None and log.segments and not log.unreadable and max(segment.next_offset for segment in log.segments) < offset:
            what = f"it lets {key[0]}-{key[1]} begin at offset {offset}, but what is there of it ends before"
            yield Finding(
                os.path.join(check.path, layout.LOG_START_CHECKPOINT), what, offset=offset, next_start="lets the log begin anew there"
            )
