"""Neurons as circles, weights as lines between them: the drawing of a network from left to right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wengert.explain.drawing.boxes import Box, set_layout, set_text
from wengert.explain.drawing.cards import SIZE, Part, adjoint_name
from wengert.explain.drawing.neurons import Column, Network, Weights
from wengert.explain.drawing.svg import marks, page
from wengert.explain.printers.digits import cut
from wengert.explain.printers.layout import Text, row
from wengert.explain.views.index_view import dimensions
from wengert.svg import element, safe

_RADIUS = 23.0
_DOWN = 93.0  # between the centres of neurons of a layer
# Between layers, as near as a telephone needs to show the numbers large enough; of the whole drawing at most.
_ACROSS, _NARROWEST, _WIDEST = 142.0, 84.0, 1150.0
_MARGIN = 34.0
_NAME, _SMALL, _TINY = 14.0, 12.5, 11.5
_LINE, _GAP = 19.0, 16.0  # of the legend: between its lines, between the pieces of a line
_MOST, _EDGE = 7, 3  # neurons shown of a layer, and of a larger one at each end
_LABELLED = 12  # weights between two layers that each have their number written
_THIN, _THICK = 0.5, 5.0
_LONGEST = 6  # characters of a number that fit into a circle


@dataclass(frozen=True)
class _Neuron:
    """A circle: its place, and which neuron of its layer it is; None for the bias."""

    x: float
    y: float
    number: int | None


def neurons_svg(network: Network, embed_fonts: bool) -> str:
    """Return a network as SVG."""
    return _Picture(network).svg(embed_fonts)


class _Picture:
    """The places of all neurons, and what is drawn there."""

    def __init__(self, network: Network) -> None:
        self.network = network
        columns = network.columns
        self.shown = [cut(len(column.values), _MOST, _EDGE) for column in columns]
        count = len(columns) + (network.loss is not None)
        self.across = min(_ACROSS, max(_NARROWEST, (_WIDEST - 2 * _MARGIN) / max(count - 1, 1)))
        biased = any(column.weights and column.weights.bias is not None for column in columns)
        self.top = _MARGIN + 26 + (_DOWN if biased else 0.0)
        self.tall = (max(map(len, self.shown)) - 1) * _DOWN
        self.left = _MARGIN + 1.5 * _RADIUS
        self.width = max(2 * self.left + (count - 1) * self.across, 380.0)
        self.left += (self.width - 2 * self.left - (count - 1) * self.across) / 2
        self.legend = self._legend()
        self.height = self.top + self.tall + 109 + _LINE * len(self.legend)
        self.places = [self._places(place) for place in range(len(columns))]

    def svg(self, embed_fonts: bool) -> str:
        parts: list[str] = []
        labels: list[str] = []
        for place, column in enumerate(self.network.columns[1:], 1):
            assert column.weights is not None, "a layer has weights"
            lines, texts = self._edges(column.weights, self._biased(place - 1), self.places[place])
            parts += lines
            labels += texts
        for place, column in enumerate(self.network.columns):
            parts += self._circles(column, place)
        parts += [*labels, *self._loss(), *self._below()]
        return page(self.width, self.height, "A network drawn as its neurons", parts, embed_fonts)

    def _places(self, place: int) -> list[_Neuron]:
        shown = self.shown[place]
        x = self.left + place * self.across
        y = self.top + (self.tall - (len(shown) - 1) * _DOWN) / 2
        return [_Neuron(x, y + _DOWN * row, number) for row, number in enumerate(shown)]

    def _biased(self, place: int) -> list[_Neuron]:
        """Return the neurons of a column that the next layer reads; the 1 of its bias stands first."""
        neurons = [one for one in self.places[place] if one.number is not None]
        following = self.network.columns[place + 1].weights
        if following is None or following.bias is None:
            return neurons
        return [_Neuron(neurons[0].x, self.places[place][0].y - _DOWN, None), *neurons]

    def _edges(
        self, weights: Weights, tails: Sequence[_Neuron], heads: Sequence[_Neuron]
    ) -> tuple[list[str], list[str]]:
        """Return the lines between two layers, and the numbers on them."""
        heads = [one for one in heads if one.number is not None]
        largest = float(np.abs(weights.values).max(initial=0.0))
        if weights.bias is not None:
            largest = max(largest, float(np.abs(weights.bias).max(initial=0.0)))
        written = len(tails) * len(heads) <= _LABELLED and self.across > 130
        lines, texts = [], []
        for at, tail in enumerate(tails):
            for to, head in enumerate(heads):
                value = _weight(weights, tail, head)
                lines.append(_edge(tail, head, value, largest))
                if written:
                    part = 0.3 if (at + to) % 2 == 0 else 0.66  # away from where the lines cross
                    x, y = tail.x + part * (head.x - tail.x), tail.y + part * (head.y - tail.y)
                    texts += _on_paper(_number(value), x, y + 4)
        return lines, texts

    def _circles(self, column: Column, place: int) -> list[str]:
        parts: list[str] = []
        last = place == len(self.network.columns) - 1
        largest = float(np.abs(column.values).max(initial=0.0))
        steepest = 0.0 if column.deltas is None else float(np.abs(column.deltas).max(initial=0.0))
        if not last and self._biased(place)[0].number is None:
            one = self._biased(place)[0]
            parts.append(element("circle", class_="constant", cx=one.x, cy=one.y, r=13))
            parts += _centred(set_text("1", _SMALL), one.x, one.y + 4, "value")
        for neuron in self.places[place]:
            if neuron.number is None:
                parts += _centred(set_text("⋮", 22), neuron.x, neuron.y + 6, "faint")
                continue
            value = float(column.values[neuron.number])
            delta = None if column.deltas is None else float(column.deltas[neuron.number])
            parts.append(_circle(neuron, value, largest, delta, steepest))
            parts += _centred(_number(value), neuron.x, neuron.y + 4, "value")
            name = set_layout(column.names[neuron.number], _NAME)
            parts += _on_paper(name, neuron.x, neuron.y - _RADIUS - 4 - name.below)
            if delta is not None:
                parts += _on_paper(_number(delta), neuron.x, neuron.y + _RADIUS + 13, "adjoint")
        return parts + self._captions(column, place)

    def _captions(self, column: Column, place: int) -> list[str]:
        """Return what stands below a column: how it is computed, how many neurons there are."""
        x = self.left + place * self.across
        y = self.top + self.tall + 62
        parts: list[str] = []
        count = len(column.values)
        kind = "input" if column.formula is None else "neuron"
        if column.formula is not None:
            formula = set_layout(column.formula, _SMALL)
            if formula.width < min(self.across, 2 * self.left) - 8:
                parts += _centred(formula, x, y, "ink")
        if count > len(self.shown[place]) or len(self.network.columns) <= 6:
            parts += _centred(set_text(f"{count:,} {kind}{'s' * (count != 1)}", _TINY), x, y + 20, "faint")
        if column.weights is not None:
            size = Text(f"  {dimensions(column.weights.shape)}", "words")
            name = set_layout(row(column.weights.name, size), _SMALL)
            parts += _centred(name, x - self.across / 2, _MARGIN - 8, "ink")
        return parts

    def _loss(self) -> list[str]:
        """Return the number at the end, and a thin line from each output."""
        loss = self.network.loss
        if loss is None:
            return []
        x = self.left + len(self.network.columns) * self.across
        y = self.top + self.tall / 2
        outputs = [one for one in self.places[-1] if one.number is not None]
        parts = [
            element("line", class_="arrow", x1=one.x + _RADIUS, y1=one.y, x2=x - 30, y2=y) for one in outputs
        ]
        parts.append(element("rect", class_="output", x=x - 30, y=y - 20, width=60, height=40, rx=5))
        parts += _centred(set_layout(loss.name, SIZE), x, y - 28, "ink")
        parts += _centred(_number(float(loss.value)), x, y + 4, "value")
        return parts

    def _legend(self) -> list[list[tuple[str, Box]]]:
        """Return what the colours mean, in lines that fit the drawing: styles with their words."""
        pieces = [
            ("positive", set_text("positive", _TINY)),
            ("negative", set_text("negative", _TINY)),
            ("faint", set_text("a line: a weight, thick where it is large", _TINY)),
            ("value", set_text("in a circle: its activation", _TINY)),
        ]
        if self.network.output is not None:
            name = adjoint_name(self.network.output, Text("pre-activation", "words"))
            text = set_layout(row(Text("below: ", "words"), name), _TINY)
            pieces.append(("adjoint", text))
        lines: list[list[tuple[str, Box]]] = [[]]
        for piece in pieces:
            if lines[-1] and _length([*lines[-1], piece]) > self.width - _MARGIN:
                lines.append([])
            lines[-1].append(piece)
        return lines

    def _below(self) -> list[str]:
        """Return the legend, each line of it in the middle."""
        parts: list[str] = []
        for number, line in enumerate(reversed(self.legend)):
            x = (self.width - _length(line)) / 2
            for style, box in line:
                parts += marks([(style, box.at(x, self.height - 16 - _LINE * number))])
                x += box.width + _GAP
        return parts


def _length(line: Sequence[tuple[str, Box]]) -> float:
    return sum(box.width + _GAP for _, box in line) - _GAP


def _weight(weights: Weights, tail: _Neuron, head: _Neuron) -> float:
    assert head.number is not None, "lines end at neurons"
    if tail.number is None:
        assert weights.bias is not None, "a 1 stands before a layer with a bias"
        return float(weights.bias[head.number])
    return float(weights.values[head.number, tail.number])


def _edge(tail: _Neuron, head: _Neuron, value: float, largest: float) -> str:
    size = abs(value) / largest if largest else 0.0
    start = tail.x + (_RADIUS if tail.number is not None else 13.0)
    hint = element("title", safe(f"{value:.6g}"))
    return element(
        "line", hint, class_=f"{_sign(value)}-stroke", x1=start, y1=tail.y, x2=head.x - _RADIUS, y2=head.y,
        stroke_width=_THIN + (_THICK - _THIN) * size, stroke_opacity=0.35 + 0.5 * size,
    )  # fmt: skip


def _circle(neuron: _Neuron, value: float, largest: float, delta: float | None, steepest: float) -> str:
    """Return a neuron: filled by its activation; its ring is thick where the derivative is large."""
    filled = 0.42 * abs(value) / largest if largest else 0.0
    ring = 1.0 if not delta or not steepest else 1.0 + 3.0 * abs(delta) / steepest
    colour = "arrow" if not delta else f"{_sign(delta)}-stroke"
    paper = element("circle", class_="paper", cx=neuron.x, cy=neuron.y, r=_RADIUS)
    disc = element("circle", class_=_sign(value), cx=neuron.x, cy=neuron.y, r=_RADIUS, fill_opacity=filled)
    rim = element("circle", class_=colour, cx=neuron.x, cy=neuron.y, r=_RADIUS, stroke_width=ring)
    return paper + disc + rim


def _sign(value: float) -> str:
    return "negative" if value < 0 else "positive"


def _number(value: float) -> Box:
    value += 0.0  # −0 is 0
    text = f"{value:.3g}"
    return set_text((text if len(text) <= _LONGEST else f"{value:.2g}").replace("-", "−"), _SMALL)


def _on_paper(box: Box, x: float, y: float, style: str = "ink") -> list[str]:
    """Return a name or a number on a patch of paper that hides the lines.

    Halos of indices would overlap, and between the halos of a number's digits a line would show as dots.
    """
    left, top = x - box.width / 2 - 1, y - box.above
    paper = element("rect", class_="paper", x=left, y=top, width=box.width + 2, height=box.height)
    return [paper, *_centred(box, x, y, style)]


def _centred(box: Box, x: float, y: float, style: str) -> list[str]:
    """Return a box with its middle at x, standing on y."""
    parts: Iterable[Part] = [(style, box.at(x - box.width / 2, y))]
    return marks(parts)
