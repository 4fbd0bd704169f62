"""What a broker of 4.4.0 says to the records of one partition in a Produce request.

The order of the checks decides which error a client sees, and it is Kafka's:

    ProduceRequest.validateRecords   exactly one whole batch, of magic 2; no zstd below version 7     87, 2, 76  (the log is not reached)
    UnifiedLog.analyzeAndValidate    base offset 0; size at most max.message.bytes; checksum          87, 10, 2
    LogValidator                     codec; offsets and count agree; no control batch; sequence       -1, 87
                                     each record: structure, key where compacted, time in bounds      87, 87, 32
    UnifiedLog.append                size again if the batch was written anew; the segment's size      10, 18

Rules
- Fewer than 12 stray bytes after the batch are ignored and cut off; so is a second batch that is not whole.
- The checks of records name every bad record, not the first; one bad time makes all of it INVALID_TIMESTAMP.
- A topic with log append time, another max timestamp than the records have, and a topic with a codec of its own change the batch; the CRC
  is computed again. A batch that nobody has to change is handed on as it came: the same bytes, not copied.
- Up to `full_check_records` records every one is read as Kafka reads it. A larger batch is looked at inside only as far as it is cheap
  (see `scan`): the lengths in an uncompressed one, the first 16 KiB of a compressed one; its max timestamp is believed. It is read in full
  all the same where an answer depends on each record: compacted topics, bounds in the past, times out of bounds, a limit on decompressed
  records, another codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct

from pybroker.records.batch import (
    ATTRIBUTES_AT,
    CODEC_MASK,
    CONTROL_BIT,
    CURRENT_MAGIC,
    HEADER_SIZE,
    LOG_APPEND_TIME_BIT,
    LOG_OVERHEAD,
    NO_TIMESTAMP,
    BatchHeader,
    batch_size,
    read_header,
    set_max_timestamp,
)
from pybroker.records.builder import rebuild_batch, recompress
from pybroker.records.checksum import crc32c
from pybroker.records.compression import Codec, decompress, decompress_prefix
from pybroker.records.errors import CorruptRecords, DecompressedTooLarge, DecompressionError, InvalidRecords, TruncatedStream
from pybroker.records.record import records_in
from pybroker.records.scan import Scan, scan_records, walk_lengths, whole_records
from pybroker.wire.buffers import Buffer
from pybroker.wire.errors import ErrorCode, KafkaError

ZSTD_SINCE_VERSION = 7  # KIP-110
FULL_CHECK_RECORDS = 8  # about 10 us, what a batch costs anyway
PREFIX_BYTES = 16 << 10
COPIED_PAYLOAD_BYTES = 64 << 10  # below this a copy costs less than indexing a memoryview
INT64_MAX = (1 << 63) - 1
NEVER_MS = INT64_MAX  # Long.MAX_VALUE, the default of message.timestamp.before.max.ms
HOUR_MS = 3_600_000
KEYLESS = "Compacted topic cannot accept message without key"  # whoever knows the partition adds its name
MAX_RECORD_BYTES = 2_147_483_639  # the default of max.decompressed.message.bytes

_unpack_header = Struct(">qiibIhiqqqhii").unpack_from


@dataclass(slots=True)
class ProduceRules:
    """What a topic and a request ask of records; may be kept for a topic, with version and time set anew before each check.

    `compression_type` None is `producer`. `levels` gives the level by codec, where one is set. Times in ms, sizes in bytes.
    """

    api_version: int
    now_ms: int
    compression_type: int | None = None
    levels: Mapping[int, int] = field(default_factory=dict)
    log_append_time: bool = False
    timestamp_before_max_ms: int = NEVER_MS
    timestamp_after_max_ms: int = HOUR_MS
    compacted: bool = False
    max_message_bytes: int = 1_048_588
    segment_bytes: int = 1 << 30
    max_decompressed_message_bytes: int = MAX_RECORD_BYTES
    full_check_records: int = FULL_CHECK_RECORDS


@dataclass(slots=True)
class Validated:
    """Records that may be appended: one batch and its header. `rewritten` says that the bytes are not those that came."""

    buffer: Buffer
    header: BatchHeader
    rewritten: bool = False

    @property
    def max_timestamp(self) -> int:
        """The largest time in the batch, ms; the time of append where the topic says so."""
        return self.header.max_timestamp


class InvalidBatch(KafkaError):
    """Records that are refused.

    `record_errors` are (index in the batch, message) of each bad record; Kafka tells `message` to the client only with those. `reached_log`
    is False where the answer's log start offset is -1, as for a partition that is not there.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        record_errors: list[tuple[int, str]] | None = None,
        *,
        reached_log: bool = True,
    ) -> None:
        super().__init__(code, message)
        self.record_errors = record_errors or []
        self.reached_log = reached_log


