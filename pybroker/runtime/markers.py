"""Writing the ends of transactions into the partitions that they reached."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import trio

from pybroker.core.producers import Marker
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.stored import CONSUMER_OFFSETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pybroker.runtime.groups import GroupCoordinator
    from pybroker.runtime.partition import LivePartition
    from pybroker.runtime.partitions import Partitions

logger = logging.getLogger(__name__)

# The partition is gone, or knows a newer epoch, by which its transaction was ended already: there is nothing to be ended.
_NOTHING_TO_END = frozenset(
    {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED}
)


class Written(NamedTuple):
    """A marker in a log; safe when the high watermark reaches `next_offset`."""

    live: LivePartition
    next_offset: int

    @property
    def is_safe(self) -> bool:
        return self.live.high_watermark >= self.next_offset


class MarkerWriter:
    """Knows where a marker belongs: in `__consumer_offsets` the offsets of the transaction count, or are gone, from then on."""

    def __init__(self, partitions: Partitions, groups: GroupCoordinator) -> None:
        self._partitions = partitions
        self._groups = groups

    def write(self, topic: str, partition: int, marker: Marker) -> Written:
        """Write a marker. Raises KafkaError."""
        live = self._partitions.find(topic, partition)
        if live is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {topic}-{partition}")
        if topic == CONSUMER_OFFSETS:
            return Written(live, self._groups.end_transaction(partition, marker))
        return Written(live, live.append_marker(marker))


MOST_AT_ONCE = 20
"""A marker is a write of some 50 us, and 2 ms on disk where a log has to be made for it first: others wait for 1 to 40 ms."""


class Marking:
    """The markers of one transaction: those still to be written, and those written that are not safe yet."""

    __slots__ = ("_failed", "_left", "_marker", "_told", "_unsafe", "_writer")

    def __init__(self, writer: MarkerWriter, marker: Marker, partitions: Iterable[tuple[str, int]]) -> None:
        self._writer = writer
        self._marker = marker
        self._left = sorted(partitions, reverse=True)
        self._failed: list[tuple[str, int]] = []
        self._unsafe: list[Written] = []
        self._told: set[tuple[str, int]] = set()

    def write(self) -> None:
        """Write what is left, as far as it can be written now, but not too much at once."""
        for _ in range(min(len(self._left), MOST_AT_ONCE)):
            topic, partition = self._left.pop()
            try:
                written = self._writer.write(topic, partition, self._marker)
            except KafkaError as error:
                if error.code not in _NOTHING_TO_END:
                    self._failed.append((topic, partition))
                level = logging.DEBUG if (topic, partition) in self._told else logging.WARNING  # a log that is offline stays so for long
                logger.log(level, "%s-%d took no marker of producer %d: %s", topic, partition, self._marker.producer_id, error)
                self._told.add((topic, partition))
            except Exception:  # a bug: the client has been told that its transaction ends, so that is tried again, too
                self._failed.append((topic, partition))
                logger.exception("the marker of producer %d for %s-%d failed", self._marker.producer_id, topic, partition)
            else:
                if not written.is_safe:
                    self._unsafe.append(written)

    @property
    def is_safe(self) -> bool:
        """Whether all markers are written and safe."""
        return not self._left and not self._failed and all(each.is_safe for each in self._unsafe)

    async def write_rest(self) -> None:
        """Write all that is left, in turns with others."""
        while self._left:
            await trio.lowlevel.checkpoint()
            self.write()

    def try_again(self) -> None:
        """What failed is left."""
        self._left += sorted(self._failed, reverse=True)
        self._failed.clear()

    async def wait_safe(self) -> None:
        """Until what is written is safe. Markers of a log that fails are written again when it is read anew, by a broker that starts."""
        for written in self._unsafe:
            try:
                await written.live.wait_committed(written.next_offset)
            except KafkaError as error:
                if error.code not in _NOTHING_TO_END:
                    self._failed.append((written.live.topic, written.live.partition))
        self._unsafe.clear()
