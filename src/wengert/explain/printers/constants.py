"""Irrational constants as they are written: √(2/π), 1/√3, 3/(4 π), ln(2π)/2."""

from __future__ import annotations

import fractions
import math

from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text, parenthesised, row

_CLOSE = 4e-16  # relative: the same number up to the rounding of one operation
_LARGEST = 12  # numerator and denominator of a multiple
_LARGEST_ROOT = 50  # under a root
_PI = Text("π", "number")


def _number(value: int) -> Layout:
    return Text(str(value), "number")


def _logarithm(body: Layout) -> Layout:
    return row(Text("ln", "function"), parenthesised(body))


_KNOWN: tuple[tuple[float, Layout], ...] = (
    (math.pi, _PI),
    (math.sqrt(math.pi), layout.Root(_PI)),
    (1 / math.sqrt(2 * math.pi), layout.Fraction(_number(1), layout.Root(row(_number(2), _PI)))),
    (math.sqrt(2 * math.pi), layout.Root(row(_number(2), _PI))),
    (math.sqrt(2 / math.pi), layout.Root(layout.Fraction(_number(2), _PI))),
    (1 / math.sqrt(math.pi), layout.Fraction(_number(1), layout.Root(_PI))),
    (1 / math.pi, layout.Fraction(_number(1), _PI)),
    (math.log(2 * math.pi), _logarithm(row(_number(2), _PI))),
    (math.log(math.pi), _logarithm(_PI)),
    (math.log(2), _logarithm(_number(2))),
)


def constant(value: float) -> Layout | None:
    """Return a positive number as a small multiple of a known constant, or a root; None for any other."""
    if not math.isfinite(value):
        return None
    for known, shown in _KNOWN:
        if _same(known, value):
            return shown
    for known, shown in _KNOWN:
        ratio = fractions.Fraction(value / known).limit_denominator(_LARGEST)
        if 0 < ratio.numerator <= _LARGEST and _same(float(ratio) * known, value):
            return _multiple(ratio, shown)
    square = fractions.Fraction(value * value).limit_denominator(_LARGEST_ROOT)
    if 0 < square.numerator <= _LARGEST_ROOT and _same(math.sqrt(square), value):
        above, below = (_root(one) for one in square.as_integer_ratio())
        return above if square.denominator == 1 else layout.Fraction(above, below)
    return None


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=0)


def _root(value: int) -> Layout:
    whole = math.isqrt(value)
    return _number(whole) if whole * whole == value else layout.Root(_number(value))


def _multiple(ratio: fractions.Fraction, shown: Layout) -> Layout:
    above, below = ratio.as_integer_ratio()
    if isinstance(shown, layout.Fraction) and shown.top == _number(1):
        if below == 1:
            return layout.Fraction(_number(above), shown.bottom)
        divisor = row(_number(below), Text(" ", "space"), shown.bottom)
        return layout.Fraction(_number(above), divisor, enclosed_bottom=True)
    scaled = shown if above == 1 else row(_number(above), Text(" ", "space"), shown)
    return scaled if below == 1 else layout.Fraction(scaled, _number(below))
