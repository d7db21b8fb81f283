"""A lecture page as a LaTeX document: its Markdown, with the derivations in mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from tools.lectures.pages import PAGES, Output

from wengert.explain.printers import latex

_MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_digits=False)
_PREAMBLE = Path(__file__).with_name("preamble.tex")
_CODE_COLUMNS = 110
_WHOLE = 8  # lines of code or text that no page divides
_CELLS = 95  # letters that fit beside each other in the cells of a table
_SCALES = {".svg": 0.8, ".png": 0.6}
_HEADINGS = {"h2": "section", "h3": "subsection", "h4": "subsubsection"}
# A letter that stands alone is the name of a value; the articles and the pronoun are not, without an index.
_NAME = re.compile(
    r"(?<![A-Za-z0-9_'’])(?:(?P<letter>[A-Za-zα-ωΣ])(?:(?P<tilde>\u0303)|_(?P<below>[A-Za-z0-9]{1,3})(?!\w))"
    r"|[B-HJ-Zb-z](?![A-Za-z0-9_'’]|\.\w)|[aA](?=[¹²⁰₀₁₂₃ᴸᵀ])|^A$)"
)
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\symb{|}",
    "<": r"\symb{<}",
    ">": r"\symb{>}",
    **{mark: "\\" + mark for mark in "#$%&_{}"},
}


def document(page: str, outputs: Sequence[Output]) -> str:
    """Return a page as a document for pdflatex.

    Parameters
    ----------
    page : str
        Its Markdown.
    outputs : sequence of Output
        What its blocks of Python print, one for each.

    Raises
    ------
    NotImplementedError
        For Markdown that no page had until now.
    """
    body = _Page(outputs).blocks(SyntaxTreeNode(_MARKDOWN.parse(page)).children)
    return f"{_PREAMBLE.read_text(encoding='utf-8')}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"


def anchor(title: str) -> str:
    """Return the name by which links lead to a heading, as GitHub gives it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


class _Page:
    """A page while it is written; each block of Python takes the next of the outputs."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = iter(outputs)
        self._printed: Output | None = None  # what the text that follows a block of Python shows

    def blocks(self, nodes: Iterable[SyntaxTreeNode]) -> str:
        return "\n\n".join(filter(None, map(self._block, nodes)))

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "heading":
                return _heading(node)
            case "paragraph":
                return _paragraph(node)
            case "fence" if node.info == "python":
                self._printed = next(self._outputs)
                return _verbatim("code", node.content)
            case "fence":
                shown, self._printed = self._printed, None
                return _verbatim("printed", node.content) if shown is None else _printed(shown)
            case "math_block":
                return f"\\[{node.content.strip()}\\]"
            case "bullet_list" | "ordered_list":
                return self._list(node)
            case "blockquote":
                return f"\\begin{{rulebox}}\n{self.blocks(node.children)}\n\\end{{rulebox}}"
            case "table":
                return _table(node)
            case "html_block":
                return ""  # names the sections that are shown
        raise NotImplementedError(f"{node.type} in line {node.map}: write its LaTeX in {__name__}")

    def _list(self, node: SyntaxTreeNode) -> str:
        kind = "itemize" if node.type == "bullet_list" else "enumerate"
        start = int(node.attrs.get("start", 1)) - 1
        first = f"\\setcounter{{enumi}}{{{start}}}\n" if start else ""
        items = "\n".join(f"\\item {self.blocks(item.children)}" for item in node.children)
        return f"\\begin{{{kind}}}\\itemsep=0pt\n{first}{items}\n\\end{{{kind}}}"


def _heading(node: SyntaxTreeNode) -> str:
    (title,) = node.children
    target, written = anchor(title.content), _inline(title.children)
    if node.tag == "h1":
        return f"\\lecturetitle{{{target}}}{{{written}}}{{{written}}}\n\\tableofcontents\n\\bigskip"
    return f"\\heading{{{_HEADINGS[node.tag]}}}{{{target}}}{{{written}}}"


def _paragraph(node: SyntaxTreeNode) -> str:
    (inline,) = node.children
    if all(child.type in ("image", "softbreak") for child in inline.children):
        return "\n".join(_picture(child) for child in inline.children if child.type == "image")
    return _inline(inline.children)


def _picture(node: SyntaxTreeNode) -> str:
    path = Path(str(node.attrs["src"]))
    shown = path.with_suffix(".pdf") if path.suffix == ".svg" else path
    return f"\\pictured{{{_SCALES[path.suffix]}}}{{{shown.as_posix()}}}{{{_inline(node.children)}}}"


def _inline(nodes: Iterable[SyntaxTreeNode]) -> str:
    return "".join(map(_span, nodes))


def _span(node: SyntaxTreeNode) -> str:
    match node.type:
        case "inline":
            return _inline(node.children)
        case "text":
            return words(node.content)
        case "code_inline":
            code = _escaped(node.content).replace("'", r"\straightquote{}")
            return f"{{\\ttfamily {code}}}"
        case "math_inline":
            return f"${node.content}$"
        case "math_inline_double":
            return f"\\[{node.content.strip()}\\]"
        case "strong":
            return f"\\textbf{{{_inline(node.children)}}}"
        case "em":
            return f"\\emph{{{_inline(node.children)}}}"
        case "softbreak":
            return "\n"
        case "link":
            return _link(str(node.attrs["href"]), _inline(node.children))
    raise NotImplementedError(f"{node.type}: write its LaTeX in {__name__}")


def _link(target: str, text: str) -> str:
    """Return a link to a heading of this page or of another; of what has no print, the text alone."""
    page, _, heading = target.partition("#")
    if not page:
        return f"\\hyperlink{{{heading}}}{{{text}}}"
    if target.startswith("http"):
        return f"\\href{{{target}}}{{{text}}}"
    if page in PAGES:
        place = f"\\#{heading}" if heading else ""
        return f"\\href{{{Path(page).with_suffix('.pdf')}{place}}}{{{text}}}"
    return text


def words(text: str) -> str:
    """Return plain words with LaTeX's special characters escaped."""
    written, end = [], 0
    for name in _NAME.finditer(text):
        written += [_escaped(text[end : name.start()]), _name(name)]
        end = name.end()
    return re.sub(r'"([^"]*)"', r"``\1''", "".join([*written, _escaped(text[end:])]))


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


