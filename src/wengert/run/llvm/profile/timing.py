"""How long each kernel of a program takes, beside the limits of the machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from wengert.run.llvm.profile.kernel_table import KernelSummary
from wengert.run.llvm.profile.machine_limits import clock, machine_limits
from wengert.run.llvm.runtime.target import LoadedCode, host_target, object_code

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


def timed(summaries: Sequence[KernelSummary], runs: Sequence[Callable[[int], object]]) -> list[KernelSummary]:
    """Run each kernel again and again; return the summaries with the times in them.

    Parameters
    ----------
    summaries : sequence of KernelSummary
    runs : sequence of callable
        Each runs a kernel that many times.
    """
    found = []
    for one, run in zip(summaries, runs, strict=True):
        limit = machine_limits().roofline(one.flops, one.read, one.written, 4 if one.itemsize <= 4 else 8)
        found.append(replace(one, seconds=_shortest(run), limit=limit))
    return found


def in_turn(function: Callable[[], object]) -> Callable[[int], object]:
    """Return what calls a function that many times."""

    def run(times: int) -> None:
        for _ in range(times):
            function()

    return run


def natively(kernels: int, table: Any, number: int, scratch: int) -> Callable[[int], object]:
    """Return what runs a kernel that many times, without Python in between.

    Parameters
    ----------
    kernels : int
        Address of the function that runs kernels in turn.
    table : array of pointers
    number : int
        Of the kernel.
    scratch : int
        Address of its scratch memory.
    """
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
