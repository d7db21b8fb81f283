"""How wide a formula is in print: an estimate from the widths of Computer Modern, in digits."""

from __future__ import annotations

import re

from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text

_LETTER, _CAPITAL, _DIGIT, _POINT = 1.13, 1.5, 1.0, 0.56
_OPERATOR, _RELATION = 2.5, 2.8  # with the room around them
_SCRIPT = 0.76  # size of indices and exponents
_COLUMN = 2.3  # room between two columns of a matrix
_BRACKET, _TALL_BRACKET = 0.85, 1.6
_RELATIONS = set("=<>≤≥≠")


def _characters(text: str) -> float:
    return sum(
        _CAPITAL if one.isupper() or one in "∂σ⊙" else _POINT if one in ".,′ " else _LETTER for one in text
    )


def _number(text: str) -> float:
    if "e" in text:  # printed as a power of ten
        text = re.sub(r"e([−+]?)0*(\d+)$", r"··10\2", text)
    return sum(_POINT if one in ".," else _OPERATOR / 1.6 if one == "−" else _DIGIT for one in text)


def _text(content: str, kind: str) -> float:
    match kind:
        case "operator" if content == ",":
            return 1.0
        case "operator":
            return _RELATION if content in _RELATIONS else _OPERATOR
        case "sign":
            return 1.8
        case "number":
            return _number(content)
        case "space":
            return 0.4
        case "gap":
            return _COLUMN
        case "function":
            return len(content) + 0.4
    return _characters(content)


def width(piece: Layout) -> float:
    """Return the width of a formula in digits."""
    match piece:
        case Text(content, kind):
            return _text(content, kind)
        case layout.Row(parts):
            return sum(map(width, parts))
        case layout.Script(base, below, above):
            scripts = [width(one) * _SCRIPT for one in (below, above) if one is not None]
            return width(base) + max(scripts, default=0.0) + 0.1
        case layout.Big(_, below):
            return max(3.1, width(below) * _SCRIPT) + 0.4
        case layout.Fraction(top, bottom):
            return max(width(top), width(bottom)) + 0.6
        case layout.Root(body):
            return width(body) + 1.9
        case layout.Fence(_, body, _):
            return width(body) + 2 * (_TALL_BRACKET if _is_tall(body) else _BRACKET)
        case layout.Bracket():
            return _TALL_BRACKET
        case layout.Under(body, remark):
            return max(width(body), 0.6 * len(remark))
        case layout.Term(body):
            return width(body)
        case layout.Grid(rows):
            columns = zip(*rows, strict=True)
            return sum(max(map(width, column)) + _COLUMN for column in columns) + 1.9
    raise AssertionError(type(piece).__name__)


def _is_tall(piece: Layout) -> bool:
    """Return whether brackets around the formula grow."""
    match piece:
        case layout.Row(parts):
            return any(map(_is_tall, parts))
        case layout.Script(base):
            return _is_tall(base)
        case layout.Fence(_, body) | layout.Term(body):
            return _is_tall(body)
        case Text():
            return False
    return True
