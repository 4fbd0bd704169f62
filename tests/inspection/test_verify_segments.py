"""`pybroker verify` on the segments of a log: damage of each kind is found, what a start would do is what a start does, and repair keeps
what it takes out.
"""

from __future__ import annotations

import shutil

import pytest

from pybroker.records.batch import write_checksum
from pybroker.records.builder import build_batch
from pybroker.storage.checkpoints import read_offsets
from pybroker.storage.files import Files
from tests.inspection.log_room import SIZE, Command, WriteLog, flip, offsets, open_store, recover_from, segment, tear


def test_a_torn_end(verify: Command, write_log: WriteLog) -> None:
    """A torn end after a kill: where, what is whole, and that a start cuts it; repair cuts the same and keeps it."""
    path = write_log(13, clean=False)
    last = segment(path, 10)
    tear(last)
    status, out, _ = verify(path)
    assert status == 1
    assert f"DAMAGE: {last} (byte {2 * SIZE}, offset 12): " in out
    assert "What is whole: offsets 0 to 11 (12 records), and nothing follows the damage." in out
    assert "The next start cuts the log at offset 12." in out
    status, out, _ = verify("--repair", path)
    assert status == 0
    assert (last.parent / f"{last.name}.damaged-1").read_bytes() == build_batch(
        [(b"k", b"v" * 23)], base_offset=12, timestamp=1012, leader_epoch=1
    )[:-5]
    assert "its last 87 bytes, from byte 184 on, were cut off" in out
    assert offsets(path) == list(range(12))


def test_damage_in_the_middle(verify: Command, write_log: WriteLog) -> None:
    """What would be lost is counted; repair leaves it until told to skip, and then all that is whole stays."""
    path = write_log(25, clean=False)
    damaged = segment(path, 0)
    flip(damaged, 4 * SIZE + 70)
    original = damaged.read_bytes()
    status, out, _ = verify(path)
    assert status == 1
    assert "offsets 0 to 3 (4 records), and behind the damage 20 batches (20 records)" in out
    assert "The next start cuts the log at offset 4: 20 batches (20 records) behind it would be lost." in out
    status, out, _ = verify("--repair", path)
    assert status == 1
    assert "--skip-damaged takes 1 damaged place out and keeps 20 batches (20 records) behind" in out
    assert damaged.read_bytes() == original
    status, out, _ = verify("--repair", "--skip-damaged", path)
    assert status == 0
    assert "offsets have a hole" in out
    assert (damaged.parent / f"{damaged.name}.damaged-1").read_bytes() == original
    assert offsets(path) == [0, 1, 2, 3, *range(5, 25)]


def test_many_damaged_places(verify: Command, write_log: WriteLog) -> None:
    """The first places are told one by one, the rest are counted."""
    path = write_log(3)
    parts = [build_batch([(b"k", b"v")], base_offset=offset, timestamp=1, leader_epoch=0) for offset in range(60)]
    segment(path, 0).write_bytes(b"".join(part + b"\xff" * 7 for part in parts))
    out = verify(path)[1]
    assert out.count(f"DAMAGE: {segment(path, 0)}") == 21
    assert "40 more places are damaged" in out


def test_records_inside_a_batch(verify: Command, write_log: WriteLog) -> None:
    """A batch with a right checksum whose records cannot be read is damage that no start notices."""
    path = write_log(3)
    content = bytearray(segment(path, 0).read_bytes())
    content[SIZE + 61] = 0x20
    write_checksum(memoryview(content)[SIZE : 2 * SIZE], 0)
    segment(path, 0).write_bytes(content)
    status, out, _ = verify(path)
    assert (status, "the records of the batch cannot be read" in out, "does not notice it: batches are not opened" in out) == (
        1,
        True,
        True,
    )
    assert verify("--repair", "--skip-damaged", path)[0] == 0
    assert offsets(path) == [0, 2]


def test_a_hole_between_segments(verify: Command, write_log: WriteLog) -> None:
    """What repair saved behind a hole is there after the next start, though a start cuts where a segment is missing."""
    path = write_log(25, clean=False)
    recover_from(path, 3)
    flip(segment(path, 0), 9 * SIZE + 70)
    assert verify("--repair", "--skip-damaged", path)[0] == 0
    assert verify(path)[0] == 0
    assert read_offsets(Files(), str(path / "recovery-point-offset-checkpoint")) == {("t", 0): 25}
    assert offsets(path) == [*range(9), *range(10, 25)]


def test_a_missing_segment(verify: Command, write_log: WriteLog) -> None:
    """A segment that is gone beyond the recovery point: where the log would end; not if it was compacted, or may have been."""
    path = write_log(25, clean=False)
    recover_from(path, 3)
    segment(path, 10).unlink()
    status, out, _ = verify(path)
    assert status == 1
    assert "it begins at offset 20, but the segment before it ends at 10" in out
    assert "The next start cuts the log at offset 10." in out
    cleaner = path / "cleaner-offset-checkpoint"
    for content in (b"0\n1\nt 0 3\n", b"nonsense"):
        cleaner.write_bytes(content)
        assert "The next start cuts" not in verify(path)[1]
        assert offsets(path) == [*range(10), *range(20, 25)]
    cleaner.unlink()
    assert offsets(path) == list(range(10))


