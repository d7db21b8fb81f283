"""Cancelling and collecting: from −t/y·y(1 − y) + (1 − t)/(1 − y)·y(1 − y) to y − t."""

from __future__ import annotations

import fractions
from collections.abc import Hashable, Sequence

from wengert.explain.algebra.likeness import Exponent, bases, gathered, key, raised
from wengert.explain.index.construction import add, divide, is_number, multiply, negate, tidy, total
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Add,
    Apply,
    Cases,
    Delta,
    Element,
    Expression,
    Number,
    Partial,
    Product,
    Quotient,
    Sum,
    children,
    free_indices,
    rebuild,
    walk,
)
from wengert.explain.memoisation import memoised
from wengert.primitives import arithmetic

_BESIDE = (Delta, Partial, Sum)
_LONGEST = 24  # terms above which multiplying out helps nobody


def factors_of(expression: Expression) -> tuple[Expression, ...]:
    """Return the factors of a product, the expression itself otherwise."""
    return expression.factors if isinstance(expression, Product) else (expression,)


def terms_of(expression: Expression) -> tuple[Expression, ...]:
    """Return the terms of a sum of terms, the expression itself otherwise."""
    return expression.terms if isinstance(expression, Add) else (expression,)


@memoised
def cancelled(expression: Expression) -> Expression:
    """Return a product with what stands above and below the line cancelled."""
    scale, found = gathered(expression)
    _cancel_signs(found)
    # What a reader looks for beside the fraction stays beside it: deltas, derivatives, sums.
    beside = [base for base, by in found.values() if by == 1 and isinstance(base, _BESIDE)]
    above = [raised(base, by) for base, by in found.values() if by > 0 and base not in beside]
    below = [raised(base, -by) for base, by in found.values() if by < 0]
    return multiply(Number(scale), divide(multiply(*above), multiply(*below)), *beside)


def _cancel_signs(found: dict[Hashable, tuple[Expression, Exponent]]) -> None:
    """Write 1/x for sign(x)/|x|, among factors by their keys."""
    for same, (base, by) in list(found.items()):
        match base:
            case Apply(known, (inside,)) if known is arithmetic.sign and by > 0:
                size = key(Apply(arithmetic.abs, (inside,)))
                modulus, below = found.get(size, (base, Exponent(0)))
                pairs = min(by, -below)
                if pairs > 0:
                    found[same], found[size] = (base, by - pairs), (modulus, below + pairs)
                    own, before = found.get(key(inside), (inside, Exponent(0)))
                    found[key(inside)] = own, before - pairs


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
    ordered = sorted(expression.terms, key=lambda term: _number_in_front(term) < 0)
    return multiply(scale, add(*(divide(term, scale) for term in ordered)))


def _number_in_front(term: Expression) -> fractions.Fraction | float:
    first = factors_of(term)[0]
    return first.value if isinstance(first, Number) else fractions.Fraction(1)


def _spread(expression: Expression) -> list[Expression]:
    """Return the terms of a product multiplied out; only sums of terms above the line are opened."""
    result: list[Expression] = [ONE]
    for base, by in bases(expression):
        if isinstance(base, Add) and by > 0 and by.denominator == 1:
            for _ in range(int(by)):
                result = [multiply(left, term) for left in result for term in base.terms]
                if len(result) > _LONGEST:
                    return [expression]
        else:
            factor = raised(base, abs(by))
            result = [multiply(left, factor if by > 0 else divide(ONE, factor)) for left in result]
        if len(result) > _LONGEST:
            return [expression]
    return [cancelled(term) for term in result]


def collected(terms: list[Expression]) -> Expression:
    """Return the sum with equal terms put together."""
    scales: dict[Hashable, fractions.Fraction | float] = {}
    shown: dict[Hashable, Expression] = {}
    for term in terms:
        if is_number(term, 0):
            continue
        scale, found = gathered(term)
        same = frozenset((one, by) for one, (_, by) in found.items() if by)
        scales[same] = scales.get(same, fractions.Fraction(0)) + scale
        bare = [factor for factor in factors_of(term) if not isinstance(factor, Number)]
        shown.setdefault(same, multiply(*bare))
    ordered = sorted(scales, key=lambda same: scales[same] < 0)  # y − t rather than −t + y
    return add(*(multiply(Number(scales[same]), shown[same]) for same in ordered if scales[same] != 0))


@memoised
def simplified(expression: Expression) -> Expression:
    """Return the shortest of: as it stands, cancelled term by term, multiplied out and collected.

    Sums inside are simplified first.
    """
    if isinstance(expression, Sum):
        return total(expression.indices, simplified(expression.body))
    if isinstance(expression, (Add, Product)):
        expression = tidy(rebuild(expression, lambda part: factored(simplified(part))))
    terms = terms_of(expression)
    cleared = collected([cancelled(cleared_term) for term in terms for cleared_term in _opened(term)])
    spread = [part for term in terms for part in _spread(cancelled(term))]
    expanded = collected(spread)
    found = [expression, cleared, with_joined_cases(terms), with_common_factors(terms)]
    if len(terms_of(expanded)) < len(spread):  # multiplied out for nothing, terms are only longer
        found.append(expanded)
    # min keeps the first of equals, so nothing is rewritten unless it gets shorter to read.
    return min(found, key=lambda one: (length(one), size(one)))


