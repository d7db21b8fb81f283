"""Floating-point operations on one LLVM type, scalar or vector, from which the functions are built."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partialmethod
from typing import Any

from llvmlite import ir

# Values and constants both: llvmlite has no common public name for them.
Value = Any


def round_f32(value: float) -> float:
    """Round to float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@dataclass(frozen=True)
class Format:
    """What the functions need to know of an IEEE 754 binary format."""

    name: str
    bits: int
    mantissa: int  # stored bits of the significand
    bias: int

    @property
    def smallest_normal(self) -> float:
        """Positive numbers below it are subnormal."""
        return float(2.0 ** (1 - self.bias))

    @property
    def epsilon(self) -> float:
        """Distance from 1 to the next number."""
        return float(2.0**-self.mantissa)

    @property
    def infinity_bits(self) -> int:
        """The bits of +∞, which are those of the exponent field."""
        return (2 * self.bias + 1) << self.mantissa

    def bits_of(self, value: float) -> int:
        """Return the bits of a number, which must be exact in this format."""
        kind, integer = ("<f", "<I") if self.bits == 32 else ("<d", "<Q")
        return int(struct.unpack(integer, struct.pack(kind, value))[0])


BINARY32 = Format("f32", 32, 23, 127)
BINARY64 = Format("f64", 64, 52, 1023)


class Splat(ir.FormattedConstant):
    """A vector constant of one number, written once: modules parse faster and read better."""

    def __init__(self, type_: ir.VectorType, element: ir.Constant):
        ir.Constant.__init__(self, type_, None)  # it would spread any other value over the lanes
        self.constant = f"splat ({element})"


class Lanes:
    """A builder together with the type of its operands; every method acts on each lane by itself.

    No method emits a branch or sets a fast-math flag, and multiplications and additions stay separate unless
    `fma` is asked for: so each lane's bits depend on neither the width nor the target. Numbers may stand
    where values are expected.
    """

    def __init__(self, builder: ir.IRBuilder, type_: ir.Type):
        element = type_.element if isinstance(type_, ir.VectorType) else type_
        if not isinstance(element, ir.FloatType | ir.DoubleType):
            raise TypeError(f"vector functions take float and double, or vectors of them, not {type_}")
        self.builder = builder
        self.type = type_
        self.format = BINARY32 if isinstance(element, ir.FloatType) else BINARY64
        self.element = element
        self.width = type_.count if isinstance(type_, ir.VectorType) else None
        self.suffix = self.format.name if self.width is None else f"v{self.width}{self.format.name}"
        self.integer_type = self.like(ir.IntType(self.format.bits))

    def like(self, element: ir.Type) -> ir.Type:
        """Return the type with as many lanes as this one of another element."""
        return element if self.width is None else ir.VectorType(element, self.width)

    def pick(self, f32: Any, f64: Any) -> Any:
        """Return what belongs to this format."""
        return f32 if self.format is BINARY32 else f64

    # Constants

    def _splat(self, type_: ir.Type, element: ir.Type, value: float | int) -> Value:
        constant = ir.Constant(element, value)
        return constant if self.width is None else Splat(type_, constant)

    def number(self, value: Value) -> Value:
        """Return a constant of the type; values pass."""
        if isinstance(value, int | float):
            return self._splat(self.type, self.element, float(value))
        return value

    def integer(self, value: Value) -> Value:
        """Return a constant of the integer type of the same size; values pass."""
        if isinstance(value, int):
            return self._splat(self.integer_type, ir.IntType(self.format.bits), value)
        return value

    # Arithmetic

    def _binary(self, operation: str, x: Value, y: Value) -> Value:
        return getattr(self.builder, operation)(self.number(x), self.number(y))

    add = partialmethod(_binary, "fadd")
    sub = partialmethod(_binary, "fsub")
    mul = partialmethod(_binary, "fmul")
    div = partialmethod(_binary, "fdiv")

    def neg(self, x: Value) -> Value:
        """−x, also of 0 and NaN."""
        return self.builder.fneg(x)

    def intrinsic(self, name: str, *values: Value) -> Value:
        """Call an intrinsic of this type."""
        arguments = [self.number(value) for value in values]
        full = f"llvm.{name}.{self.suffix}"
        module = self.builder.module
        function = module.globals.get(full)
        if function is None:
            function = ir.Function(module, ir.FunctionType(self.type, [self.type] * len(arguments)), full)
        return self.builder.call(function, arguments)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x·y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def fnma(self, x: Value, y: Value, z: Value) -> Value:
        """Return z − x·y, rounded once."""
        return self.fma(self.neg(x), y, z)

    def fms(self, x: Value, y: Value, z: Value) -> Value:
        """x·y − z, rounded once."""
        return self.fma(x, y, self.neg(z))

    def abs(self, x: Value) -> Value:
        """|x|."""
        return self.intrinsic("fabs", x)

    def copysign(self, magnitude: Value, sign: Value) -> Value:
        """Give the magnitude the sign of another value."""
        return self.intrinsic("copysign", magnitude, sign)

    def polynomial(self, x: Value, coefficients: Sequence[float]) -> Value:
        """Σ c_i x^i.

        As P(x²) + x Q(x²): one multiplication more than Horner's rule but half its depth, and a vector at a
        time it is the depth that counts (Muller, section 5.1).
        """
        if len(coefficients) < 5:
            return self._horner(x, coefficients)
        square = self.mul(x, x)
        return self.fma(self._horner(square, coefficients[1::2]), x, self._horner(square, coefficients[0::2]))

    def _horner(self, x: Value, coefficients: Sequence[float]) -> Value:
        result: Value = coefficients[-1]
        for coefficient in coefficients[-2::-1]:
            result = self.fma(result, x, coefficient)
        return result

    # Comparison and choice

    def _compare(self, operator: str, x: Value, y: Value) -> Value:
        return self.builder.fcmp_ordered(operator, self.number(x), self.number(y))

    less = partialmethod(_compare, "<")
    less_equal = partialmethod(_compare, "<=")
    greater = partialmethod(_compare, ">")
    equal = partialmethod(_compare, "==")

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """Return x where the condition holds, else y."""
        return self.builder.select(condition, self.number(x), self.number(y))

    def at_most(self, x: Value, limit: float) -> Value:
        """The smaller of x and the limit; NaN stays; x86 has one instruction for it, `min(limit, x)`."""
        return self.select(self.less(limit, x), limit, x)

    def at_least(self, x: Value, limit: float) -> Value:
        """The larger of x and the limit; NaN stays."""
        return self.select(self.greater(limit, x), limit, x)

    # Bits

    def to_bits(self, x: Value) -> Value:
        """The bits as an integer."""
        return self.builder.bitcast(x, self.integer_type)

    def from_bits(self, x: Value) -> Value:
        """The number with these bits."""
        return self.builder.bitcast(x, self.type)

    def integers(self, operation: Callable[[Value, Value], Value], x: Value, y: Value) -> Value:
        """Apply an integer operation of the builder; numbers become constants."""
        return operation(self.integer(x), self.integer(y))