def test_a_log_that_was_carried_here(verify: Command, write_log: WriteLog) -> None:
    """Where no checkpoint tells of a log, holes within a segment tell that it was compacted; without them a missing segment ends it."""
    path = write_log(25, clean=False)
    segment(path, 10).unlink()
    last = segment(path, 20)
    last.write_bytes(last.read_bytes()[: 2 * SIZE] + last.read_bytes()[3 * SIZE :])
    assert verify(path)[0] == 0
    assert offsets(path) == [*range(10), 20, 21, 23, 24]
    last.write_bytes(last.read_bytes()[: 2 * SIZE])
    assert "The next start cuts the log at offset 10." in verify(path)[1]
    assert offsets(path) == list(range(10))


def test_what_a_start_does_not_look_at(verify: Command, write_log: WriteLog) -> None:
    """After a clean stop, and before the recovery point, damage stays unnoticed: that is what is said, and what happens."""
    path = write_log(25)
    flip(segment(path, 0), 4 * SIZE + 70)
    assert "does not notice it, since after a clean stop" in verify(path)[1]
    assert len(offsets(path)) == 25
    (path / ".kafka_cleanshutdown").unlink(missing_ok=True)
    recover_from(path, 20)
    assert "does not look at it, since it lies before the recovery point (20)" in verify(path)[1]
    assert len(offsets(path)) == 25
    recover_from(path, 0)
    assert "cuts the log at offset 4" in verify(path)[1]
    assert offsets(path) == [0, 1, 2, 3]


def test_zeros_at_the_end_after_a_clean_stop(verify: Command, write_log: WriteLog) -> None:
    """The end of a log is looked at by every start."""
    path = write_log(13)
    with segment(path, 10).open("ab") as file:
        file.write(bytes(500))
    status, out, _ = verify(path)
    assert (status, "zeros where a batch should begin; 500 bytes are damaged" in out) == (1, True)
    assert "The next start cuts the log at offset 13." in out
    assert offsets(path) == list(range(13))


def test_a_damaged_end_that_a_start_does_not_see(verify: Command, write_log: WriteLog) -> None:
    """After a clean stop the log ends behind its last header, so no checkpoint is said to promise more."""
    path = write_log(1)
    flip(segment(path, 0), 70)
    status, out, _ = verify(path)
    assert (status, "does not notice it" in out, "the log ends at" in out) == (1, True, False)


@pytest.mark.parametrize("words", [["--repair"], ["--repair", "--skip-damaged"]])
@pytest.mark.parametrize("base_offset", [1_000_000, 7])
def test_a_file_that_is_no_segment(verify: Command, write_log: WriteLog, words: list[str], base_offset: int) -> None:
    """A foreign file with the name of a segment elsewhere is put aside, as a start would do; nothing of it stays in the log."""
    path = write_log(10, clean=False)
    foreign = segment(path, base_offset)
    foreign.write_bytes(b"this is no segment, but text of somebody's" * 5)
    status, out, _ = verify(path)
    assert status == 1
    if base_offset > 10:
        assert "offsets 0 to 9 (10 records), and nothing follows the damage" in out
        assert "The next start cuts the log before that, and puts this aside." in out
    else:
        assert "it begins at offset 7, but the segment before it ends at 10: it is no part of the log" in out
        assert "puts it aside" in out
    assert out.count("The next start cuts the log at offset 10.") == out.count("cuts the log at") == (base_offset > 10)
    status, out, _ = verify(*words, path)
    why = "nothing in it is a batch" if base_offset > 10 else "it begins at offset 7"
    assert (status, f"repaired: {foreign}: {why}" in out) == (0, True)
    assert sorted(file.name for file in path.glob(f"t-0/{base_offset:020d}*")) == [f"{foreign.name}.damaged-1"]
    assert offsets(path) == list(range(10))


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("offset", [5, 13, 22, 500])
@pytest.mark.parametrize("content", [b"", b"x\n", "copy"])
def test_what_is_no_part_of_the_log(verify: Command, write_log: WriteLog, content: bytes | str, offset: int, clean: bool) -> None:
    """A segment file that somebody put there: a start is said to put it aside, and does, and then all is whole."""
    if offset == 500 and not clean:
        return  # then it is what a crash may leave
    path = write_log(24, clean=clean)
    put = segment(path, offset)
    put.write_bytes(segment(path, 0).read_bytes() if isinstance(content, str) else content)
    status, out, _ = verify(path)
    assert status == 1
    assert out.count(f"DAMAGE: {put}") == out.count("puts it aside") == 1
    assert f"DAMAGE: {put}: it " in out
    assert "it is no part of the log" in out
    assert "puts it aside" in out
    for words in ([], ["--repair"]):
        copied = path.parent / f"copy{len(words)}"
        shutil.copytree(path, copied)
        if words:
            verify(*words, copied)
        assert offsets(copied) == list(range(24))
        assert not segment(copied, offset).exists()
    store = open_store(path)
    store.close({})
    assert verify(path)[0] == 0
