"""Logs that are read before they are taken: to the first batch that is not sound, and nothing is changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.builder import build_batch
from pybroker.storage.checkpoints import write_offsets
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.resting import RestingLog, RestingLogs
from pybroker.storage.store import DiskLogStore
from pybroker.wire.uuids import to_text

TOPIC_ID = bytes(range(1, 17))


def batch(offset: int, count: int = 2) -> bytes:
    """So many records from an offset on."""
    return bytes(build_batch([(None, b"v", 1)] * count, base_offset=offset))


def log_of(directory: Path, **segments: bytes) -> RestingLog:
    """A log of segments by base offset (`s0`, `s4`)."""
    for base, content in segments.items():
        (directory / f"{int(base[1:]):020d}.log").write_bytes(content)
    return RestingLog(Files(), str(directory))


def offsets(log: RestingLog, from_offset: int = 0) -> list[int]:
    """Where its batches begin. Each is whole."""
    found = []
    for header, piece in log.batches(from_offset):
        assert piece.read() == batch(header.base_offset)
        found.append(header.base_offset)
    return found


def test_all_of_it_in_order(tmp_path: Path) -> None:
    """Segment after segment; what was put aside or is no segment is none."""
    (tmp_path / "00000000000000000002.log.deleted").write_bytes(batch(2))
    (tmp_path / "00000000000000000000.index").write_bytes(b"")
    log = log_of(tmp_path, s0=batch(0) + batch(2), s4=batch(4))
    assert (offsets(log), log.log_start_offset, log.log_end_offset) == ([0, 2, 4], 0, 6)
    assert (offsets(log, 3), offsets(log, 4), offsets(log, 9), log.log_end_offset) == ([2, 4], [4], [], 6)
    assert log.is_whole


def test_nothing_is_there(tmp_path: Path) -> None:
    """A log that was never written to ends where it begins; one that has no directory cannot be read."""
    log = log_of(tmp_path)
    assert (offsets(log), log.log_end_offset, log.is_whole) == ([], 0, True)
    with pytest.raises(StorageError, match="cannot list"):
        RestingLog(Files(), str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("segments", "found", "end"),
    [
        ({"s0": batch(0) + batch(2)[:-1], "s4": batch(4)}, [0], 2),
        ({"s0": batch(0) + batch(2)[:30]}, [0], 2),
        ({"s0": batch(0) + bytes(61), "s2": batch(2)}, [0], 2),
        ({"s0": batch(0) + batch(2)[:-1] + b"x" + batch(4)}, [0], 2),
        ({"s0": batch(0) + batch(1)}, [0], 2),
        ({"s0": batch(0) + batch(2**31 - 1)}, [0], 2),
        ({"s0": batch(0), "s4": batch(4)}, [0], 2),
    ],
)
def test_it_ends_where_recovery_would_cut_it(tmp_path: Path, segments: dict[str, bytes], found: list[int], end: int) -> None:
    """A torn batch, zeros, a wrong checksum, an offset that goes back or that no index can hold, a segment that does not go on: what lies
    behind is not read."""
    log = log_of(tmp_path, **segments)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert (offsets(log), log.log_end_offset, log.is_whole) == (found, end, False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("segments", "found", "end"),
    [
        ({"s7": batch(7)}, [7], 9),
        ({"s0": batch(0), "s2": b""}, [0], 2),
        ({"s0": batch(0) + batch(2), "s2": b"", "s4": batch(4)}, [0, 2, 4], 6),
        ({"s0": batch(0) + batch(2), "s2": batch(0), "s3": b"?", "s4": batch(4)}, [0, 2, 4], 6),
    ],
)
def test_it_is_whole(tmp_path: Path, segments: dict[str, bytes], found: list[int], end: int) -> None:
    """Begun later than at 0, with an empty segment at its end, or with files within it that a start would put aside."""
    log = log_of(tmp_path, **segments)
    assert (offsets(log), log.log_end_offset, log.is_whole) == (found, end, True)


def test_a_copy_with_both_indexes_ends_it(tmp_path: Path) -> None:
    """Recovery takes it for the log's, which so ends before it."""
    for suffix in ("index", "timeindex"):
        (tmp_path / f"{2:020d}.{suffix}").write_bytes(b"")
    log = log_of(tmp_path, s0=batch(0) + batch(2), s2=batch(2), s4=batch(4))
    assert (offsets(log), log.log_end_offset, log.is_whole) == ([0, 2], 4, False)


