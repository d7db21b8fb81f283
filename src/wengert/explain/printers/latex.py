"""Derivations as LaTeX: a fragment for one's own document, or a document of its own."""

from __future__ import annotations

import re

from wengert.explain import layout
from wengert.explain.layout import Layout
from wengert.explain.lines import Line, lines
from wengert.explain.steps import Section, Tree
from wengert.explain.typesetting import Style

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
_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{mark: "\\" + mark for mark in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_WORDS_SYMBOLS = set("∂δσΣεαβγηθκλμνξπρτφχψω𝟏×⊙≤≥≠∧∨⊕·′…→√")

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\usepackage[margin=2cm]{geometry}
\setlength{\parindent}{0pt}
\allowdisplaybreaks
\begin{document}
"""


def words(text: str) -> str:
    """Return plain words with LaTeX's special characters escaped, and formulas' letters as mathematics."""
    result = []
    for character in text:
        if character in _WORDS_SYMBOLS:
            result.append(
                f"${'' if character != '→' else chr(92) + 'to'}{_SYMBOLS.get(character, '').strip()}$"
            )
        elif character == "←":
            result.append(r"$\leftarrow$")
        elif character == "−":
            result.append("$-$")
        elif character in "ᵀ²":
            result.append(r"$^{\mathsf{T}}$" if character == "ᵀ" else "$^2$")
        elif character in "₀":
            result.append("$_0$")
        elif character == "ℓ":
            result.append(r"$\ell$")
        else:
            result.append(_SPECIAL.get(character, character))
    return "".join(result)


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
            big = r"\sum" if symbol == "Σ" else rf"\{symbol}"
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
            lines = r" \\ ".join(" & ".join(_cell(cell) for cell in line) for line in rows)
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
    return below.content.replace("′", "'").replace("ξ", r"\xi ")


def _text(content: str, kind: str) -> str:
    if kind in ("operator", "sign"):
        return f" {_SYMBOLS.get(content, content)} "
    if kind == "number":
        return _cell(content)
    if kind == "space":
        return r"\,"
    if kind == "function":
        return f"\\{content}" if content in _FUNCTIONS else rf"\operatorname{{{content}}}"
    if kind == "words":
        inside = content.strip("()")
        return f"({inside})" if inside.isdigit() else rf"\text{{{words(content)}}}"
    return _letters(content)


_RELATIONS = {"+=": r"\mathrel{+}=", "←": r"\leftarrow"}


def _written(line: Line) -> str:
    left = "" if line.continued else math(line.subject)
    relation = _RELATIONS.get(line.relation, line.relation)
    right = " = ".join(map(math, line.right))
    remark = rf"&& \text{{\footnotesize {words(line.rule)}}}" if line.rule else "&&"
    why = rf" \\ &&& \text{{\footnotesize {words(line.why)}}}" if line.why else ""
    return f"{left} &{relation} {right} {remark}{why}"


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
