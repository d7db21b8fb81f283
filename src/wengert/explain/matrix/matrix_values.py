"""Evaluating matrix notation strictly: every factor is a matrix, and only a 1 × 1 matrix acts as a scalar."""

from __future__ import annotations

import numpy as np

from wengert.errors import DerivationError
from wengert.explain.engine import Array, Point
from wengert.explain.index.elementwise import computed, is_elementwise, spelled_out
from wengert.explain.index.expressions import Expression, Number, children
from wengert.explain.index.index_values import Evaluation, watching
from wengert.explain.matrix.matrices import (
    Diagonal,
    Gradient,
    Identity,
    Jacobian,
    Matrix,
    MatrixInverse,
    MatrixProduct,
    MatrixSoftmax,
    Norm,
    Ones,
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
        return _value(expression, point).astype(np.float64)


def _value(expression: Expression, point: Point) -> Array:
    match expression:
        case Number(value):
            return np.full((1, 1), float(value))
        case Matrix(symbol, shape, transposed):
            array = point.values[symbol.node].reshape(shape)
            return array.T if transposed else array
        case Gradient(_, by, shape, transposed, numerator):
            # In numerator layout the stored shape is that of the transpose of the variable.
            adjoint = point.adjoint(by.node)
            array = adjoint.reshape(shape[::-1]).T if numerator else adjoint.reshape(shape)
            return array.T if transposed else array
        case Jacobian(partial, axes, transposed):
            array = Evaluation(point, {}).run(partial, [axis for axis in axes if axis is not None])
            array = array.reshape([1 if axis is None else axis.extent for axis in axes])
            return array.T if transposed else array
        case Ones(shape):
            return np.ones(shape)
        case Norm(body):
            return np.full((1, 1), np.linalg.norm(_value(body, point)))
        case Identity(extent):
            return np.eye(extent)
        case MatrixSoftmax(body, axis):
            return np.asarray(reference.softmax(_value(body, point), axis=axis))
        case MatrixInverse(symbol, _, transposed):
            array = np.linalg.inv(point.values[symbol.node])
            return array.T if transposed else array
        case Diagonal(vector):
            return np.diag(_value(vector, point).reshape(-1))
        case MatrixProduct(factors):
            result = _value(factors[0], point)
            for factor in factors[1:]:
                right = _value(factor, point)
                if result.shape[1] != right.shape[0]:
                    raise DerivationError(
                        f"a product of matrices {result.shape} and {right.shape} in a derivation"
                    )
                result = result @ right
            return result
    spelled = spelled_out(expression)
    if spelled is not expression:
        return _value(spelled, point)
    if is_elementwise(expression):
        return _combined(expression, point)
    raise AssertionError(f"no value for {type(expression).__name__}")


def _combined(expression: Expression, point: Point) -> Array:
    """Compute element by element; nothing is broadcast but numbers."""
    values = [_value(part, point) for part in children(expression)]
    shapes = {value.shape for value in values if value.shape != (1, 1)}
    if len(shapes) > 1:
        raise DerivationError(f"an elementwise operation on shapes {sorted(shapes)} in a derivation")
    shape = shapes.pop() if shapes else (1, 1)
    parts = (np.broadcast_to(value, shape) for value in values)
    return computed(expression, *parts).astype(np.float64)
