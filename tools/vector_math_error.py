"""Measure the vector functions: the largest error over all float32 numbers, and the time an element takes.

Usage, with the package installed::

    python tools/vector_math_error.py sweep exp log            # all 2^32 numbers: minutes a function
    python tools/vector_math_error.py sweep --stride 64 exp    # every 64th
    python tools/vector_math_error.py time exp log             # beside NumPy's and SciPy's own

The tests compile and judge with the same functions.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from llvmlite import binding, ir
from scipy import special

from wengert.run.llvm.runtime import target as processor
from wengert.run.llvm.vector_math import SUPPORTED, emit

Function = Callable[[np.ndarray], np.ndarray]
NAMES = sorted({name for name, _ in SUPPORTED})


def wide_softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp x) that keeps its relative accuracy for x < 0."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# Evaluated in float64, they are exact to far less than an ulp of float32.
ORACLES: dict[str, Callable[..., np.ndarray]] = {
    "erf": special.erf,
    "sigmoid": special.expit,
    "softplus": wide_softplus,
    **{name: getattr(np, name) for name in ("cos", "exp", "expm1", "log", "log1p", "sin", "tan", "tanh")},
}


def build_module(names: Iterable[str], dtype: str, width: int) -> ir.Module:
    """A module with `name(count, inputs, outputs)` for each function; count is a multiple of the width."""
    module = ir.Module()
    element = ir.FloatType() if dtype == "float32" else ir.DoubleType()
    lanes = element if width == 1 else ir.VectorType(element, width)
    index = ir.IntType(64)
    for name in names:
        signature = ir.FunctionType(ir.VoidType(), [index, element.as_pointer(), element.as_pointer()])
        function = ir.Function(module, signature, name)
        count, source, target = function.args
        entry, loop, end = (function.append_basic_block(label) for label in ("entry", "loop", "end"))
        builder = ir.IRBuilder(entry)
        builder.branch(loop)
        builder.position_at_end(loop)
        i = builder.phi(index)
        i.add_incoming(ir.Constant(index, 0), entry)
        here, there = (builder.bitcast(builder.gep(p, [i]), lanes.as_pointer()) for p in (source, target))
        align = np.dtype(dtype).itemsize
        builder.store(emit(builder, name, builder.load(here, align=align)), there, align=align)
        following = builder.add(i, ir.Constant(index, width))
        i.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, count), loop, end)
        builder.position_at_end(end)
        builder.ret_void()
    return module


def optimised(module: ir.Module, machine: binding.TargetMachine) -> binding.ModuleRef:
    """Parse, verify and optimise as the executor does."""
    return processor.optimised(str(module), machine)


def host_machine(cpu: str | None = None) -> binding.TargetMachine:
    """The machine that runs this, with all its features or with those of a named model."""
    host = processor.host_target()
    return processor.machine_of(host if cpu is None else replace(host, cpu=cpu, features=""))


def compile_functions(
    names: Sequence[str], dtype: str, width: int, cpu: str | None = None
) -> dict[str, Function]:
    """Return the functions of arrays whose size is a multiple of the width."""
    machine = host_machine(cpu)
    engine = binding.create_mcjit_compiler(optimised(build_module(names, dtype, width), machine), machine)
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)

    def wrap(name: str) -> Function:
        native = prototype(engine.get_function_address(name))

        def call(x: np.ndarray, out: np.ndarray | None = None, engine=engine) -> np.ndarray:
            result = np.empty_like(x) if out is None else out
            native(x.size, x.ctypes.data, result.ctypes.data)
            return result

        return call

    return {name: wrap(name) for name in names}


def errors_in_ulp(y: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance of float32 results from exact ones, given in float64, in units of the exact one's last place.

    ∞ counts as 2^128, so results may overflow an ulp early; otherwise ∞, NaN and the sign of 0 must agree.
    """
    with np.errstate(all="ignore"):
        exponent = np.clip(np.frexp(exact)[1] - 24, -149, 127 - 23)
        wide = y.astype(np.float64)
        wide = np.where(np.isinf(wide), np.copysign(2.0**128, wide), wide)
        bounded = np.where(np.abs(exact) > 2.0**128, np.copysign(2.0**128, exact), exact)
        error = np.abs(wide - bounded) * np.ldexp(1.0, -exponent)
    error[np.isnan(y) & np.isnan(exact)] = 0
    wrong_zero = (y == 0) & (exact == 0) & (np.signbit(y) != np.signbit(exact))
    error[wrong_zero | np.isnan(error)] = np.inf
    return error


def sweep(function: Function, oracle: Function, stride: int) -> tuple[float, float]:
    """Return the largest error over every `stride`-th float32 number, and the argument."""
    block = 1 << 20
    worst, where = -1.0, 0.0
    for first in range(0, 1 << 32, block * stride):
        # The start moves, so that not all the mantissas end in the same bits.
        numbers = np.arange(block, dtype=np.uint64) * stride + first + (first // block) * 7 % stride
        x = numbers.astype(np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            error = errors_in_ulp(function(x), oracle(x.astype(np.float64)))
        place = int(error.argmax())
        if error[place] > worst:
            worst, where = float(error[place]), float(x[place])
    return worst, where


def nanoseconds(run: Callable[[], object], elements: int) -> float:
    """Shortest of fifty times, by element."""
    times = []
    for _ in range(50):
        start = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - start)
    return min(times) / elements


def print_times(names: Sequence[str]) -> None:
    """Time each function on arrays that stay in the second-level cache."""
    count = 1 << 15
    for dtype, width in (("float32", 16), ("float64", 8)):
        columns = {"host": compile_functions(names, dtype, width)}
        if binding.get_default_triple().startswith("x86_64"):
            columns["AVX2"] = compile_functions(names, dtype, width // 2, "x86-64-v3")
        for name in names:
            x = np.random.default_rng(0).uniform(0, 5, count).astype(dtype)
            out = np.empty_like(x)
            figures = [
                f"{label} {nanoseconds(lambda f=functions[name], x=x, out=out: f(x, out), count):.3f}"
                for label, functions in columns.items()
            ]
            peer = ORACLES[name]
            figures.append(f"NumPy or SciPy {nanoseconds(lambda peer=peer, x=x: peer(x), count):.3f}")
            print(f"{name:9} {dtype}, ns per element: {', '.join(figures)}", flush=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=("sweep", "time"))
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--stride", type=int, default=1)
    arguments = parser.parse_intermixed_args()
    if arguments.task == "time":
        print_times(arguments.names)
        return
    functions = compile_functions(arguments.names, "float32", 16)
    for name, function in functions.items():
        worst, where = sweep(function, ORACLES[name], arguments.stride)
        print(f"{name:9} float32: at most {worst:.4f} ulp, at {where!r}", flush=True)


if __name__ == "__main__":
    main()
