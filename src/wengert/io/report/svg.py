"""Charts as SVG text: axes with round ticks, lines, points and tiles; colours are left to a style sheet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from wengert.svg import document, element, points as joined, safe

# Colours by class of element, for light and dark pages. People who do not see red and green alike can
# distinguish the series (Okabe & Ito 2008, darkened for a white page).
LIGHT = {
    "--ink": "#1d2430", "--soft": "#5c6675", "--line": "#d6dae1", "--panel": "#ffffff", "--page": "#f5f6f8",
    "--s0": "#0072b2", "--s1": "#d55e00", "--s2": "#009e73", "--s3": "#b0609a", "--s4": "#a07a00",
    "--s5": "#3d98cc", "--s6": "#6b6b6b", "--s7": "#5f3f9e",
}  # fmt: skip
DARK = {
    "--ink": "#e8ebf0", "--soft": "#9aa5b5", "--line": "#363f4d", "--panel": "#1b2029", "--page": "#12151b",
    "--s0": "#56b4e9", "--s1": "#ff8c42", "--s2": "#2fd1a0", "--s3": "#dd9bc6", "--s4": "#e6c229",
    "--s5": "#8fd0f5", "--s6": "#b5b5b5", "--s7": "#b29af0",
}  # fmt: skip
SERIES = 8
STYLE = """
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg .name { fill: var(--ink); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
svg .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 4 3; }
svg .label { paint-order: stroke; stroke: var(--panel); stroke-width: 5; stroke-linejoin: round; }
svg .ring { stroke: var(--panel); stroke-width: 0.8; }
"""


def variables(colours: dict[str, str]) -> str:
    """Return the declarations of the colours."""
    return " ".join(f"{name}: {value};" for name, value in colours.items())


def standalone(svg: str) -> str:
    """Return a chart as a file of its own, with its style in it."""
    head, _, rest = svg.partition(">")
    dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {variables(DARK)} }} }}"
    style = f"<style>svg {{ {variables(LIGHT)} background: var(--panel); }} {dark}{STYLE}</style>"
    return f"{head}>{style}{rest}\n"


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return about ``count`` round numbers (1, 2, 5 times powers of ten) from low to high."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def number_text(value: float) -> str:
    """Return a number for a tick or a label."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("-", "−")
    text = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return text.replace("-", "−")


