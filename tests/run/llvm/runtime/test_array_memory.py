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
    for part in (slice(2), slice(1, None), slice(3, 5)):
        assert len(kept[part]) == len(arrays[part])
        for copy, given in zip(kept[part], arrays[part], strict=True):
            np.testing.assert_array_equal(copy, given)


def test_the_largest_magnitude_is_that_of_any_floating_array(arrays):
    joined = Joined(arrays)
    assert joined.largest() == 5
    for place, array in enumerate(joined.arrays):
        if array.dtype.kind == "f" and array.size:
            for wrong, size in ((np.nan, np.nan), (np.inf, np.inf), (-np.inf, np.inf), (-9.0, 9.0)):
                array.reshape(-1)[-1] = wrong
                np.testing.assert_equal(joined.largest(), size, err_msg=str(place))
            array[...] = 1
            assert joined.largest() <= 5


def test_integers_have_no_part_in_the_largest_magnitude():
    assert Joined([np.array([-1, 0x7FF0000000000000]), np.array([-1.0], np.float32)]).largest() == 1
    assert Joined([np.array([7])]).largest() == 0
    assert Joined([np.zeros((0, 3))]).largest() == 0
