"""Derivatives of lines that have no formula in index notation.

Where a line picks, repeats, shifts or adds up elements, each element of the result is a sum of some elements
of the operand, so the derivative is 1 where an element is among them and 0 elsewhere: Iverson's bracket of a
relation between indices, which count from 1. Linear algebra follows Magnus & Neudecker 2019, 8.3 and 8.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.explain.factors.factor_derivatives import derivative_of_factor
from wengert.explain.factors.stacked_parts import factor_of
from wengert.explain.index.construction import add, multiply
from wengert.explain.index.definitions import taken
from wengert.explain.index.differentiation import Rules, differentiate
from wengert.explain.index.expressions import (
    ONE,
    TWO,
    Cases,
    Element,
    Expression,
    Extreme,
    Inverse,
    Relation,
    Running,
    number,
)
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.letters import counts_up
from wengert.explain.index.substitution import counted
from wengert.explain.places.affine_places import digit
from wengert.explain.places.related_places import same
from wengert.explain.problem import Problem
from wengert.ir.node import Node
from wengert.primitives.indexing import gathered_shape

Positions = tuple[Position, ...]


def selected(problem: Problem, of: Element, by: Element) -> Expression | None:
    """Return ∂of/∂by through the line that computes `of`; None where there is no rule."""
    node, operand = of.symbol.node, by.symbol.node
    factor = factor_of(node)
    if factor is not None:
        return derivative_of_factor(problem, factor, of, by)
    if node.primitive.spacing is not None:
        return differentiate(taken(by.symbol, node, of.positions), by, Rules())
    rule = _RULES.get(node.primitive.name)
    if rule is None:
        return None
    found = [
        rule(problem, node, place, of.positions, by)
        for place, one in enumerate(node.inputs)
        if one is operand
    ]
    return None if None in found else add(*found)


def _concatenated(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    axis = dict(node.params)["axis"]
    offset = sum(one.type.shape[axis] for one in node.inputs[:place])
    return _along_axes(of, by.positions, {axis: counted(by.positions[axis], 1, offset)})


def _padded(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    params = dict(node.params)
    between = enumerate(zip(params["low"], params["interior"], strict=True))
    moved = {axis: counted(by.positions[axis], gap + 1, low) for axis, (low, gap) in between}
    return _along_axes(of, by.positions, moved)


def _along_axes(reached: Positions, source: Positions, moved: dict[int, Expression]) -> Expression:
    """Return where each place of `reached` is that of `source`, moved along some axes."""
    pairs = enumerate(zip(reached, source, strict=True))
    return multiply(*(same(counted(one), moved.get(axis, counted(other))) for axis, (one, other) in pairs))


def _running_sum(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    axis = dict(node.params)["axis"]
    factors = [
        Relation("≤", counted(theirs), counted(mine)) if one == axis else same(counted(mine), counted(theirs))
        for one, (mine, theirs) in enumerate(zip(of, by.positions, strict=True))
    ]
    return multiply(*factors)


def _reshaped(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    """Both have the same place among all elements, in each group of axes that covers the same elements."""
    mine, theirs = node.type.shape, by.symbol.shape
    factors = []
    for one, other in _groups(mine, theirs):
        left = _flat([of[axis] for axis in one], [mine[axis] for axis in one])
        right = _flat([by.positions[axis] for axis in other], [theirs[axis] for axis in other])
        factors.append(same(left, right))
    return multiply(*factors)


def _groups(mine: Sequence[int], theirs: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return the shortest runs of axes of both shapes that hold equally many elements."""
    groups = []
    left = [axis for axis, extent in enumerate(mine) if extent != 1]
    right = [axis for axis, extent in enumerate(theirs) if extent != 1]
    while left:
        one, other = [left.pop(0)], [right.pop(0)]
        while (sizes := [math.prod(mine[a] for a in one), math.prod(theirs[a] for a in other)])[0] != sizes[
            1
        ]:
            if sizes[0] < sizes[1]:
                one.append(left.pop(0))
            else:
                other.append(right.pop(0))
        groups.append((one, other))
    return groups


def _flat(positions: Sequence[Position], shape: Sequence[int]) -> Expression:
    """Return the place among all elements, counted from 1: n (i − 1) + j."""
    place = counted(positions[0])
    for position, extent in zip(positions[1:], shape[1:], strict=True):
        place = add(multiply(number(extent), add(place, number(-1))), counted(position))
    return place


