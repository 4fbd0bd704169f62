"""Where snapshots of the metadata log rest: files in its directory, or the memory twin.

    00000000000000001234-0000000007.checkpoint            all that the log says before offset 1234, of which epoch 7 wrote the last
    00000000000000001234-0000000007.checkpoint.part       being written
    00000000000000001234-0000000007.checkpoint.deleted    being removed, by a Kafka broker

A snapshot is there as a whole or not at all: it is written beside its place, made durable, and renamed. What a stop left in between is
removed by `tidy`. (Kafka: Snapshots, FileRawSnapshotWriter.)
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple, Protocol

from pybroker.storage import layout
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, storage_error
from pybroker.storage.interface import Log

PART = ".part"
_NAME = re.compile(r"(?P<offset>[0-9]{20})-(?P<epoch>[0-9]{10})\.checkpoint(?P<state>\.part|\.deleted)?")


class SnapshotId(NamedTuple):
    """The offset that a snapshot ends before, and the epoch of the last record before it. Larger is later."""

    end_offset: int
    epoch: int

    @property
    def file_name(self) -> str:
        return f"{self.end_offset:020d}-{self.epoch:010d}{layout.METADATA_SNAPSHOT}"


class SnapshotFiles(Protocol):
    """The snapshots of one log. All calls may block and raise StorageError."""

    def ids(self) -> list[SnapshotId]:
        """All that are there, the latest first."""
        ...

    def read(self, snapshot: SnapshotId) -> bytes: ...

    def size_bytes(self, snapshot: SnapshotId) -> int: ...

    def write(self, snapshot: SnapshotId, content: bytes) -> None:
        """Keep a snapshot, durably."""
        ...

    def delete(self, snapshot: SnapshotId) -> None: ...

    def tidy(self) -> None:
        """Remove what was half written or half removed."""
        ...

    def bootstrap(self) -> bytes | None:
        """What a Kafka before 4.4 left beside the logs when it formatted the directory (`bootstrap.checkpoint`); None: nothing."""
        ...

    def quorum_state(self) -> bytes | None:
        """What Kafka noted last of the quorum that writes the log (`quorum-state`, JSON); None: nothing."""
        ...

    def forget_quorum_state(self) -> None:
        """Take the note away, durably."""
        ...


def snapshot_files_of(log: Log) -> SnapshotFiles:
    """The place for snapshots that goes with a log: its directory, or memory that lives as long as the log."""
    home: Any = getattr(log, "home")  # noqa: B009 - what a log lives in is no part of its contract
    found: SnapshotFiles = home.snapshot_files()
    return found


class DiskSnapshots:
    """Files in a log's directory, which may not be there yet."""

    __slots__ = ("_directory", "_files")

    def __init__(self, files: Files, directory: str) -> None:
        self._files = files
        self._directory = directory

    def _path(self, snapshot: SnapshotId) -> str:
        return os.path.join(self._directory, snapshot.file_name)

    def _names(self) -> list[re.Match[str]]:
        try:
            names = self._files.listdir(self._directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error("list", self._directory, error) from error
        return [match for match in map(_NAME.fullmatch, names) if match is not None]

    def ids(self) -> list[SnapshotId]:
        """See `SnapshotFiles`."""
        return sorted((SnapshotId(int(name["offset"]), int(name["epoch"])) for name in self._names() if not name["state"]), reverse=True)

    def read(self, snapshot: SnapshotId) -> bytes:
        """See `SnapshotFiles`."""
        try:
            return self._files.read_file(self._path(snapshot))
        except OSError as error:
            raise storage_error("read", self._path(snapshot), error) from error

    def size_bytes(self, snapshot: SnapshotId) -> int:
        """See `SnapshotFiles`."""
        try:
            return self._files.size(self._path(snapshot))
        except OSError as error:
            raise storage_error("look at", self._path(snapshot), error) from error

    def write(self, snapshot: SnapshotId, content: bytes) -> None:
        """See `SnapshotFiles`."""
        path = self._path(snapshot)
        try:
            self._files.write_file(path + PART, content, sync=True)
            self._files.rename(path + PART, path)
            self._files.fsync_directory(self._directory)
        except OSError as error:
            raise storage_error("write", path, error) from error

    def delete(self, snapshot: SnapshotId) -> None:
        """See `SnapshotFiles`."""
        self._unlink(snapshot.file_name)

    def tidy(self) -> None:
        """See `SnapshotFiles`."""
        for name in self._names():
            if name["state"]:
                self._unlink(name[0])

    def bootstrap(self) -> bytes | None:
        """See `SnapshotFiles`."""
        return self._read_if_there(os.path.join(os.path.dirname(self._directory), layout.BOOTSTRAP_CHECKPOINT))

    def quorum_state(self) -> bytes | None:
        """See `SnapshotFiles`."""
        return self._read_if_there(os.path.join(self._directory, layout.QUORUM_STATE))

    def forget_quorum_state(self) -> None:
        """See `SnapshotFiles`."""
        self._unlink(layout.QUORUM_STATE)
        try:
            self._files.fsync_directory(self._directory)
        except OSError as error:
            raise storage_error("sync", self._directory, error) from error

    def _read_if_there(self, path: str) -> bytes | None:
        try:
            return self._files.read_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error("read", path, error) from error

    def _unlink(self, name: str) -> None:
        path = os.path.join(self._directory, name)
        try:
            self._files.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("remove", path, error) from error


class MemorySnapshots:
    """The memory twin."""

    __slots__ = ("_contents",)

    def __init__(self) -> None:
        self._contents: dict[SnapshotId, bytes] = {}

    def ids(self) -> list[SnapshotId]:
        """See `SnapshotFiles`."""
        return sorted(self._contents, reverse=True)

    def read(self, snapshot: SnapshotId) -> bytes:
        """See `SnapshotFiles`."""
        content = self._contents.get(snapshot)
        if content is None:
            raise StorageError(f"there is no {snapshot.file_name}")
        return content

    def size_bytes(self, snapshot: SnapshotId) -> int:
        """See `SnapshotFiles`."""
        return len(self.read(snapshot))

    def write(self, snapshot: SnapshotId, content: bytes) -> None:
        """See `SnapshotFiles`."""
        self._contents[snapshot] = content

    def delete(self, snapshot: SnapshotId) -> None:
        """See `SnapshotFiles`."""
        self._contents.pop(snapshot, None)

    def tidy(self) -> None:
        """Nothing is ever half done."""

    def bootstrap(self) -> bytes | None:
        """Nobody formatted it."""
        return None

    def quorum_state(self) -> bytes | None:
        """There was never another."""
        return None

    def forget_quorum_state(self) -> None:
        """There was never another."""
