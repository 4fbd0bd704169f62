"""The main stories of transactions, told in `stories/*.txt`; see `stage` for what may happen in one."""

from pathlib import Path

import pytest

from tests.core.stories import play, stories_beside
from tests.core.transactions.stage import TransactionStage


@pytest.mark.parametrize("path", stories_beside(__file__), ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    """It goes as it is told."""
    play(path, TransactionStage())
