"""The cleaner: keeps the last value of each key in the logs of topics with cleanup.policy=compact.

One task. Every `log.cleaner.backoff.ms` it measures the logs and cleans the dirtiest that is due, and goes on without a break while one is.
`log.cleaner.threads` counts only as none or some: more than one would share the same loop.

A log that cannot be cleaned since it is damaged is left alone until the next start; it still serves. One whose file fails is offline, as it
is whoever meets that.

Kafka: LogCleaner, LogCleanerManager.
"""

from __future__ import annotations

import logging

import trio

from pybroker.core.cleaning import Bounds, Dirt, find_dirt
from pybroker.core.settings import Settings
from pybroker.records.errors import RecordsError
from pybroker.runtime.clock import Clock
from pybroker.runtime.compaction_round import Limits, Outcome, Round
from pybroker.runtime.housekeeping import Kept
from pybroker.runtime.pacing import Pace
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.threads import in_thread
from pybroker.storage.errors import ExhaustedError, StorageError
from pybroker.storage.headers import DamagedBatch
from pybroker.storage.interface import LogStore
from pybroker.wire.errors import KafkaError

logger = logging.getLogger(__name__)

LOGS_PER_LOOK = 200  # the look at a log takes some 3 us


class Cleaner:
    """The cleaner of one broker."""

    __slots__ = ("_clock", "_partitions", "_settings", "_store", "_uncleanable", "longest_slice_s")

    def __init__(self, partitions: Kept, store: LogStore, settings: Settings, clock: Clock) -> None:
        self._partitions = partitions
        self._store = store
        self._settings = settings
        self._clock = clock
        self._uncleanable: set[bytes] = set()
        self.longest_slice_s = 0.0

    async def run(self) -> None:
        """Clean what is due, for ever."""
        while True:
            await self.retain()
            while await self.clean_dirtiest():
                pass
            await self._clock.sleep_until_ms(self._clock.now_ms() + max(1, self._settings.get("log.cleaner.backoff.ms")))

    async def retain(self) -> None:
        """Drop what is too old or too much of the logs that are compacted and deleted from, as often as they are compacted."""
        for live in list(self._partitions):
            if live.config.compact and live.config.delete:
                try:
                    live.retain(self._clock.now_ms())
                except (KafkaError, StorageError) as error:
                    logger.warning("%r: segments are kept beyond their time: %s", live, error)
                await trio.lowlevel.checkpoint()

    async def clean_dirtiest(self) -> bool:
        """Clean the log that needs it most; whether there was one and it is cleaner now."""
        found: tuple[LivePartition, Dirt] | None = None
        now_ms = self._clock.now_ms()
        for number, live in enumerate(list(self._partitions), start=1):
            if number % LOGS_PER_LOOK == 0:
                await trio.lowlevel.checkpoint()
            dirt = self._measure(live, now_ms)
            if dirt is not None and (found is None or dirt.ratio > found[1].ratio):
                found = live, dirt
        if found is None or found[0].moving or found[0].offline:  # others had their turn since it was looked at
            return False
        return await self._clean(*found, now_ms)

    def _measure(self, live: LivePartition, now_ms: int) -> Dirt | None:
        """The dirt of a log that is due."""
        log, config = live.log, live.config
        if (
            not config.compact
            or live.offline
            or live.moving
            or log.active_base_offset <= log.log_start_offset
            or _name(live) in self._uncleanable
        ):
            return None
        checkpoint = self._store.cleaner_offsets.get((live.topic, live.partition))
        if checkpoint == log.active_base_offset:
            return None
        bounds = Bounds(checkpoint, log.log_start_offset, live.last_stable_offset, log.log_end_offset)
        try:
            dirt = find_dirt(log.extents(), bounds, config, now_ms, log.segment_times)
        except StorageError as error:
            self._failed(live, error)
            return None
        return dirt if dirt.is_due(config) else None

    async def _clean(self, live: LivePartition, dirt: Dirt, now_ms: int) -> bool:
        pace = Pace()
        live.cleaning = trio.Event()
        try:
            if (live.topic, live.partition) not in self._store.cleaner_offsets:
                await in_thread(self._store.checkpoint_cleaner, live.log, dirt.first_dirty_offset)
            aborted = list(live.state.aborted or ())
            outcome = await Round(live, dirt, now_ms, self._limits(), pace, aborted).run()
            if outcome.end_offset is not None:
                await in_thread(self._store.checkpoint_cleaner, live.log, outcome.end_offset)
        except StorageError as error:
            self._failed(live, error)
            return False
        except (RecordsError, KafkaError) as error:
            if not live.offline:
                self._give_up(live, error)
            return False
        except Exception as error:
            logger.exception("compaction of %r failed", live)
            self._give_up(live, error)
            return False
        finally:
            live.cleaning.set()
            live.cleaning = None
            self.longest_slice_s = max(self.longest_slice_s, pace.longest_slice_s)
        _tell(live, outcome, pace)
        return outcome.end_offset is not None and outcome.end_offset > dirt.first_dirty_offset

    def _limits(self) -> Limits:
        setting = self._settings.get
        return Limits(
            dedupe_buffer_bytes=setting("log.cleaner.dedupe.buffer.size"),
            load_factor=setting("log.cleaner.io.buffer.load.factor"),
            read_bytes=max(setting("log.cleaner.io.buffer.size"), 1 << 16),
            bytes_per_second=setting("log.cleaner.io.max.bytes.per.second"),
        )

    def _failed(self, live: LivePartition, error: StorageError) -> None:
        if isinstance(error, ExhaustedError):
            logger.warning("%s-%d is not compacted for now: %s", live.topic, live.partition, error)
        elif isinstance(error, DamagedBatch) and not live.offline:
            self._give_up(live, error)
        else:
            live.take_offline(error)

    def _give_up(self, live: LivePartition, error: Exception) -> None:
        logger.warning("%s-%d is not compacted until the next start: %s", live.topic, live.partition, error)
        self._uncleanable.add(_name(live))


def _name(live: LivePartition) -> bytes:
    return live.topic_id + live.partition.to_bytes(4, "big")


def _tell(live: LivePartition, outcome: Outcome, pace: Pace) -> None:
    logger.debug(
        "%s-%d is compacted up to %s: %d bytes read, %d written, %.3f s of the loop, %.1f ms at a time",
        live.topic,
        live.partition,
        outcome.end_offset,
        outcome.read_bytes,
        outcome.written_bytes,
        pace.worked_s,
        pace.longest_slice_s * 1000,
    )
