"""The main stories of a group, told in `stories/*.txt`; see `stage` for what may happen in one."""

from pathlib import Path

import pytest

from tests.core.groups.stage import GroupStage
from tests.core.stories import play, stories_beside


@pytest.mark.parametrize("path", stories_beside(__file__), ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    """It goes as it is told."""
    play(path, GroupStage())
