"""Blanks, numbers and lists as Java reads them; each as Kafka 4.4.0 took or refused it."""

from __future__ import annotations

import pytest

from pybroker.core.java_text import parse_double, parse_integer, split_at_commas, split_list, trim


@pytest.mark.parametrize(("text", "left"), [("\x00 5\x1f", "5"), ("\u00a05", "\u00a05"), ("\u20035\x85", "\u20035\x85"), ("\x00", "")])
def test_blanks(text: str, left: str) -> None:
    """All up to U+0020, and nothing else."""
    assert trim(text) == left


@pytest.mark.parametrize(
    ("text", "number"), [("\u0661\u0662", 12), ("\uff11", 1), ("+\u0661", 1), ("-0", 0), ("0" * 5000 + "7", 7), ("-2147483648", -(1 << 31))]
)
def test_numbers(text: str, number: int) -> None:
    """With the digits of any script."""
    assert parse_integer(text, bits=32) == number


@pytest.mark.parametrize("text", ["", "+", "5_0", " 5", "\u2212\u0661", "\U0001d7d9", "2147483648", "9" * 5000, "1.0"])
def test_what_is_no_number(text: str) -> None:
    """Underscores, blanks, other signs, digits that are two halves to Java, and too much."""
    with pytest.raises(ValueError, match="not a number"):
        parse_integer(text, bits=32)


@pytest.mark.parametrize(("text", "number"), [("0x1p-1", 0.5), ("0X.8p0d", 0.5), (".5f", 0.5), ("0x1p9999", float("inf")), ("5e-1", 0.5)])
def test_numbers_with_a_point(text: str, number: float) -> None:
    """Hexadecimal ones, too."""
    assert parse_double(text) == number


@pytest.mark.parametrize("text", ["0x1", "\u0660.5", "0.5_0", "1e-", "\u00a00.5"])
def test_what_is_no_number_with_a_point(text: str) -> None:
    """Its digits are ASCII's."""
    with pytest.raises(ValueError, match="not a number"):
        parse_double(text)


def test_lists() -> None:
    """Empty entries are entries of a list, but not at the end of what is appended."""
    assert split_list(" a , b,") == ["a", "b", ""]
    assert split_list("a\x00,\u2003b") == ["a\x00", "\u2003b"]
    assert split_list("\x00") == []
    assert [split_at_commas(text) for text in (",", ",,", "a,", ",a", "")] == [[], [], ["a"], ["", "a"], [""]]
