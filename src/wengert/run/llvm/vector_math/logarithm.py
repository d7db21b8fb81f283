"""log, and what is made of it."""

from __future__ import annotations

import math

from . import coefficients as fitted
from .exponential import LN2_F32, LN2_F64
from .lanes import Lanes, Value

# m of x = 2^k m is taken from [2/3, 4/3): symmetric about 1, so that one polynomial needs the lowest degree.
LOWEST = {"f32": float.fromhex("0x1.555556p-1"), "f64": float.fromhex("0x1.5555555555555p-1")}


class Logarithm:
    """k log 2 + log(1 + f)."""

    def __init__(self, lanes: Lanes):
        self.lanes = lanes

    def biased_bits(self, x: Value) -> Value:
        """The bits of x moved so that the exponent field holds k + bias, the rest what m has beyond 2/3."""
        lanes = self.lanes
        form = lanes.format
        offset = form.bits_of(1.0) - form.bits_of(LOWEST[form.name])
        return lanes.integers(lanes.builder.add, lanes.to_bits(x), offset)

    def evaluate(self, k: Value, f: Value) -> Value:
        """Return k log 2 + log(1 + f) for integer k and 1 + f in [2/3, 4/3)."""
        return self.lanes.pick(self._single, self._double)(k, f)

    def _single(self, k: Value, f: Value) -> Value:
        """log(1 + f) = f + f² (f P(f) − ½); log 2 rounded to float32 is right to 2^−28."""
        lanes = self.lanes
        square = lanes.mul(f, f)
        p = lanes.split_polynomial(f, square, fitted.LOG_F32)
        return lanes.fma(k, LN2_F32[0], lanes.fma(square, lanes.fma(f, p, -0.5), f))

    def _double(self, k: Value, f: Value) -> Value:
        """log(1 + f) = 2 artanh s, s = f/(2 + f), as f − (½f² − s (½f² + s² R(s²))).

        A division, but half the polynomial's degree; what is subtracted from the exact f is small (Tang
        1990).
        """
        lanes = self.lanes
        high, low = LN2_F64
        s = lanes.div(f, lanes.add(f, 2.0))
        z = lanes.mul(s, s)
        half_square = lanes.mul(lanes.mul(f, 0.5), f)
        p = lanes.split_polynomial(z, lanes.mul(z, z), fitted.LOG_F64)
        correction = lanes.fma(s, lanes.fma(z, p, half_square), lanes.mul(k, low))
        return lanes.fma(k, high, lanes.sub(f, lanes.sub(half_square, correction)))


def log(lanes: Lanes, x: Value) -> Value:
    """Return log x = k log 2 + log m, x = 2^k m (Muller, chapter 11)."""
    form, build = lanes.format, lanes.builder
    core = Logarithm(lanes)
    lift = form.mantissa + 1
    subnormal = lanes.less(x, form.smallest_normal)
    lifted = lanes.select(subnormal, lanes.mul(x, 2.0**lift), x)
    bits = core.biased_bits(lifted)
    # k + bias in the low bits of 2^mantissa: subtracting makes it a number, without a conversion from
    # integers.
    carrier = 2.0**form.mantissa
    exponent = lanes.integers(build.lshr, bits, form.mantissa)
    carried = lanes.from_bits(lanes.integers(build.or_, exponent, form.bits_of(carrier)))
    k = lanes.sub(carried, lanes.select(subnormal, carrier + form.bias + lift, carrier + form.bias))
    beyond = lanes.integers(build.and_, bits, (1 << form.mantissa) - 1)
    m = lanes.from_bits(lanes.integers(build.add, beyond, form.bits_of(LOWEST[form.name])))
    return domain(lanes, x, x, core.evaluate(k, lanes.sub(m, 1.0)))


def domain(lanes: Lanes, x: Value, inside: Value, result: Value) -> Value:
    """Return the result where `inside` is positive; −∞ at 0, NaN below; x itself where it is ∞ or NaN."""
    result = lanes.select(lanes.less(x, math.inf), result, x)
    outside = lanes.select(lanes.equal(inside, 0.0), -math.inf, math.nan)
    return lanes.select(lanes.greater(inside, 0.0), result, outside)
