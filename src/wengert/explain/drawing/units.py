"""Units in a row: each named value with its formula, straight arrows forward, curved arrows back."""

from __future__ import annotations

from itertools import pairwise

from wengert.explain.drawing.boxes import set_layout, set_text
from wengert.explain.drawing.cards import (
    SIZE,
    Card,
    adjoint_name,
    card,
    derivative_of,
    stacked,
)
from wengert.explain.drawing.contents import Contents, Use
from wengert.explain.drawing.svg import marks, page
from wengert.explain.printers.layout import Text, row
from wengert.svg import element, number

_MARGIN = 24.0
_BETWEEN = 46.0  # between units at least, for the straight arrow
_ABOVE = 64.0  # between what is given and the unit that reads it
_BELOW = 34.0  # depth of a curved arrow between neighbours; more for each unit it passes
_DEEPER = 32.0
_SMALL = 11.0


def units_svg(contents: Contents, embed_fonts: bool) -> str:
    """Return the units of a computation as SVG."""
    return _Picture(contents).svg(embed_fonts)


class _Picture:
    """The places of the units, in the order in which they are computed."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        values = contents.values
        self.units = [place for place, value in enumerate(values) if value.formula is not None]
        self.rank = {place: number for number, place in enumerate(self.units)}
        self.cards = [card(value, contents.output, narrow=True) for value in values]
        self.labels = {use: _label(use, contents) for use in contents.uses}
        self.readers = {
            place: min((use.head for use in contents.uses if use.tail == place), key=self.rank.__getitem__)
            for place, value in enumerate(values)
            if value.formula is None
        }
        self.x: dict[int, float] = {}
        self.top = dict.fromkeys(self.readers, 0.0)
        given_height = max((self.cards[place].height for place in self.readers), default=0.0)
        tallest = max(self.cards[place].height for place in self.units)
        self.base = _MARGIN + (given_height + _ABOVE if self.readers else 0.0) + self._hops() + tallest / 2
        self.width = self._across()
        deepest = max((self._depth(use) + self.labels[use].height for use in self._backward()), default=0.0)
        self.height = self.base + tallest / 2 + deepest + 44

    def _hops(self) -> float:
        """Return the room above the units for forward arrows that pass over one."""
        return _DEEPER if any(self._distance(use) > 1 for use in self._inner()) else 0.0

    def _inner(self) -> list[Use]:
        return [use for use in self.contents.uses if use.tail in self.rank]

    def _backward(self) -> list[Use]:
        return [use for use in self._inner() if use.derivative is not None]

    def _distance(self, use: Use) -> int:
        return self.rank[use.head] - self.rank[use.tail]

    def _depth(self, use: Use) -> float:
        return _BELOW + _DEEPER * (self._distance(use) - 1)

    def _across(self) -> float:
        """Place units, and above each what it is the first to read; return the width of all.

        Units keep apart from units, and what is given from what is given: neither row widens the other.
        """
        free = above = _MARGIN
        for unit in self.units:
            given = [place for place, reader in self.readers.items() if reader == unit]
            wide = [self._given_width(place) for place in given]
            half = self.cards[unit].width / 2
            self.x[unit] = max(free + half, above + sum(wide) / 2 if wide else 0.0)
            left = self.x[unit] - sum(wide) / 2
            for place, extent in zip(given, wide, strict=True):
                self.x[place] = left + self.cards[place].width / 2
                left += extent
            free = self.x[unit] + half + self._gap(unit)
            above = max(above, left)
        return max(self.x[self.units[-1]] + half, above) + _MARGIN

    def _given_width(self, place: int) -> float:
        """Return the room for a given value and for the derivative beside the arrow below it."""
        labels = [label.width + 24 for use, label in self.labels.items() if use.tail == place]
        own = self.cards[place].width
        return max(own, own / 2 + max(labels, default=0.0)) + 14

    def _gap(self, unit: int) -> float:
        after = [use for use in self._backward() if use.tail == unit and self._distance(use) == 1]
        wide = max((self.labels[use].width for use in after), default=0.0)
        following = self.units[self.rank[unit] + 1 :][:1]
        halves = sum(self.cards[place].width / 2 for place in (unit, *following))
        return max(_BETWEEN, wide + 12 - halves)

    def svg(self, embed_fonts: bool) -> str:
        parts: list[str] = []
        for use in self.contents.uses:
            parts += self._given_arrow(use) if use.tail in self.readers else self._arrows(use)
        for place, one in enumerate(self.cards):
            role = self.contents.values[place].role
            x, y = self.x[place] - one.width / 2, self._y(place) - one.height / 2
            radius = 16 if role == "argument" else 5
            frame = element("rect", class_=role, x=x, y=y, width=one.width, height=one.height, rx=radius)
            parts += [frame, *marks(one.parts, x, y)]
        words = stacked(
            [[("faint", set_text("forward: →   back: the curved arrows, each with its derivative", _SMALL))]]
        )
        self.width = max(self.width, words.width + 2 * _MARGIN)
        parts += marks(words.parts, (self.width - words.width) / 2, self.height - words.height - 4)
        return page(self.width, self.height, "A computation as units in a row", parts, embed_fonts)

    def _y(self, place: int) -> float:
        if place in self.rank:
            return self.base
        tallest = max(self.cards[unit].height for unit in self.units)
        return self.base - tallest / 2 - self._hops() - _ABOVE - self.cards[place].height / 2

    def _edge(self, place: int, side: int) -> float:
        return self._y(place) + side * self.cards[place].height / 2

    def _arrows(self, use: Use) -> list[str]:
        """Return the arrow from a unit to a later one, and the one that brings the derivative back."""
        tail, head = self.x[use.tail], self.x[use.head]
        half_tail, half_head = self.cards[use.tail].width / 2, self.cards[use.head].width / 2
        if self._distance(use) == 1:
            forward = [(tail + half_tail, self.base), (head - half_head, self.base)]
            parts = [_line(forward), _tip(*forward[1], "right")]
        else:
            start, end = (tail + 10, self._edge(use.tail, -1)), (head - 10, self._edge(use.head, -1))
            parts = [_curve(start, end, min(start[1], end[1]) - _DEEPER, "arrow"), _tip(*end, "down")]
        if use.derivative is None:
            return parts
        start, end = (head - 12, self._edge(use.head, 1)), (tail + 12, self._edge(use.tail, 1))
        low = max(start[1], end[1]) + self._depth(use)
        parts += [_curve(start, end, low, "back"), _tip(*end, "up", "adjoint")]
        label = self.labels[use]
        middle = (start[0] + end[0]) / 2
        return [*parts, *marks(label.parts, middle - label.width / 2, low + 5)]

    def _given_arrow(self, use: Use) -> list[str]:
        """Return the arrow from a given value down to a unit, its derivative beside it."""
        start = (self.x[use.tail], self._edge(use.tail, 1))
        end = (self._landing(use), self._edge(use.head, -1))
        middle = (start[1] + end[1]) / 2
        bend = f"M{number(start[0])} {number(start[1])}C{number(start[0])} {number(middle)} "
        bend += f"{number(end[0])} {number(middle)} {number(end[0])} {number(end[1] - 7)}"
        parts = [element("path", class_="arrow", d=bend), _tip(*end, "down")]
        if use.derivative is None:
            return parts
        label = self.labels[use]
        return [*parts, *marks(label.parts, start[0] + 12, start[1] + 3)]

    def _landing(self, use: Use) -> float:
        """Return where on a unit the arrow from a given value ends: in the order of their places."""
        given = sorted(
            (one.tail for one in self.contents.uses if one.head == use.head and one.tail in self.readers),
            key=self.x.__getitem__,
        )
        reach = 0.6 * self.cards[use.head].width
        step = reach / (len(given) + 1)
        return self.x[use.head] - reach / 2 + step * (given.index(use.tail) + 1)


def _label(use: Use, contents: Contents) -> Card:
    """Return the derivative beside an arrow: its name, its formula, its value."""
    if use.derivative is None:
        return Card(0.0, 0.0, ())
    tail, head = contents.values[use.tail], contents.values[use.head]
    name = row(adjoint_name(head.name, tail.name), Text("=", "operator"))
    text = set_layout(row(name, derivative_of(use, contents)), 0.8 * SIZE)
    return Card(text.width, text.height, (("derivative", text.at(0.0, text.above)),))


def _line(points: list[tuple[float, float]]) -> str:
    (((x1, y1), (x2, y2)),) = pairwise(points)
    return element("line", class_="arrow", x1=x1, y1=y1, x2=x2 - 7, y2=y2)


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
}


def _tip(x: float, y: float, to: str, kind: str = "tip") -> str:
    return element("path", class_=kind, d=f"M{number(x)} {number(y)}{_TIPS[to]}")
