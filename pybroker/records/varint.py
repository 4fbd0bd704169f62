"""Variable-length integers: little-endian groups of seven bits, the high bit of a byte says that more follow.

`varint` (32 bits) and `varlong` (64 bits) are zigzag: 0, -1, 1, -2 are written as 0, 1, 2, 3, so that small negative numbers stay short.
An unsigned varint is the same without zigzag. Readers return `(value, next position)` and raise InvalidRecords for a number that is cut
short or longer than 5 (10) bytes. As in Kafka's ByteUtils, bits above the width are dropped, not refused.
"""

from __future__ import annotations

from pybroker.records.errors import InvalidRecords
from pybroker.wire.buffers import Buffer

MAX_VARINT_SHIFT = 28
MAX_VARLONG_SHIFT = 63


def _read(buffer: Buffer, at: int, max_shift: int) -> tuple[int, int]:
    result = shift = 0
    try:
        while True:
            byte = buffer[at]
            at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result, at
            shift += 7
            if shift > max_shift:
                raise InvalidRecords(f"a variable-length integer before byte {at} has no end")
    except IndexError:
        raise InvalidRecords(f"a variable-length integer is cut short at byte {at}") from None


def read_unsigned_varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """Read an unsigned 32-bit varint."""
    value, at = _read(buffer, at, MAX_VARINT_SHIFT)
    return value & 0xFFFFFFFF, at


def read_varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """Read a zigzag 32-bit varint."""
    value, at = _read(buffer, at, MAX_VARINT_SHIFT)
    value &= 0xFFFFFFFF
    return (value >> 1) ^ -(value & 1), at


def read_varlong(buffer: Buffer, at: int) -> tuple[int, int]:
    """Read a zigzag 64-bit varlong."""
    value, at = _read(buffer, at, MAX_VARLONG_SHIFT)
    value &= 0xFFFFFFFFFFFFFFFF
    return (value >> 1) ^ -(value & 1), at


def append_unsigned_varint(out: bytearray, value: int) -> None:
    """Append `value`, 0 to 2^64-1."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def append_varint(out: bytearray, value: int) -> None:
    """Append a zigzag varint or varlong: the two are written alike, `value` is within 64 bits."""
    value = (value << 1) ^ (value >> 63)
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def encode_varint(value: int) -> bytes:
    """Return a zigzag varint or varlong."""
    out = bytearray()
    append_varint(out, value)
    return bytes(out)
