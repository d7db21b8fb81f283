"""Which tiles of a product are worth while on a processor: by a model, or as a search found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wengert.run.llvm.runtime.target import Target

# Weights can lie in panels (`weight_layout.py`) only where these divide the columns.
_UNDIVIDED = 1.03
# What a multiply-add takes more for each element, and each vector, that is read for it; where two begin in a
# cycle. Measured with 256 bits on Zen 4, for tiles from 8×2 to 6×4.
_READING = 1.0
# Bytes between the rows of a right matrix from which on its panels are packed, where two multiply-adds begin
# in a cycle. Rows 2048 bytes apart that are not packed cost a quarter of the speed with the registers of AVX2
# on Zen 4, and with those of AVX-512 on Emerald Rapids.
_FAR = 512


@dataclass(frozen=True)
class Tile:
    """How many rows, and vectors of columns, are computed at once, their results all in registers."""

    rows: int
    vectors: int


def tile_costs(target: Target) -> dict[Tile, float]:
    """Return the largest tiles, and how long each takes for a multiply-add beside the best, by trial.

    A tile of r rows and v vectors reads r elements and v vectors for r·v multiply-adds. On processors that
    begin one multiply-add a cycle these hide the reads; on those that begin two, wide tiles are faster.
    """
    if target.tiles:
        return {Tile(rows, vectors): cost for rows, vectors, cost in target.tiles}
    if target.vector_registers < 32:
        return {Tile(6, 2): 1.0, Tile(4, 3): 1.05}
    if begins_one(target):
        return {Tile(12, 2): 1.0, Tile(8, 3): 1.0}
    return {Tile(6, 4): 1.0, Tile(8, 3): 1.03, Tile(12, 2): 1.18}


def tile_of(rows: int, columns: int, lanes: int, target: Target) -> Tile:
    """Choose the tile that takes least time; rows are shared evenly among as few tiles as there can be."""
    wide = target.vector_registers >= 32
    across = math.ceil(columns / lanes)
    if rows <= 5:
        # Such a product is read more than computed: in longer stretches. With more rows no tile has fewer
        # than three, and each result is one sum, whatever the tile; see `microkernel.py`.
        return Tile(rows, min(across, (8 if rows == 1 else 4) if wide else 2))
    costs = tile_costs(target)
    largest = [tile for tile in costs if tile.vectors <= across] or [Tile(24 if wide else 12, 1)]
    reading = 0.0 if begins_one(target) else _READING
    found: dict[Tile, float] = {}
    for tile in largest:
        most = min(tile.rows, 16)
        count = math.ceil(rows / most)
        edge, panels = across % tile.vectors, across // tile.vectors
        cost = costs.get(tile, 1.0) + reading * (count / rows - 1 / tile.rows)
        at_edge = cost + reading * (1 / edge - 1 / tile.vectors) if edge else 0.0
        covered = panels * tile.vectors * cost + edge * at_edge
        undivided = columns % (tile.vectors * lanes) and panels
        found[Tile(math.ceil(rows / count), tile.vectors)] = covered * (_UNDIVIDED if undivided else 1.0)
    return min(found, key=lambda one: found[one])


def packed_from(target: Target) -> int:
    """Return the stride by row, in bytes, from which on the panels of a right matrix are packed."""
    if target.far_bytes:
        return target.far_bytes
    return target.processor.page_bytes if begins_one(target) else _FAR


def begins_one(target: Target) -> bool:
    """Whether one multiply-add of the width of the registers begins in a cycle, and not two."""
    return target.vector_bytes == 64 and target.processor.has_one_wide_unit
