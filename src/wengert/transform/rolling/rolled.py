"""A loop that was written out as one scan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.ir.node import Node, make_input, with_operands
from wengert.ir.program import Program, ancestors
from wengert.ir.provenance import UNKNOWN
from wengert.ir.types import TupleType
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.regions.scan import scanned
from wengert.transform.rolling.rows import stacked, with_rows
from wengert.transform.rolling.written_iterations import Operand, Role, WrittenOut, written_out
from wengert.transform.simplify import simplify

# A few iterations are no loop, and shorter lists compile soon enough as they are. A call of a loop takes some
# 100 µs more than its lines one by one, which is little beside many operations.
LEAST_LINES, LEAST_ITERATIONS = 2000, 16
_LINES_OF_MUCH_WORK, _MUCH_WORK = 250, 1_000_000

_is_on: ContextVar[bool] = ContextVar("rolling", default=True)


@contextmanager
def rolling(enabled: bool) -> Iterator[None]:
    """Say whether loops that were written out become scans.

    They do where a function is differentiated or compiled, and where a network is trained, evaluated,
    predicts or is exported.

    Parameters
    ----------
    enabled : bool

    Notes
    -----
    That is for loops of 2,000 lines or more in a traced list, or 250 with a million operations, of 16
    iterations or more that are equal. Results are the same up to rounding, and are there sooner: one
    iteration is compiled, not all.

    Examples
    --------
    >>> import wengert as wg
    >>> with wg.rolling(False):
    ...     slope = wg.grad(lambda x: x * x)(3.0)
    """
    token = _is_on.set(enabled)
    try:
        yield
    finally:
        _is_on.reset(token)


def is_rolling() -> bool:
    """Whether loops that were written out become scans."""
    return _is_on.get()


def rolled(
    program: Program,
    questions: Collection[Node] = (),
    least_lines: int = LEAST_LINES,
    least_iterations: int = LEAST_ITERATIONS,
) -> Program:
    """Return a program in which loops that were written out are scans, inner ones first.

    Parameters
    ----------
    program : Program
        As it was traced: its nodes are taken in the order in which they were made.
    questions : collection of Node
        Values that decided while it was traced. They are computed besides, so that lines which they need
        would be computed twice: a program with questions stays what it is.
    least_lines, least_iterations : int
        A loop of fewer lines in all iterations that does little work, or of fewer iterations, stays what it
        is.
    """

    def is_long(lines: Sequence[Node], count: int) -> bool:
        number = count * len(lines)
        if _LINES_OF_MUCH_WORK <= number < least_lines:
            return count * sum([node.flops for node in lines]) >= _MUCH_WORK
        return number >= least_lines

    def is_enough(iteration: Sequence[Node], count: int) -> bool:
        return count >= least_iterations and is_long(iteration, count)

    while not questions and is_rolling() and is_long(program.nodes, 1):
        lines = [node for node in ancestors(program.outputs) if node.inputs]
        found = written_out(lines, is_enough)
        if found is None or any(isinstance(node.type, TupleType) for node in _crossing(program, found)):
            return program
        shorter = _Rolling(program, found).program()
        # Where most values of the iterations are read one by one outside, nothing is gained.
        if 2 * (len(program.nodes) - len(shorter.nodes)) < len(found.iterations) * len(found.operands):
            return program
        program = shorter
    return program


def _crossing(program: Program, loop: WrittenOut) -> list[Node]:
    """Return the values that are carried, or read outside of the loop."""
    inside = _inside(loop)
    read = {one for node in program.nodes if node not in inside for one in node.inputs}
    carried = [
        loop.iterations[0][one.line] for line in loop.operands for one in line if one.role is Role.CARRY
    ]
    return [*carried, *[node for node in inside if node in read]]


def _inside(loop: WrittenOut) -> dict[Node, tuple[int, int]]:
    """Return iteration and line of all nodes that the scan computes."""
    return {
        node: (iteration, place)
        for iteration, lines in enumerate(loop.iterations)
        for place, node in enumerate(lines)
        if not loop.outside[place]
    }


class _Rolling:
    """The program with a scan in place of a loop that was written out."""

    def __init__(self, old: Program, loop: WrittenOut) -> None:
        self.old, self.loop = old, loop
        self.inside = _inside(loop)
        self.trace = Trace(rule="rolling")
        self.trace.provenance.update(old.provenance)
        self.new: dict[Node, Node] = {}
        self.rows: dict[int, Any] = {}
        self.finals: dict[int, Any] = {}

    def program(self) -> Program:
        """Return it."""
        nodes = ancestors(self.old.outputs)
        end = max(node.serial for node in self.loop.iterations[-1])
        with self.trace.recording():
            self._take([node for node in nodes if node.serial <= end])
            self._run(nodes)
            self._take([node for node in nodes if node.serial > end])
            outputs = [self._value(node) for node in self.old.outputs]
        return Program(self.old.inputs, outputs, self.trace.provenance, self.old.signature)

    def _take(self, nodes: Sequence[Node]) -> None:
        """Take over what stands outside of the loop."""
        for node in nodes:
            if node in self.inside:
                continue
            parts = with_rows(node, self._row) if self.rows else None
            if parts is not None:
                tensors = [one if isinstance(one, Tensor) else self._tensor(one) for one in parts]
                found = as_tensor(np.concatenate(tensors), self.trace).node
            elif node.inputs:
                found = with_operands(node, *[self._value(one) for one in node.inputs])
            else:
                found = node
            self.new[node] = found
            if node in self.old.provenance:
                self.trace.provenance.setdefault(found, self.old.provenance[node])

    def _tensor(self, node: Node) -> Tensor:
        return Tensor(self._value(node), self.trace)

    def _row(self, node: Node) -> tuple[Any, int] | None:
        iteration, place = self.inside.get(node, (0, -1))
        return None if place not in self.rows else (self.rows[place], iteration)

    def _value(self, node: Node) -> Node:
        """Return what a node has become; of the loop, the last of a carry or the row of an iteration."""
        if node not in self.inside:
            return self.new[node]
        iteration, place = self.inside[node]
        if iteration == len(self.loop.iterations) - 1 and place in self.finals:
            found = self.finals[place]
        else:
            found = self.rows[place][iteration]
        return as_tensor(found, self.trace).node

    def _run(self, nodes: Sequence[Node]) -> None:
        """Record the scan."""
        iterations, carries = self.loop.iterations, self._carries()
        constants, entries = self._taken()
        given = [*constants, *[key[0] for key in entries]]
        names = zip([*constants, *entries], enumerate(given), strict=True)
        inputs: dict[Any, Node] = {key: make_input(f"x{place}", node.type) for key, (place, node) in names}
        states = {
            key: make_input(f"carry{number}", node.type) for number, (key, node) in enumerate(carries.items())
        }
        body = self._body(inputs, states)
        last = {place for place, delay in carries if delay == 1}
        emitted = self._read_by_iteration(nodes, last)
        ends = [
            body[iterations[0][place]] if delay == 1 else states[place, delay - 1] for place, delay in carries
        ]
        origins = {
            body[node]: self.old.provenance.get(node, UNKNOWN) for node in iterations[0] if node in body
        }
        program = Program(
            [*[inputs[key] for key in constants], *states.values(), *[inputs[key] for key in entries]],
            [*ends, *[body[iterations[0][place]] for place in emitted]],
            origins,
        )
        results = scanned(
            simplify(program),
            [self._tensor(key) for key in constants],
            [self._tensor(first) for first in carries.values()],
            [stacked([self._value(node) for node in key], self.trace) for key in entries],
            len(iterations),
            False,
        )
        finals = zip(carries, results, strict=False)
        self.finals = {place: one for (place, delay), one in finals if delay == 1}
        self.rows = dict(zip(emitted, results[len(carries) : len(carries) + len(emitted)], strict=True))

    def _taken(self) -> tuple[list[Node], list[tuple[Node, ...]]]:
        """Return what iterations read from outside: one value, or one for each; numbers stay inside."""
        taken: dict[Any, None] = {}
        for place, line in enumerate(self.loop.operands):
            for slot, one in enumerate(line):
                if not self.loop.outside[place] and one.role in (Role.CONSTANT, Role.ENTRY):
                    key = self._key(place, slot, one)
                    if isinstance(key, tuple) or key.value is None:
                        taken[key] = None
        constants = [key for key in taken if isinstance(key, Node)]
        return constants, [key for key in taken if isinstance(key, tuple)]

    def _read_by_iteration(self, nodes: Sequence[Node], last: set[int]) -> list[int]:
        """Return the lines whose values are read outside; the last iteration's of a carry is there anyway."""
        read = {one for node in nodes if node not in self.inside for one in node.inputs}
        read.update(self.old.outputs)
        found = [self.inside[node] for node in read if node in self.inside]
        final = len(self.loop.iterations) - 1
        return sorted({place for iteration, place in found if iteration < final or place not in last})

    def _key(self, place: int, slot: int, operand: Operand) -> Any:
        """Return what is read from outside: a node, or one of each iteration."""
        every = tuple(lines[place].inputs[slot] for lines in self.loop.iterations)
        return every[0] if operand.role is Role.CONSTANT else every

    def _carries(self) -> dict[tuple[int, int], Node]:
        """Return the first value of each carry, by its line and how many iterations ago it was computed."""
        found: dict[tuple[int, int], Node] = {}
        for place, line in enumerate(self.loop.operands):
            for slot, one in enumerate(line):
                if one.role is Role.CARRY:
                    for iteration in range(one.delay):
                        value = self.loop.iterations[iteration][place].inputs[slot]
                        found[one.line, one.delay - iteration] = value
        return found

    def _body(self, inputs: dict[Any, Node], states: dict[tuple[int, int], Node]) -> dict[Node, Node]:
        """Return what computes each line of the first iteration in the body."""
        lines = self.loop.iterations[0]
        new: dict[Node, Node] = {}
        for place, node in enumerate(lines):
            if self.loop.outside[place]:
                continue
            operands = []
            for slot, one in enumerate(self.loop.operands[place]):
                if one.role is Role.INNER:
                    operands.append(new[lines[one.line]])
                elif one.role is Role.CARRY:
                    operands.append(states[one.line, one.delay])
                else:
                    key = self._key(place, slot, one)
                    operands.append(inputs.get(key, key))  # a number stays in the body
            new[node] = with_operands(node, *operands)
        return new
