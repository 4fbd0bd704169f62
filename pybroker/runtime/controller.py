"""Carries out what `core/controller` decides: append, replay, tell the listeners, wait until it is safe, answer.

The image changes as soon as records are written, so that the next decision sees them; the answer waits for the disk. Between decision and
replay nothing is awaited.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import trio

from pybroker.core.alter_configs import alter_configs, incremental_alter_configs
from pybroker.core.cluster import (
    INTERNAL_TOPICS,
    PRODUCER_ID_BLOCK_SIZE,
    ClusterImage,
    MetadataDelta,
    ResourceType,
    TopicImage,
)
from pybroker.core.controller import (
    ControllerDecision,
    ControllerView,
    bootstrap_records,
    internal_topic,
    producer_id_block,
    start_records,
    stop_records,
)
from pybroker.core.create_partitions import create_partitions
from pybroker.core.create_topics import create_one, create_topics
from pybroker.core.delete_topics import delete_topics
from pybroker.core.log_directories import LocalDirectories, Locate, assignment_records, cordon_records, failure_records
from pybroker.core.settings import Settings
from pybroker.runtime.clock import Clock
from pybroker.runtime.log_places import owner_of
from pybroker.runtime.metadata_log import MetadataLog, open_metadata_log
from pybroker.runtime.metadata_snapshots import SnapshotKeeper
from pybroker.runtime.standalone import Present, check_leaving, leave_others, other_nodes
from pybroker.runtime.way import Way
from pybroker.storage.errors import DataDirectoryError, ExhaustedError, StorageError
from pybroker.storage.interface import LogStore
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.uuids import ZERO_UUID

if TYPE_CHECKING:
    from pybroker.runtime.first_look import FirstLook

log = logging.getLogger("pybroker.controller")

TELL_FULL_EVERY_MS = 60_000

Listener = Callable[[MetadataDelta], None]
Endpoint = tuple[str, str, int]  # listener name, host, port


class Controller:
    """The one controller of the cluster, in this process. Made by `open_controller`. `failed` is told if its log can be written no more."""

    __slots__ = (
        "_clock",
        "_log",
        "_next_producer_id",
        "_producer_ids_end",
        "_quiet_until_ms",
        "_told_full",
        "_view",
        "failed",
        "image",
        "listeners",
        "settings",
        "snapshots",
        "way",
    )

    def __init__(self, view: ControllerView, store: LogStore, metadata: MetadataLog, clock: Clock) -> None:
        self.image = view.image
        self.settings = view.settings
        self.listeners: list[Listener] = []
        self.failed: Callable[[StorageError], None] | None = None
        self.snapshots = SnapshotKeeper(metadata, view.image, view.settings, clock)
        self._view = view
        self.way = Way(store)
        self._log = metadata
        self._clock = clock
        self._next_producer_id = 0
        self._producer_ids_end = 0
        self._quiet_until_ms = 0
        self._told_full = False

    @property
    def epoch(self) -> int:
        return self._log.epoch

    async def create_topics(self, request: Any) -> Any:
        await self.way.make(topic.name for topic in request.topics)
        return await self._carry_out(create_topics(self._view, request))

    async def delete_topics(self, request: Any, version: int) -> Any:
        return await self._carry_out(delete_topics(self._view, request, version))

    async def create_partitions(self, request: Any) -> Any:
        return await self._carry_out(create_partitions(self._view, request))

    async def alter_configs(self, request: Any) -> Any:
        return await self._carry_out(alter_configs(self._view, request))

    async def incremental_alter_configs(self, request: Any) -> Any:
        return await self._carry_out(incremental_alter_configs(self._view, request))

    async def ensure_internal_topic(self, name: str) -> TopicImage:
        """The internal topic, made with Kafka's settings for it if it is not there. Raises `KafkaError`."""
        await self.way.make([name])
        if name not in self.image.topics:
            partitions, replication_factor, configs = internal_topic(self.settings, name)
            await self._carry_out(ControllerDecision(create_one(self._view, name, partitions, replication_factor, configs)))
        return self.image.topics[name]

    async def auto_create_topic(self, name: str) -> None:
        """Make a topic that a client asked for by using it. Raises `KafkaError` if it cannot be made."""
        if name in INTERNAL_TOPICS:
            await self.ensure_internal_topic(name)
            return
        await self.way.make([name])
        if name not in self.image.topics:
            partitions, factor = self.settings.get("num.partitions"), self.settings.get("default.replication.factor")
            await self._carry_out(ControllerDecision(create_one(self._view, name, partitions, factor, {})))

    def allocate_producer_id(self) -> int:
        """A producer id that no producer of this cluster ever had. Ids come from blocks, each taken by one record."""
        if self._next_producer_id == self._producer_ids_end:
            first, record = producer_id_block(self._view)
            end_offset = self._write([record])
            self._next_producer_id, self._producer_ids_end = first, first + PRODUCER_ID_BLOCK_SIZE
            if self._log.durable:
                trio.lowlevel.spawn_system_task(self._make_safe, end_offset)
        producer_id = self._next_producer_id
        self._next_producer_id += 1
        return producer_id

    def load(self, *, replayed: bool = False) -> None:
        """Replay the latest snapshot and the log after it, unless the image holds that already. Raises DataDirectoryError."""
        if not replayed:
            self._log.replay(self.image)
        self.snapshots.loaded()
        self._apply_broker_settings()

    def other_nodes(self) -> list[int]:
        """Who is in the cluster beside this broker, before it starts."""
        return other_nodes(self.image, self._view.node_id, self._log.reading)

    def start(
        self,
        log_dirs: list[bytes],
        endpoints: Iterable[Endpoint],
        locate: Locate,
        *,
        all_online: bool,
        leaving: Sequence[Any] | None = None,
    ) -> None:
        """Take the lead: a new epoch of the log, the first records of a new cluster, this broker's registration.

        `leaving`: the records that leave other nodes behind, if there are any (`core/standalone`). They are one batch. A start that is
        killed between any two steps leaves either nothing to do, or something that tells of the others, so that it is done again.

        Raises DataDirectoryError if what tells of them cannot be taken away.
        """
        node_id, now_ms, found = self._view.node_id, self._clock.now_ms(), self._log.reading
        self._log.begin_epoch(node_id, now_ms)
        if leaving:
            self._write(list(leaving))
        if leaving is not None:
            self._log.leave_voters(node_id, self._directory_id(), now_ms)
        first = [*found.bootstrap, *bootstrap_records(self.settings, self.image.features)] if found.is_new else []
        started = start_records(self._view, self._log.end_offset + len(first), log_dirs, endpoints, locate, all_online=all_online)
        self._write([*first, *started])
        if leaving is not None:
            self._forget_quorum()

    def _directory_id(self) -> bytes:
        """Of the directory that the metadata lies in."""
        path = self._log.directory
        return next((directory_id for directory_id, known in self.local.paths.items() if known == path), ZERO_UUID)

    def _forget_quorum(self) -> None:
        """The last step: until then another start finds that there were others, and leaves them behind as if it were the first."""
        try:
            self._log.forget_quorum()
        except StorageError as error:
            raise DataDirectoryError(f"the other nodes are not left behind yet: {error}. Start with --standalone again") from error

    @property
    def local(self) -> LocalDirectories:
        """What is known of this broker's log directories."""
        return self._view.local

    async def assign_directories(self, assignments: Iterable[tuple[bytes, int, bytes]]) -> None:
        """Say where replicas of this broker lie now: (topic id, partition, directory id). Raises `KafkaError`."""
        await self._carry_out(ControllerDecision(assignment_records(self.image, self._view.node_id, assignments)))

    def tell_directories(self, assignments: Iterable[tuple[bytes, int, bytes]]) -> None:
        """The same, without waiting until it is safe. Raises `KafkaError`."""
        records = assignment_records(self.image, self._view.node_id, assignments)
        if records:
            self._write(records)

    def directory_failed(self, directory_id: bytes, lost: Collection[tuple[bytes, int]]) -> None:
        """Say that a directory is lost, and that its partitions have no leader, nor have `lost` (see there). Raises `KafkaError`."""
        records = failure_records(self.image, self._view.node_id, directory_id, lost)
        if records:
            self._write(records)

    def leave(self) -> None:
        """The broker stops: say so. The record is safe when the store is closed. Raises `KafkaError`."""
        records = stop_records(self._view)
        if records:
            self._write(records)

    def keep_snapshots(self, nursery: trio.Nursery) -> None:
        """Start the tasks that write snapshots of the metadata. They end with the nursery."""
        self.snapshots.start(nursery)

    async def _carry_out(self, decision: ControllerDecision) -> Any:
        if decision.records:
            end_offset = self._write(decision.records)
            try:
                await self._log.wait_safe(end_offset)
            except StorageError as error:
                raise self._storage_failed(error) from error
        return decision.response

    def _write(self, records: list[Any]) -> int:
        try:
            end_offset = self._log.append(records, self._clock.now_ms())
        except StorageError as error:
            raise self._storage_failed(error) from error
        if self._told_full:
            log.info("the metadata log is written again")
            self._told_full = False
        delta = self.image.replay(records)
        self.image.offset = end_offset - 1
        self.snapshots.appended()
        settings_changed = any(kind == ResourceType.BROKER for kind, _ in delta.config_changed)
        if settings_changed:
            self._apply_broker_settings()
        for listener in self.listeners:
            listener(delta)
        return self._tell_cordoned(end_offset) if settings_changed else end_offset

    def _tell_cordoned(self, end_offset: int) -> int:
        """What follows from a change of cordoned.log.dirs; returns the offset behind it."""
        records = cordon_records(self.image, self._view.node_id, self.local.cordoned(self.settings))
        return self._write(records) if records else end_offset

    def _apply_broker_settings(self) -> None:
        overrides = self.image.config_overrides
        self.settings.set_dynamic(overrides(ResourceType.BROKER, ""), overrides(ResourceType.BROKER, str(self._view.node_id)))

    async def _make_safe(self, offset: int) -> None:
        try:
            await self._log.wait_safe(offset)
        except StorageError as error:
            self._storage_failed(error)

    def _storage_failed(self, error: StorageError) -> KafkaError:
        """Who finds no room tries again and again: a line a minute says enough."""
        now_ms = self._clock.now_ms()
        is_full = isinstance(error, ExhaustedError)
        if not is_full or now_ms >= self._quiet_until_ms:
            log.error("the metadata log cannot be written: %s", error)
            self._quiet_until_ms = now_ms + TELL_FULL_EVERY_MS
            self._told_full = is_full
        if self.failed is not None and not is_full:
            self.failed(error)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the metadata log cannot be written: {error}")


