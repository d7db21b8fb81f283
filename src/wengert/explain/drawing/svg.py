"""A drawing as SVG: self-contained, its text selectable, in light and dark."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence

from wengert.explain.drawing.boxes import Glyphs, Stroke
from wengert.explain.drawing.cards import Part
from wengert.explain.drawing.layered.graph import Position, Route
from wengert.explain.drawing.metrics import font
from wengert.explain.drawing.picture import Picture
from wengert.svg import document, element, number, points, safe

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
    "positive": ("#0072b2", "#56b4e9"),
    "negative": ("#d55e00", "#ff8c42"),
}
_ROUND = 10.0  # radius of the corners of an arrow that returns
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


def _text(glyphs: Iterable[Glyphs], style: str, x: float, y: float) -> str:
    spans = [
        element(
            "tspan", safe(one.text), x=x + one.x, y=y + one.y, font_size=one.size,
            class_="italic" if one.italic else None,
        )
        for one in glyphs
    ]  # fmt: skip
    return f'<text class="{style}" xml:space="preserve">{"".join(spans)}</text>' if spans else ""


def marks(parts: Iterable[Part], x: float = 0.0, y: float = 0.0) -> list[str]:
    """Return marks as elements, moved by (x, y)."""
    elements = []
    for style, own in parts:
        elements.append(_text([mark for mark in own if isinstance(mark, Glyphs)], style, x, y))
        for mark in own:
            if isinstance(mark, Stroke):
                moved = points((x + px, y + py) for px, py in mark.points)
                elements.append(
                    element("polyline", class_=f"{style}-stroke", stroke_width=mark.width, points=moved)
                )
    return [one for one in elements if one]


def path(route: Route, shorten: float) -> str:
    """Return an arrow as a path: straight where x stays the same, else a curve that leaves and ends upright.

    Parameters
    ----------
    route : Route
    shorten : float
        Pixels left out at the end, for the tip.
    """
    points = [*route.points]
    if route.returns:
        return _with_corners([*points[:-1], (points[-1][0], points[-1][1] - shorten)])
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


def _with_corners(points: Sequence[Position]) -> str:
    """Return a path from point to point along the axes, its corners rounded."""
    commands = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = (_towards(corner, other) for other in (before, after))
        ends = " ".join(f"{number(x)} {number(y)}" for x, y in (corner, far))
        commands.append(f"L{number(near[0])} {number(near[1])}Q{ends}")
    return "".join([*commands, f"V{number(points[-1][1])}"])


def _towards(corner: Position, other: Position) -> Position:
    """Return the point on the way from a corner to another, where its rounding ends."""
    away = math.dist(corner, other)
    share = min(_ROUND / away, 0.5) if away else 0.0
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])


def _arrow(route: Route) -> str:
    x, y = route.points[-1]
    tip = f"M{number(x)} {number(y)}l-4.2 -8.5q4.2 2.4 8.4 0z"
    return element("path", class_="arrow", d=path(route, 7.0)) + element("path", class_="tip", d=tip)


def svg(picture: Picture, embed_fonts: bool = True) -> str:
    """Return a picture as SVG.

    Parameters
    ----------
    picture : Picture
    embed_fonts : bool
        With fonts and the colours for dark surroundings inside, so that it looks the same everywhere.
    """
    parts = [_arrow(route) for route in picture.routes]
    for box in picture.boxes:
        frame = element(
            "rect", class_=box.role, x=box.x, y=box.y, width=box.card.width, height=box.card.height,
            rx=min(box.card.height / 2, 16) if box.role == "argument" else 5,
            stroke_width=1.8 if box.role == "output" else None,
        )  # fmt: skip
        parts.append(
            element("g", element("title", safe(box.title)), frame, *marks(box.card.parts, box.x, box.y))
        )
    for one in picture.labels:
        parts += marks(one.card.parts, one.x, one.y)
    return page(picture.width, picture.height, picture.title, parts, embed_fonts)


def page(width: float, height: float, title: str, parts: Iterable[str], embed_fonts: bool) -> str:
    """Return a drawing as a file: with its style, on paper."""
    style = element("style", _style(embed_fonts))
    paper = element("rect", class_="paper", width=width, height=height)
    return document(width, height, title, [style, paper, *parts], "wengert") + "\n"
