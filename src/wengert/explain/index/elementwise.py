"""Expressions that are computed element by element, in index and in matrix notation alike: one table.

Evaluation and the conversion to matrices treat them by this table, so that a new one is entered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.explain.engine import Array
from wengert.explain.index.expressions import (
    Add,
    Apply,
    Cases,
    Expression,
    Power,
    Product,
    Quotient,
    Relation,
)
from wengert.explain.index.notation import written_out
from wengert.explain.matrix.matrices import Hadamard


def _equal(x: Array, y: Array) -> Array:
    """Compare up to rounding: an element and the maximum over the elements may be computed in two ways."""
    return np.isclose(x, y, rtol=1e-13, atol=0)


RELATIONS: dict[str, Callable[..., Any]] = {
    "<": np.less, ">": np.greater, "=": _equal, "≤": np.less_equal, "≥": np.greater_equal,
    "≠": np.not_equal, "∧": np.logical_and, "∨": np.logical_or, "⊕": np.logical_xor,
}  # fmt: skip

# What each makes of the values of its parts, which have one shape; called with the expression and them.
_VALUES: dict[type[Expression], Callable[..., Any]] = {
    Add: lambda _, *terms: np.sum(terms, axis=0),
    Product: lambda _, *factors: np.prod(factors, axis=0),
    Hadamard: lambda _, *factors: np.prod(factors, axis=0),
    Quotient: lambda _, above, below: np.divide(above, below),
    Power: lambda _, base, exponent: np.power(base.astype(np.float64), exponent),
    Relation: lambda one, left, right: RELATIONS[one.sign](left, right).astype(np.float64),
    Cases: lambda _, condition, value, otherwise: np.where(condition, value, otherwise),
    Apply: lambda one, *operands: one.primitive.numpy(*operands),
}


def is_elementwise(expression: Expression) -> bool:
    """Whether an expression is computed from its parts element by element."""
    return type(expression) in _VALUES


def computed(expression: Expression, *parts: Array) -> Array:
    """Return the value of an expression of the values of its parts."""
    return np.asarray(_VALUES[type(expression)](expression, *parts))


def spelled_out(expression: Expression) -> Expression:
    """Return the formula that a function is written as; any other expression is returned unchanged."""
    formula = written_out(expression) if isinstance(expression, Apply) else None
    return expression if formula is None else formula
