"""The codecs of record batches, bounded: nothing here gives or allocates more than the caller allows.

    1 gzip     members one after another are one stream; what follows the last and is no member is ignored (java.util.zip)
    2 snappy   blocks behind xerial's header, as Java and librdkafka write them, or one raw block without it
    3 lz4      one frame; what follows it is ignored (Kafka's Lz4BlockInputStream)
    4 zstd     frames one after another, skippable ones too; anything else after a frame is an error (zstd-jni)

A bomb is small where it lies, so no size that the data claims is believed before it was compared with the bound: gzip, lz4 and zstd are
read in steps, and a snappy block tells its size first. zstd windows above 128 MiB are refused, the limit of zstd itself and of zstd-jni.
A codec's library is imported when the first batch needs it: a broker starts without them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from enum import IntEnum
from struct import Struct

from pybroker.records.errors import DecompressedTooLarge, DecompressionError, InvalidRecords, TruncatedStream, UnknownCodec
from pybroker.records.varint import read_unsigned_varint
from pybroker.wire.buffers import Buffer

# A batch that clients send is at most message.max.bytes (1 MiB by default) before it is opened, and their own buffers are of 32 MiB:
# what would grow beyond this is no batch that anyone meant to send.
DEFAULT_MAX_BYTES = 256 << 20

STEP_BYTES = 1 << 20  # how much a streaming decoder is asked for at once
GZIP_MAGIC = b"\x1f\x8b"
XERIAL_MAGIC = b"\x82SNAPPY\x00"
XERIAL_HEADER = XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"  # version 1, readable by version 1
XERIAL_BLOCK_BYTES = 32 << 10  # what snappy-java writes
SNAPPY_BEST_RATIO = 64  # a snappy element is at least 2 bytes and gives at most 64
ZSTD_MAX_WINDOW_BYTES = 128 << 20
LZ4_DEFAULT_LEVEL = 9  # Kafka's default number, which stands for the fast compressor
LZ4_MAX_LEVEL = 12  # Kafka's scale goes to 17, the library's ends here

_INT32 = Struct(">i")


class Codec(IntEnum):
    """Compression types by their number in the attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


def codec_of(number: int) -> Codec:
    """Return the codec of that number; UnknownCodec for 5 to 7."""
    try:
        return Codec(number)
    except ValueError:
        raise UnknownCodec(f"compression type {number} is unknown") from None


def compress(codec: int, data: Buffer, level: int | None = None) -> bytes:
    """Compress `data` as Kafka's producers do. `level` is of Kafka's scale for that codec; None is Kafka's default; snappy has none."""
    return _WRITERS[codec_of(codec)](data, level)