class Chart:
    """A chart with two axes, in the making.

    Parameters
    ----------
    x, y : (low, high)
        The ranges that are shown.
    names : (x, y)
        What stands on the axes.
    title : str
        What the chart shows, for those who cannot see it.
    size : (width, height)
        In pixels, axes included.
    logarithmic : bool
        Whether y counts powers of ten.
    """

    LEFT, RIGHT, TOP, BOTTOM = 78, 14, 12, 44

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        names: tuple[str, str],
        title: str,
        *,
        size: tuple[int, int] = (460, 320),
        logarithmic: bool = False,
    ) -> None:
        self.title, self.names = title, names
        self.width, self.height = size
        self.logarithmic = logarithmic
        self.x, self.y = _widened(x), _widened(tuple(map(math.log10, y)) if logarithmic else y)  # type: ignore[arg-type]
        self.parts: list[str] = []
        self.labels: list[tuple[float, str]] = []
        self.legend: list[tuple[str, int]] = []
        self.named_rows: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point, in pixels."""
        if self.logarithmic:
            y = math.log10(max(y, 1e-300))
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        wide = self.width - self.LEFT - self.RIGHT
        tall = self.height - self.TOP - self.BOTTOM
        return self.LEFT + across * wide, self.TOP + (1 - up) * tall

    def curve(self, points: Iterable[tuple[float, float]], series: int, name: str = "") -> None:
        """Draw a line through points."""
        places = joined(self.at(x, y) for x, y in points)
        self.parts.append(element("polyline", class_="curve", stroke=_colour(series), points=places))
        if name:
            self.legend.append((name, series))

    def points(
        self,
        points: Iterable[tuple[float, float]],
        series: int,
        name: str = "",
        radius: float = 3,
        opacity: float = 0.75,
    ) -> None:
        """Draw dots."""
        for x, y in points:
            left, top = self.at(x, y)
            self.parts.append(
                element(
                    "circle", class_="ring", cx=left, cy=top, r=radius,
                    fill=_colour(series), fill_opacity=opacity,
                )
            )  # fmt: skip
        if name:
            self.legend.append((name, series))

    def tile(self, x: tuple[float, float], y: tuple[float, float], series: int, opacity: float) -> None:
        """Fill a rectangle."""
        left, bottom = self.at(x[0], y[0])
        right, top = self.at(x[1], y[1])
        self.parts.append(
            element(
                "rect", x=left, y=top, width=right - left, height=bottom - top,
                fill=_colour(series), fill_opacity=opacity, shape_rendering="crispEdges",
            )
        )  # fmt: skip

    def mark(self, start: tuple[float, float], end: tuple[float, float], name: str = "") -> None:
        """Draw a dashed line, such as that of perfect predictions."""
        (x1, y1), (x2, y2) = self.at(*start), self.at(*end)
        self.parts.append(_line("mark", (x1, y1), (x2, y2)))
        if name:
            self.labels.append((x1, name))

    def svg(self) -> str:
        """Return the finished chart."""
        content = [*self._axes(), *self.parts, *self._labels(), *self._legend()]
        return document(self.width, self.height, self.title, content)

    def _axes(self) -> list[str]:
        parts = []
        bottom, right = self.height - self.BOTTOM, self.width - self.RIGHT
        for value in ticks(*self.x):
            left = self.at(value, 1)[0]
            parts.append(_line("grid", (left, self.TOP), (left, bottom)))
            parts.append(_text(left, bottom + 16, number_text(value)))
        for place, name in enumerate(self.named_rows):
            top = self.at(self.x[0], len(self.named_rows) - place - 0.5)[1]
            parts.append(_text(self.LEFT - 7, top + 4, name, "end", "name"))
        for value in () if self.named_rows else self._y_ticks():
            top = self.at(self.x[0], value)[1]
            parts.append(_line("grid", (self.LEFT, top), (right, top)))
            parts.append(_text(self.LEFT - 7, top + 4, number_text(value), "end"))
        parts.append(_text((self.LEFT + right) / 2, self.height - 8, self.names[0], kind="name"))
        parts.append(_upright(14, (self.TOP + bottom) / 2, self.names[1]))
        return parts

    def _y_ticks(self) -> list[float]:
        if not self.logarithmic:
            return ticks(*self.y)
        whole = range(math.ceil(self.y[0] - 1e-9), math.floor(self.y[1] + 1e-9) + 1)
        if len(whole) > 2:
            step = 1 + len(whole) // 7
            return [10.0**power for power in whole[::step]]
        within = [
            f * 10.0**p for p in range(math.floor(self.y[0]), math.ceil(self.y[1]) + 1) for f in (1, 2, 5)
        ]
        return [value for value in within if self.y[0] <= math.log10(value) <= self.y[1]]

    def _labels(self) -> list[str]:
        """Return the names of the marks, near the top, where loss curves seldom are; below the legend."""
        parts = []
        for across, name in self.labels:
            if across > self.width / 2:
                parts.append(_text(across - 5, self.TOP + 16 + 18 * len(self.legend), name, "end", "label"))
            else:
                parts.append(_text(across + 5, self.TOP + 16, name, "start", "label"))
        return parts

    def _legend(self) -> list[str]:
        parts = []
        right = self.width - self.RIGHT - 6
        for row, (name, series) in enumerate(self.legend):
            top = self.TOP + 16 + 18 * row
            parts.append(_text(right - 16, top, _short(name), "end", "name"))
            parts.append(element("rect", x=right - 10, y=top - 9, width=10, height=10, fill=_colour(series)))
        return parts


def matrix(rows: Sequence[Sequence[int]], names: Sequence[str], axes: tuple[str, str], title: str) -> str:
    """Return a table of counts as tiles, darker where a row of the table has more of its counts.

    Parameters
    ----------
    rows : square of int
    names : sequence of str
        Of rows and columns.
    axes : (down, across)
        What the rows and the columns are.
    title : str
    """
    cell = max(26, min(100, 400 // len(names)))
    left, top = 30 + max(len(_short(name)) for name in names) * 7, 30
    side = cell * len(names)
    width, height = left + side + 10, top + side + 34
    parts = [
        _text(left + side / 2, 14, axes[1], kind="name"),
        _upright(12, top + side / 2, axes[0]),
    ]
    for place, (name, counts) in enumerate(zip(names, rows, strict=True)):
        middle = cell * place + cell / 2
        parts.append(_text(left - 6, top + middle + 4, _short(name), "end"))
        parts.append(_text(left + middle, top + side + 16, _short(name, max(2, cell // 7))))
        total = sum(counts) or 1
        for column, count in enumerate(counts):
            x, y = left + cell * column, top + cell * place
            hint = element("title", safe(f"{name} → {names[column]}: {count} of {sum(counts)}"))
            parts.append(
                element(
                    "rect", hint, x=x, y=y, width=cell - 2, height=cell - 2, rx=3,
                    fill=_colour(2 if column == place else 1),
                    fill_opacity=0.2 + 0.7 * count / total if count else 0.04,
                )
            )  # fmt: skip
            if count:
                parts.append(_text(x + cell / 2 - 1, y + cell / 2 + 3, str(count), kind="name"))
    return document(width, height, title, parts)


def bars(
    names: Sequence[str],
    values: Sequence[float],
    axis: str,
    title: str,
    intervals: Sequence[tuple[float, float]] | None = None,
) -> str:
    """Return bars from left to right, one below the other, some with an interval.

    Parameters
    ----------
    names : sequence of str
    values : sequence of float
    axis : str
        What is counted.
    title : str
    intervals : sequence of (low, high), optional
    """
    row = 22
    ends = [0.0, *values, *itertools.chain(*(intervals or ()))]
    chart = Chart(
        (min(ends), max(ends)),
        (0, len(names)),
        (axis, ""),
        title,
        size=(520, row * len(names) + Chart.TOP + Chart.BOTTOM),
    )
    chart.LEFT = 30 + 7 * max(len(_short(name)) for name in names)
    chart.named_rows = [_short(name) for name in names]
    for place, value in enumerate(values):
        middle = len(names) - place - 0.5
        chart.tile((min(0.0, value), max(0.0, value)), (middle - 0.35, middle + 0.35), 0, 0.7)
        if intervals is not None:
            (low, high) = intervals[place]
            chart.parts.append(_line("whisker", chart.at(low, middle), chart.at(high, middle)))
    return chart.svg()


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str | None = None) -> str:
    return element("text", safe(text), class_=kind, x=x, y=y, text_anchor=anchor)


def _upright(x: float, y: float, text: str) -> str:
    """Return text that reads from bottom to top."""
    place = f"translate({x:.1f} {y:.1f}) rotate(-90)"
    return element("text", safe(text), class_="name", transform=place, text_anchor="middle")


def _line(kind: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return element("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    if high > low:
        return low, high
    return low - (abs(low) / 10 or 1.0), high + (abs(high) / 10 or 1.0)


def _colour(series: int) -> str:
    return f"var(--s{series % SERIES})"


def _short(name: str, letters: int = 18) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
