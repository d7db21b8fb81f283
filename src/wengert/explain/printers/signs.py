"""The signs of terms and the dots between factors."""

from __future__ import annotations

from wengert.explain.index.construction import negate
from wengert.explain.index.expressions import Expression, Number, Partial, Product, Value


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


def needs_dot(left: Expression, right: Expression) -> bool:
    """Whether a dot stands between two factors."""
    return isinstance(left, (Partial, Value)) or isinstance(right, (Partial, Value, Number))
