"""The chain rule forwards: derivatives by one argument through all paths, and second derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wengert.errors import GradientError, LimitError
from wengert.explain.algebra.finishing import finish
from wengert.explain.algebra.simplification import simplified, size
from wengert.explain.index.chain_rule import INSERTED, ChainRule, at_elements, can_stand
from wengert.explain.index.construction import add, multiply, over, pulled_out, total, without_deltas
from wengert.explain.index.differentiation import Rules, differentiate
from wengert.explain.index.equalities import Equalities
from wengert.explain.index.expressions import (
    ZERO,
    Element,
    Expression,
    Partial,
    Second,
    Symbol,
    free_indices,
    named_in,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.softmax import with_softmax
from wengert.explain.index.substitution import apart
from wengert.explain.steps import Step
from wengert.transform.gradient import dependents

_LONGEST = 200  # parts of a derivative that is still written out where it is used
_LONGEST_GRADIENT = 600  # parts of a gradient that is differentiated once more


class Totals:
    """Derivatives of values by one argument, worked out from the argument to the output.

    Parameters
    ----------
    chain : ChainRule
        Knows the local derivatives.
    by : Symbol
        The argument.

    Attributes
    ----------
    known : dict of Symbol to (Partial, Expression)
        The derivative of each value that depends on the argument, in the order of the program.
    """

    def __init__(self, chain: ChainRule, by: Symbol) -> None:
        self.chain = chain
        self.problem = chain.problem
        self.by = by
        self.known: dict[Symbol, tuple[Partial, Expression]] = {}

    def steps(self, symbols: Sequence[Symbol]) -> list[Step]:
        """Work out the derivatives of these values, in the order of the program, and return the lines."""
        lines: list[Step] = []
        for symbol in symbols:
            if symbol is self.by or any(self._moves(user) for user in self.problem.uses[symbol]):
                lines += self._work_out(symbol)
        return lines

    def _moves(self, symbol: Symbol) -> bool:
        return symbol is self.by or symbol in self.known

    def _work_out(self, symbol: Symbol) -> list[Step]:
        of = self.problem.element(symbol)
        by = self.problem.element(self.by, of.positions)
        subject = Partial(of, by, direct=False)
        chain = Equalities(subject)
        operands = [one for one in self.problem.uses[symbol] if self._moves(one)]
        if symbol is self.by:
            chain.start(differentiate(of, by, Rules()))
        elif operands == [self.by]:
            chain.start(self.chain.moved(self.chain.local(symbol, self.by), of, by))
            finish(self.problem, chain)
        else:
            pure, worked = [], []
            for operand in operands:
                at = self.problem.element(operand, (*of.positions, *by.positions))
                at = by if operand is self.by else at
                # Beside the paths through other values, what stands in the formula itself is only a part.
                direct = replace(self.problem.direct(of, at), ambiguous=operand is self.by)
                pure.append(self._through(direct, at, by))
                local = self.chain.moved(self.chain.local(symbol, operand), of, at)
                worked.append(self._through(local, at, by))
            chain.put(add(*pure), "chain rule")
            chain.put(add(*worked), "insert the local derivatives")
            self._close(chain)
        self.known[symbol] = (subject, chain.last)
        return chain.steps

    def _through(self, slope: Expression, at: Element, by: Element) -> Expression:
        """Return Σ ∂f/∂u · ∂u/∂x over the elements of u."""
        if at.symbol is self.by:
            return slope
        indices = [one for one in at.positions if isinstance(one, Index)]
        return total(indices, multiply(slope, Partial(at, by, direct=False)))

    def _close(self, chain: Equalities) -> None:
        """Let the δ go, put in what is known, and finish."""
        chain.put(over(without_deltas(chain.last)), "δ keeps one term of the sum")
        known = over(pulled_out(without_deltas(self._inserted(chain.last))))
        if size(known) <= _LONGEST:
            chain.put(known, INSERTED)
        finish(self.problem, chain)
        chain.put(with_softmax(chain.last), "softmax(z) stands for exp(z)/Σ exp(z)")

    def _inserted(self, expression: Expression) -> Expression:
        match expression:
            case Partial(of, by, False) if of.symbol in self.known:
                subject, found = self.known[of.symbol]
                pairs = (subject.of, of), (subject.by, by)
                return at_elements(found, *pairs) if can_stand(found, *pairs) else expression
        return rebuild(expression, self._inserted)

    def second(self, first: Symbol) -> list[Step]:
        """Return the lines for ∂²L/∂first∂by, once the adjoints are known.

        Raises
        ------
        GradientError
            When something in the gradient has no formula that could be differentiated again.
        LimitError
            When the gradient is too long for that.
        """
        element, gradient = self.chain.adjoints[first]
        gradient = apart(self._written_out(gradient), element.positions)
        lines = self.steps(self._needed(gradient))
        self._check_factors(gradient)
        by = self.problem.element(self.by, (*element.positions, *free_indices(gradient)))
        subject = Second(Element(self.problem.output, self.problem.output.axes), element, by)
        chain = Equalities(subject)
        worked = []
        for symbol in self._standing_in(gradient):
            at = (
                by if symbol is self.by else self.problem.element(symbol, (*element.positions, *by.positions))
            )
            slope = without_deltas(differentiate(gradient, at, Rules()))
            worked.append(self._through(simplified(slope), at, by))
        chain.put(add(*worked), "the gradient differentiated once more")
        self._close(chain)
        if not chain.steps:
            chain.steps.append(
                Step(subject, subject, ZERO, "the gradient does not change with it", "", subject)
            )
        return [*lines, *chain.steps]

    def _check_factors(self, gradient: Expression) -> None:
        """Refuse what moves with the argument on no path to the output, as Q beside eigenvalues."""
        moving = set(dependents(self.problem.program.nodes, [self.by.node]))
        for symbol in named_in(gradient):
            if symbol.node in moving and not self._moves(symbol):
                raise GradientError(
                    f"the gradient by {self.by.name} is written with {symbol.name}, which the function does "
                    "not compute itself, so it cannot be differentiated once more; wengert.hessian has the "
                    "numbers"
                )

    def _needed(self, gradient: Expression) -> list[Symbol]:
        """Return the values in a gradient, and those that they are computed from, that are not known yet."""
        left = [*named_in(gradient)]
        found = {self.by}
        while left:
            symbol = left.pop()
            if symbol not in found:
                found.add(symbol)
                left += self.problem.uses.get(symbol, [])
        return [symbol for symbol in self.problem.order if symbol in found and symbol not in self.known]

    def _standing_in(self, expression: Expression) -> list[Symbol]:
        """Return the values in an expression that move with the argument, in order of appearance."""
        found = dict.fromkeys(named_in(expression))
        return [symbol for symbol in found if self._moves(symbol)]

    def _written_out(self, gradient: Expression) -> Expression:
        """Return a gradient with the adjoints in it written out."""
        if size(gradient) > _LONGEST_GRADIENT:
            raise LimitError(
                "the gradient is too long to be differentiated once more on paper: take a part of the "
                "function, or the numbers, wengert.hessian"
            )
        for part in walk(gradient):
            if isinstance(part, Partial) and part.direct:
                name = part.of.symbol.node.primitive.name
                raise GradientError(
                    f"the derivative of {part.of.symbol.name} = {name}(…) by {part.by.symbol.name} has no "
                    "formula with indices, so it cannot be differentiated once more; wengert.hessian has the "
                    "numbers"
                )
            if isinstance(part, Partial):
                element, known = self.chain.adjoints[part.by.symbol]
                inserted = at_elements(known, (element, part.by))
                return self._written_out(_replaced(gradient, part, inserted))
        return gradient


def _replaced(expression: Expression, old: Expression, new: Expression) -> Expression:
    if expression == old:
        return new
    return rebuild(expression, lambda part: _replaced(part, old, new))
