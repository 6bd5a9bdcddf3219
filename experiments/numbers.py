"""Numbers with the digits that mean something: the one place that decides how many are shown."""

from __future__ import annotations

import math
import re

ROUNDING = 1e-13
"""Some hundred operations on numbers of order one leave no more than this."""

DIGITS = 3
"""Significant digits of a number without an error."""

IN_TEXT = 4
"""The same within words, where what a number is compared with may stand in the same sentence."""

LARGEST_PRECISION = 1e-5
"""Relative error below which the error is stated and not written out in digits."""

_NUMBER = r"(?<![\w.])-?\d+\.\d+(?:e[-+]?\d+)?"


def format_number(
    value: float | str, error: float | None = None, *, published: float | str | None = None
) -> str:
    """Return value ± error with two digits of the error, or else three significant digits.

    A number beside a published one shows as many digits as that; one near 1, such as a ratio or a
    multiplier, two digits of its distance from 1. Whole numbers are counts and are written
    out. What is below `ROUNDING` is zero but for the rounding of double precision, and says so.
    Text keeps its words; its numbers are shortened by `shorten_numbers`.

    >>> format_number(0.606258, 0.00173), format_number(3.3e-16), format_number(5409.0)
    ('0.6063 ± 0.0017', '0 (rounding)', '5409')
    >>> format_number(7.0232798, published=7.0246), format_number(7.0232798)
    ('7.0233', '7.02')
    >>> format_number(2.00065), format_number(0.25)
    ('2.00', '0.25')
    >>> format_number(1.003402), format_number(0.8946226708, 1e-9)
    ('1.0034', '0.894623 ± 1e-09')
    """
    if isinstance(value, str):
        return shorten_numbers(value)
    if 0 < abs(value) < ROUNDING and (error is None or error < ROUNDING):
        return "0 (rounding)"
    if error is None or not math.isfinite(error) or error <= 0:
        return _with_digits(value, max(DIGITS, _count_digits(f"{published}")))
    if error < LARGEST_PRECISION * abs(value):
        return f"{_with_digits(value, 6)} ± {error:.0e}"
    decimals = max(0, 1 - math.floor(math.log10(error)))
    if decimals > 6 and abs(value) < 1e-3:
        return f"{value:.3g} ± {error:.2g}"
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def shorten_numbers(text: str) -> str:
    """Return `text` with numbers of six digits or more cut to four, ± to two digits of the error.

    >>> shorten_numbers("0.22841 ± 0.01043, 0.99573261+0.00000000i")
    '0.228 ± 0.010, 0.9957'
    """
    text = re.sub(r"[+-]0\.0{3,}i", "", text)  # no imaginary part
    text = re.sub(rf"({_NUMBER}) ± ({_NUMBER})", _shorten_pair, text)
    return re.sub(rf"(?:{_NUMBER}|(?<=\d)[+-]\d+\.\d+(?=i))(?![\d ]* ±)", _shorten, text)


def _with_digits(value: float, digits: int) -> str:
    if not math.isfinite(value) or value == round(value):
        return f"{value:.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    from_one = abs(abs(value) - 1)
    if 1e-8 < from_one < 0.1:
        decimals = max(digits - 1, 1 - math.floor(math.log10(from_one)))
        return f"{value:.{decimals}f}"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    exact = _count_digits(f"{value:.12g}") <= digits
    return f"{value:.{digits}g}" if exact else f"{value:#.{digits}g}".rstrip(".")


def _count_digits(number: str) -> int:
    """Return how many significant digits a printed number has: none where it is no number."""
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?(e[-+]?\d+)?", number):
        return 0
    return len(number.lstrip("+-").split("e")[0].replace(".", "").lstrip("0"))


def _shorten_pair(found: re.Match[str]) -> str:
    if _count_digits(found[2]) < 3:  # two digits of an error, or fewer, are left as they are
        return found[0]
    return format_number(float(found[1]), float(found[2]))


def _shorten(found: re.Match[str]) -> str:
    if _count_digits(found[0]) < 6:
        return found[0]
    sign = "+" if found[0].startswith("+") else ""
    value = float(found[0])
    if abs(value) < ROUNDING:
        return f"{sign}0"
    return sign + _with_digits(value, IN_TEXT)
