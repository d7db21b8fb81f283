"""The arithmetic of places: the normal form, digits and their inverse, against counting."""

import itertools
import math
from fractions import Fraction

import numpy as np
from hypothesis import given, strategies as st
from tests.explain.reading import read

from wengert.explain.index.expressions import Running
from wengert.explain.index.indices import Index
from wengert.explain.places.affine_places import Digit, affine, digit, normal, radix, stays_within, written

EXTENTS = st.lists(st.integers(1, 4), min_size=1, max_size=3)
INDICES = "ijk"


@st.composite
def places(draw):
    """Return a whole place of a few indices, and these."""
    indices = [Index(letter, extent) for letter, extent in zip(INDICES, draw(EXTENTS), strict=False)]
    factors = {index: Fraction(draw(st.integers(-4, 8))) for index in indices}
    return indices, written({**factors, None: Fraction(draw(st.integers(-9, 9)))})


def everywhere(indices):
    for at in itertools.product(*(range(index.extent) for index in indices)):
        yield dict(zip(map(str, indices), at, strict=True))


@given(places())
def test_the_normal_form_of_a_place_is_one_and_has_its_values(drawn):
    indices, place = drawn
    assert normal(place) == place
    values = [read(place, None, at) for at in everywhere(indices)]
    assert stays_within(affine(place), 7) == (min(values) >= 1 and max(values) <= 7)


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
