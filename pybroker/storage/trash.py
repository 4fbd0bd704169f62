"""What was deleted and waits for `file.delete.delay.ms` before its space is given back, so that readers that began can end.

Nobody here knows the time when something is thrown away; its delay counts from the next look.

A directory goes only when the name under which it waits is durable: else a power failure could bring it back under its own name, with some
of its files.
"""

from __future__ import annotations

import os
from collections import deque
from heapq import heappop, heappush

from pybroker.storage.files import Files

RETRY_MS = 60_000


class Trash:
    """Paths to be removed. `add` is safe beside `remove_due` on another thread."""

    __slots__ = ("_due", "_files", "_new")

    def __init__(self, files: Files) -> None:
        self._files = files
        self._new: deque[tuple[str, int]] = deque()
        self._due: list[tuple[int, str]] = []

    def add(self, path: str, delay_ms: int) -> None:
        """Remove a file, or a directory of files, after a time."""
        self._new.append((path, delay_ms))

    def remove_due(self, now_ms: int) -> int | None:
        """Remove what is due; returns when the next is, None if nothing waits. What cannot be removed is tried again later."""
        while self._new:
            path, delay_ms = self._new.popleft()
            heappush(self._due, (now_ms + delay_ms, path))
        synced: set[str] = set()
        while self._due and self._due[0][0] <= now_ms:
            _, path = heappop(self._due)
            if not self._remove(path, synced):
                heappush(self._due, (now_ms + RETRY_MS, path))
        return self._due[0][0] if self._due else None

    def _remove(self, path: str, synced: set[str]) -> bool:
        """Whether it is gone. `synced`: directories whose names are durable."""
        try:
            if self._files.is_directory(path):
                self._sync_names(os.path.dirname(path), synced)
                self._files.remove_tree(path)
            else:
                self._files.unlink(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _sync_names(self, path: str, synced: set[str]) -> None:
        """All that is due was renamed before, so once in a look is enough."""
        if path not in synced:
            self._files.fsync_directory(path)
            synced.add(path)
