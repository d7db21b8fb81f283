"""SciPy's functions that are no universal functions: in traced functions these stand under their names.

SciPy is not imported for them. Options about memory and checks, which a traced value does not have, are taken
and change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import UnsupportedFunctionError
from wengert.primitives import composites
from wengert.primitives.functions import stop_gradient
from wengert.primitives.library import factorisations, linear_algebra, special
from wengert.trace.numpy_functions import fourier
from wengert.trace.numpy_functions.linear_algebra import columned
from wengert.trace.numpy_functions.table import array, whole
from wengert.trace.recorder import here
from wengert.trace.scipy import descriptive, images, interpolation, signals
from wengert.trace.scipy.known import along_axis, where_traced

_numpy: Any = np
_NEUTRAL = {"overwrite_a", "overwrite_b", "check_finite", "lapack_driver", "driver"}


def _take(name: str, options: dict[str, Any]) -> None:
    unknown = [option for option in options if option not in _NEUTRAL]
    if unknown:
        raise UnsupportedFunctionError(f"{name}: the option {unknown[0]}= has no rule{here()}")


def cholesky(a: Any, lower: bool = False, **options: Any) -> Any:
    """scipy.linalg.cholesky: the upper factor, or the lower one."""
    _take("scipy.linalg.cholesky", options)
    a = array(a)
    return factorisations.cholesky(a) if lower else factorisations.cholesky(a.mT).mT


def cho_factor(a: Any, lower: bool = False, **options: Any) -> tuple[Any, bool]:
    """scipy.linalg.cho_factor, with zeros where SciPy leaves what was there."""
    return cholesky(a, lower, **options), lower


def cho_solve(c_and_lower: Any, b: Any, **options: Any) -> Any:
    """scipy.linalg.cho_solve."""
    _take("scipy.linalg.cho_solve", options)
    factor, lower = array(c_and_lower[0]), bool(c_and_lower[1])
    factor = factor if lower else linear_algebra.adjoint(factor)
    half = columned(linear_algebra.triangular, factor, b, lower=True)
    return columned(linear_algebra.triangular, linear_algebra.adjoint(factor), half, lower=False)


def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **options: Any
) -> Any:
    """scipy.linalg.solve_triangular."""
    _take("scipy.linalg.solve_triangular", options)
    a = array(a)
    if unit_diagonal:
        a = np.where(np.eye(a.shape[-1], dtype=bool), np.ones((), a.dtype), a)
    if trans not in (0, "N"):
        a, lower = linear_algebra.adjoint(a) if trans in (2, "C") else a.mT, not lower
    return columned(linear_algebra.triangular, a, b, lower=bool(lower))


def solve(a: Any, b: Any, **options: Any) -> Any:
    """scipy.linalg.solve of a general matrix, whatever is said of its structure."""
    _take("scipy.linalg.solve", {name: one for name, one in options.items() if name != "assume_a"})
    return columned(linear_algebra.solve, a, b)


def block_diag(*arrs: Any) -> Any:
    """scipy.linalg.block_diag."""
    blocks = [_numpy.atleast_2d(array(one)) for one in arrs]
    width, rows, before = sum(one.shape[1] for one in blocks), [], 0
    for one in blocks:
        rows.append(_numpy.pad(one, ((0, 0), (before, width - before - one.shape[1]))))
        before += one.shape[1]
    return np.concatenate(rows, axis=0)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, **options: Any) -> Any:
    """scipy.special.logsumexp: log Σ b exp a, NaN where the sum is negative."""
    _take("scipy.special.logsumexp", options)
    a = array(a)
    axis = tuple(axis) if np.iterable(axis) else axis
    if b is None:
        return composites.logsumexp(a, axis, keepdims)
    factors = array(b)
    counted = np.where(factors == 0, -np.inf, a)
    # Less the largest, of which nothing depends; where that is infinite, so is the sum, or there is none.
    most = stop_gradient(np.max(counted, axis=axis, keepdims=True))
    most = np.where(np.isfinite(most), most, 0)
    total = np.log(np.sum(factors * np.exp(counted - most), axis=axis, keepdims=True)) + most
    return total if keepdims else np.squeeze(total, axis)


def polygamma(n: Any, x: Any) -> Any:
    """scipy.special.polygamma of a known order."""
    return special.polygamma(whole(n, "the order of polygamma"), array(x))


def _of_fft(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of scipy.fft, whose options about memory and threads change nothing."""

    def transformed(
        x: Any, *args: Any, overwrite_x: bool = False, workers: Any = None, **options: Any
    ) -> Any:
        if options.pop("plan", None) is not None:
            raise UnsupportedFunctionError(f"scipy.fft.{name}: the option plan= has no rule{here()}")
        return function(x, *args, **options)

    return transformed


_FFT: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(fourier, name)
        for name in (
            "fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn",
            "ifftn", "rfftn", "irfftn", "fftshift", "ifftshift", "dct", "dst",
        )
    },
    "idct": fourier.inverted(fourier.dct),
    "idst": fourier.inverted(fourier.dst),
    "dctn": fourier.over_axes(fourier.dct),
    "dstn": fourier.over_axes(fourier.dst),
    "idctn": fourier.over_axes(fourier.inverted(fourier.dct)),
    "idstn": fourier.over_axes(fourier.inverted(fourier.dst)),
}  # fmt: skip


