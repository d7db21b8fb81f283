"""Parts of a named matrix as vectors: its rows, its columns, its diagonal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wengert.explain.index.construction import multiply
from wengert.explain.index.expressions import Element, Expression, Number, Product, walk
from wengert.explain.index.indices import Index
from wengert.explain.matrix.matrices import (
    Column,
    Diagonal,
    DiagonalOf,
    Identity,
    Matrix,
    Trace,
    Unit,
    hadamard,
    matrix_product,
)
from wengert.explain.matrix.terms import Place


def piece_of(element: Element, row: Place, column: Place) -> Expression | None:
    """Return a row, a column or the diagonal of a matrix as a vector; None where it is something else.

    A column has a name, q_3; a row is e_3ᵀ Q, with a unit vector.
    """
    symbol = element.symbol
    places = tuple(at for at, extent in zip(element.positions, symbol.shape, strict=True) if extent > 1)
    match places:
        case (Index() as across, int(place)) if across in (row, column):
            return Column(symbol, place, across == column)
        case (int(place), Index() as across) if across in (row, column):
            (rows, columns), is_row = symbol.shape, across == column
            factors = (Unit(rows, place, is_row), Matrix(symbol, (rows, columns), not is_row))
            return matrix_product(*(factors if is_row else factors[::-1]))
        case (Index() as one, Index() as other) if one == other and one in (row, column):
            return DiagonalOf(symbol, one == column)
    return None


def trace_of(vector: Expression) -> Expression | None:
    """Return the sum of the elements of a vector that is a diagonal; None where it is no diagonal."""
    match vector:
        case DiagonalOf(symbol):
            return Trace(symbol)
        case Product((Number() as scale, DiagonalOf(symbol))):
            return multiply(scale, Trace(symbol))
    return None


def with_diagonal(vector: Expression, extent: int) -> Expression:
    """Return the diagonal matrix of a vector; of the diagonal of A it is A ⊙ I."""
    match vector:
        case DiagonalOf(symbol):
            return hadamard(Matrix(symbol, (extent, extent), False), Identity(extent))
        case Product((Number() as scale, DiagonalOf() as diagonal)):
            return multiply(scale, with_diagonal(diagonal, extent))
    return Diagonal(vector)


def named_pieces(expressions: Iterable[Expression]) -> Iterator[str]:
    """Yield what each name of a part that stands in the expressions means."""
    parts = [part for one in expressions for part in walk(one)]
    columns = dict.fromkeys(one.symbol for one in parts if isinstance(one, Column))
    if columns:
        yield f"A small letter with one number is a column of {' or '.join(one.name for one in columns)}."
    if any(isinstance(one, Unit) for one in parts):
        yield "e_k is the unit vector that is 1 at place k."