SEGMENTS = {base: b"".join(batch(base + 2 * at) for at in range(3)) for base in (0, 6, 12)}
INDEXED = (0, 6)  # the active segment gets its indexes when it is sealed, or by a clean stop

damage = st.tuples(
    st.sampled_from(["flip", "cut", "append", "remove", "unindex", "empty", "copy", "garbage", "indexed copy"]),
    st.sampled_from([0, 6, 12]),
    st.integers(2, 20),
    st.integers(0, 10_000),
)


def meddle(log: Path, what: str, base: int, offset: int, at: int) -> None:
    """Something happens to the segment of a base offset, or a file comes to lie at an offset."""
    path, other = log / f"{base:020d}.log", log / f"{offset:020d}.log"
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    if what == "flip" and content:
        content[at % len(content)] ^= 1 << at % 8
        path.write_bytes(content)
    elif what == "cut":
        path.write_bytes(content[: at % (len(content) + 1)])
    elif what == "append":
        path.write_bytes(content + bytes(at % 200))
    elif what == "remove":
        path.unlink(missing_ok=True)
    elif what == "unindex":
        path.with_suffix(".index").unlink(missing_ok=True)
    elif what in ("empty", "copy", "garbage", "indexed copy"):
        other.write_bytes({"empty": b"", "garbage": b"?" * at}.get(what, bytes(content)))
        for suffix in (".index", ".timeindex") if what == "indexed copy" else ():
            other.with_suffix(suffix).write_bytes(b"")


def open_store(path: str) -> DiskLogStore:
    """The store that a broker would open."""
    return DiskLogStore.open([path], cluster_id="c", node_id=1, rng=Random(1))


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.lists(damage, max_size=3))
def test_recovery_after_a_crash_finds_the_same(story: list[tuple[str, int, int, int]]) -> None:
    """Whatever happened to the files, what a start serves of them is what was read before; and it cuts nothing from what is whole."""
    with tempfile.TemporaryDirectory() as root:
        open_store(root).abandon()
        log = Path(root) / "t-0"
        log.mkdir()
        for base, content in SEGMENTS.items():
            (log / f"{base:020d}.log").write_bytes(content)
            for suffix in ("index", "timeindex") if base in INDEXED else ():
                (log / f"{base:020d}.{suffix}").write_bytes(b"")
        write_offsets(Files(), f"{root}/recovery-point-offset-checkpoint", {("t", 0): 1})
        for step in story:
            meddle(log, *step)
        resting = RestingLog(Files(), str(log))
        found = [(header.base_offset, piece.read()) for header, piece in resting.batches(0)]
        store = open_store(root)
        opened = store.get("t", 0)
        assert opened is not None
        assert found == [(header.base_offset, piece.read()) for header, piece in opened.batches(opened.log_start_offset)]
        assert (resting.log_end_offset, resting.is_whole) == (opened.log_end_offset, opened.recovery.cut_reason is None)
        store.abandon()


def test_which_logs_are_here(tmp_path: Path) -> None:
    """By name and topic id, copies too; one without an id, or with one that cannot be read, may be of any topic; away is not here."""
    for name, content in (
        ("a-0", f"version: 0\ntopic_id: {to_text(TOPIC_ID)}"),
        ("b-1", None),
        ("c-2", "?"),
        (f"d-3.{'0' * 32}-future", None),
    ):
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / "partition.metadata").write_text(content)
    logs = RestingLogs(Files(), [str(tmp_path), str(tmp_path / "gone")])
    assert [logs.is_here(topic, TOPIC_ID, index) for index, topic in enumerate("abcde")] == [True, True, True, True, False]
    assert not logs.is_here("a", bytes(15) + b"x", 0)
    assert not logs.is_here("a", TOPIC_ID, 1)
