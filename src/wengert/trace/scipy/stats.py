"""scipy.stats in traced functions: its distributions, by formula where an argument is traced.

SciPy's own methods fill arrays under masks, which takes arrays alone.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives.exponential import xlogy
from wengert.primitives.library import factorisations, linear_algebra, special
from wengert.trace.numpy_functions.table import array
from wengert.trace.recorder import current_trace, here
from wengert.trace.scipy.distributions import DISTRIBUTIONS, Distribution, is_family
from wengert.trace.tensor import Tensor, joined

Method = Callable[..., Any]
_numpy: Any = np
_AT_LOW = {"cdf": 0.0, "sf": 1.0, "logcdf": -np.inf, "logsf": 0.0}
_AT_HIGH = {"cdf": 1.0, "sf": 0.0, "logcdf": 0.0, "logsf": -np.inf}


def _parameters(name: str, family: Distribution, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the shape parameters, loc and scale."""
    names = [*family.shapes, "loc", *([] if family.discrete else ["scale"])]
    given = {"loc": 0.0, "scale": 1.0} | dict(zip(names, args, strict=False)) | kwargs
    if not {*family.shapes} <= given.keys() <= {*names, "scale"} or len(args) > len(names):
        raise TypeError(f"scipy.stats.{name} takes the parameters {', '.join(names)}{here()}")
    return [_floating(given[one]) for one in (*family.shapes, "loc", "scale")]


def _floating(value: Any) -> Any:
    value = array(value)
    return value.astype(float) if value.dtype.kind in "biu" else value


def _inside(family: Distribution, low: float) -> float:
    """Return a place of which the formulas are finite, for what lies outside."""
    return low if family.discrete else max(low, 0.0) + 0.5


def _density(name: str, family: Distribution, logarithm: bool, x: Any, *args: Any, **kwargs: Any) -> Any:
    *shapes, loc, scale = _parameters(name, family, args, kwargs)
    z = (array(x) - loc) / scale
    low = family.low(*shapes)
    outside = (z < low) | (z > family.high(*shapes))
    if family.discrete:
        outside = outside | ((np.floor(z) != z) & ~np.isnan(z))
    value = family.log(np.where(outside, _inside(family, low), z), *shapes) - np.log(scale)
    return np.where(outside, -np.inf, value) if logarithm else np.where(outside, 0.0, np.exp(value))


def _formulas(family: Distribution) -> dict[str, Method]:
    """Return the distribution function, 1 less that, and their logarithms."""
    logcdf, logsf = family.logcdf, family.logsf
    # Each family declares the distribution function or its logarithm.
    cdf: Method = family.cdf or (lambda *z: np.exp(logcdf(*z)))  # type: ignore[misc]
    sf: Method = family.sf or (lambda *z: np.exp(logsf(*z)) if logsf else 1 - cdf(*z))
    return {
        "cdf": cdf,
        "sf": sf,
        "logcdf": logcdf or (lambda *z: np.log(cdf(*z))),
        "logsf": logsf or (lambda *z: np.log(sf(*z))),
    }


