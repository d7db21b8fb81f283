"""Derivations of arrays with up to seven axes: every line is compared before there is one."""

import numpy as np
from hypothesis import given, settings, strategies as st
from tests.explain.test_asked_functions import assert_letters_have_one_role

import wengert as wg

STEPS = ("tanh", "sum", "mean", "max", "turn", "square", "product", "softmax", "centred", "merged", "outer")


def applied(step: str, y, axis: int):
    if y.ndim == 0:
        return np.tanh(y)
    axis %= y.ndim
    moves = {
        "tanh": lambda: np.tanh(y),
        "sum": lambda: np.sum(y, axis=axis),
        "mean": lambda: np.mean(y, axis=axis, keepdims=True),
        "max": lambda: y - np.max(y, axis=axis, keepdims=True),
        "turn": lambda: np.moveaxis(y, axis, 0) * 0.5,
        "square": lambda: y * np.sum(y, axis=axis, keepdims=True),
        "product": lambda: np.einsum("...i,...i->...", y, y * y),
        "softmax": lambda: wg.softmax(y, axis=axis),
        "centred": lambda: y - np.mean(y, axis=axis, keepdims=True),
        "merged": lambda: y.reshape(-1, *y.shape[2:]) if y.ndim > 1 else y,
        "outer": lambda: y[..., None] * np.sum(y, axis=0) if y.ndim == 1 else y**3,
    }
    return moves[step]()


@settings(max_examples=12, deadline=None)
@given(
    shape=st.lists(st.integers(1, 3), min_size=3, max_size=7).filter(lambda one: np.prod(one) <= 300),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 6)), min_size=1, max_size=4),
    view=st.sampled_from(["index", "matrix", "adjoint"]),
    seed=st.integers(0, 1000),
)
def test_every_line_about_arrays_of_many_axes_agrees_with_the_engine(shape, steps, view, seed):
    rng = np.random.default_rng(seed)
    x, scale = rng.normal(size=shape), rng.normal(size=shape[-1:])

    def function(x, scale):
        y = x * scale
        for step, axis in steps:
            y = applied(step, y, axis)
        return np.sum(y**2)

    derivation = wg.explain(function, x, scale, view=view)
    assert derivation.verify(points=1, seed=seed).lines == derivation.verification.lines > 0
    assert_letters_have_one_role(derivation)
