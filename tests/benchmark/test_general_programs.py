"""The objectives of ADBench: wengert's derivatives against JAX and central differences, on every executor."""

import numpy as np
import pytest
from benchmarks.adbench.peers import MODULES, VARIABLES, with_jax, with_wengert

NAMES = ["GMM", "BA", "LSTM"]


def data(name):
    return list(MODULES[name].data("tiny").values())


@pytest.fixture
def float64_in_jax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_those_of_jax(name, float64_in_jax):
    ours, theirs = (calls(name, data(name)) for calls in (with_wengert, with_jax))
    for mine, other in zip(ours, theirs, strict=True):
        found, expected = (value if isinstance(value, tuple) else (value,) for value in (mine(), other()))
        assert len(found) == len(expected)
        for one, known in zip(found, expected, strict=True):
            known = np.asarray(known)
            assert known.dtype == np.float64
            scale = np.abs(known).max()
            np.testing.assert_allclose(one, known, rtol=0, atol=1e-10 * max(scale, 1))


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_differences_of_the_numpy_function(name):
    given = data(name)
    rng = np.random.default_rng(5)
    directions = [rng.normal(size=np.shape(array)) for array in given[: VARIABLES[name]]]

    def along(step):
        moved = [array + step * way for array, way in zip(given, directions, strict=False)]
        found = MODULES[name].objective(*moved, *given[len(moved) :])
        return np.array([np.sum(part) for part in found] if name == "BA" else [found])

    step = 1e-5
    expected = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    slopes = with_wengert(name, given)[1]()
    sweeps = [slopes[first : first + len(directions)] for first in range(0, len(slopes), len(directions))]
    found = [
        sum(np.sum(slope * way) for slope, way in zip(sweep, directions, strict=True)) for sweep in sweeps
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
