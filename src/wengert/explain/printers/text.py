"""Derivations as Unicode text for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

from wengert.errors import ConfigurationError
from wengert.explain.printers.blocks import Block, beside, block
from wengert.explain.printers.line_breaks import Medium, broken
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Tree

WIDTH = 110  # columns where the output is not a terminal
_WIDEST, _NARROWEST = 132, 40
_MOST = 10_000  # remarks stand at the right edge, so a page has as many characters a line as it is wide
_PROSE = 100  # the longest lines of plain words that are easy to read
_REMARKS_WIDTH = 50  # for the names of rules on a page of WIDTH columns
_TERMINAL = Medium(lambda piece: block(piece).width, stacked=False)


def page_width() -> int:
    """Return how many columns there are: what COLUMNS says, or those of the terminal that is written to."""
    if not os.environ.get("COLUMNS", "").isdigit() and not sys.stdout.isatty():
        return WIDTH
    return min(max(shutil.get_terminal_size((WIDTH, 24)).columns, _NARROWEST), _WIDEST)


def prose(words: str) -> list[str]:
    """Return words as lines that fit the page, all but the first further to the right."""
    return textwrap.wrap(
        words,
        page_width(),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def folded(line: Line, room: int) -> Block:
    """Return a line in as many columns as there are.

    Equality signs stand below one another; what goes on from the row above stands to the right of them.
    """
    subject = block(line.subject)
    if line.continued:
        subject = Block((" " * subject.width,))
    relation = Block((f" {line.relation} ",))
    blocks: list[Block] = []
    indent = subject.width + relation.width
    rows = broken(line.right, room - indent, _TERMINAL)
    if indent > room // 2 and len(rows) > 1:  # such a long left side has a row of its own
        blocks, margin = [subject], Block((" " * 4,))
        indent = margin.width + relation.width
        rows = broken(line.right, room - indent, _TERMINAL)
        subject = margin
    equality = Block((f"{' =':>{indent - 1}} ",))
    for place, row in enumerate(rows):
        before = [equality if row.equality else Block((" " * indent,))]
        if not place:
            before = [subject, relation]
        blocks.append(beside([*before, *map(block, row.parts)]))
    return Block(tuple(part for one in blocks for part in one.lines), blocks[0].base)


def _written(line: Line, width: int) -> list[str]:
    formula = folded(line, width - 2)
    written = [f"  {part}".rstrip() for part in formula.lines]
    remarks_width = min(_REMARKS_WIDTH, _REMARKS_WIDTH * width // WIDTH)
    column = width - remarks_width
    remarks = textwrap.wrap(line.rule, remarks_width)
    first = formula.base
    for place, remark in enumerate(remarks, first):
        taken = len(written[place]) if place < len(written) else 0
        if max(taken + 2, column) + len(remark) > width:
            first = len(written)
    written += [""] * (first + len(remarks) - len(written))
    for place, remark in enumerate(remarks, first):
        written[place] = f"{written[place]:<{column - 2}}  {remark}"
    return written + [f"      {part}" for part in textwrap.wrap(line.why, min(width, _PROSE) - 6)]


def _section(section: Section, style: Style, width: int) -> list[str]:
    written = [section.title, "─" * len(section.title)]
    for paragraph in section.note.split("\n"):
        written += textwrap.wrap(paragraph, min(width, _PROSE)) if paragraph else []
    if section.note and section.steps:
        written.append("")
    for place, line in enumerate(lines(section, style)):
        if place and not line.continued and section.spaced:
            written.append("")
        written += _written(line, width)
    return written


def text(tree: Tree, style: Style, width: int | None = None) -> str:
    """Return a view of a derivation as text.

    Parameters
    ----------
    tree : Tree
    style : Style
    width : int, optional
        Columns that a line may have; by default those of the terminal.

    Raises
    ------
    ConfigurationError
        For a width below 40 or above 10,000.
    """
    if width is not None and not (isinstance(width, int) and _NARROWEST <= width <= _MOST):
        raise ConfigurationError(
            f"width={width!r}: a whole number of columns, {_NARROWEST} at least and {_MOST:,} at most"
        )
    columns = page_width() if width is None else width
    title = textwrap.wrap(tree.title, columns)
    parts = [*title, "═" * max(map(len, title), default=0)]
    for section in tree.sections:
        parts += ["", *_section(section, style, columns)]
    return "\n".join(parts)
