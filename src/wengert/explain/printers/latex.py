"""Derivations as LaTeX: a fragment for one's own document, or a document of its own."""

from __future__ import annotations

import re

from wengert.explain.printers import layout
from wengert.explain.printers.blocks import block
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Tree

_SYMBOLS = {
    "−": "-", "⊙": r"\odot", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "∧": r"\wedge",
    "∨": r"\vee", "⊕": r"\oplus", "∂": r"\partial ", "δ": r"\delta ", "σ": r"\sigma ", "𝟏": r"\mathbf{1}",
    "Σ": r"\sum", "′": "'", "×": r"\times", "…": r"\dots", "⋮": r"\vdots", "⋱": r"\ddots", "T": r"\mathsf{T}",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "ε": r"\varepsilon ", "η": r"\eta ", "θ": r"\theta ",
    "κ": r"\kappa ", "λ": r"\lambda ", "μ": r"\mu ", "ν": r"\nu ", "ξ": r"\xi ", "π": r"\pi ", "ρ": r"\rho ",
    "τ": r"\tau ", "φ": r"\varphi ", "χ": r"\chi ", "ψ": r"\psi ", "ω": r"\omega ",
    "₀": "_{0}",
}  # fmt: skip
_FUNCTIONS = {
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "ln",
    "exp",
    "max",
    "min",
}
_INDICES = r"_([a-zξA-Z]+′*(?:[a-zξA-Z]′*)*)"
_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{mark: "\\" + mark for mark in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_WORDS_SYMBOLS = set("∂δσεαβγηθκλμνξπρτφχψω𝟏×⊙≤≥≠∧∨⊕·…−")
# What is set otherwise in words than in formulas.
_WORDS = {
    "Σ": r"\textstyle\sum", "→": r"\to", "←": r"\leftarrow", "′": "'", "√": r"\surd", "ℓ": r"\ell",
    "∈": r"\in", "ℝ": r"\mathbb{R}", "ᵀ": r"^{\mathsf{T}}", "²": "^2", "₀": "_0", "ⁿ": "^n", "⁽": "^{(}",
    "⁾": "^{)}",
}  # fmt: skip

PREAMBLE = r"""\documentclass[10pt,a4paper,fleqn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{amsmath,amssymb}
\usepackage[margin=1.3cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\mathindent}{1em}
\makeatletter
\renewcommand\section{\@startsection{section}{1}{0pt}{-2ex}{0.8ex}{\normalfont\large\bfseries}}
\renewcommand\subsection{\@startsection{subsection}{2}{0pt}{-1.6ex}{0.6ex}{\normalfont\normalsize\bfseries}}
\makeatother
\allowdisplaybreaks
\begin{document}
\small
\setlength{\jot}{0.5pt}
\setlength{\abovedisplayskip}{0.4ex}
\setlength{\belowdisplayskip}{0.4ex}
"""
_WIDEST = 88  # characters of a line that leave room for a remark beside it
_PAGE = 94  # characters that fit on a line


def words(text: str) -> str:
    """Return plain words with LaTeX's special characters escaped, and formulas' letters as mathematics."""
    parts = re.split(_INDICES, text)
    return "".join(
        f"$_{{{_subscript_text(part)}}}$" if place % 2 else "".join(map(_word, part))
        for place, part in enumerate(parts)
    )


def _subscript_text(text: str) -> str:
    return text.replace("′", "'").replace("ξ", r"\xi ")


def _word(character: str) -> str:
    """Return one character of plain words."""
    if character in _WORDS:
        return f"${_WORDS[character]}$"
    if character in _WORDS_SYMBOLS:
        return f"${_SYMBOLS[character].strip()}$"
    return _SPECIAL.get(character, character)


def _letters(content: str) -> str:
    """Return an identifier: a single letter in italics, a longer name upright."""
    if content == "T":
        return _SYMBOLS["T"]
    mapped = "".join(_SYMBOLS.get(character, _SPECIAL.get(character, character)) for character in content)
    plain = re.sub(r"[\W₀]", "", content.replace("′", ""))
    return mapped if len(plain) <= 1 or "′" in content else rf"\mathit{{{mapped}}}"


def math(piece: Layout) -> str:
    """Return a formula in LaTeX's mathematics mode."""
    match piece:
        case layout.Text(content, kind):
            return _text(content, kind)
        case layout.Row(parts):
            return "".join(math(part) for part in parts)
        case layout.Script(base, below, above):
            down = "" if below is None else f"_{{{_subscript(below)}}}"
            up = "" if above is None else f"^{{{math(above)}}}"
            return f"{{{math(base)}}}{down}{up}"
        case layout.Big(symbol, below):
            big = {"Σ": r"\sum", "Π": r"\prod"}.get(symbol, rf"\{symbol}")
            return rf"{big}_{{{_subscript(below)}}} "
        case layout.Fraction(top, bottom):
            return rf"\frac{{{math(top)}}}{{{math(bottom)}}}"
        case layout.Root(body):
            return rf"\sqrt{{{math(body)}}}"
        case layout.Fence(left, body, right):
            brackets = {"{": r"\{", "}": r"\}"}
            return rf"\left{brackets.get(left, left)}{math(body)}\right{brackets.get(right, right)}"
        case layout.Under(body, remark):
            return (
                rf"\underset{{\scriptscriptstyle {remark.replace('×', chr(92) + 'times ')}}}{{{math(body)}}}"
            )
        case layout.Term(body):
            return math(body)
        case layout.Grid(rows):
            lines = r" \\ ".join(" & ".join(math(cell) for cell in line) for line in rows)
            return rf"\left[\begin{{array}}{{{'r' * len(rows[0])}}} {lines} \end{{array}}\right]"
    raise AssertionError(type(piece).__name__)


def _cell(cell: str) -> str:
    if cell in _SYMBOLS:
        return _SYMBOLS[cell]
    return re.sub(
        r"e([−+]?)0*(\d+)$", lambda found: rf"\cdot 10^{{{found[1].replace('+', '')}{found[2]}}}", cell
    ).replace("−", "-")


def _subscript(below: Layout) -> str:
    assert isinstance(below, layout.Text)
    return _subscript_text(below.content)


def _text(content: str, kind: str) -> str:
    if kind in ("operator", "sign"):
        return f" {_SYMBOLS.get(content, content)} "
    if kind == "number":
        return _cell(content)
    if kind == "space":
        return r"\,"
    if kind == "function":
        return (
            f"\\{content}"
            if content in _FUNCTIONS
            else rf"\operatorname{{{content.replace('_', chr(92) + '_')}}}"
        )
    if kind == "words":
        inside = content.strip("()")
        return f"({inside})" if inside.isdigit() else rf"\text{{{words(content)}}}"
    return _letters(content)


_RELATIONS = {"+=": r"\mathrel{+}=", "←": r"\leftarrow"}


def _written(line: Line) -> str:
    left = "" if line.continued else math(line.subject)
    relation = _RELATIONS.get(line.relation, line.relation)
    rows = _rows(line)
    first = f"{left} &{relation} {' = '.join(map(math, rows[0]))}"
    more = [rf"&= {' = '.join(map(math, row))}" for row in rows[1:]]
    width = max(block(line.subject).width + sum(_width(side) for side in row) for row in rows)
    remarks = [one for one in (line.rule, line.why) if one]
    if line.rule and width <= _WIDEST:
        first += rf" && \parbox[t]{{5cm}}{{\footnotesize\raggedright {words(remarks.pop(0))}}}"
    below = [rf"& \quad \text{{\footnotesize {words(one)}}}" for one in remarks]
    return " \\\\\n".join([first, *more, *below])


def _width(side: Layout) -> int:
    return block(side).width + 3


def _rows(line: Line) -> list[list[Layout]]:
    """Distribute the right sides of a line over as many rows as the page needs."""
    rows: list[list[Layout]] = []
    room = 0
    for side in line.right:
        if not rows or _width(side) > room:
            rows.append([])
            room = _PAGE - block(line.subject).width
        rows[-1].append(side)
        room -= _width(side)
    return rows


def _section(section: Section, style: Style) -> str:
    parts = [rf"\subsection*{{{words(section.title)}}}"]
    parts += [words(paragraph) + r"\par" for paragraph in section.note.split("\n") if paragraph]
    written = [_written(line) for line in lines(section, style)]
    if written:
        parts.append("\\begin{align*}\n" + " \\\\\n".join(written) + "\n\\end{align*}")
    return "\n".join(parts)


def fragment(tree: Tree, style: Style) -> str:
    """Return a view as a fragment that needs amsmath and amssymb."""
    return "\n\n".join(
        [rf"\section*{{{words(tree.title)}}}", *(_section(section, style) for section in tree.sections)]
    )


def document(tree: Tree, style: Style) -> str:
    """Return a view as a document of its own, for pdflatex or xelatex."""
    return f"{PREAMBLE}{fragment(tree, style)}\n\\end{{document}}\n"
