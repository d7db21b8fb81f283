"""Bodies of loops: machine code that runs many iterations in one call."""

from __future__ import annotations

import ctypes
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from wengert.errors import WengertError
from wengert.ir.evaluate import evaluate
from wengert.ir.node import ITEM, Node, make_node
from wengert.ir.program import Program
from wengert.primitives.selection import stop_gradient
from wengert.run.llvm.codegen.call_function import Layout, layout
from wengert.run.llvm.codegen.cancellation import WRONG_INDEX
from wengert.run.llvm.codegen.kernel_dedup import distinct_lines
from wengert.run.llvm.compiled_program import CompiledProgram
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.in_place import joined_in_place
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.fusion.kernels import Form, Plan
from wengert.run.llvm.fusion.lowering import LONGEST_PROGRAM
from wengert.run.llvm.fusion.rematerialisation import rematerialised
from wengert.run.llvm.matmul.tile_search import searched
from wengert.run.llvm.repetition.arrangement import REPEAT, Arrangement
from wengert.run.llvm.repetition.called_loop import CalledLoop
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.cache import cached_object_code
from wengert.run.llvm.runtime.target import LoadedCode, Target
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, memory_of
from wengert.run.llvm.schedule.parallel_call import is_long
from wengert.run.llvm.schedule.schedule import cost
from wengert.run.recent import recent
from wengert.transform.regions.alternatives import without_choice
from wengert.transform.regions.iterations import IterationError, Repetition

Array = np.ndarray[Any, Any]

# Estimated nanoseconds between two moments at which Python hears of Ctrl-C; the least cost of an iteration.
_BETWEEN_LOOKS, _LEAST = 5e6, 100.0

# Lengths, and choices of what is kept, for which the arrangement is kept.
_MOST = 8


def known_body(program: Program, target: Target) -> CompiledBody | None:
    """Return what `compiled_body` does, which is kept for some time."""
    key = "body", target, program, tuple([node.params for node in program.inputs])
    made: CompiledBody | None = recent(key, lambda: compiled_body(program, searched(target, program)))
    return made


def called_loops(program: Program, target: Target) -> dict[Node, CalledLoop]:
    """Return the scans that the machine code of a program calls: those of machine code, where they are short.

    Python hears of Ctrl-C between the calls of a long one, beside which what it adds is little.
    """
    read: dict[Node, list[int]] = {}
    for node in program.nodes:
        if node.primitive is ITEM:
            read.setdefault(node.inputs[0], []).append(node.param("index"))
    found = {}
    for line, wanted in read.items():
        region = line.primitive.region
        if region is None or region.repetition is None:
            continue
        repetition: Repetition = region.repetition(wanted, **dict(line.params))
        body = known_body(repetition.body, target)
        if body is not None and body.cost * repetition.length < _BETWEEN_LOOKS:
            found[line] = body.called(repetition)
    return found


def _planned(program: Program, target: Target) -> Plan:
    expanded = expand(program)
    loops = called_loops(expanded, target)
    return joined_in_place(rematerialised(plan(expanded, is_body=True, loops=loops)))


def compiled_body(program: Program, target: Target) -> CompiledBody | None:
    """Return the machine code of a body; None where a line is left to NumPy, or one iteration takes long."""
    program = without_choice(program)  # what is computed again lies in another loop already
    made = _planned(program, target)
    memory = memory_of(made)
    views = [place for place in range(len(program.outputs)) if place not in memory.direct]
    if views:  # results that are operands, or the same twice, get memory of their own
        made = _planned(_copied(program, views), target)
        memory = memory_of(made)
    native = all(kernel.form is not Form.NUMPY for kernel in made.kernels)
    too_long = is_long(made) or distinct_lines(made.kernels) > LONGEST_PROGRAM
    if not made.kernels or not native or too_long or len(memory.direct) < len(program.outputs):
        return None
    planned = layout(made, memory, target, repeats=True)
    return CompiledBody(program, made, planned, LoadedCode(cached_object_code(planned, target), target))


def _copied(program: Program, places: Sequence[int]) -> Program:
    outputs: list[Node] = list(program.outputs)
    taken = {node for place, node in enumerate(outputs) if place not in places}
    for place in places:
        copy = make_node(stop_gradient, (outputs[place],))
        while copy in taken:
            copy = make_node(stop_gradient, (copy,))
        taken.add(copy)
        outputs[place] = copy
    return Program(program.inputs, outputs, program.provenance)


