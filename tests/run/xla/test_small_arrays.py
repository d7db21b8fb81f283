"""Small arrays come back from a loop joined, and are what went in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wengert.ir.types import tensor_type

pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

import jax

from wengert.run.xla.small_arrays import SmallArrays


def test_numbers_and_arrays_of_several_dtypes_come_back() -> None:
    carry = [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array(2**60 + 1),
        np.zeros((3, 0)),
        np.full(2**20, 7.0, np.float32),  # too large to be copied with the others
        np.array([True, False]),
        np.array([1 - 2j]),
        np.array(-math.pi),
        np.array([1, 2], np.uint32),
    ]
    small = SmallArrays([tensor_type(one.shape, one.dtype) for one in carry], 2)
    with jax.enable_x64(True):
        joined = jax.jit(small.joined)([np.array(3), np.array(True)], carry)
        numbers, arrays, views_of = small.apart(joined)
    assert numbers == [3.0, 1.0]
    assert sorted(arrays) == [0, 1, 2, 4, 5, 6, 7]
    for place, found in arrays.items():
        assert found.dtype == carry[place].dtype
        np.testing.assert_array_equal(found, carry[place])
        assert found.flags.writeable
        assert found.size == 0 or any(np.shares_memory(found, one) for one in views_of)
