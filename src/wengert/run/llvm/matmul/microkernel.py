"""The innermost function of a product of matrices: one tile of results, held in registers over all terms."""

from __future__ import annotations

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import (
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
from wengert.run.llvm.codegen.loops import Access, Place, load, store
from wengert.run.llvm.matmul.amx import amx_tile_function
from wengert.run.llvm.matmul.bfloat16 import add_pairs
from wengert.run.llvm.matmul.packing import load_padded, padded

# left, its strides by row and term, right, its stride by term, terms, results, whether to add
_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, POINTER, I64, I64, POINTER, I1])
# and where to copy what is read of the right matrix; nowhere if that is null
_COPYING_TYPE = ir.FunctionType(VOID, [*_TYPE.args, POINTER])

NOWHERE = ir.Constant(POINTER, None)

# Of each row of a tile its vectors.
Sums = list[list[ir.Value]]

# Multiply-adds, a power of two: one takes four cycles, and one of the widest begins in each.
_IN_FLIGHT = 4
# Lanes of the smallest registers for vectors, of four bytes each.
_NARROWEST = 4


def tile_function(
    module: ir.Module,
    type_: ir.Type,
    rows: int,
    lanes: int,
    widths: tuple[int, ...],
    bfloat16: str = "",
    copies: bool = False,
    can_add: bool = False,
) -> ir.Function:
    """Return the function, which all products of the module share that have such tiles.

    It computes rows × vectors results.

    Parameters
    ----------
    lanes : int
        Elements of a vector of results.
    widths : tuple of int
        Elements that each vector of the right matrix has; a last one may be shorter than `lanes`.
    bfloat16 : str
        The instructions where each term is a pair of bfloat16 numbers; as in `Target`.
    copies : bool
        Whether it can copy the panel of the right matrix on the way, in whole vectors: the multiply-adds
        leave room for that, where a copy made before would wait for memory. Where the module has a function
        that can, it is returned in place of one that cannot; `NOWHERE` is its last argument then.
    can_add : bool
        Whether it may add the results to what is there: only then does it look at the argument for that.
    """
    if bfloat16 == "amx":
        return amx_tile_function(module, _TYPE, rows, len(widths))
    pairs = bfloat16 != ""
    shape = "_".join(map(str, widths))
    kind = "pairs" if pairs else type_name(type_)
    plain = f"tile_{kind}_{rows}_by_{shape}_of_{lanes}" + "_adding" * can_add
    copying = f"{plain}_copying"
    known = module.globals.get(copying) or (None if copies else module.globals.get(plain))
    if known is not None:
        return known
    name = copying if copies else plain
    function = ir.Function(module, _COPYING_TYPE if copies else _TYPE, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    left, by_row, by_term, right, right_by_term, terms, results, adds, *copy = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    starts = [
        builder.gep(left, [builder.mul(ir.Constant(I64, row), by_row)], source_etype=type_)
        for row in range(rows)
    ]
    sums = _Sums(builder, type_, lanes, widths, pairs, starts, by_term, right, right_by_term, terms, *copy)
    places = [
        (Access(number * len(widths) * lanes, (1,)), Place([place * lanes], lanes_of(total.type)), total)
        for number, totals in enumerate(sums.results())
        for place, total in enumerate(totals)
    ]
    if can_add:
        with builder.if_then(adds):
            for access, place, total in places:
                before = load(builder, results, type_, access, place)
                store(builder, builder.fadd(before, total), results, type_, access, place)
            builder.ret_void()
    for access, place, total in places:
        store(builder, total, results, type_, access, place)
    builder.ret_void()
    return function


class _Sums:
    """The loop over the terms of a tile.

    Where there are few results, each is computed in several sums, so that additions need not wait.

    Parameters
    ----------
    rows : list of Value
        Where the rows of the left matrix begin.
    by_term, right_by_term : Value
        Strides.
    right : Value
        Where the right matrix begins.
    terms : Value
    copy : Value, optional
        Where the panel of the right matrix is copied, unless it is null.
    """

    def __init__(
        self,
        builder: ir.IRBuilder,
        type_: ir.Type,
        lanes: int,
        widths: tuple[int, ...],
        pairs: bool,
        rows: list[ir.Value],
        by_term: ir.Value,
        right: ir.Value,
        right_by_term: ir.Value,
        terms: ir.Value,
        copy: ir.Value | None = None,
    ) -> None:
        self.builder = builder
        self.type = type_
        self.lanes = lanes
        self.widths = widths
        self.pairs = pairs
        self.sizes = [register_lanes(width, lanes) for width in widths]
        self.rows = rows
        self.right = right
        self.terms = terms
        self.increments = (ir.Constant(I64, 1), by_term, right_by_term)
        self.copy = copy
        if copy is not None:
            self.is_copying = builder.icmp_unsigned("!=", copy, NOWHERE)

    def results(self) -> list[list[ir.Value]]:
        """Generate all of it; return a list of vectors for each row."""
        builder = self.builder
        zeros: Sums = [[constant(widened(self.type, size), 0) for size in self.sizes] for _ in self.rows]
        chains = max(1, _IN_FLIGHT // (len(self.rows) * len(self.sizes)))
        steps, sums = self._loop([ir.Constant(I64, 0)] * 3, [zeros] * chains)
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [
                [
                    [builder.fadd(*pair) for pair in zip(*rows, strict=True)]
                    for rows in zip(*both, strict=True)
                ]
                for both in zip(sums[:half], sums[half:], strict=True)
            ]
        if chains > 1:
            _, sums = self._loop(steps, sums)
        return sums[0]

    def _loop(self, first: list[ir.Value], before: list[Sums]) -> tuple[list[ir.Value], list[Sums]]:
        """Take in as many terms an iteration as there are sums, while there are that many.

        The steps are a term, and where it stands in a row of the left matrix and in the right one.
        """
        builder, entry = self.builder, self.builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("terms", "term", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        steps = [builder.phi(I64) for _ in first]
        sums = [[[builder.phi(one.type) for one in row] for row in rows] for rows in before]
        last = builder.add(steps[0], ir.Constant(I64, len(sums) - 1))
        builder.cbranch(builder.icmp_signed("<", last, self.terms), body, after)
        builder.position_at_end(body)
        following, added = list(steps), []
        for chain in sums:
            added.append(self._with_term(following, chain))
            following = [builder.add(*pair) for pair in zip(following, self.increments, strict=True)]
        # A term that is copied ends in another block than it began in: an iteration ends in that of the last.
        carried = (_values(steps, sums), _values(first, before), _values(following, added))
        for phi, start, then in zip(*carried, strict=True):
            phi.add_incoming(start, entry)
            phi.add_incoming(then, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return steps, sums

    def _with_term(self, steps: list[ir.Value], sums: Sums) -> Sums:
        """Return sums with one more term in them."""
        builder, type_ = self.builder, self.type
        term, along_left, along_right = steps
        row_of_right = builder.gep(self.right, [along_right], source_etype=type_)
        vectors = []
        for number, (width, size) in enumerate(zip(self.widths, self.sizes, strict=True)):
            place = Place([number * self.lanes], width)
            vectors.append(load_padded(builder, row_of_right, type_, Access(0, (1,)), place, size))
        if self.copy is not None:
            with builder.if_then(self.is_copying):
                self._copy(self.copy, term, row_of_right, vectors)
        results = []
        for row, totals in zip(self.rows, sums, strict=True):
            scalar = builder.load(builder.gep(row, [along_left], source_etype=type_), typ=type_)
            factors = {size: splat(builder, scalar, size) for size in dict.fromkeys(self.sizes)}
            operands = zip([factors[size] for size in self.sizes], vectors, totals, strict=True)
            if self.pairs:
                results.append([add_pairs(builder, *three) for three in operands])
            else:
                results.append([intrinsic(builder, "llvm.fmuladd", list(three)) for three in operands])
        return results

    def _copy(self, goal: ir.Value, term: ir.Value, row: ir.Value, vectors: list[ir.Value]) -> None:
        """Store what was read of a row of the right matrix."""
        builder, width = self.builder, len(vectors) * self.lanes
        for number, vector in enumerate(vectors):
            place = Place([term, number * self.lanes], self.lanes)
            whole = padded(builder, vector, self.lanes)
            store(builder, whole, goal, self.type, Access(0, (width, 1)), place)


def _values(steps: list[ir.Value], sums: list[Sums]) -> list[ir.Value]:
    """Return all that an iteration hands to the next."""
    return [*steps, *(one for rows in sums for row in rows for one in row)]


def register_lanes(width: int, lanes: int) -> int:
    """Return how many lanes a vector of that many elements is computed with: half a register costs half."""
    return min(lanes, max(_NARROWEST, 1 << (width - 1).bit_length()))
