"""Patterns: what Apache Kafka 4.4.0 answered to each of many, asked to list one transactional id by it; and that time stays linear."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.patterns.chars import Chars
from pybroker.core.patterns.matcher import Matching, Pattern
from pybroker.core.patterns.parser import parse
from pybroker.core.patterns.program import MOST_INSTRUCTIONS, BadPattern

TEXT = "t-abcdefgh"

MATCHING = r"""
(?i)T-.*
\pL-.*
[[:alpha:]]-.*
t-.*\z
(?P<n>t)-.*
(?<n>t)-.*
\Qt-\E.*
(?s).*
.*-.*
^t-.*$
(t|x)-.*
\bt\b.*
\x{74}-.*
(?U)t.*
[^-]-.*
(?:t)-.*
(?m)^t.*
\At.*
((((((t))))))-.*
t.{0,1000}
[\w-]+
t-(.*)?
\p{L}+.*
[\p{L}-]+.*
[[:word:]-]+
[^[:digit:]]+.*
(?i:T)-.*
(?-s).*
(?i-s)T-.*
(?i)[T]-.*
|t-.*
t-.*|
a||t-.*
t-[]a]*.*
t-[^]a]*.*
t{1}-.*
t{0,}-.*
t{1,1}-.*
t*?-.*
t??t-.*
t+?-.*
t{1}?-.*
(?P<1>t).*
t\-.*
\D\W.*
\S+
[\D]+.*
[^\W]-.*
^^t-.*$$
(^t)-.*
t(?i)-.*
(?ims)T-.*
(?imsU)T-.*
(?is-mU:T)-.*
(?ii)T-.*
\p{Ll}.*
\p{Any}-.*
[\pL]-.*
(?i)\p{Lu}-.*
(?i)\Qt\E-.*
[\x{74}]-.*
[\164]-.*
[t-\x{74}]-.*
[-t]+.*
[t-]+.*
[a-b-t]+.*
(?s)t.+
(|t)-.*
(|t){3}-.*
(?:(?:(?:t)))-.*
t{0}t-.*
(?U)t-.*?
\b*t-.*
(\b)*t-.*
t-.{1,1000}
"""

OTHERS = r"""
a{1000}
t-
\d+
[a-z&&[^b]]-.*
(a+)+$
(x{1000}){2}
t.{,5}.*
\p{Lu}
\07
\123
\a
\P{L}.*
\p{^L}.*
[[:^alpha:]].*
()
t-]
t{
t{1
()|
\Q
\Qt
\Q)\Et
\x41
\07t
\0
\_
\-
\é
é
\pN
\pZ.*
.\B.*
(a{0,500}){0,2}
(a{0,500}){0,3}
((a{100}){10}){2}
(a*){1000}
(a{2}){500}
(a{2}){501}
^*
$*
t-^
(?i)K
\v
\f
\n
\t
\r
\z
\A
(?i)(?-i)T-.*
x*
t{2,}
\b
\141
\1641
\777
t,{1}
"""

REFUSED = r"""
a{1001}
\C.*
t**
t++
t(?=-).*
(t)\1
[
*
a**
\
t.*\Z
(?x)t -.*
(?u)t.*
(?a)t.*
t-(?#c).*
\h
\R
(?P>n)
x{2}{3}
\u0074.*
\N{DIGIT ONE}
\p{Nope}
\e
[[:nope:]].*
t-[
[a-
[z-a]
[a-\d]
t{1,0}
(
)
(?P<n>t)(?P<n>-).*
(?P<é>t).*
(?:
(?
(?i
\x{110000}
\x{74
\xZZ
\8
\p{
\p
[\Q]\E]
[a\
[\b]
\G
\X
\c
\K
(?>t)-.*
(?<=t)-.*
(?<!t)-.*
(?!t)-.*
(?#x)t-.*
(?i-)T-.*
(?-)t-.*
(?--i)t
\p{Letter}
\p{IsLatin}
\p{ll}.*
\pl
[t--]+.*
t-.*{2}
t-.{1,1001}
\C
"""


def each(patterns):
    """The patterns of a table, one in a line."""
    return patterns.strip("\n").split("\n")


@pytest.mark.parametrize("pattern", each(MATCHING))
def test_patterns_that_match(pattern):
    """Kafka lists the id."""
    assert Pattern(pattern).matches(TEXT)


@pytest.mark.parametrize("pattern", each(OTHERS))
def test_patterns_that_do_not_match(pattern):
    """Kafka takes the pattern, and lists nothing."""
    assert not Pattern(pattern).matches(TEXT)


@pytest.mark.parametrize("pattern", each(REFUSED))
def test_patterns_that_are_none(pattern):
    """Kafka says INVALID_REGULAR_EXPRESSION."""
    with pytest.raises(BadPattern):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", [r"\p{Greek}", "(a{1000}){11}", "(" * 1002 + ")" * 1002, "a" * (MOST_INSTRUCTIONS + 1)])
def test_patterns_that_kafka_would_take(pattern):
    """Scripts, and what grows too large."""
    with pytest.raises(BadPattern):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(a+)+$", "a" * 5000 + "b"), ("(a|a)*", "a" * 5000 + "b"), ("((((a*)*)*)*)*b", "a" * 5000)],
)
def test_nothing_is_tried_twice(pattern, text):
    """What makes a backtracking matcher take years looks at a few instructions for each character."""
    matching = Matching(Pattern(pattern), text)
    looked_at = 0
    while matching.result is None:
        looked_at += matching.advance(1000)
    assert (matching.result, looked_at < 40 * len(text)) == (False, True)


def test_a_long_match_goes_on_where_it_was():
    """A piece at a time it comes to the same, and no piece is much larger than was allowed."""
    pattern, text = Pattern("(a|b)*a(a|b){150}"), "ab" * 100 + "b"
    matching, pieces = Matching(pattern, text), []
    while matching.result is None:
        pieces.append(matching.advance(2000))
    assert matching.result is pattern.matches(text) is True
    assert len(pieces) > 10
    assert max(pieces) < 2000 + 2 * len(pattern.chars)


def of_many_ranges(count):
    """A class of so many characters, none beside another."""
    return "[" + "".join(chr(0x4E00 + 2 * number) for number in range(count)) + "]"


def test_a_large_class_is_looked_up():
    """What a character costs does not grow with the ranges of a class, in whatever order they were named, and sets count once."""
    chars = parse("[" + of_many_ranges(8_000)[:0:-1][1:] + r"\pL\pN" * 2_000 + "]")[0].chars
    assert len(chars.ranges) == 8_000
    assert chars.ranges == tuple(sorted(chars.ranges))
    assert chars.size == 3
    assert (chars.has("\u4e00"), chars.has("\u4e02"), chars.has("!")) == (True, True, False)


def test_a_set_is_asked_once_for_a_character(monkeypatch):
    """A thousand places of a repeated class are one question; the step counts its size."""
    asked = []
    has = Chars.has
    monkeypatch.setattr(Chars, "has", lambda chars, char: asked.append(char) or has(chars, char))
    pattern = Pattern("(?:" + of_many_ranges(100) + "?){1000}x")
    assert not pattern.matches("\u4e00\u4e02")
    assert len(asked) <= 4


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:x{1000}){9}){0}" * 1_500,
        "(?:" * 900 + "x{1000}" * 8 + ")?" * 900,
        "(?:" * 990 + "x{1000}" * 9 + "){1}" * 990,
        "(" * 1_000 + "x{1000}" * 9 + ")" * 1_000,
        "(|" * 990 + "x{1000}" * 7 + ")" * 990,
    ],
    ids=["thrown away", "nested ?", "nested {1}", "nested groups", "nested branches"],
)
def test_what_is_written_again_and_again_is_bounded(pattern):
    """A pattern of 30 kB that would write millions of instructions on its way to few is refused."""
    with pytest.raises(BadPattern):
        Pattern(pattern)


def test_nested_deeply_but_small_is_taken():
    """A thousand groups around a few letters are no work."""
    assert Pattern("(" * 1_000 + "t-.*" + ")" * 1_000).matches(TEXT)


CLASSES = st.builds(
    lambda negated, items: f"[{negated}{''.join(items)}]",
    st.sampled_from(["", "^"]),
    st.lists(st.sampled_from(["a", "B", "-a", "a-c", "b-d", "A-C", "0-5", "3", r"\d", r"\W", r"\D", " -/", "_"]), min_size=1, max_size=5),
)
"""Ranges that overlap, touch and lie in no order."""


@settings(derandomize=True, deadline=None, max_examples=15)
@given(CLASSES, st.booleans())
def test_classes_are_those_of_python(written, ignores_case):
    """Every ASCII character, against another engine."""
    try:
        same = re.compile(("(?i)" if ignores_case else "") + written, re.ASCII)
    except re.error:
        return
    pattern = Pattern(("(?i)" if ignores_case else "") + written)
    assert [chr(code) for code in range(128) if pattern.matches(chr(code))] == [
        chr(code) for code in range(128) if same.fullmatch(chr(code))
    ]


SAME_IN_PYTHON = st.recursive(
    st.sampled_from(["a", "b", "-", ".", r"\d", r"\w", "[ab]", "[^a]", "^", "$", r"\b", "[a-c]"]),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"])).map(lambda two: f"(?:{two[0]}){two[1]}")
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(SAME_IN_PYTHON, st.text("ab-1 ", max_size=6))
def test_what_python_has_too_matches_as_there(pattern, text):
    """Against another engine, for what means the same in both: `$` is the very end here, as `\\Z` there."""

    expected = re.fullmatch(pattern.replace("$", r"\Z"), text, re.ASCII) is not None
    assert Pattern(pattern).matches(text) is expected
