"""A short search for the tiles of a processor of which the model does not know enough, kept on disk."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.llvm.codegen.irtypes import F32, I1, I64, POINTER, VOID
from wengert.run.llvm.codegen.loops import counted_loop
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.fusion.lowering import OWN_FORMS
from wengert.run.llvm.matmul.microkernel import NOWHERE, tile_function
from wengert.run.llvm.matmul.tile_shapes import Tile, begins_one
from wengert.run.llvm.profile.machine_limits import clock
from wengert.run.llvm.runtime.array_memory import block
from wengert.run.llvm.runtime.cache import cache_directory, read_entry, write_entry
from wengert.run.llvm.runtime.target import LoadedCode, Target, object_code

# Multiply-adds of a product from which on the shape of its tiles is worth a search.
LARGE = 2**24
SUFFIX = ".tiles"
# Of trial: a multiple of the rows of most tiles; terms and columns of a layer.
_ROWS, _TERMS, _COLUMNS = 96, 768, 512
# The least time counts. Beside other work six rounds made one of two equal tiles up to half slower, and a
# wrong choice is kept: it cost the network 784–512–512–10 a tenth of its time.
ROUNDS = 24
# From this stride on panels are packed where the trial finds that faster.
_NEAR = 512
# A tile must be this much faster than the first one in the list to be put before it: less is noise.
_GAIN = 0.97


def searched(target: Target, program: Program) -> Target:
    """Return the target with the tiles that suit it, if a product of the program is large; see `tuned`."""
    return tuned(target) if any(_multiply_adds(node) >= LARGE for node in program.nodes) else target


def tuned(target: Target) -> Target:
    """Return the target with the tiles that suit it.

    They are searched for once a machine. Where the model decides, where the code is not for this processor,
    and where nothing can be kept on disk, the target is returned as it is. The bits of results do not depend
    on the tiles.
    """
    if target.tiles or not target.processor.recognised or begins_one(target):
        return target
    if cache_directory() is None:
        return target
    return _kept(target)


def _multiply_adds(node: Node) -> int:
    form, _ = OWN_FORMS.get(node.primitive, (None, ""))
    if form is not Form.PRODUCT:
        return 0
    return math.prod(node.type.shape) * node.inputs[0].type.shape[-1]


@lru_cache(maxsize=4)
def _kept(target: Target) -> Target:
    key = {
        "processor": dataclasses.asdict(target.processor),
        "cpu": target.cpu, "features": target.features, "vector_bytes": target.vector_bytes,
        "llvm": list(llvm.llvm_version_info),
    }  # fmt: skip
    name = json.dumps(key, sort_keys=True)
    data = read_entry(name, SUFFIX)
    if data is not None:
        found = _read(data, key)
        if found is not None:
            return dataclasses.replace(target, **found)
    found = search(target)
    kept = write_entry(name, SUFFIX, json.dumps(key | found).encode())
    return dataclasses.replace(target, **found) if kept else target


def _read(data: bytes, key: dict[str, Any]) -> dict[str, Any] | None:
    """Return what was found; None where it is another processor's, or not what a search writes."""
    try:
        entry = json.loads(data)
        if any(entry[name] != value for name, value in key.items()):
            return None
        tiles = tuple([(int(rows), int(vectors), float(cost)) for rows, vectors, cost in entry["tiles"]])
        far = int(entry["far_bytes"])
    except (ValueError, KeyError, TypeError):
        return None
    is_sound = tiles and all(1 <= r <= 16 and 1 <= v <= 4 and 0.5 < cost < 10 for r, v, cost in tiles)
    return {"tiles": tiles, "far_bytes": far} if is_sound and far > 0 else None


def candidates(target: Target) -> list[Tile]:
    """Return the tiles that are tried: results, a row of vectors and an element fit in the registers."""
    if target.vector_registers >= 32:
        return [Tile(6, 4), Tile(8, 3), Tile(12, 2), Tile(14, 2)]
    return [Tile(6, 2), Tile(4, 3)]


