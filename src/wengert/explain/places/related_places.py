"""Relations between places that are solved for one of their indices, and expressions moved there."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wengert.explain.index.expressions import (
    ONE,
    ZERO,
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
from wengert.explain.index.indices import LETTERS, Index, Position
from wengert.explain.index.substitution import at_places, counted, numbered, placed, relocated, renamed_apart
from wengert.explain.places.affine_places import (
    Affine,
    Digit,
    Fraction,
    affine,
    combined,
    digit,
    ends,
    normal,
    radix,
    stays_within,
    written,
)


@dataclass(frozen=True, slots=True)
class Residue(Expression):
    """1 where a place with whole factors leaves this remainder on division by `step`: [i odd]; else 0."""

    place: Expression
    step: int
    remainder: int


def residue(place: Expression, step: int, remainder: int) -> Expression:
    """Return 1 where a place leaves this remainder on division by `step`, and 0 elsewhere.

    It is 0 where the place is not whole too. What has one index is solved for it: (i + 1)/2 is even where
    i ≡ 3 mod 4.
    """
    found = affine(place)
    if found is None:
        return Residue(place, step, remainder)
    whole = math.lcm(*(factor.denominator for factor in found.values()))
    step, remainder = step * whole, int((remainder - found.pop(None, 0)) * whole)
    factors = {one: int(factor * whole) for one, factor in found.items()}
    common = math.gcd(step, *factors.values())
    if remainder % common:
        return ZERO
    step, remainder = step // common, remainder // common
    factors = {one: factor // common % step for one, factor in factors.items() if factor // common % step}
    if len(factors) == 1:
        ((one, factor),) = factors.items()  # which has no divisor in common with the step
        factors, remainder = {one: 1}, remainder * pow(factor, -1, step)
    if not factors:
        return ZERO if remainder % step else ONE
    return Residue(
        written({one: Fraction(factor) for one, factor in factors.items()}), step, remainder % step
    )


@placed.register
def _(expression: Residue, new: Mapping[Index, Position]) -> Expression:
    return residue(expression.place, expression.step, expression.remainder)


_MOVED = (
    Add, Apply, Cases, Delta, Digit, Element, ElementAt, Power, Product, Quotient, Reduction, Relation,
    Residue, Running,
)  # fmt: skip


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
    step = place[other]
    offset = step + place.get(None, Fraction(0)) - 1  # by which it is calculated from the other, both from 0
    is_root = step.denominator == 1 or step.numerator in (1, -1)
    return written(place) if not more and is_root and (offset / step).denominator == 1 else None


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
    room = None if place is None else combined([(sign, affine(place)), (-sign, {None: end})])
    return room is not None and ends(room)[0] >= 0


def within(place: Expression, index: Index) -> list[Expression]:
    """Return the relations that hold where a place is one of those that an index runs over."""
    found = affine(place)
    assert found is not None, "an equality has been solved for it"
    least, most = ends(found)
    relations = []
    if least <= 0:  # the place is whole, so that above 0 is enough
        relations.append(_bound(Relation("≤", ONE, place)))
    if most >= index.extent + 1:
        relations.append(_bound(Relation("≤", place, number(index.extent))))
    return [*relations, residue(place, 1, 0)]


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
        case Residue(place, step, remainder):
            return residue(place, step, remainder)
        case Relation("=", left, right) if relates_places(moved):
            return same(normal(left), normal(right))
        case Relation("≤"):
            return _bound(moved)
    return moved


def _bound(relation: Relation) -> Expression:
    """Return a bound of a place as one of its index, if it has one index: [2 ≤ 5 − i] is [i ≤ 3]."""
    room = combined([(Fraction(1), affine(relation.right)), (Fraction(-1), affine(relation.left))])
    match list(room or ()):
        case [Index() as index] | [Index() as index, None] | [None, Index() as index]:
            assert room is not None, "it has an index"
            end = -room.get(None, Fraction(0)) / room[index]
            if room[index] > 0:
                return Relation("≤", number(math.ceil(end)), Running(index))
            return Relation("≤", Running(index), numbered(index, math.floor(end) - 1))
    return relation
