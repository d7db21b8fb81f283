"""Factors that are 1 wherever another factor is not 0: a mask beside what has been masked."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace

from wengert.explain.algebra.likeness import key
from wengert.explain.index.construction import is_number, multiply, tidy
from wengert.explain.index.expressions import Cases, Element, Expression, Product, Softmax, rebuild
from wengert.explain.index.softmax import with_softmax
from wengert.explain.problem import Problem


def without_masks(problem: Problem, expression: Expression) -> Expression:
    """Leave out {1 if c, else 0} beside a value that is 0 where c does not hold.

    Such a value has these cases itself, or is a softmax of what is −∞ there, as in masked attention. Factors
    with the same condition become one.
    """
    expression = tidy(rebuild(expression, lambda part: without_masks(problem, part)))
    if not isinstance(expression, Product) or not any(isinstance(one, Cases) for one in expression.factors):
        return expression
    masked = {key(one) for factor in expression.factors if (one := _needed(problem, factor)) is not None}
    kept: list[Expression] = []
    seen: dict[Hashable, int] = {}
    for factor in expression.factors:
        match factor:
            case Cases(condition, value, otherwise) if is_number(otherwise, 0):
                mask = key(condition)
                if mask in masked:
                    factor = value
                elif mask in seen:  # {x if c, else 0} {y if c, else 0} is {x y if c, else 0}
                    first = kept[seen[mask]]
                    assert isinstance(first, Cases), "it has been seen as one"
                    kept[seen[mask]] = replace(first, value=multiply(first.value, value))
                    continue
                else:
                    seen[mask] = len(kept)
        kept.append(factor)
    return multiply(*kept)


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
