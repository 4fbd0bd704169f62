"""The record batch of magic 2, seen from outside: 61 bytes of header, then the payload, which this module never opens.

    0  base_offset int64              |  21  attributes int16           43  producer_id int64
    8  batch_length int32 (after it)  |  23  last_offset_delta int32    51  producer_epoch int16
   12  partition_leader_epoch int32   |  27  base_timestamp int64       53  base_sequence int32
   16  magic int8                     |  35  max_timestamp int64        57  record_count int32
   17  crc uint32 (of 21 to the end)  |

Rules
- The broker writes base offset and leader epoch of a batch it takes: neither is under the CRC, so both are patched in place.
- Changing anything else means computing the CRC again; the functions here that do so say it.
- A reader gets headers only of whole batches; bytes after the last whole batch are what a fetch cut off or a crash left.
- Messages of magic 0 and 1 share offset, length and the place of the magic byte; they are read by `legacy`, not here.

With attribute bit 6 (KIP-534) base_timestamp holds the delete horizon of the tombstones, and deltas of timestamps still count from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from pybroker.records.checksum import crc32c
from pybroker.records.errors import CorruptRecords
from pybroker.wire.buffers import Buffer

BASE_OFFSET_AT = 0
LENGTH_AT = 8
LEADER_EPOCH_AT = 12
MAGIC_AT = 16
CRC_AT = 17
ATTRIBUTES_AT = 21
LAST_OFFSET_DELTA_AT = 23
BASE_TIMESTAMP_AT = 27
MAX_TIMESTAMP_AT = 35
PRODUCER_ID_AT = 43
PRODUCER_EPOCH_AT = 51
BASE_SEQUENCE_AT = 53
RECORD_COUNT_AT = 57

LOG_OVERHEAD = 12  # base offset and length, which the length does not count
HEADER_SIZE = 61
HEADER_SIZE_UP_TO_MAGIC = 17
MIN_LENGTH = 14  # of a message of magic 0: crc, magic, attributes, two sizes; what Kafka's reader takes as the least
CURRENT_MAGIC = 2

CODEC_MASK = 0x07
LOG_APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20
DELETE_HORIZON_BIT = 0x40
KNOWN_ATTRIBUTES = 0x7F

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_LEADER_EPOCH = -1
MAX_SEQUENCE = 0x7FFFFFFF

_HEADER = Struct(">qiibIhiqqqhii")
_OFFSET_LENGTH_EPOCH = Struct(">qii")
_OFFSET_LENGTH = Struct(">qi")
_INT32 = Struct(">i")
_BEGINNING = Struct(">i4xB5xB")  # from LENGTH_AT: length, magic, lower byte of the attributes
_UINT32 = Struct(">I")
_INT16 = Struct(">h")
_INT64 = Struct(">q")
_unpack_header = _HEADER.unpack_from


@dataclass(slots=True)
class BatchHeader:
    """The header of one batch, as it stands in the bytes. Times in milliseconds; `crc` unsigned; `batch_length` counts from byte 12."""

    base_offset: int
    batch_length: int
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_bytes(self) -> int:
        """Size of the whole batch."""
        return LOG_OVERHEAD + self.batch_length

    @property
    def last_offset(self) -> int:
        """Offset of the last record, or of where it was before compaction."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """Offset of what follows the batch."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """Sequence of the last record; after 2147483647 comes 0. -1 without a sequence."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return add_to_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def codec(self) -> int:
        """The codec's number, 0 to 7; `compression.Codec` knows 0 to 4."""
        return self.attributes & CODEC_MASK

    @property
    def is_compressed(self) -> bool:
        """Whether the payload is compressed."""
        return self.attributes & CODEC_MASK != 0

    @property
    def is_log_append_time(self) -> bool:
        """Whether all records have the time `max_timestamp`, which a broker set."""
        return self.attributes & LOG_APPEND_TIME_BIT != 0

    @property
    def is_transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return self.attributes & TRANSACTIONAL_BIT != 0

    @property
    def is_control(self) -> bool:
        """Whether it holds control records, which no consumer shows."""
        return self.attributes & CONTROL_BIT != 0

    @property
    def has_delete_horizon(self) -> bool:
        """Whether `base_timestamp` is the delete horizon (KIP-534)."""
        return self.attributes & DELETE_HORIZON_BIT != 0

    @property
    def has_producer_id(self) -> bool:
        """Whether an idempotent or transactional producer wrote it."""
        return self.producer_id > NO_PRODUCER_ID


