"""Every handler module: importing this fills the registry. `python -m pybroker.handlers.table` writes `offers.py` from it."""

from __future__ import annotations

from pathlib import Path

from pybroker.handlers import (
    api_versions,
    cluster,
    configs,
    fetch,
    find_coordinator,
    group_admin,
    group_membership,
    group_offsets,
    log_dirs,
    metadata,
    offsets,
    produce,
    producer_ids,
    records_admin,
    topics,
    transaction_markers,
    transactional_offsets,
    transactions,
)
from pybroker.handlers.registry import REGISTRY

__all__ = [
    "api_versions",
    "cluster",
    "configs",
    "fetch",
    "find_coordinator",
    "group_admin",
    "group_membership",
    "group_offsets",
    "log_dirs",
    "metadata",
    "offsets",
    "produce",
    "producer_ids",
    "records_admin",
    "topics",
    "transaction_markers",
    "transactional_offsets",
    "transactions",
]

_HEAD = '''\
"""Written by `python -m pybroker.handlers.table` from the handlers' declarations. Do not edit; a test keeps it fresh."""

from __future__ import annotations

from typing import NamedTuple


class Offer(NamedTuple):
    """What is known of an API before its handler's module is imported."""

    module: str
    min_version: int
    max_version: int
    cacheable: bool


OFFERS = {
'''


def offers_source() -> str:
    """The text of offers.py. `min_version` is the advertised one."""
    lines = [
        f'    {key}: Offer("{one.handler.__module__}", {one.advertised_min_version}, {one.max_version}, {one.cacheable}),\n'
        for key, one in sorted(REGISTRY.items())
    ]
    return f"{_HEAD}{''.join(lines)}}}\n"


if __name__ == "__main__":
    Path(__file__).with_name("offers.py").write_text(offers_source(), "utf-8")
