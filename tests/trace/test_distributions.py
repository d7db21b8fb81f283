"""Distributions of scipy.stats in traced functions: SciPy's values, and derivatives by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats as stats
from scipy.stats import gamma, norm

import wengert as wg
from wengert.errors import GradientError, UnsupportedFunctionError
from wengert.trace.captured import Captured
from wengert.trace.scipy.distributions import DISTRIBUTIONS

SHAPES: dict[str, tuple[float, ...]] = {
    "lognorm": (0.7,), "gamma": (1.7,), "invgamma": (2.5,), "chi2": (3.0,), "beta": (1.5, 2.5), "t": (3.5,),
    "f": (3.0, 5.0), "weibull_min": (1.4,), "pareto": (2.0,), "poisson": (1.5,), "binom": (5, 0.3),
    "bernoulli": (0.3,), "geom": (0.3,), "nbinom": (3.0, 0.4),
}  # fmt: skip
X = np.array([-2.0, -0.5, 0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 7.0, np.nan])
COVARIANCE = np.array([[2.0, 0.3], [0.3, 1.0]])
frozen = norm(0.3, scale=1.2)


def slope(function: Any, x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    found = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        found[place] = (function(x + step) - function(x - step)) / (2 * h)
    return found


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_family(name: str) -> None:
    family, shapes = DISTRIBUTIONS[name], SHAPES.get(name, ())
    distribution = getattr(stats, name)
    place = {"loc": 0.0} if family.discrete else {"loc": 0.3, "scale": 1.7}
    densities = ("logpmf", "pmf") if family.discrete else ("logpdf", "pdf")
    for method in (*densities, "cdf", "sf", "logcdf", "logsf"):

        def value(x: Any, *shapes: Any, method: str = method) -> Any:
            return getattr(distribution, method)(x, *shapes, **place)

        got, wanted = wg.trace(value, X, *shapes)(X, *shapes), value(X, *shapes)
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-13, err_msg=method)
        inside = X[X > 2.1] if name in ("pareto", "f") else X[(X > 0.31) & (X < 1.9)]
        if not family.discrete:
            total = wg.grad(lambda x, value=value: np.sum(value(x, *shapes)))(inside)
            wanted = slope(lambda x, value=value: np.sum(value(x, *shapes)), inside)
            np.testing.assert_allclose(total, wanted, rtol=1e-5, atol=1e-8, err_msg=method)
        if method in densities and shapes and name != "binom":
            given, at = np.array(shapes), X[np.isfinite(value(X, *shapes, method=densities[0]))][-2:]
            total = wg.grad(lambda s, value=value, at=at: np.sum(value(at, *s)))(given)
            wanted = slope(lambda s, value=value, at=at: np.sum(value(at, *s)), given)
            np.testing.assert_allclose(total, wanted, rtol=1e-5, atol=1e-8, err_msg=method)


def symmetric(a: Any) -> Any:
    return (a + a.T) / 2


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (
            lambda m: stats.multivariate_normal.logpdf(
                np.array([[1.0, 2.0], [0.0, 1.0]]), m, COVARIANCE
            ).sum(),
            X[3:5],
        ),
        (lambda c: stats.multivariate_normal.logpdf(np.ones(2), np.zeros(2), symmetric(c)), COVARIANCE),
        (
            lambda c: stats.multivariate_normal.pdf(np.ones(2), None, symmetric(c), allow_singular=True),
            COVARIANCE,
        ),
        (lambda c: stats.multivariate_normal.entropy(np.ones(2), symmetric(c)), COVARIANCE),
        (lambda a: stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), a), np.array([1.0, 2.0, 3.0])),
        (lambda p: stats.multinomial.logpmf([1, 2, 3], 6, p / np.sum(p)), np.array([0.2, 0.3, 0.5])),
        (
            lambda x: np.sum(norm.logpdf(x, 0.1, 2.0) + frozen.cdf(x) + norm(x).sf(0.2) + stats.norm.ppf(x)),
            X[3:5],
        ),
    ],
)
def test_of_several_variables_and_with_given_parameters(function: Any, x: np.ndarray) -> None:
    value, found = wg.value_and_grad(function)(x)
    np.testing.assert_allclose(value, function(x), rtol=1e-12)
    np.testing.assert_allclose(found, slope(function, x), rtol=1e-6, atol=1e-9)
    compiled = wg.compile(wg.grad(function))
    np.testing.assert_allclose(compiled(x), found, rtol=1e-12)


def test_families_and_their_methods_are_known_not_to_change() -> None:
    def loss(x: Any) -> Any:
        return norm.logpdf(x) + frozen.cdf(x)

    assert Captured(loss).is_known


def test_however_a_function_comes_to_a_distribution() -> None:
    class Model:
        prior = norm

        def loss(self, x: Any, noise: Any = frozen) -> Any:
            return self.prior.logpdf(x, scale=x) + noise.logpdf(x) + stats.norm.cdf(0.1) + norm(x).pdf(1)

    density = norm.pdf
    np.testing.assert_allclose(wg.grad(lambda x: density(x))(0.7), -0.7 * density(0.7), rtol=1e-12)
    model = Model()
    np.testing.assert_allclose(wg.grad(model.loss)(0.7), slope(model.loss, np.array(0.7)), rtol=1e-7)
    assert "__getattribute__" not in vars(stats.rv_continuous)


def test_what_has_no_rule_is_named() -> None:
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.stats.gamma.mean has no rule"):
        wg.grad(lambda a: gamma.mean(a))(2.0)
    with pytest.raises(
        GradientError, match=r"gammainc: no derivative by operand 1.*test_distributions.*stop_gradient"
    ):
        wg.grad(lambda a: gamma.cdf(1.0, a))(2.0)
