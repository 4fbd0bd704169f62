"""Messages of magic 0 and 1, which old logs hold and no client of today may produce.

    offset int64, size int32, crc uint32 (of what follows), magic int8, attributes int8, timestamp int64 (magic 1 only),
    key length int32 (-1: null), key, value length int32 (-1: null), value

Rules
- With codec bits in the attributes the value is a message set of its own, of messages that are not compressed, all of the same magic.
- The outer offset is that of the last inner message. Inner offsets are absolute in magic 0 and relative, 0 to n-1, in magic 1.
- With log append time (attribute bit 3, magic 1) the outer timestamp is that of all inner messages.
- lz4 in magic 0 has the header checksum of old clients, computed over the frame's magic as well: it is made right first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from pybroker.records.batch import CODEC_MASK, LOG_APPEND_TIME_BIT, LOG_OVERHEAD, MAGIC_AT, NO_TIMESTAMP, batch_size
from pybroker.records.checksum import crc32
from pybroker.records.compression import DEFAULT_MAX_BYTES, Codec, decompress
from pybroker.records.errors import CorruptRecords, InvalidRecords, TruncatedStream
from pybroker.records.record import Record
from pybroker.wire.buffers import Buffer

CRC_AT = LOG_OVERHEAD
CRC_END = 16
ATTRIBUTES_AT = 17
TIMESTAMP_AT = 18
LZ4_DESCRIPTOR_AT = 4
MASK = 0xFFFFFFFF
XXH32_PRIMES = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)

_INT64 = Struct(">q")
_INT32 = Struct(">i")
_UINT32 = Struct(">I")


@dataclass(slots=True)
class LegacyMessage:
    """One message of magic 0 or 1 as it stands; `offset` of an inner one of magic 1 is relative. Size in bytes, timestamp in ms."""

    offset: int
    size_bytes: int
    crc: int
    magic: int
    attributes: int
    timestamp: int
    key: bytes | None
    value: bytes | None

    @property
    def codec(self) -> int:
        """The codec's number, 0 to 7."""
        return self.attributes & CODEC_MASK

    @property
    def is_log_append_time(self) -> bool:
        """Whether a broker set the timestamp."""
        return self.magic > 0 and self.attributes & LOG_APPEND_TIME_BIT != 0


def iter_messages(buffer: Buffer, at: int = 0) -> Iterator[tuple[int, LegacyMessage]]:
    """Give position and message of each whole message, not looking into compressed ones; CorruptRecords for a wrong checksum or length."""
    end = len(buffer)
    while (size := batch_size(buffer, at, end)) is not None:
        yield at, read_message(buffer, at, size)
        at += size


def read_message(buffer: Buffer, at: int, size_bytes: int) -> LegacyMessage:
    """Read the message of that size at `at` and check its CRC."""
    magic = buffer[at + MAGIC_AT]
    if magic > 1:
        raise CorruptRecords(f"magic {magic} among messages of magic 0 and 1")
    end = at + size_bytes
    crc = _UINT32.unpack_from(buffer, at + CRC_AT)[0]
    if crc32(memoryview(buffer)[at + CRC_END : end]) != crc:
        raise CorruptRecords(f"the checksum of the message at byte {at} is wrong")
    fields_at = at + TIMESTAMP_AT + 8 * magic
    if end - fields_at < 8:
        raise CorruptRecords(f"the message at byte {at} has no room for its fields")
    key, value_at = _read_field(buffer, fields_at, end)
    value, fields_end = _read_field(buffer, value_at, end)
    if fields_end != end:
        raise InvalidRecords(f"the message at byte {at} ends at {fields_end} and says {end}")
    return LegacyMessage(
        offset=_INT64.unpack_from(buffer, at)[0],
        size_bytes=size_bytes,
        crc=crc,
        magic=magic,
        attributes=buffer[at + ATTRIBUTES_AT],
        timestamp=_INT64.unpack_from(buffer, at + TIMESTAMP_AT)[0] if magic else NO_TIMESTAMP,
        key=key,
        value=value,
    )


def _read_field(buffer: Buffer, at: int, end: int) -> tuple[bytes | None, int]:
    if end - at < 4:
        raise InvalidRecords(f"no room for a length at byte {at}")
    size = _INT32.unpack_from(buffer, at)[0]
    at += 4
    if size < 0:
        return None, at
    if size > end - at:
        raise InvalidRecords(f"{size} bytes at byte {at} of a message that ends at {end}")
    return bytes(buffer[at : at + size]), at + size


def records_of(message: LegacyMessage, *, max_bytes: int = DEFAULT_MAX_BYTES) -> list[Record]:
    """Return the records of a message: itself, or those inside it."""
    if not message.codec:
        return [Record(message.offset, message.timestamp, message.key, message.value)]
    if message.value is None:
        raise InvalidRecords("a compressed message without a value")
    compressed: Buffer = message.value
    if message.codec == Codec.LZ4 and message.magic == 0:
        compressed = with_right_header_checksum(compressed)
    inner = [inner for _, inner in iter_messages(decompress(message.codec, compressed, max_bytes))]
    if not inner or any(one.codec or one.magic != message.magic for one in inner):
        raise InvalidRecords("a compressed message with no messages, other magics or compressed ones inside")
    base = message.offset - inner[-1].offset if message.magic else 0
    return [
        Record(base + one.offset, message.timestamp if message.is_log_append_time else one.timestamp, one.key, one.value) for one in inner
    ]


def with_right_header_checksum(frame: Buffer) -> bytes:
    """Return an lz4 frame with the checksum that its header should have (Kafka's `ignoreFlagDescriptorChecksum`)."""
    if len(frame) < LZ4_DESCRIPTOR_AT + 3:
        raise TruncatedStream("the lz4 frame ends in its header")
    flags = frame[LZ4_DESCRIPTOR_AT]
    checksum_at = LZ4_DESCRIPTOR_AT + 2 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    if checksum_at >= len(frame):
        raise TruncatedStream("the lz4 frame ends in its header")
    fixed = bytearray(frame)
    fixed[checksum_at] = xxh32_of_short(bytes(fixed[LZ4_DESCRIPTOR_AT:checksum_at])) >> 8 & 0xFF
    return bytes(fixed)


def xxh32_of_short(data: bytes) -> int:
    """Return xxHash32 with seed 0 of fewer than 16 bytes."""
    prime1, prime2, prime3, prime4, prime5 = XXH32_PRIMES
    result = prime5 + len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        result = _rotate(result + int.from_bytes(data[at : at + 4], "little") * prime3, 17) * prime4
    for byte in data[whole:]:
        result = _rotate(result + byte * prime5, 11) * prime1
    result &= MASK
    result = (result ^ result >> 15) * prime2 & MASK
    result = (result ^ result >> 13) * prime3 & MASK
    return result ^ result >> 16


def _rotate(value: int, bits: int) -> int:
    value &= MASK
    return (value << bits | value >> 32 - bits) & MASK
