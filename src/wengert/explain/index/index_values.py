"""Evaluating expressions in index notation with NumPy in float64, at chosen positions of free indices."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from wengert.explain.engine import Array, Point
from wengert.explain.index.differentiation import Rules, differentiate
from wengert.explain.index.elementwise import computed, is_elementwise, spelled_out
from wengert.explain.index.expressions import (
    Delta,
    Differential,
    Element,
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
from wengert.explain.matrix.matrices import Table
from wengert.explain.views.examples import Example
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

    def _everywhere(self, indices: Sequence[Index]) -> Evaluation:
        """Return the evaluation inside a sum over `indices`: they run over their whole range."""
        if not any(index in self.positions for index in indices):
            return self
        kept = {index: places for index, places in self.positions.items() if index not in indices}
        return Evaluation(self.point, kept, self._fp_flags)

    def _range(self, index: Index) -> Array:
        return self.positions.get(index, np.arange(index.extent))

    def _check_room(self, axes: Sequence[Index]) -> None:
        """Refuse an array over all of these indices that is too large to be built."""
        check_elements(math.prod(len(self._range(axis)) for axis in axes), "a line of the derivation")

    def _aligned(self, value: Named, axes: Sequence[Index]) -> Array:
        """Return the array with these axes, repeated along those it lacks."""
        array, mine = value
        order = [mine.index(axis) for axis in axes if axis in mine]
        array = np.transpose(array, order)
        shape = [len(self._range(axis)) if axis in mine else 1 for axis in axes]
        full = [len(self._range(axis)) for axis in axes]
        return np.broadcast_to(array.reshape(shape), full)

    def _together(self, function: Callable[..., Array], *parts: Expression) -> Named:
        values = [self.named(part) for part in parts]
        axes = tuple(dict.fromkeys(itertools.chain.from_iterable(mine for _, mine in values)))
        self._check_room(axes)
        return function(*(self._aligned(value, axes) for value in values)), axes

    def named(self, expression: Expression) -> Named:
        """Return the values and their axes."""
        match expression:
            case Number(value):
                return np.asarray(float(value)), ()
            case Element(symbol, positions):
                return self._picked(self.point.values[symbol.node], positions)
            case Verbatim(_, symbol, positions):
                return self._picked(self.point.values[symbol.node], positions)
            case Delta(left, right):
                self._check_room((left, right))
                same = self._range(left)[:, None] == self._range(right)[None, :]
                return same.astype(np.float64), (left, right)
            case Running(index):
                return self._range(index) + 1.0, (index,)
            case Product(factors):
                return self._product((), factors)
            case Sum(indices):
                return self._everywhere(indices)._sum(expression)
        spelled = spelled_out(expression)
        if spelled is not expression:
            return self.named(spelled)
        if is_elementwise(expression):
            return self._together(functools.partial(computed, expression), *children(expression))
        return self._other(expression)

    def _other(self, expression: Expression) -> Named:
        match expression:
            case Softmax(element, axis):
                values = self.point.values[element.symbol.node]
                return self._picked(reference.softmax(values, axis=axis), element.positions)
            case Inverse(element):
                return self._picked(np.linalg.inv(self.point.values[element.symbol.node]), element.positions)
            case Extreme(name, indices, body):
                array, axes = self._everywhere(indices).named(body)
                places = tuple(axes.index(index) for index in indices if index in axes)
                reduced = EXTREMES[name](array, axis=places)
                return reduced, tuple(axis for axis in axes if axis not in indices)
            case Table(entry, _, _, fixed):
                at = {index: np.asarray([place]) for index, place in fixed}
                array, axes = Evaluation(self.point, {**self.positions, **at}).named(entry)
                kept = tuple(axis for axis in axes if axis not in at)
                return array.squeeze(tuple(axes.index(one) for one in axes if one in at)), kept
            case Example(body, over, examples):
                return self._examples(body, over, examples.points(self.point))
            case Partial():
                return self._partial(expression)
            case Second(_, by, other):
                values = self.point.second(by.symbol.node, other.symbol.node)
                return self._picked(values, (*by.positions, *other.positions))
            case Differential(by, body):
                return self.named(differentiate(body, by, Rules()))
        raise AssertionError(f"no evaluation for {type(expression).__name__}")

    def _picked(self, array: Array, positions: Sequence[Position]) -> Named:
        """Return the elements of an array at the positions; a repeated index takes the diagonal."""
        plain = array[tuple(slice(None) if isinstance(at, Index) else at for at in positions)]
        indices = [at for at in positions if isinstance(at, Index)]
        for axis, index in enumerate(indices):
            if index in self.positions:
                plain = np.take(plain, self.positions[index], axis=axis)
        axes = tuple(dict.fromkeys(indices))
        if len(axes) == len(indices):
            return plain, axes
        letters = {index: place for place, index in enumerate(axes)}
        return np.einsum(plain, [letters[index] for index in indices], list(range(len(axes)))), axes

    def _sum(self, expression: Sum) -> Named:
        carried = self._carried(expression.indices, expression.body)
        if carried is not None:
            return carried
        body = expression.body
        if isinstance(body, Product):
            return self._product(expression.indices, body.factors)
        array, axes = self.named(body)
        missing = math.prod(index.extent for index in expression.indices if index not in axes)
        places = tuple(axes.index(index) for index in expression.indices if index in axes)
        return array.sum(axis=places) * missing, tuple(
            axis for axis in axes if axis not in expression.indices
        )

    def _product(self, summed: tuple[Index, ...], factors: Sequence[Expression]) -> Named:
        carried = self._carried(summed, Product(tuple(factors)))
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

    def _carried(self, summed: tuple[Index, ...], body: Expression) -> Named | None:
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
        return self._picked(array, second.by.positions)

    def _examples(self, body: Expression, over: Position, points: Sequence[Point]) -> Named:
        if not isinstance(over, Index):
            return Evaluation(points[over], self.positions).named(body)
        values = [Evaluation(points[place], self.positions).named(body) for place in self._range(over)]
        return np.stack([array for array, _ in values]), (over, *values[0][1])

    def _partial(self, partial: Partial) -> Named:
        of, by = partial.of, partial.by
        if partial.direct:
            return self._jacobian(of, by)
        output = self.point.engine.program.outputs[0]
        if of.symbol.node is output and output.type.shape == ():
            return self._picked(self.point.adjoint(by.symbol.node), by.positions)
        return self._picked(self.point.total(of.symbol.node, by.symbol.node), (*of.positions, *by.positions))

    def _jacobian(self, of: Element, by: Element) -> Named:
        """Return elements of the local Jacobian, one pullback for each element of `of`."""
        indices = [at for at in of.positions if isinstance(at, Index)]
        shape = of.symbol.shape
        self._check_room([*indices, *(at for at in by.positions if isinstance(at, Index))])
        rows = []
        axes: tuple[Index, ...] = ()
        for place in itertools.product(*(self._range(index) for index in indices)):
            at = dict(zip(indices, place, strict=True))
            seed = np.zeros(shape)
            seed[tuple(at[one] if isinstance(one, Index) else one for one in of.positions)] = 1
            row, axes = self._picked(
                self.point.pulled_back(of.symbol.node, by.symbol.node, seed), by.positions
            )
            rows.append(row)
        extents = [len(self._range(index)) for index in indices]
        result = np.asarray(rows).reshape((*extents, *np.shape(rows[0])))
        letters = {index: number for number, index in enumerate(dict.fromkeys([*indices, *axes]))}
        inside = [letters[index] for index in (*indices, *axes)]
        return np.einsum(result, inside, list(letters.values())), tuple(letters)
