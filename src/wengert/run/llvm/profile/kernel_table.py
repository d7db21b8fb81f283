"""What the kernels of a plan compute, read and write, for those who look for where the time goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wengert.ir.node import INPUT, Node
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.fusion.lowering import left_to_numpy


@dataclass(frozen=True)
class KernelSummary:
    """One kernel.

    Attributes
    ----------
    form : str
        The value of a `Form`: ``"loops"``, ``"product"``, …; ``"numpy"`` for a line that NumPy runs.
    shape : tuple of int
        Of the index space.
    operations : tuple of str
        The primitives that are fused in it; where rows of a batch are copied, what they are rows of.
    flops : int
        As the primitives count them.
    read, written : int
        Bytes: each value read from memory or written to it counted once.
    itemsize : int
        Bytes of an element of the first line's result.
    reason : str or None
        Why NumPy runs the line.
    seconds : float or None
        How long the kernel takes on one core, called again and again, where that was measured.
    limit : float or None
        How long it would take at the limits of that core: its roofline.
    """

    form: str
    shape: tuple[int, ...]
    operations: tuple[str, ...]
    flops: int
    read: int
    written: int
    itemsize: int
    reason: str | None
    seconds: float | None = None
    limit: float | None = None

    @property
    def bytes(self) -> int:
        """Bytes that are read and written."""
        return self.read + self.written

    @property
    def share(self) -> float | None:
        """The share of the roofline that is reached, where that was measured."""
        return None if self.seconds is None or self.limit is None else self.limit / self.seconds

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "1"
        why = f"  ({self.reason})" if self.reason else ""
        columns = [f"{self.form:8}", f"{shape:>12}", f"{self.flops:>14,}", f"{self.bytes:>13,}"]
        if self.seconds is not None and self.share is not None:
            speed = self.flops / self.seconds / 1e9
            columns += [f"{_microseconds(self.seconds):>11}", f"{speed:>8.1f}", f"{self.share:>9.0%}"]
        return " ".join([*columns, "", " ".join(self.operations)]) + why


class KernelTable(list[KernelSummary]):
    """Kernels in the order in which they run; shown as a table."""

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        columns = [f"{'kernel':8}", f"{'shape':>12}", f"{'flops':>14}", f"{'bytes':>13}"]
        times = [one.seconds for one in self if one.seconds is not None]
        if times:
            columns += [f"{'µs':>11}", f"{'GFLOP/s':>8}", f"{'roofline':>9}"]
        lines = [" ".join([*columns, "", "fuses"]), *map(str, self)]
        total = KernelSummary(
            "all", (len(self),), (), sum(one.flops for one in self), sum(one.read for one in self),
            sum(one.written for one in self), 0, None, sum(times) if times else None,
            sum(one.limit or 0.0 for one in self) if times else None,
        )  # fmt: skip
        return "\n".join([*lines, str(total).rstrip()])


def summary(kernel: Kernel) -> KernelSummary:
    """Return the summary of a kernel."""
    read = sum(_bytes(node, view.shape) for node, view in kernel.leaves.items())
    written = sum(_bytes(node, node.type.shape) for node in kernel.stored)
    flops = sum(node.flops for node in kernel.members)
    return KernelSummary(
        kernel.form.value,
        kernel.shape,
        tuple(_name(node) for node in kernel.members),
        flops,
        read,
        written,
        kernel.line.type.dtype.itemsize,
        left_to_numpy(kernel.line) if kernel.form is Form.NUMPY else None,
    )


def _name(node: Node) -> str:
    return str(node.param("name")) if node.primitive is INPUT else node.primitive.name


def _microseconds(seconds: float) -> str:
    """Return a time to three digits."""
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _bytes(node: Node, shape: tuple[int, ...]) -> int:
    return min(math.prod(shape), node.type.size) * node.type.dtype.itemsize
