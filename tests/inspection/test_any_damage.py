"""Whatever happened to the files: dump and verify end in words, and repair loses no batch that is whole."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.cli import main
from pybroker.inspection.check_segment import what_is_wrong_inside
from pybroker.records.builder import build_batch
from pybroker.storage.files import READ_ONLY, Files, OpenFile
from pybroker.storage.walk import SegmentWalk
from tests.inspection.log_room import unpack

FILES = Files()
BATCHES = [
    build_batch([(b"k%d" % row, b"value") for row in range(1 + at % 3)], base_offset=10 * at, timestamp=1000 + at, leader_epoch=0)
    for at in range(9)
]

Damage = tuple[str, int, bytes]
DAMAGE = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "overwrite", "delete"]), st.integers(0, 10**9), st.binary(min_size=1, max_size=90)),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, damage: list[Damage]) -> bytes:
    """The content after what happened to it."""
    found = bytearray(content)
    for kind, number, some in damage:
        at = number % (len(found) + 1)
        if kind == "flip" and at < len(found):
            found[at] ^= some[0] or 1
        elif kind == "cut":
            del found[at:]
        elif kind == "insert":
            found[at:at] = some
        elif kind == "overwrite":
            found[at : at + len(some)] = some
        elif kind == "delete":
            del found[at : at + len(some)]
    return bytes(found)


def whole_batches(path: Path) -> tuple[list[bytes], int]:
    """The whole batches of a segment, and how many faults lie between them."""
    walk = SegmentWalk(FILES, OpenFile(FILES, str(path), READ_ONLY), path.stat().st_size, 0)
    found, faults = [], 0
    for piece in walk:
        batch = walk.read(piece)
        if piece.fault is None and piece.header is not None and what_is_wrong_inside(batch, piece.header) is None:
            found.append(batch)
        else:
            faults += 1
    return found, faults


def run(*words: str) -> int:
    """A command, whose words do not matter."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(words)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=40)
@given(damage=DAMAGE)
def test_repair_keeps_all_that_is_whole(tmp_path_factory: pytest.TempPathFactory, damage: list[Damage]) -> None:
    """After a repair that may skip, the log holds exactly the batches that were whole, and a start finds nothing to cut."""
    path = tmp_path_factory.mktemp("log") / "t-0" / "00000000000000000000.log"
    path.parent.mkdir()
    path.write_bytes(damaged(b"".join(BATCHES), damage))
    before, faults = whole_batches(path)
    assert run("verify", str(path)) == (1 if faults else 0)
    run("verify", "--repair", "--skip-damaged", str(path.parent))
    assert whole_batches(path) == (before, 0)
    assert run("verify", str(path)) == run("dump", str(path.parent)) == 0


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=25)
@given(which=st.integers(0, 10**6), damage=DAMAGE)
def test_any_file_of_a_directory(
    kafka_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, which: int, damage: list[Damage]
) -> None:
    """Damage in any file of a data directory gives a status, never a traceback."""
    root = tmp_path_factory.mktemp("kafka")
    chosen = sorted(kafka_files)[which % len(kafka_files)]
    unpack(kafka_files | {chosen: damaged(kafka_files[chosen], damage)}, root)
    try:
        assert run("dump", "--json", "--records", str(root)) in (0, 1)
        assert run("verify", str(root)) in (0, 1)
        assert run("verify", "--repair", "--skip-damaged", str(root)) in (0, 1)
    finally:
        shutil.rmtree(root)
