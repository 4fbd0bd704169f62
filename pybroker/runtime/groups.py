"""The group coordinator of this broker: which shard a group belongs to, loading, and what happens to the topics the offsets are of.

- `__consumer_offsets` is made when it is first needed, by FindCoordinator or by any request that names a group.
- Each of its partitions has a `GroupShard` with a `Runner`. An empty partition is ready at once; another answers
  COORDINATOR_LOAD_IN_PROGRESS until its log is replayed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Any

import trio

from pybroker.core.decision import Decision
from pybroker.core.producers import Marker
from pybroker.core.settings import Settings
from pybroker.records.hashes import coordinator_partition
from pybroker.runtime.clock import Clock
from pybroker.runtime.runner import Runner, Timekeeper, TransactionalProducer
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.stored import CONSUMER_OFFSETS

if TYPE_CHECKING:
    from pybroker.core.cluster import ClusterImage, MetadataDelta, TopicImage
    from pybroker.core.groups.shard import GroupShard
    from pybroker.runtime.controller import Controller
    from pybroker.runtime.partition import LivePartition
    from pybroker.runtime.partitions import Partitions

logger = logging.getLogger(__name__)

Decide = Callable[["GroupShard", int, int], Decision]
Flush = Callable[[], Awaitable[None]]


class _Slot:
    """One partition of `__consumer_offsets`: its runner, and why it may not be asked yet."""

    __slots__ = ("deleted_topics", "error", "runner")

    def __init__(self, runner: Runner[GroupShard]) -> None:
        self.runner = runner
        self.error: ErrorCode | None = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        self.deleted_topics: set[str] = set()


class GroupCoordinator:
    """All groups of a broker."""

    def __init__(
        self, *, clock: Clock, rng: Random, settings: Settings, cluster: ClusterImage, controller: Controller, partitions: Partitions
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._settings = settings
        self._cluster = cluster
        self._controller = controller
        self._partitions = partitions
        self._timekeeper = Timekeeper(clock)
        self._slots: list[_Slot] = []
        self._topic_id = b""
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        """Begin to load what is there, and follow the metadata. The tasks end with the nursery."""
        self._nursery = nursery
        nursery.start_soon(self._timekeeper.run, name="group timers")
        self._controller.listeners.append(self._follow)
        self._open_if_there()

    def stop(self) -> None:
        """Whoever still waits is told to look for another coordinator."""
        self._close()
        self._nursery = None

    # Asking

    async def ask(self, group_id: str, decide: Decide, flush: Flush | None = None, producer: TransactionalProducer | None = None) -> Any:
        """Let the group's shard decide (shard, now_ms, call number) and return its answer. `flush` is awaited before this waits.

        With a `producer` the records are part of its transaction.
        Raises KafkaError: COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, or what the append of the records
        raised.
        """
        if not self._slots:
            await self.ensure_topic(flush)
        return await self._runner(coordinator_partition(group_id, len(self._slots))).ask(decide, flush, producer)

    async def partition_of(self, group_id: str, flush: Flush | None = None) -> int:
        """The partition of `__consumer_offsets` that keeps a group. Raises KafkaError where `ask` does."""
        if not self._slots:
            await self.ensure_topic(flush)
        return coordinator_partition(group_id, len(self._slots))

    def end_transaction(self, partition: int, marker: Marker) -> int:
        """Write a marker into a partition of `__consumer_offsets`; returns the offset from which on it is safe. Raises KafkaError."""
        if not 0 <= partition < len(self._slots):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {CONSUMER_OFFSETS}-{partition}")
        return self._runner(partition).end_transaction(marker)

    async def ask_all(self, decide: Decide, flush: Flush | None = None) -> list[Any]:
        """Ask every shard the same; an answer from each that could be loaded. Without any group ever there are none."""
        indexes = [index for index, slot in enumerate(self._slots) if slot.error != ErrorCode.NOT_COORDINATOR]
        return [await self._runner(index).ask(decide, flush) for index in indexes]

    def shard_for(self, group_id: str) -> GroupShard:
        """The machine of a group, for looking. Raises KafkaError where `ask` does."""
        if not self._slots:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        return self._runner(coordinator_partition(group_id, len(self._slots))).machine

    def _runner(self, index: int) -> Runner[GroupShard]:
        slot = self._slots[index]
        if slot.error is not None:
            raise KafkaError(slot.error)
        return slot.runner

    async def ensure_topic(self, flush: Flush | None = None) -> None:
        """Make `__consumer_offsets` if it is not there. Raises KafkaError if that cannot be."""
        if self._slots:
            return
        if flush is not None:
            await flush()
        await self._controller.ensure_internal_topic(CONSUMER_OFFSETS)
        self._open_if_there()
        if not self._slots:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)

    # Opening and closing

    def _open_if_there(self) -> None:
        topic = self._cluster.topics.get(CONSUMER_OFFSETS)
        if topic is None or self._nursery is None or self._slots:
            return
        lives = [self._partitions.find(CONSUMER_OFFSETS, each.index) for each in topic.partitions]
        found = [each for each in lives if each is not None]
        if len(found) == len(lives):
            self._open(topic, found)

    def _open(self, topic: TopicImage, lives: list[LivePartition]) -> None:
        from pybroker.core.groups.settings import read_group_settings  # a broker without groups starts without their machines
        from pybroker.core.groups.shard import GroupShard

        assert self._nursery is not None
        settings = read_group_settings(self._settings.get)
        codec = self._settings.get("offsets.topic.compression.codec")
        self._topic_id = topic.topic_id
        for live in lives:
            shard = GroupShard(settings, self._rng)
            slot = _Slot(Runner(shard, live, self._clock, self._timekeeper, self._nursery, codec))
            self._slots.append(slot)
            if live.log_end_offset == live.log_start_offset:
                self._ready(slot)
            else:
                self._nursery.start_soon(self._load, slot, live, name=f"load {CONSUMER_OFFSETS}-{live.partition}")

    async def _load(self, slot: _Slot, live: LivePartition) -> None:
        from pybroker.runtime.coordinator_log import load

        try:
            await load(live.log, slot.runner.machine)
        except Exception:
            logger.exception("the groups in %r cannot be loaded", live)
            slot.error = ErrorCode.NOT_COORDINATOR
            return
        if slot in self._slots:
            self._ready(slot)

    def _ready(self, slot: _Slot) -> None:
        slot.runner.start()
        slot.error = None
        _forget(slot, slot.deleted_topics)

    def _close(self) -> None:
        slots, self._slots = self._slots, []
        for slot in slots:
            slot.runner.stop(KafkaError(ErrorCode.NOT_COORDINATOR))

    # Following the metadata

    def _follow(self, delta: MetadataDelta) -> None:
        names = {topic.name for topic in delta.deleted}
        if any(topic.topic_id == self._topic_id for topic in delta.deleted):
            self._close()
        for slot in self._slots:
            if slot.error is None:
                _forget(slot, names)
            else:
                slot.deleted_topics |= names


def _forget(slot: _Slot, topics: set[str]) -> None:
    if topics:
        slot.runner.do(lambda shard, now_ms: shard.forget_topics(now_ms, topics))
