"""Interpretation line by line, with the bookkeeping done once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import WengertError
from wengert.ir.evaluate import check_argument, located
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.numpy.memory import Line, keep_freed_memory, owns_result, plan_lines

Array = np.ndarray[Any, Any]


class NumpyExecutor:
    """Compiles a program to a list of NumPy calls.

    A value is dropped after the line that reads it last. Universal functions and products write into memory
    whose value has ended where there is some (see `plan_lines`). The numbers are the same, but for the last
    bit of a sum or product over an array that is laid out by columns here and by rows elsewhere.
    """

    def compile(self, program: Program) -> Executable:
        """Return the callable; see `Executor`."""
        if program.free:
            raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
        keep_freed_memory()
        place = {node: position for position, node in enumerate(program.inputs)}
        for node in program.nodes:
            place.setdefault(node, len(place))
        constants = {place[node]: node.value for node in program.nodes if not node.inputs}
        initial = [constants.get(position) for position in range(len(place))]
        return _Compiled(program, plan_lines(program, place, self.compile), initial, place)


class _Compiled:
    """A program ready to run.

    Parameters
    ----------
    program : Program
    lines : list of Line
    initial : list
        The constants in their places, None elsewhere.
    place : dict of Node to int
        Where each value stands; the inputs come first.
    """

    def __init__(
        self, program: Program, lines: list[Line], initial: list[Array | None], place: dict[Node, int]
    ) -> None:
        self.program = program
        self.nodes = list(place)
        self.lines = lines
        self.initial = initial
        self.inputs = [(node, node.type.shape, node.type.dtype) for node in program.inputs]
        # An output is copied unless it certainly has its own memory: no argument, no view, not there twice.
        seen: set[Node] = set()
        self.outputs: list[tuple[int, bool]] = []
        for node in program.outputs:
            self.outputs.append((place[node], owns_result(node) and node not in seen))
            seen.add(node)

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """Run on one array per input."""
        values: list[Any] = self.initial.copy()
        values[: len(self.inputs)] = [
            # The plain case first: this runs for every input of every training step.
            value
            if type(value) is np.ndarray and value.dtype is dtype and value.shape == shape
            else check_argument(node, value)
            for (node, shape, dtype), value in zip(self.inputs, arguments, strict=True)
        ]
        with np.errstate(all="ignore"):
            for function, operands, memory, result, ended in self.lines:
                try:
                    if memory < 0:
                        values[result] = function(*operands(values))
                    else:
                        values[result] = function(*operands(values), out=values[memory])
                except ValueError as error:
                    raise located(error, self.nodes[result], self.program) from None
                for position in ended:
                    values[position] = None
        return [
            values[position] if own and type(values[position]) is np.ndarray else np.array(values[position])
            for position, own in self.outputs
        ]
