"""The two matrices of a product as the tiles read them: where they lie, or packed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I8, I64
from wengert.run.llvm.codegen.loops import (
    Index,
    Place,
    address,
    counted_loop,
    digits,
    index_value,
    is_zero,
    larger,
    minus,
    plus,
    smaller,
    times,
)
from wengert.run.llvm.matmul.bfloat16 import (
    pack_pairs_of_columns,
    pack_pairs_of_rows,
    round_columns,
    round_rows,
)
from wengert.run.llvm.matmul.blocking import Blocking
from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.matmul.microkernel import NOWHERE, register_lanes
from wengert.run.llvm.matmul.packing import pack_columns, pack_elements, pack_panels, pack_rows

# Of a left matrix that is packed; what the tiles have of this number of rows fits into the first-level cache.
TERMS_AT_ONCE = 16
# With this many terms a tile is as fast where it looks at each of them whether to copy what it reads.
MANY_TERMS = 512


@dataclass(frozen=True)
class Panel:
    """Some columns from one on, as vectors; only the last vector may be short."""

    number: Index
    column: Index
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """`count` terms from `term` on."""

    number: Index
    term: Index
    count: Index


def scratch_at(builder: ir.IRBuilder, scratch: ir.Value, offset: int) -> ir.Value:
    """Return a place in the scratch memory."""
    return builder.gep(scratch, [ir.Constant(I64, offset)], source_etype=I8)


def halved(builder: ir.IRBuilder, index: Index) -> Index:
    """Return half of an even number."""
    return index // 2 if isinstance(index, int) else builder.sdiv(index, index_value(2))


def first_row(builder: ir.IRBuilder, cut: Blocking, tile: Index) -> Index:
    """Return where a tile begins."""
    row = times(builder, tile, cut.tile.rows)
    if cut.tall == cut.row_tiles:
        return row
    fewer = larger(builder, minus(builder, tile, cut.tall), 0)
    return minus(builder, row, times(builder, fewer, cut.tile.rows - cut.short))


class LeftOperand:
    """The left matrix, of which a tile reads one element for each row and term."""

    def __init__(
        self, builder: ir.IRBuilder, product: Product, cut: Blocking, matrix: ir.Value, scratch: ir.Value
    ) -> None:
        self.builder = builder
        self.product = product
        self.cut = cut
        self.matrix = matrix
        self.packed = scratch_at(builder, scratch, cut.offsets[0])

    def pack(self, batch: Sequence[Index], tile: Index, low: Index, high: Index, block: Block) -> None:
        """Copy tiles of the group that begins with `tile`: of each its terms, of each term its rows."""
        builder, cut = self.builder, self.cut
        stop = smaller(builder, minus(builder, cut.tall, tile), high)
        # A line has elements of several tiles: it should still be in the first-level cache for the last.
        step: Index = block.count if cut.bfloat16 else TERMS_AT_ONCE
        with counted_loop(builder, 0, block.count, step) as start:
            count = smaller(builder, step, minus(builder, block.count, start))
            with counted_loop(builder, low, stop) as number:
                self._pack_tile(batch, tile, number, cut.tile.rows, block, start, count)
            if cut.tall < cut.row_tiles:
                with counted_loop(builder, larger(builder, low, stop), high) as number:
                    self._pack_tile(batch, tile, number, cut.short, block, start, count)

    def _pack_tile(
        self,
        batch: Sequence[Index],
        tile: Index,
        number: Index,
        rows: int,
        block: Block,
        start: Index,
        count: Index,
    ) -> None:
        """Copy `count` terms of a tile, from `start` of the block on."""
        builder, type_, module = self.builder, self.product.type, self.builder.module
        row = first_row(builder, self.cut, plus(builder, tile, number))
        place = Place([*batch, row, plus(builder, block.term, start)], 1)
        source = address(builder, self.matrix, type_, self.product.left_access, place)
        by_row, by_term = self.product.left_access.strides[-2:]
        packed, terms = self._packed_tile(number, start), index_value(count)
        if self.cut.bfloat16 and by_term == 1:
            arguments = [source, ir.Constant(I64, by_row), ir.Constant(I64, rows), terms, packed]
            builder.call(round_rows(module), arguments)
            return
        if self._in_rows:
            function = round_columns(module, rows)
        elif self.cut.bfloat16:
            function = pack_pairs_of_rows(module, self.cut.tile.rows, (rows,))
        else:
            function = pack_rows(module, type_, self.cut.tile.rows, (rows,))
        builder.call(function, [source, ir.Constant(I64, by_term), terms, packed])

    @property
    def _in_rows(self) -> bool:
        """Whether packed pairs lie row by row, as they did before or as AMX reads them."""
        is_row = self.product.left_access.strides[-1] == 1
        return self.cut.bfloat16 == "amx" or (self.cut.bfloat16 != "" and is_row)

    def _packed_tile(self, number: Index, start: Index = 0) -> ir.Value:
        term = plus(self.builder, times(self.builder, number, self.cut.block), start)
        offset = times(self.builder, term, self.cut.tile.rows)
        return self.builder.gep(self.packed, [index_value(offset)], source_etype=self.product.type)

    def tile(
        self, batch: Sequence[Index], number: Index, row: Index, block: Block
    ) -> tuple[ir.Value, Index, int]:
        """Return where the tile `number` of its group begins, and its strides by row and by term."""
        if self._in_rows:
            return self._packed_tile(number), halved(self.builder, block.count), 1
        if self.cut.packs_left:
            return self._packed_tile(number), 1, self.cut.tile.rows
        access = self.product.left_access
        place = Place([*batch, row, block.term], 1)
        first = address(self.builder, self.matrix, self.product.type, access, place)
        return first, access.strides[-2], access.strides[-1]


class RightOperand:
    """The right matrix, of which the tiles of a panel read a few vectors for each term.

    Attributes
    ----------
    taken : tuple
        Where the panel that was taken last begins, its stride by term, and the widths of its vectors.
    copies : bool
        Whether the first tile of a panel copies it on the way, for the others.
    can_copy : bool
        Whether the function of the tiles is one that can. With many terms it is as fast as one that cannot,
        which then need not be compiled beside it.
    """

    def __init__(
        self, builder: ir.IRBuilder, product: Product, cut: Blocking, matrix: ir.Value, scratch: ir.Value
    ) -> None:
        self.builder = builder
        self.product = product
        self.cut = cut
        self.matrix = matrix
        self.scratch = self.packed = scratch_at(builder, scratch, cut.offsets[1])
        self.taken: tuple[ir.Value, int, tuple[int, ...]] = (matrix, 0, ())
        is_row = product.right_access.strides[-1] == 1
        self.copies = cut.packs_right and not cut.bfloat16 and is_row and not cut.chunk
        self.can_copy = self.copies or (product.terms >= MANY_TERMS and not cut.bfloat16)

    def take(self, batch: Sequence[Index], panel: Panel, block: Block, is_first: ir.Value) -> None:
        """Go to a block of terms of a panel, and copy it where no tile does that.

        `is_first` is whether no panel was taken before.
        """
        access = self.product.right_access
        width = self.product.kernel.panels.get(self.product.right)
        if width is not None:
            self._take_from_panels(width, panel, block)
            return
        place = Place([*batch, block.term, panel.column], 1)
        source = address(self.builder, self.matrix, self.product.type, access, place)
        if self.copies or not self.cut.packs_right:
            self.taken = source, access.strides[-2], panel.widths
            return
        if self.cut.chunk:
            slot = digits(self.builder, panel.number, [self.cut.panels, self.cut.chunk])[1]
            self.packed = self._slot(slot)
        if self.cut.chunk and sum(panel.widths) == self.cut.width:
            with self.builder.if_then(self.builder.or_(is_first, is_zero(self.builder, slot))):
                self._pack_chunk(source, block.count, panel, slot)
        else:
            self._pack(source, block.count, panel)
        lanes = self.cut.lanes  # the panel is filled up with zeros
        widths = tuple(register_lanes(width, lanes) for width in panel.widths)
        self.taken = self.packed, len(widths) * lanes, widths

    def seen_by(self, is_first: ir.Value) -> tuple[ir.Value, ir.Value, tuple[ir.Value, ...]]:
        """Return where a tile reads the panel, its stride by term, and where it copies it, if any does."""
        source, by_term, widths = self.taken
        stride = index_value(by_term)
        if not self.copies:
            return source, stride, ()
        builder = self.builder
        return (
            builder.select(is_first, source, self.packed),
            builder.select(is_first, stride, index_value(len(widths) * self.cut.lanes)),
            (builder.select(is_first, self.packed, NOWHERE),),
        )

    def _take_from_panels(self, width: int, panel: Panel, block: Block) -> None:
        """Take a block of a matrix that lies in panels of `width` columns, or of its transposed."""
        builder, product = self.builder, self.product
        if product.right_access.strides[-1] == 1:
            row = plus(builder, times(builder, panel.number, product.terms), block.term)
            offset = index_value(times(builder, row, width))
            source = builder.gep(self.matrix, [offset], source_etype=product.type)
            self.taken = source, width, panel.widths
            return
        # Its terms are columns of the matrix: each panel of these is transposed by itself.
        own = len(panel.widths) * self.cut.lanes
        function = pack_columns(builder.module, product.type, self.cut.lanes, own)
        last_column, first = sum(panel.widths) - 1, times(builder, block.number, self.cut.block // width)
        count = builder.sdiv(index_value(block.count), index_value(width))
        with counted_loop(builder, 0, count) as number:
            before = times(builder, plus(builder, first, number), product.columns)
            start = times(builder, plus(builder, before, panel.column), width)
            source = builder.gep(self.matrix, [index_value(start)], source_etype=product.type)
            offset = index_value(times(builder, number, width * own))
            target = builder.gep(self.packed, [offset], source_etype=product.type)
            stride = index_value(width)
            builder.call(function, [source, stride, stride, index_value(last_column), target])
        self.taken = self.packed, own, (self.cut.lanes,) * len(panel.widths)

    def _slot(self, number: Index) -> ir.Value:
        """Return where a panel of a chunk is packed."""
        offset = times(self.builder, number, self.cut.block * self.cut.width)
        return self.builder.gep(self.scratch, [index_value(offset)], source_etype=self.product.type)

    def _pack_chunk(self, source: ir.Value, count: Index, panel: Panel, slot: Index) -> None:
        """Pack a panel and those that follow in its chunk."""
        builder, cut = self.builder, self.cut
        whole = minus(builder, self.product.columns // cut.width, panel.number)
        panels = smaller(builder, minus(builder, cut.chunk, slot), whole)
        stride, by_panel = self.product.right_access.strides[-2], cut.block * cut.width
        function = pack_panels(builder.module, self.product.type, cut.lanes, len(panel.widths))
        numbers = [index_value(one) for one in (stride, count, panels)]
        builder.call(function, [source, *numbers, self.packed, index_value(by_panel)])

    def _pack(self, source: ir.Value, count: Index, panel: Panel) -> None:
        builder, module, type_ = self.builder, self.builder.module, self.product.type
        by_term, by_column = self.product.right_access.strides[-2:]
        width = len(panel.widths) * self.cut.lanes
        terms, last_column = index_value(count), ir.Constant(I64, sum(panel.widths) - 1)
        if self.cut.bfloat16 and by_column == 1:
            function = pack_pairs_of_rows(module, self.cut.lanes, panel.widths)
            builder.call(function, [source, ir.Constant(I64, by_term), terms, self.packed])
        elif self.cut.bfloat16:
            function = pack_pairs_of_columns(module, width)
            stride = ir.Constant(I64, by_column)
            builder.call(function, [source, stride, terms, last_column, self.packed])
        elif by_term == 1:
            size = min(self.cut.lanes, 1 << (self.product.terms.bit_length() - 1))
            function = pack_columns(module, type_, size, width)
            stride = ir.Constant(I64, by_column)
            builder.call(function, [source, stride, terms, last_column, self.packed])
        else:
            function = pack_elements(module, type_, width)
            strides = [ir.Constant(I64, by_term), ir.Constant(I64, by_column)]
            builder.call(function, [source, *strides, terms, last_column, self.packed])
