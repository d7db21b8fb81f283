"""What is written in the boxes and beside the arrows of a drawing, set in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from wengert.explain.drawing.boxes import Box, Glyphs, Stroke, beside, set_layout, set_text
from wengert.explain.drawing.contents import Contents, Use, Value
from wengert.explain.engine import Array
from wengert.explain.greek import displayed
from wengert.explain.printers.digits import short, shown_value
from wengert.explain.printers.layout import Fraction, Layout, Text, row
from wengert.explain.views.index_view import dimensions

SIZE = 15.0  # font size in pixels
_SMALL = 11.0
_PAD_X, _PAD_Y = 11.0, 7.0
_LINE = 6.0  # between the lines of a card
_COLUMN = 20.0  # between a matrix and its adjoint
_WIDEST_FORMULA = 330.0
_WIDEST_PAIR = 210.0  # of a matrix with its adjoint beside it
_WIDEST_LABEL = 190.0
NOT_COMPUTED = "—"

# A style class and the marks drawn in it.
Part = tuple[str, tuple[Glyphs | Stroke, ...]]


@dataclass(frozen=True)
class Card:
    """Something written.

    Attributes
    ----------
    width, height : float
        Pixels.
    parts : tuple of (str, marks)
        Marks relative to the upper left corner, by style class.
    """

    width: float
    height: float
    parts: tuple[Part, ...]


def in_short(value: Array) -> Layout:
    """Return an array as drawings show it: up to four rows and columns, of larger ones the corners."""
    return shown_value(value, largest=4, edge=1)


def adjoint_name(output: Layout, name: Layout) -> Layout:
    """Return ∂L/∂x on one line."""
    return row(Text("∂"), output, Text("/", "words"), Text("∂"), name)


def formula_of(value: Value) -> Layout:
    """Return a value's name, and what it is computed by unless that is too long to read."""
    if value.formula is None:
        return value.name
    whole = row(value.name, Text("=", "operator"), value.formula)
    if set_layout(whole, SIZE).width <= _WIDEST_FORMULA:
        return whole
    short_form = row(Text(value.operation, "function"), Text("(…)", "words"))
    return row(value.name, Text("=", "operator"), short_form)


def caption_of(value: Value) -> str:
    """Return the layers and composites around a value that are drawn open."""
    return " › ".join(displayed(region.name) for region in value.regions)


def card(value: Value, output: Layout | None, narrow: bool = False, numbers: bool = True) -> Card:
    """Return what stands in the box of a value.

    Parameters
    ----------
    value : Value
    output : Layout or None
        Name of what adjoints are derivatives of; without one there is no line for them.
    narrow : bool
        With the adjoint always below the value, and without a line for one that was not computed.
    numbers : bool
        With the value and its adjoint.
    """
    title = [("ink", set_layout(formula_of(value), SIZE))]
    if value.symbol.shape:
        title.append(("faint", set_text(f"   {dimensions(value.symbol.shape)}", _SMALL)))
    lines = [title]
    caption = caption_of(value)
    if caption:
        lines.insert(0, [("faint", set_text(caption, _SMALL))])
    if not numbers:
        return stacked(lines)
    number = ("value", set_layout(in_short(value.value), SIZE))
    if output is None or (narrow and value.adjoint is None):
        lines.append([number])
    else:
        adjoint = ("adjoint", _adjoint(value, output))
        tall = not narrow and max(number[1].height, adjoint[1].height) > 2 * SIZE
        tall &= number[1].width + adjoint[1].width <= _WIDEST_PAIR
        lines += [[number, ("ink", Box(_COLUMN, 0, 0)), adjoint]] if tall else [[number], [adjoint]]
    return stacked(lines)


def _adjoint(value: Value, output: Layout) -> Box:
    name = set_layout(row(adjoint_name(output, value.name), Text("=", "operator")), SIZE)
    if value.adjoint is None:
        return beside([name, set_text(NOT_COMPUTED, SIZE)])
    return beside([name, set_layout(in_short(value.adjoint), SIZE)])


def stacked(lines: list[list[tuple[str, Box]]]) -> Card:
    """Return lines of boxes below one another, each in the middle."""
    widths = [sum(box.width for _, box in line) for line in lines]
    width = max(widths) + 2 * _PAD_X
    y = _PAD_Y
    parts: list[Part] = []
    for line, own in zip(lines, widths, strict=True):
        y += max(box.above for _, box in line)
        x = (width - own) / 2
        for style, box in line:
            parts.append((style, box.at(x, y)))
            x += box.width
        y += max(box.below for _, box in line) + _LINE
    return Card(width, y - _LINE + _PAD_Y, tuple(parts))


def derivative_of(use: Use, contents: Contents) -> Layout:
    """Return the local derivative beside an arrow; ∂u/∂x where its formula is too wide."""
    if use.derivative is None:
        return Text(NOT_COMPUTED, "words")
    formula = use.derivative.formula
    if set_layout(formula, SIZE).width > _WIDEST_LABEL:
        top, bottom = contents.values[use.head].name, contents.values[use.tail].name
        formula = Fraction(row(Text("∂"), top), row(Text("∂"), bottom))
    if use.derivative.number is None or _is_number(formula):
        return formula
    return row(formula, Text("=", "operator"), Text(short(use.derivative.number), "number"))


def _is_number(formula: Layout) -> bool:
    """Whether a formula is a number already, so that nothing needs to be said of its value."""
    parts = formula.parts if hasattr(formula, "parts") else (formula,)
    return all(isinstance(part, Text) and part.kind in ("number", "sign") for part in parts)


def label(use: Use, contents: Contents) -> Card:
    """Return what stands beside an arrow."""
    box = set_layout(derivative_of(use, contents), 0.9 * SIZE)
    return Card(box.width, box.height, (("derivative", box.at(0.0, box.above)),))


def legend(contents: Contents) -> Card:
    """Return the line that says what the colours are."""
    pieces = [("value", set_text("value", _SMALL))]
    if contents.output is not None:
        words = set_text(": adjoint", _SMALL)
        name = set_layout(adjoint_name(contents.output, Text("x")), _SMALL)
        pieces.append(("adjoint", beside([name, words])))
    uses = [use.derivative for use in contents.uses]
    if any(uses):
        dot = any(has_dot(use.formula) for use in uses if use is not None)
        note = " (· stands for the adjoint that comes in)" if dot else ""
        pieces.append(("derivative", set_text(f"on an arrow: local derivative{note}", _SMALL)))
    missing = not all(uses) or any(value.adjoint is None for value in contents.values)
    if missing and contents.output is not None:
        pieces.append(("ink", set_text(f"{NOT_COMPUTED}: not computed", _SMALL)))
    spaced = [(style, box) for piece in pieces for style, box in (piece, ("ink", Box(18.0, 0, 0)))][:-1]
    return stacked([spaced])


def has_dot(formula: Layout) -> bool:
    """Return whether a derivative has a dot in it, which stands for the adjoint that comes in."""
    parts = getattr(formula, "parts", ()) or tuple(
        getattr(formula, name, None) for name in ("base", "body", "top", "bottom")
    )
    own = isinstance(formula, Text) and formula.content == "·" and formula.kind == "identifier"
    return own or any(has_dot(part) for part in parts if isinstance(part, Layout))
