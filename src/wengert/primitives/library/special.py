"""SciPy's special functions, known to tensors by their names; SciPy is imported when one is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Interval, Primitive
from wengert.primitives.arithmetic import POSITIVE
from wengert.primitives.exponential import erfc_primitive, softplus, xlogy
from wengert.primitives.kinds import REAL_LINE, TRANSCENDENTAL, elementwise


@emitted
def scipy_special(name: Any, *operands: Any) -> Any:
    """A function of scipy.special."""
    from scipy import special

    return getattr(special, name)(*operands)


@emitted
def polygamma_of(order: Any, x: Any) -> Any:
    """Derivative of ln Γ of order + 1."""
    from scipy import special

    if np.ndim(order) == 0 and order == 0:
        return special.psi(x)
    return special.polygamma(order, x).astype(x.dtype)


def _special(
    name: str,
    vjp: Callable[..., tuple[Any, ...]],
    source: str,
    *domain: Interval,
    special: tuple[float, ...] = (),
    formula: str = "",
) -> Primitive:
    places = [f"{{{place}}}" for place in range(len(domain))]
    return elementwise(
        name,
        numpy=lambda *operands: scipy_special(name, *operands),
        vjp=vjp,
        python=f"scipy_special({name!r}, {', '.join(places)})",
        formula=formula or f"{name}({', '.join('xyz'[: len(domain)])})",
        implements=(f"scipy.special.{name}",),
        domain=domain,
        special=special,
        operations=2 * TRANSCENDENTAL,
        source=source,
    )


polygamma: Primitive = elementwise(
    "polygamma",
    numpy=polygamma_of,
    vjp=lambda ct, out, order, x: (None, ct * polygamma(order + 1, x)),
    python="polygamma_of({0}, {1})",
    domain=(Interval(0, 1, integer=True), POSITIVE),
    operations=TRANSCENDENTAL,
    source="DLMF 5.15",
)


def digamma(x: Any) -> Any:
    """Derivative of ln Γ."""
    return polygamma(0, x)


gammaln = _special("gammaln", lambda ct, out, x: (ct * digamma(x),), "DLMF 5.2.2", POSITIVE)
gamma = _special("gamma", lambda ct, out, x: (ct * out * digamma(x),), "DLMF 5.2.2", POSITIVE, formula="Γ(x)")
betaln = _special(
    "betaln",
    lambda ct, out, x, y: (ct * (digamma(x) - digamma(x + y)), ct * (digamma(y) - digamma(x + y))),
    "DLMF 5.12.1",
    POSITIVE,
    POSITIVE,
)
erfinv = _special(
    "erfinv",
    lambda ct, out, x: (ct * (math.sqrt(math.pi) / 2) * np.exp(out * out),),
    "DLMF 7.17.1",
    Interval(-0.9, 0.9),
    special=(0.0, 1.0, -1.0),
)
erfcx = _special(
    "erfcx", lambda ct, out, x: (ct * (2 * x * out - 2 / math.sqrt(math.pi)),), "DLMF 7.2.3", REAL_LINE
)
ndtri = _special(
    "ndtri",
    lambda ct, out, x: (ct * math.sqrt(2 * math.pi) * np.exp(out * out / 2),),
    "DLMF 7.17.1",
    Interval(0.1, 0.9),
    special=(0.0, 1.0),
)
log_ndtr = _special(
    "log_ndtr",
    lambda ct, out, x: (ct * np.exp(-x * x / 2 - out) / math.sqrt(2 * math.pi),),
    "the logarithm of DLMF 7.2.2",
    REAL_LINE,
    special=(0.0, 30.0, -30.0),
)
logit = _special(
    "logit",
    lambda ct, out, x: (ct / (x * (1 - x)),),
    "the inverse of lecture 002, (7.37)",
    Interval(0.1, 0.9),
    special=(0.0, 1.0),
)


def _i1_vjp(ct: Any, out: Any, x: Any) -> tuple[Any, ...]:
    return (ct * np.where(x == 0, 0.5, i0(x) - out / np.where(x == 0, 1, x)),)


i1 = _special(
    "i1",
    _i1_vjp,
    "DLMF 10.29.2",
    POSITIVE,
    special=(0.0, 1.0),
)
i0 = _special("i0", lambda ct, out, x: (ct * i1(x),), "DLMF 10.29.3", REAL_LINE, special=(0.0, 1.0))


def _relative_entropy(x: Any, y: Any) -> Any:
    inside = (x > 0) & (y > 0)
    ratio = np.where(inside, x, 1) / np.where(inside, y, 1)
    return np.where(inside, x * np.log(ratio), np.where((x == 0) & (y >= 0), 0, np.inf))


def _sign_of_gamma(x: Any) -> Any:
    odd = np.remainder(np.floor(x), 2) == 1
    return np.where(np.isnan(x) | ((x < 0) & (np.floor(x) == x)), np.nan, np.where((x < 0) & odd, -1.0, 1.0))


def _beta(x: Any, y: Any) -> Any:
    return np.exp(betaln(x, y)) * (_sign_of_gamma(x) * _sign_of_gamma(y) * _sign_of_gamma(x + y))


def _reciprocal_gamma(x: Any) -> Any:
    pole = (x <= 0) & (np.floor(x) == x)
    return np.where(pole, 0.0, np.exp(-gammaln(x)) * np.where(pole, 1.0, _sign_of_gamma(x)))


# Those that are made of others, by SciPy's names.
WRITTEN_OUT: dict[str, Callable[..., Any]] = {
    "beta": _beta,
    "rgamma": _reciprocal_gamma,
    "gammasgn": _sign_of_gamma,
    "poch": lambda x, m: np.exp(gammaln(x + m) - gammaln(x)) * (_sign_of_gamma(x + m) * _sign_of_gamma(x)),
    "binom": lambda n, k: np.exp(-betaln(n - k + 1, k + 1)) / (n + 1),
    "erfcinv": lambda x: ndtri(x / 2) / -math.sqrt(2),
    "boxcox": lambda x, lmbda: np.where(
        lmbda == 0, np.log(x), np.expm1(lmbda * np.log(x)) / np.where(lmbda == 0, 1, lmbda)
    ),
    "huber": lambda delta, r: np.where(np.abs(r) <= delta, r * r / 2, delta * (np.abs(r) - delta / 2)),
    "pseudo_huber": lambda delta, r: delta * delta * (np.sqrt(1 + (r / delta) ** 2) - 1),
    "psi": digamma,
    "ndtr": lambda x: erfc_primitive(-x / math.sqrt(2)) / 2,
    "entr": lambda x: np.where(x < 0, -np.inf, -xlogy(x, np.where(x < 0, 1, x))),
    "rel_entr": _relative_entropy,
    "kl_div": lambda x, y: _relative_entropy(x, y) - x + y,
    "xlog1py": lambda x, y: np.where(x == 0, 0 * x, x * np.log1p(np.where(x == 0, 0, y))),
    "log_expit": lambda x: -softplus(-x),
    "exp10": lambda x: 10.0**x,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "cbrt": np.cbrt,
    "exp2": np.exp2,
}
