"""One record in a batch of its own: the shape of what is sent by a client that waits for each answer, checked without a detour.

`validate` is the law; this is its shortest way through. `check_single` looks at one uncompressed record with which nothing is wrong and
nothing is to be changed, and gives the header that `check_produce` would. For all else, wrong or merely unusual, it gives None, and
`check_produce` is asked. So nothing is refused here, no error has two places, and a test holds that both agree.

What is usual: the record's time is the batch's base and largest time, its offset delta is 0, it has no headers (or few enough to walk).
Whether the batch is part of a transaction makes no difference.
"""

from __future__ import annotations

from struct import Struct

from pybroker.records.batch import ATTRIBUTES_AT, CURRENT_MAGIC, HEADER_SIZE, LOG_OVERHEAD, TRANSACTIONAL_BIT, BatchHeader
from pybroker.records.checksum import crc32c
from pybroker.records.errors import InvalidRecords
from pybroker.records.scan import after_headers, small_varint
from pybroker.wire.buffers import Buffer

_unpack_header = Struct(">qiibIhiqqqhii").unpack_from


def check_single(batch: Buffer, now_ms: int, before_max_ms: int, after_max_ms: int) -> BatchHeader | None:
    """The header of a batch of one usual record whose time lies between the bounds around `now_ms`; None: ask `check_produce`.

    Size limits and everything that a topic may want changed are the caller's.
    """
    size = len(batch)
    if size <= HEADER_SIZE:
        return None
    fields = _unpack_header(batch)
    base_offset, length, _, magic, crc, attributes, last_offset_delta, time, max_timestamp, producer_id, _, sequence, count = fields
    if (
        count != 1
        or attributes & ~TRANSACTIONAL_BIT
        or last_offset_delta
        or base_offset
        or length + LOG_OVERHEAD != size
        or magic != CURRENT_MAGIC
    ):
        return None
    if time != max_timestamp or time < 0 or now_ms - time > before_max_ms or time - now_ms > after_max_ms:
        return None
    if (producer_id >= 0 and sequence < 0) or crc32c(memoryview(batch)[ATTRIBUTES_AT:]) != crc or not _is_usual_record(batch, size):
        return None
    return BatchHeader(*fields)


def _is_usual_record(batch: Buffer, end: int) -> bool:
    """Whether one record with both deltas 0 fills the batch up to `end` exactly."""
    try:
        at = HEADER_SIZE + 1
        byte = batch[HEADER_SIZE]
        if byte < 0x80:
            length = byte >> 1 ^ -(byte & 1)
        else:
            length, at = small_varint(batch, HEADER_SIZE)
        if length != end - at or batch[at + 1] or batch[at + 2]:
            return False
        at += 3
        for _ in ("key", "value"):
            byte = batch[at]
            if byte < 0x80:
                at += 1
                if not byte & 1:  # an odd varint is a negative length: null
                    at += byte >> 1
            else:
                length, at = small_varint(batch, at)
                if length > 0:
                    at += length
        return (at + 1 if batch[at] == 0 else after_headers(batch, at)) == end
    except (IndexError, InvalidRecords):
        return False