def add_to_sequence(sequence: int, increment: int) -> int:
    """Return the sequence number `increment` after `sequence` (Kafka's DefaultRecordBatch.incrementSequence)."""
    return (sequence + increment) & MAX_SEQUENCE


def read_header(buffer: Buffer, at: int = 0) -> BatchHeader:
    """Read the 61 bytes at `at`. Checks nothing but that they are there (struct.error otherwise)."""
    return BatchHeader(*_unpack_header(buffer, at))


def is_transactional_batch(buffer: Buffer) -> bool:
    """Whether what begins here says that it belongs to a transaction; unchecked, it may be no batch at all."""
    return len(buffer) >= HEADER_SIZE and buffer[MAGIC_AT] == CURRENT_MAGIC and buffer[ATTRIBUTES_AT + 1] & TRANSACTIONAL_BIT != 0


def batch_size(buffer: Buffer, at: int, end: int) -> int | None:
    """Return the size of the batch at `at` in bytes, None if it does not end by `end`; CorruptRecords if no batch can begin so.

    These are the steps of Kafka's ByteBufferLogInputStream, in their order: fewer than 12 bytes are no batch, a length below the least
    message is corrupt even where nothing follows, and the magic is looked at as soon as it is there.
    """
    left = end - at
    if left < LOG_OVERHEAD:
        return None
    length = _INT32.unpack_from(buffer, at + LENGTH_AT)[0]
    if length < MIN_LENGTH:
        raise CorruptRecords(f"the batch at byte {at} is {length} bytes long, less than the least message of {MIN_LENGTH}")
    if left < HEADER_SIZE_UP_TO_MAGIC:
        return None
    if buffer[at + MAGIC_AT] > CURRENT_MAGIC:
        raise CorruptRecords(f"the batch at byte {at} has the unknown magic {buffer[at + MAGIC_AT]}")
    return LOG_OVERHEAD + length if LOG_OVERHEAD + length <= left else None


def begins_transaction(buffer: Buffer) -> bool:
    """Whether the first batch here is whole and transactional; CorruptRecords if no batch can begin so."""
    end = len(buffer)
    if end >= HEADER_SIZE:  # one look, for what nearly every client sends
        length, magic, attributes = _BEGINNING.unpack_from(buffer, LENGTH_AT)
        if magic == CURRENT_MAGIC and HEADER_SIZE <= length + LOG_OVERHEAD <= end:
            return bool(attributes & TRANSACTIONAL_BIT)
    return batch_size(buffer, 0, end) is not None and is_transactional_batch(buffer)


class Batches:
    """Iterator over the whole batches of a buffer: `(position, BatchHeader)`.

    `position` is where the next one would begin, so once it is exhausted `incomplete_bytes` tells what the last whole batch leaves.
    Raises CorruptRecords for a length or magic that cannot be, or a magic 2 batch shorter than its header.
    """

    __slots__ = ("_buffer", "_end", "position")

    def __init__(self, buffer: Buffer, at: int = 0) -> None:
        self._buffer = buffer
        self._end = len(buffer)
        self.position = at

    def __iter__(self) -> Iterator[tuple[int, BatchHeader]]:
        return self

    def __next__(self) -> tuple[int, BatchHeader]:
        at = self.position
        size = batch_size(self._buffer, at, self._end)
        if size is None:
            raise StopIteration
        if size < HEADER_SIZE:
            raise CorruptRecords(f"the batch at byte {at} is {size} bytes long, less than its header of {HEADER_SIZE}")
        self.position = at + size
        return at, BatchHeader(*_unpack_header(self._buffer, at))

    @property
    def incomplete_bytes(self) -> int:
        """How many bytes follow the last batch that was given out."""
        return self._end - self.position