def decompress(codec: int, data: Buffer, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """Return what `data` holds, at most `max_bytes` of it: DecompressedTooLarge beyond, DecompressionError if it is damaged."""
    result = _READERS[codec_of(codec)](memoryview(data), max_bytes + 1)
    if len(result) > max_bytes:
        raise DecompressedTooLarge(f"the {codec_of(codec).name.lower()} payload of {len(data)} bytes grows beyond {max_bytes}")
    return result


def decompress_prefix(codec: int, data: Buffer, limit_bytes: int) -> bytes:
    """Return the first `limit_bytes` of what `data` holds, or all if that is less; damage behind them goes unseen."""
    if codec == Codec.SNAPPY:  # a block has to be opened whole
        return _read_snappy(memoryview(data), DEFAULT_MAX_BYTES, limit_bytes)[:limit_bytes]
    return _READERS[codec_of(codec)](memoryview(data), limit_bytes)


# Readers: (data, limit) -> the first `limit` bytes, or all of them.


def _read_none(data: memoryview, limit: int) -> bytes:
    return bytes(data[:limit])


def _read_gzip(data: memoryview, limit: int) -> bytes:
    parts: list[bytes] = []
    left, at = limit, 0
    while left > 0:
        part, at = _read_gzip_member(data, at, left)
        parts.append(part)
        left -= len(part)
        if bytes(data[at : at + 2]) != GZIP_MAGIC:
            break
    return b"".join(parts)


def _read_gzip_member(data: memoryview, at: int, limit: int) -> tuple[bytes, int]:
    """Read one member from `at`: its first `limit` bytes and where it ends (if the limit did not end it before).

    Input goes in by steps that double: zlib copies what it leaves, and thousands of tiny members would copy the whole tail each time.
    """
    decoder = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    left, step = limit, 1024
    try:
        while left > 0 and not decoder.eof:
            if at >= len(data):
                raise TruncatedStream("the gzip stream has no end")
            chunk = data[at : at + step]
            part = decoder.decompress(chunk, left)
            at += len(chunk) - len(decoder.unused_data) - len(decoder.unconsumed_tail)
            parts.append(part)
            left -= len(part)
            step *= 2
    except zlib.error as error:
        raise DecompressionError(f"gzip: {error}") from None
    return b"".join(parts), at


def _read_snappy(data: memoryview, limit: int, enough: int | None = None) -> bytes:
    """Read blocks until `enough` bytes are there (by default `limit`); a block that would pass `limit` is refused before it is opened."""
    if data[: len(XERIAL_MAGIC)] != XERIAL_MAGIC:
        return _read_snappy_block(data, limit)
    parts: list[bytes] = []
    at, size, end = 0, 0, len(data)
    while at < end and size < (limit if enough is None else enough):
        if data[at : at + len(XERIAL_MAGIC)] == XERIAL_MAGIC:  # at the start, and where streams stand one after another
            at += len(XERIAL_HEADER)
            if at > end:
                raise TruncatedStream("the snappy stream ends in its header")
            continue
        block_end = _xerial_block_end(data, at)
        part = _read_snappy_block(data[at + 4 : block_end], limit - size)
        parts.append(part)
        size += len(part)
        at = block_end
    return b"".join(parts)


def _xerial_block_end(data: memoryview, at: int) -> int:
    if len(data) - at < 4:
        raise TruncatedStream("the snappy stream ends in the length of a block")
    end: int = at + 4 + _INT32.unpack_from(data, at)[0]
    if not at + 4 <= end <= len(data):
        raise TruncatedStream(f"a snappy block claims to end at byte {end} of {len(data)}")
    return end


def _read_snappy_block(data: memoryview, limit: int) -> bytes:
    """Decompress one raw block, whole: it tells its size first, which must be within `limit` and within what its bytes can give at best."""
    import snappy

    try:
        size, _ = read_unsigned_varint(data, 0)
    except InvalidRecords as error:
        raise DecompressionError(f"a snappy block without its size: {error}") from None
    if size > len(data) * SNAPPY_BEST_RATIO:
        raise DecompressionError(f"a snappy block of {len(data)} bytes claims to hold {size}")
    if size > limit:
        raise DecompressedTooLarge(f"a snappy block holds {size} bytes where {limit} are allowed")
    try:
        return bytes(snappy.uncompress(data))
    except Exception as error:  # the library has one type of its own and lets others through
        raise DecompressionError(f"snappy: {error}") from None


def _read_lz4(data: memoryview, limit: int) -> bytes:
    from lz4.frame import LZ4FrameDecompressor

    decoder = LZ4FrameDecompressor()
    parts: list[bytes] = []
    left, feed = limit, data
    try:
        while left > 0 and not decoder.eof:
            part = decoder.decompress(feed, max_length=min(left, STEP_BYTES))
            if not part and decoder.needs_input and not decoder.eof:
                raise TruncatedStream("the lz4 frame has no end")
            parts.append(part)
            left -= len(part)
            feed = data[:0]
    except (RuntimeError, EOFError, ValueError) as error:
        raise DecompressionError(f"lz4: {error}") from None
    return b"".join(parts)


def _read_zstd(data: memoryview, limit: int) -> bytes:
    from pybroker.records.zstd_frames import check_frames

    check_frames(data)
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW_BYTES).stream_reader(data, read_across_frames=True)
    parts: list[bytes] = []
    left = limit
    try:
        while left > 0:
            part = reader.read(min(left, STEP_BYTES))
            if not part:
                break
            parts.append(part)
            left -= len(part)
    except (zstandard.ZstdError, MemoryError) as error:
        raise DecompressionError(f"zstd: {error}") from None
    return b"".join(parts)


# Writers: (data, level) -> compressed bytes.


def _write_none(data: Buffer, level: int | None) -> bytes:
    return bytes(data)


def _write_gzip(data: Buffer, level: int | None) -> bytes:
    encoder = zlib.compressobj(-1 if level is None else level, zlib.DEFLATED, 31)
    return encoder.compress(data) + encoder.flush()


def _write_snappy(data: Buffer, level: int | None) -> bytes:
    import snappy

    view = memoryview(data)
    parts = [XERIAL_HEADER]
    for at in range(0, len(view), XERIAL_BLOCK_BYTES):
        block = snappy.compress(view[at : at + XERIAL_BLOCK_BYTES])
        parts += (_INT32.pack(len(block)), block)
    return b"".join(parts)


def _write_lz4(data: Buffer, level: int | None) -> bytes:
    from lz4 import frame

    chosen = 0 if level is None or level == LZ4_DEFAULT_LEVEL else min(level, LZ4_MAX_LEVEL)
    compressed: bytes = frame.compress(
        data, compression_level=chosen, block_size=frame.BLOCKSIZE_MAX64KB, block_linked=False, store_size=False
    )
    return compressed


def _write_zstd(data: Buffer, level: int | None) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=3 if level is None else level).compress(data)


_READERS: dict[Codec, Callable[[memoryview, int], bytes]] = {
    Codec.NONE: _read_none,
    Codec.GZIP: _read_gzip,
    Codec.SNAPPY: _read_snappy,
    Codec.LZ4: _read_lz4,
    Codec.ZSTD: _read_zstd,
}
_WRITERS: dict[Codec, Callable[[Buffer, int | None], bytes]] = {
    Codec.NONE: _write_none,
    Codec.GZIP: _write_gzip,
    Codec.SNAPPY: _write_snappy,
    Codec.LZ4: _write_lz4,
    Codec.ZSTD: _write_zstd,
}
