"""The aborted transactions of a partition, and the markers that make them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.aborted import AbortedTransactions
from pybroker.core.partition import PartitionState
from pybroker.core.producers import Marker
from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.records.control import build_marker
from pybroker.storage.interface import AbortedTransaction
from pybroker.wire.errors import ErrorCode, KafkaError


def write(state, producer_id, epoch=0, sequence=0, *, transactional=True):
    """One record of a producer at the end of the log."""
    batch = build_batch(
        [(None, b"x")], producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence, transactional=transactional, timestamp=1
    )
    header = read_header(batch)
    assert state.admit(header) is None
    state.advance(header, state.log_end_offset)


def end(state, producer_id, epoch=0, *, committed, coordinator_epoch=0, version=0):
    """A marker at the end of the log; returns what it aborted."""
    state.admit_marker(Marker(producer_id, epoch, committed, coordinator_epoch, version))
    _, header = build_marker(producer_id, epoch, 0, timestamp_ms=1, commit=committed)
    return state.advance_marker(header, state.log_end_offset, coordinator_epoch, committed=committed)


def test_the_last_stable_offset_follows_the_oldest_open_transaction():
    """And an abort tells where it was; a marker that is not safe yet ends nothing for a reader."""
    state = PartitionState(0)
    write(state, 1)
    write(state, 2)
    assert end(state, 2, committed=False) == (2, 1, 2, 0)
    state.raise_high_watermark(3)
    assert state.last_stable_offset == 0
    assert end(state, 1, committed=True) is None
    assert state.last_stable_offset == 0
    state.raise_high_watermark(4)
    assert state.last_stable_offset == 4
    assert state.aborted.between(0, 4) == [(2, 1)]


def test_records_of_an_open_transaction_may_be_deleted():
    """Then what is left of the log begins unstable."""
    state = PartitionState(0)
    for number in range(3):
        write(state, 1, sequence=number)
    state.raise_high_watermark(3)
    state.delete_before(2)
    assert state.last_stable_offset == 2


def test_a_marker_without_a_transaction_aborts_nothing():
    """It is written, and that is all."""
    state = PartitionState(0)
    assert end(state, 1, committed=False) is None
    assert (state.aborted, state.log_end_offset) == (None, 1)


def test_a_plain_batch_in_a_transaction_is_refused():
    """INVALID_TXN_STATE until the transaction ends."""
    state = PartitionState(0)
    write(state, 1)
    with pytest.raises(KafkaError) as caught:
        write(state, 1, sequence=1, transactional=False)
    assert caught.value.code is ErrorCode.INVALID_TXN_STATE
    end(state, 1, committed=True)
    write(state, 1, sequence=1, transactional=False)


@pytest.mark.parametrize(
    ("epoch", "coordinator_epoch", "version", "code"),
    [
        (4, 5, 0, ErrorCode.INVALID_PRODUCER_EPOCH),
        (5, 5, 0, None),
        (5, 5, 2, ErrorCode.INVALID_PRODUCER_EPOCH),
        (6, 5, 2, None),
        (6, 4, 2, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
    ],
)
def test_which_markers_are_taken(epoch, coordinator_epoch, version, code):
    """By version 2 a transaction is ended by a newer epoch only (KIP-890); an old coordinator ends nothing."""
    state = PartitionState(0)
    write(state, 1, epoch=5)
    end(state, 1, epoch=5, committed=True, coordinator_epoch=5)
    write(state, 1, epoch=5, sequence=1)
    if code is None:
        end(state, 1, epoch, committed=True, coordinator_epoch=coordinator_epoch, version=version)
        return
    with pytest.raises(KafkaError) as caught:
        end(state, 1, epoch, committed=True, coordinator_epoch=coordinator_epoch, version=version)
    assert caught.value.code is code


def test_a_marker_of_version_2_that_comes_again():
    """Nothing is open any more, so it does no harm."""
    state = PartitionState(0)
    write(state, 1)
    end(state, 1, epoch=1, committed=True, version=2)
    end(state, 1, epoch=1, committed=True, version=2)


def test_after_a_bump_the_sequence_begins_at_0():
    """The marker has the epoch that the producer goes on with."""
    state = PartitionState(0)
    write(state, 1)
    end(state, 1, epoch=1, committed=True, version=2)
    assert not state.producers.is_in_transaction(1, 1)
    write(state, 1, epoch=1, sequence=0)
    assert state.producers.is_in_transaction(1, 1)
    assert not state.producers.is_in_transaction(1, 0)


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=40), st.integers(0, 45), st.integers(0, 45))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_what_is_named_is_what_matters(steps, offset, upper_offset):
    """All aborted transactions that touch a range of offsets are named, whatever was open beside them, and none that begins after it."""
    state = PartitionState(0)
    spans = []
    for producer_id, ends in steps:
        entry = state.producers.get(producer_id)
        if ends and entry is not None and entry.current_txn_first_offset >= 0:
            spans.append((producer_id, entry.current_txn_first_offset, state.log_end_offset))
            end(state, producer_id, committed=False)
        else:
            sequence = 0 if entry is None else entry.last_sequence + 1
            write(state, producer_id, sequence=sequence)
    named = state.aborted.between(offset, upper_offset) if state.aborted else []
    touching = [(producer_id, first) for producer_id, first, last in spans if last >= offset and first < upper_offset]
    assert sorted(named) == sorted(touching)


def test_what_lies_before_the_start_is_forgotten():
    """By the offset of the marker."""
    aborted = AbortedTransactions()
    for number in range(3):
        aborted.append(AbortedTransaction(number, 10 * number, 10 * number + 5, 10 * number + 6))
    aborted.drop_before(6)
    assert [each.producer_id for each in aborted] == [1, 2]
    aborted.drop_before(15)
    assert len(aborted) == 2


def test_what_was_compacted_away_is_forgotten():
    """Of a range of offsets only those stay that the cleaner has kept; the others are not touched."""
    entries = [AbortedTransaction(number, 10 * number, 10 * number + 5, 10 * number + 6) for number in range(4)]
    aborted = AbortedTransactions()
    for entry in entries:
        aborted.append(entry)
    aborted.keep_only([entries[2]], 15, 26)
    assert list(aborted) == [entries[0], entries[2], entries[3]]
