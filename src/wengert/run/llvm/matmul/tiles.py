"""Products of matrices by register tiles: a few rows by a few vectors of columns at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import Body
from wengert.run.llvm.codegen.cancellation import if_cancelled
from wengert.run.llvm.codegen.irtypes import I1, memory_type
from wengert.run.llvm.codegen.loops import (
    Access,
    Index,
    Place,
    address,
    counted_loop,
    digits,
    index_value,
    is_zero,
    larger,
    load,
    minus,
    plus,
    prefetch,
    smaller,
    times,
)
from wengert.run.llvm.matmul.blocking import blocking_of
from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.matmul.microkernel import NOWHERE, tile_function
from wengert.run.llvm.matmul.operands import (
    Block,
    LeftOperand,
    Panel,
    RightOperand,
    first_row,
    halved,
    scratch_at,
)
from wengert.run.llvm.matmul.weight_layout import accesses_by_panel
from wengert.run.llvm.runtime.target import Target

# Over that many terms there is time to prefetch what the epilogue reads.
MANY_TERMS = 128
LINE = 64  # bytes of a line of the caches
NO = ir.Constant(I1, 0)


class Tiles:
    """Every tile runs through all terms in registers; what follows the product is computed tile by tile.

    Attributes
    ----------
    units : int
        Tiles: by matrix of a batch, group of rows, panel, and tile of the group. So a thread reads no more of
        the right matrix, which others may have written, than it needs for its columns.
    scratch_bytes : int
        For packed rows, a packed panel, and the results of a tile.
    looks_itself : bool
        Whether it can look whether it is still wanted: between blocks of terms.
    """

    def __init__(self, product: Product, target: Target) -> None:
        self.product = product
        self.units = self.scratch_bytes = 0
        self.looks_itself = False
        if not product.is_empty:
            self.cut = cut = blocking_of(product, target)
            # Where terms are added up in blocks, all panels of a group stay with one thread.
            self.stretches = [*product.batch, cut.groups, cut.panels if cut.blocks == 1 else 1]
            self.units = math.prod(self.stretches) * cut.group
            self.scratch_bytes = cut.scratch_bytes
            self.accesses = accesses_by_panel(product)
            self.looks_itself = cut.blocks > 1

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
        flags: ir.Value | None = None,
    ) -> None:
        """Generate the units from `begin` to `end`; with `flags`, a look at them between blocks of terms."""
        if not self.units:
            return
        cut, product = self.cut, self.product
        left = LeftOperand(builder, product, cut, buffers[product.left], scratch)
        writer = _PanelWriter(self, builder, buffers, scratch, left)
        first = builder.sdiv(begin, index_value(cut.group))
        after = builder.sdiv(builder.add(end, index_value(cut.group - 1)), index_value(cut.group))
        with counted_loop(builder, first, after) as number:
            start = times(builder, number, cut.group)
            low = larger(builder, minus(builder, begin, start), 0)
            high = smaller(builder, minus(builder, end, start), cut.group)
            *batch, group, panel = digits(builder, number, self.stretches)
            tile = times(builder, group, cut.group)
            if cut.groups > 1:
                high = smaller(builder, high, minus(builder, cut.row_tiles, tile))
            # In blocks each stretch begins with the first panel.
            is_first = is_zero(builder, minus(builder, number, first)) if cut.blocks == 1 else NO
            stretch = _Stretch(batch, tile, low, high, is_first)
            if cut.blocks == 1:
                if cut.packs_left:
                    with builder.if_then(builder.or_(is_zero(builder, panel), is_first)):
                        left.pack(batch, tile, 0, cut.group, Block(0, 0, product.terms))
                self._panel(writer, stretch, panel, Block(0, 0, product.terms))
            else:
                self._blocks(writer, stretch, flags)

    def _blocks(self, writer: _PanelWriter, stretch: _Stretch, flags: ir.Value | None) -> None:
        """Generate a stretch of tiles of all panels, block by block of their terms."""
        builder, cut, terms = writer.builder, self.cut, self.product.terms
        with counted_loop(builder, 0, cut.blocks) as number:
            if flags is not None:
                with if_cancelled(builder, flags):
                    builder.ret_void()
            term = times(builder, number, cut.block)
            block = Block(number, term, smaller(builder, minus(builder, terms, term), cut.block))
            if cut.packs_left:
                writer.left.pack(stretch.batch, stretch.tile, stretch.low, stretch.high, block)
            with counted_loop(builder, 0, cut.panels) as panel:
                self._panel(writer, stretch, panel, block)

    def _panel(self, writer: _PanelWriter, stretch: _Stretch, panel: Index, block: Block) -> None:
        """Generate a stretch of tiles of one panel; the last one may have fewer columns."""
        builder, cut, columns = writer.builder, self.cut, self.product.columns
        full = columns // cut.width
        column = times(builder, panel, cut.width)
        whole = Panel(panel, column, (cut.lanes,) * cut.tile.vectors)
        rest = columns - full * cut.width
        widths = tuple(min(cut.lanes, rest - start) for start in range(0, rest, cut.lanes))
        if not rest:
            writer.write(stretch, whole, block)
        elif not full:
            writer.write(stretch, Panel(0, 0, widths), block)
        else:
            is_full = builder.icmp_signed("<", index_value(panel), index_value(full))
            with builder.if_else(is_full) as (then, otherwise):
                with then:
                    writer.write(stretch, whole, block)
                with otherwise:
                    writer.write(stretch, Panel(full, full * cut.width, widths), block)


@dataclass(frozen=True)
class _Stretch:
    """Tiles of a group from `low` to `high`.

    Attributes
    ----------
    batch : sequence of index
    tile : index
        The number of the group's first one.
    low, high : index
    is_first : Value
        Whether there is none before it, and it may begin in the middle of a chunk of panels.
    """

    batch: Sequence[Index]
    tile: Index
    low: Index
    high: Index
    is_first: ir.Value


class _PanelWriter:
    """Generates the tiles of a panel."""

    def __init__(
        self,
        tiles: Tiles,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        scratch: ir.Value,
        left: LeftOperand,
    ) -> None:
        self.cut = tiles.cut
        self.product = tiles.product
        self.builder = builder
        self.left = left
        self.right = RightOperand(builder, tiles.product, tiles.cut, buffers[self.product.right], scratch)
        self.results = scratch_at(builder, scratch, self.cut.offsets[2])
        self.accesses = tiles.accesses
        self.body = Body(self.product.kernel, buffers, self.accesses)

    def write(self, stretch: _Stretch, panel: Panel, block: Block) -> None:
        """Generate the tiles, for one block of their terms."""
        builder, cut = self.builder, self.cut
        self.right.take(stretch.batch, panel, block, stretch.is_first)
        with counted_loop(builder, stretch.low, stretch.high) as number:
            tile = plus(builder, stretch.tile, number)
            row, rows, is_tall = first_row(builder, cut, tile), index_value(cut.tile.rows), None
            if cut.tall < cut.row_tiles:
                is_tall = builder.icmp_signed("<", index_value(tile), index_value(cut.tall))
                rows = builder.select(is_tall, rows, index_value(cut.short))
            if cut.block >= MANY_TERMS and cut.blocks == 1:
                self._fetch(stretch.batch, row, rows, panel)
            results = self._results(number, panel)
            is_first = builder.icmp_signed("==", index_value(number), index_value(stretch.low))
            arguments = self._arguments(stretch.batch, number, row, block, results, is_first)
            if is_tall is None:
                self._multiply(cut.tile.rows, arguments)
            else:
                with builder.if_else(is_tall) as (then, otherwise):
                    with then:
                        self._multiply(cut.tile.rows, arguments)
                    with otherwise:
                        self._multiply(cut.short, arguments)
            if cut.blocks == 1:
                self._finish(stretch.batch, row, rows, panel, results)
            else:
                is_last = builder.icmp_signed("==", index_value(block.number), index_value(cut.blocks - 1))
                with builder.if_then(is_last):
                    self._finish(stretch.batch, row, rows, panel, results)

    def _fetch(self, batch: Sequence[Index], row: Index, rows: Index, panel: Panel) -> None:
        """Prefetch the memory that the epilogue will read or write when the tile is done."""
        builder, kernel = self.builder, self.product.kernel
        buffers = {node: node for node in kernel.stored}
        for node, view in kernel.leaves.items():
            if node not in kernel.line.inputs and node in self.accesses:
                buffers[node] = view.base
        with counted_loop(builder, 0, rows) as number:
            for node, base in buffers.items():
                access, type_ = self.accesses[node], memory_type(node.type.dtype)
                if 0 in access.strides[-2:]:
                    continue  # a row, a column or a number, which stays in the cache
                for start in range(0, sum(panel.widths), LINE // node.type.dtype.itemsize):
                    indices = [*batch, plus(builder, row, number), plus(builder, panel.column, start)]
                    place = Place([panel.number, *indices], 1)
                    here = address(builder, self.body.buffers[base], type_, access, place)
                    prefetch(builder, here, writes=node in kernel.stored)

    def _results(self, number: Index, panel: Panel) -> ir.Value:
        """Return where the results of a tile stand between the blocks, and until what follows is computed."""
        if self.cut.blocks == 1:
            return self.results
        place = plus(self.builder, times(self.builder, number, self.cut.panels), panel.number)
        offset = times(self.builder, place, self.cut.tile.rows * self.cut.width)
        return self.builder.gep(self.results, [index_value(offset)], source_etype=self.product.type)

    def _arguments(
        self,
        batch: Sequence[Index],
        number: Index,
        row: Index,
        block: Block,
        results: ir.Value,
        is_first: ir.Value,
    ) -> list[ir.Value]:
        """Return the arguments of the tile's function; `is_first` is whether it is a panel's first one."""
        builder = self.builder
        source, by_row, by_term = self.left.tile(batch, number, row, block)
        right, right_by_term, copy = self.right.seen_by(is_first)
        adds: ir.Value = NO
        if self.cut.blocks > 1:
            adds = builder.icmp_signed(">", index_value(block.number), index_value(0))
        terms = halved(builder, block.count) if self.cut.bfloat16 else block.count
        return [
            *(source, index_value(by_row), index_value(by_term)),
            *(right, right_by_term, index_value(terms), results, adds, *copy),
        ]

    def _multiply(self, rows: int, arguments: list[ir.Value]) -> None:
        cut, (_, _, widths) = self.cut, self.right.taken
        module, copies = self.builder.module, self.right.can_copy
        function = tile_function(
            module, self.product.type, rows, cut.lanes, widths, cut.bfloat16, copies, cut.blocks > 1
        )
        nowhere = [NOWHERE] * (len(function.args) - len(arguments))
        self.builder.call(function, [*arguments, *nowhere])

    def _finish(
        self, batch: Sequence[Index], row: Index, rows: Index, panel: Panel, results: ir.Value
    ) -> None:
        """Compute the epilogue, a vector of results at a time."""
        builder, lanes = self.builder, self.cut.lanes
        access = Access(0, (len(panel.widths) * lanes, 1))

        def finish(number: Index, start: Index, width: int) -> None:
            value = load(builder, results, self.product.type, access, Place([number, start], width))
            indices = [*batch, plus(builder, row, number), plus(builder, panel.column, start)]
            place = Place([panel.number, *indices], width)
            self.body.compute(builder, place, {self.product.kernel.line: value})

        full = sum(width == lanes for width in panel.widths)
        with counted_loop(builder, 0, rows) as number:
            if full:
                with counted_loop(builder, 0, full * lanes, lanes) as start:
                    finish(number, start, lanes)
            if full < len(panel.widths):
                finish(number, full * lanes, panel.widths[-1])