class CompiledBody(CompiledProgram):
    """A body ready to run, one iteration or many.

    Attributes
    ----------
    cost : float
        Estimated nanoseconds of an iteration.
    """

    def __init__(self, program: Program, made: Plan, planned: Layout, loaded: LoadedCode) -> None:
        super().__init__(program, made, planned, loaded, 1, {})
        prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 4)
        self._repeat = prototype(loaded.address(REPEAT))
        self.cost = max(_LEAST, sum(cost(kernel) for kernel in made.kernels))
        self._iterations_in_a_call = max(1, int(_BETWEEN_LOOKS / self.cost))
        self._slots = [self._memory.slots[node] for node in program.inputs]
        self._into = [self._memory.slots[self._memory.direct[place]] for place in range(len(program.outputs))]
        self._known: OrderedDict[Any, tuple[Arrangement, list[int]]] = OrderedDict()

    def repeat(
        self,
        constants: Sequence[Any],
        inits: Sequence[Any],
        streams: Sequence[Any],
        length: int,
        reverse: bool,
        kept: Sequence[int],
        outputs: Sequence[Array],
        befores: Sequence[Array],
    ) -> list[Any]:
        """Run `length` iterations; see `wengert.transform.regions.iterations.Repeating`."""
        given = self._given([*constants, *inits, *streams])
        loop = _Loop(len(constants), len(inits), length, reverse, tuple(kept), is_while=False)
        done, carries = self._run_iterations(loop, given, befores, outputs)
        if done < 0:
            iteration = -1 - done
            entry = length - 1 - iteration if reverse else iteration
            carry = [one.before(iteration) for one in carries]
            streamed = [one[entry] for one in given[loop.constants + loop.carries :]]
            self._raise(entry, [*given[: loop.constants], *carry, *streamed])
        return [one.before(length) for one in carries]

    def repeat_while(
        self, constants: Sequence[Any], inits: Sequence[Any], most: int, keep: bool
    ) -> tuple[list[Any], list[Any], int, bool]:
        """Run until the last output says no; see `wengert.transform.regions.iterations.Repeating`."""
        given = self._given([*constants, *inits])
        kept = tuple(range(len(inits))) if keep else ()
        rows = [np.empty((most, *one.shape), one.dtype) for one in given[len(constants) :] if keep]
        answer = np.zeros(1, np.bool_)
        loop = _Loop(len(constants), len(inits), most, False, kept, is_while=True)
        done, carries = self._run_iterations(loop, given, rows, [], answer)
        if done < 0:
            iteration = -1 - done
            carry = [one.before(iteration) for one in carries]
            self._raise(iteration, [*given[: loop.constants], *carry])
        return [one.before(done) for one in carries], [one[:done] for one in rows], done, bool(answer[0])

    def called(self, repetition: Repetition) -> CalledLoop:
        """Return a loop over the body for the machine code around it."""
        kept, length = tuple(repetition.kept), repetition.length
        loop = _Loop(
            repetition.constants, repetition.carries, length, repetition.reverse, kept, is_while=False
        )
        arrangement, starts = self._arranged(loop)
        types = [node.type for node in repetition.body.outputs[: loop.carries]]
        return CalledLoop(
            repetition,
            [type_.size * type_.dtype.itemsize for type_ in types],
            starts,
            arrangement.bytes,
            self.layout.arena_bytes(1),
            arrangement.at_rest.size,
            arrangement.places(),
            arrangement.moving(),
            words=np.array([self.loaded.address(REPEAT), *arrangement.at_rest.reshape(-1)], np.int64),
            cost=self.cost * length,
            body=self,
        )

    def _given(self, operands: Sequence[Any]) -> list[Array]:
        """Return operands whose elements lie one after the other, of the dtypes of the inputs."""
        return [
            one
            if type(one) is np.ndarray and one.flags.c_contiguous and one.dtype is dtype
            else np.array(one, dtype, order="C")
            for one, (_, _, _, dtype) in zip(operands, self._inputs, strict=True)
        ]

    def _arranged(self, loop: _Loop) -> tuple[Arrangement, list[int]]:
        """Return where everything lies in a loop, and where the carries do in the memory for them.

        The arrays: those given, rows of the kept carries, outputs, then arena, flags, answer and the memory.
        """
        known = self._known.get(loop)
        if known is not None:
            return known
        table = np.frombuffer(bytes(self._table), np.int64)
        arrangement = Arrangement(table, loop.length, loop.reverse)
        sizes = [node.type.size * node.type.dtype.itemsize for node, *_ in self._inputs]
        first, inputs = loop.constants, len(self._inputs)
        outputs = len(self._into) - loop.carries - loop.is_while
        arena = inputs + len(loop.kept) + outputs
        for place, slot in enumerate([ARENA, FLAG]):
            arrangement.fixed(slot, arena + place)
        if loop.is_while:
            arrangement.fixed(self._into[-1], arena + 2)
        for place in range(first):
            arrangement.fixed(self._slots[place], place)
        starts = []
        for number in range(loop.carries):
            slot, into, size = self._slots[first + number], self._into[number], sizes[first + number]
            if number in loop.kept:
                rows = inputs + loop.kept.index(number)
                starts.append(arrangement.in_rows(slot, into, rows, arena + 3, size))
            else:
                starts.append(arrangement.in_two_places(slot, into, arena + 3, size))
        for place in range(first + loop.carries, inputs):
            arrangement.along(self._slots[place], place, sizes[place])
        for number in range(outputs):
            type_ = self.program.outputs[loop.carries + number].type
            size = type_.size * type_.dtype.itemsize
            arrangement.along(self._into[loop.carries + number], inputs + len(loop.kept) + number, size)
        arrangement.complete()
        self._known[loop] = arrangement, starts
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return arrangement, starts

    def _run_iterations(
        self,
        loop: _Loop,
        given: Sequence[Array],
        befores: Sequence[Array],
        outputs: Sequence[Array],
        answer: Array | None = None,
    ) -> tuple[int, list[_Carry]]:
        """Return how many iterations were run, and the carries; all are run where there is no answer.

        The number is −1 − t where iteration t reads outside of an array.
        """
        arrangement, starts = self._arranged(loop)
        memory, flags = np.empty(arrangement.bytes, np.uint8), np.zeros(2, np.int64)
        rows = dict(zip(loop.kept, befores, strict=True))
        carries = []
        for number, start in enumerate(starts):
            init = given[loop.constants + number]
            carry = _Carry(memory, start, rows.get(number), init.shape, init.dtype, loop)
            carry.before(0)[...] = init
            carries.append(carry)
        arena = self._arena()
        arrays = [*given, *befores, *outputs, arena.raw, flags, flags if answer is None else answer, memory]
        addresses = np.array(list(map(address, arrays)), np.int64)
        tables, slot = arrangement.tables(addresses), self._into[-1] if loop.is_while else -1
        iteration = 0
        for stop, words in arrangement.stretches(addresses):
            end = iteration
            while iteration == end < stop:  # Python hears of Ctrl-C between two calls
                end = min(iteration + self._iterations_in_a_call, stop)
                iteration = int(
                    self._repeat(address(tables), address(words), len(words), iteration, end, slot)
                )
                if flags[WRONG_INDEX]:
                    return -1 - iteration, carries
                if answer is not None and not answer[0]:
                    return iteration, carries
        with self._lock:
            self._idle.append(arena)
        return iteration, carries

    def _raise(self, iteration: int, operands: Sequence[Any]) -> NoReturn:
        """Run the iteration that reads outside of an array by the reference, which names the index."""
        try:
            evaluate(self.program, operands)
        except Exception as error:  # NumPy or SciPy may raise anything; the loop's error names the iteration
            raise IterationError(iteration) from error
        raise WengertError("generated code found an index out of range where NumPy does not")


class _Loop(NamedTuple):
    """What the arrangement of a loop depends on.

    Attributes
    ----------
    constants, carries : int
        How many of the body's inputs are constants, and carries.
    length : int
        The most iterations.
    reverse : bool
    kept : tuple of int
        Carries that have a row for each iteration.
    is_while : bool
        Whether the last output says if there is to be another iteration.
    """

    constants: int
    carries: int
    length: int
    reverse: bool
    kept: tuple[int, ...]
    is_while: bool


class _Carry(NamedTuple):
    """The values of a carry: a row for each iteration and a place for the last value, or two places."""

    memory: Array
    start: int
    rows: Array | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    loop: _Loop

    def before(self, iteration: int) -> Array:
        """Return what it is before an iteration."""
        length = self.loop.length
        if self.rows is not None and iteration < length:
            return self.rows[length - 1 - iteration if self.loop.reverse else iteration, ...]
        second = self.rows is None and iteration & 1
        start = self.start + (math.prod(self.shape) * self.dtype.itemsize if second else 0)
        return np.ndarray(self.shape, self.dtype, self.memory, start)
