"""Building sums and products with nothing idle in them: no factor 1, no term 0, one number in front."""

from __future__ import annotations

import fractions
import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from wengert.explain.index.expressions import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Delta,
    Expression,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Running,
    Sum,
    free_indices,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.substitution import renamed_apart, substitute
from wengert.explain.places.related_places import (
    can_move,
    in_digits,
    moved_to,
    relates_places,
    solved,
    split,
    within,
)

_WORKED_OUT = range(2, 100)  # exponents of numbers that are worked out
_ROOTS = 50  # denominators of the squares of roots
_MOST_POSITIONS = 100_000  # at which two places are compared
Positions = np.ndarray[Any, Any]


def is_number(expression: Expression, value: float) -> bool:
    """Return whether the expression is this number."""
    return isinstance(expression, Number) and expression.value == value


def add(*terms: Expression) -> Expression:
    """Return the sum: nested sums of terms opened, numbers gathered, zeros dropped."""
    flat: list[Expression] = []
    constant: fractions.Fraction | float = fractions.Fraction(0)
    place = None
    for term in terms:
        for part in term.terms if isinstance(term, Add) else (term,):
            if isinstance(part, Number):
                if place is None:
                    place = len(flat)
                constant += part.value
            else:
                flat.append(part)
    if constant != 0:
        flat.insert(place or 0, Number(constant))
    if not flat:
        return ZERO
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def multiply(*factors: Expression) -> Expression:
    """Return the product: nested products opened, numbers multiplied and put first; with a 0 it is 0."""
    opened = (factor.factors if isinstance(factor, Product) else (factor,) for factor in factors)
    parts = list(itertools.chain.from_iterable(opened))
    flat = [part for part in parts if not isinstance(part, Number)]
    if len(flat) < len(parts) or not flat:
        numbers = (part.value for part in parts if isinstance(part, Number))
        constant = math.prod(numbers, start=fractions.Fraction(1))
        if constant == 0:
            return ZERO
        if constant != 1 or not flat:
            # π/(2 π) is 1/2 again
            flat.insert(0, number(constant) if isinstance(constant, float) else Number(constant))
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def negate(expression: Expression) -> Expression:
    """Return the expression with the other sign."""
    return multiply(MINUS_ONE, expression)


def divide(numerator: Expression, denominator: Expression) -> Expression:
    """Return the quotient; numbers are worked out, the sign goes in front."""
    if is_number(denominator, 1) or is_number(numerator, 0):
        return numerator
    if isinstance(denominator, Number) and denominator.value != 0:
        return multiply(Number(1 / denominator.value), numerator)
    if isinstance(numerator, Number) and numerator.value < 0:
        return negate(Quotient(Number(-numerator.value), denominator))
    if isinstance(numerator, Product) and isinstance(numerator.factors[0], Number):
        rest = multiply(*numerator.factors[1:])
        return multiply(numerator.factors[0], divide(rest, denominator))
    return Quotient(numerator, denominator)


def power(base: Expression, exponent: Expression) -> Expression:
    """Return the power; exponents 0 and 1, and powers of numbers, are worked out."""
    if is_number(exponent, 0):
        return ONE
    if is_number(exponent, 1):
        return base
    if isinstance(base, Number) and isinstance(exponent, Number) and exponent.value in _WORKED_OUT:
        return number(float(base.value) ** int(exponent.value))
    if isinstance(base, Product) and isinstance(base.factors[0], Number) and isinstance(exponent, Number):
        scale, rest = base.factors[0], multiply(*base.factors[1:])
        if exponent.value in _WORKED_OUT:
            return multiply(_whole_power(scale, int(exponent.value)), power(rest, exponent))
    return Power(base, exponent)


def _whole_power(base: Number, exponent: int) -> Number:
    """Return a power of a number, exact also of a root: (1/√2)² is 1/2."""
    value = base.value**exponent
    near = fractions.Fraction(value).limit_denominator(_ROOTS)
    return Number(near if math.isclose(near, value, rel_tol=4e-16, abs_tol=0) else value)


def total(indices: Sequence[Index], body: Expression) -> Expression:
    """Return Σ over the indices; a sum directly inside is joined with it, and a sum of zeros is 0.

    A sign and a fraction, such as the 1/N of a mean, go in front of the sum.
    """
    if not indices or is_number(body, 0):
        return body
    if isinstance(body, Product) and _goes_in_front(body.factors[0]):
        return multiply(body.factors[0], total(indices, multiply(*body.factors[1:])))
    if isinstance(body, Sum):
        body = renamed_apart(body, {*indices})
        assert isinstance(body, Sum)
        return Sum((*indices, *body.indices), body.body)
    return Sum(tuple(indices), body)


def _goes_in_front(factor: Expression) -> bool:
    if not isinstance(factor, Number):
        return False
    whole = isinstance(factor.value, fractions.Fraction) and factor.value.denominator == 1
    return not whole or factor.value < 0


@singledispatch
def tidy(expression: Expression) -> Expression:
    """Build the outermost operation again, so that numbers put into it are worked out."""
    return expression


