"""The two index files of one segment, as a pair: what one says is of no use without the other.

Neither is ever needed: without them the indexes are built from the log. So what cannot be read, written or made durable is done without,
and a file that may say something else than the log is removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pybroker.storage import layout
from pybroker.storage.files import OUT_OF_DESCRIPTORS, Files
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.time_index import TimeIndex

MAX_INDEX_BYTES = 256 << 20  # of a file: entries for 32 million batches; segment.index.bytes is 10 MiB by default

SUFFIXES = layout.INDEX, layout.TIME_INDEX

PathOf = Callable[[str], str]  # of the segment's file of a kind


def read_indexes(files: Files, path: PathOf, segment_bytes: int) -> tuple[OffsetIndex, TimeIndex] | None:
    """Both, of a segment of that size; None if they are not there, or cannot be its."""
    try:
        index = OffsetIndex.decode(files.read_file(path(layout.INDEX), MAX_INDEX_BYTES), segment_bytes)
        time_index = TimeIndex.decode(files.read_file(path(layout.TIME_INDEX), MAX_INDEX_BYTES))
    except OSError:
        return None
    if index is None or time_index is None or (segment_bytes and not len(time_index)):
        return None
    return index, time_index


def write_indexes(files: Files, path: PathOf, index: OffsetIndex, time_index: TimeIndex) -> bool:
    """Whether both are written, which is not durable yet; if not, neither is there."""
    try:
        files.write_file(path(layout.INDEX), index.encode(), sync=False)
        files.write_file(path(layout.TIME_INDEX), time_index.encode(), sync=False)
    except OSError:
        drop_indexes(files, path)
        return False
    return True


def flush_indexes(files: Files, path: PathOf) -> None:
    """Make them durable, or drop them. Raises OSError only if it may be tried again: for want of descriptors."""
    try:
        for suffix in SUFFIXES:
            with suppress(FileNotFoundError):
                files.fsync_file(path(suffix))
    except OSError as error:
        if error.errno in OUT_OF_DESCRIPTORS:
            raise
        drop_indexes(files, path)


def drop_indexes(files: Files, path: PathOf) -> None:
    """Remove them, if that can be done."""
    for suffix in SUFFIXES:
        with suppress(OSError):
            files.unlink(path(suffix))
