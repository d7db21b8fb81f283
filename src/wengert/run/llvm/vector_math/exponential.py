"""exp and what is made of one exponential: expm1, tanh, sigmoid, erf."""

from __future__ import annotations

import math

from . import coefficients as fitted
from .lanes import Lanes, Value, round_f32

LOG2_E = 1 / math.log(2)
# log 2 as a number of the format and what it misses, so that n·log 2 is subtracted as if exactly.
LN2_F32 = (float.fromhex("0x1.62e430p-1"), float.fromhex("-0x1.05c610p-29"))
LN2_F64 = (float.fromhex("0x1.62e42fefa39efp-1"), float.fromhex("0x1.abc9e3b39803fp-56"))


def fit(lanes: Lanes, name: str) -> tuple[float, ...]:
    """The coefficients of that name for this format."""
    found: tuple[float, ...] = getattr(fitted, f"{name}_{lanes.format.name.upper()}")
    return found


def polynomial_of(lanes: Lanes, x: Value, name: str) -> Value:
    """The fitted polynomial of that name for this format at x."""
    return lanes.polynomial(x, fit(lanes, name))


class Reduced:
    """x = n log 2 + r with |r| ≤ ½ log 2 (Cody & Waite 1980, chapter 6).

    n is rounded by adding 1.5·2^(mantissa bits), which leaves it, biased, in the low bits of the sum as
    well: no instruction converts. With fused multiply-add, r is off by its own rounding only.

    Parameters
    ----------
    lanes : Lanes
    x : Value
        Must be so far bounded that n + `bias` is neither negative nor larger than the exponent field holds.
    bias : int
        What to add to n in the low bits.
    factor : int
        Reduce factor·x instead: r is of x itself, so that factor·r is the argument left (a power of 2, or
        −1).
    exact : bool
        Whether to subtract what log 2 as one number misses: n times 2^−29 (float32) or 2^−55.
    """

    def __init__(self, lanes: Lanes, x: Value, bias: int, factor: int = 1, exact: bool = True):
        shift = 1.5 * 2.0**lanes.format.mantissa + bias
        high, low = lanes.pick(LN2_F32, LN2_F64)
        shifted = lanes.fma(x, factor * lanes.pick(round_f32(LOG2_E), LOG2_E), shift)
        self.bits = lanes.to_bits(shifted)
        n = lanes.sub(shifted, shift)
        self.r = lanes.fma(n, -high / factor, x)
        if exact:
            self.r = lanes.fma(n, -low / factor, self.r)


def power_of_two(lanes: Lanes, bits: Value) -> Value:
    """2^n where the low bits hold n + the format's bias; what stands above the sign bit's place falls out."""
    return lanes.from_bits(lanes.integers(lanes.builder.shl, bits, lanes.format.mantissa))


def half_powers(lanes: Lanes, bits: Value) -> tuple[Value, Value]:
    """Return 2^⌊n/2⌋ and 2^⌈n/2⌉ where the low bits hold n + twice the format's bias.

    One factor cannot reach from the largest number to the subnormals. The product with both rounds only once,
    when the second one enters the subnormals or overflows.
    """
    form, build = lanes.format, lanes.builder
    halved = lanes.integers(build.shl, bits, form.mantissa - 1)
    first = lanes.integers(build.and_, halved, form.infinity_bits)
    second = lanes.integers(build.sub, lanes.integers(build.shl, bits, form.mantissa), first)
    return lanes.from_bits(first), lanes.from_bits(second)


def scaled_exponential(lanes: Lanes, x: Value, factor: int = 1) -> Value:
    """exp(factor·x), factor 1 or −1, for x bounded to where the result is 0 or ∞ anyway.

    exp x = 2^⌈n/2⌉ (2^⌊n/2⌋ + 2^⌊n/2⌋ r Q(r)): the 1 of 1 + rQ(r) takes the factor in the same addition.
    """
    reduced = Reduced(lanes, x, 2 * lanes.format.bias, factor)
    first, second = half_powers(lanes, reduced.bits)
    r = reduced.r if factor == 1 else lanes.neg(reduced.r)
    q = polynomial_of(lanes, r, "EXP")
    return lanes.mul(lanes.fma(q, lanes.mul(r, first), first), second)


def exp(lanes: Lanes, x: Value) -> Value:
    """Return exp x, by reduction to |r| ≤ ½ log 2 and a minimax polynomial (Muller, chapters 3 and 11)."""
    x = lanes.at_least(lanes.at_most(x, lanes.pick(89.0, 710.0)), -lanes.pick(104.0, 746.0))
    return scaled_exponential(lanes, x)


