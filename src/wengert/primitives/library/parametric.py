"""SciPy's functions with a parameter: Bessel, incomplete gamma and beta functions, the zeta function.

By the parameter, an order or a shape, they have no derivative in closed form, so none is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Interval, NotDifferentiable, Primitive
from wengert.ir.types import tensor_type
from wengert.primitives.arithmetic import POSITIVE
from wengert.primitives.batching import over_elements
from wengert.primitives.exponential import xlogy
from wengert.primitives.kinds import TRANSCENDENTAL, DType, broadcast_shapes, floating, library
from wengert.primitives.library.special import betaln, gammaln

_NONE = NotDifferentiable("it has no derivative in closed form by its order or shape")


def _promote(operands: Sequence[Any]) -> tuple[DType, ...]:
    """Leave whole numbers as parameters what they are; the argument, the last operand, is floating."""
    dtypes = floating(operands)
    return *(
        np.dtype(np.int64) if np.dtype(given).kind in "biu" else dtype
        for given, dtype in zip(operands[:-1], dtypes[:-1], strict=True)
    ), dtypes[-1]


def _parametric(
    name: str,
    numpy: Callable[..., Any],
    vjp: Callable[..., Any],
    source: str,
    operands: int = 2,
    argument: Interval = POSITIVE,
) -> Primitive:
    """Declare a function of parameters and, last, an argument; `vjp` gives its derivative by the argument."""
    return library(
        name,
        numpy=numpy,
        infer=lambda *types: tensor_type(broadcast_shapes(name, types), types[-1].dtype),
        vjp=lambda ct, out, *given: (*(_NONE,) * (operands - 1), ct * vjp(out, *given)),
        operands=operands,
        promote=_promote,
        source=source,
        flops=lambda out, types, params: 4 * TRANSCENDENTAL * out.size,
        batch=over_elements,
        domain=(*(Interval(2, 4, integer=True),) * (operands - 1), argument),
    )


@emitted
def jv_of(v: Any, x: Any) -> Any:
    """Bessel function of the first kind."""
    from scipy import special

    return special.jv(v, x).astype(x.dtype)


@emitted
def yv_of(v: Any, x: Any) -> Any:
    """Bessel function of the second kind."""
    from scipy import special

    return special.yv(v, x).astype(x.dtype)


@emitted
def ive_of(v: Any, x: Any) -> Any:
    """Modified Bessel function of the first kind, times exp(-|x|)."""
    from scipy import special

    return special.ive(v, x).astype(x.dtype)


@emitted
def kve_of(v: Any, x: Any) -> Any:
    """Modified Bessel function of the second kind, times exp(x)."""
    from scipy import special

    return special.kve(v, x).astype(x.dtype)


@emitted
def gammainc_of(a: Any, x: Any) -> Any:
    """Lower incomplete gamma function, divided by the gamma function."""
    from scipy import special

    return special.gammainc(a, x).astype(x.dtype)


@emitted
def gammaincc_of(a: Any, x: Any) -> Any:
    """Upper incomplete gamma function, divided by the gamma function."""
    from scipy import special

    return special.gammaincc(a, x).astype(x.dtype)


@emitted
def betainc_of(a: Any, b: Any, x: Any) -> Any:
    """Incomplete beta function, divided by the beta function."""
    from scipy import special

    return special.betainc(a, b, x).astype(x.dtype)


@emitted
def zeta_of(s: Any, x: Any) -> Any:
    """Hurwitz's zeta function."""
    from scipy import special

    return special.zeta(s, x).astype(x.dtype)


