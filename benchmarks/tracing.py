"""Tracing and differentiating a network of 100 layers.

    python benchmarks/tracing.py [--rounds 15]

The aim is less than 0.1 s for the gradient as a program; simplifying and compiling it are shown as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measurement import machine

import wengert as wg
from wengert.run import NumpyExecutor
from wengert.transform.gradient import gradient

LAYERS, WIDTH, ROWS = 100, 8, 4


def network(x: Any, *weights: Any) -> Any:
    for weight in weights:
        x = np.tanh(x @ weight)
    return np.sum(np.square(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    stages: dict[str, list[float]] = {}

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.process_time()
        result = function(*arguments)
        stages.setdefault(name, []).append(time.process_time() - begin)
        return result

    for _ in range(options.rounds):
        # New weights each time: nodes are shared, and a program traced before would be found again.
        weights = [rng.normal(size=(WIDTH, WIDTH)) for _ in range(LAYERS)]
        program = timed("trace", wg.trace, network, np.ones((ROWS, WIDTH)), *weights)
        derivative = timed("differentiate", gradient, program)
        derivative = timed("simplify", wg.simplify, derivative)
        timed("compile for NumPy", NumpyExecutor().compile, derivative)
    print(machine())
    for name, seconds in stages.items():
        print(f"  {name:20s} {statistics.median(seconds) * 1e3:7.1f} ms")
    both = [first + second for first, second in zip(stages["trace"], stages["differentiate"], strict=True)]
    print(f"  trace + differentiate {statistics.median(both) * 1e3:6.1f} ms, {len(derivative.lines)} lines")


if __name__ == "__main__":
    main()