def _gathered(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    return _at_places(problem, node, of, by.positions, by.symbol.shape)


def _scattered(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    return _at_places(problem, node, by.positions, of, node.type.shape)


def _at_places(
    problem: Problem, node: Node, picked: Positions, whole: Positions, shape: tuple[int, ...]
) -> Expression:
    """Return where an element of x[K] is that of x: K counts from 0, and from the end where negative."""
    axes = dict(node.params)["axes"]
    keys = node.inputs[1:]
    rank = max(key.type.ndim for key in keys)
    adjacent = gathered_shape(tuple(range(len(shape))), axes, (-1,))  # the axes kept, −1 where K stands
    start = adjacent.index(-1)
    among = picked[start : start + rank]
    rest = iter((*picked[:start], *picked[start + rank :]))
    factors = []
    for axis, at in enumerate(whole):
        if axis not in axes:
            factors.append(same(counted(next(rest)), counted(at)))
            continue
        key = keys[axes.index(axis)]
        inside = among[rank - key.type.ndim :]
        counting = _as_place(problem, key, inside[0])
        if counting is not None:
            factors.append(same(counting, counted(at)))
            continue
        fits = zip(inside, key.type.shape, strict=True)
        element = Element(problem.symbols[key], tuple(0 if extent == 1 else one for one, extent in fits))
        found: Expression = Relation("=", counted(at), add(element, ONE))
        if (problem.points[0].values[key] < 0).any():
            found = add(found, Relation("=", counted(at), add(element, number(shape[axis] + 1))))
        factors.append(found)
    return multiply(*factors)


def _as_place(problem: Problem, key: Node, at: Position) -> Expression | None:
    """Return a key that nobody named as a place: 0, 1, 2, … of a row, 0, 0, 1, 1, … of what is repeated."""
    if counts_up(key):
        return counted(at)
    value = key.value
    origin = problem.program.provenance.get(key)
    if value is None or value.ndim != 1 or not isinstance(at, Index) or (origin and origin.name):
        return None
    step, extent = int(np.count_nonzero(np.cumsum(value != value[0]) == 0)), int(value.max()) + 1
    running = np.arange(len(value))
    return digit(counted(at), step, extent) if np.array_equal(value, running // step % extent) else None


def _product_of_others(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression:
    """Π x is multiplied by each element once: its derivative is the product of all others."""
    params = dict(node.params)
    kept = iter(of)
    factors: list[Expression] = []
    inner: list[Position] = []
    running: list[Index] = []
    others: list[Expression] = []
    for axis, at in enumerate(by.positions):
        if axis in params["axes"]:
            if params["keepdims"]:
                next(kept)
            if isinstance(at, Index):
                index = fresh(at, {*of, *by.positions, *running})
                running.append(index)
                others.append(Relation("=", Running(index), Running(at)))
                at = index
        else:
            factors.append(same(counted(next(kept)), counted(at)))
        inner.append(at)
    if not running:
        return multiply(*factors)
    rest = Cases(multiply(*others), ONE, Element(by.symbol, tuple(inner)))
    return multiply(Extreme(tuple(running), rest, "Π"), *factors)


def _determined(problem: Problem, node: Node, place: int, of: Positions, by: Element) -> Expression | None:
    """∂(det A)/∂a_kl is det A (A⁻¹)_lk, by Jacobi's formula."""
    found = _of_logarithm(problem, node, by)
    return None if found is None else multiply(Element(problem.symbols[node], of), found)


def _sign_and_logarithm(
    problem: Problem, node: Node, place: int, of: Positions, by: Element
) -> Expression | None:
    """∂(ln |det A|)/∂a_kl is (A⁻¹)_lk; the logarithm is the second of two, and the sign does not move."""
    found = _of_logarithm(problem, node, by)
    return None if found is None else multiply(Relation("=", counted(of[0]), TWO), found)


def _of_logarithm(problem: Problem, node: Node, by: Element) -> Expression | None:
    matrix = node.inputs[0]
    if matrix.type.ndim > 2 or any(np.linalg.det(point.values[matrix]) == 0 for point in problem.points):
        return None
    return Inverse(Element(by.symbol, by.positions[::-1]))


_RULES: dict[str, Callable[[Problem, Node, int, Positions, Element], Any]] = {
    "concatenate": _concatenated,
    "pad": _padded,
    "cumsum": _running_sum,
    "reshape": _reshaped,
    "gather": _gathered,
    "scatter_add": _scattered,
    "prod": _product_of_others,
    "det": _determined,
    "slogdet": _sign_and_logarithm,
}
