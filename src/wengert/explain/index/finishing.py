"""Ending a chain of equalities: cancelled, collected, and without sums whose value is known."""

from __future__ import annotations

from wengert.explain.engine import sums_to_one
from wengert.explain.index.equalities import Equalities
from wengert.explain.index.expressions import (
    ONE,
    Element,
    Expression,
    Sum,
    Symbol,
    apart,
    free_indices,
    size,
    walk,
)
from wengert.explain.index.shares import rebuilt
from wengert.explain.index.simplification import (
    collected,
    factored,
    length,
    simplified,
    taken_out,
    terms_of,
)
from wengert.explain.problem import Problem


def finish(problem: Problem, chain: Equalities) -> None:
    """Cancel and collect where that makes the result shorter, and use Σ t = 1 where it holds."""
    rule = "cancel"
    while True:
        shorter = simplified(taken_out(chain.last))
        if (length(shorter), size(shorter)) >= (length(chain.last), size(chain.last)):
            break
        chain.put(shorter, rule)
        rule = "multiply out and collect"
    outside = apart(taken_out(chain.last), free_indices(chain.subject))
    summed = _with_unit_sums(problem, outside)
    if summed != outside:
        chain.put(outside, "take out what the sum does not run over")
        names = ", ".join(sorted({symbol.name for symbol in _unit_sums(problem, outside)}))
        final = factored(collected(list(terms_of(simplified(summed)))))
        chain.put(final, f"the elements of {names} sum to 1")
    chain.put(factored(chain.last), "take out the common factor")


def _unit_sums(problem: Problem, expression: Expression) -> set[Symbol]:
    """Return the inputs whose rows sum to 1 and of which such a sum stands in the expression."""
    return {
        part.body.symbol
        for part in walk(expression)
        if isinstance(part, Sum) and isinstance(part.body, Element) and _sums_to_one(problem, part)
    }


def _sums_to_one(problem: Problem, part: Sum) -> bool:
    assert isinstance(part.body, Element)
    symbol = part.body.symbol
    if symbol.node.inputs or part.body.positions[-1:] != part.indices:
        return False
    return sums_to_one(problem.points[0].values[symbol.node])


def _with_unit_sums(problem: Problem, expression: Expression) -> Expression:
    if (
        isinstance(expression, Sum)
        and isinstance(expression.body, Element)
        and _sums_to_one(problem, expression)
    ):
        return ONE
    return rebuilt(expression, lambda part: _with_unit_sums(problem, part))
