"""The decisions of one partition."""

from __future__ import annotations

import pytest

from pybroker.core.partition import READ_COMMITTED, READ_UNCOMMITTED, PartitionState
from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.wire.errors import ErrorCode, KafkaError


def state_with(count: int) -> PartitionState:
    """A partition of epoch 3 with so many records, all committed."""
    state = PartitionState(leader_epoch=3)
    state.advance(read_header(build_batch([(None, b"v")] * count)), 0)
    state.raise_high_watermark(count)
    return state


def test_end_moves_with_what_is_written_and_the_high_watermark_when_told():
    """Written is not yet safe."""
    state = PartitionState(leader_epoch=0)
    header = read_header(build_batch([(None, b"v")] * 3))
    assert state.admit(header) is None
    state.advance(header, 0)
    assert (state.log_end_offset, state.high_watermark) == (3, 0)
    assert state.raise_high_watermark(99)
    assert state.high_watermark == 3
    assert not state.raise_high_watermark(1)
    assert state.high_watermark == 3


def test_open_transaction_holds_the_last_stable_offset():
    """Committed readers stop where the first open transaction begins."""
    state = state_with(2)
    state.advance(read_header(build_batch([(None, b"v")], producer_id=1, producer_epoch=0, base_sequence=0, transactional=True)), 2)
    state.raise_high_watermark(3)
    assert state.readable_up_to(READ_COMMITTED) == 2
    assert state.readable_up_to(READ_UNCOMMITTED) == 3


@pytest.mark.parametrize(
    ("epoch", "code"), [(-1, None), (3, None), (2, ErrorCode.FENCED_LEADER_EPOCH), (4, ErrorCode.UNKNOWN_LEADER_EPOCH)]
)
def test_leader_epoch(epoch: int, code: ErrorCode | None):
    """Only the current epoch, or none, is served."""
    state = PartitionState(leader_epoch=3)
    if code is None:
        state.check_leader_epoch(epoch)
        return
    with pytest.raises(KafkaError) as caught:
        state.check_leader_epoch(epoch)
    assert caught.value.code is code


@pytest.mark.parametrize(("offset", "good"), [(-1, False), (0, True), (3, True), (4, False)])
def test_range(offset: int, good: bool):
    """The end of the log is inside, what is before the start or after the end is not."""
    state = state_with(3)
    if good:
        state.check_in_range(offset)
        return
    with pytest.raises(KafkaError) as caught:
        state.check_in_range(offset)
    assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_delete_records():
    """The start goes forward to the offset or to the high watermark, and backwards is no error."""
    state = state_with(3)
    assert state.delete_before(2)
    assert state.log_start_offset == 2
    assert not state.delete_before(1)
    assert state.delete_before(-1)
    assert state.log_start_offset == 3
    for offset in (4, -2):
        with pytest.raises(KafkaError):
            state.delete_before(offset)
