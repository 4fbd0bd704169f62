"""What Produce refuses, in the order and with the codes of a 4.4.0 broker."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.batch import HEADER_SIZE, LOG_OVERHEAD, has_valid_checksum, read_header, seal, set_max_timestamp, write_checksum
from pybroker.records.builder import build_batch
from pybroker.records.compression import Codec
from pybroker.records.record import Record, iter_records
from pybroker.records.validate import InvalidBatch, ProduceRules, check_produce
from pybroker.wire.errors import ErrorCode

NOW_MS = 1_790_000_000_000
ONE = [(None, b"x", NOW_MS)]
MANY = [(b"k", b"v%d" % index, NOW_MS + index % 7) for index in range(40)]


def rules_of(**changes):
    """Rules of a plain topic at version 9, with changes."""
    return ProduceRules(**({"api_version": 9, "now_ms": NOW_MS} | changes))


def batch_with(records=ONE, codec=Codec.NONE, **fields):
    """Build a batch whose header lies in these fields; the checksum is right."""
    batch = build_batch(records, codec=codec)
    header = read_header(batch)
    for name, value in fields.items():
        setattr(header, name, value)
    return seal(header, batch[HEADER_SIZE:])


def refusal(records, **changes):
    """Return code and whether the log was reached of the error that these records get; None if they are taken."""
    try:
        check_produce(memoryview(records), rules_of(**changes))
    except InvalidBatch as error:
        return error.code, error.reached_log
    return None


INVALID_BEFORE_LOG = (ErrorCode.INVALID_RECORD, False)
INVALID = (ErrorCode.INVALID_RECORD, True)
CORRUPT = (ErrorCode.CORRUPT_MESSAGE, False)
UNKNOWN = (ErrorCode.UNKNOWN_SERVER_ERROR, True)


def patched(batch, at, data, checksum=False):
    """Put bytes into a batch."""
    batch = bytearray(batch)
    batch[at : at + len(data)] = data
    if checksum:
        write_checksum(batch, 0)
    return batch


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (b"", INVALID_BEFORE_LOG),
        (batch_with()[:-1], INVALID_BEFORE_LOG),
        (batch_with()[:-60], INVALID_BEFORE_LOG),
        (batch_with() + batch_with(), INVALID_BEFORE_LOG),
        (batch_with() + bytes(4), None),
        (batch_with() + bytes(11), None),
        (batch_with() + bytes(12), CORRUPT),
        (batch_with() + batch_with()[:-1], None),
        (patched(batch_with(), 16, b"\x03"), CORRUPT),
        (patched(batch_with(), 16, b"\x7f"), CORRUPT),
        (patched(batch_with(), 16, b"\xff"), CORRUPT),
        (patched(batch_with(), 16, b"\x00"), INVALID_BEFORE_LOG),
        (patched(batch_with(), 16, b"\x01"), INVALID_BEFORE_LOG),
        (patched(batch_with(), 8, b"\x00\x00\x00\x14"), CORRUPT),
        (patched(batch_with(), 17, b"\x00"), CORRUPT),
        (batch_with(base_offset=77), INVALID),
        (batch_with(partition_leader_epoch=9), None),
        (batch_with(record_count=3), INVALID),
        (batch_with(record_count=-1), INVALID),
        (batch_with(last_offset_delta=5), INVALID),
        (batch_with(ONE * 2, last_offset_delta=0), INVALID),
        (batch_with(ONE * 2, record_count=1, last_offset_delta=0), INVALID),
        (batch_with([]), INVALID),
        (batch_with([], last_offset_delta=0), INVALID),
        (batch_with([Record(1, NOW_MS, None, b"x")], base_offset=0, last_offset_delta=0), None),
        (patched(batch_with(), HEADER_SIZE, b"\x06", checksum=True), INVALID),
        (batch_with(attributes=0x20), INVALID),
        (batch_with(attributes=0x40), None),
        (batch_with(attributes=0x100), None),
        (batch_with(attributes=0x10), None),
        (batch_with(attributes=5), UNKNOWN),
        (batch_with(attributes=1), UNKNOWN),
        (batch_with(attributes=4), UNKNOWN),
        (batch_with(MANY, attributes=2), UNKNOWN),
        (batch_with(producer_id=5, producer_epoch=0, base_sequence=-1), INVALID),
        (batch_with(producer_id=-2, producer_epoch=-1, base_sequence=-1), None),
        (batch_with(MANY, record_count=41, last_offset_delta=40), INVALID),
        (batch_with(MANY, codec=Codec.ZSTD, record_count=41, last_offset_delta=40), INVALID),
        (batch_with(MANY, codec=Codec.LZ4, record_count=39, last_offset_delta=38), INVALID),
        (batch_with([(None, b"x", NOW_MS, (("", b""), ("a", None), ("a", b"b")))]), None),
    ],
)
def test_the_answer_to_each_odd_batch(records, expected):
    """Every shape that the recordings and vectors of 4.4.0 hold gets its code, and tells the log start offset or not."""
    assert refusal(records) == expected


def test_a_header_without_a_key_is_refused():
    """A null header key is INVALID_RECORD."""
    batch = build_batch([(None, b"x", NOW_MS, (("", b"b"),))])
    assert refusal(patched(batch, len(batch) - 3, b"\x01", checksum=True)) == INVALID


@pytest.mark.parametrize(
    ("version", "expected"),
    [(3, (ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, False)), (6, (ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, False)), (7, None)],
)
def test_zstd_needs_version_7(version, expected):
    """KIP-110: below it zstd is 76."""
    assert refusal(build_batch(ONE, codec=Codec.ZSTD), api_version=version) == expected
    assert refusal(build_batch(ONE, codec=Codec.LZ4), api_version=version) is None


@pytest.mark.parametrize(("value_bytes", "expected"), [(129, None), (130, None), (131, (ErrorCode.MESSAGE_TOO_LARGE, False))])
def test_max_message_bytes_counts_the_whole_batch(value_bytes, expected):
    """The header counts, and what is compressed counts as it was sent."""
    assert refusal(build_batch([(None, b"x" * value_bytes, NOW_MS)]), max_message_bytes=200) == expected
    assert refusal(build_batch([(None, b"x" * 2000, NOW_MS)], codec=Codec.GZIP), max_message_bytes=200) is None


def test_a_batch_larger_than_a_segment():
    """It is RECORD_LIST_TOO_LARGE, and the log was not reached."""
    assert refusal(build_batch([(None, bytes(5000), NOW_MS)]), segment_bytes=4096) == (ErrorCode.RECORD_LIST_TOO_LARGE, False)
    recompressed = build_batch([(None, bytes(5000), NOW_MS)], codec=Codec.GZIP)
    assert refusal(recompressed, segment_bytes=4096, compression_type=0) == (ErrorCode.RECORD_LIST_TOO_LARGE, False)
    assert refusal(recompressed, max_message_bytes=4096, compression_type=0) == (ErrorCode.MESSAGE_TOO_LARGE, False)


def record_errors_of(records, **changes):
    """Return code and indexes of the record errors."""
    with pytest.raises(InvalidBatch) as caught:
        check_produce(memoryview(records), rules_of(**changes))
    return caught.value.code, [index for index, _ in caught.value.record_errors]


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP])
def test_a_compacted_topic_names_every_record_without_a_key(codec):
    """All of them, not the first; with many records too."""
    some = build_batch([(b"k", b"x", NOW_MS), (None, b"y", NOW_MS), (b"l", b"z", NOW_MS), (None, b"w", NOW_MS)], codec=codec)
    assert record_errors_of(some, compacted=True) == (ErrorCode.INVALID_RECORD, [1, 3])
    assert refusal(some) is None
    many = build_batch([*MANY, (None, b"", NOW_MS)], codec=codec)
    assert record_errors_of(many, compacted=True) == (ErrorCode.INVALID_RECORD, [40])
    assert record_errors_of(many, compacted=True, compression_type=Codec.ZSTD) == (ErrorCode.INVALID_RECORD, [40])


def test_times_out_of_bounds_are_named():
    """Too old or too new, each bad record by its index; -1 is no time and passes; the default bound is an hour ahead."""
    bounds = {"timestamp_before_max_ms": 60_000, "timestamp_after_max_ms": 60_000}
    late = build_batch([(None, b"x", NOW_MS), (None, b"x", NOW_MS + 120_000)])
    assert record_errors_of(late, **bounds) == (ErrorCode.INVALID_TIMESTAMP, [1])
    assert record_errors_of(build_batch([(None, b"x", NOW_MS - 120_000)]), **bounds) == (ErrorCode.INVALID_TIMESTAMP, [0])
    assert refusal(build_batch([(None, b"x", NOW_MS), (None, b"y", -1)]), **bounds) is None
    assert refusal(build_batch([(None, b"x", NOW_MS - 60_000), (None, b"y", NOW_MS + 60_000)]), **bounds) is None
    assert record_errors_of(build_batch([*MANY, (None, b"", NOW_MS + 3_600_001)])) == (ErrorCode.INVALID_TIMESTAMP, [40])
    assert refusal(build_batch([(None, b"x", 0), (None, b"y", -1)])) is None


def test_a_time_and_a_key_that_are_wrong():
    """One bad time makes the answer INVALID_TIMESTAMP, and the records without a key are named with it."""
    batch = build_batch([(None, b"x", NOW_MS), (b"k", b"y", NOW_MS + 7_200_000), (b"k", b"z", NOW_MS)])
    assert record_errors_of(batch, compacted=True) == (ErrorCode.INVALID_TIMESTAMP, [0, 1])


def test_a_good_batch_is_handed_on_untouched():
    """The very object that came, for one record and for many, with any codec."""
    for records in (ONE, MANY):
        for codec in Codec:
            view = memoryview(bytearray(build_batch(records, codec=codec)))
            validated = check_produce(view, rules_of())
            assert validated.buffer is view
            assert not validated.rewritten
            assert validated.max_timestamp == max(record[2] for record in records)


def test_stray_bytes_are_cut_off():
    """What is appended is the batch alone."""
    batch = build_batch(ONE)
    assert bytes(check_produce(batch + bytes(11), rules_of()).buffer) == batch


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP])
def test_a_wrong_max_timestamp_is_set_right(codec):
    """The largest time of the records is written into the header, and the checksum with it."""
    batch = bytearray(build_batch([(None, b"x", 1000), (None, b"y", 1500)], codec=codec))
    set_max_timestamp(batch, 0, 9_999_999)
    for records in (bytes(batch), memoryview(bytearray(batch))):
        validated = check_produce(records, rules_of())
        assert validated.rewritten
        header = read_header(validated.buffer)
        assert header.max_timestamp == validated.max_timestamp == 1500
        assert has_valid_checksum(validated.buffer, 0, header)


@pytest.mark.parametrize("count", [2, 40])
@pytest.mark.parametrize("target", [None, Codec.LZ4])
def test_log_append_time_rewrites_type_and_max_timestamp(count, target):
    """The broker's time is that of all records, the base timestamp stays, times out of bounds do not matter."""
    batch = build_batch([(None, b"x", 1000 * (index + 1)) for index in range(count)])
    validated = check_produce(batch, rules_of(log_append_time=True, compression_type=target, timestamp_before_max_ms=0))
    header = read_header(validated.buffer)
    assert (header.is_log_append_time, header.max_timestamp, header.base_timestamp) == (True, NOW_MS, 1000)
    assert has_valid_checksum(validated.buffer, 0, header)
    assert {record.timestamp for record in iter_records(validated.buffer)} == {NOW_MS}


