"""Ending a chain of equalities: cancelled, collected, and without sums whose value is known."""

from __future__ import annotations

from collections.abc import Iterator

from wengert.explain.algebra.folding import with_difference, with_name, without_name
from wengert.explain.algebra.likeness import key
from wengert.explain.algebra.masks import without_masks
from wengert.explain.algebra.picking import with_places
from wengert.explain.algebra.simplification import (
    collected,
    factored,
    factors_of,
    length,
    neat,
    simplified,
    size,
    taken_out,
    terms_of,
)
from wengert.explain.algebra.triangles import triangular_in, with_triangles
from wengert.explain.engine import sums_to_one
from wengert.explain.index.construction import add, multiply, total
from wengert.explain.index.equalities import Equalities
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Add,
    Element,
    Expression,
    Number,
    Product,
    Quotient,
    Sum,
    Symbol,
    free_indices,
    named_in,
    number,
    walk,
)
from wengert.explain.index.indices import Position
from wengert.explain.index.softmax import rebuilt, with_softmax, with_tangents
from wengert.explain.index.substitution import apart
from wengert.explain.problem import Problem

_SHORT = 6  # names in a sum that is looked at for whether it vanishes
_DEEPEST = 3  # names that are written out inside one another for that


def finish(problem: Problem, chain: Equalities) -> None:
    """Cancel and collect where that makes the result shorter, and use sums that are known to be 0 or 1."""
    _use_places(problem, chain)
    if triangular := triangular_in(chain.last):
        names = ", ".join(one.name for one in triangular)
        chain.put(with_triangles(chain.last), f"what is 0 on one side of the diagonal: {names}")
    _write_names(problem, chain)
    chain.put(without_masks(problem, chain.last), "0 wherever the mask is")
    rule = "cancel"
    while True:
        shorter = simplified(taken_out(chain.last))
        if (length(shorter), size(shorter)) >= (length(chain.last), size(chain.last)):
            break
        chain.put(shorter, rule)
        rule = "multiply out and collect"
    _use_places(problem, chain)
    _write_names(problem, chain)
    remaining = _without_vanishing(problem, taken_out(chain.last))
    if length(remaining) < length(chain.last):
        chain.put(simplified(remaining), "differences from their mean sum to 0")
    _use_shares(problem, chain)
    outside = apart(taken_out(chain.last), free_indices(chain.subject))
    summed = _with_unit_sums(problem, outside)
    if summed != outside:
        chain.put(outside, "take out what the sum does not run over")
        names = ", ".join(sorted({symbol.name for symbol in _unit_sums(problem, outside)}))
        chain.put(_in_order(summed), f"the elements of {names} sum to 1")
    chain.put(factored(chain.last), "take out the common factor")
    chain.put(with_softmax(chain.last), "softmax(z) stands for exp(z)/Σ exp(z)")
    chain.put(with_tangents(chain.last), "tanh is sinh/cosh, tan is sin/cos")
    if isinstance(chain.last, Add):
        chain.put(neat(taken_out(chain.last, open_sums=False)), "take out what the sum does not run over")


def _use_places(problem: Problem, chain: Equalities) -> None:
    """Use relations that leave one place: beside them, and in sums over it."""
    placed = with_places(problem, chain.last)
    if placed != chain.last:
        chain.put(_in_order(placed), "[ ] leaves one place")


def _write_names(problem: Problem, chain: Equalities) -> None:
    """Write the reader's names for the quotients that define them, and out names of ours that cancel."""
    written: list[str] = []
    shorter = chain.last
    standing = set(named_in(shorter))
    for symbol, difference in problem.differences():
        if symbol in standing:  # beside it, the difference may cancel
            shorter = with_difference(shorter, Element(symbol, symbol.axes), difference)
            written += [symbol.name] if shorter != chain.last else []
    for symbol, definition in problem.quotients():
        write = without_name if symbol.automatic else with_name
        named = write(shorter, Element(symbol, symbol.axes), definition)
        if named != shorter:
            shorter = named
            written.append(symbol.name)
    if written:
        chain.put(simplified(shorter), f"definition of {', '.join(written)}")


def _without_vanishing(problem: Problem, expression: Expression) -> Expression:
    if isinstance(expression, Sum) and any(_vanishes(problem, part) for part in _separate(expression)):
        return ZERO
    return rebuilt(expression, lambda part: _without_vanishing(problem, part))


def _separate(expression: Sum) -> Iterator[Sum]:
    """Yield the sums that a sum over several indices is the product of; itself where it is of one."""
    factors = factors_of(expression.body)
    for index in expression.indices:
        with_index = [one for one in factors if index in free_indices(one)]
        others = {one for factor in with_index for one in free_indices(factor)} - {index}
        if not others.intersection(expression.indices):
            yield Sum((index,), multiply(*with_index))


