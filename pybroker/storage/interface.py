"""The contract of storage: what a log and a store of logs offer, whatever they rest on.

Rules
- Storage knows bytes: batch headers, offsets, timestamps, leader epochs. Nothing here knows producers, groups or topics' settings
  beyond `LogConfig`.
- Every call is synchronous. Those that wait for a disk to settle say so ("blocking"); of them `flush`, `secure_cleaned`, and those of a
  store that say so are safe on a thread beside all else, and hold no lock that `append` or `read` need.
- A `Slice` stays readable until it is dropped, even if its segment is deleted meanwhile.
- Offsets are assigned by the caller. `append` checks only that they grow.
- Bad bytes at rest never keep a log from being opened: it is cut at the first bad batch and the `RecoveryReport` says what was cut.
- A call that raises `ExhaustedError` did nothing and may be made again. After any other `StorageError` of a call that changes something the
  log takes no more; after that of one that reads, its caller decides (Kafka: LogDirFailureChannel).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pybroker.records.batch import BatchHeader
from pybroker.storage.errors import StorageError
from pybroker.wire.buffers import Buffer


class DirectoryInfo(NamedTuple):
    """One log directory: its absolute path, its id (KIP-858; 16 bytes, zero if it could not be read), and why it is offline.

    `failure` is None as long as it is used.
    """

    path: str
    directory_id: bytes
    failure: str | None = None


class UnopenedLog(NamedTuple):
    """A log that lies in a directory and could not be opened. `topic_id`: zero if not even that could be read."""

    path: str
    topic_id: bytes
    reason: str


class LostEnd(NamedTuple):
    """A log of which less is there than the recovery point in `directory` said to be on disk; `end_offset` None: nothing at all."""

    directory: str
    topic: str
    partition: int
    known_offset: int
    end_offset: int | None


class LogConfig(NamedTuple):
    """What a log must know of its topic's settings (Kafka's LogConfig, the part that concerns bytes)."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 24 * 3600 * 1000
    segment_jitter_ms: int = 0
    index_interval_bytes: int = 4096
    segment_index_bytes: int = 10 << 20
    file_delete_delay_ms: int = 60_000


class Slice(Protocol):
    """Record bytes at rest, in order, ready to be sent. `len()` is their size."""

    def __len__(self) -> int: ...

    def read(self) -> bytes:
        """All bytes of the slice in one object."""
        ...

    def buffers(self) -> Sequence[Buffer]:
        """The bytes as they lie in memory; a file slice has none (see `storage.slices.FileSlice`: `fileno()`, `position`)."""
        ...


class TimestampOffset(NamedTuple):
    """A record found by its time: milliseconds, offset, and the leader epoch of its batch."""

    timestamp: int
    offset: int
    leader_epoch: int


class EpochEnd(NamedTuple):
    """The largest leader epoch that is not above the one asked for, and the offset where the next one starts."""

    leader_epoch: int
    end_offset: int


class SegmentInfo(NamedTuple):
    """One segment, as retention sees it: its offsets (`next_offset`: where the next one begins), size, largest timestamp (-1: none)."""

    base_offset: int
    next_offset: int
    size_bytes: int
    max_timestamp: int


class Extent(NamedTuple):
    """One segment, as the cleaner sees it: where it begins, where the next one does, its size."""

    base_offset: int
    next_offset: int
    size_bytes: int


class CleanedSegment(Protocol):
    """A segment that compaction writes beside those it will replace. Nobody reads it before it is in their place."""

    size_bytes: int

    def append_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]]) -> None:
        """Write batches at the end. Raises StorageError, ExhaustedError."""
        ...


