"""Walking over all of a segment file, damage included: for people who look at files, not for a broker that opens its logs.

`scan` stops at the first byte that is no sound batch, because a log ends there. A person wants to know what lies behind it. So this walk
goes on: it gives the file in pieces without a gap, each either a batch, an old message of magic 0 or 1, or bytes that are neither.

Rules
- What is sound is sound by the rules of `scan`: magic, length, offsets that go on, CRC. A walk without faults is a scan without a reason.
- A batch with a wrong CRC keeps its extent if the file goes on with a header right behind it. Else its length is not believed either.
- Behind damage the next batch is one whose header can be and whose CRC is right: nothing else is taken for one. Its offsets must go on, so
  a batch that lies inside a record (a copy of somebody's log in a topic) is hardly ever mistaken for one of this file.
- The file may be a gigabyte, and a length in it any number: one window of a mebibyte is all that is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from pybroker.records.batch import (
    CURRENT_MAGIC,
    HEADER_SIZE,
    HEADER_SIZE_UP_TO_MAGIC,
    LAST_OFFSET_DELTA_AT,
    LOG_OVERHEAD,
    MAGIC_AT,
    MIN_LENGTH,
    BatchHeader,
    read_header,
)
from pybroker.records.errors import RecordsError
from pybroker.records.legacy import LegacyMessage, read_message
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files, OpenFile
from pybroker.storage.scan import CRC_FROM, MAX_RELATIVE_OFFSET, Window, why_unsound
from pybroker.storage.scan import MIN_LENGTH as MIN_BATCH_LENGTH
from pybroker.storage.slices import read_fully

MAX_OFFSET = 2**63 - 1
MAX_MESSAGE_BYTES = 256 << 20  # an old message is read whole to be checked; none that anybody kept is as large

_PREFIX = Struct(">qi4xb")  # offset, length, magic: alike in all formats
_MAGIC_AND_ATTRIBUTES = re.compile(b"\x02(?=.{4}\x00[\x00-\x7f])", re.DOTALL)  # in the middle of a header


class Piece(NamedTuple):
    """So many bytes at a position of the file. `fault`: what is wrong with them, None if nothing is.

    `header`: of a batch, whole or with a fault. `message`: of magic 0 or 1, checked. Neither: bytes in which nothing can be read.
    """

    position: int
    size_bytes: int
    header: BatchHeader | None = None
    message: LegacyMessage | None = None
    fault: str | None = None

    @property
    def end(self) -> int:
        """Where the next piece begins."""
        return self.position + self.size_bytes


class SegmentWalk:
    """An iterator over the pieces of the first `size_bytes` of a file. `base_offset` None: what the first batch says.

    Without `check` checksums are not looked at, and what lies between headers is believed. Raises StorageError if the file cannot be read.
    """

    __slots__ = ("_check", "_file", "_files", "_max_offset", "_window", "next_offset", "position", "size_bytes")

    def __init__(self, files: Files, file: OpenFile, size_bytes: int, base_offset: int | None, *, check: bool = True) -> None:
        self._files = files
        self._file = file
        self._check = check
        self._window = Window(files, file, size_bytes)
        self._max_offset = MAX_OFFSET if base_offset is None else base_offset + MAX_RELATIVE_OFFSET
        self.next_offset = base_offset or 0
        self.size_bytes = size_bytes
        self.position = 0

    def __iter__(self) -> Iterator[Piece]:
        while self.position < self.size_bytes:
            piece = self._piece(self.position)
            self._note(piece)
            yield piece

    def read(self, piece: Piece) -> bytes:
        """All bytes of a piece. Raises StorageError."""
        return read_fully(self._files, self._file, piece.position, piece.size_bytes)

    def _note(self, piece: Piece) -> None:
        self.position = piece.end
        if piece.fault is not None:
            return
        if piece.header is not None:
            self._next(piece.header.base_offset, piece.header.next_offset)
        elif piece.message is not None:
            self._next(piece.message.offset, piece.message.offset + 1)

    def _next(self, base_offset: int, next_offset: int) -> None:
        if self._max_offset == MAX_OFFSET:
            self._max_offset = base_offset + MAX_RELATIVE_OFFSET
        self.next_offset = next_offset

    def _piece(self, position: int) -> Piece:
        left = self.size_bytes - position
        if left >= HEADER_SIZE_UP_TO_MAGIC:
            _, length, magic = _PREFIX.unpack_from(self._seen(position, HEADER_SIZE_UP_TO_MAGIC), 0)
            if magic in (0, 1) and MIN_LENGTH <= length <= min(left - LOG_OVERHEAD, MAX_MESSAGE_BYTES):
                return self._old_message(position, LOG_OVERHEAD + length)
        if left < HEADER_SIZE:
            zeros = not any(self._seen(position, left))
            return Piece(position, left, fault=f"{left} bytes that are {'zeros' if zeros else 'no batch header'}")
        header = read_header(self._seen(position, HEADER_SIZE))
        if not self._can_be(header, position):
            return self._unreadable(position, why_unsound(self._at(position), position, self.next_offset))
        if header.base_offset < self.next_offset:
            fault = f"offset {header.base_offset} where {self.next_offset} or more should follow"
            return Piece(position, header.size_bytes, header, fault=fault)
        if self._check and not self._has_right_checksum(position, header):
            return self._damaged(position, header)
        return Piece(position, header.size_bytes, header)

    def _can_be(self, header: BatchHeader, position: int) -> bool:
        """Whether such a batch can lie there, but for its checksum and the offsets before it."""
        return (
            header.magic == CURRENT_MAGIC
            and header.batch_length >= MIN_BATCH_LENGTH
            and position + header.size_bytes <= self.size_bytes
            and 0 <= header.base_offset <= header.last_offset <= self._max_offset
        )

    def _has_right_checksum(self, position: int, header: BatchHeader) -> bool:
        return self._at(position + CRC_FROM).checksum(position + CRC_FROM, position + header.size_bytes) == header.crc

    def _old_message(self, position: int, size_bytes: int) -> Piece:
        content = read_fully(self._files, self._file, position, size_bytes)
        try:
            message = read_message(content, 0, size_bytes)
        except RecordsError as error:
            return Piece(position, size_bytes, fault=f"a damaged message of an old format: {error}")
        return Piece(position, size_bytes, message=message)

    # --- damage

    def _damaged(self, position: int, header: BatchHeader) -> Piece:
        reason = f"the batch of offset {header.base_offset} has a wrong checksum"
        end = position + header.size_bytes
        if end == self.size_bytes:
            return Piece(position, header.size_bytes, header, fault=reason)
        if self.size_bytes - end >= HEADER_SIZE and self._can_be(read_header(self._seen(end, HEADER_SIZE)), end):
            return Piece(position, header.size_bytes, header, fault=reason)
        return self._unreadable(position, reason)

    def _unreadable(self, position: int, reason: str) -> Piece:
        return Piece(position, self._next_batch(position + 1) - position, fault=reason)

    def _next_batch(self, position: int) -> int:
        """Where the next sound batch begins; the end of the file if there is none."""
        last = self.size_bytes - HEADER_SIZE
        while position <= last:
            window = self._at(position)
            start, end = position, window.end
            chunk = bytes(window.view[start - window.start : end - window.start])
            for match in _MAGIC_AND_ATTRIBUTES.finditer(chunk, MAGIC_AT):
                at = start + match.start() - MAGIC_AT
                if at <= last and self._begins_batch(at):
                    return at
            position = max(end - LAST_OFFSET_DELTA_AT + 1, position + 1)
        return self.size_bytes

    def _begins_batch(self, position: int) -> bool:
        header = read_header(self._seen(position, HEADER_SIZE))
        return (
            self._can_be(header, position)
            and header.base_offset >= self.next_offset
            and 0 <= header.record_count <= header.last_offset_delta + 1
            and self._has_right_checksum(position, header)
        )

    # --- the window

    def _at(self, position: int, size_bytes: int = HEADER_SIZE) -> Window:
        """The window, with so many bytes from `position` in it, or as many as the file has. Raises StorageError."""
        window = self._window
        if position < window.start or min(position + size_bytes, self.size_bytes) > window.end:
            window.move(position)
            if window.end < min(position + size_bytes, self.size_bytes):
                raise StorageError(f"the file ends at byte {window.end}, before the {self.size_bytes} it had")
        return window

    def _seen(self, position: int, size_bytes: int) -> memoryview:
        window = self._at(position, size_bytes)
        at = position - window.start
        return window.view[at : at + size_bytes]
