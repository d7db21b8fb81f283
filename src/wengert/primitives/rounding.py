"""Rounding, division with remainder, and bits: piecewise constant, or linear between jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import NotDifferentiable, Primitive
from wengert.ir.types import tensor_type
from wengert.primitives.arithmetic import POSITIVE
from wengert.primitives.batching import over_elements
from wengert.primitives.kinds import REAL_LINE, broadcast_shapes, elementwise, library, promotion_of

_STEPS = NotDifferentiable("piecewise constant: the derivative is 0 wherever it exists")


def _rounding(name: str, ufunc: np.ufunc, complex: bool | Callable[..., Any] = False) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_STEPS,
        python=f"np.{name}({{0}})",
        special=(0.0, 0.5, -0.5, 1.5, float("inf"), float("nan")),
        complex=complex,
        source="IEEE 754-2019, 5.9",
    )


floor = _rounding("floor", np.floor)
ceil = _rounding("ceil", np.ceil)
trunc = _rounding("trunc", np.trunc)
rint = _rounding("rint", np.rint, lambda z: np.rint(np.real(z)) + 1j * np.rint(np.imag(z)))

floor_divide = elementwise(
    "floor_divide",
    numpy=np.floor_divide,
    vjp=_STEPS,
    python="np.floor_divide({0}, {1})",
    domain=(REAL_LINE, POSITIVE),
    source="NumPy reference: floor_divide",
)


def _remainder_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    return ct, -ct * np.rint((x - out) / y)  # how often y goes into x


def _remainder(name: str, ufunc: np.ufunc, python: str, ties: str) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_remainder_vjp,
        python=python,
        domain=(REAL_LINE, POSITIVE),
        ties=ties,
        source="DLMF 1.4.8 between the jumps",
    )


remainder = _remainder(
    "remainder", np.remainder, "np.remainder({0}, {1})", "at a multiple of y: as on its right"
)
fmod = _remainder("fmod", np.fmod, "np.fmod({0}, {1})", "at a multiple of y: as farther from 0")

copysign = elementwise(
    "copysign",
    numpy=np.copysign,
    vjp=lambda ct, out, x, y: (ct * np.sign(x) * np.sign(out), None),
    python="np.copysign({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, -0.0, float("inf")),
    ties="0 at x = 0, as for abs",
    source="IEEE 754-2019, 5.5.1",
)

nextafter = elementwise(
    "nextafter",
    numpy=np.nextafter,
    vjp=lambda ct, out, x, y: (ct, None),
    python="np.nextafter({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, float("inf")),
    ties="the neighbour of x moves with x",
    source="IEEE 754-2019, 5.3.1",
)


def _bitwise(name: str, ufunc: np.ufunc, operands: int = 2) -> Primitive:
    return library(
        name,
        numpy=ufunc,
        infer=lambda *types: tensor_type(broadcast_shapes(name, types), types[-1].dtype),
        vjp=_STEPS,
        operands=operands,
        promote=promotion_of(ufunc),
        source="NumPy reference: bit-wise operations",
        batch=over_elements,
    )


bitwise_and = _bitwise("bitwise_and", np.bitwise_and)
bitwise_or = _bitwise("bitwise_or", np.bitwise_or)
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor)
invert = _bitwise("invert", np.invert, 1)
left_shift = _bitwise("left_shift", np.left_shift)
right_shift = _bitwise("right_shift", np.right_shift)
