"""Derivations as LaTeX: a fragment for one's own document, or a document of its own."""

from __future__ import annotations

import re

from wengert.explain.printers import layout
from wengert.explain.printers.latex_widths import width
from wengert.explain.printers.layout import Layout, Text
from wengert.explain.printers.line_breaks import Medium, broken
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.names import NAME
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Section, Tree

_SYMBOLS = {
    "−": "-", "⊙": r"\odot", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "∧": r"\wedge",
    "∨": r"\vee", "⊕": r"\oplus", "∂": r"\partial ", "δ": r"\delta ", "σ": r"\sigma ", "𝟏": r"\mathbf{1}",
    "Σ": r"\sum", "′": "'", "×": r"\times", "…": r"\dots", "⋮": r"\vdots", "⋱": r"\ddots", "T": r"\mathsf{T}",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "ε": r"\varepsilon ", "η": r"\eta ", "θ": r"\theta ",
    "κ": r"\kappa ", "λ": r"\lambda ", "μ": r"\mu ", "ν": r"\nu ", "ξ": r"\xi ", "π": r"\pi ", "ρ": r"\rho ",
    "τ": r"\tau ", "φ": r"\varphi ", "χ": r"\chi ", "ψ": r"\psi ", "ω": r"\omega ", "∞": r"\infty",
    "≡": r"\equiv", "Γ": r"\Gamma ", "Δ": r"\Delta ", "Θ": r"\Theta ", "Λ": r"\Lambda ", "Ξ": r"\Xi ",
    "Π": r"\Pi ", "Υ": r"\Upsilon ", "Φ": r"\Phi ", "Ψ": r"\Psi ", "Ω": r"\Omega ",
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
_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{mark: "\\" + mark for mark in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_WORDS_SYMBOLS = set("∂δσεαβγηθκλμνξπρτφχψωΓΔΘΛΞΠΥΦΨΩ𝟏×⊙≤≥≠∧∨⊕·…−∞")
# What is set otherwise in words than in formulas.
_WORDS = {
    "<": "<", ">": ">", "|": "|", "Σ": r"\textstyle\sum", "→": r"\to", "←": r"\leftarrow", "′": "'",
    "√": r"\surd", "ℓ": r"\ell", "∈": r"\in", "ℝ": r"\mathbb{R}", "ᵀ": r"^{\mathsf{T}}", "²": "^2",
    "₀": "_0", "ⁿ": "^n", "⁽": "^{(}", "⁾": "^{)}", "¹": "^1", "⁻": "^{-}", "½": r"\tfrac12",
}  # fmt: skip

PREAMBLE = r"""\documentclass[10pt,a4paper,fleqn]{article}
\usepackage{amsmath,amssymb}
\IfFileExists{lmodern.sty}{\usepackage[T1]{fontenc}\usepackage{lmodern}}{}
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
\setlength{\arraycolsep}{4pt}
"""
_PAGE = 105.0  # digits that fit on a line
_REMARK = "5cm"
_FORMULAS = 76.0  # digits of the left side and of a formula that has a remark beside it
_RELATION_WIDTH = 2.8
_INDENT = r"\phantom{{}={}}"
_PRINT = Medium(width, stacked=True)
_BRACKETS = {"{": r"\{", "}": r"\}", "‖": r"\|", "⌈": r"\lceil", "⌉": r"\rceil", "": "."}


def words(text: str) -> str:
    """Return plain words with LaTeX's special characters escaped, and names in them as mathematics."""
    written: list[str] = []
    end = 0
    for found in NAME.finditer(text):
        base, layer, indices = found.groups()
        if not layer and not indices:
            continue
        written += map(_word, text[end : found.start()])
        above = f"^{{({layer})}}" if layer else ""
        below = f"_{{{_subscript_text(indices)}}}" if indices else ""
        symbol = "".join(_SYMBOLS.get(character, character) for character in base).strip()
        symbol = f"{{{symbol}}}" if "_" in symbol else symbol  # W₀ has an index already
        written.append(f"${symbol}{below}{above}$")
        end = found.end()
    return "".join([*written, *map(_word, text[end:])])


def _subscript_text(text: str) -> str:
    marks = {"′": "'", "−": "-", "ξ": r"\xi ", "⌈": r"\lceil ", "⌉": r"\rceil ", " mod ": r"\bmod "}
    for mark, command in marks.items():
        text = text.replace(mark, command)
    return text


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
    if not mapped.isascii():  # an accent is no mathematics
        return rf"\text{{\itshape {mapped}}}"
    plain = re.sub(r"[\W₀]", "", content.replace("′", ""))
    mapped = mapped.replace("*", "^{*}")  # y*, a name, is no product
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
            return rf"\mathop{{\textstyle{big}}}\limits_{{{_subscript(below)}}} "
        case layout.Fraction(top, bottom):
            return rf"\frac{{{math(top)}}}{{{math(bottom)}}}"
        case layout.Root(body):
            return rf"\sqrt{{{math(body)}}}"
        case layout.Fence(left, body, right):
            inside = rf"\left{_BRACKETS.get(left, left)}{math(body)}\right{_BRACKETS.get(right, right)}"
            return rf"\mathopen{{}}{inside}\mathclose{{}}"
        case layout.Under(body, remark):
            return (
                rf"\underset{{\scriptscriptstyle {remark.replace('×', chr(92) + 'times ')}}}{{{math(body)}}}"
            )
        case layout.Term(body):
            return math(body)
        case layout.Grid(rows):
            lines = r" \\ ".join(" & ".join(math(cell) for cell in line) for line in rows)
            columns = rf"@{{\,}}{'r' * len(rows[0])}@{{\,}}"
            return rf"\left[\begin{{array}}{{{columns}}} {lines} \end{{array}}\right]"
    raise AssertionError(type(piece).__name__)


def _cell(cell: str) -> str:
    if cell in _SYMBOLS:
        return _SYMBOLS[cell]
    power = re.sub(
        r"e([−+]?)0*(\d+)$", lambda found: rf"\cdot 10^{{{found[1].replace('+', '')}{found[2]}}}", cell
    )
    return power.replace("−", "-").replace("∞", _SYMBOLS["∞"])


def _subscript(below: Layout) -> str:
    assert isinstance(below, layout.Text)
    return _subscript_text(below.content)


def _text(content: str, kind: str) -> str:
    if kind in ("operator", "sign"):
        return f" {_SYMBOLS.get(content.strip(), content)} "
    if kind == "gap":
        return r"\quad "
    if kind == "number":
        return _cell(content)
    if kind == "space":
        return r"\,"
    if not content:
        return "{}"
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


def _row(parts: tuple[Layout, ...]) -> str:
    """Return what stands in one row; a bracket whose counterpart stands in another has a size of its own."""
    pairs: dict[int, int] = {}
    open_: list[int] = []
    for place, part in enumerate(parts):
        if isinstance(part, layout.Bracket):
            if part.opening:
                open_.append(place)
            elif open_:
                pairs[open_.pop()] = place
    closed = set(pairs.values())
    written = []
    for place, part in enumerate(parts):
        if not isinstance(part, layout.Bracket):
            written.append(math(part))
            continue
        symbol = _BRACKETS.get(part.symbol, part.symbol)
        if place in pairs or place in closed:
            written.append(rf"\left{symbol}" if part.opening else rf"\right{symbol}")
        else:
            written.append(rf"\bigl{symbol}" if part.opening else rf"\bigr{symbol}")
    return "".join(written)


def _written(line: Line, widest: Layout) -> list[tuple[str, str, str]]:
    """Return the rows of a line: left side, formula, remark; below a wide formula it has a row of its own."""
    rows = broken(line.right, _PAGE - width(widest) - _RELATION_WIDTH, _PRINT)
    remarks = [one for one in (line.rule, line.why) if one]
    beside = bool(line.rule) and sum(map(width, rows[0].parts)) <= _FORMULAS - width(widest)
    written = []
    for place, row in enumerate(rows):
        left = math(line.subject) if not place and not line.continued else ""
        sign = _RELATIONS.get(line.relation, line.relation)
        if place:
            sign = "=" if row.equality else _INDENT
        remark = words(remarks.pop(0)) if beside and not place else ""
        # Of no width, so that the remarks stand below one another on the whole page.
        written.append((left, rf"{sign} \rlap{{$\displaystyle {_row(row.parts)}$}}", remark))
    for text in map(words, remarks):
        below = rf"\rlap{{\parbox[t]{{0.75\linewidth}}{{\footnotesize\raggedright {text}}}}}"
        written.append(("", f"{_INDENT} {below}", ""))
    return written


def _formulas(written: list[Line], spaced: bool, widest: Layout) -> str:
    """Return the lines of a section; the columns are as wide in all sections."""
    room = (_FORMULAS - width(widest)) / 2  # a digit is half as wide as an em
    text = ""
    for line in written:
        for place, (left, formula, remark) in enumerate(_written(line, widest)):
            if not text:
                left = rf"\hphantom{{{math(widest)}}}\llap{{$\displaystyle {left}$}}"
                formula += rf"\hspace{{{room:.1f}em}}"
            else:
                text += " \\\\" + "[0.5ex]" * (spaced and not place and not line.continued) + "\n"
            text += f"{left} &{formula}".lstrip()
            if remark:
                text += rf" && \parbox[t]{{{_REMARK}}}{{\footnotesize\raggedright {remark}}}"
    return f"\\begin{{alignat*}}{{2}}\n{text}\n\\end{{alignat*}}"


def _section(section: Section, style: Style, widest: Layout) -> str:
    parts = [rf"\subsection*{{{words(section.title)}}}"]
    # The formulas belong to the last paragraph: no page ends, and no empty line stands, before them.
    notes = "\\par\n".join(words(paragraph) for paragraph in section.note.split("\n") if paragraph)
    parts.append(notes or r"\nopagebreak\vspace{-\baselineskip}\leavevmode")
    written = list(lines(section, style))
    if written:
        parts.append(_formulas(written, section.spaced, widest))
    return "\n".join(parts) + r"\par"


def fragment(tree: Tree, style: Style) -> str:
    """Return a view as a fragment that needs amsmath and amssymb."""
    subjects = [line.subject for section in tree.sections for line in lines(section, style)]
    widest = max(subjects, key=width, default=Text(""))
    return "\n\n".join(
        [
            rf"\section*{{{words(tree.title)}}}",
            *(_section(section, style, widest) for section in tree.sections),
        ]
    )


def document(tree: Tree, style: Style) -> str:
    """Return a view as a document of its own, for pdflatex or xelatex."""
    return f"{PREAMBLE}{fragment(tree, style)}\n\\end{{document}}\n"
