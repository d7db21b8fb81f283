"""The largest magnitude of several arrays, against NumPy's own absolute values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays_of

from wengert.run.magnitude import largest_magnitude

NUMBERS = arrays_of.arrays(
    st.sampled_from([np.float32, np.float64]),
    arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0),
    elements=st.floats(width=32),
)


@given(st.lists(NUMBERS, max_size=3))
def test_it_is_the_maximum_of_all_absolute_values(arrays: list[np.ndarray]) -> None:
    together = np.concatenate([np.zeros(1), *(np.abs(one).ravel() for one in arrays)])
    np.testing.assert_equal(largest_magnitude(arrays), together.max())


def test_parts_of_complex_numbers_count_and_integers_do_not() -> None:
    assert largest_magnitude([np.array(3 - 5j), np.array([[9]]), np.array([2.0])]) == 5
    assert math.isnan(largest_magnitude([np.array([1 + 1j * math.nan])]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_in_any_order_of_memory(order: str) -> None:
    values = np.asarray([[1.0, -7.0], [2.0, 3.0]], order=order)
    assert largest_magnitude([values, values[:, ::2]]) == 7
