"""Probability distributions by the formulas of scipy.stats, in the standard form without loc and scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.primitives.exponential import erfc_primitive, sigmoid, softplus, xlogy
from wengert.primitives.library import parametric, special

Formula = Callable[..., Any]
_special = special.WRITTEN_OUT | parametric.WRITTEN_OUT
_log1p_times, _beta_above = _special["xlog1py"], _special["betaincc"]
gammaln, betaln = special.gammaln, special.betaln


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A family of distributions, by formulas in x and its shape parameters.

    Attributes
    ----------
    log : callable
        Logarithm of the density, or of the probability of a whole number.
    shapes : tuple of str
        Names of the shape parameters.
    cdf, sf, logcdf, logsf : callable, optional
        Distribution function, 1 less that, and their logarithms: what is not given follows from the others.
    ppf : callable, optional
        The inverse of the distribution function.
    low, high : callable
        Where there is probability, by the shape parameters.
    discrete : bool
        Whether it is on whole numbers.
    """

    log: Formula
    shapes: tuple[str, ...] = ()
    cdf: Formula | None = None
    sf: Formula | None = None
    logcdf: Formula | None = None
    logsf: Formula | None = None
    ppf: Formula | None = None
    low: Formula = lambda *shapes: -np.inf
    high: Formula = lambda *shapes: np.inf
    discrete: bool = False


def _zero(*shapes: Any) -> float:
    return 0.0


def _one(*shapes: Any) -> float:
    return 1.0


def _normal(x: Any) -> Any:
    return -x * x / 2 - math.log(2 * math.pi) / 2


def _normal_cdf(x: Any) -> Any:
    return erfc_primitive(-x / math.sqrt(2)) / 2


def _log_binomial(k: Any, n: Any, p: Any) -> Any:
    choices = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return choices + xlogy(k, p) + _log1p_times(n - k, -p)


def _log_student(x: Any, df: Any) -> Any:
    return -betaln(df / 2, 0.5) - np.log(df) / 2 - (df + 1) / 2 * np.log1p(x * x / df)


def _log_f(x: Any, m: Any, n: Any) -> Any:
    half = (m + n) / 2
    return (
        xlogy(m / 2 - 1, x) + m / 2 * np.log(m) + n / 2 * np.log(n)
        - half * np.log(n + m * x) - betaln(m / 2, n / 2)
    )  # fmt: skip


def _laplace_cdf(x: Any) -> Any:
    half = np.exp(-np.abs(x)) / 2
    return np.where(x > 0, 1 - half, half)


