"""Up to where one log is known to be on disk, and the flushes that move that on.

Theory of operation
- A flush looks at what there is, waits for the disk, and claims what it looked at. It may run on a thread beside appends and reads: they
  take no lock, for what is appended meanwhile is none of its business.
- A truncation in between makes what it looked at no longer true: other batches may lie at those offsets. So truncations are counted, and a
  flush that finds another count claims nothing. Both look and claim under a lock that is held shortly; never while a disk is waited for,
  but by a truncation, which is blocking anyway.
- One flush of a log at a time (`turn`): who wants the log's files to keep their names meanwhile takes the turn, too.

(Kafka: UnifiedLog.recoveryPoint, LocalLog.markFlushed.)
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from pybroker.storage.parts import Segment

Look = Callable[[], tuple[int, list[Segment]]]
Sync = Callable[[list[Segment]], list[tuple[Segment, int]]]


class RecoveryPoint:
    """See the module. `offset`: the first that is not known to be on disk. `is_over`: a flush has nothing to do any more."""

    __slots__ = ("_lock", "_truncations", "is_over", "offset", "turn")

    def __init__(self) -> None:
        self.offset = 0
        self.is_over = False
        self.turn = Lock()
        self._lock = Lock()
        self._truncations = 0

    def flush(self, look: Look, sync: Sync) -> int:
        """Returns the new recovery point. Blocking. Raises what `sync` raises, and then nothing is claimed.

        `look` gives an offset, and the segments that hold what lies before it; `sync` makes those durable and says how many bytes of each.
        """
        with self.turn:
            if self.is_over:
                return self.offset
            with self._lock:
                truncations = self._truncations
                end_offset, segments = look()
            flushed = sync(segments)
            with self._lock:
                if truncations == self._truncations:
                    for segment, size_bytes in flushed:
                        segment.flushed_bytes = max(segment.flushed_bytes, size_bytes)
                    self.offset = max(self.offset, end_offset)
            return self.offset

    def truncate(self, offset: int, cut: Callable[[int], int]) -> None:
        """Let `cut` truncate the log to `offset`, beside no look of a flush; it returns where the log ends after that."""
        with self._lock:
            self._truncations += 1
            self.offset = min(self.offset, offset)
            self.offset = min(self.offset, cut(offset))
