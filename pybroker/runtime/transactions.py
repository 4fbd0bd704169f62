"""The transaction coordinator of this broker: its shards, and the ends of transactions that they decide.

- `__transaction_state` is made when it is first needed, by FindCoordinator or by any request that names a transactional id.
- When a decided end is safe, its markers are written at once, and when those are safe, its completion. On one broker without a flush
  policy all of that is done in one turn, if the transaction has reached few partitions: the client is answered when the decision is
  written, and before it or anybody else is heard again the transaction is complete (`ask_now`). Many markers, and the ends of many
  transactions that one decision brings, take turns with others. What cannot be written is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import trio

from pybroker.core.decision import Decision, Reply
from pybroker.core.producers import Marker
from pybroker.core.settings import Settings
from pybroker.runtime.clock import Clock
from pybroker.runtime.markers import MarkerWriter, Marking
from pybroker.runtime.runner import Afterwards, Runner, Timekeeper
from pybroker.runtime.shards import Flush, Shards
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.stored import TRANSACTION_STATE

if TYPE_CHECKING:
    from pybroker.core.cluster import ClusterImage
    from pybroker.core.transactions.shard import TransactionShard
    from pybroker.core.transactions.transaction import Ending, Holder, Partition
    from pybroker.runtime.controller import Controller
    from pybroker.runtime.groups import GroupCoordinator
    from pybroker.runtime.partition import LivePartition
    from pybroker.runtime.partitions import Partitions

logger = logging.getLogger(__name__)

FIRST_RETRY_MS = 50
LAST_RETRY_MS = 5_000

FEATURE = "transaction.version"
ADDS_PARTITIONS = 2
"""The protocol in which the first batch for a partition adds it to the transaction (KIP-890)."""


class TransactionCoordinator:
    """All transactional ids of a broker."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        cluster: ClusterImage,
        controller: Controller,
        partitions: Partitions,
        groups: GroupCoordinator,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._cluster = cluster
        self._controller = controller
        self._timekeeper = Timekeeper(clock)
        self._nursery: trio.Nursery | None = None
        self._shards: Shards[TransactionShard] = Shards(TRANSACTION_STATE, self._make_runner, cluster, controller, partitions)
        self.markers = MarkerWriter(partitions, groups)

    def start(self, nursery: trio.Nursery) -> None:
        """Begin to load what is there. The tasks end with the nursery."""
        self._nursery = nursery
        nursery.start_soon(self._timekeeper.run, name="transaction timers")
        self._shards.start(nursery)

    def stop(self) -> None:
        """Whoever waits is told to look for another coordinator."""
        self._shards.stop()
        self._nursery = None

    def _make_runner(self, live: LivePartition, nursery: trio.Nursery) -> Runner[TransactionShard]:
        # Imported here: a broker without transactions starts without their code and messages.
        from pybroker.core.transactions.settings import read_transaction_settings
        from pybroker.core.transactions.shard import TransactionShard

        shard = TransactionShard(
            read_transaction_settings(self._settings.get),
            self._controller.allocate_producer_id,
            lambda: self._cluster.features.get(FEATURE, 0),
        )
        return Runner(shard, live, self._clock, self._timekeeper, nursery, carry_out=self._end_all)

    # Asking

    async def ask(self, transactional_id: str, decide: Callable[[TransactionShard, int, int], Decision], flush: Flush | None = None) -> Any:
        """Let the id's shard decide (shard, now_ms, call number) and return its answer. `flush` is awaited before this waits.

        Raises KafkaError: COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, or what the append of the records
        raised.
        """
        return await self._shards.ask(transactional_id, decide, flush)

    def ask_now(
        self, transactional_id: str, decide: Callable[[TransactionShard, int, int], Decision], afterwards: Afterwards
    ) -> Any | None:
        """As `ask`, for verbs that park nobody; None if the answer cannot be there at once, and then nothing was done.

        What is left to do when the answer is sent is added to `afterwards`. Raises KafkaError: what the append of the records raised.
        """
        try:
            runner = self._shards.runner_now(transactional_id)
        except KafkaError:
            return None
        return runner.ask_now(decide, afterwards) if runner.answers_at_once else None

    async def ask_all(self, decide: Callable[[TransactionShard, int, int], Decision], flush: Flush | None = None) -> list[Any]:
        """Ask every shard the same. Raises KafkaError as `ask` does."""
        return await self._shards.ask_all(decide, flush)

    async def admit(
        self, transactional_id: str, holder: Holder, partitions: Collection[Partition], *, adds: bool, flush: Flush | None = None
    ) -> dict[Partition, ErrorCode]:
        """Whether a producer's transaction reaches these partitions; `adds`: they are added to it (KIP-890). Raises KafkaError as `ask`.

        What is answered holds at the moment of the return, and is safe: whoever acts on it must not wait before it does.
        """
        if not transactional_id:
            return dict.fromkeys(partitions, ErrorCode.INVALID_REQUEST)
        runner = await self._shards.runner_for(transactional_id, flush)
        if adds:
            wanted = frozenset(partitions)
            error = await runner.ask(
                lambda shard, now_ms, call: shard.add_partitions(now_ms, call, transactional_id, holder, wanted, ADDS_PARTITIONS), flush
            )
            if error:
                return dict.fromkeys(partitions, error)
        else:
            await runner.ask(lambda shard, now_ms, call: Decision(replies=[Reply(call, None)]), flush)
        return runner.machine.verify_partitions(transactional_id, holder, partitions)

    def admits_now(self, transactional_id: str, holder: Holder, partitions: frozenset[Partition], *, adds: bool) -> bool:
        """Whether `admit` would let the producer write to all of these, and not wait before it says so; else `admit` is to be asked."""
        try:
            runner = self._shards.runner_now(transactional_id)
            if adds:
                added = runner.ask_now(
                    lambda shard, now_ms, call: shard.add_partitions(now_ms, call, transactional_id, holder, partitions, ADDS_PARTITIONS)
                )
                return added is ErrorCode.NONE
            is_safe = runner.ask_now(lambda shard, now_ms, call: Decision(replies=[Reply(call, True)]))
        except KafkaError:
            return False
        return is_safe is True and not any(runner.machine.verify_partitions(transactional_id, holder, partitions).values())

    # Ending

    def _end_all(self, runner: Runner[TransactionShard], endings: list[Ending]) -> None:
        self._end(runner, endings[0])
        if len(endings) > 1 and self._nursery is not None:
            self._nursery.start_soon(self._end_others, runner, endings[1:], name="transaction markers")

    async def _end_others(self, runner: Runner[TransactionShard], endings: list[Ending]) -> None:
        for ending in endings:
            await trio.lowlevel.checkpoint()
            if not self._shards.holds(runner):
                return
            self._end(runner, ending)

    def _end(self, runner: Runner[TransactionShard], ending: Ending) -> None:
        marker = Marker(
            ending.producer_id, ending.producer_epoch, ending.committed, runner.partition.leader_epoch, ending.transaction_version
        )
        marking = Marking(self.markers, marker, ending.partitions)
        marking.write()
        is_complete = _complete(runner, ending, marking)
        if self._nursery is not None and not is_complete:
            self._nursery.start_soon(self._end_later, runner, ending, marking, name="transaction markers")

    async def _end_later(self, runner: Runner[TransactionShard], ending: Ending, marking: Marking) -> None:
        retry_ms = FIRST_RETRY_MS
        while self._shards.holds(runner):
            await marking.write_rest()
            await marking.wait_safe()
            if _complete(runner, ending, marking):
                return
            await self._clock.sleep_until_ms(self._clock.now_ms() + retry_ms)
            retry_ms = min(2 * retry_ms, LAST_RETRY_MS)
            marking.try_again()


def _complete(runner: Runner[TransactionShard], ending: Ending, marking: Marking) -> bool:
    """Complete a transaction if all its markers are safe; whether it is complete then. A bug is logged, and then it is not."""
    try:
        if marking.is_safe:
            runner.do(lambda shard, now_ms: shard.complete(now_ms, ending))
        return runner.machine.is_complete(ending)
    except Exception:
        logger.exception("the transaction of producer %d cannot be completed", ending.producer_id)
        return False
