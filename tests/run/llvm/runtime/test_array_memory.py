"""Arrays in one block of memory."""

import numpy as np
import pytest

from wengert.run.llvm.runtime.array_memory import Joined


@pytest.fixture
def arrays():
    return [
        np.arange(6, dtype=np.float32).reshape(2, 3), np.array(0.5), np.array(3, np.int64),
        np.zeros((0, 4), np.float32), np.ones(5),
        np.array([True, False, True]), np.full((7, 1), 2.5, np.float32),
    ]  # fmt: skip


@pytest.mark.parametrize("large", [1, 100_000])
def test_copies_are_what_was_given_and_stay(arrays, large):
    arrays.append(np.arange(large, dtype=np.float64))
    joined = Joined(arrays)
    kept = joined.copy()
    for mine in joined.arrays:
        mine[...] = 0
    for copy, given, mine in zip(kept, arrays, joined.arrays, strict=True):
        assert copy.dtype == given.dtype
        np.testing.assert_array_equal(copy, given)
        assert copy.shape == mine.shape
        assert not np.shares_memory(copy, mine)


def test_arrays_are_finite_until_one_of_them_is_not(arrays):
    joined = Joined(arrays)
    assert joined.are_finite()
    for place, array in enumerate(joined.arrays):
        if array.dtype.kind == "f" and array.size:
            for wrong in (np.nan, np.inf, -np.inf):
                array.reshape(-1)[-1] = wrong
                assert not joined.are_finite(), place
            array[...] = 1
            assert joined.are_finite()


def test_integers_that_would_be_no_numbers_are_finite():
    assert Joined([np.array([-1, 0x7FF0000000000000]), np.array([1.0], np.float32)]).are_finite()
