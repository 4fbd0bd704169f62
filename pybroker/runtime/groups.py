"""The group coordinator of this broker: its shards, and what happens to the offsets of topics that are deleted.

`__consumer_offsets` is made when it is first needed, by FindCoordinator or by any request that names a group. Each of its partitions has
a `GroupShard`; `Shards` keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import trio

from pybroker.core.decision import Decision
from pybroker.core.producers import Marker
from pybroker.core.settings import Settings
from pybroker.runtime.clock import Clock
from pybroker.runtime.runner import Runner, Timekeeper, TransactionalProducer
from pybroker.runtime.shards import Flush, Shards
from pybroker.wire.stored import CONSUMER_OFFSETS

if TYPE_CHECKING:
    from pybroker.core.cluster import ClusterImage, MetadataDelta
    from pybroker.core.groups.shard import GroupShard
    from pybroker.runtime.controller import Controller
    from pybroker.runtime.partition import LivePartition
    from pybroker.runtime.partitions import Partitions

Decide = Callable[["GroupShard", int, int], Decision]


class GroupCoordinator:
    """All groups of a broker."""

    def __init__(
        self, *, clock: Clock, rng: Random, settings: Settings, cluster: ClusterImage, controller: Controller, partitions: Partitions
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._settings = settings
        self._controller = controller
        self._timekeeper = Timekeeper(clock)
        self._shards: Shards[GroupShard] = Shards(CONSUMER_OFFSETS, self._make_runner, cluster, controller, partitions)

    def start(self, nursery: trio.Nursery) -> None:
        """Begin to load what is there, and follow the metadata. The tasks end with the nursery."""
        nursery.start_soon(self._timekeeper.run, name="group timers")
        self._shards.start(nursery)
        self._controller.listeners.append(self._follow)

    def stop(self) -> None:
        """Whoever still waits is told to look for another coordinator."""
        self._shards.stop()

    def _make_runner(self, live: LivePartition, nursery: trio.Nursery) -> Runner[GroupShard]:
        # Imported here: a broker without groups starts without their machines.
        from pybroker.core.groups.settings import read_group_settings
        from pybroker.core.groups.shard import GroupShard

        shard = GroupShard(read_group_settings(self._settings.get), self._rng)
        codec = self._settings.get("offsets.topic.compression.codec")
        return Runner(shard, live, self._clock, self._timekeeper, nursery, codec)

    # Asking

    async def ask(self, group_id: str, decide: Decide, flush: Flush | None = None, producer: TransactionalProducer | None = None) -> Any:
        """Let the group's shard decide (shard, now_ms, call number) and return its answer. `flush` is awaited before this waits.

        With a `producer` the records are part of its transaction.
        Raises KafkaError: COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, or what the append of the records
        raised.
        """
        return await (await self._shards.runner_for(group_id, flush)).ask(decide, flush, producer)

    async def ask_all(self, decide: Decide, flush: Flush | None = None) -> list[Any]:
        """Ask every shard the same; an answer from each that could be loaded. Without any group ever there are none."""
        return await self._shards.ask_all(decide, flush)

    async def partition_of(self, group_id: str, flush: Flush | None = None) -> int:
        """The partition of `__consumer_offsets` that keeps a group. Raises KafkaError where `ask` does."""
        return await self._shards.partition_of(group_id, flush)

    def shard_for(self, group_id: str) -> GroupShard:
        """The machine of a group, for looking. Raises KafkaError where `ask` does."""
        return self._shards.runner_now(group_id).machine

    async def ensure_topic(self, flush: Flush | None = None) -> None:
        """Make `__consumer_offsets` if it is not there. Raises KafkaError if that cannot be."""
        await self._shards.ensure_topic(flush)

    def end_transaction(self, partition: int, marker: Marker) -> int:
        """Write a marker into a partition of `__consumer_offsets`; returns the offset from which on it is safe. Raises KafkaError."""
        return self._shards.runner_at(partition).end_transaction(marker)

    # Following the metadata

    def _follow(self, delta: MetadataDelta) -> None:
        names = {topic.name for topic in delta.deleted}
        if names:
            self._shards.tell_all(lambda shard, now_ms: shard.forget_topics(now_ms, names))
