"""Reading a segment from end to end, to learn which of its bytes are batches.

A crash leaves a torn batch, a hole of zeros where a block was never written, or old bytes of the disk. A batch is believed if its length
fits, its magic is 2, its offsets go on from the last one's and its CRC is right. The first that is not ends the scan: nothing after it was
acknowledged by a flush, and a reader could not step over it.

One buffer is read into and checked in place, so a gigabyte costs its copy out of the page cache and its CRC.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from pybroker.records.checksum import crc32c
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.interface import StorageError

BUFFER_BYTES = 1 << 20  # fits into the cache of a core, so the CRC does not wait for memory
HEADER_BYTES = 61
OVERHEAD_BYTES = 12
CRC_FROM = 21
MIN_LENGTH = 49

_HEADER = Struct(">qiibIhi8xq")  # offset, length, epoch, magic, crc, attributes, last offset delta, max timestamp


class Noter(Protocol):
    """A segment that takes in what the scan finds. `max_offset`: the largest that its index can express."""

    max_offset: int
    next_offset: int
    size_bytes: int

    def note(self, size_bytes: int, last_offset: int, timestamp: int) -> None: ...


@dataclass(slots=True)
class Scan:
    """What was found: bytes of sound batches, why it ended before the end (None: it did not), and where epochs began."""

    sound_bytes: int
    reason: str | None
    epochs: list[tuple[int, int]]


class _Window:
    """A stretch of the file in memory."""

    __slots__ = ("buffer", "end", "file", "files", "size_bytes", "start", "view")

    def __init__(self, files: Files, file: OpenFile, size_bytes: int) -> None:
        self.files = files
        self.file = file
        self.size_bytes = size_bytes
        self.buffer = bytearray(min(BUFFER_BYTES, max(size_bytes, 1)))
        self.view = memoryview(self.buffer)
        self.start = self.end = 0

    def move(self, position: int) -> None:
        """Let the window begin at `position`. Raises StorageError."""
        try:
            filled = self.files.preadv(self.file.fd, [self.view[: self.size_bytes - position]], position)
        except OSError as error:
            raise StorageError(f"cannot read a segment at byte {position}: {error.strerror}") from error
        self.start, self.end = position, position + filled

    def checksum(self, position: int, end: int) -> int:
        """CRC-32C of the bytes from `position` to `end`, which may lie beyond the window. Moves the window if so."""
        value = 0
        while end > self.end:
            value = crc32c(self.view[position - self.start : self.end - self.start], value)
            position = self.end
            self.move(position)
            if self.end == position:
                return -1
        return crc32c(self.view[position - self.start : end - self.start], value)


def scan_file(files: Files, file: OpenFile, size_bytes: int, segment: Noter, *, verify: bool) -> Scan:
    """Note every sound batch of the first `size_bytes` in `segment`, which is empty. Without `verify` CRCs are not computed.

    Raises StorageError if the file cannot be read.
    """
    window = _Window(files, file, size_bytes)
    epochs: list[tuple[int, int]] = []
    epoch = -1
    position = 0
    next_offset, max_offset = segment.next_offset, segment.max_offset
    unpack, note = _HEADER.unpack_from, segment.note
    while position < size_bytes:
        if position + HEADER_BYTES > window.end:
            window.move(position)
            if position + HEADER_BYTES > window.end:
                return Scan(position, f"{size_bytes - position} bytes that are no batch header", epochs)
        base_offset, length, batch_epoch, magic, crc, _, delta, timestamp = unpack(window.buffer, position - window.start)
        end = position + OVERHEAD_BYTES + length
        last_offset = base_offset + delta
        if magic != 2 or length < MIN_LENGTH or end > size_bytes or not next_offset <= base_offset <= last_offset <= max_offset:
            return Scan(position, _why(window, position, next_offset), epochs)
        if verify:
            if end <= window.end:
                start = window.start
                actual = crc32c(window.view[position + CRC_FROM - start : end - start])
            else:
                actual = window.checksum(position + CRC_FROM, end)
            if actual != crc:
                return Scan(position, f"the batch of offset {base_offset} has a wrong checksum", epochs)
        if batch_epoch > epoch:
            epoch = batch_epoch
            epochs.append((epoch, base_offset))
        next_offset = last_offset + 1
        note(end - position, last_offset, timestamp)
        position = end
    return Scan(position, None, epochs)


def _why(window: _Window, position: int, next_offset: int) -> str:
    """Say what is wrong with a header that is in the window."""
    at = position - window.start
    base_offset, length, _, magic, _, _, delta, _ = _HEADER.unpack_from(window.buffer, at)
    if not any(window.view[at : at + HEADER_BYTES]):
        return "zeros where a batch should begin"
    if magic != 2:
        return f"magic {magic} where a batch of magic 2 should begin"
    if length < MIN_LENGTH:
        return f"a batch of length {length}, shorter than its header"
    if position + OVERHEAD_BYTES + length > window.size_bytes:
        return f"a batch of {OVERHEAD_BYTES + length} bytes where {window.size_bytes - position} are left"
    if base_offset < next_offset:
        return f"offset {base_offset} where {next_offset} or more should follow"
    return f"a batch of offset {base_offset} and last offset delta {delta}, which this segment cannot hold"
