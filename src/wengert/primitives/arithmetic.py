"""Arithmetic: the four operations, powers, signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Interval, NotDifferentiable
from wengert.primitives.kinds import REAL_LINE, elementwise, promotion_of

POSITIVE = Interval(0.1, 3)

add = elementwise(
    "add",
    numpy=np.add,
    vjp=lambda ct, out, x, y: (ct, ct),
    python="{0} + {1}",
    domain=(REAL_LINE, REAL_LINE),
    complex=True,
    source="DLMF 1.4.8",
    linear=True,
)

sub = elementwise(
    "sub",
    numpy=np.subtract,
    vjp=lambda ct, out, x, y: (ct, -ct),
    python="{0} - {1}",
    domain=(REAL_LINE, REAL_LINE),
    complex=True,
    source="DLMF 1.4.8",
    linear=True,
)

mul = elementwise(
    "mul",
    numpy=np.multiply,
    vjp=lambda ct, out, x, y: (ct * y, ct * x),
    python="{0} * {1}",
    domain=(REAL_LINE, REAL_LINE),
    complex=True,
    source="DLMF 1.4.9",
)


def _div_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    # Dividing is slow: one quotient serves both, and it is shared with other quotients by the same y.
    slope = ct / y
    return slope, -slope * out


div = elementwise(
    "div",
    numpy=np.true_divide,
    vjp=_div_vjp,
    derivative=("1 / y", "-x / y**2"),
    python="{0} / {1}",
    domain=(REAL_LINE, POSITIVE),
    complex=True,
    source="DLMF 1.4.11",
)


@emitted
def divide_or_zero(x: Any, y: Any) -> Any:
    """x / y, and 0 where both are 0."""
    return np.where((x == 0) & (y == 0), np.zeros_like(y), x / y)


def _quotient_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    return quotient(ct, y), -quotient(ct * out, y)


quotient = elementwise(
    "quotient",
    numpy=divide_or_zero,
    vjp=_quotient_vjp,
    python="divide_or_zero({0}, {1})",
    formula="x / y",
    promote=promotion_of(np.divide),
    domain=(REAL_LINE, POSITIVE),
    special=(0.0, float("inf")),
    ties="0/0 = 0: what nothing depends on has no derivative to be divided",
    complex=True,
    source="DLMF 1.4.11",
    decomposition=lambda x, y: np.where((x == 0) & (y == 0), 0, x / y),
)

neg = elementwise(
    "neg",
    numpy=np.negative,
    vjp=lambda ct, out, x: (-ct,),
    python="-{0}",
    complex=True,
    source="DLMF 1.4.8",
    linear=True,
)


def _pow_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    # x**0 is 1 everywhere, also at 0, so its slope there is 0 and not 0·∞; and 0**y does not move with y.
    slope = np.where(y == 0, 0, y * x ** (y - 1))
    return ct * slope, ct * np.where(x == 0, 0, out * np.log(np.where(x == 0, 1, x)))


def _power(x: Any, y: Any) -> Any:
    # For one exponent of 0.5 NumPy computes square roots, which are NaN at −∞ and −0.0 at −0.0.
    return np.power(x, y) if y.ndim else np.power(x, y.reshape((1,) * max(x.ndim, 1))).reshape(x.shape)


pow = elementwise(
    "pow",
    numpy=_power,
    promote=promotion_of(np.power),
    vjp=_pow_vjp,
    derivative=("y * x ** (y - 1)", "out * log(x)"),
    python="{0} ** {1}",
    domain=(POSITIVE, REAL_LINE),
    special=(0.0, 1.0),
    ties="x**y at x = 0 with 0 < y < 1 has slope ∞",
    operations=10,
    complex=True,
    source="DLMF 4.2.26",
)

abs = elementwise(
    "abs",
    numpy=np.absolute,
    vjp=lambda ct, out, x: (ct * np.sign(x),),
    python="np.abs({0})",
    special=(0.0,),
    ties="abs′(0) = 0",
    complex=lambda z: np.hypot(np.real(z), np.imag(z)),
    source="lecture 002, (7.44)",
)

sign = elementwise(
    "sign",
    numpy=np.sign,
    vjp=NotDifferentiable("piecewise constant: the derivative is 0 wherever it exists"),
    python="np.sign({0})",
    special=(0.0,),
    ties="sign′(0) = 0",
    complex=lambda z: np.where(z == 0, 0, z / np.where(z == 0, 1, np.abs(z))),
    source="lecture 002, (7.42)",
)

square = elementwise(
    "square",
    numpy=np.square,
    vjp=lambda ct, out, x: (2 * ct * x,),
    python="{0} ** 2",
    complex=True,
    source="DLMF 4.2.26 with a = 2",
    decomposition=lambda x: x * x,
)

sqrt = elementwise(
    "sqrt",
    numpy=np.sqrt,
    vjp=lambda ct, out, x: (ct / (2 * out),),
    python="np.sqrt({0})",
    domain=(POSITIVE,),
    special=(0.0, float("inf")),
    ties="sqrt′(0) = ∞",
    complex=True,
    source="DLMF 4.2.26 with a = 1/2",
)

reciprocal = elementwise(
    "reciprocal",
    numpy=np.reciprocal,
    vjp=lambda ct, out, x: (-(ct * np.square(out)),),
    formula="1 / x",
    derivative=("-1 / x**2",),
    python=lambda operand: "1 / {0}" if operand.is_float else "np.reciprocal({0})",
    domain=(POSITIVE,),
    complex=True,
    source="DLMF 4.2.26 with a = -1",
)

cbrt = elementwise(
    "cbrt",
    numpy=np.cbrt,
    vjp=lambda ct, out, x: (ct / (3 * out * out),),
    python="np.cbrt({0})",
    domain=(POSITIVE,),
    special=(0.0, -8.0, float("inf")),
    ties="slope ∞ at 0",
    operations=10,
    source="DLMF 4.2.26",
)
