"""What was deleted and waits for `file.delete.delay.ms` before its space is given back, so that readers that began can end.

Nobody here knows the time when something is thrown away; its delay counts from the next look.
"""

from __future__ import annotations

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
        while self._due and self._due[0][0] <= now_ms:
            _, path = heappop(self._due)
            if not self._remove(path):
                heappush(self._due, (now_ms + RETRY_MS, path))
        return self._due[0][0] if self._due else None

    def _remove(self, path: str) -> bool:
        try:
            if self._files.is_directory(path):
                self._files.remove_tree(path)
            else:
                self._files.unlink(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True
