"""The LLVM executor: a program as machine code of this processor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.errors import WengertError, WengertWarning
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.llvm.codegen.call_function import layout
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.codegen.kernel_dedup import distinct_lines
from wengert.run.llvm.compiled_loop import NativeLoop, compiled_loop
from wengert.run.llvm.compiled_program import CompiledProgram
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.in_place import joined_in_place
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.fusion.lowering import LONGEST_PROGRAM
from wengert.run.llvm.fusion.rematerialisation import rematerialised
from wengert.run.llvm.matmul.bfloat16_support import bfloat16_support
from wengert.run.llvm.matmul.tile_search import searched
from wengert.run.llvm.repetition.compiled_body import called_loops, known_body
from wengert.run.llvm.runtime.cache import cached_object_code
from wengert.run.llvm.runtime.loop_state import NativeProgress
from wengert.run.llvm.runtime.target import LoadedCode, Target, host_target
from wengert.run.llvm.schedule.buffers import memory_of
from wengert.run.llvm.schedule.parallel_call import is_long, parallel_call
from wengert.run.loop import Progress, Roles
from wengert.run.numpy import NumpyExecutor
from wengert.run.numpy.memory import keep_freed_memory
from wengert.run.recent import recent
from wengert.run.threads import default_threads

Array = np.ndarray[Any, Any]


class LLVMExecutor:
    """Compiles a program to machine code.

    What is better left to NumPy stands in `wengert.run.llvm.fusion.lowering`.

    Parameters
    ----------
    target : Target, optional
        The processor to make code for; this one by default.
    threads : int, optional
        How many may work on a step of training, or on a call that takes milliseconds; by default the
        physical cores open to this process, or ``OMP_NUM_THREADS`` if that is fewer. The results do not
        depend on it.
    bfloat16 : bool
        Whether the factors of large float32 products are rounded to bfloat16, where the processor multiplies
        these; a `WengertWarning` says where it does not, or could do so faster.
    """

    def __init__(
        self, target: Target | None = None, threads: int | None = None, bfloat16: bool = False
    ) -> None:
        self.target = target or host_target()
        if bfloat16:
            instructions, reason = bfloat16_support(self.target)
            self.target = replace(self.target, bfloat16=instructions)
            if reason:
                warnings.warn(reason, WengertWarning, stacklevel=4)
        self.threads = default_threads() if threads is None else threads

    @property
    def products(self) -> str:
        """The dtype that the factors of float32 products are rounded to."""
        return "bfloat16" if self.target.bfloat16 else "float32"

    def __eq__(self, other: object) -> bool:
        """Whether the other makes the same code."""
        if not isinstance(other, LLVMExecutor):
            return NotImplemented
        return (self.target, self.threads) == (other.target, other.threads)

    def __hash__(self) -> int:
        """Return a number that equal executors share."""
        return hash((self.target, self.threads))

    def compile(self, program: Program) -> Executable:
        """Return the callable; see `Executor`."""
        if program.free:
            raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
        names = tuple([node.params for node in program.inputs])
        key = "call", self.target, self.threads, program, names
        made: Executable = recent(key, lambda: self._compiled(program))
        return made

    def _compiled(self, program: Program) -> Executable:
        expanded = expand(program)
        loops = called_loops(expanded, self.target)
        made = joined_in_place(rematerialised(plan(expanded, loops=loops)))
        target = searched(self.target, expanded)
        if distinct_lines(made.kernels) > LONGEST_PROGRAM:
            return NumpyExecutor().compile(program)
        keep_freed_memory()
        shared = None
        if self.threads > 1 and is_long(made):
            shared = parallel_call(made, Generators(made.kernels, target).units)
        memory = memory_of(made, None if shared is None else shared.phases)
        planned = layout(made, memory, target, shared)
        loaded = LoadedCode(cached_object_code(planned, target), target)
        regions = {
            kernel.line: region.prepare(
                self._body, [node.param("index") for node in kernel.stored], **dict(kernel.line.params)
            )
            for kernel in made.kernels
            if kernel.loop is None and (region := kernel.line.primitive.region) is not None
        }
        return CompiledProgram(program, made, planned, loaded, self.threads, regions)

    def _body(self, program: Program) -> Executable:
        """Return what runs the body of a loop or branch: many iterations in one call where it can."""
        return known_body(program, self.target) or self.compile(program)

    def loop(
        self, program: Program, roles: Roles, progress: Progress, data: Sequence[Array]
    ) -> NativeLoop | None:
        """Return the loop over a step; see `LoopExecutor`."""
        key = "loop", self.target, roles, program
        compiled = recent(key, lambda: compiled_loop(program, roles, searched(self.target, program)))
        assert isinstance(progress, NativeProgress)
        return None if compiled is None else NativeLoop(compiled, progress, data, self.threads)

    def new_progress(self, carry: Sequence[Array], steps: int, loss_sum: float) -> NativeProgress:
        """Return the progress of a loop that begins, or goes on."""
        keep_freed_memory()
        return NativeProgress(carry, steps, loss_sum, self.threads)
