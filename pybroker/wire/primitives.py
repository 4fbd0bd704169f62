"""What generated codecs call off the straight line: long varints, tagged fields, refusals.

Kafka reads an unsigned varint into a signed 32-bit int. A length above 2^31 is therefore negative and means null; that is
kept here, because a client that sends it must get the answer that Kafka gives.
"""

from typing import NoReturn

from pybroker.wire.base import Buffer, Fault

MAX_ARRAY_LENGTH = 1_000_000
"""Elements of one array (MessageUtil of Kafka 4.4): a length is believed before its elements are seen, so it must be bounded."""

MAX_TAGGED_FIELDS = 10_000
"""Tagged fields of one structure (MessageUtil of Kafka 4.4)."""

MAX_STRING_BYTES = 32767
"""UTF-8 bytes of a string, also where its length is a varint: Kafka keeps the limit of the old int16 length."""


LENGTHS = tuple(bytes((value,)) for value in range(0x80))
"""The varints of one byte."""


def long_varint(buffer: Buffer, at: int, first: int) -> tuple[int, int]:
    """The rest of an unsigned varint whose first byte, already read, was above 127. Returns (value, end)."""
    byte = buffer[at]
    at += 1
    value = first & 0x7F | (byte & 0x7F) << 7
    if byte < 0x80:
        return value, at
    for shift in (14, 21, 28):
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            value &= 0xFFFFFFFF
            return (value - 0x100000000 if value > 0x7FFFFFFF else value), at
    raise Fault("varint is longer than five bytes")


def read_varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """An unsigned varint: (value, end)."""
    first = buffer[at]
    return (first, at + 1) if first < 0x80 else long_varint(buffer, at + 1, first)


def varint(value: int) -> bytes:
    """Encode an unsigned varint of at most 32 bits; a negative int is taken as Java's, by its bits."""
    if 0 <= value < 0x80:
        return LENGTHS[value]
    out = bytearray()
    value &= 0xFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_tags(buffer: Buffer, at: int, count: int) -> tuple[dict[int, bytes], int]:
    """Tagged fields of a structure that knows none: ({tag: bytes}, end). `count` is the first byte of their number."""
    count, at = tag_count(buffer, at, count)
    unknown: dict[int, bytes] = {}
    for _ in range(count):
        tag, at = read_varint(buffer, at)
        size, at = read_varint(buffer, at)
        unknown[tag], at = read_tag(buffer, at, size)
    return unknown, at


def read_tag(buffer: Buffer, at: int, size: int) -> tuple[bytes, int]:
    """The bytes of one unknown tagged field."""
    if size < 0 or size > len(buffer) - at:
        raise Fault(f"tagged field of {size} bytes, but only {len(buffer) - at} are left")
    return bytes(buffer[at : at + size]), at + size


def tag_count(buffer: Buffer, at: int, first: int) -> tuple[int, int]:
    """How many tagged fields there are, from the first byte of their number: (count, where they begin). Refuses what no schema needs."""
    count, at = (first, at) if first < 0x80 else long_varint(buffer, at, first)
    if count > MAX_TAGGED_FIELDS:
        raise Fault(f"{count} tagged fields, more than {MAX_TAGGED_FIELDS}")
    return count, at


def write_tag(number: int, data: bytes) -> bytes:
    """One tagged field as it goes over the wire: its number, its size, its bytes."""
    return b"".join((varint(number), varint(len(data)), data))


def write_tags(known: list[bytes], unknown: dict[int, bytes] | None) -> bytes:
    """The tagged section: known fields, each as it goes over the wire, and unknown ones together, by ascending number."""
    if unknown:
        by_number = {read_varint(tag, 0)[0]: tag for tag in known}
        if not by_number.keys().isdisjoint(unknown):
            raise Fault("an unknown tagged field has the number of a known one")
        by_number.update((number, write_tag(number, data)) for number, data in unknown.items())
        known = [by_number[number] for number in sorted(by_number)]
    return varint(len(known)) + b"".join(known)


def string_length(length: int) -> bytes:
    """The compact length of a string that is too long for one byte."""
    if length > MAX_STRING_BYTES:
        refuse_string(length, 0)
    return varint(length + 1)


def refuse_null() -> NoReturn:
    """A field that its version does not let be null is null."""
    raise Fault("null, but this version does not allow null")


def refuse_string(length: int, left: int) -> NoReturn:
    """A string is longer than allowed, or than the input."""
    if length > MAX_STRING_BYTES:
        raise Fault(f"string of {length} bytes, more than {MAX_STRING_BYTES}")
    raise Fault(f"string of {length} bytes, but only {left} are left")


def refuse_bytes(length: int, left: int) -> NoReturn:
    """A bytes or records field is longer than the input."""
    raise Fault(f"{length} bytes wanted, but only {left} are left")


def refuse_array(length: int, left: int) -> NoReturn:
    """An array that cannot be true: refused before anything is allocated for it."""
    if length > MAX_ARRAY_LENGTH:
        raise Fault(f"array of {length} elements, more than {MAX_ARRAY_LENGTH}")
    raise Fault(f"array of {length} elements, but only {left} bytes are left")


def refuse_version() -> NoReturn:
    """Kafka's UnsupportedVersionException: the field is set, is not ignorable, and its version does not carry it."""
    raise Fault("has a value, but this version cannot carry it")
