"""What is read before anything is taken is not read again, unless it has changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker.runtime import first_look
from pybroker.runtime.first_look import FirstLook
from pybroker.runtime.metadata_log import MetadataLog
from tests.one_of_three import opened

SEGMENT = "__cluster_metadata-0/00000000000000000000.log"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A note for each time that the log of an open store is replayed."""
    noted: list[str] = []
    replay = MetadataLog.replay

    def noting(metadata: MetadataLog, image: Any) -> None:
        noted.append("again")
        replay(metadata, image)

    monkeypatch.setattr(MetadataLog, "replay", noting)
    return noted


async def topics_of(path: Path, *, after: str | None = None) -> list[str]:
    """What a start finds, which then makes another topic."""
    async with opened(path) as room:
        found = sorted(room.state().cluster.topics)
        if after is not None:
            assert await room.create(after) == 0
        return found


def test_metadata_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    """After a clean stop, and after a crash that tore the end of the log off, which is cut where the reading ended."""

    async def main() -> None:
        assert await topics_of(tmp_path, after="a") == []
        assert reads == ["again"]  # there was nothing to look at
        assert await topics_of(tmp_path, after="b") == ["a"]
        (tmp_path / ".kafka_cleanshutdown").unlink()
        with (tmp_path / SEGMENT).open("ab") as file:
            file.write(bytes(70))
        assert await topics_of(tmp_path) == ["a", "b"]
        assert reads == ["again"]

    trio.run(main)


def test_log_that_changed_meanwhile_is_read_again(tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is locked while it is looked at: another broker may have come and gone."""
    look_at = first_look.look_at

    def early(*arguments: Any, **options: Any) -> FirstLook | None:
        found = look_at(*arguments, **options)
        if found is None:
            return None
        found.image.topics.clear()
        return found._replace(log_end_offset=found.log_end_offset - 1)

    async def main() -> None:
        await topics_of(tmp_path, after="a")
        reads.clear()
        monkeypatch.setattr(first_look, "look_at", early)
        assert await topics_of(tmp_path) == ["a"]
        assert reads == ["again"]

    trio.run(main)
