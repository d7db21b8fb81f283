"""Panels of a matrix, copied to where their rows lie one after the other.

The functions are shared by all products of a module: extents and strides are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import (
    I32,
    I64,
    POINTER,
    VOID,
    constant,
    lanes_of,
    type_name,
    widened,
)
from wengert.run.llvm.codegen.loops import (
    Access,
    Place,
    address,
    counted_loop,
    is_awkward,
    load,
    masked_load,
    store,
)


def pack_rows(module: ir.Module, type_: ir.Type, lanes: int, widths: tuple[int, ...]) -> ir.Function:
    """Return the function (source, stride by row, rows, target), for rows that lie in one piece.

    Each row becomes as many vectors as there are widths, filled up with zeros.
    """
    shape = "_".join(map(str, widths))

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, rows, target = arguments
        with counted_loop(builder, 0, rows) as row:
            start = builder.gep(source, [builder.mul(row, stride)], source_etype=type_)
            for number, width in enumerate(widths):
                run = Place([number * lanes], width)
                vector = load_padded(builder, start, type_, Access(0, (1,)), run, lanes)
                place = Place([row, number * lanes], lanes)
                access = Access(0, (len(widths) * lanes, 1))
                store(builder, vector, target, type_, access, place)

    name = f"pack_rows_{type_name(type_)}_{shape}_of_{lanes}"
    return cached_function(module, name, [POINTER, I64, I64, POINTER], write)


def pack_panels(module: ir.Module, type_: ir.Type, lanes: int, vectors: int) -> ir.Function:
    """Return the function (source, stride by row, rows, panels, target, elements of a packed panel).

    For panels of whole vectors that lie side by side: of each row all panels, then the next row.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, rows, panels, target, by_panel = arguments
        width = vectors * lanes
        with counted_loop(builder, 0, rows) as row:
            start = builder.gep(source, [builder.mul(row, stride)], source_etype=type_)
            with counted_loop(builder, 0, panels) as panel:
                first = builder.add(builder.mul(panel, by_panel), builder.mul(row, ir.Constant(I64, width)))
                goal = builder.gep(target, [first], source_etype=type_)
                for number in range(vectors):
                    place = Place([panel, number * lanes], lanes)
                    vector = load(builder, start, type_, Access(0, (width, 1)), place)
                    store(builder, vector, goal, type_, Access(0, (1,)), Place([number * lanes], lanes))

    name = f"pack_panels_{type_name(type_)}_{vectors}_of_{lanes}"
    return cached_function(module, name, [POINTER, I64, I64, I64, POINTER, I64], write)


def pack_columns(module: ir.Module, type_: ir.Type, size: int, width: int) -> ir.Function:
    """Return the function (source, stride by column, rows, last column, target), for columns in one piece.

    Squares of `size`, a power of two that is at most the number of rows, are transposed in registers. The
    last ones overlap those before. In place of columns beyond the last one, that one is taken.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, stride, rows, last_column, target = arguments
        last_row = builder.sub(rows, ir.Constant(I64, size))
        with (
            counted_loop(builder, 0, width, size) as column,
            counted_loop(builder, 0, rows, size) as count,
        ):
            row = smaller_value(builder, count, last_row)
            vectors = []
            for lane in range(size):
                here = builder.add(column, ir.Constant(I64, lane)) if not isinstance(column, int) else lane
                inside = smaller_value(builder, here, last_column)
                place = Place([builder.add(builder.mul(inside, stride), row)], size)
                vectors.append(load(builder, source, type_, Access(0, (1,)), place))
            for number, vector in enumerate(transposed_square(builder, vectors)):
                place = Place([builder.add(row, ir.Constant(I64, number)), column], size)
                store(builder, vector, target, type_, Access(0, (width, 1)), place)

    name = f"pack_columns_{type_name(type_)}_{size}_of_{width}"
    return cached_function(module, name, [POINTER, I64, I64, I64, POINTER], write)


def pack_elements(module: ir.Module, type_: ir.Type, width: int) -> ir.Function:
    """Return the function (source, stride by row, stride by column, rows, last column, target).

    For matrices that lie in pieces in both directions.
    """

    def write(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        source, by_row, by_column, rows, last_column, target = arguments
        with counted_loop(builder, 0, rows) as row, counted_loop(builder, 0, width) as column:
            inside = smaller_value(builder, column, last_column)
            offset = builder.add(builder.mul(row, by_row), builder.mul(inside, by_column))
            value = load(builder, source, type_, Access(0, (1,)), Place([offset], 1))
            store(builder, value, target, type_, Access(0, (width, 1)), Place([row, column], 1))

    name = f"pack_elements_{type_name(type_)}_{width}"
    return cached_function(module, name, [POINTER, I64, I64, I64, I64, POINTER], write)


def cached_function(
    module: ir.Module,
    name: str,
    types: list[ir.Type],
    write: Callable[[ir.IRBuilder, Sequence[ir.Value]], None],
) -> ir.Function:
    """Return the function of a name, which `write` generates where the module does not have it yet."""
    known = module.globals.get(name)
    if known is not None:
        return known
    function = ir.Function(module, ir.FunctionType(VOID, types), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    write(builder, function.args)
    builder.ret_void()
    return function


def smaller_value(builder: ir.IRBuilder, x: ir.Value | int, y: ir.Value) -> ir.Value:
    """Return the smaller of two integers."""
    value = ir.Constant(I64, x) if isinstance(x, int) else x
    return builder.select(builder.icmp_signed("<", value, y), value, y)


def transposed_square(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Transpose n vectors of n lanes, n a power of two: interleave the halves, log₂ n times over."""
    lanes = len(rows)
    if lanes == 1:
        return rows
    half = lanes // 2
    low = [place // 2 + (place % 2) * lanes for place in range(lanes)]
    masks = [ir.Constant(ir.VectorType(I32, lanes), [place + first for place in low]) for first in (0, half)]
    for _ in range(lanes.bit_length() - 1):
        rows = [
            builder.shuffle_vector(rows[number], rows[number + half], mask)
            for number in range(half)
            for mask in masks
        ]
    return rows


def padded(builder: ir.IRBuilder, vector: ir.Value, lanes: int) -> ir.Value:
    """Fill a short vector up with zeros."""
    have = lanes_of(vector.type)
    if have == lanes:
        return vector
    if have == 1:
        return builder.insert_element(constant(widened(vector.type, lanes), 0), vector, ir.Constant(I32, 0))
    mask = ir.Constant(ir.VectorType(I32, lanes), [lane if lane < have else have for lane in range(lanes)])
    return builder.shuffle_vector(vector, constant(vector.type, 0), mask)


def load_padded(
    builder: ir.IRBuilder, base: ir.Value, type_: ir.Type, access: Access, place: Place, lanes: int
) -> ir.Value:
    """Read a run of elements, filled up with zeros."""
    if access.strides[-1] == 1 and is_awkward(type_, place.lanes):
        first = address(builder, base, type_, access, place)
        return padded(builder, masked_load(builder, first, type_, place.lanes), lanes)
    return padded(builder, load(builder, base, type_, access, place), lanes)


def shortened(builder: ir.IRBuilder, vector: ir.Value, lanes: int) -> ir.Value:
    """Return the first lanes of a vector."""
    if lanes_of(vector.type) == lanes:
        return vector
    if lanes == 1:
        return builder.extract_element(vector, ir.Constant(I32, 0))
    mask = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)
