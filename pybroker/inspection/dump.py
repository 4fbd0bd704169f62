"""From paths to rows: files one after another, directories file by file, in an order that a person would read them in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pybroker.inspection.decoders import Row
from pybroker.inspection.kinds import DECODERS, Kind, Place, is_log, kind_of_name, place_of, read_head, why_unknown
from pybroker.inspection.segments import Wanted, segment_rows
from pybroker.inspection.small_files import small_file_rows
from pybroker.storage import layout
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, storage_error
from pybroker.storage.lock import holder_of
from pybroker.storage.walk import MAX_OFFSET

BATCHED = (Kind.SEGMENT, Kind.METADATA_SNAPSHOT)
READ_ORDER = (layout.SNAPSHOT, layout.TRANSACTION_INDEX, layout.TIME_INDEX, layout.INDEX, layout.LOG)


class Choice(NamedTuple):
    """What of the files is asked for. `decode`: None leaves it to the path, else a word of `DECODERS`. `limit`: so many rows at most."""

    records: bool = False
    batches: bool = True
    from_offset: int = 0
    to_offset: int = MAX_OFFSET
    decode: str | None = None
    limit: int | None = None


@dataclass(slots=True)
class Dump:
    """Rows of some paths; `damaged` and `unreadable` say at the end what was met."""

    choice: Choice
    files: Files
    damaged: bool = False
    unreadable: bool = False

    def rows(self, paths: Sequence[str]) -> Iterator[Row]:
        """Rows of all paths. One that cannot be read gives a row of kind `unreadable`, and the next one follows."""
        left = self.choice.limit
        for row in self._all(paths):
            if row["kind"] == "damage":
                self.damaged = True
            elif row["kind"] == "unreadable":
                self.unreadable = True
            elif row["kind"] not in ("file", "note") and left is not None:
                if left == 0:
                    return
                left -= 1
            yield row

    def _all(self, paths: Sequence[str]) -> Iterator[Row]:
        for path in paths:
            try:
                if self.files.is_directory(path):
                    yield from self._directory(path, asked_for=True)
                else:
                    yield from self._file(path, named=len(paths) > 1, asked_for=True)
            except (OSError, StorageError) as error:
                yield unreadable_row(path, error)

    # --- directories

    def _directory(self, path: str, *, asked_for: bool) -> Iterator[Row]:
        names = sorted(self.files.listdir(path), key=reading_order)
        if not self._is_ours(path, names):
            what = "holds nothing of a Kafka data directory" if names else "is an empty directory"
            yield (
                {"kind": "unreadable", "file": path, "what": what}
                if asked_for
                else {"kind": "note", "file": path, "what": f"{path} {what}"}
            )
            return
        note = running_note(self.files, path) if asked_for else None
        if note is not None:
            yield {"kind": "note", "file": path, "what": note}
        for name in names:
            entry = os.path.join(path, name)
            try:
                if not self.files.is_directory(entry):
                    yield from self._file(entry, named=True, asked_for=False)
                elif is_log_directory(name):
                    yield from self._directory(entry, asked_for=False)
                elif kind_of_name(name) is not None:
                    yield {"kind": "unreadable", "file": entry, "what": "is a directory, and its name that of a file"}
            except (OSError, StorageError) as error:
                yield unreadable_row(entry, error)

    def _is_ours(self, path: str, names: list[str]) -> bool:
        """Whether it is a data directory, or of one: what only has names like those of logs may be anybody's."""
        return any(kind_of_name(name) is not None for name in names) or any(
            is_log_directory(name) and (layout.parse_log_directory(name) is None or is_log(self.files, os.path.join(path, name)))
            for name in names
        )

    # --- files

    def _file(self, path: str, *, named: bool, asked_for: bool) -> Iterator[Row]:
        if layout.is_kept(path) and not asked_for:
            yield _strange(path, "was kept by a repair", asked_for=False)
            return
        place = place_of(self.files, path)
        if place.kind is Kind.UNKNOWN:
            what = why_unknown(read_head(self.files, path))
            yield (
                {"kind": "unreadable", "file": path, "what": what}
                if asked_for
                else {"kind": "note", "file": path, "what": f"{path} {what}"}
            )
            return
        if not self.choice.batches and place.kind not in BATCHED and not asked_for:
            return
        size = self.files.size(path)
        if named or not size:
            yield {"kind": "file", "file": path, "what": place.kind.value, "size": size}
        rows = self._batched(place) if place.kind in BATCHED else small_file_rows(self.files, place)
        for row in rows:
            yield {"kind": row["kind"], "file": path, **_where(place, row), **row}

    def _batched(self, place: Place) -> Iterator[Row]:
        choice = self.choice
        topic = place.internal_topic if choice.decode is None else DECODERS[choice.decode]
        wanted = Wanted(choice.from_offset, choice.to_offset, choice.records, topic, choice.batches)
        base_offset = 0 if place.kind is Kind.METADATA_SNAPSHOT else place.base_offset
        return segment_rows(self.files, place.path, base_offset, wanted)


def _strange(path: str, what: str, *, asked_for: bool) -> Row:
    """A path that is nothing of Kafka's: no use if somebody asked for it, a remark if it lies in a directory."""
    if asked_for:
        return {"kind": "unreadable", "file": path, "what": what}
    return {"kind": "note", "file": path, "what": f"{path} {what}"}


def _where(place: Place, row: Row) -> Row:
    """Topic and partition, for rows of the records of a log."""
    return {"topic": place.topic, "partition": place.partition} if row["kind"] == "record" and place.topic is not None else {}


def unreadable_row(path: str, error: Exception) -> Row:
    """A path that the system does not give."""
    what = str(storage_error("look at", path, error)) if isinstance(error, OSError) else str(error)
    return {"kind": "unreadable", "file": path, "what": what.removeprefix(f"cannot look at {path}: ")}


def reading_order(name: str) -> tuple[int, int, int, str]:
    """Small files first, then logs by topic and partition; in a log, segments in order, each after its indexes."""
    log = layout.parse_log_directory(name)
    if log is not None:
        return 2, 0, 0, f"{log[0]}\0{log[1]:010d}"
    parsed = layout.parse_segment_file(name)
    if parsed is not None:
        return 1, parsed[0], READ_ORDER.index(parsed[1]), name
    return 0, 0, 0, name


def is_log_directory(name: str) -> bool:
    """Whether a directory holds a log, or what is left of one."""
    return layout.parse_log_directory(name) is not None or name.endswith(("-delete", "-future", "-stray"))


def running_note(files: Files, directory: str) -> str | None:
    """Words for a data directory, or a log in one, that a broker has in use."""
    for candidate in (directory, os.path.dirname(os.path.abspath(directory))):
        holder = holder_of(files, candidate)
        if holder is not None:
            who = f"process {holder}" if holder else "a process"
            return f"a broker runs on {candidate} ({who} holds its lock), so the ends of its logs may still change"
    return None
