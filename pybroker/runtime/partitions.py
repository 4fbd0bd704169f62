"""All partitions of this broker: made and unmade as the metadata says, found by name or id, watched by parked fetches.

`apply` is the only way in, for the whole image at start as for each change after. It is synchronous: when the controller's call
returns, the topic can be written to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import trio

from pybroker.core.cluster import ClusterImage, MetadataDelta, PartitionImage, ResourceType, TopicImage
from pybroker.core.settings import Settings
from pybroker.runtime.clock import Clock
from pybroker.runtime.fetch_wait import Deadlines, Waiter
from pybroker.runtime.flusher import Flusher
from pybroker.runtime.housekeeping import Housekeeping
from pybroker.runtime.partition import Host, LivePartition
from pybroker.runtime.recovery import recover
from pybroker.runtime.topic_rules import TopicRules
from pybroker.storage.interface import Log, LogStore


class Partitions:
    """The live partitions over one store."""

    def __init__(self, store: LogStore, settings: Settings, clock: Clock, cluster: ClusterImage) -> None:
        self.store = store
        self._settings = settings
        self._clock = clock
        self._cluster = cluster
        self._flusher = Flusher()
        self._host = Host(clock, self._flusher)
        self._deadlines = Deadlines()
        self._by_name: dict[str, list[LivePartition]] = {}
        self._by_id: dict[bytes, list[LivePartition]] = {}
        self._default_rules = TopicRules(settings.topic_config({}))

    def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks that keep deadlines, flush and tidy up. They end with the nursery."""
        nursery.start_soon(self._deadlines.run, name="fetch deadlines")
        nursery.start_soon(self._flusher.run, name="log flusher")
        Housekeeping(self, self.store, self._settings, self._clock, self._flusher).start(nursery)

    async def close(self) -> None:
        """Keep producer snapshots and checkpoints and close the store: the next start need not look into the logs."""
        await trio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        for live in self:
            live.take_snapshot()
        self.store.close(self.high_watermarks())

    # --- finding

    def find(self, topic: str, partition: int) -> LivePartition | None:
        """The partition of that name, or None."""
        lives = self._by_name.get(topic)
        return lives[partition] if lives is not None and 0 <= partition < len(lives) else None

    def find_by_id(self, topic_id: bytes, partition: int) -> LivePartition | None:
        """The partition of that topic id, or None."""
        lives = self._by_id.get(topic_id)
        return lives[partition] if lives is not None and 0 <= partition < len(lives) else None

    def name_of(self, topic_id: bytes) -> str | None:
        """The name of the topic with that id, or None."""
        lives = self._by_id.get(topic_id)
        return lives[0].topic if lives else None

    def knows(self, topic: str) -> bool:
        """Whether there is a topic of that name."""
        return topic in self._by_name

    def __iter__(self) -> Iterator[LivePartition]:
        for lives in self._by_name.values():
            yield from lives

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

    def _create(self, topic: TopicImage) -> None:
        lives: list[LivePartition] = []
        self._by_name[topic.name] = self._by_id[topic.topic_id] = lives
        self._open(topic, lives)

    def _grow(self, topic: TopicImage) -> None:
        self._open(topic, self._by_name[topic.name])

    def _open(self, topic: TopicImage, lives: list[LivePartition]) -> None:
        rules = self._rules_of(topic)
        lives += [self._open_partition(topic, image, rules) for image in topic.partitions[len(lives) :]]

    def _open_partition(self, topic: TopicImage, image: PartitionImage, rules: TopicRules) -> LivePartition:
        log = self._log_of(topic, image.index, rules)
        state, snapshot_offset = recover(log, image.leader_epoch, self._clock.now_ms(), self._settings.get("producer.id.expiration.ms"))
        return LivePartition(self._host, log, state, rules, is_internal=topic.is_internal, snapshot_offset=snapshot_offset)

    def _log_of(self, topic: TopicImage, partition: int, rules: TopicRules) -> Log:
        log = self.store.get(topic.name, partition)
        if log is not None and log.topic_id == topic.topic_id:
            log.config = rules.log_config
            return log
        if log is not None:
            self.store.delete(log)
        return self.store.create(topic.name, partition, topic.topic_id, rules.log_config)

    def _delete(self, topic: TopicImage) -> None:
        lives = self._by_id.pop(topic.topic_id, [])
        if self._by_name.get(topic.name) is lives:
            del self._by_name[topic.name]
        for live in lives:
            live.close()
            self.store.delete(live.log)

    def _lead(self, topic: TopicImage) -> None:
        for live, image in zip(self._by_name[topic.name], topic.partitions, strict=True):
            live.lead(image.leader_epoch)

    def _reconfigure_all(self) -> None:
        self._default_rules = TopicRules(self._settings.topic_config({}))
        for name in self._by_name:
            self._reconfigure(name)

    def _reconfigure(self, name: str) -> None:
        topic = self._cluster.topics.get(name)
        if topic is not None and name in self._by_name:
            rules = self._rules_of(topic)
            for live in self._by_name[name]:
                live.configure(rules)

    def _rules_of(self, topic: TopicImage) -> TopicRules:
        return TopicRules(self._settings.topic_config(topic.configs)) if topic.configs else self._default_rules
