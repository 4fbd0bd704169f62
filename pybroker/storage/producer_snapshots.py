"""Producer snapshots of one log: `<offset>.snapshot`, who wrote to it up to that offset. Core makes and reads them; here they are bytes.

The last two are kept, as a start after a crash can use only one from before the recovery point. None is ever needed: without them a start
reads the headers of the whole log. So they are not made durable, and one that cannot be read is passed over.

(Kafka: ProducerStateManager, SnapshotFile.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from pybroker.storage import layout
from pybroker.storage.files import Files, storage_error

SNAPSHOTS_KEPT = 2


class SnapshotsOnDisk:
    """Those in `directory`. `offsets`: of those there are, newest first; who opens a log, and looks through its directory, says which."""

    __slots__ = ("_files", "directory", "offsets")

    def __init__(self, files: Files, directory: str) -> None:
        self.directory = directory
        self.offsets: list[int] = []
        self._files = files

    def write(self, offset: int, content: bytes) -> None:
        """Keep one, and the one before it. Raises StorageError."""
        path = self._path(offset)
        try:
            self._files.replace_file(path, content, sync=False)
            self.offsets = sorted({offset, *self.offsets}, reverse=True)
            for old in self.offsets[SNAPSHOTS_KEPT:]:
                self._unlink(old)
        except OSError as error:
            raise storage_error("write", path, error) from error

    def up_to(self, end_offset: int) -> Iterator[tuple[int, bytes]]:
        """Those at or before an offset, newest first."""
        for offset in self.offsets[:]:
            if offset > end_offset:
                continue
            try:
                content = self._files.read_file(self._path(offset))
            except OSError:
                continue
            yield offset, content

    def drop_after(self, end_offset: int) -> None:
        """Remove those of what is no longer in the log. Raises StorageError."""
        for offset in [offset for offset in self.offsets if offset > end_offset]:
            try:
                self._unlink(offset)
            except OSError as error:
                raise storage_error("remove", self._path(offset), error) from error

    def _path(self, offset: int) -> str:
        return os.path.join(self.directory, layout.segment_file_name(offset, layout.SNAPSHOT))

    def _unlink(self, offset: int) -> None:
        with suppress(FileNotFoundError):
            self._files.unlink(self._path(offset))
        self.offsets = [other for other in self.offsets if other != offset]
