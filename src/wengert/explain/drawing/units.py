"""Units in rows: each named value with its formula, straight arrows forward, curved arrows back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wengert.explain.drawing.boxes import set_layout, set_text
from wengert.explain.drawing.cards import (
    SIZE,
    Card,
    adjoint_name,
    card,
    derivative_of,
    has_dot,
    stacked,
)
from wengert.explain.drawing.contents import Contents, Use
from wengert.explain.drawing.svg import marks, page
from wengert.explain.drawing.unit_rows import DEEPER, FEW, LANE, MARGIN, Placing, UnitRow
from wengert.explain.printers.layout import Text, row
from wengert.svg import element, number

_SMALL = 11.0
_CORNER = 9.0  # radius

Points = Sequence[tuple[float, float]]


def units_svg(contents: Contents, embed_fonts: bool) -> str:
    """Return the units of a computation as SVG."""
    return _Picture(contents).svg(embed_fonts)


class _Picture:
    """The units as they are drawn."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.short = sum(value.formula is not None for value in contents.values) > FEW
        self.cards = [
            card(value, contents.output, narrow=True, numbers=not self.short or value.value.size == 1)
            for value in contents.values
        ]
        self.labels = {use: _label(use, contents) for use in contents.uses}
        self.placing = Placing(contents, self.cards, self.labels)

    def svg(self, embed_fonts: bool) -> str:
        placing = self.placing
        parts: list[str] = []
        for one in placing.rows:
            for use in self.contents.uses:
                if use.head in one.units and use.tail in placing.given:
                    parts += self._given_arrow(use, one)
        lanes = dict.fromkeys(range(len(placing.rows)), 0.0)
        for use in placing.inner:
            parts += self._around(use, lanes) if use in placing.crossing else self._arrows(use)
        for one in placing.rows:
            for place in one.x:
                parts += self._box(place, one)
        legend = "forward: →   back: the red arrows, each with its derivative"
        if any(use.derivative and has_dot(use.derivative.formula) for use in self.contents.uses):
            legend += "   ·: the derivative that comes in"
        if self.short:
            legend += f"   arrays without their numbers (more than {FEW} units)"
        words = stacked([[("faint", set_text(legend, _SMALL))]])
        width = max(placing.width, words.width + 2 * MARGIN)
        parts += marks(words.parts, (width - words.width) / 2, placing.height - words.height - 4)
        return page(width, placing.height, "A computation as units in rows", parts, embed_fonts)

    def _box(self, place: int, own: UnitRow) -> list[str]:
        one, role = self.cards[place], self.contents.values[place].role
        x, y = self.placing.x(place, own) - one.width / 2, self._middle(place, own) - one.height / 2
        radius = 16 if role == "argument" else 5
        frame = element("rect", class_=role, x=x, y=y, width=one.width, height=one.height, rx=radius)
        return [frame, *marks(one.parts, x, y)]

    def _middle(self, place: int, own: UnitRow) -> float:
        return own.base if place in own.units else own.given_base - self.cards[place].height / 2

    def _row(self, unit: int) -> UnitRow:
        return self.placing.rows[self.placing.row_of[unit]]

    def _edge(self, unit: int, side: int) -> float:
        return self._row(unit).base + side * self.cards[unit].height / 2

    def _arrows(self, use: Use) -> list[str]:
        """Return the arrow from a unit to a later one, and the one that brings the derivative back."""
        tail, head, base = self.placing.x(use.tail), self.placing.x(use.head), self._row(use.tail).base
        half_tail, half_head = self.cards[use.tail].width / 2, self.cards[use.head].width / 2
        if self.placing.distance(use) == 1:
            forward = [(tail + half_tail, base), (head - half_head, base)]
            parts = [_line(forward), _tip(*forward[1], "right")]
        else:
            start, end = (tail + 10, self._edge(use.tail, -1)), (head - 10, self._edge(use.head, -1))
            parts = [_curve(start, end, min(start[1], end[1]) - DEEPER, "arrow"), _tip(*end, "down")]
        if use.derivative is None:
            return parts
        start, end = (head - 12, self._edge(use.head, 1)), (tail + 12, self._edge(use.tail, 1))
        low = max(start[1], end[1]) + self.placing.depth(use)
        parts += [_curve(start, end, low, "back"), _tip(*end, "up", "adjoint")]
        label = self.labels[use]
        middle = (start[0] + end[0]) / 2
        return [*parts, *marks(label.parts, middle - label.width / 2, low + 5)]

    def _around(self, use: Use, lanes: dict[int, float]) -> list[str]:
        """Return the arrows between units of different rows: they run below the rows and beside them.

        Parameters
        ----------
        use : Use
        lanes : dict of int to float
            How much of the room below each row is taken; goes on.
        """
        first, last = self.placing.row_of[use.tail], self.placing.row_of[use.head]
        label = self.labels[use]
        low = {
            one: self.placing.rows[one].channel + lanes[one] + label.height + LANE for one in (first, last)
        }
        for one in self.placing.channels(use):
            lanes[one] += label.height + 2 * LANE + 8
        forward, back = self._way(use, low, 0), self._way(use, low, 1)
        enters = "right" if forward[-1][0] > forward[-2][0] else "up"
        parts = [_bent(forward, "arrow"), _tip(*forward[-1], enters)]
        if use.derivative is None:
            return parts
        leaves = "left" if back[0][0] < back[1][0] else "up"
        parts += [_bent(back[::-1], "adjoint-stroke"), _tip(*back[0], leaves, "adjoint")]
        middle = (self.placing.width - label.width) / 2
        return [*parts, *marks(label.parts, middle, low[first] - LANE - label.height - 4)]

    def _way(self, use: Use, low: dict[int, float], back: int) -> list[tuple[float, float]]:
        """Return the corners of an arrow between rows; the one that comes back runs beside it."""
        placing, apart = self.placing, 7.0 * (2 * back - 1)
        first, last = placing.row_of[use.tail], placing.row_of[use.head]
        lane = low[first] - LANE * back
        tail, head = placing.x(use.tail), placing.x(use.head)
        left = 14.0 + 8 * (1 - back)
        if placing.rows[first].units[-1] == use.tail:
            edge = tail + self.cards[use.tail].width / 2
            right = max(placing.width - 14.0 - 8 * back, edge + 20.0 - 8 * back)
            height = placing.rows[first].base + apart
            points = [(edge, height), (right, height), (right, lane)]
        else:
            points = [(tail + 22 + apart, self._edge(use.tail, 1)), (tail + 22 + apart, lane)]
        points.append((left, lane))
        if placing.rows[last].units[0] == use.head:
            height = placing.rows[last].base + apart
            return [*points, (left, height), (head - self.cards[use.head].width / 2, height)]
        lane = low[last] - LANE * back
        column = head - 22 + apart
        return [*points, (left, lane), (column, lane), (column, self._edge(use.head, 1))]

    def _given_arrow(self, use: Use, own: UnitRow) -> list[str]:
        """Return the arrow from a given value down to a unit, its derivative beside it."""
        start = (self.placing.x(use.tail, own), own.given_base)
        end = (self._landing(use, own), self._edge(use.head, -1))
        middle = (start[1] + end[1]) / 2
        bend = f"M{number(start[0])} {number(start[1])}C{number(start[0])} {number(middle)} "
        bend += f"{number(end[0])} {number(middle)} {number(end[0])} {number(end[1] - 7)}"
        parts = [element("path", class_="arrow", d=bend), _tip(*end, "down")]
        if use.derivative is None:
            return parts
        label = self.labels[use]
        return [*parts, *marks(label.parts, start[0] + 12, start[1] + 3)]

    def _landing(self, use: Use, own: UnitRow) -> float:
        """Return where on a unit the arrow from a given value ends: in the order of their places."""
        read = {one.tail for one in self.contents.uses if one.head == use.head}
        given = sorted(read.intersection(self.placing.given), key=own.x.__getitem__)
        reach = 0.6 * self.cards[use.head].width
        step = reach / (len(given) + 1)
        return self.placing.x(use.head) - reach / 2 + step * (given.index(use.tail) + 1)


