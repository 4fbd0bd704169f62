"""Words for people: numbers with their nouns, and some of many names."""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 3


def counted(number: int, noun: str) -> str:
    """`1 batch`, `1,204 records`."""
    plural = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    ending = "ies" if noun.endswith("y") and number != 1 else None
    return f"{number:,} {noun[:-1] + ending if ending else noun + plural}"


def shown(names: Sequence[str]) -> str:
    """Some of them: `a-0, a-1, a-2, ...`."""
    return ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")


def named(names: Sequence[str], noun: str) -> str:
    """How many, and some of them: `2 partitions (a-0, b-1)`."""
    return f"{counted(len(names), noun)} ({shown(names)})"
