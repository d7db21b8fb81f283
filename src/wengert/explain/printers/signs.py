"""The signs of terms and the dots between factors."""

from __future__ import annotations

import fractions

from wengert.explain.index.construction import multiply, negate
from wengert.explain.index.expressions import Expression, Number, Partial, Product, Quotient, Value


def negative(expression: Expression) -> bool:
    """Whether an expression is written with a minus sign in front."""
    if isinstance(expression, (Number, Value)):
        return expression.value < 0
    return isinstance(expression, Product) and negative(expression.factors[0])


def without_sign(expression: Expression) -> Expression:
    """Return what stands after the minus sign."""
    if isinstance(expression, Value):
        return Value(-expression.value)
    if isinstance(expression, Product) and isinstance(expression.factors[0], Value):
        return Product((Value(-expression.factors[0].value), *expression.factors[1:]))
    return negate(expression)


def over_one_line(factors: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """Write a number and the 1/x after it as one fraction: 2 · 1/x is 2/x, and 1/2 · 1/x is 1/(2 x)."""
    match factors:
        case (Number(fractions.Fraction() as value), Quotient(Number(one), below), *rest) if one == 1:
            above, under = (Number(fractions.Fraction(part)) for part in value.as_integer_ratio())
            return (Quotient(above, multiply(under, below)), *rest)
    return factors


def needs_dot(left: Expression, right: Expression) -> bool:
    """Whether a dot stands between two factors."""
    return isinstance(left, (Partial, Quotient, Value)) or isinstance(right, (Partial, Value, Number))