def iter_batches(buffer: Buffer, at: int = 0) -> Batches:
    """Walk over the whole batches of `buffer` from `at` on."""
    return Batches(buffer, at)


def checksum_of(buffer: Buffer, at: int, size_bytes: int) -> int:
    """Compute the CRC-32C of the batch of that size at `at`, without copying it."""
    with memoryview(buffer) as view:
        return crc32c(view[at + ATTRIBUTES_AT : at + size_bytes])


def has_valid_checksum(buffer: Buffer, at: int, header: BatchHeader) -> bool:
    """Tell whether the batch is as long as its header and has the CRC that it says (Kafka's DefaultRecordBatch.isValid)."""
    return header.size_bytes >= HEADER_SIZE and checksum_of(buffer, at, header.size_bytes) == header.crc


def patch_base_offset_and_epoch(buffer: bytearray | memoryview, at: int, base_offset: int, leader_epoch: int) -> None:
    """Write base offset and partition leader epoch in place; the CRC stays right."""
    _INT64.pack_into(buffer, at, base_offset)
    _INT32.pack_into(buffer, at + LEADER_EPOCH_AT, leader_epoch)


def patch_base_offset(buffer: bytearray | memoryview, at: int, base_offset: int) -> None:
    """Write the base offset in place; the CRC stays right."""
    _INT64.pack_into(buffer, at, base_offset)


def write_checksum(buffer: bytearray | memoryview, at: int) -> None:
    """Compute the CRC of the batch at `at` and write it."""
    size_bytes = LOG_OVERHEAD + _INT32.unpack_from(buffer, at + LENGTH_AT)[0]
    _UINT32.pack_into(buffer, at + CRC_AT, checksum_of(buffer, at, size_bytes))


def set_max_timestamp(buffer: bytearray | memoryview, at: int, timestamp: int, *, log_append_time: bool = False) -> None:
    """Write timestamp type and max timestamp in place, and the CRC if one of them changed.

    Attribute bits that have no meaning are lost with a change, as in Kafka's DefaultRecordBatch.setMaxTimestamp.
    """
    attributes = _INT16.unpack_from(buffer, at + ATTRIBUTES_AT)[0]
    before = _INT64.unpack_from(buffer, at + MAX_TIMESTAMP_AT)[0]
    if before == timestamp and bool(attributes & LOG_APPEND_TIME_BIT) == log_append_time:
        return
    attributes = attributes & KNOWN_ATTRIBUTES & ~LOG_APPEND_TIME_BIT
    if log_append_time:
        attributes |= LOG_APPEND_TIME_BIT
    _INT16.pack_into(buffer, at + ATTRIBUTES_AT, attributes)
    _INT64.pack_into(buffer, at + MAX_TIMESTAMP_AT, timestamp)
    write_checksum(buffer, at)


def pack_header(header: BatchHeader) -> bytes:
    """Return the 61 bytes of `header`, its CRC as it says."""
    return _HEADER.pack(
        header.base_offset,
        header.batch_length,
        header.partition_leader_epoch,
        header.magic,
        header.crc,
        header.attributes,
        header.last_offset_delta,
        header.base_timestamp,
        header.max_timestamp,
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.record_count,
    )


def seal(header: BatchHeader, payload: Buffer) -> bytearray:
    """Put header and payload together; length and CRC are computed, whatever the header says of them."""
    header.batch_length = HEADER_SIZE - LOG_OVERHEAD + len(payload)
    batch = bytearray(pack_header(header))
    batch += payload
    write_checksum(batch, 0)
    return batch
