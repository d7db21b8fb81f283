"""Products of float32 matrices whose factors are rounded to bfloat16, two terms in one multiply-add.

avx512_bf16: ``vdpbf16ps`` adds a₀ b₀ + a₁ b₁ to each float32 sum, for pairs of terms that lie side by side as
32 bits. So a packed matrix is one of half as many terms, each a pair, and the tiles go through it as they do
through one of float32. Subnormal numbers count as zero there.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import F32, I32, I64, POINTER, external, widened
from wengert.run.llvm.codegen.loops import Access, Place, counted_loop, load, store
from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.matmul.packing import (
    cached_function,
    load_padded,
    shortened,
    smaller_value,
    transposed_square,
)
from wengert.run.llvm.runtime.target import Target

LANES = 16  # float32 numbers, and pairs of terms, of a register
# Of terms: rows of a left matrix are rounded that many at a time.
STRETCH = 16
_LEAST = 16  # rows and columns: with fewer, rounding takes longer than is gained


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite has no class for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


BF16 = _BFloat()


def multiplies_pairs(product: Product, target: Target) -> bool:
    """Whether a product is computed from pairs of bfloat16 numbers, where that was asked for."""
    (left_row, left_term), (right_term, right_column) = (
        access.strides[-2:] for access in (product.left_access, product.right_access)
    )
    return (
        target.bfloat16 != ""
        and product.type == F32
        and min(product.rows, product.columns) >= _LEAST
        and product.terms >= 2 * STRETCH
        and product.terms % STRETCH == 0
        and 1 in (left_row, left_term)
        and 1 in (right_term, right_column)
    )


def add_pairs(builder: ir.IRBuilder, left: ir.Value, right: ir.Value, total: ir.Value) -> ir.Value:
    """Return float32 sums with the products of two terms added; pairs come as vectors of float32 bits."""
    lanes = total.type.count
    pairs = ir.VectorType(BF16, 2 * lanes)
    name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * lanes}"
    function = external(builder.module, name, ir.FunctionType(total.type, [total.type, pairs, pairs]))
    return builder.call(function, [total, builder.bitcast(left, pairs), builder.bitcast(right, pairs)])


def _rounded_pairs(builder: ir.IRBuilder, first: ir.Value, second: ir.Value) -> ir.Value:
    """Return for each lane of two vectors both numbers, rounded, as 32 bits."""
    both = ir.VectorType(BF16, 2 * LANES)
    name = "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
    function = external(builder.module, name, ir.FunctionType(both, [first.type, first.type]))
    halves = builder.call(function, [second, first])  # the first one's numbers in the lower half
    lanes = [lane // 2 + LANES * (lane % 2) for lane in range(2 * LANES)]
    mask = ir.Constant(ir.VectorType(I32, 2 * LANES), lanes)
    mixed = builder.shuffle_vector(halves, ir.Constant(both, ir.Undefined), mask)
    return builder.bitcast(mixed, widened(F32, LANES))


def _rounded(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """Return the numbers of a vector, rounded; two neighbours in the place of one."""
    half = ir.VectorType(BF16, LANES)
    name = "llvm.x86.avx512bf16.cvtneps2bf16.512"
    function = external(builder.module, name, ir.FunctionType(half, [vector.type]))
    return builder.bitcast(builder.call(function, [vector]), widened(F32, LANES // 2))


def pack_pairs_of_rows(module: ir.Module, lanes: int, widths: tuple[int, ...]) -> ir.Function:
    """Return the function (source, stride by term, terms, target), where a term's elements lie in one piece.

    Each pair of terms becomes as many vectors of `lanes` pairs as there are widths.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, terms, target = arguments
        two = ir.Constant(I64, 2)
        with counted_loop(builder, 0, builder.sdiv(terms, two)) as pair:
            start = builder.mul(builder.mul(pair, two), stride)
            rows = [builder.gep(source, [start], source_etype=F32)]
            rows.append(builder.gep(rows[0], [stride], source_etype=F32))
            for number, width in enumerate(widths):
                run, whole = Place([number * lanes], width), Access(0, (1,))
                vectors = [load_padded(builder, row, F32, whole, run, LANES) for row in rows]
                pairs = shortened(builder, _rounded_pairs(builder, *vectors), lanes)
                access = Access(0, (len(widths) * lanes, 1))
                store(builder, pairs, target, F32, access, Place([pair, number * lanes], lanes))

    name = f"pack_pairs_{'_'.join(map(str, widths))}_of_{lanes}"
    return cached_function(module, name, [POINTER, I64, I64, POINTER], write)


