"""Circular and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.primitive import Interval
from wengert.primitives.kinds import REAL_LINE, TRANSCENDENTAL, elementwise
from wengert.primitives.selection import stop_gradient

_INSIDE_ONE = Interval(-0.9, 0.9)

sin = elementwise(
    "sin",
    numpy=np.sin,
    vjp=lambda ct, out, x: (ct * np.cos(x),),
    python="np.sin({0})",
    special=(0.0, 1e4),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.20.1",
)

cos = elementwise(
    "cos",
    numpy=np.cos,
    vjp=lambda ct, out, x: (-(ct * np.sin(x)),),
    python="np.cos({0})",
    special=(0.0, 1e4),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.20.2",
)

tan = elementwise(
    "tan",
    numpy=np.tan,
    vjp=lambda ct, out, x: (ct * (1 + out**2),),
    python="np.tan({0})",
    domain=(Interval(-1.2, 1.2),),
    special=(0.0,),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.20.3",
)


def _one_minus_square(x: Any) -> Any:
    """1 − x², to the last digit near ±1 too, with the derivative −2x, which has no 0·∞ after a root at ±1."""
    square = 1 - np.square(x)
    return square + stop_gradient((1 - x) * (1 + x) - square)


arcsin = elementwise(
    "arcsin",
    numpy=np.arcsin,
    vjp=lambda ct, out, x: (ct / np.sqrt(_one_minus_square(x)),),
    derivative=("1 / sqrt(1 - x**2)",),
    python="np.arcsin({0})",
    domain=(_INSIDE_ONE,),
    special=(0.0, -1.0, 1.0),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.24.7",
)

arccos = elementwise(
    "arccos",
    numpy=np.arccos,
    vjp=lambda ct, out, x: (-(ct / np.sqrt(_one_minus_square(x))),),
    derivative=("-1 / sqrt(1 - x**2)",),
    python="np.arccos({0})",
    domain=(_INSIDE_ONE,),
    special=(0.0, -1.0, 1.0),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.24.8",
)


def _arctan_vjp(ct: Any, out: Any, x: Any) -> tuple[Any, ...]:
    if x.dtype.kind == "c":
        return (ct / (1 + np.square(x)),)
    # 1/r² with r = √(1 + x²), which neither overflows nor makes the next derivative do so.
    radius = np.hypot(1, x)
    return (ct * np.where(np.isinf(x), 0, 1 / radius / radius),)


arctan = elementwise(
    "arctan",
    numpy=np.arctan,
    vjp=_arctan_vjp,
    derivative=("1 / (1 + x**2)",),
    python="np.arctan({0})",
    special=(0.0, 1e4),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.24.9",
)


def _arctan2_vjp(ct: Any, out: Any, y: Any, x: Any) -> tuple[Any, ...]:
    # (x/r)/r with r = √(x² + y²), which does not overflow where r² would.
    radius = np.hypot(x, y)
    safe = np.where(radius == 0, 1, radius)
    over = np.where(radius == 0, 0, ct / safe)
    return over * (x / safe), -(over * (y / safe))


arctan2 = elementwise(
    "arctan2",
    numpy=np.arctan2,
    vjp=_arctan2_vjp,
    derivative=("y / (x**2 + y**2)", "-x / (x**2 + y**2)"),
    python="np.arctan2({0}, {1})",
    domain=(REAL_LINE, Interval(0.1, 3)),
    special=(0.0, 1.0, -1.0),
    ties="both derivatives are 0 at the origin",
    operations=TRANSCENDENTAL,
    source="DLMF 4.24.9",
)


def _hypot_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    return ct * _cosine(x, out), ct * _cosine(y, out)


def _cosine(side: Any, radius: Any) -> Any:
    """side/radius, which no inverse of the radius overflows in; 0 at the origin, ±1 for an infinite side."""
    ordinary = (radius != 0) & np.isfinite(side)
    return np.where(ordinary, side / np.where(ordinary, radius, 1), np.sign(side))


def _hypot(x: Any, y: Any) -> Any:
    # Divided by the larger first, whose square may overflow.
    large, small = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
    ratio = small / np.where(large == 0, 1, large)
    return np.where(np.isinf(x) | np.isinf(y), np.inf, large * np.sqrt(1 + ratio * ratio))


hypot = elementwise(
    "hypot",
    numpy=np.hypot,
    vjp=_hypot_vjp,
    formula="sqrt(x**2 + y**2)",
    derivative=("x / out", "y / out"),
    python="np.hypot({0}, {1})",
    domain=(REAL_LINE, Interval(0.1, 3)),
    special=(0.0, 1.0),
    ties="both derivatives are 0 at the origin",
    operations=4,
    source="DLMF 4.2.26 with a = 1/2",
    decomposition=_hypot,
)

sinh = elementwise(
    "sinh",
    numpy=np.sinh,
    vjp=lambda ct, out, x: (ct * np.cosh(x),),
    python="np.sinh({0})",
    special=(0.0, 1e4),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.34.1",
)

cosh = elementwise(
    "cosh",
    numpy=np.cosh,
    vjp=lambda ct, out, x: (ct * np.sinh(x),),
    python="np.cosh({0})",
    special=(0.0, 1e4),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.34.2",
)

tanh = elementwise(
    "tanh",
    numpy=np.tanh,
    vjp=lambda ct, out, x: (ct * (1 - out**2),),
    python="np.tanh({0})",
    special=(0.0, -20.0, 20.0),
    operations=TRANSCENDENTAL,
    complex=True,
    source="lecture 002, (7.40); DLMF 4.34.8",
)


def _arcsinh_vjp(ct: Any, out: Any, x: Any) -> tuple[Any, ...]:
    if x.dtype.kind == "c":
        return (ct / np.sqrt(1 + np.square(x)),)
    # The root of 1 + x² without overflow; an infinite x has slope 0, whose own slope is 0 and not ∞/∞.
    return (ct * np.where(np.isinf(x), 0, 1 / np.hypot(1, x)),)


arcsinh = elementwise(
    "arcsinh",
    numpy=np.arcsinh,
    vjp=_arcsinh_vjp,
    derivative=("1 / sqrt(1 + x**2)",),
    python="np.arcsinh({0})",
    special=(0.0, 1e-20, -1e4, 1e300, float("inf"), float("-inf")),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.40.8",
)

arctanh = elementwise(
    "arctanh",
    numpy=np.arctanh,
    vjp=lambda ct, out, x: (ct / _one_minus_square(x),),
    derivative=("1 / (1 - x**2)",),
    python="np.arctanh({0})",
    domain=(_INSIDE_ONE,),
    special=(0.0, 1e-20, -1.0, 1.0),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.40.10",
)

arccosh = elementwise(
    "arccosh",
    numpy=np.arccosh,
    vjp=lambda ct, out, x: (ct / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    derivative=("1 / sqrt(x**2 - 1)",),
    python="np.arccosh({0})",
    domain=(Interval(1.2, 4),),
    special=(1.0, float("inf")),
    operations=TRANSCENDENTAL,
    complex=True,
    source="DLMF 4.37.19, differentiated",
)
