"""Walk over zstd frames without decompressing them (RFC 8878, section 3.1).

The streaming reader of the library takes a stream that is cut short for one that ended. Here the headers of frames and blocks alone
tell whether all of it is there: about 1 us for each block of up to 128 KiB.

    frame      4 magic, 2-14 header, blocks, 4 checksum if the header says so
    block      3 bytes: bit 0 last block, bits 1-2 type (0 raw, 1 one byte repeated, 2 compressed), the rest size
    skippable  4 magic 184D2A50 to 184D2A5F, 4 size, bytes
"""

from __future__ import annotations

from struct import Struct

from pybroker.records.errors import DecompressionError, TruncatedStream

FRAME_MAGIC = 0xFD2FB528
SKIPPABLE_MAGIC = 0x184D2A50
REPEATED_BYTE_BLOCK = 1
RESERVED_BLOCK = 3
BLOCK_HEADER_BYTES = 3
CHECKSUM_BYTES = 4
DICTIONARY_ID_BYTES = (0, 1, 2, 4)
CONTENT_SIZE_BYTES = (0, 2, 4, 8)

_UINT32 = Struct("<I")


def check_frames(data: memoryview) -> None:
    """Raise unless `data` is whole frames from its first byte to its last, at least one."""
    at = 0
    while True:
        at = frame_end(data, at)
        if at == len(data):
            return


def frame_end(data: memoryview, at: int) -> int:
    """Return where the frame at `at` ends; TruncatedStream if that is beyond the data."""
    if at + 4 > len(data):
        raise TruncatedStream("the zstd stream ends in the magic of a frame")
    magic = _UINT32.unpack_from(data, at)[0]
    if magic & 0xFFFFFFF0 == SKIPPABLE_MAGIC:
        if at + 8 > len(data):
            raise TruncatedStream("the zstd stream ends in the size of a skippable frame")
        at += 8 + _UINT32.unpack_from(data, at + 4)[0]
    elif magic == FRAME_MAGIC:
        at = _data_frame_end(data, at + 4)
    else:
        raise DecompressionError(f"zstd: no frame begins with {magic:08x}")
    if at > len(data):
        raise TruncatedStream("the zstd stream ends within a frame")
    return at


def _data_frame_end(data: memoryview, at: int) -> int:
    try:
        descriptor = data[at]
        at += _frame_header_size(descriptor)
        last = 0
        while not last:
            last = data[at] & 1
            kind = data[at] >> 1 & 3
            size = (data[at] | data[at + 1] << 8 | data[at + 2] << 16) >> 3
            if kind == RESERVED_BLOCK:
                raise DecompressionError("zstd: a block of the reserved type")
            at += BLOCK_HEADER_BYTES + (1 if kind == REPEATED_BYTE_BLOCK else size)
    except IndexError:
        raise TruncatedStream("the zstd stream ends within a frame") from None
    return at + (CHECKSUM_BYTES if descriptor & 4 else 0)


def _frame_header_size(descriptor: int) -> int:
    """Size of the header from its first byte: descriptor, window, dictionary id, content size."""
    single_segment = descriptor >> 5 & 1
    content_size = CONTENT_SIZE_BYTES[descriptor >> 6] or single_segment
    return 1 + (1 - single_segment) + DICTIONARY_ID_BYTES[descriptor & 3] + content_size