def check_produce(records: Buffer, rules: ProduceRules) -> Validated:
    """Check the records of one partition; return what to append, offset and leader epoch still to be patched, or raise InvalidBatch."""
    view = memoryview(records)
    header = _header_of_only_batch(view, rules)
    size = header.batch_length + LOG_OVERHEAD
    if size != len(view):
        records = view = view[:size]
    _check_batch(view, header, rules)
    target = rules.compression_type
    try:
        if target is None or target == header.attributes & CODEC_MASK:
            return _keep(records, view, header, rules)
        return _convert(view, header, rules, target)
    except (InvalidRecords, DecompressedTooLarge) as error:
        raise InvalidBatch(ErrorCode.INVALID_RECORD, str(error)) from None
    except DecompressionError as error:
        # Java's gzip tells a stream that just stops apart from one that is damaged: the first is missing records, the second a bug to Kafka
        missing = isinstance(error, TruncatedStream) and header.codec == Codec.GZIP
        raise InvalidBatch(ErrorCode.INVALID_RECORD if missing else ErrorCode.UNKNOWN_SERVER_ERROR, str(error)) from None


# What ProduceRequest.validateRecords decides.


def _header_of_only_batch(view: memoryview, rules: ProduceRules) -> BatchHeader:
    """Read the header if the records are one batch of magic 2 that the version may carry."""
    end = len(view)
    if end >= HEADER_SIZE and rules.api_version >= ZSTD_SINCE_VERSION:
        header = BatchHeader(*_unpack_header(view))
        if header.batch_length + LOG_OVERHEAD == end and header.magic == CURRENT_MAGIC:
            return header
    return _find_only_batch(view, end, rules)


def _find_only_batch(view: memoryview, end: int, rules: ProduceRules) -> BatchHeader:
    try:
        size = batch_size(view, 0, end)
        if size is None:
            raise InvalidBatch(ErrorCode.INVALID_RECORD, f"no whole record batch in {end} bytes", reached_log=False)
        if view[16] != CURRENT_MAGIC:
            raise InvalidBatch(ErrorCode.INVALID_RECORD, f"a batch of magic {view[16]}, where 2 is asked for", reached_log=False)
        _check_version(view, rules.api_version)
        if size != end and batch_size(view, size, end) is not None:
            raise InvalidBatch(ErrorCode.INVALID_RECORD, "more than one record batch", reached_log=False)
        if size < HEADER_SIZE:
            raise CorruptRecords(f"a batch of {size} bytes is less than its header")
    except CorruptRecords as error:
        raise InvalidBatch(ErrorCode.CORRUPT_MESSAGE, str(error), reached_log=False) from None
    return BatchHeader(*_unpack_header(view))


