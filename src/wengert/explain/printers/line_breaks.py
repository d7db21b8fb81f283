"""Formulas that are wider than the page: where they are broken, and how the rest goes on below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wengert.explain.printers import layout
from wengert.explain.printers.blocks import Block, beside, block, raised_and_lowered
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.lines import Line

_OF_A_BREAK = 4  # so that there are few; each level of nesting around it adds as much as half of one
_OF_A_LEVEL = 2
_BEFORE_AN_EQUALITY = 1  # there the line is broken first
_SHORT_ROW = 5  # for a row that leaves most of the page empty, though nothing new begins below it
_OVERFULL = 10_000  # for each column that does not fit, where nothing can be broken
_STICKING = ("identifier", "function", "words")  # kinds of text that stay with what stands beside them
_NOTHING = Block(("",))
_EQUALITY = Block((" = ",))


@dataclass(frozen=True)
class _Piece:
    """What stays together.

    Attributes
    ----------
    block : Block
    cost : int or None
        Of a break before it; None where there must be none.
    broken : Block
        What it is at the beginning of a row.
    """

    block: Block
    cost: int | None = None
    broken: Block = _NOTHING


def _text(content: str) -> _Piece:
    return _Piece(Block((content,)))


def _break(content: str, depth: int, broken: str = "") -> _Piece:
    return _Piece(Block((content,)), _OF_A_BREAK + _OF_A_LEVEL * depth, Block((broken,)))


def _pieces(piece: Layout, room: int, depth: int = 0) -> Iterator[_Piece]:
    """Yield the pieces of a formula; what is inside of brackets is one level deeper than they are."""
    whole = block(piece)
    match piece:
        case layout.Text(content, "operator") if content != ",":
            yield _break(f" {content} ", depth, f"{content} ")
        case layout.Text(_, "operator"):
            yield _text(",")
            yield _break(" ", depth)
        case layout.Text(_, "space"):
            yield _break(" ", depth, "· ")
        case layout.Text(content, "words") if " " in content.strip():
            first, *others = content.split(" ")
            yield _text(first)
            for word in others:
                yield _break(" ", depth + 1)
                yield _text(word)
        case layout.Row(parts):
            names = [part for part in parts if isinstance(part, layout.Text) and part.kind in _STICKING]
            left = room - sum(len(name.content) for name in names)
            for part in parts:
                yield from _pieces(part, left, depth + (not isinstance(part, layout.Text)))
        case layout.Fence(left, body, right):
            yield from _enclosed(left, body, right, room, depth)
        case layout.Root(body):
            yield from _enclosed("√(", body, ")", room, depth)
        case layout.Fraction(top, bottom, enclosed_top, enclosed_bottom) if whole.width > room // 4:
            yield from _enclosed("(" * enclosed_top, top, ")" * enclosed_top, room, depth)
            yield _break("/", depth + 3, "/ ")  # a fraction is torn apart last
            yield from _enclosed("(" * enclosed_bottom, bottom, ")" * enclosed_bottom, room, depth)
        case layout.Script(base, below, above) if whole.width > room // 4:
            yield from _pieces(base, room, depth)
            yield from map(_Piece, raised_and_lowered(above, below))
        case layout.Grid((cells,)):
            yield _text("[")
            for place, cell in enumerate(cells):
                if place:
                    yield _break("  ", depth)
                yield _text(block(cell).lines[0].strip())
            yield _text("]")
        case layout.Grid(rows) if whole.width > room:
            yield _Piece(block(_narrower(rows, room)))
        case _:
            yield _Piece(whole)


def _enclosed(left: str, body: Layout, right: str, room: int, depth: int) -> Iterator[_Piece]:
    yield _text(left)
    yield from _pieces(body, room - len(left + right), depth + 1)
    yield _text(right)


def _narrower(rows: tuple[tuple[Layout, ...], ...], room: int) -> layout.Grid:
    """Return a matrix without its middle columns, as many as have room."""
    grid = layout.Grid(rows)
    for kept in range(len(rows[0]) - 1, 1, -1):
        left, right = (kept + 1) // 2, kept // 2
        grid = layout.Grid(tuple((*line[:left], _left_out(line), *line[-right:]) for line in rows))
        if block(grid).width <= room:
            break
    return grid


def _left_out(line: tuple[Layout, ...]) -> layout.Text:
    below = all(isinstance(cell, layout.Text) and cell.content in "⋮⋱…" for cell in line)
    return layout.Text("⋱" if below else "…", "number")


def _ends(pieces: Sequence[_Piece], room: int) -> list[int]:
    """Return where the rows end, at the least cost; of equal choices that with fuller rows above."""
    count = len(pieces)
    starts = [0, *(place for place in range(1, count) if pieces[place].cost is not None)]
    costs = [0] * (count + 1)  # of the rest, from a place on
    chosen = [count] * (count + 1)  # where the row that begins there ends
    for number in reversed(range(len(starts))):
        start = place = starts[number]
        width = 0
        least: int | None = None
        for end in [*starts[number + 1 :], count]:
            width += sum(one.block.width for one in pieces[place:end])
            if place == start:
                width += pieces[start].broken.width - pieces[start].block.width if start else 0
            place = end
            over = max(0, width - room)
            if over and least is not None:
                break
            cost = over * _OVERFULL + costs[end]
            if end < count:
                cost += pieces[end].cost or 0
                cost += _SHORT_ROW * (3 * width < room and pieces[end].block is not _EQUALITY)
            if least is None or cost <= least:
                least, costs[start], chosen[start] = cost, cost, end
    ends = [chosen[0]]
    while ends[-1] < count:
        ends.append(chosen[ends[-1]])
    return ends


def _stacked(rows: Sequence[Block]) -> Block:
    return Block(tuple(line for row in rows for line in row.lines), rows[0].base)


def folded(line: Line, room: int) -> Block:
    """Return a line as it is printed, broken where it is wider than the page.

    It is broken before equality signs first, then before operators, those outside of brackets before those
    inside. Equality signs stand below one another; what goes on from the row above stands to the right of
    them.

    Parameters
    ----------
    line : Line
    room : int
        Columns of the page.
    """
    subject = block(line.subject)
    if line.continued:
        subject = Block((" " * subject.width,))
    relation = Block((f" {line.relation} ",))
    sides = [block(side) for side in line.right]
    whole = beside([subject, relation, *(part for side in sides for part in (side, _EQUALITY))][:-1])
    if whole.width <= room:
        return whole
    alone = subject.width + relation.width > room // 2  # such a long left side has a row of its own
    margin = Block((" " * (4 if alone else subject.width),))
    indent = Block((" " * (margin.width + relation.width),))
    pieces: list[_Piece] = []
    for place, side in enumerate(line.right):
        if place:
            pieces.append(_Piece(_EQUALITY, _BEFORE_AN_EQUALITY))
        pieces += _pieces(side, room - indent.width - len("· "))
    rows = [subject] if alone else []
    start = 0
    for end in _ends(pieces, room - indent.width):
        if not start:
            before = [margin if alone else subject, relation, pieces[0].block]
        elif pieces[start].block is _EQUALITY:
            before = [Block((f"{' =':>{indent.width - 1}} ",))]
        else:
            before = [indent, pieces[start].broken]
        rows.append(beside([*before, *(one.block for one in pieces[start + 1 : end])]))
        start = end
    return _stacked(rows)