DISTRIBUTIONS: dict[str, Distribution] = {
    "norm": Distribution(
        log=_normal,
        cdf=_normal_cdf,
        sf=lambda x: _normal_cdf(-x),
        logcdf=special.log_ndtr,
        logsf=lambda x: special.log_ndtr(-x),
        ppf=special.ndtri,
    ),
    "halfnorm": Distribution(
        log=lambda x: _normal(x) + math.log(2),
        cdf=lambda x: 1 - erfc_primitive(x / math.sqrt(2)),
        sf=lambda x: erfc_primitive(x / math.sqrt(2)),
        low=_zero,
    ),
    "lognorm": Distribution(
        log=lambda x, s: _normal(np.log(x) / s) - np.log(s * x),
        shapes=("s",),
        cdf=lambda x, s: _normal_cdf(np.log(x) / s),
        sf=lambda x, s: _normal_cdf(-np.log(x) / s),
        logcdf=lambda x, s: special.log_ndtr(np.log(x) / s),
        logsf=lambda x, s: special.log_ndtr(-np.log(x) / s),
        low=_zero,
    ),
    "uniform": Distribution(log=lambda x: 0 * x, cdf=lambda x: x, ppf=lambda q: q, low=_zero, high=_one),
    "expon": Distribution(
        log=lambda x: -x,
        cdf=lambda x: -np.expm1(-x),
        logsf=lambda x: -x,
        ppf=lambda q: -np.log1p(-q),
        low=_zero,
    ),
    "laplace": Distribution(
        log=lambda x: -np.abs(x) - math.log(2), cdf=_laplace_cdf, sf=lambda x: _laplace_cdf(-x)
    ),
    "logistic": Distribution(
        log=lambda x: -x - 2 * softplus(-x),
        cdf=sigmoid,
        sf=lambda x: sigmoid(-x),
        logcdf=lambda x: -softplus(-x),
        logsf=lambda x: -softplus(x),
        ppf=special.logit,
    ),
    "cauchy": Distribution(
        log=lambda x: -math.log(math.pi) - 2 * np.log(np.hypot(1.0, x)),
        cdf=lambda x: np.arctan2(1.0, -x) / math.pi,
        sf=lambda x: np.arctan2(1.0, x) / math.pi,
    ),
    "gumbel_r": Distribution(
        log=lambda x: -x - np.exp(-x),
        sf=lambda x: -np.expm1(-np.exp(-x)),
        logcdf=lambda x: -np.exp(-x),
        ppf=lambda q: -np.log(-np.log(q)),
    ),
    "gamma": Distribution(
        log=lambda x, a: xlogy(a - 1, x) - x - gammaln(a),
        shapes=("a",),
        cdf=lambda x, a: parametric.gammainc(a, x),
        sf=lambda x, a: parametric.gammaincc(a, x),
        low=_zero,
    ),
    "invgamma": Distribution(
        log=lambda x, a: -(a + 1) * np.log(x) - gammaln(a) - 1 / x,
        shapes=("a",),
        cdf=lambda x, a: parametric.gammaincc(a, 1 / x),
        sf=lambda x, a: parametric.gammainc(a, 1 / x),
        low=_zero,
    ),
    "chi2": Distribution(
        log=lambda x, df: xlogy(df / 2 - 1, x) - x / 2 - gammaln(df / 2) - math.log(2) / 2 * df,
        shapes=("df",),
        cdf=lambda x, df: parametric.gammainc(df / 2, x / 2),
        sf=lambda x, df: parametric.gammaincc(df / 2, x / 2),
        low=_zero,
    ),
    "beta": Distribution(
        log=lambda x, a, b: _log1p_times(b - 1, -x) + xlogy(a - 1, x) - betaln(a, b),
        shapes=("a", "b"),
        cdf=lambda x, a, b: parametric.betainc(a, b, x),
        sf=lambda x, a, b: _beta_above(a, b, x),
        low=_zero,
        high=_one,
    ),
    "t": Distribution(
        log=_log_student,
        shapes=("df",),
        cdf=lambda x, df: _special["stdtr"](df, x),
        sf=lambda x, df: _special["stdtr"](df, -x),
    ),
    "f": Distribution(
        log=_log_f,
        shapes=("dfn", "dfd"),
        cdf=lambda x, m, n: _special["fdtr"](m, n, x),
        sf=lambda x, m, n: _special["fdtrc"](m, n, x),
        low=_zero,
    ),
    "weibull_min": Distribution(
        log=lambda x, c: np.log(c) + xlogy(c - 1, x) - np.power(x, c),
        shapes=("c",),
        cdf=lambda x, c: -np.expm1(-np.power(x, c)),
        logsf=lambda x, c: -np.power(x, c),
        low=_zero,
    ),
    "pareto": Distribution(
        log=lambda x, b: np.log(b) - (b + 1) * np.log(x),
        shapes=("b",),
        cdf=lambda x, b: -np.expm1(-b * np.log(x)),
        logsf=lambda x, b: -b * np.log(x),
        low=_one,
    ),
    "poisson": Distribution(
        log=lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu,
        shapes=("mu",),
        cdf=lambda k, mu: _special["pdtr"](k, mu),
        sf=lambda k, mu: _special["pdtrc"](k, mu),
        low=_zero,
        discrete=True,
    ),
    "binom": Distribution(
        log=_log_binomial,
        shapes=("n", "p"),
        cdf=lambda k, n, p: _special["bdtr"](k, n, p),
        low=_zero,
        high=lambda n, p: n,
        discrete=True,
    ),
    "bernoulli": Distribution(
        log=lambda k, p: xlogy(k, p) + _log1p_times(1 - k, -p),
        shapes=("p",),
        cdf=lambda k, p: np.where(k >= 1, 1.0, 1 - p + 0 * k),
        low=_zero,
        high=_one,
        discrete=True,
    ),
    "geom": Distribution(
        log=lambda k, p: _log1p_times(k - 1, -p) + np.log(p),
        shapes=("p",),
        cdf=lambda k, p: -np.expm1(np.log1p(-p) * np.floor(k)),
        logsf=lambda k, p: np.log1p(-p) * np.floor(k),
        low=_one,
        discrete=True,
    ),
    "nbinom": Distribution(
        log=lambda k, n, p: (
            gammaln(n + k) - gammaln(k + 1) - gammaln(n) + n * np.log(p) + _log1p_times(k, -p)
        ),
        shapes=("n", "p"),
        cdf=lambda k, n, p: parametric.betainc(n, np.floor(k) + 1, p),
        sf=lambda k, n, p: parametric.betainc(np.floor(k) + 1, n, 1 - p),
        low=_zero,
        discrete=True,
    ),
}


def is_family(value: Any) -> bool:
    """Whether a value is a family of distributions of SciPy's own."""
    return type(value).__module__.startswith("scipy.stats.") and type(value).__name__.endswith("_gen")
