"""What the caller writes to its arrays after a call changes nothing that the call has given."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import wengert as wg
from wengert.trace.tree import flatten

VALUES = hnp.arrays(np.float64, (2, 3), elements=st.floats(0.5, 2))
FUNCTIONS = [
    lambda x, y: x * y,
    lambda x, y: x @ y.T,
    lambda x, y: np.sin(x) / y,
    lambda x, y: x.T[::-1] * y.T,
    lambda x, y: np.where(x > y, x * x, y),
    lambda x, y: (x, y * y),
    lambda x, y: x,
]


@pytest.mark.parametrize("function", FUNCTIONS)
@given(x=VALUES, y=VALUES, layout=st.sampled_from(["plain", "view", "transposed", "dictionary"]))
def test_a_pullback_keeps_the_arguments_of_its_call(
    function: Any, x: np.ndarray, y: np.ndarray, layout: str
) -> None:
    if layout == "view":
        x = np.repeat(x, 2, axis=0)[::2]
    elif layout == "transposed":
        x = np.asfortranarray(x)
    arguments = ({"x": x}, y) if layout == "dictionary" else (x, y)

    def applied(x: Any, y: Any) -> Any:
        return function(x["x"] if isinstance(x, dict) else x, y)

    value, pull = wg.vjp(applied, *arguments)
    cotangent = [np.cos(np.arange(one.size)).reshape(one.shape) for one in _leaves(value)]
    cotangent = tuple(cotangent) if isinstance(value, tuple) else cotangent[0]
    wanted = copy.deepcopy(pull(cotangent))
    for array in (x, y, *_leaves(value)):
        array[...] = np.nan
    for mine, theirs in zip(_leaves(pull(cotangent)), _leaves(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def _leaves(tree: Any) -> list[np.ndarray]:
    return flatten(tree)[0]


def test_a_pullback_inside_of_a_trace_stays_differentiable() -> None:
    def function(x: Any) -> Any:
        _, pull = wg.vjp(lambda y: y**3, x, argnums=0)
        return pull(1.0)

    assert wg.grad(function)(2.0) == 12.0
