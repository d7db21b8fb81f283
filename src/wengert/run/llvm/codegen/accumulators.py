"""Accumulators: how each reduction begins, goes on, joins its lanes and ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen import elementwise
from wengert.run.llvm.codegen.irtypes import (
    F32,
    F64,
    I32,
    constant,
    element_of,
    lanes_of,
    scalar_type,
    widened,
)

Combine = Callable[[ir.IRBuilder, str, ir.Value, ir.Value], ir.Value]


def _add(builder: ir.IRBuilder, kind: str, x: ir.Value, y: ir.Value) -> ir.Value:
    return builder.fadd(x, y) if kind == "f" else builder.add(x, y)


def _multiply(builder: ir.IRBuilder, kind: str, x: ir.Value, y: ir.Value) -> ir.Value:
    return builder.fmul(x, y) if kind == "f" else builder.mul(x, y)


_COMBINE: dict[str, Combine] = {
    "sum": _add,
    "prod": _multiply,
    "max": elementwise.maximum,
    "min": elementwise.minimum,
    "any": lambda builder, kind, x, y: builder.or_(x, y),
    "all": lambda builder, kind, x, y: builder.and_(x, y),
}

# One instruction on most processors, which loses NaN: among many lanes it is looked for once.
_COMPARE: dict[str, Callable[[ir.IRBuilder, ir.Value, ir.Value], ir.Value]] = {
    "max": lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y),
    "min": lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y),
}


class Accumulator:
    """One reduction in progress.

    A float32 sum is added up in float64, as the reference does, so that its error does not grow with the
    number of terms.

    Parameters
    ----------
    node : Node
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = node.primitive.name
        self.kind = node.type.dtype.kind
        scalar = scalar_type(node.type.dtype)
        self.type = F64 if self.name == "sum" and scalar == F32 else scalar

    @property
    def identity(self) -> Any:
        """The value that changes nothing."""
        if self.name in ("sum", "any"):
            return -0.0 if self.kind == "f" else 0
        if self.name in ("prod", "all"):
            return 1
        sign = -1 if self.name == "max" else 1
        if self.kind == "f":
            return sign * math.inf
        if self.kind == "b":
            return 0 if self.name == "max" else 1
        bounds = np.iinfo(self.node.type.dtype.name)
        return int(bounds.min if self.name == "max" else bounds.max)

    def start(self, lanes: int) -> ir.Constant:
        """Return the accumulator of nothing."""
        value = 0.0 if self.name == "sum" and self.kind == "f" else self.identity
        return constant(widened(self.type, lanes), value)

    def step(self, builder: ir.IRBuilder, before: ir.Value, value: ir.Value) -> ir.Value:
        """Take in one more run of elements."""
        return self.combine(builder, before, self.widen(builder, value))

    def widen(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        """Return elements in the accumulator's type."""
        if element_of(value.type) == self.type:
            return value
        return builder.fpext(value, widened(self.type, lanes_of(value.type)))

    def combine(self, builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        """Join two accumulators."""
        return _COMBINE[self.name](builder, self.kind, x, y)

    def padded(self, builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
        """Fill a short run up to `lanes` with what changes nothing."""
        have = lanes_of(value.type)
        if have == lanes:
            return value
        if have == 1:
            base = constant(widened(value.type, lanes), self.identity)
            return builder.insert_element(base, value, ir.Constant(I32, 0))
        neutral = constant(value.type, self.identity)
        # Both operands of a shuffle are of one type: lanes above `have` all take the neutral one's first.
        mask = [lane if lane < have else have for lane in range(lanes)]
        return builder.shuffle_vector(value, neutral, ir.Constant(ir.VectorType(I32, lanes), mask))

    def across(self, builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
        """Join the lanes of a vector, halving it again and again."""
        lanes = lanes_of(vector.type)
        if lanes == 1:
            return vector
        width = 1 << (lanes - 1).bit_length()
        vector = whole = self.padded(builder, vector, width)
        combine = _COMPARE.get(self.name, self.combine) if self.kind == "f" else self.combine
        while width > 1:
            width //= 2
            undefined = ir.Constant(vector.type, ir.Undefined)
            halves = [
                builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(I32, width), list(mask)))
                for mask in (range(width), range(width, 2 * width))
            ]
            vector = combine(builder, *halves)
        result = builder.extract_element(vector, ir.Constant(I32, 0))
        if combine == self.combine:
            return result
        odd = builder.bitcast(builder.fcmp_unordered("uno", whole, whole), ir.IntType(lanes_of(whole.type)))
        is_odd = builder.icmp_unsigned("!=", odd, constant(odd.type, 0))
        return builder.select(is_odd, constant(result.type, math.nan), result)

    def finish(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        """Return the result in the dtype of the node."""
        type_ = widened(scalar_type(self.node.type.dtype), lanes_of(value.type))
        return value if value.type == type_ else builder.fptrunc(value, type_)
