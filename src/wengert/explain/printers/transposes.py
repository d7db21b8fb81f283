"""One transpose for all of a sum: (p − y)ᵀ in place of pᵀ − yᵀ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wengert.explain.index.elementwise import is_elementwise
from wengert.explain.index.expressions import Cases, Expression, Relation, children, rebuild
from wengert.explain.matrix.matrices import (
    Column,
    DiagonalOf,
    Gradient,
    Matrix,
    MatrixProduct,
    MatrixSoftmax,
    Norm,
    Ones,
    Slice,
    Trace,
    Unit,
)

_WHOLE = (MatrixProduct, Ones, Unit, Column, DiagonalOf)


def _by_element(expression: Expression) -> bool:
    """Whether an expression is written as the transpose of a whole; cases and relations go part by part."""
    if isinstance(expression, (Cases, Relation)):
        return False
    return is_elementwise(expression) or isinstance(expression, MatrixSoftmax)


def untransposed(expression: Expression) -> Expression | None:
    """Return what an elementwise expression is the transpose of; None where it has matrices as they are."""
    if not _by_element(expression):
        return None
    found = list(_leaves(expression))
    if not found or not all(one is not None and one.transposed for one in found):
        return None
    return _turned(expression)


def _leaves(expression: Expression) -> Iterator[Matrix | Gradient | Slice | None]:
    """Yield the matrices combined element by element; None for anything that cannot be turned."""
    if isinstance(expression, (Matrix, Gradient, Slice)):
        if expression.shape != (1, 1):
            yield expression
    elif isinstance(expression, MatrixProduct) and _is_scalar(expression):
        return
    elif isinstance(expression, _WHOLE) or not _by_element(expression):
        yield from () if not any(children(expression)) and not isinstance(expression, _WHOLE) else (None,)
    else:
        for part in children(expression):
            yield from _leaves(part)


def is_number_of(expression: Expression) -> bool:
    """Whether an expression among matrices is a number."""
    if isinstance(expression, (Matrix, Gradient)):
        return expression.shape == (1, 1)
    if isinstance(expression, MatrixProduct):
        return _is_scalar(expression)
    if isinstance(expression, (Ones, Unit, Column, DiagonalOf)):
        return False
    return isinstance(expression, (Norm, Trace)) or all(map(is_number_of, children(expression)))


def _is_scalar(product: MatrixProduct) -> bool:
    first, last = product.factors[0], product.factors[-1]
    return _rows(first) == 1 and _rows(last, across=True) == 1


def _rows(expression: Expression, across: bool = False) -> int | None:
    match expression:
        case Matrix(_, shape, transposed) | Gradient(_, _, shape, transposed):
            return shape[across != transposed]
        case Slice():
            return expression.shape[across != expression.transposed]
        case Ones(shape):
            return shape[across]
    return None


def _turned(expression: Expression) -> Expression:
    if isinstance(expression, (Matrix, Gradient, Slice)) and expression.shape != (1, 1):
        return replace(expression, transposed=False)
    if isinstance(expression, MatrixSoftmax):
        return MatrixSoftmax(_turned(expression.body), 1 - expression.axis)
    if isinstance(expression, MatrixProduct):
        return expression
    return rebuild(expression, _turned)