@tidy.register
def _(expression: Add) -> Expression:
    return _itself_if_equal(expression, add(*expression.terms))


@tidy.register
def _(expression: Product) -> Expression:
    return _itself_if_equal(expression, multiply(*expression.factors))


@tidy.register
def _(expression: Quotient) -> Expression:
    return _itself_if_equal(expression, divide(expression.numerator, expression.denominator))


@tidy.register
def _(expression: Power) -> Expression:
    return _itself_if_equal(expression, power(expression.base, expression.exponent))


def _itself_if_equal(expression: Expression, built: Expression) -> Expression:
    """Return `expression`, which has its memoised results, where building it again changed nothing."""
    return expression if built == expression else built


def pulled_out(expression: Expression) -> Expression:
    """Bring the sums among the factors of a product in front of it: (Σ_k x_k) y = Σ_k x_k y."""
    expression = rebuild(expression, pulled_out)
    if isinstance(expression, Sum):
        return total(expression.indices, expression.body)
    if not isinstance(expression, Product):
        return expression
    used: set[Position] = {index for factor in expression.factors for index in free_indices(factor)}
    indices: list[Index] = []
    factors: list[Expression] = []
    for factor in expression.factors:
        if isinstance(factor, Sum):
            factor = renamed_apart(factor, used)
            assert isinstance(factor, Sum)
            used.update(factor.indices)
            indices += factor.indices
            factor = factor.body
        factors.append(factor)
    return total(indices, multiply(*factors))


def without_deltas(expression: Expression) -> Expression:
    """Eliminate each Kronecker delta over a summation index: Σ_l x_l δ_lk = x_k.

    Of the sum only the term is left in which both indices are equal.
    """
    expression = rebuild(expression, without_deltas)
    if isinstance(expression, Product):
        return pulled_sums_with_deltas(expression)
    if isinstance(expression, Add):
        return add(*expression.terms)
    if not isinstance(expression, Sum):
        return expression
    body = _opened(expression.body)
    if isinstance(body, Add) and any(_deltas(term) for term in body.terms):
        return add(*(without_deltas(total(expression.indices, term)) for term in body.terms))
    indices = list(expression.indices)
    factors = [
        part
        for factor in (body.factors if isinstance(body, Product) else (body,))
        for part in _beside(factor, indices)
    ]
    for chosen in factors:
        match chosen:
            case Relation("=", Running(index), Number(place)) if (
                index in indices and 1 <= place <= index.extent
            ):
                rest = [substitute(one, {index: int(place) - 1}) for one in factors if one is not chosen]
                indices.remove(index)
                return without_deltas(total(indices, multiply(*rest)))
    joined = _joined_places(factors, indices)
    if joined is not None:
        return without_deltas(total(*joined))
    for delta in [factor for factor in factors if isinstance(factor, Delta)]:
        current = next((one for one in factors if one is delta), None)
        if current is None:
            continue
        gone, kept = (delta.left, delta.right) if delta.left in indices else (delta.right, delta.left)
        if gone not in indices:
            continue
        factors.remove(delta)
        indices.remove(gone)
        factors = [substitute(factor, {gone: kept}) for factor in factors]
        return without_deltas(total(indices, multiply(*factors)))
    placed = _term_at_place(factors, indices)
    return total(indices, multiply(*factors)) if placed is None else without_deltas(total(*placed))


def _term_at_place(factors: list[Expression], indices: list[Index]) -> tuple[list[Index], Expression] | None:
    """Σ_k x_k [i = k + 1] is x_{i−1} [2 ≤ i]: the term at the one place that the relation allows.

    Σ_jk x_jk [i = 2 (j − 1) + k] has two such relations, by the digits of i.
    """
    for chosen, index in itertools.product(factors, indices):
        place = solved(chosen, index)
        others = [factor for factor in factors if factor is not chosen]
        if place is not None and all(can_move(factor, index) for factor in others):
            moved = [moved_to(factor, {index: place}) for factor in others]
            return [one for one in indices if one != index], multiply(*moved, *within(place, index))
    for chosen in factors:
        digits = in_digits(chosen, indices)
        if digits is not None:
            return indices, multiply(*(factor for factor in factors if factor is not chosen), *digits)
    used = {part for factor in factors for part in free_indices(factor)}.union(indices)
    for chosen, index in itertools.product(factors, indices):
        parts = split(chosen, index, used) if all(can_move(one, index) for one in factors) else None
        if parts is not None:
            running, place = parts
            moved = [moved_to(factor, {index: place}) for factor in factors]
            return [*(one for one in indices if one != index), *running], multiply(*moved)
    return None


def _joined_places(factors: list[Expression], indices: list[Index]) -> tuple[list[Index], Expression] | None:
    """Σ_k [k = a] [k = b] is [a = b]: where two movements meet, as those to the diagonal of a matrix."""
    for index in indices:
        holding = [factor for factor in factors if index in free_indices(factor)]
        found = [_place(factor, index) for factor in holding]
        places = [place for place in found if place is not None]
        if len(places) == len(holding) == 2:
            others = [factor for factor in factors if factor not in holding]
            return [one for one in indices if one != index], multiply(*others, _as_deltas(*places))
    return None


