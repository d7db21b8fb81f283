"""Fair timing: candidates take turns, so that whatever else the machine does hits them alike.

Time is the processor's, not the clock's: beside other work the clock measures the neighbours. That is fair
for one thread only, so run with OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def machine() -> str:
    """Name the machine and the versions that decide the figures."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, BLAS threads: {threads}"
    return f"{model}, {cores} cores, {platform.system()}, {versions}"


def interleaved(
    candidates: dict[str, Callable[[], object]], rounds: int, repetitions: int
) -> dict[str, list[float]]:
    """Return for each candidate the seconds per call in each round, in which each has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for function in candidates.values():
        for _ in range(repetitions):
            function()
    names = list(candidates)
    for round_number in range(rounds):
        # Nobody always runs after the same neighbour.
        turn = round_number % len(names)
        for name in names[turn:] + names[:turn]:
            function = candidates[name]
            begin = time.process_time()
            for _ in range(repetitions):
                function()
            seconds[name].append((time.process_time() - begin) / repetitions)
    return seconds


def report(seconds: dict[str, list[float]], baseline: str) -> dict[str, float]:
    """Print medians and the median over the rounds of each ratio to the baseline; return the ratios."""
    ratios = {}
    for name, times in seconds.items():
        ratio = [mine / theirs for mine, theirs in zip(times, seconds[baseline], strict=True)]
        ratios[name] = statistics.median(ratio)
        low, high = min(ratio), max(ratio)
        print(
            f"  {name:32s} {statistics.median(times) * 1e6:9.1f} µs   "
            f"ratio {ratios[name]:.2f} (rounds {low:.2f} to {high:.2f})"
        )
    return ratios
