"""A start on the directory of one broker of several: refused, or, if that was asked for, without the others from then on."""

from __future__ import annotations

import logging
from typing import Any

from pybroker.core.cluster import METADATA_TOPIC, ClusterImage
from pybroker.core.log_directories import Locate
from pybroker.core.standalone import others, refusal, shown, stand_alone
from pybroker.storage.interface import DataDirectoryError, LogStore
from pybroker.wire.uuids import to_text

log = logging.getLogger("pybroker")


def leave_others(
    image: ClusterImage,
    node_id: int,
    voters: set[int],
    store: LogStore,
    log_dirs: list[bytes],
    locate: Locate,
    *,
    standalone: bool,
) -> list[Any] | None:
    """The records that leave the other brokers, and `voters`, behind; None if there are no others. Nothing is written yet.

    Raises DataDirectoryError if nobody asked for that, or not all directories of this broker are there.
    """
    left = sorted({*others(image, node_id), *voters})
    if not left:
        return None

    def is_here(topic: str, topic_id: bytes, partition: int) -> bool:
        return locate(topic, topic_id, partition) is not None

    if not standalone:
        metadata = store.get(METADATA_TOPIC, 0)
        path = metadata.directory if metadata is not None else "the data directory"
        raise DataDirectoryError(refusal(image, node_id, left, path, is_here))
    _check_complete(image, node_id, store, log_dirs)
    alone = stand_alone(image, node_id, is_here)
    ids = ", ".join(map(str, left))
    log.warning("broker %d stands alone from now on; left behind: %s. Its directory must not go back to them.", node_id, ids)
    if alone.behind:
        count, some = len(alone.behind), shown(alone.behind)
        log.warning("%d partitions (%s) were not in sync here: others may have acknowledged records that are missing", count, some)
    return alone.records


def _check_complete(image: ClusterImage, node_id: int, store: LogStore, log_dirs: list[bytes]) -> None:
    """What lies in a directory that is away would count as that of others, for good."""
    failure = next((directory.failure for directory in store.directories() if directory.failure is not None), None)
    own = image.brokers.get(node_id)
    missing = [directory_id for directory_id in own.log_dirs if directory_id not in log_dirs] if own is not None else []
    if failure is None and missing:
        failure = f"the one of the id {to_text(missing[0])} was not given"
    if failure is not None:
        raise DataDirectoryError(f"--standalone needs all data directories of the broker, and one of them is away: {failure}")
