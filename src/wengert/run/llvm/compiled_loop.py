"""A training step as a loop of machine code, its carry kept in memory from step to step."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.ir.node import Node, make_input, make_node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.primitives.selection import stop_gradient
from wengert.run.llvm.codegen import loop_function
from wengert.run.llvm.codegen.cancellation import slices
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.codegen.kernel_functions import KERNELS
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.lowering import LONGEST_PROGRAM, left_to_numpy
from wengert.run.llvm.fusion.views import whole
from wengert.run.llvm.matmul.lookahead_matmul import lookahead
from wengert.run.llvm.matmul.weight_layout import lay_in_panels
from wengert.run.llvm.profile.kernel_table import KernelTable, summary
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.array_memory import block
from wengert.run.llvm.runtime.cache import cached_object_code
from wengert.run.llvm.runtime.loop_state import NativeProgress
from wengert.run.llvm.runtime.target import LoadedCode, Target
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, ORDER, STATE, memory_of_loop
from wengert.run.llvm.schedule.schedule import cost, is_own, scheduled
from wengert.run.loop import Roles
from wengert.run.threads import FairShare, run_on_threads

Array = np.ndarray[Any, Any]

# In a step of fewer nanoseconds, calls of the kernels' functions would take a good part of the time.
_TINY = 100.0


class CompiledLoop:
    """The machine code of a loop, without data; may be used by several threads at once.

    Attributes
    ----------
    layout : LoopLayout
    panels : list of int
        For each carried array the columns of the panels in which it lies; 0 where it lies in its own order.
    """

    def __init__(
        self,
        program: Program,
        roles: Roles,
        layout: loop_function.LoopLayout,
        sources: dict[Node, Node],
        panels: dict[Node, int],
        loaded: LoadedCode,
    ) -> None:
        self.layout = layout
        self.panels = [panels.get(node, 0) for node in program.inputs[: roles.carried]]
        self._program = program
        self._roles = roles
        self.loaded = loaded  # holds the machine code
        memory = layout.memory
        self._inputs = [memory.slots.get(sources.get(node, node)) for node in program.inputs]
        self._table = (ctypes.c_void_p * memory.table_length)()
        for node in memory.constants:
            constant = node.value
            assert constant is not None
            self._table[memory.slots[node]] = address(constant)
        integer = ctypes.c_int64
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, integer, integer, integer, integer)
        self.enter = prototype(loaded.address(loop_function.ENTRY))

    def with_functions(self) -> tuple[LoadedCode, loop_function.LoopLayout]:
        """Return code that has a function for each kernel."""
        if not self.layout.is_inlined:
            return self.loaded, self.layout
        layout = replace(self.layout, is_inlined=False)
        target = layout.generators.target
        return LoadedCode(cached_object_code(layout, target), target), layout

    def batch(self) -> dict[Node, Array]:
        """Return memory for the rows of a batch; each thread has its own."""
        kernels = self.layout.schedule.plan.kernels
        return _memory(node for one in kernels if one.form is Form.ROWS for node in one.stored)

    def between(self) -> dict[Node, Array]:
        """Return memory for what a step leaves to the next one beside the carry."""
        return _memory(node for one in self.layout.first for node in one.stored)

    def table(
        self, progress: NativeProgress, data: Sequence[Array], arena: Array, alone: dict[Node, Array]
    ) -> Any:
        """Return the table of pointers of one thread."""
        slots = self.layout.memory.slots
        table = type(self._table).from_buffer_copy(self._table)
        words = address(progress.words)
        table[ARENA], table[STATE], table[FLAG] = address(arena), words, words + 8 * loop_function.FLAGS
        for slot, array in zip(self._inputs, [*progress.elements, *data], strict=True):
            if slot is not None:
                table[slot] = address(array)
        for node, array in alone.items():
            table[slots[node]] = address(array)
        table[slots[self._program.inputs[self._roles.counter]]] = words + 8 * loop_function.STEPS
        return table


class NativeLoop:
    """A compiled loop with its data; see `wengert.run.loop.StepLoop`.

    Parameters
    ----------
    compiled : CompiledLoop
    progress : NativeProgress
    data : sequence of ndarray
        The inputs after the carry.
    threads : int
        The most threads that work on a step.
    """

    def __init__(
        self, compiled: CompiledLoop, progress: NativeProgress, data: Sequence[Array], threads: int
    ) -> None:
        self.compiled = compiled
        self._progress = progress
        self._data = list(data)  # the table holds only their addresses
        self._most = threads if compiled.layout.can_share else 1
        self._arena = block(compiled.layout.arena_bytes(self._most))
        between = compiled.between()
        # The tables hold only addresses.
        self._alone = [{**between, **compiled.batch()} for _ in range(self._most)]
        self._tables = [compiled.table(progress, data, self._arena, alone) for alone in self._alone]
        self._ahead = loop_function.STEPS_AHEAD * compiled.layout.batch

    def run(self, order: Array, row: int, count: int, threads: int) -> None:
        """Take up to `count` steps; see `StepLoop`."""
        places = self._progress.visit(order, row, self._ahead)
        for table in self._tables:
            table[ORDER] = places
        self._progress.arrange(self.compiled.panels)
        self._progress.begin()
        enter, tables = self.compiled.enter, self._tables
        with FairShare(min(threads, self._most)) as granted:
            # Ctrl-C is heard between two calls; a step that takes long needs somebody who hears it meanwhile.
            if granted == 1 and not self.compiled.layout.slices:
                enter(tables[0], row, count, 0, 1)
                return
            run_on_threads(
                lambda number: enter(tables[number], row, count, number, granted),
                granted,
                self._progress.finish,
                self._progress.abandon,
            )

    def llvm(self) -> str:
        """Return the generated code; see `StepLoop`."""
        return self.compiled.layout.text()

    def kernels(self, profile: bool) -> KernelTable:
        """Return the kernels of a step; see `StepLoop`."""
        kernels = self.compiled.layout.schedule.plan.kernels
        summaries = [summary(kernel) for kernel in kernels]
        if not profile:
            return KernelTable(summaries)
        from wengert.run.llvm.profile.timing import natively, timed  # few look at the times

        loaded, layout = self.compiled.with_functions()
        # A step puts into the table what changes from step to step.
        self.run(np.arange(layout.batch), 0, 1, 1)
        scratch = address(self._arena) + layout.memory.arena_bytes
        place, table = loaded.address(KERNELS), self._tables[0]
        turns = [natively(place, table, number, scratch) for number in range(len(kernels))]
        return KernelTable(timed(summaries, turns))


def _memory(nodes: Iterable[Node]) -> dict[Node, Array]:
    return {node: block(node.type.size * node.type.dtype.itemsize) for node in nodes}


def compiled_loop(program: Program, roles: Roles, target: Target) -> CompiledLoop | None:
    """Compile the loop over a step, or return None where generated code cannot run it alone."""
    expanded = _apart(expand(program), roles.carried)
    too_long = len(expanded.nodes) > LONGEST_PROGRAM
    if too_long or any(left_to_numpy(node) is not None for node in expanded.lines):
        return None
    made, ahead = lookahead(expanded, roles) or (plan(expanded), None)
    sources, made = _with_rows(made, roles)
    batch = expanded.inputs[roles.rows[0]].type.shape[0]
    aliased = _aliased(made, roles.carried)
    if aliased is None:
        return None
    first = () if ahead is None else (ahead.first,)
    if ahead is not None:
        aliased[ahead.result] = ahead.given
    loss = made.outputs[roles.carried]
    at_last = [loss.base, expanded.inputs[roles.counter]]
    generators = Generators([*first, *made.kernels], target)
    schedule = scheduled(made, aliased, at_last, generators.units)
    if schedule is None:
        made, aliased = _staged(made, aliased, generators)
        generators = Generators([*first, *made.kernels], target)
        schedule = scheduled(made, aliased, at_last, generators.units)
        assert schedule is not None
    panels = lay_in_panels(made, aliased, target)
    generators = Generators([*first, *made.kernels], target)
    single = {node: (source, 0) for node, source in sources.items()} if batch == 1 else {}
    if ahead is not None:
        aliased |= {ahead.first.line: ahead.given}
        single[ahead.following] = sources[ahead.row], 1
        if any(kernel.form is Form.LOOKAHEAD for kernel in schedule.shared):
            schedule = replace(schedule, shared=schedule.shared | set(first))
    memory = memory_of_loop(schedule.plan, schedule.phases, aliased, sources.values())
    is_tiny = schedule.last == 0 and sum(cost(kernel) for kernel in schedule.plan.kernels) < _TINY
    looks = slices(schedule.plan.kernels, generators.units, generators.looks_itself)
    layout = loop_function.LoopLayout(
        schedule, memory, generators, batch, single, first, loss, is_tiny, looks
    )
    loaded = LoadedCode(cached_object_code(layout, target), target)
    return CompiledLoop(expanded, roles, layout, sources, panels, loaded)


def _apart(program: Program, carried: int) -> Program:
    """Return the program with each carried output a value of its own, no view or input or one of before."""
    outputs = list(program.outputs)
    for place in range(carried):
        node = outputs[place]
        if node is program.inputs[place]:
            continue
        if not node.inputs or node.primitive.kind is Kind.MOVEMENT:
            node = make_node(stop_gradient, (node,))
        while node in outputs[:place]:
            node = make_node(stop_gradient, (node,))
        outputs[place] = node
    return Program(program.inputs, outputs, program.provenance, program.signature)


def _with_rows(made: Plan, roles: Roles) -> tuple[dict[Node, Node], Plan]:
    """Return the buffers of all rows, by the input that takes a batch, and a plan that copies the batch."""
    read = {view.base for kernel in made.kernels for view in kernel.leaves.values()}
    sources: dict[Node, Node] = {}
    copies: list[Kernel] = []
    for position in roles.rows:
        node = made.program.inputs[position]
        if node not in read:
            continue
        source = make_input("all rows", node.type)
        sources[node] = source
        if node.type.shape[0] != 1:
            copies.append(
                Kernel(
                    Form.ROWS,
                    node.type.shape,
                    [node],
                    leaves={source: whole(source)},
                    stored={node: whole(node)},
                )
            )
    return sources, replace(made, kernels=[*copies, *made.kernels])


def _aliased(made: Plan, carried: int) -> dict[Node, Node] | None:
    """Return the input whose memory each carried output takes; None where one cannot."""
    stored = {node for kernel in made.kernels for node in kernel.stored}
    found: dict[Node, Node] = {}
    inputs, outputs = made.program.inputs, made.program.outputs
    for place in range(carried):
        node, own, view = outputs[place], inputs[place], made.outputs[place]
        if is_own(view, own):
            continue
        if not is_own(view, node) or node not in stored or node.type is not own.type:
            return None
        found[node] = own
    return found


def _staged(made: Plan, aliased: dict[Node, Node], generators: Generators) -> tuple[Plan, dict[Node, Node]]:
    """Give outputs a place of their own that cannot take their input's, and copy them there at the end."""
    kept: dict[Node, Node] = {}
    copied: dict[Node, Node] = {}
    copies: list[Kernel] = []
    for result, place in aliased.items():
        if scheduled(made, {**kept, result: place}, [], generators.units) is not None:
            kept[result] = place
            continue
        copy = make_node(stop_gradient, (result,))
        while copy in aliased or copy in copied:
            copy = make_node(stop_gradient, (copy,))
        copied[copy] = place
        leaves = {copy.inputs[0]: whole(result)}
        copies.append(
            Kernel(Form.LOOPS, result.type.shape, [copy], leaves=leaves, stored={copy: whole(copy)})
        )
    return replace(made, kernels=[*made.kernels, *copies]), {**kept, **copied}
