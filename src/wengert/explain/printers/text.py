"""Derivations as Unicode text for a terminal."""

from __future__ import annotations

import textwrap

from wengert.explain.printers.blocks import Block, beside, block
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Tree

_REMARKS_FROM = 58  # column in which the names of rules stand
_REMARKS_WIDTH = 50
_WIDEST = 110  # a longer line has its remark below it


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
