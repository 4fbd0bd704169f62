"""All partitions of this broker: made and unmade as the metadata says, found by name or id, watched by parked fetches.

`apply` is the only way in, for the whole image at start as for each change after. It is synchronous: when the controller's call
returns, the topic can be written to.

A partition without a log sleeps: it is a place in a list and nothing more, until somebody asks for it. A thousand topics made and
deleted again cost what their records cost, and a broker of ten thousand idle partitions starts as one of ten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator

import trio

from pybroker.core.cluster import NO_LEADER, ClusterImage, MetadataDelta, ResourceType, TopicImage
from pybroker.core.partition import PartitionState
from pybroker.core.settings import Settings
from pybroker.records.errors import RecordsError
from pybroker.runtime.clock import Clock
from pybroker.runtime.fetch_wait import Deadlines, Waiter
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.housekeeping import Housekeeping
from pybroker.runtime.log_places import assigned_directory, was_told, why_offline
from pybroker.runtime.partition import Host, LivePartition
from pybroker.runtime.recovery import recover
from pybroker.runtime.threads import in_thread
from pybroker.runtime.topic_rules import TopicRules
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.interface import Log, LogStore
from pybroker.wire.errors import ErrorCode
from pybroker.wire.uuids import ZERO_UUID

logger = logging.getLogger(__name__)


class TopicPartitions:
    """The partitions of one topic, by index; None for one that sleeps."""

    __slots__ = ("image", "lives", "rules")

    def __init__(self, image: TopicImage, rules: TopicRules) -> None:
        self.image = image
        self.rules = rules
        self.lives: list[LivePartition | None] = []


class Partitions:
    """The live partitions over one store. `failed` is told of each that goes offline, `suspect` that some file failed."""

    def __init__(self, store: LogStore, settings: Settings, clock: Clock, cluster: ClusterImage) -> None:
        self.store = store
        self._settings = settings
        self._clock = clock
        self._cluster = cluster
        self._flusher = Flusher()
        self._host = Host(clock, self._flusher, self._told_failure)
        self.failed: Callable[[LivePartition], None] | None = None
        self.suspect: Callable[[], None] | None = None
        self._deadlines = Deadlines()
        self._by_name: dict[str, TopicPartitions] = {}
        self._by_id: dict[bytes, TopicPartitions] = {}
        self._has_begun = False
        self._default_rules = TopicRules(settings.topic_config({}))

    def _suspect(self) -> None:
        if self.suspect is not None:
            self.suspect()

    def _told_failure(self, live: LivePartition) -> None:
        if self.failed is not None:
            self.failed(live)

    def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks that keep deadlines, flush and tidy up. They end with the nursery."""
        nursery.start_soon(self._deadlines.run, name="fetch deadlines")
        nursery.start_soon(self._flusher.run, name="log flusher")
        Housekeeping(self, self.store, self._settings, self._clock, self._flusher, self._suspect).start(nursery)
        if self._settings.get("log.cleaner.enable") and self._settings.get("log.cleaner.threads"):
            nursery.start_soon(self._clean, name="log cleaner")

    async def _clean(self) -> None:
        await self._clock.sleep_until_ms(self._clock.now_ms() + self._settings.get("log.cleaner.backoff.ms"))
        # It is brought in with its first look: most brokers stop before.
        from pybroker.runtime.cleaner import Cleaner

        await Cleaner(self, self.store, self._settings, self._clock).run()

    async def close(self) -> None:
        """Keep producer snapshots and checkpoints and close the store: the next start need not look into the logs."""
        await in_thread(self._close)

    def _close(self) -> None:
        for live in self:
            live.take_snapshot()
        for error in self.store.close(self.high_watermarks()):
            logger.warning("%s. What lies there is checked by the next start that finds it", error)

    # --- finding

    def find(self, topic: str, partition: int) -> LivePartition | None:
        """The partition of that name, or None."""
        found = self._by_name.get(topic)
        return self._awake(found, partition) if found is not None else None

    def find_by_id(self, topic_id: bytes, partition: int) -> LivePartition | None:
        """The partition of that topic id, or None."""
        found = self._by_id.get(topic_id)
        return self._awake(found, partition) if found is not None else None

    def _awake(self, topic: TopicPartitions, partition: int) -> LivePartition | None:
        lives = topic.lives
        if not 0 <= partition < len(lives):
            return None
        live = lives[partition]
        if live is None:
            live = lives[partition] = self._open(topic, partition)
        return live

    def name_of(self, topic_id: bytes) -> str | None:
        """The name of the topic with that id, or None."""
        found = self._by_id.get(topic_id)
        return found.image.name if found is not None else None

    def knows(self, topic: str) -> bool:
        """Whether there is a topic of that name."""
        return topic in self._by_name

    def __iter__(self) -> Iterator[LivePartition]:
        """Those that are awake: all that hold anything, and all that were asked for."""
        for topic in self._by_name.values():
            for live in topic.lives:
                if live is not None:
                    yield live

    def high_watermarks(self) -> dict[tuple[str, int], int]:
        """For the checkpoint: (topic, partition) to offset, of partitions that hold anything."""
        return {(live.topic, live.partition): live.high_watermark for live in self if live.log_end_offset}

    # --- waiting

    def watch(self, partitions: Collection[LivePartition], missing_bytes: int = 1) -> Waiter:
        """A waiter that wakes when so many bytes more may be read from these, or one of them changes or goes away. `close` it."""
        return Waiter(partitions, missing_bytes)

    def deadline_after(self, wait_ms: int) -> float:
        """So long from now, for `wait` and `is_over`."""
        return trio.current_time() + wait_ms / 1000

    def is_over(self, deadline: float) -> bool:
        """Whether that time has come."""
        return trio.current_time() >= deadline

    async def wait(self, waiter: Waiter, deadline: float) -> None:
        """Until the waiter is woken by what it watches or by the deadline."""
        self._deadlines.add(deadline, waiter)
        await waiter.wait()

    # --- following the metadata

    def apply(self, delta: MetadataDelta) -> None:
        """Follow one change of the metadata."""
        if any(kind == ResourceType.BROKER for kind, _ in delta.config_changed):
            self._reconfigure_all()
        for topic in delta.deleted:
            self._delete(topic)
        for topic in delta.created:
            self._create(topic)
        for topic in delta.grown:
            self._grow(topic)
        for topic in delta.led:
            self._lead(topic)
        for kind, name in delta.config_changed:
            if kind == ResourceType.TOPIC:
                self._reconfigure(name)
        self._has_begun = True

    def _create(self, image: TopicImage) -> None:
        topic = TopicPartitions(image, self._rules_of(image))
        self._by_name[image.name] = self._by_id[image.topic_id] = topic
        self._add(topic)

    def _grow(self, image: TopicImage) -> None:
        self._add(self._by_name[image.name])

    def _add(self, topic: TopicPartitions) -> None:
        """Follow the image's number of partitions. What has a log is opened now: its retention and its producers need looking after."""
        name, lives = topic.image.name, topic.lives
        for index in range(len(lives), len(topic.image.partitions)):
            found = self.store.get(name, index) is not None or (name, index) in self.store.unopened
            lives.append(self._open(topic, index) if found else None)

    def _open(self, topic: TopicPartitions, index: int) -> LivePartition:
        self._forget_unopened(topic.image, index)
        reason = why_offline(self.store, topic.image, index)
        level = logging.DEBUG if reason is not None and was_told(self.store, topic.image, index) else logging.ERROR
        if reason is None:
            try:
                return self._open_log(topic, index)
            except (StorageError, RecordsError) as error:
                reason = str(error)
                if not isinstance(error, (ExhaustedError, RecordsError)):
                    self._suspect()
        logger.log(level, "%s-%d is offline: %s", topic.image.name, index, reason)
        return self._placeholder(topic, index, reason)

    def _placeholder(self, topic: TopicPartitions, index: int, reason: str) -> LivePartition:
        """A partition that refuses everything, since its log cannot be used. Where the metadata names no leader, so is the answer."""
        from pybroker.storage.memory import unreachable_log

        image = topic.image
        log = unreachable_log(image.name, index, image.topic_id, topic.rules.log_config)
        state = PartitionState(image.partitions[index].leader_epoch, 0, 0)
        live = LivePartition(self._host, log, state, topic.rules, is_internal=image.is_internal)
        has_leader = image.partitions[index].leader != NO_LEADER
        live.stay_offline(reason, ErrorCode.KAFKA_STORAGE_ERROR if has_leader else ErrorCode.NOT_LEADER_OR_FOLLOWER)
        return live

    def _forget_unopened(self, image: TopicImage, index: int) -> None:
        """A log that cannot be opened, of a topic of that name that is no more."""
        unopened = self.store.unopened.get((image.name, index))
        if unopened is not None and unopened.topic_id not in (image.topic_id, ZERO_UUID):
            self._put_aside(image.name, index)

    def _put_aside(self, name: str, index: int) -> None:
        """Only what was deleted while this broker ran is thrown away."""
        for remark in self.store.put_aside(name, index):
            logger.warning("%s", remark)

    def _delete_unopened(self, name: str, index: int) -> None:
        try:
            self.store.delete_unopened(name, index)
        except StorageError as error:
            logger.error("the files of %s-%d stay: %s", name, index, error)

    def _open_log(self, topic: TopicPartitions, index: int) -> LivePartition:
        log = self._log_of(topic.image, index, topic.rules)
        leader_epoch = topic.image.partitions[index].leader_epoch
        state, snapshot_offset = recover(log, leader_epoch, self._clock.now_ms(), self._settings.get("producer.id.expiration.ms"))
        return LivePartition(self._host, log, state, topic.rules, is_internal=topic.image.is_internal, snapshot_offset=snapshot_offset)

    def _log_of(self, topic: TopicImage, partition: int, rules: TopicRules) -> Log:
        log = self.store.get(topic.name, partition)
        if log is not None and log.topic_id == topic.topic_id:
            log.config = rules.log_config
            return log
        # A log without an id lost its `partition.metadata` in a crash: `create` adopts it, its records are those of this topic if it was
        # there then. For one that is made later it is what was left of another.
        if log is not None and (log.topic_id != ZERO_UUID or self._has_begun):
            self._put_aside(topic.name, partition)
        directory = assigned_directory(self.store, topic, partition)
        return self.store.create(topic.name, partition, topic.topic_id, rules.log_config, directory)

    def _delete(self, image: TopicImage) -> None:
        topic = self._by_id.pop(image.topic_id, None)
        if topic is None:
            return
        if self._by_name.get(image.name) is topic:
            del self._by_name[image.name]
        for live in topic.lives:
            if live is not None:
                live.close()
                if self.store.get(live.topic, live.partition) is live.log:
                    self._discard(live.log)
                self._delete_unopened(live.topic, live.partition)
        for index in range(len(topic.lives)):
            self._drop_copy(image, index)

    def _drop_copy(self, image: TopicImage, index: int) -> None:
        """One that waits for a log that is away."""
        copy = self.store.future(image.name, index)
        if copy is not None and copy.topic_id == image.topic_id:
            try:
                self.store.drop_move(copy)
            except StorageError as error:
                logger.error("the copy of %s-%d in %s stays: %s", image.name, index, copy.directory, error)

    def _discard(self, log: Log) -> None:
        """The topic is gone, whether or not its files can be taken away: storage lets nobody else write behind them."""
        try:
            self.store.delete(log)
        except StorageError as error:
            logger.error("the files of %s-%d stay: %s", log.topic, log.partition, error)

    def _lead(self, image: TopicImage) -> None:
        for live, partition in zip(self._by_name[image.name].lives, image.partitions, strict=True):
            if live is not None:
                live.lead(partition.leader_epoch)

    def _reconfigure_all(self) -> None:
        self._default_rules = TopicRules(self._settings.topic_config({}))
        for name in self._by_name:
            self._reconfigure(name)

    def _reconfigure(self, name: str) -> None:
        image, topic = self._cluster.topics.get(name), self._by_name.get(name)
        if image is None or topic is None:
            return
        topic.rules = self._rules_of(image)
        for live in topic.lives:
            if live is not None:
                live.configure(topic.rules)

    def _rules_of(self, image: TopicImage) -> TopicRules:
        return TopicRules(self._settings.topic_config(image.configs)) if image.configs else self._default_rules
