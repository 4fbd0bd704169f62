"""What a path is: by its name, and where the name says nothing, by its first bytes.

A copy of a segment may be called anything, so `.log` in any name means a segment, and a file without a telling name is looked into. The
topic is that of the directory around it (`orders-0`), if it has such a name: it tells how records of internal topics are read.
"""

from __future__ import annotations

import os
import re
from enum import Enum
from typing import NamedTuple

from pybroker.core.cluster import METADATA_TOPIC
from pybroker.records.batch import CURRENT_MAGIC, HEADER_SIZE_UP_TO_MAGIC, MAGIC_AT, MIN_LENGTH
from pybroker.storage import layout
from pybroker.storage.files import READ_ONLY, Files
from pybroker.wire.stored import CONSUMER_OFFSETS, SHARE_GROUP_STATE, TRANSACTION_STATE

HEAD_BYTES = 64


class Kind(Enum):
    """Kinds of files; the value is what a person calls it."""

    SEGMENT = "segment"
    INDEX = "offset index"
    TIME_INDEX = "time index"
    TRANSACTION_INDEX = "transaction index"
    PRODUCER_SNAPSHOT = "producer snapshot"
    METADATA_SNAPSHOT = "metadata snapshot"
    EPOCHS = "leader epoch checkpoint"
    OFFSETS = "offset checkpoint"
    META_PROPERTIES = "meta.properties"
    PARTITION_METADATA = "partition.metadata"
    CLEAN_SHUTDOWN = "mark of a clean shutdown"
    QUORUM_STATE = "quorum state"
    LOCK = "lock"
    UNKNOWN = "unknown"


BY_SUFFIX = {
    layout.LOG: Kind.SEGMENT,
    layout.INDEX: Kind.INDEX,
    layout.TIME_INDEX: Kind.TIME_INDEX,
    layout.TRANSACTION_INDEX: Kind.TRANSACTION_INDEX,
    layout.SNAPSHOT: Kind.PRODUCER_SNAPSHOT,
    layout.METADATA_SNAPSHOT: Kind.METADATA_SNAPSHOT,
}
BY_NAME = {
    layout.LEADER_EPOCH_CHECKPOINT: Kind.EPOCHS,
    layout.META_PROPERTIES: Kind.META_PROPERTIES,
    layout.PARTITION_METADATA: Kind.PARTITION_METADATA,
    layout.CLEAN_SHUTDOWN: Kind.CLEAN_SHUTDOWN,
    layout.QUORUM_STATE: Kind.QUORUM_STATE,
    layout.LOCK: Kind.LOCK,
}
OFFSETS_ENDING = "-offset-checkpoint"
DECODERS = {
    "consumer-offsets": CONSUMER_OFFSETS,
    "transaction-state": TRANSACTION_STATE,
    "share-group-state": SHARE_GROUP_STATE,
    "metadata": METADATA_TOPIC,
    "none": "",
}
"""What `--decode` takes, and the internal topic whose records it means."""

_STATES = re.compile(r"(\.(deleted|cleaned|swap|part|tmp|damaged-[0-9]+))+$")
_BASE_OFFSET = re.compile(r"([0-9]{20})[.-]")
_CHECKPOINT = re.compile(rb"0\r?\n[0-9]+\r?\n")


class Place(NamedTuple):
    """A file: what it is, the topic and partition of its directory, and the offset in its name."""

    path: str
    kind: Kind
    topic: str | None = None
    partition: int | None = None
    base_offset: int | None = None

    @property
    def internal_topic(self) -> str:
        """The topic by whose schemas records here are read; empty: they are anybody's."""
        if self.kind is Kind.METADATA_SNAPSHOT:
            return METADATA_TOPIC
        return self.topic if self.topic in DECODERS.values() and self.topic else ""


def place_of(files: Files, path: str) -> Place:
    """What a file is. Raises OSError."""
    directory, name = os.path.split(os.path.abspath(path))
    topic, partition = _log_of(directory)
    kind = kind_of_name(name)
    if kind is None:
        kind = _by_content(read_head(files, path))
    base = _BASE_OFFSET.match(name)
    return Place(path, kind, topic, partition, int(base[1]) if base is not None else None)


def _log_of(directory: str) -> tuple[str | None, int | None]:
    return layout.parse_log_directory(re.sub(r"\.[0-9a-f]{32}-(delete|future|stray)$", "", os.path.basename(directory))) or (None, None)


def is_log(files: Files, path: str) -> bool:
    """Whether a directory is one, by its name and by what lies in it: others end in a dash and a number, too. Raises OSError."""
    if layout.parse_log_directory(os.path.basename(path)) is None or not files.is_directory(path):
        return False
    return any(layout.is_known_in_partition(name) for name in files.listdir(path))


def kind_of_name(name: str) -> Kind | None:
    """What a name says; None if it says nothing."""
    stem = _STATES.sub("", name)
    if stem in BY_NAME:
        return BY_NAME[stem]
    if stem.endswith(OFFSETS_ENDING):
        return Kind.OFFSETS
    return next((kind for suffix, kind in BY_SUFFIX.items() if stem.endswith(suffix)), None)


def read_head(files: Files, path: str) -> bytes:
    """The first bytes of a file. Raises OSError."""
    fd = files.open(path, READ_ONLY)
    try:
        return files.pread(fd, HEAD_BYTES, 0)
    finally:
        files.close(fd)


def _by_content(head: bytes) -> Kind:
    if len(head) >= HEADER_SIZE_UP_TO_MAGIC and head[MAGIC_AT] <= CURRENT_MAGIC:
        length = int.from_bytes(head[8:12], signed=True)
        if head[0] < 0x80 and length >= MIN_LENGTH:
            return Kind.SEGMENT
    if _CHECKPOINT.match(head):
        third = head.split(b"\n")[2].split()
        return Kind.OFFSETS if len(third) == 3 else Kind.EPOCHS
    if head.startswith(b"version: ") and b"topic_id: " in head:
        return Kind.PARTITION_METADATA
    return Kind.UNKNOWN


def why_unknown(head: bytes) -> str:
    """Words for a file that is nothing of Kafka's."""
    if not head:
        return "is empty, and its name does not say what it was to be"
    if not any(head):
        return "begins with zeros, and its name does not say what it was to be"
    return f"is no file of a Kafka data directory: neither its name nor its first bytes ({head[:8].hex(' ')}) say so"
