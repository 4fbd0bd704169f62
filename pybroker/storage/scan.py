"""Reading a segment from end to end, to learn which of its bytes are batches.

A crash leaves a torn batch, a hole of zeros where a block was never written, or old bytes of the disk. A batch is believed if its length
fits, its magic is 2, its offsets go on from the last one's and its CRC is right. The first that is not ends the scan: nothing after it was
acknowledged by a flush, and a reader could not step over it.

One buffer is read into and checked in place, so a gigabyte costs its copy out of the page cache and its CRC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from pybroker.records.checksum import crc32c
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.time_index import TimeIndex

BUFFER_BYTES = 1 << 20  # fits into the cache of a core, so the CRC does not wait for memory
HEADER_BYTES = 61
OVERHEAD_BYTES = 12
CRC_FROM = 21
MIN_LENGTH = 49

NO_EPOCH = -1
MAX_RELATIVE_OFFSET = 2**31 - 1  # what an index entry can hold

_HEADER = Struct(">qiibI2xi8xq")  # offset, length, epoch, magic, crc, last offset delta, max timestamp


@dataclass(slots=True)
class Scan:
    """What was found in a segment.

    `sound_bytes`, `next_offset`: of the batches up to the first unsound one; `reason` says what was wrong with that (None: all were sound).
    `tail_offset`, `tail_position`: base offset and position of the last one. `epochs`: where each leader epoch began. `has_holes`: offsets
    are missing between sound batches, or before the first: compaction leaves that, and no failure of a disk.
    """

    index: OffsetIndex
    time_index: TimeIndex
    next_offset: int
    sound_bytes: int = 0
    reason: str | None = None
    max_timestamp: int = -1
    max_timestamp_offset: int = 0
    unindexed_bytes: int = 0
    tail_offset: int = 0
    tail_position: int = 0
    epochs: list[tuple[int, int]] = field(default_factory=list)
    has_holes: bool = False


class Window:
    """A stretch of the file in memory. `walk` looks through it too."""

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
            raise StorageError(f"cannot read {self.file.path} at byte {position}: {error.strerror}") from error
        if filled < min(HEADER_BYTES, self.size_bytes - position):
            raise StorageError(f"{self.file.path} ends at byte {position + filled}, {self.size_bytes - position - filled} bytes early")
        self.start, self.end = position, position + filled

    def checksum(self, position: int, end: int) -> int:
        """CRC-32C of the bytes from `position` to `end`, which may lie beyond the window. Moves the window if so."""
        value = 0
        while end > self.end:
            value = crc32c(self.view[position - self.start : self.end - self.start], value)
            position = self.end
            self.move(position)
        return crc32c(self.view[position - self.start : end - self.start], value)


def scan_file(files: Files, file: OpenFile, size_bytes: int, base_offset: int, index_interval_bytes: int) -> Scan:
    """Read the first `size_bytes` of a segment that begins at `base_offset`.

    The loop is written out for speed: a gigabyte of batches of a kilobyte goes through it a million times.
    Raises StorageError if the file cannot be read.
    """
    window = Window(files, file, size_bytes)
    scan = Scan(OffsetIndex(), TimeIndex(), base_offset, max_timestamp_offset=base_offset)
    buffer, view, unpack = window.buffer, window.view, _HEADER.unpack_from
    epoch, max_offset = NO_EPOCH, base_offset + MAX_RELATIVE_OFFSET
    next_offset, max_timestamp, max_timestamp_offset = base_offset, -1, base_offset
    position = unindexed_bytes = start = 0
    last_header, in_window = size_bytes - HEADER_BYTES, -1
    tail_offset = tail_position = 0
    has_holes = False
    while position <= last_header:
        if position > in_window:
            window.move(position)
            start, in_window = position, window.end - HEADER_BYTES
        first_offset, length, batch_epoch, magic, crc, delta, timestamp = unpack(buffer, position - start)
        end = position + OVERHEAD_BYTES + length
        last_offset = first_offset + delta
        if magic != 2 or length < MIN_LENGTH or end > size_bytes or not next_offset <= first_offset <= last_offset <= max_offset:
            scan.reason = why_unsound(window, position, next_offset)
            break
        if end <= window.end:
            actual = crc32c(view[position - start + CRC_FROM : end - start])
        else:
            actual, in_window = window.checksum(position + CRC_FROM, end), -1
        if actual != crc:
            scan.reason = f"the batch of offset {first_offset} has a wrong checksum"
            break
        has_holes |= first_offset > next_offset
        if batch_epoch > epoch:
            epoch = batch_epoch
            scan.epochs.append((epoch, first_offset))
        if timestamp > max_timestamp:
            max_timestamp, max_timestamp_offset = timestamp, last_offset
        if unindexed_bytes > index_interval_bytes:
            scan.index.append(last_offset - base_offset, position)
            scan.time_index.maybe_append(max_timestamp, max_timestamp_offset - base_offset)
            unindexed_bytes = 0
        unindexed_bytes += end - position
        tail_offset, tail_position = first_offset, position
        next_offset = last_offset + 1
        position = end
    if scan.reason is None and position < size_bytes:
        scan.reason = f"{size_bytes - position} bytes that are no batch header"
    scan.sound_bytes, scan.next_offset, scan.unindexed_bytes = position, next_offset, unindexed_bytes
    scan.tail_offset, scan.tail_position, scan.has_holes = tail_offset, tail_position, has_holes
    scan.max_timestamp, scan.max_timestamp_offset = max_timestamp, max_timestamp_offset
    return scan


def why_unsound(window: Window, position: int, next_offset: int) -> str:
    """Say what is wrong with a header that is in the window."""
    at = position - window.start
    base_offset, length, _, magic, _, delta, _ = _HEADER.unpack_from(window.buffer, at)
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
