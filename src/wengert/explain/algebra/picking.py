"""Factors beside a relation that leaves one element: x_i [i = 2] is x_2 [i = 2]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wengert.explain.algebra.simplification import factors_of
from wengert.explain.engine import Array
from wengert.explain.index.construction import multiply, tidy, total, without_deltas
from wengert.explain.index.expressions import (
    Add,
    Element,
    Expression,
    Number,
    Product,
    Quotient,
    Relation,
    Running,
    Sum,
    Symbol,
    free_indices,
    rebuild,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.letters import counts_up
from wengert.explain.index.substitution import substitute
from wengert.explain.places.related_places import is_implied
from wengert.explain.problem import Problem
from wengert.ir.primitive import Kind

AtKey = tuple[Index, Symbol, Index]
"""An index, the key that says its place, and the row of the key."""


@dataclass(frozen=True)
class _Picked:
    """A line x[K] whose result has a name.

    Attributes
    ----------
    symbol, source : Symbol
        The result, and what it is taken from.
    axes : tuple of int
        Of the source, those that are picked along.
    keys : tuple of (Symbol or None)
        The places along each of them, counted from 0; None where these are 0, 1, 2, … to the end of the axis.
    """

    symbol: Symbol
    source: Symbol
    axes: tuple[int, ...]
    keys: tuple[Symbol | None, ...]


def with_places(problem: Problem, expression: Expression) -> Expression:
    """Put the place that a relation leaves into the factors beside it, and end sums over one place."""
    picked = tuple(_picked(problem))
    changed = _visited(expression, picked)
    return expression if changed == expression else without_deltas(changed)


def _picked(problem: Problem) -> Iterator[_Picked]:
    """Yield the lines that pick one element of each row, or the like, from a named value."""
    for node, symbol in problem.symbols.items():
        if (
            node.primitive.kind is not Kind.INDEXING
            or "axes" not in dict(node.params)
            or node.inputs[0] not in problem.symbols
            or node.type.ndim != 1
        ):
            continue
        source, *keys = node.inputs
        axes = tuple(dict(node.params)["axes"])
        if len(axes) < source.type.ndim or any(key.type.ndim != 1 for key in keys):
            continue
        extents = [source.type.shape[axis] for axis in axes]
        if not all(map(_within, (problem.points[0].values[key] for key in keys), extents)):
            continue
        pairs = zip(keys, extents, strict=True)
        every = [counts_up(key) and key.type.size == extent for key, extent in pairs]
        named = [None if whole else problem.symbols.get(key) for key, whole in zip(keys, every, strict=True)]
        if all(whole or name for name, whole in zip(named, every, strict=True)):
            yield _Picked(symbol, problem.symbols[source], axes, tuple(named))


def _within(places: Array, extent: int) -> bool:
    return bool(np.all((places >= 0) & (places < extent)))


def _visited(expression: Expression, picked: tuple[_Picked, ...]) -> Expression:
    expression = tidy(rebuild(expression, lambda part: _visited(part, picked)))
    if isinstance(expression, Product):
        factors = expression.factors
        kept = [one for one in factors if not any(is_implied(one, other) for other in factors)]
        expression = multiply(*kept)
    if isinstance(expression, (Product, Quotient)):
        relations = [*_relations(expression)]
        return _moved(expression, relations, picked) if relations else expression
    if isinstance(expression, Sum):
        return _without_lone_relations(expression, picked)
    return expression


def _relations(expression: Expression) -> Iterator[Relation]:
    """Yield the factors, above the line, that leave one place of an index."""
    match expression:
        case Product(factors):
            for factor in factors:
                yield from _relations(factor)
        case Quotient(above, _):
            yield from _relations(above)
        case Relation("=", Running(), Number()) | Relation("=", Running(), Add((Element(), Number()))):
            yield expression


def _moved(expression: Expression, relations: list[Relation], picked: tuple[_Picked, ...]) -> Expression:
    if expression in relations:
        return expression
    if isinstance(expression, (Product, Quotient)):
        return tidy(rebuild(expression, lambda part: _moved(part, relations, picked)))
    places: dict[Index, Position] = {}
    at_keys = set()
    for relation in relations:
        match relation:
            case Relation("=", Running(index), Number(place)):
                places[index] = int(place) - 1
            case Relation("=", Running(index), Add((Element(key, (Index() as row,)), _))):
                at_keys.add((index, key, row))
    return _with_picked(substitute(expression, places), at_keys, picked)


def _with_picked(expression: Expression, at_keys: set[AtKey], picked: tuple[_Picked, ...]) -> Expression:
    if isinstance(expression, Element):
        for one in picked:
            row = _row_picked(expression, one, at_keys) if one.source is expression.symbol else None
            if row is not None:
                return Element(one.symbol, (row,))
        return expression
    return rebuild(expression, lambda part: _with_picked(part, at_keys, picked))


def _row_picked(element: Element, picked: _Picked, at_keys: set[AtKey]) -> Index | None:
    """Return the row of the result that an element stands in, where it is the one picked."""
    rows: set[Position] = set()
    for axis, key in zip(picked.axes, picked.keys, strict=True):
        at = element.positions[axis]
        found = [at] if key is None else [row for index, known, row in at_keys if (index, known) == (at, key)]
        rows.update(found or [-1])
    (row, *others) = rows
    return row if isinstance(row, Index) and not others else None


def _without_lone_relations(expression: Sum, picked: tuple[_Picked, ...]) -> Expression:
    """Σ_j [j = 2] is 1, and so is Σ_j [j = y_i + 1]: nothing could be picked at a place that is none."""
    known = {key for one in picked for key in one.keys}

    def ends(factor: Expression, index: Index) -> bool:
        match factor:
            case Relation("=", Running(one), Number()):
                return one == index
            case Relation("=", Running(one), Add((Element(key, _), _))):
                return one == index and key in known
        return False

    factors = factors_of(expression.body)
    for index in expression.indices:
        holding = [factor for factor in factors if index in free_indices(factor)]
        if len(holding) == 1 and ends(holding[0], index):
            rest = multiply(*(factor for factor in factors if factor is not holding[0]))
            return total([one for one in expression.indices if one != index], rest)
    return expression