def test_a_client_that_sets_log_append_time():
    """On a topic with the clients' time the bit is taken away; on one with the broker's it is INVALID_TIMESTAMP for every record."""
    batch = build_batch([(None, b"x", NOW_MS)] * 2, log_append_time=NOW_MS)
    validated = check_produce(batch, rules_of())
    assert (validated.header.attributes, validated.header.max_timestamp) == (0, NOW_MS)
    assert has_valid_checksum(validated.buffer, 0, validated.header)
    assert record_errors_of(batch, log_append_time=True) == (ErrorCode.INVALID_TIMESTAMP, [0, 1])


@pytest.mark.parametrize("target", list(Codec))
@pytest.mark.parametrize("source", list(Codec))
def test_a_topics_codec_is_put_on_what_comes(source, target):
    """The records stay, the codec is the topic's, producer and sequence stay, the checksum is right."""
    batch = build_batch(MANY, codec=source, producer_id=8, producer_epoch=2, base_sequence=5)
    validated = check_produce(batch, rules_of(compression_type=target))
    header = read_header(validated.buffer)
    assert (header.codec, header.producer_id, header.producer_epoch, header.base_sequence) == (target, 8, 2, 5)
    assert header == validated.header
    assert has_valid_checksum(validated.buffer, 0, header)
    assert list(iter_records(validated.buffer)) == list(iter_records(batch))
    assert validated.rewritten == (source != target)


