"""Derivations as HTML with MathML: one self-contained file, light or dark as the reader's system is."""

from __future__ import annotations

from html import escape

from wengert.explain import layout
from wengert.explain.layout import Layout
from wengert.explain.numbers import shown_value
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.typesetting import Style

_STYLE = """
.wg{--ink:#1b1b1f;--paper:#fdfdfb;--faint:#6b6b76;--line:#d9d9de;color:var(--ink);background:var(--paper);
font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:auto;padding:1rem;overflow-x:auto}
@media (prefers-color-scheme:dark){.wg{--ink:#e8e8ea;--paper:#17171a;--faint:#9a9aa5;--line:#3a3a42}}
.wg h1{font-size:1.4rem}.wg h2{font-size:1.1rem;border-bottom:1px solid var(--line);margin-top:1.6rem}
.wg table{border-collapse:collapse}.wg td{padding:.25rem .4rem;vertical-align:middle;white-space:nowrap}
.wg td:first-child{text-align:right}.wg td.rule{color:var(--faint);font-size:.85rem;
padding-left:2rem;white-space:normal}
.wg tr.new td{padding-top:.8rem}.wg math{font-size:1.1rem}.wg .remark{color:var(--faint)}
"""


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
        case layout.Grid(rows):
            table = "".join(
                "<mtr>" + "".join(f"<mtd>{_number(cell)}</mtd>" for cell in line) + "</mtr>" for line in rows
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
        return f"<mtext>{escape(content)}</mtext>"
    return f"<mi>{escape(content)}</mi>"


def _step(step: Step, style: Style, continued: bool) -> str:
    left = "" if continued else f"<math>{math(style.without_shapes().show(step.subject))}</math>"
    right = math(style.show(step.after))
    if style.numbers is not None:
        right = math(style.without_shapes().show(step.after)) + _operator("=") + right
    if step.shown and step.value is not None:
        right += _operator("=") + math(shown_value(step.value))
    why = f"<br>{escape(step.justification)}" if step.justification else ""
    row = ' class="new"' if not continued else ""
    return (
        f"<tr{row}><td>{left}</td>"
        f'<td><math displaystyle="true"><mrow>{_operator(step.relation)}{right}</mrow></math></td>'
        f'<td class="rule">{escape(step.rule)}{why}</td></tr>'
    )


def _section(section: Section, style: Style) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in section.note.split("\n") if paragraph]
    rows = []
    previous: Step | None = None
    for step in section.steps:
        rows.append(_step(step, style, step.continues(previous)))
        previous = step
    if rows:
        parts.append("<table>" + "".join(rows) + "</table>")
    return "".join(parts)


def fragment(tree: Tree, style: Style) -> str:
    """Return a view as it stands inside a page or a notebook."""
    body = "".join(_section(section, style) for section in tree.sections)
    return f'<div class="wg"><style>{_STYLE}</style><h1>{escape(tree.title)}</h1>{body}</div>'


def document(tree: Tree, style: Style) -> str:
    """Return a view as a page of its own, which loads nothing."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(tree.title)}</title></head><body>{fragment(tree, style)}</body></html>"
    )
