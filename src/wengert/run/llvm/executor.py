"""The LLVM executor: a program as machine code of this processor."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import WengertError
from wengert.ir.evaluate import check_argument, evaluate, evaluate_node
from wengert.ir.node import Node, constant_value
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.llvm.cache import cached_object_code
from wengert.run.llvm.expand import expand
from wengert.run.llvm.memory import ALIGNMENT, ARENA, FLAG, Memory, memory_of
from wengert.run.llvm.module import Generated, Segment, generate
from wengert.run.llvm.numpy_lines import LONGEST_PROGRAM
from wengert.run.llvm.plan import Kernel, Plan, plan
from wengert.run.llvm.target import LoadedCode, Target, host_target
from wengert.run.llvm.views import View
from wengert.run.numpy import NumpyExecutor

Array = np.ndarray[Any, Any]


class LLVMExecutor:
    """Compiles a program to machine code.

    What is better left to NumPy stands in `wengert.run.llvm.numpy_lines`.

    Parameters
    ----------
    target : Target, optional
        The processor to make code for; this one by default.
    """

    def __init__(self, target: Target | None = None) -> None:
        self.target = target or host_target()

    def compile(self, program: Program) -> Executable:
        """Return the callable; see `Executor`."""
        if program.free:
            raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
        expanded = expand(program)
        if len(expanded.nodes) > LONGEST_PROGRAM:
            return NumpyExecutor().compile(program)
        made = plan(expanded)
        memory = memory_of(made)
        generated = generate(made, memory, self.target)
        loaded = LoadedCode(cached_object_code(generated.text, self.target), self.target)
        return CompiledProgram(program, made, memory, generated, loaded)


class CompiledProgram:
    """A program ready to run; may be called from several threads at once.

    Attributes
    ----------
    plan : Plan
    generated : Generated
    """

    def __init__(
        self, program: Program, plan: Plan, memory: Memory, generated: Generated, loaded: LoadedCode
    ) -> None:
        self.program = program
        self.plan = plan
        self.generated = generated
        self._memory = memory
        self._loaded = loaded  # holds the machine code
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        self._steps: list[tuple[Callable[..., Any] | None, Segment]] = [
            (prototype(loaded.address(segment.name)) if segment.is_native else None, segment)
            for segment in generated.segments
        ]
        self._constants = {node: constant_value(node) for node in memory.constants}
        self._table_type = ctypes.c_void_p * (FLAG + 1 + len(memory.slots))
        self._idle: list[Array] = []
        self._lock = threading.Lock()

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """Run on one array per input."""
        inputs = self.program.inputs
        alone: dict[Node, Any] = dict(self._constants)
        for node, argument in zip(inputs, arguments, strict=True):
            alone[node] = _plain(check_argument(node, argument))
        for node in self._memory.direct.values():
            alone[node] = np.empty(node.type.shape, node.type.dtype)
        arena, flag = self._arena(), np.zeros(1, np.int64)
        table = self._table_type()
        table[ARENA], table[FLAG] = arena.ctypes.data, flag.ctypes.data
        for node, slot in self._memory.slots.items():
            table[slot] = alone[node].ctypes.data
        for function, segment in self._steps:
            if function is not None:
                function(table)
            else:
                self._by_numpy(segment.kernels[0], alone, arena)
            if flag[0]:
                # An index is out of range; the reference names it.
                evaluate(self.program, arguments)
                raise WengertError("generated code found an index out of range where NumPy does not")
        results = self._results(alone, arena)
        with self._lock:
            self._idle.append(arena)
        return results

    def _arena(self) -> Array:
        """Return an arena that nobody uses."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        raw = np.empty(self.generated.arena_bytes + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        return raw[start : start + self.generated.arena_bytes]

    def _by_numpy(self, kernel: Kernel, alone: dict[Node, Array], arena: Array) -> None:
        line = kernel.line
        operands = [self._seen(kernel.leaves[operand], alone, arena) for operand in line.inputs]
        with np.errstate(all="ignore"):
            value = evaluate_node(line, operands)
        for node in kernel.stored:
            np.copyto(self._buffer(node, alone, arena), value)

    def _buffer(self, node: Node, alone: dict[Node, Array], arena: Array) -> Array:
        if node in alone:
            return alone[node]
        start = self._memory.offsets[node]
        size = node.type.size * node.type.dtype.itemsize
        return arena[start : start + size].view(node.type.dtype).reshape(node.type.shape)

    def _seen(self, view: View, alone: dict[Node, Array], arena: Array) -> Array:
        """Return a view as an array, which must not be written to."""
        flat = self._buffer(view.base, alone, arena).reshape(-1)
        if 0 in view.shape:
            return np.empty(view.shape, flat.dtype)
        strides = [stride * flat.itemsize for stride in view.strides]
        return np.lib.stride_tricks.as_strided(flat[view.offset :], view.shape, strides, writeable=False)

    def _results(self, alone: dict[Node, Array], arena: Array) -> list[Array]:
        results = []
        for position, view in enumerate(self.plan.outputs):
            node = self._memory.direct.get(position)
            results.append(alone[node] if node is not None else self._seen(view, alone, arena).copy())
        return results


def _plain(array: Array) -> Array:
    """Return an array whose elements lie one after the other, copied where they do not."""
    return array if array.flags.c_contiguous and array.flags.aligned else np.array(array, order="C")