def search(target: Target) -> dict[str, Any]:
    """Time the tiles on a product that is as large as those of a layer; takes about 0.2 s.

    Returns
    -------
    dict
        The fields of `Target` that were found: of each number of vectors the fastest tile with the time of a
        multiply-add beside the best, and from which stride on panels are packed.
    """
    tiles = candidates(target)
    code = LoadedCode(object_code(str(_module(target, tiles)), target), target)
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)
    memory = [block(4 * size).view(np.float32) for size in _sizes(target)]
    for array in memory:
        array[...] = 1
    addresses = [array.ctypes.data for array in memory]
    runs: dict[tuple[Tile, bool], Callable[[], object]] = {
        (tile, packs): partial(prototype(code.address(_name(tile, packs))), *addresses)
        for tile in tiles
        for packs in (False, True)
    }
    seconds = dict.fromkeys(runs, math.inf)
    for _ in range(ROUNDS):
        for key, run in runs.items():
            begin = clock()
            run()
            seconds[key] = min(seconds[key], clock() - begin)
    return _decided(tiles, {key: value / _work(key[0], target) for key, value in seconds.items()}, target)


def _decided(tiles: list[Tile], seconds: dict[tuple[Tile, bool], float], target: Target) -> dict[str, Any]:
    """Return the choice that follows from the seconds of a multiply-add by tile and packing."""
    packs = min(seconds[tile, True] for tile in tiles) < min(seconds[tile, False] for tile in tiles)
    fastest: dict[int, Tile] = {}
    for tile in tiles:
        known = fastest.get(tile.vectors)
        if known is None or seconds[tile, packs] < _GAIN * seconds[known, packs]:
            fastest[tile.vectors] = tile
    best = min(seconds[tile, packs] for tile in fastest.values())
    costs = tuple(
        (tile.rows, tile.vectors, round(seconds[tile, packs] / best, 3)) for tile in fastest.values()
    )
    return {"tiles": costs, "far_bytes": _NEAR if packs else target.processor.page_bytes}


def _name(tile: Tile, packs: bool) -> str:
    return f"trial_{tile.rows}_by_{tile.vectors}" + "_packed" * packs


def _work(tile: Tile, target: Target) -> int:
    """Return the multiply-adds of a trial."""
    width = tile.vectors * target.lanes(4)
    return _ROWS // tile.rows * tile.rows * _TERMS * (_COLUMNS // width) * width


def _sizes(target: Target) -> tuple[int, int, int, int]:
    """Return the elements of the left matrix, the right one, a packed panel and a tile of results."""
    widest = 4 * target.lanes(4)
    return _ROWS * _TERMS, _TERMS * _COLUMNS, _TERMS * widest, 16 * widest


def _module(target: Target, tiles: list[Tile]) -> ir.Module:
    """Return the trials: all panels, of each all tiles, of matrices that lie in rows."""
    module, lanes = ir.Module(), target.lanes(4)
    module.triple = target.triple
    for tile in tiles:
        width, widths = tile.vectors * lanes, (lanes,) * tile.vectors
        product = tile_function(module, F32, tile.rows, lanes, widths, copies=True)
        for packs in (False, True):
            function = ir.Function(module, ir.FunctionType(VOID, [POINTER] * 4), _name(tile, packs))
            left, right, packed, results = function.args
            builder = ir.IRBuilder(function.append_basic_block("entry"))
            terms, one, adds = ir.Constant(I64, _TERMS), ir.Constant(I64, 1), ir.Constant(I1, 0)
            with counted_loop(builder, 0, _COLUMNS // width) as panel:
                column = builder.mul(panel, ir.Constant(I64, width))
                source = builder.gep(right, [column], source_etype=F32)
                by_term: ir.Value = ir.Constant(I64, _COLUMNS)
                with counted_loop(builder, 0, _ROWS // tile.rows) as number:
                    row = builder.mul(number, ir.Constant(I64, tile.rows * _TERMS))
                    first = builder.gep(left, [row], source_etype=F32)
                    panel_of_right: list[ir.Value] = [source, by_term]
                    copy: ir.Value = NOWHERE
                    if packs:
                        is_first = builder.icmp_signed("==", number, ir.Constant(I64, 0))
                        copied = [packed, ir.Constant(I64, width)]
                        panel_of_right = [
                            builder.select(is_first, *two) for two in zip(panel_of_right, copied, strict=True)
                        ]
                        copy = builder.select(is_first, packed, NOWHERE)
                    builder.call(product, [first, terms, one, *panel_of_right, terms, results, adds, copy])
            builder.ret_void()
    return module
