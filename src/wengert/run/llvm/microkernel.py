"""The innermost function of a product of matrices: one tile of results, held in registers over all terms."""

from __future__ import annotations

from llvmlite import ir

from wengert.run.llvm.cuts import Tile
from wengert.run.llvm.irtypes import (
    I1,
    I64,
    POINTER,
    VOID,
    constant,
    intrinsic,
    lanes_of,
    splat,
    type_name,
    widened,
)
from wengert.run.llvm.loops import Access, Place, load, store
from wengert.run.llvm.packing import padded

# left, its strides by row and term, last row, right, its stride by term, terms, results, whether to add
_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, I64, POINTER, I64, I64, POINTER, I1])

# Lanes of the smallest registers for vectors, of four bytes each.
_NARROWEST = 4


def tile_function(
    module: ir.Module, type_: ir.Type, tile: Tile, lanes: int, widths: tuple[int, ...]
) -> ir.Function:
    """Return the function, which all products of the module share that have such tiles.

    It computes rows × vectors results, or adds them to what is there. Rows beyond the last one are computed
    from the last one again, and must not be used.

    Parameters
    ----------
    lanes : int
        Elements of a vector of results.
    widths : tuple of int
        Elements that each vector of the right matrix has; a last one may be shorter than `lanes`.
    """
    shape = "_".join(map(str, widths))
    name = f"tile_{type_name(type_)}_{tile.rows}_by_{shape}_of_{lanes}"
    known = module.globals.get(name)
    if known is not None:
        return known
    function = ir.Function(module, _TYPE, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    left, by_row, by_term, last_row, right, right_by_term, terms, results, adds = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    rows = []
    for number in range(tile.rows):
        row = ir.Constant(I64, number)
        inside = builder.select(builder.icmp_signed("<", row, last_row), row, last_row)
        rows.append(builder.gep(left, [builder.mul(inside, by_row)], source_etype=type_))
    totals = _sums(builder, type_, lanes, widths, rows, by_term, right, right_by_term, terms)
    places = [
        (Access(number * len(widths) * lanes, (1,)), Place([place * lanes], lanes_of(total.type)), total)
        for number in range(tile.rows)
        for place, total in enumerate(totals[number])
    ]
    with builder.if_else(adds) as (then, otherwise):
        with then:
            for access, place, total in places:
                before = load(builder, results, type_, access, place)
                store(builder, builder.fadd(before, total), results, type_, access, place)
        with otherwise:
            for access, place, total in places:
                store(builder, total, results, type_, access, place)
    builder.ret_void()
    return function


def _sums(
    builder: ir.IRBuilder,
    type_: ir.Type,
    lanes: int,
    widths: tuple[int, ...],
    rows: list[ir.Value],
    by_term: ir.Value,
    right: ir.Value,
    right_by_term: ir.Value,
    terms: ir.Value,
) -> list[list[ir.Value]]:
    """Generate the loop over the terms; return the results, a list of vectors for each row."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("terms", "term", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    zero = ir.Constant(I64, 0)
    sizes = [register_lanes(width, lanes) for width in widths]
    steps = [builder.phi(I64) for _ in range(3)]
    totals = [[builder.phi(widened(type_, size)) for size in sizes] for _ in rows]
    term, along_left, along_right = steps
    builder.cbranch(builder.icmp_signed("<", term, terms), body, after)
    builder.position_at_end(body)
    row_of_right = builder.gep(right, [along_right], source_etype=type_)
    vectors = [
        padded(builder, load(builder, row_of_right, type_, Access(0, (1,)), Place([n * lanes], width)), size)
        for n, (width, size) in enumerate(zip(widths, sizes, strict=True))
    ]
    for row, sums in zip(rows, totals, strict=True):
        scalar = builder.load(builder.gep(row, [along_left], source_etype=type_), typ=type_)
        for one, total in zip(vectors, sums, strict=True):
            factor = splat(builder, scalar, lanes_of(total.type))
            after_term = intrinsic(builder, "llvm.fmuladd", [factor, one, total])
            total.add_incoming(constant(total.type, 0), before)
            total.add_incoming(after_term, body)
    increments = (ir.Constant(I64, 1), by_term, right_by_term)
    for step, increment in zip(steps, increments, strict=True):
        step.add_incoming(zero, before)
        step.add_incoming(builder.add(step, increment), body)
    builder.branch(head)
    builder.position_at_end(after)
    return totals


def register_lanes(width: int, lanes: int) -> int:
    """Return how many lanes a vector of so many elements is computed with: half a register costs half."""
    return min(lanes, max(_NARROWEST, 1 << (width - 1).bit_length()))
