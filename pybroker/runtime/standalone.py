"""A start on the directory of one broker of several: refused, or, if that was asked for, without the others from then on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NoReturn

from pybroker.core.cluster import ClusterImage
from pybroker.core.standalone import IsHere, others, refusal, shown, stand_alone
from pybroker.runtime.metadata_reading import MetadataReading
from pybroker.storage.interface import DataDirectoryError
from pybroker.wire.uuids import to_text

log = logging.getLogger("pybroker")


def other_nodes(image: ClusterImage, node_id: int, reading: MetadataReading) -> list[int]:
    """The brokers and controllers beside this one, as far as the log and what lies beside it tell."""
    return sorted({*others(image, node_id), *reading.other_voters(node_id)})


def refuse(image: ClusterImage, node_id: int, left: list[int], path: str, is_here: IsHere) -> NoReturn:
    """Nobody asked to leave the others behind. Raises DataDirectoryError."""
    raise DataDirectoryError(refusal(image, node_id, left, path, is_here))


def check_complete(image: ClusterImage, node_id: int, failure: str | None, log_dirs: Sequence[bytes | None]) -> None:
    """What lies in a directory that is away would count as that of others, for good. Raises DataDirectoryError.

    `failure`: why a directory that was given cannot be used. `log_dirs`: the ids of the others.
    """
    own = image.brokers.get(node_id)
    missing = [directory_id for directory_id in own.log_dirs if directory_id not in log_dirs] if own is not None else []
    if failure is None and missing:
        failure = f"the one of the id {to_text(missing[0])} was not given"
    if failure is not None:
        raise DataDirectoryError(f"--standalone needs all data directories of the broker, and one of them is away: {failure}")


def leave_others(image: ClusterImage, node_id: int, left: list[int], is_here: IsHere) -> list[Any]:
    """The records that leave the other nodes behind. Nothing is written yet."""
    alone = stand_alone(image, node_id, is_here)
    ids = ", ".join(map(str, left))
    log.warning("broker %d stands alone from now on; left behind: %s. Its directory must not go back to them.", node_id, ids)
    if alone.behind:
        count, some = len(alone.behind), shown(alone.behind)
        log.warning("%d partitions (%s) were not in sync here: others may have acknowledged records that are missing", count, some)
    return alone.records
