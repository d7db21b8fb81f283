"""What the machine can do at most, measured once in a process: multiply-adds, and bytes from each cache."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from wengert.run.llvm.runtime.target import LoadedCode, Target, host_target, object_code

# A fused multiply-add's latency times those that can begin in each cycle, at most; processors with few vector
# registers need fewer chains, and would have to spill these.
CHAINS, SPARE_REGISTERS = 16, 4
TURNS = 50_000
SWEEP_VECTORS = 8
ROUNDS = 20

L2_BYTES = 256 * 2**10  # beyond the first level of any processor, within the second of any
MEMORY_BYTES = 128 * 2**20  # beyond the last level of nearly any
SIZES = (2**14, 2**16, L2_BYTES, 2**20, 2**22, 2**24, MEMORY_BYTES)
# A small range is gone through again and again, so that each measurement takes a while.
LEAST_BYTES = 2**21
LARGE_PAGE = 2**21

# Processor time does not count the neighbours', but some systems count it in coarse ticks only.
clock = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True)
class MachineLimits:
    """Limits of some cores together.

    Attributes
    ----------
    threads : int
        How many cores took part, each with data of its own.
    flops : dict of int to float
        Floating-point operations a second in fused multiply-adds held in registers, by the bytes of an
        element: 4 or 8.
    bandwidth : dict of int to float
        Bytes a second, read and written back once each, by the bytes that each core goes through.
    reading : dict of int to float
        Bytes a second that are only read, which may be half as many.
    """

    threads: int
    flops: dict[int, float]
    bandwidth: dict[int, float]
    reading: dict[int, float]

    @property
    def l2_bandwidth(self) -> float:
        """Bytes a second from and to the second-level cache."""
        return self.bandwidth[L2_BYTES]

    @property
    def memory_bandwidth(self) -> float:
        """Bytes a second from and to memory."""
        return self.bandwidth[MEMORY_BYTES]

    def bandwidth_of(self, size: int) -> float:
        """Return the bandwidth for a working set of `size` bytes, that of the next smaller one measured."""
        return self._at(self.bandwidth, size)

    def seconds_to_move(self, read: int, written: int) -> float:
        """Return how long that many bytes take at least, all of them different ones."""
        reading = read / self._at(self.reading, read + written)
        return max(reading, (read + written) / self.bandwidth_of(read + written))

    def roofline(self, flops: float, read: int, written: int, itemsize: int) -> float:
        """Return the seconds that a computation takes at least.

        The larger of flops / peak and bytes / bandwidth (Williams, Waterman & Patterson, CACM 2009).

        Parameters
        ----------
        flops : float
        read, written : int
            Bytes.
        itemsize : int
            4 or 8: the bytes of an element.
        """
        return max(flops / self.flops[itemsize], self.seconds_to_move(read, written))

    def _at(self, rates: dict[int, float], size: int) -> float:
        share = size / self.threads
        fitting = [rate for known, rate in rates.items() if known <= share]
        return min(fitting, default=max(rates.values()))


@lru_cache(maxsize=8)
def machine_limits(threads: int = 1) -> MachineLimits:
    """Measure the limits of `threads` cores, each in a thread of its own; takes about half a second."""
    target = host_target()
    code = LoadedCode(object_code(_module(target), target), target)
    chains = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    sweep = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    arrays = [_aligned(MEMORY_BYTES) for _ in range(threads)]
    flops = {}
    for itemsize, name in ((4, "chains_float"), (8, "chains_double")):
        run = chains(code.address(name))
        operations = 2 * chain_count(target) * target.lanes(itemsize) * TURNS
        flops[itemsize] = _rate([partial(run, array.ctypes.data, TURNS) for array in arrays], operations)
    bandwidth, reading = (
        {size: _sweep_rate(sweep(code.address(name)), arrays, size, ways) for size in SIZES}
        for name, ways in (("update", 2), ("read", 1))
    )
    return MachineLimits(threads, flops, bandwidth, reading)


def _sweep_rate(sweep: Callable[..., object], arrays: list[Bytes], size: int, ways: int) -> float:
    times = max(1, LEAST_BYTES // size)
    runs = [partial(sweep, array.ctypes.data, size, times) for array in arrays]
    return _rate(runs, ways * size * times)


def _aligned(size: int) -> Bytes:
    # In large pages: where small ones lie decides which of them share a place in a cache.
    raw = np.zeros(size + LARGE_PAGE, np.uint8)
    start = -raw.ctypes.data % LARGE_PAGE
    return raw[start : start + size]


def _rate(runs: Sequence[Callable[[], object]], amount: int) -> float:
    """Return the rate of all runs at once, each of `amount`, each in a thread; the best of a few."""
    barrier = threading.Barrier(len(runs))
    seconds = np.full(len(runs), np.inf)

    def measure(place: int) -> None:
        for _ in range(ROUNDS):
            barrier.wait()
            begin = clock()
            runs[place]()
            seconds[place] = min(seconds[place], clock() - begin)

    threads = [threading.Thread(target=measure, args=(place,)) for place in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return float((amount / seconds).sum())


def _module(target: Target) -> str:
    kinds = (("float", "f32", 4), ("double", "f64", 8))
    return "\n".join(
        [*(_chains(target, *one) for one in kinds), _sweep(target, "update"), _sweep(target, "read")]
    )


def chain_count(target: Target) -> int:
    """Return how many chains of multiply-adds are measured side by side."""
    return min(CHAINS, target.vector_registers - SPARE_REGISTERS)


def _chains(target: Target, element: str, suffix: str, itemsize: int) -> str:
    """A function of some chains of multiply-adds, each of which waits for nothing but itself."""
    lanes, count = target.lanes(itemsize), chain_count(target)
    vector = f"<{lanes} x {element}>"
    # They begin with numbers of their own, or they would be one chain.
    loads = "\n".join(
        f"  %p{i} = getelementptr {vector}, ptr %data, i64 {i}\n  %x{i} = load {vector}, ptr %p{i}"
        for i in range(count)
    )
    phis = "\n".join(f"  %a{i} = phi {vector} [%x{i}, %entry], [%b{i}, %loop]" for i in range(count))
    # Multiply-adds of zero: no overflow, no subnormal numbers, which may be slow.
    multiply_add = f"call {vector} @llvm.fmuladd.v{lanes}{suffix}"
    steps = "\n".join(
        f"  %b{i} = {multiply_add}({vector} %x0, {vector} %a{i}, {vector} %x1)" for i in range(count)
    )
    stores = "\n".join(f"  store {vector} %b{i}, ptr %p{i}" for i in range(count))
    return f"""
