"""Logs that went: deleted, put aside, moved to another directory. What is still said of them, until nothing is.

Theory of operation
- A checkpoint tells of logs by name. What it says of one that went is not true of the next of that name: at a start after a crash it would
  cut the new one, or let bytes be believed that nobody flushed. So it is taken out, durably, before the new log has a directory.
- The names of a deleted log's files must be gone for good by then too: else a power failure brings them back, without their topic id.
- Both wait for a disk. Who serves others makes way on a thread (`make_way`) before a name is used again, and asks first whether there is
  anything to do (`is_in_the_way`). Who did not, or could not (a full disk), waits when the new log is made (`sync`, `forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import partial

from pybroker.storage import layout
from pybroker.storage.checkpoints import Key, OffsetCheckpoints
from pybroker.storage.directories import LogDirectory, sync_names
from pybroker.storage.files import Files, storage_error

Kept = Callable[[str], Container[Key]]  # the logs of a directory of which its checkpoints may speak


class Departed:
    """Of one store. Safe on a thread beside the loop: what departs meanwhile is for the next call."""

    __slots__ = ("_checkpoints", "_directories", "_files", "_topics", "_unsynced")

    def __init__(self, files: Files, checkpoints: OffsetCheckpoints, directories: list[LogDirectory]) -> None:
        self._files = files
        self._checkpoints = checkpoints
        self._directories = directories
        self._topics: set[str] = set()
        self._unsynced: set[Key] = set()

    def __len__(self) -> int:
        return len(self._topics)

    def add(self, keys: Iterable[Key], *, deleted: bool) -> None:
        """They went; `deleted`: their files were renamed away, and that may not be durable."""
        for key in keys:
            self._topics.add(key[0])
            if deleted:
                self._unsynced.add(key)

    def is_in_the_way(self, topic: str) -> bool:
        """Whether a log of that topic that is made now may have to wait for a disk."""
        return topic in self._topics

    def make_way(self, kept: Kept) -> None:
        """Make all that went be gone for good. Blocking. Raises StorageError."""
        topics = self._topics.copy()
        self._sync(self._unsynced.copy())
        for directory in list(self._directories):
            if directory.failure is None:
                try:
                    self._checkpoints.forget(directory.path, layout.OFFSET_CHECKPOINTS, None, partial(kept, directory.path))
                except OSError as error:
                    raise storage_error("write the checkpoints of", directory.path, error) from error
        self._topics -= topics

    def sync(self, key: Key) -> None:
        """Before a log of that name is there again. At once if nothing of it went since the last time. Raises StorageError."""
        if key in self._unsynced:
            self._sync(self._unsynced.copy())

    def forget(self, path: str, key: Key, kept: Kept) -> None:
        """Before a log gets a place in that directory. If a checkpoint that is being written tells of it, this waits. Raises OSError."""
        self._checkpoints.forget(path, layout.OFFSET_CHECKPOINTS, key, partial(kept, path))

    def _sync(self, keys: set[Key]) -> None:
        if keys:
            sync_names(self._files, self._directories)
            self._unsynced -= keys
