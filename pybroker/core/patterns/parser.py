"""From the text of a pattern to its program, by the syntax of RE2 (as RE2/J, which Kafka uses, has it).

Theory: one pass with a stack of open groups, so that nesting takes no stack of ours. A group gathers its finished branches and the sequence
it is in; `atom` is where in the sequence the last thing begins that `*` and its like may repeat.

Not here, for RE2 has not got it: references back, looking around, atomic groups, possessive repetition. `\\C` neither, which RE2/J lacks.
Not here, for Python does not know them: scripts (`\\p{Greek}`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pybroker.core.patterns.chars import ANY, ANY_BUT_NEWLINE, LAST_CODE, PERL, POSIX, Chars, category, merged, named, one
from pybroker.core.patterns.program import MOST_INSTRUCTIONS, At, BadPattern, Code, any_of, demand, let_pass, repeated

MOST_REPEATS = 1000
DEEPEST_NESTING = 1000
MOST_WRITTEN = 50 * MOST_INSTRUCTIONS
"""Each group and each repetition writes anew what is in it, and `{0}` throws it away: so long does that go on, some 50 ms."""

_COUNTED = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_NAME = re.compile(r"P?<([A-Za-z0-9_]+)>", re.ASCII)
_FLAGS = re.compile(r"([imsU]*)(?:-([imsU]+))?([:)])")
_PROPERTY = re.compile(r"\{(\^?)([^{}]*)\}|([A-Za-z])")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_HEX = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PLACES = {"A": At.TEXT_START, "z": At.TEXT_END, "b": At.WORD_EDGE, "B": At.NO_WORD_EDGE}


@dataclass(slots=True)
class _Group:
    """An open group; `flags` are those to go back to behind it."""

    flags: frozenset[str]
    branches: list[Code] = field(default_factory=list)
    sequence: Code = field(default_factory=list)
    atom: int | None = None
    is_repeated: bool = False


def parse(pattern: str) -> Code:
    """The program of a pattern. Raises BadPattern."""
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._groups = [_Group(self._flags)]
        self._names: set[str] = set()
        self._written = 0

    def parse(self) -> Code:
        while self._at < len(self._text):
            self._take_one()
        if len(self._groups) > 1:
            raise BadPattern("a group is not closed")
        return self._close(self._groups[0])

    # What is met

    def _take_one(self) -> None:
        char = self._text[self._at]
        self._at += 1
        if char == "(":
            self._open_group()
        elif char == ")":
            self._close_group()
        elif char == "|":
            group = self._groups[-1]
            group.branches.append(group.sequence)
            group.sequence, group.atom, group.is_repeated = [], None, False
        elif char in "*+?":
            self._repeat(1 if char == "+" else 0, 1 if char == "?" else None)
        elif char == "{" and (counted := _COUNTED.match(self._text, self._at - 1)):
            self._repeat_counted(counted)
        else:
            self._take_atom(char)

    def _take_atom(self, char: str) -> None:
        if char == "[":
            self._add(let_pass(self._take_class()))
        elif char == ".":
            self._add(let_pass(ANY if "s" in self._flags else ANY_BUT_NEWLINE))
        elif char == "^":
            self._add(demand(At.LINE_START if "m" in self._flags else At.TEXT_START))
        elif char == "$":
            self._add(demand(At.LINE_END if "m" in self._flags else At.TEXT_END))
        elif char == "\\":
            self._take_escape()
        else:
            self._add_literal(char)

    def _add(self, code: Code) -> None:
        group = self._groups[-1]
        group.atom, group.is_repeated = len(group.sequence), False
        group.sequence += code
        self._bound(len(code), len(group.sequence))

    def _bound(self, written: int, size: int) -> None:
        self._written += written
        if size > MOST_INSTRUCTIONS or self._written > MOST_WRITTEN:
            raise BadPattern(f"it is larger than {MOST_INSTRUCTIONS} instructions")

    def _add_literal(self, char: str) -> None:
        self._add(let_pass(one(char, ignores_case="i" in self._flags)))

    # Groups

    def _open_group(self) -> None:
        before = self._flags
        if self._text.startswith("?", self._at):
            self._at += 1
            named = _NAME.match(self._text, self._at)
            if named is not None:
                self._note_name(named[1])
                self._at = named.end()
            elif not self._take_flags():
                return
        if len(self._groups) > DEEPEST_NESTING:
            raise BadPattern("it is nested too deeply")
        self._groups.append(_Group(before))

    def _note_name(self, name: str) -> None:
        if name in self._names:
            raise BadPattern(f"two groups are called {name}")
        self._names.add(name)

    def _take_flags(self) -> bool:
        """`(?i)`, or `(?i:` which begins a group: whether it does."""
        found = _FLAGS.match(self._text, self._at)
        if found is None:
            raise BadPattern("what follows (? is unknown")
        self._at = found.end()
        self._flags = (self._flags | frozenset(found[1])) - frozenset(found[2] or "")
        return found[3] == ":"

    def _close_group(self) -> None:
        if len(self._groups) == 1:
            raise BadPattern("there is no group to be closed")
        group = self._groups.pop()
        self._flags = group.flags
        self._add(self._close(group))

    def _close(self, group: _Group) -> Code:
        code = any_of([*group.branches, group.sequence])
        self._bound(len(code), len(code))
        return code

    # Repetition

    def _repeat_counted(self, counted: re.Match[str]) -> None:
        self._at = counted.end()
        digits = (counted[1], counted[3] or "")
        if max(map(len, digits)) > 4 or any(int(each or 0) > MOST_REPEATS for each in digits):
            raise BadPattern(f"more than {MOST_REPEATS} repetitions")
        least = int(counted[1])
        most = least if counted[2] is None else int(counted[3]) if counted[3] else None
        if most is not None and most < least:
            raise BadPattern("the most repetitions are fewer than the least")
        self._repeat(least, most)

    def _repeat(self, least: int, most: int | None) -> None:
        group = self._groups[-1]
        if group.atom is None:
            raise BadPattern("there is nothing to be repeated")
        if group.is_repeated:
            raise BadPattern("what is repeated cannot be repeated again")
        if self._text.startswith("?", self._at):
            self._at += 1
        atom = group.sequence[group.atom :]
        del group.sequence[group.atom :]
        self._add(repeated(atom, least, most))
        group.is_repeated = True

    # Escapes

    def _take_escape(self) -> None:
        char = self._next("a pattern cannot end with \\")
        if char in _PLACES:
            self._add(demand(_PLACES[char]))
        elif char == "Q":
            end = self._text.find("\\E", self._at)
            quoted = self._text[self._at :] if end < 0 else self._text[self._at : end]
            self._at = len(self._text) if end < 0 else end + 2
            for each in quoted:
                self._add_literal(each)
        else:
            found = self._escaped_set(char)
            if found is None:
                self._add_literal(self._escaped_char(char))
            else:
                self._add(let_pass(found))

    def _next(self, error: str) -> str:
        if self._at >= len(self._text):
            raise BadPattern(error)
        self._at += 1
        return self._text[self._at - 1]

    def _escaped_set(self, char: str) -> Chars | None:
        if char.lower() in PERL:
            return self._named(PERL[char.lower()], negated=char.isupper())
        if char not in "pP":
            return None
        found = _PROPERTY.match(self._text, self._at)
        known = None if found is None else category(found[2] if found[3] is None else found[3])
        if found is None or known is None:
            raise BadPattern("a class of characters that is unknown")
        self._at = found.end()
        return self._named(known, negated=(char == "P") != bool(found[1]))

    def _named(self, known: Chars, *, negated: bool) -> Chars:
        return named(known, negated=negated, ignores_case="i" in self._flags)

    def _escaped_char(self, char: str) -> str:
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            return self._hexadecimal()
        octal = _OCTAL.match(self._text, self._at - 1)
        if octal is not None:
            self._at = octal.end()
            return chr(int(octal[0], 8))
        if char.isascii() and char.isalnum():
            raise BadPattern(f"\\{char} is unknown")
        return char

    def _hexadecimal(self) -> str:
        found = _HEX.match(self._text, self._at)
        code = -1 if found is None else int(found[1] or found[2], 16)
        if found is None or code > LAST_CODE:
            raise BadPattern("\\x needs two digits, or more in braces")
        self._at = found.end()
        return chr(code)

    # Classes

    def _take_class(self) -> Chars:
        negated = self._text.startswith("^", self._at)
        self._at += negated
        ranges: list[tuple[int, int]] = []
        sets: set[Chars] = set()
        is_first = True
        while is_first or not self._text.startswith("]", self._at):
            is_first = False
            found = self._set_in_class()
            if found is None:
                ranges.append(self._range_in_class())
            else:
                sets.add(found)
        self._at += 1
        return Chars(merged(ranges), sets=tuple(sets), negated=negated, ignores_case="i" in self._flags)

    def _set_in_class(self) -> Chars | None:
        posix = _POSIX_CLASS.match(self._text, self._at)
        if posix is not None:
            if posix[2] not in POSIX:
                raise BadPattern(f"[:{posix[2]}:] is unknown")
            self._at = posix.end()
            return named(POSIX[posix[2]], negated=bool(posix[1]), ignores_case=False)
        if self._text.startswith(("\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\p", "\\P"), self._at):
            self._at += 2
            return self._escaped_set(self._text[self._at - 1])
        return None

    def _range_in_class(self) -> tuple[int, int]:
        first = last = self._char_in_class()
        if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
            self._at += 1
            last = self._char_in_class()
        if last < first:
            raise BadPattern("a range of characters is the wrong way round")
        return ord(first), ord(last)

    def _char_in_class(self) -> str:
        char = self._next("a class of characters is not closed")
        return self._escaped_char(self._next("a class of characters is not closed")) if char == "\\" else char
