"""The functions of kernels, and one that runs them in turn."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import is_literal
from wengert.run.llvm.codegen.cancellation import if_cancelled, in_slices
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.codegen.irtypes import I8, I32, I64, POINTER, VOID, constant_words
from wengert.run.llvm.codegen.kernel_dedup import Pattern, pattern
from wengert.run.llvm.codegen.loops import counted_loop, index_value
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.matmul.tiles import Tiles
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, PLACES, Memory, bases
from wengert.run.llvm.schedule.schedule import cost

# table of pointers, first unit, end of units, scratch memory, places of the kernel's buffers
_KERNEL_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, POINTER, POINTER])
# One entry for each kernel: its function, how many units, how many of them in a slice, places.
_ENTRY_TYPE = ir.LiteralStructType([POINTER, I64, I64, POINTER])

# The function that runs kernels from one number up to another: table of pointers, first kernel, end of
# kernels, scratch memory. It finds them in a list.
KERNELS, _LIST = "kernels", "list"

_NOWHERE = ir.Constant(POINTER, None)

# Kernels that together take less than this part of the time are compiled with little effort: in half the time
# or less, to code that mostly takes up to twice as long, and four to ten times where it looks for maxima or
# adds up columns.
_LITTLE = 0.002


def write_kernels(writer: KernelWriter, kernels: list[Kernel], slices: dict[Kernel, int]) -> ir.Function:
    """Write the function `KERNELS`, which runs kernels one after the other.

    It goes through a list: a call written out for each of a thousand kernels would take longer to compile.
    Where there are `slices`, it looks between them whether the kernels are still wanted.
    """
    module, zero = writer.module, ir.Constant(I64, 0)
    entries = []
    for kernel in kernels:
        function, places = writer.function(kernel)
        units = writer.generators.units(kernel)
        words = [ir.Constant(I64, number) for number in (units, slices.get(kernel, max(units, 1)))]
        entries.append(ir.Constant(_ENTRY_TYPE, [function, *words, places]))
    constant_words(module, _LIST, ir.ArrayType(_ENTRY_TYPE, len(entries)), entries)
    inner = ir.Function(module, ir.FunctionType(VOID, [POINTER, I64, I64, POINTER]), KERNELS)
    inner.attributes.add("noinline")
    table, first, end, scratch = inner.args
    builder, top = opened(inner)
    with counted_loop(builder, first, end) as number:
        code, units, slice_, places = entry(builder, index_value(number))
        if slices:
            with in_slices(builder, zero, units, slice_) as (low, high):
                builder.call(code, [table, low, high, scratch, places])
                with if_cancelled(builder, pointer_at(builder, table, FLAG)):
                    builder.ret_void()
        else:
            builder.call(code, [table, zero, units, scratch, places])
    closed(builder, inner, top)
    return inner


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
        self.variables: dict[Node, ir.Value] = {}
        self._count = 0
        self._patterns = {kernel: pattern(kernel) for kernel in generators}
        self._uses = Counter(found.key for found in self._patterns.values() if found is not None)
        self._shared: dict[Hashable, ir.Function] = {}
        self._functions: dict[Kernel, tuple[ir.Function, ir.Value]] = {}
        costs: defaultdict[Hashable, float] = defaultdict(float)
        for kernel in generators:
            costs[self._identity(kernel)] += cost(kernel)
        self._little = _LITTLE * math.fsum(costs.values())
        self._cheap = _cheapest(costs, self._little)

    def neglect_if_short(self, function: ir.Function, nanoseconds: float) -> None:
        """Have a function compiled with little effort if it takes a negligible part of the time."""
        if nanoseconds < self._little:
            function.attributes.update(("noinline", "optnone"))

    def _identity(self, kernel: Kernel) -> Hashable:
        found = self._patterns[kernel]
        return kernel if found is None else found.key

    def function(self, kernel: Kernel) -> tuple[ir.Function, ir.Value]:
        """Return the function that computes a kernel, and the places to call it with."""
        if kernel not in self._functions:
            self._functions[kernel] = self._written(kernel)
        return self._functions[kernel]

    def call(self, builder: ir.IRBuilder, kernel: Kernel, arguments: Sequence[ir.Value]) -> None:
        """Call the function of a kernel with table, first unit, end of units and scratch memory."""
        function, places = self.function(kernel)
        builder.call(function, [*arguments, places])

    def _written(self, kernel: Kernel) -> tuple[ir.Function, ir.Value]:
        found = self._patterns[kernel]
        if found is not None and self._uses[found.key] > 1:
            return self._shared_function(kernel, found), self._places(found)
        function = self._new_function(kernel)
        builder, top = opened(function)
        self.write(builder, kernel, function.args[:4])
        closed(builder, function, top)
        return function, _NOWHERE

    def _new_function(self, kernel: Kernel) -> ir.Function:
        function = ir.Function(self.module, _KERNEL_TYPE, f"kernel{self._count}")
        self._count += 1
        # Each kernel stays a function of its own, so that LLVM's passes stay linear.
        function.attributes.add("noinline")
        # Without effort, LLVM 22 ends the process at some short vectors of truth values and of integers.
        kept = (*kernel.leaves, *kernel.reductions, *kernel.stored)
        real = all(node.type.dtype.kind == "f" for node in kept)
        if real and self._identity(kernel) in self._cheap:
            function.attributes.add("optnone")
        return function

    def write(self, builder: ir.IRBuilder, kernel: Kernel, arguments: Sequence[ir.Value]) -> None:
        """Write the code of a kernel; the arguments are those of its function."""
        table = arguments[0]
        buffers = _found(kernel, _read_or_written(kernel), lambda base: self.buffer(builder, table, base))
        self._generate(builder, kernel, buffers, arguments)

    def _generate(
        self,
        builder: ir.IRBuilder,
        kernel: Kernel,
        buffers: dict[Node, ir.Value],
        arguments: Sequence[ir.Value],
    ) -> None:
        """Generate the code of a kernel between its buffers."""
        table, begin, end, scratch = arguments
        generator = self.generators[kernel]
        given: list[ir.Value | None] = [scratch]
        if kernel.form in (Form.GATHER, Form.SCATTER, Form.ONE_HOT):
            given = [pointer_at(builder, table, FLAG)]
        elif kernel.form is Form.SCAN:
            words = pointer_at(builder, table, self.memory.slots[kernel.line])
            given = [scratch, pointer_at(builder, table, FLAG), words]
        elif kernel.form is Form.ROWS:
            given = [pointer_at(builder, table, PLACES)]
        elif isinstance(generator, Tiles):
            given = [scratch, pointer_at(builder, table, FLAG) if self.looks else None]
        generator.generate(builder, buffers, begin, end, *given)

    def _shared_function(self, kernel: Kernel, found: Pattern) -> ir.Function:
        """Return the function that computes all kernels of a pattern, given the places of their elements."""
        known = self._shared.get(found.key)
        if known is not None:
            return known
        function = self._shared[found.key] = self._new_function(kernel)
        table, begin, end, scratch, places = function.args
        builder, top = opened(function)
        numbers = {node: number for number, (node, _) in enumerate(found.places)}

        def buffer(node: Node) -> ir.Value:
            number = numbers[node]
            slot, offset = (_word(builder, places, 2 * number + part) for part in range(2))
            pointer = builder.load(builder.gep(table, [slot], source_etype=POINTER), typ=POINTER)
            # Generated code counts from the beginning of the buffer in the kernel that it was made for.
            first = ir.Constant(I64, -found.places[number][1] * node.type.dtype.itemsize)
            return builder.gep(pointer, [builder.add(offset, first)], source_etype=I8)

        buffers = _found(kernel, list(numbers), buffer)
        self._generate(builder, kernel, buffers, [table, begin, end, scratch])
        closed(builder, function, top)
        return function

    def _places(self, found: Pattern) -> ir.GlobalVariable:
        """Return a constant with the slot and the offset in bytes of each place of a kernel."""
        words = []
        for node, start in found.places:
            slot = self.memory.slots.get(node)
            begin = self.memory.offsets[node] if slot is None else 0
            words += [ARENA if slot is None else slot, begin + start * node.type.dtype.itemsize]
        return constant_words(
            self.module, self.module.get_unique_name("places"), ir.ArrayType(I64, len(words)), words
        )

    def buffer(self, builder: ir.IRBuilder, table: ir.Value, node: Node) -> ir.Value:
        """Return where the buffer of a node begins."""
        if node in self.variables:
            return self.variables[node]
        slot = self.memory.slots.get(node)
        if slot is not None:
            return pointer_at(builder, table, slot)
        offset = ir.Constant(I64, self.memory.offsets[node])
        return builder.gep(pointer_at(builder, table, ARENA), [offset], source_etype=I8)


def _cheapest(costs: Mapping[Hashable, float], most: float) -> set[Hashable]:
    """Return those that cost least, as many as cost no more than `most` together."""
    ascending = sorted(costs, key=lambda one: costs[one])
    totals = accumulate(costs[one] for one in ascending)
    return {one for one, total in zip(ascending, totals, strict=True) if total <= most}


def _found(kernel: Kernel, bases: list[Node], find: Callable[[Node], ir.Value]) -> dict[Node, ir.Value]:
    """Return where buffers begin, found now, or when they are asked for."""
    # What hundreds of arrays are copied from would not stay in registers.
    return _OnDemand(find) if kernel.form is Form.COPY else {base: find(base) for base in bases}


class _OnDemand(dict[Node, ir.Value]):
    """Finds where a buffer begins when it is first asked for."""

    def __init__(self, find: Callable[[Node], ir.Value]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, node: Node) -> ir.Value:
        self[node] = self._find(node)
        return self[node]


def entry(builder: ir.IRBuilder, number: ir.Value) -> list[ir.Value]:
    """Return function, units, how many of them in a slice, and places of a kernel in the list."""
    types = [ir.PointerType(_KERNEL_TYPE), I64, I64, POINTER]
    listed = builder.module.get_global(_LIST)
    return [
        builder.load(
            builder.gep(listed, [number, ir.Constant(I32, part)], source_etype=_ENTRY_TYPE), typ=type_
        )
        for part, type_ in enumerate(types)
    ]


def _word(builder: ir.IRBuilder, words: ir.Value, number: int) -> ir.Value:
    place = builder.gep(words, [ir.Constant(I64, number)], source_etype=I64)
    return builder.load(place, typ=I64)


def opened(function: ir.Function) -> tuple[ir.IRBuilder, ir.Block]:
    """Begin a function whose entry is left for variables, and return the block after it as well."""
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    top = builder.append_basic_block("top")
    builder.position_at_end(top)
    return builder, top


def closed(builder: ir.IRBuilder, function: ir.Function, top: ir.Block) -> None:
    """End a function that was opened."""
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
