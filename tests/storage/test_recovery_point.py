"""What a flush may claim: `RecoveryPoint` with flushes and truncations that are told by hand."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pybroker.storage.errors import StorageError
from pybroker.storage.memory_segment import MemorySegment
from pybroker.storage.parts import Segment
from pybroker.storage.recovery_point import RecoveryPoint


class Told:
    """A log of one segment that ends at 10, and what its flushes are told."""

    def __init__(self) -> None:
        self.point = RecoveryPoint()
        self.segment: Segment = MemorySegment(0, None)
        self.end_offset = 10

    def look(self) -> tuple[int, list[Segment]]:
        """All of it."""
        return self.end_offset, [self.segment]

    def sync(self, segments: list[Segment]) -> list[tuple[Segment, int]]:
        """A hundred bytes are durable."""
        assert segments == [self.segment]
        return [(self.segment, 100)]


def test_flush_claims_what_it_looked_at() -> None:
    """Not what came in while it waited for the disk."""
    told = Told()

    def sync(segments: list[Segment]) -> list[tuple[Segment, int]]:
        told.end_offset = 20
        return told.sync(segments)

    assert told.point.flush(told.look, sync) == 10
    assert (told.point.offset, told.segment.flushed_bytes) == (10, 100)


def test_flush_never_takes_back_what_another_claimed() -> None:
    """A flush of sealed segments looks less far than one of all."""
    told = Told()
    told.point.flush(told.look, told.sync)
    told.end_offset = 5
    assert told.point.flush(told.look, lambda segments: [(told.segment, 50)]) == 10
    assert told.segment.flushed_bytes == 100


def test_flush_claims_nothing_after_a_truncation() -> None:
    """What it made durable may not be what lies at those offsets now."""
    told = Told()

    def sync(segments: list[Segment]) -> list[tuple[Segment, int]]:
        told.point.truncate(3, lambda offset: offset)
        return told.sync(segments)

    assert told.point.flush(told.look, sync) == 0
    assert told.segment.flushed_bytes == 0
    assert told.point.flush(told.look, told.sync) == 10


@pytest.mark.parametrize(("end_after", "offset"), [(4, 4), (2, 2), (6, 4)])
def test_truncation_lowers_it(end_after: int, offset: int) -> None:
    """To where the log was cut, or to where it ends after that, if a batch went as a whole."""
    told = Told()
    told.point.flush(told.look, told.sync)
    told.point.truncate(4, lambda _: end_after)
    assert told.point.offset == offset


def test_truncation_that_fails_lowers_it_too() -> None:
    """Nobody knows what is left."""
    told = Told()
    told.point.flush(told.look, told.sync)

    def cut(offset: int) -> int:
        raise StorageError("input/output error")

    with pytest.raises(StorageError):
        told.point.truncate(4, cut)
    assert told.point.offset == 4


def test_nothing_is_flushed_when_it_is_over() -> None:
    """Of a log that lives on elsewhere."""
    told = Told()
    told.point.is_over = True
    assert told.point.flush(cast(Any, None), cast(Any, None)) == 0
