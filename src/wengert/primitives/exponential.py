"""Exponentials, logarithms and the functions made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Interval
from wengert.primitives import reference
from wengert.primitives.arithmetic import POSITIVE
from wengert.primitives.kinds import REAL_LINE, TRANSCENDENTAL, elementwise

INFINITIES = (float("-inf"), float("inf"))

exp = elementwise(
    "exp",
    numpy=np.exp,
    vjp=lambda ct, out, x: (ct * out,),
    python="np.exp({0})",
    special=(0.0, -1e4, 1e4, *INFINITIES),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.2.17",
)


def _log1p(x: Any) -> Any:
    shifted = 1 + x
    safe = np.where((shifted == 1) | (shifted == np.inf), 2, shifted)
    return np.where((shifted == 1) | (shifted == np.inf), x, np.log(safe) * (x / (safe - 1)))


expm1 = elementwise(
    "expm1",
    numpy=np.expm1,
    vjp=lambda ct, out, x: (ct * np.exp(x),),
    formula="exp(x) - 1",
    python="np.expm1({0})",
    special=(0.0, 1e-20, -1e4, *INFINITIES),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.2.17",
    decomposition=lambda x: np.tanh(x * 0.5) * (np.exp(x) + 1),
)

log = elementwise(
    "log",
    numpy=np.log,
    vjp=lambda ct, out, x: (ct / x,),
    formula="ln(x)",
    python="np.log({0})",
    domain=(POSITIVE,),
    special=(0.0, 1.0, float("inf")),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.2.26",
)

log1p = elementwise(
    "log1p",
    numpy=np.log1p,
    vjp=lambda ct, out, x: (ct / (1 + x),),
    formula="log(1 + x)",
    python="np.log1p({0})",
    domain=(Interval(-0.9, 3),),
    special=(0.0, 1e-20, -1.0, float("inf")),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.2.26",
    decomposition=_log1p,
)

sigmoid = elementwise(
    "sigmoid",
    numpy=reference.sigmoid,
    vjp=lambda ct, out, x: (ct * out * (1 - out),),
    formula="σ(x)",
    python="sigmoid({0})",
    implements=("scipy.special.expit",),
    special=(0.0, -1e4, 1e4, *INFINITIES),
    operations=TRANSCENDENTAL,
    source="lecture 002, (7.37)",
)

softplus = elementwise(
    "softplus",
    numpy=reference.softplus,
    vjp=lambda ct, out, x: (ct * sigmoid(x),),
    formula="log(1 + exp(x))",
    python="softplus({0})",
    special=(0.0, -1e4, 1e4, *INFINITIES),
    operations=2 * TRANSCENDENTAL,
    source="lecture 003, soft version of the rectified linear unit",
)


def _share(x: Any, y: Any) -> Any:
    """exp x / (exp x + exp y); where both are infinite their difference is NaN and says nothing."""
    return np.where((x == y) & np.isinf(x), np.where(x > 0, 0.5, 0.0), sigmoid(x - y))


def _logaddexp(x: Any, y: Any) -> Any:
    # Equal operands apart: the difference of two infinities is NaN.
    apart = np.maximum(x, y) + np.log1p(np.exp(-np.abs(x - y)))
    return np.where(x == y, x + math.log(2), apart)


logaddexp = elementwise(
    "logaddexp",
    numpy=np.logaddexp,
    vjp=lambda ct, out, x, y: (ct * _share(x, y), ct * _share(y, x)),
    formula="log(exp(x) + exp(y))",
    derivative=("sigmoid(x - y)", "sigmoid(y - x)"),
    python="np.logaddexp({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, -1e4, 1e4, *INFINITIES),
    ties="½ each where both are +∞, 0 where both are −∞",
    operations=2 * TRANSCENDENTAL,
    source="DLMF 4.2.17",
    decomposition=_logaddexp,
)


def _xlogy_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    y = np.where((x == 0) & (y == 0), 1, y)  # at the origin: log 1 = 0 and 0/1 = 0
    return ct * np.log(y), ct * (x / y)


xlogy = elementwise(
    "xlogy",
    numpy=reference.xlogy,
    vjp=_xlogy_vjp,
    formula="x * log(y)",
    derivative=("log(y)", "x / y"),
    python="xlogy({0}, {1})",
    implements=("scipy.special.xlogy",),
    domain=(REAL_LINE, POSITIVE),
    special=(0.0, 1.0),
    ties="both derivatives are 0 at (0, 0)",
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.2.26",
    decomposition=lambda x, y: np.where(x == 0, 0 * x, x * np.log(np.where(x == 0, 1, y))),
)


def _bell(height: float, x: Any) -> Any:
    """Return height · exp(−x²)."""
    if x.dtype.kind == "c":
        return height * np.exp(-np.square(x))
    # Far out, where the exponential is 0 in any case, the square would overflow.
    return np.where(np.abs(x) < 30, height * np.exp(-np.square(x)), 0)


erf = elementwise(
    "erf",
    numpy=reference.erf,
    vjp=lambda ct, out, x: (ct * _bell(2 / math.sqrt(math.pi), x),),
    derivative=("2 / sqrt(np.pi) * exp(-(x**2))",),
    python="erf({0})",
    implements=("scipy.special.erf",),
    special=(0.0, -10.0, 10.0, *INFINITIES),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 7.2.1",
)


@emitted
def erfc(x: Any) -> Any:
    """Complementary error function, 1 − erf(x) without its cancellation."""
    try:
        from scipy import special
    except ImportError:
        import math

        return np.vectorize(math.erfc, otypes=[x.dtype])(x)
    return special.erfc(x)


erfc_primitive = elementwise(
    "erfc",
    numpy=erfc,
    vjp=lambda ct, out, x: (ct * _bell(-2 / math.sqrt(math.pi), x),),
    derivative=("-2 / sqrt(np.pi) * exp(-(x**2))",),
    python="erfc({0})",
    implements=("scipy.special.erfc",),
    special=(0.0, -10.0, 10.0, *INFINITIES),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 7.2.2",
)

exp_difference = elementwise(
    "exp_difference",
    numpy=reference.exp_difference,
    vjp=lambda ct, out, x, y: (ct * out, -(ct * out)),
    formula="exp(x - y)",
    python="exp_difference({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, *INFINITIES),
    ties="a second operand of −∞ counts as 0, so that the softmax of nothing possible is 0",
    operations=TRANSCENDENTAL + 1,
    source="Blanchard, Higham & Higham 2021",
    decomposition=lambda x, y: np.exp(x - np.where(y == -np.inf, 0, y)),
)
