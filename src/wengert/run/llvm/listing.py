"""What the kernels of a plan compute, read and write, for those who look for where the time goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wengert.ir.node import Node
from wengert.run.llvm.numpy_lines import left_to_numpy
from wengert.run.llvm.plan import Form, Kernel


@dataclass(frozen=True)
class KernelSummary:
    """One kernel.

    Attributes
    ----------
    form : str
        ``"loops"``, ``"product"``, ``"copy"``, ``"gather"``, ``"one hot"``, or ``"numpy"`` for a line
        that NumPy runs.
    shape : tuple of int
        Of the index space.
    operations : tuple of str
        The primitives that are fused in it.
    flops : int
        As the primitives count them.
    bytes : int
        Each value read from memory or written to it counted once.
    reason : str or None
        Why NumPy runs the line.
    """

    form: str
    shape: tuple[int, ...]
    operations: tuple[str, ...]
    flops: int
    bytes: int
    reason: str | None

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "1"
        why = f"  ({self.reason})" if self.reason else ""
        fused = " ".join(self.operations)
        return f"{self.form:8} {shape:>12} {self.flops:>12,} flops {self.bytes:>12,} bytes  {fused}{why}"


def summary(kernel: Kernel) -> KernelSummary:
    """Return the summary of a kernel."""
    read = sum(_bytes(node, view.shape) for node, view in kernel.leaves.items())
    written = sum(_bytes(node, node.type.shape) for node in kernel.stored)
    flops = sum(
        node.primitive.work(node.type, [operand.type for operand in node.inputs], dict(node.params))
        for node in kernel.members
    )
    return KernelSummary(
        kernel.form.value,
        kernel.shape,
        tuple(node.primitive.name for node in kernel.members),
        flops,
        read + written,
        left_to_numpy(kernel.line) if kernel.form is Form.NUMPY else None,
    )


def _bytes(node: Node, shape: tuple[int, ...]) -> int:
    return min(math.prod(shape), node.type.size) * node.type.dtype.itemsize