def _place(factor: Expression, index: Index) -> Expression | None:
    """Return a where a factor is [index = a] and a is counted from indices alone, not read from an array."""
    match factor:
        case Relation("=", Running(one), place) | Relation("=", place, Running(one)) if one == index:
            counts = all(isinstance(part, (Number, Running, Add, Product)) for part in walk(place))
            return place if counts and index not in free_indices(place) else None
    return None


def _as_deltas(left: Expression, right: Expression) -> Expression:
    """Return [left = right], by δ of its indices where that is the same at all positions."""
    same = Relation("=", left, right)
    indices = free_indices(same)
    if math.prod(one.extent for one in indices) > _MOST_POSITIONS:
        return same
    grid = np.indices([one.extent for one in indices])
    at = dict(zip(indices, grid, strict=True))
    holds = _counted(left, at) == _counted(right, at)
    pairs = [pair for pair in itertools.combinations(indices, 2) if pair[0].extent == pair[1].extent]
    implied = [pair for pair in pairs if np.all(~holds | (at[pair[0]] == at[pair[1]]))]
    together = np.logical_and.reduce([at[one] == at[other] for one, other in implied], axis=0)
    if not implied or not np.array_equal(np.broadcast_to(together, holds.shape), holds):
        return same
    first = implied[0][0]
    return multiply(*(Delta(one, other) for one, other in implied if first in (one, other)))


def _counted(place: Expression, at: Mapping[Index, Positions]) -> Positions:
    """Return a place, which is counted from 1, at all positions of its indices."""
    match place:
        case Number(value):
            return np.asarray(float(value))
        case Running(index):
            return at[index] + 1.0
        case Add(terms):
            return np.asarray(sum(_counted(term, at) for term in terms))
        case Product(factors):
            return functools.reduce(np.multiply, [_counted(factor, at) for factor in factors])
    raise AssertionError(f"{type(place).__name__} in a place")


def _opened(expression: Expression) -> Expression:
    """Divide each term by itself where the numerator has terms with deltas: each needs its own term."""
    if isinstance(expression, Quotient) and isinstance(expression.numerator, Add):
        terms = expression.numerator.terms
        if any(_deltas(term) for term in terms):
            return add(*(divide(term, expression.denominator) for term in terms))
    return expression


def _beside(factor: Expression, indices: Sequence[Index]) -> list[Expression]:
    """Take deltas over one of the indices, and relations between places, out of a numerator or a sum."""
    if isinstance(factor, Sum):
        inside = factor.body.factors if isinstance(factor.body, Product) else (factor.body,)
        bound = set(factor.indices)
        outer = [one for one in inside if isinstance(one, Delta) and not {one.left, one.right} & bound]
        rest = multiply(*(one for one in inside if one not in outer))
        return [total(factor.indices, rest), *outer] if outer else [factor]
    if not isinstance(factor, Quotient):
        return [factor]
    above = factor.numerator.factors if isinstance(factor.numerator, Product) else (factor.numerator,)
    out = [
        one
        for one in above
        if (isinstance(one, Delta) or relates_places(one)) and {*free_indices(one)} & set(indices)
    ]
    rest = multiply(*(one for one in above if one not in out))
    return [divide(rest, factor.denominator), *out] if out else [factor]


def over(expression: Expression) -> Expression:
    """Write a factor and the 1/y after it as one fraction: x · 1/y is x/y."""
    expression = rebuild(expression, over)
    if not isinstance(expression, Product):
        return expression
    factors: list[Expression] = []
    for factor in expression.factors:
        before = factors[-1] if factors else ONE
        one = isinstance(factor, Quotient) and is_number(factor.numerator, 1)
        if one and not isinstance(before, (Number, Sum, Delta, Quotient, Partial)):
            factors[-1] = divide(before, factor.denominator)  # type: ignore[attr-defined]
        elif one and isinstance(before, Quotient):
            factors[-1] = divide(before.numerator, multiply(before.denominator, factor.denominator))  # type: ignore[attr-defined]
        else:
            factors.append(factor)
    return multiply(*factors)


def _deltas(term: Expression) -> bool:
    """Whether a term has a δ, or a relation between places, among its factors or in the numerator of one."""
    parts = term.factors if isinstance(term, Product) else (term,)
    return any(
        isinstance(part, Delta)
        or relates_places(part)
        or (isinstance(part, Quotient) and _deltas(part.numerator))
        for part in parts
    )


def pulled_sums_with_deltas(expression: Product) -> Expression:
    """Multiply out a product of which a factor is a sum of terms with deltas: each needs its own term."""
    for place, factor in enumerate(map(_opened, expression.factors)):
        if isinstance(factor, Add) and any(_deltas(term) for term in factor.terms):
            before, after = expression.factors[:place], expression.factors[place + 1 :]
            return add(*(without_deltas(multiply(*before, term, *after)) for term in factor.terms))
    return multiply(*expression.factors)
