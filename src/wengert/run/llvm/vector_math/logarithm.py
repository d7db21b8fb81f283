"""log and what is made of it: log1p, softplus."""

from __future__ import annotations

import math

from . import coefficients as fitted
from .exponential import LN2_F32, LN2_F64, decay
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
        p = lanes.polynomial(f, fitted.LOG_F32)
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
        p = lanes.polynomial(z, fitted.LOG_F64)
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


def log1p(lanes: Lanes, x: Value) -> Value:
    """log(1 + x) = k log 2 + log(1 + f), 1 + f = 2^(−k) (1 + x).

    k is that of the rounded 1 + x; f = 2^(−k) x + (2^(−k) − 1) is rounded once, so what 1 + x lost does not
    matter. It is computed with 2^(2−k) and x/4, because 2^(−k) may be subnormal; where x is below half an
    ulp of 1 the result is x, with its last bits and its sign.
    """
    form, build = lanes.format, lanes.builder
    core = Logarithm(lanes)
    u = lanes.add(x, 1.0)
    exponent = lanes.integers(build.and_, core.biased_bits(u), form.infinity_bits)
    scale = lanes.from_bits(lanes.integers(build.sub, (2 * form.bias + 2) << form.mantissa, exponent))
    f = lanes.fma(lanes.mul(x, 0.25), scale, lanes.fma(scale, 0.25, -1.0))
    carrier = 2.0**form.mantissa
    biased = lanes.integers(build.lshr, exponent, form.mantissa)
    carried = lanes.from_bits(lanes.integers(build.or_, biased, form.bits_of(carrier)))
    result = core.evaluate(lanes.sub(carried, carrier + form.bias), f)
    small = lanes.less(lanes.abs(x), form.epsilon / 2)
    return lanes.select(small, x, domain(lanes, x, u, result))


def softplus(lanes: Lanes, x: Value) -> Value:
    """Return log(1 + exp x) = max(x, 0) + log(1 + e), e = exp(−|x|).

    For e > 1/3, log(1 + e) = log 2 + log(1 + (e − 1)/2).
    """
    e = decay(lanes, x)
    large = lanes.greater(e, 1 / 3)
    f = lanes.select(large, lanes.fma(e, 0.5, -0.5), e)
    return lanes.add(lanes.at_least(x, 0.0), Logarithm(lanes).evaluate(lanes.select(large, 1.0, 0.0), f))
