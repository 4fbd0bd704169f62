"""Whether the directories that were given can be those of one broker, before anything is written into them.

A disk that is not mounted looks like a new, empty directory. The metadata says which topics there are, so a broker that does not find it
would begin as a new one, and take all logs for those of topics that never were. So: where logs are, the metadata must be, and in one place
only, for of two nobody can tell which holds what clients were told last. It is never moved from one directory to another, so a crash
leaves none of this.

Whose they are is asked here, too, so that of several that are not of one broker none is made, locked or marked; nor where another broker
has one of them, or two hold logs of one name of which nothing says which is which.

What cannot be looked at is not judged here: `directories` tells of it.

(Kafka: LogManager.createAndValidateLogDirs, MetaPropertiesEnsemble.verify.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile
from pybroker.storage.directories import check_owner, cluster_of, twice
from pybroker.storage.errors import DataDirectoryError, UnusableDirectory
from pybroker.storage.files import Files
from pybroker.storage.lock import holder_of, in_use
from pybroker.storage.metadata_files import MetaProperties, read_meta_properties, read_partition_metadata
from pybroker.wire.uuids import ZERO_UUID


@dataclass(slots=True)
class Glance:
    """What lies in a directory: whether the metadata does, and the name of some log. `is_known`: all of it could be seen.

    `meta`: whose it is, if it says so. `names`: all that is in it.
    """

    path: str
    holds_metadata: bool = False
    log: str | None = None
    is_known: bool = True
    meta: MetaProperties | None = None
    names: Sequence[str] = ()


def check_given(files: Files, paths: Sequence[str]) -> list[Glance]:
    """What lies in them, by their absolute paths. Writes nothing. Raises DataDirectoryError, in words that say what to do."""
    _check_apart(paths)
    seen = [glance(files, os.path.abspath(path)) for path in paths]
    with unless_in_use(files, paths):
        _check_metadata(seen)
    return seen


def check_owners(files: Files, seen: Sequence[Glance], node_id: int) -> None:
    """They must be this node's, of one cluster, and nobody's just now. Writes nothing. Raises DataDirectoryError."""
    paths = [look.path for look in seen]
    for path in paths:
        if holder_of(files, path) is not None:
            raise in_use(path)
    for path in paths:
        with suppress(UnusableDirectory, OSError):
            check_owner(files, path, node_id)
    cluster_of([look.meta for look in seen], paths)
    _check_apart_logs(files, seen)


def _check_apart_logs(files: Files, seen: Sequence[Glance]) -> None:
    """Of two logs of one name the topic ids tell which is which; see `settling` for those that have them."""
    for at, look in enumerate(seen):
        for other in seen[:at]:
            for name in filter(layout.parse_log_directory, sorted({*look.names} & {*other.names})):
                if not any(_has_topic_id(files, os.path.join(path, name)) for path in (other.path, look.path)):
                    raise twice(name, other.path, look.path)


def _has_topic_id(files: Files, path: str) -> bool:
    try:
        return (read_partition_metadata(files, path) or ZERO_UUID) != ZERO_UUID
    except (DamagedFile, OSError):
        return False


@contextmanager
def unless_in_use(files: Files, paths: Sequence[str]) -> Iterator[None]:
    """Before a directory is refused for what lies in it, it is asked whether another broker has one of them, as nothing is locked here:
    what to do about the contents is no advice then, and they may be half written. Raises DataDirectoryError.
    """
    try:
        yield
    except DataDirectoryError:
        for path in map(os.path.abspath, paths):
            if holder_of(files, path) is not None:
                raise in_use(path) from None
        raise


def _check_metadata(seen: Sequence[Glance]) -> None:
    """It must be in one of them, and in no other, if there are logs."""
    holders = [look.path for look in seen if look.holds_metadata]
    if len(holders) > 1:
        raise DataDirectoryError(
            f"{' and '.join(holders)} each hold metadata ({layout.METADATA_LOG}), and only one of them is the cluster's. One of them was "
            "probably made by a start without the other. Find out which is right (pybroker dump shows the topics in it) and move "
            f"{layout.METADATA_LOG} out of the other directory, or do not give that directory."
        )
    orphan = next((look for look in seen if look.log is not None), None)
    if orphan is not None and not holders and all(look.is_known for look in seen):
        raise DataDirectoryError(
            f"{orphan.path} holds logs ({orphan.log}), but no directory that was given holds the metadata ({layout.METADATA_LOG}): is a "
            "disk not mounted, or a directory not given? Give it with --data-dir, or move the logs away."
        )


def _check_apart(paths: Sequence[str]) -> None:
    """Each path must be a place of its own, whatever links lead there."""
    places: dict[str, str] = {}
    for path in paths:
        place = os.path.realpath(path)
        if place in places:
            raise DataDirectoryError(f"{places[place]} and {path} are the same data directory ({place}): give it once")
        places[place] = path
    for place, path in places.items():
        for other, around in places.items():
            if place != other and os.path.commonpath((place, other)) == other:
                raise DataDirectoryError(f"{path} lies in {around}, which is a data directory too: give directories that lie apart")


def glance(files: Files, path: str) -> Glance:
    """Look into a directory; one that is not there is empty."""
    look = Glance(path)
    try:
        names = look.names = files.listdir(path)
        look.holds_metadata = layout.METADATA_LOG in names and _holds_metadata(files, os.path.join(path, layout.METADATA_LOG))
        look.log = next((name for name in sorted(names) if _is_log(files, path, name)), None)
        look.meta = read_meta_properties(files, path)
        look.is_known = look.log is None or look.meta is not None
    except FileNotFoundError:
        pass
    except (OSError, DamagedFile):
        look.is_known = False
    return look


def _is_log(files: Files, path: str, name: str) -> bool:
    is_named = name != layout.METADATA_LOG and (layout.parse_log_directory(name) or layout.parse_future_directory(name))
    return bool(is_named) and files.is_directory(os.path.join(path, name))


def _holds_metadata(files: Files, path: str) -> bool:
    """Whether anything is in it: a process that died at once may have left the name alone."""
    if not files.is_directory(path):
        return False
    for name in files.listdir(path):
        if name.endswith(layout.METADATA_SNAPSHOT):
            return True
        parsed = layout.parse_segment_file(name)
        with suppress(FileNotFoundError):
            if parsed is not None and parsed[1] == layout.LOG and files.size(os.path.join(path, name)):
                return True
    return False
