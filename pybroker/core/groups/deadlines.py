"""Timers as data: a heap of times at which something is due, for a machine that never sleeps itself.

Theory: most deadlines are session timeouts, moved later by every heartbeat and hardly ever reached. So moving a deadline later only notes
the new time; the entry in the heap stays where it is, and when it comes up it is put back at the time that counts. `next_at` may therefore
name a time at which nothing is due, never one that is too late.
"""

from __future__ import annotations

from heapq import heappop, heappush

Key = tuple[str, str, str]


class Deadlines:
    """At most one deadline for each key (group id, what is due, member id or empty)."""

    __slots__ = ("_due", "_heap", "_queued")

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._queued: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, at_ms: int) -> None:
        """Make `key` due at `at_ms` and at no other time."""
        self._due[key] = at_ms
        queued = self._queued.get(key)
        if queued is None or at_ms < queued:
            self._queued[key] = at_ms
            heappush(self._heap, (at_ms, key))

    def cancel(self, key: Key) -> None:
        self._due.pop(key, None)

    def next_at(self) -> int | None:
        """When to look again, in milliseconds; None if nothing is set."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_ms: int) -> Key | None:
        """Take the earliest key that is due at `now_ms`, or None."""
        heap, queued = self._heap, self._queued
        while heap and heap[0][0] <= now_ms:
            at_ms, key = heappop(heap)
            if queued.get(key) != at_ms:
                continue
            del queued[key]
            due_ms = self._due.get(key)
            if due_ms is None:
                continue
            if due_ms <= now_ms:
                del self._due[key]
                return key
            queued[key] = due_ms
            heappush(heap, (due_ms, key))
        return None
