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
    ONE,
    ZERO,
    Delta,
    Element,
    Expression,
    Extreme,
    Inverse,
    Omitted,
    Partial,
    Running,
    Softmax,
    Sum,
    Value,
    Verbatim,
    free_indices,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index, Position
from wengert.explain.steps import Step
from wengert.explain.views.examples import Example

_MOST = 4  # terms of a sum that are all written out
_FIRST = 2

Places = Mapping[Index, int]


def largest_element(step: Step) -> dict[Index, int] | None:
    """Return the element of a line that is worked out as an example: that of largest size.

    None for a line in matrix notation, and for one whose values were not computed.
    """
    axes = free_indices(step.truth)
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
    match expression:
        case Element(_, positions) | Verbatim(_, _, positions):
            return replace(expression, positions=_placed(positions, places))
        case Partial(of, by):
            first = Element(of.symbol, _placed(of.positions, places))
            return replace(expression, of=first, by=Element(by.symbol, _placed(by.positions, places)))
        case Example(body, over, examples):
            return Example(instance(body, places, shorten), _placed((over,), places)[0], examples)
        case Delta(left, right):
            return ONE if places[left] == places[right] else ZERO
        case Running(index):
            return number(places[index] + 1) if index in places else expression
        case Sum(indices, body):
            return _terms(indices, body, places, shorten)
        case Extreme(_, indices, body):
            # Which element is largest is not said by one instance, so the elements stay as they are.
            inner = {index: place for index, place in places.items() if index not in indices}
            return replace(expression, body=instance(body, inner, shorten))
    return tidy(rebuild(expression, lambda part: instance(part, places, shorten)))


def _placed(positions: tuple[Position, ...], places: Places) -> tuple[Position, ...]:
    return tuple(places.get(at, at) if isinstance(at, Index) else at for at in positions)


def _terms(indices: tuple[Index, ...], body: Expression, places: Places, shorten: bool) -> Expression:
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
    if isinstance(expression, (Element, Example, Inverse, Partial, Softmax, Verbatim)):
        return Value(float(evaluation.run(expression, ())))
    return rebuild(expression, lambda part: _valued(part, evaluation))
