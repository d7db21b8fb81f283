"""Products of matrices: what is multiplied, and which of the two loop forms fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import kernel_accesses
from wengert.run.llvm.codegen.irtypes import memory_type
from wengert.run.llvm.codegen.loops import Access
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.fusion.views import View, broadcast_strides

# With so few rows a panel of the right matrix is not read often enough to pay for packing it.
FEW_ROWS = 4


@dataclass(frozen=True)
class Product:
    """A product of matrices and what happens to its result, by the axes (batch …, rows, columns).

    Attributes
    ----------
    kernel : Kernel
    batch : tuple of int
    rows, columns, terms : int
        The left matrix is rows × terms, the right one terms × columns.
    left, right : Node
        The buffers.
    left_access, right_access : Access
        Strides by (batch …, rows, terms) and (batch …, terms, columns).
    accesses : dict of Node to Access
        Of the epilogue, by (batch …, rows, columns).
    """

    kernel: Kernel
    batch: tuple[int, ...]
    rows: int
    columns: int
    terms: int
    left: Node
    right: Node
    left_access: Access
    right_access: Access
    accesses: dict[Node, Access]

    @property
    def type(self) -> ir.Type:
        """The type of an element."""
        return memory_type(self.kernel.line.type.dtype)

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.kernel.line.type.dtype.itemsize

    @property
    def is_empty(self) -> bool:
        """Whether there is no element to compute."""
        return math.prod(self.batch) * self.rows * self.columns == 0

    @property
    def is_dots(self) -> bool:
        """Whether both matrices run along the terms in memory, and are too few rows to pack one for."""
        return (
            self.rows < FEW_ROWS
            and (self.right_access.strides[-1] != 1 or self.columns == 1)
            and self.right_access.strides[-2] == 1
            and self.terms > 1
        )


def product_of(kernel: Kernel) -> Product:
    """Return the product that a kernel of the form PRODUCT begins with."""
    x, y = kernel.line.inputs
    left, right = kernel.leaves[x], kernel.leaves[y]
    matrix_left, matrix_right = x.type.ndim > 1, y.type.ndim > 1
    terms = x.type.shape[-1]
    batch = kernel.shape[: len(kernel.shape) - matrix_left - matrix_right]
    rows = x.type.shape[-2] if matrix_left else 1
    columns = y.type.shape[-1] if matrix_right else 1
    left_strides = (*_batch_strides(left, batch, 2), *_last(left, matrix_left, row_first=True))
    right_strides = (*_batch_strides(right, batch, 2), *_last(right, matrix_right, row_first=False))
    accesses = {}
    for node, access in kernel_accesses(kernel).items():
        own = list(access.strides)
        if not matrix_left:
            own.insert(len(batch), 0)
        if not matrix_right:
            own.append(0)
        accesses[node] = Access(access.offset, tuple(own))
    found = Product(
        kernel, batch, rows, columns, terms, left.base, right.base,
        Access(left.offset, left_strides), Access(right.offset, right_strides), accesses,
    )  # fmt: skip
    return _turned(found) if columns == 1 and rows > 1 else found


def _turned(product: Product) -> Product:
    """Compute (A·B)ᵀ = Bᵀ·Aᵀ, so that a single column becomes a row, which vectors can run along."""

    def swapped(access: Access) -> Access:
        *batch, row, column = access.strides
        return Access(access.offset, (*batch, column, row))

    return Product(
        product.kernel, product.batch, product.columns, product.rows, product.terms,
        product.right, product.left, swapped(product.right_access), swapped(product.left_access),
        {node: swapped(access) for node, access in product.accesses.items()},
    )  # fmt: skip


def _batch_strides(view: View, batch: tuple[int, ...], matrix_axes: int) -> tuple[int, ...]:
    own = len(view.shape) - matrix_axes
    if own <= 0:
        return (0,) * len(batch)
    leading = View(view.base, view.offset, view.shape[:own], view.strides[:own])
    return broadcast_strides(leading, batch)


def _last(view: View, is_matrix: bool, row_first: bool) -> tuple[int, int]:
    if is_matrix:
        return view.strides[-2], view.strides[-1]
    return (0, view.strides[-1]) if row_first else (view.strides[-1], 0)
