"""Log lines about clients that misbehave: clear, and few, however many come."""

from __future__ import annotations

import logging

log = logging.getLogger("pybroker.server")

# A port scanner or a client with the wrong protocol retries for hours: this many lines in each window say enough.
_LINES = 5
_WINDOW_MS = 10_000


class Complaints:
    """Says why connections were closed or wait; what does not fit into the window is counted and told later."""

    __slots__ = ("_left", "_silent", "_window_end_ms")

    def __init__(self) -> None:
        self._window_end_ms = 0
        self._left = _LINES
        self._silent = 0

    def say(self, now_ms: int, message: str) -> None:
        if now_ms >= self._window_end_ms:
            self._open_window(now_ms)
        if not self._left:
            self._silent += 1
            return
        self._left -= 1
        log.warning("%s", message)

    def _open_window(self, now_ms: int) -> None:
        if self._silent:
            log.warning("%d more lines like these were left out", self._silent)
        self._window_end_ms = now_ms + _WINDOW_MS
        self._left = _LINES
        self._silent = 0
