"""Where units stand: in as many rows as make a picture that is read without scrolling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from wengert.explain.drawing.cards import Card
from wengert.explain.drawing.contents import Contents, Use

MARGIN = 24.0
GUTTER = 44.0  # beside several rows, for the arrows from one to the next
BETWEEN = 46.0  # between units at least, for the straight arrow
ABOVE = 64.0  # between what is given and the unit that reads it
BELOW = 34.0  # depth of a curved arrow between neighbours
DEEPER = 32.0  # more for each unit it passes
LANE = 14.0  # between an arrow to the next row and the one that comes back
_WIDEST = 660.0  # pixels of a row that is read on a telephone too
FEW = 12  # units in rows of that width; of more of them each array is shown by its shape alone
_PROPORTION = 1.2  # width by height of a picture of more


@dataclass
class UnitRow:
    """A row of units, with what they are given above them.

    Attributes
    ----------
    units : list of int
        Numbers of the values.
    x : dict of int to float
        Middle of each unit, and of each given value that a unit of this row reads.
    width : float
        Of the row, without margins.
    base, given_base : float
        Height of the middle of the units, and of the lower edge of what is given.
    channel : float
        Height of the lane below the row, along which arrows go to other rows.
    """

    units: list[int] = field(default_factory=list)
    x: dict[int, float] = field(default_factory=dict)
    width: float = 0.0
    base: float = 0.0
    given_base: float = 0.0
    channel: float = 0.0


class Placing:
    """The places of all units.

    Parameters
    ----------
    contents : Contents
    cards, labels : sequence of Card, mapping of Use to Card
        What is written in the boxes, and beside the arrows.
    """

    def __init__(self, contents: Contents, cards: list[Card], labels: Mapping[Use, Card]) -> None:
        self.contents = contents
        self.cards = cards
        self.labels = labels
        self.units = [place for place, value in enumerate(contents.values) if value.formula is not None]
        self.rank = {place: number for number, place in enumerate(self.units)}
        self.given = [place for place in range(len(cards)) if place not in self.rank]
        self.inner = [use for use in contents.uses if use.tail in self.rank]
        self.rows = self._divided()
        self.row_of = {unit: number for number, row in enumerate(self.rows) for unit in row.units}
        self.crossing = [use for use in self.inner if self.row_of[use.tail] != self.row_of[use.head]]
        self.left = MARGIN if len(self.rows) == 1 else GUTTER
        self.width = max(row.width for row in self.rows) + 2 * self.left
        self.height = self._down()

    def distance(self, use: Use) -> int:
        """Return by how many units an arrow goes on."""
        return self.rank[use.head] - self.rank[use.tail]

    def depth(self, use: Use) -> float:
        """Return how far below the units the arrow back reaches."""
        return BELOW + DEEPER * (self.distance(use) - 1)

    def x(self, place: int, row: UnitRow | None = None) -> float:
        """Return the middle of a unit, or of a given value in a row."""
        own = self.rows[self.row_of[place]] if row is None else row
        return self.left + own.x[place]

    def read_in(self, row: UnitRow) -> list[int]:
        """Return the given values that units of a row read."""
        return [place for place in self.given if place in row.x]

    def _divided(self) -> list[UnitRow]:
        (whole,) = self._rows(math.inf)
        number = math.ceil(whole.width / _WIDEST)
        if len(self.units) > FEW:
            number = max(1, round(math.sqrt(whole.width / (_PROPORTION * self._height(whole)))))
        if number == 1:
            return [whole]
        room = whole.width / number
        rows = self._rows(room)
        while len(rows) > number:
            room *= 1.03
            rows = self._rows(room)
        return rows

    def _rows(self, room: float) -> list[UnitRow]:
        rows = [UnitRow()]
        for unit in self.units:
            if not self._added(rows[-1], unit, room):
                rows.append(UnitRow())
                self._added(rows[-1], unit, math.inf)
        return rows

    def _added(self, row: UnitRow, unit: int, room: float) -> bool:
        """Put a unit at the end of a row, and above it what it is the first there to read.

        Units keep apart from units, and what is given from what is given: neither widens the other.
        """
        read = {use.tail for use in self.contents.uses if use.head == unit}
        given = [place for place in self.given if place in read and place not in row.x]
        wide = [self._given_width(place) for place in given]
        half = self.cards[unit].width / 2
        last = row.units[-1] if row.units else None
        free = 0.0 if last is None else row.x[last] + self.cards[last].width / 2 + self._gap(last, unit)
        above = max((row.x[place] + self._given_right(place) for place in self.read_in(row)), default=0.0)
        middle = max(free + half, above + sum(wide) / 2 if wide else 0.0)
        width = max(row.width, middle + half, middle + sum(wide) / 2)
        if row.units and width > room:
            return False
        row.units.append(unit)
        row.x[unit] = middle
        left = middle - sum(wide) / 2
        for place, extent in zip(given, wide, strict=True):
            row.x[place] = left + self.cards[place].width / 2
            left += extent
        row.width = width
        return True

    def _given_width(self, place: int) -> float:
        """Return the room for a given value and for the derivative beside the arrow below it."""
        return self.cards[place].width / 2 + self._given_right(place)

    def _given_right(self, place: int) -> float:
        labels = [label.width + 24 for use, label in self.labels.items() if use.tail == place]
        return max(self.cards[place].width / 2, max(labels, default=0.0)) + 14

    def _gap(self, unit: int, following: int) -> float:
        back = [use for use in self.inner if use.derivative is not None]
        after = [use for use in back if use.tail == unit and use.head == following]
        wide = max((self.labels[use].width for use in after), default=0.0)
        halves = (self.cards[unit].width + self.cards[following].width) / 2
        return max(BETWEEN, wide + 12 - halves)

    def _hops(self, row: UnitRow) -> float:
        """Return the room above the units for forward arrows that pass over one."""
        within = [use for use in self.inner if use.tail in row.x and use.head in row.x]
        return DEEPER if any(self.distance(use) > 1 for use in within) else 0.0

    def _given_height(self, row: UnitRow) -> float:
        heights = [self.cards[place].height for place in self.read_in(row)]
        return max(heights) + ABOVE if heights else 0.0

    def _deepest(self, row: UnitRow) -> float:
        within = [use for use in self.inner if use.tail in row.x and use.head in row.x and use.derivative]
        return max((self.depth(use) + self.labels[use].height for use in within), default=0.0)

    def _tallest(self, row: UnitRow) -> float:
        return max(self.cards[unit].height for unit in row.units)

    def _height(self, row: UnitRow) -> float:
        return (
            self._given_height(row) + self._hops(row) + self._tallest(row) + self._deepest(row) + 2 * MARGIN
        )

    def _down(self) -> float:
        """Place the rows below one another, between them the lanes of arrows from row to row."""
        y = MARGIN
        for number, row in enumerate(self.rows):
            row.given_base = y + self._given_height(row) - (ABOVE if self.read_in(row) else 0.0)
            y += self._given_height(row) + self._hops(row)
            row.base = y + self._tallest(row) / 2
            y += self._tallest(row) + self._deepest(row) + 14
            here = [use for use in self.crossing if number in self.channels(use)]
            row.channel = y
            y += sum(self.labels[use].height + 2 * LANE + 8 for use in here)
            y += 12 if here else 0
        return y + 36

    def channels(self, use: Use) -> set[int]:
        """Return the rows below which an arrow from row to row runs."""
        tail, head = self.row_of[use.tail], self.row_of[use.head]
        return {tail} if self.rows[head].units[0] == use.head else {tail, head}
