"""The inputs that fuzzing found worth keeping, replayed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TARGETS = runpy.run_path(str(HERE / "targets.py"))["TARGETS"]
PART = 100  # inputs in one test: enough to be few tests, few enough to be quick ones


def inputs(target: str) -> list[bytes]:
    """The kept inputs of a target; none before the first fuzzing."""
    path = HERE / "corpus" / f"{target}.hex"
    return [bytes.fromhex(line) for line in path.read_text().split()] if path.exists() else []


CASES = [(target, first) for target in TARGETS for first in range(0, max(1, len(inputs(target))), PART)]


@pytest.mark.parametrize(("target", "first"), CASES)
def test_kept_inputs_end_in_a_result_or_a_documented_error(target: str, first: int) -> None:
    """No input that ever reached new code makes it fail in a way that its room does not document."""
    for data in inputs(target)[first : first + PART]:
        TARGETS[target](data)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_nothing_at_all_is_harmless(target: str) -> None:
    """Empty input, and a single byte of each kind, end the same way."""
    for data in (b"", b"\x00", b"\x7f", b"\xff"):
        TARGETS[target](data)
