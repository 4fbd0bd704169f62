"""What a stopped process left in a log's directory: files that wait for removal, and compactions that were being put in place.

A compaction writes `.cleaned` files, renames them to `.swap`, takes the old segments away and renames `.swap` to the final name. So at
the start `.cleaned` and `.deleted` are removed; `.swap` is complete and replaces the segments it covers. Indexes without a log go too.

(Kafka: LogLoader.removeTempFilesAndCollectSwapFiles, completeSwapOperations.)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from pybroker.storage import layout
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.headers import DamagedBatch, HeaderReader


class Settled(NamedTuple):
    """What lies in the directory: base offsets of segments in order, offsets of producer snapshots; remarks on what does not belong.

    `swapped`: whether a compaction was finished. `unindexed`: the base offsets of segments that lack an index;
    `transactional`: of those that have a transaction index. `sealed`: whether these were checkpointed.
    """

    bases: list[int]
    snapshots: list[int]
    remarks: list[str]
    swapped: bool
    unindexed: frozenset[int]
    transactional: frozenset[int]
    sealed: bool


def settle_directory(files: Files, directory: str) -> Settled:
    """Finish or undo what was begun. Raises OSError."""
    names = sorted(files.listdir(directory))
    remarks: list[str] = []
    swapped: list[int] = []
    strays: list[tuple[int, str]] = []
    logs: set[int] = set()
    indexes: list[tuple[int, str]] = []
    indexed: dict[str, set[int]] = {suffix: set() for suffix in layout.SEGMENT_SUFFIXES[1:]}
    snapshots: list[int] = []
    for name in names:
        parsed = layout.parse_segment_file(name)
        if parsed is None:
            _settle_other(files, directory, name, remarks)
            continue
        offset, suffix, state = parsed
        if state in (layout.DELETED, layout.CLEANED):
            files.unlink(os.path.join(directory, name))
        elif state == layout.SWAP:
            if suffix == layout.LOG:
                swapped.append(offset)
            strays.append((offset, name))
        elif suffix == layout.LOG:
            logs.add(offset)
        elif suffix == layout.SNAPSHOT:
            snapshots.append(offset)
        else:
            indexes.append((offset, name))
            indexed[suffix].add(offset)
    _remove(files, directory, (name for offset, name in strays if offset not in swapped))
    for offset in swapped:
        _complete_swap(files, directory, offset, logs, remarks)
    _remove(files, directory, (name for offset, name in indexes if offset not in logs))
    transactional = frozenset(indexed[layout.TRANSACTION_INDEX].union(swapped))
    unindexed = frozenset(logs - (indexed[layout.INDEX] & indexed[layout.TIME_INDEX]))
    sealed = layout.TRANSACTION_INDEX_CHECKPOINT in names
    return Settled(sorted(logs), snapshots, remarks, bool(swapped), unindexed, transactional, sealed)


def _settle_other(files: Files, directory: str, name: str, remarks: list[str]) -> None:
    if layout.is_kept(name):
        return
    if not layout.is_known_in_partition(name):
        remarks.append(f"{os.path.join(directory, name)} is no file of a log; it is left alone")
    elif name.endswith(".tmp") and layout.METADATA_SNAPSHOT not in name:
        files.unlink(os.path.join(directory, name))


def _complete_swap(files: Files, directory: str, offset: int, logs: set[int], remarks: list[str]) -> None:
    """Put a compacted segment in the place of those it covers. One that is damaged is left alone, with a remark."""
    path = os.path.join(directory, layout.segment_file_name(offset, layout.LOG))
    try:
        next_offset = _end_of(files, path + layout.SWAP, offset)
    except DamagedBatch as damage:
        remarks.append(f"{path}{layout.SWAP} is left alone: {damage}")
        return
    covered = [base for base in logs if offset <= base < max(next_offset, offset + 1)]
    for base in covered:
        _remove(files, directory, (layout.segment_file_name(base, suffix) for suffix in layout.SEGMENT_SUFFIXES))
        logs.discard(base)
    for suffix in (layout.INDEX, layout.TIME_INDEX):  # of the one before, or this one's: they are built again
        name = layout.segment_file_name(offset, suffix)
        _remove(files, directory, (name, name + layout.SWAP))
    transactions = os.path.join(directory, layout.segment_file_name(offset, layout.TRANSACTION_INDEX))
    if files.exists(transactions + layout.SWAP):
        files.rename(transactions + layout.SWAP, transactions)
    files.rename(path + layout.SWAP, path)
    logs.add(offset)


def _end_of(files: Files, path: str, next_offset: int) -> int:
    file = OpenFile(files, path, READ_ONLY)
    reader = HeaderReader(files, file, files.size(path))
    position = 0
    while position < reader.size_bytes:
        _, position, last_offset = reader.place(position)
        next_offset = last_offset + 1
    return next_offset


def _remove(files: Files, directory: str, names: Iterable[str]) -> None:
    for name in names:
        path = os.path.join(directory, name)
        if files.exists(path):
            files.unlink(path)
