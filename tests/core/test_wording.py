"""Words for people."""

from __future__ import annotations

import pytest

from pybroker.core.wording import counted, named


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "batch", "1 batch"),
        (2, "batch", "2 batches"),
        (0, "record", "0 records"),
        (1204, "record", "1,204 records"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
    ],
)
def test_counts(number: int, noun: str, text: str) -> None:
    """Numbers with their nouns."""
    assert counted(number, noun) == text


def test_names() -> None:
    """All of a few names, the first of many, and how many there are."""
    assert named(["a-0"], "partition") == "1 partition (a-0)"
    assert named([f"a-{index}" for index in range(1500)], "partition") == "1,500 partitions (a-0, a-1, a-2, ...)"
