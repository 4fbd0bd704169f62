"""Walking over the records of a payload without making objects of them.

Two depths. `scan_records` reads all that Kafka's DefaultRecord.readFrom reads, about 1 us a record: every length, count and null rule,
the times, which records have no key. `walk_lengths` reads only the length before each record, so it proves count and bounds, no more:
0.1 to 0.2 us a record, and next to nothing for records of one size, as there the length bytes stand at equal distances and one strided
slice compares thousands of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pybroker.records.errors import InvalidRecords
from pybroker.records.varint import read_varint, read_varlong
from pybroker.wire.buffers import Buffer

# A run is looked for after this many records of one size, and after a run shorter than this the walk goes on by single steps for a while.
RUN_STARTS_AFTER = 4
STEPS_AFTER_SHORT_RUN = 64
LONGEST_RUN = 4096

MOST_LENGTH_BYTES = 5
MIN_RECORD_BYTES = 7  # length, attributes, two deltas, two lengths and a count of one byte each


@dataclass(slots=True)
class Scan:
    """What a scan found, by record: timestamp deltas in ms, body sizes; indexes of those without a key; whether offsets have no gaps."""

    timestamp_deltas: list[int]
    sizes_bytes: list[int]
    keyless: list[int]
    offsets_in_order: bool


def scan_records(payload: Buffer, count: int) -> Scan:
    """Read `count` records that fill the payload exactly; InvalidRecords at the first that is not as its lengths say."""
    deltas: list[int] = []
    sizes: list[int] = []
    keyless: list[int] = []
    at, in_order = 0, True
    try:
        for index in range(count):
            size, at = _small_varint(payload, at)
            end = at + size
            at += 1
            byte = payload[at]
            if byte < 0x80:
                at += 1
                deltas.append((byte >> 1) ^ -(byte & 1))
            else:
                delta, at = read_varlong(payload, at)
                deltas.append(delta)
            offset_delta, at = _small_varint(payload, at)
            if offset_delta != index:
                in_order = False
            if payload[at] == 1:
                at += 1
                keyless.append(index)
            else:
                at = _after_field(payload, at, index, keyless)
            at = _after_value_and_headers(payload, at)
            if at != end:
                raise InvalidRecords(f"record {index} says to end at byte {end} and ends at {at}")
            sizes.append(size)
    except IndexError:
        raise InvalidRecords(f"record {len(sizes)} of {count} reaches beyond the {len(payload)} bytes of the batch") from None
    if at != len(payload):
        raise InvalidRecords(f"{len(payload) - at} bytes follow the last of {count} records")
    return Scan(deltas, sizes, keyless, in_order)


def _small_varint(payload: Buffer, at: int) -> tuple[int, int]:
    """Read a varint; those of one and two bytes, nearly all there are, without a loop."""
    first = payload[at]
    if first < 0x80:
        return (first >> 1) ^ -(first & 1), at + 1
    second = payload[at + 1]
    if second < 0x80:
        return ((first & 0x7F | second << 7) >> 1) ^ -(first & 1), at + 2
    return read_varint(payload, at)


def _after_field(payload: Buffer, at: int, index: int, keyless: list[int]) -> int:
    size, at = _small_varint(payload, at)
    if size < 0:  # any negative length is null, -1 is what everyone writes
        keyless.append(index)
        return at
    return at + size


def _after_value_and_headers(payload: Buffer, at: int) -> int:
    size, at = _small_varint(payload, at)
    if size > 0:
        at += size
    if payload[at] == 0:
        return at + 1
    return _after_headers(payload, at)


def _after_headers(payload: Buffer, at: int) -> int:
    count, at = read_varint(payload, at)
    if not 0 <= count <= len(payload) - at:
        raise InvalidRecords(f"{count} headers before byte {at} of {len(payload)}")
    for _ in range(count):
        size, at = _small_varint(payload, at)
        if size < 0:
            raise InvalidRecords(f"a header without a key before byte {at}")
        at += size
        size, at = _small_varint(payload, at)
        if size > 0:
            at += size
    return at


def walk_lengths(payload: Buffer, count: int) -> None:
    """Make sure that `count` records fill the payload exactly, going by their lengths alone; InvalidRecords otherwise."""
    walked, at = whole_records(payload, count)
    if walked != count:
        raise InvalidRecords(f"{walked} records of {count} are in the {len(payload)} bytes of the batch")
    if at != len(payload):
        raise InvalidRecords(f"{len(payload) - at} bytes follow the last of {count} records")


def whole_records(payload: Buffer, count: int) -> tuple[int, int]:
    """Return how many of `count` records are whole in the payload, and where the last of them ends."""
    at, walked, end = 0, 0, len(payload)
    near_end = end - MOST_LENGTH_BYTES
    step = step_before = repeats = 0
    while walked < count:
        first = payload[at] if at <= near_end else 1
        if first < 0x80 and not first & 1:
            step = 1 + (first >> 1)
        elif not first & 1 and payload[at + 1] < 0x80:
            step = 2 + (first >> 1 & 0x3F | payload[at + 1] << 6)
        else:  # a long or negative length, or the payload ends nearby
            step = _step(payload, at)
        if not MIN_RECORD_BYTES <= step <= end - at:
            if step > end - at:
                break
            raise InvalidRecords(f"a record of {step} bytes at byte {at}")
        at += step
        walked += 1
        if step != step_before:
            step_before = step
            continue
        repeats += 1
        if repeats >= RUN_STARTS_AFTER:
            run = _run_length(payload, at, step, min(count - walked, (end - at) // step, LONGEST_RUN))
            walked += run
            at += run * step
            repeats = 0 if run >= RUN_STARTS_AFTER else -STEPS_AFTER_SHORT_RUN
    return walked, at


def _step(payload: Buffer, at: int) -> int:
    """How far it is from this record to the next one; beyond the end if the length itself is cut short."""
    try:
        size, after = read_varint(payload, at)
    except InvalidRecords:
        if len(payload) - at < MOST_LENGTH_BYTES:
            return len(payload) + 1
        raise
    return after - at + size


def _run_length(payload: Buffer, at: int, step: int, limit: int) -> int:
    """Count the records from `at` on whose length bytes are those of the record before `at`, which was `step` long."""
    run = limit
    before = at - step
    while run > 0:
        byte = payload[before : before + 1]
        column = bytes(payload[at : at + run * step : step])[:run]
        run = len(column) - len(column.lstrip(bytes(byte)))
        if byte[0] < 0x80:
            break
        before += 1
        at += 1
    return run
