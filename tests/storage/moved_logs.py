"""Logs that are moved by hand, on disks that stop or refuse, and what is in their directories afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pybroker.storage.files import Files
from pybroker.storage.interface import AbortedTransaction

Append = Callable[..., bytes]
Open = Callable[..., Any]
KEY = ("t", 0)
TOPIC_ID = bytes(range(16))


class Stubborn(Files):
    """Takes no log away, and puts none aside."""

    refused = ("-delete", "-stray")

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
        if target.endswith(self.refused) and not source.endswith("-future"):
            raise PermissionError(1, "Operation not permitted", source)
        os.replace(source, target)


def copy(log: Any, future: Any, pieces: int = 10**9) -> None:
    """Copy so many batches of what the copy lacks, one at a time, each into the segment it comes from."""
    bases = [extent.base_offset for extent in log.extents()]
    start = max(future.log_end_offset, log.log_start_offset)
    for number, (header, piece) in enumerate(log.batches(start)):
        if number == pieces:
            return
        if header.base_offset >= start:
            base = max(base for base in bases if base <= header.base_offset)
            future.copy_batches([(memoryview(piece.read()), header)], base)
    if pieces > 10**6:
        future.skip_to(log.log_end_offset)


def secure(store: Any, log: Any) -> None:
    """Make the copy durable."""
    assert store.secure_moves([(log, store.future(log.topic, log.partition))]) == [None]


def move(store: Any, log: Any, directory: str) -> Any:
    """Move a log, whole."""
    future = store.begin_move(log, directory)
    copy(log, future)
    secure(store, log)
    return store.finish_move(log).log


def contents(log: Any) -> list[bytes]:
    """The bytes of each batch."""
    return [piece.read() for _, piece in log.batches(log.log_start_offset)]


def directories_of(paths: list[str], prefix: str = "t-0") -> list[list[str]]:
    """What is called after the log in each directory, by its kind."""
    return [sorted(name.rpartition("-")[2] for name in os.listdir(path) if name.startswith(prefix)) for path in paths]


def aborted(last_offset: int) -> AbortedTransaction:
    """A transaction that ended there."""
    return AbortedTransaction(7, 0, last_offset, last_offset + 1)
