"""Stories: scenario files as text, one step in a line, played on the machines themselves.

    # what the story is about; lines that begin with # and empty ones are passed over
    A: join -> waits            somebody does something, and this is the answer
    A hears -> generation 1     the answer to what waited
    time +45s                   time passes, with all that becomes due in it
    crash                       something that nobody does

What stands behind `->` must be the answer, to the letter; without it any answer will do. A stage is an object with a method `do` that takes
the actor (empty where there is none), the verb and its words, and returns the answer. Where a story goes wrong it is shown up to there, as
it was told, with the answer that came: whoever writes one leaves the answers out and copies them from there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

import pytest

_STEP = re.compile(r"(?:(?P<actor>\w+): )?(?P<words>.*?)(?:\s+-> (?P<answer>.*))?")
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Stage(Protocol):
    """Where a story is played."""

    def do(self, actor: str, verb: str, words: list[str]) -> str: ...

    def unheard(self) -> list[str]: ...


def play(path: Path, stage: Stage) -> None:
    """Play a story; pytest fails with what happened up to where it went wrong."""
    told: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        told.append(line.rstrip())
        if not line.strip() or line.startswith("#"):
            continue
        step = _STEP.fullmatch(line.strip())
        assert step is not None
        words = step["words"].split()
        answer = stage.do(step["actor"] or "", words[0], words[1:])
        if step["answer"] is None:
            told[-1] += f" -> {answer}" if answer else ""
        elif step["answer"] != answer:
            pytest.fail("\n".join(["", *told, f"{' ' * line.index('->')}!! {answer}"]), pytrace=False)
    if left := stage.unheard():
        pytest.fail("\n".join(["", *told, *(f"!! nobody said that {each}" for each in left)]), pytrace=False)


def duration_ms(word: str) -> int:
    """`+45s`, `+500ms`, `+7d` in milliseconds."""
    found = re.fullmatch(r"\+(\d+)(ms|s|m|h|d)", word)
    assert found is not None, f"{word} is no time"
    return int(found[1]) * _UNITS_MS[found[2]]


def spoken(error: int, names: type) -> str:
    """An error as a story says it: `unknown member id`."""
    return str(names(error).name).lower().replace("_", " ")


def stories_beside(path: str) -> list[Path]:
    """The story files of a test module."""
    return sorted((Path(path).parent / "stories").glob("*.txt"))
