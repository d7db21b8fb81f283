"""Compositions of what moves elements about, drawn at random: each line is compared with the engine."""

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from tests.drawn import random_examples

import wengert as wg

MOVES = {
    "flip": np.flip,
    "repeat": lambda x: np.repeat(x, 2),
    "tile": lambda x: np.tile(x, 2),
    "roll": lambda x: np.roll(x, 1),
    "every other": lambda x: x[::2],
    "from the second": lambda x: x[1:],
    "differences": lambda x: x[1:] - x[:-1],
    "doubled": lambda x: np.concatenate([x, x]),
    "transposed": lambda x: np.reshape(np.reshape(x, (2, -1)).T, (-1,)),
    "kron": lambda x: np.kron(x, x[:2]),
    "pad": lambda x: np.pad(x, 1),
    "cumsum": np.cumsum,
    "times itself": lambda x: x * x[::-1],
    "tanh": np.tanh,
}
MOST = 16  # elements
VIEWS = ("index", "matrix", "adjoint", "second", "jacobian", "drawing")
COMPOSITIONS = st.lists(st.sampled_from(list(MOVES)), min_size=1, max_size=3)


def moved(x, names):
    """Apply moves, apart from those for which there are too few or too many elements."""
    for name in names:
        extent = x.shape[0]
        too_few = extent < 3 or (name == "transposed" and extent % 2)
        if not too_few and (name not in ("repeat", "tile", "doubled", "kron") or 2 * extent <= MOST):
            x = MOVES[name](x)
    return x


@settings(max_examples=random_examples(3, explore=400))
@given(COMPOSITIONS, st.sampled_from([4, 6]), st.sampled_from(VIEWS))
@example(["from the second", "every other", "pad", "tanh"], 6, "second")
@example(["doubled", "every other", "times itself"], 4, "second")
@example(["repeat", "from the second", "every other"], 6, "index")
def test_derivatives_of_moved_elements_are_right(names, extent, view):
    x = np.random.default_rng(5).normal(size=extent)

    def loss(x):
        return np.sum(moved(x, names) ** 2)

    match view:
        case "second":
            assert str(wg.explain(loss, x, order=2))
        case "jacobian":
            assert str(wg.explain(lambda x: moved(x, names), x))
        case "drawing":
            assert "<svg" in wg.draw(loss, x).to_svg()
        case _:
            assert str(wg.explain(loss, x, view=view))


def log_sum_of_pairs(x):
    return np.log(np.sum(np.exp(x.reshape(-1, 2)), axis=1)).sum()


def determinant_of_flipped(A):
    return np.linalg.slogdet(A[::-1] @ A.T + 5 * np.eye(3))[1]


@pytest.mark.parametrize(("function", "shape"), [(log_sum_of_pairs, (4,)), (determinant_of_flipped, (3, 3))])
def test_second_derivatives_of_softmax_and_inverse_at_calculated_places(function, shape):
    x = np.random.default_rng(5).normal(size=shape)
    derivation = wg.explain(function, x, order=2)
    np.testing.assert_allclose(
        derivation.tree.sections[-1].steps[-1].value, wg.hessian(function)(x), rtol=1e-9, atol=1e-12
    )


def test_a_loop_over_repeated_elements_begins_with_its_initial_value():
    def loss(a, xs):
        return np.sum(wg.scan(lambda c, x: (np.tanh(a * c + x), c * x), a, np.repeat(xs, 2))[1] ** 2)

    assert "∂L/∂xs_i" in str(wg.explain(loss, 0.5, np.random.default_rng(5).normal(size=3)))