def multigammaln(a: Any, d: int) -> Any:
    """scipy.special.multigammaln: the logarithm of the multivariate gamma function."""
    below = np.arange(whole(d, "the dimension of multigammaln")) / 2
    return d * (d - 1) / 4 * math.log(math.pi) + np.sum(special.gammaln(array(a)[..., None] - below), axis=-1)


def solve_banded(l_and_u: Any, ab: Any, b: Any, **options: Any) -> Any:
    """scipy.linalg.solve_banded, of the full matrix."""
    _take("scipy.linalg.solve_banded", options)
    ab, (below, above) = array(ab), l_and_u
    rows, columns = np.indices((ab.shape[1],) * 2)
    place = above + rows - columns
    inside = (place >= 0) & (place <= below + above)
    return columned(linear_algebra.solve, np.where(inside, ab[np.where(inside, place, 0), columns], 0), b)


def toeplitz(c: Any, r: Any = None) -> Any:
    """scipy.linalg.toeplitz, of the first column and the first row."""
    c = array(c)
    r = np.conjugate(c) if r is None else array(r)
    values = np.concatenate([c[::-1], r[1:]])
    return values[c.shape[0] - 1 - np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])]


def lyapunov(a: Any, q: Any) -> Any:
    """scipy.linalg.solve_continuous_lyapunov: X with A X + X Aᴴ = Q."""
    return linear_algebra.sylvester(a, linear_algebra.adjoint(array(a)), q)


def discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """scipy.linalg.solve_discrete_lyapunov: X with A X Aᴴ − X + Q = 0, as one system."""
    a, q = array(a), array(q)
    system: Any = np.eye(a.shape[0] ** 2, dtype=a.dtype) - np.kron(a, np.conjugate(a))
    return _numpy.linalg.solve(system, q.reshape(-1)).reshape(q.shape)


_METRICS: dict[str, Callable[[Any], Any]] = {
    "euclidean": lambda difference: _numpy.linalg.norm(difference, axis=-1),
    "sqeuclidean": lambda difference: np.sum(difference**2, axis=-1),
    "cityblock": lambda difference: np.sum(np.abs(difference), axis=-1),
    "chebyshev": lambda difference: np.max(np.abs(difference), axis=-1),
}


def _distances(XA: Any, XB: Any, metric: str = "euclidean") -> Any:
    """scipy.spatial.distance.cdist."""
    if metric not in _METRICS:
        raise UnsupportedFunctionError(f"cdist: of traced points, {metric=} has no rule{here()}")
    return _METRICS[metric](array(XA)[:, None] - array(XB)[None])


def _distances_of_pairs(X: Any, metric: str = "euclidean") -> Any:
    """scipy.spatial.distance.pdist."""
    if metric not in _METRICS:
        raise UnsupportedFunctionError(f"pdist: of traced points, {metric=} has no rule{here()}")
    first, second = np.triu_indices(np.shape(X)[0], 1)
    return _METRICS[metric](array(X)[first] - array(X)[second])


# What stands in traced functions for SciPy's functions, by the module that has them.
IN_TRACES: dict[str, dict[str, Any]] = {
    "scipy.linalg": {
        "cholesky": cholesky,
        "cho_factor": cho_factor,
        "cho_solve": cho_solve,
        "solve_triangular": solve_triangular,
        "solve": solve,
        "block_diag": block_diag,
        "solve_banded": solve_banded,
        "toeplitz": toeplitz,
        "inv": lambda a, **options: _numpy.linalg.inv(array(a)),
        "det": lambda a, **options: linear_algebra.det(a),
        "expm": lambda A: linear_algebra.exponential(A),
        "sqrtm": lambda A: linear_algebra.square_root(A),
        "solve_continuous_lyapunov": lyapunov,
        "solve_lyapunov": lyapunov,
        "solve_discrete_lyapunov": discrete_lyapunov,
        "solve_sylvester": lambda a, b, q: linear_algebra.sylvester(a, b, q),
        "eigvalsh": lambda a, **options: _numpy.linalg.eigvalsh(array(a)),
        "svdvals": lambda a, **options: _numpy.linalg.svdvals(array(a)),
        "pinv": lambda a, **options: _numpy.linalg.pinv(array(a)),
        "norm": lambda a, ord=None, axis=None, keepdims=False, **options: _numpy.linalg.norm(
            array(a), ord, axis, keepdims
        ),
    },
    "scipy.integrate": {
        name: along_axis("scipy.integrate", name)
        for name in ("trapezoid", "cumulative_trapezoid", "simpson", "cumulative_simpson", "romb")
    },
    "scipy.spatial.distance": {
        "cdist": where_traced("scipy.spatial.distance", "cdist")(_distances),
        "pdist": where_traced("scipy.spatial.distance", "pdist")(_distances_of_pairs),
    },
    "scipy.fft": {name: _of_fft(name, function) for name, function in _FFT.items()},
    "scipy.special": {
        "logsumexp": logsumexp,
        "softmax": lambda x, axis=None: composites.softmax(array(x), axis),
        "log_softmax": lambda x, axis=None: composites.log_softmax(array(x), axis),
        "polygamma": polygamma,
        "multigammaln": multigammaln,
        "comb": lambda N, k: special.WRITTEN_OUT["binom"](array(N), array(k)),
    },
    "scipy.stats": descriptive.IN_TRACES,
    "scipy.signal": signals.IN_TRACES,
    "scipy.interpolate": interpolation.IN_TRACES,
    "scipy.ndimage": images.IN_TRACES,
}
