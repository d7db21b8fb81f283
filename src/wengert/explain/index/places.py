"""Relations between places that are solved for one of their indices, and expressions moved there."""

from __future__ import annotations

import fractions
import math
from dataclasses import dataclass, replace

from wengert.explain.index.expressions import (
    Add,
    Apply,
    Cases,
    Element,
    Expression,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Reduction,
    Relation,
    Running,
    Shifted,
    free_indices,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index
from wengert.explain.index.substitution import counted, numbered, relocated, renamed_apart

_MOVED = (Add, Apply, Cases, Element, Power, Product, Quotient, Reduction, Relation, Running, Shifted)


@dataclass(frozen=True)
class Place:
    """The place ``step · index + offset``, counted from 0; of fractions only where that is whole."""

    index: Index
    step: fractions.Fraction
    offset: fractions.Fraction

    @property
    def is_whole(self) -> bool:
        """Whether it is a place wherever the index is."""
        return self.step.denominator == self.offset.denominator == 1


@dataclass(frozen=True, slots=True)
class Residue(Expression):
    """1 where an index is as far from `place`, counted from 0, as a multiple of `step`; 0 elsewhere."""

    index: Index
    step: int
    place: int


def relates_places(expression: Expression) -> bool:
    """Return whether an expression is an equality between places of two indices, and not between values."""
    return (
        isinstance(expression, Relation)
        and expression.sign == "="
        and len(free_indices(expression)) > 1
        and _linear(expression.left) is not None
        and _linear(expression.right) is not None
    )


def solved(relation: Expression, index: Index) -> Place | None:
    """Return the place that an equality gives an index, as [i = k + 1] gives k = i − 1; None if none."""
    if not (isinstance(relation, Relation) and relation.sign == "=" and index in free_indices(relation)):
        return None
    factors = _combined([(1, _linear(relation.left)), (-1, _linear(relation.right))])
    if factors is None:
        return None
    own = factors.pop(index, fractions.Fraction(0))
    constant = factors.pop(None, fractions.Fraction(0))
    others = [(one, factor) for one, factor in factors.items() if factor]
    if not own or len(others) != 1:
        return None
    ((other, factor),) = others
    step, first = -factor / own, -constant / own
    if step.numerator not in (1, -1) and step.denominator != 1:
        return None
    found = Place(other, step, step + first - 1) if other is not None else None
    on_grid = found is not None and (found.offset / found.step).denominator == 1
    return found if on_grid else None


def _linear(place: Expression) -> dict[Index | None, fractions.Fraction] | None:
    """Return the factor of each index in a place that counts from 1, and at None what is added."""
    match place:
        case Number(fractions.Fraction() as value):
            return {None: value}
        case Running(index):
            return {index: fractions.Fraction(1)}
        case Product((Number(fractions.Fraction() as value), Running(index))):
            return {index: value}
        case Add(terms):
            parts = [_linear(term) for term in terms]
            return _combined([(1, part) for part in parts])
    return None


def _combined(
    parts: list[tuple[int, dict[Index | None, fractions.Fraction] | None]],
) -> dict[Index | None, fractions.Fraction] | None:
    found: dict[Index | None, fractions.Fraction] = {}
    for sign, part in parts:
        if part is None:
            return None
        for index, factor in part.items():
            found[index] = found.get(index, fractions.Fraction(0)) + sign * factor
    return found


def within(place: Place, index: Index) -> list[Expression]:
    """Return the relations that hold where a place is one of those that an index runs over."""
    ends = [fractions.Fraction(end - place.offset, place.step) for end in (0, index.extent - 1)]
    first, last = math.ceil(min(ends)), math.floor(max(ends))
    running = Running(place.index)
    every = place.step.denominator
    found: list[Expression] = []
    if first >= every:
        found.append(Relation("≤", number(first + 1), running))
    if last < place.index.extent - every:
        found.append(Relation("≤", running, numbered(place.index, last)))
    return found if every == 1 else [*found, Residue(place.index, every, first % every)]


def can_move(expression: Expression, index: Index, place: Place) -> bool:
    """Return whether an index may be calculated wherever it stands.

    That is not in δ, nor in a derivative to come, but in that by another iteration of a loop. A place that
    is not whole everywhere may stand where whole steps are taken from it, as in x_{2j}.
    """
    parts = [part for part in walk(expression) if index in free_indices(part)]
    if not place.is_whole:
        standing = [part for part in parts if isinstance(part, (Element, Running, Shifted))]
        if not all(isinstance(part, Shifted) and _fits(part, index, place) for part in standing):
            return False
    return all(
        isinstance(part, _MOVED) or (isinstance(part, Partial) and not part.direct and bool(index.last))
        for part in parts
    )


def _fits(element: Shifted, index: Index, place: Place) -> bool:
    axes = zip(element.positions, element.steps, element.offsets, strict=True)
    return all(
        replace(place, step=step * place.step, offset=step * place.offset + offset).is_whole
        for at, step, offset in axes
        if at == index
    )


def moved_to(expression: Expression, index: Index, place: Place) -> Expression:
    """Put a place in place of an index; a summation index in the way is renamed."""
    if index not in free_indices(expression):
        return expression
    if isinstance(expression, Running):
        return counted(place.index, int(place.step), int(place.offset))
    if isinstance(expression, Element):
        steps, offsets = (tuple(one for _ in expression.positions) for one in (1, 0))
        return _shifted(Shifted(expression.symbol, expression.positions, steps, offsets), index, place)
    if isinstance(expression, Partial):
        by = moved_to(expression.by, index, place)
        assert isinstance(by, Element | Shifted), "an element stays one"
        return replace(expression, by=by)
    if isinstance(expression, Shifted):
        return _shifted(rebuild(expression, lambda part: moved_to(part, index, place)), index, place)
    if isinstance(expression, Reduction):
        expression = renamed_apart(expression, {place.index})
        return replace(expression, body=moved_to(expression.body, index, place))
    return rebuild(expression, lambda part: moved_to(part, index, place))


def _shifted(element: Expression, index: Index, place: Place) -> Expression:
    assert isinstance(element, Shifted), "a part of it has been moved"
    axes = [
        (place.index, int(step * place.step), int(step * place.offset + offset))
        if at == index
        else (at, step, offset)
        for at, step, offset in zip(element.positions, element.steps, element.offsets, strict=True)
    ]
    positions, steps, offsets = zip(*axes, strict=True)
    return relocated(element, positions, steps, offsets)