declare {vector} @llvm.fmuladd.v{lanes}{suffix}({vector}, {vector}, {vector})
define void @chains_{element}(ptr %data, i64 %turns) {{
entry:
{loads}
  br label %loop
loop:
  %n = phi i64 [0, %entry], [%m, %loop]
{phis}
{steps}
  %m = add i64 %n, 1
  %more = icmp slt i64 %m, %turns
  br i1 %more, label %loop, label %end
end:
{stores}
  ret void
}}"""


def _sweep(target: Target, name: str) -> str:
    """A function that goes through some bytes several times: doubles each number, or adds them up."""
    lanes = target.lanes(4)
    vector = f"<{lanes} x float>"
    places = range(0, SWEEP_VECTORS * target.vector_bytes, target.vector_bytes)
    sums, body, stores = [], [], []
    for p in places:
        body.append(f"  %i{p} = add i64 %i, {p}\n  %p{p} = getelementptr i8, ptr %data, i64 %i{p}")
        body.append(f"  %a{p} = load {vector}, ptr %p{p}")
        if name == "update":
            body.append(f"  %b{p} = fadd {vector} %a{p}, %a{p}\n  store {vector} %b{p}, ptr %p{p}")
        else:
            sums.append(f"  %s{p} = phi {vector} [zeroinitializer, %again], [%b{p}, %loop]")
            body.append(f"  %b{p} = fadd {vector} %s{p}, %a{p}")
            stores.append(
                f"  %q{p} = getelementptr i8, ptr %data, i64 {p}\n  store {vector} %b{p}, ptr %q{p}"
            )
    newline = "\n"
    return f"""
define void @{name}(ptr %data, i64 %bytes, i64 %times) {{
entry:
  br label %again
again:
  %t = phi i64 [0, %entry], [%u, %next]
  br label %loop
loop:
  %i = phi i64 [0, %again], [%j, %loop]
{newline.join([*sums, *body])}
  %j = add i64 %i, {len(places) * target.vector_bytes}
  %more = icmp slt i64 %j, %bytes
  br i1 %more, label %loop, label %next
next:
{newline.join(stores)}
  %u = add i64 %t, 1
  %repeat = icmp slt i64 %u, %times
  br i1 %repeat, label %again, label %end
end:
  ret void
}}"""
