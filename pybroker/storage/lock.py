"""One process per log directory, held by `.lock` as Kafka holds it.

Kafka's lock is a POSIX record lock on that file. An open-file-description lock is of the same family, so the two keep each other out, but
it belongs to the open file: a second store in our own process is refused as well, and closing another descriptor of the file does not
lose it. Where the system has none (outside Linux), flock keeps pybroker's processes apart. The kernel lets go when the process ends.
"""

from __future__ import annotations

import fcntl
import os
import struct

from pybroker.storage import layout
from pybroker.storage.errors import DataDirectoryError, UnusableDirectory
from pybroker.storage.files import CREATE, READ_ONLY, READ_WRITE, Files

_SET_LOCK = getattr(fcntl, "F_OFD_SETLK", None)
_GET_LOCK = getattr(fcntl, "F_OFD_GETLK", None)
_FLOCK = struct.Struct("hhqqi4x")
_WHOLE_FILE = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)  # struct flock; the kernel wants process id 0


class DirectoryLock:
    """The lock on one log directory, from construction to `release`."""

    __slots__ = ("_fd", "_files", "directory")

    def __init__(self, files: Files, directory: str) -> None:
        """Raises DataDirectoryError if another process, or another store in this one, has it."""
        self.directory = directory
        self._files = files
        path = os.path.join(directory, layout.LOCK)
        try:
            self._fd = files.open(path, READ_WRITE | CREATE, 0o644)
        except OSError as error:
            raise UnusableDirectory(
                f"{directory} cannot be used: {path} cannot be opened for writing ({error.strerror}). "
                "Give the broker's user the right to write there, or choose another data directory."
            ) from error
        try:
            _lock(self._fd)
        except OSError as error:
            files.close(self._fd)
            raise in_use(directory) from error

    def release(self) -> None:
        """Let go; the file stays, as Kafka's does."""
        self._files.close(self._fd)


def in_use(directory: str) -> DataDirectoryError:
    """What to tell whoever wants a directory that another broker has."""
    path = os.path.join(directory, layout.LOCK)
    return DataDirectoryError(
        f"{directory} is in use: another broker holds {path}. Stop that one, or give each broker a data directory of its own."
    )


def holder_of(files: Files, directory: str) -> int | None:
    """The process that holds a directory's lock, 0 if the system does not tell which; None if nobody does, or if it cannot be asked.

    Only asks: no lock is taken, so a broker that starts meanwhile does not notice. Asking needs a system with locks of open files.
    """
    if _GET_LOCK is None:
        return None
    try:
        fd = files.open(os.path.join(directory, layout.LOCK), READ_ONLY)
    except OSError:
        return None
    try:
        kind, _, _, _, process_id = _FLOCK.unpack(fcntl.fcntl(fd, _GET_LOCK, _WHOLE_FILE))
    except OSError:
        return None
    finally:
        files.close(fd)
    return None if kind == fcntl.F_UNLCK else max(process_id, 0)


def _lock(fd: int) -> None:
    if _SET_LOCK is None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        fcntl.fcntl(fd, _SET_LOCK, _WHOLE_FILE)
