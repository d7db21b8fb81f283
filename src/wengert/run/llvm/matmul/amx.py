"""Products of bfloat16 pairs in the tile registers of AMX: 16 × 16 sums and 32 terms in one instruction.

``tdpbf16ps`` adds the products of 32 terms to each of 16 × 16 float32 sums. Of the left matrix it reads 16
rows of 16 pairs of terms, of the right one 16 pairs of terms of 16 columns: both as `bfloat16.py` packs them.
The extents of the registers are set when a tile begins and given up when it ends, so that nothing outside has
to keep them. A process may use them once the system has allowed it; see `bfloat16_support.py`.
"""

from __future__ import annotations

import struct

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I8, I64, VOID, constant_words, external
from wengert.run.llvm.codegen.loops import counted_loop
from wengert.run.llvm.matmul.tile_shapes import Tile

SIDE = 16  # rows of a register, and the float32 numbers or pairs of terms of each
# What is left of terms that are taken 2 · SIDE at a time, in pairs; see `bfloat16.STRETCH`.
_REST = 8
_BYTES = 4  # of a sum, and of a pair


def amx_tile_of(rows: int, columns: int) -> Tile:
    """Return the tile whose sums, with a column and a row of factors, fill the eight registers.

    Fewer than four registers of sums wait for each other.
    """
    across = -(-columns // SIDE)
    return Tile(SIDE, min(across, 3)) if rows <= SIDE else Tile(2 * SIDE, min(across, 2))


def amx_tile_function(module: ir.Module, type_: ir.FunctionType, rows: int, vectors: int) -> ir.Function:
    """Return the function for tiles with that many vectors of columns; arguments as in `tile_function`.

    Rows that a register has beyond these are computed from what follows in the packed matrix.
    """
    down = -(-rows // SIDE)
    name = f"tile_amx_{down * SIDE}_by_{vectors}"
    known = module.globals.get(name)
    if known is not None:
        return known
    function = ir.Function(module, type_, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    left, by_row, _, right, right_by_term, pairs, results, adds = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    registers = _Registers(
        builder, down, vectors, _in_bytes(builder, by_row), _in_bytes(builder, right_by_term)
    )

    registers.configure(SIDE)  # which makes them all zero
    with builder.if_then(adds):
        registers.move_sums("tileloadd64", results)
    whole = builder.sub(pairs, builder.srem(pairs, ir.Constant(I64, SIDE)))
    with counted_loop(builder, 0, whole, SIDE) as pair:
        registers.add_terms(left, right, pair)
    registers.move_sums("tilestored64", results)
    with builder.if_then(builder.icmp_signed("<", whole, pairs)):
        registers.configure(_REST)
        registers.move_sums("tileloadd64", results)
        registers.add_terms(left, right, whole)
        registers.move_sums("tilestored64", results)
    _call(builder, "tilerelease")
    builder.ret_void()
    return function


class _Registers:
    """Registers of sums, row by row, then those of the left matrix, then those of the right one.

    Parameters
    ----------
    down, across : int
        Registers of sums.
    left_bytes, right_bytes : Value
        From a row of the left matrix to the next, and from a pair of terms of the right one to the next.
    """

    def __init__(
        self, builder: ir.IRBuilder, down: int, across: int, left_bytes: ir.Value, right_bytes: ir.Value
    ) -> None:
        self.builder = builder
        self.down, self.across = down, across
        self.left_bytes, self.right_bytes = left_bytes, right_bytes

    def configure(self, pairs: int) -> None:
        """Set the extents, for that many pairs of terms at a time; all numbers become zero."""
        sums = self.down * self.across
        rows = [SIDE] * (sums + self.down) + [pairs] * self.across
        row_bytes = [SIDE * _BYTES] * sums + [pairs * _BYTES] * self.down + [SIDE * _BYTES] * self.across
        palette = 1
        words = struct.pack("<BB14x16H16B", palette, 0, *_filled(row_bytes, 16), *_filled(rows, 16))
        name = f"amx_{self.down}_by_{self.across}_of_{pairs}"
        _call(self.builder, "ldtilecfg", _constant_bytes(self.builder.module, name, words))

    def move_sums(self, instruction: str, results: ir.Value) -> None:
        """Load the sums, or store them."""
        builder = self.builder
        stride = ir.Constant(I64, self.across * SIDE * _BYTES)
        for row in range(self.down):
            for column in range(self.across):
                offset = (row * SIDE * self.across + column) * SIDE * _BYTES
                place = builder.gep(results, [ir.Constant(I64, offset)], source_etype=I8)
                _call(builder, instruction, _number(row * self.across + column), place, stride)

    def add_terms(self, left: ir.Value, right: ir.Value, pair: ir.Value) -> None:
        """Add the products of as many pairs of terms as were configured, from `pair` on."""
        builder, first_left = self.builder, self.down * self.across
        first_right = first_left + self.down
        side = ir.Constant(I64, SIDE)
        for row in range(self.down):
            rows = builder.mul(ir.Constant(I64, row), builder.mul(side, self.left_bytes))
            offset = builder.add(rows, _in_bytes(builder, pair))
            place = builder.gep(left, [offset], source_etype=I8)
            _call(builder, "tileloadd64", _number(first_left + row), place, self.left_bytes)
        start = builder.mul(pair, self.right_bytes)
        for column in range(self.across):
            offset = builder.add(start, ir.Constant(I64, column * SIDE * _BYTES))
            place = builder.gep(right, [offset], source_etype=I8)
            _call(builder, "tileloadd64", _number(first_right + column), place, self.right_bytes)
        for row in range(self.down):
            for column in range(self.across):
                numbers = row * self.across + column, first_left + row, first_right + column
                _call(builder, "tdpbf16ps", *map(_number, numbers))


def _filled(numbers: list[int], count: int) -> list[int]:
    return numbers + [0] * (count - len(numbers))


def _number(register: int) -> ir.Constant:
    return ir.Constant(I8, register)


def _in_bytes(builder: ir.IRBuilder, count: ir.Value) -> ir.Value:
    return builder.mul(count, ir.Constant(I64, _BYTES))


def _call(builder: ir.IRBuilder, instruction: str, *arguments: ir.Value) -> None:
    type_ = ir.FunctionType(VOID, [one.type for one in arguments])
    builder.call(external(builder.module, f"llvm.x86.{instruction}", type_), arguments)


def _constant_bytes(module: ir.Module, name: str, data: bytes) -> ir.GlobalVariable:
    known = module.globals.get(name)
    return known or constant_words(module, name, ir.ArrayType(I8, len(data)), bytearray(data))
