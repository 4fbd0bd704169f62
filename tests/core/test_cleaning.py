"""Which logs are compacted, and how far."""

from __future__ import annotations

import pytest

from pybroker.core.cleaning import MAX_OFFSETS, Bounds, Dirt, find_dirt, group_segments, largest_segment_bytes
from pybroker.core.settings import Settings
from pybroker.core.topic_config import TopicConfig
from pybroker.storage.interface import Extent, LogConfig

NOW_MS = 1_700_000_000_000
SEGMENTS = [Extent(0, 10, 100), Extent(10, 20, 100), Extent(20, 30, 100), Extent(30, 35, 50)]
CONFIG = Settings({}).topic_config({"cleanup.policy": "compact"})


def no_times(base_offset: int) -> tuple[int, int]:
    """Segments that nobody may look into."""
    raise AssertionError("nobody set a lag")


def dirt(checkpoint: int | None = None, config: TopicConfig = CONFIG, *, start: int = 0, stable: int = 35, times=no_times) -> Dirt:
    """How dirty the segments above are."""
    return find_dirt(SEGMENTS, Bounds(checkpoint, start, stable, 35), config, NOW_MS, times)


def test_new_log_is_dirty_up_to_its_active_segment():
    """What was never cleaned is dirty from the start."""
    assert dirt() == Dirt(0, 30, 0, 300, False)
    assert dirt().ratio == 1.0
    assert dirt().is_due(CONFIG)


@pytest.mark.parametrize(("checkpoint", "clean", "dirty", "due"), [(10, 100, 200, True), (20, 200, 100, False), (30, 300, 0, False)])
def test_dirty_ratio(checkpoint: int, clean: int, dirty: int, due: bool):
    """More than min.cleanable.dirty.ratio (0.5) of what may be cleaned must be dirty."""
    found = find_dirt(SEGMENTS, Bounds(checkpoint, 0, 35, 35), CONFIG, NOW_MS, no_times)
    assert (found.clean_bytes, found.dirty_bytes, found.is_due(CONFIG)) == (clean, dirty, due)


def test_exactly_the_ratio_is_not_enough():
    """Kafka asks for more than the ratio."""
    config = CONFIG._replace(min_cleanable_dirty_ratio=1.0)
    assert not dirt(config=config).is_due(config)


@pytest.mark.parametrize("checkpoint", [3, 40])
def test_checkpoint_outside_the_log_is_none(checkpoint: int):
    """After records were deleted, or the log was truncated, all is dirty."""
    assert dirt(checkpoint, start=5).first_dirty_offset == 5


def test_nothing_beyond_the_last_stable_offset():
    """A segment that reaches beyond it waits, and those after it."""
    assert dirt(stable=25).first_uncleanable_offset == 20
    assert dirt(stable=5) == Dirt(0, 0, 0, 0, False)


def test_young_segments_wait_for_their_lag():
    """min.compaction.lag.ms goes by a segment's largest timestamp."""
    config = CONFIG._replace(min_compaction_lag_ms=1000)
    ages = {0: 5000, 10: 1000, 20: 999}
    found = dirt(config=config, times=lambda base: (-1, NOW_MS - ages[base]))
    assert found.first_uncleanable_offset == 20


def test_overdue_log_does_not_need_the_ratio():
    """max.compaction.lag.ms goes by the first batch of each dirty segment; -1 tells nothing."""
    config = CONFIG._replace(max_compaction_lag_ms=1000)
    ages = {10: 5000, 20: 1000}
    assert not dirt(20, config, times=lambda base: (NOW_MS - ages[base], -1)).overdue
    assert not dirt(20, config, times=lambda base: (-1, -1)).overdue
    late = dirt(20, config, times=lambda base: (NOW_MS - 1001, -1))
    assert late.overdue
    assert late.is_due(config)
    assert not dirt(30, config).is_due(config)


def test_max_compaction_lag_rolls_segments():
    """A record leaves the active segment in time to be compacted (KIP-354)."""
    overrides = {"cleanup.policy": "compact", "max.compaction.lag.ms": "100", "segment.ms": "500"}
    assert Settings({}).topic_config(overrides).log_config().segment_ms == 100
    assert Settings({}).topic_config({**overrides, "cleanup.policy": "delete"}).log_config().segment_ms == 500
    assert Settings({}).topic_config({**overrides, "segment.ms": "50"}).log_config().segment_ms == 50


def test_groups_by_size():
    """As many segments as fit; one that is too large is alone; none that begins where the round ends."""
    assert group_segments(SEGMENTS, 30, 200) == [SEGMENTS[:2], SEGMENTS[2:3]]
    assert group_segments(SEGMENTS, 21, 1000) == [SEGMENTS[:3]]
    assert group_segments(SEGMENTS, 30, 50) == [[extent] for extent in SEGMENTS[:3]]
    assert group_segments(SEGMENTS, 0, 50) == []


def test_groups_by_offsets():
    """An index knows offsets relative to its segment's base, in 31 bits."""
    extents = [Extent(0, 10, 1), Extent(10, MAX_OFFSETS + 1, 1), Extent(MAX_OFFSETS + 1, MAX_OFFSETS + 2, 1)]
    assert group_segments(extents, 2**40, 1000) == [extents[:2], extents[2:]]


def test_what_is_put_together_fits_its_indexes() -> None:
    """By default segment.bytes bounds it; with a small segment.index.bytes what its entries reach over."""
    assert largest_segment_bytes(LogConfig()) == 1 << 30
    assert largest_segment_bytes(LogConfig(segment_index_bytes=1200, index_interval_bytes=4096)) == 100 * 4096
    assert largest_segment_bytes(LogConfig(index_interval_bytes=0)) == 1
