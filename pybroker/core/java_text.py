"""How Java reads text: what it takes for blank, and for a number. Python's own methods draw both lines elsewhere.

Rules
- Blank is every character up to U+0020 and nothing else: a no-break space is text, NUL is not (`String.trim`).
- A number has no underscores, but may have the decimal digits of any script (`Long.parseLong`) in the first 65,536 characters of Unicode:
  Java looks at halves of those behind them. A number with a point has ASCII digits only, and may be hexadecimal (`Double.parseDouble`).
- The entries of a list stand between commas with the white space of regular expressions around them, which is ASCII's (`\\s*,\\s*`).
"""

from __future__ import annotations

import re

_BLANKS = "".join(map(chr, range(0x21)))
_COMMA = r"[ \t\n\v\f\r]*,[ \t\n\v\f\r]*"
_MOST_DIGITS = 19  # hold every 64-bit number; to convert a longer text would only cost time
_LAST_BEFORE_HALVES = "\uffff"

# Patterns are compiled when first used: none of them is needed to start a broker.
_DECIMAL = r"[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?)"
_HEXADECIMAL = r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+[fFdD]?"
_SUFFIXES = "fFdD"


def trim(text: str) -> str:
    """Without the blanks at both ends."""
    return text.strip(_BLANKS)


def parse_integer(text: str, bits: int) -> int:
    """A whole number of that many bits, with or without a sign. Raises ValueError."""
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if not digits.isdecimal() or max(digits) > _LAST_BEFORE_HALVES:
        raise ValueError(f"not a number: {text}")
    if not digits.isascii():
        digits = "".join(str(int(digit)) for digit in digits)
    digits = digits.lstrip("0") or "0"
    number = int(sign + digits) if len(digits) <= _MOST_DIGITS else None
    if number is None or not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise ValueError(f"not a number of {bits} bits: {text}")
    return number


def parse_double(text: str) -> float:
    """A number with a point. Raises ValueError."""
    if re.fullmatch(_DECIMAL, text) is not None:
        return float(text if text.endswith(("NaN", "Infinity")) else text.rstrip(_SUFFIXES))
    if re.fullmatch(_HEXADECIMAL, text) is None:
        raise ValueError(f"not a number: {text}")
    try:
        return float.fromhex(text.rstrip(_SUFFIXES))
    except OverflowError:
        return float("-inf" if text.startswith("-") else "inf")


def split_list(text: str) -> list[str]:
    """The entries of a configuration that is a list; empty ones are entries, but of an empty text there are none."""
    text = trim(text)
    return re.split(_COMMA, text) if text else []


def split_at_commas(text: str) -> list[str]:
    """As `String.split(",")`: empty entries at the end do not count, but the only one does if there is no comma."""
    kept = text.rstrip(",")
    return kept.split(",") if kept or not text else []
