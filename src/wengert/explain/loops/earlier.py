"""What an iteration begins with, in index notation: h_{t−1}, where h_0 is the initial value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from wengert.explain.index.construction import add, multiply
from wengert.explain.index.differentiation import Rules, differentiate, differentiated
from wengert.explain.index.expressions import (
    Cases,
    Element,
    ElementAt,
    Expression,
    Number,
    Relation,
    Symbol,
    number,
)
from wengert.explain.index.index_values import Evaluation, Named, value_of
from wengert.explain.index.indices import Index, Position
from wengert.explain.index.substitution import at_place, at_places, counted, relocated
from wengert.explain.places.affine_places import Fraction, affine, normal, written
from wengert.ir.node import Node


@dataclass(frozen=True, slots=True)
class Earlier(ElementAt):
    """An element of a carry as an iteration finds it: h_{t−1}, and at the first the initial value.

    Attributes
    ----------
    axis : int
        That of the iterations.
    begin : int
        The place before the first iteration, counted from 0: −1, or their number where the last is first.
    initial : Expression
        The element there.
    """

    axis: int
    begin: int
    initial: Expression

    @property
    def is_first(self) -> Expression:
        """The relation that holds where it is the initial value."""
        found = affine(self.places[self.axis])
        assert found is not None, "it is an iteration before, or after, another"
        left = self.begin + 1 - found.pop(None, Fraction(0))
        match list(found):
            case [Index() as at] if (left / found[at]).denominator == 1:
                return at_place(at, int(left / found[at]) - 1)
        assert found, "an element at a known place is an element of the carry or the initial value"
        return Relation("=", written(found), Number(left))


def earlier(element: Element, axis: int, reverse: bool, initial: Expression) -> Expression:
    """Return the carry before the iteration in which `element` is the carry after it."""
    rank = len(element.positions)
    offsets = [(1 if reverse else -1) if one == axis else 0 for one in range(rank)]
    begin = element.symbol.shape[axis] if reverse else -1
    pairs = zip(element.positions, offsets, strict=True)
    places = tuple(counted(at, 1, offset) for at, offset in pairs)
    return relocated(Earlier(element.symbol, places, axis, begin, initial), places)


@relocated.register
def _(expression: Earlier, places: Sequence[Expression]) -> Expression:
    at = normal(places[expression.axis])
    if at == number(expression.begin + 1):
        return expression.initial
    found = at_places(expression.symbol, places)
    if not isinstance(found, ElementAt) or isinstance(at, Number):
        return found
    return replace(expression, places=found.places)


@value_of.register
def _(expression: Earlier, evaluation: Evaluation) -> Named:
    moved = ElementAt(expression.symbol, expression.places)
    return evaluation.named(Cases(expression.is_first, expression.initial, moved))


@differentiated.register
def _(expression: Earlier, by: Element, rules: Rules) -> Expression:
    begun = multiply(differentiate(expression.initial, by, rules), expression.is_first)
    if expression.symbol is not by.symbol:
        return begun
    return add(differentiated.dispatch(ElementAt)(expression, by, rules), begun)


@dataclass(frozen=True, slots=True)
class Begun(Expression):
    """What the first iteration of a loop begins with: h_0.

    Attributes
    ----------
    symbol : Symbol
        The carry after each iteration.
    positions : tuple of Position
        Of its axes, that of the iterations left out.
    before : Node
        The line that says what each iteration begins with.
    """

    has_one_value: ClassVar[bool] = True
    symbol: Symbol
    positions: tuple[Position, ...]
    before: Node


@value_of.register
def _(expression: Begun, evaluation: Evaluation) -> Named:
    axis, from_end = expression.before.param("axis"), expression.before.param("reverse")
    values = evaluation.point.values[expression.before].take(-1 if from_end else 0, axis=axis)
    return evaluation.picked(values, expression.positions)
