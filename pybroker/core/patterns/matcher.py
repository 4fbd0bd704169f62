"""Whether a whole text matches, one character after another, all possibilities at once.

Theory: a text is walked once; what is kept is the set of instructions that it may be at. So time is at most the length of the text times
that of the program, whatever the pattern: nothing is tried twice. What was found for a set and a character is remembered, up to a limit
(the lazy DFA of RE2), so most steps are two look-ups. A `Matching` does so much at a time as it is told: whoever lists ten thousand names
lets others run in between.
"""

from __future__ import annotations

from typing import TypeVar

from pybroker.core.patterns.chars import is_word
from pybroker.core.patterns.parser import parse
from pybroker.core.patterns.program import At, Instruction, Op

MOST_REMEMBERED = 200_000
"""Of how many instructions, in all sets together, is remembered what follows: some 10 MB."""

Places = frozenset[int]
T = TypeVar("T", int, str)


class Pattern:
    """A compiled pattern. Raises BadPattern."""

    __slots__ = ("_after", "_free", "_reach", "_remembered", "_sets", "chars", "end")

    def __init__(self, pattern: str) -> None:
        code = parse(pattern)
        self.end = len(code)  # the place behind the last instruction: who gets there has matched
        self.chars = [each.chars for each in code]
        self._free = [_free_ways(place, each) for place, each in enumerate(code)] + [None]
        self._reach: dict[tuple[Places, int], Places] = {}
        self._after: dict[tuple[Places, str], Places] = {}
        self._sets: dict[Places, Places] = {}  # what is remembered, each once: the same ones are found without being compared
        self._remembered = 0

    def matches(self, text: str) -> bool:
        """Whether the whole text matches, in one go."""
        matching = Matching(self, text)
        while matching.result is None:
            matching.advance(len(text) + 1)
        return matching.result

    def reach(self, places: Places, at: int) -> tuple[Places, int]:
        """Where one gets to from there without a character, where `at` holds; and how many instructions were looked at for it."""
        known = self._reach.get((places, at))
        if known is not None:
            return known, 1
        free = self._free
        reached = []
        waiting, seen = list(places), set(places)
        for place in waiting:
            ways = free[place]
            if ways is None:
                reached.append(place)
            elif not ways[0] or ways[0] & at:
                for following in ways[1]:
                    if following not in seen:
                        seen.add(following)
                        waiting.append(following)
        return self._remember(self._reach, (places, at), frozenset(reached)), len(seen) + 1

    def after(self, places: Places, char: str) -> tuple[Places, int]:
        """Where one is behind a character; and how many instructions were looked at for it."""
        known = self._after.get((places, char))
        if known is not None:
            return known, 1
        chars = self.chars
        passes: dict[int, bool] = {}  # what was repeated is many places with one set
        behind, looked = [], len(places) + 1
        for place in places:
            if place != self.end:
                each = chars[place]
                if id(each) not in passes:
                    passes[id(each)] = each.has(char)
                    looked += each.size
                if passes[id(each)]:
                    behind.append(place + 1)
        return self._remember(self._after, (places, char), frozenset(behind)), looked

    def _remember(self, known: dict[tuple[Places, T], Places], key: tuple[Places, T], found: Places) -> Places:
        self._remembered += len(key[0]) + len(found) + 1
        if self._remembered > MOST_REMEMBERED:
            return found
        found = known[key] = self._sets.setdefault(found, found)
        return found


def _free_ways(place: int, instruction: Instruction) -> tuple[int, tuple[int, ...]] | None:
    """Where it leads without a character, and the bits of which one must hold (0: always); None if it takes a character."""
    if instruction.op is Op.CHARS:
        return None
    if instruction.op is Op.ASSERT:
        return instruction.at, (place + 1,)
    return 0, tuple(place + way for way in instruction.ways)


class Matching:
    """One text on its way through a pattern; `result` is None until it is known."""

    __slots__ = ("_at", "_pattern", "_places", "_text", "result")

    def __init__(self, pattern: Pattern, text: str) -> None:
        self.result: bool | None = None
        self._pattern = pattern
        self._text = text
        self._at = 0
        self._places: Places = frozenset((0,))

    def advance(self, budget: int) -> int:
        """Go on until that many instructions were looked at, or a few more; returns how many."""
        spent = 0
        while self.result is None and spent < budget:
            reached, looked = self._pattern.reach(self._places, self._here())
            spent += looked
            if self._at == len(self._text):
                self.result = self._pattern.end in reached
            elif not reached:
                self.result = False
            else:
                self._places, looked = self._pattern.after(reached, self._text[self._at])
                spent += looked
                self._at += 1
        return spent

    def _here(self) -> int:
        text, at = self._text, self._at
        before, behind = text[at - 1 : at] if at else "", text[at : at + 1]
        found = At.WORD_EDGE if (before != "" and is_word(before)) != (behind != "" and is_word(behind)) else At.NO_WORD_EDGE
        bits = int(found)
        if before in ("", "\n"):
            bits |= At.LINE_START if before else At.LINE_START | At.TEXT_START
        if behind in ("", "\n"):
            bits |= At.LINE_END if behind else At.LINE_END | At.TEXT_END
        return bits