def with_common_factors(terms: Sequence[Expression]) -> Expression:
    """Return the sum with the factors that stand in all its terms in front: p g − p s is p (g − s).

    Terms with δ are left alone, each of which ends a sum by itself.
    """
    if len(terms) < 2 or any(isinstance(part, Delta) for term in terms for part in walk(term)):
        return add(*terms)
    scales, each = zip(*map(gathered, terms), strict=True)
    scale: Expression = Number(abs(scales[0])) if len(set(map(abs, scales))) == 1 else ONE
    if all(one < 0 for one in scales):
        scale = negate(scale)
    shared: dict[Hashable, tuple[Expression, Exponent]] = {}
    for same, (base, by) in each[0].items():
        powers = [one[same][1] if same in one else Exponent(0) for one in each]
        least = min(powers, key=abs)
        if least * by > 0 and all(one * by > 0 for one in powers):
            shared[same] = base, least
    if not shared and scale == ONE:
        return add(*terms)
    above = multiply(scale, *(raised(base, by) for base, by in shared.values() if by > 0))
    below = multiply(*(raised(base, -by) for base, by in shared.values() if by < 0))
    left = [cancelled(multiply(divide(term, above), below)) for term in terms]
    rest = add(*sorted(left, key=lambda term: _number_in_front(term) < 0))  # y − t rather than −t + y
    return divide(multiply(above, rest), below)


def with_joined_cases(terms: Sequence[Expression]) -> Expression:
    """Return the sum with terms that tell the same cases apart joined: one line for each case."""
    conditions = [_condition(term) for term in terms]
    joined: dict[Expression, Expression] = {}
    for condition, term in zip(conditions, terms, strict=True):
        if condition is None or conditions.count(condition) == 1:
            joined[term] = add(joined.get(term, ZERO), term)
        else:
            before = joined.get(condition, Cases(condition, ZERO, ZERO))
            assert isinstance(before, Cases)
            holds, otherwise = (_in_case(term, condition, case) for case in (True, False))
            joined[condition] = Cases(condition, add(before.value, holds), add(before.otherwise, otherwise))
    return add(*joined.values())


def _condition(term: Expression) -> Expression | None:
    found = [factor.condition for factor in factors_of(term) if isinstance(factor, Cases)]
    return found[0] if found else None


def _in_case(term: Expression, condition: Expression, holds: bool) -> Expression:
    """Return what a term is in one of two cases."""
    return multiply(
        *(
            (factor.value if holds else factor.otherwise)
            if isinstance(factor, Cases) and factor.condition == condition
            else factor
            for factor in factors_of(term)
        )
    )


def neat(expression: Expression) -> Expression:
    """Write a factor that stands over 1 into the fraction: t·1/y is t/y."""
    expression = tidy(rebuild(expression, neat))
    if isinstance(expression, Product) and _has_quotient(expression):
        return cancelled(expression)
    return expression


@memoised
def length(expression: Expression) -> int:
    """Return how many names and fraction bars an expression has: what a reader has to take in."""
    return sum(1 for part in walk(expression) if isinstance(part, (Element, Delta, Partial, Quotient, Apply)))


@memoised
def size(expression: Expression) -> int:
    """Return how many parts an expression has, as a measure of how long it is to read; places are none."""
    places = getattr(expression, "places", ())
    return 1 + sum(size(part) for part in children(expression) if part not in places)


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


def taken_out(expression: Expression, open_sums: bool = True) -> Expression:
    """Take factors that do not depend on the index out of each sum: Σ_l t_l p_k = p_k Σ_l t_l.

    With `open_sums` the sum of a sum of terms becomes several sums.
    """
    if isinstance(expression, (Add, Product, Quotient)):
        return tidy(rebuild(expression, lambda part: taken_out(part, open_sums)))
    if not isinstance(expression, Sum):
        return expression
    running = set(expression.indices)
    body = expression.body
    if isinstance(body, Add) and open_sums:
        return add(*(taken_out(total(expression.indices, term)) for term in body.terms))
    outside: list[Expression] = []
    inside: list[Expression] = []
    for factor in factors_of(body):
        match factor:
            case Quotient(above, below) if not set(free_indices(below)) & running:
                outside.append(divide(ONE, below))
                factor = above
        (inside if set(free_indices(factor)) & running else outside).append(factor)
    if not outside or not inside or is_number(multiply(*inside), 1):
        return expression
    return multiply(
        cancelled(multiply(*outside)), taken_out(total(expression.indices, multiply(*inside)), open_sums)
    )
