"""How long each kernel of a program takes, beside the limits of the machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from wengert.run.llvm.limits import clock, machine_limits
from wengert.run.llvm.listing import KernelSummary
from wengert.run.llvm.module import KERNELS
from wengert.run.llvm.plan import Form
from wengert.run.llvm.target import LoadedCode, host_target, object_code

if TYPE_CHECKING:
    from wengert.run.llvm.executor import CompiledProgram

ROUNDS = 10
# Of one round at least, so that the clock's own time does not count.
LEAST_SECONDS = 2e-4

_REPEAT = """
define void @repeat(ptr %kernels, ptr %table, i64 %number, ptr %scratch, i64 %times) {
entry:
  %end_of_one = add i64 %number, 1
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%j, %loop]
  call void %kernels(ptr %table, i64 %number, i64 %end_of_one, ptr %scratch)
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, %times
  br i1 %more, label %loop, label %end
end:
  ret void
}
"""


def measured(
    compiled: CompiledProgram, summaries: Sequence[KernelSummary], arguments: Sequence[Any]
) -> list[KernelSummary]:
    """Run each kernel again and again on these arguments; return the summaries with the times in them."""
    compiled(arguments)  # refuses what does not fit
    frame, layout = compiled.frame(arguments), compiled.layout
    scratch = frame.arena.ctypes.data + layout.memory.arena_bytes
    found = []
    number = 0
    for kernel, one in zip(compiled.plan.kernels, summaries, strict=True):
        if kernel.form is Form.NUMPY:
            seconds = _shortest(_in_turn(partial(compiled.run_by_numpy, kernel, frame)))
        else:
            seconds = _shortest(_natively(compiled.address(KERNELS), frame.table, number, scratch))
            number += 1
        itemsize = 4 if one.itemsize <= 4 else 8
        limit = machine_limits().roofline(one.flops, one.read, one.written, itemsize)
        found.append(replace(one, seconds=seconds, limit=limit))
    return found


def _in_turn(function: Callable[[], object]) -> Callable[[int], object]:
    """Return what calls a function so many times."""

    def run(times: int) -> None:
        for _ in range(times):
            function()

    return run


def _natively(kernels: int, table: Any, number: int, scratch: int) -> Callable[[int], object]:
    """Return what runs one of the kernels so many times, without Python in between."""
    _, repeat = _repeat()
    return lambda times: repeat(kernels, table, number, scratch, times)


@lru_cache(maxsize=1)
def _repeat() -> tuple[LoadedCode, Callable[..., object]]:
    code = LoadedCode(object_code(_REPEAT, host_target()), host_target())
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    prototype = ctypes.CFUNCTYPE(None, pointer, pointer, integer, pointer, integer)
    return code, prototype(code.address("repeat"))


def _shortest(run: Callable[[int], object]) -> float:
    """Return the shortest time that one turn took, of a few rounds of turns."""
    times = 1
    while (seconds := _seconds(run, times)) < LEAST_SECONDS:
        times *= 2
    return min(seconds, *(_seconds(run, times) for _ in range(ROUNDS))) / times


def _seconds(run: Callable[[int], object], times: int) -> float:
    begin = clock()
    run(times)
    return clock() - begin
