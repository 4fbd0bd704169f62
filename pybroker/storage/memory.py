"""The memory twin: logs that rest in lists of bytes (`memory_segment`) and are gone with the process.

The same `PartitionLog` runs over it, so it rolls, truncates and answers as the disk does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from random import Random

from pybroker.storage.errors import StorageError
from pybroker.storage.interface import DirectoryInfo, FutureLog, Log, LogConfig, LostEnd, Moved, OwnerOf, UnopenedLog
from pybroker.storage.log import PartitionLog
from pybroker.storage.memory_home import DIRECTORY, MemoryHome


class MemoryLogStore:
    """All logs of a broker that forgets, in what it shows as one log directory. See `interface.LogStore`."""

    __slots__ = ("_directory", "_logs", "_rng", "cleaner_offsets", "cluster_id", "high_watermarks", "lost", "node_id", "unopened")

    def __init__(self, *, cluster_id: str, node_id: int, rng: Random, directory_id: bytes = bytes(15) + b"\x64") -> None:
        self.cluster_id = cluster_id
        self.node_id = node_id
        self.high_watermarks: dict[tuple[str, int], int] = {}
        self.cleaner_offsets: dict[tuple[str, int], int] = {}
        self.unopened: dict[tuple[str, int], UnopenedLog] = {}
        self.lost: list[LostEnd] = []
        self._directory = DirectoryInfo(DIRECTORY, directory_id)
        self._rng = rng
        self._logs: dict[tuple[str, int], PartitionLog] = {}

    def settle(self, owner_of: OwnerOf) -> list[str]:
        """Nothing was found."""
        return []

    def is_in_the_way(self, topic: str) -> bool:
        """What went is gone."""
        return False

    def make_way(self) -> None:
        """Nothing is."""

    def directories(self) -> list[DirectoryInfo]:
        """The one that there seems to be."""
        return [self._directory]

    def space(self, path: str) -> tuple[int, int]:
        """The memory of this machine, and what of it is free. Raises StorageError where the system does not tell."""
        try:
            page_bytes = os.sysconf("SC_PAGE_SIZE")
            return os.sysconf("SC_PHYS_PAGES") * page_bytes, os.sysconf("SC_AVPHYS_PAGES") * page_bytes
        except (ValueError, OSError) as error:
            raise StorageError(f"the size of the memory is not known: {error}") from error

    def probe(self, path: str) -> str | None:
        """Memory does not fail."""
        return None

    def fail_directory(self, path: str, reason: str) -> list[PartitionLog]:
        """Forget all."""
        self._directory = self._directory._replace(failure=reason)
        logs = list(self._logs.values())
        self._logs.clear()
        return logs

    def logs(self) -> Iterator[PartitionLog]:
        """Those created so far."""
        return iter(list(self._logs.values()))

    def create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory: str | None = None) -> PartitionLog:
        """An empty log. Raises ValueError if there is one."""
        if (topic, partition) in self._logs:
            raise ValueError(f"{topic}-{partition} exists")
        log = self._logs[topic, partition] = PartitionLog(topic, partition, MemoryHome(topic_id), config, self._rng)
        return log

    def get(self, topic: str, partition: int) -> PartitionLog | None:
        """None if there is none."""
        return self._logs.get((topic, partition))

    def delete(self, log: Log) -> None:
        """Forget a log."""
        self._logs.pop((log.topic, log.partition)).retire()
        self.cleaner_offsets.pop((log.topic, log.partition), None)

    def put_aside(self, topic: str, partition: int) -> list[str]:
        """Forget it: nothing was there before this process."""
        log = self._logs.pop((topic, partition), None)
        if log is not None:
            log.retire()
        return []

    def delete_unopened(self, topic: str, partition: int) -> None:
        """Whatever is in memory is open."""

    def future(self, topic: str, partition: int) -> FutureLog | None:
        """None: there is no other directory."""
        return None

    def begin_move(self, log: Log, directory: str) -> FutureLog:
        """There is nowhere to go. Raises StorageError."""
        raise StorageError(f"{log.topic}-{log.partition} cannot move to {directory}: there is one directory only")

    def secure_moves(self, moves: Sequence[tuple[Log, FutureLog]]) -> list[StorageError | None]:
        """Nothing moves."""
        return [None for _ in moves]

    def finish_move(self, log: Log) -> Moved | None:
        """Nothing moves."""
        return None

    def drop_move(self, log: Log) -> None:
        """Nothing moves."""

    def delete_expired(self, now_ms: int) -> int | None:
        """Nothing ever waits for removal."""
        return None

    def checkpoint(self, high_watermarks: dict[tuple[str, int], int]) -> None:
        """Nothing outlives the process."""

    def checkpoint_cleaner(self, log: Log, offset: int) -> None:
        """Keep it."""
        self.cleaner_offsets[log.topic, log.partition] = offset

    def abandon(self) -> None:
        """Nothing is held."""

    def close(self, high_watermarks: dict[tuple[str, int], int]) -> Sequence[StorageError]:
        """Let all go."""
        self._logs.clear()
        return ()


def unreachable_log(topic: str, partition: int, topic_id: bytes, config: LogConfig) -> PartitionLog:
    """Stands for a log that cannot be used: empty, in no store, and it takes nothing."""
    log = PartitionLog(topic, partition, MemoryHome(topic_id), config, Random(0))  # noqa: S311 - a jitter that is never used
    log.retire()
    return log