def _name(found: re.Match[str]) -> str:
    """Return the name of a value in mathematics."""
    if found["tilde"]:
        return f"$\\tilde {found['letter']}$"
    if found["below"]:
        return f"${found['letter']}_{{{found['below']}}}$"
    return f"${found[0]}$"


def _printed(output: Output) -> str:
    """Return what a block of Python prints: derivations set as mathematics, the rest as it stands."""
    parts = []
    for is_text, group in groupby(output.shown(), key=lambda one: isinstance(one, str)):
        if is_text:
            parts.append(_verbatim("printed", "".join(group)))
        else:
            parts += [f"\\begin{{derivation}}\n{latex.fragment(*one)}\n\\end{{derivation}}" for one in group]
    return "\n\n".join(parts)


def _verbatim(environment: str, text: str) -> str:
    lines = [folded for line in text.rstrip("\n").splitlines() for folded in _folded(line.rstrip())]
    if not any(lines):
        return ""
    whole = "true" if len(lines) <= _WHOLE else "false"
    return "\n".join([f"\\whole{whole}\\begin{{{environment}}}", *lines, f"\\end{{{environment}}}"])


def _folded(line: str) -> Iterator[str]:
    """Yield a line of code in pieces that fit on the page."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    while len(line) > _CODE_COLUMNS:
        end = line.rfind(" ", len(indent) + 2, _CODE_COLUMNS)
        end = _CODE_COLUMNS if end < 0 else end
        yield line[:end].rstrip()
        line = f"{indent}↪ {line[end:].lstrip()}"
    yield line


def _table(node: SyntaxTreeNode) -> str:
    """Return a table; columns of long cells share the width of the page as their contents do."""
    rows = [row.children for part in node.children for row in part.children]
    widest = [max(len(cell.children[0].content) for cell in column) for column in zip(*rows, strict=True)]
    if sum(widest) <= _CELLS:
        columns = "l" * len(widest)
    else:
        room = [min(one, 60) ** 0.7 for one in widest]
        shares = [0.98 * one / sum(room) for one in room]
        columns = "".join(
            rf">{{\raggedright\arraybackslash}}p{{\dimexpr{share:.3f}\linewidth-2\tabcolsep}}"
            for share in shares
        )
    head, *body = (" & ".join(_inline(cell.children) for cell in row) + r" \\\gap" for row in rows)
    lines = "\n".join(body)
    return f"\\begin{{cells}}{{{columns}}}\n{head}\\hline\\gap\n{lines}\n\\end{{cells}}"
