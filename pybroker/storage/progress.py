"""What the checkpoints of the log directories are made to say: how far each log is flushed, committed and compacted, and where it starts.

Rules
- Who writes those of a directory says what is so when its turn has come (`OffsetCheckpoints`), which may be on another thread.
- A log may be deleted, and made anew under its name, while that waits. What was asked of the old one before is not said of the new one: of
  high watermarks that is noted when a log goes (`went`), of the cleaner it is asked again.
- What was said of a log that could not be opened stays, for its next opening. A directory that went offline is told nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from pybroker.storage import layout
from pybroker.storage.checkpoints import Key, OffsetCheckpoints, Offsets
from pybroker.storage.directories import LogDirectory
from pybroker.storage.files import storage_error
from pybroker.storage.home import LogHome
from pybroker.storage.interface import Log
from pybroker.storage.inventory import Inventory
from pybroker.storage.log import PartitionLog


class Progress:
    """Of one store. Safe on a thread beside the loop; all that writes is blocking."""

    __slots__ = ("_checkpoints", "_directories", "_held", "_went")

    def __init__(self, checkpoints: OffsetCheckpoints, directories: Sequence[LogDirectory], held: Inventory) -> None:
        self._checkpoints = checkpoints
        self._directories = directories
        self._held = held
        self._went: set[Key] = set()

    def went(self, key: Key) -> None:
        """A log is no more: high watermarks may have been asked for before."""
        self._went.add(key)

    @contextmanager
    def of_one_look(self) -> Iterator[None]:
        """Around the writing of high watermarks that were asked for at once: who comes later knows what went before this."""
        went = self._went.copy()
        yield
        self._went -= went

    def write(self, path: str, high_watermarks: Offsets) -> None:
        """Recovery points, starts, and high watermarks of the logs of a directory. Raises StorageError."""

        def look() -> dict[str, Offsets]:
            logs = self._held.logs_in(path)
            unknown = self._went | self._held.futures.logs.keys()
            known = {key: high_watermarks[key] for key in logs if key in high_watermarks and key not in unknown}
            return _progress_of(logs) | {layout.REPLICATION_CHECKPOINT: known}

        self._write(path, look)

    def write_of_copies(self, path: str) -> None:
        """Recovery points and starts, and up to where logs are compacted: what must be said before a copy takes its place.

        Raises StorageError.
        """

        def look() -> dict[str, Offsets]:
            logs = self._held.logs_in(path)
            return _progress_of(logs) | {layout.CLEANER_CHECKPOINT: self._cleaned(logs)}

        self._write(path, look)

    def write_cleaned(self, log: Log, offset: int) -> None:
        """See `interface.LogStore.checkpoint_cleaner`."""
        key = log.topic, log.partition
        own = self._held.logs.get(key)
        if own is not log or not isinstance(own.home, LogHome):
            return
        path = own.home.parent

        def look() -> dict[str, Offsets]:
            cleaned = self._cleaned(self._held.logs_in(path))
            return {layout.CLEANER_CHECKPOINT: cleaned | {key: offset} if self._is_of_its_topic(log) else cleaned}

        self._write(path, look)
        self._held.cleaner_offsets[key] = offset
        if not self._is_of_its_topic(log):  # asked afterwards: whoever deletes it takes the offset out after the log
            self._held.cleaner_offsets.pop(key, None)

    def _cleaned(self, keys: Iterable[Key]) -> Offsets:
        offsets = self._held.cleaner_offsets
        return {key: offsets[key] for key in keys if key in offsets}

    def _is_of_its_topic(self, log: Log) -> bool:
        """Whether a log, or what it was moved to, was not deleted since."""
        own = self._held.logs.get((log.topic, log.partition))
        return own is not None and (own is log or own.topic_id == log.topic_id)

    def _write(self, path: str, look: Callable[[], dict[str, Offsets]]) -> None:
        def whole() -> dict[str, Offsets]:
            checkpoints = look()
            if any(directory.path == path and directory.failure is not None for directory in self._directories):
                return {}  # it went offline meanwhile, and its logs are not known any more
            if not self._held.unopened:
                return checkpoints
            return {name: self._held.with_unopened(os.path.join(path, name), offsets) for name, offsets in checkpoints.items()}

        try:
            self._checkpoints.write(path, whole)
        except OSError as error:
            raise storage_error("write the checkpoints of", path, error) from error


def _progress_of(logs: dict[Key, PartitionLog]) -> dict[str, Offsets]:
    return {
        layout.RECOVERY_POINT_CHECKPOINT: {key: log.recovery_point for key, log in logs.items()},
        layout.LOG_START_CHECKPOINT: {
            key: log.log_start_offset for key, log in logs.items() if log.log_start_offset > log.first_base_offset
        },
    }
