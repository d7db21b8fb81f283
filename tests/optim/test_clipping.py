"""Clipping by the global norm: exact scaling, extreme sizes, and infinities that stay visible."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.optim import clip_by_norm, global_norm


def test_scales_all_arrays_together():
    gradients = {"a": np.array([3.0, 0.0]), "b": (np.array([[4.0]]),)}
    assert global_norm(gradients) == 5
    clipped = clip_by_norm(gradients, 1.0)
    np.testing.assert_allclose(clipped["a"], [0.6, 0], rtol=1e-15)
    np.testing.assert_allclose(clipped["b"][0], [[0.8]], rtol=1e-15)
    np.testing.assert_array_equal(clip_by_norm(gradients, 5.0)["a"], [3, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("power", [-1, 0, 1])
def test_squares_do_not_overflow(dtype, power):
    size = dtype(np.finfo(dtype).max / 16 if power > 0 else np.finfo(dtype).tiny if power < 0 else 1)
    gradients = [np.array([3, 4], dtype) * size, np.zeros((0, 2), dtype)]
    norm = global_norm(gradients)
    assert norm.dtype == dtype
    np.testing.assert_allclose(norm, dtype(5) * size, rtol=1e-6)
    clipped = clip_by_norm(gradients, float(size))
    assert clipped[0].dtype == dtype
    np.testing.assert_allclose(clipped[0], np.array([0.6, 0.8], dtype) * size, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_visible(bad):
    gradients = [np.array([1.0, bad]), np.array([2.0])]
    assert not np.isfinite(global_norm(gradients))
    clipped = clip_by_norm(gradients, 1.0)
    np.testing.assert_array_equal(clipped[0], [1, bad])
    np.testing.assert_array_equal(clipped[1], [2])
    traced = wg.trace(lambda gradients: clip_by_norm(gradients, 1.0), gradients)(gradients)
    np.testing.assert_array_equal(traced[0], [1, bad])


def test_zero_and_nothing():
    np.testing.assert_array_equal(clip_by_norm([np.zeros(3)], 1.0)[0], np.zeros(3))
    assert global_norm([]) == 0
    assert clip_by_norm({}, 1.0) == {}


def test_traced_it_gives_the_same(rng):
    gradients = {"a": rng.normal(size=(4, 3)).astype(np.float32), "b": rng.normal(size=3).astype(np.float32)}
    program = wg.simplify(wg.trace(lambda gradients: clip_by_norm(gradients, 0.5), gradients))
    clipped = program(gradients)
    assert clipped["a"].dtype == np.float32
    np.testing.assert_allclose(clipped["a"], clip_by_norm(gradients, 0.5)["a"], rtol=1e-6)
    assert global_norm(clipped) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("max_norm", [0, -1, float("nan"), float("inf"), "1"])
def test_the_bound_is_above_zero(max_norm):
    with pytest.raises(ConfigurationError, match=r"clip_by_norm: max_norm lies in \(0, inf\)"):
        clip_by_norm([np.ones(2)], max_norm)
