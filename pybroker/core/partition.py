"""What one partition decides: which batch is taken at which offset, what a reader may see, where the log begins.

Rules
- `admit` decides and changes nothing; `advance` is called when the batch lies in the log, and is the only thing that moves the end.
- log_start_offset <= last_stable_offset <= high_watermark <= log_end_offset.
- The high watermark never goes back. How far it may follow the end is said by whoever knows what is safe (`raise_high_watermark`).
- The last stable offset is where the first open transaction begins, and the high watermark where none is open (KIP-98).
- Of every aborted transaction it is kept from where to where it goes, so that a reader of what is committed can be told what to skip.
- A request that names a leader epoch is for that leader alone: an older one is fenced, a newer one is unknown (KIP-320).

No clock, no I/O: a partition on disk, in memory and in a simulation decide alike. (Kafka: UnifiedLog and Partition.)
"""

from __future__ import annotations

from pybroker.core.aborted import AbortedTransactions
from pybroker.core.producers import BatchMetadata, EndedTransaction, Marker, Producers
from pybroker.records.batch import BatchHeader
from pybroker.storage.interface import AbortedTransaction
from pybroker.wire.errors import ErrorCode, KafkaError

NO_EPOCH = -1
READ_UNCOMMITTED = 0
READ_COMMITTED = 1

TO_HIGH_WATERMARK = -1
"""The offset by which DeleteRecords asks to delete all that is committed."""


class PartitionState:
    """Offsets, epoch and producers of one partition. `aborted` is made when something is aborted for the first time."""

    __slots__ = ("aborted", "high_watermark", "leader_epoch", "log_end_offset", "log_start_offset", "producers")

    def __init__(self, leader_epoch: int, log_start_offset: int = 0, log_end_offset: int = 0, producers: Producers | None = None) -> None:
        self.leader_epoch = leader_epoch
        self.log_start_offset = log_start_offset
        self.log_end_offset = log_end_offset
        self.high_watermark = log_end_offset
        self.producers = Producers() if producers is None else producers
        self.aborted: AbortedTransactions | None = None

    @property
    def last_stable_offset(self) -> int:
        unstable = self.producers.first_unstable_offset
        if unstable is None:
            return self.high_watermark
        # DeleteRecords may have taken the beginning of the transaction (UnifiedLog.maybeIncrementFirstUnstableOffset).
        return min(max(unstable, self.log_start_offset), self.high_watermark)

    def admit(self, header: BatchHeader) -> BatchMetadata | None:
        """None: write the batch at `log_end_offset`. Else the batch that it repeats. Raises KafkaError of an idempotent producer."""
        return self.producers.check(header) if header.producer_id >= 0 else None

    def advance(self, header: BatchHeader, base_offset: int) -> None:
        """The batch lies in the log at `base_offset`."""
        self.log_end_offset = base_offset + header.last_offset_delta + 1
        if header.producer_id >= 0:
            self.producers.update(header, base_offset)

    def admit_marker(self, marker: Marker) -> None:
        """Raises KafkaError if the transaction must not be ended by this marker."""
        self.producers.check_marker(marker)

    def advance_marker(
        self, header: BatchHeader, base_offset: int, coordinator_epoch: int, *, committed: bool
    ) -> AbortedTransaction | None:
        """A marker lies in the log at `base_offset`. Returns what it aborted, to be kept in the transaction index."""
        self.log_end_offset = base_offset + 1
        ended = self.producers.update(header, base_offset, coordinator_epoch)
        if ended is None or committed:
            return None
        aborted = self._aborted(ended)
        self.keep_aborted(aborted)
        return aborted

    def _aborted(self, ended: EndedTransaction) -> AbortedTransaction:
        first_open = self.producers.first_open_offset
        last_stable_offset = ended.last_offset + 1 if first_open is None else first_open
        return AbortedTransaction(ended.producer_id, ended.first_offset, ended.last_offset, last_stable_offset)

    def keep_aborted(self, aborted: AbortedTransaction) -> None:
        """The next aborted transaction, in the order of markers."""
        if self.aborted is None:
            self.aborted = AbortedTransactions()
        self.aborted.append(aborted)

    def raise_high_watermark(self, offset: int) -> bool:
        """Let readers see what lies before `offset`; whether that moved it."""
        if offset > self.log_end_offset:
            offset = self.log_end_offset
        if offset <= self.high_watermark:
            return False
        self.high_watermark = offset
        self.producers.settle(offset)
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

    def forget_aborted(self) -> None:
        """Let go of aborted transactions that lie before the log's start."""
        if self.aborted is not None:
            self.aborted.drop_before(self.log_start_offset)
