"""The vocabulary of matrix notation: matrices, transposes, ⊙, diagonal matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from wengert.explain.algebra.likeness import gathered, raised
from wengert.explain.index.construction import divide, multiply
from wengert.explain.index.expressions import (
    ONE,
    Add,
    Expression,
    Number,
    Partial,
    Product,
    Quotient,
    Second,
    Symbol,
)
from wengert.explain.index.indices import Index
from wengert.explain.printers.digits import cut

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Matrix(Expression):
    """A named tensor as a matrix; a vector is one row or one column.

    Attributes
    ----------
    symbol : Symbol
    shape : (int, int)
        Before transposing.
    transposed : bool
    """

    symbol: Symbol
    shape: Shape
    transposed: bool


@dataclass(frozen=True, slots=True)
class Slice(Expression):
    """What a tensor, or the derivative by it, is in one iteration of a loop: h_t, ∂L/∂h_{t+1}.

    Attributes
    ----------
    element : Element, ElementAt, Begun or Partial
        Its element at the indices of `axes`; what else it has are places among the iterations.
    axes : (Index or None, Index or None)
        The index over its rows and over its columns, before transposing.
    transposed : bool
    """

    element: Expression
    axes: tuple[Index | None, Index | None]
    transposed: bool

    @property
    def shape(self) -> Shape:
        """Before transposing."""
        rows, columns = (1 if axis is None else axis.extent for axis in self.axes)
        return rows, columns

    def bound(self) -> tuple[Index, ...]:
        """Return the indices over its rows and columns."""
        return tuple(axis for axis in self.axes if axis is not None)


@dataclass(frozen=True, slots=True)
class MatrixSum(Expression):
    """The sum of a matrix over the iterations of a loop."""

    over: Index
    body: Expression

    def bound(self) -> tuple[Index, ...]:
        """Return the index that it runs over."""
        return (self.over,)


@dataclass(frozen=True, slots=True)
class Gradient(Expression):
    """∂L/∂x as a matrix.

    Attributes
    ----------
    of, by : Symbol
    shape : (int, int)
        Before transposing, as the layout has it.
    transposed : bool
    numerator : bool
        The layout has it transposed with respect to the variable.
    """

    of: Symbol
    by: Symbol
    shape: Shape
    transposed: bool
    numerator: bool


@dataclass(frozen=True, slots=True)
class Ones(Expression):
    """A column of ones, or a row."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Unit(Expression):
    """A unit vector e_k, as a column or, transposed, as a row.

    Attributes
    ----------
    extent, place : int
        How many elements it has, and which of them is 1, counted from 0.
    transposed : bool
    """

    extent: int
    place: int
    transposed: bool


@dataclass(frozen=True, slots=True)
class Column(Expression):
    """A column of a named matrix; transposed, a row.

    Attributes
    ----------
    symbol : Symbol
    place : int
        Counted from 0.
    transposed : bool
    """

    symbol: Symbol
    place: int
    transposed: bool


@dataclass(frozen=True, slots=True)
class DiagonalOf(Expression):
    """The diagonal of a named matrix, as a column or, transposed, as a row."""

    symbol: Symbol
    transposed: bool


@dataclass(frozen=True, slots=True)
class Trace(Expression):
    """The sum of the diagonal of a named matrix."""

    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Table(Expression):
    """An expression in index notation with its entries written out, the middle of long ones left out.

    Attributes
    ----------
    entry : Expression
    rows, columns : tuple of Index
        The indices that run down and across; of two, the last runs fastest.
    fixed : tuple of (Index, int)
        Indices that stay at one position, counted from 0.
    """

    entry: Expression
    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    fixed: tuple[tuple[Index, int], ...] = ()

    def bound(self) -> tuple[Index, ...]:
        """Return the indices that stay at one position."""
        return tuple(index for index, _ in self.fixed)

    @staticmethod
    def shown(indices: tuple[Index, ...]) -> list[dict[Index, int] | None]:
        """Return the positions along one side that are shown; None stands for those left out."""
        extents = [index.extent for index in indices]
        found: list[dict[Index, int] | None] = []
        for place in cut(math.prod(extents), largest=8, edge=2):
            at = () if place is None else np.unravel_index(place, extents) if extents else ()
            found.append(None if place is None else dict(zip(indices, map(int, at), strict=True)))
        return found


