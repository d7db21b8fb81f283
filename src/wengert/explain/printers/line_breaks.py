"""Formulas that are wider than the page: where they are broken, in a terminal as in print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text

_OF_A_BREAK = 4  # so that there are few; each level of nesting around it adds as much as half of one
_OF_A_LEVEL = 2
_BEFORE_AN_EQUALITY = 1  # there the line is broken first
_SHORT_ROW = 5  # for a row that leaves most of the page empty, though nothing new begins below it
_OVERFULL = 10_000  # for each column that does not fit, where nothing can be broken
_STICKING = ("identifier", "function", "words")  # kinds of text that stay with what stands beside them
_NOTHING = Text("")
EQUALITY = layout.operator("=")
_POINT = Text("· ", "sign")


@dataclass(frozen=True)
class Medium:
    """What a page is made of.

    Attributes
    ----------
    width : callable
        Of a formula, in columns.
    stacked : bool
        Whether fractions stand above one another and roots have a bar, so that they are torn apart only where
        they do not fit by themselves.
    """

    width: Callable[[Layout], float]
    stacked: bool


@dataclass(frozen=True)
class Piece:
    """What stays together.

    Attributes
    ----------
    shown : Layout
    cost : int or None
        Of a break before it; None where there must be none.
    broken : Layout
        What it is at the beginning of a row.
    """

    shown: Layout
    cost: int | None = None
    broken: Layout = _NOTHING


@dataclass(frozen=True)
class Row:
    """One row of a formula.

    Attributes
    ----------
    parts : tuple of Layout
    equality : bool
        Whether an equality sign stands before it; otherwise it goes on from the row above, or is the first.
    """

    parts: tuple[Layout, ...]
    equality: bool = False


def _break(shown: Layout, depth: int, broken: Layout = _NOTHING) -> Piece:
    return Piece(shown, _OF_A_BREAK + _OF_A_LEVEL * depth, broken)


def _pieces(piece: Layout, room: float, medium: Medium, depth: int = 0) -> Iterator[Piece]:
    """Yield the pieces of a formula; what is inside of brackets is one level deeper than they are."""
    match piece:
        case Text(",", "operator"):
            yield Piece(Text(","))
            yield _break(Text(" ", "space"), depth)
        case Text(content, "operator"):
            yield _break(piece, depth, Text(f"{content} ", "sign"))
        case Text(_, "space"):
            yield _break(piece, depth, _POINT)
        case Text(content, "words") if " " in content.strip():
            first, *others = content.split(" ")
            yield Piece(Text(first, "words"))
            for word in others:
                yield _break(Text(" ", "words"), depth + 1)
                yield Piece(Text(word, "words"))
        case layout.Row(parts):
            names = [part for part in parts if isinstance(part, Text) and part.kind in _STICKING]
            left = room - sum(map(medium.width, names))
            for part in parts:
                yield from _pieces(part, left, medium, depth + (not isinstance(part, Text)))
        case layout.Fence(left_bracket, body, right_bracket):
            yield from _enclosed(left_bracket, body, right_bracket, room, medium, depth)
        case layout.Grid((cells,)) if medium.width(piece) > room / 2:
            yield Piece(layout.Bracket("[", opening=True))
            for place, cell in enumerate(cells):
                if place:
                    yield _break(layout.GAP, depth)
                yield Piece(cell)
            yield Piece(layout.Bracket("]", opening=False))
        case layout.Grid(rows) if medium.width(piece) > room:
            yield Piece(_narrower(rows, room, medium))
        case layout.Script(base, below, above) if medium.width(piece) > room / 4:
            yield from _pieces(base, room, medium, depth)
            yield Piece(layout.Script(_NOTHING, below, above))
        case _ if medium.width(piece) > (room if medium.stacked else room / 4):
            yield from _torn(piece, room, medium, depth)
        case _:
            yield Piece(piece)


def _torn(piece: Layout, room: float, medium: Medium, depth: int) -> Iterator[Piece]:
    """Yield the pieces of a fraction or a root; a fraction is torn apart last."""
    match piece:
        case layout.Fraction(top, bottom, enclosed_top, enclosed_bottom):
            yield from _enclosed("(" * enclosed_top, top, ")" * enclosed_top, room, medium, depth)
            yield _break(Text("/"), depth + 3, Text("/ ", "sign"))
            yield from _enclosed("(" * enclosed_bottom, bottom, ")" * enclosed_bottom, room, medium, depth)
        case layout.Root(body):
            yield Piece(Text("√"))
            yield from _enclosed("(", body, ")", room, medium, depth)
        case _:
            yield Piece(piece)


def _enclosed(
    left: str, body: Layout, right: str, room: float, medium: Medium, depth: int
) -> Iterator[Piece]:
    if not left:
        yield from _pieces(body, room, medium, depth + 1)
        return
    opening, closing = layout.Bracket(left, opening=True), layout.Bracket(right, opening=False)
    yield Piece(opening)
    yield from _pieces(body, room - medium.width(opening) - medium.width(closing), medium, depth + 1)
    yield Piece(closing)


def _narrower(rows: tuple[tuple[Layout, ...], ...], room: float, medium: Medium) -> layout.Grid:
    """Return a matrix without its middle columns, as many as have room."""
    grid = layout.Grid(rows)
    for kept in range(len(rows[0]) - 1, 1, -1):
        left, right = (kept + 1) // 2, kept // 2
        grid = layout.Grid(tuple((*line[:left], _left_out(line), *line[-right:]) for line in rows))
        if medium.width(grid) <= room:
            break
    return grid


def _left_out(line: tuple[Layout, ...]) -> Text:
    below = all(isinstance(cell, Text) and cell.content in "⋮⋱…" for cell in line)
    return Text("⋱" if below else "…", "number")


def _ends(pieces: Sequence[Piece], room: float, medium: Medium) -> list[int]:
    """Return where the rows end, at the least cost; of equal choices that with fuller rows above."""
    count = len(pieces)
    widths = [medium.width(piece.shown) for piece in pieces]
    starts = [0, *(place for place in range(1, count) if pieces[place].cost is not None)]
    costs = [0.0] * (count + 1)  # of the rest, from a place on
    chosen = [count] * (count + 1)  # where the row that begins there ends
    for number in reversed(range(len(starts))):
        start = place = starts[number]
        width = medium.width(pieces[start].broken) - widths[start] if start else 0.0
        least: float | None = None
        for end in [*starts[number + 1 :], count]:
            width += sum(widths[place:end])
            place = end
            over = max(0.0, width - room)
            if over and least is not None:
                break
            cost = over * _OVERFULL + costs[end]
            if end < count:
                cost += pieces[end].cost or 0
                cost += _SHORT_ROW * (3 * width < room and pieces[end].shown is not EQUALITY)
            if least is None or cost <= least:
                least, costs[start], chosen[start] = cost, cost, end
    ends = [chosen[0]]
    while ends[-1] < count:
        ends.append(chosen[ends[-1]])
    return ends


def broken(sides: Sequence[Layout], room: float, medium: Medium) -> list[Row]:
    """Return the right sides of a line as the rows that they need.

    They are broken before equality signs first, then before operators, those outside of brackets before those
    inside.

    Parameters
    ----------
    sides : sequence of Layout
    room : float
        Columns to the right of the first equality sign.
    medium : Medium
    """
    pieces: list[Piece] = []
    for place, side in enumerate(sides):
        if place:
            pieces.append(Piece(EQUALITY, _BEFORE_AN_EQUALITY))
        pieces += _pieces(side, room - medium.width(_POINT), medium)
    rows = []
    start = 0
    for end in _ends(pieces, room, medium):
        first = pieces[start].broken if start else pieces[start].shown
        parts = (first, *(piece.shown for piece in pieces[start + 1 : end]))
        rows.append(Row(parts, start > 0 and pieces[start].shown is EQUALITY))
        start = end
    return rows
