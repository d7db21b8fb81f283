"""A drawing as SVG: self-contained, its text selectable, in light and dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from wengert.explain.drawing.boxes import Glyphs, Stroke
from wengert.explain.drawing.cards import Card
from wengert.explain.drawing.layered.graph import Route
from wengert.explain.drawing.metrics import font
from wengert.explain.drawing.picture import Picture

_UPRIGHT, _ITALIC = "STIX Two Math", "STIX Two Text"
# Style class: light colour, dark colour.
_COLOURS = {
    "paper": ("#ffffff", "#0f1419"),
    "ink": ("#1b1f24", "#e6e9ec"),
    "faint": ("#6a737d", "#8b949e"),
    "value": ("#0550ae", "#79b8ff"),
    "adjoint": ("#b3261e", "#ff8f86"),
    "derivative": ("#57606a", "#b6bec7"),
    "arrow": ("#8c959f", "#6e7681"),
    "line": ("#ffffff", "#161b22"),
    "argument": ("#eef4fb", "#14202e"),
    "constant": ("#f4f4f4", "#1b1f24"),
    "output": ("#fff6e0", "#2b2410"),
}
_BOXES = ("line", "argument", "constant", "output")


def _rules(dark: bool) -> str:
    rules = []
    for name, colours in _COLOURS.items():
        colour = colours[dark]
        if name == "arrow":
            rules.append(f".wengert .arrow{{stroke:{colour};fill:none}} .wengert .tip{{fill:{colour}}}")
        elif name in _BOXES:
            border = _COLOURS["arrow"][dark]
            rules.append(f".wengert .{name}{{fill:{colour};stroke:{border}}}")
        else:
            rules.append(
                f".wengert .{name}{{fill:{colour}}} .wengert .{name}-stroke{{stroke:{colour};fill:none}}"
            )
    return "\n".join(rules)


def _style(embed_fonts: bool) -> str:
    faces = []
    for family, style, file in ((_UPRIGHT, "normal", "upright"), (_ITALIC, "italic", "italic")):
        if embed_fonts:
            data = base64.b64encode(font(f"{file}.woff2")).decode("ascii")
            faces.append(
                f"@font-face{{font-family:'{family}';font-style:{style};"
                f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
            )
    text = (
        f".wengert text{{font-family:'{_UPRIGHT}',serif;white-space:pre}}\n"
        f".wengert .italic{{font-family:'{_ITALIC}',serif;font-style:italic}}"
    )
    dark = f"@media (prefers-color-scheme:dark){{\n{_rules(True)}\n}}" if embed_fonts else ""
    return "\n".join([*faces, text, _rules(False), dark])


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _text(glyphs: Iterable[Glyphs], style: str, x: float, y: float) -> str:
    spans = []
    for one in glyphs:
        italic = ' class="italic"' if one.italic else ""
        spans.append(
            f'<tspan x="{number(x + one.x)}" y="{number(y + one.y)}" font-size="{number(one.size)}"{italic}>'
            f"{escape(one.text)}</tspan>"
        )
    return f'<text class="{style}" xml:space="preserve">{"".join(spans)}</text>' if spans else ""


def _written(card: Card, x: float, y: float) -> list[str]:
    parts = []
    for style, marks in card.parts:
        glyphs = [mark for mark in marks if isinstance(mark, Glyphs)]
        parts.append(_text(glyphs, style, x, y))
        for mark in marks:
            if isinstance(mark, Stroke):
                points = " ".join(f"{number(x + px)},{number(y + py)}" for px, py in mark.points)
                width = number(mark.width)
                parts.append(f'<polyline class="{style}-stroke" stroke-width="{width}" points="{points}"/>')
    return [part for part in parts if part]


def path(route: Route, shorten: float) -> str:
    """Return an arrow as a path: straight where x stays the same, else a curve that leaves and ends upright.

    Parameters
    ----------
    route : Route
    shorten : float
        Pixels left out at the end, for the tip.
    """
    points = [*route.points]
    points[-1] = (points[-1][0], points[-1][1] - shorten)
    (x, y), *rest = points
    commands = [f"M{number(x)} {number(y)}"]
    for next_x, next_y in rest:
        if abs(next_x - x) < 0.01:
            commands.append(f"V{number(next_y)}")
        else:
            middle = number((y + next_y) / 2)
            commands.append(
                f"C{number(x)} {middle} {number(next_x)} {middle} {number(next_x)} {number(next_y)}"
            )
        x, y = next_x, next_y
    return "".join(commands)


def _arrow(route: Route) -> str:
    x, y = route.points[-1]
    tip = f"M{number(x)} {number(y)}l-4.2 -8.5q4.2 2.4 8.4 0z"
    return f'<path class="arrow" d="{path(route, 7.0)}"/><path class="tip" d="{tip}"/>'


def svg(picture: Picture, embed_fonts: bool = True) -> str:
    """Return a picture as SVG.

    Parameters
    ----------
    picture : Picture
    embed_fonts : bool
        With fonts and the colours for dark surroundings inside, so that it looks the same everywhere.
    """
    width, height = number(picture.width), number(picture.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wengert" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(picture.title)}</title>",
        f"<style>{_style(embed_fonts)}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    parts += [_arrow(route) for route in picture.routes]
    for box in picture.boxes:
        thick = ' stroke-width="1.8"' if box.role == "output" else ""
        radius = min(box.card.height / 2, 16) if box.role == "argument" else 5
        parts.append(
            f'<g><title>{escape(box.title)}</title><rect class="{box.role}" x="{number(box.x)}" '
            f'y="{number(box.y)}" width="{number(box.card.width)}" height="{number(box.card.height)}" '
            f'rx="{number(radius)}"{thick}/>'
        )
        parts += [*_written(box.card, box.x, box.y), "</g>"]
    for written in picture.labels:
        parts += _written(written.card, written.x, written.y)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
