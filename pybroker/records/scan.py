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

# After so many single steps a run of records of one size is looked for; a longer look costs more than it saves if it fails.
STEPS_BEFORE_RUN = 16
LONGEST_RUN = 4096
STEPS_BEFORE_COPY = 128  # by then a copy pays: bytes are indexed in half the time of a memoryview
MAX_STEPS = 1024  # 0.25 ms; a batch of 1 MB of uneven records of 100 bytes would take 2, more than all the rest of a produce request

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
            size, at = small_varint(payload, at)
            end = at + size
            at += 1
            byte = payload[at]
            if byte < 0x80:
                at += 1
                deltas.append((byte >> 1) ^ -(byte & 1))
            else:
                delta, at = read_varlong(payload, at)
                deltas.append(delta)
            if payload[at] == index << 1 < 0x80:  # the delta that is expected, in one byte
                at += 1
            else:
                offset_delta, at = small_varint(payload, at)
                in_order = in_order and offset_delta == index
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


def small_varint(payload: Buffer, at: int) -> tuple[int, int]:
    """Read a varint: (value, next position). Those of one and two bytes, nearly all there are, go without a loop."""
    first = payload[at]
    if first < 0x80:
        return (first >> 1) ^ -(first & 1), at + 1
    second = payload[at + 1]
    if second < 0x80:
        return ((first & 0x7F | second << 7) >> 1) ^ -(first & 1), at + 2
    return read_varint(payload, at)


def _after_field(payload: Buffer, at: int, index: int, keyless: list[int]) -> int:
    size, at = small_varint(payload, at)
    if size < 0:  # any negative length is null, -1 is what everyone writes
        keyless.append(index)
        return at
    return at + size


def _after_value_and_headers(payload: Buffer, at: int) -> int:
    size, at = small_varint(payload, at)
    if size > 0:
        at += size
    if payload[at] == 0:
        return at + 1
    return after_headers(payload, at)


def after_headers(payload: Buffer, at: int) -> int:
    """Where a record ends whose headers begin at `at`."""
    count, at = read_varint(payload, at)
    if not 0 <= count <= len(payload) - at:
        raise InvalidRecords(f"{count} headers before byte {at} of {len(payload)}")
    for _ in range(count):
        size, at = small_varint(payload, at)
        if size < 0:
            raise InvalidRecords(f"a header without a key before byte {at}")
        at += size
        size, at = small_varint(payload, at)
        if size > 0:
            at += size
    return at


def walk_lengths(payload: Buffer, count: int, max_steps: int = MAX_STEPS) -> None:
    """Make sure that `count` records fill the payload exactly, going by their lengths alone; InvalidRecords otherwise.

    After `max_steps` records of uneven size the rest is believed. Records in runs of one size do not count.
    """
    at, left, steps, end = 0, count, 0, len(payload)
    if end < count * MIN_RECORD_BYTES:
        raise InvalidRecords(f"{count} records in {end} bytes")
    try:
        while left > 0:
            if steps >= max_steps:
                return
            if steps == STEPS_BEFORE_COPY:
                payload = bytes(payload)
            chunk = min(left, STEPS_BEFORE_RUN)
            at, step = _walk_steps(payload, at, chunk)
            left -= chunk
            steps += chunk
            if left > 0 and payload[at] == payload[at - step]:
                run = _run_length(payload, at, step, min(left, (end - at) // step, LONGEST_RUN))
                at += run * step
                left -= run
    except IndexError:
        raise InvalidRecords(f"the last {left} of {count} records reach beyond the {end} bytes of the batch") from None
    if at != end:
        raise InvalidRecords(f"{count} records end at byte {at} of {end}")


def _walk_steps(payload: Buffer, at: int, steps: int) -> tuple[int, int]:
    """Go over `steps` records; return where the next one begins and how far the last step was."""
    step = 1
    for _ in range(steps):
        first = payload[at]
        if first & 0x81 == 0x80 and payload[at + 1] < 0x80:  # two bytes, not negative
            step = (first >> 1 & 0x3F | payload[at + 1] << 6) + 2
        elif first & 0x81 == 0:
            step = (first >> 1) + 1
        else:
            step = _step(payload, at)
        at += step
    return at, step


def _step(payload: Buffer, at: int) -> int:
    size, after = read_varint(payload, at)
    if size < 0:
        raise InvalidRecords(f"a record of {size} bytes at byte {at}")
    return after - at + size


def whole_records(payload: bytes, count: int) -> tuple[int, int]:
    """Return how many of `count` records are whole in the beginning of a payload, and where the last of them ends."""
    at = walked = 0
    while walked < count:
        try:
            step = _step(payload, at)
        except InvalidRecords:
            if len(payload) - at < MOST_LENGTH_BYTES:  # cut within the length
                break
            raise
        if step > len(payload) - at:
            break
        at += step
        walked += 1
    return walked, at


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
