"""Cancelling and collecting: from −t/y·y(1 − y) + (1 − t)/(1 − y)·y(1 − y) to y − t."""

from __future__ import annotations

import fractions
from collections.abc import Iterator

from wengert.explain.index.construction import add, divide, is_number, multiply, power, tidy, total
from wengert.explain.index.expressions import (
    ONE,
    Add,
    Apply,
    Delta,
    Element,
    Expression,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Sum,
    free_indices,
    number,
    rebuild,
    size,
    walk,
)

_BESIDE = (Delta, Partial, Sum)
_LONGEST = 24  # terms above which multiplying out helps nobody


def factors_of(expression: Expression) -> tuple[Expression, ...]:
    """Return the factors of a product, the expression itself otherwise."""
    return expression.factors if isinstance(expression, Product) else (expression,)


def terms_of(expression: Expression) -> tuple[Expression, ...]:
    """Return the terms of a sum of terms, the expression itself otherwise."""
    return expression.terms if isinstance(expression, Add) else (expression,)


def _bases(expression: Expression, sign: int = 1) -> Iterator[tuple[Expression, int]]:
    """Yield the factors of numerator and denominator with whole exponents, negative below the line."""
    for factor in factors_of(expression):
        if isinstance(factor, Quotient):
            yield from _bases(factor.numerator, sign)
            yield from _bases(factor.denominator, -sign)
        elif isinstance(factor, Power) and isinstance(factor.exponent, Number):
            whole = factor.exponent.value
            if isinstance(whole, fractions.Fraction) and whole.denominator == 1 and whole > 0:
                yield factor.base, sign * int(whole)
            else:
                yield factor, sign
        else:
            yield factor, sign


def cancelled(expression: Expression) -> Expression:
    """Return a product with what stands above and below the line cancelled."""
    exponents: dict[Expression, int] = {}
    scale: fractions.Fraction | float = fractions.Fraction(1)
    for base, exponent in _bases(expression):
        if isinstance(base, Number) and base.value != 0:
            scale = scale * base.value**exponent
        else:
            exponents[base] = exponents.get(base, 0) + exponent
    # What a reader looks for beside the fraction stays beside it: deltas, derivatives, sums.
    beside = [base for base, exponent in exponents.items() if exponent == 1 and isinstance(base, _BESIDE)]
    above = [
        power(base, number(exponent))
        for base, exponent in exponents.items()
        if exponent > 0 and base not in beside
    ]
    below = [power(base, number(-exponent)) for base, exponent in exponents.items() if exponent < 0]
    return multiply(Number(scale), divide(multiply(*above), multiply(*below)), *beside)


def factored(expression: Expression) -> Expression:
    """Return a sum of terms with the number that they share in front: p/2 − t/2 is ½ (p − t)."""
    if not isinstance(expression, Add):
        return expression
    numbers = [_number_in_front(term) for term in expression.terms]
    size = numbers[0] if numbers[0] > 0 else -numbers[0]
    if (
        size == 1
        or any(one not in (size, -size) for one in numbers)
        or isinstance(expression.terms[0], Number)
    ):
        return expression
    scale = Number(size)
    return multiply(scale, add(*(divide(term, scale) for term in expression.terms)))


def _number_in_front(term: Expression) -> fractions.Fraction | float:
    first = factors_of(term)[0]
    return first.value if isinstance(first, Number) else fractions.Fraction(1)


def _spread(expression: Expression) -> list[Expression]:
    """Return the terms of a product multiplied out; only sums of terms above the line are opened."""
    result: list[Expression] = [ONE]
    for base, exponent in _bases(expression):
        if exponent > 0 and isinstance(base, Add):
            for _ in range(exponent):
                result = [multiply(left, term) for left in result for term in base.terms]
                if len(result) > _LONGEST:
                    return [expression]
        else:
            factor = power(base, number(abs(exponent)))
            result = [multiply(left, factor if exponent > 0 else divide(ONE, factor)) for left in result]
        if len(result) > _LONGEST:
            return [expression]
    return [cancelled(term) for term in result]


