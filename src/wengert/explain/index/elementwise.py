"""Expressions that are computed element by element, in index and in matrix notation alike.

Evaluation and the conversion to matrices treat a class by the rule registered with `computed`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.index.construction import tidy
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Add,
    Apply,
    Cases,
    Expression,
    Number,
    Power,
    Product,
    Quotient,
    Relation,
)
from wengert.explain.index.notation import written_out


def _equal(x: Array, y: Array) -> Array:
    """Compare up to rounding: an element and the maximum over the elements may be computed in two ways."""
    return np.isclose(x, y, rtol=1e-13, atol=0)


RELATIONS: dict[str, Callable[..., Any]] = {
    "<": np.less, ">": np.greater, "=": _equal, "≤": np.less_equal, "≥": np.greater_equal,
    "≠": np.not_equal, "∧": np.logical_and, "∨": np.logical_or, "⊕": np.logical_xor,
}  # fmt: skip


@tidy.register
def _(expression: Relation) -> Expression:
    """Work out x = x and x ≠ x, which tell NaN apart, and relations of numbers."""
    match expression:
        case Relation(sign, Number(left), Number(right)):
            return ONE if RELATIONS[sign](float(left), float(right)) else ZERO
        case Relation("=" | "≤" | "≥", one, other) if one == other:
            return ONE
        case Relation("≠" | "<" | ">", one, other) if one == other:
            return ZERO
    return expression


@tidy.register
def _(expression: Cases) -> Expression:
    if isinstance(expression.condition, Number):
        return expression.value if expression.condition.value else expression.otherwise
    return expression.value if expression.value == expression.otherwise else expression


@singledispatch
def computed(expression: Expression, *parts: Array) -> Array:
    """Return the value of an expression of the values of its parts, which have one shape."""
    raise NotImplementedError(f"{type(expression).__name__} is not computed element by element")


def is_elementwise(expression: Expression) -> bool:
    """Whether an expression is computed from its parts element by element."""
    return type(expression) in computed.registry


@computed.register
def _(expression: Add, *terms: Array) -> Array:
    return np.asarray(np.sum(terms, axis=0))


@computed.register
def _(expression: Product, *factors: Array) -> Array:
    return np.asarray(np.prod(factors, axis=0))


@computed.register
def _(expression: Quotient, above: Array, below: Array) -> Array:
    return np.asarray(above / below)


@computed.register
def _(expression: Power, base: Array, exponent: Array) -> Array:
    return np.asarray(np.power(base.astype(np.float64), exponent))


@computed.register
def _(expression: Relation, left: Array, right: Array) -> Array:
    return np.asarray(RELATIONS[expression.sign](left, right), np.float64)


@computed.register
def _(expression: Cases, condition: Array, value: Array, otherwise: Array) -> Array:
    return np.where(condition, value, otherwise)


@computed.register
def _(expression: Apply, *operands: Array) -> Array:
    return np.asarray(expression.primitive.numpy(*operands))


def spelled_out(expression: Expression) -> Expression:
    """Return the formula that a function is written as; any other expression is returned unchanged."""
    formula = written_out(expression) if isinstance(expression, Apply) else None
    return expression if formula is None else formula
