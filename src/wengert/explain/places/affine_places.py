"""The arithmetic of places: sums of multiples of indices, and the digits of a place among all elements.

A place is an expression that counts from 1. Laid out row by row, the element i, j of a matrix with n columns
is at n (i − 1) + j, and i and j are the digits of that place.
"""

from __future__ import annotations

import fractions
import itertools
import math
from dataclasses import dataclass

from wengert.explain.index.expressions import Add, Expression, Number, Product, Running, number
from wengert.explain.index.indices import Index


@dataclass(frozen=True, slots=True)
class Digit(Expression):
    """One of the indices that a place among all elements stands for: ⌈p/step⌉, counted anew after `extent`.

    Attributes
    ----------
    place : Expression
    step : int
        How many elements have the same digit one after the other.
    extent : int
        Of the index.
    """

    place: Expression
    step: int
    extent: int

    @property
    def is_first(self) -> bool:
        """Whether it never begins anew, so that ⌈p/step⌉ says it all."""
        found = affine(self.place)
        return found is not None and stays_within(found, self.step * self.extent)

    @property
    def place_before(self) -> Expression:
        """The place less 1, as short as it can be."""
        return normal(Add((self.place, number(-1))))


Fraction = fractions.Fraction
Affine = dict[Index | Digit | None, Fraction]
"""The factor of each index, or digit, in a place, and at None what is added."""


def affine(place: Expression) -> Affine | None:
    """Return the factors in a place; None where it is not a sum of multiples of indices."""
    match place:
        case Number(Fraction() as value):
            return {None: value}
        case Running(index):
            return {index: Fraction(1)}
        case Digit(inner, step, extent):
            found = digit(inner, step, extent)
            if isinstance(found, Digit) and found.step == 1 and found.is_first:
                return affine(found.place)
            return {found: Fraction(1)} if isinstance(found, Digit) else affine(found)
        case Product((Number(Fraction() as value), inside)):
            return combined([(value, affine(inside))])
        case Add(terms):
            return combined([(Fraction(1), affine(term)) for term in terms])
    return None


def combined(parts: list[tuple[Fraction, Affine | None]]) -> Affine | None:
    """Return the sum of places, each times a number; None where one is None."""
    found: Affine = {}
    for scale, part in parts:
        if part is None:
            return None
        for one, factor in part.items():
            found[one] = found.get(one, Fraction(0)) + scale * factor
    return _joined({one: factor for one, factor in found.items() if factor})


def _joined(place: Affine) -> Affine | None:
    """Return a place with digits of one place that stand side by side joined: 2 (⌈p/2⌉ − 1) + … is p."""
    digits = [one for one in place if isinstance(one, Digit)]
    for above, below in itertools.permutations(digits, 2):
        factor = place[below]
        neighbours = above.place == below.place and above.step == below.step * below.extent
        if neighbours and place[above] == factor * below.extent:
            both = digit(below.place, below.step, above.extent * below.extent)
            rest = {one: by for one, by in place.items() if one not in (above, below)}
            parts: list[tuple[Fraction, Affine | None]] = [(factor, affine(both)), (Fraction(1), rest)]
            return combined([*parts, (Fraction(1), {None: factor * below.extent})])
    return place


def written(place: Affine) -> Expression:
    """Return a place as a formula: 2 j − 1, 5 − i, 3 (i − 1) + j, 1/2 (i + 1)."""
    whole = math.lcm(*(factor.denominator for factor in place.values()))
    if whole > 1:
        return Product((Number(Fraction(1, whole)), written({one: by * whole for one, by in place.items()})))
    first = place.get(None, Fraction(0))
    running = {one: factor for one, factor in place.items() if one is not None and factor}
    one_by_one = list(running.values()).count(Fraction(1)) == 1
    if len(running) > 1 and one_by_one and first == 1 - sum(running.values()):
        return Add(tuple(_counted(one, factor) for one, factor in _in_order(running)))
    terms = [_times(one, factor) for one, factor in _in_order(running)]
    if first or not terms:
        leading = bool(terms) and all(factor < 0 for factor in running.values())
        terms.insert(0 if leading else len(terms), Number(first))
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def _in_order(running: dict[Index | Digit, Fraction]) -> list[tuple[Index | Digit, Fraction]]:
    return sorted(running.items(), key=lambda pair: -pair[1])


def _times(one: Index | Digit, factor: Fraction) -> Expression:
    running = one if isinstance(one, Digit) else Running(one)
    return running if factor == 1 else Product((Number(factor), running))


def _counted(one: Index | Digit, factor: Fraction) -> Expression:
    running = one if isinstance(one, Digit) else Running(one)
    return running if factor == 1 else Product((Number(factor), Add((running, number(-1)))))


def normal(place: Expression) -> Expression:
    """Return a place in the one form that equal places have."""
    found = affine(place)
    return place if found is None else written(found)


def stays_within(place: Affine, extent: int) -> bool:
    """Whether a place is one of an axis of this extent wherever its indices are."""
    return all(factor.denominator == 1 for factor in place.values()) and _fits(place, extent)


def ends(place: Affine) -> tuple[Fraction, Fraction]:
    """Return the least and the greatest value of a place."""
    first, running = _from_zero(place)
    moves = [factor * (one.extent - 1) for one, factor in running.items()]
    least, most = (sum((beyond(Fraction(0), move) for move in moves), first + 1) for beyond in (min, max))
    return least, most


def _fits(place: Affine, extent: int) -> bool:
    least, most = ends(place)
    return least >= 1 and most < extent + 1


def _from_zero(place: Affine) -> tuple[Fraction, dict[Index | Digit, Fraction]]:
    """Return a place, counted from 0, where all its indices are at their first, and their factors."""
    running = {one: factor for one, factor in place.items() if one is not None}
    return place.get(None, Fraction(0)) + sum(running.values()) - 1, running


def _from_one(first: Fraction, running: dict[Index | Digit, Fraction]) -> Affine:
    """Return the place of which `_from_zero` gives these."""
    found: Affine = {None: first + 1 - sum(running.values(), Fraction(0))}
    for one, factor in running.items():
        found[one] = factor
    return found


def digit(place: Expression, step: int, extent: int) -> Expression:
    """Return a digit of a place; of n (i − 1) + j it is i or j."""
    found = affine(place)
    known = None if found is None else _digit(found, step, extent)
    return Digit(normal(place), step, extent) if known is None else written(known)


def _digit(place: Affine, step: int, extent: int) -> Affine | None:
    first, running = _from_zero(place)
    above = {one: factor / step for one, factor in running.items() if factor % step == 0}
    below = {one: factor for one, factor in running.items() if one not in above}
    whole, rest = divmod(first, step)
    kept = {one: factor for one, factor in above.items() if factor % extent}
    if len(kept) < len(above):
        whole %= extent
    found = _from_one(Fraction(whole), kept)
    return found if _fits(_from_one(rest, below), step) and _fits(found, extent) else None


def radix(place: Affine) -> list[tuple[Index, int]] | None:
    """Return the indices that are the digits of a place, with their steps; None where it has no such."""
    found: list[tuple[Index, int]] = []
    _, running = _from_zero(place)
    for one, factor in sorted(running.items(), key=lambda pair: pair[1]):
        step = found[-1][1] * found[-1][0].extent if found else 1
        if not isinstance(one, Index) or factor != step:
            return None
        found.append((one, step))
    first = place.get(None, Fraction(0))
    return found[::-1] if found and first == 1 - sum(step for _, step in found) else None
