"""Walking over a segment that may be damaged: nothing is left out, and what is whole behind damage is found."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pybroker.records.builder import build_batch
from pybroker.records.checksum import crc32
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.interface import LogConfig
from pybroker.storage.scan import scan_file
from pybroker.storage.walk import Piece, SegmentWalk


def old_message(offset: int) -> bytes:
    """A message of magic 1."""
    body = b"\x01\x00" + (5).to_bytes(8) + (1).to_bytes(4) + b"k" + (1).to_bytes(4) + b"v"
    return offset.to_bytes(8) + (len(body) + 4).to_bytes(4) + crc32(body).to_bytes(4) + body


def made(count: int, size: int = 30) -> list[bytes]:
    """Batches of one record."""
    return [build_batch([(b"k", bytes([65 + at]) * size)], base_offset=at, timestamp=1000, leader_epoch=0) for at in range(count)]


def walk(path: Path, content: bytes, base_offset: int | None = 0) -> list[Piece]:
    """The pieces of a file of this content, which follow one another without a gap."""
    path = path / "00000000000000000000.log"
    path.write_bytes(content)
    files = Files()
    pieces = list(SegmentWalk(files, OpenFile(files, str(path), READ_ONLY), len(content), base_offset))
    assert [piece.position for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])][: len(pieces)]
    assert not pieces or pieces[-1].end == len(content)
    return pieces


def offsets(pieces: list[Piece]) -> list[int]:
    """Of the sound batches."""
    return [piece.header.base_offset for piece in pieces if piece.header is not None and piece.fault is None]


def test_a_whole_segment(tmp_path: Path) -> None:
    """All batches in order, without a fault."""
    pieces = walk(tmp_path, b"".join(made(5)))
    assert offsets(pieces) == [0, 1, 2, 3, 4]
    assert walk(tmp_path, b"") == []


@pytest.mark.parametrize("at", range(0, 98, 7))
def test_a_flipped_byte(tmp_path: Path, at: int) -> None:
    """A wrong byte anywhere in a batch costs that batch alone; but a leap in offsets may be a gap, and then nothing else can follow."""
    batches = made(5)
    damaged = bytearray(batches[2])
    damaged[at % len(damaged)] ^= 0x80
    pieces = walk(tmp_path, b"".join([*batches[:2], bytes(damaged), *batches[3:]]))
    if 12 <= at < 16:
        assert offsets(pieces) == [0, 1, 2, 3, 4]  # the leader epoch is under no CRC
    elif at == 7:
        assert offsets(pieces) == [0, 1, 130]
    else:
        assert offsets(pieces) == [0, 1, 3, 4]
        assert len([piece for piece in pieces if piece.fault]) == 1


@pytest.mark.parametrize("hole", [1, 60, 5000, 1 << 20, (1 << 20) + 77])
def test_batches_behind_a_hole(tmp_path: Path, hole: int) -> None:
    """Zeros of any length, also across the window, end with the next batch."""
    batches = made(4)
    pieces = walk(tmp_path, b"".join(batches[:2]) + bytes(hole) + b"".join(batches[2:]))
    assert offsets(pieces) == [0, 1, 2, 3]
    assert sum(piece.size_bytes for piece in pieces if piece.fault) == hole


def test_noise_in_between(tmp_path: Path) -> None:
    """Bytes of another file are one piece of damage."""
    batches = made(4)
    pieces = walk(tmp_path, b"".join(batches[:2]) + Random(4).randbytes(50_000) + b"".join(batches[2:]))
    assert offsets(pieces) == [0, 1, 2, 3]


def test_a_batch_inside_a_damaged_record(tmp_path: Path) -> None:
    """A copy of a batch within a record is not taken for one of the log, since its offset was passed already."""
    inner = made(1)[0]
    outer = bytearray(build_batch([(b"k", inner)], base_offset=7, timestamp=1, leader_epoch=0))
    outer[8:12] = b"\x7f\xff\xff\xff"
    first = build_batch([(b"k", b"v")] * 7, base_offset=0, timestamp=1, leader_epoch=0)
    assert offsets(walk(tmp_path, first + bytes(outer))) == [0]


@pytest.mark.parametrize("left", range(1, 61, 9))
def test_a_torn_end(tmp_path: Path, left: int) -> None:
    """What is left of a batch at the end is one piece."""
    batches = made(3)
    pieces = walk(tmp_path, b"".join(batches[:2]) + batches[2][:left])
    assert offsets(pieces) == [0, 1]
    assert pieces[-1].size_bytes == left


def test_it_agrees_with_the_scan(tmp_path: Path) -> None:
    """A walk finds its first fault where recovery would cut, whatever byte is wrong."""
    content = b"".join(made(4))
    files = Files()
    path = tmp_path / "00000000000000000000.log"
    for at in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[at] ^= 0x21
        pieces = walk(tmp_path, bytes(damaged))
        scan = scan_file(files, OpenFile(files, str(path), READ_ONLY), len(content), 0, LogConfig().index_interval_bytes)
        fault = next((piece for piece in pieces if piece.fault is not None), None)
        assert (fault.position if fault else len(content)) == scan.sound_bytes
        assert (fault is None) == (scan.reason is None)


def test_old_messages(tmp_path: Path) -> None:
    """Messages of magic 1 are known for what they are; a damaged one is damage."""
    pieces = walk(tmp_path, old_message(3) + old_message(4)[:-1] + b"w" + old_message(5))
    assert [piece.message and piece.message.offset for piece in pieces] == [3, None, 5]
    assert "checksum" in (pieces[1].fault or "")
