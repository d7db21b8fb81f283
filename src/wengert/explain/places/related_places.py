"""Relations between places that are solved for one of their indices, and expressions moved there."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wengert.explain.index.expressions import (
    ONE,
    Add,
    Apply,
    Cases,
    Delta,
    Element,
    ElementAt,
    Expression,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Reduction,
    Relation,
    Running,
    free_indices,
    number,
    rebuild,
    walk,
)
from wengert.explain.index.indices import LETTERS, Index
from wengert.explain.index.substitution import at_places, counted, numbered, relocated, renamed_apart
from wengert.explain.places.affine_places import (
    Affine,
    Digit,
    Fraction,
    affine,
    combined,
    digit,
    normal,
    radix,
    stays_within,
    written,
)

_MOVED = (
    Add, Apply, Cases, Delta, Digit, Element, ElementAt, Power, Product, Quotient, Reduction, Relation,
    Running,
)  # fmt: skip
_ANY = 2**62  # an extent that nothing goes beyond


@dataclass(frozen=True, slots=True)
class Residue(Expression):
    """1 where an index is as far from `place`, counted from 0, as a multiple of `step`; 0 elsewhere."""

    index: Index
    step: int
    place: int


def same(left: Expression, right: Expression) -> Expression:
    """Return 1 where two places are the same, 0 elsewhere; a δ where both are indices of one range."""
    if left == right:
        return ONE
    match left, right:
        case Running(mine), Running(theirs) if mine.extent == theirs.extent:
            return Delta(mine, theirs)
    return Relation("=", left, right)


def relates_places(expression: Expression) -> bool:
    """Return whether an expression is an equality between places of two indices, and not between values."""
    return (
        isinstance(expression, Relation)
        and expression.sign == "="
        and len(free_indices(expression)) > 1
        and affine(expression.left) is not None
        and affine(expression.right) is not None
    )


def solved(relation: Expression, index: Index) -> Expression | None:
    """Return the place that an equality gives an index, as [i = k + 1] gives k = i − 1; None if none."""
    if not (isinstance(relation, Relation) and relation.sign == "=" and index in free_indices(relation)):
        return None
    difference = combined([(Fraction(1), affine(relation.left)), (Fraction(-1), affine(relation.right))])
    if difference is None or index not in difference:
        return None
    own = difference.pop(index)
    place = {one: -factor / own for one, factor in difference.items()}
    others = [one for one in place if one is not None]
    if not others or any(index in free_indices(one) for one in others if isinstance(one, Digit)):
        return None
    if stays_within(place, index.extent):
        return written(place)
    (other, *more) = others
    step, offset = _moved_by(place, other)
    is_root = step.denominator == 1 or step.numerator in (1, -1)
    return written(place) if not more and is_root and (offset / step).denominator == 1 else None


def _moved_by(place: Affine, index: Index | Digit) -> tuple[Fraction, Fraction]:
    """Return step and offset by which a place is calculated from an index, both counted from 0."""
    step = place[index]
    return step, step + place.get(None, Fraction(0)) - 1


def is_implied(bound: Expression, other: Expression) -> bool:
    """Return whether a bound of an index holds wherever another relation does: [2 ≤ j] beside [j = i + 1]."""
    match bound, other:
        case Relation("≤", Number(end), Running(index)), Relation("≤", Number(least), Running(same_index)):
            return index == same_index and end < least
        case Relation("≤", Running(index), Number(end)), Relation("≤", Running(same_index), Number(most)):
            return index == same_index and most < end
    match bound:
        case Relation("≤", Number(Fraction() as end), Running(index)):
            sign = Fraction(1)
        case Relation("≤", Running(index), Number(Fraction() as end)):
            sign = Fraction(-1)
        case _:
            return False
    place = solved(other, index)
    beyond = None if place is None else combined([(sign, affine(place)), (-sign, {None: end - sign})])
    return beyond is not None and stays_within(beyond, _ANY)


def within(place: Expression, index: Index) -> list[Expression]:
    """Return the relations that hold where a place is one of those that an index runs over."""
    found = affine(place)
    assert found is not None, "an equality has been solved for it"
    if stays_within(found, index.extent):
        return []
    (own,) = (one for one in found if isinstance(one, Index))
    step, offset = _moved_by(found, own)
    ends = [(end - offset) / step for end in (0, index.extent - 1)]
    first, last = math.ceil(min(ends)), math.floor(max(ends))
    running = Running(own)
    every = step.denominator
    relations: list[Expression] = []
    if first >= every:
        relations.append(Relation("≤", number(first + 1), running))
    if last < own.extent - every:
        relations.append(Relation("≤", running, numbered(own, last)))
    return relations if every == 1 else [*relations, Residue(own, every, first % every)]


def in_digits(relation: Expression, summed: Sequence[Index]) -> list[Expression] | None:
    """Return [n (i − 1) + j = k] as equalities of i and of j; None where neither is summed over."""
    if not relates_places(relation):
        return None
    assert isinstance(relation, Relation)
    for side, other in ((relation.left, relation.right), (relation.right, relation.left)):
        place, wanted = affine(side), affine(other)
        assert place is not None, "it relates places"
        assert wanted is not None, "it relates places"
        indices = radix(place) or []
        among = [index for index, _ in indices if index in summed]
        if len(indices) > 1 and among and stays_within(wanted, math.prod(one.extent for one, _ in indices)):
            return [same(Running(index), digit(other, step, index.extent)) for index, step in indices]
    return None


def split(
    relation: Expression, index: Index, used: Collection[Index]
) -> tuple[list[Index], Expression] | None:
    """Return indices for the digits of an index of which a relation has one, and the index by them.

    Of k in [i = ⌈k/2⌉] these are i′ and j, and k is 2 (i′ − 1) + j.
    """
    for part in walk(relation):
        match part:
            case Digit(Running(one), step, extent) if one == index and not index.extent % (step * extent):
                letters = (one for one in LETTERS if one not in {known.letter for known in used})
                sides = [(index.extent // (step * extent), step * extent), (extent, step), (step, 1)]
                digits = [(Index(next(letters), side), Fraction(by)) for side, by in sides if side > 1]
                place: Affine = dict(digits)
                place[None] = 1 - sum((by for _, by in digits), Fraction(0))
                return [one for one, _ in digits], written(place)
    return None


def can_move(expression: Expression, index: Index) -> bool:
    """Return whether an index may be calculated wherever it stands, as not in a local derivative."""
    return all(
        isinstance(part, _MOVED) or (isinstance(part, Partial) and not part.direct)
        for part in walk(expression)
        if index in free_indices(part)
    )


def moved_to(expression: Expression, new: Mapping[Index, Expression]) -> Expression:
    """Put places in place of indices, all at once; a summation index in the way is renamed."""
    here = {index: place for index, place in new.items() if index in free_indices(expression)}
    if not here:
        return expression
    match expression:
        case Running(index):
            return here[index]
        case Element(symbol, positions):
            return at_places(symbol, [moved_to(counted(at), here) for at in positions])
        case Delta(one, other):
            left, right = (normal(here.get(at, Running(at))) for at in (one, other))
            match right:
                case Add((Running() as before, Number(back))) if back < 0:  # i = j − 1 is j = i + 1
                    return same(before, normal(Add((left, Number(-back)))))
            return same(left, right)
        case Reduction():
            expression = renamed_apart(expression, [at for one in here.values() for at in free_indices(one)])
            return replace(expression, body=moved_to(expression.body, here))
    moved = rebuild(expression, lambda part: moved_to(part, here))
    match moved:
        case ElementAt():
            return relocated(moved, moved.places)
        case Digit(place, step, extent):
            return digit(place, step, extent)
        case Relation("=", left, right) if relates_places(moved):
            return same(normal(left), normal(right))
        case Relation("≤", Number(end), Add((Running() as running, Number(shift)))):  # 2 ≤ i − 1 is 3 ≤ i
            return Relation("≤", number(math.ceil(end - shift)), running)
        case Relation("≤", Add((Running() as running, Number(shift))), Number(end)):
            return Relation("≤", running, numbered(running.index, math.floor(end - shift) - 1))
    return moved
