"""What one partition decides: which batch is taken at which offset, what a reader may see, where the log begins.

Rules
- `admit` decides and changes nothing; `advance` is called when the batch lies in the log, and is the only thing that moves the end.
- log_start_offset <= last_stable_offset <= high_watermark <= log_end_offset.
- The high watermark never goes back. How far it may follow the end is said by whoever knows what is safe (`raise_high_watermark`).
- The last stable offset is where the first open transaction begins, and the high watermark where none is open (KIP-98).
- A request that names a leader epoch is for that leader alone: an older one is fenced, a newer one is unknown (KIP-320).

No clock, no I/O: a partition on disk, in memory and in a simulation decide alike. (Kafka: UnifiedLog and Partition.)
"""

from __future__ import annotations

from pybroker.core.producers import BatchMetadata, Producers
from pybroker.records.batch import BatchHeader
from pybroker.wire.errors import ErrorCode, KafkaError

NO_EPOCH = -1
READ_UNCOMMITTED = 0
READ_COMMITTED = 1

TO_HIGH_WATERMARK = -1
"""The offset by which DeleteRecords asks to delete all that is committed."""


class PartitionState:
    """Offsets, epoch and producers of one partition."""

    __slots__ = ("high_watermark", "leader_epoch", "log_end_offset", "log_start_offset", "producers")

    def __init__(self, leader_epoch: int, log_start_offset: int = 0, log_end_offset: int = 0, producers: Producers | None = None) -> None:
        self.leader_epoch = leader_epoch
        self.log_start_offset = log_start_offset
        self.log_end_offset = log_end_offset
        self.high_watermark = log_end_offset
        self.producers = Producers() if producers is None else producers

    @property
    def last_stable_offset(self) -> int:
        unstable = self.producers.first_unstable_offset
        return self.high_watermark if unstable is None else min(unstable, self.high_watermark)

    def admit(self, header: BatchHeader) -> BatchMetadata | None:
        """None: write the batch at `log_end_offset`. Else the batch that it repeats. Raises KafkaError of an idempotent producer."""
        return self.producers.check(header) if header.producer_id >= 0 else None

    def advance(self, header: BatchHeader, base_offset: int) -> None:
        """The batch lies in the log at `base_offset`."""
        self.log_end_offset = base_offset + header.last_offset_delta + 1
        if header.producer_id >= 0:
            self.producers.update(header, base_offset)

    def raise_high_watermark(self, offset: int) -> bool:
        """Let readers see what lies before `offset`; whether that moved it."""
        offset = min(offset, self.log_end_offset)
        if offset <= self.high_watermark:
            return False
        self.high_watermark = offset
        return True

    def check_leader_epoch(self, current_leader_epoch: int) -> None:
        """Raises FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. -1 names none. (Partition.checkCurrentLeaderEpoch)"""
        if current_leader_epoch in (NO_EPOCH, self.leader_epoch):
            return
        if current_leader_epoch < self.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH, f"leader epoch {current_leader_epoch} is over, it is {self.leader_epoch}")
        raise KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH, f"leader epoch {current_leader_epoch} is not known, it is {self.leader_epoch}")

    def check_in_range(self, offset: int) -> None:
        """Raises OFFSET_OUT_OF_RANGE for an offset outside the log. Its end is inside: what comes next will lie there."""
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is not between {self.log_start_offset} and {self.log_end_offset}",
            )

    def readable_up_to(self, isolation_level: int) -> int:
        """The offset that a consumer of that isolation level may not yet read."""
        return self.last_stable_offset if isolation_level == READ_COMMITTED else self.high_watermark

    def delete_before(self, offset: int) -> bool:
        """DeleteRecords: forget what lies before `offset` (-1: all that is committed); whether the start moved. Backwards is no error."""
        target = self.high_watermark if offset == TO_HIGH_WATERMARK else offset
        if target < 0 or target > self.high_watermark:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"cannot delete up to {offset}, the high watermark is {self.high_watermark}")
        if target <= self.log_start_offset:
            return False
        self.log_start_offset = target
        return True
