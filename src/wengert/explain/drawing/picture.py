"""A drawing laid out: boxes, arrows and labels with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wengert.explain.drawing.cards import Card, card, formula_of, label, legend
from wengert.explain.drawing.contents import Contents, Use
from wengert.explain.drawing.layered.graph import Arrow, Placement, Route
from wengert.explain.drawing.layered.placing import place
from wengert.explain.printers.blocks import block

_MARGIN = 18.0  # pixels around everything
# Of an arrow that returns: its distance from boxes beside it and across, and from its label.
_LANE, _TURN, _GAP = 18.0, 13.0, 4.0


@dataclass(frozen=True)
class Placed:
    """Something written, its upper left corner, and what it is.

    Attributes
    ----------
    card : Card
    x, y : float
    role : str
        Of a box, that of its `Value`; ``label`` or ``legend``.
    title : str
        The formula on one line.
    """

    card: Card
    x: float
    y: float
    role: str
    title: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing with all coordinates in pixels.

    Attributes
    ----------
    boxes : tuple of Placed
        One for each value, in their order.
    labels : tuple of Placed
        The local derivatives, then the legend.
    routes : tuple of Route
        One for each use.
    width, height : float
    title : str
    """

    boxes: tuple[Placed, ...]
    labels: tuple[Placed, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
    title: str


def one_line(contents: Contents, number: int) -> str:
    """Return what a box says first, on one line of text."""
    shown = block(formula_of(contents.values[number]))
    return shown.lines[shown.base].strip()


def with_returns(
    placement: Placement, uses: Sequence[Use], cards: Sequence[Card], texts: Sequence[Card]
) -> Placement:
    """Return a drawing with the arrows that go back, to the right of all that stands between their ends."""
    forward = iter(placement.routes)
    routes: list[Route] = []
    width = placement.width
    boxes = [(x, y, one) for (x, y), one in zip(placement.centres, cards, strict=True)]
    for use, text in zip(uses, texts, strict=True):
        if not use.returns:
            routes.append(next(forward))
            continue
        (start, low, tail), (end, high, head) = boxes[use.tail], boxes[use.head]
        top, bottom = high - head.height / 2, low + tail.height / 2
        passed = [
            one for one in boxes if one[1] + one[2].height / 2 > top and one[1] - one[2].height / 2 < bottom
        ]
        lane = max(x + one.width / 2 for x, _, one in passed) + _LANE
        deepest = max(y + one.height / 2 for _, y, one in passed if abs(y - low) < 1) + _TURN
        highest = min(y - one.height / 2 for _, y, one in passed if abs(y - high) < 1) - _TURN
        out, into = start + tail.width / 2 - _TURN, end + head.width / 2 - _TURN
        across = ((out, deepest), (lane, deepest), (lane, highest), (into, highest))
        points = ((out, bottom), *across, (into, top))
        routes.append(Route(points, (lane + _GAP, (deepest + highest) / 2), returns=True))
        width = max(width, lane + _GAP + text.width)
    return replace(placement, routes=tuple(routes), width=width)


def arrange(contents: Contents) -> Picture:
    """Lay out what a drawing shows."""
    cards = [card(value, contents.output) for value in contents.values]
    texts = [label(use, contents) for use in contents.uses]
    arrows = [
        Arrow(use.tail, use.head, (text.width, text.height))
        for use, text in zip(contents.uses, texts, strict=True)
        if not use.returns
    ]
    placement = with_returns(
        place([(one.width, one.height) for one in cards], arrows), contents.uses, cards, texts
    )
    below = legend(contents)
    width = max(placement.width, below.width)
    shift = _MARGIN + (width - placement.width) / 2
    boxes = tuple(
        Placed(
            one,
            x - one.width / 2 + shift,
            y - one.height / 2 + _MARGIN,
            value.role,
            one_line(contents, place),
        )
        for place, (one, value, (x, y)) in enumerate(
            zip(cards, contents.values, placement.centres, strict=True)
        )
    )
    labels = tuple(
        Placed(text, route.label[0] + shift, route.label[1] - text.height / 2 + _MARGIN, "label")
        for text, route in zip(texts, placement.routes, strict=True)
        if route.label is not None
    )
    bottom = placement.height + 2 * _MARGIN
    legend_place = Placed(below, _MARGIN + (width - below.width) / 2, bottom - 6, "legend")
    routes = tuple(
        replace(route, points=tuple((x + shift, y + _MARGIN) for x, y in route.points))
        for route in placement.routes
    )
    return Picture(
        boxes, (*labels, legend_place), routes,
        width + 2 * _MARGIN, bottom + below.height, "Computation graph of " + one_line(contents, -1),
    )  # fmt: skip