class AbortedTransaction(NamedTuple):
    """From its first record to its marker (`last_offset`), and the last stable offset that the marker left."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class RecoveryReport(NamedTuple):
    """What opening a log found: how many bytes were scanned, and why and where it was cut (`None`: it was whole).

    `doubts_aborted`: the transaction indexes may lack something, and must be made anew from the markers.
    `remarks`: one sentence each about anything else that a person should know (a file that does not belong there, a damaged checkpoint).
    """

    scanned_bytes: int
    cut_bytes: int = 0
    cut_reason: str | None = None
    remarks: tuple[str, ...] = ()
    doubts_aborted: bool = False


class Log(Protocol):
    """The batches of one partition."""

    topic: str
    partition: int
    config: LogConfig

    @property
    def directory(self) -> str:
        """The path of the log directory (`DirectoryInfo.path`) that the log lies in, or will."""
        ...

    @property
    def topic_id(self) -> bytes:
        """16 bytes; all zero if `partition.metadata` was lost (the log store's `create` gives it a new one)."""
        ...

    @property
    def log_start_offset(self) -> int: ...

    @property
    def log_end_offset(self) -> int: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def active_base_offset(self) -> int:
        """Where the active segment begins. It moves when an append rolls, so a writer sees that it did."""
        ...

    def segments(self) -> Sequence[SegmentInfo]:
        """All segments in order; the last is the active one. `raise_log_start_offset(next_offset)` drops one and those before it."""
        ...

    def extents(self) -> Sequence[Extent]:
        """All segments in order, the active one last, without looking into them."""
        ...

    def segment_times(self, base_offset: int) -> tuple[int, int]:
        """The time of the first batch of a segment, and its largest timestamp; ms, -1: none."""
        ...

    def begin_cleaned(self, base_offset: int) -> CleanedSegment:
        """A new segment beside the one that begins at `base_offset`. Ends with `replace` or `drop_cleaned`."""
        ...

    def secure_cleaned(self, cleaned: CleanedSegment, aborted: Sequence[AbortedTransaction] = ()) -> None:
        """Make a cleaned segment complete and durable, with the aborted transactions whose markers it holds, and say so by its name.

        All other segments but the active one are made durable before: no record goes before the one that supersedes it is safe.
        Blocking, safe beside all else. Raises StorageError.
        """
        ...

    def replace(self, cleaned: CleanedSegment, replaced: Sequence[Extent]) -> bool:
        """Put a secured segment in the place of those. False, and it is dropped, if they are no longer there as they were."""
        ...

    def drop_cleaned(self, cleaned: CleanedSegment) -> None:
        """Forget a cleaned segment."""
        ...

    @property
    def recovery_point(self) -> int:
        """The first offset that is not known to be on disk."""
        ...

    @property
    def recovery(self) -> RecoveryReport: ...

    def append(self, batch: Buffer, header: BatchHeader, now_ms: int) -> None:
        """Write one batch (v2, offsets and epoch already patched in, `header` agreeing) at the end, rolling the segment first if it must.

        One write call on the hot path. Also maintains the sparse indexes and the leader-epoch cache (`header.partition_leader_epoch`).
        Raises `ExhaustedError` (nothing is written) or `StorageError`.
        """
        ...

    def read(self, offset: int, max_bytes: int, upper_offset: int, min_one_batch: bool) -> Slice | None:
        """Whole batches from the one that holds `offset`, none at or above `upper_offset`, of one segment.

        At most `max_bytes`, except that with `min_one_batch` the first comes whole. None if nothing fits. `offset` lies in
        [log_start_offset, log_end_offset].
        """
        ...

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """Headers from the batch that holds `from_offset` to the end, with their bytes: for replay. May be slow. Raises DamagedBatch."""
        ...

    def batches_beside_damage(self) -> Iterator[tuple[BatchHeader, Slice] | None]:
        """As `batches`, of all the log, where it is damaged: None for each stretch in which no batch can be read."""
        ...

    def offset_for_timestamp(self, timestamp: int, upper_offset: int) -> TimestampOffset | None:
        """The first record whose timestamp is at least `timestamp` (ListOffsets), reading records."""
        ...

    def max_timestamp(self, upper_offset: int) -> TimestampOffset | None:
        """The first record that has the largest timestamp (ListOffsets -3, KIP-734), as long as its segment is there.

        As in Kafka that record may lie before the log's start, where nobody can read it.
        """
        ...

    def end_of_epoch(self, leader_epoch: int) -> EpochEnd | None:
        """For OffsetForLeaderEpoch (KIP-101, KIP-279). None if the epoch is unknown. The latest epoch ends at log_end_offset."""
        ...

    @property
    def latest_epoch(self) -> int | None: ...

    def assign_epoch(self, leader_epoch: int, start_offset: int) -> None:
        """Note that a leader epoch starts at an offset, without a batch (what a new leader does)."""
        ...

    def epoch_at(self, offset: int) -> int:
        """The leader epoch that wrote `offset`; -1 if unknown."""
        ...

    def raise_log_start_offset(self, offset: int) -> None:
        """DeleteRecords and retention: forget what lies before `offset`; whole segments go, their files after a delay."""
        ...

    def truncate_to(self, offset: int) -> None:
        """Drop everything from `offset` on, durably. Blocking.

        `LogStore.checkpoint` must follow before the next append: a recovery point beyond the new end would keep what is appended from
        being checked after a crash (Kafka: LogManager.truncateTo).
        """
        ...

    def roll(self, now_ms: int) -> None:
        """Close the active segment and start a new one at log_end_offset, if the active one holds anything."""
        ...

    def create(self, now_ms: int) -> None:
        """Make directory and first segment at once, durably; else the first append makes them. Blocking."""
        ...

    def flush(self) -> int:
        """Make all that is written durable; returns the new recovery point. Blocking, safe beside `append` on another thread."""
        ...

    def add_aborted(self, entry: AbortedTransaction) -> None:
        """Keep an aborted transaction in the index (`.txnindex`) of the segment that holds its marker, in the order of markers."""
        ...

    @property
    def aborted_wait_for(self) -> str | None:
        """Why aborted transactions are kept in memory only, where no space is left or no descriptor; None: all are in the indexes."""
        ...

    def aborted(self, from_offset: int = 0) -> Iterator[AbortedTransaction]:
        """What the transaction indexes hold, in order, from the segment of an offset on.

        After an unclean stop, only what lies before the recovery point can be relied on.
        """
        ...

    def renew_aborted(self, entries: Iterable[AbortedTransaction]) -> None:
        """Write all transaction indexes anew. Raises StorageError."""
        ...

    def forget_aborted(self, from_offset: int) -> None:
        """Drop the entries whose marker lies at or after `from_offset`."""
        ...

    def settle_aborted(self, from_offset: int, entries: Sequence[AbortedTransaction]) -> None:
        """Let the indexes hold these of the markers at or after `from_offset`: all that there are. What says so already stays as it is."""
        ...

    def write_producer_snapshot(self, offset: int, content: bytes) -> None:
        """Keep `<offset>.snapshot` (Kafka's ProducerStateManager format, made by core) and drop older ones but the last two."""
        ...

    def producer_snapshots(self) -> Iterator[tuple[int, bytes]]:
        """Snapshots at or before log_end_offset, newest first. Content unchecked."""
        ...


class FutureLog(Log, Protocol):
    """A copy of a log that is made in another directory, to take its place (KIP-113). Nobody reads it; who copies is its only writer."""

    def copy_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]], segment_base: int) -> None:
        """Write batches at the end, in a segment that begins where it does in the original. Raises StorageError, ExhaustedError.

        Blocking if they are many; safe on a thread, for nobody else writes.
        """
        ...

    def skip_to(self, offset: int) -> None:
        """End at an offset, in a new segment: the original has no batch between. Raises StorageError, ExhaustedError."""
        ...


