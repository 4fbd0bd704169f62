"""What belongs to a log in memory beside its segments: the twins of `home`, `transaction_indexes` and `producer_snapshots`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pybroker.storage.epochs import EpochCache
from pybroker.storage.interface import AbortedTransaction, LogConfig
from pybroker.storage.memory_segment import MemorySegment
from pybroker.storage.producer_snapshots import SNAPSHOTS_KEPT
from pybroker.storage.snapshot_files import MemorySnapshots

DIRECTORY = "/memory"  # what a log directory is called where there is none: an absolute path, as clients expect


class AbortedInMemory:
    """Aborted transactions, by the base offset of the segment that holds their markers."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, list[AbortedTransaction]] = {}

    def of(self, base_offset: int) -> list[AbortedTransaction]:
        """Those of a segment."""
        return self._entries.get(base_offset, [])

    def add(self, base_offset: int, entry: AbortedTransaction) -> None:
        """Add one to those of a segment."""
        self._entries.setdefault(base_offset, []).append(entry)

    def replace(self, base_offset: int, entries: Sequence[AbortedTransaction]) -> None:
        """Let a segment have these."""
        if entries:
            self._entries[base_offset] = list(entries)
        else:
            self._entries.pop(base_offset, None)

    @property
    def waits_for(self) -> str | None:
        """Nothing ever waits."""
        return None

    @property
    def has_unsynced(self) -> bool:
        """Nothing outlives the process."""
        return False

    def renew(self, base_offsets: Sequence[int], entries: Iterable[AbortedTransaction]) -> None:
        """Nothing is ever in doubt."""

    def seal(self, base_offsets: Sequence[int]) -> None:
        """Nobody comes after."""


class SnapshotsInMemory:
    """Producer snapshots, by their offsets."""

    __slots__ = ("_contents",)

    def __init__(self) -> None:
        self._contents: dict[int, bytes] = {}

    def write(self, offset: int, content: bytes) -> None:
        """Keep this one and the one before it."""
        self._contents[offset] = content
        for old in sorted(self._contents, reverse=True)[SNAPSHOTS_KEPT:]:
            del self._contents[old]

    def up_to(self, end_offset: int) -> Iterator[tuple[int, bytes]]:
        """Those at or before an offset, newest first."""
        for offset in sorted(self._contents, reverse=True):
            if offset <= end_offset:
                yield offset, self._contents[offset]

    def drop_after(self, end_offset: int) -> None:
        """Remove those of what is no longer in the log."""
        for offset in [offset for offset in self._contents if offset > end_offset]:
            del self._contents[offset]


class MemoryHome:
    """What belongs to a log beside its segments."""

    __slots__ = ("_aborted_of_cleaned", "_metadata_snapshots", "aborted", "directory", "parent", "snapshots", "topic_id")

    def __init__(self, topic_id: bytes) -> None:
        self.topic_id = topic_id
        self.parent = self.directory = DIRECTORY
        self._metadata_snapshots: MemorySnapshots | None = None
        self.snapshots = SnapshotsInMemory()
        self.aborted = AbortedInMemory()
        self._aborted_of_cleaned: dict[int, Sequence[AbortedTransaction]] = {}

    def adopt(self, topic_id: bytes) -> None:
        """Say anew whose the log is."""
        self.topic_id = topic_id

    def snapshot_files(self) -> MemorySnapshots:
        """Snapshots of the metadata, if this is the metadata log."""
        if self._metadata_snapshots is None:
            self._metadata_snapshots = MemorySnapshots()
        return self._metadata_snapshots

    def create_segment(self, base_offset: int, config: LogConfig, created_ms: int | None) -> MemorySegment:
        """A new, empty segment."""
        return MemorySegment(base_offset, created_ms)

    def discard(self, segment: MemorySegment, delay_ms: int) -> None:
        """Who still reads holds the bytes itself."""
        self.aborted.replace(segment.base_offset, ())

    def sync_directory(self) -> None:
        """Nothing outlives the process."""

    def create_cleaned(self, base_offset: int, config: LogConfig) -> MemorySegment:
        """A segment that nobody knows of yet."""
        return MemorySegment(base_offset, None)

    def secure_cleaned(self, segment: MemorySegment, aborted: Sequence[AbortedTransaction]) -> None:
        """Nothing outlives the process; the index waits for its segment to take its place."""
        self._aborted_of_cleaned[segment.base_offset] = aborted

    def put_in_place(self, segment: MemorySegment) -> None:
        """What it replaces was discarded, with its index."""
        self.aborted.replace(segment.base_offset, self._aborted_of_cleaned.pop(segment.base_offset, ()))

    def drop_cleaned(self, segment: MemorySegment) -> None:
        """Nobody knew of it."""
        self._aborted_of_cleaned.pop(segment.base_offset, None)

    def sync(self, epochs: EpochCache) -> None:
        """See `MemorySegment.flush`."""

    def write_snapshot(self, offset: int, content: bytes) -> None:
        """Keep the producers as of an offset."""
        self.snapshots.write(offset, content)
