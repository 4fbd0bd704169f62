"""A data directory with one log, `t-0`, to be damaged and looked at; and what the fixtures of this folder give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

from pybroker.records.batch import read_header
from pybroker.records.builder import build_batch
from pybroker.storage.checkpoints import write_offsets
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.lock import DirectoryLock
from pybroker.storage.store import DiskLogStore

Shown = tuple[int, str, str]
"""Exit status, stdout, stderr."""

Command = Callable[..., Shown]
WriteLog = Callable[..., Path]
Batches = Callable[..., list[bytes]]

SMALL = LogConfig(segment_bytes=1000, index_interval_bytes=200)
SIZE = 92  # of a batch


def open_store(path: Path) -> DiskLogStore:
    """The store that a broker would open."""
    return DiskLogStore.open([str(path)], cluster_id="c", node_id=1, rng=Random(1), config=SMALL)


def write_batches(path: Path, count: int, *, clean: bool = True) -> Path:
    """So many batches of 92 bytes, each of one record, ten in a segment and in a leader epoch; stopped cleanly or not."""
    store = open_store(path)
    log = store.create("t", 0, bytes(range(16)), SMALL)
    for offset in range(count):
        batch = build_batch([(b"k", b"v" * 23)], base_offset=offset, timestamp=1000 + offset, leader_epoch=offset // 10)
        log.append(memoryview(bytearray(batch)), read_header(batch), 0)
    if clean:
        store.close({("t", 0): count})
    else:
        store.abandon()
    return path


def offsets(path: Path) -> list[int]:
    """What a broker that starts now serves of `t-0`."""
    store = open_store(path)
    log = store.get("t", 0)
    assert log is not None
    found = [header.base_offset for header, _ in log.batches(log.log_start_offset)]
    store.abandon()
    return found


def segment(path: Path, base_offset: int, suffix: str = "log") -> Path:
    """A file of a segment of `t-0`."""
    return path / "t-0" / f"{base_offset:020d}.{suffix}"


def flip(path: Path, at: int) -> None:
    """One wrong byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)


def tear(path: Path) -> None:
    """The last bytes never reached the disk."""
    path.write_bytes(path.read_bytes()[:-5])


def recover_from(path: Path, offset: int) -> None:
    """A start after a crash looks at `t-0` from there on."""
    write_offsets(Files(), str(path / "recovery-point-offset-checkpoint"), {("t", 0): offset})


@contextmanager
def running(path: Path) -> Iterator[None]:
    """A broker has the directory meanwhile."""
    lock = DirectoryLock(Files(), str(path))
    try:
        yield
    finally:
        lock.release()


def unpack(files: Mapping[str, bytes], root: Path) -> Path:
    """Files by name, with the directories that they lie in."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root