class Owner(NamedTuple):
    """What the metadata says of a partition: its topic's id (zero: any), and the log directory it lies in (None: none that is there)."""

    topic_id: bytes
    directory: str | None = None


OwnerOf = Callable[[str, int], Owner | None]
"""By topic and partition; None: there is no such partition."""


class Moved(NamedTuple):
    """A log that lies in another directory now, and why what it was before could not be taken away there (None: it was)."""

    log: Log
    leftover: str | None = None


class LogStore(Protocol):
    """All logs of one broker, by topic and partition; on disk: one or more Kafka log directories, locked.

    `high_watermarks`: what `replication-offset-checkpoint` said when the store was opened. `cleaner_offsets`: up to where logs are
    compacted (`cleaner-offset-checkpoint`). `unopened`: logs that lie there and could not be opened; no other takes their place.
    `lost`: what was not there any more. If the log is gone as a whole, only the metadata can tell whether it should be there.
    """

    cluster_id: str
    node_id: int

    @property
    def high_watermarks(self) -> dict[tuple[str, int], int]: ...

    @property
    def cleaner_offsets(self) -> dict[tuple[str, int], int]: ...

    @property
    def unopened(self) -> dict[tuple[str, int], UnopenedLog]: ...

    @property
    def lost(self) -> Sequence[LostEnd]: ...

    def settle(self, owner_of: OwnerOf) -> Sequence[str]:
        """Decide once, before logs are used, what only the metadata tells; returns what to tell a person.

        Logs of topics that are no more are put aside (`-stray`). A copy whose log is away takes its place if the metadata says that the
        partition lies where the copy does.
        """
        ...

    def is_in_the_way(self, topic: str) -> bool:
        """Whether what is said of logs of that topic that went (deleted, moved) may have to be taken back before there is a new one."""
        ...

    def make_way(self) -> None:
        """Take it back, durably, for all logs that went: then `create`, a first append and `begin_move` wait for no disk because of them.

        Blocking, safe beside all else. Raises StorageError: then they try again, and wait.
        """
        ...

    def directories(self) -> Sequence[DirectoryInfo]:
        """The log directories in the order they were given, the offline ones too. One of a store in memory."""
        ...

    def space(self, path: str) -> tuple[int, int]:
        """Total and usable bytes of the volume that a directory lies on. Blocking. Raises StorageError."""
        ...

    def probe(self, path: str) -> str | None:
        """Whether a directory can still be written to: None, or why not. A full one can. Blocking."""
        ...

    def fail_directory(self, path: str, reason: str) -> Sequence[Log]:
        """Use a directory no more until the next start; returns the logs in it, which are forgotten (their files stay).

        Copies in it are forgotten, too; one of a log that lay there is kept where it is, for the next start.
        """
        ...

    def logs(self) -> Iterator[Log]:
        """The logs found when the store was opened, and those created since."""
        ...

    def create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory: str | None = None) -> Log:
        """A log that is empty. Nothing is written before its first append (directory, `partition.metadata`, segment then).

        It goes into `directory` if that is online, else into the one with the fewest. A log that was found without a topic id is given
        this one. Any other that exists: ValueError. Raises StorageError.
        """
        ...

    def get(self, topic: str, partition: int) -> Log | None: ...

    def delete(self, log: Log) -> None:
        """Rename away and delete after `file_delete_delay_ms` (Kafka's `<name>.<uuid>-delete`)."""
        ...

    def put_aside(self, topic: str, partition: int) -> Sequence[str]:
        """Call what lies there of a partition otherwise (`-stray`), opened or not, and use it no more; returns what to tell a person.

        So goes what is not known to be deleted: its files stay.
        """
        ...

    def delete_unopened(self, topic: str, partition: int) -> None:
        """`delete`, of one that could not be opened. Raises StorageError."""
        ...

    def future(self, topic: str, partition: int) -> FutureLog | None:
        """The copy of a log that is being made, be it by a process that stopped meanwhile."""
        ...

    def begin_move(self, log: Log, directory: str) -> FutureLog:
        """Begin a copy of a log in another directory (Kafka's `<name>.<uuid>-future`). Raises StorageError."""
        ...

    def secure_moves(self, moves: Sequence[tuple[Log, FutureLog]]) -> Sequence[StorageError | None]:
        """Make copies durable, with what the checkpoints of their directories must say of them; what went wrong with each.

        Blocking. What was given up or deleted meanwhile may be among them. UnreadableError: it is the log that cannot be read.
        """
        ...

    def finish_move(self, log: Log) -> Moved | None:
        """Put a copy that is complete in the place of the log, which is deleted; None if it cannot be just now.

        Raises UnreadableError if it is the log that fails, StorageError if it is the copy.

        It cannot if batches are missing, a flush of the log is under way, or the copy has to be flushed (once more). After an error the
        log is where it was.
        """
        ...

    def drop_move(self, log: Log) -> None:
        """Give up the copy. Raises StorageError if its files cannot be taken away."""
        ...

    def delete_expired(self, now_ms: int) -> int | None:
        """Remove what was renamed away (logs, segments) and is due; returns the time of the next, or None. Blocking, safe beside all else.

        The delay of a thing counts from the first call after it was renamed away.
        """
        ...

    def checkpoint(self, high_watermarks: dict[tuple[str, int], int]) -> None:
        """Flush segments that no longer change, then write recovery-point-, log-start- and replication-offset-checkpoint. Blocking.

        What fails keeps nothing else from being written. Raises StorageError: the first, but a full disk only if nothing worse failed.
        """
        ...

    def checkpoint_cleaner(self, log: Log, offset: int) -> None:
        """Keep that a log is compacted up to an offset. Blocking; one call at a time. Raises StorageError.

        Before the first compaction of a log too (up to its start): a log of which this was never said has no gaps (see `recovery`).
        """
        ...

    def abandon(self) -> None:
        """Let go of everything and write nothing, as if the process had died."""
        ...

    def close(self, high_watermarks: dict[tuple[str, int], int]) -> Sequence[StorageError]:
        """Flush everything, write checkpoints and `.kafka_cleanshutdown`, release the lock.

        Returns what failed in directories other than that of the metadata log. Raises StorageError: that failed, or there is none.
        """
        ...
