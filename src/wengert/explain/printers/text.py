"""Formulas and derivations as Unicode text for a terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from wengert.explain import layout
from wengert.explain.expressions import Expression
from wengert.explain.layout import Layout
from wengert.explain.lines import Line, lines
from wengert.explain.steps import Section, Tree
from wengert.explain.typesetting import Style

_SUPERSCRIPTS = str.maketrans("0123456789+-−()nT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿᵀ")
_RAISED = set("0123456789−-T")
_REMARKS_FROM = 58  # column in which the names of rules stand
_REMARKS_WIDTH = 50
_WIDEST = 110  # a longer line has its remark below it


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


def _grid(rows: tuple[tuple[str, ...], ...]) -> Block:
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
    return block(piece).lines[block(piece).base]


def _raised(above: Layout | None) -> list[Block]:
    if above is None:
        return []
    text = _flat(above)
    if isinstance(above, layout.Text) and above.kind == "words":
        return [Block((text.strip("()"),))]
    if set(text) <= _RAISED:
        return [Block((text.translate(_SUPERSCRIPTS),))]
    return [Block((f"^({text})",))]


def _lowered(below: Layout | None) -> list[Block]:
    return [] if below is None else [Block((f"_{_flat(below)}",))]


def plain(expression: Expression, style: Style | None = None) -> str:
    """Return an expression on one line."""
    shown = block((style or Style()).show(expression))
    return shown.lines[shown.base].strip()


def _written(line: Line) -> list[str]:
    subject = block(line.subject)
    pieces = [Block((" " * subject.width,)) if line.continued else subject]
    for place, side in enumerate(line.right):
        pieces += [Block((" = " if place else f" {line.relation} ",)), block(side)]
    formula = beside(pieces)
    written = [f"  {part}".rstrip() for part in formula.lines]
    remarks = textwrap.wrap(line.rule, _REMARKS_WIDTH)
    wide = formula.width > _REMARKS_FROM and formula.width + len(" ".join(remarks[:1])) > _WIDEST
    for place, remark in enumerate(remarks, len(written) if wide else formula.base):
        if place == len(written):
            written.append("")
        written[place] = f"{written[place]:<{_REMARKS_FROM}}  {remark}"
    return written + [f"      {part}" for part in textwrap.wrap(line.why, 96)]


def _section(section: Section, style: Style) -> list[str]:
    written = [section.title, "─" * len(section.title)]
    for paragraph in section.note.split("\n"):
        written += textwrap.wrap(paragraph, 100) if paragraph else []
    if section.note and section.steps:
        written.append("")
    for place, line in enumerate(lines(section, style)):
        if place and not line.continued and section.spaced:
            written.append("")
        written += _written(line)
    return written


def text(tree: Tree, style: Style) -> str:
    """Return a view of a derivation as text."""
    parts = [tree.title, "═" * len(tree.title)]
    for section in tree.sections:
        parts += ["", *_section(section, style)]
    return "\n".join(parts)
