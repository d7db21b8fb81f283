"""What each class of expressions becomes among matrices; `conversion` puts sums of products together."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from wengert.explain.index.elementwise import is_elementwise
from wengert.explain.index.expressions import (
    Add,
    Delta,
    Element,
    Expression,
    Inverse,
    Number,
    Partial,
    Product,
    Softmax,
    Sum,
    Verbatim,
)
from wengert.explain.matrix.matrices import Identity, MatrixInverse, MatrixSoftmax
from wengert.explain.matrix.terms import NoMatrixForm, Place

if TYPE_CHECKING:
    from wengert.explain.matrix.conversion import Converter


@singledispatch
def as_matrix(expression: Expression, converter: Converter, row: Place, column: Place) -> Expression:
    """Return an expression as a matrix of ``row`` × ``column``, by the rule of its class.

    Raises
    ------
    NoMatrixForm
    """
    if is_elementwise(expression):
        return converter.elementwise(expression, row, column)
    raise NoMatrixForm("no pattern of matrices fits")


@as_matrix.register(Verbatim)
def _(expression: Verbatim, converter: Converter, row: Place, column: Place) -> Expression:
    raise NoMatrixForm(f"it is {expression.text}")


@as_matrix.register(Number)
def _(expression: Number, converter: Converter, row: Place, column: Place) -> Expression:
    return expression


@as_matrix.register(Element)
@as_matrix.register(Partial)
def _(expression: Element | Partial, converter: Converter, row: Place, column: Place) -> Expression:
    return converter.named(expression, row, column)


@as_matrix.register(Softmax)
def _(expression: Softmax, converter: Converter, row: Place, column: Place) -> Expression:
    over = 0 if expression.element.positions[expression.axis] == row else 1
    return MatrixSoftmax(converter.named(expression.element, row, column), over)


@as_matrix.register(Inverse)
def _(expression: Inverse, converter: Converter, row: Place, column: Place) -> Expression:
    element = expression.element
    if element.positions not in ((row, column), (column, row)):
        raise NoMatrixForm("no pattern of matrices fits")
    return MatrixInverse(element.symbol, element.symbol.shape[0], element.positions != (row, column))


@as_matrix.register(Delta)
def _(expression: Delta, converter: Converter, row: Place, column: Place) -> Expression:
    if {expression.left, expression.right} == {row, column}:
        return Identity(expression.left.extent)
    raise NoMatrixForm("a δ stands alone")


@as_matrix.register(Add)
def _(expression: Add, converter: Converter, row: Place, column: Place) -> Expression:
    return converter.summed([converter.filled(term, row, column) for term in expression.terms])


@as_matrix.register(Sum)
def _(expression: Sum, converter: Converter, row: Place, column: Place) -> Expression:
    return converter.contracted(expression.indices, expression.body, row, column)


@as_matrix.register(Product)
def _(expression: Product, converter: Converter, row: Place, column: Place) -> Expression:
    return converter.contracted((), expression, row, column)
