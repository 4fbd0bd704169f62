"""When a segment is too old to be written on: segment.ms, less a jitter that keeps the logs of a broker from rolling all at once.

Time runs from the first batch's timestamp to that of the batch that comes; where batches have none, by the clock from when the segment was
made. What was computed lies in the segment's `roll_after`, so that an append compares one number.

(Kafka: LogSegment.shouldRoll, RollParams.)
"""

from __future__ import annotations

from random import Random

from pybroker.storage.interface import LogConfig
from pybroker.storage.parts import Segment

UNKNOWN = -(2**63)  # a segment's `roll_after` before its first timestamp was looked at; every timestamp exceeds it


class RollTime:
    """How old the active segment of one log may become. Each new segment, and each new configuration, draws another jitter."""

    __slots__ = ("_limit_ms", "_rng")

    def __init__(self, config: LogConfig, rng: Random) -> None:
        self._rng = rng
        self.draw(config)

    def draw(self, config: LogConfig) -> None:
        """Take the configuration, and draw the jitter."""
        jitter_ms = min(config.segment_jitter_ms, config.segment_ms)
        self._limit_ms = config.segment_ms - (self._rng.randrange(jitter_ms) if jitter_ms > 0 else 0)

    def is_over(self, segment: Segment, timestamp: int, now_ms: int) -> bool:
        """Whether a batch of that timestamp has to go into a new segment. Raises StorageError."""
        if segment.roll_after == UNKNOWN:
            first = segment.first_timestamp()
            if first < 0:
                return now_ms - (segment.created_ms or now_ms) > self._limit_ms
            segment.roll_after = first + self._limit_ms
        return timestamp > segment.roll_after
