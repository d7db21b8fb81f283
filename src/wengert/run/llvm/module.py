"""From a plan to a module of generated code: a function for each kernel, one for each stretch of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.body import is_literal
from wengert.run.llvm.copies import Copies
from wengert.run.llvm.dots import Dots
from wengert.run.llvm.floating_point import plain_arithmetic
from wengert.run.llvm.gathers import Gather
from wengert.run.llvm.interruption import if_wished, in_slices, slices
from wengert.run.llvm.irtypes import I8, I64, POINTER, VOID
from wengert.run.llvm.memory import ARENA, FLAG, PLACES, Memory, bases, rounded
from wengert.run.llvm.nests import Nest
from wengert.run.llvm.onehots import OneHot
from wengert.run.llvm.philox import Philox
from wengert.run.llvm.plan import Form, Kernel, Plan
from wengert.run.llvm.products import product_of
from wengert.run.llvm.rows import Rows
from wengert.run.llvm.sharing import Pattern, pattern
from wengert.run.llvm.target import Target
from wengert.run.llvm.tiles import Tiles

# table of pointers, first unit, end of units, scratch memory
_KERNEL_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, POINTER])
# the same, and the places of a kernel among those that share a body
_BODY_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, POINTER, POINTER])
_SEGMENT_TYPE = ir.FunctionType(VOID, [POINTER])


@dataclass(frozen=True)
class Segment:
    """A stretch of the plan: kernels of generated code called `name`, or one line for NumPy."""

    name: str
    kernels: list[Kernel]

    @property
    def is_native(self) -> bool:
        """Whether generated code runs it."""
        return self.kernels[0].form is not Form.NUMPY


@dataclass(frozen=True)
class Layout:
    """All that there is to know of a module before it is written.

    Attributes
    ----------
    memory : Memory
    generators : Generators
    segments : list of Segment
        In order.
    slices : dict of Kernel to int
        Where a call that takes long can be given up; see `wengert.run.llvm.interruption`.
    """

    memory: Memory
    generators: Generators
    segments: list[Segment]
    slices: dict[Kernel, int]

    @property
    def arena_bytes(self) -> int:
        """Size of the arena with the scratch memory behind it."""
        return self.memory.arena_bytes + self.generators.scratch_bytes

    def text(self) -> str:
        """Return the module."""
        writer = KernelWriter(ir.Module("wengert"), self.memory, self.generators, bool(self.slices))
        for segment in self.segments:
            if segment.is_native:
                _write_segment(writer, segment, self.slices)
        return str(writer.module)


def layout(plan: Plan, memory: Memory, target: Target) -> Layout:
    """Return the layout of a program that is called."""
    segments: list[Segment] = []
    stretch: list[Kernel] = []
    for kernel in plan.kernels:
        if kernel.form is not Form.NUMPY:
            stretch.append(kernel)
            continue
        if stretch:
            segments.append(Segment(f"segment{len(segments)}", stretch))
        segments.append(Segment("", [kernel]))
        stretch = []
    if stretch:
        segments.append(Segment(f"segment{len(segments)}", stretch))
    generators = Generators(plan.kernels, target)
    return Layout(
        memory, generators, segments, slices(list(generators), generators.units, generators.looks_itself)
    )


def _write_segment(writer: KernelWriter, segment: Segment, slices: dict[Kernel, int]) -> None:
    """Write a function that runs kernels one after the other."""
    functions = [writer.function(kernel) for kernel in segment.kernels]
    function = ir.Function(writer.module, _SEGMENT_TYPE, segment.name)
    (table,) = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arena = pointer_at(builder, table, ARENA)
    scratch = builder.gep(arena, [ir.Constant(I64, writer.memory.arena_bytes)], source_etype=I8)
    leave = builder.append_basic_block("leave")
    with plain_arithmetic(builder, writer.generators.target.triple):
        for kernel, one in zip(segment.kernels, functions, strict=True):
            units = ir.Constant(I64, writer.generators.units(kernel))
            if kernel not in slices:
                builder.call(one, [table, ir.Constant(I64, 0), units, scratch])
                continue
            with in_slices(builder, 0, units, slices[kernel]) as (low, high):
                builder.call(one, [table, low, high, scratch])
                with if_wished(builder, pointer_at(builder, table, FLAG)):
                    builder.branch(leave)
        builder.branch(leave)
        builder.position_at_end(leave)
    builder.ret_void()


def _generator(kernel: Kernel, target: Target) -> Any:
    if kernel.form is Form.LOOPS:
        return Nest(kernel, target)
    if kernel.form is Form.COPY:
        return Copies(kernel, target)
    if kernel.form is Form.GATHER:
        return Gather(kernel, target)
    if kernel.form is Form.ONE_HOT:
        return OneHot(kernel, target)
    if kernel.form is Form.RANDOM:
        return Philox(kernel, target)
    if kernel.form is Form.ROWS:
        return Rows(kernel, target)
    product = product_of(kernel)
    return Dots(product, target) if product.is_dots else Tiles(product, target)


class Generators:
    """The generator of each kernel.

    Parameters
    ----------
    kernels : sequence of Kernel
    target : Target

    Attributes
    ----------
    target : Target
    scratch_bytes : int
        That a thread needs beside the arena.
    """

    def __init__(self, kernels: Sequence[Kernel], target: Target) -> None:
        self.target = target
        self._generators = {
            kernel: _generator(kernel, target) for kernel in kernels if kernel.form is not Form.NUMPY
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
        """Whether the code of a kernel looks by itself whether it is still wanted."""
        generator = self._generators[kernel]
        return isinstance(generator, Tiles) and generator.looks_itself


class KernelWriter:
    """Writes the functions of kernels, each once.

    Parameters
    ----------
    module : Module
    memory : Memory
    generators : Generators
    looks : bool
        Whether kernels that can look by themselves whether they are still wanted do so.
    """

    def __init__(self, module: ir.Module, memory: Memory, generators: Generators, looks: bool) -> None:
        self.module = module
        self.memory = memory
        self.generators = generators
        self.looks = looks
        self._count = 0
        self._patterns = {kernel: pattern(kernel) for kernel in generators}
        self._uses = Counter(found.key for found in self._patterns.values() if found is not None)
        self._bodies: dict[Hashable, ir.Function] = {}

    def function(self, kernel: Kernel) -> ir.Function:
        """Write the function of a kernel."""
        function = ir.Function(self.module, _KERNEL_TYPE, f"kernel{self._count}")
        self._count += 1
        # Each kernel stays a function of its own: profiles name it, and LLVM's passes stay linear.
        function.attributes.add("noinline")
        table, begin, end, scratch = function.args
        builder, top = _opened(function)
        found = self._patterns[kernel]
        if found is not None and self._uses[found.key] > 1:
            body = self._body(kernel, found)
            builder.call(body, [table, begin, end, scratch, self._places(function.name, found)])
        else:
            self.write(builder, kernel, function.args)
        _closed(builder, function, top)
        return function

    def write(self, builder: ir.IRBuilder, kernel: Kernel, arguments: Sequence[ir.Value]) -> None:
        """Write the code of a kernel; the arguments are those of its function."""
        table = arguments[0]
        buffers = {base: self.buffer(builder, table, base) for base in _read_or_written(kernel)}
        self._generate(builder, kernel, buffers, arguments)

    def _generate(
        self,
        builder: ir.IRBuilder,
        kernel: Kernel,
        buffers: dict[Node, ir.Value],
        arguments: Sequence[ir.Value],
    ) -> None:
        """Generate a kernel between its buffers."""
        table, begin, end, scratch = arguments
        generator = self.generators[kernel]
        given: list[ir.Value | None] = [scratch]
        if kernel.form in (Form.GATHER, Form.ONE_HOT):
            given = [pointer_at(builder, table, FLAG)]
        elif kernel.form is Form.ROWS:
            given = [pointer_at(builder, table, PLACES)]
        elif isinstance(generator, Tiles):
            given = [scratch, pointer_at(builder, table, FLAG) if self.looks else None]
        generator.generate(builder, buffers, begin, end, *given)

    def _body(self, kernel: Kernel, found: Pattern) -> ir.Function:
        """Return the function that computes all kernels of a pattern, given the places of their elements."""
        known = self._bodies.get(found.key)
        if known is not None:
            return known
        body = ir.Function(self.module, _BODY_TYPE, f"body{len(self._bodies)}")
        body.linkage = "internal"
        body.attributes.add("noinline")
        table, begin, end, scratch, places = body.args
        builder, top = _opened(body)
        buffers = {}
        for number, (node, start) in enumerate(found.places):
            slot, offset = (_word(builder, places, 2 * number + part) for part in range(2))
            pointer = builder.load(builder.gep(table, [slot], source_etype=POINTER), typ=POINTER)
            # Generated code counts from the beginning of the buffer in the kernel that it was made for.
            first = ir.Constant(I64, -start * node.type.dtype.itemsize)
            buffers[node] = builder.gep(pointer, [builder.add(offset, first)], source_etype=I8)
        self._generate(builder, kernel, buffers, [table, begin, end, scratch])
        _closed(builder, body, top)
        self._bodies[found.key] = body
        return body

    def _places(self, name: str, found: Pattern) -> ir.GlobalVariable:
        """Return a constant with the slot and the offset in bytes of each place of a kernel."""
        words = []
        for node, start in found.places:
            slot = self.memory.slots.get(node)
            begin = self.memory.offsets[node] if slot is None else 0
            words += [ARENA if slot is None else slot, begin + start * node.type.dtype.itemsize]
        type_ = ir.ArrayType(I64, len(words))
        places = ir.GlobalVariable(self.module, type_, f"{name}.places")
        places.linkage = "internal"
        places.global_constant = True
        places.initializer = ir.Constant(type_, words)
        return places

    def buffer(self, builder: ir.IRBuilder, table: ir.Value, node: Node) -> ir.Value:
        """Return where the buffer of a node begins."""
        slot = self.memory.slots.get(node)
        if slot is not None:
            return pointer_at(builder, table, slot)
        offset = ir.Constant(I64, self.memory.offsets[node])
        return builder.gep(pointer_at(builder, table, ARENA), [offset], source_etype=I8)


def _word(builder: ir.IRBuilder, words: ir.Value, number: int) -> ir.Value:
    place = builder.gep(words, [ir.Constant(I64, number)], source_etype=I64)
    return builder.load(place, typ=I64)


def _opened(function: ir.Function) -> tuple[ir.IRBuilder, ir.Block]:
    """Begin a function whose entry is left for variables, and return the block behind it as well."""
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    top = builder.append_basic_block("top")
    builder.position_at_end(top)
    return builder, top


def _closed(builder: ir.IRBuilder, function: ir.Function, top: ir.Block) -> None:
    builder.ret_void()
    with builder.goto_block(function.entry_basic_block):
        builder.branch(top)


def _read_or_written(kernel: Kernel) -> list[Node]:
    literals = {view.base for view in kernel.leaves.values() if is_literal(view)}
    if kernel.form is not Form.LOOPS:
        literals = set()
    return [base for base in bases(kernel) if base not in literals]


def pointer_at(builder: ir.IRBuilder, table: ir.Value, slot: int) -> ir.Value:
    """Return the pointer at a place of the table."""
    place = builder.gep(table, [ir.Constant(I64, slot)], source_etype=POINTER)
    return builder.load(place, typ=POINTER)
