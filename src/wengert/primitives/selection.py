"""Choosing between values: maximum, minimum, clip, where; and conversions that leave values alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.primitive import Interval, Kind, Notation, NotDifferentiable, Primitive, register
from wengert.ir.types import TensorType, tensor_type
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
    notation=Notation(r"\max\left({0}, {1}\right)", (r"[{0} > {1}]", r"[{1} > {0}]")),
    python="np.maximum({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, float("nan")),
    ties="½ each; all to a constant operand, none to the variable",
    source="lecture 002, (7.35)",
)

minimum = elementwise(
    "minimum",
    numpy=np.minimum,
    vjp=lambda ct, out, x, y: _share(ct, x, y, x < y, y < x),
    notation=Notation(r"\min\left({0}, {1}\right)", (r"[{0} < {1}]", r"[{1} < {0}]")),
    python="np.minimum({0}, {1})",
    domain=(REAL_LINE, REAL_LINE),
    special=(0.0, float("nan")),
    ties="½ each; all to a constant operand, none to the variable",
    source="lecture 002, (7.35)",
)

clip = elementwise(
    "clip",
    numpy=np.clip,
    vjp=lambda ct, out, x, low, high: (
        np.where((x >= low) & (x <= high), ct, 0),
        np.where(x < low, ct, 0),
        np.where(x > high, ct, 0),
    ),
    notation=Notation(
        r"\operatorname{{clip}}\left({0}, {1}, {2}\right)",
        (r"[{1} \leq {0} \leq {2}]", r"[{0} < {1}]", r"[{0} > {2}]"),
    ),
    python="np.clip({0}, {1}, {2})",
    promote=common_dtype,
    domain=(REAL_LINE, Interval(-2, -1), Interval(1, 2)),
    special=(-1.0, 1.0),
    ties="1 at either bound",
    source="DLMF 1.4.8 on each piece",
    decomposition=lambda x, low, high: np.minimum(np.maximum(x, low), high),
)


def _where_dtypes(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    return (BOOL, *common_dtype(dtypes[1:]))


where = elementwise(
    "where",
    numpy=np.where,
    vjp=lambda ct, out, condition, x, y: (None, np.where(condition, ct, 0), np.where(condition, 0, ct)),
    notation=Notation(
        r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
        ("0", "[{0}]", r"[\neg {0}]"),
    ),
    python="np.where({0}, {1}, {2})",
    promote=_where_dtypes,
    domain=(Interval(0, 1, integer=True), REAL_LINE, REAL_LINE),
    ties="a branch not taken contributes nothing, even where its own derivative is infinite",
    source="lecture 002, (7.36)",
)

stop_gradient = elementwise(
    "stop_gradient",
    numpy=lambda x: x,
    vjp=NotDifferentiable("declared constant by the user"),
    notation=Notation(r"\operatorname{{const}}\left({0}\right)", ("0",)),
    python="{0}",
    promote=unchanged,
    operations=0,
    source="the user's declaration",
)


def _astype_type(operand: TensorType, *, dtype: DType) -> TensorType:
    return tensor_type(operand.shape, dtype)


astype = register(
    Primitive(
        name="astype",
        kind=Kind.ELEMENTWISE,
        numpy=lambda x, dtype: x.astype(dtype),
        infer=_astype_type,
        promote=unchanged,
        # The gradient transformation converts each contribution to its operand's dtype.
        vjp=lambda ct, out, x, dtype: (ct,),
        notation=Notation("{0}", ("1",)),
        python=lambda operand, *, dtype: f"{{0}}.astype(np.{dtype.name if dtype != BOOL else 'bool_'})",
        flops=lambda out, operands, params: out.size,
        domain=(REAL_LINE,),
        source="NumPy 2 casting rules",
        linear=True,
    )
)
