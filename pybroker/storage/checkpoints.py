"""The text checkpoints: a version, a count, and one line an entry.

    0
    2
    orders 0 17          offset checkpoints: topic, partition, offset
    orders 1 4           (leader-epoch-checkpoint: leader epoch, start offset)

Rules
- A checkpoint is replaced as a whole; after a crash the old or the new one is there.
- A damaged file raises `DamagedFile`, which says what is wrong with which line. No caller gives up on it: offsets fall back to 0 (all is
  recovered), epochs are read again from the batches.

(Kafka: CheckpointFile, OffsetCheckpointFile, LeaderEpochCheckpointFile.)
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from threading import Lock

from pybroker.storage.files import Files

VERSION = "0"
MAX_OFFSET = 2**63 - 1

Key = tuple[str, int]
Offsets = dict[Key, int]


class DamagedFile(Exception):
    """A small file beside the logs does not say what it should. The message names the file and what is wrong."""


class UnreadableFile(DamagedFile):
    """The operating system does not give the file's bytes. They may be sound, so to go on as if they were not would lose what they say."""


def _format(lines: Iterable[str]) -> bytes:
    rows = list(lines)
    return "\n".join([VERSION, str(len(rows)), *rows, ""]).encode()


def _rows(files: Files, path: str, columns: int) -> list[list[str]]:
    """The fields of each entry; none for a file that is not there, or empty."""
    try:
        content = files.read_file(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
    if not content:  # Kafka makes the file before it has anything to say (CheckpointFile)
        return []
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise DamagedFile(f"{path} is not text") from error
    if lines[0] != VERSION:
        raise DamagedFile(f"{path} has version {lines[0]!r} instead of {VERSION}")
    rows = [line.split() for line in lines[2:] if line]
    if len(lines) < 2 or lines[1] != str(len(rows)):
        raise DamagedFile(f"{path} has {len(rows)} entries where its second line says {lines[1:2]}")
    for row in rows:
        if len(row) != columns:
            raise DamagedFile(f"{path}: the line {' '.join(row)!r} has not {columns} fields")
    return rows


def _number(path: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_OFFSET):
        raise DamagedFile(f"{path}: {text!r} is not a number that can stand there")
    return int(text)


def read_offsets(files: Files, path: str) -> Offsets:
    """Offsets by topic and partition; empty if there is no such file. Raises DamagedFile."""
    rows = _rows(files, path, 3)
    return {(topic, _number(path, partition)): _number(path, offset) for topic, partition, offset in rows}


def write_offsets(files: Files, path: str, offsets: Mapping[Key, int], *, sync_name: bool = True) -> None:
    """Replace an offset checkpoint, durably; without `sync_name` only when the directory is synced."""
    content = _format(f"{topic} {partition} {offset}" for (topic, partition), offset in offsets.items())
    files.replace_file(path, content, sync_name=sync_name)


class OffsetCheckpoints:
    """Offset checkpoints that are written where they say something new. What is not there says nothing.

    Safe on several threads: what is to be written into a directory is asked for when its turn there has come, so that nothing older is
    written over it. `_said` is what each says, or may say: while one is written, and if that fails, the old or the new may be there. Nobody
    waits for a disk to learn what is said, or for one who looks through all logs, and no directory's disk for another's. What is forgotten
    while somebody looks is left out of what he saw: it may be the old log.
    """

    __slots__ = ("_doubted", "_files", "_lock", "_looking", "_said", "_turns")

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = Lock()  # of what is below, never held while something is looked up or written
        self._said: dict[str, Offsets] = {}
        self._doubted: set[str] = set()
        self._looking: dict[str, set[Key]] = {}  # what was forgotten meanwhile, of each directory for which somebody looks
        self._turns: defaultdict[str, Lock] = defaultdict(Lock)  # of each directory's files; taken before `_lock`

    def read(self, path: str) -> Offsets:
        """See `read_offsets`."""
        self._said[path] = read_offsets(self._files, path)
        return self._said[path].copy()

    def forget(self, directory: str, names: Iterable[str], key: Key | None, keep: Callable[[], Container[Key]]) -> None:
        """Let those of a directory say nothing more of a log, durably; at once if they do not. What must be written takes out all logs that
        `keep` does not give too, so that many cost one write; None: it is written if there are such. Raises OSError.
        """
        names = list(names)
        if not self._tell_of(directory, names, key, keep):
            return

        def look() -> dict[str, Offsets]:
            told = {name: self._said_by(directory, name) for name in names}
            living = keep()
            return {name: _only(living, key, offsets) for name, offsets in told.items() if offsets}

        self.write(directory, look)

    def write(self, directory: str, look: Callable[[], Mapping[str, Offsets]]) -> None:
        """Replace those of a directory that changed by what `look` gives, by their names; all are durable at the end. Raises OSError."""
        with self._lock:
            turn = self._turns[directory]
        with turn:
            news = self._look(directory, look)
            for path, offsets in news.items():
                write_offsets(self._files, path, offsets, sync_name=False)
            if news:
                self._files.fsync_directory(directory)
            with self._lock:
                self._said |= news
                self._doubted -= news.keys()

    def remove(self, path: str) -> None:
        """Let one say nothing of any log, durably, where there is no room to say anything else. Raises OSError."""
        with self._lock:
            turn = self._turns[os.path.dirname(path)]
        with turn:
            with suppress(FileNotFoundError):
                self._files.unlink(path)
            self._files.fsync_directory(os.path.dirname(path))
            with self._lock:
                self._said.pop(path, None)

    def _tell_of(self, directory: str, names: list[str], key: Key | None, keep: Callable[[], Container[Key]]) -> bool:
        """Whether they say something of a log (None: of one that `keep` does not give), or may when who looks now has written."""
        with self._lock:
            said = [self._said_by(directory, name) for name in names]
            forgotten = self._looking.get(directory)
            if key is not None:
                if forgotten is not None:
                    forgotten.add(key)
                return any(key in offsets for offsets in said)
        if forgotten is not None:
            return True
        kept = keep()
        return any(other not in kept for offsets in said for other in offsets)

    def _look(self, directory: str, look: Callable[[], Mapping[str, Offsets]]) -> dict[str, Offsets]:
        """What changed, by path. In its turn."""
        with self._lock:
            forgotten = self._looking[directory] = set()
        found: Mapping[str, Offsets] = {}
        try:
            found = look()
        finally:
            with self._lock:
                del self._looking[directory]
                news = self._news(directory, {name: _without(forgotten, offsets) for name, offsets in found.items()})
        return news

    def _said_by(self, directory: str, name: str) -> Offsets:
        return self._said.get(os.path.join(directory, name), {})

    def _news(self, directory: str, checkpoints: Mapping[str, Offsets]) -> dict[str, Offsets]:
        """What changed, by path. From now on it may be said."""
        news = {os.path.join(directory, name): offsets for name, offsets in checkpoints.items()}
        news = {path: offsets for path, offsets in news.items() if path in self._doubted or self._said.get(path) != offsets}
        for path, offsets in news.items():
            self._doubted.add(path)
            self._said[path] = self._said.get(path, {}) | offsets
        return news


def _only(kept: Container[Key], without: Key | None, offsets: Offsets) -> Offsets:
    return {key: offset for key, offset in offsets.items() if key in kept and key != without}


def _without(forgotten: set[Key], offsets: Offsets) -> Offsets:
    return {key: offset for key, offset in offsets.items() if key not in forgotten} if forgotten else offsets


def read_epochs(files: Files, path: str) -> list[tuple[int, int]]:
    """Leader epochs and their start offsets; none if the file is not there, or empty, as Kafka makes it before it has anything to say.

    Raises DamagedFile, for entries out of order too.
    """
    entries = [(_number(path, epoch), _number(path, offset)) for epoch, offset in _rows(files, path, 2)]
    for before, after in itertools.pairwise(entries):
        if after[0] <= before[0] or after[1] < before[1]:
            raise DamagedFile(f"{path}: epoch {after[0]} from offset {after[1]} does not follow epoch {before[0]} from {before[1]}")
    return entries


def write_epochs(files: Files, path: str, entries: Iterable[tuple[int, int]]) -> None:
    """Replace a leader epoch checkpoint, durably."""
    files.replace_file(path, _format(f"{epoch} {offset}" for epoch, offset in entries))
