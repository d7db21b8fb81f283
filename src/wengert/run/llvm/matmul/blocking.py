"""How a product of matrices is cut into tiles, and what of it is packed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wengert.run.llvm.matmul.amx import amx_tile_of
from wengert.run.llvm.matmul.bfloat16 import STRETCH, multiplies_pairs
from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.matmul.tile_shapes import Tile, packed_from, tile_of
from wengert.run.llvm.runtime.target import Target
from wengert.run.llvm.schedule.buffers import rounded

# A tile that reads this many lines of a transposed left matrix for a few rows finds them gone for the next
# rows. To fetch them again from the second-level cache costs more than packing where all panels together read
# at least the second number of lines, and the matrix is at least this part of that cache.
MANY_LINES = 64
MANY_READS = 1024
LARGE_PART = 8
# What is read by fewer tiles than this is not packed.
FEW_TILES = 4
# Of the second-level cache a panel of the right matrix takes this part, three vectors wide. How many terms
# that are does not depend on the tile, so neither do the last bits of a result.
PANEL_PART = 4
PANEL_VECTORS = 3
# Of packed rows, or of results between blocks: a panel is packed again for each such group of rows.
GROUP_BYTES = 2**22
# The fewest tiles of a group of packed rows where the right matrix stays in the second-level cache: there the
# group stays beside it, and the epilogue goes through its matrices in whole rows.
GROUP_TILES = 16
# Panels that are packed together, row by row, so that the processor finds stretches to prefetch.
CHUNK = 4


@dataclass(frozen=True)
class Blocking:
    """Columns are cut into panels, rows into tiles and groups of tiles, terms into blocks.

    Attributes
    ----------
    lanes : int
        Elements of a vector.
    tile : Tile
    tall : int
        How many tiles have all of its rows; they come first.
    short : int
        Rows of each of the others.
    row_tiles, panels, blocks : int
        How many there are.
    block : int
        Terms of a block.
    group : int
        Tiles of a group; the rows of a group are packed together.
    packs_left, packs_right : bool
    chunk : int
        Panels that are packed together where the right matrix is larger than the second-level cache; 0 where
        it is not: there the first tile of a panel packs it on the way.
    bfloat16 : str
        The instructions that multiply terms packed in pairs of bfloat16, as in `Target`; empty if none are.
    offsets : tuple of int
        Where packed rows, packed panel and results lie in the scratch memory.
    scratch_bytes : int
    """

    lanes: int
    tile: Tile
    tall: int
    short: int
    row_tiles: int
    panels: int
    blocks: int
    block: int
    group: int
    packs_left: bool
    packs_right: bool
    chunk: int
    offsets: tuple[int, int, int]
    scratch_bytes: int
    bfloat16: str = ""

    @property
    def width(self) -> int:
        """Columns of a panel."""
        return self.tile.vectors * self.lanes

    @property
    def groups(self) -> int:
        """How many groups of tiles there are."""
        return -(-self.row_tiles // self.group)


def blocking_of(product: Product, target: Target) -> Blocking:
    """Return how to cut a product that is not empty."""
    size = product.itemsize
    lanes = target.lanes(size)
    bfloat16 = target.bfloat16 if multiplies_pairs(product, target) else ""
    if bfloat16 == "amx":
        tile = amx_tile_of(product.rows, product.columns)
    else:
        tile = tile_of(product.rows, product.columns, lanes, target)
    width = tile.vectors * lanes
    row_tiles, panels = math.ceil(product.rows / tile.rows), math.ceil(product.columns / width)
    tall, short = _heights(product.rows, tile.rows, row_tiles, is_even=bfloat16 != "amx")
    by_term, by_column = product.right_access.strides[-2:]
    # What is read of rows far apart shares few places of the caches, and soon each needs a page of its own.
    far = packed_from(target)
    is_far = row_tiles >= FEW_TILES and abs(by_term) * size >= far
    is_far = is_far and product.right not in product.kernel.panels
    packs_right = product.terms > 0 and (is_far or (by_column != 1 and product.columns > 1))
    most = target.processor.l2_bytes // PANEL_PART // (PANEL_VECTORS * target.vector_bytes)
    block = product.terms
    if product.terms > 2 * most:
        block = _block_of(product.terms, most, *((2 * STRETCH,) * 2 if bfloat16 else (1, lanes)))
    blocks = math.ceil(product.terms / block) if block else 1
    left_by_row, left_by_term = product.left_access.strides[-2:]
    is_far = abs(left_by_term) * size >= target.processor.page_bytes and panels >= FEW_TILES
    is_read_again = product.terms >= MANY_LINES and product.terms * panels >= MANY_READS
    left_is_large = product.rows * product.terms * size >= target.processor.l2_bytes // LARGE_PART
    packs_left = bool(bfloat16) or (left_by_row == 1 and (is_far or (is_read_again and left_is_large)))
    packs_right = packs_right or bool(bfloat16)
    is_large = product.terms * product.columns * size > target.processor.l2_bytes
    chunk = min(CHUNK, panels) if packs_right and is_large and by_column == 1 and not bfloat16 else 0
    # What is kept for each row of a group: the packed terms of a block, and its results between the blocks.
    kept = (block if packs_left else 0) + (panels * width if blocks > 1 else 0)
    # A matrix in panels is shared among threads by its columns, and so in one group.
    is_near = packs_left and not (is_large or bfloat16 or product.kernel.panels) and by_column == 1
    fewest = row_tiles // GROUP_TILES if is_near and blocks == 1 else 1
    groups = max(math.ceil(product.rows * kept * size / GROUP_BYTES), fewest, 1)
    group = math.ceil(row_tiles / groups)
    left_bytes = group * tile.rows * block * size if packs_left else 0
    right_bytes = block * width * size * max(chunk, 1) if packs_right else 0
    results_bytes = (group * panels if blocks > 1 else 1) * tile.rows * width * size
    offsets = (0, rounded(left_bytes), rounded(left_bytes) + rounded(right_bytes))
    return Blocking(
        lanes, tile, tall, short, row_tiles, panels, blocks, block, group, packs_left, packs_right, chunk,
        offsets, offsets[2] + rounded(results_bytes), bfloat16,
    )  # fmt: skip


def _heights(rows: int, largest: int, count: int, is_even: bool) -> tuple[int, int]:
    """Return how many tiles have the most rows, and how many rows the others have.

    These share the rows evenly, so that none is computed for nothing, or one has what is left: registers of
    AMX have the same number of rows whatever is in them.
    """
    if is_even:
        return rows - count * (largest - 1), largest - 1
    rest = rows % largest
    return count - (rest > 0), rest


def _block_of(terms: int, most: int, step: int, least: int) -> int:
    """Return how many terms, a multiple of `step`, the blocks have: about `most` at the most.

    The last one has at least as many as packing takes at once: a shorter one would be packed over what lies
    before it. For that the blocks may be a little longer than `most`.
    """
    block = math.ceil(terms / math.ceil(terms / most) / step) * step
    while 0 < terms % block < least:
        block += step
    return block