def _check_version(view: memoryview, api_version: int) -> None:
    if api_version >= ZSTD_SINCE_VERSION or len(view) <= ATTRIBUTES_AT + 1:
        return
    codec = view[ATTRIBUTES_AT + 1] & CODEC_MASK
    if codec == Codec.ZSTD:
        raise InvalidBatch(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce version 7", reached_log=False)


# What UnifiedLog and LogValidator decide by the header.


def _check_batch(view: memoryview, header: BatchHeader, rules: ProduceRules) -> None:
    if header.base_offset != 0:
        raise InvalidBatch(ErrorCode.INVALID_RECORD, f"base offset {header.base_offset}, where 0 is asked for")
    size = len(view)
    if size > rules.max_message_bytes:
        message = f"a batch of {size} bytes is above max.message.bytes, {rules.max_message_bytes}"
        raise InvalidBatch(ErrorCode.MESSAGE_TOO_LARGE, message, reached_log=False)
    checksum = crc32c(view[ATTRIBUTES_AT:])
    if checksum != header.crc:
        message = f"checksum {checksum}, where the batch says {header.crc}"
        raise InvalidBatch(ErrorCode.CORRUPT_MESSAGE, message, reached_log=False)
    codec = header.attributes & CODEC_MASK
    if codec > Codec.ZSTD:
        raise InvalidBatch(ErrorCode.UNKNOWN_SERVER_ERROR, f"compression type {codec} is unknown")
    if header.record_count <= 0 or header.record_count != header.last_offset_delta + 1:
        message = f"{header.record_count} records with a last offset delta of {header.last_offset_delta}"
        raise InvalidBatch(ErrorCode.INVALID_RECORD, message)
    if header.attributes & CONTROL_BIT:
        raise InvalidBatch(ErrorCode.INVALID_RECORD, "clients may not write control batches")
    if header.producer_id >= 0 and header.base_sequence < 0:
        message = f"sequence {header.base_sequence} of producer {header.producer_id}"
        raise InvalidBatch(ErrorCode.INVALID_RECORD, message)


# What LogValidator decides by the records.


def _keep(records: Buffer, view: memoryview, header: BatchHeader, rules: ProduceRules) -> Validated:
    """Check a batch whose payload stays as it is; only its times may change."""
    max_timestamp = header.max_timestamp
    if _needs_full_check(header, rules):
        max_timestamp = _check_records(_scan(_payload(view, header), header, rules), header, rules)
    elif header.attributes & CODEC_MASK:
        _check_prefix(view[HEADER_SIZE:], header)
    else:
        walk_lengths(view[HEADER_SIZE:], header.record_count)
    if rules.log_append_time:
        max_timestamp = rules.now_ms
    if len(view) > rules.segment_bytes:
        raise _too_large_for_segment(header, rules)
    if max_timestamp == header.max_timestamp and (header.attributes & LOG_APPEND_TIME_BIT != 0) == rules.log_append_time:
        return Validated(records, header)
    target = bytearray(view) if view.readonly else view
    set_max_timestamp(target, 0, max_timestamp, log_append_time=rules.log_append_time)
    return Validated(target, read_header(target), rewritten=True)


def _needs_full_check(header: BatchHeader, rules: ProduceRules) -> bool:
    if header.record_count <= rules.full_check_records or rules.compacted or header.attributes & LOG_APPEND_TIME_BIT:
        return True
    if header.is_compressed and rules.max_decompressed_message_bytes < MAX_RECORD_BYTES:
        return True
    if rules.log_append_time:
        return False
    if rules.timestamp_before_max_ms < NEVER_MS or header.max_timestamp == NO_TIMESTAMP:
        return True
    return header.max_timestamp - rules.now_ms > rules.timestamp_after_max_ms


def _payload(view: memoryview, header: BatchHeader) -> Buffer:
    compressed = view[HEADER_SIZE:]
    if header.attributes & CODEC_MASK:
        return decompress(header.codec, compressed)
    return bytes(compressed) if len(compressed) <= COPIED_PAYLOAD_BYTES else compressed


def _scan(payload: Buffer, header: BatchHeader, rules: ProduceRules) -> Scan:
    scan = scan_records(payload, header.record_count)
    limit = rules.max_decompressed_message_bytes
    if limit < MAX_RECORD_BYTES and header.is_compressed and max(scan.sizes_bytes) > limit:
        raise InvalidRecords(f"a record of {max(scan.sizes_bytes)} bytes is above max.decompressed.message.bytes, {limit}")
    return scan


def _check_prefix(compressed: memoryview, header: BatchHeader) -> None:
    payload = decompress_prefix(header.codec, compressed, PREFIX_BYTES)
    if len(payload) < PREFIX_BYTES:
        scan_records(payload, header.record_count)
        return
    count, end = whole_records(payload, header.record_count)
    scan_records(payload[:end], count)
    if count == header.record_count and end != len(payload):
        raise InvalidRecords(f"{count} records end at byte {end}, and more follows")


def _check_records(scan: Scan, header: BatchHeader, rules: ProduceRules) -> int:
    """Raise for records without a key or with a time out of bounds; return the largest time."""
    if header.attributes & LOG_APPEND_TIME_BIT:  # then it is the time of every record
        largest = smallest = header.max_timestamp
        suspect = True
    else:
        largest = header.base_timestamp + max(scan.timestamp_deltas)
        smallest = header.base_timestamp + min(scan.timestamp_deltas)
        now_ms = rules.now_ms
        in_bounds = now_ms - smallest <= rules.timestamp_before_max_ms and largest - now_ms <= rules.timestamp_after_max_ms
        suspect = not (in_bounds or rules.log_append_time)
    if largest > INT64_MAX or smallest < ~INT64_MAX:
        raise InvalidRecords(f"times from {smallest} to {largest} do not fit into 64 bits")
    if suspect or (rules.compacted and scan.keyless):
        _refuse_bad_records(scan, header, rules)
    return max(NO_TIMESTAMP, largest)


def _refuse_bad_records(scan: Scan, header: BatchHeader, rules: ProduceRules) -> None:
    keyless = scan.keyless if rules.compacted else []
    errors = dict.fromkeys(keyless, KEYLESS)
    bad_times = {index: message for index, message in _bad_times(scan, header, rules).items() if index not in errors}
    errors |= bad_times
    if errors:
        code = ErrorCode.INVALID_TIMESTAMP if bad_times else ErrorCode.INVALID_RECORD
        why = "a time that the topic does not allow" if bad_times else "no key"
        raise InvalidBatch(code, f"{len(errors)} of {header.record_count} records are refused: {why}", sorted(errors.items()))


def _bad_times(scan: Scan, header: BatchHeader, rules: ProduceRules) -> dict[int, str]:
    by_broker = header.is_log_append_time
    if rules.log_append_time or (by_broker and header.max_timestamp == NO_TIMESTAMP):
        bad = range(header.record_count) if by_broker else range(0)
        return {
            index: f"Invalid timestamp type in message {index}. Producer should not set timestamp type to LogAppendTime." for index in bad
        }
    earliest = rules.now_ms - rules.timestamp_before_max_ms
    latest = rules.now_ms + rules.timestamp_after_max_ms
    times = [header.max_timestamp if by_broker else header.base_timestamp + delta for delta in scan.timestamp_deltas]
    return {
        index: f"Timestamp {time} of message with offset {index} is out of range. The timestamp should be within [{earliest}, {latest}]"
        for index, time in enumerate(times)
        if not earliest <= time <= latest and time != NO_TIMESTAMP
    }


def _convert(view: memoryview, header: BatchHeader, rules: ProduceRules, target: int) -> Validated:
    """Write the batch anew in the topic's codec, with offsets that have no gaps."""
    payload = bytes(_payload(view, header))
    scan = _scan(payload, header, rules)
    max_timestamp = _check_records(scan, header, rules)
    level = rules.levels.get(target)
    if scan.offsets_in_order and scan.timestamp_deltas[0] == 0 and not header.has_delete_horizon:
        batch = bytearray(recompress(view, target, level))
    else:
        records = list(records_in(payload, header))
        for index, record in enumerate(records):
            record.offset = index
        batch = bytearray(rebuild_batch(records, header, target, level))
    set_max_timestamp(batch, 0, rules.now_ms if rules.log_append_time else max_timestamp, log_append_time=rules.log_append_time)
    written = read_header(batch)
    if written.size_bytes > rules.max_message_bytes:
        message = f"written anew the batch has {written.size_bytes} bytes, above max.message.bytes, {rules.max_message_bytes}"
        raise InvalidBatch(ErrorCode.MESSAGE_TOO_LARGE, message, reached_log=False)
    if written.size_bytes > rules.segment_bytes:
        raise _too_large_for_segment(written, rules)
    return Validated(batch, written, rewritten=True)


def _too_large_for_segment(header: BatchHeader, rules: ProduceRules) -> InvalidBatch:
    message = f"a batch of {header.size_bytes} bytes is above segment.bytes, {rules.segment_bytes}"
    return InvalidBatch(ErrorCode.RECORD_LIST_TOO_LARGE, message, reached_log=False)
