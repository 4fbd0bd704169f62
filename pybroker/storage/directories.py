"""Taking possession of log directories: make them, lock them, and see whose they are.

A directory that cannot be read or written (a disk that broke, a mount that is missing, rights) is offline if another can be used: what lies
in it is not served, and nothing takes its place. One that is locked, or belongs to others, is a mistake of whoever started the broker, and
nothing starts.

A directory without `meta.properties` is formatted if no logs lie in it. One that belongs to another cluster or another node is refused: to
serve or to recover it would mix two histories.

(Kafka: MetaPropertiesEnsemble, BrokerMetadataCheckpoint, StorageTool.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile
from pybroker.storage.errors import DataDirectoryError, UnusableDirectory
from pybroker.storage.files import FULL, OUT_OF_DESCRIPTORS, Files, storage_error
from pybroker.storage.lock import DirectoryLock
from pybroker.storage.metadata_files import MetaProperties, read_meta_properties, take_clean_shutdown, write_meta_properties
from pybroker.wire.uuids import RESERVED_DIRECTORY_IDS, ZERO_UUID, to_text

T = TypeVar("T")

PROBE = ".probe.tmp"


@dataclass(slots=True)
class LogDirectory:
    """One log directory, locked unless it is offline. `clean`: its last user closed it. `directory_id`: 16 bytes (KIP-858).

    `failure`: why it is offline. `is_new`: it was empty, beside others that were not.
    """

    path: str
    lock: DirectoryLock | None = None
    clean: bool = False
    directory_id: bytes = ZERO_UUID
    failure: str | None = None
    is_new: bool = False

    def fail(self, reason: str) -> None:
        """Use it no more."""
        self.failure = reason
        self.clean = False


def open_directories(
    files: Files, paths: Sequence[str], cluster_id: str | None, node_id: int, rng: Random
) -> tuple[list[LogDirectory], str]:
    """Lock and check all, format those that are new. Returns them, by their absolute paths, and the cluster's id.

    Raises DataDirectoryError, and then holds none.
    """
    opened = [LogDirectory(path) for path in dict.fromkeys(map(os.path.abspath, paths))]
    try:
        found = [_attempt(directory, partial(_take, files, directory, node_id)) for directory in opened]
        cluster_id = cluster_of(found, [directory.path for directory in opened], cluster_id) or _new_cluster_id(rng)
        for directory, meta in zip(opened, found, strict=True):
            _attempt(directory, partial(_settle, files, directory, meta, cluster_id, node_id, rng))
            directory.is_new = meta is None and any(found)
        check_usable(opened)
    except BaseException:
        release_all(opened)
        raise
    return opened, cluster_id


def check_usable(directories: list[LogDirectory]) -> None:
    """Raises DataDirectoryError if all are offline."""
    failures = [directory.failure for directory in directories if directory.failure is not None]
    if failures and len(failures) == len(directories):
        raise UnusableDirectory(failures[0] if len(failures) == 1 else "no data directory can be used: " + "; ".join(failures))


def sync_names(files: Files, directories: list[LogDirectory]) -> None:
    """Make the names of deleted logs durable. One that came back after a power failure, without its topic id, would be taken for that of a
    new topic of its name. An offline directory cannot, and must keep nothing else from being served. Raises StorageError.
    """
    for directory in directories:
        if directory.failure is not None:
            continue
        try:
            files.fsync_directory(directory.path)
        except OSError as error:
            raise storage_error("sync", directory.path, error) from error


def release_all(directories: list[LogDirectory]) -> None:
    """Give up the locks."""
    for directory in directories:
        if directory.lock is not None:
            directory.lock.release()
    directories.clear()


def probe(files: Files, path: str) -> str | None:
    """Whether a directory can still be written to: None, or why not. That it is full is no reason. Blocking."""
    name = os.path.join(path, PROBE)
    try:
        files.write_file(name, b"pybroker", sync=True)
        files.unlink(name)
    except OSError as error:
        if error.errno in FULL or error.errno in OUT_OF_DESCRIPTORS:
            return None
        return f"{path} cannot be written to: {error.strerror or error}"
    return None


def _attempt(directory: LogDirectory, step: Callable[[], T]) -> T | None:
    """Do something with a directory that is not offline, which it is afterwards if that failed."""
    if directory.failure is not None:
        return None
    try:
        return step()
    except UnusableDirectory as error:
        directory.fail(str(error))
    except OSError as error:
        directory.fail(f"{directory.path} cannot be used: {error.filename or directory.path}: {error.strerror}")
    return None


def _take(files: Files, directory: LogDirectory, node_id: int) -> MetaProperties | None:
    _make(files, directory.path)
    check_owner(files, directory.path, node_id)  # what is not ours stays as it is: it gets no lock
    directory.lock = DirectoryLock(files, directory.path)
    return check_owner(files, directory.path, node_id)


def _settle(files: Files, directory: LogDirectory, meta: MetaProperties | None, cluster_id: str, node_id: int, rng: Random) -> None:
    directory.directory_id = _format(files, directory.path, meta, cluster_id, node_id, rng)
    directory.clean = take_clean_shutdown(files, directory.path)


def _make(files: Files, path: str) -> None:
    made = [] if files.exists(os.path.join(path, layout.META_PROPERTIES)) else [os.path.dirname(os.path.abspath(path))]
    while made and not files.exists(made[-1]):
        made.append(os.path.dirname(made[-1]))
    try:
        files.makedirs(path, exist_ok=True)
        for parent in made:
            files.fsync_directory(parent)
    except OSError as error:
        raise UnusableDirectory(
            f"{path} cannot be made or is no directory ({error.strerror}). "
            "Choose another data directory, or give the broker's user the right to write there."
        ) from error


def check_owner(files: Files, path: str, node_id: int) -> MetaProperties | None:
    """Whose a directory is; None if it says nothing and holds nothing. Writes nothing. Raises DataDirectoryError, OSError."""
    try:
        meta = read_meta_properties(files, path)
    except DamagedFile as damage:
        raise UnusableDirectory(f"{damage}. Repair the file, or choose another data directory.") from damage
    if meta is None:
        logs = [name for name in files.listdir(path) if layout.parse_log_directory(name) and files.is_directory(os.path.join(path, name))]
        if logs:
            raise DataDirectoryError(f"{path} holds logs ({logs[0]}) but no meta.properties, so it is not known whose. Put the file back.")
    elif meta.node_id != node_id:
        raise DataDirectoryError(
            f"{path} belongs to node {meta.node_id}, this is node {node_id}. "
            f"Start with node.id={meta.node_id}, or choose another data directory."
        )
    return meta


def cluster_of(found: Sequence[MetaProperties | None], paths: Sequence[str], cluster_id: str | None = None) -> str | None:
    """The id that all agree on. Raises DataDirectoryError."""
    for meta, path in zip(found, paths, strict=True):
        if meta is None:
            continue
        if cluster_id is not None and meta.cluster_id != cluster_id:
            raise DataDirectoryError(
                f"{path} belongs to cluster {meta.cluster_id}, not to {cluster_id}. "
                "Choose another data directory, or start with that cluster id."
            )
        cluster_id = meta.cluster_id
    return cluster_id


def twice(name: str, first: str, second: str) -> DataDirectoryError:
    """Of two logs of one name nothing says which is which."""
    return DataDirectoryError(f"{name} is in {first} and in {second}, another data directory: move one of them away")


def _format(files: Files, path: str, meta: MetaProperties | None, cluster_id: str, node_id: int, rng: Random) -> bytes:
    """Say whose the directory is, if it does not say so in full; returns its id."""
    if meta is not None and meta.directory_id is not None:
        return meta.directory_id
    directory_id = _new_directory_id(rng)
    write_meta_properties(files, path, MetaProperties(cluster_id, node_id, directory_id))
    return directory_id


def _new_cluster_id(rng: Random) -> str:
    """A random uuid that does not begin with a dash, which command lines would take for an option (as Kafka's)."""
    while True:
        text = to_text(rng.randbytes(16))
        if not text.startswith("-"):
            return text


def _new_directory_id(rng: Random) -> bytes:
    while True:
        directory_id = rng.randbytes(16)
        if int.from_bytes(directory_id) >= RESERVED_DIRECTORY_IDS and not to_text(directory_id).startswith("-"):
            return directory_id
