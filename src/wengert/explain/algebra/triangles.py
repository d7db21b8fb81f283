"""What is known of triangular matrices, where their elements stand in a product."""

from __future__ import annotations

import itertools
from dataclasses import replace

from wengert.explain.algebra.likeness import key
from wengert.explain.index.construction import add, multiply, negate, tidy, total, without_deltas
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Add,
    Delta,
    Element,
    Expression,
    Inverse,
    Product,
    Sum,
    Symbol,
    free_indices,
    named_in,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import insert, same_position, substitute

_HALF = number(0.5)


def triangular_in(expression: Expression) -> list[Symbol]:
    """Return the triangular matrices that stand in an expression."""
    return list(dict.fromkeys(one for one in named_in(expression) if one.triangle))


def with_triangles(expression: Expression) -> Expression:
    """Write δ where two elements are 0 on either side of the diagonal, and I for R⁻¹R.

    ``l_ik φ_ki`` is ½ δ_ik l_ii for matrices that are 0 above the diagonal, of which Φ has ½ on it;
    ``t_ik l_ik`` is l_ik − δ_ik l_ii for T, which has 1 below it and 0 on it; φ_ik + φ_ki is 1.
    """
    while True:
        changed = without_deltas(_visited(expression))
        if changed == expression:
            return expression
        expression = changed


def _visited(expression: Expression) -> Expression:
    expression = tidy(rebuild(expression, _visited))
    match expression:
        case Element(symbol, (one, other)) if one == other and symbol.triangle in _DIAGONALS:
            return _DIAGONALS[symbol.triangle]
        case Add(terms):
            return _with_weights(terms)
        case Product(factors):
            return _with_delta(factors)
        case Sum():
            return _without_inverse(expression)
    return expression


_DIAGONALS = {"weights": _HALF, "below": ZERO}


def _below(factor: Expression) -> tuple[Index, Index] | None:
    """Return the indices of an element, the first of which is not less than the second where it is not 0."""
    element = factor.element if isinstance(factor, Inverse) else factor
    match element:
        case Element(symbol, (Index() as row, Index() as column)) if symbol.triangle and row != column:
            return (column, row) if symbol.triangle == "upper" else (row, column)
    return None


def _with_delta(factors: tuple[Expression, ...]) -> Expression:
    standing = [(factor, places) for factor in factors if (places := _below(factor)) is not None]
    for (one, mine), (other, theirs) in itertools.combinations(standing, 2):
        rest = multiply(*(factor for factor in factors if factor is not one and factor is not other))
        if mine == theirs[::-1]:
            pair = (substitute(factor, {mine[0]: mine[1]}) for factor in (one, other))
            return multiply(Delta(*mine), *map(_visited, pair), rest)
        strict = [factor for factor in (one, other) if _is_ones_below(factor)]
        if mine == theirs and len(strict) == 1:
            kept = other if strict[0] is one else one
            at_diagonal = multiply(Delta(*mine), substitute(kept, {mine[0]: mine[1]}))
            return add(multiply(kept, rest), negate(multiply(at_diagonal, rest)))
    return Product(factors)


def _with_weights(terms: tuple[Expression, ...]) -> Expression:
    """What Φ weighs and what Φᵀ weighs in the same way is there once: φ_ij + φ_ji is 1."""
    for one, other in itertools.combinations(terms, 2):
        weights = [
            part for part in walk(one) if isinstance(part, Element) and part.symbol.triangle == "weights"
        ]
        if len(weights) == 1 and key(_turned(one)) == key(other):
            rest = [term for term in terms if term is not one and term is not other]
            return add(insert(one, weights[0].symbol, lambda _: ONE), *rest)
    return add(*terms)


def _turned(expression: Expression) -> Expression:
    """Return an expression with Φᵀ in place of Φ."""
    if isinstance(expression, Element) and expression.symbol.triangle == "weights":
        return replace(expression, positions=expression.positions[::-1])
    return rebuild(expression, _turned)


def _is_ones_below(factor: Expression) -> bool:
    return isinstance(factor, Element) and factor.symbol.triangle == "below"


def _without_inverse(expression: Sum) -> Expression:
    """Σ_k (R⁻¹)_ik r_kj is δ_ij."""
    factors = expression.body.factors if isinstance(expression.body, Product) else (expression.body,)
    for index in expression.indices:
        holding = [factor for factor in factors if index in free_indices(factor)]
        match sorted(holding, key=lambda one: not isinstance(one, Inverse)):
            case [Inverse(Element(symbol, (row, column))), Element(same, (first, last))] if symbol is same:
                if column == index == first:
                    unit = same_position(row, last)
                elif row == index == last:
                    unit = same_position(first, column)
                else:
                    continue
                rest = multiply(*(factor for factor in factors if factor not in holding), unit)
                left = [one for one in expression.indices if one != index]
                return total(left, rest)
    return expression