def _vanishes(problem: Problem, part: Sum) -> bool:
    return length(part) <= _SHORT and _summed(problem, part) == ZERO


def _summed(problem: Problem, part: Sum, depth: int = 0) -> Expression:
    """Return a sum with names of linear combinations written out: Σ_i (x_i − m) with m = 1/n Σ_i x_i is 0."""
    body = part.body
    if isinstance(body, Quotient) and not set(free_indices(body.denominator)) & set(part.indices):
        body = body.numerator  # whether it is 0 is all that is asked
    used = (*free_indices(body), *part.indices)
    match body:
        case Element(symbol, positions) if symbol.node.inputs and depth < _DEEPEST:
            inner = problem.definition(symbol, positions, used)
            if isinstance(inner, (Add, Quotient, Sum, Product)):
                return _summed(problem, Sum(part.indices, inner), depth + 1)
        case Add(terms):
            return collected(
                [one for term in terms for one in terms_of(_summed(problem, Sum(part.indices, term), depth))]
            )
        case Product((Number() as scale, rest)):
            return multiply(scale, _summed(problem, Sum(part.indices, rest), depth))
    if not set(free_indices(body)) & set(part.indices):
        counted = multiply(*(number(index.extent) for index in part.indices))
        return multiply(counted, _opened(problem, body, used, depth))
    return total(part.indices, body)


def _opened(problem: Problem, body: Expression, used: tuple[Position, ...], depth: int) -> Expression:
    """Return a mean that has a name as the sum that it is."""
    match body:
        case Element(symbol, positions) if symbol.node.inputs and depth < _DEEPEST:
            inner = problem.definition(symbol, positions, used)
            return inner if isinstance(inner, (Sum, Product)) else body
        case Product((Number() as scale, rest)):
            return multiply(scale, _opened(problem, rest, used, depth))
    return body


def _in_order(expression: Expression) -> Expression:
    """Return a sum of terms simplified, y − t rather than −t + y."""
    return factored(collected(list(terms_of(simplified(expression)))))


def _use_shares(problem: Problem, chain: Equalities) -> None:
    """Let what does not run in a sum of shares leave it: Σ_i (ln p_i + 1) p_i is Σ_i ln(p_i) p_i + 1."""
    opened = _with_open_shares(problem, chain.last)
    summed = _in_order(_with_unit_sums(problem, opened))
    if opened != chain.last and (length(summed), size(summed)) < (length(chain.last), size(chain.last)):
        names = ", ".join(sorted({symbol.name for symbol in _unit_sums(problem, opened)}))
        chain.put(summed, f"the elements of {names} sum to 1")


def _with_open_shares(problem: Problem, expression: Expression) -> Expression:
    """Split sums in which terms that do not run stand beside shares."""
    match expression:
        case Sum(indices, Product(factors)):
            for factor in factors:
                rest = multiply(*(one for one in factors if one is not factor))
                if (
                    isinstance(factor, Add)
                    and isinstance(rest, Element)
                    and _sums_to_one(problem, Sum(indices, rest))
                ):
                    running = [one for one in factor.terms if set(indices) & set(free_indices(one))]
                    still = [one for one in factor.terms if one not in running]
                    if running and still:
                        sums = total(indices, multiply(add(*running), rest))
                        return add(sums, multiply(add(*still), total(indices, rest)))
    return rebuilt(expression, lambda part: _with_open_shares(problem, part))


def _unit_sums(problem: Problem, expression: Expression) -> set[Symbol]:
    """Return the values whose rows sum to 1 and of which such a sum stands in the expression."""
    return {
        part.body.symbol
        for part in walk(expression)
        if isinstance(part, Sum) and isinstance(part.body, Element) and _sums_to_one(problem, part)
    }


def _sums_to_one(problem: Problem, part: Sum) -> bool:
    assert isinstance(part.body, Element)
    symbol = part.body.symbol
    if not symbol.node.inputs:
        return part.body.positions[-1:] == part.indices and sums_to_one(problem.points[0].values[symbol.node])
    match problem.definition(symbol, part.body.positions):
        case Quotient(above, Sum() as below):  # a share of the whole, as in a softmax
            return key(below) == key(Sum(part.indices, above))
    return False


def _with_unit_sums(problem: Problem, expression: Expression) -> Expression:
    if (
        isinstance(expression, Sum)
        and isinstance(expression.body, Element)
        and _sums_to_one(problem, expression)
    ):
        return ONE
    return rebuilt(expression, lambda part: _with_unit_sums(problem, part))
