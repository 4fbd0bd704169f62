"""The file of one segment: its name, how it is opened, and what is done to its end.

Rules
- What is written goes to the end of the file (O_APPEND). So before a segment is written on, the file must end where the segment does.
- A file ends with a whole batch: what a failed write left is taken back. If that fails too nothing more may be written.
- Who opens a file keeps it. Nothing is open here.
"""

from __future__ import annotations

import os
from typing import NoReturn

from pybroker.storage import layout
from pybroker.storage.errors import StorageError
from pybroker.storage.files import CREATE, READ_APPEND, READ_ONLY, Files, OpenFile, storage_error


class SegmentFile:
    """See the module. `directory`: where it lies; `state`: what follows its name, see `compacted`."""

    __slots__ = ("_files", "base_offset", "directory", "state")

    def __init__(self, files: Files, directory: str, base_offset: int) -> None:
        self._files = files
        self.directory = directory
        self.base_offset = base_offset
        self.state = ""

    def path(self, suffix: str = layout.LOG) -> str:
        """The path of the segment's file of that kind."""
        return f"{self.directory}{os.sep}{layout.segment_file_name(self.base_offset, suffix)}{self.state}"

    def create(self) -> OpenFile:
        """Make it, empty. Raises OSError."""
        return OpenFile(self._files, self.path(), READ_APPEND | CREATE)

    def open(self, *, to_write: bool) -> OpenFile:
        """Raises StorageError, NoDescriptorError."""
        try:
            return OpenFile(self._files, self.path(), READ_APPEND if to_write else READ_ONLY)
        except OSError as error:
            raise storage_error("open", self.path(), error) from error

    def check_end(self, size_bytes: int) -> None:
        """It must end there. Raises StorageError."""
        try:
            beyond = self._files.size(self.path()) - size_bytes
        except OSError as error:
            raise storage_error("open", self.path(), error) from error
        if beyond:
            raise StorageError(f"{self.path()} has {abs(beyond)} bytes {'more' if beyond > 0 else 'less'} than the log: who changed it?")

    def take_back(self, file: OpenFile, size_bytes: int, error: OSError) -> NoReturn:
        """Remove what a failed write left behind the first `size_bytes`, and raise what failed: StorageError, ExhaustedError."""
        try:
            self._files.truncate(file.fd, size_bytes)
        except OSError as second:
            raise StorageError(f"{self.path()} ends in a torn batch: {error.strerror}, and then {second.strerror}") from error
        raise storage_error("append to", self.path(), error) from error

    def truncate(self, file: OpenFile, size_bytes: int) -> None:
        """End it there, durably. Raises StorageError."""
        try:
            self._files.truncate(file.fd, size_bytes)
            self._files.fsync(file.fd)
        except OSError as error:
            raise storage_error("truncate", self.path(), error) from error

    def sync(self, file: OpenFile) -> None:
        """Make it durable, if it is found again. Raises StorageError."""
        try:
            self._files.fsync_named(file.fd, self.path())
        except OSError as error:
            raise storage_error("flush", self.path(), error) from error
