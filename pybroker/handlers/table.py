"""Every handler module: importing this fills the registry."""

from __future__ import annotations

from pybroker.handlers import (
    api_versions,
    cluster,
    configs,
    fetch,
    find_coordinator,
    group_admin,
    group_membership,
    group_offsets,
    metadata,
    offsets,
    produce,
    producer_ids,
    records_admin,
    topics,
)

__all__ = [
    "api_versions",
    "cluster",
    "configs",
    "fetch",
    "find_coordinator",
    "group_admin",
    "group_membership",
    "group_offsets",
    "metadata",
    "offsets",
    "produce",
    "producer_ids",
    "records_admin",
    "topics",
]
