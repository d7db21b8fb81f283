"""A derivative worked out with one rule a line, as in a first course."""

from __future__ import annotations

from collections.abc import Iterator

from wengert.explain.index.construction import tidy
from wengert.explain.index.differentiation import OneRule, depends, differentiate
from wengert.explain.index.expressions import Differential, Element, Expression, rebuild, walk

_CONSTANT = "constant rule"
_ITSELF = "derivative of the variable itself"
_MOST_LINES = 40  # of one derivative; what is longer is worked out at once


def single_rules(derivative: Differential) -> Iterator[tuple[Expression, str]]:
    """Yield the lines of a derivative and the rule that leads to each.

    A rule is applied in all places where it comes next, so that the terms of a sum move together.
    """
    last: Expression = derivative
    for _ in range(_MOST_LINES):
        waiting = next((part for part in walk(last) if isinstance(part, Differential)), None)
        if waiting is None:
            return
        _, rule = _applied(waiting)
        last = _with_rule(last, rule)
        yield last, rule


def _applied(derivative: Differential) -> tuple[Expression, str]:
    rules = OneRule()
    result = differentiate(derivative.body, derivative.by, rules)
    if not depends(derivative.body, derivative.by):
        return result, _CONSTANT
    return result, _ITSELF if isinstance(derivative.body, Element) else str(rules)


def _with_rule(expression: Expression, rule: str) -> Expression:
    if not isinstance(expression, Differential):
        return tidy(rebuild(expression, lambda part: _with_rule(part, rule)))
    result, own = _applied(expression)
    return result if own == rule else expression
