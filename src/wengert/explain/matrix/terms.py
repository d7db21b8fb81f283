"""What the conversion to matrices works on: factors over the same indices, and products that link them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wengert.explain.index.construction import add, divide
from wengert.explain.index.expressions import (
    ONE,
    Expression,
    Number,
    Partial,
    Product,
    Quotient,
    Symbol,
    free_indices,
    named_in,
)
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrices import Jacobian, Ones, matrix_product

Place = Index | None


class NoMatrixForm(Exception):
    """What is to be shown has no form in matrices; the message says why. Users read it in a note."""


def matrix_indices(expression: Expression) -> tuple[Index, ...]:
    """Return the free indices that run over rows or columns: all but those over the iterations of a loop."""
    return tuple(index for index in free_indices(expression) if not index.last)


def extent_of(place: Place) -> int:
    """Return how many rows or columns an index gives: one where there is none."""
    return 1 if place is None else place.extent


@dataclass(frozen=True)
class Term:
    """Some factors over at most two indices, waiting to be asked for as rows × columns.

    Attributes
    ----------
    indices : tuple of Index
    parts : tuple of Expression or Linked
        Combined with ⊙.
    """

    indices: tuple[Index, ...]
    parts: tuple[Expression | Linked, ...]


@dataclass(frozen=True)
class Linked:
    """A sum over one index that links two terms: a product of matrices.

    Attributes
    ----------
    over : Index
    left, right : Term or None
        None is a vector of ones.
    scaling : Term or None
        A vector over the same index, between them.
    """

    over: Index
    left: Term | None
    right: Term | None
    scaling: Term | None


def summed_apart(terms: tuple[Expression, ...], summed: Sequence[Index]) -> tuple[Expression, ...]:
    """Return the parts of which each is summed by itself.

    A sum of single factors is summed whole, apart from what does not run, which is counted:
    Σ_n (x_n + y_n − m) is (x + y)ᵀ 𝟏 − N m.
    """
    still = [term for term in terms if not {*matrix_indices(term)} & {*summed}]
    running = [term for term in terms if term not in still]
    if not running or not all(map(_is_single, terms)):
        return terms
    together = add(*running)
    return (*still, together) if terms[0] in still else (together, *still)


def _is_single(term: Expression) -> bool:
    """Whether a term is one factor, apart from a number."""
    factors = term.factors if isinstance(term, Product) else (term,)
    return sum(not isinstance(factor, Number) for factor in factors) == 1 and not isinstance(term, Number)


def as_fraction(scalar: Expression) -> tuple[Expression, Expression]:
    """Return what stands above and below the line of a number."""
    return (scalar.numerator, scalar.denominator) if isinstance(scalar, Quotient) else (scalar, ONE)


def jacobian_of(partial: Partial, row: Place, column: Place, numerator: bool) -> Expression:
    """Return the derivative of a vector by a vector as a matrix.

    Raises
    ------
    NoMatrixForm
    """
    sides: list[Place] = []
    for element in (partial.of, partial.by):
        indices = [at for at in element.positions if isinstance(at, Index)]
        if len(indices) > 1 or len(indices) < element.symbol.rank:
            raise NoMatrixForm(f"{element.symbol.name} is no vector")
        sides.append(indices[0] if indices else None)
    axes = (sides[0], sides[1]) if numerator else (sides[1], sides[0])
    if {*axes} != {row, column}:
        raise NoMatrixForm("indices that do not fit rows and columns")
    return Jacobian(partial, axes, axes != (row, column))


def ones(row: Place, column: Place) -> Expression:
    """Return a matrix of ones."""
    if row is None or column is None:
        return Ones((extent_of(row), extent_of(column)))
    return matrix_product(Ones((row.extent, 1)), Ones((1, column.extent)))


def opened_quotients(factors: Sequence[Expression]) -> list[Expression]:
    """Return the factors of a product, a quotient as several where these have fewer indices each."""
    found: list[Expression] = []
    for factor in factors:
        match factor:
            case Quotient(above, below) if len(matrix_indices(factor)) > 1:
                parts = below.factors if isinstance(below, Product) else (below,)
                apart = len({frozenset(matrix_indices(part)) for part in parts}) > 1
                if apart or len(matrix_indices(factor)) > 2:
                    found += above.factors if isinstance(above, Product) else (above,)
                    found += [divide(ONE, part) for part in parts]
                else:
                    found.append(factor)
            case _:
                found.append(factor)
    return found


def matrices_over(terms: Sequence[Term], index: Index) -> list[Term]:
    """Return the terms over an index and another one."""
    return [term for term in terms if index in term.indices and len(term.indices) == 2]


def names_in(term: Term) -> set[Symbol]:
    """Return the tensors that stand in a term."""
    return {symbol for part in term.parts if isinstance(part, Expression) for symbol in named_in(part)}
