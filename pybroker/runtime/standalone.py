"""A start on the directory of one broker of several: refused, or, if that was asked for, without the others from then on.

Whether it may be is asked twice: of what lies there before anything is taken (`first_look`), and of what was opened, since a directory may
have failed meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from pybroker.core.cluster import ClusterImage
from pybroker.core.standalone import IsHere, others, refusal, stand_alone
from pybroker.core.wording import named
from pybroker.runtime.metadata_reading import MetadataReading
from pybroker.storage.errors import DataDirectoryError
from pybroker.wire.uuids import to_text

log = logging.getLogger("pybroker")


class Present(NamedTuple):
    """What is here of a broker. `path`: of the directory with the metadata. `log_dirs`: the ids of all that can be used. `failure`: why
    another that was given cannot."""

    path: str
    log_dirs: Sequence[bytes | None]
    failure: str | None
    is_here: IsHere


def other_nodes(image: ClusterImage, node_id: int, reading: MetadataReading) -> list[int]:
    """The brokers and controllers beside this one, as far as the log and what lies beside it tell."""
    return sorted({*others(image, node_id), *reading.other_voters(node_id)})


def check_leaving(image: ClusterImage, node_id: int, left: list[int], present: Present, *, standalone: bool) -> None:
    """Others are left behind only if that was asked for, and all that this broker has is here: what lies in a directory that is away would
    count as that of others, for good. Raises DataDirectoryError.
    """
    if not standalone:
        raise DataDirectoryError(refusal(image, node_id, left, present.path, present.is_here))
    own, failure = image.brokers.get(node_id), present.failure
    missing = [directory_id for directory_id in own.log_dirs if directory_id not in present.log_dirs] if own is not None else []
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
        behind = named(alone.behind, "partition")
        log.warning("not in sync here: %s; others may have acknowledged records that are missing", behind)
    return alone.records
