"""The text files and the two indexes, byte for byte; the names in a log directory."""

from pathlib import Path

import pytest

from pybroker.storage import layout
from pybroker.storage.checkpoints import DamagedFile, OffsetCheckpoints, read_epochs, read_offsets, write_epochs, write_offsets
from pybroker.storage.epochs import EpochCache
from pybroker.storage.files import Files
from pybroker.storage.interface import EpochEnd
from pybroker.storage.metadata_files import parse_properties, read_partition_metadata
from pybroker.storage.offset_index import OffsetIndex
from pybroker.storage.time_index import TimeIndex

FILES = Files()


def test_offset_index_bytes() -> None:
    """An entry is eight bytes: relative offset, position, big-endian; reading gives back what was written."""
    index = OffsetIndex()
    index.append(3, 300)
    index.append(0x7FFFFFFF, 0x7FFFFF00)
    assert index.encode() == bytes.fromhex("00000003 0000012c 7fffffff 7fffff00")
    again = OffsetIndex.decode(index.encode(), 1 << 31)
    assert again is not None
    assert again.entries == index.entries


def test_offset_index_floor() -> None:
    """The nearest entry below an offset, and below a position."""
    index = OffsetIndex()
    for offset, position in ((3, 300), (7, 700), (9, 900)):
        index.append(offset, position)
    assert [index.floor(offset) for offset in (2, 3, 6, 100)] == [None, (3, 300), (3, 300), (9, 900)]
    assert [index.floor_position(position) for position in (299, 300, 899, 900)] == [None, (3, 300), (7, 700), (9, 900)]
    assert index.last() == (9, 900)


@pytest.mark.parametrize(
    "content", ["00000003000001", "0000000300000100 0000000200000200", "0000000300000100 0000000400000100", "00000003 00001000"]
)
def test_offset_index_that_cannot_be(content: str) -> None:
    """Cut entries, entries out of order, and positions beyond the log are noticed."""
    assert OffsetIndex.decode(bytes.fromhex(content), 1000) is None


def test_time_index_bytes() -> None:
    """An entry is twelve bytes: timestamp, relative offset, big-endian; only growing timestamps make one."""
    index = TimeIndex()
    for timestamp, offset in ((-1, 0), (1000, 3), (1000, 5), (999, 6), (1700000000000, 9)):
        index.maybe_append(timestamp, offset)
    assert index.encode() == bytes.fromhex("00000000000003e8 00000003 0000018bcfe56800 00000009")
    again = TimeIndex.decode(index.encode())
    assert again is not None
    assert (again.timestamps, again.offsets) == (index.timestamps, index.offsets)
    assert [index.floor(timestamp) for timestamp in (999, 1000, 1 << 62)] == [None, 3, 9]
    assert index.last() == (1700000000000, 9)


@pytest.mark.parametrize("content", ["00" * 11, "00000000000003e8 00000003 00000000000003e8 00000004", "00000000000003e8 80000003"])
def test_time_index_that_cannot_be(content: str) -> None:
    """Cut entries, timestamps that do not grow and negative offsets are noticed."""
    assert TimeIndex.decode(bytes.fromhex(content)) is None


def test_checkpoints_round(tmp_path: Path) -> None:
    """Checkpoints have Kafka's form and are read back."""
    path = str(tmp_path / "c")
    write_offsets(FILES, path, {("a", 0): 5, ("b-c", 12): 2**62})
    assert (tmp_path / "c").read_bytes() == b"0\n2\na 0 5\nb-c 12 4611686018427387904\n"
    assert read_offsets(FILES, path) == {("a", 0): 5, ("b-c", 12): 2**62}
    write_epochs(FILES, path, [(0, 0), (3, 17)])
    assert (tmp_path / "c").read_bytes() == b"0\n2\n0 0\n3 17\n"
    assert read_epochs(FILES, path) == [(0, 0), (3, 17)]
    assert read_offsets(FILES, path + "missing") == {}
    (tmp_path / "c").write_bytes(b"")
    assert (read_offsets(FILES, path), read_epochs(FILES, path)) == ({}, [])  # as a Kafka broker leaves it that had nothing to say


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\n0\n", "version '1'"),
        (b"0\n", "second line"),
        (b"0\n2\n1 2\n", "has 1 entries"),
        (b"0\n1\n1\n", "has not 2 fields"),
        (b"0\n1\n1 -2\n", "'-2' is not a number"),
        (b"0\n1\n1 99999999999999999999\n", "not a number"),
        (b"0\n2\n2 5\n1 6\n", "does not follow"),
        (b"\xff\xfe", "not text"),
    ],
)
def test_damaged_checkpoint(tmp_path: Path, content: bytes, message: str) -> None:
    """A damaged checkpoint says what is wrong with it."""
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(DamagedFile, match=message):
        read_epochs(FILES, str(tmp_path / "c"))


