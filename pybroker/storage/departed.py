"""Logs that went: deleted, put aside, moved to another directory. What is still said of them, until nothing is.

Theory of operation
- A checkpoint tells of logs by name. What it says of one that went is not true of the next of that name: at a start after a crash it would
  cut the new one, or let bytes be believed that nobody flushed. So it is taken out, durably, before the new log has a directory.
- The names of a deleted log's files must be gone for good by then too: else a power failure brings them back, without their topic id.
- What went is noted after its files were renamed, not before: who makes way on another thread meanwhile would sync the old names and take
  it for done. Each note has a number, so that a call takes out what it found when it began, and not what went again under the same name.
- Of a directory that cannot be synced only that is in the way which lay there.
- Both wait for a disk. Who serves others makes way on a thread (`make_way`) before a name is used again, and asks first whether there is
  anything to do (`is_in_the_way`). Who did not, or could not (a full disk), waits when the new log is made (`sync`, `forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import partial
from threading import Lock
from typing import NamedTuple, TypeVar

from pybroker.storage import layout
from pybroker.storage.checkpoints import Key, OffsetCheckpoints
from pybroker.storage.directories import LogDirectory, sync_names
from pybroker.storage.files import Files, storage_error

Kept = Callable[[str], Container[Key]]  # the logs of a directory of which its checkpoints may speak
Name = TypeVar("Name", str, Key)
Note = TypeVar("Note")


class Unsynced(NamedTuple):
    """A note of files that were renamed away in a directory; None: in one or more of them."""

    number: int
    path: str | None


class Departed:
    """Of one store. Safe on a thread beside the loop: what departs meanwhile is for the next call."""

    __slots__ = ("_checkpoints", "_directories", "_files", "_last", "_lock", "_topics", "_unsynced")

    def __init__(self, files: Files, checkpoints: OffsetCheckpoints, directories: list[LogDirectory]) -> None:
        self._files = files
        self._checkpoints = checkpoints
        self._directories = directories
        self._lock = Lock()  # of the notes, never held while a disk is waited for
        self._last = 0
        self._topics: dict[str, int] = {}  # each with the number of its last note
        self._unsynced: dict[Key, Unsynced] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def add(self, key: Key, *, deleted: bool, path: str | None = None) -> None:
        """It went; `deleted`: its files were renamed away just now, in that directory, which may not be durable, or could not be."""
        with self._lock:
            self._last += 1
            self._topics[key[0]] = self._last
            if deleted:
                before = self._unsynced.get(key)
                self._unsynced[key] = Unsynced(self._last, path if before is None or before.path == path else None)

    def is_in_the_way(self, topic: str) -> bool:
        """Whether a log of that topic that is made now may have to wait for a disk."""
        return topic in self._topics

    def make_way(self, kept: Kept) -> None:
        """Make all that went be gone for good. Blocking. Raises StorageError."""
        topics = self._topics.copy()
        for path in {note.path for note in self._unsynced.copy().values()}:
            self._sync(path)
        for directory in list(self._directories):
            if directory.failure is None:
                try:
                    self._checkpoints.forget(directory.path, layout.OFFSET_CHECKPOINTS, None, partial(kept, directory.path))
                except OSError as error:
                    raise storage_error("write the checkpoints of", directory.path, error) from error
        self._take_out(self._topics, topics)

    def sync(self, key: Key) -> None:
        """Before a log of that name is there again. At once if nothing of it went since the last time. Raises StorageError."""
        note = self._unsynced.get(key)
        if note is not None:
            self._sync(note.path)

    def forget(self, path: str, key: Key, kept: Kept) -> None:
        """Before a log gets a place in that directory. If a checkpoint that is being written tells of it, this waits. Raises OSError."""
        self._checkpoints.forget(path, layout.OFFSET_CHECKPOINTS, key, partial(kept, path))

    def _sync(self, path: str | None) -> None:
        """All that went in a directory; None: what may have gone in any."""
        notes = {key: note for key, note in self._unsynced.copy().items() if note.path == path}
        sync_names(self._files, [directory for directory in self._directories if path in (None, directory.path)])
        self._take_out(self._unsynced, notes)

    def _take_out(self, notes: dict[Name, Note], done: dict[Name, Note]) -> None:
        with self._lock:
            for name, note in done.items():
                if notes.get(name) == note:
                    del notes[name]
