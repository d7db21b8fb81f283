"""SciPy's functions on tensors: SciPy's values, and derivatives of first and second order by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial.distance
import scipy.special
import scipy.stats
from scipy.linalg import expm
from scipy.special import logsumexp
from tests.derivatives import differences

import wengert as wg
from wengert.errors import UnsupportedFunctionError

rng = np.random.default_rng(3)
A = rng.normal(size=(4, 4)) / 3
S = A @ A.T + np.eye(4)
B = rng.normal(size=(4, 2))
P = rng.uniform(0.2, 0.8, (2, 3))
SPARSE = scipy.sparse.random_array((4, 4), density=0.5, rng=1, format="csr")
KNOTS = np.arange(4.0)
MIDDLE = np.array([[0.0], [4.0], [0.0]])
SPLINE = scipy.interpolate.CubicSpline(KNOTS, np.sin(KNOTS))
PCHIP = scipy.interpolate.PchipInterpolator(KNOTS, np.sin(KNOTS))
CURVE = scipy.interpolate.CubicSpline(KNOTS, B)
PERIODIC = scipy.interpolate.CubicSpline(KNOTS, [0.0, 1.0, -1.0, 0.0], bc_type="periodic")


def symmetric(x: Any) -> Any:
    return (x + x.T) / 2


FUNCTIONS: dict[str, tuple[Any, np.ndarray]] = {
    "expm": (lambda x: scipy.linalg.expm(x), A),
    "expm of a stack": (lambda x: scipy.linalg.expm(x), np.stack([A, A.T])),
    "sqrtm": (lambda x: scipy.linalg.sqrtm(x), S),
    "sylvester": (lambda x: scipy.linalg.solve_sylvester(x, S, S), A + np.eye(4)),
    "block_diag": (lambda x: scipy.linalg.block_diag(x, x[0], B), A),
    "solve_triangular": (
        lambda x: (
            scipy.linalg.solve_triangular(x, B, lower=True, check_finite=False)
            + scipy.linalg.solve_triangular(x, B, trans=1)
            + scipy.linalg.solve_triangular(x, B, trans="T", lower=True, unit_diagonal=True)
        ),
        A + 2 * np.eye(4),
    ),
    "cho_solve": (lambda x: scipy.linalg.cho_solve(scipy.linalg.cho_factor(symmetric(x)), B[:, 0]), S),
    "cho_solve, lower": (
        lambda x: scipy.linalg.cho_solve((scipy.linalg.cholesky(symmetric(x), lower=True), True), B),
        S,
    ),
    "solve, inv and det": (
        lambda x: scipy.linalg.solve(x, B) * scipy.linalg.det(x) + scipy.linalg.inv(x)[:, :2],
        S,
    ),
    "norm": (lambda x: scipy.linalg.norm(x) + scipy.linalg.norm(x, 2) + scipy.linalg.svdvals(x)[1], A),
    "logsumexp": (
        lambda x: scipy.special.logsumexp(x, axis=0) + scipy.special.logsumexp(x, b=[[1.0], [3.0]]),
        P,
    ),
    "logsumexp with factors of both signs": (
        lambda x: scipy.special.logsumexp(x, axis=1, b=[2.0, -0.1, 0.0]),
        P,
    ),
    "softmax": (lambda x: scipy.special.softmax(x, axis=1) + scipy.special.log_softmax(x, axis=0), P),
    "polygamma": (lambda x: scipy.special.polygamma(2, x) + scipy.special.polygamma(0, x), P + 1),
    **{
        name: (lambda x, name=name: getattr(scipy.special, name)(x), P)
        for name in (
            "gammaln", "gamma", "digamma", "erf", "erfc", "erfinv", "erfcx", "ndtr", "ndtri", "log_ndtr",
            "expit", "logit", "log_expit", "i0", "i1", "entr", "exp10", "log1p", "j0", "j1", "y0", "y1",
            "i0e", "i1e", "k0", "k1", "k0e", "k1e", "rgamma", "erfcinv",
        )
    },
    **{
        name: (lambda x, name=name: getattr(scipy.special, name)(2, x + 1), P)
        for name in (
            "jv", "jn", "yv", "yn", "iv", "ive", "kn", "kv", "kve", "zeta", "gammainc", "gammaincc", "pdtr",
            "pdtrc", "chdtr", "chdtrc", "stdtr", "poch", "beta", "huber", "pseudo_huber", "boxcox",
        )
    },
    **{
        name: (lambda x, name=name: getattr(scipy.special, name)(3, 4, x), P)
        for name in ("betainc", "betaincc", "fdtr", "fdtrc", "gdtr", "gdtrc")
    },
    "comb": (lambda x: scipy.special.comb(5, x), P),
    "bdtr": (lambda x: scipy.special.bdtr([0.0, 2.0, 4.0], 4, x), P),
    "Student below 0": (lambda x: scipy.special.stdtr(3, -5 * x), P),
    "gamma functions of negative numbers": (
        lambda x: (
            scipy.special.rgamma(x - 2) + scipy.special.beta(x - 1, 0.4) + scipy.special.gammasgn(x - 1)
        ),
        P,
    ),
    "multigammaln": (lambda x: scipy.special.multigammaln(x + 1, 3), P),
    "solve_banded": (lambda x: scipy.linalg.solve_banded((1, 1), x + MIDDLE, B), A[:3]),
    "lyapunov": (
        lambda x: scipy.linalg.solve_continuous_lyapunov(x, S) + scipy.linalg.solve_discrete_lyapunov(x, S),
        A / 2 - np.eye(4) / 2,
    ),
    "integrals": (
        lambda x: (
            scipy.integrate.simpson(x, dx=0.1, axis=0) * scipy.integrate.trapezoid(x, x=[0, 1, 3, 4])
            + scipy.integrate.cumulative_trapezoid(x, initial=0)
        ),
        A,
    ),
    "distances of points": (
        lambda x: (
            scipy.spatial.distance.pdist(x).sum()
            + scipy.spatial.distance.cdist(x, B.T.repeat(2, 0)[:3].repeat(2, 1)[:, :4], "sqeuclidean")
            * scipy.spatial.distance.cdist(x, x[:3] + 3, "cityblock")
        ),
        A,
    ),
    "moments": (
        lambda x: (
            scipy.stats.skew(x) * scipy.stats.kurtosis(x, axis=1, fisher=False)
            + scipy.stats.zscore(x, axis=None, ddof=1) + scipy.stats.sem(x, axis=1)
        ),
        A,
    ),
    "means and entropies": (
        lambda x: (
            scipy.stats.gmean(x, axis=1) * scipy.stats.hmean(x, axis=1) + scipy.stats.variation(x, axis=1)
            + scipy.stats.entropy(x, x**2, base=2, axis=1) + scipy.stats.entropy(x, axis=1)
        ),
        P,
    ),
    "sums from place to place": (
        lambda x: np.add.reduceat(x, [0, 2, 1], axis=1) * np.multiply.reduceat(x, [1]), P
    ),
    "toeplitz": (lambda x: scipy.linalg.toeplitz(x[0]) + scipy.linalg.toeplitz(x[0], x[1]), A),
    **{
        f"convolve, {mode}": (lambda x, mode=mode: scipy.signal.convolve(x, x[:2, :3] + 1, mode), A)
        for mode in ("full", "same", "valid")
    },
    "sparse @ dense": (lambda x: SPARSE @ x + SPARSE.dot(x) + scipy.sparse.csr_matrix(S) * x, A),
    "dense @ sparse": (lambda x: x @ SPARSE + SPARSE.T @ x[0], A),
    "cubic spline": (lambda x: SPLINE(x) + SPLINE(x, 1) + SPLINE.derivative()(4 * x), P),
    "splines of several kinds": (lambda x: (PCHIP(3 * x) + PERIODIC(x + 4))[..., None] + CURVE(x), P),
    **{
        name: (lambda x, name=name: getattr(scipy.special, name)(x, x**2 + 0.1), P)
        for name in ("betaln", "xlogy", "xlog1py", "rel_entr", "kl_div")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name: str) -> None:
    function, x = FUNCTIONS[name]
    got, wanted = wg.trace(function, x)(x), function(x)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)
    weights = np.cos(np.arange(float(np.size(wanted)))).reshape(np.shape(wanted))

    def value(x: Any) -> Any:
        return np.sum(np.sin(function(x)) * weights)

    direction, other = rng.normal(size=(2, *x.shape))
    slope = wg.grad(value)
    np.testing.assert_allclose(np.sum(slope(x) * direction), differences(value, x, direction), rtol=1e-6)

    def along(x: Any) -> Any:
        return np.sum(slope(x) * direction)

    curve = np.sum(wg.grad(along)(x) * other)
    np.testing.assert_allclose(curve, differences(along, x, other), rtol=1e-6, atol=1e-8)


def test_at_the_edges() -> None:
    x = np.array([0.0, 1.0])
    np.testing.assert_array_equal(wg.trace(scipy.special.entr, x)(x), [0, 0])
    assert wg.grad(scipy.special.i1)(0.0) == 0.5
    assert wg.grad(scipy.special.log_ndtr)(-40.0) == pytest.approx(40.025, abs=1e-3)


def test_a_matrix_without_a_real_root_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="no real square root"):
        wg.grad(lambda x: np.sum(scipy.linalg.sqrtm(x)))(np.diag([1.0, -1.0]))


def test_a_function_of_scipys_is_differentiated_itself() -> None:
    for function, *args in (
        (logsumexp, P), (scipy.stats.norm.logpdf, P, 0.3, 1.2), (np.linalg.det, S),
        (scipy.signal.detrend, P[0]),
    ):  # fmt: skip
        assert wg.check_grad(function, *args), wg.check_grad(function, *args)
    slope = wg.grad(logsumexp)(P)
    np.testing.assert_allclose(slope, scipy.special.softmax(P), rtol=1e-12)


def test_functions_imported_by_name() -> None:
    for function, x in ((lambda x: expm(x), A), (lambda x: logsumexp(x, axis=0), P)):
        np.testing.assert_allclose(wg.trace(function, x)(x), function(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: scipy.linalg.logm(x), "scipy.linalg.logm"),
        (lambda x: scipy.linalg.lu(x), "scipy.linalg.lu"),
        (lambda x: scipy.stats.maxwell.pdf(x), "scipy.stats.maxwell.pdf"),
        (lambda x: scipy.stats.zmap(x, x), "scipy.stats.zmap"),
        (lambda x: scipy.signal.wiener(x), "scipy.signal.wiener"),
        (lambda x: scipy.integrate.quad(lambda t: x[0, 0] * t, 0, 1)[0], "scipy.integrate.quad"),
        (lambda x: scipy.sparse.csr_matrix(x), "scipy.sparse"),
        (lambda x: scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(S), x), "scipy.sparse.linalg.spsolve"),
        (lambda x: scipy.interpolate.UnivariateSpline(KNOTS, x[0]), "scipy.interpolate"),
        (
            lambda x: scipy.optimize.minimize(lambda y: np.sum((y - x[0]) ** 2), A[1]),
            "scipy.optimize.minimize",
        ),
        (lambda x: scipy.special.airy(x), "scipy.special.airy"),
    ],
)  # fmt: skip
def test_a_function_without_a_rule_is_named(function: Any, name: str) -> None:
    with pytest.raises(UnsupportedFunctionError, match=rf"^{name} has no rule.*test_scipy_functions"):
        wg.trace(function, A)


def test_solvers_are_refused_with_what_differentiates_them() -> None:
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.optimize.*wg.implicit"):
        wg.grad(lambda a: scipy.optimize.fsolve(lambda y: y - a, 0.0)[0])(1.0)
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.integrate.quad.*fixed steps"):
        wg.grad(lambda a: scipy.integrate.quad(lambda t: a * t, 0, 1)[0])(1.0)


def test_outside_of_a_trace_scipy_is_untouched() -> None:
    before = scipy.linalg.cho_factor
    wg.grad(lambda x: np.sum(scipy.linalg.cho_factor(x)[0]))(S)
    assert scipy.linalg.cho_factor is before
    assert type(scipy.linalg) is type(np.linalg)


def test_the_slope_of_a_modified_bessel_function_at_zero_is_its_limit() -> None:
    assert wg.grad(lambda x: scipy.special.i1(x))(0.0) == 0.5  # where i₁(x)/x is 0/0