def test_gaps_are_closed_when_a_batch_is_written_anew():
    """Offsets count up from 0 as in Kafka's buildRecordsAndAssignOffsets; the level of the codec is used."""
    batch = batch_with([Record(0, 5, None, b"a" * 50), Record(3, 6, None, b"b" * 50)], last_offset_delta=1)
    validated = check_produce(batch, rules_of(compression_type=Codec.GZIP, levels={Codec.GZIP: 9}))
    assert [(record.offset, record.timestamp) for record in iter_records(validated.buffer)] == [(0, 5), (1, 6)]


def test_the_size_of_one_decompressed_record_is_bounded():
    """max.decompressed.message.bytes counts records, not the batch, and only of compressed batches."""
    small = [(None, bytes(100), NOW_MS)] * 300
    large = [(None, bytes(72_000), NOW_MS)]
    limit = {"max_decompressed_message_bytes": 1000}
    assert refusal(build_batch(small, codec=Codec.GZIP), **limit) is None
    assert refusal(build_batch(large, codec=Codec.GZIP), **limit) == INVALID
    assert refusal(build_batch(large), **limit) is None


def test_a_gzip_stream_that_stops_is_missing_records():
    """A stream cut short is INVALID_RECORD, one that is damaged UNKNOWN_SERVER_ERROR."""
    batch = build_batch(ONE, codec=Codec.GZIP)
    header = read_header(batch)
    assert refusal(seal(header, batch[HEADER_SIZE:-9])) == INVALID
    assert refusal(seal(header, b"\x00" + batch[HEADER_SIZE + 1 :])) == UNKNOWN


