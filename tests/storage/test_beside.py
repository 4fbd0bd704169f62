"""Work for many things at once: each gets it once."""

from __future__ import annotations

from threading import current_thread

import pytest

from pybroker.storage.beside import FEW, for_each


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 500])
def test_each_once(count: int) -> None:
    """Nothing is done twice and nothing is left out, and all is done when the call returns."""
    done: list[int] = []
    for_each(done.append, iter(range(count)))
    assert sorted(done) == list(range(count))


def test_a_few_in_order_on_the_own_thread() -> None:
    """Few things are done one after another by the caller."""
    done: list[tuple[int, str]] = []
    for_each(lambda number: done.append((number, current_thread().name)), range(FEW))
    assert done == [(number, current_thread().name) for number in range(FEW)]
