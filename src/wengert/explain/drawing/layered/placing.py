"""A layered drawing from sizes and arrows: ranks, order, coordinates, and arrows around the boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from wengert.explain.drawing.layered.coordinates import Edge, coordinates
from wengert.explain.drawing.layered.graph import Arrow, Placement, Position, Route, Size
from wengert.explain.drawing.layered.ordering import Ranks, ordered
from wengert.explain.drawing.layered.ranks import ranks
from wengert.extras import optional_library

_BESIDE = 28.0  # pixels between neighbours in a rank
# Pixels between a rank of boxes and the labels of arrows below it: more where an arrow runs far sideways.
_BETWEEN, _BETWEEN_MOST, _BETWEEN_STEEP = 13.0, 52.0, 0.16
_LABEL_GAP = 5.0  # pixels between an arrow and its label
_PORT = 22.0  # pixels between arrows at the same box, where it is wide enough
_SIDE = 0.7  # part of the side of a box that arrows meet
# How strongly the ends of a piece of an arrow attract each other: long arrows are to be straight.
_STRAIGHT, _BEND, _SHORT = 8.0, 2.0, 1.0
_AT_SIDE = 0.05  # factor for what enters from the side, so that what follows one another stands in line


@dataclass
class _Layers:
    """Boxes, and a place for each arrow in every layer that it passes; boxes stand in the even layers."""

    sizes: list[Size]
    layers: Ranks
    chains: list[list[int]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    boxes: int = 0

    def add(self, layer: int, size: Size) -> int:
        self.sizes.append(size)
        self.layers[layer].append(len(self.sizes) - 1)
        return len(self.sizes) - 1

    def extent(self, vertex: int) -> tuple[float, float]:
        """Return how far a vertex reaches to each side: a label stands to the right of its arrow."""
        width = self.sizes[vertex][0]
        if vertex < self.boxes:
            return width / 2, width / 2
        return 0.0, width + (_LABEL_GAP if width else 0.0)


def place(boxes: Sequence[Size], arrows: Sequence[Arrow]) -> Placement:
    """Draw an acyclic graph in layers, arrows pointing downwards.

    Parameters
    ----------
    boxes : sequence of (float, float)
        Widths and heights in pixels.
    arrows : sequence of Arrow

    Returns
    -------
    Placement
        No box or label over another; arrows around boxes; the same for the same input.
    """
    layered = _layered(boxes, arrows)
    pairs = [pair for chain in layered.chains for pair in pairwise(chain)]
    above: list[list[int]] = [[] for _ in layered.sizes]
    below: list[list[int]] = [[] for _ in layered.sizes]
    for upper, lower in pairs:
        below[upper].append(lower)
        above[lower].append(upper)
    layered.layers = ordered(layered.layers, above, below)
    extents = [layered.extent(vertex) for vertex in range(len(layered.sizes))]
    x = coordinates(layered.layers, _attractions(layered), extents, _BESIDE)
    ports = _ports(layered, x)
    bands = _bands(layered, x, ports)
    layer_of = {vertex: number for number, layer in enumerate(layered.layers) for vertex in layer}
    routes = [
        _route(layered, number, layer_of[arrow.tail], x, bands, ports) for number, arrow in enumerate(arrows)
    ]
    centres = tuple((x[box], sum(bands[layer_of[box]]) / 2) for box in range(len(boxes)))
    width = max((x[vertex] + extents[vertex][1] for vertex in range(len(extents))), default=0.0)
    return Placement(centres, tuple(routes), width, bands[-1][1] if bands else 0.0)


def _layered(boxes: Sequence[Size], arrows: Sequence[Arrow]) -> _Layers:
    """Give each arrow a place in every layer between its ends, one of them as wide as its label."""
    rank = ranks(len(boxes), arrows)
    layers: Ranks = [[] for _ in range(2 * max(rank, default=-1) + 1)]
    layered = _Layers(list(boxes), layers, boxes=len(boxes))
    for box in _reading_order(len(boxes), arrows):
        layers[2 * rank[box]].append(box)
    for arrow in arrows:
        first, last = 2 * rank[arrow.tail] + 1, 2 * rank[arrow.head] - 1
        labelled = first + 2 * ((last - first) // 4)
        chain = [arrow.tail]
        for layer in range(first, last + 1):
            chain.append(layered.add(layer, arrow.label if layer == labelled else (0.0, 0.0)))
            if layer == labelled:
                layered.labels.append(chain[-1])
        layered.chains.append([*chain, arrow.head])
    return layered


def _attractions(layered: _Layers) -> list[Edge]:
    """Return the pieces of arrows with their weights."""
    entered = {chain[-1] for chain in layered.chains}
    leaving = Counter(chain[0] for chain in layered.chains)
    edges: list[Edge] = []
    for chain in layered.chains:
        side = chain[0] not in entered and leaving[chain[0]] == 1
        for upper, lower in pairwise(chain):
            inner = (upper >= layered.boxes) + (lower >= layered.boxes)
            weight = (_SHORT, _BEND, _STRAIGHT)[inner]
            edges.append((upper, lower, weight * (_AT_SIDE if side else 1.0)))
    return edges


def _reading_order(boxes: int, arrows: Sequence[Arrow]) -> list[int]:
    """Return the boxes with the tails of arrows into one box in the order of the arrows."""
    tails: list[list[int]] = [[] for _ in range(boxes)]
    for arrow in arrows:
        tails[arrow.head].append(arrow.tail)
    ends = set(range(boxes)) - {arrow.tail for arrow in arrows}
    order: dict[int, None] = {}
    stack = sorted(ends, reverse=True)
    while stack:
        box = stack.pop()
        waiting = [tail for tail in tails[box] if tail not in order]
        if waiting:
            stack += [box, *reversed(waiting)]
        else:
            order.setdefault(box)
    return list(order)


def _bands(
    layered: _Layers, x: Sequence[float], ports: dict[tuple[int, int], float]
) -> list[tuple[float, float]]:
    """Return top and bottom of each layer."""
    layer_of = {vertex: number for number, layer in enumerate(layered.layers) for vertex in layer}
    aside = [0.0] * len(layered.layers)
    for number, chain in enumerate(layered.chains):
        places = [x[vertex] for vertex in chain]
        places[0] += ports[number, 0]
        places[-1] += ports[number, 1]
        for upper, here, there in zip(chain[:-1], places, places[1:], strict=False):
            layer = layer_of[upper]
            aside[layer] = max(aside[layer], abs(there - here))
    bands = []
    y = 0.0
    for vertices, far in zip(layered.layers, aside, strict=True):
        height = max((layered.sizes[vertex][1] for vertex in vertices), default=0.0)
        bands.append((y, y + height))
        y += height + min(_BETWEEN + _BETWEEN_STEEP * far, _BETWEEN_MOST)
    return bands


def _ports(layered: _Layers, x: Sequence[float]) -> dict[tuple[int, int], float]:
    """Return for each arrow (by number) and end (0 the tail, 1 the head) how far from the middle it is."""
    ends: dict[tuple[int, int], list[int]] = {}
    for number, chain in enumerate(layered.chains):
        ends.setdefault((chain[0], 0), []).append(number)
        ends.setdefault((chain[-1], 1), []).append(number)
    ports: dict[tuple[int, int], float] = {}
    for (box, end), numbers in ends.items():
        next_to = 1 if end == 0 else -2
        aims = [x[layered.chains[number][next_to]] - x[box] for number in numbers]
        pairs = sorted(zip(aims, numbers, strict=True))
        offsets = _spread([aim for aim, _ in pairs], layered.sizes[box][0])
        ports |= {(number, end): offset for (_, number), offset in zip(pairs, offsets, strict=True)}
    return ports


def _spread(aims: Sequence[float], width: float) -> list[float]:
    """Return where arrows meet a side of a box: as near as may be to where they come from, but apart."""
    reach = _SIDE * width / 2
    apart = min(_PORT, 2 * reach / max(len(aims) - 1, 1))
    steps = apart * np.arange(len(aims))
    optimize = optional_library("scipy.optimize", "drawings are laid out with SciPy", "draw")
    free = optimize.isotonic_regression(np.array(aims) - steps).x
    kept: list[float] = (np.clip(free, -reach, reach - steps[-1]) + steps).tolist()
    return kept


def _route(
    layered: _Layers,
    number: int,
    layer: int,
    x: Sequence[float],
    bands: list[tuple[float, float]],
    ports: dict[tuple[int, int], float],
) -> Route:
    """Return the way of an arrow: straight through each layer, so that it can only bend where no box is."""
    chain = layered.chains[number]
    top, bottom = bands[layer]
    middle = (top + bottom) / 2
    points: list[Position] = [(x[chain[0]] + ports[number, 0], middle + layered.sizes[chain[0]][1] / 2)]
    if points[0][1] < bottom:
        points.append((points[0][0], bottom))
    label = None
    for vertex in chain[1:-1]:
        layer += 1
        top, bottom = bands[layer]
        points.append((x[vertex], top))
        if bottom > top:
            points.append((x[vertex], bottom))
        if vertex == layered.labels[number] and layered.sizes[vertex][0]:
            label = (x[vertex] + _LABEL_GAP, (top + bottom) / 2)
    top, bottom = bands[layer + 1]
    end = x[chain[-1]] + ports[number, 1]
    points.append((end, top))
    lower = (top + bottom) / 2 - layered.sizes[chain[-1]][1] / 2
    if lower > top:
        points.append((end, lower))
    return Route(tuple(points), label)
