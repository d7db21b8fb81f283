"""Derivations as HTML with MathML: one self-contained file, light or dark as the reader's system is.

Choosing a term, by mouse or keyboard, marks the lines that it comes from and those that it goes to.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from html import escape
from importlib import resources

from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.names import NAME
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Tree

_FONT = (
    "STIX Two Math, reduced to the characters used here. Copyright 2001-2021 The STIX Fonts Project Authors "
    "(https://github.com/stipub/stixfonts), SIL Open Font License 1.1"
)
_HINT = "Choose a term, with the mouse or with Tab, arrows and Enter, to see where it comes from and goes to."
# Nothing may be loaded from anywhere; what the page needs stands in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:"


@cache
def _asset(name: str) -> bytes:
    return (resources.files("wengert.explain.printers") / "assets" / name).read_bytes()


def _style() -> str:
    """Return the style sheet with the font in it: without one, Chromium does not stretch brackets."""
    font = b64encode(_asset("stix-two-math.woff2")).decode("ascii")
    source = f'@font-face {{ font-family: "WG STIX Two Math"; src: url(data:font/woff2;base64,{font}); }}'
    return f"<style>\n/* {_FONT} */\n{source}\n{_asset('derivation.css').decode('utf-8')}</style>"


def _operator(symbol: str, **attributes: str) -> str:
    inside = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<mo{inside}>{escape(symbol)}</mo>"


def math(piece: Layout) -> str:
    """Return a formula in MathML (presentation)."""
    match piece:
        case layout.Text(content, kind):
            return _text(content, kind)
        case layout.Row(parts):
            return "<mrow>" + "".join(math(part) for part in parts) + "</mrow>"
        case layout.Script(base, below, above):
            return _script(base, below, above)
        case layout.Big(symbol, below):
            return f"<munder>{_operator('∑' if symbol == 'Σ' else symbol)}{math(below)}</munder>"
        case layout.Fraction(top, bottom):
            return f"<mfrac>{math(top)}{math(bottom)}</mfrac>"
        case layout.Root(body):
            return f"<msqrt>{math(body)}</msqrt>"
        case layout.Fence(left, body, right):
            opening = _operator(left, form="prefix", stretchy="true")
            return f"<mrow>{opening}{math(body)}{_operator(right, form='postfix', stretchy='true')}</mrow>"
        case layout.Under(body, remark):
            note = f'<mtext class="remark" mathsize="60%">{escape(remark)}</mtext>'
            return f"<munder>{math(body)}{note}</munder>"
        case layout.Term(body, name):
            named = f'class="term" role="button" tabindex="-1" data-term="{escape(name)}"'
            return f"<mrow {named}>{math(body)}</mrow>"
        case layout.Grid(rows):
            table = "".join(
                "<mtr>" + "".join(f"<mtd>{math(cell)}</mtd>" for cell in line) + "</mtr>" for line in rows
            )
            left, right = (
                _operator("[", form="prefix", stretchy="true"),
                _operator("]", form="postfix", stretchy="true"),
            )
            return f"<mrow>{left}<mtable>{table}</mtable>{right}</mrow>"
    raise AssertionError(type(piece).__name__)


def _number(cell: str) -> str:
    return f"<mn>{escape(cell)}</mn>"


def _script(base: Layout, below: Layout | None, above: Layout | None) -> str:
    inside = math(base)
    if below is not None and above is not None:
        return f"<msubsup>{inside}{math(below)}{math(above)}</msubsup>"
    if below is not None:
        return f"<msub>{inside}{math(below)}</msub>"
    return f"<msup>{inside}{math(above)}</msup>" if above is not None else inside


def _text(content: str, kind: str) -> str:
    if kind in ("operator", "sign"):
        return _operator(content) if kind == "operator" else _operator(content, form="prefix")
    if kind == "number":
        return _number(content)
    if kind == "space":
        return '<mspace width="0.17em"/>'
    if kind == "words":
        return f"<mtext>{escape(content).replace(' ', '&#160;')}</mtext>"  # else spaces at its ends are lost
    if kind == "indices":
        return "<mrow>" + "".join(map(_index, re.findall(r"\d+|.′*", content))) + "</mrow>"
    if content == "T":  # a transpose
        return '<mi mathvariant="normal">T</mi>'
    return f"<mi>{escape(content)}</mi>"


def _index(text: str) -> str:
    letter = text.rstrip("′")
    if letter.isdigit() or letter == ",":
        return f"<mn>{letter}</mn>" if letter != "," else '<mo separator="true">,</mo>'
    if letter in ("+", "−"):
        return f'<mo lspace="0" rspace="0">{letter}</mo>'
    primes = text[len(letter) :]
    return f"<mi>{escape(letter)}</mi>" + (f'<mo lspace="0" rspace="0">{primes}</mo>' if primes else "")


def _written(line: Line, number: int) -> str:
    left = "" if line.continued else f'<math displaystyle="true">{math(line.subject)}</math>'
    # Each right side is a formula of its own, so that a long line breaks between them.
    signs = [line.relation, *("=" for _ in line.right[1:])]
    right = " ".join(
        f'<math displaystyle="true"><mrow>{_operator(sign)}{math(side)}</mrow></math>'
        for sign, side in zip(signs, line.right, strict=True)
    )
    why = f"<br>{_words(line.why)}" if line.why else ""
    first = "" if line.continued else ' class="new"'
    return (
        f'<tr data-line="{number}" data-about="{escape(line.about)}"{first}><td>{left}</td>'
        f'<td class="formula">{right}</td>'
        f'<td class="rule">{_words(line.rule)}{why}</td><td class="line">{number}</td></tr>'
    )


def _words(text: str) -> str:
    """Return a remark; the indices of names in it are lowered, the numbers of layers raised."""
    return NAME.sub(_name, escape(text))


def _name(found: re.Match[str]) -> str:
    base, layer, indices = found.groups()
    if not layer and not indices:
        return base
    below = f"<sub>{indices}</sub>" if indices else ""
    above = f"<sup>({layer})</sup>" if layer else ""
    return f"{base if base in 'Σ)' else f'<i>{base}</i>'}{below}{above}"


def _section(section: Section, written: list[Line], number: int) -> str:
    """Return a section; its first line has the given number."""
    parts = [f"<h2>{_words(section.title)}</h2>"]
    parts += [f"<p>{_words(paragraph)}</p>" for paragraph in section.note.split("\n") if paragraph]
    if written:
        rows = "".join(_written(line, place) for place, line in enumerate(written, number))
        parts.append(f"<table>{rows}</table>")
    return "".join(parts)


def fragment(tree: Tree, style: Style) -> str:
    """Return a view as it stands inside a page or a notebook."""
    sections = []
    number = 1
    for section in tree.sections:
        written = list(lines(section, style))
        sections.append(_section(section, written, number))
        number += len(written)
    script = f"<script>\n{_asset('derivation.js').decode('utf-8')}</script>"
    told = f'<p class="told" role="status">{_HINT}</p>'
    body = f"<h1>{_words(tree.title)}</h1>{''.join(sections)}{told}"
    return f'<div class="wg">{_style()}{body}{script}</div>'


def document(tree: Tree, style: Style) -> str:
    """Return a view as a page of its own, which loads nothing."""
    licence = _asset("stix-two-math-license.txt").decode("utf-8").replace("--", "- -")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        "<style>body { margin: 0; } @media (prefers-color-scheme: dark) { body { background: #17171a; } }"
        "</style>"
        f"<title>{escape(tree.title)}</title></head>\n<body>{fragment(tree, style)}\n"
        f"<!-- The licence of the font:\n{licence}-->\n</body></html>"
    )
