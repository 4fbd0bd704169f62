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
    0: Offer("pybroker.handlers.produce", 0, 13, False),
    1: Offer("pybroker.handlers.fetch", 4, 18, False),
    2: Offer("pybroker.handlers.offsets", 1, 11, False),
    3: Offer("pybroker.handlers.metadata", 0, 13, True),
    8: Offer("pybroker.handlers.group_offsets", 2, 10, False),
    9: Offer("pybroker.handlers.group_offsets", 1, 10, False),
    10: Offer("pybroker.handlers.find_coordinator", 0, 6, False),
    11: Offer("pybroker.handlers.group_membership", 0, 9, False),
    12: Offer("pybroker.handlers.group_membership", 0, 4, False),
    13: Offer("pybroker.handlers.group_membership", 0, 5, False),
    14: Offer("pybroker.handlers.group_membership", 0, 5, False),
    15: Offer("pybroker.handlers.group_admin", 0, 6, False),
    16: Offer("pybroker.handlers.group_admin", 0, 5, False),
    18: Offer("pybroker.handlers.api_versions", 0, 5, True),
    19: Offer("pybroker.handlers.topics", 2, 7, False),
    20: Offer("pybroker.handlers.topics", 1, 6, False),
    21: Offer("pybroker.handlers.records_admin", 0, 2, False),
    22: Offer("pybroker.handlers.producer_ids", 0, 5, False),
    23: Offer("pybroker.handlers.offsets", 2, 4, False),
    24: Offer("pybroker.handlers.transactions", 0, 5, False),
    25: Offer("pybroker.handlers.transactions", 0, 4, False),
    26: Offer("pybroker.handlers.transactions", 0, 5, False),
    27: Offer("pybroker.handlers.transaction_markers", 1, 2, False),
    28: Offer("pybroker.handlers.transactional_offsets", 0, 6, False),
    32: Offer("pybroker.handlers.configs", 1, 4, False),
    33: Offer("pybroker.handlers.configs", 0, 2, False),
    34: Offer("pybroker.handlers.log_dirs", 1, 2, False),
    35: Offer("pybroker.handlers.log_dirs", 1, 5, False),
    37: Offer("pybroker.handlers.topics", 0, 3, False),
    42: Offer("pybroker.handlers.group_admin", 0, 3, False),
    44: Offer("pybroker.handlers.configs", 0, 1, False),
    47: Offer("pybroker.handlers.group_offsets", 0, 0, False),
    60: Offer("pybroker.handlers.cluster", 0, 2, True),
    61: Offer("pybroker.handlers.producer_ids", 0, 0, False),
    65: Offer("pybroker.handlers.transactions", 0, 0, False),
    66: Offer("pybroker.handlers.transactions", 0, 2, False),
    74: Offer("pybroker.handlers.configs", 0, 1, False),
    75: Offer("pybroker.handlers.metadata", 0, 0, False),
}
