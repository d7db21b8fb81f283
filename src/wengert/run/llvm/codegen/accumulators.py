"""Accumulators: how each reduction is initialised, accumulates, combines its lanes and ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
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


def _lowest(dtype: np.dtype[Any]) -> Any:
    """Return the identity of a maximum: no value of the dtype is below it."""
    return -math.inf if dtype.kind == "f" else 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)


def _highest(dtype: np.dtype[Any]) -> Any:
    """Return the identity of a minimum: no value of the dtype is above it."""
    return math.inf if dtype.kind == "f" else 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


@dataclass(frozen=True)
class Reduction:
    """What generated code needs to know of a reduction.

    Attributes
    ----------
    combine : callable
        ``combine(builder, kind, x, y)`` joins two accumulators; `kind` is that of their dtype.
    identity : callable
        ``identity(dtype)``: the value that changes nothing.
    is_wide : bool
        Whether float32 is accumulated in float64, so that the error does not grow with the number of terms.
    order : str
        The comparison that two numbers are joined by, ``""`` where they are not compared. It is one
        instruction on most processors, which loses NaN: among many lanes NaN is looked for once.
    """

    combine: Combine
    identity: Callable[[np.dtype[Any]], Any]
    is_wide: bool = False
    order: str = ""

    def join(self, builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        """Join two floating-point numbers by `order`."""
        return builder.select(builder.fcmp_ordered(self.order, x, y), x, y)


REDUCTIONS: dict[str, Reduction] = {
    # -0.0: 0.0 would turn a sum of negative zeros into a positive one.
    "sum": Reduction(_add, lambda dtype: -0.0 if dtype.kind == "f" else 0, is_wide=True),
    "prod": Reduction(_multiply, lambda dtype: 1),
    "max": Reduction(elementwise.maximum, _lowest, order=">"),
    "min": Reduction(elementwise.minimum, _highest, order="<"),
    "any": Reduction(lambda builder, kind, x, y: builder.or_(x, y), lambda dtype: 0),
    "all": Reduction(lambda builder, kind, x, y: builder.and_(x, y), lambda dtype: 1),
}


class Accumulator:
    """One reduction in progress.

    Parameters
    ----------
    node : Node
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.rule = REDUCTIONS[node.primitive.name]
        self.kind = node.type.dtype.kind
        scalar = scalar_type(node.type.dtype)
        self.type = F64 if self.rule.is_wide and scalar == F32 else scalar
        self.identity = self.rule.identity(node.type.dtype)

    def start(self, lanes: int) -> ir.Constant:
        """Return the initial accumulator."""
        return constant(widened(self.type, lanes), self.identity or abs(self.identity))

    def step(self, builder: ir.IRBuilder, before: ir.Value, value: ir.Value) -> ir.Value:
        """Accumulate one more vector of elements."""
        return self.combine(builder, before, self.widen(builder, value))

    def widen(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        """Return elements in the accumulator's type."""
        if element_of(value.type) == self.type:
            return value
        return builder.fpext(value, widened(self.type, lanes_of(value.type)))

    def combine(self, builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        """Join two accumulators."""
        return self.rule.combine(builder, self.kind, x, y)

    def padded(self, builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
        """Pad a short vector to `lanes` with the identity of the reduction."""
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
        looks_for_nan = self.kind == "f" and self.rule.order != ""
        combine = self.rule.join if looks_for_nan else self.combine
        while width > 1:
            width //= 2
            undefined = ir.Constant(vector.type, ir.Undefined)
            halves = [
                builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(I32, width), list(mask)))
                for mask in (range(width), range(width, 2 * width))
            ]
            vector = combine(builder, *halves)
        result = builder.extract_element(vector, ir.Constant(I32, 0))
        if not looks_for_nan:
            return result
        odd = builder.bitcast(builder.fcmp_unordered("uno", whole, whole), ir.IntType(lanes_of(whole.type)))
        is_odd = builder.icmp_unsigned("!=", odd, constant(odd.type, 0))
        return builder.select(is_odd, constant(result.type, math.nan), result)

    def finish(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        """Return the result in the dtype of the node."""
        type_ = widened(scalar_type(self.node.type.dtype), lanes_of(value.type))
        return value if value.type == type_ else builder.fptrunc(value, type_)
