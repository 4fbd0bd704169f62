"""The batches that a broker writes most often itself: pairs of key and value, all of one time and without headers.

`builder.build_batch` makes any batch; a coordinator writes nothing but this kind, three times in each transaction. The batch is made in one
piece, in memory that the log may patch, and its header comes with it, so that nobody has to read it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from pybroker.records.batch import (
    CODEC_MASK,
    CURRENT_MAGIC,
    HEADER_SIZE,
    LOG_OVERHEAD,
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    BatchHeader,
)
from pybroker.records.checksum import crc32c
from pybroker.records.compression import compress
from pybroker.records.varint import encode_varint

Pairs = Iterable[tuple[bytes | None, bytes | None]]

_NULL = encode_varint(-1)
_pack_before_crc = Struct(">qiibI").pack
_pack_after_crc = Struct(">hiqqqhii").pack
_SMALL_BYTES = 1000
"""Keys and values together: nearly all are as small as this."""
_VARINTS = tuple(map(encode_varint, range(_SMALL_BYTES + 20)))


def build_pairs(
    pairs: Pairs,
    timestamp_ms: int,
    attributes: int = 0,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
) -> tuple[bytearray, BatchHeader]:
    """A batch of magic 2 at base offset 0, and its header. `attributes` name the codec; there must be a pair."""
    records = [_record(delta, key, value) for delta, (key, value) in enumerate(pairs)]
    payload = b"".join(records)
    if attributes & CODEC_MASK:
        payload = compress(attributes & CODEC_MASK, payload)
    count = len(records)
    fields = (attributes, count - 1, timestamp_ms, timestamp_ms, producer_id, producer_epoch, base_sequence, count)
    checked = _pack_after_crc(*fields) + payload
    length = HEADER_SIZE - LOG_OVERHEAD + len(payload)
    crc = crc32c(checked)
    batch = bytearray(_pack_before_crc(0, length, NO_LEADER_EPOCH, CURRENT_MAGIC, crc))
    batch += checked
    return batch, BatchHeader(0, length, NO_LEADER_EPOCH, CURRENT_MAGIC, crc, *fields)


def _record(offset_delta: int, key: bytes | None, value: bytes | None) -> bytes:
    if key is not None and value is not None and len(key) + len(value) < _SMALL_BYTES and offset_delta < _SMALL_BYTES:
        body = b"".join((b"\0\0", _VARINTS[offset_delta], _VARINTS[len(key)], key, _VARINTS[len(value)], value, b"\0"))
        return _VARINTS[len(body)] + body
    key_size = _NULL if key is None else encode_varint(len(key))
    value_size = _NULL if value is None else encode_varint(len(value))
    body = b"".join((b"\0\0", encode_varint(offset_delta), key_size, key or b"", value_size, value or b"", b"\0"))
    return encode_varint(len(body)) + body
