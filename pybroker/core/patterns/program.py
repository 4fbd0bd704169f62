"""What a pattern is compiled to: instructions whose jumps are relative, so that a piece can be put anywhere and repeated by copying.

(Thompson 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach". Which of several matches is found does not matter to
Kafka, which asks only whether the whole text matches; so there are no priorities and no captures.)
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from pybroker.core.patterns.chars import Chars

MOST_INSTRUCTIONS = 10_000
"""What a pattern may grow to, counted repetitions written out: time per character is at most proportional to it, some 5 ms."""


class Op(IntEnum):
    """What an instruction does."""

    CHARS = 0
    SPLIT = 1
    ASSERT = 2


class At(IntEnum):
    """What an assertion may ask of a place in the text, as bits."""

    TEXT_START = 1
    TEXT_END = 2
    LINE_START = 4
    LINE_END = 8
    WORD_EDGE = 16
    NO_WORD_EDGE = 32


class Instruction(NamedTuple):
    """CHARS goes on behind a character of `chars`, ASSERT where the place is `at`; SPLIT goes on at each of `ways`, relative to itself."""

    op: Op
    chars: Chars = Chars()
    at: int = 0
    ways: tuple[int, ...] = ()


Code = list[Instruction]


class BadPattern(ValueError):
    """A pattern that RE2 refuses, or one that is larger than allowed here."""


def let_pass(chars: Chars) -> Code:
    """One of these characters."""
    return [Instruction(Op.CHARS, chars=chars)]


def demand(at: At) -> Code:
    """No character, but a place of this kind."""
    return [Instruction(Op.ASSERT, at=at)]


def split(*ways: int) -> Instruction:
    """On at each of these, relative to itself."""
    return Instruction(Op.SPLIT, ways=ways)


def any_of(branches: list[Code]) -> Code:
    """Any one of several."""
    if len(branches) == 1:
        return branches[0]
    starts, at = [], 1
    for branch in branches:
        starts.append(at)
        at += len(branch) + 1
    code = [split(*starts)]
    for branch in branches:
        code += branch
        code.append(split(at - len(code)))
    return code


def repeated(code: Code, least: int, most: int | None) -> Code:
    """So many of it, one after another; `most` None: without end. Raises BadPattern where that is too many."""
    if len(code) * max(least, most or 0, 1) > MOST_INSTRUCTIONS:
        raise BadPattern(f"it is larger than {MOST_INSTRUCTIONS} instructions")
    if most is None:
        once = [split(1, len(code) + 2), *code, split(-len(code) - 1)]
        return code * least + once
    optional = most - least
    step = len(code) + 1
    whole = code * least
    for left in range(optional, 0, -1):
        whole.append(split(1, left * step))
        whole += code
    return whole
