"""The files of a segment that compaction writes, and their way into the place of those it replaces.

    .cleaned   being written; at a start it is removed, and nothing has happened
    .swap      complete and durable; at a start the segments it covers go and it takes their place (`leftovers`)
    no suffix  in place; those it replaces were renamed to `.deleted` before

Rules
- The log's file is renamed last, so its name speaks for all files of the segment.
- Nothing that is replaced loses its name before `.swap` is on disk with the directory that names it.
- A cleaned segment has a transaction index, be it empty: it takes the place of the one before, which knew transactions that are gone.

(Kafka: LocalLog.replaceSegments.)
"""

from __future__ import annotations

import os
from contextlib import suppress

from pybroker.storage import layout
from pybroker.storage.files import Files, storage_error
from pybroker.storage.segment import DiskSegment

ORDER = (layout.TRANSACTION_INDEX, layout.INDEX, layout.TIME_INDEX, layout.LOG)


def create(segment: DiskSegment, files: Files) -> DiskSegment:
    """Make the file of a cleaned segment, empty. Raises StorageError, ExhaustedError."""
    segment.on_disk.state = layout.CLEANED
    drop(segment, files)  # what a failed round may have left
    segment.gone = False
    try:
        segment.create()
    except OSError as error:
        raise storage_error("create", segment.path(), error) from error
    return segment


def secure(segment: DiskSegment, files: Files, transaction_index: bytes) -> None:
    """Make it durable and call it `.swap`. Blocking. Raises StorageError."""
    directory = os.path.dirname(segment.path())
    segment.seal()
    segment.flushed_bytes = segment.flush()
    try:
        files.write_file(segment.path(layout.TRANSACTION_INDEX), transaction_index, sync=True)
        _rename(segment, files, layout.SWAP)
        files.fsync_directory(directory)
    except OSError as error:
        raise storage_error("secure", segment.path(), error) from error


def put_in_place(segment: DiskSegment, files: Files) -> None:
    """Give it its own name. Raises StorageError."""
    try:
        _rename(segment, files, "")
    except OSError as error:
        raise storage_error("put in place", segment.path(), error) from error


def drop(segment: DiskSegment, files: Files) -> None:
    """Remove its files, the log's first: then the others speak for nothing."""
    segment.gone = True
    segment.open_file = None
    for suffix in reversed(ORDER):
        with suppress(OSError):
            files.unlink(segment.path(suffix))


def _rename(segment: DiskSegment, files: Files, state: str) -> None:
    for suffix in ORDER:
        path = segment.path(suffix)
        try:
            files.rename(path, path.removesuffix(segment.on_disk.state) + state)
        except FileNotFoundError:
            if suffix == layout.LOG:  # an index that could not be written is built from the log
                raise
    segment.on_disk.state = state
