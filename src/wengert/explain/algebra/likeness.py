"""When two expressions say the same: whatever their summation indices are called, and factors ordered."""

from __future__ import annotations

import fractions
from collections.abc import Hashable, Iterator, Mapping
from types import MappingProxyType

from wengert.explain.index.construction import power
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Differential,
    Element,
    Expression,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Reduction,
    Second,
    Softmax,
    Sum,
    field_names,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.notation import is_root
from wengert.explain.memoisation import memoised
from wengert.primitives import arithmetic

Exponent = fractions.Fraction
_ONE = Exponent(1)
_ADDRESSED = (Differential, Partial, Second, Softmax)


def bases(expression: Expression, raised: Exponent = _ONE) -> Iterator[tuple[Expression, Exponent]]:
    """Yield the factors of numerator and denominator with their exponents, negative below the line.

    A square root is a power of one half; powers of products are opened where the exponent is whole.
    """
    match expression:
        case Product(factors):
            for factor in factors:
                yield from bases(factor, raised)
        case Quotient(numerator, denominator):
            yield from bases(numerator, raised)
            yield from bases(denominator, -raised)
        case Power(base, Number(fractions.Fraction() as by)) if by.denominator == 1 and by > 0:
            yield from bases(base, raised * by)
        case Power(inside, Number(fractions.Fraction() as by)) if by > 0:
            yield inside, raised * by
        case Apply(primitive, (inside,)) if is_root(primitive):
            # √(x y) is √x √y only where both are positive, so what is under the root is not opened
            yield inside, raised / 2
        case _:
            yield expression, raised


def gathered(
    expression: Expression, names: Mapping[Index, int] = MappingProxyType({})
) -> tuple[fractions.Fraction | float, dict[Hashable, tuple[Expression, Exponent]]]:
    """Return the number in front of a product, and its other factors, of those alike the exponents added."""
    scale: fractions.Fraction | float = _ONE
    found: dict[Hashable, tuple[Expression, Exponent]] = {}
    for base, by in bases(expression):
        if isinstance(base, Number) and base.value != 0 and by.denominator == 1:
            scale = scale * base.value ** int(by)
        else:
            same = _part(base, names)
            first, before = found.get(same, (base, None))
            found[same] = first, by if before is None else before + by
    return scale, found


def raised(base: Expression, by: Exponent) -> Expression:
    """Return a power; of a half a square root."""
    if by.denominator == 2:
        return power(Apply(arithmetic.sqrt, (base,)), Number(2 * by))
    return power(base, Number(by))


@memoised
def key(expression: Expression) -> Hashable:
    """Return what is equal for expressions that say the same."""
    return _key_inside(expression, {})


def _key_inside(expression: Expression, names: Mapping[Index, int]) -> Hashable:
    """Return the key of a part of what is summed; the indices of the sums around it have numbers."""
    if not isinstance(expression, (Add, Sum)) and next(bases(expression)) != (expression, _ONE):
        scale, found = gathered(expression, names)
        kept = frozenset((one, by) for one, (_, by) in found.items() if by)
        if scale == 1 and len(kept) == 1:
            ((base, by),) = kept
            if by == 1:
                return base
        return "product", scale, kept
    if isinstance(expression, Add):
        return "sum", frozenset(_part(term, names) for term in expression.terms)
    if isinstance(expression, Reduction):
        place = len(names)
        names = {**names, **{index: place + at for at, index in enumerate(expression.indices)}}
    if isinstance(expression, Element) and expression.symbol.symmetric:
        at = sorted((_part(one, names) for one in expression.positions), key=repr)
        return Element, expression.symbol, *at
    part = _address if isinstance(expression, _ADDRESSED) else _part
    kind = type(expression)
    return kind, tuple(part(getattr(expression, name), names) for name in field_names(kind))


def _address(value: object, names: Mapping[Index, int]) -> Hashable:
    """Return what is equal for the same element: adjoints of equal elements, s_ij and s_ji, may differ."""
    if isinstance(value, Element):
        return value.symbol, _part(value.positions, names)
    return _part(value, names)


def _part(value: object, names: Mapping[Index, int]) -> Hashable:
    if isinstance(value, Expression):
        return _key_inside(value, names) if names else key(value)
    if isinstance(value, Index):
        return names.get(value, value)
    if isinstance(value, tuple):
        return tuple(_part(one, names) for one in value)
    assert isinstance(value, Hashable)
    return value
