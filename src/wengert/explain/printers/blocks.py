"""Formulas as blocks of Unicode text, for a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from wengert.explain.index.expressions import Expression
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.typesetting import Style

_SUPERSCRIPTS = str.maketrans("0123456789+-−()nT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿᵀ")
_RAISED = set("0123456789−-T")


@dataclass(frozen=True)
class Block:
    """Lines of equal width, one of which stands on the line of writing.

    Attributes
    ----------
    lines : tuple of str
    base : int
        Which line of the block stands on the line of writing.
    """

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        """Width in columns."""
        return max((len(line) for line in self.lines), default=0)


def beside(blocks: list[Block]) -> Block:
    """Put blocks next to each other on one line of writing."""
    if all(len(block.lines) == 1 for block in blocks):
        return Block(("".join(block.lines[0] for block in blocks),))
    above = max((block.base for block in blocks), default=0)
    below = max((len(block.lines) - block.base for block in blocks), default=1)
    lines = [""] * (above + below)
    for block in blocks:
        width = block.width
        start = above - block.base
        for place in range(len(lines)):
            inside = start <= place < start + len(block.lines)
            lines[place] += (block.lines[place - start] if inside else "").ljust(width)
    return Block(tuple(lines), above)


def _fenced(left: str, body: Block, right: str) -> Block:
    if len(body.lines) == 1:
        return Block((f"{left}{body.lines[0]}{right}",))
    sides = []
    for bracket in (left, right):
        lines = tuple(bracket if place == body.base else " " for place in range(len(body.lines)))
        sides.append(Block(lines, body.base))
    return beside([sides[0], body, sides[1]])


def _grid(grid: tuple[tuple[Layout, ...], ...]) -> Block:
    rows = [[_flat(cell).strip() for cell in line] for line in grid]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    body = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in rows]
    if len(body) == 1:
        return Block((f"[{body[0]}]",))
    sides = ["⎡⎤", *["⎢⎥"] * (len(body) - 2), "⎣⎦"]
    lines = tuple(f"{side[0]}{line}{side[1]}" for side, line in zip(sides, body, strict=True))
    return Block(lines, (len(body) - 1) // 2)


def block(piece: Layout) -> Block:
    """Return a formula as lines of text."""
    match piece:
        case layout.Text(content, kind):
            spaced = f" {content} " if content != "," else ", "
            return Block((spaced if kind == "operator" else content,))
        case layout.Row(parts):
            return beside([block(part) for part in parts])
        case layout.Script(base, below, layout.Text("T") as above):  # of all before it
            return beside([block(base), *_lowered(below), *_raised(above)])
        case layout.Script(base, below, above):
            return beside([block(base), *_raised(above), *_lowered(below)])
        case layout.Big(symbol, below):
            return Block((f"{symbol}_{_flat(below)} ",))
        case layout.Fraction(top, bottom, enclosed_top, enclosed_bottom):
            upper, lower = block(top), block(bottom)
            upper = _fenced("(", upper, ")") if enclosed_top else upper
            lower = _fenced("(", lower, ")") if enclosed_bottom else lower
            return beside([upper, Block(("/",)), lower])
        case layout.Root(body):
            return beside([Block(("√",)), _fenced("(", block(body), ")")])
        case layout.Fence(left, body, right):
            return _fenced(left, block(body), right)
        case layout.Bracket(symbol, _):
            return Block((symbol,))
        case layout.Under(body, remark):
            return _under(block(body), remark)
        case layout.Term(body):
            return block(body)
        case layout.Grid(rows):
            return _grid(rows)
    raise AssertionError(type(piece).__name__)


def _under(body: Block, remark: str) -> Block:
    width = max(body.width, len(remark))
    lines = [line.ljust(width) for line in body.lines]
    lines[body.base] = body.lines[body.base].center(width)
    return Block((*lines, remark.center(width)), body.base)


def _flat(piece: Layout) -> str:
    shown = block(piece)  # once: powers nest, and twice at each would double the work with every level
    return shown.lines[shown.base]


def _raised(above: Layout | None) -> list[Block]:
    if above is None:
        return []
    text = _flat(above)
    if isinstance(above, layout.Text) and above.kind == "words":
        number = text.strip("()")
        return [Block((number if number.isdigit() else text.translate(_SUPERSCRIPTS),))]
    if set(text) <= _RAISED:
        return [Block((text.translate(_SUPERSCRIPTS),))]
    return [Block((f"^({text})",))]


def _lowered(below: Layout | None) -> list[Block]:
    if below is None:
        return []
    text = _flat(below)
    enclosed = bool({*"+−/"} & {*text})  # x_{i+1}, which is not x_i + 1
    return [Block((f"_{{{text}}}" if enclosed else f"_{text}",))]


def plain(expression: Expression, style: Style | None = None) -> str:
    """Return an expression on one line."""
    shown = block((style or Style()).show(expression))
    return shown.lines[shown.base].strip()