def round_rows(module: ir.Module) -> ir.Function:
    """Return the function (source, stride by row, rows, terms, target), where a row's terms lie in one piece.

    Of each row its pairs, one after the other.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, rows, terms, target = arguments
        pairs = builder.sdiv(terms, ir.Constant(I64, 2))
        with counted_loop(builder, 0, rows) as row:
            start = builder.gep(source, [builder.mul(row, stride)], source_etype=F32)
            goal = builder.gep(target, [builder.mul(row, pairs)], source_etype=F32)
            with counted_loop(builder, 0, terms, STRETCH) as term:
                vector = load(builder, start, F32, Access(0, (1,)), Place([term], STRETCH))
                place = Place([builder.sdiv(term, ir.Constant(I64, 2))], STRETCH // 2)
                store(builder, _rounded(builder, vector), goal, F32, Access(0, (1,)), place)

    return cached_function(module, "round_rows", [POINTER, I64, I64, I64, POINTER], write)


def round_columns(module: ir.Module, rows: int) -> ir.Function:
    """Return the function (source, stride by term, terms, target), where a term's elements lie in one piece.

    As `round_rows`: of each of these rows its pairs, one after the other. Squares of 16 pairs by 16 rows are
    transposed in registers; the last ones overlap those before.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, terms, target = arguments
        pairs = builder.sdiv(terms, ir.Constant(I64, 2))
        last_term = builder.sub(terms, ir.Constant(I64, 2 * LANES))
        with counted_loop(builder, 0, terms, 2 * LANES) as count:
            term = smaller_value(builder, count, last_term)
            first = builder.sdiv(term, ir.Constant(I64, 2))
            for row in range(0, rows, LANES):
                width = min(LANES, rows - row)
                square = []
                for number in range(0, 2 * LANES, 2):
                    both = [
                        load_padded(
                            builder,
                            builder.gep(source, [builder.mul(here, stride)], source_etype=F32),
                            F32, Access(0, (1,)), Place([row], width), LANES,
                        )
                        for here in (builder.add(term, ir.Constant(I64, number + one)) for one in (0, 1))
                    ]  # fmt: skip
                    square.append(_rounded_pairs(builder, *both))
                for number, vector in enumerate(transposed_square(builder, square)[:width]):
                    start = builder.add(builder.mul(pairs, ir.Constant(I64, row + number)), first)
                    store(builder, vector, target, F32, Access(0, (1,)), Place([start], LANES))

    return cached_function(module, f"round_columns_{rows}", [POINTER, I64, I64, POINTER], write)


def pack_pairs_of_columns(module: ir.Module, width: int) -> ir.Function:
    """Return the function (source, stride by column, terms, last column, target), for columns in one piece.

    Squares of 16 pairs by 16 columns are transposed in registers; the last ones overlap those before. In
    place of columns beyond the last one, that one is taken.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, terms, last_column, target = arguments
        last_term = builder.sub(terms, ir.Constant(I64, 2 * LANES))
        with (
            counted_loop(builder, 0, width, LANES) as column,
            counted_loop(builder, 0, terms, 2 * LANES) as count,
        ):
            term = smaller_value(builder, count, last_term)
            vectors = []
            for lane in range(LANES):
                here = builder.add(column, ir.Constant(I64, lane)) if not isinstance(column, int) else lane
                begin = builder.add(builder.mul(smaller_value(builder, here, last_column), stride), term)
                halves = [
                    _rounded(
                        builder,
                        load(
                            builder, source, F32, Access(0, (1,)),
                            Place([builder.add(begin, ir.Constant(I64, shift))], LANES),
                        ),
                    )
                    for shift in (0, LANES)
                ]  # fmt: skip
                mask = ir.Constant(ir.VectorType(I32, LANES), list(range(LANES)))
                vectors.append(builder.shuffle_vector(*halves, mask))
            first = builder.sdiv(term, ir.Constant(I64, 2))
            for number, vector in enumerate(transposed_square(builder, vectors)):
                place = Place([builder.add(first, ir.Constant(I64, number)), column], LANES)
                store(builder, vector, target, F32, Access(0, (width, 1)), place)

    name = f"pack_pairs_of_columns_{width}"
    return cached_function(module, name, [POINTER, I64, I64, I64, POINTER], write)
