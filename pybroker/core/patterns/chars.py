"""Sets of characters: what one place of a pattern lets pass.

As RE2 has them: `\\d`, `\\s`, `\\w` and `[:alpha:]` are of ASCII; `\\pL` and `\\p{Lu}` are Unicode's general categories. What `(?i)` joins
are the characters that have a lower or upper case in common.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LAST_CODE = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters as ranges in order, none of which touches another."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return tuple(found)


@dataclass(slots=True, frozen=True)
class Chars:
    """Those in a range (see `merged`), of a category (by its first letter or by both) or in one of other sets; all others if `negated`."""

    ranges: Ranges = ()
    categories: tuple[str, ...] = ()
    sets: tuple[Chars, ...] = ()
    negated: bool = False
    ignores_case: bool = False

    @property
    def size(self) -> int:
        """What `has` costs, by the number of sets that it looks into."""
        return 1 + len(self.sets)

    def has(self, char: str) -> bool:
        """Whether the character is one of them."""
        found = any(map(self._has, _cases(char))) if self.ignores_case else self._has(char)
        return found != self.negated

    def _has(self, char: str) -> bool:
        code = ord(char)
        at = bisect(self.ranges, (code, LAST_CODE))
        if at and code <= self.ranges[at - 1][1]:
            return True
        if self.categories and unicodedata.category(char).startswith(self.categories):
            return True
        return any(each.has(char) for each in self.sets)


@lru_cache(maxsize=4096)
def _cases(char: str) -> tuple[str, ...]:
    found = {char}
    for _ in range(2):
        found |= {other for each in found for other in (each.lower(), each.upper(), each.casefold()) if len(other) == 1}
    return tuple(found)


def one(char: str, *, ignores_case: bool = False) -> Chars:
    """The set of a single character, or of all its cases."""
    others = _cases(char) if ignores_case else (char,)
    return Chars(merged((ord(each), ord(each)) for each in others), ignores_case=ignores_case)


def _spans(text: str) -> Ranges:
    return merged((ord(pair[0]), ord(pair[-1])) for pair in text.split())


ANY = Chars(((0, LAST_CODE),))
ANY_BUT_NEWLINE = Chars(((10, 10),), negated=True)

PERL = {"d": Chars(_spans("09")), "s": Chars(((9, 10), (12, 13), (32, 32))), "w": Chars(_spans("09 AZ az _"))}

POSIX = {
    "alnum": Chars(_spans("09 AZ az")),
    "alpha": Chars(_spans("AZ az")),
    "ascii": Chars(((0, 127),)),
    "blank": Chars(((9, 9), (32, 32))),
    "cntrl": Chars(((0, 31), (127, 127))),
    "digit": PERL["d"],
    "graph": Chars(((33, 126),)),
    "lower": Chars(_spans("az")),
    "print": Chars(((32, 126),)),
    "punct": Chars(((33, 47), (58, 64), (91, 96), (123, 126))),
    "space": Chars(((9, 13), (32, 32))),
    "upper": Chars(_spans("AZ")),
    "word": PERL["w"],
    "xdigit": Chars(_spans("09 AF af")),
}

_CATEGORIES = {"C": "cfos", "L": "lmotu", "M": "cen", "N": "dlo", "P": "cdefios", "S": "ckmo", "Z": "lps"}


@lru_cache(maxsize=128)
def category(name: str) -> Chars | None:
    """What `\\p{name}` stands for, None if that is nothing known here. Scripts (`\\p{Greek}`) are not: Python does not know them."""
    if name == "Any":
        return ANY
    if name[:1] in _CATEGORIES and len(name) <= 2 and name[1:] in _CATEGORIES[name[:1]]:
        return Chars(categories=(name,))
    return None


@lru_cache(maxsize=512)
def named(known: Chars, *, negated: bool, ignores_case: bool) -> Chars:
    """A set that has a name, or what is not in it."""
    return Chars(sets=(known,), negated=negated, ignores_case=ignores_case)


def is_word(char: str) -> bool:
    """Whether `\\b` takes the character for part of a word."""
    return char == "_" or (char.isascii() and char.isalnum())
