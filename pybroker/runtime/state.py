"""All that a handler may reach: one object per broker, no globals."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from pybroker.runtime.clock import Clock

if TYPE_CHECKING:
    from pybroker.core.fetch_sessions import FetchSessions
    from pybroker.core.settings import Settings
    from pybroker.runtime.controller import Controller
    from pybroker.runtime.groups import GroupCoordinator
    from pybroker.runtime.log_dirs import LogDirs
    from pybroker.runtime.partitions import Partitions
    from pybroker.runtime.seams import ClusterView
    from pybroker.runtime.transactions import TransactionCoordinator


@dataclass(slots=True)
class BrokerState:
    """The rooms of one running broker, as its handlers see them."""

    node_id: int
    clock: Clock
    rng: Random
    settings: Settings
    cluster: ClusterView
    controller: Controller
    partitions: Partitions
    groups: GroupCoordinator
    transactions: TransactionCoordinator
    fetch_sessions: FetchSessions
    log_dirs: LogDirs
    advertised_address: tuple[str, int] | None = None
