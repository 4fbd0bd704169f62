"""Directories that cannot be those of one broker are refused, in words, and nothing is written into them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.records.builder import build_batch
from pybroker.storage.errors import DataDirectoryError
from pybroker.storage.files import Files
from pybroker.storage.given import check_given
from pybroker.storage.lock import DirectoryLock

METADATA = "__cluster_metadata-0/00000000000000000000.log"
OWNER = "version=1\nnode.id=1\ncluster.id=c\n"


def fill(path: Path, *names: str, owner: str | None = OWNER) -> str:
    """A directory with such files."""
    path.mkdir()
    for name in names:
        (path / name).parent.mkdir()
        (path / name).write_bytes(b"x")
    if owner is not None:
        (path / "meta.properties").write_text(owner)
    return str(path)


@pytest.mark.parametrize("empty", [[], ["made"], ["missing"]])
@pytest.mark.parametrize("log", ["orders-0/0.log", "orders-0.0123456789abcdef0123456789abcdef-future/0.log"])
def test_logs_without_metadata(tmp_path: Path, empty: list[str], log: str) -> None:
    """Somewhere the metadata must be; an empty place for it is left as it is."""
    (tmp_path / "made").mkdir()
    given = [*(str(tmp_path / name) for name in empty), fill(tmp_path / "b", log)]
    with pytest.raises(DataDirectoryError, match=r"b holds logs \(orders-0.*\), but no directory .* mounted, .* Give it with --data-dir"):
        check_given(Files(), given)
    assert os.listdir(tmp_path / "made") == []
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("metadata", [METADATA, METADATA.replace(".log", "-0000000001.checkpoint")])
def test_directories_of_one_broker(tmp_path: Path, metadata: str) -> None:
    """The metadata in one of them, logs wherever they are; or nothing at all."""
    both = [fill(tmp_path / "a", "orders-1/0.log"), fill(tmp_path / "b", metadata, "orders-0/0.log")]
    check_given(Files(), both)
    check_given(Files(), both[1:])
    check_given(Files(), [str(tmp_path / "c"), fill(tmp_path / "d"), fill(tmp_path / "e", owner=None)])


def test_metadata_that_was_never_written(tmp_path: Path) -> None:
    """Its name alone is no metadata, beside logs nor beside the real one."""
    logs, real = fill(tmp_path / "a", METADATA, "orders-0/0.log"), fill(tmp_path / "b", METADATA)
    (tmp_path / "a" / METADATA).write_bytes(b"")
    check_given(Files(), [logs, real])
    with pytest.raises(DataDirectoryError, match="holds logs"):
        check_given(Files(), [logs])


def test_metadata_twice(tmp_path: Path) -> None:
    """Nobody chooses between two histories; both places are named."""
    both = [fill(tmp_path / "a", METADATA), fill(tmp_path / "b", METADATA, "orders-0/0.log")]
    with pytest.raises(DataDirectoryError, match=r"a and .*b each hold metadata .*move __cluster_metadata-0 out of the other"):
        check_given(Files(), both)


@pytest.mark.parametrize("second", ["./a", "link", "a/"])
def test_the_same_directory_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    """By whatever way it is reached."""
    monkeypatch.chdir(tmp_path)
    os.symlink("a", "link")
    with pytest.raises(DataDirectoryError, match=rf"a and {second} are the same data directory \({tmp_path}/a\): give it once"):
        check_given(Files(), ["a", second])


@pytest.mark.parametrize("given", [["a", "a/b"], ["a/b/c", "a"]])
def test_directories_in_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    """One is no log of the other; names that only begin alike lie apart."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataDirectoryError, match="lies in a, which is a data directory too"):
        check_given(Files(), given)
    check_given(Files(), ["a", "ab"])


def test_what_others_tell_of(tmp_path: Path) -> None:
    """A directory that cannot be seen may hold the metadata; one of unknown owner is refused for that."""
    logs = fill(tmp_path / "b", "orders-0/0.log")
    (tmp_path / "a").write_text("")
    check_given(Files(), [str(tmp_path / "a"), logs])
    check_given(Files(), [fill(tmp_path / "c", "orders-0/0.log", owner=None)])
    check_given(Files(), [fill(tmp_path / "d", "orders-0/0.log", owner="version=0\nbroker.id=1\n")])


@pytest.mark.parametrize("names", [("orders-0/0.log",), (METADATA, "orders-0/0.log")])
def test_directory_in_use_is_told_so_before_all_else(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Whoever is refused for what lies in a directory that another broker has open could not do anything with that advice."""
    running, free = fill(tmp_path / "a", *names), fill(tmp_path / "b", *names)
    lock = DirectoryLock(Files(), running)
    with pytest.raises(DataDirectoryError, match=r"a is in use: another broker holds .*\.lock"):
        check_given(Files(), [running, free])
    lock.release()
    with pytest.raises(DataDirectoryError, match=r"no directory that was given|each hold metadata"):
        check_given(Files(), [running, free])


def test_second_broker_on_one_of_two_directories(tmp_path: Path) -> None:
    """A broker runs over two directories; one that is given only the one without the metadata is told that it is in use."""
    paths = [str(tmp_path / name) for name in "ab"]
    first = BrokerConfig(data_dir=",".join(paths), topics={"t": 2})

    async def main() -> None:
        async with Broker(first) as broker:
            state = broker._rooms.state  # type: ignore[union-attr]  # it runs
            for index in range(2):
                state.partitions.find("t", index).append_records(build_batch([(None, b"v", 1)]))
            assert {state.partitions.find("t", index).log.directory for index in range(2)} == set(paths)
            with pytest.raises(DataDirectoryError, match="b is in use: another broker"):
                async with Broker(BrokerConfig(data_dir=paths[1])):
                    pass

    trio.run(main)
