"""How a product of matrices is cut into tiles, and what of it is packed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.runtime.target import Target
from wengert.run.llvm.schedule.buffers import rounded

# Rows of the right matrix are far apart where each is that many times as long as a panel is wide: what is
# read of them then shares few places of the caches, and soon each row needs a page of its own.
FAR_APART = 32
# Of the left matrix a tile reads a few rows only: by the bytes between its terms, a page.
PAGE = 4096
# A tile that reads this many lines of the left matrix for a few rows finds them gone for the next rows.
MANY_LINES = 256
# A panel that is read by fewer tiles than this is not copied.
FEW_TILES = 4
# Of a panel of the right matrix, so that it stays in the second-level cache.
PANEL_BYTES = 2**18
# Of packed rows, or of results between blocks: a panel is packed again for each such group of rows.
GROUP_BYTES = 2**22


@dataclass(frozen=True)
class Tile:
    """How many rows, and vectors of columns, are computed at once, their results all in registers."""

    rows: int
    vectors: int


@dataclass(frozen=True)
class Blocking:
    """Columns are cut into panels, rows into tiles and groups of tiles, terms into blocks.

    Attributes
    ----------
    lanes : int
        Elements of a vector.
    tile : Tile
    row_tiles, panels, blocks : int
        How many there are.
    block : int
        Terms of a block.
    group : int
        Tiles of a group; the rows of a group are packed together.
    packs_left, packs_right : bool
    offsets : tuple of int
        Where packed rows, packed panel and results lie in the scratch memory.
    scratch_bytes : int
    """

    lanes: int
    tile: Tile
    row_tiles: int
    panels: int
    blocks: int
    block: int
    group: int
    packs_left: bool
    packs_right: bool
    offsets: tuple[int, int, int]
    scratch_bytes: int

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
    tile = tile_of(product.rows, product.columns, lanes, target)
    width = tile.vectors * lanes
    row_tiles, panels = math.ceil(product.rows / tile.rows), math.ceil(product.columns / width)
    by_term, by_column = product.right_access.strides[-2:]
    is_far = row_tiles >= FEW_TILES and abs(by_term) >= FAR_APART * width
    is_far = is_far and product.right not in product.kernel.panels
    packs_right = product.terms > 0 and (is_far or (by_column != 1 and product.columns > 1))
    most = PANEL_BYTES // (width * size)
    blocks = math.ceil(product.terms / most) if product.terms > 2 * most else 1
    block = math.ceil(product.terms / blocks)
    left_by_row, left_by_term = product.left_access.strides[-2:]
    is_far = abs(left_by_term) * size >= PAGE or product.terms >= MANY_LINES
    packs_left = left_by_row == 1 and is_far and panels >= FEW_TILES
    # What is kept for each row of a group: the packed terms of a block, and its results between the blocks.
    kept = (block if packs_left else 0) + (panels * width if blocks > 1 else 0)
    groups = max(math.ceil(product.rows * kept * size / GROUP_BYTES), 1)
    group = math.ceil(row_tiles / groups)
    left_bytes = group * tile.rows * block * size if packs_left else 0
    right_bytes = block * width * size if packs_right else 0
    results_bytes = (group * panels if blocks > 1 else 1) * tile.rows * width * size
    offsets = (0, rounded(left_bytes), rounded(left_bytes) + rounded(right_bytes))
    return Blocking(
        lanes, tile, row_tiles, panels, blocks, block, group, packs_left, packs_right,
        offsets, offsets[2] + rounded(results_bytes),
    )  # fmt: skip


def tile_of(rows: int, columns: int, lanes: int, target: Target) -> Tile:
    """Choose the tile: results, one row of the right matrix, and one element of the left in registers.

    Of the tiles that fit, those that need least padding at the edges, and of these the largest.
    """
    wide = target.vector_registers >= 32
    across = math.ceil(columns / lanes)
    if rows <= 4:
        # Such a product is read more than computed: in longer stretches.
        return Tile(rows, min(across, (8 if rows == 1 else 4) if wide else 2))
    vectors = (
        1 if across == 1 else min((2, 3) if wide else (2,), key=lambda n: (math.ceil(across / n) * n, n))
    )
    most = min((24 if wide else 12) // vectors, 16)
    if rows <= most:
        return Tile(rows, vectors)
    return Tile(min(range(most, most // 2 - 1, -1), key=lambda n: math.ceil(rows / n) * n), vectors)
