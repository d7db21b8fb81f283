"""The generated code of each elementwise primitive, for vectors of any width."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm import vector_math
from wengert.run.llvm.codegen.irtypes import (
    F64,
    I1,
    I32,
    constant,
    element_of,
    external,
    intrinsic,
    lanes_of,
    scalar_type,
    widened,
)

Emission = Callable[..., ir.Value]  # of the builder, the node and its operands
Rule = Callable[..., ir.Value]  # of the builder, the kind of the result's dtype and the operands

# One lane after the other through the C library: they are rare in networks, and a vector form would have to
# be written and proved for each.
C_LIBRARY = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "hypot": "hypot",
    "sinh": "sinh",
    "cosh": "cosh",
    "pow": "pow",
}


@dataclass(frozen=True)
class Elementwise:
    """What generated code needs to know of an elementwise primitive.

    Attributes
    ----------
    emit : callable
        ``emit(builder, node, *operands)`` appends the instructions that compute `node` from the values of its
        operands.
    kinds : str
        The kinds of dtypes that the result can have.
    is_cheap : bool
        Whether it is faster to compute it again than to read the result from memory.
    """

    emit: Emission
    kinds: str = "biuf"
    is_cheap: bool = False


def emit(builder: ir.IRBuilder, node: Node, operands: list[ir.Value]) -> ir.Value:
    """Append the instructions that compute `node` from its operands' values."""
    return ELEMENTWISE[node.primitive.name].emit(builder, node, *operands)


def call_lanes(builder: ir.IRBuilder, name: str, operands: list[ir.Value]) -> ir.Value:
    """Call a function of the C library for every lane."""
    type_ = operands[0].type
    element = element_of(type_)
    full = name if element == F64 else name + "f"
    function = external(builder.module, full, ir.FunctionType(element, [element] * len(operands)))
    if lanes_of(type_) == 1:
        return builder.call(function, operands)
    result: ir.Value = ir.Constant(type_, ir.Undefined)
    for lane in range(lanes_of(type_)):
        place = ir.Constant(I32, lane)
        value = builder.call(function, [builder.extract_element(operand, place) for operand in operands])
        result = builder.insert_element(result, value, place)
    return result


def _compare(builder: ir.IRBuilder, relation: str, kind: str, x: ir.Value, y: ir.Value) -> ir.Value:
    if kind == "f":
        if relation == "!=":
            return builder.fcmp_unordered(relation, x, y)
        return builder.fcmp_ordered(relation, x, y)
    if kind == "i":
        return builder.icmp_signed(relation, x, y)
    return builder.icmp_unsigned(relation, x, y)


def _arithmetic(floating: str, integer: str, boolean: str | None = None) -> Rule:
    def rule(builder: ir.IRBuilder, kind: str, x: ir.Value, y: ir.Value) -> ir.Value:
        if kind == "b" and boolean is not None:
            return getattr(builder, boolean)(x, y)
        return getattr(builder, floating if kind == "f" else integer)(x, y)

    return rule


def _neg(builder: ir.IRBuilder, kind: str, x: ir.Value) -> ir.Value:
    return builder.fneg(x) if kind == "f" else builder.sub(constant(x.type, 0), x)


def _abs(builder: ir.IRBuilder, kind: str, x: ir.Value) -> ir.Value:
    if kind == "f":
        return intrinsic(builder, "llvm.fabs", [x])
    if kind == "i":
        return intrinsic(builder, "llvm.abs", [x], ir.Constant(I1, 0))
    return x


def _sign(builder: ir.IRBuilder, kind: str, x: ir.Value) -> ir.Value:
    zero, one = constant(x.type, 0), constant(x.type, 1)
    above = _compare(builder, ">", kind, x, zero)
    if kind in "bu":
        return builder.select(above, one, zero)
    below = _compare(builder, "<", kind, x, zero)
    rest = zero if kind != "f" else builder.select(builder.fcmp_unordered("uno", x, x), x, zero)
    return builder.select(above, one, builder.select(below, constant(x.type, -1), rest))


def _square(builder: ir.IRBuilder, kind: str, x: ir.Value) -> ir.Value:
    return builder.fmul(x, x) if kind == "f" else builder.mul(x, x)


def _extreme(relation: str) -> Rule:
    """The larger or smaller of two; NaN where either is NaN."""

    def rule(builder: ir.IRBuilder, kind: str, x: ir.Value, y: ir.Value) -> ir.Value:
        first = _compare(builder, relation, kind, x, y)
        if kind == "f":
            first = builder.or_(first, builder.fcmp_unordered("uno", x, x))
        return builder.select(first, x, y)

    return rule


maximum = _extreme(">=")
minimum = _extreme("<=")


