"""How fast logs move between directories: replica.alter.log.dirs.io.max.bytes.per.second, of all moves of a broker together.

Each piece waits as long as it may take at that rate before it is copied, and while it waits the others wait behind it: so none moves faster
because others do, and those that move side by side share what there is, piece by piece. The rate is asked for again and again, so a new one
counts at once.

(Kafka: ReplicationQuotaManager, of ReplicaAlterLogDirsThread.)
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from pybroker.runtime.compaction_round import UNLIMITED
from pybroker.runtime.pacing import Pace

MAX_WAIT_S = 0.25
LEAST_BYTES_PER_SECOND = 1.0
ROUNDING_BYTES = 1e-6

Rate = Callable[[], float]


class Throttle:
    """`bytes_per_second`: UNLIMITED or more if there is none."""

    __slots__ = ("_bytes_per_second", "_turn")

    def __init__(self, bytes_per_second: Rate) -> None:
        self._bytes_per_second = bytes_per_second
        self._turn = trio.Lock()

    def at_most(self, size_bytes: int) -> int:
        """A throttled move takes what it may in a second, so that it can be slow without being jerky."""
        return int(max(1, min(size_bytes, self._bytes_per_second())))

    async def wait_for(self, size_bytes: int, pace: Pace, is_wanted: Callable[[], bool]) -> None:
        """Until so many bytes may be copied; nobody waits for a move that was given up."""
        if self._bytes_per_second() >= UNLIMITED:
            return
        async with pace.holding(self._turn):
            left = float(size_bytes)
            while left >= ROUNDING_BYTES and (rate := max(self._bytes_per_second(), LEAST_BYTES_PER_SECOND)) < UNLIMITED and is_wanted():
                wait_s = min(left / rate, MAX_WAIT_S)
                await pace.sleep(wait_s)
                left -= wait_s * rate
