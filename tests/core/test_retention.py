"""Which segments go."""

from __future__ import annotations

import pytest

from pybroker.core.retention import retained_from
from pybroker.storage.interface import SegmentInfo

SEGMENTS = [SegmentInfo(0, 10, 100, 1000), SegmentInfo(10, 20, 100, 2000), SegmentInfo(20, 30, 100, 3000)]


@pytest.mark.parametrize(
    ("now_ms", "retention_ms", "retention_bytes", "start"),
    [
        (9999, -1, -1, None),
        (1500, 500, -1, None),
        (1501, 500, -1, 10),
        (2501, 500, -1, 20),
        (9999, 500, -1, 30),
        (0, -1, 300, None),
        (0, -1, 201, None),
        (0, -1, 200, 10),
        (0, -1, 0, 30),
        (1501, 500, 100, 20),
    ],
)
def test_limits(now_ms: int, retention_ms: int, retention_bytes: int, start: int | None):
    """Time and size, alone and together."""
    assert retained_from(SEGMENTS, 30, now_ms, retention_ms, retention_bytes) == start


def test_only_committed_segments_go():
    """A segment that reaches beyond the high watermark stays."""
    assert retained_from(SEGMENTS, 25, 9999, 500, -1) == 20
    assert retained_from(SEGMENTS, 5, 9999, 500, 0) is None


def test_segment_without_times_stays():
    """Nobody said how old it is."""
    assert retained_from([SegmentInfo(0, 10, 100, -1), *SEGMENTS[1:]], 30, 9999, 500, -1) is None


def test_empty_active_segment_is_no_reason_to_roll():
    """A log that was emptied stays as it is."""
    assert retained_from([SegmentInfo(30, 30, 0, -1)], 30, 9999, 500, 0) is None
