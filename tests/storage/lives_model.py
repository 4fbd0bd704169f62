"""What a store must hold: the model of its logs that `lives` keeps, and how a log that was opened is compared with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from pybroker.core.cluster import ClusterImage, MetadataDelta
from pybroker.core.partition import PartitionState
from pybroker.records.batch import BatchHeader
from pybroker.storage.interface import AbortedTransaction

FOREVER = 1 << 62


@dataclass(slots=True, eq=False, repr=False)
class Batch:
    """One that was written. `superseded_by`: it may be gone, where that one is there; `is_optional`: anyway.

    `marker`: COMMIT or ABORT, None for data.
    """

    header: BatchHeader
    data: bytes
    marker: bool | None = None
    superseded_by: Batch | None = None
    is_optional: bool = False

    @property
    def base(self) -> int:
        return self.header.base_offset

    @property
    def last(self) -> int:
        return self.header.last_offset

    def __repr__(self) -> str:
        return f"Batch({self.base} to {self.last}{f', superseded by {self.superseded_by.base}' if self.superseded_by else ''})"

    def is_superseded(self, there: set[int]) -> bool:
        """Whether what took its place is among the batches that are there, by their base offsets."""
        other: Batch | None = self
        while other is not None and not other.is_optional and other.base not in there:
            other = other.superseded_by
        return other is not None


@dataclass(slots=True, eq=False)
class Partition:
    """The model of one log, and the log.

    `batches`: acknowledged, in order, also those before the log's start; `unsure`: one whose write did not end. `safe`: flushed up to here.
    `start`, `end`: of the log; `floor`: what was checkpointed as its start.
    """

    name: tuple[str, int]
    topic_id: bytes
    epoch: int = 0
    batches: list[Batch] = field(default_factory=list)
    unsure: Batch | None = None
    start: int = 0
    floor: int = 0
    end: int = 0
    safe: int = 0
    may_be_cut_to: int | None = None
    log: Any = None
    state: PartitionState = field(default_factory=lambda: PartitionState(0))
    snapshot_offset: int = -1
    offline: bool = False


class Told(ClusterImage):
    """An image that only notes the names it is told, each as often."""

    def __init__(self) -> None:
        super().__init__("")
        self.names: list[str] = []

    def replay(self, records: Iterable[Any]) -> MetadataDelta:
        self.names += [record.name for record in records]
        return MetadataDelta()


class Wrong(AssertionError):
    """The store does not do what it should."""


class Past(NamedTuple):
    """How the last session ended (neither: the process died), and whether the log was ever compacted."""

    clean: bool
    lost_power: bool
    is_compacted: bool


def expect(holds: bool, otherwise: str) -> None:
    """Raises Wrong."""
    if not holds:
        raise Wrong(otherwise)


def compare_batches(partition: Partition, found: list[tuple[BatchHeader, bytes]], past: Past) -> None:
    """What is there was acknowledged, and what was acknowledged is there."""
    unsure = partition.unsure
    if unsure is not None and any(data == unsure.data for _, data in found):
        partition.batches.append(unsure)
        partition.end = unsure.last + 1
    known = {batch.base: batch for batch in partition.batches}
    next_offset = -1
    for header, data in found:
        expect(header.base_offset >= next_offset, f"offset {header.base_offset} comes after {next_offset - 1}")
        next_offset = header.next_offset
        batch = known.get(header.base_offset)
        expect(batch is not None and batch.data == data, f"the batch at {header.base_offset} was never acknowledged so")
    there = {header.base_offset for header, _ in found}
    required_up_to = partition.safe if past.lost_power else FOREVER
    if partition.may_be_cut_to is not None:
        required_up_to = min(required_up_to, partition.may_be_cut_to)
    lost: Batch | None = None
    for batch in partition.batches:
        if batch.last < partition.log.log_start_offset or (batch.last < partition.start and batch.base not in there):
            continue
        if batch.base in there:
            in_order = lost is None or past.is_compacted
            expect(in_order, f"{batch.base} is there, but not {lost and lost.base} before it")
        elif not batch.is_superseded(there):
            expect(batch.last >= required_up_to, f"{batch} is lost")
            lost = batch
            batch.is_optional = True  # from now on
        else:
            batch.is_optional |= batch.last >= required_up_to  # it may be the power that took it: what superseded it may be next


def compare_bounds(partition: Partition, past: Past) -> None:
    """Where it starts and ends; the model takes that over."""
    log = partition.log
    start, end = log.log_start_offset, log.log_end_offset
    expect(start <= end, f"the log starts at {start} and ends at {end}")
    unsafe = past.lost_power and start > partition.safe  # the name of the first segment may be lost, and that of another not
    expect(start <= partition.start or unsafe, f"the log starts at {start}, not at {partition.start}")
    if past.clean:
        expect(start == partition.start, f"the log starts at {start}, not at {partition.start}, after a clean stop")
    if not past.lost_power:
        expect(start >= partition.floor, f"the log starts at {start}, but {partition.floor} was checkpointed")
        least = partition.end if partition.may_be_cut_to is None else partition.may_be_cut_to
        expect(least <= end <= partition.end, f"the log ends at {end}, not at {partition.end}")
    expect(
        min(partition.safe, partition.end) <= end <= partition.end,
        f"the log ends at {end}, not from {partition.safe} to {partition.end}",
    )
    partition.start, partition.end = start, end
    partition.floor = min(partition.floor, start)


def compare_reads(partition: Partition, batches: list[Batch], rng: Random) -> None:
    """By offset and by time."""
    log = partition.log
    for batch in rng.sample(batches, min(4, len(batches))):
        offset = rng.randint(max(batch.base, partition.start), batch.last)
        piece = log.read(offset, rng.choice((1, 150, 10_000)), partition.end, True)
        expect(piece is not None and piece.read().startswith(batch.data), f"reading from {offset} does not give {batch}")
        expect(log.epoch_at(offset) == batch.header.partition_leader_epoch, f"epoch {log.epoch_at(offset)} at {offset}")
        timestamp = batch.header.max_timestamp
        first = next(other for other in batches if other.header.max_timestamp >= timestamp)
        answer = log.offset_for_timestamp(timestamp, partition.end)
        wanted = max(first.base, partition.start)
        expect(answer is not None and answer.offset == wanted, f"time {timestamp} is found at {answer}, not at {wanted}")


def compare_state(partition: Partition) -> None:
    """Producers and aborted transactions with those of a replay of everything."""
    wanted = PartitionState(0)
    refs: list[Any] = []
    for batch in partition.batches:
        if batch.marker is None:
            wanted.advance(batch.header, batch.base)
        else:
            aborted = wanted.advance_marker(batch.header, batch.base, 0, committed=batch.marker)
            refs += [aborted] if aborted is not None else []
        wanted.raise_high_watermark(FOREVER)
    start = partition.start
    found = {entry.producer_id: entry for entry in partition.state.producers}
    for entry in wanted.producers:
        if entry.last_offset < start and entry.producer_id not in found:
            continue
        got = found.get(entry.producer_id)
        expect(got is not None, f"producer {entry.producer_id} is forgotten")
        assert got is not None
        same = (got.producer_epoch, got.last_sequence, got.last_offset) == (
            entry.producer_epoch,
            entry.last_sequence,
            entry.last_offset,
        )
        expect(same or entry.last_offset < start, f"producer {got} at {got.last_offset}, not {entry} at {entry.last_offset}")
        is_open = entry.current_txn_first_offset >= 0
        expect((got.current_txn_first_offset >= 0) == is_open or entry.last_offset < start, f"the transaction of {got}: {is_open}")
    have = [(each.producer_id, each.first_offset, each.last_offset) for each in partition.state.aborted or ()]
    expect(sorted(have, key=lambda row: row[2]) == have, f"aborted transactions {have} are out of order")
    lasts = {each.last_offset: each for each in refs}
    for producer_id, first, last in have:
        ref = lasts.get(last)
        fits = ref is not None and ref.producer_id == producer_id and ref.first_offset <= first
        expect(fits, f"no transaction was aborted as {producer_id}: {first} to {last}")
    for ref in refs:
        touched = [each.base for each in partition.batches if is_part_of(each, ref) and each.last >= start]
        known = any((row[0], row[2]) == (ref.producer_id, ref.last_offset) and row[1] <= touched[0] for row in have if touched)
        expect(known or not touched, f"the aborted transaction {ref} is forgotten: {have}")


def is_part_of(batch: Batch, aborted: AbortedTransaction) -> bool:
    """Whether the batch holds records of that transaction."""
    inside = aborted.first_offset <= batch.base < aborted.last_offset
    return inside and batch.marker is None and batch.header.producer_id == aborted.producer_id
