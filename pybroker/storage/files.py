"""The one door to the file system: every call of storage that touches a file goes through a `Files`.

Rules
- `Files` is thin: most of its attributes are the functions of `os` themselves, so the hot path pays one attribute lookup and nothing more.
- Tests replace it by one that fails, stops or forgets unsynced writes. Therefore nothing in storage opens, renames or syncs around it,
  and what is built from several steps (`replace_file`) is built from the same doors.
- What must survive a power failure is fsynced, and then the directory that names it. What can be computed again from the log (indexes of
  the active segment, snapshots) is not.

`fsync` is fdatasync where there is one: it writes the size of a grown file too, only not its times.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from weakref import ref

from pybroker.storage.errors import DiskFullError, NoDescriptorError, StorageError

_ALWAYS = getattr(os, "O_CLOEXEC", 0) | os.O_NONBLOCK  # of files it means nothing; a FIFO in a file's place would be waited for
READ_ONLY = os.O_RDONLY | _ALWAYS
READ_APPEND = os.O_RDWR | os.O_APPEND | _ALWAYS
READ_WRITE = os.O_RDWR | _ALWAYS
CREATE = os.O_CREAT
TRUNCATE = os.O_TRUNC

SMALL_FILE_BYTES = 16 << 20  # an index file of the default size comes in one call

MAX_SMALL_FILE_BYTES = 1 << 29  # a snapshot of the metadata of a million partitions is a quarter of that; a sparse file may claim anything

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
TEMPORARY_SUFFIX = ".tmp"
MIN_OPEN_FILES = 32


class Files:
    """The file system of this machine. Arguments and errors are those of the functions of `os`."""

    __slots__ = ()

    open = staticmethod(os.open)
    close = staticmethod(os.close)
    write = staticmethod(os.write)
    pread = staticmethod(os.pread)
    preadv = staticmethod(os.preadv)
    truncate = staticmethod(os.ftruncate)
    fsync = staticmethod(getattr(os, "fdatasync", os.fsync))
    fsync_names = staticmethod(os.fsync)
    rename = staticmethod(os.replace)
    link = staticmethod(os.link)
    unlink = staticmethod(os.unlink)
    mkdir = staticmethod(os.mkdir)
    makedirs = staticmethod(os.makedirs)
    rmdir = staticmethod(os.rmdir)
    listdir = staticmethod(os.listdir)
    is_directory = staticmethod(os.path.isdir)
    is_regular = staticmethod(os.path.isfile)
    exists = staticmethod(os.path.exists)

    def space(self, path: str) -> tuple[int, int]:
        """Total and usable bytes of the volume that a path lies on."""
        found = os.statvfs(path)
        return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize

    def has_name(self, fd: int) -> bool:
        """Whether an open file can still be found by some name."""
        return os.fstat(fd).st_nlink > 0

    def fsync_named(self, fd: int, path: str) -> None:
        """Make a file durable that is found again: what a removed one holds goes with this process. Raises OSError, StorageError."""
        self.fsync(fd)
        if not self.has_name(fd):
            raise storage_error("flush", path, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))

    def size(self, path: str) -> int:
        """Bytes of a file. What is none (a directory, a pipe, a device) is an OSError."""
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            number = errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.EINVAL
            raise OSError(number, os.strerror(number) if number == errno.EISDIR else "Not a regular file", path)
        return found.st_size

    def read_file(self, path: str, limit_bytes: int = MAX_SMALL_FILE_BYTES) -> bytes:
        """All of a small file; an OSError if it is not small."""
        if self.size(path) > limit_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        fd = self.open(path, READ_ONLY)
        try:
            content = b""
            while part := self.pread(fd, SMALL_FILE_BYTES, len(content)):
                content += part
            return content
        finally:
            self.close(fd)

    def write_file(self, path: str, content: bytes, *, sync: bool) -> None:
        """Make or replace a file in place; a stop in between leaves a part of it."""
        fd = self.open(path, READ_WRITE | CREATE | TRUNCATE, 0o644)
        try:
            view = memoryview(content)
            while view:
                view = view[self.write(fd, view) :]
            if sync:
                self.fsync(fd)
        finally:
            self.close(fd)

    def replace_file(self, path: str, content: bytes, *, sync: bool = True, sync_name: bool = True) -> None:
        """Make or replace a file so that a reader, now or after a crash, sees the old or the new content and nothing between.

        Which of them it is after a crash is left open without `sync`, and without `sync_name` until the directory is synced.
        """
        temporary = path + TEMPORARY_SUFFIX
        self.write_file(temporary, content, sync=sync)
        self.rename(temporary, path)
        if sync and sync_name:
            self.fsync_directory(os.path.dirname(path))

    def fsync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        self._open_and(self.fsync_names, path)

    def fsync_file(self, path: str) -> None:
        """Make a file durable that is not open."""
        self._open_and(self.fsync, path)

    def _open_and(self, sync: Callable[[int], None], path: str) -> None:
        fd = self.open(path, READ_ONLY)
        try:
            sync(fd)
        finally:
            self.close(fd)

    def remove_tree(self, path: str) -> None:
        """Remove a directory of files, as far as it is still there; directories in it are left, and it with them."""
        for name in self.listdir(path):
            file = os.path.join(path, name)
            if not self.is_directory(file):
                self.unlink(file)
        self.rmdir(path)


class OpenFile:
    """An open file descriptor, closed when the last one who holds this object lets go of it.

    A reader that sends from a segment therefore keeps it readable, whatever happens to its name. `path`: for people, as it is called now.
    """

    __slots__ = ("__weakref__", "_close", "fd", "path", "recent")

    def __init__(self, files: Files, path: str, flags: int) -> None:
        self.recent = True
        self.path = path
        self._close: Any = None
        self.fd = files.open(path, flags, 0o644)
        self._close = files.close

    def __del__(self) -> None:
        if self._close is not None:
            self._close(self.fd)


class FileOwner(Protocol):
    """One that can let go of its open file and open it again later."""

    open_file: OpenFile | None

    def let_go(self) -> None: ...


class FilePool:
    """Bounds how many segment files are open at once, by second chance: who was used since the last look stays.

    A use costs its owner one attribute (`file.recent = True`); the work is done when a file is opened. Nothing is kept alive from here: a
    deleted segment's space is given back when its owner lets go.
    """

    __slots__ = ("_owners", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._owners: deque[tuple[ref[FileOwner], ref[OpenFile]]] = deque()

    def add(self, owner: FileOwner, file: OpenFile) -> None:
        """Note an open file; others may be let go."""
        owners = self._owners
        chances = len(owners)
        while len(owners) >= self.limit:
            entry = owners.popleft()
            other, others_file = entry[0](), entry[1]()
            if other is None or others_file is None or other.open_file is not others_file:
                continue
            chances -= 1
            if others_file.recent and chances >= 0:
                others_file.recent = False
                owners.append(entry)
            else:
                other.let_go()
        owners.append((ref(owner), ref(file)))


def default_open_files() -> int:
    """A quarter of what the process may open, for segments."""
    soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(MIN_OPEN_FILES, min(soft_limit if soft_limit > 0 else 1 << 16, 1 << 16) // 4)


def storage_error(action: str, path: str, error: OSError) -> StorageError:
    """Say what the operating system said, in one sentence that names the file."""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return DiskFullError(f"no space is left to {action} {path}: {reason}")
    if error.errno in OUT_OF_DESCRIPTORS:
        return NoDescriptorError(f"no descriptor is left to {action} {path}: {reason}; raise the limit of open files (ulimit -n)")
    if error.errno == errno.ENOENT and action == "flush":
        reason += ". It was removed while the broker wrote to it: bring it back from a copy, or begin in an empty directory"
    return StorageError(f"cannot {action} {path}: {reason}")