@dataclass(frozen=True, slots=True)
class MatrixProduct(Expression):
    """Product of matrices, the columns of each factor matching the rows of the next."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Hadamard(Expression):
    """Product element by element: ⊙."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Cross(Expression):
    """a × b of two vectors of three components, both rows or both columns, as is the product."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class MatrixSoftmax(Expression):
    """softmax of each row of a matrix (axis 1), or of each column (axis 0)."""

    body: Expression
    axis: int


@dataclass(frozen=True, slots=True)
class MatrixInverse(Expression):
    """The inverse of a named matrix, A⁻¹; transposed, A⁻ᵀ."""

    symbol: Symbol
    extent: int
    transposed: bool


@dataclass(frozen=True, slots=True)
class Diagonal(Expression):
    """The diagonal matrix with the elements of a vector."""

    vector: Expression


@dataclass(frozen=True, slots=True)
class Norm(Expression):
    """The root of the sum of all squares: ‖x‖ of a vector, ‖A‖_F of a matrix."""

    body: Expression
    of_matrix: bool


@dataclass(frozen=True, slots=True)
class Identity(Expression):
    """The identity matrix."""

    extent: int


@dataclass(frozen=True, slots=True)
class Jacobian(Expression):
    """∂u/∂x as a matrix, not yet worked out, or ∂²L/∂x∂y.

    Attributes
    ----------
    partial : Partial or Second
    axes : (Index or None, Index or None)
        The index over its rows and over its columns, before transposing.
    transposed : bool
    """

    partial: Partial | Second
    axes: tuple[Index | None, Index | None] = (None, None)
    transposed: bool = False


def matrix_product(*factors: Expression) -> Expression:
    """Return the product; nested products are opened, since it is associative, and numbers go in front."""
    flat: list[Expression] = []
    numbers: list[Expression] = []
    for factor in factors:
        if isinstance(factor, Product) and len(factor.factors) == 2 and isinstance(factor.factors[0], Number):
            numbers.append(factor.factors[0])
            factor = factor.factors[1]
        flat += factor.factors if isinstance(factor, MatrixProduct) else (factor,)
    return multiply(*numbers, flat[0] if len(flat) == 1 else MatrixProduct(tuple(flat)))


def hadamard(*factors: Expression) -> Expression:
    """Return the elementwise product; nested ones are opened, and numbers go in front."""
    flat: list[Expression] = []
    numbers: list[Expression] = []
    for factor in factors:
        match factor:
            case Product((Number() as number, rest)):
                numbers.append(number)
                factor = rest
        flat += factor.factors if isinstance(factor, Hadamard) else (factor,)
    below = [one.denominator for one in flat if isinstance(one, Quotient) and one.numerator == ONE]
    above = [one for one in flat if not (isinstance(one, Quotient) and one.numerator == ONE)]
    if above and below:
        return multiply(*numbers, divide(_alone(above), _alone(below)))
    return multiply(*numbers, _alone(flat))


def _alone(factors: list[Expression]) -> Expression:
    return factors[0] if len(factors) == 1 else Hadamard(tuple(factors))


def matrix_sum(*terms: Expression) -> Expression:
    """Return the sum of matrices; A x + Aᵀ x, as from a quadratic form, is (A + Aᵀ) x."""
    kept: list[Expression] = []
    for term in [one for each in terms for one in (each.terms if isinstance(each, Add) else (each,))]:
        for place, before in enumerate(kept):
            joined = _joined(before, term)
            if joined is not None:
                kept[place] = joined
                break
        else:
            kept.append(term)
    return kept[0] if len(kept) == 1 else Add(tuple(kept))


def _joined(one: Expression, other: Expression) -> Expression | None:
    """Return the sum of two terms that differ in one factor, which is once transposed; None elsewhere."""
    (scale, mine), (other_scale, theirs) = gathered(one), gathered(other)
    differing = [same for same in (*mine, *theirs) if mine.get(same) != theirs.get(same)]
    if not differing and scale + other_scale == 0:
        return None  # a definition is shown as it was written
    if not differing:
        return multiply(Number(scale + other_scale), divide(one, Number(scale)))
    if scale != other_scale or len(differing) != 2 or differing[0] not in mine or differing[1] not in theirs:
        return None
    (first, by), (second, by_second) = mine[differing[0]], theirs[differing[1]]
    joined = _with_transpose(first, second) if by == by_second == 1 else None
    if joined is None:
        return None
    shared = [pair for same, pair in mine.items() if same != differing[0]]
    above = multiply(Number(scale), *(raised(base, by) for base, by in shared if by > 0), joined)
    return divide(above, multiply(*(raised(base, -by) for base, by in shared if by < 0)))


def _with_transpose(one: Expression, other: Expression) -> Expression | None:
    """Return the sum of two products of matrices of which one factor is once transposed; None elsewhere."""
    match one, other:
        case (Matrix() | MatrixInverse(), Matrix() | MatrixInverse()) if _is_transpose(one, other):
            return Add(tuple(sorted((one, other), key=_is_transposed)))
        case MatrixProduct(left), MatrixProduct(right) if len(left) == len(right):
            pairs = list(zip(left, right, strict=True))
            differing = [place for place, pair in enumerate(pairs) if pair[0] != pair[1]]
            if len(differing) == 1 and _is_transpose(*pairs[differing[0]]):
                middle = Add(tuple(sorted(pairs[differing[0]], key=_is_transposed)))
                return MatrixProduct((*left[: differing[0]], middle, *left[differing[0] + 1 :]))
    return None


def _is_transpose(one: Expression, other: Expression) -> bool:
    match one, other:
        case (Matrix() as left, Matrix()):
            return replace(left, transposed=not left.transposed) == other
        case (MatrixInverse() as inverse, MatrixInverse()):
            return replace(inverse, transposed=not inverse.transposed) == other
    return False


def _is_transposed(factor: Expression) -> bool:
    return isinstance(factor, Matrix | MatrixInverse) and factor.transposed