def open_controller(
    store: LogStore,
    settings: Settings,
    clock: Clock,
    rng: Random,
    node_id: int,
    cluster_id: str,
    *,
    durable: bool,
    log_dirs: Iterable[bytes] = (),
    endpoints: Iterable[Endpoint] = (),
    standalone: bool = False,
    look: FirstLook | None = None,
) -> Controller:
    """Replay the metadata log and start this broker in it. `durable`: answers wait for fsync (a store on disk).

    `log_dirs`: the ids of the directories that are online. The image is then whole: what it holds is for listeners as
    `image.everything()`. `standalone`: leave other brokers behind, if there are any. `look`: what was read of the log before the store was
    opened; it is not read again if it has not changed. Raises DataDirectoryError.
    """
    directories = store.directories()
    local = LocalDirectories({directory.directory_id: directory.path for directory in directories})
    metadata = open_metadata_log(store, settings, durable)
    replayed = look is not None and metadata.take(look.reading, look.log_end_offset)
    image = look.image if look is not None and replayed else ClusterImage(cluster_id)
    controller = Controller(ControllerView(image, settings, node_id, rng, local), store, metadata, clock)
    controller.load(replayed=replayed)
    locate = partial(_locate, store, {directory.path: directory.directory_id for directory in directories})
    left, present = controller.other_nodes(), _present(store, metadata.directory, list(log_dirs), locate)
    if left:
        check_leaving(image, node_id, left, present, standalone=standalone)
    if image.offset >= 0:  # a new cluster knows no topics, and none of the logs that lie there is a stray for that
        paths = {directory.directory_id: directory.path for directory in directories if directory.failure is None}
        for remark in store.settle(partial(owner_of, image, node_id, paths)):
            log.warning("%s", remark)
    leaving = leave_others(image, node_id, left, present.is_here) if left else None
    all_online = all(directory.failure is None for directory in directories)
    controller.start(list(log_dirs), endpoints, locate, all_online=all_online, leaving=leaving)
    return controller


def _present(store: LogStore, path: str, log_dirs: Sequence[bytes], locate: Locate) -> Present:
    failure = next((directory.failure for directory in store.directories() if directory.failure is not None), None)
    return Present(path, log_dirs, failure, lambda topic, topic_id, partition: locate(topic, topic_id, partition) is not None)


def _locate(store: LogStore, ids: Mapping[str, bytes], topic: str, topic_id: bytes, partition: int) -> bytes | None:
    """The directory that holds a partition's log, even if it could not be opened."""
    log = store.get(topic, partition)
    if log is not None and log.topic_id in (topic_id, ZERO_UUID):
        return ids[log.directory]
    unopened = store.unopened.get((topic, partition))
    if unopened is not None and unopened.topic_id in (topic_id, ZERO_UUID):
        return ids[os.path.dirname(unopened.path)]
    return None
