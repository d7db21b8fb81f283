"""sin, cos and tan, for arguments of any size."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction

from llvmlite import ir

from .exponential import polynomial_of
from .lanes import BINARY32, Lanes, Value, round_f32
from .large_angle import HALF_PI, lane_by_lane


def pieces_of_half_pi(lanes: Lanes) -> list[float]:
    """Return three numbers of the format, each the rounded rest of those before, that add up to π/2."""
    pieces: list[float] = []
    for _ in range(3):
        rest = float(HALF_PI - sum(map(Fraction, pieces)))
        pieces.append(round_f32(rest) if lanes.format is BINARY32 else rest)
    return pieces


def small_reduction(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """Return r and, in the low bits, n of x = nπ/2 + r (Cody & Waite 1980, chapter 8).

    Fused, the first step is exact, and the second is where it cancels: r is off by two roundings.
    """
    shift = 1.5 * 2.0**lanes.format.mantissa
    two_over_pi = lanes.pick(round_f32(2 / math.pi), 2 / math.pi)
    shifted = lanes.fma(x, two_over_pi, shift)
    n = lanes.sub(shifted, shift)
    r = x
    for piece in pieces_of_half_pi(lanes):
        r = lanes.fma(n, -piece, r)
    return r, lanes.to_bits(shifted)


def reduction(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """Return r and n modulo 4 of x = nπ/2 + r, |r| ≤ π/4.

    The one place where control flow depends on data: when some lane of a vector is beyond what the short
    reduction serves, all of them take the long one as well, about a hundred times the work, and those lanes
    its result.
    """
    builder = lanes.builder
    r, n = small_reduction(lanes, x)
    large = lanes.greater(lanes.abs(x), lanes.pick(2.0**18, 2.0**30))
    before = builder.block
    any_large = large
    if lanes.width is not None:
        mask = ir.IntType(lanes.width)
        any_large = builder.icmp_unsigned("!=", builder.bitcast(large, mask), ir.Constant(mask, 0))
    with builder.if_then(any_large, likely=False):
        both = builder.call(lane_by_lane(lanes), [x])
        long_r = builder.select(large, builder.extract_value(both, 0), r)
        long_n = builder.select(large, builder.extract_value(both, 1), n)
        inside = builder.block
    chosen = []
    for short, long in ((r, long_r), (n, long_n)):
        phi = builder.phi(short.type)
        phi.add_incoming(short, before)
        phi.add_incoming(long, inside)
        chosen.append(phi)
    return chosen[0], chosen[1]


def both(lanes: Lanes, r: Value) -> tuple[Value, Value]:
    """Return sin r and cos r for |r| ≤ π/4."""
    z = lanes.mul(r, r)
    sine = lanes.fma(lanes.mul(r, z), polynomial_of(lanes, z, "SIN"), r)
    cosine = lanes.fma(lanes.mul(z, z), polynomial_of(lanes, z, "COS"), lanes.fma(z, -0.5, 1.0))
    return sine, cosine


def is_odd(lanes: Lanes, n: Value) -> Value:
    """Whether each integer is odd."""
    bit = lanes.integers(lanes.builder.and_, n, 1)
    return lanes.builder.icmp_unsigned("!=", bit, lanes.integer(0))


def quarter_turns(lanes: Lanes, r: Value, n: Value) -> Value:
    """sin(r + nπ/2)."""
    build = lanes.builder
    sine, cosine = both(lanes, r)
    result = lanes.to_bits(lanes.select(is_odd(lanes, n), cosine, sine))
    sign = lanes.integers(build.shl, lanes.integers(build.and_, n, 2), lanes.format.bits - 2)
    return lanes.from_bits(build.xor(result, sign))


def _own_function(body: Callable[[Lanes, Value], Value]) -> Callable[[Lanes, Value], Value]:
    """Wrap what branches in a function that is always inlined, so that the caller's block stays its block."""

    @functools.wraps(body)
    def call(lanes: Lanes, x: Value) -> Value:
        module = lanes.builder.module
        full = f"wengert.{body.__name__}.{lanes.suffix}"
        function = module.globals.get(full)
        if function is None:
            function = ir.Function(module, ir.FunctionType(lanes.type, [lanes.type]), full)
            function.linkage = "internal"
            function.attributes.add("alwaysinline")
            builder = ir.IRBuilder(function.append_basic_block())
            builder.ret(body(Lanes(builder, lanes.type), function.args[0]))
        return lanes.builder.call(function, [x])

    return call


@_own_function
def sin(lanes: Lanes, x: Value) -> Value:
    """Return sin x; the last choice keeps the sign of −0, which r + r³S(r²) loses."""
    r, n = reduction(lanes, x)
    return lanes.select(lanes.equal(x, 0.0), x, quarter_turns(lanes, r, n))


@_own_function
def cos(lanes: Lanes, x: Value) -> Value:
    """Return cos x = sin(x + π/2)."""
    r, n = reduction(lanes, x)
    return quarter_turns(lanes, r, lanes.integers(lanes.builder.add, n, 1))


@_own_function
def tan(lanes: Lanes, x: Value) -> Value:
    """Return sin r/cos r, or −cos r/sin r where n is odd."""
    r, n = reduction(lanes, x)
    sine, cosine = both(lanes, r)
    odd = is_odd(lanes, n)
    quotient = lanes.div(lanes.select(odd, lanes.neg(cosine), sine), lanes.select(odd, sine, cosine))
    return lanes.select(lanes.equal(x, 0.0), x, quotient)
