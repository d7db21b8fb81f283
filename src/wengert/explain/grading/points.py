"""Random points at which a claim is compared: of either sign where that is possible, targets as targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from wengert.explain.engine import Array, Engine, Point
from wengert.explain.formula.targets import Target
from wengert.ir.node import Node

_TRIES = 6  # at a scale: a ReLU network is dead at half of all points
_SCALES = (0.5, 0.3, 0.1, 0.03, 0.003)  # relative distances from the given point, tried in turn


def drawn(
    engine: Engine,
    kinds: Mapping[Node, Target],
    claimed: Collection[Node],
    count: int,
    rng: np.random.Generator,
) -> list[Point]:
    """Return points at which all values are finite, and where possible no claimed gradient is all zeros.

    Every other one is anywhere, so that no claim passes because the given values all have one sign; where the
    function is not defined there, and for the others, near the given point, with the signs it has.

    Parameters
    ----------
    engine : Engine
    kinds : mapping of Node to Target
        Inputs that stay targets where the given values are such.
    claimed : collection of Node
    count : int
    rng : Generator
    """
    points: list[Point] = []
    for place in range(count):
        found: Point | None = None
        wide = [None] * _TRIES if place % 2 == 0 else []
        for scale in (*wide, *([_SCALES[0]] * _TRIES), *_SCALES):
            arguments = [
                _argument(node, array, kinds, scale, place, rng)
                for node, array in zip(engine.program.inputs, engine.arguments, strict=True)
            ]
            with np.errstate(all="ignore"):
                point = engine.point(arguments)
            if not point.finite:
                continue
            found = found or point
            if all(np.any(point.adjoints.get(node, 1)) for node in claimed):
                found = point
                break
        if found is not None:
            points.append(found)
    return points


def _argument(
    node: Node,
    array: Array,
    kinds: Mapping[Node, Target],
    scale: float | None,
    place: int,
    rng: np.random.Generator,
) -> Array:
    if array.dtype.kind != "f" or array.size == 0:
        return array
    if node in kinds and kinds[node].holds(array):
        return kinds[node].another(array, place, rng)
    if scale is None:
        size = max(float(np.sqrt(np.mean(array**2))), 1.0)
        return np.asarray(size * _signs(array, rng) * np.abs(rng.normal(size=array.shape)))
    if np.all(array > 0):
        return np.asarray(array * np.exp(scale * rng.normal(size=array.shape)))
    return np.asarray(array + scale * (0.5 + np.abs(array)) * rng.normal(size=array.shape))


def _signs(array: Array, rng: np.random.Generator) -> Array:
    """Draw signs of which not all are alike; of a single number the other than it has."""
    if array.size == 1:
        return np.where(array > 0, -1.0, 1.0)
    return np.asarray(rng.permutation(np.resize([-1.0, 1.0], array.size)).reshape(array.shape))
