"""The generator of each kernel: what writes its code, by its form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wengert.run.llvm.codegen.forms.copies import Copies
from wengert.run.llvm.codegen.forms.gathers import Gather
from wengert.run.llvm.codegen.forms.one_hot import OneHot
from wengert.run.llvm.codegen.forms.philox import Philox
from wengert.run.llvm.codegen.forms.scans import Scan
from wengert.run.llvm.codegen.loop_nest import LoopNest
from wengert.run.llvm.codegen.row_gather import Rows
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.matmul.dot_products import DotProducts
from wengert.run.llvm.matmul.lookahead_matmul import LookaheadUpdate
from wengert.run.llvm.matmul.matrix_products import product_of
from wengert.run.llvm.matmul.tiles import Tiles
from wengert.run.llvm.runtime.target import Target
from wengert.run.llvm.schedule.buffers import rounded


def _generator(kernel: Kernel, target: Target, in_place: bool) -> Any:
    if kernel.form is Form.LOOPS:
        return LoopNest(kernel, target, in_place)
    if kernel.form is Form.COPY:
        return Copies(kernel, target)
    if kernel.form in (Form.GATHER, Form.SCATTER):
        return Gather(kernel, target)
    if kernel.form is Form.ONE_HOT:
        return OneHot(kernel, target)
    if kernel.form in (Form.RANDOM, Form.FOLD_IN):
        return Philox(kernel, target)
    if kernel.form is Form.SCAN:
        return Scan(kernel, target)
    if kernel.form is Form.ROWS:
        return Rows(kernel, target)
    if kernel.form is Form.LOOKAHEAD:
        return LookaheadUpdate(kernel, target)
    product = product_of(kernel)
    return DotProducts(product, target) if product.is_dots else Tiles(product, target)


class Generators:
    """The generator of each kernel.

    Parameters
    ----------
    kernels : sequence of Kernel
    target : Target
    in_place : bool
        Whether a kernel may be given the same memory for what it reads and for what it writes.

    Attributes
    ----------
    target : Target
    scratch_bytes : int
        That a thread needs beside the arena.
    """

    def __init__(self, kernels: Sequence[Kernel], target: Target, in_place: bool = True) -> None:
        self.target = target
        self._generators = {
            kernel: _generator(kernel, target, in_place)
            for kernel in kernels
            if kernel.form is not Form.NUMPY
        }
        self.scratch_bytes = rounded(max([one.scratch_bytes for one in self._generators.values()], default=0))

    def __iter__(self) -> Iterator[Kernel]:
        """Go through the kernels."""
        return iter(self._generators)

    def __getitem__(self, kernel: Kernel) -> Any:
        """Return what generates the code of a kernel."""
        return self._generators[kernel]

    def units(self, kernel: Kernel) -> int:
        """Return into how many independent parts a kernel can be cut."""
        units: int = self._generators[kernel].units
        return units

    def looks_itself(self, kernel: Kernel) -> bool:
        """Whether the code of a kernel can look by itself whether it is still wanted."""
        generator = self._generators[kernel]
        return isinstance(generator, Tiles) and generator.looks_itself
