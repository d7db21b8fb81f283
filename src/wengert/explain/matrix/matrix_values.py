"""Evaluating matrix notation strictly: every factor is a matrix, and only a 1 × 1 matrix acts as a scalar."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.engine import Array, Point
from wengert.explain.index.elementwise import computed, is_elementwise, spelled_out
from wengert.explain.index.expressions import Element, Expression, Number, Running, children, free_indices
from wengert.explain.index.index_values import Evaluation, Named, value_of, watching
from wengert.explain.matrix.matrices import (
    Column,
    Cross,
    Diagonal,
    DiagonalOf,
    Gradient,
    Hadamard,
    Identity,
    Jacobian,
    Matrix,
    MatrixInverse,
    MatrixProduct,
    MatrixSoftmax,
    MatrixSum,
    Norm,
    Ones,
    Slice,
    Table,
    Trace,
    Unit,
)
from wengert.primitives import reference


def matrix_value(expression: Expression, point: Point, fp_flags: list[str] | None = None) -> Array:
    """Return the value as a matrix; overflows on the way are noted in `fp_flags`.

    Raises
    ------
    DerivationError
        When shapes do not fit as matrices: nothing is broadcast but scalars.
    """
    with watching(fp_flags):
        return matrix_of(expression, point).astype(np.float64)


@singledispatch
def matrix_of(expression: Expression, point: Point) -> Array:
    """Return the value of an expression as a matrix, by the rule of its class."""
    spelled = spelled_out(expression)
    if spelled is not expression:
        return matrix_of(spelled, point)
    if is_elementwise(expression):
        return _combined(expression, point)
    raise NotImplementedError(
        f"no matrix for {type(expression).__name__}: register a rule with {__name__}.matrix_of"
    )


@matrix_of.register
def _(expression: Number, point: Point) -> Array:
    return np.full((1, 1), float(expression.value))


@matrix_of.register
def _(expression: Element, point: Point) -> Array:
    return np.full((1, 1), Evaluation(point, {}).run(expression, ()))


@matrix_of.register
def _(expression: Matrix, point: Point) -> Array:
    array = point.values[expression.symbol.node].reshape(expression.shape)
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: Slice, point: Point) -> Array:
    """Return one matrix, or one for each iteration in front."""
    rows, columns = (1 if axis is None else axis.extent for axis in expression.axes)
    inner = [axis for axis in expression.axes if axis is not None]
    over = list(free_indices(expression))
    array = Evaluation(point, point.iterations).run(expression.element, [*over, *inner])
    array = array.reshape((*array.shape[: len(over)], rows, columns))
    return array.swapaxes(-1, -2) if expression.transposed else array


@matrix_of.register
def _(expression: MatrixSum, point: Point) -> Array:
    everywhere = point.at({**point.iterations, expression.over: np.arange(expression.over.extent)})
    array = matrix_of(expression.body, everywhere)
    return array.sum(axis=0) if array.ndim > 2 else array * expression.over.extent


@matrix_of.register
def _(expression: Running, point: Point) -> Array:
    return Evaluation(point, point.iterations).run(expression, [expression.index]).reshape(-1, 1, 1)


@matrix_of.register
def _(expression: Gradient, point: Point) -> Array:
    # In numerator layout the stored shape is that of the transpose of the variable.
    adjoint, shape = point.adjoint(expression.by.node), expression.shape
    array = adjoint.reshape(shape[::-1]).T if expression.numerator else adjoint.reshape(shape)
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: Jacobian, point: Point) -> Array:
    axes = expression.axes
    array = Evaluation(point, {}).run(expression.partial, [axis for axis in axes if axis is not None])
    array = array.reshape([1 if axis is None else axis.extent for axis in axes])
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: Ones, point: Point) -> Array:
    return np.ones(expression.shape)


@matrix_of.register
def _(expression: Unit, point: Point) -> Array:
    array = np.eye(expression.extent)[:, [expression.place]]
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: Column, point: Point) -> Array:
    array = point.values[expression.symbol.node][:, [expression.place]]
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: DiagonalOf, point: Point) -> Array:
    array = np.diag(point.values[expression.symbol.node])
    return array[None, :] if expression.transposed else array[:, None]


@matrix_of.register
def _(expression: Trace, point: Point) -> Array:
    return np.full((1, 1), np.trace(point.values[expression.symbol.node]))


@matrix_of.register
def _(expression: Cross, point: Point) -> Array:
    left, right = matrix_of(expression.left, point), matrix_of(expression.right, point)
    if left.shape[-2:] != right.shape[-2:]:
        raise DerivationError(f"a × b of shapes {left.shape} and {right.shape} in a derivation")
    return np.cross(left, right, axis=-1 if left.shape[-1] == 3 else -2)


@matrix_of.register
def _(expression: Norm, point: Point) -> Array:
    return np.asarray(np.linalg.norm(matrix_of(expression.body, point), axis=(-2, -1), keepdims=True))


@matrix_of.register
def _(expression: Identity, point: Point) -> Array:
    return np.eye(expression.extent)


@matrix_of.register
def _(expression: MatrixSoftmax, point: Point) -> Array:
    return np.asarray(reference.softmax(matrix_of(expression.body, point), axis=expression.axis - 2))


@matrix_of.register
def _(expression: MatrixInverse, point: Point) -> Array:
    array = np.linalg.inv(point.values[expression.symbol.node])
    return array.T if expression.transposed else array


@matrix_of.register
def _(expression: Diagonal, point: Point) -> Array:
    vector = matrix_of(expression.vector, point)
    flat = vector.reshape((*vector.shape[:-2], -1))
    return np.asarray(flat[..., None] * np.eye(flat.shape[-1]))


@matrix_of.register
def _(expression: MatrixProduct, point: Point) -> Array:
    result = matrix_of(expression.factors[0], point)
    for factor in expression.factors[1:]:
        right = matrix_of(factor, point)
        if result.shape[-1] != right.shape[-2]:
            raise DerivationError(f"a product of matrices {result.shape} and {right.shape} in a derivation")
        result = result @ right
    return result


@computed.register
def _(expression: Hadamard, *factors: Array) -> Array:
    return np.asarray(np.prod(factors, axis=0))


@value_of.register
def _(expression: Table, evaluation: Evaluation) -> Named:
    at = {index: np.asarray([place]) for index, place in expression.fixed}
    array, axes = Evaluation(evaluation.point, {**evaluation.positions, **at}).named(expression.entry)
    kept = tuple(axis for axis in axes if axis not in at)
    return array.squeeze(tuple(axes.index(one) for one in axes if one in at)), kept


def _combined(expression: Expression, point: Point) -> Array:
    """Compute element by element; nothing is broadcast but numbers."""
    values = [matrix_of(part, point) for part in children(expression)]
    shapes = {value.shape[-2:] for value in values if value.shape[-2:] != (1, 1)}
    if len(shapes) > 1:
        raise DerivationError(f"an elementwise operation on shapes {sorted(shapes)} in a derivation")
    shape = np.broadcast_shapes(*[value.shape for value in values])
    parts = (np.broadcast_to(value, shape) for value in values)
    return computed(expression, *parts).astype(np.float64)
