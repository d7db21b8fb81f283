"""Reduction of any float64 by multiples of π/2, for what is too large for three fused multiply-adds."""

from __future__ import annotations

from fractions import Fraction

from llvmlite import ir

from . import coefficients as fitted
from .lanes import Lanes, Value

TABLE = "wengert.two_over_pi"
LOG2_STEP = 5
STEP = 1 << LOG2_STEP  # powers of two that one row of the table serves
PIECES = 4
HALF_PI = Fraction(1 << fitted.TWO_OVER_PI_BITS, fitted.TWO_OVER_PI)
DOUBLE, WORD, INDEX = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
RESULT = ir.LiteralStructType([DOUBLE, WORD])


def split(value: Fraction, pieces: int) -> list[float]:
    """Return float64 numbers, each the rounded rest of those before, that add up to the value."""
    numbers = []
    for _ in range(pieces):
        numbers.append(float(value))
        value -= Fraction(numbers[-1])
    return numbers


def rows() -> list[float]:
    """Row j: 2^(32j)·2/π modulo 4 as four numbers. An integer times what is left out is a multiple of 4."""
    scale = 1 << fitted.TWO_OVER_PI_BITS
    numbers: list[float] = []
    for j in range((1024 - 53) // STEP + 1):
        numbers += split(Fraction((fitted.TWO_OVER_PI << STEP * j) % (4 * scale), scale), PIECES)
    return numbers


def two_sum(lanes: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """Return x + y rounded, and what rounding lost (Knuth; Muller, section 2.2)."""
    total = lanes.add(x, y)
    partner = lanes.sub(total, x)
    lost = lanes.add(lanes.sub(x, lanes.sub(total, partner)), lanes.sub(y, partner))
    return total, lost


def distill(lanes: Lanes, terms: list[Value]) -> list[Value]:
    """Terms of the same sum, the first about the sum rounded (the vector sum of Ogita, Rump & Oishi 2005)."""
    result, total = [], terms[-1]
    for term in terms[-2::-1]:
        total, lost = two_sum(lanes, term, total)
        result.append(lost)
    return [total, *result[::-1]]


def scalar_reduction(module: ir.Module) -> ir.Function:
    """The function that reduces one float64 x = nπ/2 + r and returns r and n (Payne & Hanek 1983).

    x = 2^(32j) X with integer X (or j = 0), and X·2/π is needed modulo 4 only. Row j of the table has it to
    200 bits: beside the 84 of X that leaves enough for the worst cancellation, of 62 bits (Muller, section
    9.4).
    """
    name = "wengert.large_angle"
    if name in module.globals:
        return module.globals[name]
    table = rows()
    constant = ir.GlobalVariable(module, ir.ArrayType(DOUBLE, len(table)), TABLE)
    constant.global_constant, constant.linkage = True, "internal"
    constant.initializer = ir.Constant(constant.type.pointee, table)
    function = ir.Function(module, ir.FunctionType(RESULT, [DOUBLE]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    lanes, x = Lanes(builder, DOUBLE), function.args[0]

    field = builder.and_(builder.lshr(lanes.to_bits(x), lanes.integer(52)), lanes.integer(0x7FF))
    beyond = builder.sub(field, lanes.integer(1023 + 52))
    beyond = builder.select(builder.icmp_signed(">", beyond, lanes.integer(0)), beyond, lanes.integer(0))
    row = builder.lshr(beyond, lanes.integer(LOG2_STEP))
    exponent = builder.sub(lanes.integer(1023), builder.mul(row, lanes.integer(STEP)))
    factor = lanes.mul(x, lanes.from_bits(builder.shl(exponent, lanes.integer(52))))
    first = builder.mul(row, lanes.integer(PIECES))
    pieces = []
    for i in range(PIECES):
        place = builder.gep(constant, [ir.Constant(INDEX, 0), builder.add(first, lanes.integer(i))])
        pieces.append(builder.load(place))
    r, n = reduce_product(lanes, factor, pieces)
    result = builder.insert_value(ir.Constant(RESULT, ir.Undefined), r, 0)
    # By way of the bits, as NaN has no conversion.
    builder.ret(builder.insert_value(result, lanes.to_bits(lanes.add(n, 1.5 * 2.0**52)), 1))
    return function


def reduce_product(lanes: Lanes, x: Value, pieces: list[Value]) -> tuple[Value, Value]:
    """Return r and n (modulo 4) where x times the sum of the pieces, in quarter turns, is n + r/(π/2)."""
    products, errors = [], []
    for piece in pieces[:3]:
        products.append(lanes.mul(x, piece))
        errors.append(lanes.fms(x, piece, products[-1]))
    least = lanes.fma(x, pieces[3], errors[2])
    terms = [whole_turns_removed(lanes, term) for term in (products[0], errors[0], products[1])]
    terms = distill(lanes, [*terms, errors[1], products[2], least])
    n = lanes.intrinsic("rint", terms[0])
    # The second pass gathers again what n has cancelled.
    high, low, *_ = distill(lanes, [lanes.sub(terms[0], n), *terms[1:]])
    half_pi, rest = split(HALF_PI, 2)
    r = lanes.mul(high, half_pi)
    error = lanes.fms(high, half_pi, r)
    return lanes.add(r, lanes.fma(low, half_pi, lanes.fma(high, rest, error))), n


def whole_turns_removed(lanes: Lanes, x: Value) -> Value:
    """Return x modulo 4, in [−2, 2]; exact."""
    return lanes.fma(lanes.intrinsic("rint", lanes.mul(x, 0.25)), -4.0, x)


def lane_by_lane(lanes: Lanes) -> ir.Function:
    """The function that reduces every lane of such a vector, one after the other, and returns r and n."""
    module = lanes.builder.module
    name = f"wengert.large_angle.{lanes.suffix}"
    if name in module.globals:
        return module.globals[name]
    scalar = scalar_reduction(module)
    result = ir.LiteralStructType([lanes.type, lanes.integer_type])
    function = ir.Function(module, ir.FunctionType(result, [lanes.type]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    r, n = ir.Constant(lanes.type, ir.Undefined), ir.Constant(lanes.integer_type, ir.Undefined)
    word = ir.IntType(lanes.format.bits)
    for lane in range(lanes.width or 1):
        place = ir.Constant(INDEX, lane)
        x = function.args[0] if lanes.width is None else builder.extract_element(function.args[0], place)
        pair = builder.call(scalar, [lanes.pick(builder.fpext, as_is)(x, DOUBLE)])
        lane_r = lanes.pick(builder.fptrunc, as_is)(builder.extract_value(pair, 0), lanes.element)
        lane_n = lanes.pick(builder.trunc, as_is)(builder.extract_value(pair, 1), word)
        r = lane_r if lanes.width is None else builder.insert_element(r, lane_r, place)
        n = lane_n if lanes.width is None else builder.insert_element(n, lane_n, place)
    packed = builder.insert_value(ir.Constant(result, ir.Undefined), r, 0)
    builder.ret(builder.insert_value(packed, n, 1))
    return function


def as_is(value: Value, _: ir.Type) -> Value:
    """No conversion: the format is float64 already."""
    return value
