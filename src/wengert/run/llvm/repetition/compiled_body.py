"""Bodies of loops: machine code that runs many turns in one call."""

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
from wengert.run.llvm.repetition.repeat_function import REPEAT
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.cache import cached_object_code
from wengert.run.llvm.runtime.target import LoadedCode, Target
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, memory_of
from wengert.run.llvm.schedule.parallel_call import is_long
from wengert.run.llvm.schedule.schedule import cost
from wengert.transform.regions.turns import TurnError, Turns

Array = np.ndarray[Any, Any]

# Estimated nanoseconds between two moments at which Python hears of Ctrl-C, and what a turn costs at least.
_BETWEEN_LOOKS, _LEAST = 5e6, 100.0
_EVERYWHERE = -1  # a mask that leaves a place what it is


def _planned(program: Program) -> Plan:
    return joined_in_place(rematerialised(plan(expand(program))))


def compiled_body(program: Program, target: Target) -> CompiledBody | None:
    """Return the machine code of a body; None where some line is left to NumPy, or one turn takes long."""
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
    """A body ready to run, one turn or many."""

    def __init__(self, program: Program, made: Plan, planned: Layout, loaded: LoadedCode) -> None:
        super().__init__(program, made, planned, loaded, 1, {})
        prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 4)
        self._repeat = prototype(loaded.address(REPEAT))
        turn = max(_LEAST, sum(cost(kernel) for kernel in made.kernels))
        self._turns_in_a_call = max(1, int(_BETWEEN_LOOKS / turn))
        self._slots = [self._memory.slots[node] for node in program.inputs]
        self._into = [self._memory.slots[self._memory.direct[place]] for place in range(len(program.outputs))]

    def repeat(
        self,
        constants: Sequence[Any],
        inits: Sequence[Any],
        streams: Sequence[Any],
        length: int,
        reverse: bool = False,
        kept: Sequence[int] = (),
        asks: bool = False,
    ) -> Turns:
        """Run up to `length` turns; see `wengert.transform.regions.turns.Repeating`."""
        given = [
            np.ascontiguousarray(one, node.type.dtype).reshape(np.shape(one))
            for one, node in zip((*constants, *inits, *streams), self.program.inputs, strict=False)
        ]
        slots, into = self._slots, self._into
        moving = _Moving(length, reverse)
        first, last = len(constants), len(constants) + len(inits)
        carries = [
            moving.carry(slots[first + place], into[place], one, place in kept)
            for place, one in enumerate(given[first:last])
        ]
        for slot, array in zip(slots[last:], given[last:], strict=True):
            moving.along(slot, array)
        outputs = []
        for node, slot in zip(self.program.outputs[len(inits) :], into[len(inits) :], strict=True):
            outputs.append(np.empty((1 if asks else length, *node.type.shape), node.type.dtype))
            moving.along(slot, outputs[-1], 0, 0 if asks else _EVERYWHERE)
        done = self._run_turns(
            dict(zip(slots[:first], given, strict=False)), moving, into[-1] if asks else -1
        )
        if done < 0:
            turn = -1 - done
            carry = [one.before(turn) for one in carries]
            entry = length - 1 - turn if reverse else turn
            self._raise(entry, [*given[:first], *carry, *[one[entry] for one in given[last:]]])
        befores = [carries[place].befores(done) for place in kept]
        goes_on = bool(outputs.pop()) if asks else False
        return Turns([one.before(done) for one in carries], outputs, befores, done, goes_on)

    def _run_turns(self, constants: dict[int, Array], moving: _Moving, answer: int) -> int:
        """Return the number of turns that were run; −1 − t where turn t reads outside of an array."""
        table = type(self._table).from_buffer_copy(self._table)
        arena, flags = self._arena(), np.zeros(2, np.int64)
        table[ARENA], table[FLAG] = address(arena), address(flags)
        for slot, array in constants.items():
            table[slot] = address(array)
        words = np.array(moving.words, np.int64).reshape(-1)
        turn, end = 0, 0
        while turn == end < moving.length:  # Python hears of Ctrl-C between two calls
            end = min(turn + self._turns_in_a_call, moving.length)
            turn = int(
                self._repeat(ctypes.addressof(table), address(words), len(moving.words), turn, end, answer)
            )
            if flags[WRONG_INDEX]:
                return -1 - turn
            if answer >= 0 and not ctypes.c_bool.from_address(table[answer] or 0).value:
                break
        with self._lock:
            self._idle.append(arena)
        return turn

    def _raise(self, turn: int, operands: Sequence[Any]) -> NoReturn:
        """Run the turn that reads outside of an array by the reference, which names the index."""
        try:
            evaluate(self.program, operands)
        except Exception as error:
            raise TurnError(turn) from error
        raise WengertError("generated code found an index out of range where NumPy does not")


class _Moving:
    """The arrays of a loop whose entries belong to turns, and how the code finds them.

    Attributes
    ----------
    words : list of tuple of int
        See `wengert.run.llvm.repetition.repeat_function`.
    """

    def __init__(self, length: int, reverse: bool) -> None:
        self.length = length
        self.reverse = reverse
        self.words: list[tuple[int, int, int, int, int]] = []

    def along(self, slot: int, rows: Array, offset: int = 0, mask: int = _EVERYWHERE) -> None:
        """Have a slot point to one row of an array after the other, from the last one on in reverse."""
        size = rows[:1].nbytes
        backwards = self.reverse and mask == _EVERYWHERE
        base = address(rows) + (size * (len(rows) - 1) if backwards else 0)
        self.words.append((slot, base, -size if backwards else size, offset, mask))

    def carry(self, slot: int, into: int, init: Array, is_kept: bool) -> _Carry:
        """Return the rows that a carry goes through: one for each turn, or two by turns."""
        rows = np.empty((self.length + 1 if is_kept else 2, *init.shape), init.dtype)
        mask = _EVERYWHERE if is_kept else 1
        self.along(slot, rows, 0, mask)
        self.along(into, rows, 1, mask)
        carry = _Carry(rows, is_kept, self.reverse)
        carry.before(0)[...] = init
        return carry


@dataclass(frozen=True)
class _Carry:
    """The values of a carry."""

    rows: Array
    is_kept: bool
    reverse: bool

    def before(self, turn: int) -> Array:
        """Return what it is before a turn."""
        if not self.is_kept:
            return self.rows[turn & 1, ...]
        return self.rows[len(self.rows) - 1 - turn if self.reverse else turn, ...]

    def befores(self, count: int) -> Array:
        """Return what it was before each of `count` turns, in the order of the entries."""
        return self.rows[1:] if self.reverse else self.rows[:count]
