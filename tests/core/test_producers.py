"""Idempotent producers of one partition."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.producer_snapshot import SnapshotError, decode_snapshot, encode_snapshot
from pybroker.core.producers import Producers
from pybroker.records.batch import MAX_SEQUENCE, BatchHeader, read_header
from pybroker.records.builder import build_batch
from pybroker.wire.errors import ErrorCode, KafkaError

PRODUCER = 4000


def header_of(sequence: int, count: int = 1, epoch: int = 0, producer: int = PRODUCER, **fields: int) -> BatchHeader:
    """The header of a batch as a producer sends it."""
    rows = [(None, b"v", fields.pop("timestamp", 1000))] * count
    options = {"producer_id": producer, "producer_epoch": epoch, "base_sequence": sequence, **fields}
    return read_header(build_batch(rows, **options))


def write(producers: Producers, header: BatchHeader, offset: int) -> int | None:
    """Check and remember a batch; the offset of what it repeats, or None."""
    duplicate = producers.check(header)
    if duplicate is not None:
        return duplicate.first_offset
    producers.update(header, offset)
    return None


def error_of(producers: Producers, header: BatchHeader) -> ErrorCode:
    """How the batch is refused."""
    with pytest.raises(KafkaError) as caught:
        producers.check(header)
    return caught.value.code


def test_batches_in_order_are_taken():
    """A batch that begins where the last one ended is new."""
    producers = Producers()
    assert write(producers, header_of(0, 2), 0) is None
    assert write(producers, header_of(2), 2) is None


def test_duplicate_is_told_its_first_offset_and_timestamp():
    """A batch sent again is answered with what was remembered of it."""
    producers = Producers()
    write(producers, header_of(0, 2, timestamp=77), 10)
    duplicate = producers.check(header_of(0, 2))
    assert duplicate is not None
    assert (duplicate.first_offset, duplicate.last_offset, duplicate.timestamp) == (10, 11, 77)


def test_five_batches_are_remembered():
    """The fifth last batch is a duplicate, the sixth last is out of order."""
    producers = Producers()
    for sequence in range(6):
        write(producers, header_of(sequence), sequence)
    assert write(producers, header_of(1), 9) == 1
    assert error_of(producers, header_of(0)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


@pytest.mark.parametrize("header", [header_of(0), header_of(1), header_of(5), header_of(3)])
def test_gap_and_part_of_a_batch_are_out_of_order(header: BatchHeader):
    """Neither a gap nor a piece of a known batch is taken."""
    producers = Producers()
    write(producers, header_of(0, 2), 0)
    assert error_of(producers, header) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_unknown_producer_begins_anywhere():
    """A producer that was never seen, or was forgotten, may begin at any sequence number."""
    producers = Producers()
    assert write(producers, header_of(7), 0) is None
    assert producers.expire(now_ms=1000 + 50, expiration_ms=50) == 1
    assert write(producers, header_of(70), 1) is None


def test_new_epoch_begins_at_zero_and_fences_the_old_one():
    """An epoch goes up with sequence 0 and never back."""
    producers = Producers()
    write(producers, header_of(0), 0)
    assert error_of(producers, header_of(1, epoch=1)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert write(producers, header_of(0, epoch=1), 1) is None
    assert error_of(producers, header_of(1, epoch=0)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_batches_of_an_old_epoch_are_no_duplicates():
    """The same sequence numbers in a new epoch are new batches."""
    producers = Producers()
    write(producers, header_of(0), 0)
    write(producers, header_of(0, epoch=1), 1)
    assert write(producers, header_of(0, epoch=1), 2) == 1
    assert len(producers.get(PRODUCER).batches) == 1


def test_sequence_wraps():
    """After 2147483647 comes 0, within a batch and between batches."""
    producers = Producers()
    assert write(producers, header_of(MAX_SEQUENCE - 1, 3), 0) is None
    assert write(producers, header_of(1), 3) is None
    assert write(producers, header_of(MAX_SEQUENCE - 1, 3), 4) == 0


def test_open_transaction_bounds_what_is_stable_and_never_expires():
    """The earliest open transaction is the first unstable offset until its marker comes."""
    producers = Producers()
    producers.update(header_of(0, transactional=True), 5)
    producers.update(header_of(0, producer=PRODUCER + 1, transactional=True), 6)
    assert producers.first_unstable_offset == 5
    assert producers.expire(now_ms=10**12, expiration_ms=1) == 0
    marker = header_of(-1, transactional=True)
    marker.attributes |= 0x20
    ended = producers.update(marker, 7, coordinator_epoch=3)
    assert ended == (PRODUCER, 5, 7)
    assert (producers.first_open_offset, producers.first_unstable_offset) == (6, 5)
    assert not producers.settle(7)
    assert producers.settle(8)
    assert producers.first_unstable_offset == 6
    assert producers.get(PRODUCER).coordinator_epoch == 3


def test_snapshot_keeps_the_last_batch_of_each_producer():
    """What a snapshot brings back knows the last batch as a duplicate, and where the next one begins."""
    producers = Producers()
    write(producers, header_of(0, 2), 0)
    write(producers, header_of(2, 3), 2)
    producers.update(header_of(9, producer=5, transactional=True), 5)
    restored = Producers(decode_snapshot(encode_snapshot(producers)))
    assert write(restored, header_of(2, 3), 9) == 2
    assert error_of(restored, header_of(0, 2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert write(restored, header_of(5), 9) is None
    assert restored.first_unstable_offset == 5


def test_snapshot_bytes_are_kafkas():
    """Version, CRC-32C of the rest, count, and 46 bytes for an entry, as ProducerStateManager writes them."""
    producers = Producers()
    producers.update(header_of(4, 3, epoch=2, timestamp=1000), 10)
    content = encode_snapshot(producers)
    assert content[:2] == b"\x00\x01"
    body = "00000001" + "0000000000000fa0" + "0002" + "00000006" + "000000000000000c" + "00000002" + "00000000000003e8"
    assert content[6:].hex() == body + "ffffffff" + "ffffffffffffffff"


@pytest.mark.parametrize("spoil", [lambda c: c[:5], lambda c: b"\x00\x02" + c[2:], lambda c: c[:-1] + b"\x00", lambda c: c + b"x"])
def test_damaged_snapshot_is_refused(spoil):
    """Bytes that are not what was written are an error, not a state."""
    producers = Producers()
    producers.update(header_of(0), 0)
    with pytest.raises(SnapshotError):
        decode_snapshot(spoil(encode_snapshot(producers)))


@dataclass
class Model:
    """The rules said once more, slowly: everything that was written, and the last five of the epoch."""

    epoch: int = -1
    written: list[tuple[int, int, int]] = field(default_factory=list)

    def answer(self, epoch: int, first: int, last: int, offset: int) -> object:
        if epoch == self.epoch:
            for old_first, old_last, old_offset in self.written[-5:]:
                if (old_first, old_last) == (first, last):
                    return old_offset
        if epoch < self.epoch:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        if self.epoch >= 0:
            expected = 0 if epoch > self.epoch else self.written[-1][1] + 1
            if first != expected:
                return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        if epoch > self.epoch:
            self.epoch, self.written = epoch, []
        self.written.append((first, last, offset))
        return None


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(1, 3)), max_size=40))
def test_producers_agree_with_the_model(batches: list[tuple[int, int, int]]):
    """Whatever is sent in whatever order, it is answered as the plain rules say; and replay of what was taken gives the same state."""
    producers, replayed, model, offset = Producers(), Producers(), Model(), 0
    for epoch, sequence, count in batches:
        header = header_of(sequence, count, epoch)
        expected = model.answer(epoch, sequence, sequence + count - 1, offset)
        if isinstance(expected, ErrorCode):
            assert error_of(producers, header) is expected
        else:
            assert write(producers, header, offset) == expected
        if expected is None:
            replayed.update(header, offset)
            offset += count
    assert encode_snapshot(producers) == encode_snapshot(replayed)


def test_the_next_batch_after_five_is_new():
    """A batch in order is taken whatever is remembered; one of another epoch that carries the same number is not in order."""
    producers = Producers()
    for sequence in range(7):
        assert write(producers, header_of(sequence), sequence) is None
    assert write(producers, header_of(6), 7) == 6
    assert error_of(producers, header_of(7, epoch=1)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
