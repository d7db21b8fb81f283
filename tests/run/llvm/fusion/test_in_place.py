"""Parts of joined arrays are written to their place by the kernels that compute them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import wengert as wg
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.runtime.target import AVX2, SSE, host_target

TARGETS = [SSE, AVX2, host_target()]


def compared(function: Any, *arguments: Any, target: Any = None) -> list[str]:
    """Compile, compare with NumPy, and return the forms of the kernels."""
    program = wg.simplify(wg.trace(function, *arguments))
    run = LLVMExecutor(target).compile(program)
    for mine, known in zip(run(arguments), program(*arguments), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-6 if known.dtype == np.float32 else 1e-13, atol=1e-12)
    return [kernel.form for kernel in run.plan.kernels]


@pytest.mark.parametrize("target", TARGETS, ids=["SSE", "AVX2", "host"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("columns", [2, 3, 4, 5, 8, 11, 17, 23])
def test_columns_are_computed_and_joined_in_one_kernel(
    columns: int, dtype: type, target: Any, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(100, columns)).astype(dtype)
    parts = lambda x: np.stack([x[:, column] * (column + 1) for column in range(columns)], axis=1)  # noqa: E731
    assert compared(lambda x: (parts(x),), x, target=target) == [Form.LOOPS]


def test_what_is_given_is_copied_along(rng: np.random.Generator) -> None:
    def function(x: Any, y: Any) -> Any:
        zeros, square = np.zeros(len(x)), x * x
        one = np.stack([square, y, zeros, zeros, x[::-1]], axis=1)
        return one, np.stack([zeros, square + y, y], axis=1)

    assert compared(function, rng.normal(size=70), rng.normal(size=70)) == [Form.LOOPS]


def test_rows_of_a_loop_are_written_to_the_stack(rng: np.random.Generator) -> None:
    def function(x: Any) -> Any:
        state, states = x[0], []
        for row in x:
            state = np.tanh(state + row)
            states.append(state)
        return (np.stack(states) * 2,)

    assert Form.COPY not in compared(function, rng.normal(size=(40, 5)))


def test_what_cannot_stand_in_two_places_is_copied(rng: np.random.Generator) -> None:
    """An output of its own, a part of two arrays, a part twice, parts of several rows, sums."""

    def function(x: Any) -> Any:
        square, cube = x * x, x**3
        twice = np.stack([square, square, cube], axis=1)
        both = np.stack([cube, np.exp(x)], axis=1)
        wide = np.concatenate([np.outer(x, x), np.sin(x)[:, None]], axis=1)
        sums = np.stack([np.sum(both, axis=1), np.max(wide, axis=1)], axis=1)
        return cube, twice + 1, both, wide, sums, np.concatenate([np.cos(x), np.zeros(3)])[::-1] * 2

    compared(function, rng.normal(size=50))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_joins(data: st.DataObject) -> None:
    seed, rows, columns = (data.draw(st.integers(low, high)) for low, high in ((0, 999), (1, 40), (1, 6)))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    picks = data.draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=7))
    axis, again = data.draw(st.integers(0, 1)), data.draw(st.booleans())

    def function(x: Any) -> Any:
        columns_of_x = [x[:, place] for place in range(columns)]
        known = [*columns_of_x, columns_of_x[0] * 2, np.exp(columns_of_x[-1]), np.zeros(rows)]
        parts = [known[one % len(known)] - (known[two % len(known)] if two else 0) for one, two in picks]
        joined = np.stack(parts, axis=axis)
        if again:
            other = np.concatenate(
                [joined, parts[0].reshape(np.expand_dims(parts[0], axis).shape)], axis=axis
            )
            return joined, np.concatenate([other, other * joined.sum()], axis=1 - axis), parts[-1] + 1
        return joined, np.sum(joined, axis=0)

    compared(function, x)
