"""Weights that lie panel by panel, so that what a thread works on lies in one piece.

A matrix in row-major order is badly shared by columns: each row has a part of each thread, and the
processors, which prefetch what follows the elements they read, take lines of the caches away from each
other. So a matrix that a loop carries from step to step lies panel by panel, as wide as the tiles of the
products that read and write it: of each panel its rows, of each row its columns. Nothing outside sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.ir.node import Node
from wengert.run.llvm.codegen.loops import Access
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import is_whole
from wengert.run.llvm.matmul.bfloat16 import multiplies_pairs
from wengert.run.llvm.matmul.blocking import Blocking, blocking_of
from wengert.run.llvm.matmul.matrix_products import Product, product_of
from wengert.run.llvm.runtime.target import Target

Array = np.ndarray[Any, Any]


def lay_in_panels(plan: Plan, aliased: Mapping[Node, Node], target: Target) -> dict[Node, int]:
    """Decide which of the matrices that a loop carries lie in panels, and enter them in the kernels.

    Parameters
    ----------
    plan : Plan
    aliased : mapping of Node to Node
        Computed nodes, and the inputs whose place they take.
    target : Target

    Returns
    -------
    dict of Node to int
        The columns of a panel of each of those inputs that lies in panels.
    """
    cuts: dict[Kernel, tuple[Product, Blocking]] = {}
    for kernel in plan.kernels:
        if kernel.form is Form.PRODUCT:
            product = product_of(kernel)
            if not (product.is_empty or product.is_dots or multiplies_pairs(product, target)):
                cuts[kernel] = product, blocking_of(product, target)
    writer = {node: kernel for kernel in plan.kernels for node in kernel.stored}
    found: dict[Node, int] = {}
    for result, place in aliased.items():
        if writer[result] not in cuts or result.type.ndim != 2:
            continue
        width, columns = cuts[writer[result]][1].width, result.type.shape[1]
        if columns == width or columns % width:
            continue
        users = [kernel for kernel in plan.kernels if _uses(kernel, (result, place))]
        if all(kernel in cuts and _fits(*cuts[kernel], (result, place), width) for kernel in users):
            found[place] = width
            for kernel in users:
                own = [node for node in (result, place) if _uses(kernel, (node,))]
                kernel.panels.update(dict.fromkeys(own, width))
    return found


def _uses(kernel: Kernel, nodes: tuple[Node, ...]) -> bool:
    return any(view.base in nodes for view in kernel.leaves.values()) or any(
        node in kernel.stored for node in nodes
    )


def _fits(product: Product, cut: Blocking, nodes: tuple[Node, ...], width: int) -> bool:
    """Whether a product can read, and write, these matrices in panels."""
    kernel = product.kernel
    if product.batch or product.left in nodes:
        return False
    if product.right in nodes and not _fits_at_right(product, cut, width):
        return False
    epilogue = [view for node, view in kernel.leaves.items() if node not in kernel.line.inputs]
    read = [view for view in epilogue if view.base in nodes]
    if not read and not any(node in kernel.stored for node in nodes):
        return True
    has_shape = nodes[0].type.shape == (product.rows, product.columns)
    return has_shape and cut.width == width and all(is_whole(view) for view in read)


def _fits_at_right(product: Product, cut: Blocking, width: int) -> bool:
    """Whether the right matrix, or its transposed, can be read in panels."""
    rows, columns = product.right.type.shape
    if product.right_access.offset:
        return False
    found = (*product.right_access.strides, product.terms, product.columns)
    if found == (columns, 1, rows, columns):
        return cut.width == width
    is_whole_panels = cut.blocks == 1 or cut.block % width == 0
    return found == (1, columns, columns, rows) and is_whole_panels and width % cut.lanes == 0


def accesses_by_panel(product: Product) -> dict[Node, Access]:
    """Return the accesses of a product's epilogue, by (panel, batch …, rows, columns).

    The column is counted from the first panel's; where a matrix lies in panels, the stride by panel makes up
    for that.
    """
    kernel, rows = product.kernel, product.rows
    found = {}
    for node, access in product.accesses.items():
        view = kernel.leaves.get(node)
        width = kernel.panels.get(node if view is None else view.base)
        if width is None or node in kernel.line.inputs:
            found[node] = Access(access.offset, (0, *access.strides))
        else:
            found[node] = Access(access.offset, ((rows - 1) * width, width, 1))
    return found


def in_panels(matrix: Array, width: int) -> Array:
    """Return the elements of a matrix panel by panel, as a vector; in their own order where `width` is 0."""
    if not width:
        return matrix.reshape(-1)
    rows_of_panels = np.ascontiguousarray(matrix).view(_row(matrix, width))
    return rows_of_panels.T.reshape(-1).view(matrix.dtype)


def from_panels(elements: Array, shape: tuple[int, ...], width: int) -> Array:
    """Return the array of which `in_panels` made a vector."""
    if not width:
        return elements.reshape(shape)
    rows, columns = shape
    rows_of_panels = elements.view(_row(elements, width)).reshape(columns // width, rows)
    return rows_of_panels.T.reshape(-1).view(elements.dtype).reshape(shape)


def _row(array: Array, width: int) -> np.dtype[Any]:
    """Return the dtype of a row of a panel as one item, which NumPy copies in one piece: twice as fast."""
    return np.dtype((np.void, width * array.itemsize))