def _cumulative(name: str, family: Distribution, method: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    *shapes, loc, scale = _parameters(name, family, args, kwargs)
    z = (array(x) - loc) / scale
    low = family.low(*shapes)
    below, above = (z < low) if family.discrete else (z <= low), z >= family.high(*shapes)
    value = _formulas(family)[method](np.where(below | above, _inside(family, low), z), *shapes)
    return np.where(below, _AT_LOW[method], np.where(above, _AT_HIGH[method], value))


def _quantile(name: str, family: Distribution, q: Any, *args: Any, **kwargs: Any) -> Any:
    *shapes, loc, scale = _parameters(name, family, args, kwargs)
    assert family.ppf is not None
    return loc + scale * family.ppf(_floating(q), *shapes)


def _methods(name: str, family: Distribution) -> dict[str, Method]:
    kind = "pmf" if family.discrete else "pdf"
    return {
        f"log{kind}": partial(_density, name, family, True),
        kind: partial(_density, name, family, False),
        **{method: partial(_cumulative, name, family, method) for method in _AT_LOW},
        **({"ppf": partial(_quantile, name, family)} if family.ppf else {}),
    }


def _covariance(cov: Any, dim: int) -> Any:
    cov = _floating(cov)
    if cov.ndim < 2:
        return _numpy.eye(dim) * cov
    if cov.shape != (dim, dim):
        raise ShapeError(f"multivariate_normal: {dim} coordinates and a covariance {cov.shape}{here()}")
    return cov


def _normal_logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
    x, dim = _floating(x), max(np.shape(mean)[-1:] or np.shape(cov)[-1:] or (1,))
    if x.ndim == 0 or (x.ndim == 1 and dim == 1):
        x = x[..., None]
    deviation = x if mean is None else x - mean
    cov = _covariance(cov, deviation.shape[-1])
    rows = np.reshape(deviation, (-1, cov.shape[-1]))
    if allow_singular:
        values = _numpy.linalg.eigvalsh(cov)
        kept = values > 1e6 * np.finfo(values.dtype).eps * np.max(np.abs(values))  # as SciPy has it
        log_det, rank = np.sum(np.where(kept, np.log(np.where(kept, values, 1)), 0)), np.sum(kept)
        distance = np.sum(rows @ _numpy.linalg.pinv(cov) * rows, axis=-1)
    else:
        factor = factorisations.cholesky(cov)
        log_det, rank = 2 * np.sum(np.log(np.diagonal(factor))), cov.shape[-1]
        distance = np.sum(linear_algebra.triangular(factor, rows.T, lower=True) ** 2, axis=0)
    total = -(rank * math.log(2 * math.pi) + log_det + distance) / 2
    return np.reshape(total, deviation.shape[:-1])


def _normal_entropy(mean: Any = None, cov: Any = 1) -> Any:
    dim = max(np.shape(mean)[-1:] or np.shape(cov)[-1:] or (1,))
    return (
        dim * (math.log(2 * math.pi) + 1) + linear_algebra.slogdet_pair(_covariance(cov, dim))[..., 1]
    ) / 2


def _dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    x, alpha = _floating(x), _floating(alpha)
    if x.shape[0] == alpha.shape[0] - 1:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)], axis=0)
    powers = np.reshape(alpha, (-1,) + (1,) * (x.ndim - 1)) - 1
    return special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha)) + np.sum(xlogy(powers, x), axis=0)


def _multinomial_logpmf(x: Any, n: Any, p: Any) -> Any:
    x, n, p = map(_floating, (x, n, p))
    return special.gammaln(n + 1) + np.sum(xlogy(x, p) - special.gammaln(x + 1), axis=-1)


# What is computed by formula, by the name of the distribution.
METHODS: dict[str, dict[str, Method]] = {
    **{name: _methods(name, family) for name, family in DISTRIBUTIONS.items()},
    "multivariate_normal": {
        "logpdf": _normal_logpdf,
        "pdf": lambda *args, **kwargs: np.exp(_normal_logpdf(*args, **kwargs)),
        "entropy": _normal_entropy,
    },
    "dirichlet": {"logpdf": _dirichlet_logpdf, "pdf": lambda x, alpha: np.exp(_dirichlet_logpdf(x, alpha))},
    "multinomial": {
        "logpmf": _multinomial_logpmf,
        "pmf": lambda x, n, p: np.exp(_multinomial_logpmf(x, n, p)),
    },
}


def _lookup(distribution: Any, name: str) -> Any:
    """Return an attribute of a distribution, for a traced function with what traced arguments need."""
    scipys = object.__getattribute__(distribution, name)
    if name.startswith("_") or current_trace() is None or not is_family(distribution):
        return scipys
    return standing_for(distribution, name, scipys) or scipys


def standing_for(distribution: Any, name: str, scipys: Any) -> Any:
    """Return what stands in traced functions for a method of a distribution, or None."""
    by_formula = METHODS.get(type(distribution).__name__.removesuffix("_gen"), {}).get(name)
    return None if by_formula is None else partial(_called, by_formula, scipys)


def _called(by_formula: Method, scipys: Method, *args: Any, **kwargs: Any) -> Any:
    traced = any(isinstance(joined(one), Tensor) for one in (*args, *kwargs.values()))
    return (by_formula if traced else scipys)(*args, **kwargs)


def _classes() -> list[Any]:
    stats = sys.modules.get("scipy.stats")
    if stats is None:
        return []
    several = [type(getattr(stats, name)) for name in ("multivariate_normal", "dirichlet", "multinomial")]
    return [stats.rv_continuous, stats.rv_discrete, *several]


def watch() -> None:
    """Let distributions look who asks for their methods, as long as a function is traced.

    So they are found however a function comes to them: by a module, a name, an attribute, a given argument.
    """
    for one in _classes():
        one.__getattribute__ = _lookup


def leave() -> None:
    """Let distributions be as SciPy made them."""
    for one in _classes():
        if "__getattribute__" in vars(one):
            del one.__getattribute__
