"""The metadata against the logs: which of them it does not know, and which it knows and nobody finds.

It is read as a start reads it: up to the first batch that is not whole. What was said behind that is lost, and logs of which it was said
are put aside by a start, so this is told while the bytes are still there.

A partition that was never written has no log (pybroker makes it with the first batch). So of one that is not there it counts what the
checkpoints say: they name each log that was. What lies in a directory that is not given cannot be looked up, and a start has it offline.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pybroker.core.cluster import ClusterImage
from pybroker.core.log_directories import directory_of, is_assigned
from pybroker.core.wording import counted
from pybroker.inspection.findings import Finding, note
from pybroker.runtime.log_places import is_of_others
from pybroker.runtime.metadata_reading import MetadataReading
from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile
from pybroker.storage.files import Files
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.resting import RestingLog
from pybroker.storage.snapshot_files import DiskSnapshots
from pybroker.wire.uuids import to_text

Key = tuple[str, int]

PUTS_ASIDE = "puts it aside under a name that ends in -stray, and serves it to nobody"
MOST_NAMED = 20


@dataclass(slots=True)
class Metadata:
    """What a start would know. `lost_its_end`: not all that was written; what is left ends at `end_offset`."""

    path: str
    image: ClusterImage
    end_offset: int
    lost_its_end: bool


def read_metadata(files: Files, path: str) -> Metadata:
    """The latest whole snapshot, and the log behind that as far as it is whole. Raises LostMetadata, StorageError."""
    log = RestingLog(files, path)
    reading = MetadataReading(log, DiskSnapshots(files, path))
    image = ClusterImage("")
    for _, records in reading.load():
        image.replay(records)
    return Metadata(path, image, max(reading.begin, log.log_end_offset), lost_its_end=not log.is_whole)


# --- logs that are there


def compare_log(files: Files, metadata: Metadata, key: Key, path: str) -> Iterator[Finding]:
    """Whether the metadata knows a log by its topic id. Raises OSError."""
    topic, partition = key
    known = metadata.image.topics.get(topic)
    if known is None or partition >= len(known.partitions):
        yield _unknown(metadata, path)
        return
    try:
        topic_id = read_partition_metadata(files, path)
    except DamagedFile:
        return
    file = os.path.join(path, layout.PARTITION_METADATA)
    if topic_id is None:
        yield note(file, "it is not there", "gives the log the id of its topic")
    elif topic_id != known.topic_id:
        what = f"it is a log of topic id {to_text(topic_id)}, but {topic} has the id {to_text(known.topic_id)} in the metadata"
        yield Finding(file, what, next_start=f"takes it for the log of a topic that was deleted, and {PUTS_ASIDE}")


def _unknown(metadata: Metadata, path: str) -> Finding:
    what = "the metadata does not know this partition"
    if not metadata.lost_its_end:
        return note(path, what, PUTS_ASIDE)
    return Finding(
        path,
        f"{what}: it lost its end, is whole up to offset {metadata.end_offset} only, and may have told of it behind",
        next_start=PUTS_ASIDE,
    )


# --- logs that are not


def missing(
    metadata: Metadata, node_id: int, given: Collection[bytes], present: Collection[Key], ends: Mapping[Key, int]
) -> Iterator[Finding]:
    """Partitions of this node that lie in none of the directories. `given`: the ids of these. `ends`: what checkpoints say of logs."""
    away: dict[bytes, list[tuple[bool, str]]] = {}
    for topic in metadata.image.topics.values():
        for partition in topic.partitions:
            key = topic.name, partition.index
            if key in present or node_id not in partition.replicas or is_of_others(partition, node_id):
                continue
            directory_id = directory_of(partition, node_id)
            if is_assigned(directory_id) and directory_id not in given:
                away.setdefault(directory_id, []).append((topic.is_internal, layout.log_directory_name(*key)))
            elif ends.get(key, 0) > 0:
                name = layout.log_directory_name(*key)
                what = f"the log of {name} is missing: the metadata has it here, the checkpoints up to offset {ends[key]}"
                yield Finding(metadata.path, what, next_start="lets it begin anew, empty: put the log back before")
    for directory_id, names in away.items():
        yield _away(metadata, directory_id, [name for _, name in sorted(names, key=lambda one: one[0])])


def _away(metadata: Metadata, directory_id: bytes, names: list[str]) -> Finding:
    """All of one directory in one line, what people wrote first: there may be thousands."""
    shown = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else "")
    lie, it = ("lies", "it") if len(names) == 1 else ("lie", "them")
    what = f"{counted(len(names), 'partition')} ({shown}) {lie} in a data directory that is not here, of the id {to_text(directory_id)}"
    return Finding(metadata.path, what, next_start=f"has {it} offline, unless that directory is given too")
