"""Products of matrices by register tiles: a few rows by a few vectors of columns at a time."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.body import Body
from wengert.run.llvm.irtypes import I64, POINTER, constant, intrinsic, splat, widened
from wengert.run.llvm.loops import (
    Access,
    Index,
    Place,
    counted_loop,
    index_value,
    load,
    plus,
    store,
    times,
)
from wengert.run.llvm.packing import pack_panel, shortened
from wengert.run.llvm.products import Product, packs, tile_of
from wengert.run.llvm.target import Target

# Lines behind a product that are written out for every vector of a tile; more take too long to compile.
SHORT_EPILOGUE = 4


class Tiles:
    """Columns are cut into panels, a panel's rows into tiles; each tile runs through all terms at once.

    Attributes
    ----------
    units : int
        Matrices of a batch, panels, or tiles of rows: what the threads share.
    scratch_bytes : int
        For one packed panel.
    """

    def __init__(self, product: Product, target: Target) -> None:
        self.product = product
        self.lanes = min(target.lanes(product.itemsize), max(product.columns, 1))
        self.tile = tile_of(product, target)
        self.packed = packs(product, target)
        if self.packed:
            self.lanes = target.lanes(product.itemsize)
        self.panel = self.tile.vectors * self.lanes
        self.panels = -(-product.columns // self.panel)
        self.row_tiles = -(-product.rows // self.tile.rows)
        self.scratch_bytes = product.terms * self.panel * product.itemsize if self.packed else 0
        self.by_rows = not product.batch and self.panels == 1
        self.units = product.batch[0] if product.batch else self.row_tiles if self.by_rows else self.panels
        if product.is_empty:
            self.units = 0

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        writer = _TileWriter(self, builder, buffers, scratch)
        if self.product.batch:
            with counted_loop(builder, begin, end) as index:
                self._batches(builder, [index], lambda batch: self._panels(writer, batch, 0, self.panels))
        elif self.by_rows:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._one_panel(writer, [], 0, self._widths(0), begin, end)
        else:
            self._panels(writer, [], begin, end)

    def _batches(
        self, builder: ir.IRBuilder, batch: list[Index], inside: Callable[[list[Index]], None]
    ) -> None:
        if len(batch) == len(self.product.batch):
            inside(batch)
            return
        with counted_loop(builder, 0, self.product.batch[len(batch)]) as index:
            self._batches(builder, [*batch, index], inside)

    def _widths(self, panel: int) -> list[int]:
        """Return the lanes of each vector of a panel; the last panel may have fewer, and a short one."""
        left = min(self.product.columns - panel * self.panel, self.panel)
        return [min(self.lanes, left - start) for start in range(0, left, self.lanes)]

    def _panels(self, writer: _TileWriter, batch: list[Index], begin: Index, end: Index) -> None:
        builder = writer.builder
        full = self.product.columns // self.panel
        last = self.panels > full
        if full:
            stop = end
            if last:
                limit, stop_value = index_value(full), index_value(end)
                stop = builder.select(builder.icmp_signed("<", stop_value, limit), stop_value, limit)
            with counted_loop(builder, begin, stop) as panel:
                column = times(builder, panel, self.panel)
                self._one_panel(writer, batch, column, self._widths(0), 0, self.row_tiles)
        if last:
            mine = builder.and_(
                builder.icmp_signed("==", index_value(end), index_value(self.panels)),
                builder.icmp_signed("<", index_value(begin), index_value(end)),
            )
            with builder.if_then(mine):
                column = full * self.panel
                self._one_panel(writer, batch, column, self._widths(full), 0, self.row_tiles)

    def _one_panel(
        self,
        writer: _TileWriter,
        batch: list[Index],
        column: Index,
        widths: list[int],
        begin: Index,
        end: Index,
    ) -> None:
        builder = writer.builder
        writer.begin_panel(batch, column, widths)
        full = self.product.rows // self.tile.rows
        rest = self.product.rows - full * self.tile.rows
        if full:
            stop = end
            if rest:
                limit, stop_value = index_value(full), index_value(end)
                stop = builder.select(builder.icmp_signed("<", stop_value, limit), stop_value, limit)
            with counted_loop(builder, begin, stop) as number:
                writer.tile(times(builder, number, self.tile.rows), self.tile.rows)
        if rest:
            mine = builder.icmp_signed("==", index_value(end), index_value(self.row_tiles))
            with builder.if_then(mine):
                writer.tile(full * self.tile.rows, rest)


class _TileWriter:
    """Generates the tiles of one panel."""

    def __init__(
        self, tiles: Tiles, builder: ir.IRBuilder, buffers: dict[Node, ir.Value], scratch: ir.Value
    ) -> None:
        self.tiles = tiles
        self.product = tiles.product
        self.builder = builder
        self.scratch = scratch
        self.left = buffers[self.product.left]
        self.right = buffers[self.product.right]
        self.body = Body(self.product.kernel, buffers, self.product.accesses)
        self.batch: list[Index] = []
        self.column: Index = 0
        self.widths: list[int] = []

    def begin_panel(self, batch: list[Index], column: Index, widths: list[int]) -> None:
        """Go to a panel, and pack it where that pays."""
        self.batch, self.column, self.widths = batch, column, widths
        if self.tiles.packed:
            pack_panel(
                self.builder, self.product, self.right, self.scratch, batch, column, widths, self.tiles.lanes
            )

    def tile(self, row: Index, rows: int) -> None:
        """Compute `rows` rows of the panel from `row` on, and what is fused behind them."""
        builder, product = self.builder, self.product
        lanes = [self.tiles.lanes if self.tiles.packed else width for width in self.widths]
        results = [[self._slot(widened(product.type, count)) for count in lanes] for _ in range(rows)]
        if product.terms:
            # Not unrolled: sixteen multiplications hide the counting, and longer code costs time to compile.
            with counted_loop(builder, 0, product.terms) as term:
                self._multiply(row, rows, term, lanes, results)
        if len(product.kernel.members) <= SHORT_EPILOGUE:
            for number in range(rows):
                for place, width in enumerate(self.widths):
                    slot = results[number][place]
                    value = shortened(builder, builder.load(slot, typ=slot.allocated_type), width)
                    self._finish(plus(builder, row, number), place, value)
            return
        self._finish_in_a_loop(row, rows, lanes, results)

    def _finish(self, row: Index, place: int, value: ir.Value) -> None:
        """Compute what is fused behind the product for one vector of its result."""
        column = plus(self.builder, self.column, place * self.tiles.lanes)
        where = Place([*self.batch, row, column], self.widths[place])
        self.body.compute(self.builder, where, {self.product.kernel.line: value})

    def _finish_in_a_loop(
        self, row: Index, rows: int, lanes: list[int], results: list[list[ir.AllocaInstr]]
    ) -> None:
        """Go through the tile in memory, so that what follows stands in the code once for each vector."""
        builder, type_ = self.builder, self.product.type
        stride = sum(lanes)
        with builder.goto_entry_block():
            tile = builder.alloca(ir.ArrayType(type_, rows * stride))
        tile.type = POINTER  # llvmlite would only let whole arrays be stored there
        for number, slots in enumerate(results):
            for place, slot in enumerate(slots):
                value = builder.load(slot, typ=slot.allocated_type)
                access = Access(number * stride + sum(lanes[:place]), (1,))
                store(builder, value, tile, type_, access, Place([0], lanes[place]))
        with counted_loop(builder, 0, rows) as number:
            for place, width in enumerate(self.widths):
                access = Access(sum(lanes[:place]), (stride, 1))
                value = load(builder, tile, type_, access, Place([number, 0], width))
                self._finish(plus(builder, row, number), place, value)

    def _slot(self, type_: ir.Type) -> ir.AllocaInstr:
        with self.builder.goto_entry_block():
            slot = self.builder.alloca(type_)
        self.builder.store(constant(type_, 0), slot)
        return slot

    def _multiply(
        self, row: Index, rows: int, term: Index, lanes: list[int], results: list[list[ir.AllocaInstr]]
    ) -> None:
        """Add one term to every result: a column of the left tile times a row of the panel."""
        builder, product = self.builder, self.product
        vectors = [self._right(term, place, count) for place, count in enumerate(lanes)]
        for number in range(rows):
            where = Place([*self.batch, plus(builder, row, number), term], 1)
            scalar = load(builder, self.left, product.type, product.left_access, where)
            for vector, count, slot in zip(vectors, lanes, results[number], strict=True):
                before = builder.load(slot, typ=slot.allocated_type)
                factor = splat(builder, scalar, count)
                builder.store(intrinsic(builder, "llvm.fmuladd", [factor, vector, before]), slot)

    def _right(self, term: Index, place: int, lanes: int) -> ir.Value:
        if not self.tiles.packed:
            column = plus(self.builder, self.column, place * self.tiles.lanes)
            where = Place([*self.batch, term, column], lanes)
            return load(self.builder, self.right, self.product.type, self.product.right_access, where)
        row = self.builder.mul(index_value(term), ir.Constant(I64, len(self.widths) * self.tiles.lanes))
        packed = Access(place * self.tiles.lanes, (1,))
        return load(self.builder, self.scratch, self.product.type, packed, Place([row], lanes))