def test_partition_metadata_of_another_form(tmp_path: Path) -> None:
    """A partition.metadata without a sensible topic id is damaged."""
    assert read_partition_metadata(FILES, str(tmp_path)) is None
    for text in ("version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version: 0", "version: 0\ntopic_id: short", "version: 0\nnothing"):
        (tmp_path / "partition.metadata").write_text(text)
        with pytest.raises(DamagedFile):
            read_partition_metadata(FILES, str(tmp_path))


def test_properties() -> None:
    """Comments, both separators and escapes of Java properties are understood."""
    assert parse_properties("# a\n! b\n\na=1\n b : x\\:y\nc\n") == {"a": "1", "b": "x:y", "c": ""}


def test_names() -> None:
    """Names of logs and segments are parsed strictly, so that no two mean the same."""
    assert layout.parse_log_directory("a-b-12") == ("a-b", 12)
    assert layout.parse_log_directory("a-0") == ("a", 0)
    for name in ("a", "a-", "a-01", "a-x", "-0", "a b-0", "a-0." + "0" * 32 + "-delete", "a-0.x-future"):
        assert layout.parse_log_directory(name) is None
    assert layout.is_deleted_directory(layout.deleted_directory_name("a", 0, bytes(16)))
    assert layout.deleted_directory_name("a", 0, bytes(16)) == "a-0." + "0" * 32 + "-delete"
    assert layout.parse_segment_file("00000000000000000042.log") == (42, ".log", "")
    assert layout.parse_segment_file("00000000000000000042.timeindex.deleted") == (42, ".timeindex", ".deleted")
    assert layout.parse_segment_file("42.log") is None


def test_epoch_cache_truncation() -> None:
    """Epochs beyond the end are forgotten; the one in which the log starts now starts there."""
    cache = EpochCache([(0, 0), (2, 10), (5, 20)])
    cache.truncate_from_start(15)
    assert cache.entries == [(2, 15), (5, 20)]
    cache.truncate_from_start(20)
    assert cache.entries == [(5, 20)]
    cache.truncate_from_end(20)
    assert cache.entries == []
    assert cache.latest == -1
    assert cache.dirty


def test_epoch_that_starts_again() -> None:
    """A later epoch from an earlier offset replaces what contradicts it."""
    cache = EpochCache([(0, 0), (2, 10), (5, 20)])
    cache.assign(5, 25)
    assert not cache.dirty
    cache.assign(6, 15)
    assert cache.entries == [(0, 0), (2, 10), (6, 15)]
    assert cache.end_of(4, 99) == EpochEnd(2, 15)


def test_only_new_offsets_are_written(tmp_path: Path) -> None:
    """A checkpoint that would say what it says already is left alone; what could not be written is written the next time."""

    class Counting(Files):
        """Says which files were replaced and how often the directory was synced."""

        def __init__(self) -> None:
            self.replaced: list[str] = []
            self.syncs = 0
            self.full = False

        def replace_file(self, path: str, content: bytes, *, sync: bool = True, sync_name: bool = True) -> None:
            if self.full:
                raise OSError(28, "full")
            self.replaced.append(Path(path).name)
            super().replace_file(path, content, sync=sync, sync_name=sync_name)

        def fsync_directory(self, path: str) -> None:
            self.syncs += 1

    files, directory = Counting(), str(tmp_path)
    (tmp_path / "old").write_text("0\n1\na 0 5\n")
    checkpoints = OffsetCheckpoints(files)
    assert [checkpoints.read(str(tmp_path / name)) for name in ("old", "new")] == [{("a", 0): 5}, {}]
    checkpoints.write(directory, lambda: {"old": {("a", 0): 5}, "new": {}})
    assert (files.replaced, files.syncs) == ([], 0)
    files.full = True
    with pytest.raises(OSError, match="full"):
        checkpoints.write(directory, lambda: {"old": {("a", 0): 6}, "new": {("a", 0): 1}})
    files.full = False
    for _ in range(2):
        checkpoints.write(directory, lambda: {"old": {("a", 0): 5}, "new": {("a", 0): 1}})
    assert (files.replaced, files.syncs) == (["old", "new"], 1)
    assert (tmp_path / "new").read_text() == "0\n1\na 0 1\n"


def test_checkpoint_that_is_removed_is_gone_for_good(tmp_path: Path) -> None:
    """Its name goes from the disk, too: else a power failure brings back what it said. One that is not there can be removed."""
    steps: list[str] = []

    class Noted(Files):
        def unlink(self, path: str) -> None:  # type: ignore[override]  # a method in the place of a function of os
            steps.append(f"unlink {path}")
            Path(path).unlink()

        def fsync_directory(self, path: str) -> None:
            steps.append(f"sync {path}")

    path = str(tmp_path / "c")
    checkpoints = OffsetCheckpoints(Noted())
    checkpoints.write(str(tmp_path), lambda: {"c": {("t", 0): 1}})
    steps.clear()
    checkpoints.remove(path)
    checkpoints.remove(path)
    assert steps == [f"unlink {path}", f"sync {tmp_path}"] * 2
    checkpoints.write(str(tmp_path), lambda: {"c": {("t", 0): 1}})
    assert Path(path).read_text() == "0\n1\nt 0 1\n"
