"""A page of HTML: sections, tables and figures, light or dark as the reader has it, nothing from outside."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from wengert.io.report.svg import DARK, LIGHT, STYLE, variables
from wengert.printable import printable

_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 0 0 10px; }
p { margin: 0 0 10px; }
.soft { color: var(--soft); }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
  margin: 16px 0; overflow-x: auto; }
.cards { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 10px 16px; min-width: 120px; }
.card b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.scroll { max-height: 480px; overflow: auto; }
.scroll thead th { position: sticky; top: 0; background: var(--panel); }
.figures { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
figcaption { color: var(--soft); font-size: 13px; max-width: 460px; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
td:last-child:not(.number) { min-width: 12em; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; }
"""


def escaped(text: object) -> str:
    """Return text so that nothing in it is markup."""
    return html.escape(printable(str(text)), quote=True)


def page(title: str, parts: Iterable[str]) -> str:
    """Return the whole document. The parts are markup already."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {variables(DARK)} }} }}"
    style = f":root {{ color-scheme: light dark; {variables(LIGHT)} }} {dark}{_STYLE}{STYLE}"
    # Nothing is loaded and nothing runs, whatever the names in a table try.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escaped(title)}</title><style>{style}</style></head>\n"
        f"<body><main>\n{chr(10).join(parts)}\n</main></body></html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """Return a section; the parts are markup already."""
    return f"<section><h2>{escaped(heading)}</h2>{''.join(parts)}</section>"


def paragraph(text: str) -> str:
    """Return a paragraph of text."""
    return f'<p class="soft">{escaped(text)}</p>'


def cards(values: Iterable[tuple[str, str]]) -> str:
    """Return names with large numbers."""
    inner = "".join(
        f'<div class="card"><span class="soft">{escaped(name)}</span><b>{escaped(value)}</b></div>'
        for name, value in values
    )
    return f'<div class="cards">{inner}</div>'


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> str:
    """Return a table; the columns named in ``numbers`` are flush right, and those without text left out."""
    cells = [list(row) for row in rows]
    shown = [place for place in range(len(headers)) if any(row[place] for row in cells)]
    kinds = [' class="number"' if header in numbers else "" for header in headers]

    def line(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{kinds[place]}>{escaped(row[place])}</{tag}>" for place in shown)

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in cells)
    head = f"<thead><tr>{line('th', headers)}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'


def figures(charts: Iterable[tuple[str, str]]) -> str:
    """Return charts (SVG, caption) side by side."""
    inner = "".join(
        f"<figure>{svg}<figcaption>{escaped(caption)}</figcaption></figure>" for svg, caption in charts
    )
    return f'<div class="figures">{inner}</div>'


def preformatted(text: str) -> str:
    """Return text with its line ends."""
    return f"<pre>{escaped(text)}</pre>"
