"""Record bytes at rest: a piece of a file, or pieces of memory. Both stay readable until they are dropped (see `OpenFile`)."""

from __future__ import annotations

from collections.abc import Sequence

from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, OpenFile
from pybroker.wire.buffers import Buffer


class FileSlice:
    """`len()` bytes from `position` of a file. Made for sendfile(fileno(), position, len)."""

    __slots__ = ("_file", "_files", "_size_bytes", "position")

    def __init__(self, files: Files, file: OpenFile, position: int, size_bytes: int) -> None:
        self._files = files
        self._file = file
        self.position = position
        self._size_bytes = size_bytes

    def __len__(self) -> int:
        return self._size_bytes

    def fileno(self) -> int:
        """The descriptor, valid as long as the slice is held."""
        return self._file.fd

    def read(self) -> bytes:
        """All bytes in one object. Raises StorageError if the file cannot give them."""
        return read_fully(self._files, self._file, self.position, self._size_bytes)

    def buffers(self) -> Sequence[Buffer]:
        """None: the bytes are not in memory."""
        return ()


class MemorySlice:
    """Bytes as they lie in memory."""

    __slots__ = ("_buffers", "_size_bytes")

    def __init__(self, buffers: Sequence[Buffer], size_bytes: int) -> None:
        self._buffers = buffers
        self._size_bytes = size_bytes

    def __len__(self) -> int:
        return self._size_bytes

    def read(self) -> bytes:
        """All bytes in one object."""
        return b"".join(self._buffers)

    def buffers(self) -> Sequence[Buffer]:
        """The pieces, in order."""
        return self._buffers


def read_fully(files: Files, file: OpenFile, position: int, size_bytes: int) -> bytes:
    """`size_bytes` from `position`. Raises StorageError where the file ends before or cannot be read."""
    try:
        data = files.pread(file.fd, size_bytes, position)
        if len(data) == size_bytes:
            return data
        parts = [data]
        while data:  # Linux gives at most 2 GiB a call
            position += len(data)
            size_bytes -= len(data)
            data = files.pread(file.fd, size_bytes, position)
            parts.append(data)
    except OSError as error:
        raise StorageError(f"cannot read {file.path} at byte {position}: {error.strerror}") from error
    if size_bytes:
        raise StorageError(f"{file.path} ends at byte {position}, {size_bytes} bytes early: it was cut by somebody else")
    return b"".join(parts)