def _parts(term: Expression) -> tuple[fractions.Fraction | float, frozenset[tuple[Expression, int]]]:
    """Return the number in front of a term, and its other factors with their exponents."""
    scale: fractions.Fraction | float = fractions.Fraction(1)
    powers: dict[Expression, int] = {}
    for base, exponent in _bases(term):
        if isinstance(base, Number) and base.value != 0:
            scale = scale * base.value**exponent
        else:
            powers[base] = powers.get(base, 0) + exponent
    return scale, frozenset((base, exponent) for base, exponent in powers.items() if exponent)


def collected(terms: list[Expression]) -> Expression:
    """Return the sum with equal terms put together."""
    scales: dict[frozenset[tuple[Expression, int]], fractions.Fraction | float] = {}
    shown: dict[frozenset[tuple[Expression, int]], Expression] = {}
    for term in terms:
        scale, key = _parts(term)
        scales[key] = scales.get(key, fractions.Fraction(0)) + scale
        bare = [factor for factor in factors_of(term) if not isinstance(factor, Number)]
        shown.setdefault(key, multiply(*bare))
    ordered = sorted(scales, key=lambda key: scales[key] < 0)  # y − t rather than −t + y
    return add(*(multiply(Number(scales[key]), shown[key]) for key in ordered if scales[key] != 0))


def simplified(expression: Expression) -> Expression:
    """Return the shortest of: as it stands, cancelled term by term, multiplied out and collected.

    Sums inside are simplified first.
    """
    if isinstance(expression, Sum):
        return total(expression.indices, simplified(expression.body))
    if isinstance(expression, (Add, Product)):
        expression = tidy(rebuild(expression, simplified))
    terms = terms_of(expression)
    cleared = collected([cancelled(cleared_term) for term in terms for cleared_term in _opened(term)])
    expanded = collected([part for term in terms for part in _spread(cancelled(term))])
    # min keeps the first of equals, so nothing is rewritten unless it gets shorter to read.
    return min((expression, cleared, expanded), key=lambda one: (length(one), size(one)))


def neat(expression: Expression) -> Expression:
    """Write a factor that stands over 1 into the fraction: t·1/y is t/y."""
    expression = tidy(rebuild(expression, neat))
    if isinstance(expression, Product) and _has_quotient(expression):
        return cancelled(expression)
    return expression


def length(expression: Expression) -> int:
    """Return how many names and fraction bars an expression has: what a reader has to take in."""
    return sum(1 for part in walk(expression) if isinstance(part, (Element, Delta, Partial, Quotient, Apply)))


def _opened(term: Expression) -> list[Expression]:
    """Multiply a sum of quotients by the factors beside it: (a/y + b/z)·y·z becomes two terms."""
    factors = factors_of(term)
    for place, factor in enumerate(factors):
        if isinstance(factor, Add) and any(_has_quotient(part) for part in factor.terms) and len(factors) > 1:
            others = (*factors[:place], *factors[place + 1 :])
            return [multiply(part, *others) for part in factor.terms]
    return [term]


def _has_quotient(expression: Expression) -> bool:
    return any(isinstance(factor, Quotient) for factor in factors_of(expression))


def taken_out(expression: Expression) -> Expression:
    """Take factors that do not depend on the index out of each sum: Σ_l t_l p_k = p_k Σ_l t_l."""
    if isinstance(expression, Add):
        return add(*(taken_out(term) for term in expression.terms))
    if isinstance(expression, Product):
        return multiply(*(taken_out(factor) for factor in expression.factors))
    if not isinstance(expression, Sum):
        return expression
    body = expression.body
    if isinstance(body, Add):
        return add(*(taken_out(total(expression.indices, term)) for term in body.terms))
    if isinstance(body, Quotient) and not set(free_indices(body.denominator)) & set(expression.indices):
        return divide(taken_out(total(expression.indices, body.numerator)), body.denominator)
    outside = [
        factor for factor in factors_of(body) if not set(free_indices(factor)) & set(expression.indices)
    ]
    inside = [factor for factor in factors_of(body) if factor not in outside]
    if not inside or is_number(multiply(*inside), 1):
        return expression
    return multiply(*outside, total(expression.indices, multiply(*inside)))
