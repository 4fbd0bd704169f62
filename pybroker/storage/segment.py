"""One segment on disk: a file of batches, a sparse index by offset and one by time.

Theory of operation
- The active segment is written at its end only, one call a batch (O_APPEND); its indexes live in memory and reach their files when it is
  sealed (rolled, closed). A sealed segment loads them when somebody first asks, and lets go of them with its file (`FilePool`).
- A position is found from the nearest index entry by walking over headers. Who reads on where the last read ended needs neither: ends of
  reads are remembered (`_positions`), and so is the last batch, which those at the end of the log ask for.
- An index entry is believed only if the batch at its position ends at its offset; else both indexes are built anew from the log.

(Kafka: LogSegment.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from pybroker.records.batch import BatchHeader
from pybroker.storage import layout
from pybroker.storage.contents import batches_beside_damage, batches_from
from pybroker.storage.errors import StorageError
from pybroker.storage.files import FilePool, Files, OpenFile
from pybroker.storage.headers import DamagedBatch, HeaderReader, find_last, headers_from, tail_fits
from pybroker.storage.index_files import Indexes, drop_indexes, flush_indexes
from pybroker.storage.interface import LogConfig, Slice
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.rolling import UNKNOWN
from pybroker.storage.scan import MAX_RELATIVE_OFFSET, Scan, scan_file
from pybroker.storage.segment_file import SegmentFile
from pybroker.storage.slices import FileSlice
from pybroker.storage.time_index import TimeIndex
from pybroker.storage.times import batches_of_time
from pybroker.wire.buffers import Buffer

NOWHERE = 2**63 - 1
REMEMBERED_POSITIONS = 64  # consumers that read one segment at different places without walking


class DiskSegment:
    """See the module. `next_offset` is where the log goes on: for a sealed segment, the base offset of the next."""

    largest_forgotten = None  # see `times.Timed`: the file keeps its bytes until the segment goes

    __slots__ = (
        "__weakref__",
        "_damage",
        "_files",
        "_pool",
        "_positions",
        "_tail_from",
        "_tail_position",
        "_unindexed_bytes",
        "_write",
        "base_offset",
        "created_ms",
        "flushed_bytes",
        "gone",
        "index_interval_bytes",
        "indexes",
        "indexes_flushed",
        "indexes_written",
        "max_index_bytes",
        "max_offset",
        "max_timestamp",
        "max_timestamp_offset",
        "next_offset",
        "on_disk",
        "open_file",
        "roll_after",
        "sealed",
        "size_bytes",
    )

    def __init__(self, files: Files, pool: FilePool, directory: str, base_offset: int, config: LogConfig, created_ms: int | None) -> None:
        self._files = files
        self._pool = pool
        self._write = files.write
        self.on_disk = SegmentFile(files, directory, base_offset)
        self.base_offset = base_offset
        self.created_ms = created_ms
        self.open_file: OpenFile | None = None
        self.sealed = False
        self.gone = False
        self.flushed_bytes = 0
        self.configure(config)
        self._begin()

    def _begin(self) -> None:
        """State of a segment without batches."""
        self.size_bytes = 0
        self.next_offset = self.base_offset
        self.indexes: Indexes | None = Indexes(OffsetIndex(), TimeIndex())
        self.max_timestamp = -1
        self.max_timestamp_offset = self.base_offset
        self.max_offset = self.base_offset + MAX_RELATIVE_OFFSET
        self.roll_after = UNKNOWN
        self.indexes_written = self.indexes_flushed = False
        self._unindexed_bytes = 0
        self._tail_from = NOWHERE
        self._tail_position = 0
        self._positions: dict[int, int] = {}
        self._damage: str | None = None

    def configure(self, config: LogConfig) -> None:
        """Take the sizes of index entries and of indexes; whatever was computed from the configuration is forgotten."""
        self.index_interval_bytes = config.index_interval_bytes
        self.max_index_bytes = config.segment_index_bytes
        self.roll_after = UNKNOWN

    # --- files

    def path(self, suffix: str = layout.LOG) -> str:
        """The path of the segment's file of that kind."""
        return self.on_disk.path(suffix)

    def move_to(self, directory: str) -> None:
        """The directory has another name now; what is open stays so."""
        self.on_disk.directory = directory
        if self.open_file is not None:
            self.open_file.path = self.path()

    def create(self) -> None:
        """Make the file, empty. Raises OSError."""
        self._opened(self.on_disk.create())

    def file(self) -> OpenFile:
        """The open file, opened if need be. Raises StorageError."""
        file = self.open_file
        if file is None:
            file = self.on_disk.open(to_write=not self.sealed)
            if not self.sealed:
                self.on_disk.check_end(self.size_bytes)
            self._opened(file)
        file.recent = True
        return file

    def _opened(self, file: OpenFile) -> OpenFile:
        self._pool.add(self, file)
        self.open_file = file
        return file

    def _headers(self) -> HeaderReader:
        """Raises StorageError."""
        return HeaderReader(self._files, self.file(), self.size_bytes)

    def let_go(self) -> None:
        """Close the file, unless a slice holds it, and forget what can be read again."""
        self.open_file = None
        if self.sealed and self.indexes_written:
            self.indexes = None

    # --- writing

    def append(self, batch: Buffer, size_bytes: int, last_offset: int, timestamp: int) -> None:
        """Write a batch at the end; all or nothing. Raises StorageError, ExhaustedError."""
        file = self.open_file
        if file is None:
            file = self.file()
        file.recent = True
        try:
            written = self._write(file.fd, batch)
            if written != size_bytes:
                self._write_rest(file.fd, memoryview(batch)[written:])
        except OSError as error:
            self.on_disk.take_back(file, self.size_bytes, error)
        self.note(size_bytes, last_offset, timestamp)

    def append_batches(self, batches: Sequence[tuple[Buffer, BatchHeader]]) -> None:
        """Write batches, whose headers say where and when, with one call. Raises StorageError, ExhaustedError."""
        file = self.file()
        try:
            self._write_rest(file.fd, memoryview(b"".join(batch for batch, _ in batches)))
        except OSError as error:
            self.on_disk.take_back(file, self.size_bytes, error)
        for batch, header in batches:
            self.note(len(batch), header.last_offset, header.max_timestamp)

    def _write_rest(self, fd: int, rest: memoryview) -> None:
        while rest:
            rest = rest[self._write(fd, rest) :]

    def note(self, size_bytes: int, last_offset: int, timestamp: int) -> None:
        """Take in that a batch lies at the end now: indexes, sizes, the largest timestamp."""
        position = self.size_bytes
        if timestamp > self.max_timestamp:
            self.max_timestamp = timestamp
            self.max_timestamp_offset = last_offset
        if self._unindexed_bytes > self.index_interval_bytes:
            self._add_index_entries(last_offset, position)
        self._unindexed_bytes += size_bytes
        self._tail_from = self.next_offset
        self._tail_position = position
        self.next_offset = last_offset + 1
        self.size_bytes = position + size_bytes
        self.indexes_written = False

    def _add_index_entries(self, last_offset: int, position: int) -> None:
        indexes = self.indexes
        assert indexes is not None
        indexes.offsets.append(last_offset - self.base_offset, position)
        indexes.times.maybe_append(self.max_timestamp, self.max_timestamp_offset - self.base_offset)
        self._unindexed_bytes = 0
        self._look_for_room()

    def _look_for_room(self) -> None:
        """If an index is full no further offset fits: the log rolls. Not from an empty segment: the next one would have its name."""
        if self.size_bytes and self.indexes is not None and self.indexes.are_full(self.max_index_bytes):
            self.max_offset = -1

    def seal(self) -> None:
        """No batch follows: the indexes go to their files."""
        self.sealed = True
        self.write_indexes()

    def precede(self, next_offset: int) -> None:
        """A segment that was found on disk is followed by one that begins at `next_offset`, be it after a gap."""
        self.sealed = True
        self.next_offset = next_offset
        self._tail_from = NOWHERE

    def write_indexes(self) -> None:
        """Write both indexes if their files do not say the same. Failing is no error: without its files an index is built from the log."""
        if self.indexes_written or self.indexes is None:
            return
        if self.max_timestamp >= 0:
            self.indexes.times.maybe_append(self.max_timestamp, self.max_timestamp_offset - self.base_offset)
        if self.indexes.write(self._files, self.path):
            self.indexes_flushed = False
            self.indexes_written = True

    def flush(self) -> int:
        """Make the bytes written so far durable, with the indexes if they are complete; returns how many. Raises StorageError.

        Safe beside `append` on another thread: it shares no more than the file. The caller notes `flushed_bytes`.
        """
        size_bytes = self.size_bytes
        if self.gone:
            return size_bytes
        try:
            if size_bytes > self.flushed_bytes:
                self.on_disk.sync(self.open_file or self.on_disk.open(to_write=False))
            if self.indexes_written and not self.indexes_flushed:
                flush_indexes(self._files, self.path)
                self.indexes_flushed = True
        except StorageError:
            if not self.gone:
                raise
        return size_bytes

    def truncate_to(self, offset: int) -> None:
        """Drop the batch that holds `offset` and all that follow, durably; the segment is the active one then. Raises StorageError."""
        position = self.locate(offset)
        self.sealed = False
        self.open_file = None
        self.on_disk.truncate(self.file(), position)
        drop_indexes(self._files, self.path)
        self.flushed_bytes = min(self.flushed_bytes, position)
        self.rebuild(position)

    def free_before(self, offset: int) -> None:
        """The file keeps its bytes until the segment goes."""

    # --- opening what lies on disk

    def open_existing(self, size_bytes: int) -> None:
        """Take a file that is there as it is; nothing is read before somebody asks (or `find_end` does)."""
        self._begin()
        self.size_bytes = self.flushed_bytes = size_bytes
        self.indexes_written = self.indexes_flushed = True
        self.indexes = None

    def find_end(self) -> bool:
        """Prepare to write on after a clean stop: read the end of the segment. False if anything looks wrong. Raises StorageError."""
        try:
            last = self.load_indexes(doubt=False).offsets.last()
            file = self.open_file or self._opened(self.on_disk.open(to_write=not self.sealed))
            reader = HeaderReader(self._files, file, self.size_bytes)
            position = self._checked(reader, last)
            self._unindexed_bytes = self.size_bytes - position
            self._look_for_room()
            if self.size_bytes:
                self._tail_from, self._tail_position, self.next_offset = find_last(reader, position, self.base_offset)
        except DamagedBatch:
            return False
        return True

    def load_indexes(self, *, doubt: bool = True) -> Indexes:
        """Read the index files, compared with the end of the log, or build both indexes from the log. Raises StorageError."""
        if self.indexes is None:
            self.indexes = Indexes.read(self._files, self.path, self.size_bytes)
            last = self.indexes.times.last() if self.indexes is not None else None
            if last is not None:
                self.max_timestamp, self.max_timestamp_offset = last[0], self.base_offset + last[1]
            if self.indexes is None or (last is not None and doubt and not self._fit(self.indexes)):
                self.rebuild(self.size_bytes)
        assert self.indexes is not None
        return self.indexes

    def _fit(self, indexes: Indexes) -> bool:
        """Whether they tell of the batch with the largest timestamp and of the last batches: they may be those of a shorter segment."""
        with suppress(DamagedBatch):
            reader = self._headers()
            if reader.header(self.locate(self.max_timestamp_offset)).max_timestamp != self.max_timestamp:
                return False
            return tail_fits(reader, self._checked(reader, indexes.offsets.last()), self.index_interval_bytes, self.max_timestamp)
        return False

    def rebuild(self, size_bytes: int) -> None:
        """Build the indexes, and all else that is kept in memory, from the first `size_bytes` of the log.

        Raises StorageError if they cannot be read, or if the segment is to be written on and they are not all batches: then all stays as
        it was, for the log ends where the file does.
        """
        if self._damage is not None:
            raise DamagedBatch(self._damage)
        scan = self._scan(size_bytes)
        if scan.reason is not None and not self.sealed:
            self._damage = f"{self.path()} is damaged at byte {scan.sound_bytes}: {scan.reason}"
            raise DamagedBatch(self._damage)
        self._take(scan, size_bytes)

    def recover(self, size_bytes: int) -> Scan:
        """Read the segment from its first byte, note each sound batch, and stop at the first that is not.

        Cuts nothing, so of a segment that is to be written on `cut` must follow. Raises StorageError only if the file cannot be read.
        """
        scan = self._scan(size_bytes)
        self._take(scan, size_bytes)
        return scan

    def _scan(self, size_bytes: int) -> Scan:
        return scan_file(self._files, self.file(), size_bytes, self.base_offset, self.index_interval_bytes)

    def _take(self, scan: Scan, size_bytes: int) -> None:
        next_offset = self.next_offset
        self._begin()
        self.indexes = Indexes(scan.index, scan.time_index)
        self.max_timestamp, self.max_timestamp_offset = scan.max_timestamp, scan.max_timestamp_offset
        self._unindexed_bytes = scan.unindexed_bytes
        if self.sealed:
            self.size_bytes = size_bytes
            self.precede(max(next_offset, scan.next_offset))
            self.write_indexes()
        else:
            self.size_bytes = scan.sound_bytes
            self.next_offset = scan.next_offset
            self._tail_from = scan.tail_offset if scan.sound_bytes else NOWHERE
            self._tail_position = scan.tail_position
            self._look_for_room()

    def cut(self) -> None:
        """Remove what lies beyond the last noted batch, durably. Raises StorageError."""
        self.sealed = False
        self.open_file = None
        file = self.on_disk.open(to_write=True)
        self.on_disk.truncate(file, self.size_bytes)
        self._opened(file)
        self.flushed_bytes = self.size_bytes

    # --- finding

    def locate(self, offset: int) -> int:
        """The position of the first batch whose last offset is at or above `offset`; the segment's size if there is none."""
        if offset >= self.next_offset:
            return self.size_bytes
        if offset >= self._tail_from:
            return self._tail_position
        position = self._positions.get(offset)
        if position is not None:
            return position
        indexes = self.load_indexes()
        reader = self._headers()
        position = self._checked(reader, indexes.offsets.floor(offset - self.base_offset))
        while position < self.size_bytes:
            _, following, last_offset = reader.place(position)
            if last_offset >= offset:
                break
            position = following
        self._remember(offset, position)
        return position

    def _checked(self, reader: HeaderReader, entry: tuple[int, int] | None) -> int:
        """The position of an index entry; 0, and a new index, if no batch that ends at its offset lies there."""
        if entry is None:
            return 0
        relative_offset, position = entry
        with suppress(DamagedBatch):
            if reader.place(position)[2] == self.base_offset + relative_offset:
                return position
        self.rebuild(self.size_bytes)
        return 0

    def _remember(self, offset: int, position: int) -> None:
        if len(self._positions) >= REMEMBERED_POSITIONS:
            self._positions.clear()
        self._positions[offset] = position

    def is_past(self, offset: int) -> bool:
        """Whether all batches lie before `offset`."""
        return self.locate(offset) >= self.size_bytes

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch, by which segment.ms counts. Raises StorageError."""
        return self._headers().header(0).max_timestamp

    def largest_timestamp(self) -> int:
        """Of all batches, -1 if none has one."""
        self.load_indexes()
        return self.max_timestamp

    # --- reading

    def read(self, offset: int, max_bytes: int, upper_offset: int | None, min_one_batch: bool) -> Slice | None:
        """See `Log.read`; without `upper_offset` all that is there may be given."""
        file = self.open_file
        if file is None:
            file = self.file()
        file.recent = True
        position = self._positions.get(offset)
        if position is None:
            position = self.locate(offset)
        end = self.size_bytes if upper_offset is None else self.locate(upper_offset)
        size_bytes = end - position
        if size_bytes > max_bytes:
            size_bytes = self._cut_to_fit(file, position, max_bytes, min_one_batch)
        elif upper_offset is None and not self.sealed:
            self._remember(self.next_offset, end)
        return FileSlice(self._files, file, position, size_bytes) if size_bytes > 0 else None

    def _cut_to_fit(self, file: OpenFile, position: int, max_bytes: int, min_one_batch: bool) -> int:
        """How many bytes of whole batches from `position` fit; more follow."""
        indexes = self.load_indexes()
        reader = HeaderReader(self._files, file, self.size_bytes)
        limit = position + max_bytes
        entry = indexes.offsets.floor_position(limit)
        at = position
        if entry is not None and entry[1] > position:
            at = max(position, self._checked(reader, entry))
        while True:
            base_offset, following, last_offset = reader.place(at)
            if following > limit:
                break
            at = following
        if at > position:
            self._remember(base_offset, at)
        elif min_one_batch:
            at = following
            self._remember(last_offset + 1, at)
        return at - position

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `Log.batches`. Reads ahead, so the slices lie in memory."""
        file = self.file()
        position = self.locate(from_offset)
        yield from batches_from(self._files, file, self.size_bytes, position, self.next_offset)

    def batches_beside_damage(self) -> Iterator[tuple[BatchHeader, Slice] | None]:
        """See `Log.batches_beside_damage`."""
        return batches_beside_damage(self._files, self.file(), self.size_bytes, self.base_offset)

    def headers(self, from_offset: int) -> Iterator[BatchHeader]:
        """Of the batches from the one that holds `from_offset` on, up to one that is damaged. Raises StorageError."""
        yield from headers_from(self._headers(), self.locate(from_offset))

    def last_headers(self) -> Iterator[BatchHeader]:
        """Of some of the last batches, up to the end or one that is damaged. Raises StorageError."""
        indexes = self.load_indexes()
        reader = self._headers()
        yield from headers_from(reader, self._checked(reader, indexes.offsets.last()))

    def from_time(self, timestamp: int, start_offset: int) -> Iterator[tuple[BatchHeader, Slice]]:
        """See `times.Timed`: from the time index's nearest entry on."""
        relative_offset = self.load_indexes().times.floor(timestamp)
        file = self.file()
        position = self.locate(max(start_offset, self.base_offset + (relative_offset or 0)))
        return batches_of_time(self._files, file, self.size_bytes, position, timestamp)
