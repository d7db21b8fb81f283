"""From index notation to matrix notation.

The step that the lectures ask for by hand: factors with the same index combine with ⊙, a shared index that is
summed over becomes a product of matrices, and two free indices in different factors become an outer product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wengert.explain.index.construction import (
    divide,
    multiply,
    pulled_out,
    pulled_sums_with_deltas,
    total,
)
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Add,
    Delta,
    Expression,
    Number,
    Product,
    Sum,
    Symbol,
    free_indices,
    number,
    rebuild,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.softmax import with_softmax
from wengert.explain.index.substitution import renamed_apart
from wengert.explain.matrix.conversion_rules import as_matrix
from wengert.explain.matrix.matrices import (
    Diagonal,
    Identity,
    MatrixProduct,
    Ones,
    hadamard,
    matrix_product,
    matrix_sum,
)
from wengert.explain.matrix.pieces import trace_of, with_diagonal
from wengert.explain.matrix.terms import (
    Linked,
    NoMatrixForm,
    Place,
    Term,
    as_fraction,
    extent_of,
    matrices_over,
    matrix_indices,
    names_in,
    ones,
    opened_quotients,
    summed_apart,
)


class Converter:
    """Writes expressions as matrices.

    Parameters
    ----------
    vectors : str
        ``rows`` or ``columns``: what an array with one axis is.
    numerator : bool
        Numerator layout: a gradient is the transpose of the shape of its variable.

    Attributes
    ----------
    patterns : dict
        The patterns used since `convert` was called last, in order.
    jacobians : bool
        Whether a derivative of a vector by a vector may stand as a factor.
    """

    def __init__(self, vectors: str, numerator: bool) -> None:
        self.vectors = vectors
        self.numerator = numerator
        self.patterns: dict[str, None] = {}
        self.jacobians = False

    def places(self, symbol: Symbol, positions: Iterable[object]) -> tuple[Place, Place]:
        """Return the index over the rows and over the columns of a tensor as it is stored.

        Raises
        ------
        NoMatrixForm
            When it has more than two axes.
        """
        loops = [isinstance(axis, Index) and bool(axis.last) for axis in symbol.axes]
        taken = tuple(at for at, loop in zip(positions, loops, strict=True) if not loop)
        indices = [at for at in taken if isinstance(at, Index)]
        if len(indices) < symbol.rank - sum(loops):
            raise NoMatrixForm(f"only a part of {symbol.name} is used")
        if len(indices) > 2:
            raise NoMatrixForm(f"{symbol.name} is a tensor of rank {len(indices)}")
        if len(indices) == 2:
            if indices[0] == indices[1]:
                raise NoMatrixForm(f"only the diagonal of {symbol.name} is used")
            return indices[0], indices[1]
        if not indices:
            return None, None
        if len(taken) >= 2:
            is_row = taken[-1] is indices[0]
        else:
            is_row = self.vectors == "rows"
        return (None, indices[0]) if is_row else (indices[0], None)

    def convert(self, expression: Expression, row: Place, column: Place) -> Expression:
        """Return the expression as a matrix of ``row`` × ``column``.

        Raises
        ------
        NoMatrixForm
        """
        self.patterns = {}
        expression = with_softmax(expression)
        if not matrix_indices(expression) and expression != ZERO and (row, column) != (None, None):
            return multiply(self.part(expression, None, None), self._joined([], row, column))
        return self.part(expression, row, column)

    def part(self, expression: Expression, row: Place, column: Place) -> Expression:
        """Convert what stands inside an expression; its patterns are noted beside those found before."""
        if set(matrix_indices(expression)) - {row, column}:
            raise NoMatrixForm("it has more than two free indices")
        if sum(bool(index.last) for index in free_indices(expression)) > 1:
            raise NoMatrixForm("it is of the iterations of two loops")
        return as_matrix(expression, self, row, column)

    def summed(self, terms: list[Expression]) -> Expression:
        """Add matrices; A x + Aᵀ x is (A + Aᵀ) x."""
        found = matrix_sum(*terms)
        if isinstance(found, MatrixProduct):
            self.patterns.setdefault("the same factors → A + Aᵀ")
        return found

    def filled(self, term: Expression, row: Place, column: Place, beside_unit: bool = False) -> Expression:
        """Convert a term of a sum or an operand; what lacks an index is repeated along it by ones.

        A number is, where it stands beside the unit matrix: I − 1/4 𝟏 𝟏ᵀ.
        """
        if isinstance(term, Number) and not beside_unit:
            return term
        if not matrix_indices(term) and row is None and column is None:
            return self.part(term, row, column)
        mine = set(matrix_indices(term))
        if not mine:
            self.patterns.setdefault("repeated → ones 𝟏")
            return multiply(self.part(term, None, None), ones(row, column))
        if row is not None and row not in mine:
            below = self.filled(term, None, column)
            self.patterns.setdefault("repeated → ones 𝟏")
            return matrix_product(Ones((row.extent, 1)), below)
        if column is not None and column not in mine:
            self.patterns.setdefault("repeated → ones 𝟏")
            return matrix_product(self.filled(term, row, None), Ones((1, column.extent)))
        return self.part(term, row, column)

    def elementwise(self, expression: Expression, row: Place, column: Place) -> Expression:
        """Convert an expression element by element."""

        def operand(part: Expression) -> Expression:
            scalar = not matrix_indices(part)
            return self.part(part, None, None) if scalar else self.filled(part, row, column)

        return rebuild(expression, operand)

    def contracted(
        self, summed: tuple[Index, ...], body: Expression, row: Place, column: Place
    ) -> Expression:
        """Convert a sum of products over indices."""
        if isinstance(body, Add) and len(parts := summed_apart(body.terms, summed)) > 1:
            sums = [Sum(summed, term) if summed else term for term in parts]
            return self.summed([self.filled(term, row, column) for term in sums])
        if isinstance(body, Product):
            opened = pulled_sums_with_deltas(body)
            if isinstance(opened, Add):
                return self.contracted(summed, opened, row, column)
        factors = opened_quotients(list(body.factors) if isinstance(body, Product) else [body])
        diagonal = self._diagonal(factors, row, column) if not summed else None
        if diagonal is not None:
            return diagonal
        if any(isinstance(factor, Delta) for factor in factors):
            raise NoMatrixForm("a δ is left over")
        spread = self._spread(summed, factors, row, column)
        if spread is not None:
            return spread
        terms, scalars = self._grouped(factors, set(summed))
        left = list(reversed(summed))  # innermost first: the sum that stands closest to its factors
        while left:
            index = next((one for one in left if len(matrices_over(terms, one)) <= 2), left[0])
            left.remove(index)
            terms = self._eliminated(terms, index, scalars)
        above, below = zip(*map(as_fraction, scalars), strict=True) if scalars else ((), ())
        return divide(multiply(*above, self._joined(terms, row, column)), multiply(*below))

    def _spread(
        self, summed: tuple[Index, ...], factors: list[Expression], row: Place, column: Place
    ) -> Expression | None:
        """Multiply out a factor with terms over more than two indices; what none is summed over stays out."""
        wide = next((one for one in factors if isinstance(one, Add) and len(matrix_indices(one)) > 2), None)
        if wide is None:
            return None
        outside = [one for one in factors if one is not wide and not set(matrix_indices(one)) & set(summed)]
        inside = [one for one in factors if one not in outside]
        sums = [
            pulled_out(total(summed, multiply(*(term if one is wide else one for one in inside))))
            for term in wide.terms
        ]
        result = self.summed([self.filled(term, row, column) for term in sums])
        if not outside:
            return result
        beside = self.contracted((), multiply(*outside), row, column)
        self.patterns.setdefault("same index → ⊙")
        return hadamard(beside, result) if matrix_indices(multiply(*outside)) else multiply(beside, result)

    def _diagonal(self, factors: list[Expression], row: Place, column: Place) -> Expression | None:
        """g_j δ_jl is a diagonal matrix."""
        deltas = [factor for factor in factors if isinstance(factor, Delta)]
        if len(deltas) != 1 or {deltas[0].left, deltas[0].right} != {row, column} or row is None:
            return None
        rest = multiply(*(factor for factor in factors if factor is not deltas[0]))
        if len(matrix_indices(rest)) > 1:
            return None
        self.patterns.setdefault("g_j δ_jl → diag(g)")
        if not matrix_indices(rest):
            return multiply(self.part(rest, None, None), Identity(row.extent))
        (index,) = matrix_indices(rest)
        return with_diagonal(self.part(rest, *self.as_vector(index)), row.extent)

    def as_vector(self, index: Place) -> tuple[Place, Place]:
        """Return the index over the rows and over the columns of what an array with one axis is."""
        return (None, index) if self.vectors == "rows" else (index, None)

    def _grouped(self, factors: list[Expression], summed: set[Index]) -> tuple[list[Term], list[Expression]]:
        """Put factors over the same indices together; a number stays with the factor after it."""
        groups: dict[frozenset[Index], list[Expression]] = {}
        scalars: list[Expression] = []
        scale: Expression | None = None
        lone = any(not matrix_indices(factor) and not isinstance(factor, Number) for factor in factors)
        for factor in factors:
            indices = frozenset(matrix_indices(factor))
            if isinstance(factor, Sum) and indices:
                used = {index for other in factors for index in matrix_indices(other)} | summed
                factor = renamed_apart(factor, {*used})
            if not indices:
                if isinstance(factor, Number) and not lone:
                    scale = factor
                else:
                    scalars.append(self.part(factor, None, None))
                continue
            if len(indices) > 2:
                raise NoMatrixForm("a factor has more than two indices")
            if scale is not None:
                factor, scale = multiply(scale, factor), None
            groups.setdefault(indices, []).append(factor)
        if scale is not None:
            scalars.insert(0, scale)
        if any(len(group) > 1 for group in groups.values()):
            self.patterns.setdefault("same index → ⊙")
        return [Term(tuple(indices), tuple(group)) for indices, group in groups.items()], scalars

    def _eliminated(self, terms: list[Term], index: Index, scalars: list[Expression]) -> list[Term]:
        """Sum over one index: the terms that have it are linked into a product."""
        touching = [term for term in terms if index in term.indices]
        others = [term for term in terms if index not in term.indices]
        vectors = [term for term in touching if len(term.indices) == 1]
        matrices = matrices_over(terms, index)
        if not touching:
            scalars.append(number(index.extent))
            return others
        if len(matrices) > 2:
            raise NoMatrixForm(f"index {index} stands in more than two matrices")
        vector = vectors[0] if vectors else None
        if not matrices:
            assert vector is not None
            scalars.append(self._inner(vector, index))
            return others
        self.patterns.setdefault("shared index summed over → product")
        outer = tuple(at for term in matrices for at in term.indices if at != index)
        if len(matrices) == 1:
            link = Linked(index, vector, matrices[0], None)
        else:
            link = Linked(index, matrices[0], matrices[1], vector)
        return self._merged(Term(outer, (link,)), others)

    def _merged(self, new: Term, others: list[Term]) -> list[Term]:
        """Put a new term together with one over the same indices."""
        for place, term in enumerate(others):
            if set(term.indices) == set(new.indices):
                self.patterns.setdefault("same index → ⊙")
                return [*others[:place], replace(new, parts=(*new.parts, *term.parts)), *others[place + 1 :]]
        return [*others, new]

    def _inner(self, vector: Term, index: Index) -> Expression:
        """Σ_k x_k y_k is a row times a column."""
        self.patterns.setdefault("Σ_k x_k y_k → row times column")
        if len(vector.parts) == 1 and isinstance(vector.parts[0], Linked):
            return matrix_product(Ones((1, index.extent)), self._realised(vector, index, None))
        if len(vector.parts) == 1:
            row = self._realised(vector, None, index)
            return trace_of(row) or matrix_product(row, Ones((index.extent, 1)))
        first = replace(vector, parts=vector.parts[:1])
        rest = replace(vector, parts=vector.parts[1:])
        return matrix_product(self._realised(first, None, index), self._realised(rest, index, None))

    def _realised(self, term: Term, row: Place, column: Place) -> Expression:
        return hadamard(*(self._part(part, row, column) for part in term.parts))

    def _part(self, part: Expression | Linked, row: Place, column: Place) -> Expression:
        if isinstance(part, Product) and isinstance(part.factors[0], Number):
            return multiply(part.factors[0], self._part(multiply(*part.factors[1:]), row, column))
        if not isinstance(part, Linked):
            return self.part(part, row, column)
        left, right = part.left, part.right
        if part.scaling is not None:
            assert left is not None
            assert right is not None
            if row not in left.indices:
                left, right = right, left
            between = [Diagonal(self._realised(part.scaling, *self.as_vector(part.over)))]
            return matrix_product(
                self._realised(left, row, part.over), *between, self._realised(right, part.over, column)
            )
        swapped = right is not None and row is not None and row in right.indices
        if swapped:
            left, right = right, left
        first = Ones((1, part.over.extent)) if left is None else self._realised(left, row, part.over)
        second = Ones((part.over.extent, 1)) if right is None else self._realised(right, part.over, column)
        return matrix_product(first, second)

    def _joined(self, terms: list[Term], row: Place, column: Place) -> Expression:
        """Put the terms that are left into one matrix."""
        if not terms:
            return ONE if row is None and column is None else ones(row, column)
        full = [term for term in terms if set(term.indices) == {row, column} - {None}]
        rows = [term for term in terms if term.indices == (row,) and term not in full]
        columns = [term for term in terms if term.indices == (column,) and term not in full]
        if full:
            result = hadamard(*(self._realised(term, row, column) for term in full))
            if rows and columns and names_in(rows[0]) == names_in(columns[0]):  # x_i m_ij x_j
                return hadamard(result, self._joined([rows[0], columns[0]], row, column))
            if rows:
                self.patterns.setdefault("g_i m_ij → diag(g) M")
                result = matrix_product(Diagonal(self._realised(rows[0], *self.as_vector(row))), result)
            if columns:
                self.patterns.setdefault("m_ij g_j → M diag(g)")
                result = matrix_product(result, Diagonal(self._realised(columns[0], *self.as_vector(column))))
            return result
        if rows and columns:
            self.patterns.setdefault("x_i y_j → outer product")
            return matrix_product(
                self._realised(rows[0], row, None), self._realised(columns[0], None, column)
            )
        self.patterns.setdefault("repeated → ones 𝟏")
        if rows:
            return matrix_product(self._realised(rows[0], row, None), Ones((1, extent_of(column))))
        return matrix_product(Ones((extent_of(row), 1)), self._realised(columns[0], None, column))
