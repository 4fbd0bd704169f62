"""What people, backups and repaired file systems do to a data directory after a clean stop, without touching a whole batch.

Each kind must be found and mended by the next start: nothing is lost, nothing is added, and the log ends where it did.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

from pybroker.records.batch import BatchHeader, has_valid_checksum, iter_batches
from pybroker.records.errors import CorruptRecords
from pybroker.storage import layout
from pybroker.storage.transaction_index import ENTRY_BYTES
from pybroker.testing.simulated_disk import SimulatedDisk

GARBAGE = b"this is no batch, but what somebody wrote. "


def meddle(disk: SimulatedDisk, directories: list[str], rng: Random) -> None:
    """Do some of it to the logs of directories that are marked as clean."""
    for directory in directories:
        if not disk.exists(f"{directory}/{layout.CLEAN_SHUTDOWN}"):
            continue
        for name in sorted(disk.listdir(directory)):
            path = f"{directory}/{name}"
            if layout.parse_log_directory(name) and disk.is_directory(path):
                for kind in rng.sample(KINDS, rng.randint(0, 2)):
                    disk.note(f"somebody did to {path}: {kind.__name__}")
                    kind(disk, path, rng)
                disk.fsync_directory(path)


def files(disk: SimulatedDisk, path: str, suffix: str) -> list[str]:
    """Of that kind, in order of offsets."""
    return sorted(f"{path}/{name}" for name in disk.listdir(path) if name.endswith(suffix))


def write(disk: SimulatedDisk, path: str, content: bytes) -> None:
    """As long ago: it does not go with the power."""
    disk.write_file(path, content, sync=True)


def torn_end(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """Zeros or garbage behind the last batch, and often the indexes of that segment are gone or empty."""
    for log in files(disk, path, layout.LOG)[-1:]:
        write(disk, log, bytes(disk.content(log)) + rng.choice((bytes(rng.randint(1, 5000)), GARBAGE * rng.randint(1, 9))))
        for suffix in (layout.INDEX, layout.TIME_INDEX):
            if rng.random() < 0.5:
                lose(disk, log.removesuffix(layout.LOG) + suffix, rng)


def lost_indexes(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """Some indexes are gone, empty, or no indexes."""
    for suffix in (layout.INDEX, layout.TIME_INDEX):
        for index in files(disk, path, suffix):
            if rng.random() < 0.5:
                lose(disk, index, rng)


def lose(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """A file in one of these ways."""
    if not disk.exists(path):
        return
    way = rng.randrange(3)
    if way == 0:
        disk.unlink(path)
    else:
        write(disk, path, b"" if way == 1 else bytes(disk.content(path)) + b"?")


def wrong_transactions(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """Transaction indexes are gone, empty, cut, or have a wrong bit; or what tells of them is."""
    for index in files(disk, path, layout.TRANSACTION_INDEX):
        content = bytearray(disk.content(index))
        way = rng.randrange(5)
        if way == 0:
            disk.unlink(index)
        elif way == 1:
            write(disk, index, b"")
        elif way == 2 and content:
            write(disk, index, bytes(content[: -rng.choice((1, ENTRY_BYTES))]))
        elif way == 3 and content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            write(disk, index, bytes(content))
    seals = f"{path}/{layout.TRANSACTION_INDEX_CHECKPOINT}"
    if disk.exists(seals) and rng.random() < 0.2:
        write(disk, seals, GARBAGE)


def lost_snapshots(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """Producer snapshots and leader epochs are gone, empty, or none."""
    for file in files(disk, path, layout.SNAPSHOT) + files(disk, path, layout.LEADER_EPOCH_CHECKPOINT):
        if rng.random() < 0.5:
            lose(disk, file, rng)


def whole_headers(content: bytes) -> list[BatchHeader]:
    """Of the batches before a torn end."""
    found: list[BatchHeader] = []
    with suppress(CorruptRecords):
        for at, header in iter_batches(content):
            if not has_valid_checksum(content, at, header):
                break
            found.append(header)
    return found


def foreign_segment(disk: SimulatedDisk, path: str, rng: Random) -> None:
    """A segment file that begins within another one, or behind the end."""
    logs = files(disk, path, layout.LOG)
    there = [headers for headers in (whole_headers(bytes(disk.content(log))) for log in logs) if headers]
    if not there:
        return
    inside = rng.choice(there)
    compacted = disk.exists(f"{path.rpartition('/')[0]}/{layout.CLEANER_CHECKPOINT}")  # there, after one kill, it looks like a gap
    if compacted or rng.random() < 0.7:
        offset = rng.randint(inside[0].base_offset, inside[-1].last_offset)
        if f"{path}/{layout.segment_file_name(offset, layout.LOG)}" in logs:
            return
    else:
        offset = max(there[-1][-1].next_offset, int(logs[-1].rpartition("/")[2].removesuffix(layout.LOG))) + rng.randint(1, 50)
    content = rng.choice((b"", b"x\n", bytes(4096), GARBAGE * 3, bytes(disk.content(rng.choice(logs)))))
    write(disk, f"{path}/{layout.segment_file_name(offset, layout.LOG)}", content)


KINDS: list[Callable[[SimulatedDisk, str, Random], None]] = [
    torn_end,
    lost_indexes,
    wrong_transactions,
    lost_snapshots,
    foreign_segment,
]
