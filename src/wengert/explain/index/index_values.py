"""Evaluating expressions in index notation with NumPy in float64, at chosen positions of free indices."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import singledispatch
from typing import Any

import numpy as np

from wengert.explain.engine import Array, Point
from wengert.explain.index.differentiation import Rules, differentiate
from wengert.explain.index.elementwise import computed, is_elementwise, spelled_out
from wengert.explain.index.expressions import (
    Delta,
    Differential,
    Element,
    ElementAt,
    Expression,
    Extreme,
    Inverse,
    Number,
    Partial,
    Product,
    Running,
    Second,
    Softmax,
    Sum,
    Verbatim,
    children,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.substitution import places_of
from wengert.explain.places.affine_places import Digit
from wengert.explain.places.related_places import Residue
from wengert.explain.work_limits import check_elements
from wengert.primitives import reference

# An array and the index over each of its axes.
Named = tuple[Array, tuple[Index, ...]]


EXTREMES: dict[str, Callable[..., Any]] = {"max": np.max, "min": np.min, "Π": np.prod}


def watching(fp_flags: list[str] | None) -> AbstractContextManager[object]:
    """Return a context in which NumPy warns of nothing, and notes overflows and infinities in `fp_flags`."""
    if fp_flags is None:
        return np.errstate(all="ignore")
    noted = fp_flags

    def note(kind: str, flag: int) -> None:
        noted.append(kind)

    return np.errstate(all="ignore", over="call", divide="call", call=note)


class Evaluation:
    """Evaluates expressions at a point.

    Parameters
    ----------
    point : Point
    positions : mapping of Index to ndarray
        The positions at which a free index is taken; all of them where it is not given.
    fp_flags : list of str, optional
        Takes note of overflows and of infinities on the way, such as ln 0.
    """

    def __init__(
        self, point: Point, positions: Mapping[Index, Array], fp_flags: list[str] | None = None
    ) -> None:
        self.point = point
        self.positions = positions
        self._fp_flags = fp_flags

    def run(self, expression: Expression, axes: Sequence[Index]) -> Array:
        """Return the values as an array with the given axes."""
        with watching(self._fp_flags):
            return self._aligned(self.named(expression), axes).astype(np.float64)

    def everywhere(self, indices: Sequence[Index]) -> Evaluation:
        """Return the evaluation inside a sum over `indices`: they run over their whole range."""
        if not any(index in self.positions for index in indices):
            return self
        kept = {index: places for index, places in self.positions.items() if index not in indices}
        return Evaluation(self.point, kept, self._fp_flags)

    def range(self, index: Index) -> Array:
        """Return the positions at which an index is taken."""
        return self.positions.get(index, np.arange(index.extent))

    def check_room(self, axes: Sequence[Index]) -> None:
        """Refuse an array over all of these indices that is too large to be built."""
        check_elements(math.prod(len(self.range(axis)) for axis in axes), "a line of the derivation")

    def _aligned(self, value: Named, axes: Sequence[Index]) -> Array:
        """Return the array with these axes, repeated along those it lacks."""
        array, mine = value
        if mine == tuple(axes):
            return array
        order = [mine.index(axis) for axis in axes if axis in mine]
        array = np.transpose(array, order)
        shape = [len(self.range(axis)) if axis in mine else 1 for axis in axes]
        full = [len(self.range(axis)) for axis in axes]
        return np.broadcast_to(array.reshape(shape), full)

    def combined(self, function: Callable[..., Array], *parts: Expression) -> Named:
        """Return the function of the values of parts, which are repeated along the axes that they lack."""
        values = [self.named(part) for part in parts]
        axes = tuple(dict.fromkeys(itertools.chain.from_iterable(mine for _, mine in values)))
        self.check_room(axes)
        return function(*(self._aligned(value, axes) for value in values)), axes

    def named(self, expression: Expression) -> Named:
        """Return the values and their axes."""
        return value_of(expression, self)

    def picked(self, array: Array, positions: Sequence[Position]) -> Named:
        """Return the elements of an array at the positions; a repeated index takes the diagonal."""
        plain = array[tuple(slice(None) if isinstance(at, Index) else at for at in positions)]
        indices = [at for at in positions if isinstance(at, Index)]
        for axis, index in enumerate(indices):
            if index in self.positions:
                plain = np.take(plain, self.positions[index], axis=axis)
        return diagonal(plain, indices)

    def product(self, summed: tuple[Index, ...], factors: Sequence[Expression]) -> Named:
        """Return the sum of products over indices, which is never built over all axes at once."""
        carried = self.carried(summed, Product(tuple(factors)))
        if carried is not None:
            return carried
        values = [self.named(factor) for factor in factors]
        axes = tuple(dict.fromkeys(itertools.chain.from_iterable(mine for _, mine in values)))
        missing = math.prod(index.extent for index in summed if index not in axes)
        number = {axis: place for place, axis in enumerate(axes)}
        kept = tuple(axis for axis in axes if axis not in summed)
        operands: list[object] = []
        for array, mine in values:
            operands += [np.asarray(array, np.float64), [number[axis] for axis in mine]]
        result = np.einsum(*operands, [number[axis] for axis in kept], optimize=len(values) > 2)  # type: ignore[call-overload]
        return np.asarray(result) * missing, kept

    def carried(self, summed: tuple[Index, ...], body: Expression) -> Named | None:
        """Evaluate Σ ∂L/∂u · ∂u/∂x at once, as the engine does, without the Jacobian of u."""
        match body:
            case Product((Partial() as first, Partial() as second)):
                pass
            case _:
                return None
        if first.direct or not second.direct or first.by != second.of:
            return None
        running = {at for at in second.of.positions if isinstance(at, Index)}
        if set(summed) != running or len(running) < second.of.symbol.rank:
            return None
        array = self.point.contribution(second.of.symbol.node, second.by.symbol.node)
        return self.picked(array, second.by.positions)


def diagonal(array: Array, indices: Sequence[Index]) -> Named:
    """Return an array with the index over each axis; of an index that is repeated the diagonal."""
    axes = tuple(dict.fromkeys(indices))
    if len(axes) == len(indices):
        return array, axes
    letters = {index: place for place, index in enumerate(axes)}
    return np.einsum(array, [letters[index] for index in indices], list(range(len(axes)))), axes


@singledispatch
def value_of(expression: Expression, evaluation: Evaluation) -> Named:
    """Return the values of an expression and their axes, by the rule of its class."""
    spelled = spelled_out(expression)
    if spelled is not expression:
        return evaluation.named(spelled)
    if is_elementwise(expression):
        return evaluation.combined(functools.partial(computed, expression), *children(expression))
    raise NotImplementedError(
        f"no value for {type(expression).__name__}: register a rule with {__name__}.value_of"
    )


@value_of.register
def _(expression: Number, evaluation: Evaluation) -> Named:
    return np.asarray(float(expression.value)), ()


@value_of.register
def _(expression: Element | Verbatim, evaluation: Evaluation) -> Named:
    return evaluation.picked(evaluation.point.values[expression.symbol.node], expression.positions)


@value_of.register
def _(expression: ElementAt, evaluation: Evaluation) -> Named:
    return _at_places(evaluation.point.values[expression.symbol.node], expression.places, evaluation)


def _at_places(array: Array, places: Sequence[Expression], evaluation: Evaluation) -> Named:
    """Return the elements of an array at places that count from 1, outside of it as if it were repeated."""

    def taken(*at: Array) -> Array:
        pairs = zip(at, array.shape, strict=True)
        return np.asarray(array[tuple((one.astype(int) - 1) % extent for one, extent in pairs)])

    return evaluation.combined(taken, *places)


@value_of.register
def _(expression: Delta, evaluation: Evaluation) -> Named:
    left, right = expression.left, expression.right
    evaluation.check_room((left, right))
    same = evaluation.range(left)[:, None] == evaluation.range(right)[None, :]
    return same.astype(np.float64), (left, right)


@value_of.register
def _(expression: Residue, evaluation: Evaluation) -> Named:
    def leaves(place: Array) -> Array:
        return np.asarray(place % expression.step == expression.remainder, np.float64)

    return evaluation.combined(leaves, expression.place)


@value_of.register
def _(expression: Digit, evaluation: Evaluation) -> Named:
    def counted_anew(place: Array) -> Array:
        return np.asarray((place - 1) // expression.step % expression.extent + 1)

    return evaluation.combined(counted_anew, expression.place)


@value_of.register
def _(expression: Running, evaluation: Evaluation) -> Named:
    return evaluation.range(expression.index) + 1.0, (expression.index,)


@value_of.register
def _(expression: Product, evaluation: Evaluation) -> Named:
    return evaluation.product((), expression.factors)


@value_of.register
def _(expression: Sum, evaluation: Evaluation) -> Named:
    evaluation = evaluation.everywhere(expression.indices)
    indices, body = expression.indices, expression.body
    carried = evaluation.carried(indices, body)
    if carried is not None:
        return carried
    if isinstance(body, Product):
        return evaluation.product(indices, body.factors)
    array, axes = evaluation.named(body)
    missing = math.prod(index.extent for index in indices if index not in axes)
    places = tuple(axes.index(index) for index in indices if index in axes)
    return array.sum(axis=places) * missing, tuple(axis for axis in axes if axis not in indices)


@value_of.register
def _(expression: Extreme, evaluation: Evaluation) -> Named:
    array, axes = evaluation.everywhere(expression.indices).named(expression.body)
    places = tuple(axes.index(index) for index in expression.indices if index in axes)
    reduced = EXTREMES[expression.name](array, axis=places)
    return reduced, tuple(axis for axis in axes if axis not in expression.indices)


@value_of.register
def _(expression: Softmax, evaluation: Evaluation) -> Named:
    values = evaluation.point.values[expression.element.symbol.node]
    return evaluation.picked(reference.softmax(values, axis=expression.axis), expression.element.positions)


@value_of.register
def _(expression: Inverse, evaluation: Evaluation) -> Named:
    values = evaluation.point.values[expression.element.symbol.node]
    return evaluation.picked(np.linalg.inv(values), expression.element.positions)


@value_of.register
def _(expression: Second, evaluation: Evaluation) -> Named:
    by, other = expression.by, expression.other
    values = evaluation.point.second(by.symbol.node, other.symbol.node)
    return evaluation.picked(values, (*by.positions, *other.positions))


@value_of.register
def _(expression: Differential, evaluation: Evaluation) -> Named:
    return evaluation.named(differentiate(expression.body, expression.by, Rules()))


@value_of.register
def _(expression: Partial, evaluation: Evaluation) -> Named:
    of, by, point = expression.of, expression.by, evaluation.point
    if expression.direct:
        assert isinstance(of, Element), "no place is calculated in a local derivative"
        assert isinstance(by, Element), "nor here"
        return _jacobian(of, by, evaluation)
    output = point.engine.program.outputs[0]
    is_gradient = of.symbol.node is output and output.type.shape == ()
    values = point.adjoint(by.symbol.node) if is_gradient else point.total(of.symbol.node, by.symbol.node)
    if isinstance(of, ElementAt) or isinstance(by, ElementAt):
        places = places_of(by) if is_gradient else (*places_of(of), *places_of(by))
        return _at_places(values, places, evaluation)
    return evaluation.picked(values, (*of.positions, *by.positions))


def _jacobian(of: Element, by: Element, evaluation: Evaluation) -> Named:
    """Return elements of the local Jacobian, one pullback for each element of `of`."""
    point = evaluation.point
    indices = [at for at in of.positions if isinstance(at, Index)]
    shape = of.symbol.shape
    evaluation.check_room([*indices, *(at for at in by.positions if isinstance(at, Index))])
    rows = []
    axes: tuple[Index, ...] = ()
    for place in itertools.product(*(evaluation.range(index) for index in indices)):
        at = dict(zip(indices, place, strict=True))
        seed = np.zeros(shape)
        seed[tuple(at[one] if isinstance(one, Index) else one for one in of.positions)] = 1
        row, axes = evaluation.picked(point.pulled_back(of.symbol.node, by.symbol.node, seed), by.positions)
        rows.append(row)
    extents = [len(evaluation.range(index)) for index in indices]
    result = np.asarray(rows).reshape((*extents, *np.shape(rows[0])))
    letters = {index: number for number, index in enumerate(dict.fromkeys([*indices, *axes]))}
    inside = [letters[index] for index in (*indices, *axes)]
    return np.einsum(result, inside, list(letters.values())), tuple(letters)
