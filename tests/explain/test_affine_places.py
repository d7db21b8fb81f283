"""The arithmetic of places: normal form, remainders, bounds, digits and their inverse, against counting."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.explain.reading import read

from wengert.explain.index.expressions import Relation, Running, number
from wengert.explain.index.indices import Index
from wengert.explain.places.affine_places import Digit, affine, digit, normal, radix, stays_within, written
from wengert.explain.places.related_places import moved_to, residue
from wengert.explain.printers.blocks import plain
from wengert.explain.printers.scripts import calculated

EXTENTS = st.lists(st.integers(1, 4), min_size=1, max_size=3)
INDICES = "ijk"


@st.composite
def places(draw):
    """Return a whole place of a few indices, and these."""
    indices, place = draw(sums(st.just(1)))
    return indices, written(place)


@st.composite
def sums(draw, denominators):
    """Return a few indices and their factors in a place, in some of which it counts from 1 in each."""
    indices = [Index(letter, extent) for letter, extent in zip(INDICES, draw(EXTENTS), strict=False)]
    place = {index: Fraction(draw(st.integers(-4, 8)), draw(denominators)) for index in indices}
    first = draw(st.sampled_from([1 - sum(place.values()), Fraction(draw(st.integers(-9, 9)))]))
    return indices, {**place, None: first}


def everywhere(indices):
    for at in itertools.product(*(range(index.extent) for index in indices)):
        yield dict(zip(map(str, indices), at, strict=True))


@given(places())
def test_the_normal_form_of_a_place_is_one_and_has_its_values(drawn):
    indices, place = drawn
    assert normal(place) == place
    values = [read(place, None, at) for at in everywhere(indices)]
    assert stays_within(affine(place), 7) == (min(values) >= 1 and max(values) <= 7)


@given(sums(st.integers(1, 3)))
def test_a_place_is_written_as_it_is_calculated(drawn):
    indices, place = drawn
    for at in everywhere(indices):
        expected = place[None] + sum(place[index] * (at[str(index)] + 1) for index in indices)
        assert read(written(place), None, at) == pytest.approx(float(expected))


@given(sums(st.integers(1, 3)), st.integers(1, 4), st.integers(0, 3))
def test_a_remainder_of_a_place_is_that_of_whole_numbers(drawn, step, remainder):
    indices, place = drawn
    found = residue(written(place), step, remainder)
    for at in everywhere(indices):
        value = place[None] + sum(place[index] * (at[str(index)] + 1) for index in indices)
        assert read(found, None, at) == ((value - remainder) % step == 0)


@given(sums(st.integers(1, 3)), st.booleans())
def test_a_bound_stays_one_where_its_index_is_calculated(drawn, least):
    indices, place = drawn
    index, ends = Index("q", 9), (number(4), Running(Index("q", 9)))
    found = moved_to(Relation("≤", *(ends if least else ends[::-1])), {index: written(place)})
    for at in everywhere(indices):
        value = place[None] + sum(place[one] * (at[str(one)] + 1) for one in indices)
        assert read(found, None, at) == (value >= 4 if least else value <= 4)


@given(places(), st.integers(1, 5), st.integers(1, 5))
def test_a_digit_that_is_simplified_is_the_digit(drawn, step, extent):
    indices, place = drawn
    found = digit(place, step, extent)
    for at in everywhere(indices):
        expected = (read(place, None, at) - 1) // step % extent + 1
        assert read(found, None, at) == expected
    if isinstance(found, Digit) and found.is_first:
        assert all(read(place, None, at) <= step * extent for at in everywhere(indices))


@given(st.lists(st.integers(2, 4), min_size=1, max_size=3))
def test_the_digits_of_a_place_laid_out_row_by_row_are_its_indices(extents):
    indices = [Index(letter, extent) for letter, extent in zip(INDICES, extents, strict=False)]
    steps = [math.prod(extents[axis + 1 :]) for axis in range(len(extents))]
    pairs = zip(indices, steps, strict=True)
    factors = {index: Fraction(step) for index, step in pairs}
    place = written({**factors, None: 1 - sum(factors.values())})

    assert radix(affine(place)) == list(zip(indices, steps, strict=True))
    for index, step in zip(indices, steps, strict=True):
        assert digit(place, step, index.extent) == Running(index)
    for at in everywhere(indices):
        assert read(place, None, at) == np.ravel_multi_index(tuple(at.values()), extents) + 1


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Running(Index("i", 6)), "(i−1) mod 3+1"),
        (written({Index("i", 6): Fraction(1), None: Fraction(1)}), "i mod 3+1"),
        (written({Index("i", 6): Fraction(-1), None: Fraction(8)}), "(7−i) mod 3+1"),
    ],
)
def test_a_digit_is_written_with_the_place_less_1(place, expected):
    assert calculated(Digit(place, 1, 3)) == plain(Digit(place, 1, 3)).replace(" − ", "−").replace(" + ", "+")
    assert calculated(Digit(place, 1, 3)) == expected