def _gamma_density(a: Any, x: Any) -> Any:
    return np.exp(xlogy(a - 1, x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(xlogy(a - 1, x) + xlogy(b - 1, 1 - x) - betaln(a, b))


jv: Primitive = _parametric("jv", jv_of, lambda out, v, x: (jv(v - 1, x) - jv(v + 1, x)) / 2, "DLMF 10.6.1")
yv: Primitive = _parametric("yv", yv_of, lambda out, v, x: (yv(v - 1, x) - yv(v + 1, x)) / 2, "DLMF 10.6.1")
ive: Primitive = _parametric(
    "ive",
    ive_of,
    lambda out, v, x: (ive(v - 1, x) + ive(v + 1, x)) / 2 - np.sign(x) * out,
    "DLMF 10.29.1",
)
kve: Primitive = _parametric(
    "kve", kve_of, lambda out, v, x: out - (kve(v - 1, x) + kve(v + 1, x)) / 2, "DLMF 10.29.1"
)
gammainc = _parametric("gammainc", gammainc_of, lambda out, a, x: _gamma_density(a, x), "DLMF 8.8.13")
gammaincc = _parametric("gammaincc", gammaincc_of, lambda out, a, x: -_gamma_density(a, x), "DLMF 8.8.13")
betainc = _parametric(
    "betainc",
    betainc_of,
    lambda out, a, b, x: _beta_density(a, b, x),
    "DLMF 8.17.1",
    operands=3,
    argument=Interval(0.1, 0.9),
)
zeta: Primitive = _parametric("zeta", zeta_of, lambda out, s, x: -s * zeta(s + 1, x), "DLMF 25.11.17")


def _student(df: Any, t: Any) -> Any:
    """Student's distribution function, by an argument of the beta function that is smooth at 0."""
    root = np.sqrt(df + t * t)
    below = t < 0
    # Of negative t the sum would cancel, and of positive t the quotient.
    near = df / (root - np.where(below, t, 0)) / (2 * root)
    return betainc(df / 2, df / 2, np.where(below, near, (root + np.where(below, 0, t)) / (2 * root)))


def _binomial(k: Any, n: Any, p: Any) -> Any:
    k = np.floor(k)
    inside = (k >= 0) & (k < n)
    found = betainc(np.where(inside, n - k, 1), np.where(inside, k + 1, 1), 1 - p)
    return np.where(inside, found, np.where(k == n, 1.0, np.nan))


# These, and those that are made of them, by SciPy's names.
WRITTEN_OUT: dict[str, Callable[..., Any]] = {
    **{one.name: one for one in (jv, yv, ive, kve, gammainc, gammaincc, betainc)},
    "_zeta": zeta,
    "j0": lambda x: jv(0, x),
    "j1": lambda x: jv(1, x),
    "y0": lambda x: yv(0, x),
    "y1": lambda x: yv(1, x),
    "yn": yv,
    "i0e": lambda x: ive(0, x),
    "i1e": lambda x: ive(1, x),
    "iv": lambda v, x: ive(v, x) * np.exp(np.abs(x)),
    "k0": lambda x: kve(0, x) * np.exp(-x),
    "k1": lambda x: kve(1, x) * np.exp(-x),
    "k0e": lambda x: kve(0, x),
    "k1e": lambda x: kve(1, x),
    "kn": lambda n, x: kve(n, x) * np.exp(-x),
    "kv": lambda v, x: kve(v, x) * np.exp(-x),
    "betaincc": lambda a, b, x: betainc(b, a, 1 - x),
    "btdtr": betainc,
    "chdtr": lambda v, x: gammainc(v / 2, x / 2),
    "chdtrc": lambda v, x: gammaincc(v / 2, x / 2),
    "gdtr": lambda a, b, x: gammainc(b, a * x),
    "gdtrc": lambda a, b, x: gammaincc(b, a * x),
    "pdtr": lambda k, m: gammaincc(np.floor(k) + 1, m),
    "pdtrc": lambda k, m: gammainc(np.floor(k) + 1, m),
    "stdtr": _student,
    "fdtr": lambda m, n, x: betainc(m / 2, n / 2, m * x / (m * x + n)),
    "fdtrc": lambda m, n, x: betainc(n / 2, m / 2, n / (m * x + n)),
    "bdtr": _binomial,
}
