"""Choosing between values: maximum, minimum, clip, where; and conversions that leave values alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError
from wengert.ir.primitive import Interval, Kind, NotDifferentiable, Primitive, register
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.batching import over_leading
from wengert.primitives.kinds import BOOL, REAL_LINE, DType, common_dtype, elementwise, unchanged


def _share(ct: Any, x: Any, y: Any, x_wins: Any, y_wins: Any) -> Any:
    """Split a cotangent between two operands; at a tie a constant takes nothing away from itself.

    Against a constant the constant wins the tie, so that maximum(0, z) is the lectures' ReLU with
    ReLU′(0) = 0; two variables share it evenly.
    """
    if getattr(x, "is_constant", False):
        return None, np.where(y_wins, ct, 0)
    if getattr(y, "is_constant", False):
        return np.where(x_wins, ct, 0), None
    tied = np.where(x == y, ct / 2, 0)
    return np.where(x_wins, ct, tied), np.where(y_wins, ct, tied)


maximum = elementwise(
    "maximum",
    numpy=np.maximum,
    vjp=lambda ct, out, x, y: _share(ct, x, y, x > y, y > x),
    formula="max(x, y)",
    python="np.maximum({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, float("nan")),
    ties="½ each; all to a constant operand, none to the variable",
    complex=True,
    source="lecture 002, (7.35)",
)

minimum = elementwise(
    "minimum",
    numpy=np.minimum,
    vjp=lambda ct, out, x, y: _share(ct, x, y, x < y, y < x),
    formula="min(x, y)",
    python="np.minimum({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, float("nan")),
    ties="½ each; all to a constant operand, none to the variable",
    complex=True,
    source="lecture 002, (7.35)",
)


def _clip_vjp(ct: Any, out: Any, x: Any, low: Any, high: Any) -> tuple[Any, ...]:
    above = np.maximum(x, low) > high  # also where the bounds are crossed
    rest = np.where(above, 0, ct)
    return np.where(x >= low, rest, 0), np.where(x < low, rest, 0), np.where(above, ct, 0)


clip = elementwise(
    "clip",
    numpy=np.clip,
    vjp=_clip_vjp,
    derivative=("(y <= x) * (x <= z)", "(x < y) * (y <= z)", "maximum(x, y) > z"),
    python="np.clip({0}, {1}, {2})",
    promote=common_dtype,
    domain=(REAL_LINE, Interval(-2, -1), Interval(1, 2)),
    special=(-1.0, 1.0),
    ties="1 at either bound; all to the upper bound where the lower one is above it",
    complex=True,
    source="min(max(x, low), high), piece by piece",
    decomposition=lambda x, low, high: np.minimum(np.maximum(x, low), high),
)


def _where_dtypes(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    return (BOOL, *common_dtype(dtypes[1:]))


where = elementwise(
    "where",
    numpy=np.where,
    vjp=lambda ct, out, condition, x, y: (None, np.where(condition, ct, 0), np.where(condition, 0, ct)),
    formula="y if x else z",
    python="np.where({0}, {1}, {2})",
    promote=_where_dtypes,
    domain=(Interval(0, 1, integer=True), REAL_LINE, REAL_LINE),
    ties="a branch not taken contributes nothing, even where its own derivative is infinite",
    selects=True,
    complex=True,
    source="lecture 002, (7.36)",
)

stop_gradient = elementwise(
    "stop_gradient",
    numpy=lambda x: x,
    vjp=NotDifferentiable("declared constant by the user"),
    formula="const(x)",
    python="{0}",
    promote=unchanged,
    operations=0,
    complex=True,
    source="the user's declaration",
)


def _astype_type(operand: TensorType, *, dtype: DType) -> TensorType:
    if operand.is_complex and dtype.kind not in "cb":
        raise DTypeError(
            f"astype: {dtype} has no place for the imaginary part of {operand.dtype}: take np.real(z)"
        )
    return tensor_type(operand.shape, dtype)


def _converted(x: Any, dtype: DType) -> Any:
    """x in another dtype; what an integer cannot hold becomes its nearest value, and NaN 0.

    NumPy leaves these to the processor.
    """
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return x.astype(dtype)
    with np.errstate(invalid="ignore"):
        result = x.astype(dtype)
    limits = np.iinfo(dtype.name)
    whole = np.trunc(x)
    above, below = whole >= float(limits.max) + 1, whole < float(limits.min)
    if not (np.any(above) or np.any(below) or np.any(np.isnan(x))):
        return result
    least, most, none = (np.array(value, dtype) for value in (limits.min, limits.max, 0))
    return np.where(np.isnan(x), none, np.where(above, most, np.where(below, least, result)))


astype = register(
    Primitive(
        name="astype",
        kind=Kind.ELEMENTWISE,
        numpy=_converted,
        infer=_astype_type,
        promote=unchanged,
        # The gradient transformation converts each contribution to its operand's dtype.
        vjp=lambda ct, out, x, dtype: (ct,),
        formula="x",
        python=lambda operand, *, dtype: f"{{0}}.astype(np.{dtype.name if dtype != BOOL else 'bool_'})",
        flops=lambda out, operands, params: out.size,
        domain=(REAL_LINE,),
        complex=True,
        source="NumPy 2 casting rules",
        linear=True,
        batch=over_leading,
    )
)
