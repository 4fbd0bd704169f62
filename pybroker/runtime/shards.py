"""The machines over the partitions of one internal topic: which one keeps a key, making the topic, loading, and closing.

- The topic is made when it is first needed.
- Each of its partitions has a machine with a `Runner`. An empty partition is ready at once; another answers
  COORDINATOR_LOAD_IN_PROGRESS until its log is replayed, and NOT_COORDINATOR if that failed or the partition is offline.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic

import trio

from pybroker.core.decision import Decision
from pybroker.records.hashes import coordinator_partition
from pybroker.runtime.runner import MachineT, Runner
from pybroker.wire.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from pybroker.core.cluster import ClusterImage, MetadataDelta
    from pybroker.runtime.controller import Controller
    from pybroker.runtime.partition import LivePartition
    from pybroker.runtime.partitions import Partitions

logger = logging.getLogger(__name__)

Flush = Callable[[], Awaitable[None]]
Change = Callable[[MachineT, int], Decision]


class _Slot(Generic[MachineT]):
    """One partition: its runner, why it may not be asked yet, and what it is told when it may."""

    __slots__ = ("error", "later", "runner")

    def __init__(self, runner: Runner[MachineT]) -> None:
        self.runner = runner
        self.error: ErrorCode | None = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        self.later: list[Change[MachineT]] = []


class Shards(Generic[MachineT]):
    """See the module. `make_runner` gives a partition its machine."""

    def __init__(
        self,
        topic: str,
        make_runner: Callable[[LivePartition, trio.Nursery], Runner[MachineT]],
        cluster: ClusterImage,
        controller: Controller,
        partitions: Partitions,
    ) -> None:
        self._topic = topic
        self._make_runner = make_runner
        self._cluster = cluster
        self._controller = controller
        self._partitions = partitions
        self._slots: list[_Slot[MachineT]] = []
        self._topic_id = b""
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        """Begin to load what is there, and follow the metadata."""
        self._nursery = nursery
        self._controller.listeners.append(self._follow)
        self._open_if_there()

    def stop(self) -> None:
        """Whoever waits is told to look for another coordinator."""
        self._close()
        self._nursery = None

    # Asking

    async def runner_for(self, key: str, flush: Flush | None = None) -> Runner[MachineT]:
        """The runner that keeps a key. `flush` is awaited before this waits.

        Raises KafkaError: COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR.
        """
        return self.runner_at(await self.partition_of(key, flush))

    async def partition_of(self, key: str, flush: Flush | None = None) -> int:
        """The partition that keeps a key. Raises KafkaError if the topic cannot be made."""
        if not self._slots:
            await self.ensure_topic(flush)
        return self._partition_now(key)

    def runner_now(self, key: str) -> Runner[MachineT]:
        """As `runner_for`, where the topic is there already; else raises COORDINATOR_NOT_AVAILABLE."""
        return self.runner_at(self._partition_now(key))

    def runner_at(self, partition: int) -> Runner[MachineT]:
        """The runner of a partition. Raises KafkaError: UNKNOWN_TOPIC_OR_PARTITION, or as `runner_for`."""
        if not 0 <= partition < len(self._slots):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {self._topic}-{partition}")
        return self._ready_runner(self._slots[partition])

    async def ask(self, key: str, decide: Callable[[MachineT, int, int], Decision], flush: Flush | None = None) -> Any:
        """Let the machine that keeps a key decide (machine, now_ms, call number) and return its answer."""
        if not self._slots:
            await self.ensure_topic(flush)
        return await self.runner_now(key).ask(decide, flush)

    async def ask_all(self, decide: Callable[[MachineT, int, int], Decision], flush: Flush | None = None) -> list[Any]:
        """Ask every machine the same; an answer from each that could be loaded. Without the topic there are none."""
        return [await self._ready_runner(slot).ask(decide, flush) for slot in self._slots if slot.error != ErrorCode.NOT_COORDINATOR]

    def tell_all(self, change: Change[MachineT]) -> None:
        """Let every machine decide (machine, now_ms) where nobody asks; one that is loading does so when it is loaded."""
        for slot in self._slots:
            if slot.error is None:
                slot.runner.do(change)
            elif slot.error == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                slot.later.append(change)

    def holds(self, runner: Runner[MachineT]) -> bool:
        """Whether that runner is still at work."""
        return any(slot.runner is runner for slot in self._slots)

    def _ready_runner(self, slot: _Slot[MachineT]) -> Runner[MachineT]:
        if slot.error is not None:
            raise KafkaError(slot.error)
        return slot.runner

    def _partition_now(self, key: str) -> int:
        if not self._slots:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        return coordinator_partition(key, len(self._slots))

    async def ensure_topic(self, flush: Flush | None = None) -> None:
        """Make the topic if it is not there. Raises KafkaError if that cannot be."""
        self._open_if_there()
        if self._slots:
            return
        if flush is not None:
            await flush()
        await self._controller.ensure_internal_topic(self._topic)
        self._open_if_there()
        if not self._slots:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)

    # Opening and closing

    def _open_if_there(self) -> None:
        topic = self._cluster.topics.get(self._topic)
        if topic is None or self._nursery is None or self._slots:
            return
        lives = [self._partitions.find(self._topic, each.index) for each in topic.partitions]
        found = [each for each in lives if each is not None]
        if len(found) < len(lives):
            return
        self._topic_id = topic.topic_id
        for live in found:
            self._open(live, self._nursery)

    def _open(self, live: LivePartition, nursery: trio.Nursery) -> None:
        slot = _Slot(self._make_runner(live, nursery))
        self._slots.append(slot)
        if live.offline:
            slot.error = ErrorCode.NOT_COORDINATOR
        elif live.log_end_offset == live.log_start_offset:
            self._ready(slot)
        else:
            nursery.start_soon(self._load, slot, live, name=f"load {self._topic}-{live.partition}")

    async def _load(self, slot: _Slot[MachineT], live: LivePartition) -> None:
        # Imported here: a broker without such a topic starts without what reads its records.
        from pybroker.runtime.coordinator_log import load

        try:
            await load(live.log, slot.runner.machine)
        except Exception:
            logger.exception("%r cannot be loaded", live)
            slot.error = ErrorCode.NOT_COORDINATOR
            slot.later.clear()
            return
        if slot in self._slots:
            self._ready(slot)

    def _ready(self, slot: _Slot[MachineT]) -> None:
        slot.error = None
        slot.runner.start()
        for change in slot.later:
            slot.runner.do(change)
        slot.later.clear()

    def _close(self) -> None:
        slots, self._slots = self._slots, []
        for slot in slots:
            slot.runner.stop(KafkaError(ErrorCode.NOT_COORDINATOR))

    def _follow(self, delta: MetadataDelta) -> None:
        if any(topic.topic_id == self._topic_id for topic in delta.deleted):
            self._close()