def test_a_strict_broker_reads_every_record():
    """With `full_check_records` raised a fault inside the last of many records is found, which lengths alone do not show."""
    batch = build_batch(MANY)
    wrong = patched(batch, len(batch) - 1, b"\x02", checksum=True)
    assert refusal(wrong) is None
    assert refusal(wrong, full_check_records=1000) == INVALID


@pytest.mark.parametrize("codec", list(Codec))
def test_a_batch_cut_anywhere_is_refused_in_words(codec):
    """However it is cut, with its length and checksum made right or not, the answer is an InvalidBatch."""
    batch = build_batch([(b"key", b"value", NOW_MS, (("h", b"x"),))] * 3, codec=codec)
    header = read_header(batch)
    for cut in range(len(batch)):
        assert refusal(batch[:cut]) is not None
    for cut in range(HEADER_SIZE, len(batch)):
        assert refusal(seal(header, batch[HEADER_SIZE:cut])) is not None


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=120), st.sampled_from(list(Codec)), st.integers(-1, 50), st.booleans())
def test_any_payload_is_taken_or_refused(payload, codec, count, small):
    """Random payloads behind a right header and checksum raise nothing but InvalidBatch."""
    header = read_header(build_batch(ONE, codec=codec))
    header.record_count, header.last_offset_delta = count, count - 1
    refusal(seal(header, payload), full_check_records=1000 if small else 0)


def test_lengths_that_lie_about_the_end():
    """A length beyond what came is no batch, also at the edge of int32."""
    for length in (len(build_batch(ONE)) - LOG_OVERHEAD + 1, 0x7FFFFFFF):
        assert refusal(patched(build_batch(ONE), 8, length.to_bytes(4, "big"))) == INVALID_BEFORE_LOG
    assert refusal(patched(build_batch(ONE), 8, b"\xff\xff\xff\xff")) == CORRUPT


@pytest.mark.parametrize("target", [None, Codec.GZIP])
def test_times_beyond_64_bits_are_refused(target):
    """Base and delta may add up to a number that no header can hold."""
    batch = batch_with([(None, b"x", 0), (None, b"y", 1 << 62)], base_timestamp=(1 << 63) - 1)
    assert refusal(batch, timestamp_after_max_ms=(1 << 63) - 1, compression_type=target) == INVALID
