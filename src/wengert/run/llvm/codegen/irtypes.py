"""LLVM types and constants for dtypes, at any number of lanes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir

from wengert.run.llvm.vector_math.lanes import Splat

I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
F32, F64 = ir.FloatType(), ir.DoubleType()
POINTER = ir.PointerType()
VOID = ir.VoidType()

DType = np.dtype[np.generic]


def scalar_type(dtype: DType) -> ir.Type:
    """Return the type of one value in a register; a boolean is one bit."""
    if dtype.kind == "b":
        return I1
    if dtype.kind == "f":
        return F32 if dtype.itemsize == 4 else F64
    return ir.IntType(8 * dtype.itemsize)


def memory_type(dtype: DType) -> ir.Type:
    """Return the type of one value in memory; a boolean is one byte."""
    return I8 if dtype.kind == "b" else scalar_type(dtype)


def widened(type_: ir.Type, lanes: int) -> ir.Type:
    """Return a vector of `lanes`; one lane is a scalar."""
    return type_ if lanes == 1 else ir.VectorType(type_, lanes)


def lanes_of(type_: ir.Type) -> int:
    """Return the number of lanes of a type."""
    return type_.count if isinstance(type_, ir.VectorType) else 1


def element_of(type_: ir.Type) -> ir.Type:
    """Return the type of one lane."""
    return type_.element if isinstance(type_, ir.VectorType) else type_


def constant(type_: ir.Type, value: Any) -> ir.Constant:
    """Return a value in every lane."""
    if isinstance(type_, ir.VectorType):
        return Splat(type_, ir.Constant(type_.element, value))
    return ir.Constant(type_, value)


def splat(builder: ir.IRBuilder, scalar: ir.Value, lanes: int) -> ir.Value:
    """Return a vector with one value in every lane."""
    if lanes == 1:
        return scalar
    vector = widened(scalar.type, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), _zeros(lanes))


@lru_cache(maxsize=16)
def _zeros(lanes: int) -> ir.Constant:
    """Return the mask that takes the first lane for every lane."""
    return ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)


def intrinsic(builder: ir.IRBuilder, name: str, operands: list[ir.Value], *rest: ir.Value) -> ir.Value:
    """Call an intrinsic that is overloaded on the type of its first operand.

    Parameters
    ----------
    operands : list of Value
        All of one type, which is also the result's.
    *rest
        Further operands of fixed types.
    """
    type_ = operands[0].type
    arguments = [*operands, *rest]
    full = f"{name}.{type_name(type_)}"
    function_type = ir.FunctionType(type_, [argument.type for argument in arguments])
    return builder.call(external(builder.module, full, function_type), arguments)


def external(module: ir.Module, name: str, type_: ir.FunctionType) -> ir.Function:
    """Return the declaration of a function that is defined elsewhere."""
    known = module.globals.get(name)
    return known if known is not None else ir.Function(module, type_, name)


def type_name(type_: ir.Type) -> str:
    """Return the name of a type as it stands in the names of intrinsics."""
    if isinstance(type_, ir.VectorType):
        return f"v{type_.count}{type_name(type_.element)}"
    if isinstance(type_, ir.IntType):
        return f"i{type_.width}"
    return "f32" if type_ == F32 else "f64"


def constant_words(module: ir.Module, name: str, type_: ir.Type, value: object) -> ir.GlobalVariable:
    """Return memory with a value in it that never changes."""
    variable = ir.GlobalVariable(module, type_, name)
    variable.linkage = "internal"
    variable.global_constant = True
    variable.initializer = ir.Constant(type_, value)
    return variable