def _clip(builder: ir.IRBuilder, kind: str, x: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
    return minimum(builder, kind, maximum(builder, kind, x, low), high)


def _classify(builder: ir.IRBuilder, operand: ir.Value, relation: str, ordered: bool) -> ir.Value:
    if not isinstance(element_of(operand.type), (ir.FloatType, ir.DoubleType)):
        return constant(widened(I1, lanes_of(operand.type)), int(ordered))
    size = intrinsic(builder, "llvm.fabs", [operand])
    infinity = constant(operand.type, math.inf)
    return builder.fcmp_ordered(relation, size, infinity)


def _isnan(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    if not isinstance(element_of(x.type), (ir.FloatType, ir.DoubleType)):
        return constant(widened(I1, lanes_of(x.type)), 0)
    return builder.fcmp_unordered("uno", x, x)


def convert(builder: ir.IRBuilder, value: ir.Value, old: Any, new: Any) -> ir.Value:
    """Convert between dtypes as NumPy does; a floating number that an integer cannot hold saturates."""
    type_ = widened(scalar_type(np.dtype(new)), lanes_of(value.type))
    if old == new:
        return value
    if new.kind == "b":
        zero = constant(value.type, 0)
        return _compare(builder, "!=", old.kind, value, zero)
    if old.kind == "f" and new.kind == "f":
        return builder.fpext(value, type_) if new.itemsize > old.itemsize else builder.fptrunc(value, type_)
    if old.kind == "f":
        return _saturated(builder, value, type_, new.kind)
    if new.kind == "f":
        return builder.sitofp(value, type_) if old.kind == "i" else builder.uitofp(value, type_)
    if new.itemsize == old.itemsize and old.kind != "b":
        return value
    if new.itemsize < old.itemsize and old.kind != "b":
        return builder.trunc(value, type_)
    return builder.sext(value, type_) if old.kind == "i" else builder.zext(value, type_)


def _saturated(builder: ir.IRBuilder, value: ir.Value, type_: ir.Type, kind: str) -> ir.Value:
    def mangled(of: ir.Type) -> str:
        element = element_of(of)
        short = f"i{element.width}" if isinstance(element, ir.IntType) else "f64" if element == F64 else "f32"
        return f"v{lanes_of(of)}{short}" if lanes_of(of) > 1 else short

    name = f"llvm.fpto{'s' if kind == 'i' else 'u'}i.sat.{mangled(type_)}.{mangled(value.type)}"
    return builder.call(external(builder.module, name, ir.FunctionType(type_, [value.type])), [value])


def _by_kind(rule: Rule) -> Emission:
    """Return the emission of a rule that wants to know the kind of the result's dtype."""
    return lambda builder, node, *operands: rule(builder, node.type.dtype.kind, *operands)


def _comparison(relation: str) -> Elementwise:
    def emission(builder: ir.IRBuilder, node: Node, x: ir.Value, y: ir.Value) -> ir.Value:
        return _compare(builder, relation, node.inputs[0].type.dtype.kind, x, y)

    return Elementwise(emission)


def _from_c(name: str) -> Elementwise:
    return Elementwise(lambda builder, node, *operands: call_lanes(builder, name, list(operands)), "f")


def _of_vectors(name: str) -> Elementwise:
    return Elementwise(lambda builder, node, x: vector_math.emit(builder, name, x), "f")


def _rounded(builder: ir.IRBuilder, node: Node, x: ir.Value) -> ir.Value:
    return intrinsic(builder, f"llvm.{node.primitive.name}", [x])


def _astype(builder: ir.IRBuilder, node: Node, x: ir.Value) -> ir.Value:
    return convert(builder, x, node.inputs[0].type.dtype, node.type.dtype)


ELEMENTWISE: dict[str, Elementwise] = {
    "add": Elementwise(_by_kind(_arithmetic("fadd", "add", "or_")), is_cheap=True),
    "sub": Elementwise(_by_kind(_arithmetic("fsub", "sub")), is_cheap=True),
    "mul": Elementwise(_by_kind(_arithmetic("fmul", "mul", "and_")), is_cheap=True),
    "div": Elementwise(lambda builder, node, x, y: builder.fdiv(x, y), "f"),
    "neg": Elementwise(_by_kind(_neg), is_cheap=True),
    "abs": Elementwise(_by_kind(_abs), is_cheap=True),
    "sign": Elementwise(_by_kind(_sign)),
    "square": Elementwise(_by_kind(_square), is_cheap=True),
    "sqrt": Elementwise(lambda builder, node, x: intrinsic(builder, "llvm.sqrt", [x]), "f"),
    "reciprocal": Elementwise(lambda builder, node, x: builder.fdiv(constant(x.type, 1), x), "f"),
    "maximum": Elementwise(_by_kind(maximum)),
    "minimum": Elementwise(_by_kind(minimum)),
    "clip": Elementwise(_by_kind(_clip)),
    "where": Elementwise(lambda builder, node, condition, x, y: builder.select(condition, x, y)),
    "logical_and": Elementwise(lambda builder, node, x, y: builder.and_(x, y)),
    "logical_or": Elementwise(lambda builder, node, x, y: builder.or_(x, y)),
    "logical_xor": Elementwise(lambda builder, node, x, y: builder.xor(x, y)),
    "logical_not": Elementwise(lambda builder, node, x: builder.not_(x)),
    "isnan": Elementwise(lambda builder, node, x: _isnan(builder, x)),
    "isinf": Elementwise(lambda builder, node, x: _classify(builder, x, "==", False)),
    "isfinite": Elementwise(lambda builder, node, x: _classify(builder, x, "<", True)),
    "stop_gradient": Elementwise(lambda builder, node, x: x, is_cheap=True),
    "astype": Elementwise(_astype),
    "eq": _comparison("=="),
    "ne": _comparison("!="),
    "lt": _comparison("<"),
    "le": _comparison("<="),
    "gt": _comparison(">"),
    "ge": _comparison(">="),
    **{name: Elementwise(_rounded, "f", is_cheap=True) for name in ("floor", "ceil", "trunc", "rint")},
    **{name: _of_vectors(name) for name, _ in vector_math.SUPPORTED},
    **{name: _from_c(function) for name, function in C_LIBRARY.items()},
}
