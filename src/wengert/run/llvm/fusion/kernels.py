"""Kernels: lines of a program that one piece of generated code computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.llvm.fusion.views import View
from wengert.run.llvm.repetition.called_loop import CalledLoop


class Form(Enum):
    """How a kernel computes."""

    LOOPS = "loops"  # elementwise lines, and reductions of them
    PRODUCT = "product"  # a product of matrices, and elementwise lines on its result
    COPY = "copy"  # elements put elsewhere
    GATHER = "gather"  # elements read at given places
    SCATTER = "scatter"  # elements added up at given places
    ONE_HOT = "one hot"  # labels as unit vectors
    RANDOM = "random"  # numbers made of a key
    FOLD_IN = "fold in"  # a key made of a key
    ROWS = "rows"  # the rows of a batch
    LOOKAHEAD = "lookahead"  # a matrix updated, and multiplied by the row of the next step
    SCAN = "scan"  # a loop whose body is machine code of its own
    NUMPY = "numpy"  # a line that NumPy runs


@dataclass(eq=False)
class Kernel:
    """Lines that are computed together, element by element.

    Attributes
    ----------
    form : Form
    shape : tuple of int
        Of the index space.
    members : list of Node
        In topological order; a product is the first.
    leaves : dict of Node to View
        What the members read that other kernels have computed, or that was given.
    reductions : list of Node
        Members that are sums, maxima, … over `axes` of the index space.
    stored : dict of Node to View
        Members that are read outside the kernel, in order, and where each is written.
    in_place : set of int
        Operands of a copy, by position, that are in their place already.
    panels : dict of Node to int
        Matrices that lie panel by panel, of those that it reads or writes, with the columns of a panel.
    loop : CalledLoop or None
        What a scan calls.
    """

    form: Form
    shape: tuple[int, ...]
    members: list[Node] = field(default_factory=list)
    leaves: dict[Node, View] = field(default_factory=dict)
    reductions: list[Node] = field(default_factory=list)
    axes: tuple[int, ...] | None = None
    stored: dict[Node, View] = field(default_factory=dict)
    in_place: frozenset[int] = frozenset()
    panels: dict[Node, int] = field(default_factory=dict)
    loop: CalledLoop | None = None

    @property
    def line(self) -> Node:
        """The line that gives the kernel its form."""
        return self.members[0]


@dataclass(frozen=True)
class Plan:
    """The kernels of a program.

    Attributes
    ----------
    program : Program
        Expanded.
    kernels : list of Kernel
        In the order in which they run.
    outputs : list of View
        Where the program's outputs lie.
    """

    program: Program
    kernels: list[Kernel]
    outputs: list[View]
