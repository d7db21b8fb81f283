"""Formulas set in two dimensions: each piece of a layout becomes a box of characters and strokes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wengert.explain.drawing.metrics import ASCENT, DESCENT, text_width
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout

_AXIS = 0.25  # height of fraction bars above the line of writing, in font sizes
_SMALLER, _SMALLEST = 0.72, 8.0  # scripts: factor, and least font size in pixels
_ROW, _COLUMN = 1.22, 0.75  # distances in a matrix, in font sizes


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters on one line of writing; x and y of their start in pixels, y downwards."""

    x: float
    y: float
    text: str
    size: float
    italic: bool


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points, in pixels."""

    points: tuple[tuple[float, float], ...]
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """Marks on a line of writing at y = 0.

    Attributes
    ----------
    width, above, below : float
        How far it reaches to the right of x = 0, above the line and below it.
    marks : tuple of Glyphs or Stroke
    """

    width: float
    above: float
    below: float
    marks: tuple[Glyphs | Stroke, ...] = ()

    @property
    def height(self) -> float:
        """Above and below together."""
        return self.above + self.below

    def at(self, x: float, y: float) -> tuple[Glyphs | Stroke, ...]:
        """Return the marks moved by (x, y)."""
        moved: list[Glyphs | Stroke] = []
        for mark in self.marks:
            if isinstance(mark, Glyphs):
                moved.append(replace(mark, x=mark.x + x, y=mark.y + y))
            else:
                moved.append(replace(mark, points=tuple((px + x, py + y) for px, py in mark.points)))
        return tuple(moved)


def set_text(text: str, size: float, italic: bool = False) -> Box:
    """Return a text as a box."""
    width = text_width(text, size, italic)
    marks = (Glyphs(0.0, 0.0, text, size, italic),) if text else ()
    return Box(width, ASCENT * size, DESCENT * size, marks)


def beside(boxes: Sequence[Box]) -> Box:
    """Return boxes one after another on one line of writing."""
    marks: list[Glyphs | Stroke] = []
    x = 0.0
    for box in boxes:
        marks += box.at(x, 0.0)
        x += box.width
    above = max((box.above for box in boxes), default=0.0)
    return Box(x, above, max((box.below for box in boxes), default=0.0), tuple(marks))


def set_layout(piece: Layout, size: float) -> Box:
    """Return a formula as a box.

    Parameters
    ----------
    piece : Layout
    size : float
        Font size in pixels.
    """
    match piece:
        case layout.Text(content, kind):
            return _text(content, kind, size)
        case layout.Row(parts):
            return beside([set_layout(part, size) for part in parts])
        case layout.Script(base, below, above):
            return _script(set_layout(base, size), below, above, size)
        case layout.Big(symbol, below):
            spaced = Box(0.15 * size, 0.0, 0.0)
            return beside([_script(_text(symbol, "function", size), below, None, size), spaced])
        case layout.Fraction(top, bottom):
            return _fraction(set_layout(top, 0.85 * size), set_layout(bottom, 0.85 * size), size)
        case layout.Root(body):
            return _root(set_layout(body, size), size)
        case layout.Fence(left, body, right):
            return _fenced(left, set_layout(body, size), right, size)
        case layout.Term(body):
            return set_layout(body, size)
        case layout.Under(body):
            return set_layout(body, size)
        case layout.Grid(rows):
            return _grid(rows, size)
    raise AssertionError(type(piece).__name__)


def _text(content: str, kind: str, size: float) -> Box:
    if kind == "operator":
        return set_text(", " if content == "," else f" {content} ", size)
    if kind == "space":
        return Box(0.17 * size, 0.0, 0.0)
    if kind in ("identifier", "indices") and content != "𝟏":
        # Letters are set in italics, digits and brackets upright.
        pieces: list[str] = []
        for character in content:
            if pieces and pieces[-1][-1].isalpha() == character.isalpha():
                pieces[-1] += character
            else:
                pieces.append(character)
        return beside([set_text(one, size, italic=one.isalpha()) for one in pieces])
    return set_text(content, size)


def _script(base: Box, below: Layout | None, above: Layout | None, size: float) -> Box:
    small = max(_SMALLER * size, min(size, _SMALLEST))
    lowered = set_layout(below, small) if below is not None else Box(0.0, 0.0, 0.0)
    raised = Box(0.0, 0.0, 0.0)
    if above is not None:
        raised = set_text("T", small) if above == layout.Text("T") else set_layout(above, small)
    down = max(0.22 * size, base.below - 0.1 * size)
    up = max(0.36 * size, base.above - 0.36 * size)
    if lowered.width and raised.width:  # the exponent stands clear of the index
        up = max(up, lowered.above + raised.below - down)
    slip = 0.04 * size
    return Box(
        base.width + max(lowered.width, raised.width) + slip,
        max(base.above, up + raised.above if raised.width else 0.0),
        max(base.below, down + lowered.below if lowered.width else 0.0),
        (*base.marks, *lowered.at(base.width + slip, down), *raised.at(base.width + slip, -up)),
    )


def _fraction(top: Box, bottom: Box, size: float) -> Box:
    width = max(top.width, bottom.width) + 0.3 * size
    axis, gap = _AXIS * size, 0.12 * size
    up = axis + gap + top.below
    down = -axis + gap + bottom.above
    bar = Stroke(((0.05 * size, -axis), (width - 0.05 * size, -axis)), 0.06 * size)
    marks = (*top.at((width - top.width) / 2, -up), *bottom.at((width - bottom.width) / 2, down), bar)
    return Box(width, up + top.above, down + bottom.below, marks)


def _root(body: Box, size: float) -> Box:
    start = 0.62 * size
    top = -body.above - 0.12 * size
    tick = [(0.08, -0.22), (0.2, -0.3)]
    points = [(x * size, y * size) for x, y in tick]
    points += [(0.38 * size, body.below), (start - 0.04 * size, top), (start + body.width, top)]
    marks = (*body.at(start, 0.0), Stroke(tuple(points), 0.06 * size))
    return Box(start + body.width + 0.06 * size, -top + 0.06 * size, body.below, marks)


def _fenced(left: str, body: Box, right: str, size: float) -> Box:
    """Return a body between brackets; around a tall one they are larger characters about its middle."""
    scale = min(max(body.height / ((ASCENT + DESCENT + 0.2) * size), 1.0), 2.4)
    large = scale * size
    middle = (body.above - body.below) / 2
    own = (ASCENT - DESCENT) / 2 * large
    sides = []
    for bracket in (left, right):
        box = set_text(bracket, large)
        shift = 0.0 if scale == 1.0 else own - middle
        sides.append(Box(box.width, box.above - shift, box.below + shift, box.at(0.0, shift)))
    return beside([sides[0], body, sides[1]])


def _grid(rows: tuple[tuple[Layout, ...], ...], size: float) -> Box:
    cells = [[set_layout(cell, size) for cell in row] for row in rows]
    widths = [max(box.width for box in column) for column in zip(*cells, strict=True)]
    edge = 0.3 * size
    marks: list[Glyphs | Stroke] = []
    height = (len(rows) - 1) * _ROW * size
    # The middle of the matrix stands on the axis of the line.
    first = -height / 2 + (ASCENT - DESCENT) / 2 * size - _AXIS * size
    for number, row in enumerate(cells):
        x = edge
        for box, width in zip(row, widths, strict=True):
            marks += box.at(x + width - box.width, first + number * _ROW * size)
            x += width + _COLUMN * size
    total = 2 * edge + sum(widths) + (len(widths) - 1) * _COLUMN * size
    top, bottom = first - 0.82 * size, first + height + 0.34 * size
    hook = 0.2 * size
    for x, inwards in ((0.1 * size, hook), (total - 0.1 * size, -hook)):
        points = ((x + inwards, top), (x, top), (x, bottom), (x + inwards, bottom))
        marks.append(Stroke(points, 0.07 * size))
    return Box(total, -top, bottom, tuple(marks))
