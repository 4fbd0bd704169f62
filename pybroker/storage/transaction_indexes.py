"""The transaction indexes of one log, one beside each segment that needs it, and what they were when the log was closed (`index_seals`).

Rules
- An entry is durable when the log is flushed. What a crash takes of an index is found again from the markers behind the last producer
  snapshot, so no snapshot may follow an entry that is not in its file.
- Entries that stay are not written anew, so what was durable of them stays so. A snapshot that a start would believe at once, for all
  before it is on the disk, waits until they are. All is written anew, durably, where an index is doubted.
- An entry that finds no room, or no descriptor, waits here and is read from here. Whoever writes a snapshot tries again before, and writes
  none if that fails.
- The seals go before an index is changed otherwise than by adding to it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from pybroker.storage import layout
from pybroker.storage.errors import ExhaustedError
from pybroker.storage.files import Files, storage_error
from pybroker.storage.index_seals import DOUBT, Seal, decode_seals, encode_seals, seal_of, why_not_believed
from pybroker.storage.interface import AbortedTransaction
from pybroker.storage.transaction_index import append_entry, encode_entries, read_entries, rewrite_entries


class TransactionIndexes:
    """Of the log in `directory`. Changed on one thread, while `sync` may run on another. An index is named by its segment's base offset."""

    __slots__ = ("_doubted", "_files", "_names_changed", "_present", "_seals", "_unsynced", "_waiting", "_why_waiting", "directory")

    def __init__(self, files: Files, directory: str) -> None:
        self.directory = directory
        self._files = files
        self._present: set[int] = set()  # those that may have a file
        self._unsynced: set[int] = set()
        self._names_changed = False
        self._waiting: list[tuple[int, AbortedTransaction]] = []
        self._why_waiting = ""
        self._doubted = False
        self._seals: dict[int, Seal] | None = None  # what the file says; None: it is not there, or says nothing

    def _path(self, base_offset: int) -> str:
        return os.path.join(self.directory, layout.segment_file_name(base_offset, layout.TRANSACTION_INDEX))

    def _seals_path(self) -> str:
        return os.path.join(self.directory, layout.TRANSACTION_INDEX_CHECKPOINT)

    # --- entries

    def of(self, base_offset: int) -> list[AbortedTransaction]:
        """What an index holds. Raises StorageError."""
        path = self._path(base_offset)
        try:
            entries = read_entries(self._files, path)
        except OSError as error:
            raise storage_error("read", path, error) from error
        return entries + [entry for base, entry in self._waiting if base == base_offset]

    def add(self, base_offset: int, entry: AbortedTransaction) -> None:
        """Add to an index, sooner or later. Raises StorageError."""
        self._present.add(base_offset)
        self._waiting.append((base_offset, entry))
        try:
            self.write_waiting()
        except ExhaustedError as error:
            self._why_waiting = str(error)

    @property
    def waits_for(self) -> str | None:
        """Why entries are not written yet; None: all are."""
        return self._why_waiting if self._waiting else None

    def write_waiting(self) -> None:
        """Write what found no room before. Raises StorageError; ExhaustedError if there still is none."""
        while self._waiting:
            base_offset, entry = self._waiting[0]
            path = self._path(base_offset)
            try:
                append_entry(self._files, path, entry)
            except OSError as error:
                raise storage_error("append to", path, error) from error
            del self._waiting[0]
            self._changed(base_offset)

    def replace(self, base_offset: int, entries: Sequence[AbortedTransaction]) -> None:
        """Let an index hold these; whatever else the file holds is dropped. Raises StorageError."""
        path, wanted = self._path(base_offset), encode_entries(entries)
        self._present.add(base_offset)
        content = self._content(base_offset)
        if content != wanted:
            self.drop_seals()
            try:
                rewrite_entries(self._files, path, content, wanted)
            except OSError as error:
                raise storage_error("write", path, error) from error
            self._changed(base_offset)
        self._forget_waiting(base_offset)

    def renew(self, base_offsets: Sequence[int], entries: Iterable[AbortedTransaction]) -> None:
        """Write the indexes of all segments anew, durably; the seals go last: a stop in between leaves the doubt. Raises StorageError."""
        grouped: dict[int, list[AbortedTransaction]] = {}
        for entry in entries:
            grouped.setdefault(base_offsets[max(0, bisect_right(base_offsets, entry.last_offset) - 1)], []).append(entry)
        for base_offset in base_offsets:
            if base_offset in grouped or base_offset in self._present:
                self._renew(base_offset, grouped.get(base_offset, []))
        try:
            self._files.fsync_directory(self.directory)
        except OSError as error:
            raise storage_error("sync", self.directory, error) from error
        self._waiting.clear()
        self._doubted = False
        self.drop_seals()

    def _renew(self, base_offset: int, entries: Sequence[AbortedTransaction]) -> None:
        self._present.add(base_offset)
        path = self._path(base_offset)
        try:
            if entries:
                self._files.replace_file(path, encode_entries(entries), sync_name=False)
            else:
                self._files.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("write", path, error) from error

    def took_place(self, base_offset: int) -> None:
        """A compacted segment brings its index with it. Called before that. Raises StorageError."""
        self.drop_seals()
        self._present.add(base_offset)

    def discarded(self, base_offset: int) -> None:
        """The segment went, and its index with it."""
        self._forget_waiting(base_offset)

    def _forget_waiting(self, base_offset: int) -> None:
        self._waiting = [waiting for waiting in self._waiting if waiting[0] != base_offset]

    def _changed(self, base_offset: int) -> None:
        self._unsynced.add(base_offset)
        self._names_changed = True

    def distrust(self, base_offsets: Iterable[int]) -> None:
        """The process before this one stopped without a word: what it wrote there may not be durable yet, and is with the next `sync`."""
        self._unsynced.update(base_offsets)

    @property
    def has_unsynced(self) -> bool:
        """Whether some entry may not be durable."""
        return bool(self._unsynced)

    def sync(self) -> bool:
        """Make what is written durable; whether names in the directory changed since the last time. Blocking. Raises OSError."""
        for base_offset in list(self._unsynced):
            self._unsynced.discard(base_offset)  # first: an entry may be added meanwhile
            try:
                self._files.fsync_file(self._path(base_offset))
            except FileNotFoundError:
                continue
            except OSError:
                self._unsynced.add(base_offset)
                raise
        if not self._names_changed:
            return False
        self._names_changed = False  # only if it was so: an entry may be added just now
        return True

    # --- what they were when the log was closed

    def doubts(self, present: Iterable[int], sealed: bool, ends: Mapping[int, int]) -> list[str]:
        """Why indexes are not believed, at a start. Raises StorageError.

        `present`: those that were found; `sealed`: whether seals were; `ends`: where segments that must be whole end, by base offset.
        """
        self._present.update(present)
        doubts = self._read_seals() if sealed else []
        seals = self._seals or {}
        for base_offset in sorted(set(ends) & (self._present | set(seals))):
            why = why_not_believed(self._content(base_offset), seals.get(base_offset), base_offset, ends[base_offset])
            doubts += [f"{self._path(base_offset)} is not believed: {why}"] if why is not None else []
        self._doubted |= bool(doubts)
        return doubts

    def note_doubt(self) -> None:
        """Where there are no seals: let the next starts doubt the indexes, until they are made anew. Raises StorageError."""
        self._doubted = True
        self._seals = {}
        try:
            self._files.replace_file(self._seals_path(), DOUBT)
        except OSError as error:
            raise storage_error("write", self._seals_path(), error) from error

    def _content(self, base_offset: int) -> bytes:
        """Empty if the file is not there."""
        path = self._path(base_offset)
        try:
            return self._files.read_file(path) if self._files.exists(path) else b""
        except OSError as error:
            raise storage_error("read", path, error) from error

    def _read_seals(self) -> list[str]:
        path = self._seals_path()
        try:
            self._seals = decode_seals(self._files.read_file(path))
        except ValueError as damage:
            self._seals = {}
            return [f"{path} says nothing of the transaction indexes: {damage}"]
        except OSError as error:
            raise storage_error("read", path, error) from error
        return []

    def drop_seals(self) -> None:
        """Before an index is written anew. Raises StorageError."""
        if self._seals is None:
            return
        try:
            with suppress(FileNotFoundError):
                self._files.unlink(self._seals_path())
        except OSError as error:
            raise storage_error("remove", self._seals_path(), error) from error
        self._seals = None
        self._names_changed = True

    def seal(self, base_offsets: Sequence[int]) -> None:
        """Say what the indexes are, durably; the log is closed. Not if nobody settled a doubt. Raises StorageError."""
        if self._doubted:
            return
        contents = {base_offset: self._content(base_offset) for base_offset in sorted(self._present.intersection(base_offsets))}
        seals = {base_offset: seal_of(content) for base_offset, content in contents.items() if content}
        if seals == (self._seals or {}):
            return
        try:
            self._files.replace_file(self._seals_path(), encode_seals(seals))
        except OSError as error:
            raise storage_error("write", self._seals_path(), error) from error
        self._seals = seals
