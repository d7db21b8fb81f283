"""A program as machine code, ready to run."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import WengertError
from wengert.ir.evaluate import check_argument, evaluate, evaluate_node, located
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.llvm.codegen.call_function import (
    ABANDONED,
    RUN,
    RUN_PARALLEL,
    Layout,
    Segment,
    state_words,
)
from wengert.run.llvm.codegen.cancellation import CANCEL, WRONG_INDEX
from wengert.run.llvm.codegen.kernel_functions import KERNELS
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import View, is_whole
from wengert.run.llvm.profile.kernel_table import KernelSummary, KernelTable, summary
from wengert.run.llvm.runtime.array_address import address
from wengert.run.llvm.runtime.target import LoadedCode
from wengert.run.llvm.schedule.buffers import ALIGNMENT, ARENA, FLAG, STATE
from wengert.run.threads import FairShare, run_on_threads

Array = np.ndarray[Any, Any]


class _Window:
    """A view of a buffer as an array, found once for all calls."""

    def __init__(self, view: View) -> None:
        dtype = view.base.type.dtype
        self._base, self._is_whole, self._is_empty = view.base, is_whole(view), 0 in view.shape
        strides = tuple([stride * dtype.itemsize for stride in view.strides])
        self._layout = view.shape, dtype, view.offset * dtype.itemsize, strides

    def of(self, buffers: Mapping[Node, Array]) -> Array:
        """Return the array, which must not be written to."""
        if self._is_whole:
            return buffers[self._base]
        shape, dtype, offset, strides = self._layout
        if self._is_empty:
            return np.empty(shape, dtype)
        # `as_strided` takes ten times as long.
        seen: Array = np.ndarray(shape, dtype, buffers[self._base], offset, strides)
        seen.flags.writeable = False
        return seen


class Arena:
    """The memory of all buffers that do not stand alone; one call after the other uses it.

    Attributes
    ----------
    raw : ndarray of uint8
    operands : dict of Kernel to list
        What kernels of the form NUMPY read, as arrays of this memory, made in the first call, or as windows
        of buffers that stand alone.
    results : dict of Node to ndarray
        What they write.
    """

    def __init__(self, size: int) -> None:
        raw = np.empty(size + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self.raw: Array = raw[start : start + size]
        self.operands: dict[Kernel, list[Any]] = {}
        self.results: dict[Node, Array] = {}


@dataclass(frozen=True)
class Frame:
    """The memory of one call.

    Attributes
    ----------
    table : array of pointers
        What generated code finds its buffers by.
    alone : dict of Node to ndarray
        Buffers that stand alone.
    arena : Arena
        All others.
    flags : ndarray of int64
        Whether an index was out of range, and whether the user wants to stop.
    """

    table: Any
    alone: dict[Node, Array]
    arena: Arena
    flags: Array


class CompiledProgram:
    """A program ready to run; may be called from several threads at once.

    Attributes
    ----------
    plan : Plan
    layout : Layout
    """

    def __init__(
        self,
        program: Program,
        plan: Plan,
        layout: Layout,
        loaded: LoadedCode,
        threads: int,
        regions: dict[Node, Callable[..., tuple[Any, ...]]],
    ) -> None:
        self.program = program
        self._regions = regions
        self._stored = {
            kernel.line: [(node.param("index"), node) for node in kernel.stored]
            for kernel in plan.kernels
            if kernel.line in regions
        }
        self.plan = plan
        self.layout = layout
        self._memory = memory = layout.memory
        self.loaded = loaded  # holds the machine code
        self._threads = 1 if layout.parallel is None else threads
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        if any(segment.is_native for segment in layout.segments):
            self._run = prototype(loaded.address(RUN))
        if layout.parallel is not None:
            self._run_shared = prototype(loaded.address(RUN_PARALLEL))
        self._constants: dict[Node, Any] = {node: node.value for node in memory.constants}
        self._table = (ctypes.c_void_p * memory.table_length)()
        for node, constant in self._constants.items():
            self._table[memory.slots[node]] = address(constant)
        for kernel in plan.kernels:
            if kernel.loop is not None:
                self._table[memory.slots[kernel.line]] = address(kernel.loop.words)
        self._inputs = [
            (node, memory.slots[node], node.type.shape, node.type.dtype) for node in program.inputs
        ]
        self._direct = [
            (node, memory.slots[node], node.type.shape, node.type.dtype) for node in memory.direct.values()
        ]
        self._idle: list[Arena] = []
        self._lock = threading.Lock()

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """Run on one array per input."""
        frame = self.frame(arguments)
        for segment in self.layout.segments:
            if segment.is_native:
                self._run_natively(frame, segment)
            else:
                self.run_by_numpy(segment.kernels[0], frame)
            if frame.flags[WRONG_INDEX]:
                # An index is out of range; the reference names it.
                evaluate(self.program, arguments)
                raise WengertError("generated code found an index out of range where NumPy does not")
        results = self._results(frame)
        with self._lock:
            self._idle.append(frame.arena)
        return results

    def _run_natively(self, frame: Frame, segment: Segment) -> None:
        """Run a segment of generated code; Ctrl-C ends it early where it takes long."""
        if self._threads == 1 and not self.layout.slices:
            self._run(frame.table, segment.first, segment.end)
            return

        def finish() -> None:
            frame.flags[CANCEL] = 1

        with FairShare(self._threads) as granted:
            if granted > 1:
                state = np.zeros(state_words(granted), np.int64)
                frame.table[STATE] = address(state)

                def abandon() -> None:
                    state[ABANDONED] = 1

                run_on_threads(
                    lambda number: self._run_shared(frame.table, number, granted), granted, finish, abandon
                )
                return
            # Python hears of Ctrl-C between two calls, so that somebody has to wait meanwhile.
            run_on_threads(
                lambda _: self._run(frame.table, segment.first, segment.end), 1, finish, abandon=finish
            )

    def llvm(self) -> str:
        """Return the generated code, before LLVM's own optimisation."""
        return self.layout.text()

    def kernels(self, arguments: Sequence[Any] | None = None) -> KernelTable:
        """Return the kernels, timed on arguments where there are any; see `Inspectable`."""
        summaries = [summary(kernel) for kernel in self.plan.kernels]
        return KernelTable(summaries if arguments is None else self._timed(summaries, arguments))

    def _timed(self, summaries: Sequence[KernelSummary], arguments: Sequence[Any]) -> list[KernelSummary]:
        """Run each kernel by itself, again and again; return the summaries with the times in them."""
        from wengert.run.llvm.profile.timing import in_turn, natively, timed  # few look at the times

        self(arguments)  # refuses what does not fit
        frame = self.frame(arguments)  # the table holds only addresses
        scratch = address(frame.arena.raw) + self._memory.arena_bytes
        turns: list[Callable[[int], object]] = []
        number = 0
        for kernel in self.plan.kernels:
            if kernel.form is Form.NUMPY:
                turns.append(in_turn(partial(self.run_by_numpy, kernel, frame)))
                continue
            turns.append(natively(self.loaded.address(KERNELS), frame.table, number, scratch))
            number += 1
        return timed(summaries, turns)

    def frame(self, arguments: Sequence[Any]) -> Frame:
        """Return the memory of a call, with one array per input in it."""
        alone: dict[Node, Any] = dict(self._constants)
        arena, flags = self._arena(), np.zeros(2, np.int64)
        table = type(self._table).from_buffer_copy(self._table)
        table[ARENA], table[FLAG] = address(arena.raw), address(flags)
        for (node, slot, shape, dtype), given in zip(self._inputs, arguments, strict=True):
            # The plain case first: this runs for every input of every training step.
            plain = type(given) is np.ndarray and given.dtype is dtype and given.shape == shape
            array = _plain(given if plain else check_argument(node, given))
            alone[node] = array
            table[slot] = address(array)
        for node, slot, shape, dtype in self._direct:
            array = np.empty(shape, dtype)
            alone[node] = array
            table[slot] = address(array)
        return Frame(table, alone, arena, flags)

    def _arena(self) -> Arena:
        """Return an arena that is not in use."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Arena(self.layout.arena_bytes(self._threads))

    def run_by_numpy(self, kernel: Kernel, frame: Frame) -> None:
        """Run a kernel of the form NUMPY."""
        line = kernel.line
        known = frame.arena.operands.get(kernel)
        if known is None:
            views = [kernel.leaves[operand] for operand in line.inputs]
            known = [_Window(view) if view.base in frame.alone else self._seen(view, frame) for view in views]
            frame.arena.operands[kernel] = known
        operands = [one.of(frame.alone) if type(one) is _Window else one for one in known]
        if line in self._regions:
            into = {place: self._buffer(node, frame) for place, node in self._stored[line]}
            values = self._regions[line](*operands, into=into)
            for place, buffer in into.items():
                if values[place] is not buffer:
                    np.copyto(buffer, values[place])
            return
        try:
            with np.errstate(all="ignore"):
                value = evaluate_node(line, operands)
        except ValueError as error:
            raise located(error, line, self.program) from None
        for node in kernel.stored:
            np.copyto(self._buffer(node, frame), value)

    def _buffer(self, node: Node, frame: Frame) -> Array:
        if node in frame.alone:
            return frame.alone[node]
        known = frame.arena.results.get(node)
        if known is None:
            start = self._memory.offsets[node]
            flat = frame.arena.raw[start : start + node.type.size * node.type.dtype.itemsize]
            known = frame.arena.results[node] = flat.view(node.type.dtype).reshape(node.type.shape)
        return known

    def _seen(self, view: View, frame: Frame) -> Array:
        """Return a view as an array, which must not be written to."""
        return _Window(view).of({view.base: self._buffer(view.base, frame)})

    def _results(self, frame: Frame) -> list[Array]:
        results = []
        for position, view in enumerate(self.plan.outputs):
            node = self._memory.direct.get(position)
            results.append(frame.alone[node] if node is not None else self._seen(view, frame).copy())
        return results


def _plain(array: Array) -> Array:
    """Return an array whose elements lie one after the other, copied where they do not."""
    is_plain = array.flags.c_contiguous and array.flags.aligned
    return array if is_plain else np.array(array, order="C")
