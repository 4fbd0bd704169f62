"""The log directories of this broker: what lies in them, moving between them, and what happens when one fails.

Theory of operation
- A partition whose log fails goes offline by itself (`LivePartition.take_offline`); the others go on. Then its directory is tried: a small
  file is written there, flushed and removed, on a thread. If that fails the directory is offline until the next start, and all partitions
  in it with it: they have no leader, answer KAFKA_STORAGE_ERROR (after a start without it NOT_LEADER_OR_FOLLOWER, as in Kafka), and are not
  made anew elsewhere. New ones go into what is left.
- Without the directory of the metadata log, or if that log itself fails, nothing can be decided any more: the broker stops and says why.
- A full disk is no failure: nothing of this happens then.

(Kafka: LogDirFailureChannel, ReplicaManager.handleLogDirFailure, alterReplicaLogDirs, describeLogDirs.)
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import trio

from pybroker.core.cluster import METADATA_TOPIC, MetadataDelta, TopicImage
from pybroker.core.log_directories import directory_of, is_assigned
from pybroker.runtime.controller import Controller
from pybroker.runtime.log_places import is_of_others
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.partitions import Partitions
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import DataDirectoryError, ExhaustedError, StorageError
from pybroker.storage.interface import DirectoryInfo, LogStore
from pybroker.storage.layout import future_directory_name
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.uuids import ZERO_UUID

if TYPE_CHECKING:
    from pybroker.runtime.moves import Moves

logger = logging.getLogger("pybroker")

UNKNOWN_LAG = -1
WORKERS = "num.replica.alter.log.dirs.threads"
MEND = "Mend the disk, or give the broker's user the right to write there, then start the broker again: what lies there comes back"
THROTTLE = "replica.alter.log.dirs.io.max.bytes.per.second"


class BrokerCannotGoOn(DataDirectoryError):
    """The broker lost what it cannot do without. The message says what and why."""


class Replica(NamedTuple):
    """A log, or a copy that is being made, in a directory: its size, and how many offsets it is behind (-1: not known)."""

    directory: str
    size_bytes: int
    offset_lag: int
    is_future: bool


class LogDirs:
    """See the module."""

    __slots__ = ("_controller", "_looking", "_looks", "_moves", "_nursery", "_partitions", "_store")

    def __init__(self, store: LogStore, partitions: Partitions, controller: Controller) -> None:
        self._store = store
        self._partitions = partitions
        self._controller = controller
        self._moves: Moves | None = None
        self._nursery: trio.Nursery | None = None
        self._looking: dict[str, trio.Event] = {}  # with the end of each look
        self._looks: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)
        partitions.failed = self._partition_failed
        partitions.suspect = self._suspect_all
        controller.failed = self._metadata_failed
        controller.way.look = self.look
        controller.listeners.append(self._follow)

    def start(self, nursery: trio.Nursery) -> None:
        """Go on with what a stop broke off; look after failures. Ends with the nursery, and ends it if the broker cannot go on."""
        self._nursery = nursery
        if len(self._store.directories()) == 1:
            return
        for topic in list(self._controller.image.topics.values()):
            for partition in topic.partitions:
                if self._store.future(topic.name, partition.index) is not None:
                    self._resume(topic, partition.index)

    def _mover(self) -> Moves:
        """It is brought in with the first move: most brokers make none."""
        if self._moves is None:
            from pybroker.runtime.moves import Moves

            self._moves = Moves(self._store, self._assign, self._take_back, self._look_at, self._bytes_per_second, self._workers())
            if self._nursery is not None:
                self._moves.start(self._nursery)
        return self._moves

    def _resume(self, topic: TopicImage, partition: int) -> None:
        live = self._partitions.find(topic.name, partition)
        if live is not None and not live.offline and self._store.get(topic.name, partition) is live.log:
            self._mover().add(live)

    # --- what lies where

    def directories(self) -> list[DirectoryInfo]:
        """In the order they were given."""
        return list(self._store.directories())

    async def space(self, path: str) -> tuple[int, int]:
        """Total and usable bytes of the volume of a directory. Raises StorageError."""
        return await in_thread(self._store.space, path)

    def cordoned(self) -> set[bytes]:
        """The ids of the directories that take no new replicas."""
        return self._controller.local.cordoned(self._controller.settings)

    def replicas(self, topic: TopicImage, partition: int) -> list[Replica]:
        """Where a partition lies: once, and once more if it is being moved. One that was never written to lies where it will."""
        log = self._store.get(topic.name, partition)
        if log is None or log.topic_id != topic.topic_id:
            return self._without_log(topic, partition)
        found = [Replica(log.directory, log.size_bytes, 0, False)]
        future = self._store.future(topic.name, partition)
        if future is not None:
            lag = max(0, log.log_end_offset - future.log_end_offset)
            found.append(Replica(future.directory, future.size_bytes, lag, True))
        return found

    def _without_log(self, topic: TopicImage, partition: int) -> list[Replica]:
        if is_of_others(topic.partitions[partition], self._store.node_id):
            return []
        lag = UNKNOWN_LAG if (topic.name, partition) in self._store.unopened else 0
        directory_id = directory_of(topic.partitions[partition], self._store.node_id)
        directories = self._store.directories()
        for directory in directories:
            if directory.directory_id == directory_id or (len(directories) == 1 and not is_assigned(directory_id)):
                return [Replica(directory.path, 0, lag, False)]
        return []

    # --- moving

    async def make_way(self, topic: str) -> None:
        """Before a `move`: where a log lay before, its directory's checkpoints may still tell of it, and the copy would wait for them."""
        await self._controller.way.make([topic])

    def move(self, topic: str, partition: int, path: str) -> bool:
        """Begin to move a partition into the directory of that path, or give up a move if it lies there. In the order of Kafka's checks.

        Returns whether files were made or taken away.

        Raises KafkaError: INVALID_TOPIC_EXCEPTION, LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR, INVALID_REPLICA_ASSIGNMENT (cordoned), and
        UNKNOWN_TOPIC_OR_PARTITION: then the partition goes there once it is made.
        """
        if future_directory_name(topic, partition, ZERO_UUID) is None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, "The topic name is too long.")
        directory = self._online_directory(path)
        live = self._partitions.find(topic, partition)
        if live is None:
            self._controller.local.prefer(topic, partition, directory.directory_id)
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        live.check_online()
        try:
            return self._redirect(live, path)
        except StorageError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error

    def _online_directory(self, path: str) -> DirectoryInfo:
        for directory in self._store.directories():
            if directory.path == path:
                if directory.failure is not None:
                    raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"Log directory {path} is offline")
                if directory.directory_id in self.cordoned():
                    raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"Log directory {path} is cordoned")
                return directory
        raise KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, f"Log directory {path} is not found in the config.")

    def _redirect(self, live: LivePartition, path: str) -> bool:
        """While a directory is offline no copy is begun, as in Kafka: another one might lie there."""
        future = self._store.future(live.topic, live.partition)
        if future is not None and future.directory == path:
            return False
        if future is not None:
            self._mover().cancel(live)
        if live.log.directory == path:
            return future is not None
        if any(directory.failure is not None for directory in self._store.directories()):
            raise StorageError(f"{live.topic}-{live.partition} is not moved while a log directory is offline")
        try:
            self._store.begin_move(live.log, path)
        except StorageError as error:
            if not isinstance(error, ExhaustedError):
                self._suspect(path)
            raise
        self._mover().add(live)
        return True

    def _workers(self) -> int:
        """How many logs move at a time: one for each directory, if nothing else is said."""
        threads: int | None = self._controller.settings.get(WORKERS)
        return max(1, threads if threads is not None else len(self._store.directories()))

    def _bytes_per_second(self) -> float:
        """The throttle, which is a setting only while the broker runs; for this broker, or for all."""
        rate: int = self._controller.settings.get(THROTTLE)
        return rate

    async def _assign(self, places: Sequence[tuple[LivePartition, str]]) -> None:
        ids = {directory.path: directory.directory_id for directory in self._store.directories()}
        await self._controller.assign_directories([(live.topic_id, live.partition, ids[path]) for live, path in places])

    def _take_back(self, live: LivePartition) -> None:
        """What a move said too early; if even that cannot be said, the next start says where the log is."""
        ids = {directory.path: directory.directory_id for directory in self._store.directories()}
        try:
            self._controller.tell_directories([(live.topic_id, live.partition, ids[live.log.directory])])
        except KafkaError as error:
            logger.error("the metadata does not say that %s-%d stays in %s: %s", live.topic, live.partition, live.log.directory, error)

    def _follow(self, delta: MetadataDelta) -> None:
        """A wish for a partition is fulfilled when it is made."""
        preferred = self._controller.local.preferred
        if preferred:
            for topic in [*delta.created, *delta.grown]:
                for partition in topic.partitions:
                    preferred.pop((topic.name, partition.index), None)

    # --- failing

    def _partition_failed(self, live: LivePartition) -> None:
        self._suspect(live.log.directory)

    async def look(self) -> bool:
        """Try all directories; whether one is offline from then on."""
        before = self._count_online()
        self._suspect_all()
        for ended in list(self._looking.values()):
            await ended.wait()
        return self._count_online() < before

    def _count_online(self) -> int:
        return sum(directory.failure is None for directory in self._store.directories())

    def _suspect_all(self) -> None:
        for directory in self._store.directories():
            if directory.failure is None:
                self._suspect(directory.path)

    def _suspect(self, path: str) -> None:
        if self._nursery is not None and path not in self._looking:
            self._looking[path] = trio.Event()
            self._nursery.start_soon(self._look_soon, path, name="look at a log directory")

    async def _look_soon(self, path: str) -> None:
        try:
            await self._look_at(path)
        finally:
            self._looking.pop(path).set()

    async def _look_at(self, path: str) -> None:
        """Try a directory, which is offline afterwards if that failed. One at a time: it is always the same file."""
        async with self._looks[path]:
            reason = await in_thread(self._store.probe, path)
        if reason is not None:
            self._fail(path, reason)

    def _fail(self, path: str, reason: str) -> None:
        directory = next((one for one in self._store.directories() if one.path == path), None)
        if directory is None or directory.failure is not None:
            return
        metadata = self._store.get(METADATA_TOPIC, 0)
        if metadata is None or metadata.directory == path:
            self._stop(f"the log directory with the metadata failed: {reason}")
        logger.error("a log directory failed, and all that lies in it is offline until the next start: %s. %s", reason, MEND)
        gone = {id(log) for log in self._store.fail_directory(path, reason)}
        lost = [live for live in self._partitions if id(live.log) in gone]
        for live in lost:
            live.stay_offline(reason)
        if self._moves is not None:
            self._moves.directory_failed(path)
        try:
            self._controller.directory_failed(directory.directory_id, {(live.topic_id, live.partition) for live in lost})
        except KafkaError as error:
            logger.error("the metadata does not say that a directory failed: %s", error)

    def _metadata_failed(self, error: StorageError) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(self._stop_soon, f"the metadata log failed: {error}")

    async def _stop_soon(self, reason: str) -> None:
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        logger.critical("the broker stops: %s", reason)
        raise BrokerCannotGoOn(reason)
