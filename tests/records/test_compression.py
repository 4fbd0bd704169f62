"""Codecs: what they read, and how little they allocate for what is not to be read."""

import gzip
import io
import tracemalloc

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.compression import XERIAL_HEADER, Codec, compress, decompress, decompress_prefix
from pybroker.records.errors import DecompressedTooLarge, DecompressionError, TruncatedStream, UnknownCodec

REAL_CODECS = [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD]
BOMB_BYTES = 8 << 20
LIMIT_BYTES = 64 << 10


@pytest.mark.parametrize("codec", list(Codec))
@settings(derandomize=True, deadline=None, max_examples=30)
@given(data=st.binary(max_size=2000), repeat=st.integers(1, 60))
def test_what_is_compressed_comes_back(codec, data, repeat):
    """Every codec gives back what went in, whole and from a memoryview, and a prefix is a prefix."""
    data *= repeat
    packed = compress(codec, memoryview(data))
    assert decompress(codec, memoryview(packed), len(data)) == data
    assert decompress_prefix(codec, packed, 100) == data[:100]


@pytest.mark.parametrize("codec", REAL_CODECS)
def test_a_bomb_is_refused_without_being_opened(codec):
    """8 MiB of zeros behind a bound of 64 KiB are refused, and the memory taken stays near the bound."""
    bomb = compress(codec, bytes(BOMB_BYTES))
    decompress(codec, compress(codec, b"warm"))
    tracemalloc.start()
    try:
        with pytest.raises(DecompressedTooLarge):
            decompress(codec, bomb, LIMIT_BYTES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * LIMIT_BYTES


def test_a_raw_snappy_block_that_claims_too_much_is_refused():
    """The size that a block claims is compared with the bound, and with what its bytes could give at all."""
    with pytest.raises(DecompressionError):
        decompress(Codec.SNAPPY, b"\xff\xff\xff\xff\x0f" + b"\x00" * 20)
    with pytest.raises(DecompressedTooLarge):
        decompress(Codec.SNAPPY, snappy.compress(bytes(BOMB_BYTES)), LIMIT_BYTES)
    with pytest.raises(DecompressedTooLarge):
        decompress(Codec.SNAPPY, XERIAL_HEADER + compress(Codec.SNAPPY, bytes(BOMB_BYTES))[16:], LIMIT_BYTES)


def test_a_zstd_window_beyond_the_limit_is_refused():
    """A frame that asks for a window of 256 MiB is an error, not an allocation."""
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(28 - 10) << 3]) + b"\x01\x00\x00"
    with pytest.raises(DecompressionError):
        decompress(Codec.ZSTD, frame)


def test_streams_one_after_another_are_read_as_java_reads_them():
    """gzip members, zstd frames and xerial streams join; after an lz4 frame nothing is read."""
    for codec in (Codec.GZIP, Codec.ZSTD, Codec.SNAPPY):
        assert decompress(codec, compress(codec, b"one ") + compress(codec, b"two")) == b"one two"
    assert decompress(Codec.LZ4, compress(Codec.LZ4, b"one ") + compress(Codec.LZ4, b"two")) == b"one "


def test_bytes_after_the_stream():
    """After gzip and lz4 they are ignored; after zstd they are an error, unless they are a skippable frame."""
    assert decompress(Codec.GZIP, compress(Codec.GZIP, b"x") + b"junk") == b"x"
    assert decompress(Codec.LZ4, compress(Codec.LZ4, b"x") + b"junk") == b"x"
    assert decompress(Codec.ZSTD, compress(Codec.ZSTD, b"x") + b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc") == b"x"
    with pytest.raises(DecompressionError):
        decompress(Codec.ZSTD, compress(Codec.ZSTD, b"x") + b"junk")


def test_thousands_of_tiny_gzip_members_are_read_in_linear_time():
    """Each member costs its own bytes, not those of all that follow."""
    assert decompress(Codec.GZIP, gzip.compress(b"a") * 3000) == b"a" * 3000


@pytest.mark.parametrize("codec", REAL_CODECS)
def test_a_stream_cut_anywhere_is_an_error_of_ours(codec):
    """However short it is cut, a stream raises DecompressionError or, for snappy at the end of a block, gives less."""
    packed = compress(codec, bytes(range(256)) * 3)
    for size in range(len(packed)):
        try:
            assert len(decompress(codec, packed[:size])) < 768
        except DecompressionError:
            continue
        assert codec is Codec.SNAPPY


@pytest.mark.parametrize("codec", REAL_CODECS)
@settings(derandomize=True, deadline=None, max_examples=150)
@given(data=st.binary(max_size=200), at=st.integers(0, 400), flip=st.integers(1, 255))
def test_damage_raises_only_decompression_errors(codec, data, at, flip):
    """Random bytes and a flipped byte in a real stream give bytes or a DecompressionError, never another exception."""
    real = bytearray(compress(codec, data * 3))
    real[at % len(real)] ^= flip
    for damaged in (bytes(real), data):
        try:
            decompress(codec, damaged, 1 << 20)
        except DecompressionError:
            continue


def test_frames_of_other_writers_are_read():
    """lz4 with linked blocks and checksums, zstd without a content size and with a checksum, raw snappy, streamed gzip."""
    data = bytes(range(256)) * 1000
    linked = lz4.frame.compress(data, block_linked=True, content_checksum=True, block_checksum=True)
    assert decompress(Codec.LZ4, linked) == data
    streamed = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    assert decompress(Codec.ZSTD, streamed.compress(data) + streamed.flush()) == data
    assert decompress(Codec.SNAPPY, snappy.compress(data)) == data
    out = io.BytesIO()
    with gzip.GzipFile("named", "wb", fileobj=out) as file:
        file.write(data)
    assert decompress(Codec.GZIP, out.getvalue()) == data


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.LZ4, Codec.ZSTD])
def test_levels_are_of_kafkas_scale(codec):
    """The lowest and highest level that Kafka takes are taken, and make a difference."""
    data = b"".join(b"%d some words of text, " % number for number in range(300))
    low, high = {Codec.GZIP: (1, 9), Codec.LZ4: (1, 17), Codec.ZSTD: (-131072, 22)}[codec]
    assert all(decompress(codec, compress(codec, data, level)) == data for level in (low, high))
    assert compress(codec, data, low) != compress(codec, data, high)


def test_an_unknown_codec_and_a_cut_zstd_frame_have_errors_of_their_own():
    """Codec 5 is UnknownCodec; a frame without its last block is TruncatedStream though all its bytes came out."""
    with pytest.raises(UnknownCodec):
        decompress(5, b"")
    with pytest.raises(TruncatedStream):
        decompress(Codec.ZSTD, zstandard.ZstdCompressor(write_checksum=True).compress(b"abc")[:-1])
