"""Other indices and positions, or other expressions, in place of those in an expression."""

from __future__ import annotations

import fractions
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import TypeVar

from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Delta,
    Differential,
    Element,
    ElementAt,
    Expression,
    Last,
    Number,
    Partial,
    Reduction,
    Relation,
    Running,
    Symbol,
    field_names,
    free_indices,
    number,
    rebuild,
)
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.places.affine_places import Digit, digit, normal, written

AnyReduction = TypeVar("AnyReduction", bound=Reduction)


def substitute(expression: Expression, new: Mapping[Index, Position]) -> Expression:
    """Put other indices in place of free ones; a summation index in the way is renamed."""
    if not new:
        return expression
    if isinstance(expression, Reduction):
        inner = {old: index for old, index in new.items() if old not in expression.indices}
        expression = renamed_apart(expression, inner.values())
        return replace(expression, body=substitute(expression.body, inner))
    changed = placed(rebuild(expression, lambda part: substitute(part, new)), new)
    match changed:
        case Relation("=", Number() as left, Number() as right):
            return ONE if left.value == right.value else ZERO
        case Relation("≤", Number(least), Number(most)):
            return ONE if least <= most else ZERO
    return changed


@singledispatch
def placed(expression: Expression, new: Mapping[Index, Position]) -> Expression:
    """Put other indices, or positions, in place of those of the expression itself, not of its parts."""
    changed: dict[str, object] = {}
    for name in field_names(type(expression)):
        value = getattr(expression, name)
        if isinstance(value, Index):
            changed[name] = new.get(value, value)
        elif isinstance(value, tuple) and any(isinstance(part, Index) for part in value):
            changed[name] = tuple(new.get(part, part) if isinstance(part, Index) else part for part in value)
    return replace(expression, **changed) if changed else expression


@placed.register
def _(expression: Delta, new: Mapping[Index, Position]) -> Expression:
    return same_position(
        new.get(expression.left, expression.left), new.get(expression.right, expression.right)
    )


@placed.register
def _(expression: Running, new: Mapping[Index, Position]) -> Expression:
    return counted(new.get(expression.index, expression.index))


@placed.register
def _(expression: ElementAt, new: Mapping[Index, Position]) -> Expression:
    return relocated(expression, expression.places)  # which have been changed, as parts of it


@placed.register
def _(expression: Digit, new: Mapping[Index, Position]) -> Expression:
    return digit(expression.place, expression.step, expression.extent)


@singledispatch
def relocated(expression: ElementAt, places: Sequence[Expression]) -> Expression:
    """Return the element at other places; a class that knows what stands beside the tensor registers it."""
    return at_places(expression.symbol, places)


def at_places(symbol: Symbol, places: Sequence[Expression]) -> Expression:
    """Return the element at places that count from 1; x_i where each is an index over all of its axis."""
    if not symbol.shape:
        return Element(symbol, ())
    kept = [normal(place) for place in places]
    positions = [as_position(place, extent) for place, extent in zip(kept, symbol.shape, strict=True)]
    whole = tuple(at for at in positions if at is not None)
    if len(whole) == len(positions):
        return Element(symbol, whole)
    # A place that is none of the axis counts from its end, as nothing depends on what stands there.
    pairs = zip(kept, positions, strict=True)
    return ElementAt(symbol, tuple(counted(at) if isinstance(at, int) else place for place, at in pairs))


def as_position(place: Expression, extent: int) -> Position | None:
    """Return the position that a place on an axis is: or None: a number, or an index over all of it."""
    match place:
        case Number(value):
            return (int(value) - 1) % extent
        case Running(index) if index.extent == extent:
            return index
    return None


def counted(position: Position, step: int = 1, offset: int = 0) -> Expression:
    """Return ``step · position + offset``, which counts from 0, as a number that counts from 1."""
    first = fractions.Fraction(offset + 1)
    if not isinstance(position, Index):
        return number(step * position + offset + 1)
    return written({position: fractions.Fraction(step), None: first - step})


def places_of(element: Element | ElementAt) -> tuple[Expression, ...]:
    """Return the places of an element, which count from 1."""
    return element.places if isinstance(element, ElementAt) else tuple(map(counted, element.positions))


def numbered(index: Index, place: int) -> Number:
    """Return a place of an index as a number that counts from 1; near the last iteration of a loop T − 1."""
    before = index.extent - 1 - place
    if index.last and before in (0, 1):
        return Last(fractions.Fraction(place + 1), index.last, before)
    return number(place + 1)


def at_place(index: Index, place: int) -> Expression:
    """Return what is 1 where an index is at a place, else 0; a first place is 1 in short loops too."""
    return Relation("=", Running(index), numbered(index, place) if place else ONE)


def same_position(one: Position, other: Position) -> Expression:
    """Return what is 1 where two positions are equal and 0 elsewhere."""
    if one == other:
        return ONE
    match one, other:
        case Index(), Index():
            return Delta(one, other)
        case (Index() as index, int(place)) | (int(place), Index() as index):  # x_2 by x_i
            return at_place(index, place)
    return ZERO


def renamed_apart(expression: AnyReduction, used: Iterable[Position]) -> AnyReduction:
    """Return the same sum over indices that are not in `used`, nor captured from those free in it."""
    used = set(used)
    if not used.intersection(expression.indices):
        return expression
    taken = used.union(free_indices(expression), expression.indices)
    names: dict[Index, Index] = {}
    for index in expression.indices:
        if index in used:
            names[index] = fresh(index, taken)
            taken.add(names[index])
    indices: tuple[Index, ...] = tuple(names.get(index, index) for index in expression.indices)
    return replace(expression, indices=indices, body=substitute(expression.body, names))


def apart(expression: Expression, scope: Iterable[Position] = ()) -> Expression:
    """Return the same expression with no letter in two roles.

    A summation index differs from all that are free in the expression or in `scope`, and from those of the
    sums around it: ``x_i + Σ_i y_i`` becomes ``x_i + Σ_i′ y_i′``. It has as few primes as that allows.
    """
    return _apart(expression, {*scope, *free_indices(expression)})


def _apart(expression: Expression, scope: set[Position]) -> Expression:
    if isinstance(expression, Reduction):
        scope = scope.union(free_indices(expression))
        names: dict[Index, Position] = {}
        for index in expression.indices:
            names[index] = fresh(replace(index, primes=0), scope)
            scope.add(names[index])
        indices = tuple(one for one in names.values() if isinstance(one, Index))
        changed = {old: new for old, new in names.items() if old != new}
        expression = replace(expression, indices=indices, body=substitute(expression.body, changed))
    return rebuild(expression, lambda part: _apart(part, scope))


def insert(expression: Expression, old: Symbol, value: Callable[[Element], Expression]) -> Expression:
    """Replace each element of the tensor `old` by ``value(element)``."""
    if isinstance(expression, Element):
        return value(expression) if expression.symbol is old else expression
    if isinstance(expression, (Partial, Differential)):
        return expression
    return rebuild(expression, lambda part: insert(part, old, value))
