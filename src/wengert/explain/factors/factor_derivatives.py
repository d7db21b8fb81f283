"""Derivatives of the factors of a matrix by its elements.

With dA = E_pq, or E_pq + E_qp where one triangle of A is read: λ and Q follow Giles 2008, 3.1; U, s and V
Townsend 2016; Q and R Walter & Lehmann 2010; L Murray 2016, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wengert.explain.factors.companions import BELOW, GAPS, WEIGHTS, companions
from wengert.explain.factors.stacked_parts import (
    CHOLESKY,
    EIGEN,
    LAWS,
    ORTHOGONAL,
    PARTS,
    SINGULAR,
    Factor,
    factor_of,
)
from wengert.explain.index.construction import add, divide, multiply, negate, total
from wengert.explain.index.expressions import TWO, Element, Expression, Inverse, Symbol
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.substitution import same_position
from wengert.explain.problem import Problem
from wengert.ir.node import Node

Positions = tuple[Position, ...]


@dataclass(frozen=True)
class _Setting:
    """The names that a derivative is written with, and an index to sum over.

    Attributes
    ----------
    symbols : dict of str to Symbol
        By the letters of `companions`.
    by : tuple of Position
        Of the element of the matrix.
    k : Index
    """

    symbols: dict[str, Symbol]
    by: Positions
    k: Index

    def __call__(self, letter: str, *positions: Position) -> Element:
        """Return an element."""
        return Element(self.symbols[letter], positions)

    def inverse(self, letter: str, *positions: Position) -> Inverse:
        """Return an element of an inverse."""
        return Inverse(self(letter, *positions))

    @property
    def rows(self) -> int:
        """How many rows the matrix has."""
        return self.by[0].extent if isinstance(self.by[0], Index) else 1

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return self.by[1].extent if isinstance(self.by[1], Index) else 1


def derivative_of_factor(problem: Problem, factor: Factor, of: Element, by: Element) -> Expression | None:
    """Return the derivative of an element of a factor by one of the matrix.

    It is None where what it is written with has no names.
    """
    known = {letter: problem.symbols.get(node) for letter, node in companions(factor.stack).items()}
    if by.symbol.node is not factor.matrix:
        return None
    at = of.positions[::-1] if factor.flipped else of.positions
    last = at[-1]
    assert isinstance(last, Index), "factors have more than one column"
    symbols = {letter: symbol for letter, symbol in known.items() if symbol is not None}
    here = _Setting(symbols, by.positions, fresh(last, {*at, *by.positions}))
    try:
        return _RULES[factor.stack.primitive.formula, factor.part.letter](here, at)
    except KeyError:
        return None


def _eigenvalue(here: _Setting, at: Positions) -> Expression:
    (p, q), l = here.by, at[-1]
    return multiply(TWO, here(WEIGHTS, p, q), here("Q", p, l), here("Q", q, l))


def _eigenvector(here: _Setting, at: Positions) -> Expression:
    (p, q), (i, l), k = here.by, at, here.k
    both = add(
        multiply(here("Q", p, k), here("Q", q, l)),
        multiply(here("Q", q, k), here("Q", p, l)),
    )
    turned = total([k], multiply(here("Q", i, k), here(GAPS, k, l), both))
    return multiply(here(WEIGHTS, p, q), turned)


def _singular_value(here: _Setting, at: Positions) -> Expression:
    (p, q), l = here.by, at[-1]
    return multiply(here("U", p, l), here("V", q, l))


def _left_vector(here: _Setting, at: Positions) -> Expression:
    p, q = here.by
    return _vector(here, ("U", p), ("V", q), at, here.rows > here.columns)


def _right_vector(here: _Setting, at: Positions) -> Expression:
    p, q = here.by
    return _vector(here, ("V", q), ("U", p), at, here.columns > here.rows)


def _vector(
    here: _Setting, mine: tuple[str, Position], other: tuple[str, Position], at: Positions, beside: bool
) -> Expression:
    """Return the derivative of a singular vector; `beside` the span of all it moves, too."""
    (own, p), (theirs, q), (i, l), k = mine, other, at, here.k
    both = add(
        multiply(here(own, p, k), here(theirs, q, l), here("s", l)),
        multiply(here("s", k), here(theirs, q, k), here(own, p, l)),
    )
    turned = total([k], multiply(here(own, i, k), here(GAPS, k, l), both))
    if not beside:
        return turned
    out = divide(here(theirs, q, l), here("s", l))
    inside = total([k], multiply(here(own, i, k), here(own, p, k), out))
    return add(turned, multiply(same_position(i, p), out), negate(inside))


def _orthogonal(here: _Setting, at: Positions) -> Expression:
    (p, q), (i, l), k = here.by, at, here.k
    inverse = here.inverse("R", q, l)
    turned = add(
        multiply(here(BELOW, k, l), here("Q", p, k), inverse),
        negate(multiply(here(BELOW, l, k), here("Q", p, l), here.inverse("R", q, k))),
    )
    inside = total([k], multiply(here("Q", i, k), turned))
    if here.rows == here.columns:
        return inside
    spanned = total([k], multiply(here("Q", i, k), here("Q", p, k), inverse))
    return add(multiply(same_position(i, p), inverse), negate(spanned), inside)


def _triangular(here: _Setting, at: Positions) -> Expression:
    (p, q), (i, l), k = here.by, at, here.k
    first = multiply(here(BELOW, k, i), here("Q", p, k), here.inverse("R", q, i), here("R", k, l))
    second = multiply(here(BELOW, i, k), here("Q", p, i), here.inverse("R", q, k), here("R", k, l))
    return add(multiply(here("Q", p, i), same_position(q, l)), total([k], first), negate(total([k], second)))


def _cholesky(here: _Setting, at: Positions) -> Expression:
    (p, q), (i, j), k = here.by, at, here.k
    both = add(
        multiply(here.inverse("L", k, p), here.inverse("L", j, q)),
        multiply(here.inverse("L", k, q), here.inverse("L", j, p)),
    )
    return multiply(here(WEIGHTS, p, q), total([k], multiply(here("L", i, k), here(WEIGHTS, k, j), both)))


_RULES: dict[tuple[str, str], Callable[[_Setting, Positions], Expression]] = {
    (EIGEN, "λ"): _eigenvalue,
    (EIGEN, "Q"): _eigenvector,
    (SINGULAR, "s"): _singular_value,
    (SINGULAR, "U"): _left_vector,
    (SINGULAR, "V"): _right_vector,
    (ORTHOGONAL, "Q"): _orthogonal,
    (ORTHOGONAL, "R"): _triangular,
    (CHOLESKY, "L"): _cholesky,
}


def laws(problem: Problem) -> Iterator[str]:
    """Yield how each matrix is the product of its factors, and what the constants beside them are."""
    for stack, known in _factorised(problem).items():
        names = [known[letter].name if letter in known else letter for letter in _letters(stack)]
        law = LAWS[stack.primitive.formula]
        said = [problem.symbols[stack.inputs[0]].name, *names]
        yield f"{law.product.format(*said)}, {law.properties.format(*said)}."
        if WEIGHTS in known:
            read, beyond = ("below", "above") if dict(stack.params).get("lower", True) else ("above", "below")
            yield (
                f"Of {said[0]} only the triangle {read} the diagonal is read, and counts for both: "
                f"{known[WEIGHTS].name} is 1 {read} the diagonal, ½ on it and 0 {beyond}."
            )
        if GAPS in known:
            values, power = (names[0], "") if stack.primitive.formula == EIGEN else (names[1], "²")
            yield (
                f"{known[GAPS].name} has 1/({values}_l{power} − {values}_k{power}) in row k and column l, "
                "and 0 on the diagonal."
            )
        if BELOW in known:
            yield f"{known[BELOW].name} is 1 below the diagonal and 0 elsewhere."


def given_by_laws(problem: Problem) -> set[Symbol]:
    """Return the constants that `laws` says the values of."""
    found = _factorised(problem).values()
    return {known[letter] for known in found for letter in (WEIGHTS, BELOW) if letter in known}


def _factorised(problem: Problem) -> dict[Node, dict[str, Symbol]]:
    """Return each factorisation of which a factor has a derivative, and its companions that have names."""
    factors = [factor_of(symbol.node) for symbol in problem.order]
    stacks = dict.fromkeys(factor.stack for factor in factors if factor is not None)
    return {
        stack: {
            letter: problem.symbols[node]
            for letter, node in companions(stack).items()
            if node in problem.symbols
        }
        for stack in stacks
    }


def _letters(stack: Node) -> list[str]:
    return [part.letter for part in PARTS[stack.primitive.formula]]
