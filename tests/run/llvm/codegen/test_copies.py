"""Arrays joined along any axis, from parts of any width and layout."""

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor

rng = np.random.default_rng(11)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("widths", [(1, 1, 1), (1, 40, 3), (17, 0, 16), (0, 0, 0), (5,)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.bool_])
def test_parts_are_put_side_by_side(axis, widths, dtype):
    def part(width):
        shape = [3, 4, 5]
        shape[axis] = width
        return (rng.normal(size=shape) > 0) if dtype is np.bool_ else rng.normal(size=shape).astype(dtype)

    parts = [part(width) for width in widths]
    program = wg.trace(lambda *parts: np.concatenate(parts, axis=axis), *parts)
    (joined,) = LLVMExecutor().compile(program)(parts)
    np.testing.assert_array_equal(joined, np.concatenate(parts, axis=axis))


def test_parts_that_are_views_are_read_where_they_lie():
    x = rng.normal(size=(20, 6))

    def function(x):
        columns = [x[:, 5], x[::-1, 0], x[:, 2] * 2, np.broadcast_to(x[3, 1], (20,))]
        return np.stack(columns, axis=1), np.concatenate([x.T, x[:6, ::2].T.T[:, :2]], axis=1)

    program = wg.trace(function, x)
    for mine, known in zip(LLVMExecutor().compile(program)([x]), program(x), strict=True):
        np.testing.assert_array_equal(mine, known)