def decay(lanes: Lanes, x: Value) -> Value:
    """exp(−|x|), which neither overflows nor loses its subnormal results."""
    return scaled_exponential(lanes, lanes.at_most(lanes.abs(x), lanes.pick(104.0, 746.0)), -1)


def sigmoid(lanes: Lanes, x: Value) -> Value:
    """1/(1 + exp(−x)) as e/(1 + e) or 1/(1 + e), e = exp(−|x|)."""
    e = decay(lanes, x)
    return lanes.div(lanes.select(lanes.less(x, 0.0), e, 1.0), lanes.add(e, 1.0))


def curvature(lanes: Lanes, r: Value) -> Value:
    """Return exp r − 1 − r for |r| ≤ ½ log 2."""
    square = lanes.mul(r, r)
    return lanes.mul(square, lanes.polynomial(r, fit(lanes, "EXPM1")[1:]))


def expm1(lanes: Lanes, x: Value) -> Value:
    """Return exp x − 1 = 2(2^(n−1) (exp r − 1) + 2^(n−1) − ½) (Tang 1992; Muller, section 11.4).

    Half the result first, since 2^n alone may overflow. That would cost small results their last bit and −0
    its sign, but where x is below half an ulp of 1 the result is x.
    """
    top, bottom = lanes.pick((89.0, -18.0), (710.0, -40.0))
    bounded = lanes.at_least(lanes.at_most(x, top), bottom)
    reduced = Reduced(lanes, bounded, lanes.format.bias - 1)
    power = power_of_two(lanes, reduced.bits)
    # What is larger first: where r < 0 it cancels, exactly for the most part.
    half = lanes.fma(power, reduced.r, lanes.sub(power, 0.5))
    half = lanes.fma(power, curvature(lanes, reduced.r), half)
    small = lanes.less(lanes.abs(x), lanes.format.epsilon / 2)
    return lanes.select(small, x, lanes.add(half, half))


def tanh(lanes: Lanes, x: Value) -> Value:
    """1 − 1/(½ + ½exp 2|x|) with the sign of x; x + x³P(x²) for |x| ≤ 0.6, where that would cancel.

    2|x| = n log 2 + 2r, and 2^(n−1) both scales and halves. From 0.6 on, an error of the exponential counts
    less than half in the result, and ever less as n grows: log 2 as one number is enough.
    """
    magnitude = lanes.at_most(lanes.abs(x), lanes.pick(10.0, 20.0))
    reduced = Reduced(lanes, magnitude, lanes.format.bias - 1, 2, exact=False)
    half = power_of_two(lanes, reduced.bits)
    # 2 Q(2r), as a polynomial of r: doubling the coefficients is exact.
    doubled = [value * 2.0 ** (i + 1) for i, value in enumerate(fit(lanes, "EXP"))]
    q = lanes.polynomial(reduced.r, doubled)
    far = lanes.fma(q, lanes.mul(reduced.r, half), lanes.add(half, 0.5))
    far = lanes.sub(1.0, lanes.div(1.0, far))
    z = lanes.mul(x, x)
    near = lanes.fma(lanes.mul(x, z), polynomial_of(lanes, z, "TANH"), x)
    # The sign comes last because `near` has lost that of −0 too.
    return lanes.copysign(lanes.select(lanes.less(z, 0.36), near, far), x)


def erf(lanes: Lanes, x: Value) -> Value:
    """1 − 2^(−aS(a)) with the sign of x, a = |x|; x + xP(x²) for small a.

    −log erfc a is smooth, and in 1 − erfc a its error counts erfc a times: so one polynomial of low degree
    serves from 0.86 to where erf rounds to 1. W. J. Cody (1969) divides the line in the same way, but takes
    rational functions.
    """
    form = lanes.format
    a = lanes.at_most(lanes.abs(x), lanes.pick(3.95, 5.95))
    minus_s = lanes.neg(polynomial_of(lanes, a, "ERFC_EXPONENT"))
    shift = 1.5 * 2.0**form.mantissa + form.bias
    shifted = lanes.fma(minus_s, a, shift)
    f = lanes.fms(minus_s, a, lanes.sub(shifted, shift))
    power = power_of_two(lanes, lanes.to_bits(shifted))
    q = polynomial_of(lanes, f, "POWER")
    far = lanes.fnma(q, lanes.mul(f, power), lanes.sub(1.0, power))
    z = lanes.mul(x, x)
    near = lanes.fma(x, polynomial_of(lanes, z, "ERF"), x)
    return lanes.copysign(lanes.select(lanes.less(a, 0.86), near, far), x)
