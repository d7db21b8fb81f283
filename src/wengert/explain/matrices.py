"""The vocabulary of matrix notation: matrices, transposes, ⊙, diagonal matrices."""

from __future__ import annotations

from dataclasses import dataclass

from wengert.explain.expressions import Expression, Partial, Symbol

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
class MatrixProduct(Expression):
    """Product of matrices, the columns of each factor matching the rows of the next."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Hadamard(Expression):
    """Product element by element: ⊙."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class MatrixSoftmax(Expression):
    """softmax of each row of a matrix (axis 1), or of each column (axis 0)."""

    body: Expression
    axis: int


@dataclass(frozen=True, slots=True)
class Diagonal(Expression):
    """The diagonal matrix with the elements of a vector."""

    vector: Expression


@dataclass(frozen=True, slots=True)
class Identity(Expression):
    """The identity matrix."""

    extent: int


@dataclass(frozen=True, slots=True)
class Jacobian(Expression):
    """∂u/∂x as a matrix, not yet worked out."""

    partial: Partial


def matrix_product(*factors: Expression) -> Expression:
    """Return the product; nested products are opened, since the product is associative."""
    flat: list[Expression] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, MatrixProduct) else (factor,)
    return flat[0] if len(flat) == 1 else MatrixProduct(tuple(flat))


def hadamard(*factors: Expression) -> Expression:
    """Return the elementwise product; nested ones are opened."""
    flat: list[Expression] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Hadamard) else (factor,)
    return flat[0] if len(flat) == 1 else Hadamard(tuple(flat))
