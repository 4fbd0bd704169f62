"""Logs that are read before they are taken: to the first batch that is not sound, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pybroker.records.builder import build_batch
from pybroker.storage.files import Files
from pybroker.storage.interface import StorageError
from pybroker.storage.resting import RestingLog, RestingLogs
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
