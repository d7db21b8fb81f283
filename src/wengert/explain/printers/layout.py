"""What a formula looks like, independent of the printer: rows, scripts, fractions, fences, arrays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Base of all pieces."""


@dataclass(frozen=True, slots=True)
class Text(Layout):
    """A letter, a number, an operator or a word.

    Attributes
    ----------
    content : str
    kind : str
        ``identifier``, ``indices``, ``number``, ``operator``, ``sign``, ``function``, ``space``,
        ``gap`` or ``words``.
    """

    content: str
    kind: str = "identifier"


@dataclass(frozen=True, slots=True)
class Row(Layout):
    """Pieces beside one another."""

    parts: tuple[Layout, ...]


@dataclass(frozen=True, slots=True)
class Script(Layout):
    """A base with a subscript or a superscript."""

    base: Layout
    below: Layout | None = None
    above: Layout | None = None


@dataclass(frozen=True, slots=True)
class Big(Layout):
    """A large operator with its index below: Σ over k."""

    symbol: str
    below: Layout


@dataclass(frozen=True, slots=True)
class Fraction(Layout):
    """Numerator over denominator; `above` and `below` are as the terminal writes them, with parentheses."""

    top: Layout
    bottom: Layout
    enclosed_top: bool = False
    enclosed_bottom: bool = False


@dataclass(frozen=True, slots=True)
class Root(Layout):
    """A square root."""

    body: Layout


@dataclass(frozen=True, slots=True)
class Fence(Layout):
    """Something between brackets that grow with it."""

    left: str
    body: Layout
    right: str


@dataclass(frozen=True, slots=True)
class Bracket(Layout):
    """One of two brackets that stand in different rows of a formula that is broken between them."""

    symbol: str
    opening: bool


@dataclass(frozen=True, slots=True)
class Under(Layout):
    """A piece with a remark below it: the shape of a factor."""

    body: Layout
    remark: str


@dataclass(frozen=True, slots=True)
class Term(Layout):
    """A piece that stands for a value or a derivative, the same wherever `name` is the same."""

    body: Layout
    name: str


@dataclass(frozen=True, slots=True)
class Grid(Layout):
    """A matrix of numbers or formulas."""

    rows: tuple[tuple[Layout, ...], ...]


GAP = Text("  ", "gap")  # between the columns of a matrix


def operator(symbol: str) -> Text:
    """Return an operator."""
    return Text(symbol, "operator")


def row(*parts: Layout) -> Row:
    """Return pieces beside one another."""
    return Row(parts)


def parenthesised(body: Layout) -> Fence:
    """Return the piece in parentheses."""
    return Fence("(", body, ")")
