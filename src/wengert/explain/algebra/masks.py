"""Factors that are 1 wherever another factor is not 0: a mask beside what has been masked."""

from __future__ import annotations

import math
from collections.abc import Hashable

from wengert.explain.algebra.likeness import key
from wengert.explain.index.construction import is_number, multiply, tidy
from wengert.explain.index.expressions import Cases, Element, Expression, Product, Softmax, rebuild
from wengert.explain.index.softmax import with_softmax
from wengert.explain.problem import Problem


def without_masks(problem: Problem, expression: Expression) -> Expression:
    """Leave out {1 if c, else 0} beside a value that is 0 where c does not hold.

    Such a value has these cases itself, or is a softmax of what is −∞ there, as in masked attention.
    """
    expression = tidy(rebuild(expression, lambda part: without_masks(problem, part)))
    if not isinstance(expression, Product) or not any(isinstance(one, Cases) for one in expression.factors):
        return expression
    masked = {key(one) for factor in expression.factors if (one := _needed(problem, factor)) is not None}
    return multiply(*(_unmasked(factor, masked) for factor in expression.factors))


def _unmasked(factor: Expression, masked: set[Hashable]) -> Expression:
    match factor:
        case Cases(condition, value, otherwise) if is_number(otherwise, 0) and key(condition) in masked:
            return value
    return factor


def _needed(problem: Problem, factor: Expression) -> Expression | None:
    """Return the condition without which a named value is 0; None where there is none."""
    if not isinstance(factor, Element) or not factor.symbol.node.inputs:
        return None
    match with_softmax(problem.definition(factor.symbol, factor.positions)):
        case Cases(condition, _, otherwise) if is_number(otherwise, 0):
            return condition
        case Softmax(Element(symbol, positions)) if symbol.node.inputs:
            match problem.definition(symbol, positions):
                case Cases(condition, _, otherwise) if is_number(otherwise, -math.inf):
                    return condition
    return None
