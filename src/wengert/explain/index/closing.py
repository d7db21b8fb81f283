"""Results as closed formulas of what is given and of named values: no derivative is left to be looked up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from wengert.explain.algebra.simplification import length, simplified
from wengert.explain.index.chain_rule import ChainRule
from wengert.explain.index.expressions import (
    ZERO,
    Add,
    Element,
    Expression,
    Number,
    Partial,
    Product,
    Quotient,
    Softmax,
    Sum,
    Symbol,
    children,
    free_indices,
    named_in,
    walk,
)
from wengert.explain.index.softmax import with_softmax
from wengert.explain.index.substitution import apart, insert
from wengert.explain.problem import Problem

_NAMES = 4  # names in a definition that is put in the place of the name that we gave it
_LINEAR = (Add, Product, Sum, Number, Element)


@dataclass(frozen=True)
class Result:
    """The gradient by one value.

    Attributes
    ----------
    symbol : Symbol
    subject : Partial
        Its left side.
    formula : Expression
        As the chain rule found it.
    opened : Expression
        The same with the names that we gave written out where that saves the reader a look.
    """

    symbol: Symbol
    subject: Partial
    formula: Expression
    opened: Expression


@dataclass(frozen=True)
class Closing:
    """What stands at the end of a derivation.

    Attributes
    ----------
    letters : dict of Symbol to str
        The adjoints that are too long to be written out in every result, and the letter of each.
    named, results : tuple of Result
        The adjoints with a letter, in the order in which they are used up, and the gradients asked for.
    """

    letters: dict[Symbol, str]
    named: tuple[Result, ...]
    results: tuple[Result, ...]

    @property
    def note(self) -> str:
        """Which letter is which derivative."""
        if not self.named:
            return ""
        output = self.named[0].subject.of.symbol.name
        said = [f"{letter} is ∂{output}/∂{symbol.name}" for symbol, letter in self.letters.items()]
        return "; ".join(said) + "."


def closing(problem: Problem, chain: ChainRule) -> Closing:
    """Return the gradients asked for, and the adjoints that stand in them, once the chain rule is done."""
    asked = [symbol for symbol in problem.wrt if symbol in chain.adjoints]
    staying: set[Symbol] = set()
    stack = list(asked)
    while stack:
        for symbol in _adjoints_in(chain.adjoints[stack.pop()][1]) - staying:
            staying.add(symbol)
            stack.append(symbol)
    ordered = [symbol for symbol in reversed(problem.order) if symbol in staying]
    letters = dict(zip(ordered, _spare_letters(problem, len(ordered)), strict=True))
    return Closing(
        letters,
        tuple(_result(problem, chain, symbol) for symbol in ordered),
        tuple(_result(problem, chain, symbol) for symbol in problem.wrt),
    )


def _adjoints_in(expression: Expression) -> set[Symbol]:
    return {part.by.symbol for part in walk(expression) if isinstance(part, Partial) and not part.direct}


def _spare_letters(problem: Problem, count: int) -> list[str]:
    wanted = ["δ"] if count == 1 else [f"δ{place}" for place in range(1, count + 1)]
    taken = any(name in problem.names for name in wanted)
    return [f"{name}′" if taken else name for name in wanted]


def _result(problem: Problem, chain: ChainRule, symbol: Symbol) -> Result:
    element, formula = chain.adjoints.get(symbol, (problem.element(symbol), ZERO))
    subject = problem.total(element)
    return Result(symbol, subject, formula, _opened(problem, formula, subject))


def _opened(problem: Problem, expression: Expression, subject: Partial) -> Expression:
    """Write out names of ours that stand once, as a factor or a term: 2 z_i is 2 (Σ_j a_ij x_j − y_i)."""
    counts = Counter(named_in(expression))
    for symbol in _plain_names(expression):
        if not symbol.automatic:
            continue
        if isinstance(with_softmax(problem.definition(symbol, symbol.axes)), Softmax):
            written = insert(expression, symbol, lambda at: problem.definition(at.symbol, at.positions))
            return _opened(problem, with_softmax(apart(written, free_indices(subject))), subject)
        if counts[symbol] == 1:
            definition = problem.definition(symbol, symbol.axes)
            names = sum(isinstance(part, Element) for part in walk(definition))
            if names <= _NAMES and all(isinstance(part, _LINEAR) for part in walk(definition)):
                written = insert(expression, symbol, lambda at: problem.definition(at.symbol, at.positions))
                return _opened(problem, apart(written, free_indices(subject)), subject)
    shorter = simplified(expression)  # what has been written out may be collected with the rest
    return apart(shorter, free_indices(subject)) if length(shorter) < length(expression) else expression


def _plain_names(expression: Expression) -> list[Symbol]:
    """Return the values that stand in an expression outside of functions, powers and denominators."""
    if isinstance(expression, Element):
        return [expression.symbol]
    if isinstance(expression, Quotient):
        return _plain_names(expression.numerator)
    if not isinstance(expression, (Add, Product, Sum)):
        return []
    return [symbol for part in children(expression) for symbol in _plain_names(part)]
