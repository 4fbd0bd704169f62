"""The small files that say whose a directory is: `meta.properties`, `partition.metadata`, `.kafka_cleanshutdown`.

`meta.properties` is a Java properties file (KIP-858); `partition.metadata` two lines of `name: value` (KIP-516); the clean shutdown file is
JSON (KIP-966), but what counts is that it is there: it is removed, durably, before anything else happens to the directory.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile
from pybroker.storage.files import Files
from pybroker.wire.uuids import from_text, to_text

META_VERSION = 1
PARTITION_VERSION = 0
UNKNOWN_BROKER_EPOCH = -1


class MetaProperties(NamedTuple):
    """What `meta.properties` says. `directory_id`: 16 bytes, None in directories of before KIP-858."""

    cluster_id: str
    node_id: int
    directory_id: bytes | None


def parse_properties(text: str) -> dict[str, str]:
    """Java properties, as far as broker-made files go: comments, `=` or `:`, backslash before a special character."""
    found = {}
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#!":
            continue
        separator = min((at for at in (line.find("="), line.find(":")) if at >= 0), default=len(line))
        value = line[separator + 1 :].strip()
        for special in ":=#!":
            value = value.replace("\\" + special, special)
        found[line[:separator].strip()] = value
    return found


def read_meta_properties(files: Files, directory: str) -> MetaProperties | None:
    """None if the directory has no such file. Raises DamagedFile."""
    path = os.path.join(directory, layout.META_PROPERTIES)
    try:
        properties = parse_properties(files.read_file(path).decode("latin-1"))
    except FileNotFoundError:
        return None
    version = properties.get("version")
    if version != str(META_VERSION):
        raise DamagedFile(f"{path} has version {version}, where {META_VERSION} is expected (0 is that of a broker with ZooKeeper)")
    missing = [name for name in ("cluster.id", "node.id") if not properties.get(name)]
    if missing:
        raise DamagedFile(f"{path} has no {' and no '.join(missing)}")
    directory_id = properties.get("directory.id")
    try:
        return MetaProperties(properties["cluster.id"], int(properties["node.id"]), from_text(directory_id) if directory_id else None)
    except ValueError as error:
        raise DamagedFile(f"{path}: {error}") from error


def write_meta_properties(files: Files, directory: str, meta: MetaProperties) -> None:
    """Replace the file, durably."""
    lines = ["#", f"node.id={meta.node_id}", f"version={META_VERSION}", f"cluster.id={meta.cluster_id}"]
    if meta.directory_id is not None:
        lines.insert(2, f"directory.id={to_text(meta.directory_id)}")
    files.replace_file(os.path.join(directory, layout.META_PROPERTIES), "\n".join([*lines, ""]).encode("latin-1"))


def read_partition_metadata(files: Files, directory: str) -> bytes | None:
    """The topic id, 16 bytes; None if there is no such file. Raises DamagedFile."""
    path = os.path.join(directory, layout.PARTITION_METADATA)
    try:
        text = files.read_file(path).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    if fields.get("version") != str(PARTITION_VERSION) or "topic_id" not in fields:
        raise DamagedFile(f"{path} says {text[:60]!r}, where version {PARTITION_VERSION} and topic_id are expected")
    try:
        return from_text(fields["topic_id"].strip())
    except ValueError as error:
        raise DamagedFile(f"{path}: {error}") from error


def write_partition_metadata(files: Files, directory: str, topic_id: bytes) -> None:
    """Replace the file; `Log.flush` makes it durable with the rest of the log."""
    content = f"version: {PARTITION_VERSION}\ntopic_id: {to_text(topic_id)}"
    files.replace_file(os.path.join(directory, layout.PARTITION_METADATA), content.encode(), sync=False)


def take_clean_shutdown(files: Files, directory: str) -> bool:
    """Whether the last process that used the directory said good-bye; its mark is taken away, durably."""
    path = os.path.join(directory, layout.CLEAN_SHUTDOWN)
    try:
        files.unlink(path)
    except FileNotFoundError:
        return False
    files.fsync_directory(directory)
    return True


def write_clean_shutdown(files: Files, directory: str) -> None:
    """Leave the mark. The broker epoch is what this broker would be given anew at its next start, so none is kept."""
    content = json.dumps({"version": 0, "brokerEpoch": UNKNOWN_BROKER_EPOCH}, separators=(",", ":"))
    files.replace_file(os.path.join(directory, layout.CLEAN_SHUTDOWN), content.encode())