def _label(use: Use, contents: Contents) -> Card:
    """Return the derivative beside an arrow: its name, its formula, its value."""
    if use.derivative is None:
        return Card(0.0, 0.0, ())
    tail, head = contents.values[use.tail], contents.values[use.head]
    name = row(adjoint_name(head.name, tail.name), Text("=", "operator"))
    text = set_layout(row(name, derivative_of(use, contents)), 0.8 * SIZE)
    return Card(text.width, text.height, (("derivative", text.at(0.0, text.above)),))


def _line(points: Points) -> str:
    (((x1, y1), (x2, y2)),) = pairwise(points)
    return element("line", class_="arrow", x1=x1, y1=y1, x2=x2 - 7, y2=y2)


def _bent(points: Points, kind: str) -> str:
    """Return a line with round corners, short of the tip at its end."""
    path = f"M{number(points[0][0])} {number(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (x1, y1), (x2, y2) = _towards(corner, before, _CORNER), _towards(corner, after, _CORNER)
        path += (
            f"L{number(x1)} {number(y1)}Q{number(corner[0])} {number(corner[1])} {number(x2)} {number(y2)}"
        )
    x, y = _towards(points[-1], points[-2], 7.0)
    return element("path", class_=kind, d=f"{path}L{number(x)} {number(y)}")


def _towards(point: tuple[float, float], other: tuple[float, float], far: float) -> tuple[float, float]:
    """Return the place so far from a point on the way to another, to the left, right, up or down."""
    (x, y), (to_x, to_y) = point, other
    step_x, step_y = max(-far, min(far, to_x - x)), max(-far, min(far, to_y - y))
    return x + step_x, y + step_y


def _curve(start: tuple[float, float], end: tuple[float, float], through: float, kind: str) -> str:
    """Return an arc that reaches as far as the height `through`; a cubic goes 3/4 of the way."""
    far = [y + (through - y) * 4 / 3 for y in (start[1], end[1])]
    stop = end[1] + (7 if far[1] > end[1] else -7)  # before the tip
    path = f"M{number(start[0])} {number(start[1])}C{number(start[0])} {number(far[0])} "
    path += f"{number(end[0])} {number(far[1])} {number(end[0])} {number(stop)}"
    return element("path", class_="arrow" if kind == "arrow" else "adjoint-stroke", d=path)


_TIPS = {
    "down": "l-4.2 -8.5q4.2 2.4 8.4 0z",
    "up": "l-4.2 8.5q4.2 -2.4 8.4 0z",
    "right": "l-8.5 -4.2q2.4 4.2 0 8.4z",
    "left": "l8.5 -4.2q-2.4 4.2 0 8.4z",
}


def _tip(x: float, y: float, to: str, kind: str = "tip") -> str:
    return element("path", class_=kind, d=f"M{number(x)} {number(y)}{_TIPS[to]}")
