"""What each class of expressions becomes among matrices; `conversion` puts sums of products together."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from wengert.explain.index.construction import divide, multiply, power, total
from wengert.explain.index.cross_products import Permutation
from wengert.explain.index.elementwise import is_elementwise
from wengert.explain.index.expressions import (
    ONE,
    TWO,
    Add,
    Apply,
    Delta,
    Element,
    ElementAt,
    Expression,
    Inverse,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Running,
    Softmax,
    Sum,
    Verbatim,
    free_indices,
    walk,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.notation import is_root
from wengert.explain.loops.earlier import Begun
from wengert.explain.matrix.matrices import (
    Cross,
    Gradient,
    Identity,
    Matrix,
    MatrixInverse,
    MatrixSoftmax,
    MatrixSum,
    Norm,
    Shape,
    Slice,
    Unit,
    matrix_product,
)
from wengert.explain.matrix.pieces import piece_of
from wengert.explain.matrix.terms import NoMatrixForm, Place, extent_of, jacobian_of, matrix_indices
from wengert.explain.work_limits import MAX_ELEMENTS

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
def named(expression: Element | Partial, converter: Converter, row: Place, column: Place) -> Expression:
    """Convert a name or a derivative."""
    element = expression.by if isinstance(expression, Partial) else expression
    in_loop = any(isinstance(axis, Index) and axis.last for axis in element.symbol.axes)
    if isinstance(expression, Partial):
        calculated = any(isinstance(one, ElementAt) for one in (expression.of, element))
        if calculated and not in_loop:
            raise NoMatrixForm("it is taken at places that are calculated")
        if converter.jacobians:
            return jacobian_of(expression, row, column, converter.numerator)
        if expression.direct:
            raise NoMatrixForm("a local derivative stands unworked")
    elif row is column is None and element.symbol.rank and not free_indices(element):
        return element  # a number, though of an array
    piece = piece_of(expression, row, column) if isinstance(expression, Element) and not in_loop else None
    if piece is not None:
        return piece
    stored = converter.places(element.symbol, element.positions)
    flipped = converter.numerator and isinstance(expression, Partial)
    mine = stored[::-1] if flipped else stored
    if mine not in ((row, column), (column, row)):
        raise NoMatrixForm("indices that do not fit rows and columns")
    transposed = mine != (row, column)
    if in_loop:
        return Slice(expression, mine, transposed)
    shape: Shape = (extent_of(mine[0]), extent_of(mine[1]))
    if isinstance(expression, Partial):
        return Gradient(expression.of.symbol, element.symbol, shape, transposed, flipped)
    return Matrix(element.symbol, shape, transposed and not element.symbol.symmetric)


@as_matrix.register(ElementAt)
def _(expression: ElementAt, converter: Converter, row: Place, column: Place) -> Expression:
    symbol = expression.symbol
    for axis, place in zip(symbol.axes, expression.places, strict=True):
        whole = isinstance(place, Running) and place.index.extent == getattr(axis, "extent", 1)
        if not (whole or axis == 0 or (isinstance(axis, Index) and axis.last)):
            raise NoMatrixForm("no pattern of matrices fits")
    stored = converter.places(symbol, expression.positions)
    if stored not in ((row, column), (column, row)):
        raise NoMatrixForm("indices that do not fit rows and columns")
    return Slice(expression, stored, stored != (row, column))


@as_matrix.register(Begun)
def _(expression: Begun, converter: Converter, row: Place, column: Place) -> Expression:
    axis = expression.before.param("axis")
    positions = (*expression.positions[:axis], 0, *expression.positions[axis:])
    stored = converter.places(expression.symbol, positions)
    return Slice(expression, stored, stored != (row, column))


@as_matrix.register(Running)
def _(expression: Running, converter: Converter, row: Place, column: Place) -> Expression:
    if expression.index.last:
        return expression
    raise NoMatrixForm("no pattern of matrices fits")


@as_matrix.register(Softmax)
def _(expression: Softmax, converter: Converter, row: Place, column: Place) -> Expression:
    over = 0 if expression.element.positions[expression.axis] == row else 1
    return MatrixSoftmax(named(expression.element, converter, row, column), over)


@as_matrix.register(Inverse)
def _(expression: Inverse, converter: Converter, row: Place, column: Place) -> Expression:
    element = expression.element
    if element.positions not in ((row, column), (column, row)):
        raise NoMatrixForm("no pattern of matrices fits")
    transposed = element.positions != (row, column) and not element.symbol.symmetric
    return MatrixInverse(element.symbol, element.symbol.shape[0], transposed)


@as_matrix.register(Relation)
def _(expression: Relation, converter: Converter, row: Place, column: Place) -> Expression:
    match expression:
        case Relation("=", Running(index), Number(place)) if index in (row, column):
            return Unit(index.extent, int(place) - 1, index == column)
    return converter.elementwise(expression, row, column)


@as_matrix.register(Delta)
def _(expression: Delta, converter: Converter, row: Place, column: Place) -> Expression:
    if {expression.left, expression.right} == {row, column}:
        return Identity(expression.left.extent)
    raise NoMatrixForm("a δ stands alone")


@as_matrix.register(Add)
def _(expression: Add, converter: Converter, row: Place, column: Place) -> Expression:
    beside_unit = any(isinstance(part, Delta) for part in walk(expression))
    return converter.summed([converter.filled(term, row, column, beside_unit) for term in expression.terms])


@as_matrix.register(Sum)
def _(expression: Sum, converter: Converter, row: Place, column: Place) -> Expression:
    loops = [index for index in expression.indices if index.last]
    if loops:
        return _over_iterations(expression, loops, converter, row, column)
    match expression.body:
        case Power(base, Number(two)) if two == 2 and set(matrix_indices(base)) == set(expression.indices):
            return power(_norm(base, expression.indices, converter), TWO)
        case Product(factors) if any(isinstance(factor, Permutation) for factor in factors):
            return _cross_product(expression.indices, factors, converter, row, column)
        case Quotient(above, below) if row is column is None and not matrix_indices(below):
            numerator = converter.part(total(expression.indices, above), row, column)
            return divide(numerator, converter.part(below, row, column))
    return converter.contracted(expression.indices, expression.body, row, column)


def _cross_product(
    summed: tuple[Index, ...],
    factors: tuple[Expression, ...],
    converter: Converter,
    row: Place,
    column: Place,
) -> Expression:
    """Σ_jk ε_ijk a_j b_k is a × b, and Σ_ijk ε_ijk w_i a_j b_k is wᵀ (a × b)."""
    (symbol,) = [factor for factor in factors if isinstance(factor, Permutation)]
    places = [at for at in symbol.places if isinstance(at, Index)]
    groups = {at: multiply(*(one for one in factors if matrix_indices(one) == (at,))) for at in places}
    rest = multiply(*(one for one in factors if not matrix_indices(one)))
    left_over = [at for at in places if at not in summed]
    fits = len(places) == 3 and len(left_over) < 2 and {*summed, *left_over} == {*places}
    alone = all(len(matrix_indices(one)) < 2 for one in factors if one is not symbol)
    if not (fits and alone) or any(groups[at] == ONE for at in places if at in summed):
        raise NoMatrixForm("no pattern of matrices fits")
    first = places.index(left_over[0]) if left_over else 0
    out, *others = places[first:] + places[:first]  # which leaves ε_ijk as it is
    as_row = out == column
    found = Cross(*(converter.part(groups[at], *((None, at) if as_row else (at, None))) for at in others))
    converter.patterns.setdefault("Σ_jk ε_ijk a_j b_k → a × b")
    if left_over:
        return multiply(converter.part(rest, None, None), found)
    return multiply(
        converter.part(rest, None, None), matrix_product(converter.part(groups[out], None, out), found)
    )


def _over_iterations(
    expression: Sum, loops: list[Index], converter: Converter, row: Place, column: Place
) -> Expression:
    """Σ_t of a matrix that each iteration has."""
    inner = total([one for one in expression.indices if not one.last], expression.body)
    if len(loops) > 1 or any(index.last for index in free_indices(expression)):
        raise NoMatrixForm("it runs over the iterations of two loops")
    (over,) = loops
    if over.extent * extent_of(row) * extent_of(column) > MAX_ELEMENTS:
        raise NoMatrixForm(f"a matrix for each of {over.extent} iterations is too much to be checked")
    return MatrixSum(over, converter.filled(inner, row, column))


@as_matrix.register(Apply)
def _(expression: Apply, converter: Converter, row: Place, column: Place) -> Expression:
    found = converter.elementwise(expression, row, column)
    match found:
        case Apply(primitive, (Power(Norm() as norm, Number(two)),)) if is_root(primitive) and two == 2:
            return norm
    return found


def _norm(base: Expression, indices: tuple[Index, ...], converter: Converter) -> Norm:
    """Σ_i x_i² is ‖x‖²."""
    if len(indices) > 2:
        raise NoMatrixForm("it has more than two free indices")
    first, *others = indices
    axes = (first, others[0]) if others else converter.as_vector(first)
    return Norm(converter.part(base, *axes), bool(others))


@as_matrix.register(Product)
def _(expression: Product, converter: Converter, row: Place, column: Place) -> Expression:
    return converter.contracted((), expression, row, column)
