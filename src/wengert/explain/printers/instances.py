"""One element of a line with the numbers put in: what a student checks with a pocket calculator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from wengert.explain.engine import Point
from wengert.explain.index.construction import add, tidy
from wengert.explain.index.expressions import (
    Expression,
    Extreme,
    Omitted,
    Reduction,
    Sum,
    Value,
    free_indices,
    rebuild,
    walk,
)
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import placed
from wengert.explain.steps import Step

_MOST = 4  # terms of a sum that are all written out
_FIRST = 2

Places = Mapping[Index, int]


def largest_element(step: Step) -> dict[Index, int] | None:
    """Return the element of a line that is worked out as an example: that of largest size.

    None for a line in matrix notation, and for one whose values were not computed.
    """
    axes = free_indices(step.reference)
    if step.axes is not None or (axes and step.value is None):
        return None
    if step.value is None or not axes:
        return {}
    flat = int(np.argmax(np.abs(step.value)))
    places = np.unravel_index(flat, [axis.extent for axis in axes])
    return {axis: int(place) for axis, place in zip(axes, places, strict=True)}


def instance(expression: Expression, places: Places, shorten: bool = True) -> Expression:
    """Return the expression at one position of each free index, its sums written out.

    Parameters
    ----------
    expression : Expression
    places : mapping of Index to int
        Of all free indices, counted from 0.
    shorten : bool
        Leave out the middle of long sums.
    """
    if isinstance(expression, Sum):
        return _terms(expression, places, shorten)
    if isinstance(expression, Reduction):
        # Which element is largest is not said by one instance, so the elements stay as they are.
        inner = {index: place for index, place in places.items() if index not in expression.indices}
        return replace(expression, body=instance(expression.body, inner, shorten))
    return tidy(placed(rebuild(expression, lambda part: instance(part, places, shorten)), places))


def _terms(expression: Sum, places: Places, shorten: bool) -> Expression:
    indices, body = expression.indices, expression.body

    def term(at: tuple[int, ...]) -> Expression:
        return instance(body, {**places, **dict(zip(indices, at, strict=True))}, shorten)

    everywhere = itertools.product(*(range(index.extent) for index in indices))
    if not shorten or math.prod(index.extent for index in indices) <= _MOST:
        return add(*map(term, everywhere))
    first = [term(at) for at in itertools.islice(everywhere, _FIRST)]
    return add(*first, Omitted(), term(tuple(index.extent - 1 for index in indices)))


def in_numbers(expression: Expression, point: Point) -> Expression | None:
    """Return an instance with the value in place of each name; None where one has no single value."""
    if any(isinstance(part, Extreme) for part in walk(expression)):
        return None
    return _valued(expression, Evaluation(point, {}))


def _valued(expression: Expression, evaluation: Evaluation) -> Expression:
    if expression.has_one_value:
        return Value(float(evaluation.run(expression, ())))
    return rebuild(expression, lambda part: _valued(part, evaluation))
