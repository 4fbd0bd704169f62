"""The two indexes of one segment, as a pair, in memory and in their files: what one says is of no use without the other.

Neither is ever needed: without them they are built from the log. So what cannot be read, written or made durable is done without, and a
file that may say something else than the log is removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pybroker.storage import layout
from pybroker.storage.files import OUT_OF_DESCRIPTORS, Files, storage_error
from pybroker.storage.offset_index import ENTRY_BYTES as OFFSET_ENTRY_BYTES
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.time_index import ENTRY_BYTES as TIME_ENTRY_BYTES
from pybroker.storage.time_index import TimeIndex

MAX_INDEX_BYTES = 256 << 20  # of a file: entries for 32 million batches; segment.index.bytes is 10 MiB by default

SUFFIXES = layout.INDEX, layout.TIME_INDEX

PathOf = Callable[[str], str]  # of the segment's file of a kind


class Indexes:
    """By offset and by time."""

    __slots__ = ("offsets", "times")

    def __init__(self, offsets: OffsetIndex, times: TimeIndex) -> None:
        self.offsets = offsets
        self.times = times

    def are_full(self, limit_bytes: int) -> bool:
        """Whether files of at most so many bytes hold no further entry; the time index keeps one for the end of the segment."""
        return len(self.offsets) >= limit_bytes // OFFSET_ENTRY_BYTES or len(self.times) >= limit_bytes // TIME_ENTRY_BYTES - 1

    @classmethod
    def read(cls, files: Files, path: PathOf, segment_bytes: int) -> Indexes | None:
        """Those of a segment of that size; None if they are not there, or cannot be its.

        Raises NoDescriptorError: they may be there, and need not be built from the log.
        """
        try:
            offsets = OffsetIndex.decode(files.read_file(path(layout.INDEX), MAX_INDEX_BYTES), segment_bytes)
            times = TimeIndex.decode(files.read_file(path(layout.TIME_INDEX), MAX_INDEX_BYTES))
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                raise storage_error("open", path(layout.INDEX), error) from error
            return None
        if offsets is None or times is None or (segment_bytes and not len(times)):
            return None
        return cls(offsets, times)

    def write(self, files: Files, path: PathOf) -> bool:
        """Whether both are written, which is not durable yet; if not, neither is there."""
        try:
            files.write_file(path(layout.INDEX), self.offsets.encode(), sync=False)
            files.write_file(path(layout.TIME_INDEX), self.times.encode(), sync=False)
        except OSError:
            drop_indexes(files, path)
            return False
        return True


def flush_indexes(files: Files, path: PathOf) -> None:
    """Make them durable, or drop them. Raises NoDescriptorError: then it may be tried again."""
    try:
        for suffix in SUFFIXES:
            with suppress(FileNotFoundError):
                files.fsync_file(path(suffix))
    except OSError as error:
        if error.errno in OUT_OF_DESCRIPTORS:
            raise storage_error("flush", path(layout.INDEX), error) from error
        drop_indexes(files, path)


def drop_indexes(files: Files, path: PathOf) -> None:
    """Remove them, if that can be done."""
    for suffix in SUFFIXES:
        with suppress(OSError):
            files.unlink(path(suffix))
