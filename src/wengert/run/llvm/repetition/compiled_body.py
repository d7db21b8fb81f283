"""Bodies of loops: machine code that runs many iterations in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from wengert.errors import WengertError
from wengert.ir.evaluate import evaluate
from wengert.ir.node import Node, make_node
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
from wengert.run.llvm.repetition.repeat_function import REPEAT, WORDS
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.cache import cached_object_code
from wengert.run.llvm.runtime.target import LoadedCode, Target
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, memory_of
from wengert.run.llvm.schedule.parallel_call import is_long
from wengert.run.llvm.schedule.schedule import cost
from wengert.transform.regions.alternatives import without_alternative
from wengert.transform.regions.iterations import IterationError

Array = np.ndarray[Any, Any]

# Estimated nanoseconds between two moments at which Python hears of Ctrl-C; the least cost of an iteration.
_BETWEEN_LOOKS, _LEAST = 5e6, 100.0


def _planned(program: Program) -> Plan:
    return joined_in_place(rematerialised(plan(expand(program), is_body=True)))


def compiled_body(program: Program, target: Target) -> CompiledBody | None:
    """Return the machine code of a body; None where a line is left to NumPy, or one iteration takes long."""
    program = without_alternative(program)  # what is computed again lies in another loop already
    made = _planned(program)
    memory = memory_of(made)
    views = [place for place in range(len(program.outputs)) if place not in memory.direct]
    if views:  # results that are operands, or the same twice, get memory of their own
        made = _planned(_copied(program, views))
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
    """A body ready to run, one iteration or many."""

    def __init__(self, program: Program, made: Plan, planned: Layout, loaded: LoadedCode) -> None:
        super().__init__(program, made, planned, loaded, 1, {})
        prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 4)
        self._repeat = prototype(loaded.address(REPEAT))
        iteration = max(_LEAST, sum(cost(kernel) for kernel in made.kernels))
        self._iterations_in_a_call = max(1, int(_BETWEEN_LOOKS / iteration))
        self._slots = [self._memory.slots[node] for node in program.inputs]
        self._into = [self._memory.slots[self._memory.direct[place]] for place in range(len(program.outputs))]

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
        first, last = len(constants), len(constants) + len(inits)
        moving = _Moving(length, reverse)
        rows = dict(zip(kept, befores, strict=True))
        carries = [
            moving.carry(self._slots[first + place], self._into[place], one, rows.get(place))
            for place, one in enumerate(given[first:last])
        ]
        for slot, array in zip(self._slots[last:], given[last:], strict=True):
            moving.along(slot, array)
        for slot, array in zip(self._into[len(inits) :], outputs, strict=True):
            moving.along(slot, array)
        done = self._run_iterations(given[:first], moving, -1)
        if done < 0:
            iteration = -1 - done
            entry = length - 1 - iteration if reverse else iteration
            carry = [one.before(iteration) for one in carries]
            self._raise(entry, [*given[:first], *carry, *[one[entry] for one in given[last:]]])
        return [one.before(length) for one in carries]

    def repeat_while(
        self, constants: Sequence[Any], inits: Sequence[Any], most: int, keep: bool
    ) -> tuple[list[Any], list[Any], int, bool]:
        """Run until the last output says no; see `wengert.transform.regions.iterations.Repeating`."""
        given = self._given([*constants, *inits])
        first = len(constants)
        moving = _Moving(most, reverse=False)
        rows = [np.empty((most, *one.shape), one.dtype) if keep else None for one in given[first:]]
        carries = [
            moving.carry(self._slots[first + place], self._into[place], one, rows[place])
            for place, one in enumerate(given[first:])
        ]
        answer = np.zeros(1, np.bool_)
        moving.fixed(self._into[-1], address(answer), address(answer))
        done = self._run_iterations(given[:first], moving, self._into[-1])
        if done < 0:
            iteration = -1 - done
            self._raise(iteration, [*given[:first], *[one.before(iteration) for one in carries]])
        befores = [one[:done] for one in rows if one is not None]
        return [one.before(done) for one in carries], befores, done, bool(answer[0])

    def _given(self, operands: Sequence[Any]) -> list[Array]:
        """Return operands whose elements lie one after the other, of the dtypes of the inputs."""
        return [
            one
            if type(one) is np.ndarray and one.flags.c_contiguous and one.dtype is dtype
            else np.array(one, dtype, order="C")
            for one, (_, _, _, dtype) in zip(operands, self._inputs, strict=True)
        ]

    def _run_iterations(self, constants: Sequence[Array], moving: _Moving, answer: int) -> int:
        """Return how many iterations were run; −1 − t where iteration t reads outside of an array."""
        arena, flags = self._arena(), np.zeros(2, np.int64)
        tables = np.frombuffer(bytes(self._table) * 2, np.int64).reshape(2, -1).copy()
        places = [ARENA, FLAG, *self._slots[: len(constants)]]
        tables[:, places] = [address(one) for one in (arena.raw, flags, *constants)]
        if moving.two:
            slots, *both = zip(*moving.two, strict=True)
            tables[:, slots] = both
        iteration = 0
        for stop, words in moving.stretches():
            end = iteration
            while iteration == end < stop:  # Python hears of Ctrl-C between two calls
                end = min(iteration + self._iterations_in_a_call, stop)
                iteration = int(
                    self._repeat(address(tables), address(words), len(words), iteration, end, answer)
                )
                if flags[WRONG_INDEX]:
                    return -1 - iteration
                if answer >= 0 and not ctypes.c_bool.from_address(int(tables[0, answer])).value:
                    return iteration
        with self._lock:
            self._idle.append(arena)
        return iteration

    def _raise(self, iteration: int, operands: Sequence[Any]) -> NoReturn:
        """Run the iteration that reads outside of an array by the reference, which names the index."""
        try:
            evaluate(self.program, operands)
        except Exception as error:  # NumPy or SciPy may raise anything; the loop's error names the iteration
            raise IterationError(iteration) from error
        raise WengertError("generated code found an index out of range where NumPy does not")


class _Moving:
    """The arrays of a loop whose entries belong to iterations, and how the code finds them.

    Attributes
    ----------
    two : list of tuple of int
        A slot, and the addresses that it holds in iterations of even and of odd number.
    words : list of tuple of int
        See `wengert.run.llvm.repetition.repeat_function`.
    ends : dict of int to tuple of int
        What stands in the place of some of them in the last iteration.
    """

    def __init__(self, length: int, reverse: bool) -> None:
        self.length = length
        self.reverse = reverse
        self.two: list[tuple[int, int, int]] = []
        self.words: list[tuple[int, int, int]] = []
        self.ends: dict[int, tuple[int, int, int]] = {}

    def fixed(self, slot: int, even: int, odd: int) -> None:
        """Have a slot point to two places in turn."""
        self.two.append((slot, even, odd))

    def along(self, slot: int, rows: Array, offset: int = 0) -> None:
        """Have a slot point to one row of an array after the other, from the last one on in reverse."""
        size, first = rows.strides[0], address(rows)
        if self.reverse:
            first, size = first + size * (len(rows) - 1), -size
        self.words.append((slot, first + size * offset, size))

    def carry(self, slot: int, into: int, init: Array, rows: Array | None) -> _Carry:
        """Return the memory of a carry: a row for each iteration and the end, or two rows by turns."""
        if rows is None:
            two = np.empty((2, *init.shape), init.dtype)
            carry = _Carry(two, None, self.length, self.reverse)
            first = address(two)
            second = first + two.strides[0]
            self.fixed(slot, first, second)
            self.fixed(into, second, first)
        else:
            final = np.empty(init.shape, init.dtype)
            carry = _Carry(rows, final, self.length, self.reverse)
            self.along(slot, rows)
            self.ends[len(self.words)] = (into, address(final), 0)
            self.along(into, rows, 1)
        carry.before(0)[...] = init
        return carry

    def stretches(self) -> list[tuple[int, Array]]:
        """Return the words for all iterations but the last, and for that, each with where it ends."""
        words = np.array(self.words, np.int64).reshape(-1, WORDS)
        if not self.ends or not self.length:
            return [(self.length, words)]
        last = words.copy()
        for place, end in self.ends.items():
            last[place] = end
        return [(self.length - 1, words), (self.length, last)]


@dataclass(frozen=True)
class _Carry:
    """The values of a carry: a row for each of `length` iterations and the end, or two rows by turns."""

    rows: Array
    final: Array | None
    length: int
    reverse: bool

    def before(self, iteration: int) -> Array:
        """Return what it is before an iteration."""
        if self.final is None:
            return self.rows[iteration & 1, ...]
        if iteration == self.length:
            return self.final
        return self.rows[self.length - 1 - iteration if self.reverse else iteration, ...]
