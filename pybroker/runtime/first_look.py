"""What a start reads before it takes anything: the metadata as it lies there. It says whether the directory may be served at all.

A directory that is refused stays as it is, to the byte: `.kafka_cleanshutdown` holds an epoch by which a cluster knows that its broker
stopped cleanly (KIP-966), and a log that is cut here may have been whole for whoever wrote it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from pybroker.core.cluster import ClusterImage
from pybroker.runtime.metadata_reading import MetadataReading
from pybroker.runtime.standalone import Present, check_leaving, other_nodes
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.files import Files
from pybroker.storage.given import Glance, check_owners, unless_in_use
from pybroker.storage.layout import METADATA_LOG
from pybroker.storage.resting import RestingLog, RestingLogs
from pybroker.storage.snapshot_files import DiskSnapshots


class FirstLook(NamedTuple):
    """The metadata up to `log_end_offset`, and how it was read."""

    image: ClusterImage
    reading: MetadataReading
    log_end_offset: int


def look_at(files: Files, seen: Sequence[Glance], node_id: int, *, standalone: bool) -> FirstLook | None:
    """Read the metadata; None if there is none yet. Writes nothing.

    Raises DataDirectoryError: the directories are others', or of one of several brokers; `standalone`: or not all of its own.
    """
    check_owners(files, seen, node_id)
    with unless_in_use(files, [look.path for look in seen]):
        found = _read(files, seen)
        if found is not None:
            left = other_nodes(found.image, node_id, found.reading)
            if left:
                check_leaving(found.image, node_id, left, _present(files, seen), standalone=standalone)
    return found


def _read(files: Files, seen: Sequence[Glance]) -> FirstLook | None:
    holder = next((look for look in seen if look.holds_metadata), None)
    if holder is None or holder.meta is None:
        return None
    path = os.path.join(holder.path, METADATA_LOG)
    image = ClusterImage(holder.meta.cluster_id)
    try:
        log = RestingLog(files, path)
        reading = MetadataReading(log, DiskSnapshots(files, path))
        reading.replay(image)
    except StorageError as error:
        raise DataDirectoryError(f"the metadata log cannot be read: {error}") from error
    return FirstLook(image, reading, log.log_end_offset)


def _present(files: Files, seen: Sequence[Glance]) -> Present:
    path = next(look.path for look in seen if look.holds_metadata)
    known = [look.meta.directory_id for look in seen if look.meta is not None]
    unknown = next((f"{look.path} cannot be looked at" for look in seen if not look.is_known), None)
    return Present(path, known, unknown, RestingLogs(files, [look.path for look in seen]).is_here)
