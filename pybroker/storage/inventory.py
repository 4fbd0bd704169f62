"""What one store holds: its logs, copies of logs, what could not be opened or decided, and what checkpoints say of all that.

It has one owner. `Opening` makes it, while nobody else knows of it, and gives it away; from then on it is the store's. `Settling` keeps
none: it is lent one for a call. It changes on the thread of the loop only, with one exception: when the cleaner has done with a log, its
thread sets that one entry of `cleaner_offsets`. Who reads it on another thread (checkpoints) goes over copies of its dicts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pybroker.storage.checkpoints import Key, Offsets
from pybroker.storage.futures import Futures
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LostEnd, UnopenedLog
from pybroker.storage.log import PartitionLog


class Inventory:
    """See the module.

    `seconds`: logs of whose topics there is another log, until `settle`. `unopened`, `cleaner_offsets`, `high_watermarks`, `lost`: see
    `interface.LogStore`. `said`: what the checkpoints did when they were read, by their paths. `remarks`: a sentence each for a person.
    """

    __slots__ = ("cleaner_offsets", "futures", "high_watermarks", "logs", "lost", "remarks", "said", "seconds", "unopened")

    def __init__(self, futures: Futures) -> None:
        self.futures = futures
        self.logs: dict[Key, PartitionLog] = {}
        self.seconds: list[tuple[Key, PartitionLog]] = []
        self.unopened: dict[Key, UnopenedLog] = {}
        self.cleaner_offsets: Offsets = {}
        self.high_watermarks: Offsets = {}
        self.lost: list[LostEnd] = []
        self.said: dict[str, Offsets] = {}
        self.remarks: list[str] = []

    def let_go(self) -> None:
        """Close all files."""
        for log in [*self.logs.values(), *self.futures.logs.values(), *(log for _, log in self.seconds)]:
            log.let_go()
        self.logs.clear()

    def logs_in(self, path: str) -> dict[Key, PartitionLog]:
        """Logs and copies that have a directory there; a partition has at most one of them in a log directory."""
        return {key: log for key, log in self._all() if isinstance(log.home, LogHome) and log.home.exists and log.home.parent == path}

    def _all(self) -> Iterator[tuple[Key, PartitionLog]]:
        yield from list(self.logs.items())
        yield from list(self.futures.logs.items())

    def spoken_of(self, path: str) -> set[Key]:
        """The logs of which the checkpoints of a directory may tell."""
        return {*self.logs_in(path), *self.unopened, *(key for key, _ in self.seconds)}

    def holds_unopened(self, path: str) -> bool:
        """Whether something lies there that was not looked at to its end."""
        undecided = any(log.directory == path for _, log in self.seconds)
        return undecided or any(os.path.dirname(log.path) == path for log in self.unopened.values())

    def with_unopened(self, checkpoint: str, offsets: Offsets) -> Offsets:
        """What a checkpoint said of logs that could not be opened stays in it: their next opening asks for it."""
        said, directory = self.said.get(checkpoint, {}), os.path.dirname(checkpoint)
        kept = {key: said[key] for key, log in self.unopened.items() if key in said and os.path.dirname(log.path) == directory}
        return kept | offsets

    def forget_offsets(self, key: Key) -> None:
        """What was said of a log is not true of the one that is, or will be, in its place."""
        self.cleaner_offsets.pop(key, None)
        self.high_watermarks.pop(key, None)
