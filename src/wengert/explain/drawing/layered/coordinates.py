"""Horizontal coordinates: each vertex near its neighbours, none over another, long edges straight."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from wengert.extras import optional_library

_ROUNDS = 30
_STILL = 0.25  # pixels: a round that moves nothing farther is the last

Edge = tuple[int, int, float]


def coordinates(
    ranks: Sequence[Sequence[int]],
    edges: Sequence[Edge],
    extents: Sequence[tuple[float, float]],
    gap: float,
) -> list[float]:
    """Return the x of each vertex.

    Parameters
    ----------
    ranks : sequence of sequence of int
        Vertices from left to right, rank by rank.
    edges : sequence of (int, int, float)
        Two vertices in different ranks, and how strongly they attract each other.
    extents : sequence of (float, float)
        How far each vertex reaches to the left and to the right of its x; pixels.
    gap : float
        Between neighbours in a rank.

    Notes
    -----
    Least Σ w (x_u − x_v)² such that neighbours keep their distance. With all other ranks fixed, a rank's own
    optimum is an isotonic regression of the positions it would like; taking the ranks in turn, down and up,
    approaches the optimum of the whole.
    """
    x = [0.0] * len(extents)
    lines = [_Line(rank, extents, gap) for rank in ranks if rank]
    for line in lines:
        middle = float(line.offsets.mean())
        for vertex, offset in zip(line.vertices, line.offsets.tolist(), strict=True):
            x[vertex] = offset - middle
    number = {vertex: place for place, rank in enumerate(ranks) for vertex in rank}
    above = _incidence(edges, number, len(extents), True)
    below = _incidence(edges, number, len(extents), False)
    # First each rank follows the one before it, which carries changes through the whole drawing at once.
    for sides in [(above,), (below,), (above,), (below,)]:
        for line in lines if sides[0] is above else reversed(lines):
            line.settle(x, sides)
    for _ in range(_ROUNDS):
        before = list(x)
        for line in (*lines, *reversed(lines[:-1])):
            line.settle(x, (above, below))
        if max((abs(new - old) for new, old in zip(x, before, strict=True)), default=0.0) < _STILL:
            break
    left = min((x[vertex] - extents[vertex][0] for vertex in range(len(extents))), default=0.0)
    return [one - left for one in x]


Incidence = list[list[tuple[int, float]]]


def _incidence(edges: Sequence[Edge], number: dict[int, int], count: int, upwards: bool) -> Incidence:
    """Return for each vertex its neighbours above (or below), with the weights of the edges to them."""
    found: Incidence = [[] for _ in range(count)]
    for one, other, weight in edges:
        high, low = (one, other) if number[one] < number[other] else (other, one)
        at, to = (low, high) if upwards else (high, low)
        found[at].append((to, weight))
    return found


class _Line:
    """One rank: its vertices, and how far each must at least be from the first."""

    def __init__(self, rank: Sequence[int], extents: Sequence[tuple[float, float]], gap: float) -> None:
        self.vertices = list(rank)
        distances = [extents[left][1] + gap + extents[right][0] for left, right in pairwise(rank)]
        self.offsets = np.r_[0.0, np.cumsum(distances)]

    def settle(self, x: list[float], sides: Sequence[Incidence]) -> None:
        """Put the vertices as near as they may to the weighted mean of their neighbours."""
        wanted = []
        weights = []
        for vertex in self.vertices:
            total = moment = 0.0
            for neighbours in sides:
                for other, weight in neighbours[vertex]:
                    total += weight
                    moment += weight * x[other]
            # One without neighbours on these sides stays, unless another needs its place.
            wanted.append(moment / total if total else x[vertex])
            weights.append(total or 1e-3)
        if len(wanted) > 1:
            optimize = optional_library("scipy.optimize", "drawings are laid out with SciPy", "draw")
            nearest = optimize.isotonic_regression(np.array(wanted) - self.offsets, weights=weights).x
            wanted = (nearest + self.offsets).tolist()
        for vertex, place in zip(self.vertices, wanted, strict=True):
            x[vertex] = place
